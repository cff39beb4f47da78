"""Rules of charging profiles that only OCPP 2.1 has: V2X, dynamic profiles, optional features.

Sources: OCPP 2.1 Part 2, K01, K28, Q08, and its tables of operation modes by purpose and of limits
and set-points by operation mode. Charging is positive, discharging negative (Q).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from apps.chargers.ocpp.smart_charging.facts import RuleBroken, StationFacts
from apps.chargers.ocpp.smart_charging.profiles import (
    EXTERNAL,
    LOCAL_GENERATION,
    PRIORITY,
    STATION_MAX,
    TX,
    TX_DEFAULT,
)

Payload = Mapping[str, Any]
CHARGING_ONLY = "ChargingOnly"
DYNAMIC = "Dynamic"
_PHASES = ("", "_L2", "_L3")
_OF_SESSIONS = frozenset({
    CHARGING_ONLY, "CentralSetpoint", "ExternalSetpoint", "ExternalLimits", "CentralFrequency",
    "LocalFrequency", "LocalLoadBalancing", "Idle",
})  # fmt: skip
_MODES_OF = {
    TX: _OF_SESSIONS,
    TX_DEFAULT: _OF_SESSIONS,
    PRIORITY: frozenset({CHARGING_ONLY}),
    STATION_MAX: frozenset({CHARGING_ONLY}),
    EXTERNAL: frozenset({CHARGING_ONLY, "ExternalLimits", "ExternalSetpoint"}),
    LOCAL_GENERATION: frozenset({CHARGING_ONLY, "ExternalLimits"}),
}
# Mode -> (what a period must have, what it may have beside that).
_VALUES_OF: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    CHARGING_ONLY: (("limit",), ()),
    "CentralSetpoint": (("setpoint",), ("limit", "dischargeLimit", "setpointReactive")),
    "CentralFrequency": (("setpoint",), ("limit", "dischargeLimit")),
    "ExternalSetpoint": ((), ("limit", "dischargeLimit")),
    "ExternalLimits": ((), ()),
    "LocalFrequency": ((), ()),
    "LocalLoadBalancing": ((), ()),
    "Idle": ((), ()),
}
VALUES = ("limit", "dischargeLimit", "setpoint", "setpointReactive")
# Fields of a schedule or period that a station may lack: requirement and variable.
_FEATURES = {
    "useLocalTime": ("K01.FR.123", "SupportsUseLocalTime"),
    "randomizedDelay": ("K01.FR.124", "SupportsRandomizedDelay"),
    "limitAtSoC": ("K01.FR.125", "SupportsLimitAtSoC"),
    "evseSleep": ("K01.FR.126", "SupportsEvseSleep"),
}
FEATURES = frozenset({*(variable for _rule, variable in _FEATURES.values())}) | {
    "SupportsDynamicProfiles"
}


def rules_broken_21(profile: Payload, *, evse_id: int, facts: StationFacts) -> Iterator[RuleBroken]:
    """The rules of 2.1 that a profile at an EVSE breaks."""
    last_own = facts.most_external_id
    # 0: the id of a draft is chosen when it is set.
    if last_own is not None and 0 < profile["id"] <= last_own:
        yield RuleBroken("K01.FR.81", "id", f"Ids up to {last_own} are the station's own.")
    if profile["chargingProfileKind"] == DYNAMIC:
        yield from _dynamic(profile, facts)
    for index, schedule in enumerate(profile["chargingSchedule"]):
        path = f"chargingSchedule[{index}]"
        yield from _features(schedule, path, facts)
        for number, period in enumerate(schedule["chargingSchedulePeriod"]):
            where = f"{path}.chargingSchedulePeriod[{number}]"
            yield from _features(period, where, facts)
            yield from _mode(profile, schedule, period, where, facts)
            yield from _values(period, where)
            yield from _discharge(profile, schedule, period, where, evse_id, facts)


def _dynamic(profile: Payload, facts: StationFacts) -> Iterator[RuleBroken]:
    """K28: one value that messages replace, instead of a curve."""
    if "SupportsDynamicProfiles" in facts.lacks:
        yield RuleBroken(
            "K01.FR.121", "chargingProfileKind", "The station does not take dynamic profiles."
        )
    schedules = profile["chargingSchedule"]
    if len(schedules) > 1:
        yield RuleBroken("K28.FR.01", "chargingSchedule", "A dynamic profile has one schedule.")
    if len(schedules[0]["chargingSchedulePeriod"]) > 1:
        yield RuleBroken(
            "K28.FR.01",
            "chargingSchedule[0].chargingSchedulePeriod",
            "A dynamic profile has one period.",
        )
    interval_s = profile.get("dynUpdateInterval")
    if interval_s is not None and interval_s <= 0:
        yield RuleBroken(
            "ChargingProfileType.dynUpdateInterval",
            "dynUpdateInterval",
            "The station asks again after a time.",
        )


def _features(told: Payload, path: str, facts: StationFacts) -> Iterator[RuleBroken]:
    for name, (rule, variable) in _FEATURES.items():
        if told.get(name) and variable in facts.lacks:
            yield RuleBroken(rule, f"{path}.{name}", f"The station said no to {variable}.")


def _mode(
    profile: Payload, schedule: Payload, period: Payload, path: str, facts: StationFacts
) -> Iterator[RuleBroken]:
    mode = period.get("operationMode") or CHARGING_ONLY
    purpose = profile["chargingProfilePurpose"]
    where = f"{path}.operationMode"
    if mode not in _MODES_OF[purpose]:
        yield RuleBroken(
            "K01.FR.71" if purpose == PRIORITY else "ChargingSchedulePeriodType.operationMode",
            where,
            f"A {purpose} is never of {mode}.",
        )
    modes = facts.operation_modes
    if mode != CHARGING_ONLY and modes is not None and mode not in modes:
        yield RuleBroken(
            "V2XChargingCtrlr.SupportedOperationModes", where, f"The station cannot do {mode}."
        )
    needed, optional = _VALUES_OF[mode]
    for name in VALUES:
        named = [name + phase for phase in _PHASES if period.get(name + phase) is not None]
        if name in needed and period.get(name) is None:
            yield RuleBroken(
                "ChargingSchedulePeriodType.operationMode",
                f"{path}.{name}",
                f"A period of {mode} has a {name}.",
            )
        elif name not in needed + optional and named:
            yield RuleBroken(
                "ChargingSchedulePeriodType.operationMode",
                f"{path}.{named[0]}",
                f"A period of {mode} has no {name}.",
            )
    if mode == "LocalFrequency":
        yield from _local_frequency(schedule, period, path)


def _local_frequency(schedule: Payload, period: Payload, path: str) -> Iterator[RuleBroken]:
    if period.get("v2xBaseline") is None or len(period.get("v2xFreqWattCurve") or ()) < 2:
        yield RuleBroken(
            "Q08.FR.02",
            f"{path}.v2xFreqWattCurve",
            "LocalFrequency needs a baseline and a curve of two points at least.",
        )
    if schedule["chargingRateUnit"] != "W":
        yield RuleBroken("Q08.FR.05", f"{path}.operationMode", "LocalFrequency is in W.")


def _values(period: Payload, path: str) -> Iterator[RuleBroken]:
    """A set-point lies between the discharge limit and the limit, phase by phase."""
    for phase in _PHASES:
        setpoint = period.get(f"setpoint{phase}")
        if setpoint is None:
            continue
        most, least = period.get(f"limit{phase}"), period.get(f"dischargeLimit{phase}")
        for name, is_beyond in (
            ("limit", most is not None and setpoint > most),
            ("dischargeLimit", least is not None and setpoint < least),
        ):
            if is_beyond:
                yield RuleBroken(
                    "ChargingSchedulePeriodType.setpoint",
                    f"{path}.setpoint{phase}",
                    f"The set-point is beyond {name}.",
                )


def _discharge(
    profile: Payload,
    schedule: Payload,
    period: Payload,
    path: str,
    evse_id: int,
    facts: StationFacts,
) -> Iterator[RuleBroken]:
    field = discharging_field(period)
    if not field:
        return
    if not facts.may_discharge(evse_id):
        yield RuleBroken(
            "V2XChargingCtrlr.Enabled",
            f"{path}.{field}",
            "The station has not said that it can discharge cars.",
        )
    most_w = facts.discharge_w.get(evse_id)
    if profile["chargingProfilePurpose"] != TX or most_w is None:
        return
    wanted = sum(min(0.0, float(period.get(f"setpoint{phase}") or 0)) for phase in _PHASES)
    if schedule["chargingRateUnit"] == "W" and -wanted > most_w:
        yield RuleBroken(
            "V2XChargingParametersType.maxDischargePower",
            f"{path}.setpoint",
            f"The car gives back {most_w:g} W at most.",
        )


def discharging_field(period: Payload) -> str:
    """The field of a period (or of an update of one) that discharges a car; empty for none."""
    for name in ("setpoint", "dischargeLimit", "limit"):
        for phase in _PHASES:
            if (period.get(name + phase) or 0) < 0:
                return name + phase
    if (period.get("v2xBaseline") or 0) < 0:
        return "v2xBaseline"
    for name in ("v2xFreqWattCurve", "v2xSignalWattCurve"):
        if any(point["power"] < 0 for point in period.get(name) or ()):
            return name
    return ""
