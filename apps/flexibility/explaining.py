"""Why a device is asked what it is asked in one quarter hour: facts with codes and numbers. Pure.

Powers in kW at the AC terminals, consumption and charging positive, PV <= 0; SoC in percent;
prices in EUR/MWh. The words for the codes are the console's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from apps.flexibility.basis import PlanBasis
from apps.flexibility.choices import ControlMode
from cariflex.common.units import QUARTER_HOUR

SAME_KW: Final = 0.1
"""Less than this moves nothing and binds nothing."""
SAME_SOC_PERCENT: Final = 0.5
SAME_EUR_PER_MWH: Final = 0.005
DEVIATION_SHARE: Final = 0.05
"""Of the rating: measured power that differs less follows its set-point."""

Number = float | int | str | datetime


class SubjectKind(StrEnum):
    """What is asked about."""

    BATTERY = "battery"
    CAR = "car"
    PV = "pv"


class Code(StrEnum):
    """What can be said; stable, its numbers beside each."""

    NO_PLAN = "no_plan"
    CHARGES = "charges"  # power_kw
    DISCHARGES = "discharges"  # power_kw, >= 0
    RESTS = "rests"
    PV_FREE = "pv_free"  # expected_kw, >= 0
    PV_CURTAILED = "pv_curtailed"  # limit_kw, expected_kw, >= 0
    FEEDING_COSTS = "feeding_costs"  # price
    HELD = "held"  # reason
    OWN_RULE = "own_rule"  # reason
    OPERATOR = "operator"
    GRID = "grid"
    PRICE_RANK = "price_rank"  # price, cheaper, dearer, count
    OBJECTIVE = "objective"  # price, steering
    KEPT_FOR = "kept_for"  # at, price
    STORED_AT = "stored_at"  # at, price
    SUN_STORED = "sun_stored"  # stored_kw, surplus_kw
    BOUGHT = "bought"  # bought_kw
    COVERS_NEED = "covers_need"  # covered_kw
    FED_IN = "fed_in"  # fed_in_kw, price
    CAR_LEAVES = "car_leaves"  # at, needs_kwh, target
    CAR_AT_ONCE = "car_at_once"  # needs_kwh, target
    CAR_READY = "car_ready"  # target
    CAR_SHORT = "car_short"  # shortfall_kwh
    WAITS_FOR = "waits_for"  # at, price, power_kw
    NO_GAIN = "no_gain"  # lowest, highest, efficiency
    SOC_FLOOR = "soc_floor"  # soc, floor
    SOC_CEILING = "soc_ceiling"  # soc, ceiling
    RATING = "rating"  # rated_kw
    IMPORT_LIMIT = "import_limit"  # limit_kw
    EXPORT_LIMIT = "export_limit"  # limit_kw
    IMPORT_REQUEST = "import_request"  # limit_kw
    EXPORT_REQUEST = "export_request"  # limit_kw
    RESERVE = "reserve"  # reserve_kw
    SOC_WINDOW = "soc_window"  # planned_kw, setpoint_kw, soc
    CORRECTED = "corrected"  # planned_kw, setpoint_kw
    DIFFERS = "differs"  # setpoint_kw, measured_kw


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so, with its numbers by name."""

    code: Code
    numbers: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """A device during one slot as planned; the SoC is that of the slot's end."""

    power_kw: float
    soc_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The device, what it can do (powers >= 0) and its planned slots by start.

    `soc_start_percent`: as the plan began. A car without departure is charged at once.
    """

    kind: SubjectKind
    slots: Mapping[datetime, Planned]
    charge_kw: float
    discharge_kw: float
    capacity_kwh: float = 0.0
    soc_start_percent: float | None = None
    soc_min_percent: float = 0.0
    soc_max_percent: float = 100.0
    round_trip_efficiency: float = 1.0
    departure_at: datetime | None = None
    target_soc_percent: float | None = None
    shortfall_kwh: float = 0.0


@dataclass(frozen=True, slots=True)
class SiteView:
    """What the plan knew of the site; `planned_kw`: batteries and cars together, by slot start."""

    basis: PlanBasis | None
    planned_kw: Mapping[datetime, float]
    connection_import_kw: float | None = None
    connection_export_kw: float | None = None
    reserve_kw: float = 0.0


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of it: whom the device followed, its set-point, and what was measured."""

    mode: ControlMode = ControlMode.PLAN
    reason_code: str = ""
    by_operator: bool = False
    by_grid: bool = False
    setpoint_kw: float | None = None
    measured_kw: float | None = None
    soc_percent: float | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """One question; `power_kw` is what is planned."""

    subject: Subject
    site: SiteView
    basis: PlanBasis
    at: datetime
    slot: int
    power_kw: float

    def price(self, at: datetime) -> float | None:
        """Of drawing in the slot of an instant, EUR/MWh."""
        number = self.basis.slot(at)
        return None if number is None else self.basis.consumption_eur_per_mwh[number]


