"""What the columns of a list of stations hold: each cell read or refused by its rule."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apps.chargers.choices import SecurityProfile
from cariflex.common.errors import DomainError

MOST_EVSES = 64
MOST_POWER_KW = 5000.0
ID_NAMES = frozenset({"id", "station_id", "identity"})


def _text(longest: int) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if len(cell) > longest or not cell.isprintable():
            raise ValueError(f"At most {longest} printable characters.")
        return cell

    return read


def _number(lowest: float, highest: float, words: str) -> Callable[[str], float]:
    def read(cell: str) -> float:
        try:
            # A spreadsheet in French writes 7,4.
            value = float(cell.replace(",", "."))
        except ValueError:
            raise ValueError(words) from None
        if not math.isfinite(value) or not lowest <= value <= highest:
            raise ValueError(words)
        return value

    return read


def _whole(lowest: int, highest: int, words: str) -> Callable[[str], int]:
    def read(cell: str) -> int:
        if not (cell.isascii() and cell.isdecimal() and len(cell) < 10):
            raise ValueError(words)
        value = int(cell)
        if not lowest <= value <= highest:
            raise ValueError(words)
        return value

    return read


_READERS: Mapping[str, Callable[[str], Any]] = {
    "name": _text(100),
    "commune": _text(100),
    "latitude": _number(-90, 90, "A latitude is -90 to 90 degrees."),
    "longitude": _number(-180, 180, "A longitude is -180 to 180 degrees."),
    "rated_power_kw": _number(0.001, MOST_POWER_KW, f"Above 0 kW, at most {MOST_POWER_KW:g} kW."),
    "evses": _whole(1, MOST_EVSES, f"1 to {MOST_EVSES} EVSEs."),
    "connector_type": _text(20),
    "site": _text(60),
    "security_profile": _whole(
        SecurityProfile.BASIC, SecurityProfile.MUTUAL_TLS, "A security profile is 1, 2 or 3."
    ),
}
COLUMNS = ("id", "password", *_READERS)
"""The columns that a header may name, in any order; only the id is needed."""


def header_columns(cells: Sequence[str]) -> list[str] | None:
    """The columns that a first line names; None when it names no id, and so is no header.

    DomainError for a column that nobody knows, or that comes twice.
    """
    named = [cell.lower().replace(" ", "_") for cell in cells]
    named = ["id" if name in ID_NAMES else name for name in named]
    if "id" not in named:
        return None
    for number, name in enumerate(named):
        if name not in COLUMNS:
            raise DomainError(
                "chargers.column_unknown",
                f"There is no column {cells[number][:50]!r}; there are {', '.join(COLUMNS)}.",
                field="line",
            )
        if name in named[:number]:
            raise DomainError(
                "chargers.column_twice", f"The column {name} comes twice.", field="line"
            )
    return named


def cells_read(cells: Mapping[str, str]) -> dict[str, Any]:
    """The values of the cells that say something; DomainError for the first that cannot be read."""
    values: dict[str, Any] = {}
    for name, reader in _READERS.items():
        if not cells.get(name):
            continue
        try:
            values[name] = reader(cells[name])
        except ValueError as err:
            raise DomainError("chargers.cell_invalid", str(err), field=name) from err
    return values
