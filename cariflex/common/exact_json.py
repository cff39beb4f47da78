"""JSON whose numbers keep every digit: read as Decimal, written as the digits they have.

Money on the wire is a JSON number; the standard library would make a float of it.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

# One for all: json.dumps makes an encoder for each number when it is told of anything.
_SCALARS = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def exact_loads(text: str | bytes) -> Any:
    """The value of a JSON text; numbers with a point or an exponent are Decimals.

    Raises ValueError for what is not JSON, and for NaN and Infinity.
    """
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def exact_dumps(value: Any, *, indent: int | None = None) -> str:
    """The JSON text of a value that may hold Decimals; ValueError for NaN and Infinity."""
    parts: list[str] = []
    _write(value, parts.append, indent, "\n")
    return "".join(parts)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _write(value: Any, put: Callable[[str], object], indent: int | None, line: str) -> None:
    """Put the pieces of a text; `line` begins a line at the depth of the value."""
    if isinstance(value, str):
        put(encode_basestring(value))
    elif isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not JSON")
        put(format(value, "f"))
    elif isinstance(value, Mapping):
        colon = ":" if indent is None else ": "
        inside = "" if indent is None else line + " " * indent
        mark = "{"
        for name, inner in value.items():
            put(f"{mark}{inside}{encode_basestring(str(name))}{colon}")
            _write(inner, put, indent, inside)
            mark = ","
        put("{}" if mark == "{" else "}" if indent is None else line + "}")
    elif isinstance(value, list | tuple):
        inside = "" if indent is None else line + " " * indent
        mark = "["
        for inner in value:
            put(mark + inside)
            _write(inner, put, indent, inside)
            mark = ","
        put("[]" if mark == "[" else "]" if indent is None else line + "]")
    else:
        put(_SCALARS.encode(value))


class ExactEncoder(json.JSONEncoder):
    """For JSONField(encoder=...): Decimals are written as JSON numbers with all their digits."""

    def encode(self, o: Any) -> str:
        return exact_dumps(o)


class ExactDecoder(json.JSONDecoder):
    """For JSONField(decoder=...): numbers with a point are read as Decimals."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_float": Decimal, "parse_constant": _refuse})
