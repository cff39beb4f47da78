"""The specification's example files, and what it is for two texts of JSON to say the same."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from cariflex.common.exact_json import exact_loads

EXAMPLES = Path(__file__).parents[1] / "examples"
VERSIONS = ("2.1.1", "2.2.1", "2.3.0")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z?")


def names(version: str) -> list[str]:
    """All files of a version."""
    return sorted(path.name for path in (EXAMPLES / version).glob("*.json"))


def read(version: str, name: str) -> bytes:
    """The bytes of a file."""
    return (EXAMPLES / version / name).read_bytes()


def canonical(text: bytes | str) -> Any:
    """The value of a JSON text: numbers by value, date-times by instant."""
    return _canonical(exact_loads(text))


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _canonical(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_canonical(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _DATE_TIME.fullmatch(value):
        return datetime.fromisoformat(value.removesuffix("Z"))
    return value
