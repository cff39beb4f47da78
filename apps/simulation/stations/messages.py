"""The payloads a station sends, built from its state (OCPP 2.0.1 part 2, chapters E and J)."""

from datetime import UTC, datetime
from typing import Any

from apps.simulation.stations.ledger import OpenTransaction

EVSE = {"id": 1, "connector_id": 1}
PHASE_VOLTAGE_V = 230.0
LEAST_CURRENT_A = 6
"""IEC 61851: below it a car stops."""


def wire_time(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def id_token(value: str) -> dict[str, str]:
    """An RFID card."""
    return {"id_token": value, "type": "ISO14443"}


def charging_needs(
    *, departure: datetime, soc_percent: float, capacity_kwh: float, max_power_kw: float,
    target_percent: float,
) -> dict[str, Any]:  # fmt: skip
    """A ChargingNeedsType of 2.0.1 (K15). AC parameters have no state of charge, DC ones do."""
    missing_kwh = max(0.0, target_percent - soc_percent) / 100 * capacity_kwh
    phase_current_a = round(max_power_kw * 1000 / (3 * PHASE_VOLTAGE_V))
    return {
        "requested_energy_transfer": "AC_three_phase",
        "departure_time": wire_time(departure),
        "ac_charging_parameters": {
            "energy_amount": round(missing_kwh * 1000),
            "ev_min_current": LEAST_CURRENT_A,
            "ev_max_current": phase_current_a,
            "ev_max_voltage": round(PHASE_VOLTAGE_V),
        },
        "dc_charging_parameters": {
            "ev_max_current": phase_current_a,
            "ev_max_voltage": round(3 * PHASE_VOLTAGE_V),
            "ev_max_power": round(max_power_kw * 1000),
            "energy_amount": round(missing_kwh * 1000),
            "state_of_charge": round(soc_percent),
            "ev_energy_capacity": round(capacity_kwh * 1000),
        },
    }


def meter_value(
    *, at: str, context: str, register_wh: float, power_w: float, soc_percent: float | None
) -> dict[str, Any]:
    """One sample of the outlet meter: import register (Wh), power (W) and the car's SoC (%)."""

    def sampled(value: float, measurand: str, unit: str, location: str) -> dict[str, Any]:
        return {
            "value": value,
            "context": context,
            "measurand": measurand,
            "location": location,
            "unit_of_measure": {"unit": unit},
        }

    samples = [
        sampled(round(register_wh, 1), "Energy.Active.Import.Register", "Wh", "Outlet"),
        sampled(round(power_w, 1), "Power.Active.Import", "W", "Outlet"),
    ]
    if soc_percent is not None:
        samples.append(sampled(round(soc_percent, 1), "SoC", "Percent", "EV"))
    return {"timestamp": at, "sampled_value": samples}


def transaction_event(
    transaction: OpenTransaction,
    *,
    event_type: str,
    trigger_reason: str,
    at: str,
    offline: bool,
    meter: dict[str, Any],
    token: str | None = None,
    stopped_reason: str | None = None,
) -> dict[str, Any]:
    """A TransactionEventRequest with the next seqNo, which it takes."""
    info: dict[str, Any] = {
        "transaction_id": transaction.transaction_id,
        "charging_state": transaction.charging_state,
        "time_spent_charging": round(transaction.time_charging_s),
    }
    if stopped_reason is not None:
        info["stopped_reason"] = stopped_reason
    if transaction.remote_start_id is not None and event_type == "Started":
        info["remote_start_id"] = transaction.remote_start_id
    event: dict[str, Any] = {
        "event_type": event_type,
        "timestamp": at,
        "trigger_reason": trigger_reason,
        "seq_no": transaction.next_seq_no,
        "transaction_info": info,
        "meter_value": [meter],
        "offline": offline,
        "number_of_phases_used": 3,
    }
    if event_type == "Started":
        event["evse"] = dict(EVSE)
        if transaction.reservation_id is not None:
            event["reservation_id"] = transaction.reservation_id
    if token is not None:
        event["id_token"] = id_token(token)
    transaction.next_seq_no += 1
    return event
