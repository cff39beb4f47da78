"""The message log: searched by pages, and exported whole; both without secrets."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

from django.db.models import Q, QuerySet

from apps.chargers.models import StationMessage
from apps.chargers.ocpp.redaction import shown_text
from apps.tenants.context import current_schema, operator_context
from cariflex.common.api.pages import Page, page_of
from cariflex.common.time import format_rfc3339

EXPORT_ROWS = 1000
Key = tuple[datetime, int]
COLUMNS = (
    "received_at", "station_id", "direction", "message_type", "message_id", "action", "error",
    "frame",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MessageSearch:
    """What to look for; what is left out does not matter. `error` is part of its text.

    `text`: the whole of a message id, or part of an action, an error or a frame.
    """

    station: str = ""
    action: str = ""
    direction: str = ""
    error: str = ""
    has_error: bool = False
    text: str = ""
    start: datetime | None = None
    end: datetime | None = None


def messages_found(search: MessageSearch) -> QuerySet[StationMessage]:
    """The frames that a search means, newest first, with their station."""
    rows = StationMessage.objects.select_related("station").order_by("-received_at", "-pk")
    if search.station:
        rows = rows.filter(station__station_id=search.station)
    if search.action:
        rows = rows.filter(action=search.action)
    if search.direction:
        rows = rows.filter(direction=search.direction)
    if search.error:
        rows = rows.filter(error__icontains=search.error)
    if search.has_error:
        rows = rows.exclude(error="")
    if search.text:
        rows = rows.filter(
            Q(message_id=search.text)
            | Q(action__icontains=search.text)
            | Q(error__icontains=search.text)
            | Q(payload__icontains=search.text)
        )
    if search.start is not None:
        rows = rows.filter(received_at__gte=search.start)
    if search.end is not None:
        rows = rows.filter(received_at__lt=search.end)
    return rows


def messages_page(*, search: MessageSearch, after: Key | None, limit: int) -> Page[dict[str, Any]]:
    """Found frames as they may be shown (`COLUMNS`), newest first. One query."""
    page = messages_of_page(messages_found(search), after=after, limit=limit)
    return Page([message_shown(row) for row in page.rows], page.next_after)


def messages_of_page(
    rows: QuerySet[StationMessage], *, after: Key | None, limit: int
) -> Page[StationMessage]:
    """Found frames as they are kept, newest first. One query."""
    return page_of(list(_after(rows, after)[: limit + 1]), limit, _key)


def message_shown(message: StationMessage) -> dict[str, Any]:
    """A frame with its `COLUMNS`, without secrets. The station is loaded."""
    return {
        "received_at": format_rfc3339(message.received_at),
        "station_id": message.station.station_id,
        "direction": message.direction,
        "message_type": message.message_type,
        "message_id": message.message_id,
        "action": message.action,
        "error": message.error,
        "frame": shown_text(message.payload),
    }


def messages_csv(rows: QuerySet[StationMessage]) -> Iterator[str]:
    """The frames as CSV, newest first, read and given piece by piece."""
    return _csv(_told(rows, current_schema()))


def messages_jsonl(rows: QuerySet[StationMessage]) -> Iterator[str]:
    """The frames as JSON lines, newest first, read and given piece by piece."""
    told = _told(rows, current_schema())
    return (json.dumps(one, ensure_ascii=False) + "\n" for one in told)


def _csv(told: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield ",".join(COLUMNS) + "\r\n"
    for one in told:
        line = StringIO()
        csv.writer(line).writerow([_cell(one[name]) for name in COLUMNS])
        yield line.getvalue()


def _cell(value: Any) -> Any:
    # A spreadsheet would run what begins so, and stations choose these texts.
    is_formula = isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}
    return f"'{value}" if is_formula else value


def _told(rows: QuerySet[StationMessage], schema_name: str) -> Iterator[dict[str, Any]]:
    """All rows by keyset. An answer is streamed after its request: each page names its schema."""
    ordered = rows.select_related("station").order_by("-received_at", "-pk")
    after: Key | None = None
    while True:
        with operator_context(schema_name):
            page = list(_after(ordered, after)[:EXPORT_ROWS])
        for row in page:
            yield message_shown(row)
        if len(page) < EXPORT_ROWS:
            return
        after = _key(page[-1])


def _after(rows: QuerySet[StationMessage], after: Key | None) -> QuerySet[StationMessage]:
    if after is None:
        return rows
    at, pk = after
    return rows.filter(Q(received_at__lt=at) | Q(received_at=at, pk__lt=pk), received_at__lte=at)


def _key(row: StationMessage) -> Key:
    return row.received_at, row.pk
