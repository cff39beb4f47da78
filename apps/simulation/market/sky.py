"""The sky over a place: what the sun really gives and what a weather service foretells.

The roofs of the islands (`apps.simulation.devices.pv`) and these forecasts live under the same
clear sky and the same passing showers, so a forecast of a roof and its meter agree as they do in
reality: the hour is right, the minute is not. Pure functions of time and place.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import NamedTuple

from apps.simulation.devices.solar import (
    SYSTEM_EFFICIENCY,
    clear_sky_w_per_m2,
    cloud_factor,
    smooth_noise,
    solar_elevation_deg,
)
from apps.simulation.island import device_seed, load_island, operators

RESOLUTION = timedelta(minutes=15)
ISLAND_OFFSET = timedelta(hours=-4)
"""Guadeloupe and Martinique keep UTC-4 all year."""
_MOMENTS = tuple(timedelta(minutes=minutes) for minutes in (2.5, 7.5, 12.5))
_AROUND = range(-4, 5)
"""A weather model sees the showers of the hours around and not when each passes."""
_NEAR_DEG = 0.08
_SOLAR_CONSTANT_W_PER_M2 = 1361.0
_LOWEST_BEAM_SINE = 0.05
_STRONGEST_BEAM_W_PER_M2 = 1000.0
_ERROR_SEED = 0xF0CA57
_WIND_SEED = 0x3EA51DE


class Radiation(NamedTuple):
    """Means over a slot, W/m2: global horizontal, direct normal, diffuse horizontal."""

    ghi: float
    dni: float
    dhi: float


@dataclass(frozen=True)
class SkySlot:
    """`[start, start + 15 minutes)`: W/m2 of global irradiance, what came and what is foretold.

    `foretold` are P10 <= P50 <= P90; `sine` is that of the sun's elevation in the middle.
    """

    start: datetime
    sine: float
    actual_ghi: float
    foretold: tuple[float, float, float]

    @property
    def p10(self) -> Radiation:
        return divided(self.foretold[0], self.sine)

    @property
    def p50(self) -> Radiation:
        return divided(self.foretold[1], self.sine)

    @property
    def p90(self) -> Radiation:
        return divided(self.foretold[2], self.sine)


@cache
def place_seed(latitude: float, longitude: float) -> int:
    """The clouds of the nearest roof of the islands; elsewhere clouds of the place's own."""

    def distance(place: tuple[float, float, int]) -> float:
        return math.hypot(place[0] - latitude, place[1] - longitude)

    nearest = min(_roofs(), key=distance)
    if distance(nearest) <= _NEAR_DEG:
        return nearest[2]
    return device_seed("sky", f"{latitude:.2f}/{longitude:.2f}")


@lru_cache(maxsize=4096)
def sky_day(latitude: float, longitude: float, day: date) -> tuple[SkySlot, ...]:
    """The 96 slots of a UTC day over a place."""
    seed = place_seed(latitude, longitude)
    midnight = datetime.combine(day, time(0), UTC)
    before = len(_AROUND) // 2
    middles = [midnight + (number - before + 0.5) * RESOLUTION for number in range(96 + 2 * before)]
    clouds = [cloud_factor(middle, seed=seed) for middle in middles]
    slots = []
    for number in range(96):
        start = midnight + number * RESOLUTION
        moments = [start + moment for moment in _MOMENTS]
        clear = [_clear(at, latitude, longitude) for at in moments]
        came = [w * cloud_factor(at, seed=seed) for w, at in zip(clear, moments, strict=True)]
        expected = _mean(clouds[number : number + len(_AROUND)])
        shares = _foretold_shares(start, expected, seed)
        middle = start + RESOLUTION / 2
        elevation = solar_elevation_deg(middle, latitude=latitude, longitude=longitude)
        low, likely, high = (share * _mean(clear) for share in shares)
        sine = math.sin(math.radians(elevation))
        slots.append(SkySlot(start, sine, _mean(came), (low, likely, high)))
    return tuple(slots)


def sky_slot(start: datetime, *, latitude: float, longitude: float) -> SkySlot:
    """The quarter hour from `start` (UTC)."""
    slots = sky_day(latitude, longitude, start.astimezone(UTC).date())
    return slots[start.hour * 4 + start.minute // 15]


def sky_between(
    start: datetime, end: datetime, *, latitude: float, longitude: float
) -> list[SkySlot]:
    """The slots of [start, end), both on a quarter hour of UTC."""
    count = (end - start) // RESOLUTION
    return [
        sky_slot(start + number * RESOLUTION, latitude=latitude, longitude=longitude)
        for number in range(count)
    ]


def temperature_c(at: datetime) -> float:
    """The air by the sea: 24 before sunrise, 30 after noon, a little different each day."""
    hour = _island_hour(at)
    day = smooth_noise(at.timestamp() / 86_400, _WIND_SEED ^ 0x77) - 0.5
    return 27.0 + 2.6 * math.cos((hour - 14) / 12 * math.pi) + 1.2 * day


def wind_m_per_s(at: datetime) -> float:
    """The trade wind at 10 m: 3 to 9, stronger by day."""
    hour = _island_hour(at)
    field = smooth_noise(at.timestamp() / 21_600, _WIND_SEED)
    return 3.5 + 4.0 * field + 0.8 * math.cos((hour - 14) / 12 * math.pi)


def pv_share(ghi_w_per_m2: float) -> float:
    """What a roof gives (0 to 1 of its rating) under an irradiance, as the devices do."""
    return min(1.0, SYSTEM_EFFICIENCY * ghi_w_per_m2 / 1000)


def divided(ghi: float, sine: float) -> Radiation:
    """A global irradiance in its parts: Erbs, Klein and Duffie 1982, by the clearness index."""
    if ghi <= 0 or sine < _LOWEST_BEAM_SINE:
        return Radiation(ghi, 0.0, ghi)
    k = min(1.0, ghi / (_SOLAR_CONSTANT_W_PER_M2 * sine))
    if k <= 0.22:
        diffuse = 1.0 - 0.09 * k
    elif k <= 0.80:
        diffuse = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    else:
        diffuse = 0.165
    beam = min(_STRONGEST_BEAM_W_PER_M2, ghi * (1 - diffuse) / sine)
    return Radiation(ghi, beam, ghi - beam * sine)


def _foretold_shares(start: datetime, expected: float, seed: int) -> tuple[float, float, float]:
    """P10, P50 and P90 of the clear sky's radiation."""
    error = 0.08 * (smooth_noise(start.timestamp() / 10_800, seed ^ _ERROR_SEED) - 0.5)
    p50 = min(0.97, max(0.35, expected + error))
    p10 = max(0.25, p50 - 0.12 - 0.9 * (1 - p50))
    p90 = min(1.0, p50 + 0.04 + 0.85 * (1 - p50))
    return p10, p50, p90


def _clear(at: datetime, latitude: float, longitude: float) -> float:
    return clear_sky_w_per_m2(solar_elevation_deg(at, latitude=latitude, longitude=longitude))


@cache
def _roofs() -> tuple[tuple[float, float, int], ...]:
    return tuple(
        (device.latitude, device.longitude, device_seed(operator, device.code))
        for operator in operators()
        for device in load_island(operator).devices
        if device.kind == "pv"
    )


def _island_hour(at: datetime) -> float:
    local = at.astimezone(UTC) + ISLAND_OFFSET
    return local.hour + local.minute / 60


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
