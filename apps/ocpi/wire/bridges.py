"""Which mapping belongs to which version."""

from collections.abc import Callable
from typing import Any

from apps.ocpi.objects.context import Context
from apps.ocpi.v2_1_1 import mapping as v2_1_1
from apps.ocpi.v2_2_1 import mapping as v2_2_1
from apps.ocpi.wire.kinds import INSIDE

_MAPPINGS: dict[str, Any] = {"2.1.1": v2_1_1, "2.2.1": v2_2_1}


def up(version: str, value: Any, context: Context) -> Any:
    """A value of the version inside."""
    if version == INSIDE:
        return value
    return _mapped(_MAPPINGS[version].UP, value, context)


def down(version: str, value: Any, context: Context) -> Any:
    """An inside value in the version."""
    if version == INSIDE:
        return value
    return _mapped(_MAPPINGS[version].DOWN, value, context)


def _mapped(table: dict[type, Any], value: Any, context: Context) -> Any:
    if isinstance(value, list):
        return [_mapped(table, one, context) for one in value]
    change = table.get(type(value))
    return value if change is None else change(value, context)


def field_up(
    version: str, kind: str, name: str
) -> tuple[str, Callable[[Any, Context], Any] | None]:
    """The inside name of a patched field, and how its value changes (None: by its type)."""
    if version == INSIDE:
        return name, None
    renamed: tuple[str, Callable[[Any, Context], Any] | None] | None
    renamed = _MAPPINGS[version].FIELDS_UP.get(kind, {}).get(name)
    return renamed or (name, None)
