"""Declared peak windows and alerts, and the adder they put on a quarter hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from apps.markets.island.errors import IslandError
from apps.markets.island.local_days import ALL_DAYS, DayRules, DayType, DayWindow, window_check
from cariflex.common.units import QUARTER_HOUR

PART: Final = "scarcity"
MAX_ADDER_EUR_PER_MWH: Final = Decimal(99_999)


@dataclass(frozen=True, slots=True)
class PeakWindow:
    """A window of the local days `[valid_from, valid_to)` of some types, with its adder.

    Raises IslandError for a window off the quarter hours, no day type, an adder below 0 and a
    validity that ends before it starts.
    """

    name: str
    window: DayWindow
    adder_eur_per_mwh: Decimal
    day_types: frozenset[DayType] = ALL_DAYS
    valid_from: date | None = None
    valid_to: date | None = None

    def __post_init__(self) -> None:
        window_check(self.window, "window")
        _adder_check(self.adder_eur_per_mwh)
        if not self.day_types:
            raise IslandError(PART, "day_types", "has no day type")
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise IslandError(PART, "valid_to", "is not after valid_from")

    def holds_at(self, local: datetime, day_type: DayType) -> bool:
        """Whether it holds at a local time of a day of a type."""
        day = local.date()
        return (
            day_type in self.day_types
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_to is None or day < self.valid_to)
            and self.window.holds_at(local.hour * 60 + local.minute)
        )


@dataclass(frozen=True, slots=True)
class Alert:
    """A declared shortage `[start, end)`, UTC; a quarter hour that it touches is in it.

    Raises IslandError for instants without zone, an end not after the start and an adder below 0.
    """

    name: str
    start: datetime
    end: datetime
    adder_eur_per_mwh: Decimal

    def __post_init__(self) -> None:
        for field, at in (("start", self.start), ("end", self.end)):
            if at.tzinfo is None:
                raise IslandError(PART, field, "has no time zone")
        if self.end <= self.start:
            raise IslandError(PART, "end", "is not after start")
        _adder_check(self.adder_eur_per_mwh)

    def touches(self, start: datetime) -> bool:
        """Whether the quarter hour from `start` overlaps the alert."""
        return self.start < start + QUARTER_HOUR and start < self.end


@dataclass(frozen=True, slots=True)
class Scarcity:
    """The adder that counts in a slot and what it comes from."""

    adder_eur_per_mwh: Decimal
    name: str
    is_alert: bool


def scarcity_at(
    start: datetime,
    *,
    peaks: Sequence[PeakWindow],
    alerts: Sequence[Alert],
    zone: ZoneInfo,
    days: DayRules,
) -> Scarcity | None:
    """The greatest adder of the windows and alerts of a quarter hour; None out of all of them.

    Of equal adders the alert counts, then the first by name.
    """
    local = start.astimezone(zone)
    day_type = days.day_type(local.date())
    found = [
        Scarcity(peak.adder_eur_per_mwh, peak.name, is_alert=False)
        for peak in peaks
        if peak.holds_at(local, day_type)
    ] + [
        Scarcity(alert.adder_eur_per_mwh, alert.name, is_alert=True)
        for alert in alerts
        if alert.touches(start)
    ]
    return min(
        found,
        key=lambda one: (-one.adder_eur_per_mwh, not one.is_alert, one.name),
        default=None,
    )


def _adder_check(adder: Decimal) -> None:
    if not adder.is_finite() or not 0 <= adder <= MAX_ADDER_EUR_PER_MWH:
        raise IslandError(
            PART, "adder_eur_per_mwh", f"{adder} is not between 0 and {MAX_ADDER_EUR_PER_MWH}"
        )
