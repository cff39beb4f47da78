"""Composite schedules of random profiles, against a reference that asks second by second."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.chargers.ocpp.smart_charging.composite import (
    CompositePeriod,
    Supply,
    Transaction,
    composite,
)
from apps.chargers.ocpp.smart_charging.profiles import Period, Profile, Schedule

T0 = datetime(2026, 3, 9, tzinfo=UTC)
DAY = 86_400
WINDOW_S = 90
VOLTS = 230.0
EXTERNAL, STATION = "ChargingStationExternalConstraints", "ChargingStationMaxProfile"
DEFAULT, TX = "TxDefaultProfile", "TxProfile"


def at(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


near = st.integers(-120, 120)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    kind = draw(st.sampled_from(["Absolute", "Relative", "Recurring"]))
    recurrency = draw(st.sampled_from(["Daily", "Weekly"])) if kind == "Recurring" else ""
    # Recurrences begin some days before, so that one of them falls near the window.
    begin = draw(near) - (7 * DAY * draw(st.integers(0, 2)) if recurrency else 0)
    purpose = draw(st.sampled_from([EXTERNAL, STATION, DEFAULT, TX]))
    starts = sorted(draw(st.sets(st.integers(1, 150), max_size=3)) | {0})
    unit = draw(st.sampled_from("AW"))
    return Profile(
        profile_id=draw(st.integers(1, 10**6)),
        evse_id=1 if purpose == TX else draw(st.sampled_from([0, 1, 2])),
        stack_level=draw(st.integers(0, 3)),
        purpose=purpose,
        kind=kind,
        recurrency=recurrency,
        valid_from=draw(st.none() | near.map(at)),
        valid_to=draw(st.none() | near.map(at)),
        transaction_id=draw(st.sampled_from(["", "tx-1", "tx-2"])) if purpose == TX else "",
        schedules=(
            Schedule(
                unit=unit,
                start=None if kind == "Relative" else at(begin),
                duration_s=draw(st.none() | st.integers(1, 200)),
                periods=tuple(
                    Period(
                        start,
                        limit=(float(draw(st.integers(0, 40)) * (230 if unit == "W" else 1)),)
                        + (None, None),
                        number_phases=draw(st.sampled_from([None, 1, 3])),
                    )
                    for start in starts
                ),
            ),
        ),
    )


transactions = st.none() | near.map(lambda seconds: Transaction("tx-1", at(seconds)))


def schedule(
    held: Sequence[Profile],
    transaction: Transaction | None,
    *,
    unit: str = "A",
    start: int = 0,
    duration_s: int = WINDOW_S,
) -> tuple[CompositePeriod, ...]:
    return composite(
        held, evse_id=1, start=at(start), duration_s=duration_s, unit=unit,
        supply=Supply(VOLTS, 3, 63.0), transaction=transaction,
    )  # fmt: skip


def held_at(profile: Profile, now: int, begun: int) -> tuple[float, int, str] | None:
    """(limit, phases, unit) of one profile at one second, straight from the words of K."""
    here = at(now)
    if profile.valid_from and here < profile.valid_from:
        return None
    if profile.valid_to and here >= profile.valid_to:
        return None
    plan = profile.schedules[0]
    begin = begun if plan.start is None else int((plan.start - T0).total_seconds())
    elapsed = now - begin
    if elapsed < 0:
        return None
    if profile.recurrency:
        elapsed %= DAY if profile.recurrency == "Daily" else 7 * DAY
    if plan.duration_s is not None and elapsed >= plan.duration_s:
        return None
    for period in reversed(plan.periods):
        if elapsed >= period.start_s:
            assert period.limit[0] is not None
            return period.limit[0], period.number_phases or 3, plan.unit
    return None


def limits_at(
    held: Sequence[Profile], transaction: Transaction | None, now: int
) -> list[tuple[float, int, str]]:
    """The limits that hold at one second: one of each purpose at most."""
    begun = 0 if transaction is None else int((transaction.started_at - T0).total_seconds())

    def top(purpose: str, evses: set[int]) -> tuple[float, int, str] | None:
        best = None
        for one in held:
            if one.purpose != purpose or one.evse_id not in evses:
                continue
            if purpose == TX and (transaction is None or one.transaction_id == "tx-2"):
                continue
            told = held_at(one, now, begun)
            rank = (one.stack_level, one.evse_id, one.profile_id)
            if told is not None and (best is None or rank > best[0]):
                best = (rank, told)
        return None if best is None else best[1]

    found = [
        top(TX, {1}) or top(DEFAULT, {0, 1}), top(STATION, {0, 1}),
        top(EXTERNAL, {0}), top(EXTERNAL, {1}),
    ]  # fmt: skip
    return [one for one in found if one is not None]


def reference_w(held: Sequence[Profile], transaction: Transaction | None, now: int) -> float:
    """The power at one second, each limit brought to W on the fewest phases named."""
    limits = limits_at(held, transaction, now)
    phases = min([3, *(one[1] for one in limits)])
    powers = [63.0 * VOLTS * phases]
    for limit, _phases, unit in limits:
        powers.append(limit if unit == "W" else limit * VOLTS * phases)
    return min(powers)


def power_at(periods: Sequence[CompositePeriod], now: int) -> float:
    (value,) = {one.total for one in periods if one.start <= at(now) < one.end}
    assert value is not None
    return value


many = st.lists(profiles(), max_size=6, unique_by=lambda one: one.profile_id)


@settings(max_examples=60, deadline=None)
@given(many, transactions)
def test_every_second_is_what_the_reference_says(
    held: list[Profile], transaction: Transaction | None
) -> None:
    periods = schedule(held, transaction, unit="W")

    for now in range(WINDOW_S):
        assert abs(power_at(periods, now) - reference_w(held, transaction, now)) < 1e-3


@settings(max_examples=50, deadline=None)
@given(many, transactions)
def test_no_second_is_above_any_limit_that_applies(
    held: list[Profile], transaction: Transaction | None
) -> None:
    in_a, in_w = (schedule(held, transaction, unit=unit) for unit in "AW")

    for now in range(WINDOW_S):
        for limit, _phases, unit in limits_at(held, transaction, now):
            assert power_at(in_a if unit == "A" else in_w, now) <= limit + 1e-3


@settings(max_examples=50, deadline=None)
@given(many, near.map(lambda seconds: Transaction("tx-1", at(seconds))), st.integers(1, 89))
def test_a_window_in_two_parts_gives_the_same(
    held: list[Profile], transaction: Transaction, cut: int
) -> None:
    whole = schedule(held, transaction)

    parts = schedule(held, transaction, duration_s=cut) + schedule(
        held, transaction, start=cut, duration_s=WINDOW_S - cut
    )

    for now in range(WINDOW_S):
        assert power_at(parts, now) == power_at(whole, now)


@settings(max_examples=50, deadline=None)
@given(many, transactions)
def test_the_periods_fill_the_window_and_differ_from_their_neighbours(
    held: list[Profile], transaction: Transaction | None
) -> None:
    periods = schedule(held, transaction)

    assert (periods[0].start, periods[-1].end) == (at(0), at(WINDOW_S))
    for left, right in zip(periods, periods[1:], strict=False):
        assert left.end == right.start
        assert (left.limit, left.number_phases) != (right.limit, right.number_phases)
