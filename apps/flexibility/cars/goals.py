"""What is wanted of a plugged-in car: from the car, a person, or the policy of its site. Pure.

A person's word on departure, target and band stands above the car's, since it was given for this
visit; capacity, state of charge and powers are the car's to tell. What cannot be meant is put
right in one defined way, and named by a code (`GoalNote`): nothing a car tells stops the planning.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from apps.chargers.ocpp.v21.needs import CarNeeds
from apps.flexibility.choices import CarGoalOrigin
from cariflex.common.errors import DomainError

# Of the energy at the AC terminals this much reaches the battery, and the other way round.
CHARGING_EFFICIENCY: Final = 0.92
DISCHARGING_EFFICIENCY: Final = 0.92
# A capacity outside is a slip of units (Wh for kWh), not a car.
CAPACITY_KWH: Final = (1.0, 1000.0)
# A departure further away comes from a clock that is wrong.
DEPARTURE_WITHIN: Final = timedelta(days=7)


class GoalNote(StrEnum):
    """What was wrong or missing in what is known of a car; stable codes."""

    DEPARTURE_MISSING = "departure_missing"
    """It may leave at any moment: charged at once."""
    DEPARTURE_PAST = "departure_past"
    """It should have left: charged at once, as one without departure."""
    DEPARTURE_FAR = "departure_far"
    """More than a week away: taken as missing."""
    TARGET_ABOVE_MAX = "target_above_max"
    """The target was asked for: the highest SoC is raised to it."""
    MIN_ABOVE_TARGET = "min_above_target"
    """The lowest SoC is brought down to the target."""
    TARGET_OUT_OF_RANGE = "target_out_of_range"
    """Outside 0..100 %: the policy's target counts."""
    SOC_MISSING = "soc_missing"
    """Not planned: it charges at once and counts as load."""
    SOC_OUT_OF_RANGE = "soc_out_of_range"
    """Outside 0..100 %: taken as missing."""
    CAPACITY_MISSING = "capacity_missing"
    """Not planned: it charges at once and counts as load."""
    CAPACITY_OUT_OF_RANGE = "capacity_out_of_range"
    """Outside 1..1000 kWh: taken as missing."""


@dataclass(frozen=True, slots=True)
class Band:
    """Lowest, wanted and highest state of charge, %."""

    min_soc_percent: float = 40.0
    target_soc_percent: float = 80.0
    max_soc_percent: float = 90.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person said for this visit; without a departure the car is charged at once."""

    origin: CarGoalOrigin
    departure_at: datetime | None
    band: Band


@dataclass(frozen=True, slots=True)
class Point:
    """The charging point; powers in kW, >= 0."""

    most_charge_kw: float
    may_discharge: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted of a car. Powers in kW at the AC terminals, both >= 0."""

    origin: CarGoalOrigin
    departure_at: datetime | None
    capacity_kwh: float | None
    soc_percent: float | None
    band: Band
    most_charge_kw: float
    most_discharge_kw: float
    notes: tuple[GoalNote, ...] = field(default=())

    @property
    def is_plannable(self) -> bool:
        """Capacity and state of charge are known."""
        return self.capacity_kwh is not None and self.soc_percent is not None


def goal_of(
    *,
    needs: CarNeeds | None,
    wish: Wish | None,
    policy: Band,
    point: Point,
    soc_percent: float | None,
    now: datetime,
) -> Goal:
    """The goal of a car: the person's wish, else the car's word, else the policy.

    `needs.soc_percent` is that of the moment the car spoke, and its energies count from there;
    `soc_percent` is that of now.
    """
    notes: list[GoalNote] = []
    capacity_kwh = _capacity(needs, notes)
    origin, departure_at, band = _wanted(needs, wish, policy, capacity_kwh, notes)
    departure_at = _departure(departure_at, now, notes)
    soc_percent = _soc(soc_percent, notes)
    most_charge_kw, most_discharge_kw = _powers(needs, point)
    return Goal(
        origin=origin,
        departure_at=departure_at,
        capacity_kwh=capacity_kwh,
        soc_percent=soc_percent,
        band=_ordered(band, notes),
        most_charge_kw=most_charge_kw,
        most_discharge_kw=most_discharge_kw,
        notes=tuple(notes),
    )


def departure_note(departure_at: datetime | None, now: datetime) -> GoalNote | None:
    """What is to be said of a departure; None for one that can be planned for."""
    if departure_at is None:
        return GoalNote.DEPARTURE_MISSING
    if departure_at <= now:
        return GoalNote.DEPARTURE_PAST
    if departure_at > now + DEPARTURE_WITHIN:
        return GoalNote.DEPARTURE_FAR
    return None


