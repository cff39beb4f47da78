"""Dynamic profiles, the rules of V2X, and the door that no discharge passes unasked."""

from typing import Any

import pytest

from apps.chargers.choices import ProfileStatus
from apps.chargers.models import ChargingProfile, ChargingStation, Command, Session
from apps.chargers.ocpp.smart_charging.facts import StationFacts
from apps.chargers.ocpp.smart_charging.profile_rules import rules_broken
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors.charging_profiles import composite_preview
from apps.chargers.services.charging_needs import charging_needs_store
from apps.chargers.services.charging_profiles import profile_set
from apps.chargers.services.commands import command_send
from apps.chargers.services.dynamic_schedules import (
    dynamic_schedule_offer,
    dynamic_schedule_pull,
    dynamic_schedule_update,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.conftest import STATION_ID
from tests.chargers.v21.conftest import answered, tell
from tests.chargers.v21.test_needs import AT, V2X

V21 = OcppVersion.V21
PERIOD = "chargingSchedule[0].chargingSchedulePeriod[0]"
SETPOINT: dict[str, Any] = {
    "startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": 4000.0, "limit": 11000.0,
    "dischargeLimit": -10000.0,
}  # fmt: skip


def profile(period: dict[str, Any] = SETPOINT, **more: Any) -> dict[str, Any]:
    """A TxProfile of TX-1 with one period; `schedule` changes its schedule."""
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    return {
        "id": 7,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Dynamic",
        "transactionId": "TX-1",
        "chargingSchedule": [schedule | more.pop("schedule", {})],
    } | more


@pytest.fixture
def v2x(session: Session) -> Session:
    """TX-1 at an EVSE that can discharge; no load group."""
    tell(session.station, "V2XChargingCtrlr", "Enabled", "true")
    return session


@pytest.fixture
def held(v2x: Session) -> ChargingProfile:
    """A dynamic profile that the station took."""
    row = profile_set(station_id=STATION_ID, evse_id=1, profile=profile(dynUpdateInterval=60))
    answered(row.command, status="Accepted")
    row.refresh_from_db()
    return row


# --- rules ---


def broken(payload: dict[str, Any], **facts: Any) -> list[tuple[str, str]]:
    told = StationFacts(
        **{"version": V21, "evse_ids": frozenset({1, 2}), "transactions": {1: "TX-1"}} | facts
    )
    found = rules_broken(payload, evse_id=1, facts=told, now=AT)
    return [(one.rule, one.field.removeprefix(PERIOD).lstrip(".")) for one in found]


MODE = "ChargingSchedulePeriodType.operationMode"
CURVE = [{"frequency": 49.8, "power": 5000.0}, {"frequency": 50.2, "power": -5000.0}]


@pytest.mark.parametrize(
    ("period", "rules"),
    [
        ({"setpoint": 1.0}, [(MODE, "limit"), (MODE, "setpoint")]),
        ({"limit": 1.0, "operationMode": "Idle"}, [(MODE, "limit")]),
        ({"operationMode": "CentralFrequency"}, [(MODE, "setpoint")]),
        ({"operationMode": "LocalFrequency"}, [("Q08.FR.02", "v2xFreqWattCurve")]),
        (
            {"operationMode": "LocalFrequency", "v2xBaseline": 0.0, "v2xFreqWattCurve": CURVE},
            [("V2XChargingCtrlr.Enabled", "v2xFreqWattCurve")],
        ),
        (SETPOINT | {"setpoint": 12000.0}, [("ChargingSchedulePeriodType.setpoint", "setpoint")]),
        (
            SETPOINT | {"setpoint_L2": -10001.0, "dischargeLimit_L2": -10000.0},
            [("ChargingSchedulePeriodType.setpoint", "setpoint_L2")],
        ),
    ],
)
def test_each_mode_has_its_values(period: dict[str, Any], rules: list[tuple[str, str]]) -> None:
    can = rules[0][0] != "V2XChargingCtrlr.Enabled"

    assert broken(profile({"startPeriod": 0} | period), can_discharge=can) == rules


def test_a_discharge_needs_the_station_to_say_that_it_can() -> None:
    wanted = profile({k: v for k, v in SETPOINT.items() if k != "dischargeLimit"})
    wanted["chargingSchedule"][0]["chargingSchedulePeriod"][0]["setpoint"] = -0.1

    refused = [("V2XChargingCtrlr.Enabled", "setpoint")]
    assert broken(wanted) == refused
    assert broken(wanted, can_discharge=True) == []
    # An EVSE says it for itself.
    assert broken(wanted, can_discharge=True, discharge_at={1: False}) == refused
    assert broken(wanted, discharge_at={1: True}) == []
    # The car gives back less.
    wanted["chargingSchedule"][0]["chargingSchedulePeriod"][0]["setpoint"] = -5000.1
    assert broken(wanted, can_discharge=True, discharge_w={1: 5000.0}) == [
        ("V2XChargingParametersType.maxDischargePower", "setpoint")
    ]


def test_a_whole_station_discharges_when_each_evse_does() -> None:
    facts = StationFacts(evse_ids=frozenset({0, 1, 2}), discharge_at={1: True, 2: True})

    assert facts.may_discharge(0)
    assert not StationFacts(evse_ids=frozenset({1, 2}), discharge_at={1: True}).may_discharge(0)
    assert not StationFacts(can_discharge=True, discharge_at={2: False}).may_discharge(0)
    assert not StationFacts().may_discharge(0)


def test_a_dynamic_profile_is_one_value() -> None:
    twice = profile()
    twice["chargingSchedule"][0]["chargingSchedulePeriod"].append(SETPOINT | {"startPeriod": 60})

    found = broken(twice, can_discharge=True, lacks=frozenset({"SupportsDynamicProfiles"}))

    assert [rule for rule, _field in found] == ["K01.FR.121", "K28.FR.01"]


def test_what_a_station_lacks_is_not_sent() -> None:
    wanted = profile({"startPeriod": 0, "operationMode": "Idle", "evseSleep": True})
    lacks = frozenset({"SupportsEvseSleep"})

    assert broken(wanted, lacks=lacks) == [("K01.FR.126", "evseSleep")]
    assert broken(wanted, operation_modes=frozenset({"ChargingOnly"})) == [
        ("V2XChargingCtrlr.SupportedOperationModes", "operationMode")
    ]
    assert broken(profile(id=5), can_discharge=True, most_external_id=5) == [("K01.FR.81", "id")]


# --- values pushed, and asked for ---


def test_new_values_hold_once_the_station_took_them(held: ChargingProfile) -> None:
    assert (held.status, held.updated_at is not None) == (ProfileStatus.ACCEPTED, True)

    refused = dynamic_schedule_update(profile_pk=held.pk, update={"setpoint": -3000.0})
    answered(refused, status="Rejected")
    held.refresh_from_db()
    assert held.schedules[0]["chargingSchedulePeriod"] == [SETPOINT]

    pushed = dynamic_schedule_update(profile_pk=held.pk, update={"setpoint": -3000.0})
    assert pushed.payload == {"chargingProfileId": 7, "scheduleUpdate": {"setpoint": -3000.0}}
    answered(pushed, status="Accepted")
    held.refresh_from_db()
    assert held.schedules[0]["chargingSchedulePeriod"] == [SETPOINT | {"setpoint": -3000.0}]


def test_a_station_that_asks_gets_what_waits_once(
    held: ChargingProfile, operator_b: Operator
) -> None:
    def pulled() -> dict[str, Any] | None:
        return dynamic_schedule_pull(station_pk=held.station_id, profile_id=7, now=AT)

    present = {"setpoint": 4000.0, "limit": 11000.0, "dischargeLimit": -10000.0}
    assert pulled() == present
    dynamic_schedule_offer(profile_pk=held.pk, update={"setpoint": -2000.0})
    dynamic_schedule_offer(profile_pk=held.pk, update={"limit": 9000.0})
    with operator_context(operator_b.schema_name):
        assert pulled() is None
    assert pulled() == present | {"setpoint": -2000.0, "limit": 9000.0}

    held.refresh_from_db()
    assert (held.updated_at, held.update_waiting) == (AT, None)
    assert dynamic_schedule_pull(station_pk=held.station_id, profile_id=8, now=AT) is None


def test_values_that_wait_are_dropped_when_the_station_lost_its_v2x(held: ChargingProfile) -> None:
    answered(
        dynamic_schedule_update(
            profile_pk=held.pk, update={"setpoint": 1000.0, "dischargeLimit": 0.0}
        ),
        status="Accepted",
    )
    dynamic_schedule_offer(profile_pk=held.pk, update={"setpoint": 0.0, "limit": 8000.0})
    dynamic_schedule_offer(profile_pk=held.pk, update={"dischargeLimit": -1.0})
    tell(held.station, "V2XChargingCtrlr", "Enabled", "false")

    values = dynamic_schedule_pull(station_pk=held.station_id, profile_id=7, now=AT)

    assert values == {"setpoint": 1000.0, "limit": 11000.0, "dischargeLimit": 0.0}


@pytest.mark.parametrize(
    ("update", "code"),
    [
        ({}, "command.payload_invalid"),
        ({"dischargeLimit": 1.0}, "command.payload_invalid"),
        ({"setpoint": 12000.0}, "profile.rule_broken"),
        ({"setpointReactive": 1.0, "limit": -1.0}, "profile.rule_broken"),
    ],
)
def test_values_that_break_a_rule_are_not_sent(
    held: ChargingProfile, update: dict[str, Any], code: str
) -> None:
    for change in (dynamic_schedule_update, dynamic_schedule_offer):
        with pytest.raises(DomainError) as refused:
            change(profile_pk=held.pk, update=update)
        assert refused.value.code == code
    assert not Command.objects.filter(action="UpdateDynamicSchedule").exists()


def test_the_composite_schedule_keeps_set_points_between_all_limits(held: ChargingProfile) -> None:
    charging_needs_store(station_pk=held.station_id, evse_id=1, needs=V2X, told_at=AT)
    answered(
        dynamic_schedule_update(profile_pk=held.pk, update={"setpoint": -9000.0}), status="Accepted"
    )
    ChargingProfile.objects.create(
        station=held.station, evse_number=0, profile_id=-1, stack_level=0,
        purpose="ChargingStationExternalConstraints", kind="Absolute", source="station",
        status=ProfileStatus.ACCEPTED, requested_at=AT,
        schedules=[{
            "chargingRateUnit": "W", "startSchedule": "2026-03-10T12:00:00Z",
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 7000.0, "dischargeLimit": -6000.0}
            ],
        }],
    )  # fmt: skip

    (period,) = composite_preview(
        station_id=STATION_ID, evse_id=1, start=utc_now(), duration_s=600, unit="W"
    )

    # min(11,000; 7,000), max(-10,000; -6,000), and -9,000 between them.
    assert (period.total, period.discharge_limit[0], period.setpoint[0]) == (7000, -6000, -6000)
    assert period.operation_mode == "CentralSetpoint"


