"""Which rule a profile breaks, by its requirement and field."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.chargers.ocpp.smart_charging.profile_rules import StationFacts, rules_broken
from apps.chargers.ocpp.smart_charging.profiles import profile_of
from apps.chargers.ocpp.versions import OcppVersion

NOW = datetime(2026, 3, 9, tzinfo=UTC)
SCHEDULE = "chargingSchedule[0]"
PERIOD = f"{SCHEDULE}.chargingSchedulePeriod[0]"
CENTRAL = {"operationMode": "CentralSetpoint"}
FACTS = StationFacts(
    evse_ids=frozenset({1, 2}),
    transactions={1: "tx-1"},
    most_stack_level=9,
    most_periods=3,
    most_profiles=4,
    units=frozenset("A"),
    can_switch_phases=False,
)


def payload(**changes: Any) -> dict[str, Any]:
    """A good TxDefaultProfile; `schedule` and `period` change its one schedule and period."""
    schedule = {
        "id": 1,
        "chargingRateUnit": "A",
        "startSchedule": "2026-03-09T00:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16} | changes.pop("period", {})],
    } | changes.pop("schedule", {})
    schedule = {name: value for name, value in schedule.items() if value is not None}
    return {
        "id": 7,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    } | changes


def tx(**changes: Any) -> dict[str, Any]:
    return payload(chargingProfilePurpose="TxProfile", **{"transactionId": "tx-1"} | changes)


def broken(profile: dict[str, Any], *, evse_id: int = 1, **facts: Any) -> list[tuple[str, str]]:
    told = StationFacts(**{name: getattr(FACTS, name) for name in FACTS.__slots__} | facts)
    found = rules_broken(profile, evse_id=evse_id, facts=told, now=NOW)
    assert all(one.message for one in found)
    return [(one.rule, one.field) for one in found]


@pytest.mark.parametrize("profile", [payload(), tx()])
def test_a_good_profile_breaks_nothing(profile: dict[str, Any]) -> None:
    before = deepcopy(profile)

    assert broken(profile) == []
    assert profile == before


@pytest.mark.parametrize(
    ("profile", "evse_id", "rule", "field"),
    [
        (payload(chargingProfilePurpose="ChargingStationExternalConstraints"), 1,
         "K01.FR.22", "chargingProfilePurpose"),
        (payload(chargingProfilePurpose="ChargingStationMaxProfile"), 1,
         "ChargingProfilePurposeEnumType.ChargingStationMaxProfile", "evseId"),
        (payload(chargingProfilePurpose="PriorityCharging"), 1,
         "K01.FR.120", "chargingProfilePurpose"),
        (payload(transactionId="tx-1"), 1, "ChargingProfileType.transactionId", "transactionId"),
        (tx(), 0, "K01.FR.16", "evseId"),
        (tx(transactionId=""), 1, "K01.FR.03", "transactionId"),
        (tx(), 2, "K01.FR.09", "transactionId"),
        (tx(transactionId="tx-9"), 1, "K01.FR.33", "transactionId"),
        (payload(validFrom="2026-03-11T00:00:00Z", validTo="2026-03-10T00:00:00Z"), 1,
         "ChargingProfileType.validTo", "validTo"),
        (payload(validTo="2026-03-08T00:00:00Z"), 1, "K01.FR.37", "validTo"),
        (payload(validTo="soon"), 1, "dateTime", "validTo"),
        (payload(chargingProfileKind="Recurring"), 1,
         "ChargingProfileType.recurrencyKind", "recurrencyKind"),
        (payload(recurrencyKind="Daily"), 1,
         "ChargingProfileType.recurrencyKind", "recurrencyKind"),
        (payload(chargingProfilePurpose="ChargingStationMaxProfile",
                 chargingProfileKind="Relative", schedule={"startSchedule": None}), 0,
         "K01.FR.38", "chargingProfileKind"),
        (payload(chargingProfileKind="Dynamic"), 1, "K01.FR.121", "chargingProfileKind"),
        (payload(dynUpdateInterval=60), 1, "K01.FR.122", "dynUpdateInterval"),
        (payload(), 3, "K01.FR.28", "evseId"),
        (payload(stackLevel=10), 1, "SmartChargingCtrlr.ProfileStackLevel", "stackLevel"),
        (payload(schedule={"startSchedule": None}), 1, "K01.FR.40", f"{SCHEDULE}.startSchedule"),
        (payload(chargingProfileKind="Relative"), 1, "K01.FR.41", f"{SCHEDULE}.startSchedule"),
        (payload(schedule={"startSchedule": "noon"}), 1, "dateTime", f"{SCHEDULE}.startSchedule"),
        (payload(schedule={"chargingRateUnit": "W"}), 1,
         "K01.FR.26", f"{SCHEDULE}.chargingRateUnit"),
        (payload(schedule={"duration": 0}), 1,
         "ChargingScheduleType.duration", f"{SCHEDULE}.duration"),
        (payload(chargingProfileKind="Recurring", recurrencyKind="Daily",
                 schedule={"duration": 86_401}), 1,
         "ChargingScheduleType.duration", f"{SCHEDULE}.duration"),
        (payload(chargingProfilePurpose="ChargingStationMaxProfile",
                 schedule={"randomizedDelay": 5}), 0,
         "K01.FR.95", f"{SCHEDULE}.randomizedDelay"),
        (payload(period={"startPeriod": 5}), 1, "K01.FR.31", f"{PERIOD}.startPeriod"),
        (payload(period={"numberPhases": 4}), 1,
         "ChargingSchedulePeriodType.numberPhases", f"{PERIOD}.numberPhases"),
        (payload(period={"numberPhases": 0}), 1,
         "ChargingSchedulePeriodType.numberPhases", f"{PERIOD}.numberPhases"),
        (payload(period={"limit": -1}), 1, "ChargingSchedulePeriodType.limit", f"{PERIOD}.limit"),
        (payload(period={"limit": None}), 1, "ChargingSchedulePeriodType.limit", f"{PERIOD}.limit"),
        (payload(period={"setpoint": -5}), 1, "ChargingSchedulePeriodType.setpoint",
         f"{PERIOD}.setpoint"),
    ],
)  # fmt: skip
def test_a_rule_is_named_with_its_field(
    profile: dict[str, Any], evse_id: int, rule: str, field: str
) -> None:
    assert broken(profile, evse_id=evse_id) == [(rule, field)]


def test_periods_begin_one_after_the_other_and_are_not_too_many() -> None:
    starts = [0, 60, 60, 30]
    profile = payload(
        schedule={"chargingSchedulePeriod": [{"startPeriod": at, "limit": 6} for at in starts]}
    )

    where = f"{SCHEDULE}.chargingSchedulePeriod"
    assert broken(profile) == [
        ("K01.FR.35", f"{where}[2].startPeriod"),
        ("K01.FR.35", f"{where}[3].startPeriod"),
        ("SmartChargingCtrlr.PeriodsPerSchedule", where),
    ]


def test_a_phase_is_named_for_one_phase_by_a_station_that_can_choose() -> None:
    profile = payload(period={"numberPhases": 3, "phaseToUse": 2})

    assert broken(profile) == [
        ("K01.FR.19", f"{PERIOD}.phaseToUse"),
        ("K01.FR.20", f"{PERIOD}.phaseToUse"),
    ]
    assert (
        broken(payload(period={"numberPhases": 1, "phaseToUse": 2}), can_switch_phases=True) == []
    )


@pytest.mark.parametrize(
    ("facts", "rule"), [({"is_dc": True}, "K01.FR.44"), ({"supply_phases": 1}, "K01.FR.45")]
)
def test_phases_are_those_of_the_station(facts: dict[str, Any], rule: str) -> None:
    assert broken(payload(period={"numberPhases": 3}), **facts) == [
        (rule, f"{PERIOD}.numberPhases")
    ]


@pytest.mark.parametrize(
    ("other", "other_evse", "ours", "evse_id", "rule"),
    [
        (payload(id=8), 1, payload(), 1, "K01.FR.06"),
        (payload(id=8), 2, payload(), 0, "K01.FR.52"),
        (payload(id=8), 0, payload(), 2, "K01.FR.53"),
        (tx(id=8), 1, tx(), 1, "K01.FR.39"),
    ],
)
def test_one_profile_of_a_purpose_and_stack_level(
    other: dict[str, Any], other_evse: int, ours: dict[str, Any], evse_id: int, rule: str
) -> None:
    held = (profile_of(other, evse_id=other_evse),)

    assert broken(ours, evse_id=evse_id, profiles=held) == [(rule, "stackLevel")]
    assert broken(ours | {"stackLevel": 2}, evse_id=evse_id, profiles=held) == []
    # The same id stands in for the one that is there (K01.FR.05).
    assert broken(ours | {"id": 8}, evse_id=evse_id, profiles=held) == []


def test_profiles_that_are_never_valid_together_share_a_stack_level() -> None:
    held = (profile_of(payload(id=8, validTo="2026-04-01T00:00:00Z"), evse_id=1),)

    assert broken(payload(validFrom="2026-04-01T00:00:00Z"), profiles=held) == []
    assert broken(payload(validFrom="2026-03-31T23:59:59Z"), profiles=held) == [
        ("K01.FR.06", "stackLevel")
    ]


def test_a_full_station_takes_no_more_but_one_in_place_of_another() -> None:
    held = tuple(profile_of(payload(id=n, stackLevel=n), evse_id=1) for n in range(2, 6))

    assert broken(payload(), profiles=held) == [("SmartChargingCtrlr.Entries", "id")]
    assert broken(payload(id=3), profiles=held) == []


def test_discharging_needs_a_station_that_said_it_can() -> None:
    profile = payload(period={"limit": 16, "dischargeLimit": -10, "setpoint": -8} | CENTRAL)

    assert broken(profile, version=OcppVersion.V21, can_discharge=True) == []
    assert broken(profile, version=OcppVersion.V21) == [
        ("V2XChargingCtrlr.Enabled", f"{PERIOD}.setpoint")
    ]


@pytest.mark.parametrize("setpoint", [17, -11])
def test_a_set_point_lies_between_the_limits(setpoint: int) -> None:
    profile = payload(period={"limit": 16, "dischargeLimit": -10, "setpoint": setpoint} | CENTRAL)

    assert broken(profile, version=OcppVersion.V21, can_discharge=True) == [
        ("ChargingSchedulePeriodType.setpoint", f"{PERIOD}.setpoint")
    ]


def test_a_profile_that_goes_with_a_start_names_no_transaction() -> None:
    found = rules_broken(tx(), evse_id=2, facts=FACTS, now=NOW, with_start=True)

    assert [one.rule for one in found] == ["RequestStartTransactionRequest.chargingProfile"]
    without = tx(transactionId="")
    assert rules_broken(without, evse_id=2, facts=FACTS, now=NOW, with_start=True) == []


def test_several_schedules_are_for_a_car_of_one_session() -> None:
    profile = payload()
    profile["chargingSchedule"] *= 2

    assert broken(profile) == [("ChargingProfileType.chargingSchedule", "chargingSchedule")]
    assert broken(profile, version=OcppVersion.V16) == [
        ("1.6 §7.8", "chargingSchedule"),
        ("ChargingProfileType.chargingSchedule", "chargingSchedule"),
    ]
