"""Messages on displays: set, replaced, refused, reported, cleared, ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.chargers.choices import CommandStatus
from apps.chargers.models import ChargingStation, Command, CustomerInformation, DisplayMessage
from apps.chargers.ocpp.v201.displays import customer_report, display_report
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import command_claim, command_finish, connection_open, station_register
from apps.chargers.services.customer_information import customer_ask, customer_report_store
from apps.chargers.services.display_messages import (
    display_message_clear,
    display_message_set,
    display_messages_ask,
    display_messages_end,
    display_report_store,
)
from apps.chargers.services.intents import order_send
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID
from tests.chargers.events import charging_of_five_events
from tests.chargers.server import BOOT, A, B, Csms, at, eventually
from tests.chargers.test_sessions import apply

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def online(station: ChargingStation) -> ChargingStation:
    connection_open(station_pk=station.pk, channel="a", now=utc_now(), version=OcppVersion.V201)
    return station


def answer(command: Command | None, status: str = "Accepted") -> None:
    """The station's answer to an order."""
    assert command is not None
    now = utc_now()
    assert command_claim(command_id=command.pk, station_pk=command.station_id, now=now)
    ended = CommandStatus.ACCEPTED if status == "Accepted" else CommandStatus.REJECTED
    command_finish(command_id=command.pk, status=ended, now=now, answer={"status": status})


def shown(content: str = "Bienvenue", **options: Any) -> DisplayMessage:
    """A message that the station accepted."""
    message = display_message_set(station_id=STATION_ID, content=content, **options)
    answer(message.command)
    message.refresh_from_db()
    return message


def info(message_id: int, text: str = "Bienvenue", **more: Any) -> dict[str, Any]:
    content = {"format": "UTF8", "content": text}
    return {"id": message_id, "priority": "NormalCycle", "message": content, **more}


def report(station: ChargingStation, request_id: int, *infos: dict[str, Any], **more: Any) -> None:
    payload = {"requestId": request_id, "messageInfo": list(infos), **more}
    told = display_report(payload if infos else {"requestId": request_id, **more})
    display_report_store(station_pk=station.pk, report=told, now=utc_now())


def statuses() -> list[tuple[int, str]]:
    rows = DisplayMessage.objects.order_by("pk")
    return [(row.message_id, row.status) for row in rows]


def test_a_message_goes_out_as_the_standard_has_it(online: ChargingStation) -> None:
    message = display_message_set(
        station_id=STATION_ID, content="Fermé", priority="InFront", language="fr",
        state="Charging", start_at=NOON, end_at=NOON + timedelta(hours=1), transaction_id="tx-1",
    )  # fmt: skip

    assert message.command is not None
    assert message.command.payload == {
        "message": {
            "id": 1, "priority": "InFront", "state": "Charging", "transactionId": "tx-1",
            "startDateTime": "2026-03-10T12:00:00Z", "endDateTime": "2026-03-10T13:00:00Z",
            "message": {"format": "UTF8", "content": "Fermé", "language": "fr"},
        }
    }  # fmt: skip
    assert message.status == "requested"
    answer(message.command)
    message.refresh_from_db()
    assert (message.status, message.station_status) == ("shown", "Accepted")


