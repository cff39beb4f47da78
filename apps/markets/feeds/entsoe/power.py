"""What the generation and load documents say: mean power of a zone per slot.

Quantities are measurements or forecasts of a whole zone, so they are float MW; nothing is billed
by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cariflex.common.units import QUARTER_HOUR


class Quality(StrEnum):
    """Whether a quantity was metered or foretold."""

    ACTUAL = "actual"
    FORECAST = "forecast"


class Process(StrEnum):
    """processType, as on the wire."""

    DAY_AHEAD = "A01"
    REALISED = "A16"
    CURRENT = "A18"
    INTRADAY = "A40"

    @property
    def quality(self) -> Quality:
        """Only what is realised is actual."""
        return Quality.ACTUAL if self is Process.REALISED else Quality.FORECAST


class Direction(StrEnum):
    """What flows: into the zone's grid, or out of it (load, a storage plant filling up)."""

    GENERATION = "generation"
    CONSUMPTION = "consumption"


@dataclass(frozen=True, slots=True)
class PowerSeries:
    """Mean power per slot without a gap, from `start` (UTC), `resolution` each.

    `power_mw` counts in the sense of `direction`: a generating unit's own use shows as negative
    generation. `psr_type` (B01 to B25) is None for the load of a whole zone.
    """

    area: str
    psr_type: str | None
    direction: Direction
    quality: Quality
    start: datetime
    resolution: timedelta
    power_mw: tuple[float, ...]

    @property
    def end(self) -> datetime:
        """First instant no longer covered."""
        return self.start + len(self.power_mw) * self.resolution

    def quarter_hours(self) -> Iterator[tuple[datetime, float]]:
        """Give the same power per quarter hour (start UTC, MW)."""
        steps = self.resolution // QUARTER_HOUR
        for number, power_mw in enumerate(self.power_mw):
            for step in range(steps):
                yield self.start + (number * steps + step) * QUARTER_HOUR, power_mw


@dataclass(frozen=True, slots=True)
class PowerDocument:
    """One answer about a zone's power.

    `series` is ordered by direction, psr_type and start. A type has more than one series only
    where nothing is stated in between or where the resolution changes; they never overlap.
    """

    document_id: str
    revision: int
    created_at: datetime
    area: str
    document_type: str
    process: Process
    series: tuple[PowerSeries, ...]

    @property
    def quality(self) -> Quality:
        """Actual or forecast, the same for every series."""
        return self.process.quality

    @property
    def generation(self) -> tuple[PowerSeries, ...]:
        """The production mix: without what storage plants draw."""
        return tuple(s for s in self.series if s.direction is Direction.GENERATION)

    @property
    def consumption(self) -> tuple[PowerSeries, ...]:
        """The load, or in an A75 document what storage plants draw."""
        return tuple(s for s in self.series if s.direction is Direction.CONSUMPTION)
