"""Orders: checked against the station's version, ended once, told to the blocks; bulk orders."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from apps.chargers.choices import CommandStatus, RegistrationStatus
from apps.chargers.events import CommandChanged
from apps.chargers.models import ChargingStation, Command, CommandBatch
from apps.chargers.ocpp import validation
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import (
    command_answers,
    command_claim,
    command_finish,
    command_send,
    commands_sweep,
    connection_open,
    intents,
)
from apps.chargers.services.data_transfers import (
    VendorAnswer,
    VendorMessage,
    data_transfer_receive,
    register_vendor,
)
from apps.chargers.services.provisioning import registration_set
from cariflex.common.errors import DomainError
from cariflex.common.events import subscribe, unsubscribe
from tests.chargers.conftest import STATION_ID

NOW = datetime(2026, 3, 10, 13, tzinfo=UTC)
V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21


@pytest.fixture
def online(station: ChargingStation) -> ChargingStation:
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=V201)
    return station


def answered(command: Command, answer: dict[str, Any], status: str = "accepted") -> bool:
    command_claim(command_id=command.pk, station_pk=command.station_id, now=NOW)
    return command_finish(
        command_id=command.pk, status=CommandStatus(status), answer=answer, now=NOW
    )


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
