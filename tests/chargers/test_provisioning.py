"""Over real sockets: boots that wait, device models that are asked for, vendors' messages."""

from typing import Any

import pytest

from apps.chargers.choices import RegistrationStatus
from apps.chargers.models import ChargingStation, Command, DeviceVariable, ReportRun
from apps.chargers.services import intents
from apps.chargers.services.data_transfers import VendorAnswer, VendorMessage, register_vendor
from apps.chargers.services.provisioning import registration_set
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID
from tests.chargers.server import BOOT, A, B, Csms, Station, at, eventually
from tests.chargers.test_device_model import PARTS


@pytest.fixture
def asking(settings: Any) -> None:
    """Unknown stations are asked for their device model, as in production."""
    settings.OCPP_ASK_MODEL = True


def boots(csms: Csms, operator: str = A, **more: Any) -> tuple[Station, dict[str, Any]]:
    """CS-001 connected, and the answer to its boot."""
    password = PASSWORD_A if operator == A else PASSWORD_B
    station = csms.connect(operator, STATION_ID, password, **more)
    return station, station.tell("BootNotification", BOOT)


def answer(station: Station, asked: Any, payload: str) -> None:
    station.send(f'[3,"{asked[1]}",{payload}]')


def ended(command_id: int, schema: str = A) -> Command:
    def look() -> Command | None:
        return at(
            schema,
            lambda: (
                Command.objects.filter(pk=command_id).exclude(status__in=["queued", "sent"]).first()
            ),
        )

    found = eventually(look)
    assert found is not None
    return found


def test_an_unknown_station_is_asked_for_its_model_once(csms: Csms, asking: None) -> None:
    station, booted = boots(csms)
    assert (booted["status"], booted["interval"]) == ("Accepted", 30)

    asked = station.receive()
    command = at(A, Command.objects.get)
    assert asked[2:] == [
        "GetBaseReport",
        {"reportBase": "FullInventory", "requestId": command.pk},
    ]
    answer(station, asked, '{"status":"Accepted"}')
    assert ended(command.pk).status == "accepted"
    for part in (PARTS[2], PARTS[0], PARTS[0], PARTS[1]):
        assert station.tell("NotifyReport", {**part, "requestId": command.pk}) == {}

    run = at(A, ReportRun.objects.get)
    assert (run.kind, run.parts, run.completed_at is not None) == (
        "FullInventory",
        [0, 1, 2],
        True,
    )
    assert at(A, DeviceVariable.objects.count) == 4
    assert at(B, DeviceVariable.objects.count) == 0

    station.tell("BootNotification", BOOT)
    assert station.tell("Heartbeat", {}) != {}
    assert at(A, Command.objects.count) == 1


@pytest.mark.parametrize(
    ("answer_to_it", "is_asked_again"),
    [('[4,"{}","NotImplemented","",{{}}]', False), (None, True)],
    ids=["cannot", "cut off"],
)
def test_a_station_is_asked_again_only_when_it_was_cut_off(
    csms: Csms, asking: None, answer_to_it: str | None, is_asked_again: bool
) -> None:
    station, _booted = boots(csms)
    asked = station.receive()
    if answer_to_it is None:
        station.close()
    else:
        station.send(answer_to_it.format(asked[1]))
    assert ended(at(A, Command.objects.get).pk).status == "failed"

    station, _booted = boots(csms)
    station.tell("Heartbeat", {}) if not is_asked_again else station.receive()

    assert at(A, Command.objects.count) == (2 if is_asked_again else 1)


def test_a_pending_station_is_configured_then_asked_to_boot_again(csms: Csms) -> None:
    at(A, lambda: ChargingStation.objects.update(registration_status="Pending"))
    station, booted = boots(csms)
    assert (booted["status"], booted["interval"]) == ("Pending", 60)
    refused = station.call("Heartbeat", {})
    assert refused[:1] + refused[2:3] == [4, "SecurityError"]

    # B02: what we ask for while it waits, it may answer, and tell its report.
    report = at(A, lambda: intents.base_report_ask(station_id=STATION_ID))
    answer(station, station.receive(), '{"status":"Accepted"}')
    assert ended(report.pk).status == "accepted"
    assert station.tell("NotifyReport", {**PARTS[2], "requestId": report.pk, "seqNo": 0}) == {}
    assert at(A, lambda: ReportRun.objects.get().completed_at) is not None
    start = at(A, lambda: intents.start(station_id=STATION_ID, id_token="X"))
    assert (start.status, start.error) == ("failed", "The station's registration is pending.")

    command = at(
        A, lambda: registration_set(station_id=STATION_ID, status=RegistrationStatus.ACCEPTED)
    )
    asked = station.receive()
    assert asked[2:] == ["TriggerMessage", {"requestedMessage": "BootNotification"}]
    answer(station, asked, '{"status":"Accepted"}')
    assert command is not None
    assert ended(command.pk).status == "accepted"
    assert station.call("Heartbeat", {})[0] == 4
    assert station.tell("BootNotification", BOOT)["status"] == "Accepted"
    assert "currentTime" in station.tell("Heartbeat", {})


