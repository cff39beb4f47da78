"""What CitrineOS passes on ends in the same rows as what a socket of ours brings."""

import json
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.chargers.choices import BackEnd, CommandStatus, ConnectorStatus, SessionState
from apps.chargers.csms.citrineos import inbox
from apps.chargers.csms.citrineos.inbox import messages_apply
from apps.chargers.csms.citrineos.messages import MessageUnusable, live_message, stored_message
from apps.chargers.models import (
    ChargingStation,
    CitrineAccount,
    CitrineCursor,
    Command,
    Connector,
    MeterValue,
    RefusedConnection,
    SecurityEvent,
    Session,
    SessionEvent,
    StationMessage,
)
from apps.chargers.services.citrineos import Counts
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.chargers.citrineos.conftest import account_of, station_add
from tests.chargers.citrineos.says import BEGIN, charged, charging, live
from tests.contracts.citrineos_fake import CitrineFake

NOW = BEGIN + timedelta(minutes=6)


def apply(account: CitrineAccount, messages: Any, **words: Any) -> Counts:
    return messages_apply(messages, account_id=account.pk, now=NOW, **words)


def test_a_session_is_the_same_in_any_order_and_with_repetitions(
    account: CitrineAccount, station: ChargingStation
) -> None:
    messages = charged(charging(6)) * 2
    random.Random(7).shuffle(messages)

    counts = [apply(account, messages[:5]), apply(account, messages[5:])]

    session = Session.objects.get()
    assert (session.state, session.events_count) == (SessionState.ENDED, 6)
    # 1,000 Wh at first, 6,000 Wh at last.
    assert session.energy_kwh == Decimal(5)
    assert MeterValue.objects.count() == 6
    total = counts[0] + counts[1]
    assert (total.fresh, total.repeated) == (6, 6)
    cursor = CitrineCursor.objects.get()
    assert (cursor.live_count, cursor.repeated_count) == (6, 6)


def test_digits_of_the_meter_survive(account: CitrineAccount, station: ChargingStation) -> None:
    body = (
        '{"origin":"cs","state":1,"action":"TransactionEvent","protocol":"ocpp2.0.1","context":'
        '{"stationId":"CIT-001","correlationId":"m","tenantId":1,"timestamp":"2026-03-10T12:00:00Z"}'
        ',"payload":{"eventType":"Started","timestamp":"2026-03-10T12:00:00Z","seqNo":0,'
        '"triggerReason":"CablePluggedIn","transactionInfo":{"transactionId":"t"},"meterValue":['
        '{"timestamp":"2026-03-10T12:00:00Z","sampledValue":[{"value":1234567.891}]}]}}'
    )

    apply(account, [live_message(body)])

    assert MeterValue.objects.get().value == Decimal("1234.567891")
    assert '"value":1234567.891' in SessionEvent.objects.get().payload


def test_a_station_boots_and_tells_its_connectors_and_security(
    account: CitrineAccount, station: ChargingStation
) -> None:
    told = [
        live(
            "BootNotification",
            {"reason": "PowerUp", "chargingStation": {"model": "Wall 22", "vendorName": "ACME"}},
        ),
        live(
            "StatusNotification",
            {
                "timestamp": "2026-03-10T12:00:01Z", "connectorStatus": "Occupied", "evseId": 1,
                "connectorId": 1,
            },
            message_id="m-2",
        ),
        live(
            "SecurityEventNotification",
            {"type": "TamperDetectionActivated", "timestamp": "2026-03-10T12:00:02Z"},
            message_id="m-3",
            at=NOW,
        ),
    ]  # fmt: skip

    apply(account, told)

    station.refresh_from_db()
    assert (station.vendor, station.model) == ("ACME", "Wall 22")
    assert (station.is_online, station.ocpp_version) == (True, "2.0.1")
    assert Connector.objects.get().status == ConnectorStatus.OCCUPIED
    assert SecurityEvent.objects.get().type == "TamperDetectionActivated"
    assert StationMessage.objects.count() == 3


def test_a_station_that_boots_is_asked_for_its_model(
    account: CitrineAccount, station: ChargingStation, settings: Any
) -> None:
    settings.OCPP_ASK_MODEL = True
    boot = {"reason": "PowerUp", "chargingStation": {"model": "Wall 22", "vendorName": "ACME"}}

    apply(account, [live("BootNotification", boot, at=NOW)])

    command = Command.objects.get()
    assert (command.action, command.status) == ("GetBaseReport", CommandStatus.QUEUED)


def test_what_waited_in_the_queue_does_not_say_that_a_station_is_there(
    account: CitrineAccount, station: ChargingStation
) -> None:
    apply(account, [live("Heartbeat", {}, at=NOW - timedelta(minutes=5))])

    station.refresh_from_db()
    assert not station.is_online


def test_a_message_id_used_again_is_another_message(
    account: CitrineAccount, station: ChargingStation
) -> None:
    first, second = (
        live(
            "StatusNotification",
            {"timestamp": at, "connectorStatus": status, "evseId": 1, "connectorId": 1},
            message_id="1",
            at=BEGIN + timedelta(seconds=number),
        )
        for number, (at, status) in enumerate(
            [("2026-03-10T12:00:00Z", "Occupied"), ("2026-03-10T12:00:01Z", "Available")]
        )
    )

    counts = apply(account, [first, second, first])

    assert counts == Counts(fresh=2, repeated=1)
    assert Connector.objects.get().status == ConnectorStatus.AVAILABLE


