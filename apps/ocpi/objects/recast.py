"""From an object of one version to its like in another."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

S = TypeVar("S", bound=Struct)
T = TypeVar("T")
U = TypeVar("U")


def recast(source: Struct, target: type[S], **changes: Any) -> S:
    """The target with the source's fields of the same names; `changes` stand above them."""
    names = set(source.__struct_fields__)
    same = {name: getattr(source, name) for name in target.__struct_fields__ if name in names}
    return target(**(same | changes))


def each(change: Callable[[T], U], values: Sequence[T] | None) -> list[U] | None:
    """The list changed one by one; None stays None."""
    return None if values is None else [change(value) for value in values]


def opt(change: Callable[[T], U], value: T | None) -> U | None:
    """The value changed; None stays None."""
    return None if value is None else change(value)


def known(words: Sequence[str] | None, allowed: frozenset[str]) -> list[str] | None:
    """The words that the other version knows; None stays None."""
    return None if words is None else [word for word in words if word in allowed]
