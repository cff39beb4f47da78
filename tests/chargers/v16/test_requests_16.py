"""2.x requests as 1.6 has them: each by hand, and each against the schemas of both versions."""

from typing import Any

import pytest

from apps.chargers.ocpp.actions import to_stations
from apps.chargers.ocpp.v16.keys import KEYS
from apps.chargers.ocpp.v16.profiles import composite_schedule
from apps.chargers.ocpp.v16.refusals import NotIn16
from apps.chargers.ocpp.v16.requests import TRANSLATED, calls
from apps.chargers.ocpp.v16.tags import STATUSES
from apps.chargers.ocpp.validation import request_violation, schema
from apps.chargers.ocpp.versions import OcppVersion

AT, LATER = "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z"
TOKEN = {"idToken": "04A2B3C4", "type": "ISO14443"}
LONG_TOKEN = {"idToken": "FR-CFG-C00000001-X-0123456789", "type": "eMAID"}
HASHES = {
    "hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "1",
}  # fmt: skip


def number_of(transaction_id: str) -> int:
    return {"1-20260310T120000-0123456789": 42}[transaction_id]


def profile(**fields: Any) -> dict[str, Any]:
    return {
        "id": 7, "stackLevel": 1, "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 1, "chargingRateUnit": "A", "startSchedule": AT, "duration": 3600,
                "minChargingRate": 6.05,
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 16.19, "numberPhases": 3},
                    {"startPeriod": 600, "limit": 16.1},
                    {"startPeriod": 900, "limit": 0.3},
                    {"startPeriod": 1200, "limit": 32.0},
                    {"startPeriod": 1800, "limit": 0},
                ],
            }
        ],
    } | fields  # fmt: skip


PROFILE_16 = {
    "chargingProfileId": 7, "stackLevel": 1, "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "chargingRateUnit": "A", "startSchedule": AT, "duration": 3600, "minChargingRate": 6,
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 16.1, "numberPhases": 3},
            {"startPeriod": 600, "limit": 16.1},
            {"startPeriod": 900, "limit": 0.3},
            {"startPeriod": 1200, "limit": 32},
            {"startPeriod": 1800, "limit": 0},
        ],
    },
}  # fmt: skip


def variable(component: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"component": {"name": component}, "variable": {"name": name}, **fields}


