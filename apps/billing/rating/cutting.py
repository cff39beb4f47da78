"""Charging periods from meter samples, cut at every moment at which the price changes.

OCPI 2.2.1 §10.3.1 (ChargingPeriod): a period starts whenever another price component becomes
active, if need be at an interpolated moment. How it is done here, and told in the notes:

* Moments are whole seconds, rounded down: not every peer reads fractions.
* Between two register values energy grows on a straight line. A threshold of energy is crossed at
  the first whole second by which that line has reached it.
* Power, current and parking hold from the sample that tells them to the next one that does. Where
  none tells a power and the tariff asks for it, it is the mean between two register values. A
  vehicle that is parked draws nothing.
* The energies of the periods add up to the metered energy, unit by unit.

No price changes within a period, so whoever prices it at its start finds what we bill.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from apps.billing.rating.borders import moments
from apps.billing.rating.decimals import EXACT, SECONDS_PER_HOUR, ZERO, plain
from apps.billing.rating.model import ChargingPeriod, Note, RatingProblem, SessionCharged, Tariff
from apps.billing.rating.prepared import (
    ENERGY,
    PARKING_TIME,
    RESERVATION_TIME,
    TIME,
    Choice,
    Moment,
    Prepared,
    choose,
    prepared,
)
from apps.billing.rating.register import Curve, Knot, MeterSample, RegisterReading, curve_of
from apps.billing.rating.steps import Steps, steps_of
from apps.billing.rating.times import zone_named

__all__ = ["CutSession", "MeterSample", "periods_cut"]

# Rounded down, to less than 4 µs: seconds that fill a step exactly never begin another one.
_HOURS_QUANTUM = Decimal(1).scaleb(-9)
_POWER_QUANTUM = Decimal(1).scaleb(-4)
# Longer than any session.
_LONGEST_S = 10 * 366 * 86_400
_SECOND = timedelta(seconds=1)
Price = tuple[Choice | None, ...]


@dataclass(frozen=True, slots=True)
class CutSession:
    """A session ready to be priced, its metered energy in kWh, and what was doubtful on the way."""

    session: SessionCharged
    energy_kwh: Decimal
    notes: tuple[Note, ...]

    @property
    def charging_periods(self) -> tuple[ChargingPeriod, ...]:
        """The periods, in order."""
        return self.session.charging_periods


@dataclass(frozen=True, slots=True)
class _Course:
    """What was measured, by the second of the session."""

    energy: Curve
    power_kw: Steps[Decimal]
    current_a: Steps[Decimal]
    parking: Steps[bool]

    def is_parking(self, second: int) -> bool:
        return bool(self.parking.at(second))

    def drawn(self, start: int, end: int) -> tuple[Decimal | None, ...]:
        """The least and the most current (A) and power (kW) of a stretch, parked or not."""
        if self.is_parking(start) or (start == end and not self.energy.total):
            return ZERO, ZERO, ZERO, ZERO
        current = [*self.current_a.within(start, end)]
        power = [*self.power_kw.within(start, end)]
        return (
            min(current, default=None),
            max(current, default=None),
            min(power, default=None),
            max(power, default=None),
        )


def periods_cut(
    samples: Sequence[MeterSample],
    tariff: Tariff,
    start: datetime,
    end: datetime,
    time_zone: str,
    *,
    reserved_from: datetime | None = None,
    reservation_expired: bool | None = None,
) -> CutSession:
    """The charging periods of [start, end) under a tariff, from samples in any order.

    `time_zone` is the IANA name frozen with the session. `reserved_from`: when the reservation
    that the session followed was made. Raises RatingProblem when `end` is before `start`, a time
    has no zone, the zone is not known, or a sample is no number.
    """
    zone = zone_named(time_zone)
    begin, duration_s = _span(start, end)
    rules = prepared(tariff)
    course, notes = _course(samples, rules, begin, duration_s)
    opened, periods = begin, list[ChargingPeriod]()
    if reserved_from is not None:
        opened, reserved_s = _span(reserved_from, begin)
        expired = bool(reservation_expired) if duration_s else reservation_expired is not False
        if reserved_s:
            periods += _reserved(rules, opened, reserved_s, zone, expired=expired)
    if duration_s or course.energy.total or not periods:
        cuts = _cuts(rules, course, begin, duration_s, zone)
        periods += _periods(course, cuts, begin)
        notes += _interpolated(rules, course, cuts, begin)
    total = course.energy.kwh(course.energy.total)
    session = SessionCharged(
        start_date_time=opened,
        end_date_time=begin + timedelta(seconds=duration_s),
        charging_periods=tuple(replace(one, tariff_id=tariff.id or None) for one in periods),
        time_zone=time_zone,
        reservation_expired=reservation_expired,
        currency=tariff.currency,
        total_energy_kwh=total,
    )
    return CutSession(session, total, tuple(notes))


def _span(start: datetime, end: datetime) -> tuple[datetime, int]:
    """The start in UTC at its whole second, and the whole seconds until the end's."""
    for at, name in ((start, "start"), (end, "end")):
        if at.tzinfo is None:
            raise RatingProblem("time.naive", f"{at.isoformat()} has no time zone.", name)
    begin, until = (at.astimezone(UTC).replace(microsecond=0) for at in (start, end))
    seconds = (until - begin) // _SECOND
    if seconds < 0:
        raise RatingProblem(
            "session.ends_before_start", "The session ends before it starts.", "end"
        )
    if seconds > _LONGEST_S:
        raise RatingProblem("session.too_long", "The session lasts more than ten years.", "end")
    return begin, seconds


