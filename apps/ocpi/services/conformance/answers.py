"""What every answer of a partner has to look like, whatever was asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from apps.ocpi.clients.ocpi import Heard
from apps.ocpi.objects.fields import date_time_read
from apps.ocpi.selectors.partners import is_party_of
from apps.ocpi.server import headers as heads
from apps.ocpi.server.calls import PartyRef
from apps.ocpi.services.conformance.line import Line
from apps.ocpi.services.conformance.words import Seen, seen

JSON_TYPE = "application/json"
_FOUR_DIGITS = range(1000, 10_000)
_REFUSED = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


@dataclass(frozen=True)
class Opened:
    """An answer with its envelope taken apart, as far as it has one."""

    heard: Heard
    status_code: int | None
    data: bytes = field(default=b"", repr=False)
    """JSON; empty when there is none."""
    problem: Seen | None = None

    @property
    def is_success(self) -> bool:
        """Whether it says yes; an envelope without a status code is not held against it here."""
        code = self.status_code
        return self.heard.http == 200 and (code is None or 1000 <= code < 2000)

    @property
    def outcome(self) -> Seen:
        """HTTP status and status code, in words."""
        http = self.heard.http
        if self.status_code is None:
            return seen("http", http=http) if http == 200 else seen("http_bare", http=http)
        return seen("http_code", http=http, code=self.status_code)


def opened(heard: Heard) -> Opened:
    """The envelope of an answer and what is wrong with it (2.2.1 §4.1.7)."""
    try:
        parts = msgspec.json.decode(heard.content, type=dict[str, msgspec.Raw])
    except _REFUSED:
        return Opened(heard, None, problem=seen("no_json"))
    code, problem = _status_code(parts)
    data = bytes(parts.get("data", b""))
    data = b"" if data == b"null" else data
    if problem is None and not data and (code is None or code < 2000):
        problem = seen("no_data")
    return Opened(heard, code, data, problem or _timestamp_problem(parts))


def judge(line: Line, module: str, answer: Opened) -> None:
    """Try the rules of every answer on one that should have succeeded."""
    book, heard = line.book, answer.heard
    request_id = heard.ids.request_id
    if not answer.is_success:
        book.failed("answered", module, request_id, answer.outcome)
    else:
        book.passed("answered", module, request_id, answer.outcome)
    if heard.http != 200:
        return
    if answer.problem is None:
        book.passed("envelope", module, request_id)
    else:
        book.failed("envelope", module, request_id, answer.problem)
    _judge_headers(line, module, heard)


def _status_code(parts: Mapping[str, msgspec.Raw]) -> tuple[int | None, Seen | None]:
    if "status_code" not in parts:
        return None, seen("missing", name="status_code")
    raw = bytes(parts["status_code"])
    try:
        code = msgspec.json.decode(raw, type=int)
    except _REFUSED:
        code = 0
    if code not in _FOUR_DIGITS:
        return None, seen("bad_code", value=raw.decode(errors="replace"))
    return code, None


def _timestamp_problem(parts: Mapping[str, msgspec.Raw]) -> Seen | None:
    if "timestamp" not in parts:
        return seen("missing", name="timestamp")
    raw = bytes(parts["timestamp"])
    try:
        date_time_read(msgspec.json.decode(raw, type=str))
    except (*_REFUSED, ValueError):
        return seen("bad_timestamp", value=raw.decode(errors="replace"))
    return None


def _judge_headers(line: Line, module: str, heard: Heard) -> None:
    book, request_id = line.book, heard.ids.request_id
    said = heard.headers.get("content-type", "")
    if said.partition(";")[0].strip().lower() == JSON_TYPE:
        book.passed("content_type", module, request_id, seen("content_type", value=said))
    elif said:
        book.failed("content_type", module, request_id, seen("content_type", value=said))
    else:
        book.failed("content_type", module, request_id, seen("missing", name="Content-Type"))
    problem = _ids_problem(heard)
    if problem is None:
        book.passed("message_ids", module, request_id)
    else:
        book.failed("message_ids", module, request_id, problem)
    if heads.has_routing(line.book.version, module):
        rule, problem = "routing_swapped", _swap_problem(line, heard)
    else:
        rule, problem = "routing_absent", _routing_present(heard)
    if problem is None:
        book.passed(rule, module, request_id)
    else:
        book.failed(rule, module, request_id, problem)


def _ids_problem(heard: Heard) -> Seen | None:
    for name, sent in heard.ids.headers().items():
        value = heard.headers.get(name.lower())
        if value is None:
            return seen("not_echoed_missing", name=name)
        if value.strip() != sent:
            return seen("not_echoed", name=name, sent=sent, value=value)
    return None


def _swap_problem(line: Line, heard: Heard) -> Seen | None:
    """Who asked is who it goes to; who was asked, or any party of the partner, is who it is from.

    A hub answers for the parties behind it (2.2.1 §4.1.8).
    """
    lower = {name.lower(): value for name, value in heard.headers.items()}
    if heard.sender is not None:
        found = _routing_problem(lower, heads.TO, heard.sender)
        if found is not None:
            return found
    found = _routing_problem(lower, heads.FROM, heard.receiver)
    if found is None or heard.receiver is None or not line.partner.is_hub:
        return found
    country_code, party_id = _named(lower, heads.FROM)
    return None if is_party_of(line.partner, country_code, party_id) else found


def _routing_problem(
    headers: Mapping[str, str], which: str, expected: PartyRef | None
) -> Seen | None:
    parts = _named(headers, which)
    for part, value in zip(("country-code", "party-id"), parts, strict=True):
        if not value:
            return seen("routing_missing", name=f"{which}-{part}")
    if expected is not None and PartyRef(*parts) != expected:
        found = PartyRef(*parts)
        return seen("routing_wrong", name=which, value=str(found), sent=str(expected))
    return None


def _routing_present(heard: Heard) -> Seen | None:
    for which in (heads.FROM, heads.TO):
        for part in ("country-code", "party-id"):
            value = heard.headers.get(f"{which}-{part}".lower())
            if value:
                return seen("routing_present", name=f"{which}-{part}", value=value)
    return None


def _named(headers: Mapping[str, str], which: str) -> tuple[str, str]:
    return (
        headers.get(f"{which}-country-code".lower(), "").strip(),
        headers.get(f"{which}-party-id".lower(), "").strip(),
    )
