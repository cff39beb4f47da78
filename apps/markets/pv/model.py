"""Production of a plant from radiation, temperature and wind, by pvlib.

Sun at mid-slot, Hay-Davies transposition, Faiman cell temperature, PVWatts DC and inverter. Only
this module imports pvlib, whose import costs about a second. The sun is reckoned once per
forecast cell and shared by the plants of the cell.

Sources: Hay and Davies 1980; Faiman 2008 (10.1002/pip.813); PVWatts version 5 (NREL/TP-6A20-62641);
Ineichen and Perez 2002; Erbs, Klein and Duffie 1982; all as in pvlib.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pvlib

from apps.markets.feeds.weather import Irradiance, WeatherForecast
from apps.markets.pv.grouping import Cell, cell_of, cells_of
from apps.markets.pv.plant import PvArray, PvPlant
from apps.markets.pv.production import (
    ProductionError,
    ProductionSlot,
    quarter_check,
    quarter_starts,
)
from cariflex.common.units import QUARTER_HOUR

Floats: TypeAlias = npt.NDArray[np.float64]

ALBEDO: Final = 0.2
INVERTER_EFFICIENCY: Final = 0.96  # PVWatts version 5
IDLE_PART: Final = 0.001
# Lower than 5 degrees the circumsolar part of Hay-Davies grows without bound on upright modules.
MAX_CIRCUMSOLAR_ZENITH: Final = 85.0
HORIZON_ZENITH: Final = 90.0
# A clear tropical sky with sea salt; between 3 (clean) and 5 (humid or dusty).
LINKE_TURBIDITY: Final = 4.0
TRADE_WIND_TEMPERATURE_C: Final = 27.0
TRADE_WIND_M_PER_S: Final = 4.0


@dataclass(frozen=True)
class Sky:
    """Where the sun is at the middle of each quarter hour, degrees, and its strength, W/m2.

    `zenith` is without refraction, `apparent_zenith` with; `azimuth` clockwise from north.
    """

    starts: tuple[datetime, ...]
    zenith: Floats
    apparent_zenith: Floats
    azimuth: Floats
    dni_extra_w_per_m2: Floats
    day_of_year: npt.NDArray[np.int32]


@dataclass(frozen=True)
class _Field:
    """Radiation per quarter hour, W/m2."""

    ghi: Floats
    dni: Floats
    dhi: Floats


def sky_over(latitude: float, longitude: float, starts: Sequence[datetime]) -> Sky:
    """The sun over a place in the quarter hours from `starts` (UTC)."""
    if not starts:
        raise ProductionError("starts", "is empty")
    for start in starts:
        quarter_check("starts", start)
    middles = pd.DatetimeIndex([start + QUARTER_HOUR / 2 for start in starts]).tz_convert("UTC")
    sun = pvlib.solarposition.get_solarposition(middles, latitude, longitude)
    day_of_year = np.asarray(middles.day_of_year)
    return Sky(
        starts=tuple(starts),
        zenith=sun["zenith"].to_numpy(),
        apparent_zenith=sun["apparent_zenith"].to_numpy(),
        azimuth=sun["azimuth"].to_numpy(),
        dni_extra_w_per_m2=np.asarray(pvlib.irradiance.get_extra_radiation(day_of_year)),
        day_of_year=day_of_year,
    )


def weather_starts(weather: WeatherForecast) -> tuple[datetime, ...]:
    """The quarter hours that a forecast covers."""
    return tuple(s for slot in weather.slots for s in quarter_starts(slot.start, slot.end))


def production(
    plant: PvPlant, weather: WeatherForecast, *, sky: Sky | None = None
) -> tuple[ProductionSlot, ...]:
    """Mean AC power per quarter hour of the forecast; P10 and P90 where the radiation has them.

    A longer slot is divided by the height of the sun, so that its energy is kept and the morning
    of an hour differs from its evening. `sky` is that of `weather_starts(weather)`. P10 and P90
    are held at or beyond P50: the percentiles of the three radiations need not come from one sky.
    Raises ProductionError when `sky` is of other quarter hours.
    """
    starts = weather_starts(weather)
    if sky is None:
        sky = sky_over(plant.latitude, plant.longitude, starts)
    elif sky.starts != starts:
        raise ProductionError("sky", "is not of the quarter hours of the weather")
    parts = weather.resolution // QUARTER_HOUR
    temperature_c = np.repeat([slot.temperature_c for slot in weather.slots], parts)
    wind_m_per_s = np.repeat([slot.wind_m_per_s for slot in weather.slots], parts)

    def power_kw(radiation: Sequence[Irradiance]) -> Floats:
        return _power_kw(plant, _quarters(radiation, parts, sky), sky, temperature_c, wind_m_per_s)

    p50 = power_kw([slot.p50 for slot in weather.slots])
    p10 = np.minimum(power_kw([slot.p10 or slot.p50 for slot in weather.slots]), p50)
    p90 = np.maximum(power_kw([slot.p90 or slot.p50 for slot in weather.slots]), p50)
    has_p10 = np.repeat([slot.p10 is not None for slot in weather.slots], parts)
    has_p90 = np.repeat([slot.p90 is not None for slot in weather.slots], parts)
    return tuple(
        ProductionSlot(
            start,
            float(p50[n]),
            float(p10[n]) if has_p10[n] else None,
            float(p90[n]) if has_p90[n] else None,
        )
        for n, start in enumerate(starts)
    )


def productions(
    plants: Mapping[str, PvPlant], weather: Mapping[Cell, WeatherForecast]
) -> dict[str, tuple[ProductionSlot, ...]]:
    """The production of every plant whose cell has a forecast, by the plant's name."""
    found: dict[str, tuple[ProductionSlot, ...]] = {}
    for cell, names in cells_of(plants).items():
        if cell not in weather:
            continue
        sky = sky_over(cell.latitude, cell.longitude, weather_starts(weather[cell]))
        for name in names:
            found[name] = production(plants[name], weather[cell], sky=sky)
    return found


