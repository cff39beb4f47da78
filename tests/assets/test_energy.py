"""Energy counters: what each step is worth, by hand. A 100 kW device may move 13.5 kWh in 5 min.

1.5 x 100 kW x 300 s / 3600 + 1 kWh = 13.5 kWh.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.assets.services.energy import (
    Counter,
    CounterReading,
    StepKind,
    counter_step,
    counter_steps,
    most_kwh,
)

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
COUNTER = Counter(rated_power_kw=100.0)


def readings(*values: float, gap_s: float = 2.0) -> list[CounterReading]:
    return [
        CounterReading(AT + timedelta(seconds=n * gap_s), value) for n, value in enumerate(values)
    ]


def kinds(counter: Counter, *values: float) -> list[StepKind | None]:
    return [step.kind for step in counter_steps(counter, readings(*values))]


def energies(counter: Counter, *values: float) -> list[float | None]:
    return [step.energy_kwh for step in counter_steps(counter, readings(*values))]


def test_what_a_counter_can_grow_by_over_a_gap() -> None:
    assert most_kwh(COUNTER, 2.0) == pytest.approx(13.5), "a device may renew it every 5 min only"
    # 1.5 x 100 kW x 2 h + 1 kWh.
    assert most_kwh(COUNTER, 7200.0) == pytest.approx(301.0)


def test_a_growing_counter_counts_its_growth_and_the_first_reading_nothing() -> None:
    assert energies(COUNTER, 100.0, 100.5, 100.5, 102.0) == [None, 0.5, 0.0, 1.5]
    assert kinds(COUNTER, 100.0, 100.5, 100.5) == [None, StepKind.GROWTH, StepKind.GROWTH]


def test_what_passed_during_a_gap_is_booked_at_its_end() -> None:
    before, after = CounterReading(AT, 100.0), CounterReading(AT + timedelta(hours=2), 300.0)

    assert counter_step(COUNTER, before, after) == (StepKind.GROWTH, 200.0)


def test_a_reset_begins_a_new_count_with_what_it_shows() -> None:
    assert kinds(COUNTER, 5000.0, 0.25, 0.5) == [None, StepKind.RESTART, StepKind.GROWTH]
    assert energies(COUNTER, 5000.0, 0.25, 0.5) == [None, 0.25, 0.25]


def test_a_counter_going_backward_is_flagged_and_counts_nothing() -> None:
    """60 kWh within 2 s of a restart is more than 13.5 kWh; counting goes on from there."""
    assert kinds(COUNTER, 100.0, 60.0, 60.5, 61.0) == [
        None, StepKind.BACKWARD, StepKind.GROWTH, StepKind.GROWTH,
    ]  # fmt: skip
    assert energies(COUNTER, 100.0, 60.0, 60.5, 61.0) == [None, None, 0.5, 0.5]


def test_over_the_top_with_a_known_roll_over() -> None:
    counter = Counter(rated_power_kw=100.0, rollover_kwh=10_000.0)

    # 10,000 - 9,999.5 + 0.75.
    assert counter_steps(counter, readings(9_999.5, 0.75))[1].energy_kwh == pytest.approx(1.25)
    assert kinds(counter, 9_999.5, 0.75) == [None, StepKind.ROLLOVER]
    assert kinds(counter, 5_000.0, 0.75) == [None, StepKind.RESTART], "not near the top"
    assert kinds(COUNTER, 9_999.5, 0.75) == [None, StepKind.RESTART], "the top is not known"
    assert kinds(counter, 10_500.0, 0.75) == [None, StepKind.RESTART], "it was over it already"


def test_an_absurd_jump_is_flagged_and_the_next_reading_goes_on_from_before() -> None:
    assert kinds(COUNTER, 100.0, 1e6, 100.5, 101.0) == [
        None, StepKind.JUMP, StepKind.GROWTH, StepKind.GROWTH,
    ]  # fmt: skip
    assert energies(COUNTER, 100.0, 1e6, 100.5, 101.0) == [None, None, 0.5, 0.5]


def test_a_zero_while_the_inverter_wakes_up_costs_nothing() -> None:
    assert energies(COUNTER, 100.0, 0.0, 100.5, 101.0) == [None, 0.0, 0.5, 0.5]


def test_an_exchanged_meter_is_flagged_once_and_counted_from_its_new_level() -> None:
    assert kinds(COUNTER, 100.0, 50_000.0, 50_000.5, 50_001.0) == [
        None, StepKind.JUMP, StepKind.GROWTH, StepKind.GROWTH,
    ]  # fmt: skip
    assert energies(COUNTER, 100.0, 50_000.0, 50_000.5, 50_001.0) == [None, None, 0.5, 0.5]


def test_wavering_within_the_resolution_adds_up_to_nothing() -> None:
    values = [100.0, 99.9375, 100.0, 99.9375, 100.0]

    assert sum(energy or 0.0 for energy in energies(COUNTER, *values)) == 0.0
    assert kinds(COUNTER, *values)[1:3] == [StepKind.WAVER, StepKind.GROWTH]
    assert counter_step(COUNTER, *readings(100.0, 99.75))[0] is StepKind.BACKWARD


def test_the_order_of_arrival_does_not_matter() -> None:
    ordered = readings(100.0, 100.5, 1e6, 101.0)

    assert counter_steps(COUNTER, reversed(ordered)) == counter_steps(COUNTER, ordered)


def test_no_readings_no_steps() -> None:
    assert counter_steps(COUNTER, []) == []


@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=50))
def test_a_counter_that_only_grows_counts_its_last_minus_its_first_value(
    growth: list[float],
) -> None:
    values = [100.0]
    for step in growth:
        values.append(values[-1] + step)

    counted = sum(energy or 0.0 for energy in energies(COUNTER, *values))

    assert counted == pytest.approx(values[-1] - values[0])


@given(
    st.lists(
        st.one_of(st.floats(0.0, 1e9), st.sampled_from([0.0, 1e6, 99.95])), min_size=2, max_size=30
    )
)
def test_no_garbage_counts_more_than_the_device_can_move(values: list[float]) -> None:
    for step in counter_steps(COUNTER, readings(*values)):
        assert step.energy_kwh is None or -1000.0 <= step.energy_kwh <= most_kwh(COUNTER, 4.0)
        assert not (step.is_flagged and step.energy_kwh is not None)
