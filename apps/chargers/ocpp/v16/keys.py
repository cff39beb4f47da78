"""Configuration keys of 1.6 and the variables of 2.x that mean the same (1.6 §9; 2.0.1 Part 2 §2).

A key is the variable of that name of the component `Configuration`; the few below are also known
by their 2.x names, so that a password or an interval is changed the same way on every station.
"""

from collections.abc import Mapping
from typing import Any

from apps.chargers.ocpp.v16.refusals import NotIn16

CONFIGURATION = "Configuration"
KEYS = {
    ("SecurityCtrlr", "BasicAuthPassword"): "AuthorizationKey",
    ("SecurityCtrlr", "SecurityProfile"): "SecurityProfile",
    ("SecurityCtrlr", "OrganizationName"): "CpoName",
    ("OCPPCommCtrlr", "HeartbeatInterval"): "HeartbeatInterval",
    ("OCPPCommCtrlr", "WebSocketPingInterval"): "WebSocketPingInterval",
    ("OCPPCommCtrlr", "ResetRetries"): "ResetRetries",
    ("SampledDataCtrlr", "TxUpdatedInterval"): "MeterValueSampleInterval",
    ("SampledDataCtrlr", "TxUpdatedMeasurands"): "MeterValuesSampledData",
    ("SampledDataCtrlr", "TxEndedMeasurands"): "StopTxnSampledData",
    ("AlignedDataCtrlr", "Interval"): "ClockAlignedDataInterval",
    ("AlignedDataCtrlr", "Measurands"): "MeterValuesAlignedData",
    ("AlignedDataCtrlr", "TxEndedMeasurands"): "StopTxnAlignedData",
    ("TxCtrlr", "EVConnectionTimeOut"): "ConnectionTimeOut",
    ("TxCtrlr", "StopTxOnInvalidId"): "StopTransactionOnInvalidId",
    ("TxCtrlr", "StopTxOnEVSideDisconnect"): "StopTransactionOnEVSideDisconnect",
    ("TxCtrlr", "MaxEnergyOnInvalidId"): "MaxEnergyOnInvalidId",
    ("AuthCtrlr", "AuthorizeRemoteStart"): "AuthorizeRemoteTxRequests",
    ("AuthCtrlr", "LocalAuthorizeOffline"): "LocalAuthorizeOffline",
    ("AuthCtrlr", "LocalPreAuthorize"): "LocalPreAuthorize",
    ("AuthCtrlr", "OfflineTxForUnknownIdEnabled"): "AllowOfflineTxForUnknownId",
    ("AuthCacheCtrlr", "Enabled"): "AuthorizationCacheEnabled",
    ("LocalAuthListCtrlr", "Enabled"): "LocalAuthListEnabled",
}
"""(component, variable) of 2.x -> key of 1.6."""
_KEY_MAX_LENGTH = 50


def config_key(asked: Mapping[str, Any]) -> str:
    """The key of a GetVariableData or SetVariableData; NotIn16 for what is no key."""
    component, variable = asked["component"]["name"], str(asked["variable"]["name"])
    if asked.get("attributeType", "Actual") != "Actual":
        raise NotIn16("a key of OCPP 1.6 has its value only")
    if component == CONFIGURATION:
        if not 0 < len(variable) <= _KEY_MAX_LENGTH:
            raise NotIn16(f"a key has 1 to {_KEY_MAX_LENGTH} characters")
        return variable
    if (component, variable) not in KEYS:
        raise NotIn16(f"OCPP 1.6 has no key for {component}.{variable}")
    return KEYS[component, variable]
