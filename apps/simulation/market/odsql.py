"""The part of Opendatasoft's query language (ODSQL) that the feeds use: comparisons and `and`.

    territoire='Guadeloupe' and date_heure>='2026-03-10T04:00:00Z' and date_heure<'2026-03-11'

A word is a field; a literal stands in single or double quotes, a date may have `date` before it.
Dates and times without an offset are of the zone that the query's `timezone` names.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from apps.simulation.market.feed import BadQueryError

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    ":": operator.eq,
}
_CLAUSE = re.compile(
    r"""\s*(\w+)\s*(>=|<=|!=|>|<|=|:)\s*(?:date)?(?:'([^']*)'|"([^"]*)")\s*""", re.ASCII
)
_AND = re.compile(r"and\b", re.IGNORECASE)


@dataclass(frozen=True)
class Comparison:
    """One field against one literal: an instant for a stamp field, else a text."""

    field: str
    symbol: str
    literal: datetime | str

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether a record passes."""
        value = record.get(self.field)
        if value is None:
            return False
        if isinstance(self.literal, datetime):
            value = datetime.fromisoformat(value)
        return _OPERATORS[self.symbol](value, self.literal)


def where_read(
    text: str, *, stamp: str, fields: frozenset[str], zone: ZoneInfo
) -> list[Comparison]:
    """The comparisons of a where clause, `stamp` the field of the time; BadQueryError."""
    found: list[Comparison] = []
    position = 0
    while position < len(text):
        match = _CLAUSE.match(text, position)
        if match is None:
            raise BadQueryError(f"where is malformed at character {position}")
        name, symbol = match[1], match[2]
        literal = match[3] if match[3] is not None else match[4]
        if name not in fields:
            raise BadQueryError(f"Unknown field: {name}")
        found.append(Comparison(name, symbol, _literal(literal, name == stamp, zone)))
        position = match.end()
        if position < len(text):
            joined = _AND.match(text, position)
            if joined is None or joined.end() == len(text):
                raise BadQueryError(f"where is malformed at character {position}")
            position = joined.end()
    return found


def _literal(text: str, is_stamp: bool, zone: ZoneInfo) -> datetime | str:  # noqa: FBT001
    if not is_stamp:
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError as err:
        raise BadQueryError(f"{text[:40]!r} is no date") from err
    return at if at.tzinfo else at.replace(tzinfo=zone)
