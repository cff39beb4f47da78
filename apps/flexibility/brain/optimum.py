"""The cheapest that was possible: a linear programme over a whole horizon, solved by HiGHS. Pure.

Everything is known in advance, so no plan made of forecasts can be cheaper. Power in kW at the AC
terminals, consumption and charging positive; prices in EUR/MWh; one value per slot.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from apps.flexibility.brain.storage import Storage
from cariflex.common.units import SECONDS_PER_HOUR

SHORTFALL_EUR_PER_KWH: Final = 100.0
"""Far above every price: a target is missed only where it cannot be met. Not part of the cost."""
OPTIMAL: Final = "optimal"


@dataclass(frozen=True, slots=True)
class Horizon:
    """What is given, one value per slot: `pv_kw` <= 0, limits >= 0 and `math.inf` for none."""

    slot_s: float
    consumption_eur_per_mwh: Sequence[float]
    production_eur_per_mwh: Sequence[float]
    load_kw: Sequence[float]
    pv_kw: Sequence[float]
    import_limit_kw: Sequence[float]
    export_limit_kw: Sequence[float]

    @property
    def count(self) -> int:
        """How many slots."""
        return len(self.load_kw)

    @property
    def slot_h(self) -> float:
        """Length of a slot."""
        return self.slot_s / SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class CarVisit:
    """A car plugged in during the slots [arrival, departure); `storage` as it arrives."""

    storage: Storage
    arrival: int
    departure: int
    target_kwh: float


@dataclass(frozen=True, slots=True)
class Optimum:
    """Powers by key, one per slot (a car's from its arrival on); `cost_eur` of the grid's energy.

    `status` other than `optimal`: no powers, cost NaN. `shortfall_kwh`: by how much a target
    cannot be met, only of visits that cannot.
    """

    status: str
    cost_eur: float = math.nan
    battery_kw: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    visit_kw: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    grid_kw: tuple[float, ...] = ()
    curtailed_kw: tuple[float, ...] = ()
    shortfall_kwh: Mapping[str, float] = field(default_factory=dict)


def pooled(storages: Sequence[Storage], *, key: str = "pool") -> Storage:
    """Batteries of equal efficiencies as one: powers and energies are added.

    The pool can do all that they can, and no more than that when they are equal.
    """
    first = storages[0]
    return replace(
        first,
        key=key,
        capacity_kwh=sum(one.capacity_kwh for one in storages),
        soc_kwh=sum(one.soc_kwh for one in storages),
        soc_min_kwh=sum(one.soc_min_kwh for one in storages),
        soc_max_kwh=sum(one.soc_max_kwh for one in storages),
        charge_kw=sum(one.charge_kw for one in storages),
        discharge_kw=sum(one.discharge_kw for one in storages),
    )


def optimum(
    *,
    horizon: Horizon,
    batteries: Sequence[Storage],
    visits: Sequence[CarVisit] = (),
    end_kwh: Mapping[str, float] | None = None,
    end_value_eur_per_kwh: float = 0.0,
) -> Optimum:
    """The least cost, EUR, with all PV curtailable.

    `end_kwh`: the least energy a battery holds at the end, by key; `end_value_eur_per_kwh` is what
    energy then in batteries counts for (it steers and is no part of `cost_eur`). A car is not
    discharged below its floor, nor below what it came with when that is less.
    """
    programme = _Programme(horizon)
    stores = {
        battery.key: programme.store_add(
            battery,
            range(horizon.count),
            least_end_kwh=(end_kwh or {}).get(battery.key, 0.0),
            end_value_eur_per_kwh=end_value_eur_per_kwh,
        )
        for battery in batteries
    }
    cars = {
        visit.storage.key: programme.visit_add(visit)
        for visit in visits
        if visit.departure > visit.arrival
    }
    status, x = programme.solve()
    if x is None:
        return Optimum(status)
    return programme.read(x, stores, cars)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a storage's variables lie: charge, discharge and energy, one of each per slot."""

    charge: int
    discharge: int
    energy: int
    count: int
    shortfall: int | None = None


class _Programme:
    """Variables with bounds and costs, and equations in triplets (row, column, factor)."""

    def __init__(self, horizon: Horizon) -> None:
        self.horizon = horizon
        self.cost: list[float] = []
        self.bounds: list[tuple[float, float]] = []
        self.triplets: list[tuple[int, int, float]] = []
        self.right: list[float] = [-(load + pv) for load, pv in _load_and_pv(horizon)]
        per_mwh = horizon.slot_h / 1000
        self.drawn = self._columns(
            [(0.0, limit) for limit in horizon.import_limit_kw],
            [price * per_mwh for price in horizon.consumption_eur_per_mwh],
        )
        self.fed = self._columns(
            [(0.0, limit) for limit in horizon.export_limit_kw],
            [-price * per_mwh for price in horizon.production_eur_per_mwh],
        )
        self.curtailed = self._columns(
            [(0.0, max(0.0, -pv)) for pv in horizon.pv_kw], [0.0] * horizon.count
        )
        # Row t: charge - discharge + curtailed - drawn + fed = -(load + pv).
        for slot in range(horizon.count):
            self.triplets += [
                (slot, self.drawn + slot, -1.0),
                (slot, self.fed + slot, 1.0),
                (slot, self.curtailed + slot, 1.0),
            ]

    def _columns(self, bounds: Sequence[tuple[float, float]], cost: Sequence[float]) -> int:
        first = len(self.cost)
        self.bounds += bounds
        self.cost += cost
        return first

    def store_add(
        self,
        store: Storage,
        there: range,
        *,
        least_end_kwh: float = 0.0,
        end_value_eur_per_kwh: float = 0.0,
    ) -> _Columns:
        """A storage that is connected in the slots `there`."""
        count, hours = len(there), self.horizon.slot_h
        nothing = [0.0] * count
        charge = self._columns([(0.0, store.charge_kw)] * count, nothing)
        discharge = self._columns([(0.0, store.discharge_kw)] * count, nothing)
        floor = min(store.soc_min_kwh, store.soc_kwh)
        ceiling = max(store.soc_max_kwh, store.soc_kwh)
        window = [(floor, ceiling)] * count
        window[-1] = (max(floor, least_end_kwh), ceiling)
        energy = self._columns(window, [*nothing[:-1], -end_value_eur_per_kwh])
        for number, slot in enumerate(there):
            self.triplets += [(slot, charge + number, 1.0), (slot, discharge + number, -1.0)]
            row = len(self.right)
            self.right.append(store.soc_kwh if number == 0 else 0.0)
            self.triplets += [
                (row, energy + number, 1.0),
                (row, charge + number, -hours * store.charging_efficiency),
                (row, discharge + number, hours / store.discharging_efficiency),
            ]
            if number:
                self.triplets.append((row, energy + number - 1, -1.0))
        return _Columns(charge, discharge, energy, count)

    def visit_add(self, visit: CarVisit) -> _Columns:
        """A car: its energy at departure and the shortfall reach the target."""
        columns = self.store_add(visit.storage, range(visit.arrival, visit.departure))
        shortfall = self._columns([(0.0, math.inf)], [SHORTFALL_EUR_PER_KWH])
        surplus = self._columns([(0.0, math.inf)], [0.0])
        row = len(self.right)
        self.right.append(visit.target_kwh)
        self.triplets += [
            (row, columns.energy + columns.count - 1, 1.0),
            (row, shortfall, 1.0),
            (row, surplus, -1.0),
        ]
        return replace(columns, shortfall=shortfall)

    def solve(self) -> tuple[str, Any]:
        """Status and variables (None without an optimum)."""
        # Here, because a web process that only knows the types must not pay for scipy.
        import numpy as np
        from scipy.optimize import linprog
        from scipy.sparse import coo_matrix

        rows, columns, factors = zip(*self.triplets, strict=True)
        matrix = coo_matrix(
            (factors, (rows, columns)), shape=(len(self.right), len(self.cost))
        ).tocsr()
        answer = linprog(
            np.array(self.cost),
            A_eq=matrix,
            b_eq=np.array(self.right),
            bounds=np.array(self.bounds),
            method="highs",
        )
        if answer.status == 0:
            return OPTIMAL, answer.x
        return {2: "infeasible", 3: "unbounded"}.get(answer.status, "unsolved"), None

    def read(self, x: Any, stores: Mapping[str, _Columns], cars: Mapping[str, _Columns]) -> Optimum:
        """The powers that the variables stand for."""
        count, horizon = self.horizon.count, self.horizon
        drawn, fed = x[self.drawn : self.drawn + count], x[self.fed : self.fed + count]
        cost = (
            horizon.slot_h
            / 1000
            * (
                float(drawn @ list(horizon.consumption_eur_per_mwh))
                - float(fed @ list(horizon.production_eur_per_mwh))
            )
        )
        missing = {
            key: float(x[columns.shortfall])
            for key, columns in cars.items()
            if columns.shortfall is not None and x[columns.shortfall] > 1e-6
        }
        return Optimum(
            status=OPTIMAL,
            cost_eur=cost,
            battery_kw={key: _net_kw(x, columns) for key, columns in stores.items()},
            visit_kw={key: _net_kw(x, columns) for key, columns in cars.items()},
            grid_kw=tuple((drawn - fed).tolist()),
            curtailed_kw=tuple(x[self.curtailed : self.curtailed + count].tolist()),
            shortfall_kwh=missing,
        )


def _load_and_pv(horizon: Horizon) -> list[tuple[float, float]]:
    """Load and PV per slot; ValueError when the series are not of one length."""
    series = (
        horizon.consumption_eur_per_mwh,
        horizon.production_eur_per_mwh,
        horizon.import_limit_kw,
        horizon.export_limit_kw,
    )
    if any(len(one) != horizon.count for one in series):
        raise ValueError("all series of a horizon must have one value per slot")
    return list(zip(horizon.load_kw, horizon.pv_kw, strict=True))


def _net_kw(x: Any, columns: _Columns) -> tuple[float, ...]:
    charge = x[columns.charge : columns.charge + columns.count]
    discharge = x[columns.discharge : columns.discharge + columns.count]
    return tuple((charge - discharge).tolist())
