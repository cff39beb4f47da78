"""Many stations at once: each line is stored or refused by itself."""

import csv
import io
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import transaction

from apps.assets.models import Site
from apps.chargers.models import (
    STATION_ID_MAX_LENGTH,
    ChargingStation,
    Connector,
    Evse,
)
from apps.chargers.services.back_ends import back_end_of_new_stations
from apps.chargers.services.passwords import password_hash
from apps.chargers.services.station_columns import cells_read, header_columns
from apps.chargers.services.stations import station_id_is_valid
from cariflex.common.errors import DomainError

DEFAULT_RATED_POWER_KW = 22.0
DEFAULT_CONNECTOR = "cType2"
_WITHOUT_HEADER = ("id", "password")
_SAID = ("name", "commune", "latitude", "longitude", "rated_power_kw", "security_profile")
"""Columns that are fields of a station, under the same name."""
_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class StationLine:
    """A station to be stored; an empty password asks for one.

    `values`: what else is said of it, by column (`station_columns`); the rest stays as it is.
    """

    number: int
    station_id: str
    password: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StationStored:
    """What a line became; `password` is the one made for it, shown once, else empty."""

    number: int
    station_id: str
    result: Literal["created", "updated", "unchanged"]
    password: str = ""


@dataclass(frozen=True, slots=True)
class LineRefused:
    """Why a line was not stored: the input and the rule that it breaks."""

    number: int
    station_id: str
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class StationsAdded:
    """The stations that are stored, and the lines that were refused."""

    stored: tuple[StationStored, ...]
    refused: tuple[LineRefused, ...]


