"""A station on a client that is not ours, on real sockets."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from apps.chargers.models import Command, DeviceVariable, IdToken, Session
from apps.chargers.ocpp.v16.requests import calls
from apps.chargers.services.intents import base_report_ask, order_send, variable, variables_set
from tests.chargers.conftest import PASSWORD_A, STATION_ID, TOKEN
from tests.chargers.events import charging_of_five_events
from tests.chargers.server import BOOT, A, B, Csms, at, eventually
from tests.chargers.v16.messages import BOOT_16, four_values, start, stop
from tests.contracts.npm_station import CallFailed, ConnectionRefused, npm_station


def endpoint(csms: Csms, operator: str) -> str:
    return csms.address(operator, "").rstrip("/")


def test_the_client_speaks_201_too(csms: Csms) -> None:
    with npm_station(endpoint(csms, A), STATION_ID, PASSWORD_A, protocols=["ocpp2.0.1"]) as station:
        assert station.protocol == "ocpp2.0.1"
        assert station.call("BootNotification", BOOT)["status"] == "Accepted"
        for payload in charging_of_five_events():
            station.call("TransactionEvent", payload)
        token = {"idToken": TOKEN, "type": "ISO14443"}
        assert station.call("Authorize", {"idToken": token})["idTokenInfo"]["status"] == "Accepted"

    assert station.faults == []
    assert at(A, lambda: Session.objects.get().state) == "ended"


def test_the_client_is_refused_like_any_other(csms: Csms) -> None:
    with (
        pytest.raises(ConnectionRefused) as refused,
        npm_station(endpoint(csms, A), STATION_ID, "wrong-wrong-wrong-wrong"),
    ):
        pass
    assert refused.value.status == 401
    with (
        npm_station(
            endpoint(csms, A), STATION_ID, PASSWORD_A, protocols=["ocpp2.0.1"], strict=False
        ) as station,
        pytest.raises(CallFailed) as failed,
    ):
        station.call("Dance", {})
    assert failed.value.code == "NotImplemented"


def test_an_independent_1_6_station_charges_an_hour(csms: Csms) -> None:
    at(A, lambda: IdToken.objects.update(expires_at="2099-01-01T00:00:00.5Z"))
    with npm_station(endpoint(csms, A), STATION_ID, PASSWORD_A) as station:
        assert station.protocol == "ocpp1.6"
        assert station.call("BootNotification", BOOT_16)["status"] == "Accepted"
        station.call("Heartbeat", {})
        station.call("StatusNotification", status("Preparing"))
        assert station.call("Authorize", {"idTag": TOKEN})["idTagInfo"]["status"] == "Accepted"
        number = station.call("StartTransaction", start())["transactionId"]
        station.call("StatusNotification", status("Charging"))
        for payload in four_values(number):
            assert station.call("MeterValues", payload) == {}
        ended = station.call("StopTransaction", stop(number, idTag=TOKEN, reason="Local"))
        assert ended["idTagInfo"]["expiryDate"] == "2099-01-01T00:00:00.500Z"
        station.call("StatusNotification", status("Available"))
        answer = station.call("DataTransfer", {"vendorId": "Nobody"})
        assert answer["status"] == "UnknownVendorId"

    assert station.faults == []
    session = at(A, lambda: Session.objects.get())
    assert (session.pk, session.state, session.energy_kwh) == (number, "ended", Decimal(9))
    assert at(B, Session.objects.count) == 0


def test_an_independent_1_6_station_that_does_not_wait_is_served_in_order(csms: Csms) -> None:
    with npm_station(endpoint(csms, A), STATION_ID, PASSWORD_A, concurrency=8) as station:
        booted = station.send("BootNotification", BOOT_16)
        told = station.send("StatusNotification", status("Available"))
        started = station.send("StartTransaction", start())
        beat = station.send("Heartbeat", {})
        assert station.answer(booted)["status"] == "Accepted"
        assert station.answer(told) == {}
        number = station.answer(started)["transactionId"]
        assert station.answer(beat)["currentTime"]

    assert station.faults == []
    assert at(A, lambda: Session.objects.get().pk) == number


# 2.x request -> the answer of a 1.6 station, and how the command ends.
ORDERS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("Reset", {"type": "OnIdle"}, {"status": "Accepted"}, "accepted"),
    ("UnlockConnector", {"evseId": 1, "connectorId": 1}, {"status": "UnlockFailed"}, "rejected"),
    ("ChangeAvailability", {"operationalStatus": "Operative"}, {"status": "Scheduled"},
     "accepted"),
    ("TriggerMessage", {"requestedMessage": "Heartbeat"}, {"status": "NotImplemented"},
     "rejected"),
    ("TriggerMessage", {"requestedMessage": "LogStatusNotification"}, {"status": "Accepted"},
     "accepted"),
    ("ClearCache", {}, {"status": "Accepted"}, "accepted"),
    ("GetLocalListVersion", {}, {"listVersion": 0}, "accepted"),
    ("SendLocalList", {"versionNumber": 1, "updateType": "Full"}, {"status": "VersionMismatch"},
     "rejected"),
    ("ReserveNow",
     {"id": 3, "expiryDateTime": "2099-01-01T00:00:00Z",
      "idToken": {"idToken": TOKEN, "type": "ISO14443"}},
     {"status": "Occupied"}, "rejected"),
    ("CancelReservation", {"reservationId": 3}, {"status": "Accepted"}, "accepted"),
    ("SetChargingProfile",
     {"evseId": 0,
      "chargingProfile": {
          "id": 1, "stackLevel": 0, "chargingProfilePurpose": "ChargingStationMaxProfile",
          "chargingProfileKind": "Absolute",
          "chargingSchedule": [
              {"id": 1, "chargingRateUnit": "A",
               "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.1}]}
          ]}},
     {"status": "NotSupported"}, "rejected"),
    ("ClearChargingProfile", {"chargingProfileId": 1}, {"status": "Unknown"}, "rejected"),
    ("GetCompositeSchedule", {"evseId": 1, "duration": 600}, {"status": "Rejected"}, "rejected"),
    ("GetLog",
     {"logType": "DiagnosticsLog", "log": {"remoteLocation": "https://logs.example/x"}},
     {"fileName": "diagnostics.zip"}, "accepted"),
    ("GetLog", {"logType": "SecurityLog", "log": {"remoteLocation": "https://logs.example/x"}},
     {"status": "AcceptedCanceled"}, "accepted"),
    ("DataTransfer", {"vendorId": "ACME"}, {"status": "UnknownVendorId"}, "rejected"),
    ("GetInstalledCertificateIds", {"certificateType": ["CSMSRootCertificate"]},
     {"status": "NotFound"}, "rejected"),
]  # fmt: skip


def test_an_independent_1_6_station_understands_what_it_is_asked(csms: Csms) -> None:
    with npm_station(endpoint(csms, A), STATION_ID, PASSWORD_A) as station:
        station.call("BootNotification", BOOT_16)
        for action, payload, answer, end in ORDERS:
            asked = calls(action, payload | {"requestId": 0})[0]
            station.answers({asked.action: answer})
            (command,) = at(A, partial(order_send, station_id=STATION_ID, action=action,
                                       payload=payload))  # fmt: skip
            told_action, told = station.called()
            assert told_action == asked.action
            told.pop("requestId", None)
            assert told == {k: v for k, v in asked.payload.items() if k != "requestId"}
            kept = eventually(partial(at, A, partial(finished, command.pk)))
            assert kept.status == end, (action, kept.error)

    assert station.faults == []


def test_the_configuration_of_a_1_6_station_is_its_device_model(csms: Csms) -> None:
    with npm_station(endpoint(csms, A), STATION_ID, PASSWORD_A) as station:
        station.call("BootNotification", BOOT_16)
        station.answers(
            {
                "GetConfiguration": {
                    "configurationKey": [
                        {"key": "HeartbeatInterval", "readonly": False, "value": "30"},
                        {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
                        {"key": "AuthorizationKey", "readonly": False, "value": "a-secret-16-long"},
                        {"key": "ACME.Empty", "readonly": False},
                    ],
                    "unknownKey": ["Nonsense"],
                },
                "ChangeConfiguration": {"status": "Accepted"},
            }
        )
        report = at(A, partial(base_report_ask, station_id=STATION_ID))
        assert eventually(partial(at, A, partial(finished, report.pk))).status == "accepted"
        changed = at(
            A,
            partial(
                variables_set,
                station_id=STATION_ID,
                values=[variable("Configuration", "HeartbeatInterval", value="45")],
            ),
        )[0]
        assert eventually(partial(at, A, partial(finished, changed.pk))).status == "accepted"

    rows = at(
        A,
        lambda: set(
            DeviceVariable.objects.values_list("component", "variable", "value", "mutability")
        ),
    )
    assert rows == {
        ("Configuration", "HeartbeatInterval", "45", "ReadWrite"),
        ("Configuration", "NumberOfConnectors", "2", "ReadOnly"),
        ("Configuration", "AuthorizationKey", "", "ReadWrite"),
        ("Configuration", "ACME.Empty", "", "ReadWrite"),
    }
    assert at(B, DeviceVariable.objects.count) == 0
    assert station.faults == []


def finished(pk: int) -> Command | None:
    return Command.objects.filter(pk=pk).exclude(status__in=["queued", "sent"]).first()


def status(word: str) -> dict[str, Any]:
    return {"connectorId": 1, "errorCode": "NoError", "status": word}
