"""OCPP 1.6 payloads (JSON parsed with Decimal, schema already checked) to internal events.

A 1.6 connector n is our EVSE n with connector 1; connector 0 is the station. Sections are of
OCPP 1.6 edition 2; SecurityEventNotification and the like are of its security whitepaper.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apps.chargers.choices import ConnectorStatus
from apps.chargers.ocpp.events import (
    ConnectorReport,
    MeterReport,
    PayloadRefused,
    SecurityReport,
    StationBoot,
    TokenShown,
    TransactionEvent,
)
from apps.chargers.ocpp.v16 import numbering
from apps.chargers.ocpp.v16.meters import register_sample, samples, signed_samples
from apps.chargers.ocpp.v16.tags import id_tag_type
from apps.chargers.ocpp.values import instant, integer, number_of, printable

Payload = Mapping[str, Any]

THE_CONNECTOR = 1
"""Every EVSE of a 1.6 station has this one connector."""

# §7.7, by what our users see; the rest of the meaning is in the session's charging state.
CONNECTOR_STATUSES = {
    "Available": ConnectorStatus.AVAILABLE,
    "Preparing": ConnectorStatus.OCCUPIED,
    "Charging": ConnectorStatus.OCCUPIED,
    "SuspendedEVSE": ConnectorStatus.OCCUPIED,
    "SuspendedEV": ConnectorStatus.OCCUPIED,
    "Finishing": ConnectorStatus.OCCUPIED,
    "Reserved": ConnectorStatus.RESERVED,
    "Unavailable": ConnectorStatus.UNAVAILABLE,
    "Faulted": ConnectorStatus.FAULTED,
}
CHARGING_STATES = frozenset({"Charging", "SuspendedEV", "SuspendedEVSE"})
"""Statuses that say how a session goes (ChargingStateEnumType has the same words)."""
NO_ERROR = "NoError"
# §7.36 -> ReasonEnumType of 2.0.1; without a reason it is Local (§6.49).
STOP_REASONS = {
    "EmergencyStop": "EmergencyStop", "EVDisconnected": "EVDisconnected", "HardReset": "Reboot",
    "Local": "Local", "Other": "Other", "PowerLoss": "PowerLoss", "Reboot": "Reboot",
    "Remote": "Remote", "SoftReset": "Reboot", "UnlockCommand": "Other",
    "DeAuthorized": "DeAuthorized",
}  # fmt: skip
# Reason -> TriggerReasonEnumType of 2.0.1.
_STOP_TRIGGERS = {
    "EmergencyStop": "AbnormalCondition", "EVDisconnected": "EVDeparted",
    "HardReset": "ResetCommand", "Local": "StopAuthorized", "Other": "AbnormalCondition",
    "PowerLoss": "AbnormalCondition", "Reboot": "AbnormalCondition", "Remote": "RemoteStop",
    "SoftReset": "ResetCommand", "UnlockCommand": "UnlockCommand", "DeAuthorized": "Deauthorized",
}  # fmt: skip
_METER_TRIGGERS = {"Sample.Clock": "MeterValueClock", "Trigger": "Trigger"}


def boot(payload: Payload) -> StationBoot:
    """BootNotification (§6.1); the serial number of the charge point before that of its box."""
    serial_number = payload.get("chargePointSerialNumber") or payload.get("chargeBoxSerialNumber")
    return StationBoot(
        vendor=printable(payload["chargePointVendor"], "chargePointVendor", empty=True),
        model=printable(payload["chargePointModel"], "chargePointModel", empty=True),
        serial_number=printable(serial_number or "", "chargePointSerialNumber", empty=True),
        firmware=printable(payload.get("firmwareVersion", ""), "firmwareVersion", empty=True),
        reason="Unknown",
    )


def token_shown(payload: Payload) -> TokenShown:
    """Authorize (§4.1)."""
    tag = printable(payload["idTag"], "idTag", empty=True)
    return TokenShown(id_token=tag, token_type=id_tag_type(tag))


def connector_report(payload: Payload, *, now: datetime) -> ConnectorReport:
    """StatusNotification (§4.9); without a timestamp it is of now. EVSE 0 is the station."""
    number = number_of(payload["connectorId"], "connectorId")
    return ConnectorReport(
        evse_id=number,
        connector_id=THE_CONNECTOR if number else 0,
        status=CONNECTOR_STATUSES[payload["status"]],
        at=status_at(payload, now=now),
        error_code=error_code(payload),
    )


def status_at(payload: Payload, *, now: datetime) -> datetime:
    """The instant of a StatusNotification."""
    return instant(payload["timestamp"]) if "timestamp" in payload else now


def error_code(payload: Payload) -> str:
    """What a StatusNotification says is wrong: the vendor's own code before the general one."""
    code: str = payload["errorCode"]
    vendor = printable(payload.get("vendorErrorCode", ""), "vendorErrorCode", empty=True)
    if code == NO_ERROR:
        # Many vendors send "0" or "NoError" for "nothing".
        return "" if vendor.strip("0").lower() in ("", "noerror", "none") else vendor
    return f"{code}/{vendor}"[:50] if vendor and vendor != code else code