def station_lines(text: str) -> Iterator[StationLine | LineRefused]:
    """The lines of a CSV: a header that names its columns in any order, or `id,password`.

    Commas, semicolons or tabs; empty lines are left out. Numbers are those of the file, from 1. A
    header with an unknown column is refused, and nothing after it is read.
    """
    text = text.removeprefix("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((one for one in (";", "\t") if one in first and "," not in first), ",")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns: list[str] | None = None
    is_first = True
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if is_first:
            is_first = False
            try:
                columns = header_columns(cells)
            except DomainError as err:
                yield _refused(rows.line_num, cells[0], err)
                return
            if columns is not None:
                continue
        yield _line(rows.line_num, cells, columns or _WITHOUT_HEADER)


def _line(number: int, cells: Sequence[str], columns: Sequence[str]) -> StationLine | LineRefused:
    named = dict(zip(columns, cells, strict=False))
    station_id = named.get("id", "")
    if any(cells[len(columns) :]):
        message = "A line has an id and a password."
        if columns is not _WITHOUT_HEADER:
            message = f"A line has {len(columns)} columns, as the first one."
        return LineRefused(number, station_id[:100], "line", "chargers.columns", message)
    try:
        values = cells_read(named)
    except DomainError as err:
        return _refused(number, station_id, err)
    return StationLine(number, station_id, named.get("password", ""), values)


def _refused(number: int, station_id: str, err: DomainError) -> LineRefused:
    return LineRefused(number, station_id[:100], err.field or "", err.code, err.message)


def stations_add(
    lines: Iterable[StationLine | LineRefused],
    *,
    rated_power_kw: float = DEFAULT_RATED_POWER_KW,
    connector_type: str = DEFAULT_CONNECTOR,
) -> StationsAdded:
    """Store stations, one EVSE each if not said otherwise; those that exist get what is given.

    A new station without password gets a random one. A bad line is refused alone.
    """
    sites = dict(Site.objects.values_list("code", "pk"))
    good: list[StationLine] = []
    refused: list[LineRefused] = []
    seen: set[str] = set()
    for line in lines:
        refusal = line if isinstance(line, LineRefused) else _refusal(line, seen, sites)
        if refusal is not None:
            refused.append(refusal)
        elif isinstance(line, StationLine):
            seen.add(line.station_id)
            good.append(line)
    stored: list[StationStored] = []
    for start in range(0, len(good), _TOGETHER):
        together = good[start : start + _TOGETHER]
        stored += _store(together, sites, rated_power_kw, connector_type)
    return StationsAdded(tuple(stored), tuple(refused))


def _refusal(line: StationLine, seen: set[str], sites: Mapping[str, int]) -> LineRefused | None:
    try:
        if not station_id_is_valid(line.station_id):
            raise DomainError(
                "chargers.station_id_invalid",
                f"A station id has 1 to {STATION_ID_MAX_LENGTH} characters of"
                " a-z A-Z 0-9 *-_=+|@.:",
                field="station_id",
            )
        if line.station_id in seen:
            raise DomainError(
                "chargers.station_twice", "The station is listed twice.", field="station_id"
            )
        if line.password:
            if not line.password.isprintable():
                raise DomainError(
                    "chargers.password_unprintable",
                    "A station password has printable characters only.",
                    field="password",
                )
            password_hash(line.password)
        site = line.values.get("site")
        if site is not None and site not in sites:
            raise DomainError("chargers.site_unknown", f"There is no site {site}.", field="site")
    except DomainError as err:
        return _refused(line.number, line.station_id, err)
    return None


@transaction.atomic
def _store(
    lines: Sequence[StationLine],
    sites: Mapping[str, int],
    rated_power_kw: float,
    connector_type: str,
) -> list[StationStored]:
    back_end = back_end_of_new_stations()
    known = {
        station.station_id: station
        for station in ChargingStation.objects.select_for_update()
        .filter(station_id__in=[line.station_id for line in lines])
        .order_by("pk")
    }
    stored: list[StationStored] = []
    new: list[ChargingStation] = []
    changed: list[ChargingStation] = []
    for line in lines:
        station, made = known.get(line.station_id), ""
        if station is not None and not line.password and not line.values:
            stored.append(StationStored(line.number, line.station_id, "unchanged"))
            continue
        if station is None:
            made = "" if line.password else secrets.token_urlsafe(24)
            station = ChargingStation(
                station_id=line.station_id, rated_power_kw=rated_power_kw, csms=back_end
            )
            new.append(station)
        else:
            changed.append(station)
        if line.password or made:
            station.password_hash = password_hash(line.password or made)
        _say(station, line.values, sites)
        result: Literal["created", "updated"] = "updated" if line.station_id in known else "created"
        stored.append(StationStored(line.number, line.station_id, result, made))
    new.sort(key=lambda station: station.station_id)
    # Whoever stored one of them in this moment wins, but for the password.
    rows = ChargingStation.objects.bulk_create(
        new, update_conflicts=True, unique_fields=["station_id"], update_fields=["password_hash"]
    )
    if changed:
        ChargingStation.objects.bulk_update(changed, ["password_hash", "site_id", *_SAID])
    values = {line.station_id: line.values for line in lines}
    _evses(rows, values, connector_type, at_least=1)
    _evses(changed, values, connector_type, at_least=0)
    return stored


def _say(station: ChargingStation, values: Mapping[str, Any], sites: Mapping[str, int]) -> None:
    for name in _SAID:
        if name in values:
            setattr(station, name, values[name])
    if "site" in values:
        station.site_id = sites[values["site"]]


def _evses(
    stations: Sequence[ChargingStation],
    values: Mapping[str, Mapping[str, Any]],
    connector_type: str,
    *,
    at_least: int,
) -> None:
    """The EVSEs that these stations lack, each with a connector; none is taken away."""
    wanted = [
        Evse(station_id=station.pk, evse_id=number)
        for station in stations
        for number in range(1, 1 + values[station.station_id].get("evses", at_least))
    ]
    Evse.objects.bulk_create(wanted, ignore_conflicts=True)
    types = {
        station.pk: values[station.station_id].get("connector_type", connector_type)
        for station in stations
    }
    numbers = {(evse.station_id, evse.evse_id) for evse in wanted}
    evses = Evse.objects.filter(station_id__in=types)
    Connector.objects.bulk_create(
        [
            Connector(evse=evse, connector_id=1, type=types[evse.station_id])
            for evse in evses
            if (evse.station_id, evse.evse_id) in numbers
        ],
        ignore_conflicts=True,
    )
