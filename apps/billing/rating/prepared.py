"""A tariff made ready for pricing: per dimension, the components in order with one test each.

Made once per Tariff object and kept as long as it lives.
"""

import weakref
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import time
from decimal import Decimal
from typing import NamedTuple

from apps.billing.rating.decimals import HUNDRED, ONE, plain
from apps.billing.rating.model import (
    UNITS,
    Dimension,
    PriceComponent,
    Reservation,
    Restrictions,
    Tariff,
    TaxIncluded,
)

DAY_S = 86_400
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# The places of the dimensions in the tuples of a Prepared.
ENERGY, TIME, PARKING_TIME, RESERVATION_TIME, FLAT, RESERVATION_FLAT = range(6)
TIMED = (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.RESERVATION_TIME)
PLACES = (*TIMED, Dimension.FLAT, Dimension.RESERVATION_FLAT)


class Moment(NamedTuple):
    """What restrictions are tested against; seconds and days local, currents and powers by phase.

    A current or power of None is not known: no band of it applies then.
    """

    second: int
    weekday: int
    ordinal: int
    energy_kwh: Decimal
    elapsed_s: int
    min_current_a: Decimal | None
    max_current_a: Decimal | None
    min_power_kw: Decimal | None
    max_power_kw: Decimal | None


Test = Callable[[Moment], bool]


class Choice:
    """One price component with the test of its element; compared by identity."""

    __slots__ = (
        "component",
        "dimension",
        "element",
        "factor",
        "inclusive",
        "name",
        "place",
        "price",
        "restrictions",
        "said",
        "step_size",
        "test",
        "unit",
        "vat",
    )

    def __init__(
        self,
        tariff: Tariff,
        element: int,
        component: int,
        dimension: Dimension,
    ) -> None:
        part = tariff.elements[element]
        priced: PriceComponent = part.price_components[component]
        taxed = tariff.tax_included is not TaxIncluded.NOT_APPLICABLE and priced.vat is not None
        self.element = element
        self.component = component
        self.dimension = dimension
        # Kept apart: the value and the hash of an enumeration cost a call each.
        self.place = PLACES.index(dimension)
        self.name = dimension.value
        self.price = priced.price
        self.step_size = priced.step_size
        self.vat = priced.vat if taxed else None
        self.factor = ONE + priced.vat / HUNDRED if taxed and priced.vat else ONE
        self.inclusive = tariff.tax_included is TaxIncluded.YES
        self.restrictions = part.restrictions
        self.test = test_of(part.restrictions)
        self.unit = UNITS[dimension]
        self.said = self._said(tariff.currency, words_of(part.restrictions))

    def _said(self, currency: str, when: str) -> str:
        """What a line's reason says after the volume; all of it for a fee."""
        price = f"{plain(self.price)} {currency}"
        fee = self.place >= FLAT
        said = f"{price} once a {self.unit}" if fee else f" at {price}/{self.unit}"
        if self.inclusive:
            said += " with taxes"
        return f"{said}; {when}" if when else said


Choices = tuple[Choice, ...]


