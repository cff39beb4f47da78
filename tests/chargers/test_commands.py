"""Orders: checked against the station's version, ended once, told to the blocks; bulk orders."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from apps.chargers.choices import CommandStatus, RegistrationStatus
from apps.chargers.events import CommandChanged
from apps.chargers.models import ChargingStation, Command, CommandBatch
from apps.chargers.ocpp import validation
from apps.chargers.ocpp.actions import is_accepted, number_field, to_stations
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors import batch_progress
from apps.chargers.services import (
    command_answers,
    command_claim,
    command_finish,
    command_send,
    commands_sweep,
    connection_open,
    intents,
    station_register,
)
from apps.chargers.services.command_batches import (
    SLICE,
    batch_slice_send,
    batch_start,
    batches_sweep,
)
from apps.chargers.services.data_transfers import (
    VendorAnswer,
    VendorMessage,
    data_transfer_receive,
    register_vendor,
)
from apps.chargers.services.provisioning import registration_set
from apps.chargers.tasks import command_batch_run
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.events import subscribe, unsubscribe
from tests.chargers.conftest import STATION_ID

NOW = datetime(2026, 3, 10, 13, tzinfo=UTC)
V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21
# What stations send, from the same chapters: together with what they are sent, every action.
FROM_STATIONS_201 = {
    "Authorize", "BootNotification", "ClearedChargingLimit", "FirmwareStatusNotification",
    "Get15118EVCertificate", "GetCertificateStatus", "Heartbeat", "LogStatusNotification",
    "MeterValues", "NotifyChargingLimit", "NotifyCustomerInformation", "NotifyDisplayMessages",
    "NotifyEVChargingNeeds", "NotifyEVChargingSchedule", "NotifyEvent", "NotifyMonitoringReport",
    "NotifyReport", "PublishFirmwareStatusNotification", "ReportChargingProfiles",
    "ReservationStatusUpdate", "SecurityEventNotification", "SignCertificate",
    "StatusNotification", "TransactionEvent",
}  # fmt: skip
FROM_STATIONS = {
    V16: {
        "Authorize", "BootNotification", "DiagnosticsStatusNotification",
        "FirmwareStatusNotification", "Heartbeat", "LogStatusNotification", "MeterValues",
        "SecurityEventNotification", "SignCertificate", "SignedFirmwareStatusNotification",
        "StartTransaction", "StatusNotification", "StopTransaction",
    },
    V201: FROM_STATIONS_201,
    V21: FROM_STATIONS_201 | {
        "BatterySwap", "ClosePeriodicEventStream", "GetCertificateChainStatus",
        "NotifyDERAlarm", "NotifyDERStartStop", "NotifyPeriodicEventStream",
        "NotifyPriorityCharging", "NotifySettlement", "OpenPeriodicEventStream",
        "PullDynamicScheduleUpdate", "ReportDERControl", "VatNumberValidation",
    },
}  # fmt: skip


@pytest.fixture
def online(station: ChargingStation) -> ChargingStation:
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=V201)
    return station


def connect_all(count: int, version: OcppVersion = V201) -> list[str]:
    names = [f"BULK-{n:03d}" for n in range(count)]
    for name in names:
        row = station_register(station_id=name, rated_power_kw=22.0)
        connection_open(station_pk=row.pk, channel=f"c-{name}", now=NOW, version=version)
    return names


def answered(command: Command, answer: dict[str, Any], status: str = "accepted") -> bool:
    command_claim(command_id=command.pk, station_pk=command.station_id, now=NOW)
    return command_finish(
        command_id=command.pk, status=CommandStatus(status), answer=answer, now=NOW
    )


# --- which actions, which answers ---


@pytest.mark.parametrize("version", list(OcppVersion))
def test_every_action_goes_one_way_but_data_transfer(version: OcppVersion) -> None:
    assert to_stations(version) | FROM_STATIONS[version] == validation.actions(version)
    assert to_stations(version) & FROM_STATIONS[version] == set()
    assert "DataTransfer" in to_stations(version)


@pytest.mark.parametrize("version", list(OcppVersion))
def test_the_numbers_we_choose_are_those_that_the_schemas_require(version: OcppVersion) -> None:
    for action in to_stations(version):
        required = validation.schema(version, action, is_request=True).get("required", [])
        ours = {"requestId", "remoteStartId"} & set(required)
        assert ours == ({number_field(version, action)} - {None}), action


def _attribute(*statuses: str, key: str = "attributeStatus") -> list[dict[str, str]]:
    return [{key: status} for status in statuses]


@pytest.mark.parametrize(
    ("action", "answer", "accepted"),
    [
        ("RequestStartTransaction", {"status": "Accepted"}, True),
        ("RequestStartTransaction", {"status": "Rejected"}, False),
        ("UnlockConnector", {"status": "Unlocked"}, True),
        ("UnlockConnector", {"status": "OngoingAuthorizedTransaction"}, False),
        ("Reset", {"status": "Scheduled"}, True),
        ("ChangeAvailability", {"status": "Scheduled"}, True),
        ("GetLog", {"status": "AcceptedCanceled"}, True),
        ("UpdateFirmware", {"status": "AcceptedCanceled"}, True),
        ("UpdateFirmware", {"status": "InvalidCertificate"}, False),
        ("ReserveNow", {"status": "Occupied"}, False),
        ("ReserveNow", {"status": "Scheduled"}, False),
        ("ClearChargingProfile", {"status": "Unknown"}, False),
        ("SendLocalList", {"status": "VersionMismatch"}, False),
        ("TriggerMessage", {"status": "NotImplemented"}, False),
        ("DataTransfer", {"status": "UnknownVendorId"}, False),
        ("UnpublishFirmware", {"status": "Unpublished"}, True),
        ("ClearCache", {"status": "Accepted"}, True),
        ("CostUpdated", {}, True),
        ("GetLocalListVersion", {"versionNumber": 0}, True),
        ("GetLocalListVersion", {"listVersion": -1}, False),
        ("ChangeConfiguration", {"status": "RebootRequired"}, True),
        ("GetDiagnostics", {}, False),
        ("GetConfiguration", {"unknownKey": ["X"]}, False),
        ("GetConfiguration", {"configurationKey": [{}], "unknownKey": ["X"]}, True),
        ("SetVariables", {"setVariableResult": _attribute("Accepted", "RebootRequired")}, True),
        ("SetVariables", {"setVariableResult": _attribute("Accepted", "Rejected")}, False),
        ("GetVariables", {"getVariableResult": _attribute("Accepted", "UnknownVariable")}, True),
        ("GetVariables", {"getVariableResult": _attribute("UnknownVariable")}, False),
        (
            "SetVariableMonitoring",
            {"setMonitoringResult": _attribute("Accepted", "UnknownVariable", key="status")},
            False,
        ),
    ],
)
def test_what_counts_as_accepted(action: str, answer: dict[str, Any], accepted: bool) -> None:
    assert is_accepted(action, answer) is accepted


# --- giving an order ---


@pytest.mark.parametrize(
    ("action", "payload", "code", "field"),
    [
        ("Reset", {"type": "Now"}, "command.payload_invalid", "payload.type"),
        ("Reset", {}, "command.payload_invalid", "payload"),
        ("Reset", {"type": "OnIdle", "x": 1}, "command.payload_invalid", "payload"),
        ("UnlockConnector", {"evseId": "1", "connectorId": 1}, "command.payload_invalid",
         "payload.evseId"),
        ("BootNotification", {}, "command.not_for_stations", "action"),
        ("RemoteStartTransaction", {"idTag": "X"}, "command.action_unknown", "action"),
        ("UsePriorityCharging", {"transactionId": "t", "activate": True}, "command.action_unknown",
         "action"),
        ("Nonsense", {}, "command.action_unknown", "action"),
    ],
)  # fmt: skip
def test_an_order_that_the_version_does_not_have_is_refused(
    online: ChargingStation, action: str, payload: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        command_send(station_id=STATION_ID, action=action, payload=payload)

    assert (refused.value.code, refused.value.field) == (code, field)
    assert Command.objects.count() == 0


def test_a_21_station_is_ordered_what_201_does_not_know(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=V21)

    command = command_send(
        station_id=STATION_ID,
        action="UsePriorityCharging",
        payload={"transactionId": "t", "activate": True},
        reason="the doctor's car",
    )

    assert (command.status, command.reason) == ("queued", "the doctor's car")
    station.refresh_from_db()
    assert station.ocpp_version == "2.1"


@pytest.mark.parametrize(
    ("registration", "action", "error"),
    [
        ("Pending", "RequestStartTransaction", "The station's registration is pending."),
        ("Pending", "GetVariables", ""),
        ("Pending", "SetVariables", ""),
        ("Pending", "GetBaseReport", ""),
        ("Pending", "TriggerMessage", ""),
        ("Rejected", "GetBaseReport", "The station's registration is rejected."),
        ("Rejected", "TriggerMessage", "The station's registration is rejected."),
    ],
)
def test_what_a_station_that_is_not_accepted_is_sent(
    online: ChargingStation, registration: str, action: str, error: str
) -> None:
    ChargingStation.objects.update(registration_status=registration)
    payload = {
        "RequestStartTransaction": {"idToken": {"idToken": "X", "type": "Central"}},
        "GetVariables": {"getVariableData": [intents.variable("A", "B")]},
        "SetVariables": {"setVariableData": [intents.variable("A", "B", value="1")]},
        "GetBaseReport": {"reportBase": "FullInventory"},
        "TriggerMessage": {"requestedMessage": "BootNotification"},
    }[action]

    command = command_send(station_id=STATION_ID, action=action, payload=payload)

    assert (command.status, command.error) == ("failed" if error else "queued", error)


# --- ends ---


@pytest.fixture
def told() -> Iterator[list[Any]]:
    """What a block is told of orders to reset."""
    heard: list[Any] = []

    def heard_answer(command: Command, answer: dict[str, Any]) -> None:
        heard.append((command.pk, command.status, answer))

    def heard_failure(command: Command) -> None:
        heard.append((command.pk, command.status, None))

    command_answers.register("Reset", heard_answer, failed=heard_failure)
    command_answers.register("Reset", heard_answer, failed=heard_failure)
    yield heard
    command_answers._answered["Reset"].remove(heard_answer)
    command_answers._failed["Reset"].remove(heard_failure)


def test_a_block_hears_of_an_answer_once(online: ChargingStation, told: list[Any]) -> None:
    command = intents.reset(station_id=STATION_ID)

    assert answered(command, {"status": "Rejected"}, "rejected") is True
    assert answered(command, {"status": "Accepted"}) is False

    assert told == [(command.pk, "rejected", {"status": "Rejected"})]
    command.refresh_from_db()
    assert (command.status, command.latency_s) == ("rejected", 0.0)


def test_a_block_hears_of_an_order_without_answer(online: ChargingStation, told: list[Any]) -> None:
    sent, queued = (intents.reset(station_id=STATION_ID) for _ in range(2))
    command_claim(command_id=sent.pk, station_pk=online.pk, now=NOW)
    Command.objects.filter(pk=queued.pk).update(requested_at=NOW - timedelta(seconds=31))

    assert commands_sweep(now=NOW) == 1
    assert commands_sweep(now=NOW + timedelta(seconds=61)) == 1

    assert told == [(queued.pk, "failed", None), (sent.pk, "timeout", None)]


def test_a_block_that_fails_does_not_lose_the_answer(online: ChargingStation) -> None:
    def fails(_command: Command, answer: dict[str, Any]) -> None:
        CommandBatch.objects.create(action="half", requested_at=NOW)
        raise KeyError(answer["nothing"])

    command = intents.cache_clear(station_id=STATION_ID)
    command_answers.register("ClearCache", fails)
    try:
        assert answered(command, {"status": "Accepted"}) is True
    finally:
        command_answers._answered["ClearCache"].remove(fails)

    command.refresh_from_db()
    assert (command.status, command.error) == ("accepted", "The answer could not be applied.")
    assert CommandBatch.objects.count() == 0


def test_a_database_that_is_away_lets_the_answer_come_again(online: ChargingStation) -> None:
    def fails(_command: Command, _answer: dict[str, Any]) -> None:
        raise OperationalError("the server is gone")

    command = intents.cache_clear(station_id=STATION_ID)
    command_answers.register("ClearCache", fails)
    try:
        with pytest.raises(OperationalError):
            answered(command, {"status": "Accepted"})
    finally:
        command_answers._answered["ClearCache"].remove(fails)

    command.refresh_from_db()
    assert command.status == "sent"


def test_an_answer_with_what_no_column_keeps_is_kept_otherwise(online: ChargingStation) -> None:
    command = intents.data_transfer(station_id=STATION_ID, vendor_id="acme", content={"a": 1})

    assert answered(command, {"status": "Accepted", "data": "a\x00b\ud800"}) is True

    command.refresh_from_db()
    assert command.answer == {"status": "Accepted", "data": "a\N{REPLACEMENT CHARACTER}b?"}


# --- intents, whatever the version ---


def test_every_intent_of_2x_makes_a_request_that_fits(online: ChargingStation) -> None:
    one = intents.variable("EVSE", "Power", evse_id=1)
    monitor = {**one, "value": 60.0, "type": "UpperThreshold", "severity": 2}
    connection = {
        "ocppInterface": "Wired0", "ocppTransport": "JSON", "ocppVersion": "OCPP20",
        "messageTimeout": 30, "ocppCsmsUrl": "wss://csms.example/ocpp", "securityProfile": 2,
    }  # fmt: skip
    where = {"station_id": STATION_ID, "reason": "test"}
    ordered = [
        intents.start(**where, id_token="X", evse_id=1),
        intents.reset(**where, immediately=True, evse_id=1),
        intents.unlock(**where, evse_id=1),
        intents.availability_change(**where, is_operative=False, evse_id=1, connector_id=1),
        intents.trigger(**where, message="StatusNotification", evse_id=1, connector_id=1),
        *intents.variables_get(**where, variables=[one]),
        *intents.variables_set(**where, values=[{**one, "attributeValue": "1"}]),
        intents.base_report_ask(**where),
        intents.report_ask(**where, criteria=["Problem"], variables=[one]),
        intents.cache_clear(**where),
        intents.transaction_status(**where, transaction_id="tx-1"),
        intents.diagnostics(**where, upload_url="https://logs.example/up", oldest=NOW),
        intents.monitors_set(**where, monitors=[monitor]),
        intents.monitors_clear(**where, ids=[3]),
        intents.monitoring_report_ask(**where, criteria=["ThresholdMonitoring"]),
        intents.monitoring_base_set(**where, base="All"),
        intents.monitoring_level_set(**where, severity=4),
        intents.network_profile_set(**where, slot=1, connection=connection),
        intents.customer_information_ask(
            **where, report=True, clear=False, whose={"customerIdentifier": "C-1"}
        ),
        intents.data_transfer(**where, vendor_id="acme", message_id="Ping", content={"a": 1}),
    ]

    assert {command.status for command in ordered} == {"queued"}
    assert {command.reason for command in ordered} == {"test"}
    for command in ordered:
        violation = validation.request_violation(V201, command.action, command.payload)
        assert violation is None, command.action


def test_a_16_station_is_asked_in_its_own_words(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=V16)
    values = [
        intents.variable("OCPPCommCtrlr", "HeartbeatInterval", value="60"),
        intents.variable("Configuration", "LightIntensity", value="40"),
    ]

    start = intents.start(station_id=STATION_ID, id_token="04A2B3C4", evse_id=1)
    changes = intents.variables_set(station_id=STATION_ID, values=values)
    model = intents.base_report_ask(station_id=STATION_ID)
    own = intents.order_send(station_id=STATION_ID, action="Reset", payload={"type": "Hard"})

    assert (start.action, start.payload) == (
        "RemoteStartTransaction",
        {"idTag": "04A2B3C4", "connectorId": 1},
    )
    assert [(command.action, command.payload) for command in changes] == [
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}),
        ("ChangeConfiguration", {"key": "LightIntensity", "value": "40"}),
    ]
    assert (model.action, model.payload) == ("GetConfiguration", {})
    assert own[0].payload == {"type": "Hard"}


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("SetMonitoringLevel", {"severity": 4}, "command.not_in_16"),
        ("Reset", {"type": "OnIdle", "evseId": 1}, "command.not_in_16"),
        ("GetVariables", {"getVariableData": [intents.variable("EVSE", "Power")]},
         "command.not_in_16"),
        ("Reset", {"type": "Now"}, "command.payload_invalid"),
        ("Nonsense", {}, "command.action_unknown"),
        ("StartTransaction", {}, "command.not_for_stations"),
    ],
)  # fmt: skip
def test_a_16_station_is_not_asked_what_it_has_no_words_for(
    station: ChargingStation, action: str, payload: dict[str, Any], code: str
) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=V16)

    with pytest.raises(DomainError) as refused:
        intents.order_send(station_id=STATION_ID, action=action, payload=payload)

    assert refused.value.code == code
    assert Command.objects.count() == 0


def test_a_number_for_a_16_log_is_the_commands_own(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=V16)

    command = intents.diagnostics(
        station_id=STATION_ID, upload_url="https://logs.example/up", log_type="SecurityLog"
    )

    assert (command.action, command.payload["requestId"]) == ("GetLog", command.pk)


# --- registration ---


@pytest.mark.parametrize(
    ("was", "becomes", "is_asked_to_boot"),
    [
        ("Pending", "Accepted", True),
        ("Accepted", "Pending", True),
        ("Rejected", "Accepted", False),
        ("Accepted", "Rejected", False),
        ("Pending", "Pending", False),
    ],
)
def test_a_station_hears_of_its_registration_by_booting_again(
    online: ChargingStation, was: str, becomes: str, is_asked_to_boot: bool
) -> None:
    ChargingStation.objects.update(registration_status=was)

    command = registration_set(station_id=STATION_ID, status=RegistrationStatus(becomes))

    online.refresh_from_db()
    assert online.registration_status == becomes
    assert Command.objects.count() == is_asked_to_boot
    if is_asked_to_boot:
        assert command is not None
        assert (command.action, command.payload, command.status) == (
            "TriggerMessage",
            {"requestedMessage": "BootNotification"},
            "queued",
        )


# --- data transfer ---


def test_vendors_messages_find_who_knows_them() -> None:
    def ping(message: VendorMessage) -> VendorAnswer:
        if message.content == "bad":
            raise DomainError("x", "no")
        return VendorAnswer("Accepted", {"pong": message.content})

    register_vendor("test.vendor", {"Ping": ping})
    answers = [
        data_transfer_receive(VendorMessage(1, vendor_id, message_id, content))
        for vendor_id, message_id, content in (
            ("test.vendor", "Ping", 7),
            ("test.vendor", "Ping", "bad"),
            ("test.vendor", "Pong", 7),
            ("test.vendor", "", 7),
            ("nobody", "Ping", 7),
        )
    ]

    assert answers[0] == VendorAnswer("Accepted", {"pong": 7})
    assert [answer.status for answer in answers[1:]] == [
        "Rejected",
        "UnknownMessageId",
        "UnknownMessageId",
        "UnknownVendorId",
    ]


# --- bulk ---


def test_a_bulk_order_gives_each_station_its_own_result(
    operator_a: Operator,
) -> None:
    names = connect_all(4)
    old = ChargingStation.objects.get(station_id=names[1])
    connection_open(station_pk=old.pk, channel="old", now=NOW, version=V16)
    ChargingStation.objects.filter(station_id=names[2]).update(connection_state="offline")
    batch = batch_start(
        action="SetMonitoringLevel", payload={"severity": 4}, station_ids=names, reason="quiet"
    )
    before = batch_progress(batch_id=batch.pk)
    assert before is not None
    assert (before.stations, before.waiting, before.is_ended) == (4, 4, False)

    command_batch_run(batch.pk)
    command_batch_run(batch.pk)

    by_station = {command.station.station_id: command for command in batch.commands.all()}
    assert {name: command.status for name, command in by_station.items()} == {
        names[0]: "queued",
        names[1]: "failed",
        names[2]: "failed",
        names[3]: "queued",
    }
    assert "nothing like SetMonitoringLevel" in by_station[names[1]].error
    assert by_station[names[2]].error == "The station is not connected."
    assert {command.reason for command in by_station.values()} == {"quiet"}
    answered(by_station[names[0]], {"status": "Accepted"})
    answered(by_station[names[3]], {"status": "Rejected"}, "rejected")
    after = batch_progress(batch_id=batch.pk)
    assert after is not None
    assert (after.accepted, after.rejected, after.failed, after.ended) == (1, 1, 2, 4)
    assert after.is_ended


def test_a_bulk_order_of_many_is_given_in_slices(operator_a: Operator) -> None:
    connect_all(SLICE + 3)
    batch = batch_start(action="ClearCache", payload={}, station_ids=None)

    assert batch_slice_send(batch_id=batch.pk, now=NOW) == 3
    assert Command.objects.count() == SLICE
    progress = batch_progress(batch_id=batch.pk)
    assert progress is not None
    assert (progress.stations, progress.waiting, progress.queued) == (SLICE + 3, 3, SLICE)
    # A worker died here: the sweep goes on with what waits.
    assert batches_sweep() == 1
    assert batch_slice_send(batch_id=batch.pk, now=NOW) == 0
    assert batch_slice_send(batch_id=batch.pk, now=NOW) == 0
    assert Command.objects.count() == SLICE + 3
    assert Command.objects.values("station").distinct().count() == SLICE + 3
    assert batches_sweep() == 0


def test_several_commands_of_a_station_are_one_result(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=V16)
    values = [intents.variable("Configuration", key, value="1") for key in ("A", "B")]
    batch = batch_start(
        action="SetVariables", payload={"setVariableData": values}, station_ids=[STATION_ID]
    )
    command_batch_run(batch.pk)
    first, second = batch.commands.order_by("pk")

    answered(first, {"status": "Accepted"})
    half = batch_progress(batch_id=batch.pk)
    answered(second, {"status": "NotSupported"}, "rejected")
    whole = batch_progress(batch_id=batch.pk)

    assert half is not None
    assert whole is not None
    assert (half.queued, half.ended) == (1, 0)
    assert (whole.rejected, whole.accepted, whole.ended) == (1, 0, 1)


@pytest.mark.parametrize(
    ("action", "payload", "station_ids", "code"),
    [
        ("Reset", {"type": "Now"}, [STATION_ID], "command.payload_invalid"),
        ("Nonsense", {}, [STATION_ID], "command.action_unknown"),
        ("ClearCache", {}, [STATION_ID, "NOPE"], "chargers.station_unknown"),
        ("ClearCache", {}, [], "command.no_stations"),
    ],
)
def test_a_bulk_order_that_makes_no_sense_is_refused_whole(
    station: ChargingStation,
    action: str,
    payload: dict[str, Any],
    station_ids: list[str],
    code: str,
) -> None:
    with pytest.raises(DomainError) as refused:
        batch_start(action=action, payload=payload, station_ids=station_ids)

    assert refused.value.code == code
    assert CommandBatch.objects.count() == 0


def test_a_password_is_gone_from_a_bulk_order_that_was_given(online: ChargingStation) -> None:
    secret = intents.variable("SecurityCtrlr", "BasicAuthPassword", value="bulk-secret-0000001")
    batch = batch_start(
        action="SetVariables", payload={"setVariableData": [secret]}, station_ids=[STATION_ID]
    )
    command_batch_run(batch.pk)
    answered(batch.commands.get(), {"setVariableResult": []})

    batch.refresh_from_db()
    kept = json.dumps([batch.payload, batch.commands.get().payload])
    assert "bulk-secret-0000001" not in kept


def test_all_stations_are_those_of_ones_own_operator(
    station: ChargingStation, operator_b: Operator
) -> None:
    with operator_context(operator_b.schema_name):
        connect_all(2)
    batch = batch_start(action="ClearCache", payload={}, station_ids=None)
    command_batch_run(batch.pk)

    assert [command.station.station_id for command in batch.commands.all()] == [STATION_ID]
    with operator_context(operator_b.schema_name):
        assert Command.objects.count() == 0


def test_every_step_of_an_order_is_told(
    online: ChargingStation, django_capture_on_commit_callbacks: Any
) -> None:
    steps: list[Any] = []

    def hear(told: CommandChanged) -> None:
        status = Command.objects.get(pk=told.command_id).status
        steps.append((told.schema, told.command_id, status))

    subscribe(CommandChanged, hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            command = intents.reset(station_id=STATION_ID)
        with django_capture_on_commit_callbacks(execute=True):
            command_claim(command_id=command.pk, station_pk=online.pk, now=NOW)
        with django_capture_on_commit_callbacks(execute=True):
            command_finish(command_id=command.pk, status=CommandStatus.ACCEPTED, answer={}, now=NOW)
    finally:
        unsubscribe(CommandChanged, hear)

    assert steps == [
        ("guadeloupe", command.pk, status) for status in ("queued", "sent", "accepted")
    ]
