"""A forecast as numbers: one point for each quarter hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

SLOT_COUNT: Final = 192
"""48 h of quarter hours."""
HORIZON: Final = timedelta(hours=48)
History: TypeAlias = Mapping[datetime, float]
"""Slot start (UTC): mean power in kW (consumption positive), price in EUR/MWh or g/kWh."""
Stored: TypeAlias = list[list[float | None]]
"""[[p50, p10, p90], ...] as a forecast is kept."""
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Point:
    """What is expected of one quarter hour; p10 <= p50 <= p90, all None where nothing is known.

    Percentiles of the signed value: of PV, which is negative, p10 is the sunnier end.
    """

    p50: float | None = None
    p10: float | None = None
    p90: float | None = None


NOTHING: Final = Point()


@dataclass(frozen=True, slots=True)
class Made:
    """One forecast, of what was known at `made_at`: a point for each quarter hour from `start`."""

    made_at: datetime
    start: datetime
    points: Sequence[Point]


def points_within(
    points: Sequence[Point], *, lowest: float | None = None, highest: float | None = None
) -> list[Point]:
    """The points with every figure moved into [lowest, highest]: no sun below zero."""

    def within(value: float | None) -> float | None:
        if value is None:
            return None
        if lowest is not None:
            value = max(value, lowest)
        return value if highest is None else min(value, highest)

    return [Point(within(one.p50), within(one.p10), within(one.p90)) for one in points]


def points_stored(points: Sequence[Point]) -> Stored:
    """The points as they are kept, four digits behind the point."""
    return [[_rounded(one.p50), _rounded(one.p10), _rounded(one.p90)] for one in points]


def points_read(stored: Stored) -> list[Point]:
    """The points of what was kept."""
    return [Point(*row) for row in stored]


def is_empty(points: Sequence[Point]) -> bool:
    """Whether nothing at all is expected."""
    return all(one.p50 is None for one in points)


def _rounded(value: float | None) -> float | None:
    # `+ 0.0` turns a negative zero into zero.
    return None if value is None else round(value, _DIGITS) + 0.0
