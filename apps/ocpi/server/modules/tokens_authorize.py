"""Real-time authorization of our customers' tokens (eMSP side, 2.2.1 §12.2.2)."""

import time
from typing import Any

from apps.ocpi.choices import InterfaceRole, ObjectKind
from apps.ocpi.server.calls import (
    UNKNOWN_TOKEN,
    Answer,
    Call,
    OcpiError,
    not_found,
)
from apps.ocpi.server.routes import serve
from apps.ocpi.services.authorize_ours import UNKNOWN_TOKEN as NOT_OURS
from apps.ocpi.services.authorize_ours import token_answer
from apps.ocpi.wire import decode, encode, from_inside, inside_dict, inside_of, to_inside
from cariflex.common.errors import DomainError

_DEFAULT_TYPE = "RFID"


@serve(ObjectKind.TOKENS, InterfaceRole.SENDER, "POST")
def token_authorize(call: Call) -> Answer:
    """POST {uid}/authorize[?type=]: may this token charge there?

    An unknown token is HTTP 404 with status 2004: the standard asks for both.
    """
    started = time.monotonic()
    if len(call.segments) != 2 or call.segments[1] != "authorize":
        raise not_found()
    kind = call.query.get("type") or ("" if call.version == "2.1.1" else _DEFAULT_TYPE)
    try:
        info = token_answer(
            partner=call.partner,
            uid=call.segments[0],
            kind=kind,
            place=_place(call),
            now=call.now,
            started=started,
        )
    except DomainError as err:
        if err.code != NOT_OURS:
            raise
        raise OcpiError(UNKNOWN_TOKEN, err.message, 404) from err
    return Answer(encode(from_inside(call.version, inside_of("AuthorizationInfo", info))))


def _place(call: Call) -> dict[str, Any] | None:
    """Where the token is shown, if the body tells."""
    if not call.body or call.body.strip() in (b"null", b"{}"):
        return None
    struct = decode(call.version, "LocationReferences", call.body)
    return inside_dict(to_inside(call.version, struct))
