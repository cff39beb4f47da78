"""A battery's step: exact energy, within its window, nothing from nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.brain.storage import (
    Storage,
    power_bounds_kw,
    storage_step,
)
from cariflex.common.errors import DomainError


def battery(soc_kwh: float = 50.0, **changes: float) -> Storage:
    figures = {
        "capacity_kwh": 100.0,
        "soc_kwh": soc_kwh,
        "soc_min_kwh": 5.0,
        "soc_max_kwh": 98.0,
        "charge_kw": 50.0,
        "discharge_kw": 50.0,
        "charging_efficiency": 0.96,
        "discharging_efficiency": 0.96,
    }
    return Storage("b", **{**figures, **changes})


def test_a_quarter_hour_of_charging_stores_the_energy_less_the_loss() -> None:
    # 40 kW x 0.25 h = 10 kWh drawn, x 0.96 = 9.6 kWh stored.
    stepped = storage_step(battery(), 40.0, 900)

    assert stepped.power_kw == 40.0
    assert stepped.storage.soc_kwh == pytest.approx(59.6)


def test_a_quarter_hour_of_discharging_takes_the_energy_and_the_loss() -> None:
    # 48 kW x 0.25 h = 12 kWh given, / 0.96 = 12.5 kWh taken out.
    stepped = storage_step(battery(), -48.0, 900)

    assert stepped.power_kw == -48.0
    assert stepped.storage.soc_kwh == pytest.approx(37.5)


def test_a_full_battery_takes_only_what_fits() -> None:
    # 98 - 97.04 = 0.96 kWh of room, / 0.96 / 0.25 h = 4 kW.
    stepped = storage_step(battery(97.04), 50.0, 900)

    assert stepped.power_kw == pytest.approx(4.0)
    assert stepped.storage.soc_kwh == pytest.approx(98.0)


def test_a_battery_below_its_floor_may_only_come_back() -> None:
    assert power_bounds_kw(battery(2.0), 900) == (0.0, 50.0)
    assert storage_step(battery(2.0), -50.0, 900).storage.soc_kwh == 2.0
    assert storage_step(battery(2.0), 20.0, 900).storage.soc_kwh == pytest.approx(6.8)


def test_a_battery_above_its_ceiling_may_only_come_back() -> None:
    assert power_bounds_kw(battery(99.5), 900) == (-50.0, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"charging_efficiency": 1.01},
        {"discharging_efficiency": 0.0},
        {"soc_kwh": 101.0},
        {"soc_kwh": -1.0},
        {"soc_kwh": float("nan")},
        {"soc_min_kwh": 99.0},
        {"soc_max_kwh": 120.0},
        {"charge_kw": -1.0},
        {"discharge_kw": float("inf")},
        {"capacity_kwh": 0.0},
    ],
)
def test_figures_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DomainError) as refused:
        battery(**wrong)

    assert refused.value.code == "storage_invalid"


def test_a_step_needs_time() -> None:
    with pytest.raises(ValueError, match="duration_s"):
        storage_step(battery(), 1.0, 0)


@given(
    soc=st.floats(0, 100),
    powers=st.lists(st.floats(-200, 200), max_size=30),
    efficiencies=st.tuples(st.floats(0.5, 1), st.floats(0.5, 1)),
    duration_s=st.sampled_from([2.0, 10.0, 900.0, 3600.0]),
)
def test_energy_in_is_energy_out_and_loss_and_what_is_stored(
    soc: float, powers: list[float], efficiencies: tuple[float, float], duration_s: float
) -> None:
    storage = battery(
        soc, charging_efficiency=efficiencies[0], discharging_efficiency=efficiencies[1]
    )
    drawn = given_back = loss = 0.0

    for power in powers:
        stepped = storage_step(storage, power, duration_s)
        storage = stepped.storage
        energy = stepped.power_kw * duration_s / 3600
        if energy > 0:
            drawn += energy
            loss += energy * (1 - efficiencies[0])
        else:
            given_back -= energy
            loss += -energy * (1 / efficiencies[1] - 1)
        assert min(soc, 5.0) <= storage.soc_kwh <= max(soc, 98.0)
        assert -50.0 <= stepped.power_kw <= 50.0
        # It does what it is asked, or as much of it as it can, and never the contrary.
        assert abs(stepped.power_kw) <= abs(power)
        assert stepped.power_kw * power >= 0

    assert drawn == pytest.approx(given_back + loss + storage.soc_kwh - soc, abs=1e-6)
