"""Which orders CitrineOS takes, and under which address (its message API, v1.8.3)."""

from apps.chargers.ocpp.versions import OcppVersion

_MODULES_201 = {
    "certificates": (
        "CertificateSigned", "DeleteCertificate", "GetInstalledCertificateIds",
        "InstallCertificate",
    ),
    "configuration": (
        "ChangeAvailability", "ClearDisplayMessage", "DataTransfer", "GetDisplayMessages",
        "PublishFirmware", "Reset", "SetDisplayMessage", "SetNetworkProfile", "TriggerMessage",
        "UnpublishFirmware", "UpdateFirmware",
    ),
    "evdriver": (
        "CancelReservation", "ClearCache", "GetLocalListVersion", "RequestStartTransaction",
        "RequestStopTransaction", "ReserveNow", "SendLocalList", "UnlockConnector",
    ),
    "monitoring": (
        "ClearVariableMonitoring", "GetVariables", "SetMonitoringBase", "SetMonitoringLevel",
        "SetVariableMonitoring", "SetVariables",
    ),
    "reporting": (
        "CustomerInformation", "GetBaseReport", "GetLog", "GetMonitoringReport", "GetReport",
    ),
    "smartcharging": (
        "ClearChargingProfile", "GetChargingProfiles", "GetCompositeSchedule",
        "SetChargingProfile",
    ),
    "transactions": ("CostUpdated", "GetTransactionStatus"),
}  # fmt: skip
_MODULES_16 = {
    "configuration": (
        "ChangeAvailability", "ChangeConfiguration", "DataTransfer", "GetConfiguration", "Reset",
        "TriggerMessage", "UpdateFirmware",
    ),
    "evdriver": (
        "ClearCache", "RemoteStartTransaction", "RemoteStopTransaction", "UnlockConnector",
    ),
    "reporting": ("GetDiagnostics",),
    "smartcharging": ("ClearChargingProfile", "GetCompositeSchedule", "SetChargingProfile"),
}  # fmt: skip
_MODULE_OF = {
    (version, action): module
    for version, modules in (
        (OcppVersion.V201, _MODULES_201),
        (OcppVersion.V16, _MODULES_16),
    )
    for module, actions in modules.items()
    for action in actions
}


def message_path(version: OcppVersion, action: str) -> str | None:
    """Where an order is posted; None for one that CitrineOS does not take."""
    module = _MODULE_OF.get((version, action))
    if module is None:
        return None
    return f"/ocpp/{version.value}/{module}/{action[0].lower()}{action[1:]}"
