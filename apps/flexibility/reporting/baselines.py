"""What a month would have cost with other batteries' powers: idle, the own rule, foresight.

Pure. All cases see the same quarter hours (those measured and priced, with every battery there)
and the same flows beside the batteries: sun and load as measured, cars as they charged. Between two
quarter hours that do not touch, a battery keeps what it holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from apps.flexibility.brain.optimum import OPTIMAL, Horizon, optimum, pooled
from apps.flexibility.brain.rules import RuleMoment, own_rule
from apps.flexibility.brain.storage import Storage, storage_step
from apps.flexibility.reporting.figures import KWH_PER_MWH, co2_kg, cost_eur, flows_of
from apps.flexibility.reporting.month import (
    SLOT_S,
    ReportBattery,
    ReportMonth,
    ReportSlot,
    slot_kwh,
)

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


Walk = Callable[[ReportMonth, Sequence[ReportSlot], Sequence[Storage]], list[PowersOfSlot] | None]
"""The powers of each quarter hour; None where there is no way through the month."""


def comparison(month: ReportMonth, walks: Mapping[CaseName, Walk]) -> Comparison:
    """The actual month beside the batteries idle and each of `walks`."""
    slots = [slot for slot in month.slots if slot.is_priced and slot.has_all_batteries]
    if not month.batteries:
        return Comparison(0, (), NoCases.NO_BATTERY)
    if not slots:
        return Comparison(0, (), NoCases.NO_SLOTS)
    if any(battery.soc_start_percent is None for battery in month.batteries):
        return Comparison(0, (), NoCases.SOC_UNKNOWN)
    storages = [storage_of(battery) for battery in month.batteries]
    worth = stored_worth_eur_per_kwh(month.batteries, slots)
    cases = [
        _case(CaseName.ACTUAL, month, slots, worth),
        _case(CaseName.NO_CONTROL, month, _with_powers(month, slots, [{} for _ in slots]), worth),
    ]
    for name, walk in walks.items():
        powers = walk(month, slots, storages)
        if powers is None:
            continue
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


def foresight_walk(
    month: ReportMonth, slots: Sequence[ReportSlot], storages: Sequence[Storage]
) -> list[PowersOfSlot] | None:
    """The cheapest powers with all known in advance; None where the solver finds none.

    What flows beside the batteries cannot be changed here either: where it alone exceeds a limit
    of the connection, that much is allowed. Batteries of equal efficiencies are solved as one.
    """
    groups: dict[tuple[float, float], list[Storage]] = {}
    for storage in storages:
        kind = (storage.charging_efficiency, storage.discharging_efficiency)
        groups.setdefault(kind, []).append(storage)
    pools = {f"pool {number}": group for number, group in enumerate(groups.values())}
    best = optimum(
        horizon=_horizon(month, slots),
        batteries=[pooled(group, key=key) for key, group in pools.items()],
        end_value_eur_per_kwh=float(stored_worth_eur_per_kwh(month.batteries, slots)),
    )
    if best.status != OPTIMAL:
        return None
    walked: list[PowersOfSlot] = [{} for _ in slots]
    for key, group in pools.items():
        capacity_kwh = sum(storage.capacity_kwh for storage in group)
        for powers, power_kw in zip(walked, best.battery_kw[key], strict=True):
            powers |= {one.key: power_kw * one.capacity_kwh / capacity_kwh for one in group}
    return walked


def _horizon(month: ReportMonth, slots: Sequence[ReportSlot]) -> Horizon:
    prices = [float(slot.price_eur_per_mwh or 0) for slot in slots]
    margin = float(month.feed_in_margin_eur_per_mwh)
    rest = [slot.rest_kw for slot in slots]
    most_in = math.inf if month.import_limit_kw is None else month.import_limit_kw
    most_out = math.inf if month.export_limit_kw is None else month.export_limit_kw
    return Horizon(
        slot_s=SLOT_S,
        consumption_eur_per_mwh=prices,
        production_eur_per_mwh=[price - margin for price in prices],
        # The sun is part of the rest, so that nothing is curtailed that was not.
        load_kw=rest,
        pv_kw=[0.0] * len(slots),
        import_limit_kw=[max(most_in, power_kw) for power_kw in rest],
        export_limit_kw=[max(most_out, -power_kw) for power_kw in rest],
    )


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


def stored_worth_eur_per_kwh(
    batteries: Sequence[ReportBattery], slots: Sequence[ReportSlot]
) -> Decimal:
    """What a kWh in the cells is worth: the mean price of what comes out of it, at least 0."""
    known = [slot.price_eur_per_mwh for slot in slots if slot.price_eur_per_mwh is not None]
    capacity_kwh = sum(battery.capacity_kwh for battery in batteries)
    comes_out = sum(battery.capacity_kwh * battery.discharging_efficiency for battery in batteries)
    if not known or not capacity_kwh:
        return Decimal(0)
    mean = sum(known, Decimal(0)) / len(known) / KWH_PER_MWH
    return max(mean, Decimal(0)) * _decimal(comes_out / capacity_kwh)


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
    stored_kwh = sum(
        battery.stored_kwh(slot_kwh(power_kw))
        for slot in slots
        for battery, power_kw in zip(month.batteries, slot.battery_kw or (), strict=True)
    )
    has_co2 = all(slot.co2_g_per_kwh is not None for slot in slots)
    return Case(
        name=name,
        cost_eur=cost_eur(slots, month.feed_in_margin_eur_per_mwh),
        stored_kwh=stored_kwh,
        stored_eur=_decimal(stored_kwh) * worth,
        import_kwh=flows.import_kwh,
        export_kwh=flows.export_kwh,
        peak_kw=max(0.0, *(slot.grid_kw for slot in slots)),
        co2_kg=co2_kg(slots) if has_co2 else None,
    )


def _decimal(value: float) -> Decimal:
    return Decimal(str(round(value, _DIGITS)))


WALKS: Final[Mapping[CaseName, Walk]] = {
    CaseName.RULES: rules_walk,
    CaseName.FORESIGHT: foresight_walk,
}
"""What every report is compared with, beside idle batteries."""
