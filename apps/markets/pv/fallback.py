"""Which forecast a quarter hour takes: Solcast, else Open-Meteo, else Météo-France (which has no
beam radiation), else a clear sky x persistence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from apps.markets.pv.production import (
    ProductionError,
    ProductionSlot,
    quarter_check,
    quarter_starts,
)

# Ten plants of ten cells have one Solcast call a day; six hours more let a late one pass.
MAX_AGE: Final = timedelta(hours=30)
# An assumption, to be replaced by measurements: trade-wind skies pass some 70 % of a clear day.
DEFAULT_PERSISTENCE: Final = 0.7
# Broken clouds lift an hour a little above the clear sky, never a day.
MAX_PERSISTENCE: Final = 1.1
# Below this part of the day's peak, dawn and shade say little of the clouds.
MIN_PART_OF_PEAK: Final = 0.1


class Quality(StrEnum):
    """Where a slot comes from, best first."""

    SOLCAST = "solcast"
    OPEN_METEO = "open_meteo"
    METEO_FRANCE = "meteo_france"
    CLEAR_SKY = "clear_sky"


@dataclass(frozen=True, slots=True)
class Source:
    """A forecast of production, and when it was fetched."""

    quality: Quality
    fetched_at: datetime
    slots: tuple[ProductionSlot, ...]


@dataclass(frozen=True, slots=True)
class ForecastSlot:
    """A quarter hour of the chain with the word for where it comes from."""

    production: ProductionSlot
    quality: Quality


def forecast_chain(
    *,
    start: datetime,
    end: datetime,
    now: datetime,
    sources: Iterable[Source],
    clear_sky: Sequence[ProductionSlot],
    persistence: float,
    max_age: timedelta = MAX_AGE,
) -> tuple[ForecastSlot, ...]:
    """Every quarter hour of `[start, end)` from the best source that has it.

    A source older than `max_age` is not used; of two of one quality the later one is. The clear
    sky covers the whole range, is multiplied by `persistence` and gives no P10 or P90: a scaled
    curve says nothing of its own error. Raises ProductionError: no such range, a slot given
    twice in one source, a source from the future, a quarter hour without even a clear sky.
    """
    if not 0 <= persistence <= MAX_PERSISTENCE:
        raise ProductionError("persistence", f"{persistence:g} is not in [0, {MAX_PERSISTENCE}]")
    starts = quarter_starts(start, end)
    chosen: dict[datetime, ForecastSlot] = {
        slot.start: ForecastSlot(
            ProductionSlot(slot.start, slot.p50_kw * persistence), Quality.CLEAR_SKY
        )
        for slot in _by_start("clear_sky", clear_sky).values()
    }
    for source in _usable(sources, now=now, max_age=max_age):
        for slot in _by_start(source.quality.value, source.slots).values():
            chosen[slot.start] = ForecastSlot(slot, source.quality)
    missing = next((at for at in starts if at not in chosen), None)
    if missing is not None:
        raise ProductionError("clear_sky", f"has no slot at {missing.isoformat()}")
    return tuple(chosen[at] for at in starts)


def persistence_factor(
    *,
    measured_kw: Iterable[tuple[datetime, float]],
    clear_sky: Sequence[ProductionSlot],
) -> float:
    """How much of the clear sky the plant made of late: measured energy over clear-sky energy.

    `measured_kw` are quarter hours (start, mean kW >= 0). Slots without a clear sky of at least a
    tenth of its peak are left out; with none left it is DEFAULT_PERSISTENCE. In [0, 1.1].
    """
    clear = _by_start("clear_sky", clear_sky)
    bar_kw = MIN_PART_OF_PEAK * max((slot.p50_kw for slot in clear.values()), default=0.0)
    made_kw = possible_kw = 0.0
    seen: set[datetime] = set()
    for at, power_kw in measured_kw:
        quarter_check("measured_kw", at)
        if not 0 <= power_kw < float("inf"):
            raise ProductionError("measured_kw", f"{power_kw:g} is not a power of 0 kW or more")
        if at in seen:
            raise ProductionError("measured_kw", f"{at.isoformat()} is given twice")
        seen.add(at)
        slot = clear.get(at)
        if slot is not None and slot.p50_kw >= bar_kw > 0:
            made_kw += power_kw
            possible_kw += slot.p50_kw
    if not possible_kw:
        return DEFAULT_PERSISTENCE
    return min(made_kw / possible_kw, MAX_PERSISTENCE)


def _usable(sources: Iterable[Source], *, now: datetime, max_age: timedelta) -> list[Source]:
    """Worst first, older first, so that the better one is written last."""
    rank = {quality: n for n, quality in enumerate(reversed(Quality))}
    found: list[Source] = []
    for source in sources:
        if source.fetched_at > now:
            raise ProductionError("fetched_at", f"{source.quality.value} is from the future")
        if now - source.fetched_at <= max_age:
            found.append(source)
    return sorted(found, key=lambda source: (rank[source.quality], source.fetched_at))


def _by_start(name: str, slots: Iterable[ProductionSlot]) -> dict[datetime, ProductionSlot]:
    found: dict[datetime, ProductionSlot] = {}
    for slot in slots:
        if slot.start in found:
            raise ProductionError(name, f"{slot.start.isoformat()} is given twice")
        found[slot.start] = slot
    return found
