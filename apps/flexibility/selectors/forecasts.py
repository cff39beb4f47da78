"""What is expected of a site, and how good and how fresh the forecasts are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.forecasting.merging import merged, ranked
from apps.flexibility.forecasting.points import Made, points_read
from apps.flexibility.models import Forecast, ForecastChoice
from cariflex.common.units import QUARTER_HOUR, ceil_slot, floor_slot

FILL_ORDER: Final = (
    ForecastMethod.PVLIB,
    ForecastMethod.FLEXMEASURES,
    ForecastMethod.WEEKDAY,
    ForecastMethod.PERSISTENCE,
)
"""Who is asked while nothing is chosen yet, and for the gaps of the chosen one."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One value for each quarter hour from `start`; None where nobody expects anything.

    kW (consumption positive, PV <= 0), EUR/MWh or g/kWh; p10 <= p50 <= p90, both ends None where
    there is no band. `method` and `made_at` are those of the forecast that leads, None without
    any; gaps of it are filled by others.
    """

    start: datetime
    method: ForecastMethod | None
    made_at: datetime | None
    p50: tuple[float | None, ...]
    p10: tuple[float | None, ...]
    p90: tuple[float | None, ...]


def expected(
    *,
    site_id: int,
    quantity: ForecastQuantity,
    start: datetime,
    end: datetime,
    now: datetime,
) -> Expected:
    """What is expected of the quarter hours of [start, end), as known at `now`. Two queries.

    The newest forecast of the chosen method; its gaps, and the time before there is a choice, are
    filled in FILL_ORDER. Forecasts of more than half a day come after fresh ones.
    """
    first = floor_slot(start)
    slot_count = max(0, (ceil_slot(end) - first) // QUARTER_HOUR)
    chosen = (
        ForecastChoice.objects.filter(site_id=site_id, quantity=quantity)
        .values_list("method", flat=True)
        .first()
    )
    made = forecasts_newest(site_id=site_id, quantity=quantity, start=first, end=end, now=now)
    methods = ranked(made, chosen=chosen, order=FILL_ORDER, now=now)
    return _expected(made, methods, first, slot_count)


def expected_of(
    *,
    method: ForecastMethod,
    site_id: int,
    quantity: ForecastQuantity,
    start: datetime,
    end: datetime,
    now: datetime,
) -> Expected:
    """Like `expected` by one method alone, its gaps left open. One query."""
    first = floor_slot(start)
    slot_count = max(0, (ceil_slot(end) - first) // QUARTER_HOUR)
    made = forecasts_newest(site_id=site_id, quantity=quantity, start=first, end=end, now=now)
    return _expected(made, [method] if method in made else [], first, slot_count)


def _expected(
    made: Mapping[str, Made], methods: Sequence[str], first: datetime, slot_count: int
) -> Expected:
    points = merged([made[method] for method in methods], start=first, slot_count=slot_count)
    leading = ForecastMethod(methods[0]) if methods else None
    return Expected(
        start=first,
        method=leading,
        made_at=made[leading].made_at if leading else None,
        p50=tuple(point.p50 for point in points),
        p10=tuple(point.p10 for point in points),
        p90=tuple(point.p90 for point in points),
    )


def forecasts_newest(
    *,
    site_id: int,
    quantity: ForecastQuantity,
    start: datetime,
    end: datetime,
    now: datetime,
) -> dict[str, Made]:
    """The newest forecast of each method that reaches into [start, end), made by `now`.

    One query.
    """
    rows = (
        Forecast.objects.filter(
            site_id=site_id, quantity=quantity, made_at__lte=now, start__lt=end, end__gt=start
        )
        .order_by("method", "-made_at")
        .distinct("method")
        .values_list("method", "made_at", "start", "points")
    )
    return {
        method: Made(made_at, made_start, points_read(points))
        for method, made_at, made_start, points in rows
    }
