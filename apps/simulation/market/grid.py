"""What runs on an island and what it costs: pure functions of the island and its day.

The shape of a day: load is lowest before dawn, high at noon (air conditioning) and highest from
19 to 22 h; sun by day, which biomass makes room for; coal and geothermal flat; diesel engines
follow, and above what they can give combustion turbines, the dearest of all. Over a year
Guadeloupe has its shares of 2024: oil 56.7, coal 16.7, biomass 8.6, solar 6.9, geothermal 5.5,
wind 4.3, hydro 1.0 %. On an alert day the evening is hot and an engine group is out, which the
forecast of the day before does not know.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from apps.simulation.devices.solar import smooth_noise
from apps.simulation.island import Island, device_seed, load_island
from apps.simulation.market.sky import (
    RESOLUTION,
    pv_share,
    sky_slot,
    wind_m_per_s,
)

ALERT_EVERY_DAYS = 10
SLOTS = 96
EVENING = range(19 * 4, 22 * 4)
"""The quarter hours of the peak, 19 to 22 h island time."""
INTERMITTENT_SHARE = 0.26
"""Grids of islands disconnect sun and wind above a share of the load that the operator sets."""
_LOAD_OF_HOUR = (
    *(0.92, 0.86, 0.82, 0.79, 0.78, 0.82, 0.89, 0.95, 1.00, 1.04, 1.07, 1.09),
    *(1.10, 1.10, 1.09, 1.07, 1.04, 1.04, 1.12, 1.25, 1.29, 1.26, 1.14, 1.00),
)
_SUNDAY = 6
_REFERENCE_WIND_M_PER_S = 5.5
_UNIT_COST_EUR_PER_MWH = {
    "charbon": 185.0,
    "diesel": 265.0,
    "turbines_combustion": 470.0,
    "bioenergies": 215.0,
    "photovoltaique": 190.0,
    "geothermie": 110.0,
    "eolien": 115.0,
    "hydraulique": 90.0,
}
"""Fuel, carbon and work of the plants, in the order of size of the regulator's reports."""


@dataclass(frozen=True)
class Plants:
    """What an island has, MW: means over a year, `solar_peak_mw` of all modules, and limits."""

    load_mw: float
    solar_peak_mw: float
    biomass_mw: float
    wind_mw: float
    coal_mw: float
    geothermal_mw: float
    hydro_mw: float
    engines_mw: float
    alert_engines_mw: float
    engine_field: str
    storage_mw: float


PLANTS = {
    "guadeloupe": Plants(
        load_mw=194.0,
        solar_peak_mw=63.0,
        biomass_mw=20.8,
        wind_mw=8.3,
        coal_mw=32.3,
        geothermal_mw=10.7,
        hydro_mw=1.9,
        engines_mw=135.0,
        alert_engines_mw=105.0,
        engine_field="diesel",
        storage_mw=5.0,
    ),
    "martinique": Plants(
        load_mw=175.0,
        solar_peak_mw=46.0,
        biomass_mw=27.0,
        wind_mw=5.0,
        coal_mw=0.0,
        geothermal_mw=0.0,
        hydro_mw=0.4,
        engines_mw=160.0,
        alert_engines_mw=130.0,
        engine_field="moteurs_diesels",
        storage_mw=4.0,
    ),
}


@dataclass(frozen=True)
class GridSlot:
    """Means over `[start, start + 15 minutes)`: MW by the names of EDF SEI's fields.

    `storage_mw` is positive when storage gives to the grid. The forecasts are those of the day
    before.
    """

    start: datetime
    power_mw: dict[str, float]
    storage_mw: float
    cost_eur_per_mwh: float
    load_forecast_mw: float
    solar_forecast_mw: float
    wind_forecast_mw: float
    load_mw: float = field(init=False)
    total_mw: float = field(init=False)

    def __post_init__(self) -> None:
        total = round(sum(self.power_mw.values()), 3)
        object.__setattr__(self, "total_mw", total)
        object.__setattr__(self, "load_mw", round(total + self.storage_mw, 3))


def is_alert_day(day: date, *, declared: frozenset[date] = frozenset()) -> bool:
    """Whether the grid is tense that day: one day in ten, and those declared."""
    return day in declared or _number("alert", day) % ALERT_EVERY_DAYS == 0


def island_day_start(operator: str, day: date) -> datetime:
    """The first instant of an island's day, in UTC."""
    zone = ZoneInfo(load_island(operator).time_zone)
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def island_day(operator: str, start: datetime) -> date:
    """The day of an island that an instant belongs to."""
    return start.astimezone(ZoneInfo(load_island(operator).time_zone)).date()


def grid_between(
    operator: str, start: datetime, end: datetime, *, declared: frozenset[date] = frozenset()
) -> Iterator[GridSlot]:
    """The quarter hours of an island that start in [start, end), in order."""
    day = island_day(operator, start)
    while island_day_start(operator, day) < end:
        is_alert = is_alert_day(day, declared=declared)
        for slot in grid_day(operator, day, is_alert=is_alert):
            if start <= slot.start < end:
                yield slot
        day += timedelta(days=1)


@lru_cache(maxsize=1024)
def grid_day(operator: str, day: date, *, is_alert: bool) -> tuple[GridSlot, ...]:
    """The 96 quarter hours of an island's day."""
    midnight = island_day_start(operator, day)
    return tuple(
        _slot(operator, midnight + number * RESOLUTION, number, is_alert=is_alert)
        for number in range(SLOTS)
    )


