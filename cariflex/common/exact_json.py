"""JSON whose numbers keep every digit: read as Decimal, written as the digits they have.

Money on the wire is a JSON number; the standard library would make a float of it.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def exact_loads(text: str | bytes) -> Any:
    """The value of a JSON text; numbers with a point or an exponent are Decimals.

    Raises ValueError for what is not JSON, and for NaN and Infinity.
    """
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def exact_dumps(value: Any, *, indent: int | None = None) -> str:
    """The JSON text of a value that may hold Decimals; ValueError for NaN and Infinity."""
    return "".join(_written(value, indent, 0))


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _written(value: Any, indent: int | None, depth: int) -> list[str]:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not JSON")
        return [format(value, "f")]
    if isinstance(value, Mapping):
        rows = [
            [json.dumps(str(name), ensure_ascii=False), ": " if indent else ":", *_written(
                inner, indent, depth + 1
            )]
            for name, inner in value.items()
        ]  # fmt: skip
        return _block("{}", rows, indent, depth)
    if isinstance(value, list | tuple):
        return _block("[]", [_written(inner, indent, depth + 1) for inner in value], indent, depth)
    return [json.dumps(value, ensure_ascii=False, allow_nan=False)]


def _block(brackets: str, rows: list[list[str]], indent: int | None, depth: int) -> list[str]:
    if not rows:
        return [brackets]
    line = "" if indent is None else "\n" + " " * (indent * (depth + 1))
    last = "" if indent is None else "\n" + " " * (indent * depth)
    parts = [brackets[0]]
    for nth, row in enumerate(rows):
        parts += [",", line] if nth else [line]
        parts += row
    return [*parts, last, brackets[1]]


class ExactEncoder(json.JSONEncoder):
    """For JSONField(encoder=...): Decimals are written as JSON numbers with all their digits."""

    def encode(self, o: Any) -> str:
        return exact_dumps(o)


class ExactDecoder(json.JSONDecoder):
    """For JSONField(decoder=...): numbers with a point are read as Decimals."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_float": Decimal, "parse_constant": _refuse})
