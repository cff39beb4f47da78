"""What a car can still get, and what it will lack."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.cars.shortfall import Shortfall, reachable_kwh, shortfall

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def of(
    hours: float, *, soc: float = 40.0, target: float = 80.0, site_kw: float | None = None,
    planned: float | None = None,
) -> Shortfall:  # fmt: skip
    return shortfall(
        now=NOW, departure_at=NOW + timedelta(hours=hours), capacity_kwh=50.0, soc_percent=soc,
        target_soc_percent=target, most_charge_kw=10.0, site_kw=site_kw,
        planned_soc_percent=planned,
    )  # fmt: skip


def test_a_target_in_reach_lacks_nothing() -> None:
    # 40 points of 50 kWh = 20 kWh; 3 h x 10 kW x 0.92 = 27.6 kWh
    assert of(3.0) == Shortfall(80.0, 0.0)


def test_a_target_out_of_reach_states_what_is_missing() -> None:
    # 1 h x 10 kW x 0.92 = 9.2 kWh = 18.4 % -> 58.4 %, 21.6 % of 50 kWh = 10.8 kWh missing
    found = of(1.0)

    assert found.expected_soc_percent == pytest.approx(58.4)
    assert found.missing_kwh == pytest.approx(10.8)


def test_the_site_limits_what_can_be_reached() -> None:
    # 3 h x 5 kW x 0.92 = 13.8 kWh = 27.6 % -> 67.6 %, 6.2 kWh missing
    found = of(3.0, site_kw=5.0)

    assert found.expected_soc_percent == pytest.approx(67.6)
    assert found.missing_kwh == pytest.approx(6.2)
    assert of(3.0, site_kw=-4.0) == Shortfall(40.0, 20.0), "an overdrawn site leaves nothing"


def test_what_the_plan_gives_less_is_missing_too() -> None:
    assert of(3.0, planned=70.0) == Shortfall(70.0, 5.0)
    assert of(3.0, planned=85.0) == Shortfall(85.0, 0.0)
    assert of(1.0, planned=85.0).expected_soc_percent == pytest.approx(58.4)


def test_nothing_can_be_reached_after_the_departure() -> None:
    assert of(-1.0) == Shortfall(40.0, 20.0)
    assert of(-1.0, soc=90.0) == Shortfall(90.0, 0.0)


def test_energy_that_reaches_the_battery() -> None:
    # 22 kW x 0.5 h x 0.92 = 10.12 kWh
    departure = NOW + timedelta(minutes=30)
    assert reachable_kwh(now=NOW, departure_at=departure, most_charge_kw=22) == pytest.approx(10.12)


@given(
    hours=st.floats(-2, 48), soc=st.floats(0, 100), target=st.floats(0, 100),
    site_kw=st.none() | st.floats(-20, 50), planned=st.none() | st.floats(0, 100),
)  # fmt: skip
def test_expected_and_missing_add_up(
    hours: float, soc: float, target: float, site_kw: float | None, planned: float | None
) -> None:
    found = of(hours, soc=soc, target=target, site_kw=site_kw, planned=planned)

    assert 0 <= found.expected_soc_percent <= 100
    assert found.missing_kwh >= 0
    gap_kwh = max(0.0, target - found.expected_soc_percent) / 100 * 50
    assert found.missing_kwh == pytest.approx(gap_kwh, abs=0.051)