def test_a_rejected_station_is_told_when_to_come_back_and_nothing_else(csms: Csms) -> None:
    at(A, lambda: ChargingStation.objects.update(registration_status="Rejected"))
    station, booted = boots(csms)
    assert (booted["status"], booted["interval"]) == ("Rejected", 60)

    for action, payload in (("Heartbeat", {}), ("NotifyReport", PARTS[0])):
        refused = station.call(action, payload)
        assert refused[:1] + refused[2:3] == [4, "SecurityError"]
    assert at(A, DeviceVariable.objects.count) == 0
    with pytest.raises(TimeoutError):
        station.socket.recv(timeout=0.2)


def test_a_station_that_gets_rejected_is_cut_off(csms: Csms) -> None:
    station, _booted = boots(csms)

    at(A, lambda: registration_set(station_id=STATION_ID, status=RegistrationStatus.REJECTED))

    with pytest.raises(Exception, match="1001"):
        station.receive()
    _station, booted = boots(csms)
    assert booted["status"] == "Rejected"


def test_only_ones_own_station_is_asked_to_boot(csms: Csms) -> None:
    at(A, lambda: ChargingStation.objects.update(registration_status="Pending"))
    mine, _booted = boots(csms)
    other, _booted = boots(csms, B)

    at(A, lambda: registration_set(station_id=STATION_ID, status=RegistrationStatus.ACCEPTED))

    assert mine.receive()[2] == "TriggerMessage"
    with pytest.raises(TimeoutError):
        other.socket.recv(timeout=0.2)
    assert at(B, Command.objects.count) == 0


def test_a_vendors_message_is_answered_by_who_knows_it(csms: Csms) -> None:
    def greet(message: VendorMessage) -> VendorAnswer:
        name = ChargingStation.objects.get(pk=message.station_pk).station_id
        return VendorAnswer("Accepted", {"to": name, "said": message.content})

    register_vendor("test.greeter", {"Greet": greet})
    station, _booted = boots(csms)

    def ask(vendor_id: str, message_id: str) -> dict[str, Any]:
        return station.tell(
            "DataTransfer", {"vendorId": vendor_id, "messageId": message_id, "data": {"n": 1}}
        )

    assert ask("test.greeter", "Greet") == {
        "status": "Accepted",
        "data": {"to": STATION_ID, "said": {"n": 1}},
    }
    assert ask("test.greeter", "Part") == {"status": "UnknownMessageId"}
    assert ask("nobody", "Greet") == {"status": "UnknownVendorId"}


def test_a_vendors_message_is_sent_and_its_answer_kept(csms: Csms) -> None:
    station, _booted = boots(csms)
    command = at(
        A,
        lambda: intents.data_transfer(
            station_id=STATION_ID, vendor_id="acme", message_id="Light", content={"on": True}
        ),
    )

    asked = station.receive()
    assert asked[2:] == [
        "DataTransfer",
        {"vendorId": "acme", "messageId": "Light", "data": {"on": True}},
    ]
    answer(station, asked, '{"status":"UnknownMessageId","data":[1,2.5]}')

    found = ended(command.pk)
    assert (found.status, found.answer) == (
        "rejected",
        {"status": "UnknownMessageId", "data": [1, 2.5]},
    )


@pytest.mark.parametrize("subprotocol", ["ocpp2.1", "ocpp2.0.1", "ocpp1.6"])
def test_the_version_a_station_speaks_is_known_and_used(csms: Csms, subprotocol: str) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A, subprotocols=[subprotocol])
    is_16 = subprotocol == "ocpp1.6"
    boot = {"chargePointVendor": "ACME", "chargePointModel": "Old"} if is_16 else BOOT
    station.tell("BootNotification", boot)

    command = at(A, lambda: intents.unlock(station_id=STATION_ID, evse_id=1))

    asked = station.receive()
    assert asked[2] == "UnlockConnector"
    assert asked[3] == ({"connectorId": 1} if is_16 else {"evseId": 1, "connectorId": 1})
    answer(station, asked, '{"status":"Unlocked"}')
    assert ended(command.pk).status == "accepted"
    version = at(A, lambda: ChargingStation.objects.get().ocpp_version)
    assert f"ocpp{version}" == subprotocol
