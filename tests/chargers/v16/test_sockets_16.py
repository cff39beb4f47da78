"""1.6 stations on real sockets, in raw frames."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from apps.chargers.choices import AuthorizationStatus, CommandStatus, RegistrationStatus
from apps.chargers.csms.native.handlers.v16 import id_tag_info
from apps.chargers.csms.native.registry import actions_served
from apps.chargers.models import (
    ChargingStation,
    Command,
    Connector,
    IdToken,
    MeterValue,
    SecurityEvent,
    Session,
    StationEvent,
    StationMessage,
)
from apps.chargers.ocpp.actions import to_stations
from apps.chargers.ocpp.validation import actions
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.ports import TokenDecision
from apps.chargers.services import command_send
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID, TOKEN
from tests.chargers.server import A, B, Csms, Station, at, eventually
from tests.chargers.v16.messages import BOOT_16, four_values, sampled, start, stop, values

V16 = ["ocpp1.6"]


def connect_16(csms: Csms, operator: str = A, password: str = PASSWORD_A) -> Station:
    return csms.connect(operator, STATION_ID, password, subprotocols=V16)


@pytest.fixture
def station(csms: Csms) -> Station:
    """CS-001 of Guadeloupe, a 1.6 station, booted."""
    station = connect_16(csms)
    assert station.socket.subprotocol == "ocpp1.6"
    answer = station.tell("BootNotification", BOOT_16)
    assert answer["status"] == "Accepted"
    assert answer["interval"] > 0
    assert answer["currentTime"].endswith("Z")
    return station


def test_a_boot_describes_the_station_and_its_version(station: Station) -> None:
    row = at(A, lambda: ChargingStation.objects.get(station_id=STATION_ID))

    assert (row.vendor, row.model, row.connection_state) == ("ACME", "Wall 16", "online")
    assert row.ocpp_version == "1.6"


def test_a_newer_version_is_taken_when_it_is_offered_too(csms: Csms) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A, subprotocols=["ocpp1.6", "ocpp2.0.1"])

    assert station.socket.subprotocol == "ocpp2.0.1"


@pytest.mark.parametrize("status", [RegistrationStatus.PENDING, RegistrationStatus.REJECTED])
def test_a_station_that_is_not_accepted_may_only_boot(csms: Csms, status: str) -> None:
    at(A, lambda: ChargingStation.objects.update(registration_status=status))
    station = connect_16(csms)

    assert station.tell("BootNotification", BOOT_16)["status"] == status
    assert station.call("Heartbeat", {})[2] == "SecurityError"
    assert station.call("StartTransaction", start())[2] == "SecurityError"
    assert at(A, Session.objects.count) == 0


def test_tags_are_answered_in_the_words_of_1_6(station: Station) -> None:
    at(A, lambda: IdToken.objects.create(id_token="BLOCKED1", status="Blocked"))
    at(A, lambda: IdToken.objects.create(id_token="OLD", expires_at="2020-01-01T00:00:00Z"))
    at(A, lambda: IdToken.objects.create(id_token="LONG", expires_at="2099-01-01T00:00:00.25Z"))
    at(B, lambda: IdToken.objects.create(id_token="ONLYTHERE"))

    def ask(tag: str) -> Any:
        return station.tell("Authorize", {"idTag": tag})["idTagInfo"]

    assert ask(TOKEN) == {"status": "Accepted"}
    assert ask(TOKEN.lower()) == {"status": "Accepted"}
    assert ask("BLOCKED1")["status"] == "Blocked"
    assert ask("OLD")["status"] == "Expired"
    assert ask("LONG") == {"status": "Accepted", "expiryDate": "2099-01-01T00:00:00.250Z"}
    assert ask("ONLYTHERE") == {"status": "Invalid"}


@pytest.mark.parametrize("status", list(AuthorizationStatus))
def test_every_decision_has_its_words_at_a_start_and_elsewhere(status: str) -> None:
    decision = TokenDecision(AuthorizationStatus(status))

    at_start = id_tag_info(decision, is_start=True)["status"]
    elsewhere = id_tag_info(decision)["status"]

    assert (at_start == "Accepted") == (status == "Accepted")
    assert elsewhere == ("Accepted" if status == "ConcurrentTx" else at_start)


def test_a_charging_hour_over_the_socket(station: Station) -> None:
    answer = station.tell("StartTransaction", start())
    number = answer["transactionId"]
    assert answer["idTagInfo"] == {"status": "Accepted"}
    for payload in four_values(number):
        assert station.tell("MeterValues", payload) == {}
    # The answer to the start was lost in between: it is the same transaction.
    assert station.tell("StartTransaction", start())["transactionId"] == number
    assert station.tell("StopTransaction", stop(number, idTag="STRANGER")) == {
        "idTagInfo": {"status": "Invalid"}
    }
    assert station.tell("StopTransaction", stop(number)) == {}

    session = at(A, lambda: Session.objects.get())
    assert (session.pk, session.state, session.energy_kwh) == (number, "ended", Decimal(9))
    assert at(A, lambda: MeterValue.objects.count()) == 1 + 2 + 2 + 2 + 2 + 1
    assert at(B, Session.objects.count) == 0


def test_the_same_station_card_and_number_live_apart_at_two_operators(csms: Csms) -> None:
    ours, theirs = connect_16(csms), connect_16(csms, B, PASSWORD_B)
    numbers = []
    for station, register in ((ours, 1000), (theirs, 5000)):
        station.tell("BootNotification", BOOT_16)
        numbers.append(station.tell("StartTransaction", start(meter_wh=register))["transactionId"])
    assert numbers[0] == numbers[1]

    ours.tell("StopTransaction", stop(numbers[0]))

    assert at(A, lambda: Session.objects.get().state) == "ended"
    assert at(B, lambda: Session.objects.get().state) == "active"
    assert at(A, lambda: Session.objects.get().start_meter_kwh) == 1
    assert at(B, lambda: Session.objects.get().start_meter_kwh) == 5


def status(word: str, minute: int, *, connector: int = 1, **fields: str) -> dict[str, Any]:
    return {
        "connectorId": connector, "status": word, "errorCode": "NoError",
        "timestamp": f"2026-03-10T12:{minute:02}:00Z", **fields,
    }  # fmt: skip


def test_connectors_follow_their_reports_and_ignore_older_ones(station: Station) -> None:
    station.tell("StatusNotification", status("Preparing", 5))
    station.tell("StatusNotification", status("Available", 4))
    station.tell("StatusNotification", status("Available", 6, connector=2))
    station.tell(
        "StatusNotification", {"connectorId": 3, "status": "Faulted", "errorCode": "NoError"}
    )
    station.tell("StatusNotification", status("Available", 7, connector=0))

    known = at(
        A,
        lambda: list(
            Connector.objects.order_by("evse__evse_id").values_list(
                "evse__evse_id", "connector_id", "status"
            )
        ),
    )
    assert known == [(1, 1, "Occupied"), (2, 1, "Available"), (3, 1, "Faulted")]


def test_values_without_a_transaction_are_the_connectors(station: Station) -> None:
    station.tell("MeterValues", values(None, "2026-03-10T12:00:00Z", sampled("5"), connector=0))
    station.tell("MeterValues", values(-1, "2026-03-10T12:00:00Z", sampled("6"), connector=2))
    station.tell("MeterValues", values(999, "2026-03-10T12:01:00Z", sampled("7"), connector=2))

    kept = at(
        A,
        lambda: list(
            MeterValue.objects.order_by("value").values_list("session", "evse_number", "value")
        ),
    )
    assert kept == [(None, 0, Decimal("0.005")), (None, 2, Decimal("0.006")),
                    (None, 2, Decimal("0.007"))]  # fmt: skip
    assert at(A, Session.objects.count) == 0


def test_a_stop_of_an_unknown_number_is_answered_and_kept(station: Station) -> None:
    assert station.tell("StopTransaction", stop(4711, idTag=TOKEN)) == {
        "idTagInfo": {"status": "Accepted"}
    }

    assert at(A, Session.objects.count) == 0
    kept = at(A, lambda: StationEvent.objects.get())
    assert (kept.tech_code, kept.value, kept.tech_text) == (
        "UnknownTransaction", "4711", "StopTransaction",
    )  # fmt: skip
    eventually(
        lambda: at(
            A,
            lambda: StationMessage.objects.filter(
                action="StopTransaction", payload__contains="4711"
            ).exists(),
        )
    )


def test_security_events_are_kept_once_at_their_own_operator(station: Station) -> None:
    told = {"type": "TamperDetectionActivated", "timestamp": "2026-03-10T12:00:00Z",
            "techInfo": "door"}  # fmt: skip
    for _ in range(2):
        assert station.tell("SecurityEventNotification", told) == {}

    kept = at(A, lambda: SecurityEvent.objects.get())
    assert (kept.type, kept.tech_info, kept.is_critical) == (
        "TamperDetectionActivated", "door", True,
    )  # fmt: skip
    assert at(B, SecurityEvent.objects.count) == 0


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("DiagnosticsStatusNotification", {"status": "Uploaded"}),
        ("FirmwareStatusNotification", {"status": "Installed"}),
        ("LogStatusNotification", {"status": "Uploading", "requestId": 7}),
        ("SignedFirmwareStatusNotification", {"status": "SignatureVerified", "requestId": 7}),
        ("DataTransfer", {"vendorId": "Nobody"}),
    ],
)
def test_every_other_message_is_answered(
    station: Station, action: str, payload: dict[str, Any]
) -> None:
    answer = station.tell(action, payload)

    assert answer == ({"status": "UnknownVendorId"} if action == "DataTransfer" else {})


def test_every_message_that_a_station_sends_is_served() -> None:
    from_stations = actions(OcppVersion.V16) - to_stations(OcppVersion.V16)

    assert actions_served(OcppVersion.V16) >= from_stations - {"SignCertificate"}


ERRORS: list[tuple[str, str, str]] = [
    ("Authorize", "{}", "ProtocolError"),
    ("Authorize", '{"idTag":7}', "TypeConstraintViolation"),
    ("Authorize", f'{{"idTag":"{"x" * 21}"}}', "PropertyConstraintViolation"),
    ("Authorize", '{"idTag":"a","colour":"red"}', "FormationViolation"),
    ("MeterValues", '{"connectorId":1,"meterValue":[]}', "OccurenceConstraintViolation"),
    (
        "StatusNotification",
        '{"connectorId":1,"status":"Happy","errorCode":"NoError"}',
        "PropertyConstraintViolation",
    ),
    ("Reset", '{"type":"Hard"}', "NotSupported"),
    ("TransactionEvent", "{}", "NotImplemented"),
    ("Dance", "{}", "NotImplemented"),
    ("StartTransaction", json.dumps(start(at="yesterday")), "FormationViolation"),
    ("StartTransaction", json.dumps(start(at="2026-02-30T00:00:00Z")), "FormationViolation"),
    ("StartTransaction", json.dumps(start(connector=-1)), "PropertyConstraintViolation"),
    ("StartTransaction", json.dumps(start(connector=0)), "PropertyConstraintViolation"),
    ("StartTransaction", json.dumps(start(meter_wh=10**18)), "PropertyConstraintViolation"),
    (
        "MeterValues",
        json.dumps(values(1, "2026-03-10T12:00:00Z", sampled("NaN"))),
        "PropertyConstraintViolation",
    ),
]


@pytest.mark.parametrize(("action", "payload", "code"), ERRORS)
def test_a_bad_call_has_the_error_code_that_1_6_has_for_it(
    station: Station, action: str, payload: str, code: str
) -> None:
    station.send(f'[2,"m1","{action}",{payload}]')

    answer = station.receive()
    assert (answer[0], answer[1], answer[2]) == (4, "m1", code)
    assert station.tell("Heartbeat", {})["currentTime"]
    assert at(A, Session.objects.count) == 0


def test_a_frame_that_is_none_is_a_formation_violation(station: Station) -> None:
    station.send("hello")

    assert station.receive()[2] == "FormationViolation"
    assert station.tell("Heartbeat", {})["currentTime"]


def test_a_burst_without_waiting_is_answered_in_order(station: Station) -> None:
    station.send(f'[2,"s","StartTransaction",{json.dumps(start())}]')
    for number in range(20):
        station.send(f'[2,"b{number}","Heartbeat",{{}}]')

    assert [station.receive()[1] for _ in range(21)] == ["s", *(f"b{n}" for n in range(20))]


def ended(read: Callable[[], Command]) -> Command:
    return eventually(
        lambda: (
            command
            if (command := at(A, read)).status not in (CommandStatus.QUEUED, CommandStatus.SENT)
            else None
        )
    )  # type: ignore[return-value]


def test_a_remote_start_and_stop_end_to_end(station: Station) -> None:
    asked = at(
        A,
        lambda: command_send(
            station_id=STATION_ID,
            action="RemoteStartTransaction",
            payload={"idTag": TOKEN, "connectorId": 1},
        ),
    )
    _call, message_id, action, payload = station.receive()
    assert (action, payload) == ("RemoteStartTransaction", {"idTag": TOKEN, "connectorId": 1})
    station.send(f'[3,"{message_id}",{{"status":"Accepted"}}]')
    assert ended(lambda: Command.objects.get(pk=asked.pk)).status == CommandStatus.ACCEPTED

    now = at(A, lambda: Command.objects.get().answered_at)
    assert now is not None
    number = station.tell("StartTransaction", start(at=now.isoformat()))["transactionId"]

    session = at(A, lambda: Session.objects.get())
    assert (session.pk, session.remote_start_id) == (number, asked.pk)
    at(
        A,
        lambda: command_send(
            station_id=STATION_ID,
            action="RemoteStopTransaction",
            payload={"transactionId": number},
        ),
    )
    _call, message_id, action, payload = station.receive()
    assert (action, payload) == ("RemoteStopTransaction", {"transactionId": number})
    station.send(f'[3,"{message_id}",{{"status":"Rejected"}}]')
    assert ended(lambda: Command.objects.latest("pk")).status == CommandStatus.REJECTED
    assert at(B, Command.objects.count) == 0
