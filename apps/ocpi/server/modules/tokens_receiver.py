"""Tokens of partners' customers, who may charge here (CPO side, 2.2.1 §12.2.1). No DELETE."""

from apps.ocpi.choices import InterfaceRole, ObjectKind
from apps.ocpi.server.calls import PARAMETERS, Answer, Call, OcpiError
from apps.ocpi.server.ownership import check_same
from apps.ocpi.server.receiving import changes, key_asked, known, shown, taken, unknown, whole
from apps.ocpi.server.routes import serve
from apps.ocpi.services.copies import copy_find, copy_put
from apps.ocpi.services.copies_patch import copy_patch
from cariflex.common.errors import DomainError

_KIND = ObjectKind.TOKENS
_DEFAULT_TYPE = "RFID"


@serve(_KIND, InterfaceRole.RECEIVER, "GET")
def token_get(call: Call) -> Answer:
    """The copy of a token of a type, RFID where none is named (§12.2.1.1)."""
    row = copy_find(call.partner, _KIND, key_asked(call, token_type=_type(call)))
    if row is None:
        raise unknown(call)
    return shown(call, "Token", row.content)


@serve(_KIND, InterfaceRole.RECEIVER, "PUT")
def token_put(call: Call) -> Answer:
    """A whole token (§12.2.1.2); its type must be the one of the address where that names one."""
    key = key_asked(call, token_type=_type(call))
    content = whole(call, "Token", key)
    check_same("uid", key.object_id, content["uid"])
    # Partners leave the parameter out for every type: the body says it anyway.
    if "type" in call.query and content["type"] != key.type:
        raise OcpiError(PARAMETERS, f"type: {content['type']!r} is not {key.type!r} of the address")
    return taken(copy_put(partner=call.partner, kind=_KIND, content=content, now=call.now))


@serve(_KIND, InterfaceRole.RECEIVER, "PATCH")
def token_patch(call: Call) -> Answer:
    """What changed of a token (§12.2.1.3)."""
    key = key_asked(call, token_type=_type(call))
    given = changes(call, "Token", key)
    for name, in_address in (("uid", key.object_id), ("type", key.type)):
        if in_address and given.get(name) is not None:
            check_same(name, in_address, given[name])
    try:
        copied = copy_patch(partner=call.partner, kind=_KIND, key=key, changes=given, now=call.now)
    except DomainError as err:
        raise known(err, call) from err
    return taken(copied)


def _type(call: Call) -> str:
    """The type asked for; 2.1.1 tells tokens apart by their uid alone."""
    return call.query.get("type") or ("" if call.version == "2.1.1" else _DEFAULT_TYPE)
