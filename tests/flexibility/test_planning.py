"""Pure rules: batteries in slots, what a plan costs, what is expected."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.flexibility.loads import persistence, total
from apps.flexibility.planning import (
    BatteryState,
    PlannedSlot,
    battery_cost_eur,
    power_within_window,
    soc_after,
)
from apps.flexibility.services.slot_means import consecutive

START = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def battery(device_id: int = 1, **changes: float) -> BatteryState:
    values = {
        "rated_power_kw": 50.0, "capacity_kwh": 100.0, "soc_percent": 50.0,
        "soc_min_percent": 10.0, "soc_max_percent": 90.0,
        "charging_efficiency": 0.96, "discharging_efficiency": 0.96, **changes,
    }  # fmt: skip
    return BatteryState(device_id=device_id, **values)


def test_charging_loses_on_the_way_in_and_discharging_on_the_way_out() -> None:
    # 48 kW for a quarter hour are 12 kWh at the terminals.
    assert soc_after(battery(), 50, 48, 900) == pytest.approx(50 + 12 * 0.96)
    assert soc_after(battery(), 50, -48, 900) == pytest.approx(50 - 12 / 0.96)
    assert soc_after(battery(), 50, 0, 900) == 50


def test_cost_buys_at_the_consumption_price_and_sells_at_the_production_price() -> None:
    slots = [
        PlannedSlot(1, START, 40.0, 60.0), PlannedSlot(1, START + QUARTER, -40.0, 49.0),
    ]  # fmt: skip
    buy = {START: Decimal("50"), START + QUARTER: Decimal("150")}
    sell = {start: price - 10 for start, price in buy.items()}

    cost = battery_cost_eur(
        slots=slots, consumption_eur_per_mwh=buy, production_eur_per_mwh=sell, resolution=QUARTER
    )

    # 0.01 MWh x 50 - 0.01 MWh x 140
    assert cost == Decimal("-0.9000")


@pytest.mark.parametrize(
    ("soc", "power", "allowed"),
    [(90, 5, 0), (90, -5, -5), (10, -5, 0), (10, 5, 5), (9, -5, 0), (50, 5, 5), (50, -5, -5)],
)
def test_power_towards_the_edge_of_the_window_becomes_zero(
    soc: float, power: float, allowed: float
) -> None:
    assert power_within_window(battery(soc_percent=soc), power) == allowed


def test_persistence_takes_the_last_day_that_was_measured() -> None:
    day = timedelta(days=1)
    history = {START - day: -5.0, START - 2 * day: -7.0, START + QUARTER - 2 * day: -6.0}

    assert persistence(history=history, start=START, slot_count=3) == [-5.0, -6.0, 0.0]


def test_total_counts_a_slot_that_only_one_device_measured() -> None:
    later = START + QUARTER

    assert total([{START: 1.0, later: 2.0}, {later: 3.0}]) == {START: 1.0, later: 5.0}


def test_values_become_runs_without_gaps() -> None:
    third = START + 3 * QUARTER

    assert consecutive({third: 4.0, START: 1.0, START + QUARTER: 2.0}) == [
        (START, (1.0, 2.0)), (third, (4.0,)),
    ]  # fmt: skip
    assert consecutive({}) == []
