"""What a plan was made of, slot by slot: kept with the plan, so that it can be explained later.

Pure. Powers in kW, consumption positive; PV is production and so <= 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from cariflex.common.time import format_rfc3339, parse_rfc3339


@dataclass(frozen=True, slots=True)
class PlanBasis:
    """One value per slot from `start`; `None` as a limit means that there is none."""

    start: datetime
    resolution_s: int
    consumption_eur_per_mwh: tuple[float, ...]
    production_eur_per_mwh: tuple[float, ...]
    steering_eur_per_mwh: tuple[float, ...]
    """What drawing a MWh counted for the optimiser: the price, and what the objective adds."""
    co2_g_per_kwh: tuple[float | None, ...]
    pv_kw: tuple[float, ...]
    load_kw: tuple[float, ...]
    """Load beside cars and batteries."""
    charging_kw: tuple[float, ...]
    """Cars that are not planned one by one."""
    import_limit_kw: tuple[float | None, ...]
    export_limit_kw: tuple[float | None, ...]
    forecast_methods: Mapping[str, str]
    """Quantity -> method (`ForecastQuantity`, `ForecastMethod`)."""

    @property
    def resolution(self) -> timedelta:
        """The length of a slot."""
        return timedelta(seconds=self.resolution_s)

    def slot(self, at: datetime) -> int | None:
        """The number of the slot that holds an instant; None outside."""
        number = (at - self.start) // self.resolution
        return number if 0 <= number < len(self.consumption_eur_per_mwh) else None

    def as_json(self) -> dict[str, Any]:
        """For a JSON column."""
        return {**asdict(self), "start": format_rfc3339(self.start)}


def basis_of(stored: Mapping[str, Any]) -> PlanBasis | None:
    """What `as_json` gave; None for a plan without it (made before it was kept)."""
    if not stored:
        return None
    lists = {name: tuple(value) for name, value in stored.items() if isinstance(value, list)}
    return PlanBasis(
        start=parse_rfc3339(stored["start"]),
        resolution_s=stored["resolution_s"],
        forecast_methods=dict(stored["forecast_methods"]),
        **lists,
    )
