"""What stations tell on real sockets, in raw frames of a library that is not ours."""

from decimal import Decimal
from typing import Any

import pytest

from apps.chargers.choices import RegistrationStatus
from apps.chargers.models import (
    ChargingStation,
    Connector,
    IdToken,
    Session,
    StationMessage,
)
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID, TOKEN
from tests.chargers.events import charging_of_five_events, event, meter
from tests.chargers.server import BOOT, A, B, Csms, Station, at, eventually


@pytest.fixture
def station(csms: Csms) -> Station:
    """CS-001 of Guadeloupe, connected and booted."""
    station = csms.connect(A, STATION_ID, PASSWORD_A)
    assert station.tell("BootNotification", BOOT)["status"] == "Accepted"
    return station


def the_station(schema_name: str) -> ChargingStation:
    return at(schema_name, lambda: ChargingStation.objects.get(station_id=STATION_ID))


def test_a_boot_describes_the_station(station: Station) -> None:
    row = the_station(A)

    assert (row.vendor, row.model, row.connection_state) == ("ACME", "Wall 22", "online")
    assert row.booted_at is not None


@pytest.mark.parametrize("status", [RegistrationStatus.PENDING, RegistrationStatus.REJECTED])
def test_a_station_that_is_not_accepted_may_only_boot(csms: Csms, status: str) -> None:
    at(A, lambda: ChargingStation.objects.update(registration_status=status))
    station = csms.connect(A, STATION_ID, PASSWORD_A)

    assert station.tell("BootNotification", BOOT)["status"] == status
    assert station.call("Heartbeat", {})[2] == "SecurityError"
    payload = event(0, "Started", "2026-03-10T12:00:00Z")
    assert station.call("TransactionEvent", payload)[2] == "SecurityError"
    assert at(A, Session.objects.count) == 0


def test_connectors_follow_their_reports_and_ignore_older_ones(station: Station) -> None:
    def report(status: str, minute: int) -> None:
        station.tell(
            "StatusNotification",
            {
                "timestamp": f"2026-03-10T12:{minute:02}:00Z",
                "connectorStatus": status,
                "evseId": 1,
                "connectorId": 1,
            },
        )

    report("Occupied", 5)
    report("Available", 4)

    assert at(A, lambda: Connector.objects.get().status) == "Occupied"


def test_a_token_is_known_at_its_own_operator(station: Station) -> None:
    at(A, lambda: IdToken.objects.create(id_token="BLOCKED1", status="Blocked"))
    at(B, lambda: IdToken.objects.create(id_token="ONLYTHERE"))

    def ask(id_token: str, token_type: str = "ISO14443") -> str:
        answer = station.tell("Authorize", {"idToken": {"idToken": id_token, "type": token_type}})
        return str(answer["idTokenInfo"]["status"])

    assert ask(TOKEN) == "Accepted"
    assert ask(TOKEN.lower()) == "Accepted"
    assert ask("BLOCKED1") == "Blocked"
    assert ask("ONLYTHERE") == "Unknown"
    assert ask("", "NoAuthorization") == "Accepted"


def test_a_charging_hour_over_the_socket(station: Station) -> None:
    answers = [station.tell("TransactionEvent", payload) for payload in charging_of_five_events()]

    assert answers[0] == {}
    assert answers[1] == {"idTokenInfo": {"status": "Accepted"}}
    assert answers[4] == {"idTokenInfo": {"status": "Unknown"}}
    session = at(A, lambda: Session.objects.get())
    assert (session.state, session.energy_kwh) == ("ended", Decimal("9.00055"))
    assert at(B, Session.objects.count) == 0


def test_the_same_station_card_and_transaction_live_apart_at_two_operators(csms: Csms) -> None:
    ours, theirs = (
        csms.connect(A, STATION_ID, PASSWORD_A), csms.connect(B, STATION_ID, PASSWORD_B),
    )  # fmt: skip
    when = "2026-03-10T12:00:00Z"
    for station, register in ((ours, "1000"), (theirs, "5000")):
        station.tell("BootNotification", BOOT)
        station.tell(
            "TransactionEvent",
            event(0, "Started", when, id_token=TOKEN, evse_id=1,
                  meter_values=[meter(when, register_wh=register)]),
        )  # fmt: skip
    ours.tell("TransactionEvent", event(1, "Ended", when))

    assert at(A, lambda: Session.objects.get().state) == "ended"
    assert at(B, lambda: Session.objects.get().state) == "active"
    assert at(A, lambda: Session.objects.get().start_meter_kwh) == 1
    assert at(B, lambda: Session.objects.get().start_meter_kwh) == 5
    assert at(B, lambda: Session.objects.get().station.connection_state) == "online"


