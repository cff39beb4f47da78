"""Pure rules: what a schedule must satisfy before any device follows it."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.car_state import CarState
from apps.flexibility.choices import PlanReason
from apps.flexibility.plan_check import (
    Frame,
    PlanCheck,
    Schedules,
    SiteLimits,
    plan_check,
    reachable_percent,
)
from apps.flexibility.planning import BatteryState

START = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
CAR = CarState(
    session_id=7, station_id="GP-CS-001", evse_pk=3, capacity_kwh=75.0, soc_percent=40.0,
    target_soc_percent=80.0, min_soc_percent=30.0, max_soc_percent=90.0, most_charge_kw=22.0,
    most_discharge_kw=22.0, departure_at=START + 12 * QUARTER, charging_efficiency=0.92,
    discharging_efficiency=0.92,
)  # fmt: skip


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
    count = len(powers)
    return plan_check(
        batteries=[battery(**changes)],
        schedules=Schedules(batteries={1: powers}, cars={}),
        frame=Frame(START, count, QUARTER),
        limits=SiteLimits([limit] * count, [limit] * count, [rest] * count),
    )


def check_car(powers: list[float], car: CarState = CAR, **changes: float) -> PlanCheck:
    count = len(powers)
    return plan_check(
        batteries=[],
        cars=[replace(car, **changes)],
        schedules=Schedules(batteries={}, cars={7: powers}),
        frame=Frame(START, count, QUARTER),
        limits=SiteLimits([None] * count, [None] * count, [0.0] * count),
    )


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
    for schedules in ({1: [0.0]}, dict[int, list[float]]()):
        outcome = plan_check(
            batteries=[battery()],
            schedules=Schedules(batteries=schedules, cars={}),
            frame=Frame(START, 2, QUARTER),
            limits=SiteLimits([None] * 2, [None] * 2, [0.0, 0.0]),
        )
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


# --- cars ---

# 22 kW for a quarter hour store 5.5 x 0.92 = 5.06 kWh, 6.7467 % of 75 kWh.
FULL = 22.0


def test_car_that_has_its_target_by_departure_is_accepted_slot_by_slot() -> None:
    # 40 % of 75 kWh are 30 kWh short of 80 %: six slots at full power are enough.
    accepted = check_car([FULL] * 6 + [0.0] * 10)

    assert accepted.is_accepted
    assert [round(slot.soc_percent, 3) for slot in accepted.car_slots[:2]] == [46.747, 53.493]
    assert round(accepted.car_slots[-1].soc_percent, 2) == 80.48
    assert accepted.slots == ()


def test_car_that_would_leave_without_what_it_can_have_is_refused() -> None:
    refused = check_car([FULL] * 3 + [0.0] * 13)

    assert refused.reason_code == PlanReason.CAR_LIMIT
    assert refused.detail == "60 % at departure, 80 % possible"


def test_target_out_of_reach_wants_all_that_is_possible() -> None:
    soon = replace(CAR, departure_at=START + 2 * QUARTER)

    # Two slots give 13.5 % and no more.
    assert reachable_percent(soon, start=START, at=soon.departure_at) == pytest.approx(53.4933)
    assert check_car([FULL, FULL, 0.0], soon).is_accepted
    assert check_car([FULL, 0.0, 0.0], soon).reason_code == PlanReason.CAR_LIMIT


@pytest.mark.parametrize(
    ("powers", "detail"),
    [
        ([22.3] + [0.0] * 15, "22.3 kW of 22.0 kW"),
        ([-22.3] + [0.0] * 15, "-22.3 kW of -22.0 kW"),
        ([FULL] * 6 + [0.0] * 6 + [5.0] + [0.0] * 3, "5.0 kW after its departure"),
        ([-22.0] * 3 + [0.0] * 13, "24.1 % outside 30..90 %"),
    ],
)
def test_car_is_not_asked_for_what_it_cannot_do(powers: list[float], detail: str) -> None:
    refused = check_car(powers)

    assert (refused.reason_code, refused.detail) == (PlanReason.CAR_LIMIT, detail)


def test_car_that_only_charges_never_gives_back() -> None:
    assert check_car([-1.0] * 16, most_discharge_kw=0.0).reason_code == PlanReason.CAR_LIMIT


def test_car_below_its_lowest_may_only_come_back() -> None:
    low = replace(CAR, soc_percent=20.0, departure_at=START + 100 * QUARTER)

    assert check_car([0.0] * 4, low).is_accepted
    assert check_car([-5.0, 0.0, 0.0, 0.0], low).reason_code == PlanReason.CAR_LIMIT


# --- the whole site ---


def whole(**changes: object) -> PlanCheck:
    values: dict[str, object] = {
        "batteries": {1: [10.0, -10.0]}, "cars": {7: [0.0, 5.0]},
        "pv_kw": [-20.0, -5.0], "site_kw": [0.0, 0.0], **changes,
    }  # fmt: skip
    return plan_check(
        batteries=[battery()],
        cars=[replace(CAR, departure_at=None)],
        schedules=Schedules(**values),  # type: ignore[arg-type]
        frame=Frame(START, 2, QUARTER),
        # Load: 10 + 0 - 20 + 10 = 0 in the first slot, -10 + 5 - 5 + 10 = 0 in the second.
        limits=SiteLimits([100.0, 100.0], [100.0, 100.0], [10.0, 10.0]),
    )


def test_sum_that_flexmeasures_makes_must_be_ours() -> None:
    assert whole().is_accepted
    assert whole(site_kw=[0.2, -0.2]).is_accepted
    refused = whole(site_kw=[0.0, 20.0])
    assert (refused.reason_code, refused.detail) == (
        PlanReason.BALANCE, "20.0 kW told, 0.0 kW summed in slot 2",
    )  # fmt: skip
    assert whole(site_kw=[0.0]).reason_code == PlanReason.LENGTH
    assert whole(pv_kw=[]).reason_code == PlanReason.LENGTH


def test_limits_hold_slot_by_slot_for_all_together() -> None:
    def outcome(second_kw: float | None) -> str:
        return plan_check(
            batteries=[battery()],
            schedules=Schedules(batteries={1: [40.0, 40.0]}, cars={}),
            frame=Frame(START, 2, QUARTER),
            limits=SiteLimits([None, second_kw], [None, None], [10.0, 10.0]),
        ).reason_code

    assert outcome(None) == ""
    assert outcome(50.0) == ""
    assert outcome(30.0) == PlanReason.SITE_LIMIT
