"""Which actions go to stations, and which answers mean that they do as asked."""

from typing import Any

import pytest

from apps.chargers.ocpp import validation
from apps.chargers.ocpp.actions import is_accepted, number_field, to_stations
from apps.chargers.ocpp.versions import OcppVersion

V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21
# What stations send, from the same chapters: together with what they are sent, every action.
FROM_STATIONS_201 = {
    "Authorize", "BootNotification", "ClearedChargingLimit", "FirmwareStatusNotification",
    "Get15118EVCertificate", "GetCertificateStatus", "Heartbeat", "LogStatusNotification",
    "MeterValues", "NotifyChargingLimit", "NotifyCustomerInformation", "NotifyDisplayMessages",
    "NotifyEVChargingNeeds", "NotifyEVChargingSchedule", "NotifyEvent", "NotifyMonitoringReport",
    "NotifyReport", "PublishFirmwareStatusNotification", "ReportChargingProfiles",
    "ReservationStatusUpdate", "SecurityEventNotification", "SignCertificate",
    "StatusNotification", "TransactionEvent",
}  # fmt: skip
FROM_STATIONS = {
    V16: {
        "Authorize", "BootNotification", "DiagnosticsStatusNotification",
        "FirmwareStatusNotification", "Heartbeat", "LogStatusNotification", "MeterValues",
        "SecurityEventNotification", "SignCertificate", "SignedFirmwareStatusNotification",
        "StartTransaction", "StatusNotification", "StopTransaction",
    },
    V201: FROM_STATIONS_201,
    V21: FROM_STATIONS_201 | {
        "BatterySwap", "ClosePeriodicEventStream", "GetCertificateChainStatus",
        "NotifyDERAlarm", "NotifyDERStartStop", "NotifyPeriodicEventStream",
        "NotifyPriorityCharging", "NotifySettlement", "OpenPeriodicEventStream",
        "PullDynamicScheduleUpdate", "ReportDERControl", "VatNumberValidation",
    },
}  # fmt: skip


@pytest.mark.parametrize("version", list(OcppVersion))
def test_every_action_goes_one_way_but_data_transfer(version: OcppVersion) -> None:
    assert to_stations(version) | FROM_STATIONS[version] == validation.actions(version)
    assert to_stations(version) & FROM_STATIONS[version] == set()
    assert "DataTransfer" in to_stations(version)


@pytest.mark.parametrize("version", list(OcppVersion))
def test_the_numbers_we_choose_are_those_that_the_schemas_require(version: OcppVersion) -> None:
    for action in to_stations(version):
        required = validation.schema(version, action, is_request=True).get("required", [])
        ours = {"requestId", "remoteStartId"} & set(required)
        assert ours == ({number_field(version, action)} - {None}), action


def _attribute(*statuses: str, key: str = "attributeStatus") -> list[dict[str, str]]:
    return [{key: status} for status in statuses]


@pytest.mark.parametrize(
    ("action", "answer", "accepted"),
    [
        ("RequestStartTransaction", {"status": "Accepted"}, True),
        ("RequestStartTransaction", {"status": "Rejected"}, False),
        ("UnlockConnector", {"status": "Unlocked"}, True),
        ("UnlockConnector", {"status": "OngoingAuthorizedTransaction"}, False),
        ("Reset", {"status": "Scheduled"}, True),
        ("ChangeAvailability", {"status": "Scheduled"}, True),
        ("GetLog", {"status": "AcceptedCanceled"}, True),
        ("UpdateFirmware", {"status": "AcceptedCanceled"}, True),
        ("UpdateFirmware", {"status": "InvalidCertificate"}, False),
        ("ReserveNow", {"status": "Occupied"}, False),
        ("ReserveNow", {"status": "Scheduled"}, False),
        ("ClearChargingProfile", {"status": "Unknown"}, False),
        ("SendLocalList", {"status": "VersionMismatch"}, False),
        ("TriggerMessage", {"status": "NotImplemented"}, False),
        ("DataTransfer", {"status": "UnknownVendorId"}, False),
        ("UnpublishFirmware", {"status": "Unpublished"}, True),
        ("ClearCache", {"status": "Accepted"}, True),
        ("CostUpdated", {}, True),
        ("GetLocalListVersion", {"versionNumber": 0}, True),
        ("GetLocalListVersion", {"listVersion": -1}, False),
        ("ChangeConfiguration", {"status": "RebootRequired"}, True),
        ("GetDiagnostics", {}, False),
        ("GetConfiguration", {"unknownKey": ["X"]}, False),
        ("GetConfiguration", {"configurationKey": [{}], "unknownKey": ["X"]}, True),
        ("SetVariables", {"setVariableResult": _attribute("Accepted", "RebootRequired")}, True),
        ("SetVariables", {"setVariableResult": _attribute("Accepted", "Rejected")}, False),
        ("GetVariables", {"getVariableResult": _attribute("Accepted", "UnknownVariable")}, True),
        ("GetVariables", {"getVariableResult": _attribute("UnknownVariable")}, False),
        (
            "SetVariableMonitoring",
            {"setMonitoringResult": _attribute("Accepted", "UnknownVariable", key="status")},
            False,
        ),
    ],
)
def test_what_counts_as_accepted(action: str, answer: dict[str, Any], accepted: bool) -> None:
    assert is_accepted(action, answer) is accepted
