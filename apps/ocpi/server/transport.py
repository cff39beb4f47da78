"""The one view below /ocpi/: who calls, where to, and an envelope around whatever comes of it.

OCPI 2.2.1 §4 (transport) and §5 (status codes). HTTP errors are for what HTTP can tell: 400 not
JSON, 401 no good token, 404 no such address, 405, 413, 429, 500; everything else is a status code
in an answer of HTTP 200.
"""

import logging
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from apps.ocpi.choices import Direction, InterfaceRole
from apps.ocpi.selectors.partners import answering_party
from apps.ocpi.server import headers as heads
from apps.ocpi.server import routes
from apps.ocpi.server.auth import OPEN_TO_INVITED, Caller, Refused, authenticate
from apps.ocpi.server.bodies import body_of
from apps.ocpi.server.calls import (
    ALL,
    CLIENT_ERROR,
    NOT_ENOUGH,
    PARAMETERS,
    SERVER_ERROR,
    Answer,
    Call,
    OcpiError,
    PartyRef,
    not_allowed,
    not_found,
)
from apps.ocpi.server.modules.routing import routed
from apps.ocpi.server.throttle import is_worth_logging, throttle
from apps.ocpi.services.exchanges import Said, exchange_log
from apps.ocpi.wire import WireError, envelope
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)
PREFIX = "/ocpi/"
MOST_PARAMETERS = 50
_ROLES = {role.lower(): role for role in InterfaceRole}


@dataclass(frozen=True)
class Place:
    """Where an address leads: `/ocpi/<version>/<role>/<module>/<segments>`."""

    version: str
    module: str
    role: InterfaceRole
    segments: tuple[str, ...]


@csrf_exempt
def ocpi(request: HttpRequest, path: str) -> HttpResponse:
    """Answer one request of a partner, and write the exchange down."""
    started = time.monotonic()
    ids = heads.ids_of(request.headers)
    said = Said(
        Direction.IN,
        utc_now(),
        request.method or "",
        request.get_full_path(),
        request_id=ids.request_id,
        correlation_id=ids.correlation_id,
        remote=request.META.get("REMOTE_ADDR", ""),
    )
    # Refusals are words for another machine's log, not for a person of this operator.
    with translation.override("en"):
        answer = _answer(request, said, ids)
    body = envelope(answer.data, answer.status_code, answer.message, now=utc_now())
    response = HttpResponse(body, status=answer.http, content_type="application/json")
    for name, value in {**answer.headers, **ids.headers()}.items():
        response[name] = value
    response["Content-Language"] = "en"
    said.http_status, said.status_code = answer.http, answer.status_code
    said.response_body = body
    said.latency_ms = (time.monotonic() - started) * 1000
    _log(said)
    return response


def _log(said: Said) -> None:
    """Write the exchange down; the partner has its answer whether or not that works."""
    if said.partner is None and not is_worth_logging():
        return
    try:
        exchange_log(said)
    except DatabaseError:
        logger.exception("ocpi.exchange_lost correlation=%s", said.correlation_id)


def _answer(request: HttpRequest, said: Said, ids: heads.Ids) -> Answer:
    try:
        return _served(request, said, ids)
    except OcpiError as err:
        if isinstance(err, Refused):
            said.partner = err.partner
        answer = Answer(None, err.status_code, err.http, err.message, err.headers)
    except WireError as err:
        code = NOT_ENOUGH if err.is_missing else PARAMETERS
        answer = Answer(None, code, 400 if err.is_malformed else 200, str(err))
    except DomainError as err:
        answer = Answer(None, CLIENT_ERROR, message=str(err))
    except ExternalError as err:
        answer = Answer(None, SERVER_ERROR, message="A system behind this one did not answer.")
        said.error = str(err)
        return answer
    except Exception as err:
        logger.exception("ocpi.fault correlation=%s path=%s", ids.correlation_id, request.path)
        said.error = f"{type(err).__name__}"
        return Answer(None, SERVER_ERROR, 500, "Something went wrong here.")
    said.error = answer.message
    return answer


