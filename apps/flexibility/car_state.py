"""A car as the planner sees it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CarState:
    """A plugged-in car whose capacity and state of charge are known.

    Powers in kW at the AC terminals, both >= 0; `most_discharge_kw` is 0 for one that only charges.
    `departure_at` None: it may leave at any moment and is charged at once.
    """

    session_id: int
    station_id: str
    evse_pk: int
    capacity_kwh: float
    soc_percent: float
    target_soc_percent: float
    min_soc_percent: float
    max_soc_percent: float
    most_charge_kw: float
    most_discharge_kw: float
    departure_at: datetime | None
    charging_efficiency: float
    discharging_efficiency: float
