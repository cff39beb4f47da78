"""What the receivers of partners' objects share: addresses, bodies, answers.

An address of a receiver is `{endpoint}/{country_code}/{party_id}/{id}...` (2.2.1 transport
§4.1.3.2). A new object is answered with HTTP 201, a known one with 200. What is not known is HTTP
404 where the address names it, with the status code of its kind.
"""

from collections.abc import Mapping
from typing import Any

from apps.ocpi.choices import PartyRole
from apps.ocpi.objects.context import NOTHING, Context
from apps.ocpi.selectors.partners import own_party
from apps.ocpi.server.calls import (
    NOT_ENOUGH,
    PARAMETERS,
    UNKNOWN_LOCATION,
    UNKNOWN_TOKEN,
    Answer,
    Call,
    OcpiError,
    not_found,
)
from apps.ocpi.server.ownership import check, check_same
from apps.ocpi.services.copies import UNKNOWN, Copied, ObjectKey
from apps.ocpi.wire import (
    WireError,
    decode,
    decode_patch,
    encode,
    from_inside,
    inside_dict,
    inside_of,
    to_inside,
)
from cariflex.common.errors import DomainError

_UNKNOWN_CODES: Mapping[str, int] = {"locations": UNKNOWN_LOCATION, "tokens": UNKNOWN_TOKEN}


def key_asked(call: Call, *, parts: range = range(3, 4), token_type: str = "") -> ObjectKey:
    """The object that an address names, of a party of the caller; HTTP 404 for what is no address.

    `parts`: how many parts the address may have, with country code and party id.
    """
    if len(call.segments) not in parts:
        raise not_found()
    country_code, party_id, object_id = call.segments[:3]
    party = check(call, country_code, party_id)
    return ObjectKey(party.country_code, party.party_id, object_id, token_type)


def whole(call: Call, kind: str, key: ObjectKey) -> dict[str, Any]:
    """The object of the body in the shape inside; whose it is must be what the address says."""
    struct = decode(call.version, kind, _body(call))
    content = inside_dict(to_inside(call.version, struct, context=context_of(call, key)))
    _own_names(content, key)
    return content


def changes(call: Call, kind: str, key: ObjectKey) -> dict[str, Any]:
    """The fields of a PATCH in the shape inside; it says when it was made, else 2001."""
    try:
        given = decode_patch(call.version, kind, _body(call), context=context_of(call, key))
    except WireError as err:
        if err.field == "last_updated":
            raise OcpiError(PARAMETERS, str(err)) from err
        raise
    _own_names(given, key)
    return given


def context_of(call: Call, key: ObjectKey) -> Context:
    """What 2.1.1 leaves to the address and to the connection."""
    if call.version != "2.1.1":
        return NOTHING
    emsp = own_party(PartyRole.EMSP, PartyRole.CPO)
    return Context(
        owner=(key.country_code, key.party_id),
        emsp=None if emsp is None else (emsp.country_code, emsp.party_id),
        role=call.partner.role,
    )


def _own_names(content: Mapping[str, Any], key: ObjectKey) -> None:
    """Whose object the body says it is, which must be whose the address says."""
    for name in ("country_code", "party_id"):
        if content.get(name) is not None:
            check_same(name, getattr(key, name), content[name])


def shown(call: Call, kind: str, content: Mapping[str, Any]) -> Answer:
    """A copy as the caller's version writes it."""
    return Answer(encode(from_inside(call.version, inside_of(kind, dict(content)))))


def taken(copied: Copied) -> Answer:
    """HTTP 201 for what is new; what is older than the copy is taken and changes nothing."""
    if copied.is_stale:
        return Answer(message="A newer version is known.")
    return Answer(http=201 if copied.is_new else 200)


def unknown(call: Call) -> OcpiError:
    """HTTP 404: the object of the address is not known."""
    code = _UNKNOWN_CODES.get(call.module, PARAMETERS)
    return OcpiError(code, f"{'/'.join(call.segments)} is not known here.", 404)


def known(error: DomainError, call: Call) -> Exception:
    """What a refusal of the services is on the wire."""
    return unknown(call) if error.code == UNKNOWN else error


def _body(call: Call) -> bytes:
    if not call.body:
        raise OcpiError(NOT_ENOUGH, "The body is empty.")
    return call.body