def _served(request: HttpRequest, said: Said, ids: heads.Ids) -> Answer:
    segments = _segments(request)
    said.version = segments[0] if segments and segments[0] in ALL else ""
    said.module = _module_named(segments)
    sender = heads.named(request.headers, heads.FROM)
    caller = authenticate(request.headers.get("Authorization", ""), sender)
    said.partner = caller.partner
    throttle(caller.partner)
    place = _place(segments)
    if caller.is_invitation and (place is None or place.module not in OPEN_TO_INVITED):
        raise OcpiError(CLIENT_ERROR, "An invitation token opens the registration only.", 401)
    if place is None:
        raise not_found()
    said.version, said.module = place.version, place.module
    methods = routes.methods_of(place.version, place.module, place.role)
    if not methods:
        raise not_found("This module is not served here.")
    handler = methods.get(request.method or "")
    if handler is None:
        raise not_allowed(*methods)
    body = body_of(request)
    said.request_body = body
    call = _call(request, place, caller, ids, body, said)
    answer = routed(call) or handler(call)
    if heads.has_routing(call.version, call.module) and call.sender is not None:
        answer.headers |= heads.routing(call.receiver or _default(call, caller), call.sender)
    return answer


def _segments(request: HttpRequest) -> list[str]:
    """The parts of the path below /ocpi/, each decoded by itself: an id may hold a slash."""
    raw = _raw_path(request)
    path = raw if raw.startswith(PREFIX) else request.path
    parts = [unquote(part) for part in path.removeprefix(PREFIX).split("/")]
    if parts[-1] == "":
        parts.pop()
    if any(not part or not part.isprintable() for part in parts):
        return []
    return parts


def _raw_path(request: HttpRequest) -> str:
    raw = (request.META.get("asgi.scope") or {}).get("raw_path")
    if raw is not None:
        return str(raw.decode("latin-1"))
    return str(request.META.get("RAW_URI", "")).partition("?")[0]


def _module_named(segments: list[str]) -> str:
    """The module that an address names, for the log, whatever becomes of the request."""
    place = _place(segments)
    return place.module if place is not None else ""


def _place(segments: list[str]) -> Place | None:
    sender = InterfaceRole.SENDER
    if segments == ["versions"]:
        return Place("", "versions", sender, ())
    if not segments or segments[0] not in ALL:
        return None
    version, *rest = segments
    if not rest:
        return Place(version, "versions", sender, ())
    if rest[0] in routes.WITHOUT_ROLE:
        return Place(version, rest[0], sender, tuple(rest[1:]))
    role = _ROLES.get(rest[0])
    if role is None or len(rest) < 2:
        return None
    return Place(version, rest[1], role, tuple(rest[2:]))


def _call(
    request: HttpRequest, place: Place, caller: Caller, ids: heads.Ids, body: bytes, said: Said
) -> Call:
    sender = receiver = None
    if heads.has_routing(place.version, place.module):
        sender = heads.sender_of(request.headers, caller.known)
        receiver = heads.party_of(request.headers, heads.TO)
        said.from_party, said.to_party = _text(sender), _text(receiver)
    root_url = _root_url(request, caller.known.public_url)
    return Call(
        partner=caller.partner,
        version=place.version,
        module=place.module,
        role=place.role,
        method=request.method or "",
        segments=place.segments,
        query=_query(request),
        body=body,
        now=said.at,
        sender=sender,
        receiver=receiver,
        request_id=ids.request_id,
        correlation_id=ids.correlation_id,
        base_url=routes.address(root_url, place.version, place.module, place.role),
        root_url=root_url,
        token=caller.token,
        is_token_unencoded=caller.is_unencoded,
        is_invitation=caller.is_invitation,
    )


def _query(request: HttpRequest) -> dict[str, str]:
    text = request.META.get("QUERY_STRING", "")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError as err:
        raise OcpiError(PARAMETERS, "There are too many parameters.") from err
    if any("\x00" in value for pair in pairs for value in pair):
        raise OcpiError(PARAMETERS, "A parameter holds U+0000.")
    return dict(pairs)


def _root_url(request: HttpRequest, public_url: str) -> str:
    address = public_url or request.build_absolute_uri("/")
    return f"{address.rstrip('/')}/ocpi"


def _default(call: Call, caller: Caller) -> PartyRef | None:
    """Who answers a request without receiver (open routing)."""
    party = answering_party(call.module, call.role, caller.known.own_parties)
    return None if party is None else PartyRef(party.country_code, party.party_id)


def _text(party: PartyRef | None) -> str:
    return "" if party is None else str(party)
