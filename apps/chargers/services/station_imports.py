"""Many stations at once: each line is stored or refused by itself."""

import csv
import io
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from apps.chargers.models import (
    STATION_ID_MAX_LENGTH,
    ChargingStation,
    Connector,
    Evse,
)
from apps.chargers.services.passwords import password_hash
from apps.chargers.services.stations import station_id_is_valid
from cariflex.common.errors import DomainError

DEFAULT_RATED_POWER_KW = 22.0
DEFAULT_CONNECTOR = "cType2"
_HEADERS = frozenset({"id", "station_id", "station id", "identity"})
_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class StationLine:
    """A station to be stored; an empty password asks for one."""

    number: int
    station_id: str
    password: str = ""


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
    """The lines of a CSV of `id,password`; the header and the password may be missing.

    Commas or semicolons; empty lines are left out. Numbers are those of the file, from 1.
    """
    text = text.removeprefix("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = ";" if ";" in first and "," not in first else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    is_first = True
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if is_first and cells[0].lower() in _HEADERS:
            is_first = False
            continue
        is_first = False
        if len(cells) > 2:
            yield LineRefused(
                rows.line_num, cells[0][:100], "line", "chargers.columns",
                "A line has an id and a password.",
            )  # fmt: skip
        else:
            yield StationLine(rows.line_num, cells[0], cells[1] if len(cells) > 1 else "")


def stations_add(
    lines: Iterable[StationLine | LineRefused],
    *,
    rated_power_kw: float = DEFAULT_RATED_POWER_KW,
    connector_type: str = DEFAULT_CONNECTOR,
) -> StationsAdded:
    """Store stations with one EVSE each; those that exist get the password, if one is given.

    A new station without password gets a random one. A bad line is refused alone.
    """
    good: list[StationLine] = []
    refused: list[LineRefused] = []
    seen: set[str] = set()
    for line in lines:
        refusal = line if isinstance(line, LineRefused) else _refusal(line, seen)
        if refusal is not None:
            refused.append(refusal)
        elif isinstance(line, StationLine):
            seen.add(line.station_id)
            good.append(line)
    stored: list[StationStored] = []
    for start in range(0, len(good), _TOGETHER):
        stored += _store(good[start : start + _TOGETHER], rated_power_kw, connector_type)
    return StationsAdded(tuple(stored), tuple(refused))


def _refusal(line: StationLine, seen: set[str]) -> LineRefused | None:
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
    except DomainError as err:
        shown = line.station_id[:100]
        return LineRefused(line.number, shown, err.field or "", err.code, err.message)
    return None


@transaction.atomic
def _store(
    lines: Sequence[StationLine], rated_power_kw: float, connector_type: str
) -> list[StationStored]:
    known = set(
        ChargingStation.objects.filter(
            station_id__in=[line.station_id for line in lines]
        ).values_list("station_id", flat=True)
    )
    stored: list[StationStored] = []
    rows: list[ChargingStation] = []
    for line in lines:
        is_known = line.station_id in known
        if is_known and not line.password:
            stored.append(StationStored(line.number, line.station_id, "unchanged"))
            continue
        made = "" if line.password else secrets.token_urlsafe(24)
        rows.append(
            ChargingStation(
                station_id=line.station_id,
                rated_power_kw=rated_power_kw,
                password_hash=password_hash(line.password or made),
            )
        )
        result: Literal["created", "updated"] = "updated" if is_known else "created"
        stored.append(StationStored(line.number, line.station_id, result, made))
    rows.sort(key=lambda row: row.station_id)
    stations = ChargingStation.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["station_id"],
        update_fields=["password_hash"],
    )
    new = [station for station in stations if station.station_id not in known]
    Evse.objects.bulk_create(
        [Evse(station_id=station.pk, evse_id=1) for station in new], ignore_conflicts=True
    )
    evses = Evse.objects.filter(station_id__in=[station.pk for station in new], evse_id=1)
    Connector.objects.bulk_create(
        [Connector(evse=evse, connector_id=1, type=connector_type) for evse in evses],
        ignore_conflicts=True,
    )
    return stored
