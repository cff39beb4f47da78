"""PATCH bodies: the fields that are given, and no others (2.2.1 §4.1.7)."""

from functools import cache
from typing import Any, Union

import msgspec
from msgspec import UNSET, Struct, UnsetType

from apps.ocpi.objects.context import NOTHING, Context
from apps.ocpi.wire.bridges import field_up, up
from apps.ocpi.wire.codec import as_plain, decoder_make
from apps.ocpi.wire.kinds import INSIDE, kind_of
from apps.ocpi.wire.problems import REFUSALS, refusal

PATCHED = ("Connector", "Evse", "Location", "Session", "Tariff", "Token")
_LAST_UPDATED = "last_updated"


@cache
def _decoder(version: str, kind: str) -> msgspec.json.Decoder[Any]:
    return decoder_make(lambda: _patch_of(version, kind))


def _patch_of(version: str, kind: str) -> type[Struct]:
    """A struct with the fields of the kind, each of which may be absent."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(kind_of(version, kind)):
        if field.name == _LAST_UPDATED:
            fields.append((field.name, field.type))
        else:
            fields.append((field.name, Union[field.type, UnsetType], UNSET))  # noqa: UP007
    return msgspec.defstruct(f"{kind}Patch", fields, kw_only=True)


@cache
def _required(kind: str) -> frozenset[str]:
    fields = msgspec.structs.fields(kind_of(INSIDE, kind))
    return frozenset(field.name for field in fields if field.required)


def decode_patch(
    version: str, kind: str, raw: bytes | str, *, context: Context = NOTHING
) -> dict[str, Any]:
    """The given fields by their inside names, with values as they are stored (`inside_dict`).

    A field that was given as null is None: the object loses it. `last_updated` is a text and
    always there. Fields of an EVSE's connectors or a location's EVSEs come as whole lists.
    Raises WireError: a field that is required in the object cannot be null, and `last_updated`
    cannot be absent. KeyError for a kind that is never patched.
    """
    if kind not in PATCHED:
        raise KeyError(kind)
    try:
        patch: Struct = _decoder(version, kind).decode(raw)
    except REFUSALS as refused:
        raise refusal(refused, raw) from None
    given: dict[str, Any] = {}
    for name in patch.__struct_fields__:
        value = getattr(patch, name)
        if value is not UNSET:
            inside, change = field_up(version, kind, name)
            value = up(version, value, context) if change is None else change(value, context)
            given |= {inside: as_plain(value)} if inside else as_plain(value)
    # 2.1.1 lets go of what must be there inside (time_zone): the old value stays.
    for name in [name for name, value in given.items() if value is None]:
        if name in _required(kind):
            del given[name]
    return given
