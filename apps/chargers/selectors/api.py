"""Reads of the API: keyset pages of stations, sessions and variables."""

from django.db.models import QuerySet

from apps.chargers.models import ChargingStation, DeviceVariable, Session
from cariflex.common.api.pages import Page, page_of


def station_rows() -> QuerySet[ChargingStation]:
    """Stations with their site, EVSEs and connectors."""
    return ChargingStation.objects.select_related("site").prefetch_related("evses__connectors")


def stations_page(
    *,
    after: int | None,
    limit: int,
    site: str | None = None,
    connection_state: str | None = None,
    registration_status: str | None = None,
) -> Page[ChargingStation]:
    """Stations by id with EVSEs and connectors. Three queries."""
    stations = station_rows().order_by("pk")
    if site is not None:
        stations = stations.filter(site__code=site)
    if connection_state is not None:
        stations = stations.filter(connection_state=connection_state)
    if registration_status is not None:
        stations = stations.filter(registration_status=registration_status)
    if after is not None:
        stations = stations.filter(pk__gt=after)
    return page_of(list(stations[: limit + 1]), limit, lambda station: station.pk)


def session_rows() -> QuerySet[Session]:
    """Sessions with their station and EVSE."""
    return Session.objects.select_related("station", "evse")


def sessions_page(
    *,
    after: int | None,
    limit: int,
    station: str | None = None,
    state: str | None = None,
    transaction_id: str | None = None,
) -> Page[Session]:
    """Sessions, newest first by when they became known. One query."""
    sessions = session_rows().order_by("-pk")
    if station is not None:
        sessions = sessions.filter(station__station_id=station)
    if state is not None:
        sessions = sessions.filter(state=state)
    if transaction_id is not None:
        sessions = sessions.filter(transaction_id=transaction_id)
    if after is not None:
        sessions = sessions.filter(pk__lt=after)
    return page_of(list(sessions[: limit + 1]), limit, lambda session: session.pk)


def variables_page(
    *, station_pk: int, after: int | None, limit: int, component: str | None = None
) -> Page[DeviceVariable]:
    """What a station told of its device model, by id. One query."""
    variables = DeviceVariable.objects.filter(station_id=station_pk).order_by("pk")
    if component is not None:
        variables = variables.filter(component=component)
    if after is not None:
        variables = variables.filter(pk__gt=after)
    return page_of(list(variables[: limit + 1]), limit, lambda variable: variable.pk)
