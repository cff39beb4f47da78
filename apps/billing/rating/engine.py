"""Prices a session by a tariff: OCPI 2.2.1 mod_tariffs and mod_cdrs, exactly and with reasons.

The readings of the specification where it is silent or contradicts itself are in docs/adr.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal, localcontext
from zoneinfo import ZoneInfo

from apps.billing.rating.decimals import EXACT, ONE, SECONDS_PER_HOUR, WH_PER_KWH, ZERO, plain
from apps.billing.rating.lines import rating_of
from apps.billing.rating.model import (
    ChargingPeriod,
    Note,
    Rating,
    RatingProblem,
    SessionCharged,
    Tariff,
)
from apps.billing.rating.odd import (
    SECOND,
    Placed,
    odd_in_cost,
    odd_in_session,
    odd_in_time,
    periods_placed,
)
from apps.billing.rating.prepared import (
    ENERGY,
    PARKING_TIME,
    RESERVATION_TIME,
    TIME,
    TIMED,
    Choice,
    Choices,
    Moment,
    Prepared,
    choose,
    prepared,
)
from apps.billing.rating.spans import Span, crosses, may_cross
from apps.billing.rating.times import zone_named


def rate(tariff: Tariff, session: SessionCharged) -> Rating:
    """The session's price: total, dimensions, lines with their reasons, taxes, notes.

    Amounts are exact (see decimals.py). Raises RatingProblem where a price cannot be told: no time
    zone for a tariff with local times, a negative volume, an end before the start.
    """
    with localcontext(EXACT):
        run = _Run(tariff, session)
        run.periods()
        run.steps()
        rating = rating_of(tariff, run.used, run.extra, run.volumes, run.notes)
        odd = odd_in_cost(session, rating.total_cost)
        return replace(rating, notes=(*rating.notes, *odd)) if odd else rating


class _Run:
    """One session on its way through a tariff."""

    __slots__ = (
        "_energy",
        "_expired",
        "_expired_done",
        "_flat_done",
        "_last",
        "_lists",
        "_origin",
        "_placed",
        "_ready",
        "_reserved",
        "_reserved_done",
        "_session",
        "_zone",
        "extra",
        "notes",
        "used",
        "volumes",
    )

    def __init__(self, tariff: Tariff, session: SessionCharged) -> None:
        self._session = session
        self._ready: Prepared = prepared(tariff)
        self.used: dict[Choice, Decimal] = {}
        self.extra: dict[Choice, Decimal] = {}
        self.notes: list[Note] = []
        self.volumes: list[Decimal | None] = [None, None, None, None]
        self._last: list[Choice | None] = [None, None, None, None]
        self._energy = ZERO
        # What the tariff has no fee for needs no looking up.
        self._flat_done = not self._ready.flat
        self._reserved_done, self._expired_done = (
            not choices for choices in self._ready.reservation_flats
        )
        self._zone = self._local_zone()
        odd_in_session(tariff, session, self.notes)
        self._placed = periods_placed(tariff, session, self.notes)
        told = session.reservation_expired is True
        self._reserved = [_is_reservation(one.period, told=told) for one in self._placed]
        self._expired = self._is_expired()
        self._lists = self._ready.timed_expired if self._expired else self._ready.timed
        self._origin = self._charging_start()

    def periods(self) -> None:
        """Every period to the components that apply at its start."""
        placed = self._placed
        last = len(placed) - 1
        for n, one in enumerate(placed):
            end = self._session.end_date_time if n == last else placed[n + 1].period.start_date_time
            self._period(one, end, reserved=self._reserved[n])

    def _period(self, one: Placed, end: datetime, *, reserved: bool) -> None:
        period = one.period
        ready = self._ready
        lasts_s = (end - period.start_date_time) // SECOND
        odd_in_time(one, lasts_s, times_priced=ready.times_priced, notes=self.notes)
        moment = None if ready.plain else self._moment(one, reserved=reserved)
        volumes = (
            period.energy_kwh,
            period.time_h,
            period.parking_time_h,
            period.reservation_time_h,
        )
        if one.relevant and not (self._flat_done and self._reserved_done and self._expired_done):
            self._flats(moment, reserved=reserved, reservation=bool(period.reservation_time_h))
        self._volumes_to_choices(one, volumes, moment)
        if moment is not None and one.relevant:
            origin = self._session.start_date_time if reserved else self._origin
            span = Span(one, end, moment, origin, lasts_s)
            if may_cross(ready, span):
                crosses(ready, self._lists, volumes, span, self._zone, self.notes)
        if period.energy_kwh:
            self._energy += period.energy_kwh

    def _volumes_to_choices(
        self, one: Placed, volumes: tuple[Decimal | None, ...], moment: Moment | None
    ) -> None:
        used, sums = self.used, self.volumes
        for place, volume in enumerate(volumes):
            if volume is None:
                continue
            before = sums[place]
            sums[place] = volume if before is None else before + volume
            if not volume:
                continue
            if volume < 0:
                text = f"{TIMED[place]} is negative: it is not priced."
                raise RatingProblem("volume.negative", text, one.where)
            if one.relevant and (choice := choose(self._lists[place], moment)) is not None:
                known = used.get(choice)
                used[choice] = volume if known is None else known + volume
                self._last[place] = choice

    def _flats(self, moment: Moment | None, *, reserved: bool, reservation: bool) -> None:
        """A fee once: the first that applies in the session, and apart for its reservation."""
        if reserved or reservation:
            ordinary, expiring = self._ready.reservation_flats
            if not self._reserved_done:
                self._reserved_done = self._flat(ordinary, moment)
            if self._expired and not self._expired_done:
                self._expired_done = self._flat(expiring, moment)
        if not reserved and not self._flat_done:
            self._flat_done = self._flat(self._ready.flat, moment)

    def _flat(self, choices: Choices, moment: Moment | None) -> bool:
        choice = choose(choices, moment)
        if choice is None:
            return False
        self.used[choice] = ONE
        return True

    def _moment(self, one: Placed, *, reserved: bool) -> Moment:
        period = one.period
        start = period.start_date_time
        second = weekday = ordinal = 0
        if self._zone is not None:
            local = start.astimezone(self._zone)
            second = local.hour * 3600 + local.minute * 60 + local.second
            ordinal = local.toordinal()
            weekday = (ordinal + 6) % 7
        origin = self._session.start_date_time if reserved else self._origin
        elapsed = max((start - origin) // SECOND, 0)
        low_a = high_a = low_kw = high_kw = None
        if self._ready.current_edges:
            low_a, high_a = self._currents(one)
        if self._ready.power_edges:
            low_kw, high_kw = self._powers(one)
        return Moment(
            second, weekday, ordinal, self._energy, elapsed, low_a, high_a, low_kw, high_kw
        )

    def _currents(self, one: Placed) -> tuple[Decimal | None, Decimal | None]:
        period = one.period
        low, high = _band(period.min_current_a, period.max_current_a, period.current_a)
        if low is None:
            if _is_idle(period):
                return ZERO, ZERO
            self._note_unknown("current", "MIN_CURRENT or MAX_CURRENT", one)
        return low, high

    def _powers(self, one: Placed) -> tuple[Decimal | None, Decimal | None]:
        period = one.period
        low, high = _band(period.min_power_kw, period.max_power_kw, period.power_kw)
        if low is None:
            if _is_idle(period):
                return ZERO, ZERO
            if period.energy_kwh is not None and period.time_h:
                mean = period.energy_kwh / period.time_h
                text = "The power is not given; the mean, energy by time, is taken."
                self.notes.append(Note("period.power_derived", text, one.where))
                return mean, mean
            self._note_unknown("power", "MIN_POWER or MAX_POWER", one)
        return low, high

    def _note_unknown(self, what: str, wanted: str, one: Placed) -> None:
        text = (
            f"The tariff has prices by {what} and the period has no {wanted}: none of them applies."
        )
        self.notes.append(Note(f"period.{what}_unknown", text, one.where))

    def steps(self) -> None:
        """step_size: once for energy, once for time and parking together, once for a reservation.

        The sum of what is billed is rounded up by the step of the component used last, and that
        component's line takes what is added (OCPI 2.2.1 mod_cdrs §step_size).
        """
        self._step(ENERGY, WH_PER_KWH)
        parked = self._last[PARKING_TIME] is not None
        self._step(PARKING_TIME if parked else TIME, SECONDS_PER_HOUR)
        self._step(RESERVATION_TIME, SECONDS_PER_HOUR)

    def _step(self, place: int, per_unit: Decimal) -> None:
        last = self._last[place]
        if last is None or not last.step_size:
            return
        total = ZERO
        for choice, volume in self.used.items():
            if choice.place == place:
                total += volume
        over = (total * per_unit) % last.step_size
        if not over:
            return
        self.extra[last] = last.step_size - over
        # Hours of four decimals are up to 0.18 s too long each.
        if place != ENERGY and over < 1 < last.step_size and total * per_unit > last.step_size:
            text = (
                f"{last.name} is {plain(over)} s over a multiple of its step of {last.step_size} s:"
                " one step more is billed. Perhaps its hours are written with too few decimals."
            )
            self.notes.append(Note("step.barely_begun", text, "charging_periods"))

    def _local_zone(self) -> ZoneInfo | None:
        if not self._ready.local:
            return None
        if self._session.time_zone is None:
            raise RatingProblem(
                "time_zone.missing",
                "The tariff has local times, days or dates and the place's time zone is not known."
                " Give it (America/Guadeloupe); a country alone does not tell it on islands.",
                "time_zone",
            )
        if self._session.time_zone_derived:
            text = (
                f"No time zone is given; {self._session.time_zone} is concluded from the address."
            )
            self.notes.append(Note("time_zone.derived", text, "time_zone"))
        return zone_named(self._session.time_zone)

    def _is_expired(self) -> bool:
        given = self._session.reservation_expired
        if given is not None:
            if given and not all(self._reserved):
                text = "An expired reservation has no charging; what was charged is priced too."
                self.notes.append(Note("reservation.contradictory", text, "reservation_expired"))
            return given
        if not all(self._reserved):
            return False
        text = "There is a reservation and no charging: it is priced as an expired reservation."
        self.notes.append(Note("reservation.expired_concluded", text, "charging_periods"))
        return True

    def _charging_start(self) -> datetime:
        """When charging began; a reservation before it does not count into its duration."""
        if self._reserved[0]:
            for one, reserved in zip(self._placed, self._reserved, strict=True):
                if not reserved:
                    return one.period.start_date_time
        return self._session.start_date_time


def _is_reservation(period: ChargingPeriod, *, told: bool) -> bool:
    """Whether nothing but a reservation happens in it; `told`: the reservation has expired."""
    if period.energy_kwh or period.time_h or period.parking_time_h:
        return False
    return told or bool(period.reservation_time_h)


def _is_idle(period: ChargingPeriod) -> bool:
    return not period.energy_kwh and not period.time_h


def _band(
    low: Decimal | None, high: Decimal | None, mean: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """The lowest and highest value; the one that is not given is the mean, else the other."""
    if low is None:
        low = mean if mean is not None else high
    if high is None:
        high = mean if mean is not None else low
    return low, high