def clear_sky_production(
    plant: PvPlant,
    starts: Sequence[datetime],
    *,
    sky: Sky | None = None,
    linke_turbidity: float = LINKE_TURBIDITY,
    temperature_c: float = TRADE_WIND_TEMPERATURE_C,
    wind_m_per_s: float = TRADE_WIND_M_PER_S,
) -> tuple[ProductionSlot, ...]:
    """Mean AC power per quarter hour under a cloudless sky (Ineichen), with no percentiles."""
    if sky is None:
        cell = cell_of(plant.latitude, plant.longitude)
        sky = sky_over(cell.latitude, cell.longitude, starts)
    elif sky.starts != tuple(starts):
        raise ProductionError("sky", "is not of these quarter hours")
    field = _clear_field(sky, plant.altitude_m, linke_turbidity)
    size = len(sky.starts)
    power_kw = _power_kw(
        plant, field, sky, np.full(size, temperature_c), np.full(size, wind_m_per_s)
    )
    return tuple(
        ProductionSlot(start, float(kw)) for start, kw in zip(sky.starts, power_kw, strict=True)
    )


def clear_sky_irradiance(
    sky: Sky, *, altitude_m: float, linke_turbidity: float = LINKE_TURBIDITY
) -> tuple[Irradiance, ...]:
    """The radiation of a cloudless sky per quarter hour."""
    field = _clear_field(sky, altitude_m, linke_turbidity)
    return tuple(
        Irradiance(float(ghi), float(dni), float(dhi))
        for ghi, dni, dhi in zip(field.ghi, field.dni, field.dhi, strict=True)
    )


