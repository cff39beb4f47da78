"""Sessions of our customers at partners' chargers (eMSP side, 2.2.1 §9.2.2)."""

from apps.ocpi.choices import InterfaceRole, ObjectKind
from apps.ocpi.server.calls import Answer, Call
from apps.ocpi.server.ownership import check_same
from apps.ocpi.server.receiving import changes, key_asked, known, shown, taken, unknown, whole
from apps.ocpi.server.routes import serve
from apps.ocpi.services.copies import copy_find, copy_put
from apps.ocpi.services.copies_patch import copy_patch
from cariflex.common.errors import DomainError

_KIND = ObjectKind.SESSIONS


@serve(_KIND, InterfaceRole.RECEIVER, "GET")
def session_get(call: Call) -> Answer:
    """The copy of a session (§9.2.2.1)."""
    row = copy_find(call.partner, _KIND, key_asked(call))
    if row is None:
        raise unknown(call)
    return shown(call, "Session", row.content)


@serve(_KIND, InterfaceRole.RECEIVER, "PUT")
def session_put(call: Call) -> Answer:
    """A whole session: its charging periods replace those that are known (§9.2.2.2)."""
    key = key_asked(call)
    content = whole(call, "Session", key)
    check_same("id", key.object_id, content["id"])
    return taken(copy_put(partner=call.partner, kind=_KIND, content=content, now=call.now))


@serve(_KIND, InterfaceRole.RECEIVER, "PATCH")
def session_patch(call: Call) -> Answer:
    """What changed of a session: its charging periods are added to those known (§9.2.2.3)."""
    key = key_asked(call)
    given = changes(call, "Session", key)
    if given.get("id") is not None:
        check_same("id", key.object_id, given["id"])
    try:
        copied = copy_patch(partner=call.partner, kind=_KIND, key=key, changes=given, now=call.now)
    except DomainError as err:
        raise known(err, call) from err
    return taken(copied)
