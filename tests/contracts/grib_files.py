"""GRIB2 files like the surface packages of AROME Antilles, written by ecCodes; small grids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import eccodes
import numpy as np

NORTH, WEST_EAST, STEP = 16.6, 298.1, 0.025
"""A piece of the Antilles' grid around Guadeloupe; longitudes from 0 to 360."""
ROWS, COLUMNS = 41, 61
Field = Callable[[float, float], float]
"""The value at a latitude and a longitude (-180 to 180)."""


def message(
    name: str, field: Field, *, run: datetime, hours: str, **keys: int | float | str
) -> bytes:
    """One message; `hours` is `6`, or `0-6` for a sum. `keys` are set last but for the values."""
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    wanted: dict[str, int | float | str] = {
        "centre": "lfpw",
        "tablesVersion": 15,
        "dataDate": int(f"{run:%Y%m%d}"),
        "dataTime": int(f"{run:%H%M}"),
        "Ni": COLUMNS,
        "Nj": ROWS,
        "latitudeOfFirstGridPointInDegrees": NORTH,
        "longitudeOfFirstGridPointInDegrees": WEST_EAST,
        "latitudeOfLastGridPointInDegrees": NORTH - (ROWS - 1) * STEP,
        "longitudeOfLastGridPointInDegrees": WEST_EAST + (COLUMNS - 1) * STEP,
        "iDirectionIncrementInDegrees": STEP,
        "jDirectionIncrementInDegrees": STEP,
    }
    if "-" in hours:
        wanted["productDefinitionTemplateNumber"] = 8
    wanted |= {"shortName": name, "stepRange": hours, "packingType": "grid_ccsds", **keys}
    for key, value in wanted.items():
        eccodes.codes_set(handle, key, value)
    values = [
        field(NORTH - row * STEP, WEST_EAST + column * STEP - 360)
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]
    eccodes.codes_set_values(handle, np.array(values, dtype=float))
    content = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return bytes(content)


def constant(value: float) -> Field:
    return lambda latitude, longitude: value


def surface_file(
    run: datetime,
    step_hours: int,
    *,
    sum_j_per_m2: Callable[[int], float] = lambda hour: 1_800_000.0 * hour,
    temperature_k: float = 300.15,
    wind: tuple[float, float] = (-3.0, 4.0),
) -> bytes:
    """A package of one hour: pressure (which nobody asks for), temperature, wind, radiation."""
    at = str(step_hours)
    parts = [
        message("sp", constant(101_300), run=run, hours=at),
        message("2t", constant(temperature_k), run=run, hours=at),
        message("10u", constant(wind[0]), run=run, hours=at),
        message("10v", constant(wind[1]), run=run, hours=at),
    ]
    if step_hours:
        total = sum_j_per_m2(step_hours)
        parts.append(message("ssrd", constant(total), run=run, hours=f"0-{step_hours}"))
    return b"".join(parts)
