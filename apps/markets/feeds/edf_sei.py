"""EDF SEI open data: what runs on an island (MW) and what a MWh costs to make (EUR/MWh).

Records of Opendatasoft Explore v2.1, asked for with `timezone=UTC`: a bare JSON list (`exports`)
or the list under `results` (`records`). Live datasets, one per island, have a row per quarter hour
with `date` and MW per type; the dataset
`courbe-de-charge-de-la-production-delectricite-par-filiere` has `date_heure`, `territoire` and
`cout_moyen_de_production_eur_mwh` per hour. A stamp is read as the start of its slot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from apps.markets.co2 import Fuel, FuelPower, MixSlot
from apps.markets.feeds.errors import DocumentError
from cariflex.common.errors import DomainError
from cariflex.common.exact_json import exact_loads
from cariflex.common.time import parse_rfc3339
from cariflex.common.units import QUARTER_HOUR, floor_slot

SYSTEM: Final = "edf_sei"
HOUR: Final = timedelta(hours=1)
MAX_DOCUMENT_BYTES: Final = 50_000_000
# The largest of these grids peaks near 500 MW; a negative value is a plant's own use.
MIN_POWER_MW: Final = Decimal(-200)
MAX_POWER_MW: Final = Decimal(2_000)
MAX_COST_EUR_PER_MWH: Final = Decimal(99_999)
QUOTA_ERROR_CODE: Final = "10002"
STAMP_FIELDS: Final = ("date", "date_heure")
COST_FIELD: Final = "cout_moyen_de_production_eur_mwh"
STORAGE_FIELDS: Final = ("solde_stockage", "stockage")


class Island(StrEnum):
    """Where EDF SEI runs the grid, as `territoire` spells it."""

    CORSE = "Corse"
    GUADELOUPE = "Guadeloupe"
    GUYANE = "Guyane"
    MARTINIQUE = "Martinique"
    REUNION = "Réunion"


# Each type and the spellings of its field; `_mw` may follow any of them.
TYPE_FIELDS: Final = {
    "bagasse_charbon": ("bagasse_charbon", "charbon_bagasse"),
    "bioenergies": ("bioenergies",),
    "charbon": ("charbon",),
    "diesel": ("diesel", "moteur_diesel", "moteurs_diesels"),
    "eolien": ("eolien",),
    "geothermie": ("geothermie",),
    "hydraulique": ("hydraulique",),
    "micro_hydraulique": ("micro_hydraulique", "micro_hydro"),
    "photovoltaique": ("photovoltaique",),
    "thermique": ("thermique",),
    "turbines_combustion": ("turbines_combustion", "turbines_a_combustion", "tac"),
}
# Turbines burn fuel oil: none of these islands has natural gas. `thermique` and `bagasse_charbon`
# put several fuels into one figure.
_FUELS: Final = {
    "bagasse_charbon": Fuel.UNKNOWN,
    "bioenergies": Fuel.BIOMASS,
    "charbon": Fuel.COAL,
    "diesel": Fuel.OIL,
    "eolien": Fuel.WIND,
    "geothermie": Fuel.GEOTHERMAL,
    "hydraulique": Fuel.HYDRO,
    "micro_hydraulique": Fuel.HYDRO,
    "photovoltaique": Fuel.SOLAR,
    "thermique": Fuel.UNKNOWN,
    "turbines_combustion": Fuel.OIL,
}
# The thermal plants of Réunion burn wood pellets and vegetable oil; the fields kept their names.
_ISLAND_FUELS: Final = {Island.REUNION: {"charbon": Fuel.BIOMASS, "diesel": Fuel.BIOMASS}}
_SPELLINGS: Final = {
    spelling + suffix: name
    for name, spellings in TYPE_FIELDS.items()
    for spelling in spellings
    for suffix in ("", "_mw")
}
_STORAGE_SPELLINGS: Final = {name + suffix for name in STORAGE_FIELDS for suffix in ("", "_mw")}
# Sub-totals, shares, sums, links to other grids and words: no production type.
_OTHER_FIELDS: Final = frozenset(
    (*STAMP_FIELDS, "territoire", "statut", "total", "production_totale_mw", COST_FIELD)
) | {"jour", "date_jour", "heure", "liaisons", "importations_mw", "importations"}
_OTHER_PREFIXES: Final = ("part_", "filiere_")


class QuotaExceededError(DomainError):
    """The call quota is used up until `reset_at`; None when the reply does not say when."""

    def __init__(self, reset_at: datetime | None) -> None:
        self.reset_at = reset_at
        until = "an unknown time" if reset_at is None else reset_at.isoformat()
        super().__init__("edf_sei.quota", f"call quota used up until {until}")


@dataclass(frozen=True, slots=True)
class TypePower:
    """Mean production of one type over a slot, MW, with the fuel that it burns on that island."""

    production_type: str
    fuel: Fuel
    power_mw: Decimal


@dataclass(frozen=True, slots=True)
class IslandSlot:
    """What ran over `[start, start + resolution)`.

    `storage_power_mw`: charging positive, discharging negative; None when not reported.
    """

    start: datetime
    resolution: timedelta
    is_estimated: bool
    production: tuple[TypePower, ...]
    storage_power_mw: Decimal | None

    def mix(self) -> MixSlot:
        """The same slot for the CO2 intensity: discharge generates, charging consumes."""
        powers = [FuelPower(power.fuel, power.power_mw) for power in self.production]
        if self.storage_power_mw:
            powers.append(
                FuelPower(
                    Fuel.STORAGE,
                    abs(self.storage_power_mw),
                    is_consumption=self.storage_power_mw > 0,
                )
            )
        return MixSlot(self.start, self.resolution, tuple(powers))


@dataclass(frozen=True, slots=True)
class IslandMix:
    """Slots ordered by start; `incomplete` are left out, with the first field that was empty.

    `unknown_fields` are numbers under names that no rule knows: maybe a new type of production.
    """

    island: Island
    slots: tuple[IslandSlot, ...]
    incomplete: tuple[tuple[datetime, str], ...]
    unknown_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductionCost:
    """Average production cost over `[start, start + resolution)`."""

    start: datetime
    resolution: timedelta
    cost_eur_per_mwh: Decimal
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class IslandCosts:
    """Costs ordered by start; `missing` are the starts of rows without one."""

    island: Island
    costs: tuple[ProductionCost, ...]
    missing: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class _Record:
    place: str
    at: datetime
    start: datetime
    fields: dict[str, Any]

    @property
    def is_estimated(self) -> bool:
        return str(self.fields.get("statut") or "").strip().casefold().startswith("estim")


def island_mix_read(
    content: bytes, *, island: Island, resolution: timedelta = QUARTER_HOUR
) -> IslandMix:
    """Read the production records of an island; rows of other territories are passed over.

    Live records are stamped some minutes into their slot (09:21, 09:36): each counts for the slot
    that holds its stamp, of two in one slot the later one. A type that is empty in every record
    does not run there; one that is empty in some makes those records incomplete. Raises
    DocumentError (which record, field and rule) and QuotaExceededError.
    """
    records = _records(content, island, resolution, is_live=True)
    if not records:
        raise DocumentError(SYSTEM, "document", f"holds no record of {island.value}")
    values = [_production(record) for record in records]
    types = [name for name in TYPE_FIELDS if any(name in powers for powers in values)]
    if not types:
        raise DocumentError(
            SYSTEM, records[0].place, "no record has a value of a known production type"
        )
    slots, incomplete = [], []
    for record, powers in zip(records, values, strict=True):
        absent = next((name for name in types if name not in powers), None)
        if absent is not None:
            incomplete.append((record.start, absent))
            continue
        slots.append(
            IslandSlot(
                start=record.start,
                resolution=resolution,
                is_estimated=record.is_estimated,
                production=tuple(TypePower(n, _fuel(n, island), powers[n]) for n in types),
                storage_power_mw=_storage_power_mw(record),
            )
        )
    return IslandMix(island, tuple(slots), tuple(incomplete), _unknown_fields(records))


def island_costs_read(
    content: bytes, *, island: Island, resolution: timedelta = HOUR
) -> IslandCosts:
    """Read the average production costs of an island; rows of other territories are passed over.

    Zero stands for "not known" in these records: no MWh is made for nothing. Raises DocumentError
    (which record, field and rule) and QuotaExceededError.
    """
    records = _records(content, island, resolution)
    if records and not any(COST_FIELD in record.fields for record in records):
        raise DocumentError(SYSTEM, f"{records[0].place}.{COST_FIELD}", "is in no record")
    costs, missing = [], []
    for record in records:
        cost = _number(record, COST_FIELD, low=Decimal(0), high=MAX_COST_EUR_PER_MWH)
        if cost:
            costs.append(ProductionCost(record.start, resolution, cost, record.is_estimated))
        else:
            missing.append(record.start)
    return IslandCosts(island, tuple(costs), tuple(missing))


def _records(
    content: bytes, island: Island, resolution: timedelta, *, is_live: bool = False
) -> list[_Record]:
    found: dict[datetime, _Record] = {}
    for number, fields in enumerate(_rows(content)):
        place = f"[{number}]"
        if not isinstance(fields, dict):
            raise DocumentError(SYSTEM, place, "is not an object")
        territory = fields.get("territoire")
        if territory is not None and territory != island.value:
            continue
        at = _at(fields, place)
        start = floor_slot(at, resolution)
        if start != at and not is_live:
            raise DocumentError(
                SYSTEM, place, f"{at.isoformat()} is not on the grid of {resolution}"
            )
        record = _Record(place, at, start, fields)
        earlier = found.setdefault(start, record)
        if earlier.at == at and earlier.fields != fields:
            raise DocumentError(SYSTEM, place, f"{at.isoformat()} differs from {earlier.place}")
        if earlier.at < at:
            found[start] = record
    return [found[start] for start in sorted(found)]


def _rows(content: bytes) -> list[Any]:
    if len(content) > MAX_DOCUMENT_BYTES:
        raise DocumentError(SYSTEM, "document", f"is larger than {MAX_DOCUMENT_BYTES} bytes")
    try:
        reply = exact_loads(content)
    except (ValueError, RecursionError) as err:
        raise DocumentError(SYSTEM, "document", "is not JSON") from err
    if isinstance(reply, dict):
        # A number in the API's documentation, a text in replies that others recorded.
        if str(reply.get("errorcode")) == QUOTA_ERROR_CODE:
            raise QuotaExceededError(_reset_at(reply.get("reset_time")))
        code = reply.get("error_code", reply.get("errorcode"))
        if code is not None:
            said = reply.get("message", reply.get("error"))
            raise DocumentError(
                SYSTEM, "reply", f"request refused: {str(code)[:40]} {str(said)[:200]}"
            )
        reply = reply.get("results")
    if not isinstance(reply, list):
        raise DocumentError(SYSTEM, "document", "is not a list of records")
    return reply


def _reset_at(said: object) -> datetime | None:
    try:
        return parse_rfc3339(said) if isinstance(said, str) else None
    except ValueError:
        return None


def _at(fields: dict[str, Any], place: str) -> datetime:
    name = next((name for name in STAMP_FIELDS if fields.get(name) is not None), None)
    if name is None:
        raise DocumentError(SYSTEM, f"{place}.{STAMP_FIELDS[0]}", "is missing")
    said = fields[name]
    try:
        at = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise DocumentError(
            SYSTEM, f"{place}.{name}", f"{str(said)[:40]!r} is not a date-time with its offset"
        )
    return at.astimezone(UTC)


def _production(record: _Record) -> dict[str, Decimal]:
    powers: dict[str, Decimal] = {}
    for field, name in _SPELLINGS.items():
        power = _number(record, field, low=MIN_POWER_MW, high=MAX_POWER_MW)
        if power is None:
            continue
        if powers.setdefault(name, power) != power:
            raise DocumentError(
                SYSTEM,
                f"{record.place}.{field}",
                f"is {power}, another spelling says {powers[name]}",
            )
    return powers


def _storage_power_mw(record: _Record) -> Decimal | None:
    """Charging positive: the records count what storage gives to the grid."""
    for field in sorted(_STORAGE_SPELLINGS):
        discharge = _number(record, field, low=-MAX_POWER_MW, high=MAX_POWER_MW)
        if discharge is not None:
            return -discharge
    return None


def _number(record: _Record, field: str, *, low: Decimal, high: Decimal) -> Decimal | None:
    value = record.fields.get(field)
    if value is None:
        return None
    element = f"{record.place}.{field}"
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise DocumentError(SYSTEM, element, f"{str(value)[:40]!r} is not a number")
    number = Decimal(value)
    if not low <= number <= high:
        raise DocumentError(SYSTEM, element, f"{str(number)[:40]} is not between {low} and {high}")
    return number


def _fuel(name: str, island: Island) -> Fuel:
    return _ISLAND_FUELS.get(island, {}).get(name, _FUELS[name])


def _unknown_fields(records: list[_Record]) -> tuple[str, ...]:
    def names() -> Iterator[str]:
        for record in records:
            for name, value in record.fields.items():
                is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
                if is_number and not _is_known(name):
                    yield name

    return tuple(sorted(set(names())))


def _is_known(name: str) -> bool:
    return (
        name in _SPELLINGS
        or name in _STORAGE_SPELLINGS
        or name in _OTHER_FIELDS
        or name.startswith(_OTHER_PREFIXES)
    )
