"""Production per quarter hour: the slot, and how half hours and hours of a feed become quarters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.markets.feeds.solcast import RooftopSlot
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR


class ProductionError(DomainError):
    """A series of production or its grid breaks a rule; `field` names the value."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__("pv.production", rule, field=field)


@dataclass(frozen=True, slots=True)
class ProductionSlot:
    """Mean AC power over the quarter hour from `start` (UTC): kW >= 0, p10 <= p50 <= p90."""

    start: datetime
    p50_kw: float
    p10_kw: float | None = None
    p90_kw: float | None = None

    def __post_init__(self) -> None:
        quarter_check("start", self.start)
        for name in ("p50_kw", "p10_kw", "p90_kw"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ProductionError(name, f"{value:g} is not a power of 0 kW or more")
        if self.p10_kw is not None and self.p10_kw > self.p50_kw:
            raise ProductionError("p10_kw", f"{self.p10_kw:g} is above p50 {self.p50_kw:g}")
        if self.p90_kw is not None and self.p90_kw < self.p50_kw:
            raise ProductionError("p90_kw", f"{self.p90_kw:g} is below p50 {self.p50_kw:g}")

    @property
    def end(self) -> datetime:
        """First instant after the slot."""
        return self.start + QUARTER_HOUR


def quarter_check(field: str, at: datetime) -> None:
    """Raise ProductionError unless `at` is aware and on the grid of quarter hours."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise ProductionError(field, "has no time zone")
    if at.timestamp() % QUARTER_HOUR.total_seconds():
        raise ProductionError(field, f"{at.isoformat()} is not the start of a quarter hour")


def quarter_starts(start: datetime, end: datetime) -> tuple[datetime, ...]:
    """The quarter hours of `[start, end)`. Raises ProductionError when it is no such range."""
    quarter_check("start", start)
    quarter_check("end", end)
    if end <= start:
        raise ProductionError("end", "is not after start")
    return tuple(start + n * QUARTER_HOUR for n in range((end - start) // QUARTER_HOUR))


def rooftop_quarters(slots: Iterable[RooftopSlot]) -> tuple[ProductionSlot, ...]:
    """A power forecast per quarter hour; the mean of a longer slot is that of each of its parts, so
    that energy is kept."""
    return tuple(
        ProductionSlot(start, slot.p50_kw, slot.p10_kw, slot.p90_kw)
        for slot in slots
        for start in quarter_starts(slot.start, slot.end)
    )


def energy_kwh(slots: Iterable[ProductionSlot]) -> float:
    """Energy of the P50 production."""
    return sum(slot.p50_kw for slot in slots) * QUARTER_HOUR.total_seconds() / 3_600
