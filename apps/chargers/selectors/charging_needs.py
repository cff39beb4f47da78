"""What the cars at stations want, for whoever plans their charging (K15, 2.1 Q)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.chargers.choices import SessionState
from apps.chargers.models import ChargingNeeds, ChargingStation, Session
from apps.chargers.ocpp.v21.needs import BIDIRECTIONAL, CarNeeds, car_needs
from apps.chargers.selectors.discharging import may_discharge


@dataclass(frozen=True, slots=True)
class SessionNeeds:
    """The newest wishes of the car of a running session, and what it may.

    Powers in kW, energies in kWh, charging positive, discharging negative.
    """

    needs_id: int
    session_id: int
    station_id: str
    evse_id: int
    told_at: datetime
    most_schedules: int | None
    car: CarNeeds
    may_discharge: bool
    """The car asked for a transfer both ways, that was allowed to the session, and the station
    said that it can discharge."""
    allowed_transfers: tuple[str, ...] | None
    """None: never told, so that the car may charge only."""


def session_needs(*, session_id: int) -> SessionNeeds | None:
    """What the car of a running session wants; None when it never said, or has gone."""
    return next(iter(_told(Session.objects.filter(pk=session_id))), None)


def needs_of_running_sessions() -> list[SessionNeeds]:
    """What the cars of all running sessions want, by session."""
    return _told(Session.objects.order_by("pk"))


def _told(sessions: Iterable[Session]) -> list[SessionNeeds]:
    rows = (
        ChargingNeeds.objects.filter(session__in=sessions, session__state=SessionState.ACTIVE)
        .order_by("session_id", "-told_at", "-pk")
        .distinct("session_id")
        .select_related("station", "session", "session__terms")
    )
    return [_of(row) for row in rows]


def _of(row: ChargingNeeds) -> SessionNeeds:
    assert row.session is not None  # noqa: S101 - chosen by it
    terms = getattr(row.session, "terms", None)
    allowed = None if terms is None or terms.allowed_transfers is None else terms.allowed_transfers
    car = car_needs(row.needs)
    return SessionNeeds(
        needs_id=row.pk,
        session_id=row.session.pk,
        station_id=row.station.station_id,
        evse_id=row.evse_number,
        told_at=row.told_at,
        most_schedules=row.most_schedules,
        car=car,
        may_discharge=(
            car.is_bidirectional
            and bool(BIDIRECTIONAL & set(allowed or ()))
            and may_discharge(row.station, row.evse_number)
        ),
        allowed_transfers=None if allowed is None else tuple(allowed),
    )


def discharge_limits_w(station: ChargingStation) -> dict[int, float]:
    """The most that the cars of running sessions give back, in W (>= 0), by EVSE."""
    rows = (
        ChargingNeeds.objects.filter(station=station, session__state=SessionState.ACTIVE)
        .order_by("evse_number", "-told_at", "-pk")
        .distinct("evse_number")
    )
    told = {row.evse_number: car_needs(row.needs).most_discharge_kw for row in rows}
    return {evse_id: -kw * 1000.0 + 0.0 for evse_id, kw in told.items() if kw is not None}
