"""Tariffs of partners, as we are told them (eMSP side, 2.2.1 §11.2.2). There is no PATCH."""

from apps.ocpi.choices import InterfaceRole, ObjectKind
from apps.ocpi.server.calls import Answer, Call
from apps.ocpi.server.ownership import check_same
from apps.ocpi.server.receiving import changes, key_asked, known, shown, taken, unknown, whole
from apps.ocpi.server.routes import serve
from apps.ocpi.services.copies import copy_find, copy_forget, copy_put
from apps.ocpi.services.copies_patch import copy_patch
from cariflex.common.errors import DomainError

_KIND = ObjectKind.TARIFFS


@serve(_KIND, InterfaceRole.RECEIVER, "GET")
def tariff_get(call: Call) -> Answer:
    """The copy of a tariff (§11.2.2.1)."""
    row = copy_find(call.partner, _KIND, key_asked(call))
    if row is None:
        raise unknown(call)
    return shown(call, "Tariff", row.content)


@serve(_KIND, InterfaceRole.RECEIVER, "PUT")
def tariff_put(call: Call) -> Answer:
    """A whole tariff (§11.2.2.2)."""
    key = key_asked(call)
    content = whole(call, "Tariff", key)
    check_same("id", key.object_id, content["id"])
    return taken(copy_put(partner=call.partner, kind=_KIND, content=content, now=call.now))


@serve(_KIND, InterfaceRole.RECEIVER, "PATCH", versions=["2.1.1"])
def tariff_patch(call: Call) -> Answer:
    """What changed of a tariff: only 2.1.1 has it (2.1.1 mod_tariffs §2.2)."""
    key = key_asked(call)
    given = changes(call, "Tariff", key)
    if given.get("id") is not None:
        check_same("id", key.object_id, given["id"])
    try:
        copied = copy_patch(partner=call.partner, kind=_KIND, key=key, changes=given, now=call.now)
    except DomainError as err:
        raise known(err, call) from err
    return taken(copied)


@serve(_KIND, InterfaceRole.RECEIVER, "DELETE")
def tariff_delete(call: Call) -> Answer:
    """The tariff is used no more (§11.2.2.3)."""
    try:
        copy_forget(partner=call.partner, kind=_KIND, key=key_asked(call))
    except DomainError as err:
        raise known(err, call) from err
    return Answer()
