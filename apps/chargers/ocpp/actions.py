"""Which actions a CSMS sends to stations, which of them carry a number of ours, and which answers
mean that the station does as asked."""

from collections.abc import Mapping
from typing import Any

from apps.chargers.ocpp.versions import OcppVersion

_TO_STATIONS_16 = frozenset({
    "CancelReservation", "CertificateSigned", "ChangeAvailability", "ChangeConfiguration",
    "ClearCache", "ClearChargingProfile", "DataTransfer", "DeleteCertificate",
    "ExtendedTriggerMessage", "GetCompositeSchedule", "GetConfiguration", "GetDiagnostics",
    "GetInstalledCertificateIds", "GetLocalListVersion", "GetLog", "InstallCertificate",
    "RemoteStartTransaction", "RemoteStopTransaction", "ReserveNow", "Reset", "SendLocalList",
    "SetChargingProfile", "SignedUpdateFirmware", "TriggerMessage", "UnlockConnector",
    "UpdateFirmware",
})  # fmt: skip
_TO_STATIONS_201 = frozenset({
    "CancelReservation", "CertificateSigned", "ChangeAvailability", "ClearCache",
    "ClearChargingProfile", "ClearDisplayMessage", "ClearVariableMonitoring", "CostUpdated",
    "CustomerInformation", "DataTransfer", "DeleteCertificate", "GetBaseReport",
    "GetChargingProfiles", "GetCompositeSchedule", "GetDisplayMessages",
    "GetInstalledCertificateIds", "GetLocalListVersion", "GetLog", "GetMonitoringReport",
    "GetReport", "GetTransactionStatus", "GetVariables", "InstallCertificate", "PublishFirmware",
    "RequestStartTransaction", "RequestStopTransaction", "ReserveNow", "Reset", "SendLocalList",
    "SetChargingProfile", "SetDisplayMessage", "SetMonitoringBase", "SetMonitoringLevel",
    "SetNetworkProfile", "SetVariableMonitoring", "SetVariables", "TriggerMessage",
    "UnlockConnector", "UnpublishFirmware", "UpdateFirmware",
})  # fmt: skip
_TO_STATIONS_21 = _TO_STATIONS_201 | {
    "AFRRSignal", "AdjustPeriodicEventStream", "ChangeTransactionTariff", "ClearDERControl",
    "ClearTariffs", "GetDERControl", "GetPeriodicEventStream", "GetTariffs",
    "NotifyAllowedEnergyTransfer", "NotifyWebPaymentStarted", "RequestBatterySwap",
    "SetDERControl", "SetDefaultTariff", "UpdateDynamicSchedule", "UsePriorityCharging",
}  # fmt: skip
_TO_STATIONS = {
    OcppVersion.V16: _TO_STATIONS_16,
    OcppVersion.V201: _TO_STATIONS_201,
    OcppVersion.V21: _TO_STATIONS_21,
}

# The number by which a station refers to what was asked of it: ours is the order's own.
NUMBERS = {
    "RequestStartTransaction": "remoteStartId",
    **dict.fromkeys(
        (
            "GetBaseReport", "GetReport", "GetMonitoringReport", "GetChargingProfiles",
            "GetDisplayMessages", "GetLog", "CustomerInformation", "UpdateFirmware",
            "PublishFirmware", "RequestBatterySwap", "GetDERControl",
        ),
        "requestId",
    ),
}  # fmt: skip
_NUMBERS_16 = {"GetLog": "requestId", "SignedUpdateFirmware": "requestId"}

_ACCEPTED = frozenset({"Accepted"})
_OR_SCHEDULED = _ACCEPTED | {"Scheduled"}
_OR_CANCELED = _ACCEPTED | {"AcceptedCanceled"}
_OR_REBOOT = _ACCEPTED | {"RebootRequired"}
_STATUSES = {
    "ChangeAvailability": _OR_SCHEDULED,
    "Reset": _OR_SCHEDULED,
    "UnlockConnector": frozenset({"Unlocked"}),
    "UnpublishFirmware": frozenset({"Unpublished"}),
    "GetLog": _OR_CANCELED,
    "UpdateFirmware": _OR_CANCELED,
    "SignedUpdateFirmware": _OR_CANCELED,
    "ChangeConfiguration": _OR_REBOOT,
}
# Answers with a status for each part: list, status, accepted, and whether one part is enough.
_PARTS = {
    "SetVariables": ("setVariableResult", "attributeStatus", _OR_REBOOT, False),
    "GetVariables": ("getVariableResult", "attributeStatus", _ACCEPTED, True),
    "SetVariableMonitoring": ("setMonitoringResult", "status", _ACCEPTED, False),
    "ClearVariableMonitoring": ("clearMonitoringResult", "status", _ACCEPTED, False),
    "ClearTariffs": ("clearTariffsResult", "status", _ACCEPTED, False),
}


def to_stations(version: OcppVersion) -> frozenset[str]:
    """Every action of a version that a CSMS may send."""
    return _TO_STATIONS[version]


def number_field(version: OcppVersion, action: str) -> str | None:
    """The field of a request that holds a number chosen by the CSMS; None when it has none."""
    return (_NUMBERS_16 if version.is_16 else NUMBERS).get(action)


def is_accepted(action: str, answer: Mapping[str, Any]) -> bool:
    """True when the station does as asked. `answer` fits its schema.

    Of values that were asked for, one that came is enough; of values to be set, all must be.
    """
    if action in _PARTS:
        parts, status, accepted, one_is_enough = _PARTS[action]
        told = [part[status] in accepted for part in answer[parts]]
        return any(told) if one_is_enough else all(told)
    if action == "GetConfiguration":
        return bool(answer.get("configurationKey")) or not answer.get("unknownKey")
    if action == "GetLocalListVersion":
        # 1.6 §6.30: -1 when the station keeps no list.
        return int(answer.get("listVersion", 0)) >= 0
    if action == "GetDiagnostics":
        # 1.6 §6.26: no file name, nothing to upload.
        return bool(answer.get("fileName"))
    return "status" not in answer or answer["status"] in _STATUSES.get(action, _ACCEPTED)