class Prepared:
    """A tariff's choices by dimension, and the edges at which another choice may apply."""

    __slots__ = (
        "current_edges",
        "duration_edges",
        "energy_edges",
        "flat",
        "local",
        "plain",
        "power_edges",
        "reservation_flats",
        "second_edges",
        "timed",
        "timed_expired",
        "times_priced",
    )

    def __init__(self, tariff: Tariff) -> None:
        session = [*_choices(tariff, reservation=None)]
        reserved = [*_choices(tariff, reservation=Reservation.RESERVATION)]
        expired = [*_choices(tariff, reservation=Reservation.RESERVATION_EXPIRES)]
        own = [_of(session, one) for one in TIMED[:3]]
        in_time = _of(reserved, Dimension.RESERVATION_TIME)
        self.timed: tuple[Choices, ...] = (*own, in_time)
        # An expired reservation is billed by RESERVATION_EXPIRES where that prices its time.
        self.timed_expired: tuple[Choices, ...] = (
            *own,
            _of(expired, Dimension.RESERVATION_TIME) + in_time,
        )
        self.flat = _of(session, Dimension.FLAT)
        self.reservation_flats = (
            _of(reserved, Dimension.RESERVATION_FLAT),
            _of(expired, Dimension.RESERVATION_FLAT),
        )
        every = [element.restrictions for element in tariff.elements]
        self.local = any(_is_local(one) for one in every)
        self.second_edges = _second_edges(every) if self.local else ()
        self.energy_edges = _edges(every, "min_kwh", "max_kwh")
        self.duration_edges = _edges(every, "min_duration", "max_duration")
        self.current_edges = _edges(every, "min_current", "max_current")
        self.power_edges = _edges(every, "min_power", "max_power")
        # No restriction but on reservations: one choice a dimension, at any moment.
        self.times_priced = bool(own[TIME])
        self.plain = not (
            self.local
            or self.energy_edges
            or self.duration_edges
            or self.current_edges
            or self.power_edges
        )


def _choices(tariff: Tariff, *, reservation: Reservation | None) -> Iterator[Choice]:
    names = (
        {}
        if reservation is None
        else {
            Dimension.TIME: Dimension.RESERVATION_TIME,
            Dimension.FLAT: Dimension.RESERVATION_FLAT,
        }
    )
    for index, element in enumerate(tariff.elements):
        if element.restrictions.reservation is not reservation:
            continue
        for place, component in enumerate(element.price_components):
            dimension = component.type if reservation is None else names.get(component.type)
            if dimension is not None:
                yield Choice(tariff, index, place, dimension)


def _of(choices: Sequence[Choice], dimension: Dimension) -> Choices:
    """The choices of a dimension, up to the first that applies always."""
    found: list[Choice] = []
    for choice in choices:
        if choice.dimension is dimension:
            found.append(choice)
            if choice.test is None:
                break
    return tuple(found)


def choose(choices: Choices, moment: Moment | None) -> Choice | None:
    """The first component whose element applies; without a moment, all apply or none is asked."""
    for choice in choices:
        test = choice.test
        if test is None or (moment is not None and test(moment)):
            return choice
    return None


_KEPT: dict[int, tuple[weakref.ref[Tariff], Prepared]] = {}


def prepared(tariff: Tariff) -> Prepared:
    """The tariff's prepared form, made at the first call."""
    key = id(tariff)
    kept = _KEPT.get(key)
    if kept is not None and kept[0]() is tariff:
        return kept[1]
    made = Prepared(tariff)

    def forget(reference: weakref.ref[Tariff]) -> None:
        # The id may already be another tariff's.
        if (found := _KEPT.get(key)) is not None and found[0] is reference:
            del _KEPT[key]

    _KEPT[key] = (weakref.ref(tariff, forget), made)
    return made


def _is_local(one: Restrictions) -> bool:
    return bool(
        one.start_time is not None
        or one.end_time is not None
        or one.start_date
        or one.end_date
        or one.day_of_week
    )


def _edges(every: Sequence[Restrictions], low: str, high: str) -> tuple[Decimal | int, ...]:
    values = {getattr(one, name) for one in every for name in (low, high)} - {None}
    return tuple(sorted(values))


def _second_edges(every: Sequence[Restrictions]) -> tuple[int, ...]:
    """Seconds of the day at which a local restriction may begin or end; midnight always."""
    clocks = [clock for one in every for clock in (one.start_time, one.end_time)]
    return tuple(sorted({0, *(seconds_of(clock) for clock in clocks if clock is not None)}))


def next_edge(edges: tuple[int, ...], second: int) -> int:
    """The first edge after a second of the day; past midnight it counts on beyond 86,400."""
    place = bisect_right(edges, second)
    return edges[place] if place < len(edges) else DAY_S + edges[0]


