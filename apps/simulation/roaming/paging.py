"""Lists in pages: date_from, date_to, offset, limit, Link (OCPI 2.2.1 §4.1.4.1)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from apps.simulation.roaming.answers import Answer, parameter_rejected
from apps.simulation.roaming.objects import Object

MOST_ON_A_PAGE = 100
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?[Zz]?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True)
class PageAsked:
    """What of a list is wanted: last_updated in [date_from, date_to), `limit` from `offset` on."""

    date_from: datetime | None
    date_to: datetime | None
    offset: int
    limit: int

    def takes(self, row: Object) -> bool:
        """Whether an object was last updated in the window."""
        at = date_time(row["last_updated"])
        return (self.date_from is None or at >= self.date_from) and (
            self.date_to is None or at < self.date_to
        )


def page_asked(query: Mapping[str, str]) -> PageAsked:
    """The page that a request wants; RejectedError with 2001 names a parameter that is not one."""
    return PageAsked(
        date_from=_date(query, "date_from"),
        date_to=_date(query, "date_to"),
        offset=_number(query, "offset", 0, least=0),
        limit=min(_number(query, "limit", MOST_ON_A_PAGE, least=1), MOST_ON_A_PAGE),
    )


def page_answer(rows: Sequence[Object], query: Mapping[str, str], url: str) -> Answer:
    """The page of a list at `url`; `rows`: all its objects, the oldest first.

    X-Total-Count counts what the window lets through. Link keeps the filters and is absent on the
    last page. Raises as `page_asked`.
    """
    asked = page_asked(query)
    found = [row for row in rows if asked.takes(row)]
    end = asked.offset + asked.limit
    headers = {"X-Total-Count": str(len(found)), "X-Limit": str(MOST_ON_A_PAGE)}
    if end < len(found):
        following = {**query, "offset": str(end), "limit": str(asked.limit)}
        headers["Link"] = f'<{url}?{urlencode(following)}>; rel="next"'
    return Answer(found[asked.offset : end], headers=headers)


def date_time(text: str) -> datetime:
    """The instant of a DateTime (§16.2): UTC, with or without Z, no offset. Raises ValueError."""
    if not _DATE_TIME.fullmatch(text):
        raise ValueError(f"not a DateTime in UTC: {text!r}")
    return datetime.fromisoformat(text.upper().removesuffix("Z")).replace(tzinfo=UTC)


def _date(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return date_time(text)
    except ValueError as err:
        raise parameter_rejected(f"{name}: a date and time in UTC was expected") from err


def _number(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not _WHOLE.fullmatch(text) or int(text) < least:
        raise parameter_rejected(f"{name}: a whole number from {least} on was expected")
    return int(text)
