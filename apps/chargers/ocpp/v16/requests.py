"""What we ask of a 1.6 station, out of the 2.x request that asks the same.

Intents, profiles, lists and reservations are written once, as 2.x payloads; `calls` says what goes
over a 1.6 socket. A 2.x EVSE n is the 1.6 connector n; EVSE 0, or none, is the station. Sources:
OCPP 1.6 edition 2 §5 and §6; its security whitepaper (edition 3) for certificates, logs, firmware.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.chargers.ocpp.v16.keys import config_key
from apps.chargers.ocpp.v16.profiles import profile_16, purpose_16
from apps.chargers.ocpp.v16.refusals import NotIn16
from apps.chargers.ocpp.v16.tags import ID_TAG_MAX_LENGTH, id_tag, id_tag_info

Payload = Mapping[str, Any]
NumberOf = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Call:
    """An action of 1.6 and its payload, as on the wire."""

    action: str
    payload: dict[str, Any]


def calls(action: str, payload: Payload, *, number_of: NumberOf | None = None) -> tuple[Call, ...]:
    """The 1.6 calls that do what a 2.x request does, in order; most often one.

    `number_of` gives the integer that a 1.6 station knows a transaction by (Session's row id).
    Several: SetVariables and GetInstalledCertificateIds take a list, 1.6 one a call. NotIn16 for
    what 1.6 has no words for.
    """
    translate = _TRANSLATIONS.get(action)
    if translate is None:
        raise NotIn16(f"OCPP 1.6 has nothing like {action}")
    return tuple(translate(payload, number_of or _no_number))


def _no_number(transaction_id: str) -> int:
    raise NotIn16(f"the number of transaction {transaction_id} is not known")


def _one(action: str, **payload: Any) -> list[Call]:
    """One call; what is None is left out."""
    return [Call(action, {name: value for name, value in payload.items() if value is not None})]


def _start(payload: Payload, number_of: NumberOf) -> list[Call]:
    """§5.11; 1.6 has no remoteStartId: the session is found again by tag, connector and time."""
    profile = payload.get("chargingProfile")
    return _one(
        "RemoteStartTransaction",
        idTag=id_tag(payload["idToken"]),
        connectorId=payload.get("evseId"),
        chargingProfile=None if profile is None else profile_16(profile, number_of),
    )


def _stop(payload: Payload, number_of: NumberOf) -> list[Call]:
    """§5.12."""
    return _one("RemoteStopTransaction", transactionId=number_of(payload["transactionId"]))


def _reset(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.14: Soft ends sessions in order, Hard at once; always the whole station."""
    if payload.get("evseId"):
        raise NotIn16("OCPP 1.6 resets a whole station, not one EVSE")
    return _one("Reset", type="Soft" if payload["type"] == "OnIdle" else "Hard")


def _unlock(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.18."""
    return _one("UnlockConnector", connectorId=payload["evseId"])


def _availability(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.2."""
    return _one(
        "ChangeAvailability", connectorId=_connector(payload), type=payload["operationalStatus"]
    )


_TRIGGERS = frozenset(
    {
        "BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification",
        "Heartbeat", "MeterValues", "StatusNotification",
    }
)  # fmt: skip
# Whitepaper, ExtendedTriggerMessage.
_TRIGGERS_EXTENDED = {
    "LogStatusNotification": "LogStatusNotification",
    "SignChargingStationCertificate": "SignChargePointCertificate",
}


def _trigger(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.17, and the whitepaper's for the messages that it adds."""
    wanted = payload["requestedMessage"]
    connector = (payload.get("evse") or {}).get("id") or None
    if wanted in _TRIGGERS:
        return _one("TriggerMessage", requestedMessage=wanted, connectorId=connector)
    if wanted in _TRIGGERS_EXTENDED:
        return _one(
            "ExtendedTriggerMessage",
            requestedMessage=_TRIGGERS_EXTENDED[wanted],
            connectorId=connector,
        )
    raise NotIn16(f"a 1.6 station cannot be asked for {wanted}")


def _variables_get(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.8."""
    return _one("GetConfiguration", key=[config_key(one) for one in payload["getVariableData"]])


def _variables_set(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.3: one call for each key."""
    return [
        Call("ChangeConfiguration", {"key": config_key(one), "value": str(one["attributeValue"])})
        for one in payload["setVariableData"]
    ]


def _report(_payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.8: without keys a station tells all it has."""
    return _one("GetConfiguration")


def _local_list(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.15; tokens that 1.6 cannot name are left out, the station asks us for them."""
    entries: Sequence[Payload] | None = payload.get("localAuthorizationList")
    return _one(
        "SendLocalList",
        listVersion=payload["versionNumber"],
        updateType=payload["updateType"],
        localAuthorizationList=(
            None
            if entries is None
            else [
                _list_entry(entry)
                for entry in entries
                if 0 < len(entry["idToken"]["idToken"]) <= ID_TAG_MAX_LENGTH
            ]
        ),
    )


def _list_entry(entry: Payload) -> dict[str, Any]:
    """AuthorizationData (§7.1); without idTagInfo the entry is taken off the list."""
    listed: dict[str, Any] = {"idTag": entry["idToken"]["idToken"]}
    if "idTokenInfo" in entry:
        listed["idTagInfo"] = id_tag_info(entry["idTokenInfo"])
    return listed


def _reserve(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.13."""
    if payload.get("connectorType") and not payload.get("evseId"):
        raise NotIn16("OCPP 1.6 reserves a connector by its number, not by its type")
    group = payload.get("groupIdToken")
    return _one(
        "ReserveNow",
        reservationId=payload["id"],
        expiryDate=payload["expiryDateTime"],
        idTag=id_tag(payload["idToken"]),
        parentIdTag=None if group is None else id_tag(group),
        connectorId=payload.get("evseId", 0),
    )


def _reservation_cancel(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.1."""
    return _one("CancelReservation", reservationId=payload["reservationId"])


def _profile_set(payload: Payload, number_of: NumberOf) -> list[Call]:
    """§5.16.1."""
    connector, profile = payload["evseId"], profile_16(payload["chargingProfile"], number_of)
    purpose = profile["chargingProfilePurpose"]
    if purpose == "ChargePointMaxProfile" and connector:
        raise NotIn16("a profile for the whole station is set at EVSE 0")
    if purpose == "TxProfile" and not connector:
        raise NotIn16("a profile for one session needs its EVSE")
    return _one("SetChargingProfile", connectorId=connector, csChargingProfiles=profile)


def _profiles_clear(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.5."""
    criteria = payload.get("chargingProfileCriteria") or {}
    purpose = criteria.get("chargingProfilePurpose")
    return _one(
        "ClearChargingProfile",
        id=payload.get("chargingProfileId"),
        connectorId=criteria.get("evseId"),
        chargingProfilePurpose=None if purpose is None else purpose_16(purpose),
        stackLevel=criteria.get("stackLevel"),
    )


def _schedule(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.7."""
    return _one(
        "GetCompositeSchedule",
        connectorId=payload["evseId"],
        duration=payload["duration"],
        chargingRateUnit=payload.get("chargingRateUnit"),
    )


def _log(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.9 for diagnostics, which every station has; the whitepaper's GetLog for security."""
    log, retries = payload["log"], _retries(payload)
    if payload["logType"] == "DiagnosticsLog":
        return _one(
            "GetDiagnostics",
            location=log["remoteLocation"],
            startTime=log.get("oldestTimestamp"),
            stopTime=log.get("latestTimestamp"),
            **retries,
        )
    if payload["logType"] != "SecurityLog":
        raise NotIn16(f"a 1.6 station keeps no {payload['logType']}")
    return _one(
        "GetLog",
        logType="SecurityLog",
        requestId=payload.get("requestId"),
        log={name: log[name] for name in _LOG_NAMES if name in log},
        **retries,
    )


_LOG_NAMES = ("remoteLocation", "oldestTimestamp", "latestTimestamp")


def _firmware(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.19, or the whitepaper's SignedUpdateFirmware for firmware with its signature."""
    firmware, retries = payload["firmware"], _retries(payload)
    if "signature" in firmware and "signingCertificate" in firmware:
        return _one(
            "SignedUpdateFirmware",
            requestId=payload.get("requestId"),
            firmware={name: firmware[name] for name in _SIGNED_FIRMWARE_NAMES if name in firmware},
            **retries,
        )
    return _one(
        "UpdateFirmware",
        location=firmware["location"],
        retrieveDate=firmware["retrieveDateTime"],
        **retries,
    )


_SIGNED_FIRMWARE_NAMES = (
    "location", "retrieveDateTime", "installDateTime", "signingCertificate", "signature",
)  # fmt: skip


def _data(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """§5.6: in 1.6 the data is text."""
    data = payload.get("data")
    return _one(
        "DataTransfer",
        vendorId=payload["vendorId"],
        messageId=payload.get("messageId"),
        data=data if data is None or isinstance(data, str) else json.dumps(data),
    )


# Whitepaper, CertificateUseEnumType.
_CERTIFICATES = {
    "CSMSRootCertificate": "CentralSystemRootCertificate",
    "ManufacturerRootCertificate": "ManufacturerRootCertificate",
}


def _certificate_signed(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """Whitepaper, CertificateSigned."""
    if payload.get("certificateType", "ChargingStationCertificate") != "ChargingStationCertificate":
        raise NotIn16("OCPP 1.6 has certificates of stations only")
    return _one("CertificateSigned", certificateChain=payload["certificateChain"])


def _certificate_install(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """Whitepaper, InstallCertificate."""
    return _one(
        "InstallCertificate",
        certificateType=_certificate_use(payload["certificateType"]),
        certificate=payload["certificate"],
    )


def _certificate_delete(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """Whitepaper, DeleteCertificate."""
    return _one("DeleteCertificate", certificateHashData=dict(payload["certificateHashData"]))


def _certificates_list(payload: Payload, _number_of: NumberOf) -> list[Call]:
    """Whitepaper, GetInstalledCertificateIds: one kind a call; none named means both."""
    kinds = payload.get("certificateType") or list(_CERTIFICATES)
    return [
        Call("GetInstalledCertificateIds", {"certificateType": _certificate_use(kind)})
        for kind in kinds
    ]


def _certificate_use(kind: str) -> str:
    if kind not in _CERTIFICATES:
        raise NotIn16(f"a 1.6 station holds no {kind}")
    return _CERTIFICATES[kind]


def _retries(payload: Payload) -> dict[str, Any]:
    return {name: payload.get(name) for name in ("retries", "retryInterval")}


def _connector(payload: Payload) -> int:
    return int((payload.get("evse") or {}).get("id", 0))


_TRANSLATIONS: dict[str, Callable[[Payload, NumberOf], list[Call]]] = {
    "RequestStartTransaction": _start,
    "RequestStopTransaction": _stop,
    "Reset": _reset,
    "UnlockConnector": _unlock,
    "ChangeAvailability": _availability,
    "TriggerMessage": _trigger,
    "GetVariables": _variables_get,
    "SetVariables": _variables_set,
    "GetBaseReport": _report,
    "GetReport": _report,
    "ClearCache": lambda _payload, _number_of: _one("ClearCache"),
    "GetLocalListVersion": lambda _payload, _number_of: _one("GetLocalListVersion"),
    "SendLocalList": _local_list,
    "ReserveNow": _reserve,
    "CancelReservation": _reservation_cancel,
    "SetChargingProfile": _profile_set,
    "ClearChargingProfile": _profiles_clear,
    "GetCompositeSchedule": _schedule,
    "GetLog": _log,
    "UpdateFirmware": _firmware,
    "DataTransfer": _data,
    "CertificateSigned": _certificate_signed,
    "InstallCertificate": _certificate_install,
    "DeleteCertificate": _certificate_delete,
    "GetInstalledCertificateIds": _certificates_list,
}
TRANSLATED = frozenset(_TRANSLATIONS)
"""The 2.x actions that a 1.6 station can be asked for."""

__all__ = ["TRANSLATED", "Call", "NotIn16", "calls"]
