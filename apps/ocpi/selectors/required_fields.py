"""Fields that a partner insists on: whether the standard has them, and what of ours lacks them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import msgspec
from django.db.models import Q

from apps.ocpi.choices import ObjectKind, OcpiVersion
from apps.ocpi.models import Partner, Published
from apps.ocpi.selectors.published import WIRE_KINDS, audience_of, published_text
from apps.ocpi.wire.kinds import KINDS

LOOKED_AT = 200
"""Objects of a kind, the newest first."""
EXAMPLES = 20
_NOTHING: tuple[object, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Lack:
    """An object of ours and the fields that it lacks."""

    kind: str
    object_id: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lacking:
    """What of ours lacks a field that a partner insists on.

    `count` objects of `looked_at`; `is_cut`: there are more than were looked at. Examples are
    EXAMPLES at most.
    """

    count: int = 0
    looked_at: int = 0
    is_cut: bool = False
    examples: tuple[Lack, ...] = ()

    @property
    def is_more(self) -> bool:
        """True when not all that lack something are among the examples."""
        return self.count > len(self.examples)


def lacking_of(partner: Partner) -> Lacking:
    """Our published objects that lack fields, in the partner's version.

    No query without such fields; else one for each kind that has some, of LOOKED_AT rows and one.
    """
    lacks: list[Lack] = []
    looked_at, is_cut = 0, False
    for kind in ObjectKind:
        names = partner.required_fields.get(kind.value)
        if not names:
            continue
        rows = _newest(partner, kind)
        is_cut |= len(rows) > LOOKED_AT
        for row in rows[:LOOKED_AT]:
            looked_at += 1
            missing = fields_lacking(_content(row, partner.version), names)
            if missing:
                lacks.append(Lack(kind.value, row.object_id, missing))
    return Lacking(len(lacks), looked_at, is_cut, tuple(lacks[:EXAMPLES]))


def fields_lacking(content: Mapping[str, Any], names: Collection[str]) -> tuple[str, ...]:
    """Those of the dotted names that an object has no value for.

    Behind a list a name means each of its parts; nothing, an empty text and an empty list are no
    values.
    """
    return tuple(name for name in names if not _has(content, name.split(".")))


def field_known(kind: str, name: str, version: str = "") -> bool:
    """Whether objects of a kind have the dotted field in a version; in any of them without one."""
    struct = WIRE_KINDS[ObjectKind(kind)]
    versions = [version] if version else list(OcpiVersion.values)
    return any(_is_field(KINDS[one][struct], name.split(".")) for one in versions)


def _newest(partner: Partner, kind: ObjectKind) -> list[Published]:
    audience = audience_of(partner, kind)
    seen = Q(audience__isnull=True) if audience is None else Q(audience=audience)
    rows = Published.objects.filter(seen, kind=kind).order_by("-position")
    return list(rows[: LOOKED_AT + 1])


def _content(row: Published, version: str) -> dict[str, Any]:
    # What the value is does not matter here: the fast decoder does.
    text = published_text(row, version or OcpiVersion.V2_2_1)
    return msgspec.json.decode(text, type=dict[str, Any])


def _has(value: Any, path: list[str]) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_has(part, path) for part in value)
    if not path:
        return value not in _NOTHING
    return isinstance(value, Mapping) and _has(value.get(path[0]), path[1:])


def _is_field(kind: Any, path: list[str]) -> bool:
    if not path:
        return True
    for struct in _structs(kind):
        for field in msgspec.structs.fields(struct):
            if field.encode_name == path[0]:
                return _is_field(field.type, path[1:])
    return False


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """The objects behind a type: through lists, optional ones and annotations."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        return
    for part in get_args(kind):
        yield from _structs(part)