def with_(base: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return base | fields


FIRMWARE = {"location": "https://x/f.bin", "retrieveDateTime": AT}
CASES: list[tuple[str, dict[str, Any], list[tuple[str, dict[str, Any]]]]] = [
    (
        "RequestStartTransaction",
        {"idToken": TOKEN, "remoteStartId": 5},
        [("RemoteStartTransaction", {"idTag": "04A2B3C4"})],
    ),
    (
        "RequestStartTransaction",
        {
            "idToken": TOKEN, "remoteStartId": 5, "evseId": 2,
            "chargingProfile": profile(chargingProfilePurpose="TxProfile"),
        },
        [
            (
                "RemoteStartTransaction",
                {
                    "idTag": "04A2B3C4", "connectorId": 2,
                    "chargingProfile": with_(PROFILE_16, chargingProfilePurpose="TxProfile"),
                },
            )
        ],
    ),
    (
        "RequestStopTransaction",
        {"transactionId": "1-20260310T120000-0123456789"},
        [("RemoteStopTransaction", {"transactionId": 42})],
    ),
    ("Reset", {"type": "OnIdle"}, [("Reset", {"type": "Soft"})]),
    ("Reset", {"type": "Immediate"}, [("Reset", {"type": "Hard"})]),
    ("UnlockConnector", {"evseId": 2, "connectorId": 1}, [("UnlockConnector", {"connectorId": 2})]),
    (
        "ChangeAvailability",
        {"operationalStatus": "Inoperative"},
        [("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"})],
    ),
    (
        "ChangeAvailability",
        {"operationalStatus": "Operative", "evse": {"id": 2, "connectorId": 1}},
        [("ChangeAvailability", {"connectorId": 2, "type": "Operative"})],
    ),
    (
        "TriggerMessage",
        {"requestedMessage": "StatusNotification", "evse": {"id": 2, "connectorId": 1}},
        [("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 2})],
    ),
    (
        "TriggerMessage",
        {"requestedMessage": "Heartbeat"},
        [("TriggerMessage", {"requestedMessage": "Heartbeat"})],
    ),
    (
        "TriggerMessage",
        {"requestedMessage": "SignChargingStationCertificate"},
        [("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})],
    ),
    (
        "TriggerMessage",
        {"requestedMessage": "LogStatusNotification"},
        [("ExtendedTriggerMessage", {"requestedMessage": "LogStatusNotification"})],
    ),
    (
        "GetVariables",
        {
            "getVariableData": [
                variable("Configuration", "ConnectionTimeOut"),
                variable("OCPPCommCtrlr", "HeartbeatInterval"),
            ]
        },
        [("GetConfiguration", {"key": ["ConnectionTimeOut", "HeartbeatInterval"]})],
    ),
    (
        "SetVariables",
        {
            "setVariableData": [
                variable("Configuration", "ACME.Lamp", attributeValue="on"),
                variable("SecurityCtrlr", "BasicAuthPassword", attributeValue="a-secret-of-16-ch"),
            ]
        },
        [
            ("ChangeConfiguration", {"key": "ACME.Lamp", "value": "on"}),
            ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "a-secret-of-16-ch"}),
        ],
    ),
    (
        "GetBaseReport",
        {"requestId": 1, "reportBase": "FullInventory"},
        [("GetConfiguration", {})],
    ),
    ("GetReport", {"requestId": 1}, [("GetConfiguration", {})]),
    ("ClearCache", {}, [("ClearCache", {})]),
    ("GetLocalListVersion", {}, [("GetLocalListVersion", {})]),
    (
        "SendLocalList",
        {
            "versionNumber": 3,
            "updateType": "Differential",
            "localAuthorizationList": [
                {
                    "idToken": TOKEN,
                    "idTokenInfo": {
                        "status": "Accepted",
                        "cacheExpiryDateTime": LATER,
                        "groupIdToken": {"idToken": "FLEET", "type": "Central"},
                    },
                },
                {"idToken": LONG_TOKEN, "idTokenInfo": {"status": "Accepted"}},
                {
                    "idToken": {"idToken": "GONE", "type": "Central"},
                },
                {
                    "idToken": {"idToken": "B", "type": "Central"},
                    "idTokenInfo": {"status": "NoCredit", "groupIdToken": LONG_TOKEN},
                },
            ],
        },
        [
            (
                "SendLocalList",
                {
                    "listVersion": 3,
                    "updateType": "Differential",
                    "localAuthorizationList": [
                        {
                            "idTag": "04A2B3C4",
                            "idTagInfo": {
                                "status": "Accepted", "expiryDate": LATER, "parentIdTag": "FLEET",
                            },
                        },
                        {"idTag": "GONE"},
                        {"idTag": "B", "idTagInfo": {"status": "Blocked"}},
                    ],
                },
            )
        ],
    ),
    (
        "SendLocalList",
        {"versionNumber": 4, "updateType": "Full"},
        [("SendLocalList", {"listVersion": 4, "updateType": "Full"})],
    ),
    (
        "ReserveNow",
        {"id": 9, "expiryDateTime": LATER, "idToken": TOKEN, "evseId": 2,
         "groupIdToken": {"idToken": "FLEET", "type": "Central"}},
        [
            (
                "ReserveNow",
                {"reservationId": 9, "expiryDate": LATER, "idTag": "04A2B3C4",
                 "parentIdTag": "FLEET", "connectorId": 2},
            )
        ],
    ),
    (
        "ReserveNow",
        {"id": 9, "expiryDateTime": LATER, "idToken": TOKEN},
        [
            (
                "ReserveNow",
                {"reservationId": 9, "expiryDate": LATER, "idTag": "04A2B3C4", "connectorId": 0},
            )
        ],
    ),
    ("CancelReservation", {"reservationId": 9}, [("CancelReservation", {"reservationId": 9})]),
    (
        "SetChargingProfile",
        {"evseId": 2, "chargingProfile": profile()},
        [("SetChargingProfile", {"connectorId": 2, "csChargingProfiles": PROFILE_16})],
    ),
    (
        "SetChargingProfile",
        {
            "evseId": 2,
            "chargingProfile": profile(
                chargingProfilePurpose="TxProfile", transactionId="1-20260310T120000-0123456789"
            ),
        },
        [
            (
                "SetChargingProfile",
                {
                    "connectorId": 2,
                    "csChargingProfiles": with_(
                        PROFILE_16, chargingProfilePurpose="TxProfile", transactionId=42
                    ),
                },
            )
        ],
    ),
    (
        "SetChargingProfile",
        {
            "evseId": 0,
            "chargingProfile": profile(
                chargingProfilePurpose="ChargingStationMaxProfile",
                chargingProfileKind="Recurring", recurrencyKind="Daily",
                validFrom=AT, validTo=LATER,
            ),
        },
        [
            (
                "SetChargingProfile",
                {
                    "connectorId": 0,
                    "csChargingProfiles": with_(
                        PROFILE_16, chargingProfilePurpose="ChargePointMaxProfile",
                        chargingProfileKind="Recurring", recurrencyKind="Daily",
                        validFrom=AT, validTo=LATER,
                    ),
                },
            )
        ],
    ),
    ("ClearChargingProfile", {"chargingProfileId": 7}, [("ClearChargingProfile", {"id": 7})]),
    (
        "ClearChargingProfile",
        {
            "chargingProfileCriteria": {
                "evseId": 0, "stackLevel": 0,
                "chargingProfilePurpose": "ChargingStationMaxProfile",
            }
        },
        [
            (
                "ClearChargingProfile",
                {
                    "connectorId": 0, "stackLevel": 0,
                    "chargingProfilePurpose": "ChargePointMaxProfile",
                },
            )
        ],
    ),
    ("ClearChargingProfile", {}, [("ClearChargingProfile", {})]),
    (
        "GetCompositeSchedule",
        {"evseId": 0, "duration": 600, "chargingRateUnit": "W"},
        [
            (
                "GetCompositeSchedule",
                {"connectorId": 0, "duration": 600, "chargingRateUnit": "W"},
            )
        ],
    ),
    (
        "GetLog",
        {
            "logType": "DiagnosticsLog", "requestId": 3, "retries": 2, "retryInterval": 60,
            "log": {"remoteLocation": "https://x/up", "oldestTimestamp": AT,
                    "latestTimestamp": LATER},
        },
        [
            (
                "GetDiagnostics",
                {"location": "https://x/up", "startTime": AT, "stopTime": LATER, "retries": 2,
                 "retryInterval": 60},
            )
        ],
    ),
    (
        "GetLog",
        {"logType": "SecurityLog", "requestId": 3, "log": {"remoteLocation": "https://x/up"}},
        [
            (
                "GetLog",
                {"logType": "SecurityLog", "requestId": 3,
                 "log": {"remoteLocation": "https://x/up"}},
            )
        ],
    ),
    (
        "UpdateFirmware",
        {"requestId": 4, "retries": 1, "firmware": FIRMWARE},
        [("UpdateFirmware", {"location": "https://x/f.bin", "retrieveDate": AT, "retries": 1})],
    ),
    (
        "UpdateFirmware",
        {
            "requestId": 4,
            "firmware": with_(
                FIRMWARE, installDateTime=LATER, signingCertificate="PEM", signature="S"
            ),
        },
        [
            (
                "SignedUpdateFirmware",
                {
                    "requestId": 4,
                    "firmware": with_(
                        FIRMWARE, installDateTime=LATER, signingCertificate="PEM", signature="S"
                    ),
                },
            )
        ],
    ),
    (
        "DataTransfer",
        {"vendorId": "ACME", "messageId": "Lamp", "data": {"on": True}},
        [("DataTransfer", {"vendorId": "ACME", "messageId": "Lamp", "data": '{"on": true}'})],
    ),
    (
        "DataTransfer",
        {"vendorId": "ACME", "data": "text"},
        [("DataTransfer", {"vendorId": "ACME", "data": "text"})],
    ),
    (
        "CertificateSigned",
        {"certificateChain": "PEM", "certificateType": "ChargingStationCertificate"},
        [("CertificateSigned", {"certificateChain": "PEM"})],
    ),
    (
        "InstallCertificate",
        {"certificateType": "CSMSRootCertificate", "certificate": "PEM"},
        [
            (
                "InstallCertificate",
                {"certificateType": "CentralSystemRootCertificate", "certificate": "PEM"},
            )
        ],
    ),
    (
        "DeleteCertificate",
        {"certificateHashData": HASHES},
        [("DeleteCertificate", {"certificateHashData": HASHES})],
    ),
    (
        "GetInstalledCertificateIds",
        {"certificateType": ["ManufacturerRootCertificate"]},
        [
            (
                "GetInstalledCertificateIds",
                {"certificateType": "ManufacturerRootCertificate"},
            )
        ],
    ),
    (
        "GetInstalledCertificateIds",
        {},
        [
            ("GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"}),
            ("GetInstalledCertificateIds", {"certificateType": "ManufacturerRootCertificate"}),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("action", "payload", "expected"), CASES)
def test_a_request_of_2x_as_1_6_has_it(
    action: str, payload: dict[str, Any], expected: list[tuple[str, dict[str, Any]]]
) -> None:
    if action != "GetReport":
        assert request_violation(OcppVersion.V201, action, payload) is None

    told = [(call.action, call.payload) for call in calls(action, payload, number_of=number_of)]

    assert told == expected
    for action_16, payload_16 in told:
        assert request_violation(OcppVersion.V16, action_16, payload_16) is None


def test_everything_a_1_6_station_can_be_asked_for_can_be_said() -> None:
    assert {action for action, _payload, _expected in CASES} == TRANSLATED
    said = {action for _action, _payload, expected in CASES for action, _ in expected}

    assert said == to_stations(OcppVersion.V16)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("SetDisplayMessage", {}, "nothing like"),
    ("Reset", {"type": "OnIdle", "evseId": 1}, "whole station"),
    ("RequestStartTransaction", {"idToken": LONG_TOKEN, "remoteStartId": 1}, "20 characters"),
    ("TriggerMessage", {"requestedMessage": "TransactionEvent"}, "TransactionEvent"),
    ("GetVariables", {"getVariableData": [variable("EVSE", "Power")]}, "no key for EVSE.Power"),
    (
        "GetVariables",
        {"getVariableData": [variable("Configuration", "x", attributeType="Target")]},
        "its value only",
    ),
    (
        "SetVariables",
        {"setVariableData": [variable("Configuration", "k" * 51, attributeValue="1")]},
        "50 characters",
    ),
    (
        "ReserveNow",
        {"id": 1, "expiryDateTime": AT, "idToken": TOKEN, "connectorType": "cType2"},
        "by its type",
    ),
    (
        "SetChargingProfile",
        {"evseId": 1, "chargingProfile": profile(chargingProfileKind="Dynamic")},
        "Dynamic",
    ),
    (
        "SetChargingProfile",
        {"evseId": 1, "chargingProfile": profile(chargingProfilePurpose="PriorityCharging")},
        "PriorityCharging",
    ),
    (
        "SetChargingProfile",
        {"evseId": 0, "chargingProfile": profile(chargingProfilePurpose="TxProfile")},
        "needs its EVSE",
    ),
    (
        "SetChargingProfile",
        {
            "evseId": 1,
            "chargingProfile": profile(chargingProfilePurpose="ChargingStationMaxProfile"),
        },
        "EVSE 0",
    ),
    (
        "SetChargingProfile",
        {"evseId": 1, "chargingProfile": profile(chargingSchedule=[{}, {}])},
        "one schedule",
    ),
    (
        "SetChargingProfile",
        {
            "evseId": 1,
            "chargingProfile": profile(
                chargingSchedule=[
                    {
                        "chargingRateUnit": "W",
                        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": -7000}],
                    }
                ]
            ),
        },
        "cannot discharge",
    ),
    (
        "SetChargingProfile",
        {
            "evseId": 1,
            "chargingProfile": profile(
                chargingSchedule=[
                    {
                        "chargingRateUnit": "W",
                        "chargingSchedulePeriod": [{"startPeriod": 0, "setpoint": 7000}],
                    }
                ]
            ),
        },
        "set-points",
    ),
    (
        "GetLog",
        {"logType": "DataCollectorLog", "requestId": 1, "log": {"remoteLocation": "x"}},
        "DataCollectorLog",
    ),
    (
        "CertificateSigned",
        {"certificateChain": "PEM", "certificateType": "V2GCertificate"},
        "stations only",
    ),
    (
        "InstallCertificate",
        {"certificateType": "V2GRootCertificate", "certificate": "PEM"},
        "V2GRootCertificate",
    ),
]


@pytest.mark.parametrize(("action", "payload", "why"), REFUSED)
def test_what_1_6_cannot_say_is_refused_with_the_reason(
    action: str, payload: dict[str, Any], why: str
) -> None:
    with pytest.raises(NotIn16, match=why):
        calls(action, payload, number_of=number_of)


def test_a_stop_without_a_number_is_refused() -> None:
    with pytest.raises(NotIn16, match="not known"):
        calls("RequestStopTransaction", {"transactionId": "x"})


def test_every_status_of_a_token_has_one_in_1_6() -> None:
    ours = schema(OcppVersion.V201, "Authorize", is_request=False)["definitions"]
    theirs = schema(OcppVersion.V16, "Authorize", is_request=False)["properties"]["idTagInfo"]

    assert set(STATUSES) == set(ours["AuthorizationStatusEnumType"]["enum"])
    assert set(STATUSES.values()) == set(theirs["properties"]["status"]["enum"])
    assert STATUSES["Unknown"] == "Invalid"


def test_no_two_variables_share_a_key() -> None:
    assert len(set(KEYS.values())) == len(KEYS)


def test_a_composite_schedule_comes_back_as_2x_has_it() -> None:
    schedule = {
        "chargingRateUnit": "A", "duration": 600,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}],
    }  # fmt: skip
    answer = {
        "status": "Accepted", "connectorId": 1, "scheduleStart": AT, "chargingSchedule": schedule,
    }  # fmt: skip

    assert composite_schedule(answer) == {
        "evseId": 1, "scheduleStart": AT, "chargingRateUnit": "A", "duration": 600,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}],
    }  # fmt: skip
    assert composite_schedule({"status": "Rejected"}) is None


def test_every_tenth_is_a_limit_that_the_schema_takes() -> None:
    periods = [{"startPeriod": n, "limit": n / 10} for n in range(0, 260_000, 7)]
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": periods}
    asked = {"evseId": 1, "chargingProfile": profile(chargingSchedule=[schedule])}

    (call,) = calls("SetChargingProfile", asked)

    assert request_violation(OcppVersion.V16, call.action, call.payload) is None
    told = call.payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
    assert [one["limit"] for one in told] == [one["limit"] for one in periods]
