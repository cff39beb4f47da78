"""Reads of the API: keyset pages of stations, sessions, tokens, and of what was recorded."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from apps.chargers.models import (
    ChargingStation,
    Connector,
    ConnectorStatusChange,
    DeviceVariable,
    IdToken,
    MeterValue,
    Session,
    StationMessage,
)
from apps.chargers.selectors.availability import (
    Performance,
    connectors_performance,
    stations_performance,
)
from apps.chargers.selectors.messages import MessageSearch, messages_found
from cariflex.common.api.pages import Page, page_of
from cariflex.common.time import Interval


@dataclass(frozen=True, slots=True)
class StationAvailability:
    """A station over a period; `whole` is None for one without connectors."""

    station_id: str
    whole: Performance | None
    connectors: tuple[Performance, ...]


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
    start: datetime | None = None,
    end: datetime | None = None,
) -> Page[Session]:
    """Sessions that began in [start, end), those that became known last first. One query."""
    sessions = session_rows().order_by("-pk")
    if station is not None:
        sessions = sessions.filter(station__station_id=station)
    if state is not None:
        sessions = sessions.filter(state=state)
    if transaction_id is not None:
        sessions = sessions.filter(transaction_id=transaction_id)
    if start is not None:
        sessions = sessions.filter(started_at__gte=start)
    if end is not None:
        sessions = sessions.filter(started_at__lt=end)
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


def token_rows() -> QuerySet[IdToken]:
    """The operator's own tokens with their group."""
    return IdToken.objects.select_related("group")


def tokens_page(
    *,
    after: int | None,
    limit: int,
    id_token: str | None = None,
    type: str | None = None,  # noqa: A002 - the field's name
    status: str | None = None,
    group: str | None = None,
) -> Page[IdToken]:
    """Tokens by id. One query."""
    tokens = token_rows().order_by("pk")
    if id_token is not None:
        tokens = tokens.filter(id_token__iexact=id_token)
    if type is not None:
        tokens = tokens.filter(type=type)
    if status is not None:
        tokens = tokens.filter(status=status)
    if group is not None:
        tokens = tokens.filter(group__group_id=group)
    if after is not None:
        tokens = tokens.filter(pk__gt=after)
    return page_of(list(tokens[: limit + 1]), limit, lambda token: token.pk)


def message_rows_page(
    *, search: MessageSearch, after: int | None, limit: int
) -> Page[StationMessage]:
    """Found frames, newest first, after the one of this id. One query, two on later pages."""
    messages = messages_found(search)
    if after is not None:
        last = StationMessage.objects.filter(pk=after).values_list("received_at", flat=True).first()
        if last is None:
            # It has been deleted for its age, and so has all that is older.
            return Page([], None)
        older = Q(received_at__lt=last) | Q(received_at=last, pk__lt=after)
        # The second bound lets the index serve the first.
        messages = messages.filter(older, received_at__lte=last)
    return page_of(list(messages[: limit + 1]), limit, lambda message: message.pk)


def meter_values_page(
    *, session_pk: int, after: int | None, limit: int, measurand: str | None = None
) -> Page[MeterValue]:
    """What the meter said during a session, as it came. One query."""
    values = MeterValue.objects.filter(session_id=session_pk).order_by("pk")
    if measurand is not None:
        values = values.filter(measurand=measurand)
    if after is not None:
        values = values.filter(pk__gt=after)
    return page_of(list(values[: limit + 1]), limit, lambda value: value.pk)


def connectors_page(
    *, after: int | None, limit: int, station: str | None = None, status: str | None = None
) -> Page[Connector]:
    """Connectors by id with their EVSE and station. One query."""
    connectors = Connector.objects.select_related("evse__station").order_by("pk")
    if station is not None:
        connectors = connectors.filter(evse__station__station_id=station)
    if status is not None:
        connectors = connectors.filter(status=status)
    if after is not None:
        connectors = connectors.filter(pk__gt=after)
    return page_of(list(connectors[: limit + 1]), limit, lambda connector: connector.pk)


def status_changes_page(
    *,
    station_pk: int,
    after: int | None,
    limit: int,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Page[ConnectorStatusChange]:
    """The changes of a station's connectors, those that came last first. One query."""
    changes = (
        ConnectorStatusChange.objects.select_related("connector__evse")
        .filter(connector__evse__station_id=station_pk)
        .order_by("-pk")
    )
    if start is not None:
        changes = changes.filter(at__gte=start)
    if end is not None:
        changes = changes.filter(at__lt=end)
    if after is not None:
        changes = changes.filter(pk__lt=after)
    return page_of(list(changes[: limit + 1]), limit, lambda change: change.pk)


def availability_page(
    *,
    period: Interval,
    now: datetime,
    after: int | None,
    limit: int,
    station: str | None = None,
) -> Page[StationAvailability]:
    """Stations by id with how available each was in the period. Five queries."""
    stations = ChargingStation.objects.order_by("pk")
    if station is not None:
        stations = stations.filter(station_id=station)
    if after is not None:
        stations = stations.filter(pk__gt=after)
    page = page_of(
        list(stations.values_list("pk", "station_id")[: limit + 1]), limit, lambda row: row[0]
    )
    names = [station_id for _pk, station_id in page.rows]
    connectors = connectors_performance(period=period, now=now, station_ids=names)
    wholes = {one.station_id: one for one in stations_performance(connectors)}
    rows = [
        StationAvailability(
            name, wholes.get(name), tuple(one for one in connectors if one.station_id == name)
        )
        for name in names
    ]
    return Page(rows, page.next_after)