def _slot(operator: str, start: datetime, number: int, *, is_alert: bool) -> GridSlot:
    plants = PLANTS[operator]
    seed = device_seed(operator, "grid")
    expected_mw = _expected_load_mw(plants, operator, start, number)
    surprise = 1 + 0.03 * (smooth_noise(start.timestamp() / 7_200, seed) - 0.5)
    load_mw = expected_mw * surprise * (_alert_heat(number) if is_alert else 1.0)
    sun, sun_forecast = _sun_share(operator, start)
    wind_mw = plants.wind_mw * _wind_share(start)
    solar_mw = _solar_mw(plants, sun, wind_mw=wind_mw, load_mw=load_mw)
    foretold_mw = _solar_mw(plants, sun_forecast, wind_mw=wind_mw, load_mw=expected_mw)
    wind_error = 0.3 * (smooth_noise(start.timestamp() / 10_800, seed ^ 0x51) - 0.5)
    storage_mw = _storage_mw(plants, number)
    room = 1 - 0.9 * solar_mw / plants.solar_peak_mw
    fixed = {
        "charbon": plants.coal_mw * _steady(start, seed ^ 0xC0A1),
        "bioenergies": plants.biomass_mw * room * _steady(start, seed ^ 0xB10),
        "geothermie": plants.geothermal_mw * _steady(start, seed ^ 0x6E0),
        "hydraulique": plants.hydro_mw * (1.5 if number in EVENING else 0.93),
        "eolien": wind_mw,
        "photovoltaique": solar_mw,
    }
    oil_mw = load_mw - storage_mw - sum(fixed.values())
    engines_mw = min(oil_mw, plants.alert_engines_mw if is_alert else plants.engines_mw)
    power_mw = {name: round(mw, 3) for name, mw in fixed.items()}
    power_mw[plants.engine_field] = round(engines_mw, 3)
    power_mw["turbines_combustion"] = round(oil_mw - engines_mw, 3)
    return GridSlot(
        start=start,
        power_mw=power_mw,
        storage_mw=round(storage_mw, 3),
        cost_eur_per_mwh=_cost_eur_per_mwh(power_mw, plants),
        load_forecast_mw=round(expected_mw, 3),
        solar_forecast_mw=round(foretold_mw, 3),
        wind_forecast_mw=round(max(0.0, wind_mw * (1 + wind_error)), 3),
    )


def _expected_load_mw(plants: Plants, operator: str, start: datetime, number: int) -> float:
    hour, part = divmod(number, 4)
    weight = (part + 0.5) / 4
    shape = _LOAD_OF_HOUR[hour] * (1 - weight) + _LOAD_OF_HOUR[(hour + 1) % 24] * weight
    day = island_day(operator, start)
    mean = sum(_LOAD_OF_HOUR) / len(_LOAD_OF_HOUR)
    season = 1 + 0.04 * math.cos((day.month - 8) / 6 * math.pi)
    heat = 0.98 + 0.04 * (_number(f"heat {operator}", day) % 101) / 100
    rest = 0.97 if day.weekday() == _SUNDAY else 1.0
    return plants.load_mw * shape / mean * season * heat * rest


def _alert_heat(number: int) -> float:
    return 1.06 if number in EVENING else 1.015


def _sun_share(operator: str, start: datetime) -> tuple[float, float]:
    """What all roofs of the island give and were foretold to give, of their rating."""
    places = _places(operator)
    actual = foretold = 0.0
    for latitude, longitude in places:
        slot = sky_slot(start, latitude=latitude, longitude=longitude)
        actual += pv_share(slot.actual_ghi)
        foretold += pv_share(slot.foretold[1])
    return actual / len(places), foretold / len(places)


def _solar_mw(plants: Plants, share: float, *, wind_mw: float, load_mw: float) -> float:
    """Sun and wind together get no more than a share of the load; above it PV is throttled."""
    return min(plants.solar_peak_mw * share, INTERMITTENT_SHARE * load_mw - wind_mw)


def _wind_share(start: datetime) -> float:
    """Of the mean: the power of a trade wind goes with more than its speed, up to the rating."""
    return min(1.6, (wind_m_per_s(start) / _REFERENCE_WIND_M_PER_S) ** 1.6)


def _storage_mw(plants: Plants, number: int) -> float:
    """Positive gives to the grid: charged around noon, spent in the peak, a third lost or kept."""
    if number in EVENING:
        return plants.storage_mw
    if 10 * 4 <= number < 14 * 4:
        return -plants.storage_mw * 0.9
    return 0.0


def _steady(start: datetime, seed: int) -> float:
    """0.96 to 1.04."""
    return 1 + 0.08 * (smooth_noise(start.timestamp() / 14_400, seed) - 0.5)


def _cost_eur_per_mwh(power_mw: dict[str, float], plants: Plants) -> float:
    costs = _UNIT_COST_EUR_PER_MWH | {plants.engine_field: _UNIT_COST_EUR_PER_MWH["diesel"]}
    spent = sum(mw * costs[name] for name, mw in power_mw.items())
    return round(spent / sum(power_mw.values()), 2)


@cache
def _places(operator: str) -> tuple[tuple[float, float], ...]:
    island: Island = load_island(operator)
    return tuple((one.latitude, one.longitude) for one in island.devices if one.kind == "pv")


def _number(word: str, day: date) -> int:
    digest = hashlib.sha256(f"{word} {day.isoformat()}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
