"""A plan of a car as an OCPP charging profile (ChargingProfileType of 2.0.1 and 2.1). Pure.

Charging is positive and discharging negative, here in kW and on the wire in W: the sign is the
same (OCPP 2.1 Part 2, Q). `wire_power_w` is the one place where a power goes out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cariflex.common.time import format_rfc3339

# Three phases of a European grid; only for stations that take amperes and nothing else.
PHASE_VOLTAGE_V: Final = 230.0
# Powers that differ by no more than this are one power.
SAME_KW: Final = 0.3
# Plans of cars stand at the bottom of the stack: whatever a person sets above it leads.
STACK_LEVEL: Final = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The power of a car from an instant on, kW at the AC terminals, discharging negative."""

    start: datetime
    power_kw: float


@dataclass(frozen=True, slots=True)
class PlannedCar:
    """The powers of a car (in order, each until the next) and when the last of them ends."""

    powers: tuple[Wanted, ...]
    end: datetime


@dataclass(frozen=True, slots=True)
class WireStation:
    """What the station of a car takes; powers of the car in kW, >= 0."""

    most_charge_kw: float
    most_discharge_kw: float = 0.0
    has_setpoints: bool = False
    """OCPP 2.1, a car and a station that discharge: set-points instead of limits."""
    takes_watts: bool = True
    phases: int = 3
    most_periods: int | None = None


def wire_power_w(power_kw: float) -> int:
    """kW as the W of a profile: same sign, discharging negative, whole watts."""
    return round(power_kw * 1000)


def wire_power_kw(power_w: float) -> float:
    """The W of a set-point as kW: same sign, discharging negative."""
    return power_w / 1000.0 + 0.0


def plan_powers(
    slots: Sequence[Wanted], *, resolution: timedelta, now: datetime, trust_until: datetime
) -> PlannedCar | None:
    """What the slots of a plan want from `now` on; None when the plan says nothing of now.

    The first begins now. The end is that of the plan's trust or of its last slot, whichever comes
    first: a station that hears no more of us then goes by its default.
    """
    ordered = sorted(slots, key=lambda slot: slot.start)
    current = [slot for slot in ordered if slot.start <= now]
    if not current or trust_until <= now:
        return None
    later = [slot for slot in ordered if now < slot.start < trust_until]
    end = min(trust_until, ordered[-1].start + resolution)
    # A schedule has no grain below a second.
    if end - now < timedelta(seconds=1):
        return None
    return PlannedCar((Wanted(now, current[-1].power_kw), *later), end)


def rule_powers(power_kw: float, *, now: datetime, lasts: timedelta) -> PlannedCar:
    """One power from now on, for a car under the own rule; renewed long before it ends."""
    return PlannedCar((Wanted(now, power_kw),), now + lasts)


def fitted(car: PlannedCar, station: WireStation) -> PlannedCar:
    """What of a course of powers the car and the station can follow; equal powers are one.

    A station that takes fewer periods gets the first of them, and the course ends where they end.
    """
    merged: list[Wanted] = []
    for one in car.powers:
        power_kw = _clipped(one.power_kw, station)
        if not merged or _period(merged[-1].power_kw, station) != _period(power_kw, station):
            merged.append(Wanted(one.start, power_kw))
    most = len(merged) if station.most_periods is None else max(1, station.most_periods)
    end = merged[most].start if most < len(merged) else car.end
    return PlannedCar(tuple(merged[:most]), end)


def profile_of(
    car: PlannedCar, *, transaction_id: str, station: WireStation, profile_id: int | None = None
) -> dict[str, Any]:
    """The TxProfile of a car: absolute, from its first power on, gone at its end.

    It is `fitted` to the station. With a `profile_id` it stands in for the one that has it.
    """
    car = fitted(car, station)
    start = car.powers[0].start.replace(microsecond=0)
    schedule = {
        "id": 1,
        "chargingRateUnit": "W" if _in_watts(station) else "A",
        "startSchedule": format_rfc3339(start),
        "duration": math.ceil((car.end - start).total_seconds()),
        "chargingSchedulePeriod": [
            {
                "startPeriod": math.floor((one.start - start).total_seconds()),
                **_period(one.power_kw, station),
            }
            for one in car.powers
        ],
    }
    profile: dict[str, Any] = {
        "stackLevel": STACK_LEVEL,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "transactionId": transaction_id,
        "validTo": format_rfc3339(car.end.replace(microsecond=0)),
        "chargingSchedule": [schedule],
    }
    return profile if profile_id is None else {"id": profile_id, **profile}


def power_at(powers: Sequence[Wanted], at: datetime) -> float | None:
    """The power that holds at an instant; None before the first."""
    held = [one for one in powers if one.start <= at]
    return held[-1].power_kw if held else None


def greatest_difference_kw(
    ours: Sequence[Wanted], theirs: Sequence[Wanted], *, start: datetime, end: datetime
) -> float:
    """How far two courses of power are apart at most within [start, end), kW.

    A course that does not say what holds at some instant is infinitely far from one that does.
    """
    edges = {start, *(one.start for one in (*ours, *theirs) if start <= one.start < end)}
    apart = 0.0
    for edge in edges:
        left, right = power_at(ours, edge), power_at(theirs, edge)
        if left is None and right is None:
            continue
        apart = math.inf if left is None or right is None else max(apart, abs(left - right))
        if apart == math.inf:
            break
    return apart


def _clipped(power_kw: float, station: WireStation) -> float:
    lowest = -station.most_discharge_kw if station.has_setpoints else 0.0
    return min(station.most_charge_kw, max(lowest, power_kw)) + 0.0


def _in_watts(station: WireStation) -> bool:
    return station.takes_watts or station.has_setpoints


def _period(power_kw: float, station: WireStation) -> dict[str, Any]:
    if station.has_setpoints:
        return {
            "operationMode": "CentralSetpoint",
            "setpoint": wire_power_w(power_kw),
            "limit": wire_power_w(station.most_charge_kw),
            "dischargeLimit": wire_power_w(-station.most_discharge_kw),
        }
    if _in_watts(station):
        return {"limit": wire_power_w(power_kw)}
    per_ampere_w = PHASE_VOLTAGE_V * station.phases
    # The standard has one decimal for amperes; less is safe, more is not.
    return {"limit": math.floor(power_kw * 10000 / per_ampere_w) / 10}