def wish_check(*, departure_at: datetime | None, band: Band, now: datetime) -> None:
    """DomainError for what a person may not ask for: a person can put it right, a car cannot.

    Codes `car_goal.departure_past`, `.departure_far`, `.soc_out_of_range`, `.min_above_target`,
    `.target_above_max`, each with its field.
    """
    note = departure_note(departure_at, now)
    if note is GoalNote.DEPARTURE_PAST:
        raise DomainError(
            "car_goal.departure_past", "The departure must lie ahead.", field="departure_at"
        )
    if note is GoalNote.DEPARTURE_FAR:
        raise DomainError(
            "car_goal.departure_far",
            f"The departure must be within {DEPARTURE_WITHIN.days} days.",
            field="departure_at",
        )
    for name in ("target_soc_percent", "min_soc_percent", "max_soc_percent"):
        if not 0 <= getattr(band, name) <= 100:
            raise DomainError(
                "car_goal.soc_out_of_range", "A state of charge is 0 to 100 %.", field=name
            )
    if band.min_soc_percent > band.target_soc_percent:
        raise DomainError(
            "car_goal.min_above_target",
            "The lowest state of charge must not be above the target.",
            field="min_soc_percent",
        )
    if band.target_soc_percent > band.max_soc_percent:
        raise DomainError(
            "car_goal.target_above_max",
            "The target must not be above the highest state of charge.",
            field="target_soc_percent",
        )


def soc_counted_on(
    *,
    soc_percent: float,
    capacity_kwh: float,
    charged_kwh: float,
    discharged_kwh: float = 0.0,
) -> float:
    """The state of charge (%) after energies (kWh, >= 0, AC) that flowed since the car told it."""
    stored_kwh = charged_kwh * CHARGING_EFFICIENCY - discharged_kwh / DISCHARGING_EFFICIENCY
    return min(100.0, max(0.0, soc_percent + stored_kwh / capacity_kwh * 100))


def _wanted(
    needs: CarNeeds | None,
    wish: Wish | None,
    policy: Band,
    capacity_kwh: float | None,
    notes: list[GoalNote],
) -> tuple[CarGoalOrigin, datetime | None, Band]:
    told = None if needs is None else needs.departure_at
    if wish is not None:
        return wish.origin, wish.departure_at, wish.band
    if needs is None:
        return CarGoalOrigin.DEFAULT, None, policy
    target = needs.target_soc_percent
    if target is None:
        target = _level(needs, needs.target_energy_kwh, capacity_kwh)
    lowest = _level(needs, needs.least_v2x_energy_kwh, capacity_kwh)
    highest = _level(needs, needs.most_v2x_energy_kwh, capacity_kwh)
    is_told = told is not None or target is not None
    if target is not None and not 0 <= target <= 100:
        notes.append(GoalNote.TARGET_OUT_OF_RANGE)
        target = None
    band = Band(
        min_soc_percent=policy.min_soc_percent if lowest is None else _percent(lowest),
        target_soc_percent=policy.target_soc_percent if target is None else target,
        max_soc_percent=policy.max_soc_percent if highest is None else _percent(highest),
    )
    return CarGoalOrigin.CAR if is_told else CarGoalOrigin.DEFAULT, told, band


def _level(needs: CarNeeds, energy_kwh: float | None, capacity_kwh: float | None) -> float | None:
    """The state of charge that an energy request means, counted from when the car spoke."""
    if energy_kwh is None or capacity_kwh is None or needs.soc_percent is None:
        return None
    # An energy asked for beyond a full battery heats or cools the car: full is full.
    return min(100.0, needs.soc_percent + energy_kwh / capacity_kwh * 100)


def _percent(value: float) -> float:
    return min(100.0, max(0.0, value))


def _capacity(needs: CarNeeds | None, notes: list[GoalNote]) -> float | None:
    capacity_kwh = None if needs is None else needs.capacity_kwh
    if capacity_kwh is None:
        notes.append(GoalNote.CAPACITY_MISSING)
        return None
    if not CAPACITY_KWH[0] <= capacity_kwh <= CAPACITY_KWH[1]:
        notes.append(GoalNote.CAPACITY_OUT_OF_RANGE)
        return None
    return capacity_kwh


def _departure(
    departure_at: datetime | None, now: datetime, notes: list[GoalNote]
) -> datetime | None:
    """A departure that has passed is kept to be shown; `departure_note` tells the two apart."""
    note = departure_note(departure_at, now)
    if note is not None:
        notes.append(note)
    return None if note is GoalNote.DEPARTURE_FAR else departure_at


def _soc(soc_percent: float | None, notes: list[GoalNote]) -> float | None:
    if soc_percent is None:
        notes.append(GoalNote.SOC_MISSING)
        return None
    if not 0 <= soc_percent <= 100:
        notes.append(GoalNote.SOC_OUT_OF_RANGE)
        return None
    return soc_percent


def _ordered(band: Band, notes: list[GoalNote]) -> Band:
    if band.target_soc_percent > band.max_soc_percent:
        notes.append(GoalNote.TARGET_ABOVE_MAX)
        band = replace(band, max_soc_percent=band.target_soc_percent)
    if band.min_soc_percent > band.target_soc_percent:
        notes.append(GoalNote.MIN_ABOVE_TARGET)
        band = replace(band, min_soc_percent=band.target_soc_percent)
    return band


def _powers(needs: CarNeeds | None, point: Point) -> tuple[float, float]:
    charge_kw = point.most_charge_kw
    discharge_kw = 0.0
    if needs is not None and needs.most_charge_kw is not None:
        charge_kw = max(0.0, min(charge_kw, needs.most_charge_kw))
    if needs is not None and point.may_discharge and needs.most_discharge_kw is not None:
        discharge_kw = min(point.most_charge_kw, abs(needs.most_discharge_kw))
    return charge_kw, discharge_kw