def why(
    *, subject: Subject, site: SiteView, at: datetime, carried: Carried | None = None
) -> tuple[Fact, ...]:
    """The facts behind a device's slot that begins at `at`, what matters most first; never empty.

    `carried` is None for a slot that is still to come.
    """
    planned = subject.slots.get(at)
    slot = site.basis.slot(at) if site.basis is not None else None
    facts: list[Fact] = []
    if planned is None and subject.kind != SubjectKind.PV or slot is None:
        facts.append(Fact(Code.NO_PLAN))
        facts.extend(_control(carried))
        facts.extend(_deviation(subject, None, carried))
        return tuple(facts)
    assert site.basis is not None  # noqa: S101 - the slot is one of it
    power_kw = planned.power_kw if planned else 0.0
    case = _Case(subject, site, site.basis, at, slot, power_kw)
    is_pv = subject.kind == SubjectKind.PV
    facts.extend(_pv(case, is_limited=planned is not None) if is_pv else _action(case))
    facts.extend(_control(carried))
    parts: tuple[Callable[[_Case], Iterator[Fact]], ...] = (
        (_prices,) if is_pv else (_prices, _car, _energy, _idle, _state_limits, _site_limits)
    )
    for part in parts:
        facts.extend(part(case))
    facts.extend(_deviation(subject, None if is_pv else power_kw, carried))
    return tuple(facts)


def _action(case: _Case) -> Iterator[Fact]:
    if case.power_kw > SAME_KW:
        yield Fact(Code.CHARGES, {"power_kw": case.power_kw})
    elif case.power_kw < -SAME_KW:
        yield Fact(Code.DISCHARGES, {"power_kw": -case.power_kw})
    else:
        yield Fact(Code.RESTS)


def _pv(case: _Case, *, is_limited: bool) -> Iterator[Fact]:
    """A plant has a planned slot only where it is curtailed; expected is the whole site's."""
    expected_kw = max(0.0, -case.basis.pv_kw[case.slot])
    if not is_limited:
        yield Fact(Code.PV_FREE, {"expected_kw": expected_kw})
        return
    yield Fact(Code.PV_CURTAILED, {"limit_kw": max(0.0, -case.power_kw),
                                   "expected_kw": expected_kw})  # fmt: skip
    price = case.basis.production_eur_per_mwh[case.slot]
    if price < 0:
        yield Fact(Code.FEEDING_COSTS, {"price": price})
    limit_kw = case.basis.export_limit_kw[case.slot]
    if limit_kw is not None:
        yield _export_fact(case, limit_kw)


def _control(carried: Carried | None) -> Iterator[Fact]:
    """Whom the device follows when that is not its plan."""
    if carried is None:
        return
    if carried.by_grid:
        yield Fact(Code.GRID)
    elif carried.by_operator:
        yield Fact(Code.OPERATOR)
    elif carried.mode == ControlMode.HOLD:
        yield Fact(Code.HELD, {"reason": carried.reason_code})
    elif carried.mode == ControlMode.FALLBACK:
        yield Fact(Code.OWN_RULE, {"reason": carried.reason_code})


def _prices(case: _Case) -> Iterator[Fact]:
    prices = case.basis.consumption_eur_per_mwh
    price = prices[case.slot]
    yield Fact(
        Code.PRICE_RANK,
        {
            "price": price,
            "cheaper": sum(other < price for other in prices),
            "dearer": sum(other > price for other in prices),
            "count": len(prices),
        },
    )
    steering = case.basis.steering_eur_per_mwh[case.slot]
    if abs(steering - price) > SAME_EUR_PER_MWH:
        yield Fact(Code.OBJECTIVE, {"price": price, "steering": steering})


