"""DER controls: rules, which one holds, rows that follow the station, alarms."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.chargers.choices import DerControlStatus
from apps.chargers.models import ChargingStation, Command, DerAlarm, DerControl
from apps.chargers.ocpp.v21.der import Control, der_rules_broken, in_effect, reported_controls
from apps.chargers.selectors.der_controls import der_alarms_open, der_controls_in_effect
from apps.chargers.services.commands import command_send
from apps.chargers.services.der_controls import (
    der_alarm_note,
    der_control_set,
    der_controls_ask,
    der_controls_clear,
    der_report_store,
    der_start_stop_note,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.conftest import STATION_ID
from tests.chargers.v21.conftest import answered, tell

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DROOP: dict[str, Any] = {
    "priority": 1, "overFreq": 50.2, "underFreq": 49.8, "overDroop": 5, "underDroop": 5,
    "responseTime": 2,
}  # fmt: skip
CURVE: dict[str, Any] = {"curveData": [{"x": 47.5, "y": 0.5}], "priority": 0, "yUnit": "PctMaxW"}


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def control(control_id: str, **settings: Any) -> Control:
    return Control(control_id, "FreqDroop", settings.pop("default", False), DROOP | settings)


def held(control_id: str, **settings: Any) -> DerControl:
    """A FreqDroop that the station took."""
    row = der_control_set(
        station_id=STATION_ID,
        control_type="FreqDroop",
        is_default=settings.pop("default", False),
        settings=DROOP | settings,
        control_id=control_id,
    )
    answered(row.command, status="Accepted")
    return row


def states() -> dict[str, tuple[str, bool]]:
    """Control id -> (status, superseded)."""
    rows = DerControl.objects.order_by("pk")
    return {row.control_id: (str(row.status), row.is_superseded) for row in rows}


# --- rules ---


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"freqDroop": None}, "R04.FR.16"),
        ({"curve": CURVE}, "R04.FR.17"),
        ({"isDefault": True, "freqDroop": DROOP | {"duration": 60}}, "R04.FR.13"),
        ({"freqDroop": DROOP | {"startTime": "noon"}}, "dateTime"),
        ({"freqDroop": DROOP | {"duration": 0}}, "R04.duration"),
        (
            {"freqDroop": DROOP | {"duration": 60, "startTime": "2026-03-10T11:59:00Z"}},
            "R04.duration",
        ),
        ({"controlType": "VoltVar", "freqDroop": None, "curve": CURVE}, "R04.FR.52"),
        ({"controlType": "LFMustTrip", "freqDroop": None, "curve": CURVE}, "R04.FR.51"),
        (
            {
                "controlType": "Gradients",
                "freqDroop": None,
                "gradient": {"priority": 0, "gradient": 1, "softGradient": 1},
            },
            "R04.FR.15",
        ),
    ],
)
def test_a_control_that_breaks_a_rule(changes: dict[str, Any], rule: str) -> None:
    good = {
        "isDefault": False, "controlId": "c", "controlType": "FreqDroop", "freqDroop": DROOP,
    }  # fmt: skip
    payload = {name: value for name, value in (good | changes).items() if value is not None}

    assert der_rules_broken(good, modes=frozenset({"FreqDroop"}), now=NOON) == []
    assert [one.rule for one in der_rules_broken(payload, modes=None, now=NOON)] == [rule]
    assert der_rules_broken(good, modes=frozenset({"VoltVar"}), now=NOON)[0].rule == "R04.FR.01"


def test_a_scheduled_control_goes_before_the_default_while_it_lasts() -> None:
    noon = "2026-03-10T12:00:00Z"
    controls = [
        control("default", default=True, priority=0),
        control("scheduled", startTime=noon, duration=600, priority=3),
        control("stronger", startTime=noon, duration=60, priority=2),
        control("superseded", priority=0),
    ]
    controls[3] = Control("superseded", "FreqDroop", False, DROOP, is_superseded=True)

    def at(moment: float) -> str:
        return in_effect(controls, minutes(moment))["FreqDroop"].control_id

    # Half-open: [12:00, 12:01) and [12:00, 12:10).
    assert [at(m) for m in (-0.01, 0, 0.99, 1, 9.99, 10)] == [
        "default", "stronger", "stronger", "scheduled", "scheduled", "default",
    ]  # fmt: skip


# --- set and cleared ---


def test_a_row_follows_the_answer(station_21: ChargingStation, operator_b: Operator) -> None:
    held("default", default=True)
    row = der_control_set(station_id=STATION_ID, control_type="FreqDroop", settings=DROOP)
    command = answered(row.command, status="Accepted", supersededIds=["default"])

    assert command.payload["freqDroop"] == DROOP
    assert states() == {"default": ("accepted", True), row.control_id: ("accepted", False)}
    with operator_context(operator_b.schema_name):
        assert DerControl.objects.count() == 0

    again = held(row.control_id, priority=0)
    row.refresh_from_db()
    assert (row.status, row.ended_at is not None) == (DerControlStatus.ENDED, True)
    in_force = der_controls_in_effect(station_id=STATION_ID, at=utc_now())
    assert in_force["FreqDroop"].priority == again.priority == 0


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
def test_a_refused_control_is_not_held(station_21: ChargingStation, status: str) -> None:
    row = der_control_set(station_id=STATION_ID, control_type="FreqDroop", settings=DROOP)
    answered(row.command, status=status)

    row.refresh_from_db()
    assert row.status == DerControlStatus.REJECTED
    assert der_controls_in_effect(station_id=STATION_ID, at=utc_now()) == {}


def test_an_order_written_by_hand_makes_a_row_too(station_21: ChargingStation) -> None:
    payload = {
        "isDefault": True, "controlId": "by-hand", "controlType": "FreqDroop", "freqDroop": DROOP,
    }  # fmt: skip

    answered(
        command_send(station_id=STATION_ID, action="SetDERControl", payload=payload),
        status="Accepted",
    )

    assert states() == {"by-hand": ("accepted", False)}


def test_what_cannot_be_set_is_not_sent(station_21: ChargingStation) -> None:
    def refusal(**changes: Any) -> str:
        wanted = {"station_id": STATION_ID, "control_type": "FreqDroop", "settings": DROOP}
        with pytest.raises(DomainError) as refused:
            der_control_set(**wanted | changes)
        return refused.value.code

    assert refusal(settings={"priority": 1}) == "command.payload_invalid"
    assert refusal(settings=DROOP | {"duration": -1}) == "der.rule_broken"
    assert refusal(station_id="CS-404") == "chargers.station_unknown"
    tell(station_21, "DCDERCtrlr", "ModesSupported", "VoltVar, FreqWatt", evse=1)
    assert refusal() == "der.rule_broken"
    ChargingStation.objects.update(ocpp_version="2.0.1")
    assert refusal() == "command.needs_21"
    assert Command.objects.count() == DerControl.objects.count() == 0


@pytest.mark.parametrize(
    ("chosen", "status", "cleared"),
    [
        ({"is_default": False, "control_id": "a"}, "Accepted", {"a"}),
        ({"is_default": False, "control_type": "FreqDroop"}, "Accepted", {"a", "b"}),
        ({"is_default": True}, "NotFound", {"default"}),
        ({"is_default": True}, "Rejected", set()),
    ],
)
def test_cleared_controls(
    station_21: ChargingStation, chosen: dict[str, Any], status: str, cleared: set[str]
) -> None:
    for control_id in ("a", "b"):
        held(control_id)
    held("default", default=True)

    answered(der_controls_clear(station_id=STATION_ID, **chosen), status=status)

    assert {one for one, state in states().items() if state[0] == "cleared"} == cleared


# --- told by the station ---


def test_a_report_in_parts_is_what_the_station_holds(station_21: ChargingStation) -> None:
    held("gone")
    held("kept")
    asked = answered(der_controls_ask(station_id=STATION_ID), status="Accepted")
    told = {"id": "kept", "isDefault": False, "isSuperseded": True, "freqDroop": DROOP}
    gradient = {"priority": 0, "gradient": 1.5, "softGradient": 1.0}
    parts: list[dict[str, Any]] = [
        {"freqDroop": [told]},
        {"gradient": [{"id": "new", "gradient": gradient}]},
    ]

    for number, part in enumerate(parts):
        der_report_store(
            station_pk=station_21.pk,
            request_id=asked.payload["requestId"],
            controls=list(reported_controls(part)),
            is_last=number == 1,
            now=utc_now(),
        )
        assert states()["gone"][0] == ("ended" if number == 1 else "accepted")

    assert states() == {
        "gone": ("ended", False), "kept": ("accepted", True), "new": ("accepted", False),
    }  # fmt: skip
    row = DerControl.objects.get(control_id="new")
    assert (row.type, row.is_default, row.settings) == ("Gradients", True, gradient)


def test_a_control_starts_supersedes_and_ends(station_21: ChargingStation) -> None:
    held("a")
    held("b", priority=5)

    def note(control_id: str, *, started: bool, moment: int, **more: Any) -> bool:
        return der_start_stop_note(
            station_pk=station_21.pk, control_id=control_id, is_started=started,
            at=minutes(moment), **more,
        )  # fmt: skip

    assert note("a", started=True, moment=0, superseded_ids=["b"])
    assert states() == {"a": ("accepted", False), "b": ("accepted", True)}
    assert note("a", started=False, moment=10)
    assert not note("a", started=False, moment=10)
    assert not note("unknown", started=True, moment=1)

    row = DerControl.objects.get(control_id="a")
    assert (row.status, row.started_at, row.stopped_at) == ("ended", NOON, minutes(10))


def test_an_alarm_is_raised_once_and_ends_once(station_21: ChargingStation) -> None:
    def note(moment: int, *, ended: bool, kind: str = "LFMustTrip") -> None:
        der_alarm_note(
            station_pk=station_21.pk, control_type=kind, has_ended=ended, at=minutes(moment),
            fault="" if ended else "UnderFrequency", details="47.4 Hz",
        )  # fmt: skip

    for _twice in range(2):
        note(0, ended=False)
    assert der_alarms_open(station_id=STATION_ID).count() == 1
    for _twice in range(2):
        note(5, ended=True)
    # The station was offline when this one began.
    note(7, ended=True, kind="HFMustTrip")

    alarms = DerAlarm.objects.order_by("raised_at")
    assert [(a.control_type, a.fault, a.raised_at, a.ended_at) for a in alarms] == [
        ("LFMustTrip", "UnderFrequency", NOON, minutes(5)),
        ("HFMustTrip", "", minutes(7), minutes(7)),
    ]
    assert der_alarms_open(station_id=STATION_ID).count() == 0
