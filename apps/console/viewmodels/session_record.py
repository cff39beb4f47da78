"""What is kept of one session beside its curve: what the meter told, doubts, what may be done."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Max, Min
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.chargers.choices import SessionState
from apps.chargers.models import MeterValue, Session, SignedMeterValue

MAY_STOP = "chargers.add_command"
MAY_CHECK = "chargers.change_session"
MAY_SEE_MESSAGES = "chargers.view_stationmessage"
DOUBTS: dict[str, str | Promise] = {
    "meter_backwards": _("The meter went backwards."),
    "energy_jump": _("More energy than the station can give in this time."),
    "clock": _("The station's clock was wrong."),
}


@dataclass(frozen=True, slots=True)
class MeasurandLine:
    """One measurand of one phase over the whole session, in the unit told."""

    measurand: str
    phase: str
    unit: str
    count: int
    lowest: Decimal
    highest: Decimal


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """What stands beside the curve and the events."""

    session_id: int
    station_pk: int
    station_id: str
    connector_id: int | None
    stopped_reason: str
    measurands: tuple[MeasurandLine, ...]
    signed_count: int
    has_all_events: bool
    doubts: tuple[str, ...]
    checked_at: datetime | None
    may_stop: bool
    may_check: bool
    may_see_messages: bool

    @property
    def waits_for_check(self) -> bool:
        """True while doubts hold back the bill."""
        return bool(self.doubts) and self.checked_at is None


def session_record(*, session_id: int, user: User) -> SessionRecord | None:
    """The record of a session, None when there is none. Three queries."""
    session = Session.objects.select_related("station").filter(pk=session_id).first()
    if session is None:
        return None
    is_live = session.state == SessionState.ACTIVE
    doubts = tuple(str(DOUBTS.get(doubt, doubt)) for doubt in session.doubts)
    return SessionRecord(
        session_id=session.pk,
        station_pk=session.station_id,
        station_id=session.station.station_id,
        connector_id=session.connector_id,
        stopped_reason=session.stopped_reason,
        measurands=measurand_lines(session_id=session.pk),
        signed_count=SignedMeterValue.objects.filter(session=session).count(),
        has_all_events=session.has_all_events,
        doubts=doubts,
        checked_at=session.checked_at,
        may_stop=is_live and user.has_perm(MAY_STOP),
        may_check=not is_live and user.has_perm(MAY_CHECK),
        may_see_messages=user.has_perm(MAY_SEE_MESSAGES),
    )


def measurand_lines(*, session_id: int) -> tuple[MeasurandLine, ...]:
    """What the meter told in a session, by measurand and phase. One query."""
    told = (
        MeterValue.objects.filter(session_id=session_id)
        .order_by()
        .values_list("measurand", "phase", "unit")
        .annotate(count=Count("pk"), lowest=Min("value"), highest=Max("value"))
        .order_by("measurand", "phase", "unit")
    )
    return tuple(MeasurandLine(*line) for line in told)