def _car(case: _Case) -> Iterator[Fact]:
    subject = case.subject
    if subject.kind != SubjectKind.CAR or subject.target_soc_percent is None:
        return
    target = subject.target_soc_percent
    soc = _soc_before(case)
    if soc is not None:
        needs_kwh = (target - soc) / 100.0 * subject.capacity_kwh
        if target - soc <= SAME_SOC_PERCENT:
            yield Fact(Code.CAR_READY, {"target": target})
        elif subject.departure_at is None:
            yield Fact(Code.CAR_AT_ONCE, {"needs_kwh": needs_kwh, "target": target})
        else:
            yield Fact(Code.CAR_LEAVES, {"at": subject.departure_at, "needs_kwh": needs_kwh,
                                         "target": target})  # fmt: skip
    if subject.shortfall_kwh > 0:
        yield Fact(Code.CAR_SHORT, {"shortfall_kwh": subject.shortfall_kwh})


def _energy(case: _Case) -> Iterator[Fact]:
    """Where charged energy comes from and what it is for; where discharged energy goes."""
    basis, slot = case.basis, case.slot
    rest_kw = basis.pv_kw[slot] + basis.load_kw[slot] + basis.charging_kw[slot]
    planned_kw = case.site.planned_kw.get(case.at, case.power_kw)
    if case.power_kw > SAME_KW:
        surplus_kw = max(0.0, -rest_kw)
        # Who charges at the same time has its share of the sun.
        stored_kw = case.power_kw * min(1.0, surplus_kw / max(planned_kw, case.power_kw))
        if stored_kw > SAME_KW:
            yield Fact(Code.SUN_STORED, {"stored_kw": stored_kw, "surplus_kw": surplus_kw})
        if case.power_kw - stored_kw > SAME_KW:
            yield Fact(Code.BOUGHT, {"bought_kw": case.power_kw - stored_kw})
        yield from _dearest_use(case)
    elif case.power_kw < -SAME_KW:
        need_kw = max(0.0, rest_kw)
        covered_kw = -case.power_kw * min(1.0, need_kw / max(-planned_kw, -case.power_kw))
        if covered_kw > SAME_KW:
            yield Fact(Code.COVERS_NEED, {"covered_kw": covered_kw})
        if -case.power_kw - covered_kw > SAME_KW:
            yield Fact(Code.FED_IN, {"fed_in_kw": -case.power_kw - covered_kw,
                                     "price": basis.production_eur_per_mwh[slot]})  # fmt: skip
        yield from _cheapest_source(case)


def _dearest_use(case: _Case) -> Iterator[Fact]:
    later = [
        (price, at)
        for at, planned in case.subject.slots.items()
        if at > case.at and planned.power_kw < -SAME_KW and (price := case.price(at)) is not None
    ]
    if later:
        price, at = max(later, key=lambda found: (found[0], -found[1].timestamp()))
        yield Fact(Code.KEPT_FOR, {"at": at, "price": price})


def _cheapest_source(case: _Case) -> Iterator[Fact]:
    earlier = [
        (price, at)
        for at, planned in case.subject.slots.items()
        if at < case.at and planned.power_kw > SAME_KW and (price := case.price(at)) is not None
    ]
    if earlier:
        price, at = min(earlier)
        yield Fact(Code.STORED_AT, {"at": at, "price": price})


def _idle(case: _Case) -> Iterator[Fact]:
    if abs(case.power_kw) > SAME_KW:
        return
    acting = [
        (at, planned.power_kw)
        for at, planned in case.subject.slots.items()
        if at > case.at and abs(planned.power_kw) > SAME_KW
    ]
    if acting:
        at, power_kw = min(acting)
        price = case.price(at)
        if price is not None:
            yield Fact(Code.WAITS_FOR, {"at": at, "price": price, "power_kw": power_kw})
        return
    rest = case.basis.steering_eur_per_mwh[case.slot :]
    lowest, highest = min(rest), max(rest)
    efficiency = case.subject.round_trip_efficiency
    if case.subject.kind == SubjectKind.BATTERY and highest * efficiency <= lowest:
        yield Fact(Code.NO_GAIN, {"lowest": lowest, "highest": highest,
                                  "efficiency": 100.0 * efficiency})  # fmt: skip


