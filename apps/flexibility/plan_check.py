"""What a schedule must satisfy before any device follows it. Pure.

FlexMeasures may answer a solve that ran out of time, or one of limits it was allowed to relax, as
if all were well. So each schedule is walked through our own model of batteries and cars first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.flexibility.car_state import CarState
from apps.flexibility.choices import PlanReason
from apps.flexibility.planning import BatteryState, CarSlot, PlannedSlot, soc_after

POWER_TOLERANCE_KW: Final = 0.1
SOC_TOLERANCE_PERCENT: Final = 1.0
LATE_TOLERANCE_KWH: Final = 0.75
"""So little missing at departure is the rounding of slots, not a car left behind."""


@dataclass(frozen=True, slots=True)
class SiteLimits:
    """What the site may draw and feed in (>= 0, None: no limit) and what flows beside, per slot."""

    import_limit_kw: Sequence[float | None]
    export_limit_kw: Sequence[float | None]
    inflexible_power_kw: Sequence[float]


@dataclass(frozen=True, slots=True)
class Schedules:
    """A schedule as FlexMeasures gave it, kW per slot, consumption and charging positive.

    `batteries` by device, `cars` by session; `pv_kw` (<= 0) where PV could be curtailed;
    `site_kw` is FlexMeasures' own sum of all of it, when it was asked for.
    """

    batteries: Mapping[int, Sequence[float]]
    cars: Mapping[int, Sequence[float]]
    pv_kw: Sequence[float] | None = None
    site_kw: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """The slots that a schedule must cover."""

    start: datetime
    slot_count: int
    resolution: timedelta


@dataclass(frozen=True, slots=True)
class PlanCheck:
    """The outcome of checking a schedule: its slots, or why it is not accepted."""

    slots: tuple[PlannedSlot, ...]
    car_slots: tuple[CarSlot, ...] = ()
    reason_code: str = ""
    detail: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the devices may follow it."""
        return not self.reason_code


