"""What a MWh usually costs to make at an hour of a type of day, from the costs of past days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from apps.markets.island.local_days import DayRules, DayType

MIN_VALUES: Final = 3
"""Fewer costs of an hour say nothing of it."""
STEP: Final = Decimal("0.01")
_ANY_DAY: Final = None
_HourType = tuple[DayType | None, int]


@dataclass(frozen=True, slots=True)
class CostProfile:
    """Mean costs by (type of day, local hour) and by hour of any day, EUR/MWh to 0.01."""

    zone: ZoneInfo
    days: DayRules
    means: Mapping[_HourType, Decimal]

    def cost_at(self, start: datetime) -> Decimal | None:
        """The usual cost of the hour that holds `start`; None when too few costs are known.

        The mean of its type of day, else of any day.
        """
        local = start.astimezone(self.zone)
        kind = self.days.day_type(local.date())
        return self.means.get((kind, local.hour), self.means.get((_ANY_DAY, local.hour)))


def cost_profile(
    costs: Iterable[tuple[datetime, Decimal]], *, zone: ZoneInfo, days: DayRules
) -> CostProfile:
    """The profile of past costs (start of the slot in UTC, EUR/MWh).

    A mean needs at least 3 costs: a day of quarter hours gives four to each hour.
    """
    groups: defaultdict[_HourType, list[Decimal]] = defaultdict(list)
    for start, cost in costs:
        local = start.astimezone(zone)
        groups[days.day_type(local.date()), local.hour].append(cost)
        groups[_ANY_DAY, local.hour].append(cost)
    means = {
        hour: (sum(values, Decimal(0)) / len(values)).quantize(STEP, ROUND_HALF_UP)
        for hour, values in groups.items()
        if len(values) >= MIN_VALUES
    }
    return CostProfile(zone, days, means)
