"""What a month would have cost with other batteries' powers: idle, the own rule, foresight.

Pure. All cases see the same quarter hours (those measured and priced) and the same flows beside
the batteries: sun and load as measured, cars as they charged. Between two quarter hours that do
not touch, a battery keeps what it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from apps.flexibility.brain.rules import RuleMoment, own_rule
from apps.flexibility.brain.storage import Storage, storage_step
from apps.flexibility.reporting.figures import KWH_PER_MWH, co2_kg, cost_eur, flows_of
from apps.flexibility.reporting.month import SLOT_S, ReportBattery, ReportMonth, ReportSlot

_DIGITS: Final = 9
PowersOfSlot = dict[str, float]
"""Power (kW) by the code of the battery."""


class CaseName(StrEnum):
    """How the batteries were, or would have been, run."""

    ACTUAL = "actual"
    NO_CONTROL = "no_control"
    RULES = "rules"
    FORESIGHT = "foresight"


class NoCases(StrEnum):
    """Why a month cannot be compared."""

    NONE = ""
    NO_BATTERY = "no_battery"
    NO_SLOTS = "no_slots"
    SOC_UNKNOWN = "soc_unknown"


@dataclass(frozen=True, slots=True)
class Case:
    """A month as it was or would have been.

    `stored_eur` is what the batteries hold more (+) or less (-) at the end than at the beginning,
    at the month's mean price; it is part of `comparable_eur`, not of `cost_eur`.
    """

    name: CaseName
    cost_eur: Decimal
    stored_kwh: float
    stored_eur: Decimal
    import_kwh: float
    export_kwh: float
    peak_kw: float
    co2_kg: float | None

    @property
    def comparable_eur(self) -> Decimal:
        """The cost less the worth of what is left in the batteries, EUR."""
        return self.cost_eur - self.stored_eur


@dataclass(frozen=True, slots=True)
class Comparison:
    """The cases of a month over `slot_count` quarter hours, or why there are none."""

    slot_count: int
    cases: tuple[Case, ...]
    reason: NoCases = NoCases.NONE

    def case(self, name: CaseName) -> Case | None:
        """The case of a name, None where it was not computed."""
        return next((case for case in self.cases if case.name == name), None)

    def saving_eur(self, against: CaseName) -> Decimal | None:
        """What the month cost less (+) or more (-) than another case, EUR."""
        actual, other = self.case(CaseName.ACTUAL), self.case(against)
        if actual is None or other is None:
            return None
        return other.comparable_eur - actual.comparable_eur

    def possible_percent(self, against: CaseName) -> float | None:
        """The share of what foresight would have saved against a case; None where that is 0."""
        saved, other = self.saving_eur(against), self.case(against)
        best = self.case(CaseName.FORESIGHT)
        if saved is None or other is None or best is None:
            return None
        possible = other.comparable_eur - best.comparable_eur
        return float(100 * saved / possible) if possible > 0 else None


Walk = Callable[[ReportMonth, Sequence[ReportSlot], Sequence[Storage]], list[PowersOfSlot]]


def comparison(month: ReportMonth, walks: dict[CaseName, Walk]) -> Comparison:
    """The actual month beside the batteries idle and each of `walks`."""
    slots = [slot for slot in month.slots if slot.is_priced]
    if not month.batteries:
        return Comparison(0, (), NoCases.NO_BATTERY)
    if not slots:
        return Comparison(0, (), NoCases.NO_SLOTS)
    if any(battery.soc_start_percent is None for battery in month.batteries):
        return Comparison(0, (), NoCases.SOC_UNKNOWN)
    storages = [storage_of(battery) for battery in month.batteries]
    worth = stored_worth_eur_per_mwh(slots)
    cases = [
        _case(CaseName.ACTUAL, month, slots, worth),
        _case(CaseName.NO_CONTROL, month, _with_powers(month, slots, [{} for _ in slots]), worth),
    ]
    for name, walk in walks.items():
        powers = walk(month, slots, storages)
        cases.append(_case(name, month, _with_powers(month, slots, powers), worth))
    return Comparison(len(slots), tuple(cases))


def rules_walk(
    month: ReportMonth, slots: Sequence[ReportSlot], storages: Sequence[Storage]
) -> list[PowersOfSlot]:
    """What the own rule would have given the batteries, slot by slot."""
    held = {storage.key: storage for storage in storages}
    walked: list[PowersOfSlot] = []
    for slot in slots:
        moment = RuleMoment(
            now=slot.start,
            duration_s=SLOT_S,
            pv_kw=min(slot.pv_kw or 0.0, 0.0),
            load_kw=slot.rest_kw - min(slot.pv_kw or 0.0, 0.0),
            import_limit_kw=month.import_limit_kw,
            export_limit_kw=month.export_limit_kw,
        )
        wanted = own_rule(moment=moment, batteries=list(held.values()), cars=()).batteries
        powers: PowersOfSlot = {}
        for key, power_kw in wanted.items():
            stepped = storage_step(held[key], power_kw, SLOT_S)
            held[key], powers[key] = stepped.storage, stepped.power_kw
        walked.append(powers)
    return walked


def storage_of(battery: ReportBattery) -> Storage:
    """The battery as it began the month; a state of charge outside of its window at its edge."""
    share = battery.capacity_kwh / 100
    low, high = battery.soc_min_percent, battery.soc_max_percent
    begin = min(max(battery.soc_start_percent or 0.0, low), high)
    return Storage(
        key=battery.code,
        capacity_kwh=battery.capacity_kwh,
        soc_kwh=begin * share,
        soc_min_kwh=low * share,
        soc_max_kwh=high * share,
        charge_kw=battery.rated_power_kw,
        discharge_kw=battery.rated_power_kw,
        charging_efficiency=battery.charging_efficiency,
        discharging_efficiency=battery.discharging_efficiency,
    )


def stored_worth_eur_per_mwh(slots: Sequence[ReportSlot]) -> Decimal:
    """What a MWh that a battery can still give is worth: the mean price of the quarter hours."""
    known = [slot.price_eur_per_mwh for slot in slots if slot.price_eur_per_mwh is not None]
    return sum(known, Decimal(0)) / len(known) if known else Decimal(0)


def _with_powers(
    month: ReportMonth, slots: Sequence[ReportSlot], powers: Sequence[PowersOfSlot]
) -> list[ReportSlot]:
    codes = [battery.code for battery in month.batteries]
    return [
        replace(slot, battery_kw=tuple(given.get(code, 0.0) for code in codes))
        for slot, given in zip(slots, powers, strict=True)
    ]


def _case(name: CaseName, month: ReportMonth, slots: Sequence[ReportSlot], worth: Decimal) -> Case:
    flows = flows_of(slots)
    stored_kwh = givable_kwh = 0.0
    for number, battery in enumerate(month.batteries):
        added = sum(
            battery.stored_kwh((slot.battery_kw or ())[number] * SLOT_S / 3600) for slot in slots
        )
        stored_kwh += added
        givable_kwh += added * battery.discharging_efficiency
    has_co2 = all(slot.co2_g_per_kwh is not None for slot in slots)
    return Case(
        name=name,
        cost_eur=cost_eur(slots, month.feed_in_margin_eur_per_mwh),
        stored_kwh=stored_kwh,
        stored_eur=Decimal(str(round(givable_kwh, _DIGITS))) * worth / KWH_PER_MWH,
        import_kwh=flows.import_kwh,
        export_kwh=flows.export_kwh,
        peak_kw=max(0.0, *(slot.grid_kw for slot in slots)),
        co2_kg=co2_kg(slots) if has_co2 else None,
    )
