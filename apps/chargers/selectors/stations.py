"""Stations as lists and pages show them: one state word each, found in the database.

A station's state is the first of these that holds: not connected; a connector with a fault; a car
that draws power; a connector in use, reserved, free, out of service; nothing known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    FloatField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from apps.chargers.choices import ConnectionState, ConnectorStatus, SessionState
from apps.chargers.models import ChargingStation, Connector, Session
from cariflex.common.api.pages import Page, page_of

STATES = (
    "offline", "faulted", "charging", "occupied", "reserved", "available", "unavailable", "unknown",
)  # fmt: skip
# Below this share of its rated power a station counts as idle: its meters see a little always.
DRAWING_SHARE = 0.005


@dataclass(frozen=True, slots=True)
class StationSearch:
    """Which stations; what is empty does not matter. `text` is part of a name, place or maker."""

    text: str = ""
    state: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorNow:
    """A connector as it reported itself last."""

    evse_id: int
    connector_id: int
    type: str
    status: str
    status_at: datetime | None
    error_code: str


@dataclass(frozen=True, slots=True)
class SessionNow:
    """A session in progress at a station; `power_kw` >= 0 is what the car draws."""

    session_id: int
    transaction_id: str
    evse_id: int | None
    charging_state: str
    started_at: datetime
    energy_kwh: float
    power_kw: float
    soc_percent: float | None
    id_token_masked: str


@dataclass(frozen=True, slots=True)
class StationRow:
    """A station with its state, its connectors and the cars at it."""

    pk: int
    station_id: str
    name: str
    commune: str
    state: str
    power_kw: float
    rated_power_kw: float
    ocpp_version: str
    vendor: str
    model: str
    firmware: str
    last_seen_at: datetime | None
    connectors: tuple[ConnectorNow, ...]
    sessions: tuple[SessionNow, ...]


def stations_listed(
    *, search: StationSearch, after: str | None = None, limit: int
) -> Page[StationRow]:
    """Stations by their id, after the one named. At most four queries, however many there are."""
    stations = _found(search).prefetch_related(*_parts()).order_by("station_id")
    if after is not None:
        stations = stations.filter(station_id__gt=after)
    page = page_of(list(stations[: limit + 1]), limit, lambda station: station.station_id)
    return Page([_row(station) for station in page.rows], page.next_after)


def station_states(*, search: StationSearch) -> dict[str, int]:
    """How many of the stations are in which state; states without one are 0. One query."""
    counted = _found(search).order_by().values_list("live_state").annotate(count=Count("pk"))
    return {**dict.fromkeys(STATES, 0), **dict(counted)}


def station_versions() -> list[str]:
    """The OCPP versions that stations have spoken. One query."""
    spoken = ChargingStation.objects.exclude(ocpp_version="").order_by("ocpp_version")
    return list(spoken.values_list("ocpp_version", flat=True).distinct())


def station_now(*, station_pk: int) -> tuple[ChargingStation, StationRow] | None:
    """A station's row and what it is now; None when there is none. At most four queries."""
    found = _with_state(ChargingStation.objects.select_related("site"))
    station = found.prefetch_related(*_parts()).filter(pk=station_pk).first()
    return None if station is None else (station, _row(station))


def _found(search: StationSearch) -> QuerySet[Any]:
    stations = _with_state(ChargingStation.objects.all())
    if search.text:
        stations = stations.filter(
            Q(station_id__icontains=search.text)
            | Q(name__icontains=search.text)
            | Q(commune__icontains=search.text)
            | Q(vendor__icontains=search.text)
            | Q(model__icontains=search.text)
            | Q(serial_number__icontains=search.text)
        )
    if search.version:
        stations = stations.filter(ocpp_version=search.version)
    if search.state:
        stations = stations.filter(live_state=search.state)
    return stations


def _with_state(stations: QuerySet[Any]) -> QuerySet[Any]:
    drawn = (
        Session.objects.filter(station=OuterRef("pk"), state=SessionState.ACTIVE)
        .order_by()
        .values("station")
        .annotate(kw=Sum("power_kw"))
        .values("kw")
    )
    drawing: QuerySet[Any] = stations.annotate(
        live_power_kw=Coalesce(Subquery(drawn, output_field=FloatField()), 0.0)
    )
    in_state: QuerySet[Any] = drawing.annotate(
        live_state=Case(
            When(~Q(connection_state=ConnectionState.ONLINE), then=Value("offline")),
            When(_has(ConnectorStatus.FAULTED), then=Value("faulted")),
            When(live_power_kw__gte=F("rated_power_kw") * DRAWING_SHARE, then=Value("charging")),
            When(_has(ConnectorStatus.OCCUPIED), then=Value("occupied")),
            When(_has(ConnectorStatus.RESERVED), then=Value("reserved")),
            When(_has(ConnectorStatus.AVAILABLE), then=Value("available")),
            When(_has(ConnectorStatus.UNAVAILABLE), then=Value("unavailable")),
            default=Value("unknown"),
        )
    )
    return in_state


def _has(status: ConnectorStatus) -> Exists:
    return Exists(Connector.objects.filter(evse__station=OuterRef("pk"), status=status))


def _parts() -> "Sequence[Prefetch[Any]]":
    """Connectors by EVSE and number; sessions in progress, newest first. Three queries."""
    active = Session.objects.filter(state=SessionState.ACTIVE).select_related("evse")
    return (
        Prefetch("evses__connectors", queryset=Connector.objects.order_by("connector_id")),
        Prefetch("sessions", queryset=active.order_by("-started_at"), to_attr="active_sessions"),
    )


def _row(station: Any) -> StationRow:
    return StationRow(
        pk=station.pk,
        station_id=station.station_id,
        name=station.name,
        commune=station.commune,
        state=station.live_state,
        power_kw=station.live_power_kw,
        rated_power_kw=station.rated_power_kw,
        ocpp_version=station.ocpp_version,
        vendor=station.vendor,
        model=station.model,
        firmware=station.firmware,
        last_seen_at=station.last_seen_at,
        connectors=tuple(
            ConnectorNow(
                evse_id=evse.evse_id,
                connector_id=connector.connector_id,
                type=connector.type,
                status=connector.status,
                status_at=connector.status_at,
                error_code=connector.error_code,
            )
            for evse in sorted(station.evses.all(), key=lambda evse: evse.evse_id)
            for connector in evse.connectors.all()
        ),
        sessions=tuple(_session(session) for session in station.active_sessions),
    )


def _session(session: Session) -> SessionNow:
    return SessionNow(
        session_id=session.pk,
        transaction_id=session.transaction_id,
        evse_id=session.evse.evse_id if session.evse else None,
        charging_state=session.charging_state,
        started_at=session.started_at,
        energy_kwh=float(session.energy_kwh),
        power_kw=session.power_kw,
        soc_percent=session.soc_percent,
        id_token_masked=session.id_token_masked,
    )
