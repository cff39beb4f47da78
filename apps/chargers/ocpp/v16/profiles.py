"""Charging profiles of 2.x as 1.6 has them, and composite schedules back (1.6 §7.8, §7.13).

1.6 has one schedule a profile, limits of a tenth and no discharge. A limit is cut down to the
tenth below it, so that a station never gets more than was meant.
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from apps.chargers.ocpp.v16.refusals import NotIn16

Payload = Mapping[str, Any]
_PURPOSES = {
    "ChargingStationMaxProfile": "ChargePointMaxProfile",
    "TxDefaultProfile": "TxDefaultProfile",
    "TxProfile": "TxProfile",
}
_KINDS = frozenset({"Absolute", "Recurring", "Relative"})
_TENTH = Decimal("0.1")


def purpose_16(purpose: str) -> str:
    """ChargingProfilePurposeType (§7.11); NotIn16 for those of 2.x alone."""
    if purpose not in _PURPOSES:
        raise NotIn16(f"OCPP 1.6 has no profiles of purpose {purpose}")
    return _PURPOSES[purpose]


def profile_16(profile: Payload, number_of: Callable[[str], int]) -> dict[str, Any]:
    """A ChargingProfileType as ChargingProfile (§7.8); NotIn16 for what 1.6 cannot hold."""
    schedules = profile["chargingSchedule"]
    if isinstance(schedules, Mapping):
        schedules = [schedules]
    if len(schedules) != 1:
        raise NotIn16("a 1.6 profile has one schedule")
    kind = profile["chargingProfileKind"]
    if kind not in _KINDS:
        raise NotIn16(f"OCPP 1.6 has no {kind} profiles")
    told = {
        "chargingProfileId": profile["id"],
        "stackLevel": profile["stackLevel"],
        "chargingProfilePurpose": purpose_16(profile["chargingProfilePurpose"]),
        "chargingProfileKind": kind,
    }
    for name in ("recurrencyKind", "validFrom", "validTo"):
        if name in profile:
            told[name] = profile[name]
    if "transactionId" in profile:
        told["transactionId"] = number_of(profile["transactionId"])
    return told | {"chargingSchedule": _schedule_16(schedules[0])}


def composite_schedule(answer: Payload) -> dict[str, Any] | None:
    """The CompositeScheduleType of a GetCompositeSchedule answer; None when there is none."""
    schedule = answer.get("chargingSchedule")
    if answer["status"] != "Accepted" or schedule is None:
        return None
    start = answer.get("scheduleStart") or schedule.get("startSchedule")
    composite = {
        "evseId": answer.get("connectorId", 0),
        "chargingRateUnit": schedule["chargingRateUnit"],
        "chargingSchedulePeriod": [dict(one) for one in schedule["chargingSchedulePeriod"]],
    }
    if "duration" in schedule:
        composite["duration"] = schedule["duration"]
    if start is not None:
        composite["scheduleStart"] = start
    return composite


def _schedule_16(schedule: Payload) -> dict[str, Any]:
    told: dict[str, Any] = {"chargingRateUnit": schedule["chargingRateUnit"]}
    for name in ("duration", "startSchedule"):
        if name in schedule:
            told[name] = schedule[name]
    if "minChargingRate" in schedule:
        told["minChargingRate"] = _tenths(schedule["minChargingRate"])
    return told | {
        "chargingSchedulePeriod": [
            _period_16(period) for period in schedule["chargingSchedulePeriod"]
        ]
    }


def _period_16(period: Payload) -> dict[str, Any]:
    if "limit" not in period:
        raise NotIn16("a 1.6 period is a limit; set-points need OCPP 2.1")
    told = {"startPeriod": period["startPeriod"], "limit": _tenths(period["limit"])}
    if "numberPhases" in period:
        told["numberPhases"] = period["numberPhases"]
    return told


def _tenths(value: Any) -> int | float:
    """The tenth at or below a value, an integer where it is one; NotIn16 below zero."""
    # By its text: 16.1 as a float is a hair above or below 16.1.
    number = Decimal(str(value))
    if number < 0:
        raise NotIn16("OCPP 1.6 cannot discharge")
    cut = number.quantize(_TENTH, ROUND_FLOOR)
    return int(cut) if cut == cut.to_integral_value() else float(cut)
