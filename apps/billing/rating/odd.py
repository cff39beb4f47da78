"""What does not fit together in a session: told as notes, priced nevertheless."""

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from apps.billing.rating.decimals import SECONDS_PER_HOUR, ZERO
from apps.billing.rating.model import (
    ChargingPeriod,
    Dimension,
    Note,
    Price,
    RatingProblem,
    SessionCharged,
    Tariff,
)

SECOND = timedelta(seconds=1)
# Numbers of OCPI have four decimals: half of the last one, in hours, is 0.18 s.
_SLACK_S = 4
_SLACK_H = Decimal("0.0011")
_SLACK_KWH = Decimal("0.001")
_SLACK_COST = Decimal("0.005")


class Placed(NamedTuple):
    """A period, its place in the session as given, and whether this tariff is for it."""

    period: ChargingPeriod
    number: int
    relevant: bool

    @property
    def where(self) -> str:
        """Its path."""
        return f"charging_periods[{self.number}]"


def odd_in_session(tariff: Tariff, session: SessionCharged, notes: list[Note]) -> None:
    """Currency, validity of the tariff and the totals of a CDR that its periods do not bear out."""
    start, end = session.start_date_time, session.end_date_time
    if end < start:
        raise RatingProblem(
            "session.ends_before_start", "The session ends before it starts.", "end_date_time"
        )
    if not session.charging_periods:
        raise RatingProblem(
            "field.empty", "A session has one charging period or more.", "charging_periods"
        )
    if session.currency is not None and session.currency != tariff.currency:
        text = (
            f"The session is in {session.currency}, the tariff and this price in {tariff.currency}."
        )
        notes.append(Note("currency.differs", text, "currency"))
    if tariff.start_date_time is not None and start < tariff.start_date_time:
        since = f"{tariff.start_date_time:%Y-%m-%d %H:%M} UTC"
        text = f"The session starts before the tariff does ({since})."
        notes.append(Note("tariff.not_yet_valid", text, "start_date_time"))
    if tariff.end_date_time is not None and start >= tariff.end_date_time:
        until = f"{tariff.end_date_time:%Y-%m-%d %H:%M} UTC"
        text = f"The session starts after the tariff's end ({until})."
        notes.append(Note("tariff.no_longer_valid", text, "start_date_time"))
    if session.total_energy_kwh is not None:
        _compare_energy(tariff, session, session.total_energy_kwh, notes)
    if session.total_time_h is not None:
        lasted = Decimal((end - start) // SECOND) / SECONDS_PER_HOUR
        if abs(lasted - session.total_time_h) > _SLACK_H:
            text = f"total_time is {session.total_time_h} h, the session lasted {lasted:.4f} h."
            notes.append(Note("cdr.total_time_differs", text, "total_time"))


def _compare_energy(
    tariff: Tariff, session: SessionCharged, claimed: Decimal, notes: list[Note]
) -> None:
    given = [one.energy_kwh for one in session.charging_periods if one.energy_kwh is not None]
    if not given:
        kinds = {part.type for element in tariff.elements for part in element.price_components}
        if claimed and Dimension.ENERGY in kinds:
            text = f"total_energy is {claimed} kWh and no period has ENERGY: it is not priced."
            notes.append(Note("cdr.energy_not_in_periods", text, "total_energy"))
        return
    metered = sum(given, ZERO)
    if abs(metered - claimed) > _SLACK_KWH:
        text = f"total_energy is {claimed} kWh, the periods have {metered} kWh and are priced."
        notes.append(Note("cdr.total_energy_differs", text, "total_energy"))


def odd_in_cost(session: SessionCharged, cost: Price) -> list[Note]:
    """A total cost of the CDR that is not the one rated here, to the cent."""
    notes: list[Note] = []
    for name, claimed, rated in (
        ("before taxes", session.total_cost_excl_vat, cost.excl_vat),
        ("with taxes", session.total_cost_incl_vat, cost.incl_vat),
    ):
        if claimed is not None and abs(claimed - rated) > _SLACK_COST:
            text = f"The CDR's total cost {name} is {claimed}; rated here: {rated:.4f}."
            notes.append(Note("cdr.total_cost_differs", text, "total_cost"))
    return notes


def periods_placed(tariff: Tariff, session: SessionCharged, notes: list[Note]) -> list[Placed]:
    """The periods in order of time, with what is odd about their times and tariffs."""
    given = session.charging_periods
    relevant = _relevant(tariff, given, notes)
    placed = []
    before = None
    sorted_already = True
    for n, period in enumerate(given):
        start = period.start_date_time
        if before is not None and start < before:
            sorted_already = False
        before = start
        placed.append(Placed(period, n, relevant is None or relevant[n]))
    if not sorted_already:
        placed.sort(key=lambda one: one.period.start_date_time)
        text = "The charging periods are not in order of time; they were put in order."
        notes.append(Note("periods.out_of_order", text, "charging_periods"))
    first, last = placed[0].period.start_date_time, placed[-1].period.start_date_time
    if first != session.start_date_time or last > session.end_date_time:
        _outside(session, placed, notes)
    return placed


def _outside(session: SessionCharged, placed: list[Placed], notes: list[Note]) -> None:
    start, end = session.start_date_time, session.end_date_time
    if placed[0].period.start_date_time > start:
        text = "The first charging period starts after the session: the time before it is free."
        notes.append(Note("periods.start_late", text, placed[0].where))
    for one in placed:
        if one.period.start_date_time >= start:
            break
        text = "This charging period starts before the session."
        notes.append(Note("period.before_start", text, one.where))
    for one in reversed(placed):
        if one.period.start_date_time <= end:
            break
        text = "This charging period starts after the session's end."
        notes.append(Note("period.after_end", text, one.where))


def _relevant(
    tariff: Tariff, periods: tuple[ChargingPeriod, ...], notes: list[Note]
) -> list[bool] | None:
    """Which periods this tariff is for, by their tariff_id (OCPI 2.2.1 ChargingPeriod).

    None: it is for all of them, as where no period names it and the caller chose it.
    """
    named = {period.tariff_id for period in periods}
    if len(named) == 1 and (None in named or tariff.id in named):
        return None
    own = tariff.id.casefold()
    names = [None if one.tariff_id is None else one.tariff_id.casefold() for one in periods]
    if own not in names:
        others = ", ".join(sorted(str(one) for one in named if one is not None))
        text = (
            f"The periods name the tariff {others}, not {tariff.id!r}: all are priced by this one."
        )
        notes.append(Note("tariff.not_named", text, "charging_periods"))
        return None
    for index, name in enumerate(names):
        if name != own:
            what = "names no tariff" if name is None else "names another tariff"
            text = f"This charging period {what}: it is not priced by this one."
            notes.append(Note("period.other_tariff", text, f"charging_periods[{index}]"))
    return [name == own for name in names]


def odd_in_time(one: Placed, lasts_s: int, *, times_priced: bool, notes: list[Note]) -> None:
    """Hours in a period that do not fit in it, or that are missing where hours are priced."""
    period = one.period
    hours, parked, reserved = period.time_h, period.parking_time_h, period.reservation_time_h
    if parked is not None:
        hours = parked if hours is None else hours + parked
    if reserved is not None:
        hours = reserved if hours is None else hours + reserved
    if hours is None:
        if times_priced and lasts_s > _SLACK_S:
            text = "The tariff prices time and this period has none: its time is not billed."
            notes.append(Note("period.time_missing", text, one.where))
    elif hours * SECONDS_PER_HOUR > (lasts_s if lasts_s > 0 else 0) + _SLACK_S:
        text = f"The period has {hours} h and lasts {lasts_s} s; what it has is priced."
        notes.append(Note("period.longer_than_it_lasts", text, one.where))
