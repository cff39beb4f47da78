import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.simulation.stations.car import CarState, accepted_power_kw, car_charge


def test_ramp_to_22_kw_takes_half_a_second() -> None:
    car, energy_kwh = car_charge(CarState(75.0, 22.0, 40.0), limit_kw=22.0, duration_s=0.5)

    assert car.power_kw == pytest.approx(22.0)
    # triangle: 0.5 s x 22 kW / 2 = 5.5 kWs
    assert energy_kwh == pytest.approx(5.5 / 3600)


def test_a_quarter_hour_at_22_kw_gives_five_and_a_half_kwh() -> None:
    car, energy_kwh = car_charge(CarState(75.0, 22.0, 40.0), limit_kw=22.0, duration_s=900)

    # 22 kW x 0.25 h = 5.5 kWh less the ramp (5.5 kWs); 92 % of it is stored in 75 kWh
    assert energy_kwh == pytest.approx(5.5 - 5.5 / 3600)
    assert car.soc_percent == pytest.approx(40 + energy_kwh * 0.92 / 75 * 100)


@pytest.mark.parametrize(
    ("soc_percent", "power_kw"), [(10, 22.0), (80, 22.0), (90, 12.1), (100, 0.0)]
)
def test_power_tapers_above_80_percent(soc_percent: float, power_kw: float) -> None:
    # at 90 %: half way from 22 kW down to a tenth of it: 22 x 0.55
    assert accepted_power_kw(CarState(75.0, 22.0, soc_percent), 22.0) == pytest.approx(power_kw)


def test_the_station_limits_the_car() -> None:
    assert accepted_power_kw(CarState(75.0, 22.0, 40.0), 11.0) == 11.0


def test_a_full_car_stops() -> None:
    car, energy_kwh = car_charge(CarState(75.0, 22.0, 99.0), limit_kw=22.0, duration_s=36_000)

    assert (car.soc_percent, car.power_kw) == (100.0, 0.0)
    assert energy_kwh == pytest.approx(0.75 / 0.92)


@given(st.floats(0, 100), st.floats(0, 22), st.lists(st.floats(0, 3600), max_size=8))
def test_stored_energy_is_92_percent_of_the_metered(
    soc_percent: float, limit_kw: float, legs: list[float]
) -> None:
    car, metered_kwh = CarState(75.0, 22.0, soc_percent), 0.0
    for duration_s in legs:
        car, energy_kwh = car_charge(car, limit_kw=limit_kw, duration_s=duration_s)
        assert energy_kwh >= 0
        assert 0 <= car.power_kw <= limit_kw + 1e-9
        metered_kwh += energy_kwh

    assert soc_percent <= car.soc_percent <= 100
    stored_kwh = (car.soc_percent - soc_percent) / 100 * 75
    assert stored_kwh == pytest.approx(metered_kwh * 0.92, abs=1e-6)