def _course(
    samples: Sequence[MeterSample], rules: Prepared, begin: datetime, duration_s: int
) -> tuple[_Course, list[Note]]:
    told = [*_told(samples, begin)]
    notes = [*_order_notes(told)]
    told.sort(key=lambda one: one[0])
    readings = [
        RegisterReading(second, sample.energy_kwh, where)
        for second, sample, where in told
        if sample.energy_kwh is not None
    ]
    thresholds = [Decimal(edge) for edge in rules.energy_edges]
    energy, doubts = curve_of(readings, duration_s, thresholds)
    notes += doubts
    charging = [(second, sample) for second, sample, _ in told if not sample.is_parking]
    power = steps_of((second, sample.power_kw) for second, sample in charging)
    current = steps_of((second, sample.current_a) for second, sample in charging)
    if rules.power_edges and not power.values:
        power = _mean_power(energy, duration_s)
        text = "No sample tells a power: the mean between two register values stands for it."
        notes.append(Note("samples.power_derived", text))
    if rules.current_edges and not current.values:
        text = "No sample tells a current, and the tariff asks for it: no band of it applies."
        notes.append(Note("samples.current_unknown", text))
    parking = steps_of((second, sample.is_parking) for second, sample, _ in told)
    if energy.knots and energy.total == 0:
        notes.append(Note("samples.zero_energy", "The register did not move: no energy."))
    return _Course(energy, power, current, parking), notes


def _told(
    samples: Sequence[MeterSample], begin: datetime
) -> Iterator[tuple[int, MeterSample, str]]:
    for index, sample in enumerate(samples):
        where = f"samples[{index}]"
        if sample.at.tzinfo is None:
            raise RatingProblem("time.naive", f"{sample.at.isoformat()} has no time zone.", where)
        for value in (sample.energy_kwh, sample.power_kw, sample.current_a):
            if value is not None and not value.is_finite():
                raise RatingProblem("number.invalid", f"{value} is not a number.", where)
        yield (sample.at - begin) // _SECOND, sample, where


def _order_notes(told: Sequence[tuple[int, MeterSample, str]]) -> Iterator[Note]:
    seconds = [second for second, _, _ in told]
    late = [
        where
        for (_, _, where), now, before in zip(told[1:], seconds[1:], seconds, strict=False)
        if now < before
    ]
    if late:
        text = f"{len(late)} sample(s) came late; all were put in the order of their time."
        yield Note("samples.out_of_order", text, late[0])


def _mean_power(energy: Curve, duration_s: int) -> Steps[Decimal]:
    means: list[tuple[int, Decimal | None]] = []
    for one, two in zip(energy.knots, energy.knots[1:], strict=False):
        if two.second > one.second:
            hours = EXACT.divide(Decimal(two.second - one.second), SECONDS_PER_HOUR)
            mean = EXACT.divide(energy.kwh(two.energy - one.energy), hours)
            means.append((one.second, mean.quantize(_POWER_QUANTUM, ROUND_HALF_UP, EXACT)))
    if means and energy.knots[-1].second < duration_s:
        means.append((energy.knots[-1].second, ZERO))
    return steps_of(means or [(0, ZERO)])


def _cuts(
    rules: Prepared, course: _Course, begin: datetime, duration_s: int, zone: ZoneInfo
) -> list[Knot]:
    """Where a stretch of one price starts, and the end of the last one."""
    edges = [*_edges(rules, course, begin, duration_s, zone)]
    cuts: list[Knot] = []
    last: tuple[object, ...] = ()
    for edge, following in zip(edges, edges[1:], strict=False):
        is_parking = course.is_parking(edge.second)
        moment = _moment(course, edge, following, begin, zone)
        stretch = (
            is_parking,
            *_price(rules, moment, is_parking=is_parking),
            *_bands(rules, moment),
        )
        if stretch != last:
            cuts.append(edge)
            last = stretch
    return [*cuts, edges[-1]]


def _bands(rules: Prepared, moment: Moment) -> Iterator[int]:
    """Between which thresholds of the tariff a moment lies.

    Crossing one ends a period even where the same components go on: a partner who knows the
    period's sum and extremes only could not tell.
    """
    yield bisect_right(rules.energy_edges, moment.energy_kwh)
    for edges, value in (
        (rules.power_edges, moment.min_power_kw),
        (rules.current_edges, moment.min_current_a),
    ):
        yield -1 if value is None else bisect_right(edges, value)