def test_what_breaks_the_schema_is_kept_with_its_error_and_spoils_nothing(
    account: CitrineAccount, station: ChargingStation
) -> None:
    wrong = live("TransactionEvent", {"eventType": "Started"}, message_id="bad")
    unknown = live("MakeCoffee", {}, message_id="coffee")

    counts = apply(account, [wrong, unknown, *charged(charging(2))])

    assert (counts.fresh, counts.unusable) == (2, 2)
    assert Session.objects.get().state == SessionState.ENDED
    errors = StationMessage.objects.exclude(error="").values_list("action", "error")
    assert {action: error.split(":")[0] for action, error in errors} == {
        "TransactionEvent": "OccurrenceConstraintViolation",
        "MakeCoffee": "NotImplemented",
    }


def test_a_fault_of_ours_holds_nothing_else_up(
    account: CitrineAccount, station: ChargingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = inbox.mapping.transaction_event

    def faulty(payload: Any) -> Any:
        if payload["seqNo"] == 1:
            raise ZeroDivisionError("ours")
        return real(payload)

    monkeypatch.setattr(inbox.mapping, "transaction_event", faulty)

    counts = apply(account, charged(charging(3)))

    assert (counts.fresh, counts.unusable) == (2, 1)
    assert sorted(SessionEvent.objects.values_list("seq_no", flat=True)) == [0, 2]
    assert StationMessage.objects.get(error__contains="ours").action == "TransactionEvent"
    assert CitrineCursor.objects.get().unusable_count == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_station_that_is_not_its_is_counted_and_changes_nothing(
    account: CitrineAccount, known: bool
) -> None:
    if known:
        station = station_add()
        ChargingStation.objects.filter(pk=station.pk).update(csms=BackEnd.NATIVE)

    counts = apply(account, charged(charging(2)))

    assert (counts.fresh, counts.unusable) == (0, 2)
    assert not Session.objects.exists()
    refused = RefusedConnection.objects.get()
    assert (refused.station_id, refused.count) == ("CIT-001", 2)


def test_two_operators_have_the_same_station_and_transaction_apart(
    fake: CitrineFake, operator_a: Operator, operator_b: Operator
) -> None:
    for schema_name, step_wh in (("guadeloupe", 1000), ("martinique", 2000)):
        with operator_context(schema_name):
            account = account_of(fake)
            station_add()
            apply(account, charged(charging(2, step_wh=step_wh)))

    for schema_name, energy_kwh in (("guadeloupe", 1), ("martinique", 2)):
        with operator_context(schema_name):
            assert Session.objects.get().energy_kwh == Decimal(energy_kwh)


def test_a_transaction_of_1_6_is_found_by_the_number_that_citrineos_gave(
    account: CitrineAccount, station: ChargingStation
) -> None:
    def told(action: str, payload: dict[str, Any], minute: int, **words: Any) -> Any:
        at = BEGIN + timedelta(minutes=minute)
        message_id = words.pop("message_id", f"m-{minute}")
        return live(action, payload, message_id=message_id, at=at, protocol="ocpp1.6", **words)

    start = {
        "connectorId": 1, "idTag": "04A2B3C4", "meterStart": 1000,
        "timestamp": "2026-03-10T12:00:00Z",
    }  # fmt: skip
    stop = {"transactionId": 77, "meterStop": 4000, "timestamp": "2026-03-10T12:05:00Z"}
    stranger = {"transactionId": 78, "meterStop": 9000, "timestamp": "2026-03-10T12:04:00Z"}

    apply(account, [told("StartTransaction", start, 0)])
    answer = {"transactionId": 77, "idTagInfo": {"status": "Accepted"}}
    apply(
        account,
        [told("StartTransaction", answer, 0, message_id="m-0", origin="csms", state=2)],
    )
    meter_value = {
        "connectorId": 1, "transactionId": 77,
        "meterValue": [
            {"timestamp": "2026-03-10T12:02:00Z", "sampledValue": [{"value": "2500"}]}
        ],
    }  # fmt: skip
    apply(account, [told("MeterValues", meter_value, 2), told("StopTransaction", stop, 5)])
    apply(account, [told("StopTransaction", stranger, 6)])

    session = Session.objects.get()
    assert (session.state, session.energy_kwh) == (SessionState.ENDED, Decimal(3))
    assert session.events_count == 3


GOOD = {
    "id": 1, "stationId": "CIT-001", "tenantId": 1, "correlationId": "m", "origin": "cs",
    "protocol": "ocpp2.0.1", "action": "Heartbeat", "message": [2, "m", "Heartbeat", {}],
    "timestamp": "2026-03-10T12:00:00.123+00:00",
}  # fmt: skip


def test_both_forms_of_a_message_are_one() -> None:
    on_the_bus = live("Heartbeat", {}, message_id="m", at=BEGIN + timedelta(milliseconds=123))

    assert stored_message(GOOD) == on_the_bus


@pytest.mark.parametrize(
    "change",
    [
        {"message": [3, "m"]},
        {"message": [4, "m", "InternalError", "", {}]},
        {"message": "no JSON"},
        {"protocol": "ocpp9"},
        {"timestamp": None},
        {"timestamp": "yesterday"},
        {"stationId": ""},
        {"tenantId": None},
        {"message": [2, "m", "Heartbeat", []]},
    ],
)
def test_a_row_that_is_no_message_is_unusable(change: dict[str, Any]) -> None:
    with pytest.raises(MessageUnusable):
        stored_message(GOOD | change)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_of_the_bus_breaks_the_reader(body: bytes) -> None:
    with pytest.raises(MessageUnusable):
        live_message(body)
