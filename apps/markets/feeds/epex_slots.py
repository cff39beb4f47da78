"""Rows of a day-ahead file placed on the slots of their local days, with every fault named."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from apps.markets.feeds.day_ahead import (
    MAX_PRICE_EUR_PER_MWH,
    PublishedPrice,
    local_day_slots,
    local_instants,
)
from cariflex.common.errors import DomainError

# What one of each unit is in EUR/MWh.
EUR_PER_MWH: Final = {"eur/mwh": Decimal(1), "eur/kwh": Decimal(1000), "ct/kwh": Decimal(10)}
_YEARS: Final = range(1990, 2101)
_SLOT_NUMBER: Final = re.compile(r"[0-9]{1,3}")
_SPACES: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-"})


class FileError(DomainError):
    """A file, or a column map, that cannot be read at all; line 0 is the whole of it."""

    def __init__(self, line: int, column: str, rule: str) -> None:
        self.line = line
        self.column = column
        self.rule = rule
        where = f"{column} (line {line})" if line else column
        super().__init__("epex.file", f"{where}: {rule}")


class Fault(NamedTuple):
    """What is wrong with one row, or with the slots after it."""

    line: int
    column: str
    rule: str


class Row(NamedTuple):
    """The cells of one row by column, stripped; a cell that the row lacks is absent."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class DayAheadFile:
    """The good slots ordered by start, and all faults ordered by line."""

    prices: tuple[PublishedPrice, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class SlotColumns:
    """A column map that has been checked; see `epex.ColumnMap`."""

    price: str
    date: str | None
    time: str | None
    slot_number: str | None
    date_time: str | None
    unit_column: str | None
    unit: str
    zone: ZoneInfo
    resolution: timedelta
    date_format: str
    time_format: str
    date_time_format: str
    decimal_mark: str
    thousands_mark: str
    scale: Decimal | None = None

    @property
    def stamp(self) -> str:
        """The column that names a slot within its day."""
        return self.slot_number or self.time or self.date_time or self.price


class _RowFault(Exception):
    def __init__(self, column: str, rule: str) -> None:
        super().__init__(rule)
        self.column = column
        self.rule = rule


@dataclass(frozen=True, slots=True)
class _Stamped:
    """A row with its naive local time, or with its instant (aware, UTC)."""

    line: int
    at: datetime
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class _Placed:
    line: int
    start: datetime
    price: Decimal | None


def unit_normalised(said: str) -> str:
    """`€ / MWh` as eur/mwh."""
    return "".join(said.split()).replace("€", "EUR").casefold()


def slots_read(rows: list[Row], columns: SlotColumns) -> DayAheadFile:
    """One price per slot; duplicates, gaps and unreadable rows are faults."""
    faults: list[Fault] = []
    stamped = [read for row in rows if (read := _stamped(row, columns, faults)) is not None]
    claimed: set[datetime] = set()
    placed = _placed(stamped, columns, faults, claimed)
    prices = _unique(placed, columns, faults)
    claimed.update(row.start for row in placed)
    _gaps(placed, claimed, columns, faults)
    return DayAheadFile(tuple(prices), tuple(sorted(faults, key=lambda fault: fault.line)))


def _stamped(row: Row, columns: SlotColumns, faults: list[Fault]) -> _Stamped | None:
    at: datetime | None = None
    price: Decimal | None = None
    # Both are tried, so that a row with two faults shows both.
    try:
        at = _stamp(row, columns)
    except _RowFault as fault:
        faults.append(Fault(row.line, fault.column, fault.rule))
    try:
        price = _price(row, columns)
    except _RowFault as fault:
        faults.append(Fault(row.line, fault.column, fault.rule))
    return None if at is None else _Stamped(row.line, at, price)


def _cell(row: Row, column: str) -> str:
    said = row.cells.get(column, "")
    if not said:
        raise _RowFault(column, "is missing or empty")
    return said


def _parsed(column: str, said: str, form: str, columns: SlotColumns) -> datetime:
    try:
        at = datetime.strptime(said, form)  # noqa: DTZ007 - the zone is applied when placed
    except ValueError:
        raise _RowFault(column, f"{said[:40]!r} does not read as {form}") from None
    # A time alone reads as of 1900.
    if column != columns.time and at.year not in _YEARS:
        raise _RowFault(column, f"{said[:40]!r} is not between {_YEARS[0]} and {_YEARS[-1]}")
    return at


def _stamp(row: Row, columns: SlotColumns) -> datetime:
    if columns.date_time is not None:
        said = _cell(row, columns.date_time)
        at = _parsed(columns.date_time, said, columns.date_time_format, columns)
        return _on_grid(at, columns.date_time, columns)
    day_column = columns.date or ""
    day = _parsed(day_column, _cell(row, day_column), columns.date_format, columns).date()
    if columns.slot_number is not None:
        return _numbered(_cell(row, columns.slot_number), day, columns)
    time_column = columns.time or ""
    said = _cell(row, time_column)
    if "-" not in columns.time_format:
        said = said.partition("-")[0].strip()
    clock = _parsed(time_column, said, columns.time_format, columns).time()
    return _on_grid(datetime.combine(day, clock), time_column, columns)


def _on_grid(at: datetime, column: str, columns: SlotColumns) -> datetime:
    if (at - at.replace(hour=0, minute=0, second=0, microsecond=0)) % columns.resolution:
        raise _RowFault(column, f"{at:%H:%M:%S} is not the start of a slot")
    return at.astimezone(UTC) if at.tzinfo else at


def _numbered(said: str, day: date, columns: SlotColumns) -> datetime:
    slots = local_day_slots(day, columns.zone, columns.resolution)
    if not _SLOT_NUMBER.fullmatch(said) or not 1 <= int(said) <= len(slots):
        raise _RowFault(
            columns.stamp, f"{said[:40]!r} is not a slot number between 1 and {len(slots)}"
        )
    return slots[int(said) - 1]


def _price(row: Row, columns: SlotColumns) -> Decimal:
    if columns.unit_column is not None:
        unit = _cell(row, columns.unit_column)
        if unit_normalised(unit) != columns.unit:
            raise _RowFault(columns.unit_column, f"is {unit[:20]!r}, the map says {columns.unit}")
    said = _cell(row, columns.price).translate(_SPACES)
    mark, thousands = re.escape(columns.decimal_mark), re.escape(columns.thousands_mark)
    whole = rf"[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+|[0-9]+" if thousands else "[0-9]+"
    if len(said) > 40 or not re.fullmatch(rf"[-+]?(?:{whole})(?:{mark}[0-9]+)?", said):
        rule = f"is not a number with decimal mark {columns.decimal_mark!r}"
        raise _RowFault(columns.price, f"{said[:40]!r} {rule}")
    if columns.thousands_mark:
        said = said.replace(columns.thousands_mark, "")
    factor = EUR_PER_MWH[columns.unit] if columns.scale is None else columns.scale
    price = Decimal(said.replace(columns.decimal_mark, ".")) * factor
    if abs(price) > MAX_PRICE_EUR_PER_MWH:
        shown = f"{price} EUR/MWh" if columns.scale is None else f"{price}"
        raise _RowFault(columns.price, f"{shown} is beyond {MAX_PRICE_EUR_PER_MWH}")
    return price


def _placed(
    rows: list[_Stamped], columns: SlotColumns, faults: list[Fault], claimed: set[datetime]
) -> list[_Placed]:
    placed: list[_Placed] = []
    days: dict[date, list[datetime]] = defaultdict(list)
    repeated: dict[datetime, list[_Stamped]] = defaultdict(list)
    for row in rows:
        if row.at.tzinfo is not None:
            placed.append(_Placed(row.line, row.at, row.price))
            continue
        days[row.at.date()].append(row.at)
        instants = local_instants(row.at, columns.zone)
        if len(instants) == 1:
            placed.append(_Placed(row.line, instants[0], row.price))
        elif instants:
            repeated[row.at].append(row)
        else:
            rule = f"{row.at:%Y-%m-%d %H:%M} does not exist in {columns.zone.key}"
            faults.append(Fault(row.line, columns.stamp, rule))
    for local, twins in repeated.items():
        instants = local_instants(local, columns.zone)
        claimed.update(instants)
        if len(twins) != len(instants):
            rule = f"{local:%Y-%m-%d %H:%M} occurs twice that day, the file has it {len(twins)}"
            faults.extend(Fault(row.line, columns.stamp, f"{rule} times") for row in twins)
            continue
        # A file that runs backwards names the later of the two first.
        stamps = days[local.date()]
        ordered = instants if stamps[0] <= stamps[-1] else instants[::-1]
        placed.extend(
            _Placed(row.line, start, row.price) for row, start in zip(twins, ordered, strict=True)
        )
    return placed


def _unique(
    placed: list[_Placed], columns: SlotColumns, faults: list[Fault]
) -> list[PublishedPrice]:
    slots: dict[datetime, list[_Placed]] = defaultdict(list)
    for row in sorted(placed, key=lambda r: r.line):
        slots[row.start].append(row)
    prices: list[PublishedPrice] = []
    for start in sorted(slots):
        first, *others = slots[start]
        local = start.astimezone(columns.zone)
        for row in others:
            rule = f"slot {local:%Y-%m-%d %H:%M %z} is given twice, first on line {first.line}"
            faults.append(Fault(row.line, columns.stamp, rule))
        # Two prices for a slot: neither can be trusted.
        if first.price is not None and all(row.price == first.price for row in others):
            prices.append(PublishedPrice(start, columns.resolution, first.price))
    return prices


def _gaps(
    placed: list[_Placed], claimed: set[datetime], columns: SlotColumns, faults: list[Fault]
) -> None:
    lines = {row.start: row.line for row in placed}
    for day in sorted({start.astimezone(columns.zone).date() for start in claimed}):
        slots = local_day_slots(day, columns.zone, columns.resolution)
        given = sum(start in claimed for start in slots)
        line = min((lines[start] for start in slots if start in lines), default=0)
        for number, start in enumerate(slots, start=1):
            line = lines.get(start, line)
            if start not in claimed:
                local = start.astimezone(columns.zone)
                rule = (
                    f"slot {number} of {day} ({local:%H:%M %z}) has no row: "
                    f"{given} of {len(slots)} slots"
                )
                faults.append(Fault(line, columns.stamp, rule))