# --- the last door ---


def raw(action: str, **payload: Any) -> Command:
    return command_send(station_id=STATION_ID, action=action, payload=payload)


def discharging() -> dict[str, Any]:
    return profile(SETPOINT | {"setpoint": -1.0})


def test_an_order_by_hand_discharges_only_what_said_it_can(session: Session) -> None:
    orders = [
        ("SetChargingProfile", {"evseId": 1, "chargingProfile": discharging()}),
        (
            "RequestStartTransaction",
            {
                "idToken": {"idToken": "AA", "type": "Central"},
                "remoteStartId": 1,
                "chargingProfile": discharging(),
            },
        ),
        (
            "UpdateDynamicSchedule",
            {"chargingProfileId": 7, "scheduleUpdate": {"setpoint_L3": -1.0}},
        ),
    ]
    for action, payload in orders:
        with pytest.raises(DomainError) as refused:
            raw(action, **payload)
        assert refused.value.code == "command.no_discharge"
    assert Command.objects.count() == 0

    tell(session.station, "V2XChargingCtrlr", "Enabled", "true")
    for action, payload in orders:
        assert raw(action, **payload).action == action


@pytest.mark.parametrize("version", ["2.0.1", "1.6"])
def test_older_versions_never_discharge(session: Session, version: str) -> None:
    tell(session.station, "V2XChargingCtrlr", "Enabled", "true")
    ChargingStation.objects.update(ocpp_version=version)
    period = {"startPeriod": 0, "limit": -5.0}
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
    ours: dict[str, Any] = {
        "stackLevel": 1,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
    }
    if version == "1.6":
        payload = {
            "connectorId": 1,
            "csChargingProfiles": ours | {"chargingProfileId": 1, "chargingSchedule": schedule},
        }
    else:
        payload = {
            "evseId": 1,
            "chargingProfile": ours | {"id": 1, "chargingSchedule": [schedule | {"id": 1}]},
        }

    with pytest.raises(DomainError) as refused:
        raw("SetChargingProfile", **payload)

    assert refused.value.code == "command.no_discharge"
    assert Command.objects.count() == 0