def _clear_field(sky: Sky, altitude_m: float, linke_turbidity: float) -> _Field:
    relative = pvlib.atmosphere.get_relative_airmass(sky.apparent_zenith)
    airmass = pvlib.atmosphere.get_absolute_airmass(relative, pvlib.atmosphere.alt2pres(altitude_m))
    # At night pvlib divides by the 0 of a sky without sun and then drops the result.
    with np.errstate(divide="ignore", invalid="ignore"):
        clear = pvlib.clearsky.ineichen(
            sky.apparent_zenith, airmass, linke_turbidity, altitude_m, sky.dni_extra_w_per_m2
        )
    return _Field(*(np.nan_to_num(np.asarray(clear[name])) for name in ("ghi", "dni", "dhi")))


def _quarters(radiation: Sequence[Irradiance], parts: int, sky: Sky) -> _Field:
    """Radiation per quarter hour; where beam and diffuse are not given, Erbs divides the global."""
    height = np.maximum(np.cos(np.radians(sky.zenith)), 0.0).reshape(-1, parts)
    mean = height.mean(axis=1, keepdims=True)
    share = np.where(mean > 0, height / np.where(mean > 0, mean, 1.0), 1.0).reshape(-1)

    def column(values: Sequence[float | None]) -> Floats:
        return np.repeat(np.array([np.nan if v is None else v for v in values], float), parts)

    ghi = column([r.ghi_w_per_m2 for r in radiation]) * share
    dni = column([r.dni_w_per_m2 for r in radiation])
    dhi = column([r.dhi_w_per_m2 for r in radiation]) * share
    absent = np.isnan(dni) | np.isnan(dhi)
    if absent.any():
        divided = pvlib.irradiance.erbs(ghi, sky.zenith, sky.day_of_year)
        dni = np.where(absent, np.asarray(divided["dni"]), dni)
        dhi = np.where(absent, np.asarray(divided["dhi"]), dhi)
    return _Field(ghi, dni, dhi)


def _power_kw(
    plant: PvPlant, field: _Field, sky: Sky, temperature_c: Floats, wind_m_per_s: Floats
) -> Floats:
    dc_kw = np.zeros(len(sky.starts))
    for array in plant.arrays:
        plane = _plane_w_per_m2(array, field, sky)
        cell_c = pvlib.temperature.faiman(plane, temperature_c, wind_m_per_s)
        dc_kw += pvlib.pvsystem.pvwatts_dc(
            plane, cell_c, array.peak_kwp, plant.power_coefficient_percent_per_c / 100
        )
    dc_limit_kw = plant.inverter_limit_kw / INVERTER_EFFICIENCY
    dc_kw *= 1 - plant.loss_percent / 100
    # PVWatts gives 0 below 0.6 % of the limit, and overflows where next to nothing comes in. A very
    # hot module would give less than nothing by the linear coefficient.
    dc_kw = np.where(dc_kw < IDLE_PART * dc_limit_kw, 0.0, dc_kw)
    ac_kw: Floats = np.asarray(pvlib.inverter.pvwatts(dc_kw, dc_limit_kw, INVERTER_EFFICIENCY))
    return np.clip(ac_kw, 0.0, plant.inverter_limit_kw)


def _plane_w_per_m2(array: PvArray, field: _Field, sky: Sky) -> Floats:
    """Radiation on the modules; 0 while the sun is down at mid-slot."""
    tilt, azimuth = array.tilt_degrees, array.azimuth_degrees
    facing = pvlib.irradiance.aoi_projection(tilt, azimuth, sky.apparent_zenith, sky.azimuth)
    beam = field.dni * np.maximum(facing, 0.0)
    dni_circumsolar = np.where(sky.apparent_zenith < MAX_CIRCUMSOLAR_ZENITH, field.dni, 0.0)
    diffuse = pvlib.irradiance.haydavies(
        tilt,
        azimuth,
        field.dhi,
        dni_circumsolar,
        sky.dni_extra_w_per_m2,
        sky.apparent_zenith,
        sky.azimuth,
    )
    ground = pvlib.irradiance.get_ground_diffuse(tilt, field.ghi, ALBEDO)
    total = beam + diffuse + ground
    return np.where(sky.apparent_zenith < HORIZON_ZENITH, np.maximum(total, 0.0), 0.0)
