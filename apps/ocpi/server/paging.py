"""Lists in pages (2.2.1 transport §4.1.4.1): date_from, date_to, offset, limit, Link."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from apps.ocpi.server.calls import PARAMETERS, Answer, Call, OcpiError

MOST_OFFSET = 2**62
AFTER = "after"
"""Ours: where the next page begins, for lists that find it faster so than by offset."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?[Zz]?")
_WHOLE = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True)
class PageAsked:
    """What of a list is wanted: last_updated in [date_from, date_to), `limit` from `offset` on."""

    date_from: datetime | None
    date_to: datetime | None
    offset: int
    limit: int
    after: str | None


def page_asked(call: Call) -> PageAsked:
    """The page that a request wants; OcpiError 2001 names a parameter that is not one.

    `limit` is never more than the partner's page limit.
    """
    query = call.query
    asked = PageAsked(
        date_from=_date(query, "date_from"),
        date_to=_date(query, "date_to"),
        offset=_number(query, "offset", 0, least=0),
        limit=min(
            _number(query, "limit", call.partner.page_limit, least=1), call.partner.page_limit
        ),
        after=query.get(AFTER) or None,
    )
    if asked.date_from and asked.date_to and asked.date_to < asked.date_from:
        raise OcpiError(PARAMETERS, "date_to: must not be before date_from")
    return asked


def page_answer(call: Call, rows: list[bytes], total: int, next_after: str | None = None) -> Answer:
    """The page: `rows` are JSON objects, `total` counts what the filters let through.

    Link to the next page keeps the filters and is absent on the last page; X-Limit is the most
    that we give on one page.
    """
    asked = page_asked(call)
    headers = {"X-Total-Count": str(total), "X-Limit": str(call.partner.page_limit)}
    following = asked.offset + len(rows)
    if rows and following < total:
        query = {name: text for name, text in call.query.items() if name != AFTER}
        query |= {"offset": str(following), "limit": str(asked.limit)}
        if next_after is not None:
            query[AFTER] = next_after
        path = "".join(f"/{quote(segment, safe='')}" for segment in call.segments)
        headers["Link"] = f'<{call.base_url}{path}?{urlencode(query)}>; rel="next"'
    return Answer(data=b"[" + b",".join(rows) + b"]", headers=headers)


def date_time(text: str) -> datetime:
    """The instant of a DateTime (2.2.1 §16.3): RFC 3339 in UTC, Z may be left out, no offset.

    Raises ValueError.
    """
    if not _DATE.fullmatch(text):
        raise ValueError(f"not a DateTime in UTC: {text!r}")
    whole, _point, fraction = text.upper().rstrip("Z").partition(".")
    at = datetime.fromisoformat(whole).replace(tzinfo=UTC)
    return at.replace(microsecond=int(fraction[:6].ljust(6, "0"))) if fraction else at


def _date(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return date_time(text)
    except ValueError as err:
        raise OcpiError(PARAMETERS, f"{name}: must be a date and time in UTC") from err


def _number(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = query.get(name)
    if not text:
        return default
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= MOST_OFFSET:
        raise OcpiError(PARAMETERS, f"{name}: must be a whole number from {least} on")
    return int(text)
