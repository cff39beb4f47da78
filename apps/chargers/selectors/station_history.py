"""What a station's connectors were over time, and what it told of itself, piece by piece."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from django.db.models import Q, QuerySet

from apps.chargers.choices import ConnectorStatus
from apps.chargers.models import (
    ConnectionChange,
    Connector,
    ConnectorStatusChange,
    DeviceVariable,
    SecurityEvent,
    StationEvent,
)
from cariflex.common.api.pages import Page, page_of
from cariflex.common.time import Interval

OFFLINE, UNKNOWN = "offline", "unknown"
# More changes than a picture can show: the older ones are left out of it.
CHANGES_READ = 2000
Row = TypeVar("Row", SecurityEvent, StationEvent)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A connector in one state: `offline`, or a ConnectorStatusEnumType in small letters."""

    start: datetime
    end: datetime
    state: str
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class ConnectorHistory:
    """The stretches of one connector, oldest first, without a gap from the first on."""

    evse_id: int
    connector_id: int
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    at: datetime
    status: str
    error_code: str = ""


def connector_histories(*, station_pk: int, period: Interval) -> list[ConnectorHistory]:
    """The states of every connector of a station over a period. Five queries."""
    connectors = list(
        Connector.objects.filter(evse__station_id=station_pk)
        .select_related("evse")
        .order_by("evse__evse_id", "connector_id")
    )
    told = _statuses([connector.pk for connector in connectors], period)
    links = _connections(station_pk, period)
    return [
        ConnectorHistory(
            connector.evse.evse_id,
            connector.connector_id,
            stretches(period, told[connector.pk], links),
        )
        for connector in connectors
    ]


def stretches(
    period: Interval, told: Sequence[_Told], links: Sequence[tuple[datetime, bool]]
) -> tuple[Stretch, ...]:
    """The period cut at every change; while the station is away its connectors are `offline`."""
    cuts: list[tuple[datetime, str, str]] = [(period.start, UNKNOWN, "")]
    status, error_code, is_online = UNKNOWN, "", True
    changes: list[tuple[datetime, int, _Told | bool]] = [(one.at, 1, one) for one in told]
    changes += [(at, 0, online) for at, online in links]
    for at, _kind, change in sorted(changes, key=lambda change: change[:2]):
        if isinstance(change, _Told):
            status, error_code = change.status.lower(), change.error_code
        else:
            is_online = change
        state = status if is_online else OFFLINE
        cuts.append((max(at, period.start), state, error_code if is_online else ""))
    cuts.append((period.end, UNKNOWN, ""))
    return _joined(
        Stretch(start, end, state, code)
        for (start, state, code), (end, _state, _code) in pairwise(cuts)
        if end > start
    )


def _joined(cut: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Neighbours of one state as one stretch."""
    found: list[Stretch] = []
    for one in cut:
        last = found[-1] if found else None
        if last and (last.state, last.error_code) == (one.state, one.error_code):
            found[-1] = Stretch(last.start, one.end, last.state, last.error_code)
        else:
            found.append(one)
    return tuple(found)


def _statuses(connector_pks: list[int], period: Interval) -> defaultdict[int, list[_Told]]:
    rows = ConnectorStatusChange.objects.filter(connector_id__in=connector_pks)
    before = rows.filter(at__lt=period.start).order_by("connector_id", "-at", "-pk")
    within = rows.filter(at__gte=period.start, at__lt=period.end).order_by("-at", "-pk")
    found: defaultdict[int, list[_Told]] = defaultdict(list)
    for row in (*before.distinct("connector_id"), *within[:CHANGES_READ]):
        if row.status != ConnectorStatus.UNKNOWN:
            found[row.connector_id].append(_Told(row.at, row.status, row.error_code))
        else:
            found[row.connector_id].append(_Told(row.at, UNKNOWN))
    return found


def _connections(station_pk: int, period: Interval) -> list[tuple[datetime, bool]]:
    rows = ConnectionChange.objects.filter(station_id=station_pk).order_by("-at", "-pk")
    before = rows.filter(at__lt=period.start)[:1]
    within = rows.filter(at__gte=period.start, at__lt=period.end)[:CHANGES_READ]
    # Reversed: of two changes at one instant the later row holds.
    return [(row.at, row.is_online) for row in reversed((*within, *before))]


# --- what a station told of itself ---


def variables_found(
    *, station_pk: int, text: str = "", after: int = 0, limit: int
) -> Page[DeviceVariable]:
    """Variables of a station's device model whose names or value hold every word of the text.

    By component; `after` is how many to leave out, since the order is not that of the row ids.
    """
    rows = DeviceVariable.objects.filter(station_id=station_pk)
    for word in text.split():
        rows = rows.filter(
            Q(component__icontains=word) | Q(variable__icontains=word) | Q(value__icontains=word)
        )
    rows = rows.order_by(
        "component", "component_instance", "evse_number", "connector_number", "variable",
        "variable_instance", "attribute",
    )  # fmt: skip
    found = list(rows[after : after + limit + 1])
    return Page(found[:limit], after + limit if len(found) > limit else None)


def security_events_page(*, station_pk: int, before: int | None, limit: int) -> Page[SecurityEvent]:
    """Security events of a station as they became known, newest first. One query."""
    rows = SecurityEvent.objects.filter(station_id=station_pk).order_by("-pk")
    return _page(rows, before, limit)


def station_events_page(*, station_pk: int, before: int | None, limit: int) -> Page[StationEvent]:
    """Events and fault codes of a station as they became known, newest first. One query."""
    rows = StationEvent.objects.filter(station_id=station_pk).order_by("-pk")
    return _page(rows, before, limit)


def _page(rows: QuerySet[Row], before: int | None, limit: int) -> Page[Row]:
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return page_of(list(rows[: limit + 1]), limit, lambda row: row.pk)