def _edges(
    rules: Prepared, course: _Course, begin: datetime, duration_s: int, zone: ZoneInfo
) -> Iterator[Knot]:
    """Where a price may change, from the start to the end, each with the energy until then."""
    crossings = []
    for threshold in rules.energy_edges:
        units = course.energy.units(Decimal(threshold))
        second = course.energy.crossing(units)
        if second is not None:
            crossings.append(Knot(second, units))
    seconds = moments(rules, begin, duration_s, zone) | set(course.parking.seconds)
    if rules.power_edges:
        seconds |= set(course.power_kw.seconds)
    if rules.current_edges:
        seconds |= set(course.current_a.seconds)
    inner = {
        Knot(second, course.energy.at(second)) for second in seconds if 0 < second < duration_s
    }
    first, last = Knot(0, 0), Knot(duration_s, course.energy.total)
    between = inner | {one for one in crossings if one not in (first, last)}
    yield first
    yield from sorted(between, key=lambda knot: (knot.second, knot.energy))
    yield last


def _moment(
    course: _Course, edge: Knot, following: Knot, begin: datetime, zone: ZoneInfo
) -> Moment:
    local = (begin + timedelta(seconds=edge.second)).astimezone(zone)
    return Moment(
        local.hour * 3600 + local.minute * 60 + local.second,
        local.weekday(),
        local.toordinal(),
        course.energy.kwh(edge.energy),
        edge.second,
        *course.drawn(edge.second, following.second),
    )


def _price(rules: Prepared, moment: Moment, *, is_parking: bool) -> Price:
    """The components that apply: nothing else can change what a period costs."""
    time = rules.timed[PARKING_TIME if is_parking else TIME]
    return tuple(choose(one, moment) for one in (rules.flat, rules.timed[ENERGY], time))


def _periods(course: _Course, cuts: Sequence[Knot], begin: datetime) -> Iterator[ChargingPeriod]:
    for edge, until in zip(cuts, cuts[1:], strict=False):
        is_parking = course.is_parking(edge.second)
        hours = _hours(until.second - edge.second)
        low_a, high_a, low_kw, high_kw = course.drawn(edge.second, until.second)
        yield ChargingPeriod(
            start_date_time=begin + timedelta(seconds=edge.second),
            energy_kwh=course.energy.kwh(until.energy - edge.energy),
            time_h=None if is_parking else hours,
            parking_time_h=hours if is_parking else None,
            min_current_a=low_a,
            max_current_a=high_a,
            min_power_kw=low_kw,
            max_power_kw=high_kw,
        )


def _interpolated(
    rules: Prepared, course: _Course, cuts: Sequence[Knot], begin: datetime
) -> Iterator[Note]:
    """Which of the energies at cuts were not read but lie between two readings."""
    units = {course.energy.units(Decimal(edge)): edge for edge in rules.energy_edges}
    gaps = []
    for cut in cuts[1:-1]:
        gap_s = course.energy.gap_s(cut.second)
        if gap_s and cut.energy in units:
            at = begin + timedelta(seconds=cut.second)
            text = (
                f"{plain(Decimal(units[cut.energy]))} kWh were reached at {at:%Y-%m-%d %H:%M:%S}"
                f" UTC, on a straight line between readings {timedelta(seconds=gap_s)} apart."
            )
            yield Note("cut.threshold_interpolated", text)
        elif gap_s:
            gaps.append(gap_s)
    if gaps:
        text = (
            f"At {len(gaps)} change(s) of the price the register was not read: the energy lies on a"
            f" straight line between readings up to {timedelta(seconds=max(gaps))} apart."
        )
        yield Note("cut.energy_interpolated", text)


def _reserved(
    rules: Prepared, begin: datetime, duration_s: int, zone: ZoneInfo, *, expired: bool
) -> list[ChargingPeriod]:
    """The periods of a reservation."""
    choices = (rules.timed_expired if expired else rules.timed)[RESERVATION_TIME]
    flats = rules.reservation_flats if expired else rules.reservation_flats[:1]
    idle = _Course(Curve((), 0), steps_of(()), steps_of(()), steps_of([(0, True)]))
    starts: list[int] = []
    last: Price | None = None
    for second in [0, *sorted(moments(rules, begin, duration_s, zone))]:
        edge = Knot(second, 0)
        moment = _moment(idle, edge, edge, begin, zone)
        price = tuple(choose(one, moment) for one in (choices, *flats))
        if price != last:
            starts.append(second)
            last = price
    return [
        ChargingPeriod(
            start_date_time=begin + timedelta(seconds=second),
            reservation_time_h=_hours(until - second),
        )
        for second, until in zip(starts, [*starts[1:], duration_s], strict=True)
    ]


def _hours(seconds: int) -> Decimal:
    exact = EXACT.divide(Decimal(seconds), SECONDS_PER_HOUR)
    return Decimal(plain(exact.quantize(_HOURS_QUANTUM, ROUND_DOWN, EXACT)))
