"""What a MWh counts for the optimiser under each objective. Pure.

The price is what the operator pays; the steering price is what the plan obeys. They are the same
under `cost` and `reserve`; a plan's cost is always told at the real price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from apps.flexibility.choices import Objective


@dataclass(frozen=True, slots=True)
class Aim:
    """An objective with its numbers, as of `SitePolicy`."""

    objective: Objective
    feed_in_margin_eur_per_mwh: float
    co2_price_eur_per_t: float
    evening_from: time
    evening_until: time
    evening_bonus_eur_per_mwh: float
    time_zone: str


@dataclass(frozen=True, slots=True)
class Steering:
    """EUR/MWh per slot: what drawing costs and what feeding in earns, for the optimiser.

    Feeding in always earns less than drawing costs: equal prices would make it free to do both.
    """

    consumption: tuple[float, ...]
    production: tuple[float, ...]


def steering(
    *,
    aim: Aim,
    starts: Sequence[datetime],
    consumption: Sequence[float],
    production: Sequence[float],
    co2_g_per_kwh: Sequence[float | None],
) -> Steering:
    """The steering prices of the slots that begin at `starts`.

    `co2`: a g/kWh counts `co2_price / 1000` EUR/MWh, drawn or displaced. `self_consumption`: what
    is fed in earns nothing (less than nothing where the price is negative). `evening_peak`: energy
    in the local window counts the bonus more, so that the storages give it then.
    """
    extra = [0.0] * len(starts)
    if aim.objective == Objective.CO2:
        known = [grams for grams in co2_g_per_kwh if grams is not None]
        mean = sum(known) / len(known) if known else 0.0
        extra = [
            (mean if grams is None else grams) * aim.co2_price_eur_per_t / 1000
            for grams in co2_g_per_kwh
        ]
    elif aim.objective == Objective.EVENING_PEAK:
        zone = ZoneInfo(aim.time_zone)
        extra = [
            aim.evening_bonus_eur_per_mwh if in_window(aim, start.astimezone(zone).time()) else 0.0
            for start in starts
        ]
    bought = [price + more for price, more in zip(consumption, extra, strict=True)]
    sold = [price + more for price, more in zip(production, extra, strict=True)]
    if aim.objective == Objective.SELF_CONSUMPTION:
        margin = aim.feed_in_margin_eur_per_mwh
        sold = [min(0.0, price - margin) for price in bought]
    return Steering(tuple(bought), tuple(sold))


def in_window(aim: Aim, local: time) -> bool:
    """Whether a local time lies in the evening window; one over midnight is understood."""
    if aim.evening_from <= aim.evening_until:
        return aim.evening_from <= local < aim.evening_until
    return local >= aim.evening_from or local < aim.evening_until
