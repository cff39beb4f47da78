"""Pure rules: what a plan must satisfy, the own rule, what a plan costs."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.choices import PlanReason
from apps.flexibility.loads import persistence, total
from apps.flexibility.planning import (
    BatteryState,
    PlanCheck,
    PlannedSlot,
    SiteLimits,
    battery_cost_eur,
    plan_check,
    power_within_window,
    rule_setpoints,
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


def check(
    powers: list[float], *, rest: float = 0.0, limit: float | None = None, **changes: float
) -> PlanCheck:
    return plan_check(
        batteries=[battery(**changes)],
        schedules={1: powers},
        start=START,
        slot_count=len(powers),
        resolution=QUARTER,
        limits=SiteLimits(limit, limit, [rest] * len(powers)),
    )


def test_charging_loses_on_the_way_in_and_discharging_on_the_way_out() -> None:
    # 48 kW for a quarter hour are 12 kWh at the terminals.
    assert soc_after(battery(), 50, 48, 900) == pytest.approx(50 + 12 * 0.96)
    assert soc_after(battery(), 50, -48, 900) == pytest.approx(50 - 12 / 0.96)
    assert soc_after(battery(), 50, 0, 900) == 50


def test_plan_within_limits_becomes_slots_with_the_state_of_charge_at_their_end() -> None:
    accepted = check([50.0, -50.0, 0.0])

    assert accepted.is_accepted
    assert [s.power_kw for s in accepted.slots] == [50.0, -50.0, 0.0]
    assert [s.start for s in accepted.slots] == [START, START + QUARTER, START + 2 * QUARTER]
    # 12.5 kWh in give 12.0 stored; 12.5 kWh out take 13.0208 stored.
    assert [round(s.soc_percent, 4) for s in accepted.slots] == [62.0, 48.9792, 48.9792]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_power_that_is_no_number_is_refused(bad: float) -> None:
    assert check([0.0, bad]).reason_code == PlanReason.LENGTH


def test_missing_slot_and_missing_battery_are_refused() -> None:
    for schedules in ({1: [0.0]}, {}):
        outcome = plan_check(
            batteries=[battery()], schedules=schedules, start=START, slot_count=2,
            resolution=QUARTER, limits=SiteLimits(None, None, [0.0, 0.0]),
        )  # fmt: skip
        assert outcome.reason_code == PlanReason.LENGTH
        assert outcome.slots == ()


@pytest.mark.parametrize(("power", "reason"), [(50.05, ""), (50.2, "power_limit"),
                                               (-50.2, "power_limit")])  # fmt: skip
def test_power_stays_within_the_rating(power: float, reason: str) -> None:
    assert check([power]).reason_code == reason


def test_state_of_charge_stays_in_its_window() -> None:
    # 20 x 12.5 kWh x 0.96 = 240 kWh do not fit into the 40 kWh left.
    refused = check([50.0] * 20)

    assert refused.reason_code == PlanReason.SOC_LIMIT
    assert refused.detail == "98.0 % outside 10..90 %"
    assert check([-50.0] * 20).reason_code == PlanReason.SOC_LIMIT


def test_battery_outside_its_window_may_come_back_but_not_go_further() -> None:
    assert check([20.0, 0.0], soc_percent=5).is_accepted
    assert check([0.0, 0.0], soc_percent=5).is_accepted
    assert check([-20.0, 0.0], soc_percent=5).reason_code == PlanReason.SOC_LIMIT


def test_site_stays_within_its_limits_unless_the_rest_alone_exceeds_them() -> None:
    assert check([40.0], rest=50, limit=100).is_accepted
    assert check([40.0], rest=70, limit=100).reason_code == PlanReason.SITE_LIMIT
    assert check([-40.0], rest=-70, limit=100).reason_code == PlanReason.SITE_LIMIT
    assert check([0.0], rest=150, limit=100).is_accepted
    assert check([10.0], rest=150, limit=100).reason_code == PlanReason.SITE_LIMIT
    assert check([-10.0], rest=150, limit=100).is_accepted


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


def test_rule_stores_the_surplus_shared_by_rating_in_steps() -> None:
    batteries = [battery(1), battery(2, rated_power_kw=100.0)]

    assert rule_setpoints(batteries=batteries, surplus_kw=31) == {1: 10.0, 2: 20.5}
    assert rule_setpoints(batteries=batteries, surplus_kw=-31) == {1: -10.0, 2: -20.5}
    assert rule_setpoints(batteries=batteries, surplus_kw=900) == {1: 50.0, 2: 100.0}
    assert rule_setpoints(batteries=batteries, surplus_kw=0) == {1: 0.0, 2: 0.0}


def test_rule_leaves_full_and_empty_batteries_alone() -> None:
    batteries = [battery(1, soc_percent=90), battery(2), battery(3, soc_percent=10)]

    assert rule_setpoints(batteries=batteries, surplus_kw=40) == {1: 0.0, 2: 20.0, 3: 20.0}
    assert rule_setpoints(batteries=batteries, surplus_kw=-40) == {1: -20.0, 2: -20.0, 3: 0.0}
    assert rule_setpoints(batteries=[batteries[0]], surplus_kw=40) == {1: 0.0}
    assert rule_setpoints(batteries=[], surplus_kw=40) == {}


@pytest.mark.parametrize(
    ("soc", "power", "allowed"),
    [(90, 5, 0), (90, -5, -5), (10, -5, 0), (10, 5, 5), (9, -5, 0), (50, 5, 5), (50, -5, -5)],
)
def test_power_towards_the_edge_of_the_window_becomes_zero(
    soc: float, power: float, allowed: float
) -> None:
    assert power_within_window(battery(soc_percent=soc), power) == allowed


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=10),
    st.floats(-2000, 2000, allow_nan=False),
)
def test_rule_never_takes_more_than_the_surplus_nor_beyond_a_rating(
    socs: list[float], surplus: float
) -> None:
    batteries = [battery(n, soc_percent=soc) for n, soc in enumerate(socs)]

    setpoints = rule_setpoints(batteries=batteries, surplus_kw=surplus)

    assert abs(sum(setpoints.values())) <= abs(surplus) + 1e-6
    for state in batteries:
        power = setpoints[state.device_id]
        assert abs(power) <= state.rated_power_kw
        assert power * surplus >= 0
        assert power == power_within_window(state, power)
        assert power % 0.5 == 0


@given(st.lists(st.floats(-50, 50, allow_nan=False), min_size=1, max_size=96))
def test_accepted_plans_keep_the_battery_in_its_window(powers: list[float]) -> None:
    outcome = check(powers)

    stored = 0.0
    for power in powers[: len(outcome.slots)]:
        stored += power / 4 * (0.96 if power >= 0 else 1 / 0.96)
    if outcome.is_accepted:
        assert all(9 <= s.soc_percent <= 91 for s in outcome.slots)
        assert outcome.slots[-1].soc_percent == pytest.approx(50 + stored)
    else:
        assert outcome.reason_code == PlanReason.SOC_LIMIT


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
