"""Pages of objects, read by our own wire layer; nothing of them is kept but what is counted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from apps.ocpi.choices import ObjectKind
from apps.ocpi.objects.errors import WireError
from apps.ocpi.objects.fields import date_time_read, date_time_text
from apps.ocpi.services.conformance.answers import Opened
from apps.ocpi.services.conformance.words import Seen, seen
from apps.ocpi.wire import convert, decode
from cariflex.common.exact_json import exact_loads

TYPES: dict[str, str] = {
    ObjectKind.LOCATIONS: "Location",
    ObjectKind.SESSIONS: "Session",
    ObjectKind.CDRS: "Cdr",
    ObjectKind.TARIFFS: "Tariff",
    ObjectKind.TOKENS: "Token",
}
_LIKE_A_DATE = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?\s*([Zz]|[+-]\d\d(:?\d\d)?)?"
)
_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Item:
    """What is remembered of one object: which it is, and when it was updated."""

    key: str
    at: datetime | None


@dataclass(frozen=True)
class Page:
    """One page of a list, read."""

    answer: Opened
    rows: tuple[bytes, ...]
    items: tuple[Item, ...]

    @property
    def request_id(self) -> str:
        """Leads to the exchange in the log."""
        return self.answer.heard.ids.request_id

    @property
    def total(self) -> int | None:
        """X-Total-Count; None when it is no number."""
        return whole(self.answer.heard.headers.get("x-total-count", ""))

    @property
    def is_cut(self) -> bool:
        """Whether there is more than the page gives, as far as the partner tells."""
        return self.total is not None and self.total > len(self.rows)

    def item(self, key: str) -> Item | None:
        """The object of a key, when the page has it."""
        return next((one for one in self.items if one.key == key), None)


def page_of(answer: Opened) -> Page | None:
    """The objects of an answer; None when its data are no list."""
    try:
        found = msgspec.json.decode(answer.data or b"null", type=list[msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    rows = tuple(bytes(row) for row in found)
    return Page(answer, rows, tuple(_item(row, nth) for nth, row in enumerate(rows)))


def whole(text: str) -> int | None:
    """The number of a header; None when it is none."""
    text = text.strip()
    return int(text) if _WHOLE.fullmatch(text) else None


def objects_seen(version: str, module: str, page: Page) -> tuple[Seen | None, Seen | None]:
    """What is wrong with the objects of a page, and with their dates; None for nothing.

    A date with an offset is held against the dates alone.
    """
    bad_objects, bad_dates = 0, 0
    objects: Seen | None = None
    dates: Seen | None = None
    count = len(page.rows)
    for row, item in zip(page.rows, page.items, strict=True):
        offending, value = _dates_mended(_value_of(row), "")
        if offending:
            bad_dates += 1
            path, text = offending[0]
            dates = dates or seen("dates_bad", key=item.key, field=path, value=text)
        why = object_problem(version, TYPES[module], row, value if offending else None)
        if why:
            bad_objects += 1
            objects = objects or seen("objects_bad", key=item.key, why=why)
    return _counted(objects, bad_objects, count), _counted(dates, bad_dates, count)


def object_problem(version: str, kind: str, row: bytes, mended: object = None) -> str:
    """Field and rule of what an object breaks, empty for nothing; `mended` is read instead."""
    try:
        if mended is None:
            decode(version, kind, row)
        else:
            convert(version, kind, mended)
    except WireError as err:
        return str(err)
    return ""


def _counted(found: Seen | None, bad: int, count: int) -> Seen | None:
    return found and seen(found.code, **found.values, bad=bad, count=count)


def _item(row: bytes, nth: int) -> Item:
    value = _value_of(row)
    if not isinstance(value, dict):
        return Item(f"#{nth + 1}", None)
    names = [value.get(name) for name in ("country_code", "party_id", "type")]
    own = value.get("uid") or value.get("id")
    if not isinstance(own, str) or not own:
        return Item(f"#{nth + 1}", None)
    key = "/".join(str(name) for name in (*names[:2], own, names[2]) if isinstance(name, str))
    return Item(key, _instant(value.get("last_updated")))


def _instant(text: object) -> datetime | None:
    try:
        return date_time_read(_in_utc(text) if isinstance(text, str) else text)
    except ValueError:
        return None


def _value_of(row: bytes) -> Any:
    try:
        return exact_loads(row)
    except (ValueError, RecursionError):
        return None


def _dates_mended(value: Any, path: str) -> tuple[Sequence[tuple[str, str]], Any]:
    """Where a date is not as it has to be, and the value with those dates in UTC."""
    found: list[tuple[str, str]] = []
    if isinstance(value, str):
        if not _LIKE_A_DATE.fullmatch(value) or _is_date_time(value):
            return found, value
        return [(path, value)], _in_utc(value)
    parts: Any
    if isinstance(value, dict):
        parts = {}
        for name, inner in value.items():
            more, parts[name] = _dates_mended(inner, f"{path}.{name}" if path else name)
            found += more
        return found, parts
    if isinstance(value, list):
        parts = []
        for nth, inner in enumerate(value):
            more, mended = _dates_mended(inner, f"{path}[{nth}]")
            found += more
            parts.append(mended)
        return found, parts
    return found, value


def _is_date_time(text: str) -> bool:
    try:
        date_time_read(text)
    except ValueError:
        return False
    return True


def _in_utc(text: str) -> str:
    """The same instant as OCPI writes it; what is no date stays as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return date_time_text(at.replace(tzinfo=UTC) if at.tzinfo is None else at)