def seconds_of(clock: time) -> int:
    """Seconds since midnight."""
    return clock.hour * 3600 + clock.minute * 60


def test_of(one: Restrictions) -> Test | None:
    """One test for all restrictions of an element; None where it applies always.

    A reservation is no test: it says which part of the session an element is for.
    """
    tests = [*_clock_tests(one), *_day_tests(one), *_band_tests(one)]
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda moment: first(moment) and second(moment)
    return lambda moment: all(test(moment) for test in tests)


def _clock_tests(one: Restrictions) -> Iterator[Test]:
    start = 0 if one.start_time is None else seconds_of(one.start_time)
    end = DAY_S if one.end_time is None else seconds_of(one.end_time) or DAY_S
    # Equal times are not defined by the specification: the whole day.
    if start == end or (start == 0 and end == DAY_S):
        return
    if start < end:
        yield lambda moment: start <= moment.second < end
    else:
        yield lambda moment: moment.second >= start or moment.second < end


def _day_tests(one: Restrictions) -> Iterator[Test]:
    if one.day_of_week and len(one.day_of_week) < 7:
        days = one.day_of_week
        yield lambda moment: moment.weekday in days
    if one.start_date is not None:
        first = one.start_date.toordinal()
        yield lambda moment: moment.ordinal >= first
    if one.end_date is not None:
        last = one.end_date.toordinal()
        yield lambda moment: moment.ordinal < last


def _band_tests(one: Restrictions) -> Iterator[Test]:
    if (low_kwh := one.min_kwh) is not None:
        yield lambda moment: moment.energy_kwh >= low_kwh
    if (high_kwh := one.max_kwh) is not None:
        yield lambda moment: moment.energy_kwh < high_kwh
    if (low_s := one.min_duration) is not None:
        yield lambda moment: moment.elapsed_s >= low_s
    if (high_s := one.max_duration) is not None:
        yield lambda moment: moment.elapsed_s < high_s
    if (low_a := one.min_current) is not None:
        yield lambda moment: moment.min_current_a is not None and moment.min_current_a >= low_a
    if (high_a := one.max_current) is not None:
        yield lambda moment: moment.max_current_a is not None and moment.max_current_a < high_a
    if (low_kw := one.min_power) is not None:
        yield lambda moment: moment.min_power_kw is not None and moment.min_power_kw >= low_kw
    if (high_kw := one.max_power) is not None:
        yield lambda moment: moment.max_power_kw is not None and moment.max_power_kw < high_kw


def words_of(one: Restrictions) -> str:
    """When an element applies, in English: "from 09:00 to 18:00, on Monday"; "" for always."""
    words: list[str] = []
    if one.reservation is Reservation.RESERVATION:
        words.append("for a reservation")
    elif one.reservation is not None:
        words.append("for an expired reservation")
    if one.start_time is not None and one.end_time is not None:
        words.append(f"from {one.start_time:%H:%M} to {one.end_time:%H:%M}")
    elif one.start_time is not None:
        words.append(f"from {one.start_time:%H:%M}")
    elif one.end_time is not None:
        words.append(f"until {one.end_time:%H:%M}")
    if one.day_of_week:
        words.append("on " + ", ".join(DAY_NAMES[day] for day in sorted(one.day_of_week)))
    if one.start_date is not None:
        words.append(f"since {one.start_date}")
    if one.end_date is not None:
        words.append(f"before {one.end_date}")
    for unit, low, high in (
        ("kWh", one.min_kwh, one.max_kwh),
        ("s", one.min_duration, one.max_duration),
        ("A", one.min_current, one.max_current),
        ("kW", one.min_power, one.max_power),
    ):
        if low is not None:
            words.append(f"from {plain(Decimal(low))} {unit}")
        if high is not None:
            words.append(f"below {plain(Decimal(high))} {unit}")
    return ", ".join(words)