def _state_limits(case: _Case) -> Iterator[Fact]:
    subject = case.subject
    planned = subject.slots[case.at]
    soc = planned.soc_percent
    if soc is not None:
        if case.power_kw <= SAME_KW and soc <= subject.soc_min_percent + SAME_SOC_PERCENT:
            yield Fact(Code.SOC_FLOOR, {"soc": soc, "floor": subject.soc_min_percent})
        elif case.power_kw >= -SAME_KW and soc >= subject.soc_max_percent - SAME_SOC_PERCENT:
            yield Fact(Code.SOC_CEILING, {"soc": soc, "ceiling": subject.soc_max_percent})
    rated_kw = subject.charge_kw if case.power_kw > 0 else subject.discharge_kw
    if abs(case.power_kw) > SAME_KW and abs(case.power_kw) >= rated_kw - SAME_KW:
        yield Fact(Code.RATING, {"rated_kw": rated_kw})


def _site_limits(case: _Case) -> Iterator[Fact]:
    """The connection or a request as far as the plan goes up to it."""
    basis, slot = case.basis, case.slot
    rest_kw = basis.pv_kw[slot] + basis.load_kw[slot] + basis.charging_kw[slot]
    net_kw = rest_kw + case.site.planned_kw.get(case.at, case.power_kw)
    import_kw, export_kw = basis.import_limit_kw[slot], basis.export_limit_kw[slot]
    if net_kw >= 0 and import_kw is not None and net_kw >= import_kw - SAME_KW:
        connection_kw = case.site.connection_import_kw
        asked = connection_kw is None or import_kw < connection_kw
        yield Fact(Code.IMPORT_REQUEST if asked else Code.IMPORT_LIMIT, {"limit_kw": import_kw})
    elif net_kw < 0 and export_kw is not None and -net_kw >= export_kw - SAME_KW:
        yield _export_fact(case, export_kw)
    if case.site.reserve_kw > 0 and case.subject.kind == SubjectKind.BATTERY:
        yield Fact(Code.RESERVE, {"reserve_kw": case.site.reserve_kw})


def _export_fact(case: _Case, limit_kw: float) -> Fact:
    connection_kw = case.site.connection_export_kw
    asked = connection_kw is None or limit_kw < connection_kw
    return Fact(Code.EXPORT_REQUEST if asked else Code.EXPORT_LIMIT, {"limit_kw": limit_kw})


def _deviation(
    subject: Subject, planned_kw: float | None, carried: Carried | None
) -> Iterator[Fact]:
    """The set-point against the plan, and the measured power against the set-point."""
    if carried is None or carried.setpoint_kw is None:
        return
    setpoint_kw = carried.setpoint_kw
    follows = carried.mode == ControlMode.PLAN and not (carried.by_grid or carried.by_operator)
    if planned_kw is not None and follows and abs(setpoint_kw - planned_kw) > SAME_KW:
        numbers: dict[str, Number] = {"planned_kw": planned_kw, "setpoint_kw": setpoint_kw}
        if _window_stops(subject, planned_kw, carried.soc_percent):
            yield Fact(Code.SOC_WINDOW, {**numbers, "soc": carried.soc_percent or 0.0})
        else:
            yield Fact(Code.CORRECTED, numbers)
    if carried.measured_kw is None or subject.kind == SubjectKind.PV:
        return
    tolerance_kw = max(SAME_KW, DEVIATION_SHARE * max(subject.charge_kw, subject.discharge_kw))
    if abs(carried.measured_kw - setpoint_kw) > tolerance_kw:
        yield Fact(Code.DIFFERS, {"setpoint_kw": setpoint_kw, "measured_kw": carried.measured_kw})


def _window_stops(subject: Subject, planned_kw: float, soc_percent: float | None) -> bool:
    if soc_percent is None:
        return False
    if planned_kw > 0:
        return soc_percent >= subject.soc_max_percent - SAME_SOC_PERCENT
    return soc_percent <= subject.soc_min_percent + SAME_SOC_PERCENT


def _soc_before(case: _Case) -> float | None:
    """The planned SoC as the slot begins."""
    before = case.subject.slots.get(case.at - QUARTER_HOUR)
    if before is not None:
        return before.soc_percent
    return case.subject.soc_start_percent if case.slot == 0 else None
