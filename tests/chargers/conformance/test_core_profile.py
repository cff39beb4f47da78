"""The use cases of the Core certification profile, group by group, on two independent stations.

One is written straight from the schemas (conformance.client), the other is an npm client with
schemas of its own; its list of faults must stay empty.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from apps.chargers.models import ChargingStation, Command, Connector, MeterValue, Session
from apps.chargers.ocpp import validation
from apps.chargers.services import intents
from tests.chargers.conformance.client import V21, V201, Checking
from tests.chargers.conftest import PASSWORD_A, STATION_ID, TOKEN
from tests.chargers.events import charging_of_five_events, event, meter
from tests.chargers.server import BOOT, A, B, Csms, at, eventually
from tests.contracts.npm_station import npm_station

NOON = "2026-03-10T12:00:00Z"


def triggers(version: Any) -> list[str]:
    schema = validation.schema(version, "TransactionEvent", is_request=True)
    return list(schema["definitions"]["TriggerReasonEnumType"]["enum"])


def stop_reasons(version: Any) -> list[str]:
    schema = validation.schema(version, "TransactionEvent", is_request=True)
    return list(schema["definitions"]["ReasonEnumType"]["enum"])


# --- B, G: boot and status ---


@pytest.mark.parametrize("version", [V21, V201], ids=str)
def test_boot_heartbeat_and_every_connector_status(csms: Csms, version: Any) -> None:
    station = Checking(csms, version).boot()
    station.heartbeat()

    statuses = ("Available", "Occupied", "Reserved", "Unavailable", "Faulted")
    for minute, status in enumerate(statuses):
        told = {
            "timestamp": f"2026-03-10T12:{minute:02}:00Z", "connectorStatus": status, "evseId": 1,
            "connectorId": 1,
        }  # fmt: skip
        assert station.tell("StatusNotification", told) == {}
        assert at(A, lambda: Connector.objects.get().status) == status
    assert at(A, lambda: ChargingStation.objects.get().model) == "Wall 22"
    assert at(B, lambda: Connector.objects.get().status) == "Unknown"


# --- C: authorization ---


@pytest.mark.parametrize("version", [V21, V201], ids=str)
def test_tokens_that_may_and_may_not(csms: Csms, version: Any) -> None:
    station = Checking(csms, version).boot()

    def status(id_token: str, kind: str) -> str:
        token = {"idToken": id_token, "type": kind}
        return str(station.tell("Authorize", {"idToken": token})["idTokenInfo"]["status"])

    assert status(TOKEN, "ISO14443") == "Accepted"
    assert status("00000000", "ISO14443") == "Unknown"


# --- E: transactions ---


@pytest.mark.parametrize("version", [V21, V201], ids=str)
def test_every_trigger_reason_and_the_whole_hour(csms: Csms, version: Any) -> None:
    station = Checking(csms, version).boot()
    station.tell("TransactionEvent", event(0, "Started", NOON, trigger="CablePluggedIn"))
    reasons = triggers(version)

    for number, trigger in enumerate(reasons, 1):
        station.tell("TransactionEvent", event(number, "Updated", NOON, trigger=trigger))
    last = len(reasons) + 1
    station.tell("TransactionEvent", event(last, "Ended", NOON, trigger="EVDeparted"))

    session = at(A, lambda: Session.objects.get())
    assert (session.state, session.events_count) == ("ended", last + 1)
    assert session.has_all_events
    assert len(reasons) >= 21


@pytest.mark.parametrize("version", [V21, V201], ids=str)
def test_every_reason_to_stop(csms: Csms, version: Any) -> None:
    station = Checking(csms, version).boot()
    reasons = stop_reasons(version)

    for number, reason in enumerate(reasons):
        ended = event(0, "Ended", NOON, trigger="StopAuthorized", transaction_id=f"tx-{number}",
                      stoppedReason=reason)  # fmt: skip
        station.tell("TransactionEvent", ended)

    told = at(
        A, lambda: list(Session.objects.order_by("pk").values_list("stopped_reason", flat=True))
    )
    assert told == reasons


def test_the_longest_token_and_measurand_of_21_cost_no_event(station_21: Checking) -> None:
    measurands = validation.schema(V21, "TransactionEvent", is_request=True)["definitions"][
        "MeasurandEnumType"
    ]["enum"]
    values = [{"value": 1, "measurand": measurand} for measurand in measurands]
    payload = {
        **event(0, "Ended", NOON, trigger="StopAuthorized", stoppedReason="Local"),
        "meterValue": [{"timestamp": NOON, "sampledValue": values}],
        "idToken": {"idToken": "x" * 255, "type": "x" * 20},
    }

    answer = station_21.tell("TransactionEvent", payload)

    assert answer["idTokenInfo"]["status"] != "Accepted"
    session = at(A, lambda: Session.objects.get())
    assert session.state == "ended"
    assert at(A, lambda: MeterValue.objects.count()) == len(measurands)


def test_a_transaction_that_was_stored_while_offline(csms: Csms) -> None:
    """E04, E08: the events come after the connection, in the order in which they were stored."""
    first = Checking(csms, V201).boot()
    events = charging_of_five_events()
    first.tell("TransactionEvent", events[0])
    first.station.close()

    station = Checking(csms, V201)
    for number, payload in enumerate(events[1:]):
        station.send(
            f'[2,"o{number}","TransactionEvent",{json.dumps({**payload, "offline": True})}]'
        )
    answers = [station.frame() for _ in events[1:]]

    assert [answer[:2] for answer in answers] == [[3, f"o{number}"] for number in range(4)]
    session = at(A, lambda: Session.objects.select_related("station").get())
    assert (session.state, session.energy_kwh) == ("ended", Decimal("9.00055"))
    assert session.doubts == ()


# --- F, B, G: what we ask ---


def _ask(csms_order: Callable[[], Any]) -> Command:
    made = at(A, csms_order)
    command = made[0] if isinstance(made, tuple) else made
    assert isinstance(command, Command)
    return command


ASKED: list[tuple[str, Callable[[], Any], dict[str, Any], dict[str, Any]]] = [
    (
        "RequestStartTransaction",
        lambda: intents.start(station_id=STATION_ID, id_token="APP-1", evse_id=1),
        {"evseId": 1, "idToken": {"idToken": "APP-1", "type": "Central"}},
        {"status": "Accepted"},
    ),
    ("Reset", lambda: intents.reset(station_id=STATION_ID), {"type": "OnIdle"},
     {"status": "Scheduled"}),
    ("Reset", lambda: intents.reset(station_id=STATION_ID, immediately=True, evse_id=1),
     {"type": "Immediate", "evseId": 1}, {"status": "Accepted"}),
    ("UnlockConnector", lambda: intents.unlock(station_id=STATION_ID, evse_id=1),
     {"evseId": 1, "connectorId": 1}, {"status": "Unlocked"}),
    ("ChangeAvailability",
     lambda: intents.availability_change(station_id=STATION_ID, is_operative=False, evse_id=1),
     {"operationalStatus": "Inoperative", "evse": {"id": 1}}, {"status": "Scheduled"}),
    ("TriggerMessage",
     lambda: intents.trigger(station_id=STATION_ID, message="StatusNotification"),
     {"requestedMessage": "StatusNotification"}, {"status": "Accepted"}),
    ("ClearCache", lambda: intents.cache_clear(station_id=STATION_ID), {}, {"status": "Accepted"}),
    (
        "GetVariables",
        lambda: intents.variables_get(
            station_id=STATION_ID,
            variables=[intents.variable("OCPPCommCtrlr", "HeartbeatInterval")],
        ),
        {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"},
                              "variable": {"name": "HeartbeatInterval"}}]},
        {"getVariableResult": [{"attributeStatus": "Accepted", "attributeValue": "30",
                                "component": {"name": "OCPPCommCtrlr"},
                                "variable": {"name": "HeartbeatInterval"}}]},
    ),
    (
        "SetVariables",
        lambda: intents.variables_set(
            station_id=STATION_ID,
            values=[intents.variable("OCPPCommCtrlr", "HeartbeatInterval", value="60")],
        ),
        {"setVariableData": [{"component": {"name": "OCPPCommCtrlr"},
                              "variable": {"name": "HeartbeatInterval"},
                              "attributeValue": "60"}]},
        {"setVariableResult": [{"attributeStatus": "Accepted",
                                "component": {"name": "OCPPCommCtrlr"},
                                "variable": {"name": "HeartbeatInterval"}}]},
    ),
]  # fmt: skip


@pytest.mark.parametrize("version", [V21, V201], ids=str)
def test_what_we_ask_is_right_by_the_schemas_and_its_answer_ends_it(
    csms: Csms, version: Any
) -> None:
    station = Checking(csms, version).boot()
    _skip_reports(station)

    for action, order, wanted, answer in ASKED:
        command = _ask(order)
        message_id, payload = station.asked(action)
        payload.pop("remoteStartId", None)
        assert payload == wanted
        station.answer(message_id, answer)
        ended = eventually(
            lambda pk=command.pk: at(  # type: ignore[misc]
                A, lambda: Command.objects.filter(pk=pk, answered_at__isnull=False).first()
            )
        )
        assert ended.status == "accepted", action
    assert at(B, Command.objects.count) == 0


def _skip_reports(station: Checking) -> None:
    """An unknown station may be asked for its device model after its boot: it has none."""
    while at(A, lambda: Command.objects.filter(answered_at__isnull=True).exists()):
        kind, message_id, action, _payload = station.frame()
        assert (kind, action) == (2, "GetBaseReport")
        station.answer(message_id, {"status": "NotSupported"})
        eventually(
            lambda: not at(A, lambda: Command.objects.filter(answered_at__isnull=True).exists())
        )


def test_a_remote_start_becomes_a_session_and_is_stopped(csms: Csms) -> None:
    station = Checking(csms, V201).boot()
    _skip_reports(station)
    _ask(lambda: intents.start(station_id=STATION_ID, id_token=TOKEN, evse_id=1))
    message_id, asked = station.asked("RequestStartTransaction")
    station.answer(message_id, {"status": "Accepted"})

    started = event(0, "Started", NOON, trigger="RemoteStart", evse_id=1, id_token=TOKEN,
                    remoteStartId=asked["remoteStartId"],
                    meter_values=[meter(NOON, register_wh="1000")])  # fmt: skip
    assert station.tell("TransactionEvent", started)["idTokenInfo"]["status"] == "Accepted"
    session = at(A, lambda: Session.objects.get())
    _ask(lambda: intents.stop(session_id=session.pk))
    message_id, asked = station.asked("RequestStopTransaction")
    assert asked == {"transactionId": "tx-1"}
    station.answer(message_id, {"status": "Accepted"})
    station.tell("TransactionEvent", event(1, "Ended", NOON, trigger="RemoteStop"))

    assert at(A, lambda: Session.objects.get().state) == "ended"


def test_an_independent_station_does_the_same(csms: Csms) -> None:
    answers = {action: answer for action, _order, _wanted, answer in ASKED}
    answers["Reset"] = {"status": "Accepted"}
    answers["GetBaseReport"] = {"status": "NotSupported"}
    endpoint = csms.address(A, "").rstrip("/")
    with npm_station(
        endpoint, STATION_ID, PASSWORD_A, protocols=["ocpp2.0.1"], answers=answers
    ) as station:
        assert station.call("BootNotification", BOOT)["status"] == "Accepted"
        for payload in charging_of_five_events():
            station.call("TransactionEvent", payload)
        for action, order, _wanted, _answer in ASKED:
            command = _ask(order)
            while station.called()[0] != action:
                pass
            ended = eventually(
                lambda pk=command.pk: at(  # type: ignore[misc]
                    A, lambda: Command.objects.filter(pk=pk, answered_at__isnull=False).first()
                )
            )
            assert ended.status == "accepted", action

    assert station.faults == []
    assert at(A, lambda: Session.objects.get().energy_kwh) == Decimal("9.00055")
