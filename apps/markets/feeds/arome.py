"""AROME outre-mer of Météo-France: reads surface fields of a GRIB2 file at the places asked for.

One file is one hour of one run (package SP1, 0.025 degrees): `ssrd`, the shortwave radiation that
came down since the start of the run (J/m2, absent at hour 0), `2t` (K), `10u` and `10v` (m/s), on
a grid from north-west to south-east whose longitudes run from 0 to 360, packed by CCSDS. Read in
public descriptions of the files (fields, grid and accumulation checked by their writers against
runs of 2026, ecCodes 2.48); no file of the service itself was ever read here.

Needs ecCodes, which comes with the extra `grib`. Pure: bytes in, values out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from apps.markets.feeds.errors import DocumentError
from cariflex.common.errors import DomainError

SYSTEM: Final = "meteo_france"
RADIATION: Final = "ssrd"
INSTANTS: Final = ("2t", "10u", "10v")
MAX_FILE_BYTES: Final = 30_000_000
MAX_HOURS: Final = 48
# The largest of the five domains (Réunion-Mayotte) has 1.25 million points.
MAX_POINTS: Final = 3_000_000
BOUNDS: Final = {
    "ANTIL": (9.7, 22.9, -75.3, -51.7),
    "GUYANE": (1.05, 8.95, -56.75, -46.3),
    "INDIEN": (-25.9, -3.45, 32.75, 67.6),
    "NCALED": (-26.0, -13.75, 158.5, 171.5),
    "POLYN": (-25.25, -12.6, -157.5, -144.5),
}
"""South, north, west and east of the domains; two of them differ from what is published of them."""
_MAGIC: Final = b"GRIB"
_END: Final = b"7777"
_EARTH_TURN: Final = 360.0


class GribMissingError(DomainError):
    """This installation cannot read GRIB."""

    def __init__(self) -> None:
        super().__init__(
            "meteo_france.grib_missing",
            "ecCodes is not installed: install Cariflex with the extra grib",
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A place on earth, degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class SurfaceValues:
    """The grid point nearest to a place, `step_hours` after the start of the run.

    `radiation_j_per_m2` is the sum since that start, 0 at the start itself.
    """

    latitude: float
    longitude: float
    step_hours: int
    radiation_j_per_m2: float
    temperature_k: float
    wind_u_m_per_s: float
    wind_v_m_per_s: float


def is_within(domain: str, place: Place) -> bool:
    """Whether a domain of BOUNDS has weather for a place."""
    south, north, west, east = BOUNDS[domain]
    return south <= place.latitude <= north and west <= place.longitude <= east


def grib_check() -> None:
    """Raise GribMissingError where GRIB cannot be read."""
    if find_spec("eccodes") is None:
        raise GribMissingError


def surface_read(
    content: bytes, *, run: datetime, step_hours: int, places: Sequence[Place]
) -> tuple[SurfaceValues, ...]:
    """The values at each place, in their order, of the file of one hour of a run.

    Raises GribMissingError, and DocumentError that names the field: one that is missing, given
    twice, of another run or hour, not summed up from the start of the run, on a grid that is no
    regular one or does not reach the place, or without a value there.
    """
    eccodes = _library()
    if len(content) > MAX_FILE_BYTES:
        raise DocumentError(SYSTEM, "file", f"is larger than {MAX_FILE_BYTES} bytes")
    wanted = INSTANTS if step_hours == 0 else (*INSTANTS, RADIATION)
    fields: dict[str, list[_Point]] = {}
    for message in _messages(content):
        handle = _decoded(message)
        try:
            name = _word(handle, "shortName")
            if name not in wanted:
                continue
            if name in fields:
                raise DocumentError(SYSTEM, name, "is given twice")
            _check_time(handle, name, run, step_hours)
            fields[name] = _values(handle, name, places)
        finally:
            eccodes.codes_release(handle)
    absent = next((name for name in wanted if name not in fields), None)
    if absent is not None:
        raise DocumentError(SYSTEM, absent, f"is not in the file of hour {step_hours}")
    return tuple(_surface(fields, step_hours, n) for n in range(len(places)))


@cache
def _library() -> Any:
    """ecCodes, loaded when it is first needed: half a second and 40 MB."""
    try:
        return import_module("eccodes")
    except (ImportError, RuntimeError) as err:
        # RuntimeError: the binding is there, its C library is not.
        raise GribMissingError from err


@dataclass(frozen=True, slots=True)
class _Point:
    latitude: float
    longitude: float
    value: float


def _surface(fields: dict[str, list[_Point]], step_hours: int, n: int) -> SurfaceValues:
    temperature = fields["2t"][n]
    return SurfaceValues(
        latitude=temperature.latitude,
        longitude=temperature.longitude,
        step_hours=step_hours,
        radiation_j_per_m2=fields[RADIATION][n].value if RADIATION in fields else 0.0,
        temperature_k=temperature.value,
        wind_u_m_per_s=fields["10u"][n].value,
        wind_v_m_per_s=fields["10v"][n].value,
    )


def _messages(content: bytes) -> Iterator[bytes]:
    """The messages of a file: each states its own length (GRIB2, section 0)."""
    at = 0
    while at < len(content):
        if content[at : at + 4] != _MAGIC or content[at + 7 : at + 8] != b"\x02":
            raise DocumentError(SYSTEM, "file", f"is not GRIB2 at byte {at}")
        length = int.from_bytes(content[at + 8 : at + 16], "big")
        message = content[at : at + length]
        if length < 16 or len(message) < length or not message.endswith(_END):
            raise DocumentError(SYSTEM, "file", f"is cut off at byte {at}")
        yield message
        at += length
    if not content:
        raise DocumentError(SYSTEM, "file", "is empty")


def _decoded(message: bytes) -> Any:
    eccodes = _library()
    try:
        return eccodes.codes_new_from_message(message)
    except eccodes.CodesInternalError as err:
        raise DocumentError(SYSTEM, "file", f"cannot be decoded: {err}") from err


def _word(handle: Any, key: str) -> str:
    eccodes = _library()
    try:
        return str(eccodes.codes_get_string(handle, key))
    except eccodes.CodesInternalError as err:
        raise DocumentError(SYSTEM, key, f"cannot be read: {err}") from err


def _check_time(handle: Any, name: str, run: datetime, step_hours: int) -> None:
    started = _instant(handle, name, "dataDate", "dataTime")
    if started != run:
        raise DocumentError(SYSTEM, name, f"is of the run of {started:%Y-%m-%dT%H:%MZ}")
    valid = _instant(handle, name, "validityDate", "validityTime")
    if valid != run + timedelta(hours=step_hours):
        raise DocumentError(
            SYSTEM, name, f"holds for {valid:%Y-%m-%dT%H:%MZ}, not for hour {step_hours}"
        )
    if name == RADIATION:
        kind = _word(handle, "stepType")
        first = _word(handle, "stepRange").partition("-")[0]
        if kind != "accum" or first != "0":
            raise DocumentError(SYSTEM, name, "is not summed up from the start of the run")


def _instant(handle: Any, name: str, date_key: str, time_key: str) -> datetime:
    day, clock = _word(handle, date_key), _word(handle, time_key)
    try:
        return datetime.strptime(f"{day}{int(clock):04}", "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError as err:
        raise DocumentError(SYSTEM, name, f"{date_key} {day} {clock} is no time") from err


@dataclass(frozen=True, slots=True)
class _Grid:
    """A regular grid: its first point, signed steps, counts."""

    latitude: float
    longitude: float
    latitude_step: float
    longitude_step: float
    columns: int
    rows: int

    def point(self, name: str, place: Place) -> tuple[int, float, float]:
        """The index of the nearest point, with its latitude and longitude (-180 to 180)."""
        row = round((place.latitude - self.latitude) / self.latitude_step)
        east = (place.longitude - self.longitude) % _EARTH_TURN
        # A place half a step west of the first column is a turn away from it.
        if east > _EARTH_TURN - self.longitude_step / 2:
            east -= _EARTH_TURN
        column = round(east / self.longitude_step)
        if not (0 <= row < self.rows and 0 <= column < self.columns):
            raise DocumentError(
                SYSTEM,
                name,
                f"the grid does not reach {place.latitude:.4f} {place.longitude:.4f}",
            )
        longitude = self.longitude + column * self.longitude_step
        return (
            row * self.columns + column,
            round(self.latitude + row * self.latitude_step, 6),
            round((longitude + 180.0) % _EARTH_TURN - 180.0, 6),
        )


def _grid(handle: Any, name: str) -> _Grid:
    eccodes = _library()
    try:
        kind = eccodes.codes_get_string(handle, "gridType")
        order = [
            eccodes.codes_get_long(handle, key)
            for key in ("iScansNegatively", "jPointsAreConsecutive", "alternativeRowScanning")
        ]
        columns, rows = (eccodes.codes_get_long(handle, key) for key in ("Ni", "Nj"))
        latitude, longitude, along, up = (
            eccodes.codes_get_double(handle, key)
            for key in (
                "latitudeOfFirstGridPointInDegrees",
                "longitudeOfFirstGridPointInDegrees",
                "iDirectionIncrementInDegrees",
                "jDirectionIncrementInDegrees",
            )
        )
        is_northward = eccodes.codes_get_long(handle, "jScansPositively") == 1
    except eccodes.CodesInternalError as err:
        raise DocumentError(SYSTEM, name, f"its grid cannot be read: {err}") from err
    if kind != "regular_ll" or any(order) or not (along > 0 and up > 0):
        raise DocumentError(SYSTEM, name, "is not on a regular grid in rows from the west")
    if not 1 <= columns * rows <= MAX_POINTS:
        raise DocumentError(SYSTEM, name, f"has {columns * rows} points, at most {MAX_POINTS}")
    return _Grid(latitude, longitude, up if is_northward else -up, along, columns, rows)


def _values(handle: Any, name: str, places: Sequence[Place]) -> list[_Point]:
    eccodes = _library()
    grid = _grid(handle, name)
    points = [grid.point(name, place) for place in places]
    try:
        # Looked at first: a broken message may claim billions and have memory set aside for them.
        count = eccodes.codes_get_size(handle, "values")
        if count != grid.columns * grid.rows:
            raise DocumentError(SYSTEM, name, f"has {count} values for its grid")
        missing = eccodes.codes_get_double(handle, "missingValue")
        values = eccodes.codes_get_values(handle)
    except eccodes.CodesInternalError as err:
        raise DocumentError(SYSTEM, name, f"its values cannot be read: {err}") from err
    found: list[_Point] = []
    for index, latitude, longitude in points:
        value = float(values[index])
        if value == missing or not math.isfinite(value):
            raise DocumentError(SYSTEM, name, f"has no value at {latitude} {longitude}")
        found.append(_Point(latitude, longitude, value))
    return found
