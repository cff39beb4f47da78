"""The log of OCPP messages: searched, a page at a time, without secrets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import OperationalError, connection, transaction

from apps.chargers.choices import MessageDirection
from apps.chargers.models import ChargingStation, StationMessage
from apps.chargers.ocpp import validation
from apps.chargers.ocpp.redaction import shown_text
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors.messages import Key, MessageSearch, messages_found, messages_of_page
from cariflex.common.time import parse_rfc3339

PAGE_SIZE = 50
SEARCH_MAX_LENGTH = 100
# Kept for 30 days (services.messages); a text is looked for in every frame of the span.
SPANS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "all": None,
}
FIRST_SPAN = "day"
# A search that takes longer is given up: somebody else needs the database too.
SEARCH_LIMIT_MS = 5000
PREVIEW_CHARS = 160
_LIMIT = "SELECT set_config('statement_timeout', %s, true)"
_QUERY_CANCELED = "57014"
# OCPP-J: message type -> its name.
TYPES = {2: "CALL", 3: "CALLRESULT", 4: "CALLERROR", 5: "CALLRESULTERROR", 6: "SEND"}
ACTIONS = tuple(sorted(set().union(*(validation.actions(one) for one in OcppVersion))))


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """What the log shows; empty means all."""

    station_id: str = ""
    action: str = ""
    direction: str = ""
    has_error: bool = False
    text: str = ""
    span: str = FIRST_SPAN

    def search(self, now: datetime) -> MessageSearch:
        """The same as a search at this moment."""
        length = SPANS[self.span]
        return MessageSearch(
            station=self.station_id,
            action=self.action,
            direction=self.direction,
            has_error=self.has_error,
            text=self.text,
            start=now - length if length else None,
        )

    @property
    def query(self) -> str:
        """The filter as the query of an address."""
        return _query(self, {})


@dataclass(frozen=True, slots=True)
class MessageLine:
    """One frame of the page, without secrets."""

    message_pk: int
    station_pk: int
    station_id: str
    station_name: str
    direction: str
    type_name: str
    message_id: str
    action: str
    error: str
    at: datetime
    preview: str
    frame: str

    @property
    def is_bad(self) -> bool:
        """True for a frame that was refused, and for one that refuses."""
        return bool(self.error) or self.type_name in ("CALLERROR", "CALLRESULTERROR")


@dataclass(frozen=True, slots=True)
class MessagesPage:
    """A page of the log."""

    lines: tuple[MessageLine, ...]
    filter: MessageFilter
    is_first_page: bool
    is_too_slow: bool
    next_after: Key | None
    stations: tuple[tuple[str, str], ...]

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions to choose from."""
        return ACTIONS

    @property
    def directions(self) -> tuple[tuple[str, str], ...]:
        """The directions to choose from."""
        return tuple((value, str(label)) for value, label in MessageDirection.choices)

    @property
    def is_filtered(self) -> bool:
        """True when anything but the span is chosen."""
        return self.filter != MessageFilter(span=self.filter.span)

    @property
    def older_query(self) -> str:
        """The query of the next page with the same filter."""
        after = key_text(self.next_after) if self.next_after else ""
        return _query(self.filter, {"after": after})


def messages_page(*, chosen: MessageFilter, after: Key | None, now: datetime) -> MessagesPage:
    """A page of the log, newest first. Two queries."""
    # One place for all pages: the span begins where the first page was opened.
    search = chosen.search(now)
    if after is not None and search.start is not None:
        search = replace(search, start=min(search.start, after[0]))
    rows, next_after, is_too_slow = _page(search, after)
    stations = ChargingStation.objects.order_by("station_id").values_list("station_id", "name")
    return MessagesPage(
        lines=tuple(_line(row) for row in rows),
        filter=chosen,
        is_first_page=after is None,
        is_too_slow=is_too_slow,
        next_after=next_after,
        stations=tuple((station_id, name or station_id) for station_id, name in stations),
    )


def key_text(key: Key) -> str:
    """The key of a row as it stands in an address."""
    at, pk = key
    return f"{at.isoformat()}~{pk}"


def key_of(text: str) -> Key | None:
    """The key that an address names; None for what is none."""
    at, _tilde, pk = text.partition("~")
    if not pk.isdecimal() or len(pk) > 18 or len(at) > 40:
        return None
    try:
        return parse_rfc3339(at), int(pk)
    except (ValueError, OverflowError):
        return None


def frame_text(frame: str) -> str:
    """A frame as people read it: redacted, JSON on lines of its own."""
    shown = shown_text(frame)
    try:
        return json.dumps(json.loads(shown), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return shown


def _page(
    search: MessageSearch, after: Key | None
) -> tuple[list[StationMessage], Key | None, bool]:
    """The rows, the key to continue after, and whether the search was given up."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_LIMIT, [str(SEARCH_LIMIT_MS)])
            page = messages_of_page(messages_found(search), after=after, limit=PAGE_SIZE)
            with connection.cursor() as cursor:
                cursor.execute(_LIMIT, ["0"])
    except OperationalError as err:
        if getattr(err.__cause__, "pgcode", "") != _QUERY_CANCELED:
            raise
        return [], None, True
    return list(page.rows), page.next_after, False


def _line(message: StationMessage) -> MessageLine:
    shown = shown_text(message.payload)
    return MessageLine(
        message_pk=message.pk,
        station_pk=message.station_id,
        station_id=message.station.station_id,
        station_name=message.station.name,
        direction=message.direction,
        type_name=TYPES.get(message.message_type or 0, ""),
        message_id=message.message_id,
        action=message.action,
        error=message.error,
        at=message.received_at,
        preview=_preview(shown),
        frame=frame_text(message.payload),
    )


def _preview(shown: str) -> str:
    """The request or the answer alone, cut."""
    try:
        frame = json.loads(shown)
    except (ValueError, RecursionError):
        return shown[:PREVIEW_CHARS]
    payload: Any = frame
    if isinstance(frame, list) and len(frame) > 2:
        payload = frame[3:] if frame[0] in (2, 6) else frame[2:]
        payload = payload[0] if len(payload) == 1 else payload
    text = json.dumps(payload, ensure_ascii=False, separators=(", ", ": "))
    return text[:PREVIEW_CHARS]


def _query(chosen: MessageFilter, further: Mapping[str, str]) -> str:
    kept = {
        "q": chosen.text,
        "station": chosen.station_id,
        "action": chosen.action,
        "direction": chosen.direction,
        "errors": "on" if chosen.has_error else "",
        "span": chosen.span if chosen.span != FIRST_SPAN else "",
        **further,
    }
    return urlencode({name: value for name, value in kept.items() if value})
