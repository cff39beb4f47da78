"""Every read of stations and sessions that more than one caller needs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import Prefetch, Q, QuerySet, Sum

from apps.chargers.choices import ConnectorStatus, SessionState
from apps.chargers.models import ChargingStation, Connector, MeterValue, Session
from cariflex.common.units import QUARTER_HOUR

# What an operator wants to see first when a station has several connectors.
_STATUS_ORDER = [
    ConnectorStatus.FAULTED,
    ConnectorStatus.OCCUPIED,
    ConnectorStatus.RESERVED,
    ConnectorStatus.AVAILABLE,
    ConnectorStatus.UNAVAILABLE,
    ConnectorStatus.UNKNOWN,
]
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class StationLatest:
    """A station as it stands now; `power_kw` >= 0 is what its cars draw."""

    station_id: str
    name: str
    commune: str
    latitude: float | None
    longitude: float | None
    connection_state: str
    connector_status: str
    power_kw: float
    session_id: int | None
    rated_power_kw: float
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as a line of a table; the token is masked."""

    session_id: int
    transaction_id: str
    station_id: str
    station_name: str
    commune: str
    evse_id: int | None
    id_token_masked: str
    state: str
    charging_state: str
    started_at: datetime
    ended_at: datetime | None
    energy_kwh: Decimal
    power_kw: float
    soc_percent: float | None
    stopped_reason: str
    meter_went_backwards: bool


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """One page of sessions, newest first."""

    rows: tuple[SessionRow, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class MeterPoint:
    """One sampled value of a session, in the unit told."""

    at: datetime
    measurand: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class PowerSlot:
    """The mean power (kW, >= 0) that all cars drew over one slot."""

    start: datetime
    mean_power_kw: float


def stations_latest(*, now: datetime) -> list[StationLatest]:
    """Every station with its connection, connector status and live power; four queries."""
    stations = ChargingStation.objects.prefetch_related(
        Prefetch("evses__connectors", queryset=Connector.objects.order_by("connector_id")),
        Prefetch(
            "sessions",
            queryset=Session.objects.filter(
                state=SessionState.ACTIVE, started_at__lte=now
            ).order_by("-started_at"),
            to_attr="active_sessions",
        ),
    )
    return [_station_latest(station) for station in stations.order_by("station_id")]


def sessions_page(
    *, page: int = 1, page_size: int = PAGE_SIZE, state: str = "", search: str = ""
) -> SessionsPage:
    """A page of sessions, newest first; `search` looks in station, commune, transaction, token."""
    sessions = _sessions()
    if state:
        sessions = sessions.filter(state=state)
    if search:
        sessions = sessions.filter(
            Q(station__station_id__icontains=search)
            | Q(station__commune__icontains=search)
            | Q(transaction_id__icontains=search)
            | Q(id_token__icontains=search)
        )
    total = sessions.count()
    pages = max(1, -(-total // page_size))
    page = min(max(1, page), pages)
    rows = sessions[(page - 1) * page_size : page * page_size]
    return SessionsPage(tuple(session_row(session) for session in rows), total, page, pages)


def sessions_live() -> list[SessionRow]:
    """The sessions that have not ended, newest first."""
    return [session_row(session) for session in _sessions().filter(state=SessionState.ACTIVE)]


def session_get(*, session_id: int) -> SessionRow | None:
    """One session, None when there is none."""
    session = _sessions().filter(pk=session_id).first()
    return session_row(session) if session else None


def session_meter_points(*, session_id: int) -> list[MeterPoint]:
    """Power (kW), energy register (kWh) and SoC (%) of a session by time, without phase rows."""
    values = MeterValue.objects.filter(
        session_id=session_id,
        phase="",
        measurand__in=("Power.Active.Import", "Energy.Active.Import.Register", "SoC"),
    ).order_by("at", "seq_no", "ordinal")
    return [MeterPoint(v.at, v.measurand, float(v.value), v.unit) for v in values]


def charging_power_kw() -> float:
    """What all cars draw now, in kW (>= 0)."""
    total = Session.objects.filter(state=SessionState.ACTIVE).aggregate(kw=Sum("power_kw"))["kw"]
    return float(total or 0.0)


def charging_power_by_slot(
    *, start: datetime, end: datetime, resolution: timedelta = QUARTER_HOUR
) -> list[PowerSlot]:
    """The mean power of all sessions per slot of [start, end), from the energy registers.

    Between two readings of a session the power is taken as constant, so that no energy is lost or
    counted twice at a slot's edge. Slots without any session are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _POWER_BY_SLOT,
            {"start": start, "end": end, "resolution": f"{resolution.total_seconds()} seconds"},
        )
        return [PowerSlot(slot, float(power_kw)) for slot, power_kw in cursor.fetchall()]


_POWER_BY_SLOT = """
WITH pairs AS (
    SELECT at, value, lag(at) OVER readings AS from_at, lag(value) OVER readings AS from_value
    FROM chargers_metervalue
    WHERE session_id IS NOT NULL
      AND measurand = 'Energy.Active.Import.Register' AND phase = ''
      AND at >= %(start)s - interval '1 hour' AND at < %(end)s + interval '1 hour'
    WINDOW readings AS (PARTITION BY session_id ORDER BY at, value)
)
SELECT slot, sum(
    (value - from_value)
    * extract(epoch FROM least(at, slot + %(resolution)s::interval) - greatest(from_at, slot))
    / extract(epoch FROM at - from_at)
) * 3600 / extract(epoch FROM %(resolution)s::interval)
FROM pairs
JOIN generate_series(
    %(start)s::timestamptz,
    %(end)s::timestamptz - %(resolution)s::interval,
    %(resolution)s::interval
) AS slot ON from_at < slot + %(resolution)s::interval AND at > slot
WHERE at > from_at AND value > from_value
GROUP BY slot
ORDER BY slot
"""


def session_row(session: Session) -> SessionRow:
    """The row of a session whose station and evse are loaded."""
    return SessionRow(
        session_id=session.pk,
        transaction_id=session.transaction_id,
        station_id=session.station.station_id,
        station_name=session.station.name,
        commune=session.station.commune,
        evse_id=session.evse.evse_id if session.evse else None,
        id_token_masked=session.id_token_masked,
        state=session.state,
        charging_state=session.charging_state,
        started_at=session.started_at,
        ended_at=session.ended_at,
        energy_kwh=session.energy_kwh,
        power_kw=session.power_kw,
        soc_percent=session.soc_percent,
        stopped_reason=session.stopped_reason,
        meter_went_backwards=session.meter_went_backwards,
    )


def _sessions() -> QuerySet[Session]:
    return Session.objects.select_related("station", "evse").order_by("-started_at", "-pk")


def _station_latest(station: ChargingStation) -> StationLatest:
    active: list[Session] = station.active_sessions  # type: ignore[attr-defined]
    statuses = {c.status for evse in station.evses.all() for c in evse.connectors.all()}
    return StationLatest(
        station_id=station.station_id,
        name=station.name,
        commune=station.commune,
        latitude=station.latitude,
        longitude=station.longitude,
        connection_state=station.connection_state,
        connector_status=next((s for s in _STATUS_ORDER if s in statuses), ConnectorStatus.UNKNOWN),
        power_kw=sum(session.power_kw for session in active),
        session_id=active[0].pk if active else None,
        rated_power_kw=station.rated_power_kw,
        last_seen_at=station.last_seen_at,
    )
