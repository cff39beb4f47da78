"""Reports of the device model: any order, twice, cut short; values that were asked for or set."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from apps.chargers.choices import CommandStatus
from apps.chargers.models import ChargingStation, Command, DeviceVariable, ReportRun
from apps.chargers.ocpp.device_model import (
    VariableValue,
    monitoring_part,
    report_part,
    values_got,
    values_set,
)
from apps.chargers.ocpp.events import PayloadRefused
from apps.chargers.services import command_claim, command_finish, connection_open
from apps.chargers.services.device_model import (
    monitoring_part_store,
    report_part_store,
    variables_store,
)
from apps.chargers.services.intents import (
    base_report_ask,
    monitoring_report_ask,
    variable,
    variables_get,
    variables_set,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator

NOW = datetime(2026, 3, 10, 13, tzinfo=UTC)
SAID_AT = "2026-03-10T12:00:00Z"


def told(
    component: str, name: str, value: str | None, *, evse: int | None = None, **attribute: Any
) -> dict[str, Any]:
    """A ReportDataType with one attribute."""
    where = {"name": component} | ({} if evse is None else {"evse": {"id": evse}})
    return {
        "component": where,
        "variable": {"name": name},
        "variableAttribute": [({} if value is None else {"value": value}) | attribute],
        "variableCharacteristics": {"dataType": "string", "supportsMonitoring": False},
    }


PARTS = [
    {
        "requestId": 7, "generatedAt": SAID_AT, "seqNo": 0, "tbc": True,
        "reportData": [told("ChargingStation", "Model", "Wall 22", mutability="ReadOnly")],
    },
    {
        "requestId": 7, "generatedAt": SAID_AT, "seqNo": 1, "tbc": True,
        "reportData": [
            told("EVSE", "Power", "22000", evse=1), told("EVSE", "Power", "7400", evse=2),
        ],
    },
    {
        "requestId": 7, "generatedAt": SAID_AT, "seqNo": 2,
        "reportData": [told("OCPPCommCtrlr", "HeartbeatInterval", "30")],
    },
]  # fmt: skip


def store(station: ChargingStation, payload: dict[str, Any]) -> ReportRun:
    return report_part_store(station_pk=station.pk, part=report_part(payload), now=NOW)


def known() -> dict[tuple[str, int, str], str]:
    return {
        (row.component, row.evse_number, row.variable): row.value
        for row in DeviceVariable.objects.all()
    }


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_parts_in_any_order_and_twice_give_one_model(
    station: ChargingStation, order: tuple[int, ...]
) -> None:
    runs = [store(station, PARTS[n]) for n in order]
    again = [store(station, PARTS[n]) for n in order]

    assert [run.completed_at is not None for run in runs] == [False, False, True]
    assert again[-1].completed_at == NOW
    assert (again[-1].parts, again[-1].parts_count, again[-1].last_part) == ([0, 1, 2], 3, 2)
    assert known() == {
        ("ChargingStation", 0, "Model"): "Wall 22",
        ("EVSE", 1, "Power"): "22000",
        ("EVSE", 2, "Power"): "7400",
        ("OCPPCommCtrlr", 0, "HeartbeatInterval"): "30",
    }


def test_a_report_that_lacks_a_part_is_not_whole(station: ChargingStation) -> None:
    store(station, PARTS[0])
    run = store(station, PARTS[2])

    assert (run.parts, run.last_part, run.completed_at) == ([0, 2], 2, None)


def test_an_older_report_does_not_undo_a_newer_value(station: ChargingStation) -> None:
    newer = VariableValue("OCPPCommCtrlr", "HeartbeatInterval", "60")
    variables_store(station_pk=station.pk, values=[newer], told_at=NOW - timedelta(minutes=1))

    store(station, PARTS[2])

    assert known()["OCPPCommCtrlr", 0, "HeartbeatInterval"] == "60"


def test_a_clock_that_is_ahead_does_not_shut_out_later_values(station: ChargingStation) -> None:
    store(station, {**PARTS[2], "generatedAt": "2031-01-01T00:00:00Z"})

    later = VariableValue("OCPPCommCtrlr", "HeartbeatInterval", "60")
    variables_store(station_pk=station.pk, values=[later], told_at=NOW + timedelta(seconds=1))

    assert known()["OCPPCommCtrlr", 0, "HeartbeatInterval"] == "60"


def test_a_value_keeps_what_the_report_said_of_its_variable(station: ChargingStation) -> None:
    store(station, PARTS[0])
    variables_store(
        station_pk=station.pk,
        values=[VariableValue("ChargingStation", "Model", "Wall 44")],
        told_at=NOW,
    )

    row = DeviceVariable.objects.get()
    assert (row.value, row.mutability, row.data_type) == ("Wall 44", "ReadOnly", "string")


@pytest.mark.parametrize(
    "secret",
    [
        told("SecurityCtrlr", "BasicAuthPassword", "hunter2-hunter2-hunter2"),
        told("VendorCtrlr", "Key", "secret", mutability="WriteOnly"),
    ],
)
def test_a_password_is_never_kept(station: ChargingStation, secret: dict[str, Any]) -> None:
    store(station, {**PARTS[0], "reportData": [secret]})
    value = VariableValue(secret["component"]["name"], secret["variable"]["name"], "again")
    variables_store(station_pk=station.pk, values=[value], told_at=NOW)

    assert DeviceVariable.objects.get().value == ""


@pytest.mark.parametrize(
    "bad",
    [
        {"seqNo": -1},
        {"generatedAt": "yesterday"},
        {"requestId": 10**30},
        {"reportData": [told("A", "B", "x\x00y")]},
        {"reportData": [told(" ", "B", "x")]},
    ],
)
def test_a_part_that_cannot_be_kept_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(PayloadRefused):
        report_part({**PARTS[0], **bad})


def finish(command: Command, answer: dict[str, Any]) -> None:
    command_claim(command_id=command.pk, station_pk=command.station_id, now=NOW)
    command_finish(
        command_id=command.pk, status=CommandStatus.ACCEPTED, answer=answer, now=NOW
    )  # fmt: skip


def result(asked: dict[str, Any], status: str, **more: Any) -> dict[str, Any]:
    told = {name: asked[name] for name in ("component", "variable")}
    return {**told, "attributeStatus": status, **more}


def test_values_that_were_asked_for_are_kept(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    asked = [variable("EVSE", "Power", evse_id=1), variable("EVSE", "Nonsense", evse_id=1)]
    (command,) = variables_get(station_id=station.station_id, variables=asked)
    assert command.payload == {"getVariableData": asked}

    finish(
        command,
        {
            "getVariableResult": [
                result(asked[0], "Accepted", attributeValue="11000"),
                result(asked[1], "UnknownVariable"),
            ]
        },
    )

    assert known() == {("EVSE", 1, "Power"): "11000"}


def test_values_that_were_set_are_kept_once_they_are_in_force(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    asked = [
        variable("OCPPCommCtrlr", "HeartbeatInterval", value="60"),
        variable("OCPPCommCtrlr", "WebSocketPingInterval", value="20"),
        variable("TxCtrlr", "EVConnectionTimeOut", value="0"),
    ]
    (command,) = variables_set(station_id=station.station_id, values=asked)

    finish(
        command,
        {
            "setVariableResult": [
                result(asked[0], "Accepted"),
                result(asked[1], "RebootRequired"),
                result(asked[2], "Rejected"),
            ]
        },
    )

    assert known() == {("OCPPCommCtrlr", 0, "HeartbeatInterval"): "60"}


def test_a_password_is_gone_from_an_order_that_ended(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    asked = variable("SecurityCtrlr", "BasicAuthPassword", value="a-new-password-000001")
    (command,) = variables_set(station_id=station.station_id, values=[asked])
    assert "a-new-password-000001" in str(Command.objects.get().payload)

    finish(command, {"setVariableResult": [result(asked, "Accepted")]})

    assert Command.objects.get().payload["setVariableData"][0]["attributeValue"] == "***"
    assert DeviceVariable.objects.get().value == ""


def test_a_report_that_was_asked_for_is_told_from_others(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    command = base_report_ask(station_id=station.station_id, kind="ConfigurationInventory")
    assert command.payload == {
        "reportBase": "ConfigurationInventory",
        "requestId": command.pk,
    }

    # The first part may come before the answer to the order.
    store(station, {**PARTS[0], "requestId": command.pk, "tbc": False})
    finish(command, {"status": "Accepted"})

    run = ReportRun.objects.get()
    assert (run.kind, run.request_id) == ("ConfigurationInventory", command.pk)
    assert (run.requested_at, run.completed_at) == (command.requested_at, NOW)


def test_an_empty_report_is_whole_at_once(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    command = base_report_ask(station_id=station.station_id)

    finish(command, {"status": "EmptyResultSet"})

    assert ReportRun.objects.get().completed_at == NOW


def test_monitors_are_kept_with_the_order_that_asked_for_them(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    command = monitoring_report_ask(station_id=station.station_id, criteria=["ThresholdMonitoring"])
    monitor = {
        "component": {"name": "EVSE"}, "variable": {"name": "Temperature"},
        "variableMonitoring": [
            {"id": 3, "transaction": False, "value": 60.5, "type": "UpperThreshold", "severity": 2}
        ],
    }  # fmt: skip
    part = {"requestId": command.pk, "generatedAt": SAID_AT, "seqNo": 1, "monitor": [monitor]}

    monitoring_part_store(station_pk=station.pk, part=monitoring_part(part), now=NOW)
    finish(command, {"status": "Accepted"})
    first = {**part, "seqNo": 0, "tbc": True}
    for _ in range(2):
        run = monitoring_part_store(station_pk=station.pk, part=monitoring_part(first), now=NOW)

    assert run.completed_at == NOW
    command.refresh_from_db()
    assert command.status == CommandStatus.ACCEPTED
    assert command.answer == {"status": "Accepted", "parts": {"0": [monitor], "1": [monitor]}}


def test_the_same_station_of_another_operator_keeps_its_own_model(
    station: ChargingStation, operator_b: Operator
) -> None:
    store(station, PARTS[0])

    with operator_context(operator_b.schema_name):
        assert DeviceVariable.objects.count() == 0
        assert ReportRun.objects.count() == 0


def test_rejected_attributes_tell_nothing() -> None:
    asked = variable("A", "B", value="1")
    assert values_got({"getVariableResult": [result(asked, "Rejected")]}) == ()
    answer = {"setVariableResult": [result(variable("A", "C"), "Accepted")]}
    assert values_set({"setVariableData": [asked]}, answer) == ()
