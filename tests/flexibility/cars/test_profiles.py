"""Plans of cars as charging profiles: exact wire, signs, and what stations can take."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.chargers.ocpp.smart_charging.profile_rules import StationFacts, rules_broken
from apps.chargers.ocpp.validation import request_violation
from apps.chargers.ocpp.versions import OcppVersion
from apps.flexibility.cars.profiles import (
    PlannedCar,
    Wanted,
    WireStation,
    greatest_difference_kw,
    plan_powers,
    profile_of,
    rule_powers,
    wire_power_kw,
    wire_power_w,
)

NOW = datetime(2026, 3, 10, 12, 20, tzinfo=UTC)
SLOT = datetime(2026, 3, 10, 12, 15, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
CHARGER = WireStation(most_charge_kw=22.0)
BOTH_WAYS = WireStation(most_charge_kw=22.0, most_discharge_kw=22.0, has_setpoints=True)
DC_BOTH_WAYS = WireStation(most_charge_kw=50.0, most_discharge_kw=50.0, has_setpoints=True)


def facts(version: OcppVersion, **values: Any) -> StationFacts:
    return StationFacts(
        version=version,
        evse_ids=frozenset({1}),
        transactions={1: "tx-1"},
        can_discharge=version is OcppVersion.V21,
        **values,
    )


def slots(*powers_kw: float) -> list[Wanted]:
    return [Wanted(SLOT + number * QUARTER, kw) for number, kw in enumerate(powers_kw)]


def planned(*powers_kw: float) -> PlannedCar:
    found = plan_powers(
        slots(*powers_kw), resolution=QUARTER, now=NOW, trust_until=SLOT + timedelta(hours=4)
    )
    assert found is not None
    return found


def problems(profile: dict[str, Any], version: OcppVersion, **values: Any) -> list[Any]:
    payload = {"id": 7, **profile}
    violation = request_violation(
        version, "SetChargingProfile", {"evseId": 1, "chargingProfile": payload}
    )
    broken = rules_broken(payload, evse_id=1, facts=facts(version, **values), now=NOW)
    return [*([violation] if violation else []), *broken]


def test_a_plan_becomes_limits_from_now_to_its_end() -> None:
    profile = profile_of(planned(22, 22, 7.4, 0), transaction_id="tx-1", station=CHARGER)

    # 12:20 now; 12:45 is 1500 s later, 13:00 2400 s, and the last slot ends at 13:15 = 3300 s.
    assert profile == {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "transactionId": "tx-1",
        "validTo": "2026-03-10T13:15:00Z",
        "chargingSchedule": [
            {
                "id": 1,
                "chargingRateUnit": "W",
                "startSchedule": "2026-03-10T12:20:00Z",
                "duration": 3300,
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 22000},
                    {"startPeriod": 1500, "limit": 7400},
                    {"startPeriod": 2400, "limit": 0},
                ],
            }
        ],
    }
    assert problems(profile, OcppVersion.V201) == []


def test_a_car_that_gives_back_gets_setpoints_of_both_signs() -> None:
    profile = profile_of(planned(22, 0, -22), transaction_id="tx-1", station=BOTH_WAYS)

    assert profile["chargingSchedule"][0]["chargingSchedulePeriod"] == [
        {
            "startPeriod": 0,
            "operationMode": "CentralSetpoint",
            "setpoint": 22000,
            "limit": 22000,
            "dischargeLimit": -22000,
        },
        {
            "startPeriod": 600,
            "operationMode": "CentralSetpoint",
            "setpoint": 0,
            "limit": 22000,
            "dischargeLimit": -22000,
        },
        {
            "startPeriod": 1500,
            "operationMode": "CentralSetpoint",
            "setpoint": -22000,
            "limit": 22000,
            "dischargeLimit": -22000,
        },
    ]
    assert problems(profile, OcppVersion.V21, discharge_w={1: 22000.0}) == []


@pytest.mark.parametrize(
    ("power_kw", "station", "setpoint_w"),
    [
        (22.0, BOTH_WAYS, 22000),
        (0.0, BOTH_WAYS, 0),
        (-22.0, BOTH_WAYS, -22000),
        (50.0, DC_BOTH_WAYS, 50000),
        (0.0, DC_BOTH_WAYS, 0),
        (-50.0, DC_BOTH_WAYS, -50000),
    ],
)
def test_the_sign_is_the_same_on_the_wire(
    power_kw: float, station: WireStation, setpoint_w: int
) -> None:
    profile = profile_of(
        rule_powers(power_kw, now=NOW, lasts=QUARTER), transaction_id="tx-1", station=station
    )
    period = profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]

    assert period["setpoint"] == setpoint_w == wire_power_w(power_kw)
    assert wire_power_kw(period["setpoint"]) == power_kw
    is_dc = station is DC_BOTH_WAYS
    most_w = station.most_discharge_kw * 1000
    assert problems(profile, OcppVersion.V21, is_dc=is_dc, discharge_w={1: most_w}) == []
    # The rules know the sign too: a discharge beyond what the car gives back is refused.
    beyond = problems(profile, OcppVersion.V21, is_dc=is_dc, discharge_w={1: 1000.0})
    assert [one.rule for one in beyond] == (
        ["V2XChargingParametersType.maxDischargePower"] if setpoint_w < 0 else []
    )


def test_a_car_that_only_charges_is_never_discharged() -> None:
    profile = profile_of(planned(-11, 7), transaction_id="tx-1", station=CHARGER)

    assert profile["chargingSchedule"][0]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 0},
        {"startPeriod": 600, "limit": 7000},
    ]


def test_powers_stay_within_the_car() -> None:
    weak = replace(BOTH_WAYS, most_charge_kw=11.0, most_discharge_kw=3.7)

    profile = profile_of(planned(22, -22), transaction_id="tx-1", station=weak)

    periods = profile["chargingSchedule"][0]["chargingSchedulePeriod"]
    assert [one["setpoint"] for one in periods] == [11000, -3700]
    assert problems(profile, OcppVersion.V21, discharge_w={1: 3700.0}) == []


def test_a_station_of_few_periods_gets_the_first_ones_and_an_earlier_end() -> None:
    station = replace(CHARGER, most_periods=2)

    profile = profile_of(planned(22, 7, 22, 7), transaction_id="tx-1", station=station)

    schedule = profile["chargingSchedule"][0]
    assert [one["limit"] for one in schedule["chargingSchedulePeriod"]] == [22000, 7000]
    # The third slot begins at 12:45: 1500 s after 12:20.
    assert (schedule["duration"], profile["validTo"]) == (1500, "2026-03-10T12:45:00Z")
    assert problems(profile, OcppVersion.V201, most_periods=2) == []


def test_a_station_that_takes_amperes_only_gets_amperes_rounded_down() -> None:
    station = replace(CHARGER, takes_watts=False)

    profile = profile_of(planned(11), transaction_id="tx-1", station=station)

    schedule = profile["chargingSchedule"][0]
    # 11000 W / (3 x 230 V) = 15.94 A
    assert schedule["chargingRateUnit"] == "A"
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 15.9}]
    assert problems(profile, OcppVersion.V201, units=frozenset({"A"})) == []


def test_the_profile_ends_when_the_plan_is_no_longer_trusted() -> None:
    trust_until = SLOT + timedelta(minutes=40)

    found = plan_powers(slots(22, 7, 22, 7), resolution=QUARTER, now=NOW, trust_until=trust_until)

    assert found == PlannedCar(
        (Wanted(NOW, 22), Wanted(SLOT + QUARTER, 7), Wanted(SLOT + 2 * QUARTER, 22)), trust_until
    )


@pytest.mark.parametrize(
    ("now", "trust_until"),
    [
        (SLOT - timedelta(seconds=1), SLOT + QUARTER),  # it begins later
        (SLOT + QUARTER, SLOT + timedelta(hours=4)),  # its one slot is over
        (NOW, NOW),  # no longer trusted
    ],
)
def test_a_plan_that_says_nothing_of_now_gives_no_profile(
    now: datetime, trust_until: datetime
) -> None:
    assert plan_powers(slots(22), resolution=QUARTER, now=now, trust_until=trust_until) is None


def test_courses_are_compared_where_they_change() -> None:
    ours = slots(22, 7, 0)
    end = SLOT + timedelta(hours=1)

    def apart(*theirs: float) -> float:
        return greatest_difference_kw(ours, slots(*theirs), start=NOW, end=end)

    assert apart(22, 7, 0) == 0
    assert apart(22, 7.2, 0) == pytest.approx(0.2)
    assert apart(22, 7, -11) == 11
    # Of the slot before now nothing matters.
    late = greatest_difference_kw(ours, slots(1, 7, 0), start=SLOT + QUARTER, end=end)
    assert late == 0
    assert greatest_difference_kw(ours, [], start=NOW, end=end) == float("inf")


powers = st.lists(
    st.floats(-60, 60, allow_nan=False, allow_infinity=False), min_size=1, max_size=96
)


@given(powers_kw=powers, most_periods=st.none() | st.integers(1, 24))
def test_every_plan_keeps_the_rules_of_a_charging_station(
    powers_kw: list[float], most_periods: int | None
) -> None:
    station = replace(CHARGER, most_periods=most_periods)

    profile = profile_of(planned(*powers_kw), transaction_id="tx-1", station=station)

    assert problems(profile, OcppVersion.V201, most_periods=most_periods) == []
    periods = profile["chargingSchedule"][0]["chargingSchedulePeriod"]
    assert all(0 <= one["limit"] <= 22000 for one in periods)
    assert all(a["limit"] != b["limit"] for a, b in zip(periods, periods[1:], strict=False))


@given(
    powers_kw=powers,
    most_periods=st.none() | st.integers(1, 24),
    charge_kw=st.floats(0, 50),
    discharge_kw=st.floats(0, 50),
)
def test_every_plan_keeps_the_rules_of_a_station_that_discharges(
    powers_kw: list[float], most_periods: int | None, charge_kw: float, discharge_kw: float
) -> None:
    station = WireStation(charge_kw, discharge_kw, has_setpoints=True, most_periods=most_periods)

    profile = profile_of(planned(*powers_kw), transaction_id="tx-1", station=station)

    most_w = float(wire_power_w(discharge_kw))
    values = {"most_periods": most_periods, "discharge_w": {1: most_w}}
    assert problems(profile, OcppVersion.V21, **values) == []
    for one in profile["chargingSchedule"][0]["chargingSchedulePeriod"]:
        assert -most_w <= one["setpoint"] <= wire_power_w(charge_kw)