def test_a_message_is_replaced_only_once_the_station_accepts(online: ChargingStation) -> None:
    first, second = shown("one"), shown("two")
    assert (first.message_id, second.message_id) == (1, 2)
    new = display_message_set(station_id=STATION_ID, content="three", message_id=1)
    answer(new.command, "NotSupportedPriority")
    assert statuses() == [(1, "shown"), (2, "shown"), (1, "rejected")]

    shown("four", message_id=1)

    assert statuses() == [(1, "replaced"), (2, "shown"), (1, "rejected"), (1, "shown")]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"content": " "}, "display.empty"),
        ({"start_at": NOON, "end_at": NOON}, "display.ends_before_start"),
        ({"content": "x" * 513}, "command.payload_invalid"),
        ({"format": "QRCODE"}, "command.payload_invalid"),
        ({"station_id": "NOPE"}, "chargers.station_unknown"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    online: ChargingStation, options: dict[str, Any], code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        display_message_set(**{"station_id": STATION_ID, "content": "x", **options})

    assert refused.value.code == code
    assert (DisplayMessage.objects.count(), Command.objects.count()) == (0, 0)


def test_an_absent_station_and_a_1_6_station_show_nothing(online: ChargingStation) -> None:
    station_register(station_id="CS-002", rated_power_kw=22.0)
    assert display_message_set(station_id="CS-002", content="x").status == "failed"
    ChargingStation.objects.update(ocpp_version="1.6")

    with pytest.raises(DomainError) as refused:
        display_message_set(station_id=STATION_ID, content="x")

    assert refused.value.code == "command.not_in_16"


def test_a_plain_order_leaves_its_row_too(online: ChargingStation) -> None:
    (command,) = order_send(
        station_id=STATION_ID, action="SetDisplayMessage", payload={"message": info(7)}
    )
    answer(command)

    assert statuses() == [(7, "shown")]
    (command,) = order_send(station_id=STATION_ID, action="ClearDisplayMessage", payload={"id": 7})
    answer(command)
    assert statuses() == [(7, "cleared")]


@pytest.mark.parametrize(
    ("status", "becomes"), [("Accepted", "cleared"), ("Unknown", "removed"), ("Rejected", "shown")]
)
def test_a_message_is_cleared(online: ChargingStation, status: str, becomes: str) -> None:
    message = shown()
    answer(display_message_clear(display_message_id=message.pk), status)

    assert statuses() == [(1, becomes)]
    if becomes != "shown":
        with pytest.raises(DomainError):
            display_message_clear(display_message_id=message.pk)


def test_a_whole_report_ends_what_the_station_lost(online: ChargingStation) -> None:
    shown("one"), shown("two")
    command = display_messages_ask(station_id=STATION_ID)
    answer(command)
    shown("three")

    report(online, command.pk, info(2, "two, changed"), tbc=True)
    assert statuses() == [(1, "shown"), (2, "shown"), (3, "shown")]
    report(online, command.pk, info(9, "theirs"))
    report(online, command.pk, info(9, "theirs"))

    assert statuses() == [(1, "removed"), (2, "shown"), (3, "shown"), (9, "shown")]
    assert DisplayMessage.objects.get(message_id=2).content == "two, changed"
    assert DisplayMessage.objects.get(message_id=9).source == "station"


def test_a_filtered_or_unasked_report_ends_nothing(online: ChargingStation) -> None:
    shown("one")
    command = display_messages_ask(station_id=STATION_ID, priority="InFront")
    report(online, command.pk)
    report(online, 4711, info(5))
    assert statuses() == [(1, "shown"), (5, "shown")]

    answer(display_messages_ask(station_id=STATION_ID), "Unknown")
    assert statuses() == [(1, "removed"), (5, "removed")]


def test_messages_end_with_their_time_and_their_transaction(online: ChargingStation) -> None:
    now = utc_now()
    for payload in charging_of_five_events():
        apply(online, payload)
    shown("over", end_at=now + timedelta(minutes=1))
    shown("of a session", transaction_id="tx-1")
    shown("of another", transaction_id="tx-2")

    assert display_messages_end(now=now + timedelta(minutes=1)) == 2
    assert statuses() == [(1, "ended"), (2, "ended"), (3, "shown")]


def test_two_operators_displays_and_customers_over_their_sockets(csms: Csms) -> None:
    """O01, O03, N09 over the wire; the same station id and numbers at both operators."""
    one = csms.connect(A, STATION_ID, PASSWORD_A)
    other = csms.connect(B, STATION_ID, PASSWORD_B)
    for each in (one, other):
        each.tell("BootNotification", BOOT)
    at(A, lambda: display_message_set(station_id=STATION_ID, content="Bonjou"))
    _call, message_id, action, asked = one.receive()
    assert (action, asked["message"]["message"]["content"]) == ("SetDisplayMessage", "Bonjou")
    one.send(f'[3,"{message_id}",{{"status":"Accepted"}}]')
    eventually(lambda: at(A, lambda: DisplayMessage.objects.filter(status="shown").first()))

    assert other.tell("NotifyDisplayMessages", {"requestId": 1, "messageInfo": [info(1)]}) == {}
    assert one.call("NotifyDisplayMessages", {"requestId": 1, "messageInfo": [info(-1)]})[2] == (
        "PropertyConstraintViolation"
    )
    assert at(A, lambda: DisplayMessage.objects.get().content) == "Bonjou"
    assert at(B, lambda: DisplayMessage.objects.get().source) == "station"

    row = at(A, lambda: customer_ask(station_id=STATION_ID, reference="customerIdentifier",
                                     customer="C-1"))  # fmt: skip
    _call, message_id, _action, asked = one.receive()
    assert asked == {
        "requestId": row.request_id, "report": True, "clear": False, "customerIdentifier": "C-1",
    }  # fmt: skip
    part = {
        "requestId": row.request_id, "seqNo": 0, "data": "charged twice",
        "generatedAt": "2026-03-10T12:00:00Z",
    }  # fmt: skip
    assert other.tell("NotifyCustomerInformation", part) == {}
    assert one.tell("NotifyCustomerInformation", part) == {}
    one.send(f'[3,"{message_id}",{{"status":"Accepted"}}]')
    assert at(A, lambda: CustomerInformation.objects.get().status) == "done"
    assert at(B, CustomerInformation.objects.count) == 0


def test_a_part_of_an_operators_report_is_nothing_to_another(
    online: ChargingStation, operator_b: Operator
) -> None:
    row = customer_ask(station_id=STATION_ID, reference="idToken", customer="04A2B3C4")
    part = {
        "requestId": row.request_id, "seqNo": 0, "data": "x", "generatedAt": "2026-03-10T12:00:00Z"
    }  # fmt: skip
    with operator_context("martinique"):
        theirs = station_register(station_id=STATION_ID, rated_power_kw=22.0)
        assert not customer_report_store(
            station_pk=theirs.pk, report=customer_report(part), now=utc_now()
        )

    row.refresh_from_db()
    assert (row.parts, row.status) == ("", "asked")
