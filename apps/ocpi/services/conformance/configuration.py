"""The pages of the connection itself: versions, details, and who is let in."""

from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from apps.ocpi.access import token_make
from apps.ocpi.objects.errors import WireError
from apps.ocpi.services.conformance.answers import Opened, judge, opened
from apps.ocpi.services.conformance.line import Line
from apps.ocpi.services.conformance.rules import VERSIONS
from apps.ocpi.services.conformance.words import seen
from apps.ocpi.wire import decode

T = TypeVar("T")
_CLIENT_ERRORS = range(2000, 3000)
_METHOD = "DELETE"
"""Nothing can be deleted of the list of versions, whatever a partner makes of the method."""


class _Version(msgspec.Struct):
    version: str
    url: str


class _Endpoint(msgspec.Struct):
    identifier: str
    url: str


class _Details(msgspec.Struct):
    endpoints: list[_Endpoint]


# Made here, before there are threads: see `wire.codec.decoder_make`.
_VERSIONS = msgspec.json.Decoder(list[_Version])
_DETAILS = msgspec.json.Decoder(_Details)


def check_versions(line: Line, lists: dict[str, str]) -> None:
    """The versions and the details of the agreed one; `lists`: as told at the registration."""
    book = line.book
    answer = _read(line, line.partner.versions_url, "Versions")
    if answer is None:
        book.skipped("version_listed", VERSIONS, seen("list_unread"))
        book.skipped("endpoints_same", VERSIONS, seen("list_unread"))
        return
    rows = _decoded(answer, _VERSIONS) or []
    request_id = answer.heard.ids.request_id
    url = next((row.url for row in rows if row.version == book.version), "")
    if not urlsplit(url).netloc:
        known = ", ".join(row.version for row in rows)
        what = seen("version_missing", value=book.version, known=known)
        book.failed("version_listed", VERSIONS, request_id, what)
        book.skipped("endpoints_same", VERSIONS, seen("rests_on", rule="version_listed"))
        return
    book.passed("version_listed", VERSIONS, request_id, seen("link_there", value=url))
    _check_details(line, url, lists)


def check_door(line: Line) -> None:
    """A method that is not taken, and a token that nobody has; the last, as it may lock us out."""
    book, url = line.book, line.partner.versions_url
    answer = opened(line.ask(VERSIONS, url, method=_METHOD))
    is_refused = answer.heard.http in (404, 405) or answer.status_code in _CLIENT_ERRORS
    write = book.passed if is_refused else book.failed
    write("method", VERSIONS, answer.heard.ids.request_id, answer.outcome)
    answer = opened(line.ask(VERSIONS, url, token=token_make()))
    write = book.passed if answer.heard.http == 401 else book.failed
    write("wrong_token", VERSIONS, answer.heard.ids.request_id, answer.outcome)


def _check_details(line: Line, url: str, lists: dict[str, str]) -> None:
    book = line.book
    answer = _read(line, url, "VersionDetails")
    details = None if answer is None else _decoded(answer, _DETAILS)
    if answer is None or details is None:
        book.skipped("endpoints_same", VERSIONS, seen("list_unread"))
        return
    told = {(one.identifier.lower(), one.url.rstrip("/")) for one in details.endpoints}
    gone = [name for name, at in lists.items() if (name, at.rstrip("/")) not in told]
    request_id = answer.heard.ids.request_id
    if gone:
        what = seen("endpoints_differ", names=", ".join(gone))
        book.failed("endpoints_same", VERSIONS, request_id, what)
    else:
        book.passed("endpoints_same", VERSIONS, request_id)


def _read(line: Line, url: str, kind: str) -> Opened | None:
    """A page of the configuration, its fields read; None when there are no data."""
    answer = opened(line.ask(VERSIONS, url))
    judge(line, VERSIONS, answer)
    if not answer.is_success or not answer.data:
        return None
    request_id = answer.heard.ids.request_id
    try:
        decode(line.book.version, kind, answer.data)
    except WireError as err:
        what = seen("objects_bad", bad=1, count=1, key=kind, why=str(err))
        line.book.failed("objects", VERSIONS, request_id, what)
    else:
        line.book.passed("objects", VERSIONS, request_id)
    return answer


def _decoded(answer: Opened, decoder: msgspec.json.Decoder[T]) -> T | None:
    try:
        return decoder.decode(answer.data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
