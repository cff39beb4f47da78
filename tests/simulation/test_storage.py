import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.simulation.devices.storage import StorageRating, StorageState, storage_step

RATING = StorageRating(capacity_kwh=100.0, power_kw=50.0)
LEGS = st.lists(st.tuples(st.floats(-80, 80), st.floats(0, 7200)), min_size=1, max_size=20)


def run(state: StorageState, legs: list[tuple[float, float]]) -> StorageState:
    for setpoint_kw, duration_s in legs:
        state = storage_step(state, RATING, setpoint_kw=setpoint_kw, duration_s=duration_s)
    return state


@given(st.floats(5, 98), LEGS)
def test_stored_energy_is_what_came_in_less_what_went_out_and_the_losses(
    stored_kwh: float, legs: list[tuple[float, float]]
) -> None:
    end = run(StorageState(stored_kwh), legs)

    balance = end.charged_kwh * 0.96 - end.discharged_kwh / 0.96
    assert end.stored_kwh - stored_kwh == pytest.approx(balance, abs=1e-6)


@given(st.floats(5, 98), LEGS)
def test_soc_and_power_stay_within_their_limits(
    stored_kwh: float, legs: list[tuple[float, float]]
) -> None:
    end = run(StorageState(stored_kwh), legs)

    assert 5 - 1e-9 <= end.stored_kwh <= 98 + 1e-9
    assert abs(end.power_kw) <= 50


@given(st.floats(-50, 50), st.floats(0, 600), st.floats(0, 600))
def test_a_period_split_in_two_gives_the_same_energy(
    setpoint_kw: float, first_s: float, second_s: float
) -> None:
    whole = run(StorageState(50.0), [(setpoint_kw, first_s + second_s)])
    split = run(StorageState(50.0), [(setpoint_kw, first_s), (setpoint_kw, second_s)])

    assert split.stored_kwh == pytest.approx(whole.stored_kwh, abs=1e-9)
    assert split.power_kw == pytest.approx(whole.power_kw, abs=1e-9)


def test_power_ramps_at_25_kw_per_second() -> None:
    after_1_s = run(StorageState(50.0), [(50.0, 1.0)])
    after_2_s = run(StorageState(50.0), [(50.0, 2.0)])

    assert after_1_s.power_kw == pytest.approx(25.0)
    assert after_2_s.power_kw == pytest.approx(50.0)
    # triangle: 2 s x 50 kW / 2 = 50 kWs = 0.013889 kWh at AC
    assert after_2_s.charged_kwh == pytest.approx(50 / 3600)


def test_reversal_passes_through_zero_with_both_efficiencies() -> None:
    charging = StorageState(50.0, power_kw=25.0)

    end = run(charging, [(-25.0, 2.0)])

    # 1 s from 25 to 0 and 1 s from 0 to -25 kW: 12.5 kWs each way
    assert end.power_kw == pytest.approx(-25.0)
    assert end.charged_kwh == pytest.approx(12.5 / 3600)
    assert end.discharged_kwh == pytest.approx(12.5 / 3600)


def test_charging_stops_at_98_percent_and_discharging_at_5() -> None:
    full = run(StorageState(97.0), [(50.0, 3600.0)])
    empty = run(StorageState(6.0), [(-50.0, 3600.0)])

    assert (full.stored_kwh, full.power_kw) == (pytest.approx(98.0), 0.0)
    assert full.charged_kwh == pytest.approx(1 / 0.96)
    assert (empty.stored_kwh, empty.power_kw) == (pytest.approx(5.0), 0.0)
    assert empty.discharged_kwh == pytest.approx(0.96)


def test_a_full_battery_still_discharges() -> None:
    full = StorageState(98.0)

    assert run(full, [(-50.0, 60.0)]).power_kw == -50.0
