"""OCPP 2.0.1 payloads (JSON parsed with Decimal, schema already checked) to internal events.

Wire units (W, Wh) and camelCase end here. Source: OCPP 2.0.1 Part 2, §2 datatypes.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from apps.chargers.ocpp.events import (
    ENERGY_REGISTER,
    ConnectorReport,
    MeterReport,
    MeterSample,
    PayloadRefused,
    StationBoot,
    TokenShown,
    TransactionEvent,
)
from cariflex.common.time import parse_rfc3339

Payload = Mapping[str, Any]

# Wire unit -> (our unit, power of ten to shift by).
_UNITS = {"Wh": ("kWh", -3), "kWh": ("kWh", 0), "W": ("kW", -3), "kW": ("kW", 0)}
_UNIT_OF_POWER_BY_DEFAULT = "W"
_PLACES = Decimal("1e-9")
# Beyond any meter: a GWh register has 9 digits of kWh.
_LARGEST = Decimal("1e12")
_LARGEST_INTEGER = 2**62


def transaction_event(payload: Payload) -> TransactionEvent:
    """TransactionEventRequest; PayloadRefused for values that no rule could use."""
    transaction = payload["transactionInfo"]
    evse = payload.get("evse") or {}
    token = payload.get("idToken") or {}
    remote_start_id = transaction.get("remoteStartId")
    return TransactionEvent(
        transaction_id=_text(transaction["transactionId"], "transactionId"),
        seq_no=_count(payload["seqNo"], "seqNo"),
        event_type=payload["eventType"],
        trigger_reason=payload["triggerReason"],
        at=_at(payload["timestamp"]),
        is_offline=bool(payload.get("offline", False)),
        charging_state=transaction.get("chargingState", ""),
        stopped_reason=transaction.get("stoppedReason", ""),
        remote_start_id=None if remote_start_id is None else _integer(remote_start_id),
        evse_id=None if "id" not in evse else _number_of(evse["id"], "evse.id"),
        connector_id=(
            None
            if "connectorId" not in evse
            else _number_of(evse["connectorId"], "evse.connectorId")
        ),
        id_token=_text(token["idToken"], "idToken", empty=True) if token else "",
        id_token_type=token.get("type", ""),
        samples=meter_samples(payload.get("meterValue") or []),
    )


def boot(payload: Payload) -> StationBoot:
    """BootNotificationRequest."""
    station = payload["chargingStation"]
    return StationBoot(
        vendor=_text(station["vendorName"], "vendorName", empty=True),
        model=_text(station["model"], "model", empty=True),
        serial_number=_text(station.get("serialNumber", ""), "serialNumber", empty=True),
        firmware=_text(station.get("firmwareVersion", ""), "firmwareVersion", empty=True),
        reason=payload["reason"],
    )


def connector_report(payload: Payload) -> ConnectorReport:
    """StatusNotificationRequest."""
    return ConnectorReport(
        evse_id=_number_of(payload["evseId"], "evseId"),
        connector_id=_number_of(payload["connectorId"], "connectorId"),
        status=payload["connectorStatus"],
        at=_at(payload["timestamp"]),
    )


def meter_report(payload: Payload) -> MeterReport:
    """MeterValuesRequest."""
    return MeterReport(
        evse_id=_number_of(payload["evseId"], "evseId"),
        samples=meter_samples(payload["meterValue"]),
    )


def token_shown(payload: Payload) -> TokenShown:
    """AuthorizeRequest."""
    token = payload["idToken"]
    return TokenShown(
        id_token=_text(token["idToken"], "idToken", empty=True), token_type=token["type"]
    )


def meter_samples(meter_values: list[Payload]) -> tuple[MeterSample, ...]:
    """The samples of a list of MeterValueType, by time and then in the order sent."""
    samples = [
        _sample(_at(meter_value["timestamp"]), sampled)
        for meter_value in meter_values
        for sampled in meter_value["sampledValue"]
    ]
    return tuple(sorted(samples, key=lambda sample: sample.at))


def loads(text: str) -> Any:
    """JSON with every fraction as Decimal, so that the meter's digits survive."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def _sample(at: datetime, sampled: Payload) -> MeterSample:
    measurand = sampled.get("measurand", ENERGY_REGISTER)
    unit_of_measure = sampled.get("unitOfMeasure") or {}
    wire_unit = _text(unit_of_measure.get("unit", _default_unit(measurand)), "unit", empty=True)
    unit, shift = _UNITS.get(wire_unit, ("%" if wire_unit == "Percent" else wire_unit, 0))
    return MeterSample(
        at=at,
        measurand=measurand,
        value=_scaled(sampled["value"], _integer(unit_of_measure.get("multiplier", 0)) + shift),
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


def _scaled(value: Any, exponent: int) -> Decimal:
    try:
        number = Decimal(value)
        if abs(exponent) > 30 or number.adjusted() > 40:
            raise PayloadRefused("PropertyConstraintViolation", f"meter value {value} out of range")
        number = number.scaleb(exponent)
        if abs(number) >= _LARGEST:
            raise PayloadRefused("PropertyConstraintViolation", f"meter value {value} out of range")
        return number.quantize(_PLACES)
    except (InvalidOperation, ValueError, TypeError) as err:
        raise PayloadRefused("PropertyConstraintViolation", f"not a number: {value!r}") from err


def _at(text: str) -> datetime:
    try:
        at = parse_rfc3339(text)
    except (ValueError, OverflowError) as err:
        raise PayloadRefused("FormatViolation", f"not a date-time: {text[:40]!r}") from err
    if not 2000 <= at.year < 2100:
        raise PayloadRefused("PropertyConstraintViolation", f"the clock says {text[:40]!r}")
    return at


def _text(value: str, name: str, *, empty: bool = False) -> str:
    text = value.strip()
    if not text and not empty:
        raise PayloadRefused("PropertyConstraintViolation", f"{name} is empty")
    if not text.isprintable():
        raise PayloadRefused("FormatViolation", f"{name} has characters that are not printable")
    return text


def _count(value: Any, name: str) -> int:
    number = _integer(value)
    if number < 0:
        raise PayloadRefused("PropertyConstraintViolation", f"{name} is negative")
    return number


def _number_of(value: Any, name: str) -> int:
    number = _count(value, name)
    if number > 32_767:
        raise PayloadRefused("PropertyConstraintViolation", f"{name} is out of range")
    return number


def _integer(value: Any) -> int:
    # JSON schema takes 3.0 as an integer (draft 6).
    number = int(value)
    if number != value or abs(number) > _LARGEST_INTEGER:
        raise PayloadRefused("PropertyConstraintViolation", f"not a usable integer: {value}")
    return number


def _refuse_constant(name: str) -> Callable[[], None]:
    raise ValueError(f"{name} is not JSON")