def fault_text(payload: Payload) -> str:
    """What a StatusNotification says of its fault in words: the info, and whose code it is."""
    info = printable(payload.get("info", ""), "info", empty=True)
    vendor = printable(payload.get("vendorId", ""), "vendorId", empty=True)
    return f"{info} ({vendor})" if info and vendor else info or vendor


def meter_report(payload: Payload) -> MeterReport:
    """MeterValues (§4.7) outside a transaction; connector 0 is the station's main meter."""
    return MeterReport(
        evse_id=number_of(payload["connectorId"], "connectorId"),
        samples=samples(payload["meterValue"]),
    )


def started(payload: Payload, *, remote_start_id: int | None = None) -> TransactionEvent:
    """StartTransaction (§4.8): the event with number 0."""
    at = instant(payload["timestamp"])
    connector = number_of(payload["connectorId"], "connectorId")
    if not connector:
        raise PayloadRefused("PropertyConstraintViolation", "a transaction is at a connector")
    meter_start_wh = integer(payload["meterStart"])
    tag = printable(payload["idTag"], "idTag", empty=True)
    return TransactionEvent(
        transaction_id=numbering.transaction_id(connector, at, meter_start_wh, tag),
        seq_no=numbering.FIRST,
        event_type="Started",
        trigger_reason="Authorized" if remote_start_id is None else "RemoteStart",
        at=at,
        is_offline=False,
        charging_state="Charging",
        stopped_reason="",
        remote_start_id=remote_start_id,
        evse_id=connector,
        connector_id=THE_CONNECTOR,
        id_token=tag,
        id_token_type=id_tag_type(tag),
        samples=(register_sample(at, meter_start_wh, context="Transaction.Begin"),),
        reservation_id=integer(payload["reservationId"]) if "reservationId" in payload else None,
    )


def metered(payload: Payload, *, transaction_id: str) -> TransactionEvent:
    """MeterValues (§4.7) of a transaction, numbered by their time and content."""
    values = samples(payload["meterValue"])
    signed = signed_samples(payload["meterValue"])
    at = min([*(one.at for one in values), *(one.at for one in signed)])
    context = values[0].context if values else signed[0].context
    return TransactionEvent(
        transaction_id=transaction_id,
        seq_no=numbering.of_values(at, payload["meterValue"]),
        event_type="Updated",
        trigger_reason=_METER_TRIGGERS.get(context, "MeterValuePeriodic"),
        at=at,
        is_offline=False,
        charging_state="",
        stopped_reason="",
        remote_start_id=None,
        evse_id=None,
        connector_id=None,
        id_token="",
        id_token_type="",
        samples=values,
        signed=signed,
    )


def stopped(payload: Payload, *, transaction_id: str) -> TransactionEvent:
    """StopTransaction (§4.10): the event with the last number; meterStop is its end register.

    A value of transactionData that cannot be used is left out: a session must end (§4.10: checks
    must not keep the answer back).
    """
    at = instant(payload["timestamp"])
    reason = payload.get("reason", "Local")
    meter_values = payload.get("transactionData") or []
    register = register_sample(at, integer(payload["meterStop"]), context="Transaction.End")
    return TransactionEvent(
        transaction_id=transaction_id,
        seq_no=numbering.LAST,
        event_type="Ended",
        trigger_reason=_STOP_TRIGGERS[reason],
        at=at,
        is_offline=False,
        charging_state="Idle",
        stopped_reason=STOP_REASONS[reason],
        remote_start_id=None,
        evse_id=None,
        connector_id=None,
        # Who stopped is not who charges: the session's token is that of its start.
        id_token="",
        id_token_type="",
        samples=(*samples(meter_values, usable_only=True), register),
        signed=signed_samples(meter_values, usable_only=True),
    )


def security_event(payload: Payload) -> SecurityReport:
    """SecurityEventNotification (whitepaper)."""
    return SecurityReport(
        type=printable(payload["type"], "type"),
        at=instant(payload["timestamp"]),
        tech_info=printable(payload.get("techInfo", ""), "techInfo", empty=True),
    )


def number_said(payload: Payload) -> int | None:
    """The transaction number in a MeterValues or StopTransaction; None when there is none."""
    return integer(payload["transactionId"]) if "transactionId" in payload else None


def stop_tag(payload: Payload) -> str:
    """Who stopped; empty when nobody did."""
    return printable(payload.get("idTag", ""), "idTag", empty=True)


def event_again(
    event_type: str, payload: Payload, *, transaction_id: str, remote_start_id: int | None
) -> TransactionEvent:
    """A stored event, read again from its text; what was found out at its start is given."""
    if event_type == "Started":
        return started(payload, remote_start_id=remote_start_id)
    if event_type == "Ended":
        return stopped(payload, transaction_id=transaction_id)
    return metered(payload, transaction_id=transaction_id)
