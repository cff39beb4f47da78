"""B01 to B04: what a station may do before we accepted it, and after it starts anew."""

import pytest

from apps.chargers.choices import RegistrationStatus
from apps.chargers.models import ChargingStation, Session
from apps.chargers.services import command_send
from tests.chargers.conformance.client import BOOT_16, V16, V21, V201, Checking
from tests.chargers.conftest import STATION_ID
from tests.chargers.events import event
from tests.chargers.server import BOOT, A, B, Csms, at

STARTED = event(0, "Started", "2026-03-10T12:00:00Z", evse_id=1)
STATUS = {
    "timestamp": "2026-03-10T12:00:00Z", "connectorStatus": "Available", "evseId": 1,
    "connectorId": 1,
}  # fmt: skip


def register(status: str, *, operator: str = A) -> None:
    at(operator, lambda: ChargingStation.objects.update(registration_status=status))


@pytest.mark.parametrize("version", [V21, V201], ids=str)
@pytest.mark.parametrize("status", [RegistrationStatus.PENDING, RegistrationStatus.REJECTED])
def test_before_acceptance_only_a_boot_is_served(csms: Csms, version: str, status: str) -> None:
    register(status)
    station = Checking(csms, version)  # type: ignore[arg-type]

    answer = station.tell("BootNotification", BOOT)

    assert answer["status"] == status
    assert answer["interval"] > 0
    assert answer["currentTime"].endswith("Z")
    for action, payload in (
        ("Heartbeat", {}), ("StatusNotification", STATUS), ("TransactionEvent", STARTED),
        ("Authorize", {"idToken": {"idToken": "04A2B3C4", "type": "ISO14443"}}),
    ):  # fmt: skip
        assert station.refusal(action, payload) == "SecurityError"
    assert at(A, Session.objects.count) == 0


def test_a_16_station_before_acceptance(csms: Csms) -> None:
    register(RegistrationStatus.REJECTED)
    station = Checking(csms, V16)

    assert station.tell("BootNotification", BOOT_16)["status"] == "Rejected"
    assert station.refusal("Heartbeat", {}) == "SecurityError"


@pytest.mark.parametrize("status", [RegistrationStatus.PENDING, RegistrationStatus.REJECTED])
def test_a_station_accepted_later_boots_again_and_is_served(csms: Csms, status: str) -> None:
    register(status)
    station = Checking(csms, V201)
    assert station.tell("BootNotification", BOOT)["status"] == status

    register(RegistrationStatus.ACCEPTED)
    # Not before it boots again: its own state is still the old one.
    assert station.refusal("Heartbeat", {}) == "SecurityError"

    station.boot().heartbeat()
    assert station.tell("TransactionEvent", STARTED) == {}


def test_a_boot_on_the_same_socket_takes_acceptance_away(csms: Csms) -> None:
    station = Checking(csms, V201).boot()
    register(RegistrationStatus.REJECTED)

    assert station.tell("BootNotification", BOOT)["status"] == "Rejected"
    assert station.refusal("Heartbeat", {}) == "SecurityError"


def test_an_accepted_station_that_reconnects_need_not_boot(csms: Csms) -> None:
    """B01: a boot belongs to a start of the station, not to each connection."""
    Checking(csms, V201).boot().station.close()

    Checking(csms, V201).heartbeat()


def test_a_pending_station_is_asked_but_not_charged_with(csms: Csms) -> None:
    register(RegistrationStatus.PENDING)
    station = Checking(csms, V201)
    station.call("BootNotification", BOOT)

    def order(action: str, payload: dict[str, object]) -> str:
        command = at(A, lambda: command_send(station_id=STATION_ID, action=action, payload=payload))
        return command.error

    token = {"idToken": "04A2B3C4", "type": "ISO14443"}
    assert "pending" in order("RequestStartTransaction", {"idToken": token})
    assert "pending" in order("RequestStopTransaction", {"transactionId": "tx-1"})
    assert order("ClearCache", {}) == ""


def test_a_boot_does_not_end_a_session_and_its_events_go_on(csms: Csms) -> None:
    station = Checking(csms, V201).boot()
    station.tell("TransactionEvent", STARTED)

    station.tell("BootNotification", {**BOOT, "reason": "Watchdog"})
    station.tell(
        "TransactionEvent", event(1, "Ended", "2026-03-10T13:00:00Z", trigger="Deauthorized")
    )

    assert at(A, lambda: Session.objects.get().state) == "ended"


@pytest.mark.parametrize(
    "reason",
    ["ApplicationReset", "FirmwareUpdate", "LocalReset", "PowerUp", "RemoteReset",
     "ScheduledReset", "Triggered", "Unknown", "Watchdog"],
)  # fmt: skip
def test_every_boot_reason_is_taken(station: Checking, reason: str) -> None:
    assert station.tell("BootNotification", {**BOOT, "reason": reason})["status"] == "Accepted"


def test_the_state_at_one_operator_is_not_that_at_the_other(csms: Csms) -> None:
    register(RegistrationStatus.REJECTED, operator=B)

    Checking(csms, V201).boot().heartbeat()