class _Refused(Exception):  # noqa: N818 - caught right above
    def __init__(self, reason: PlanReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def plan_check(
    *,
    batteries: Sequence[BatteryState],
    cars: Sequence[CarState] = (),
    schedules: Schedules,
    frame: Frame,
    limits: SiteLimits,
) -> PlanCheck:
    """Check a schedule by our own rules and give it as slots.

    Each battery and car has one finite power per slot within what it can do; the state of charge,
    computed here from the measured one and the efficiencies, stays in its window (who is outside
    of it may only come back); a car is where it can be by its departure and does nothing after;
    the site stays within its limits unless the rest alone exceeds them; FlexMeasures' own sum of
    the site is ours.
    """
    try:
        slots = [slot for one in batteries for slot in _battery(one, schedules, frame)]
        car_slots = [slot for one in cars for slot in _car(one, schedules, frame)]
        _site(schedules, limits, frame)
    except _Refused as refused:
        return PlanCheck((), (), refused.reason.value, refused.detail)
    return PlanCheck(tuple(slots), tuple(car_slots))


def reachable_percent(car: CarState, *, start: datetime, at: datetime) -> float:
    """The highest state of charge a car can have at an instant, charging all the time."""
    hours = max(0.0, (at - start).total_seconds() / 3600)
    gained = car.most_charge_kw * hours * car.charging_efficiency
    return min(100.0, car.soc_percent + 100.0 * gained / car.capacity_kwh)


def _battery(battery: BatteryState, schedules: Schedules, frame: Frame) -> list[PlannedSlot]:
    powers = _complete(schedules.batteries.get(battery.device_id, ()), frame)
    strongest = max((abs(power) for power in powers), default=0.0)
    if strongest > battery.rated_power_kw + POWER_TOLERANCE_KW:
        detail = f"{strongest:.1f} kW of {battery.rated_power_kw:.1f} kW"
        raise _Refused(PlanReason.POWER_LIMIT, detail)
    walk = _soc_walk(battery, powers, frame, PlanReason.SOC_LIMIT)
    return [PlannedSlot(battery.device_id, *slot) for slot in walk]


def _car(car: CarState, schedules: Schedules, frame: Frame) -> list[CarSlot]:
    powers = _complete(schedules.cars.get(car.session_id, ()), frame)
    strongest, weakest = max(powers, default=0.0), min(powers, default=0.0)
    if strongest > car.most_charge_kw + POWER_TOLERANCE_KW:
        detail = f"{strongest:.1f} kW of {car.most_charge_kw:.1f} kW"
        raise _Refused(PlanReason.CAR_LIMIT, detail)
    if -weakest > car.most_discharge_kw + POWER_TOLERANCE_KW:
        detail = f"{weakest:.1f} kW of {-car.most_discharge_kw:.1f} kW"
        raise _Refused(PlanReason.CAR_LIMIT, detail)
    walk = _soc_walk(_as_storage(car), powers, frame, PlanReason.CAR_LIMIT)
    slots = [CarSlot(car.session_id, *slot) for slot in walk]
    _departure(car, slots, frame)
    return slots


def _as_storage(car: CarState) -> BatteryState:
    return BatteryState(
        device_id=car.session_id,
        rated_power_kw=car.most_charge_kw,
        capacity_kwh=car.capacity_kwh,
        soc_percent=car.soc_percent,
        soc_min_percent=car.min_soc_percent,
        soc_max_percent=max(car.max_soc_percent, car.target_soc_percent),
        charging_efficiency=car.charging_efficiency,
        discharging_efficiency=car.discharging_efficiency,
    )


def _departure(car: CarState, slots: Sequence[CarSlot], frame: Frame) -> None:
    if car.departure_at is None:
        return
    after = [s for s in slots if s.start >= car.departure_at and abs(s.power_kw) > 0.1]
    if after:
        detail = f"{after[0].power_kw:.1f} kW after its departure"
        raise _Refused(PlanReason.CAR_LIMIT, detail)
    stays = [s for s in slots if s.start + frame.resolution <= car.departure_at]
    if car.departure_at > frame.start + frame.slot_count * frame.resolution or not stays:
        return
    possible = reachable_percent(car, start=frame.start, at=stays[-1].start + frame.resolution)
    wanted = min(car.target_soc_percent, possible)
    missing_kwh = (wanted - stays[-1].soc_percent) / 100 * car.capacity_kwh
    if missing_kwh > LATE_TOLERANCE_KWH:
        detail = f"{stays[-1].soc_percent:.0f} % at departure, {wanted:.0f} % possible"
        raise _Refused(PlanReason.CAR_LIMIT, detail)


def _complete(powers: Sequence[float], frame: Frame) -> Sequence[float]:
    if len(powers) != frame.slot_count or not all(math.isfinite(power) for power in powers):
        raise _Refused(PlanReason.LENGTH, f"{len(powers)} of {frame.slot_count} slots")
    return powers


def _soc_walk(
    storage: BatteryState, powers: Sequence[float], frame: Frame, reason: PlanReason
) -> list[tuple[datetime, float, float]]:
    soc = storage.soc_percent
    lowest = min(storage.soc_min_percent, soc) - SOC_TOLERANCE_PERCENT
    highest = max(storage.soc_max_percent, soc) + SOC_TOLERANCE_PERCENT
    slots: list[tuple[datetime, float, float]] = []
    for number, power in enumerate(powers):
        soc = soc_after(storage, soc, power, frame.resolution.total_seconds())
        if not lowest <= soc <= highest:
            window = f"{storage.soc_min_percent:.0f}..{storage.soc_max_percent:.0f} %"
            raise _Refused(reason, f"{soc:.1f} % outside {window}")
        slots.append((frame.start + number * frame.resolution, power, soc))
    return slots


def _site(schedules: Schedules, limits: SiteLimits, frame: Frame) -> None:
    flexible = [*schedules.batteries.values(), *schedules.cars.values()]
    if schedules.pv_kw is not None:
        flexible.append(_complete(schedules.pv_kw, frame))
    if schedules.site_kw is not None:
        _complete(schedules.site_kw, frame)
    tolerance = POWER_TOLERANCE_KW * max(1, len(flexible))
    for number in range(frame.slot_count):
        rest = limits.inflexible_power_kw[number]
        total = rest + sum(powers[number] for powers in flexible)
        most, least = limits.import_limit_kw[number], limits.export_limit_kw[number]
        if most is not None and total > tolerance + max(most, rest):
            raise _Refused(PlanReason.SITE_LIMIT, f"{total:.0f} kW drawn in slot {number + 1}")
        if least is not None and -total > tolerance + max(least, -rest):
            raise _Refused(PlanReason.SITE_LIMIT, f"{-total:.0f} kW fed in slot {number + 1}")
        if schedules.site_kw is not None and abs(schedules.site_kw[number] - total) > tolerance:
            told = f"{schedules.site_kw[number]:.1f} kW told, {total:.1f} kW summed"
            raise _Refused(PlanReason.BALANCE, f"{told} in slot {number + 1}")
