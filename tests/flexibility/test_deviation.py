"""Pure rules: what batteries do within a slot when sun and load are not what was expected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.deviation import has_drifted, is_missed, trimmed
from apps.flexibility.planning import BatteryState


def battery(device_id: int, rated_power_kw: float = 50.0) -> BatteryState:
    return BatteryState(
        device_id=device_id, rated_power_kw=rated_power_kw, capacity_kwh=100.0, soc_percent=50.0,
        soc_min_percent=10.0, soc_max_percent=90.0, charging_efficiency=0.96,
        discharging_efficiency=0.96,
    )  # fmt: skip


BOTH = [battery(1), battery(2)]


def trim(planned: dict[int, float], rest: float, measured: float) -> dict[int, float]:
    return trimmed(
        planned_kw=planned, planned_rest_kw=rest, measured_rest_kw=measured, batteries=BOTH
    )


def test_cloud_does_not_make_a_battery_buy_that_was_to_store_the_sun() -> None:
    # 40 kW of sun planned, all stored; 15 kW are left of it.
    assert trim({1: 30.0, 2: 10.0}, -40, -15) == {1: 11.0, 2: 3.5}
    # No sun at all: nothing is stored, nothing is given either.
    assert trim({1: 30.0, 2: 10.0}, -40, 5) == {1: 0.0, 2: 0.0}


def test_balanced_site_stores_more_when_there_is_more() -> None:
    # Room up to the ratings: 20 and 40; 20 kW more are shared 1 to 2, in steps of 0.5.
    assert trim({1: 30.0, 2: 10.0}, -40, -60) == {1: 36.5, 2: 23.0}


def test_car_that_left_early_does_not_make_a_battery_sell() -> None:
    assert trim({1: -11.0, 2: -11.0}, 22, 4) == {1: -2.0, 2: -2.0}


@pytest.mark.parametrize(
    ("planned", "rest", "measured"),
    [
        ({1: 50.0, 2: 50.0}, -20.0, 0.0),  # buys on purpose: 80 kW from the grid
        ({1: -50.0, 2: -50.0}, 20.0, 0.0),  # sells on purpose
        ({1: 10.0, 2: 10.0}, -60.0, -50.0),  # stores a part of the sun, and there is enough
        ({1: 20.0, 2: -20.0}, 0.0, 30.0),  # together they do nothing
        ({1: 20.0, 2: 20.0}, -40.0, -40.3),  # too little to be worth a write
    ],
)
def test_followed_to_the_number_otherwise(
    planned: dict[int, float], rest: float, measured: float
) -> None:
    assert trim(planned, rest, measured) == planned


def test_part_of_the_sun_is_stored_only_as_far_as_there_is_any() -> None:
    # 60 kW of sun, 20 stored, 40 sold; the sun fell to 12.
    assert trim({1: 10.0, 2: 10.0}, -60, -12) == {1: 6.0, 2: 6.0}


@given(
    st.lists(st.floats(-50, 50, allow_nan=False), min_size=2, max_size=2),
    st.floats(-200, 200, allow_nan=False),
    st.floats(-200, 200, allow_nan=False),
)
def test_never_turns_round_never_beyond_a_rating(
    powers: list[float], rest: float, measured: float
) -> None:
    planned = dict(enumerate(powers, start=1))

    found = trim(planned, rest, measured)

    assert set(found) == {1, 2}
    assert all(abs(power) <= 50 for power in found.values())
    assert sum(found.values()) * sum(powers) >= -1e-6


def test_drift_and_misses() -> None:
    assert not has_drifted(planned_percent=50, measured_percent=55)
    assert has_drifted(planned_percent=50, measured_percent=44.9)
    assert not is_missed(expected_kw=20, measured_kw=35)
    assert is_missed(expected_kw=20, measured_kw=36)
    # A quarter of 100 kW.
    assert not is_missed(expected_kw=-100, measured_kw=-76)
    assert is_missed(expected_kw=-100, measured_kw=-74)
