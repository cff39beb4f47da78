"""OCPP 2.0.1 payloads (JSON parsed with Decimal, schema already checked) to internal events.

Wire units (W, Wh) and camelCase end here. Source: OCPP 2.0.1 Part 2, §2 datatypes.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apps.chargers.ocpp.events import (
    ENERGY_REGISTER,
    ConnectorReport,
    MeterReport,
    MeterSample,
    SignedSample,
    StationBoot,
    TokenShown,
    TransactionEvent,
)
from apps.chargers.ocpp.values import (
    UNITS,
    count,
    instant,
    integer,
    loads,
    number_of,
    printable,
    scaled,
    storable,
)

__all__ = ["loads"]

Payload = Mapping[str, Any]

_UNIT_OF_POWER_BY_DEFAULT = "W"


def transaction_event(payload: Payload) -> TransactionEvent:
    """TransactionEventRequest; PayloadRefused for values that no rule could use."""
    transaction = payload["transactionInfo"]
    evse = payload.get("evse") or {}
    token = payload.get("idToken") or {}
    remote_start_id = transaction.get("remoteStartId")
    return TransactionEvent(
        transaction_id=printable(transaction["transactionId"], "transactionId"),
        seq_no=count(payload["seqNo"], "seqNo"),
        event_type=payload["eventType"],
        trigger_reason=payload["triggerReason"],
        at=instant(payload["timestamp"]),
        is_offline=bool(payload.get("offline", False)),
        charging_state=transaction.get("chargingState", ""),
        stopped_reason=transaction.get("stoppedReason", ""),
        remote_start_id=None if remote_start_id is None else integer(remote_start_id),
        evse_id=None if "id" not in evse else number_of(evse["id"], "evse.id"),
        connector_id=(
            None
            if "connectorId" not in evse
            else number_of(evse["connectorId"], "evse.connectorId")
        ),
        id_token=printable(token["idToken"], "idToken", empty=True) if token else "",
        id_token_type=token.get("type", ""),
        samples=meter_samples(payload.get("meterValue") or []),
        signed=signed_samples(payload.get("meterValue") or []),
        reservation_id=(integer(payload["reservationId"]) if "reservationId" in payload else None),
    )


def boot(payload: Payload) -> StationBoot:
    """BootNotificationRequest."""
    station = payload["chargingStation"]
    return StationBoot(
        vendor=printable(station["vendorName"], "vendorName", empty=True),
        model=printable(station["model"], "model", empty=True),
        serial_number=printable(station.get("serialNumber", ""), "serialNumber", empty=True),
        firmware=printable(station.get("firmwareVersion", ""), "firmwareVersion", empty=True),
        reason=payload["reason"],
    )


def connector_report(payload: Payload) -> ConnectorReport:
    """StatusNotificationRequest."""
    return ConnectorReport(
        evse_id=number_of(payload["evseId"], "evseId"),
        connector_id=number_of(payload["connectorId"], "connectorId"),
        status=payload["connectorStatus"],
        at=instant(payload["timestamp"]),
    )


def meter_report(payload: Payload) -> MeterReport:
    """MeterValuesRequest."""
    return MeterReport(
        evse_id=number_of(payload["evseId"], "evseId"),
        samples=meter_samples(payload["meterValue"]),
    )


def token_shown(payload: Payload) -> TokenShown:
    """AuthorizeRequest."""
    token = payload["idToken"]
    return TokenShown(
        id_token=printable(token["idToken"], "idToken", empty=True), token_type=token["type"]
    )


def meter_samples(meter_values: list[Payload]) -> tuple[MeterSample, ...]:
    """The samples of a list of MeterValueType, by time and then in the order sent."""
    samples = [
        _sample(instant(meter_value["timestamp"]), sampled)
        for meter_value in meter_values
        for sampled in meter_value["sampledValue"]
    ]
    return tuple(sorted(samples, key=lambda sample: sample.at))


def signed_samples(meter_values: list[Payload]) -> tuple[SignedSample, ...]:
    """The values that the meter signed (SignedMeterValueType), in the order sent."""
    return tuple(
        SignedSample(
            at=instant(meter_value["timestamp"]),
            context=sampled.get("context", "Sample.Periodic"),
            signed_data=storable(signed["signedMeterData"], "signedMeterData"),
            signing_method=storable(signed.get("signingMethod", ""), "signingMethod"),
            encoding_method=storable(signed.get("encodingMethod", ""), "encodingMethod"),
            public_key=storable(signed.get("publicKey", ""), "publicKey"),
        )
        for meter_value in meter_values
        for sampled in meter_value["sampledValue"]
        if (signed := sampled.get("signedMeterValue"))
    )


def _sample(at: datetime, sampled: Payload) -> MeterSample:
    measurand = sampled.get("measurand", ENERGY_REGISTER)
    unit_of_measure = sampled.get("unitOfMeasure") or {}
    wire_unit = printable(unit_of_measure.get("unit", _default_unit(measurand)), "unit", empty=True)
    unit, shift = UNITS.get(wire_unit, ("%" if wire_unit == "Percent" else wire_unit, 0))
    return MeterSample(
        at=at,
        measurand=measurand,
        value=scaled(sampled["value"], integer(unit_of_measure.get("multiplier", 0)) + shift),
        unit=unit,
        phase=sampled.get("phase", ""),
        location=sampled.get("location", ""),
        context=sampled.get("context", "Sample.Periodic"),
    )


def _default_unit(measurand: str) -> str:
    # The schema's default is Wh for everything; a power or a SoC without unit is not in Wh.
    if measurand.startswith("Power.") and measurand != "Power.Factor":
        return _UNIT_OF_POWER_BY_DEFAULT
    if measurand.startswith("Energy."):
        return "Wh"
    return "Percent" if measurand == "SoC" else ""