def test_a_burst_without_waiting_is_answered_in_order(station: Station) -> None:
    for number in range(30):
        station.send(f'[2,"b{number}","Heartbeat",{{}}]')

    assert [station.receive()[1] for _ in range(30)] == [f"b{number}" for number in range(30)]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("SecurityEventNotification", {"type": "Reboot", "timestamp": "2026-03-10T12:00:00Z"}),
        ("LogStatusNotification", {"status": "Idle"}),
        ("FirmwareStatusNotification", {"status": "Idle"}),
        ("NotifyReport", {"requestId": 1, "generatedAt": "2026-03-10T12:00:00Z", "seqNo": 0}),
        (
            "NotifyEvent",
            {
                "generatedAt": "2026-03-10T12:00:00Z",
                "seqNo": 0,
                "eventData": [
                    {
                        "eventId": 1,
                        "timestamp": "2026-03-10T12:00:00Z",
                        "trigger": "Alerting",
                        "actualValue": "1",
                        "eventNotificationType": "HardWiredNotification",
                        "component": {"name": "EVSE"},
                        "variable": {"name": "Problem"},
                    }
                ],
            },
        ),
    ],
)
def test_notices_are_acknowledged_and_kept(
    station: Station, action: str, payload: dict[str, Any]
) -> None:
    assert station.tell(action, payload) == {}

    eventually(lambda: at(A, lambda: StationMessage.objects.filter(action=action).count()) == 2)


# --- bad input ---


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("hello", ["-1", "RpcFrameworkError"]),
        ('{"a":1}', ["-1", "RpcFrameworkError"]),
        (b"\x00\xff", ["-1", "RpcFrameworkError"]),
        ('[2,"7","MeterValues",{"v":NaN}]', ["-1", "RpcFrameworkError"]),
        ('[9,"7","Heartbeat",{}]', ["7", "MessageTypeNotSupported"]),
        ('[2,"7","Heartbeat",[]]', ["7", "FormatViolation"]),
        ('[2,"7","Heartbeat",{"x":1}]', ["7", "FormatViolation"]),
        ('[2,"7","BootNotification",{"reason":"PowerUp"}]', ["7", "OccurrenceConstraintViolation"]),
        ('[2,"7","Authorize",{"idToken":{"idToken":5,"type":"Local"}}]',
         ["7", "TypeConstraintViolation"]),
        ('[2,"7","Dance",{}]', ["7", "NotImplemented"]),
        ('[2,"7","Reset",{"type":"Immediate"}]', ["7", "NotSupported"]),
        ('[2,"7","StatusNotification",{"timestamp":"soon","connectorStatus":"Available",'
         '"evseId":1,"connectorId":1}]', ["7", "FormatViolation"]),
    ],
)  # fmt: skip
def test_a_bad_frame_is_answered_kept_and_the_socket_goes_on(
    station: Station, sent: str | bytes, answer: list[str]
) -> None:
    station.send(sent)

    refused = station.receive()
    assert refused[0] == 4
    assert refused[1:3] == answer
    assert station.tell("Heartbeat", {})["currentTime"]
    kept = eventually(
        lambda: at(
            A, lambda: StationMessage.objects.filter(direction="in").exclude(error="").first()
        )
    )
    assert kept.error.startswith(answer[1])
    assert kept.message_id == answer[0]


def test_answers_that_nobody_waits_for_are_ignored(station: Station) -> None:
    for text in ('[3,"x",{}]', '[4,"x","GenericError","",{}]', '[3,"x"]', "[4]"):
        station.send(text)

    assert station.tell("Heartbeat", {})["currentTime"]


def test_every_frame_is_kept_with_its_text(station: Station) -> None:
    station.tell("TransactionEvent", charging_of_five_events()[2])

    def kept() -> list[tuple[Any, ...]]:
        messages = StationMessage.objects.filter(action="TransactionEvent")
        return list(
            messages.order_by("received_at").values_list("direction", "message_type", "payload")
        )

    eventually(lambda: len(at(A, kept)) == 2)
    (way_in, call, sent), (way_out, result, answered) = at(A, kept)
    assert (way_in, call, way_out, result) == ("in", 2, "out", 3)
    assert '"value":4000.5' in sent
    assert answered == '[3,"m2",{}]'
    assert at(B, StationMessage.objects.count) == 0
