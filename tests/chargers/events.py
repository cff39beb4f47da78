"""TransactionEvent payloads as a station sends them, and what they must end in."""

import json
from typing import Any


def meter(
    at: str, *, register_wh: str | None = None, power_w: str | None = None, soc: str | None = None
) -> dict[str, Any]:
    """A MeterValueType; numbers are texts, put into the JSON as they are (see `dumps`)."""
    sampled = []
    if register_wh is not None:
        sampled.append({"value": Number(register_wh)})
    if power_w is not None:
        sampled.append(
            {
                "value": Number(power_w),
                "measurand": "Power.Active.Import",
                "unitOfMeasure": {"unit": "W"},
            }
        )
    if soc is not None:
        sampled.append({"value": Number(soc), "measurand": "SoC", "location": "EV"})
    return {"timestamp": at, "sampledValue": sampled}


def event(
    seq_no: int,
    event_type: str,
    at: str,
    *,
    transaction_id: str = "tx-1",
    trigger: str = "MeterValuePeriodic",
    id_token: str | None = None,
    evse_id: int | None = None,
    meter_values: list[dict[str, Any]] | None = None,
    offline: bool = False,
    **transaction: Any,
) -> dict[str, Any]:
    """A TransactionEventRequest payload."""
    payload: dict[str, Any] = {
        "eventType": event_type,
        "timestamp": at,
        "triggerReason": trigger,
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": transaction_id, **transaction},
    }
    if offline:
        payload["offline"] = True
    if id_token is not None:
        payload["idToken"] = {"idToken": id_token, "type": "ISO14443"}
    if evse_id is not None:
        payload["evse"] = {"id": evse_id, "connectorId": 1}
    if meter_values:
        payload["meterValue"] = meter_values
    return payload


def charging_of_five_events() -> list[dict[str, Any]]:
    """One hour: 1000 Wh on the register at start, 10,000.55 Wh at the end -> 9.00055 kWh."""
    return [
        event(
            0, "Started", "2026-03-10T12:00:00Z", trigger="CablePluggedIn", evse_id=1,
            chargingState="EVConnected",
            meter_values=[meter("2026-03-10T12:00:00Z", register_wh="1000", power_w="0")],
        ),
        event(
            1, "Updated", "2026-03-10T12:01:00Z", trigger="Authorized", id_token="04A2B3C4",
            chargingState="Charging",
            meter_values=[meter("2026-03-10T12:01:00Z", register_wh="1000", soc="41.5")],
        ),
        event(
            2, "Updated", "2026-03-10T12:20:00Z",
            meter_values=[meter("2026-03-10T12:20:00Z", register_wh="4000.5", power_w="11000")],
        ),
        event(
            3, "Updated", "2026-03-10T12:40:00Z",
            meter_values=[
                meter("2026-03-10T12:40:00Z", register_wh="8000.25", power_w="10500.5", soc="55")
            ],
        ),
        event(
            4, "Ended", "2026-03-10T13:00:00Z", trigger="StopAuthorized", id_token="DEADBEEF",
            stoppedReason="Local",
            meter_values=[meter("2026-03-10T13:00:00Z", register_wh="10000.55", power_w="0")],
        ),
    ]  # fmt: skip


class Number(float):
    """A number whose JSON text is kept digit for digit."""

    def __new__(cls, text: str) -> "Number":
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str

    def __repr__(self) -> str:
        return self.text


def dumps(payload: Any) -> str:
    """JSON in which a Number has its own digits."""
    if isinstance(payload, Number):
        return payload.text
    if isinstance(payload, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{dumps(v)}" for k, v in payload.items()) + "}"
    if isinstance(payload, list):
        return "[" + ",".join(map(dumps, payload)) + "]"
    return json.dumps(payload)
