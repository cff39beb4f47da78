"""Locations of partners, as we are told them (eMSP side, 2.2.1 §8.2.2)."""

from apps.ocpi.choices import InterfaceRole, ObjectKind
from apps.ocpi.server.calls import UNKNOWN_LOCATION, Answer, Call, OcpiError
from apps.ocpi.server.ownership import check_same
from apps.ocpi.server.receiving import changes, key_asked, known, shown, taken, unknown, whole
from apps.ocpi.server.routes import serve
from apps.ocpi.services.copies import UNKNOWN, Copied, ObjectKey, copy_find, copy_put
from apps.ocpi.services.copies_patch import (
    connector_patch,
    connector_put,
    copy_patch,
    evse_patch,
    evse_put,
    part_find,
)
from cariflex.common.errors import DomainError

_KIND = ObjectKind.LOCATIONS
# A location, one of its EVSEs, a connector of that.
_PARTS = range(3, 6)
_OBJECTS = ("Location", "Evse", "Connector")


@serve(_KIND, InterfaceRole.RECEIVER, "GET")
def location_get(call: Call) -> Answer:
    """The copy of a location, an EVSE or a connector (§8.2.2.1)."""
    key = key_asked(call, parts=_PARTS)
    row = copy_find(call.partner, _KIND, key)
    path = tuple(zip(("evses", "connectors"), ("uid", "id"), call.segments[3:], strict=False))
    part = None if row is None else part_find(row.content, path)
    if part is None:
        raise unknown(call)
    return shown(call, _object(call), part)


@serve(_KIND, InterfaceRole.RECEIVER, "PUT")
def location_put(call: Call) -> Answer:
    """A whole location, EVSE or connector (§8.2.2.2); 2003 where the one around it is unknown."""
    key = key_asked(call, parts=_PARTS)
    content = whole(call, _object(call), key)
    check_same(*_id_field(call), content[_id_field(call)[0]])
    try:
        return taken(_put(call, key, content))
    except DomainError as err:
        if err.code != UNKNOWN:
            raise
        around = "/".join(call.segments[2:-1])
        raise OcpiError(UNKNOWN_LOCATION, f"{around} is not known here.") from err


@serve(_KIND, InterfaceRole.RECEIVER, "PATCH")
def location_patch(call: Call) -> Answer:
    """What changed of a location, EVSE or connector (§8.2.2.3)."""
    key = key_asked(call, parts=_PARTS)
    given = changes(call, _object(call), key)
    name, in_address = _id_field(call)
    if given.get(name) is not None:
        check_same(name, in_address, given[name])
    try:
        return taken(_patch(call, key, given))
    except DomainError as err:
        raise known(err, call) from err


def _put(call: Call, key: ObjectKey, content: dict[str, object]) -> Copied:
    parts = call.segments[3:]
    if not parts:
        return copy_put(partner=call.partner, kind=_KIND, content=content, now=call.now)
    if len(parts) == 1:
        return evse_put(partner=call.partner, key=key, evse=content, now=call.now)
    return connector_put(
        partner=call.partner, key=key, evse_uid=parts[0], connector=content, now=call.now
    )


def _patch(call: Call, key: ObjectKey, given: dict[str, object]) -> Copied:
    parts = call.segments[3:]
    if not parts:
        return copy_patch(partner=call.partner, kind=_KIND, key=key, changes=given, now=call.now)
    if len(parts) == 1:
        return evse_patch(
            partner=call.partner, key=key, evse_uid=parts[0], changes=given, now=call.now
        )
    return connector_patch(
        partner=call.partner, key=key, evse_uid=parts[0], connector_id=parts[1], changes=given,
        now=call.now,
    )  # fmt: skip


def _object(call: Call) -> str:
    return _OBJECTS[len(call.segments) - 3]


def _id_field(call: Call) -> tuple[str, str]:
    """The name of the id in the body, and the id of the address."""
    return "uid" if len(call.segments) == 4 else "id", call.segments[-1]
