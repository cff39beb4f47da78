"""The sessions table and one session with its curve, events and price."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Q, QuerySet

from apps.billing.models import Cdr
from apps.chargers.choices import SessionState, TransactionEventType
from apps.chargers.models import ChargingStation, Session, SessionEvent
from apps.chargers.selectors import (
    MeterPoint,
    SessionRow,
    session_get,
    session_meter_points,
    session_row,
)
from apps.console.viewmodels.car_goals import CarGoalPanel, car_goal_panel

PAGE_SIZE = 25
EVENTS_MAX = 60
# Told every few seconds; the curve shows them, the list of events only counts them.
REGULAR_TRIGGERS = ("MeterValuePeriodic", "MeterValueClock")
SEARCH_MAX_LENGTH = 60


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """What the table shows: a state, a station, a text; empty means all."""

    state: str = ""
    station_id: str = ""
    search: str = ""

    @property
    def is_active(self) -> bool:
        """True when anything is filtered."""
        return bool(self.state or self.station_id or self.search)


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One line of the table."""

    session: SessionRow
    duration: timedelta
    cdr_total_incl_vat: Decimal | None
    cdr_currency: str

    @property
    def is_live(self) -> bool:
        """True until the session has ended."""
        return self.session.state == SessionState.ACTIVE


@dataclass(frozen=True, slots=True)
class SessionsTable:
    """One page of sessions, newest first."""

    lines: tuple[SessionLine, ...]
    filter: SessionFilter
    stations: tuple[tuple[str, str], ...]
    states: tuple[tuple[str, str], ...]
    total_count: int
    page: int
    page_count: int
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class SessionCurve:
    """Series over the sample times (UTC epoch seconds) of one session."""

    times_s: tuple[int, ...]
    power_kw: tuple[float | None, ...]
    energy_kwh: tuple[float | None, ...]
    soc_percent: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class CurveRow:
    """The session's curve as text, one row a sample."""

    at: datetime
    power_kw: float | None
    energy_kwh: float | None
    soc_percent: float | None


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event of the session as the station told it."""

    seq_no: int
    event_type: str
    trigger_reason: str
    at: datetime
    is_offline: bool


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """Everything the page of one session shows."""

    session: SessionRow
    duration: timedelta
    is_live: bool
    curve: SessionCurve
    rows: tuple[CurveRow, ...]
    events: tuple[EventLine, ...]
    """In the order of their numbers; of very many the last ones."""
    regular_count: int
    cdr: Cdr | None
    car_goal: CarGoalPanel | None
    is_simulated: bool


def sessions_table(*, chosen: SessionFilter, page: int, now: datetime) -> SessionsTable:
    """A page of the filtered sessions with the total of each CDR; four queries."""
    sessions = _filtered(chosen)
    total = sessions.count()
    page_count = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), page_count)
    shown = list(sessions[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    totals = {
        session_id: (amount, currency)
        for session_id, amount, currency in Cdr.objects.live()
        .filter(session_id__in=[session.pk for session in shown])
        .values_list("session_id", "total_incl_vat", "currency")
    }
    stations = ChargingStation.objects.order_by("station_id").values_list("station_id", "name")
    return SessionsTable(
        lines=tuple(_line(session_row(session), totals, now) for session in shown),
        filter=chosen,
        stations=tuple((station_id, name or station_id) for station_id, name in stations),
        states=tuple((str(code), str(label)) for code, label in SessionState.choices),
        total_count=total,
        page=page,
        page_count=page_count,
        is_simulated=settings.DEMO,
    )


def session_detail(*, session_id: int, now: datetime) -> SessionDetail | None:
    """One session with curve, events, CDR and the goal of its car; None when there is none.

    Seven queries.
    """
    session = session_get(session_id=session_id)
    if session is None:
        return None
    points = session_meter_points(session_id=session_id)
    events = SessionEvent.objects.filter(session_id=session_id).order_by("-seq_no")
    regular = Q(trigger_reason__in=REGULAR_TRIGGERS, event_type=TransactionEventType.UPDATED)
    rows = curve_rows(points)
    return SessionDetail(
        session=session,
        duration=(session.ended_at or now) - session.started_at,
        is_live=session.state == SessionState.ACTIVE,
        curve=SessionCurve(
            times_s=tuple(int(row.at.timestamp()) for row in rows),
            power_kw=tuple(row.power_kw for row in rows),
            energy_kwh=tuple(row.energy_kwh for row in rows),
            soc_percent=tuple(row.soc_percent for row in rows),
        ),
        rows=rows,
        events=tuple(
            EventLine(e.seq_no, e.event_type, e.trigger_reason, e.at, e.is_offline)
            for e in reversed(events.exclude(regular).defer("payload")[:EVENTS_MAX])
        ),
        regular_count=events.filter(regular).count(),
        cdr=Cdr.objects.live().filter(session_id=session_id).first(),
        car_goal=car_goal_panel(session_id=session_id, now=now),
        is_simulated=settings.DEMO,
    )


def curve_rows(points: Sequence[MeterPoint]) -> tuple[CurveRow, ...]:
    """One row a second that has samples; energy counts from the first register value."""
    by_second: dict[int, dict[str, float]] = {}
    times: dict[int, datetime] = {}
    for point in points:
        second = int(point.at.timestamp())
        times.setdefault(second, point.at)
        by_second.setdefault(second, {})[point.measurand] = point.value
    registers = [
        values["Energy.Active.Import.Register"]
        for _second, values in sorted(by_second.items())
        if "Energy.Active.Import.Register" in values
    ]
    first_kwh = registers[0] if registers else 0.0
    rows: list[CurveRow] = []
    for second, values in sorted(by_second.items()):
        register = values.get("Energy.Active.Import.Register")
        rows.append(
            CurveRow(
                at=times[second],
                power_kw=values.get("Power.Active.Import"),
                energy_kwh=None if register is None else round(register - first_kwh, 4),
                soc_percent=values.get("SoC"),
            )
        )
    return tuple(rows)


def _filtered(chosen: SessionFilter) -> QuerySet[Session]:
    sessions = Session.objects.select_related("station", "evse").order_by("-started_at", "-pk")
    if chosen.state:
        sessions = sessions.filter(state=chosen.state)
    if chosen.station_id:
        sessions = sessions.filter(station__station_id=chosen.station_id)
    if chosen.search:
        sessions = sessions.filter(
            Q(station__station_id__icontains=chosen.search)
            | Q(station__name__icontains=chosen.search)
            | Q(station__commune__icontains=chosen.search)
            | Q(transaction_id__icontains=chosen.search)
            | Q(id_token__icontains=chosen.search)
        )
    return sessions


def _line(
    session: SessionRow, totals: dict[int, tuple[Decimal, str]], now: datetime
) -> SessionLine:
    amount, currency = totals.get(session.session_id, (None, ""))
    return SessionLine(session, (session.ended_at or now) - session.started_at, amount, currency)
