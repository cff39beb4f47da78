"""A tariff as a week of prices, and what a typical session costs by it; pure functions.

Both ask the engine of the CDR, so that nothing here can be priced otherwise than it is billed.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from apps.billing.rating import Dimension, Note, Rating, RatingProblem, Tariff, rate
from apps.billing.rating.cutting import MeterSample, periods_cut
from apps.billing.rating.prepared import (
    ENERGY,
    PARKING_TIME,
    TIME,
    Choice,
    Moment,
    choose,
    prepared,
)

SLOTS_PER_DAY = 48
SLOT_S = 1800
DAYS = 7
# In the order in which they are offered; prices of fees do not depend on the week alone.
SHOWN = {Dimension.ENERGY: ENERGY, Dimension.TIME: TIME, Dimension.PARKING_TIME: PARKING_TIME}
LEVELS = 6
# Volts between a phase and neutral, for the current that a power comes to (sum of the phases).
_PHASE_VOLTS = 230
# As the engine: ten years.
_LONGEST_S = 10 * 366 * 86_400
_ZERO = Decimal(0)
_QUANTUM = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Point:
    """Where in a session the week is looked at: what was charged, how long, at which power."""

    energy_kwh: Decimal = _ZERO
    elapsed_s: int = 0
    power_kw: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Half hours of a day that follow each other at one price.

    `first` counts half hours from midnight. `price` is per kWh or hour as the tariff has it, None
    where nothing is priced (free). `element` is the tariff's element, None when free. `level`: 0
    for free, else 1 (cheapest of the week) to `LEVELS`. `is_mixed`: the price changes within one
    of its half hours.
    """

    first: int
    count: int
    price: Decimal | None
    vat_percent: Decimal | None
    element: int | None
    level: int
    is_mixed: bool

    @property
    def start_text(self) -> str:
        return clock_text(self.first)

    @property
    def end_text(self) -> str:
        return clock_text(self.first + self.count)


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from Monday on, each as stretches from midnight to midnight, local time."""

    dimension: Dimension
    currency: str
    monday: date
    days: tuple[tuple[Stretch, ...], ...]
    prices: tuple[Decimal, ...]
    """All prices of the week, lowest first."""


@dataclass(frozen=True, slots=True)
class SessionAsked:
    """A typical session: arrival (aware), energy at a constant power, then parked and full."""

    arrival: datetime
    energy_kwh: Decimal
    power_kw: Decimal
    parking_min: int
    time_zone: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What it costs, when it ends, and what the cutting of its periods told."""

    rating: Rating
    charged_until: datetime
    ends_at: datetime
    notes: tuple[Note, ...]


def clock_text(half_hours: int) -> str:
    """`07:30` from a count of half hours; the last one of the day ends at 24:00."""
    return f"{half_hours // 2:02d}:{half_hours % 2 * 30:02d}"


def week_of(tariff: Tariff, *, dimension: Dimension, monday: date, point: Point) -> Week:
    """The price of one dimension in each half hour of a week, at one point of a session."""
    days = [_day(tariff, SHOWN[dimension], monday + timedelta(days=n), point) for n in range(DAYS)]
    prices = sorted({cell[0].price for day in days for cell in day if cell[0] is not None})
    return Week(
        dimension=dimension,
        currency=tariff.currency,
        monday=monday,
        days=tuple(tuple(_stretches(day, prices)) for day in days),
        prices=tuple(prices),
    )


def bands_of(tariff: Tariff) -> bool:
    """Whether prices also hang on what was charged, how long, or how fast."""
    rules = prepared(tariff)
    return bool(
        rules.energy_edges or rules.duration_edges or rules.power_edges or rules.current_edges
    )


def preview_of(tariff: Tariff, asked: SessionAsked) -> Preview:
    """The price of a typical session; RatingProblem when it cannot be told."""
    hours = asked.energy_kwh / asked.power_kw if asked.power_kw else _ZERO
    seconds = int((hours * 3600).to_integral_value(ROUND_HALF_UP))
    if seconds > _LONGEST_S or not 2000 <= asked.arrival.year <= 2100:
        raise RatingProblem("session.too_long", "No car charges that long, or then.")
    full = asked.arrival + timedelta(seconds=seconds)
    end = full + timedelta(minutes=asked.parking_min)
    samples = [
        MeterSample(asked.arrival, _ZERO, asked.power_kw, current_of(asked.power_kw)),
        MeterSample(full, asked.energy_kwh, _ZERO, _ZERO, is_parking=asked.parking_min > 0),
        MeterSample(end, asked.energy_kwh, _ZERO, _ZERO, is_parking=asked.parking_min > 0),
    ]
    cut = periods_cut(samples, tariff, asked.arrival, end, asked.time_zone)
    return Preview(rate(tariff, cut.session), full, end, cut.notes)


def current_of(power_kw: Decimal) -> Decimal:
    """The current (A, sum of the phases) that a power comes to at 230 V."""
    return (power_kw * 1000 / _PHASE_VOLTS).quantize(_QUANTUM, ROUND_HALF_UP)


def _day(tariff: Tariff, place: int, day: date, point: Point) -> list[tuple[Choice | None, bool]]:
    """The component that applies from each half hour on, and whether it changes within it."""
    rules = prepared(tariff)
    current = None if point.power_kw is None else current_of(point.power_kw)
    cells = []
    for slot in range(SLOTS_PER_DAY):
        start = slot * SLOT_S
        seconds = [start, *(edge for edge in rules.second_edges if start < edge < start + SLOT_S)]
        found = [
            choose(
                rules.timed[place],
                Moment(
                    second, day.weekday(), day.toordinal(), point.energy_kwh, point.elapsed_s,
                    current, current, point.power_kw, point.power_kw,
                ),
            )
            for second in seconds
        ]  # fmt: skip
        cells.append((found[0], len({_key(one) for one in found}) > 1))
    return cells


def _key(choice: Choice | None) -> Any:
    return None if choice is None else (choice.price, choice.vat)


def _stretches(cells: list[tuple[Choice | None, bool]], prices: list[Decimal]) -> list[Stretch]:
    found: list[Stretch] = []
    first = 0
    for slot in range(1, SLOTS_PER_DAY + 1):
        if slot < SLOTS_PER_DAY and not cells[slot][1] and not cells[slot - 1][1]:
            same = _key(cells[slot][0]) == _key(cells[slot - 1][0]) and (
                _element(cells[slot][0]) == _element(cells[slot - 1][0])
            )
            if same:
                continue
        choice, is_mixed = cells[first]
        found.append(
            Stretch(
                first=first,
                count=slot - first,
                price=None if choice is None else choice.price,
                vat_percent=None if choice is None else choice.vat,
                element=_element(choice),
                level=_level(choice, prices),
                is_mixed=is_mixed,
            )
        )
        first = slot
    return found


def _element(choice: Choice | None) -> int | None:
    return None if choice is None else choice.element


def _level(choice: Choice | None, prices: list[Decimal]) -> int:
    """1 to LEVELS by where the price lies between the week's lowest and highest."""
    if choice is None:
        return 0
    low, high = prices[0], prices[-1]
    if low == high:
        return 1
    share = (choice.price - low) / (high - low)
    return 1 + int(min(share * LEVELS, Decimal(LEVELS - 1)))
