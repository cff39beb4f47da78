"""Where the sun stands and what a PV roof gets from it: pure functions of time and place."""

import math
from datetime import UTC, datetime

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
_CLOUD_DIM = 0.75  # share of the power that the thickest cloud takes
SYSTEM_EFFICIENCY = 0.88
"""Heat, inverter, dirt: a 5 kWp roof gives 4.4 kW at 1000 W/m2."""


def solar_elevation_deg(at: datetime, *, latitude: float, longitude: float) -> float:
    """Elevation of the sun's centre above the horizon, within about 0.02 degrees, no refraction.

    Source: Astronomical Almanac, "Low precision formulas for the Sun's coordinates".
    """
    days = (at - _J2000).total_seconds() / 86400.0
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(
        mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly)
    )
    obliquity = math.radians(23.439 - 0.0000004 * days)
    right_ascension = math.atan2(math.cos(obliquity) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(obliquity) * math.sin(ecliptic))
    sidereal = math.radians(280.46062 + 360.98564737 * days + longitude)
    hour_angle = sidereal - right_ascension
    sine = math.sin(math.radians(latitude)) * math.sin(declination) + math.cos(
        math.radians(latitude)
    ) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def clear_sky_w_per_m2(elevation_deg: float) -> float:
    """Global horizontal irradiance of a clear sky (Haurwitz 1945); 0 below the horizon."""
    cosine_zenith = math.sin(math.radians(elevation_deg))
    if cosine_zenith <= 0:
        return 0.0
    return 1098.0 * cosine_zenith * math.exp(-0.057 / cosine_zenith)


def cloud_factor(at: datetime, *, seed: int) -> float:
    """Share of the clear-sky power that passes the clouds, 0.25 to 1; the same for the same seed.

    Fields of cloud pass in about half an hour, single clouds in minutes.
    """
    seconds = at.timestamp()
    field = smooth_noise(seconds / 1900.0, seed)
    single = smooth_noise(seconds / 230.0, seed ^ 0x5EED)
    cover = _smoothstep(0.45, 0.95, 0.65 * field + 0.35 * single)
    return 1.0 - _CLOUD_DIM * cover


def available_power_kw(
    at: datetime, *, latitude: float, longitude: float, rated_power_kw: float, seed: int
) -> float:
    """What the roof could feed in now (kW AC, >= 0) if nobody limits it."""
    elevation = solar_elevation_deg(at, latitude=latitude, longitude=longitude)
    irradiance = clear_sky_w_per_m2(elevation) * cloud_factor(at, seed=seed)
    return min(rated_power_kw, rated_power_kw * SYSTEM_EFFICIENCY * irradiance / 1000.0)


def smooth_noise(position: float, seed: int) -> float:
    """Value noise: 0 to 1, smooth, one new random level per unit of `position`."""
    whole = math.floor(position)
    part = position - whole
    weight = part * part * (3 - 2 * part)
    return _level(whole, seed) * (1 - weight) + _level(whole + 1, seed) * weight


def _level(number: int, seed: int) -> float:
    """A random number in [0, 1) that depends on its arguments alone (splitmix64)."""
    mixed = (number * 0x9E3779B97F4A7C15 + seed * 0xD1B54A32D192ED03) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)


def _smoothstep(low: float, high: float, value: float) -> float:
    share = max(0.0, min(1.0, (value - low) / (high - low)))
    return share * share * (3 - 2 * share)
