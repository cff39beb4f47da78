"""The chart of one local day: plan against measurement, PV, charging, price."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from django.core.cache import cache
from django.utils import timezone

from apps.assets.selectors import KindSlot, power_by_kind
from apps.chargers.selectors import charging_power_by_slot
from apps.console.viewmodels.live import main_site_id
from apps.flexibility.selectors import local_day, plan_slots_total
from apps.markets.selectors import prices
from cariflex.common.units import QUARTER_HOUR, floor_slot, slots

RESOLUTION = timedelta(minutes=5)
CACHE_S = 20
HOUR = timedelta(hours=1)
# Hours that are over change only by late readings: they are not added up for every look at them.
CLOSED_CACHE_S = 120
Series = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class DayChart:
    """Series over one axis of slot starts (UTC epoch seconds); kW, charging positive.

    PV is shown as production (>= 0). A slot without a value is None.
    """

    start: datetime
    end: datetime
    now: datetime
    times_s: tuple[int, ...]
    pv_production_kw: Series
    charging_kw: Series
    battery_kw: Series
    planned_battery_kw: Series
    price_eur_per_mwh: Series
    price_estimated_from: datetime | None


@dataclass(frozen=True, slots=True)
class HourRow:
    """One hour of the day chart as text: means of the slots that have a value."""

    start: datetime
    pv_production_kw: float | None
    charging_kw: float | None
    battery_kw: float | None
    planned_battery_kw: float | None
    price_eur_per_mwh: float | None


def day_chart(*, now: datetime) -> DayChart:
    """The chart of the operator's local day that holds `now`, in at most 8 queries."""
    day = local_day(now, timezone.get_current_timezone_name())
    starts = slots(day.start, day.end, RESOLUTION)
    by_kind: dict[str, dict[datetime, float]] = {"pv": {}, "battery": {}}
    for row in _measured(day.start, now):
        by_kind.setdefault(str(row.kind), {})[row.start] = row.mean_power_kw
    charging = {
        row.start: row.mean_power_kw
        for row in charging_power_by_slot(start=day.start, end=day.end, resolution=RESOLUTION)
        # The slot in progress has only part of its energy yet.
        if row.start + RESOLUTION <= now
    }
    site_id = main_site_id()
    planned = plan_slots_total(site_id, start=day.start, end=day.end) if site_id else []
    points = prices(start=day.start, end=day.end)
    estimated = [point.start for point in points if str(point.quality) == "estimated"]
    return DayChart(
        start=day.start,
        end=day.end,
        now=now,
        times_s=tuple(int(start.timestamp()) for start in starts),
        pv_production_kw=_series(starts, {at: 0.0 - kw for at, kw in by_kind["pv"].items()}),
        charging_kw=_series(starts, charging),
        battery_kw=_series(starts, by_kind["battery"]),
        planned_battery_kw=_series(starts, _spread((p.start, p.power_kw) for p in planned)),
        price_eur_per_mwh=_series(
            starts, _spread((p.start, float(p.price_eur_per_mwh)) for p in points)
        ),
        price_estimated_from=min(estimated) if estimated else None,
    )


def day_chart_recent(*, now: datetime) -> DayChart:
    """The chart, at most CACHE_S old: many viewers, one computation."""
    key = f"console.day:{timezone.localtime(now):%Y-%m-%d}"
    chart: DayChart | None = cache.get(key)
    if chart is None:
        chart = day_chart(now=now)
        cache.set(key, chart, CACHE_S)
    return chart


def day_chart_text(*, now: datetime) -> str:
    """The chart as JSON."""
    return orjson.dumps(day_chart_recent(now=now), option=orjson.OPT_UTC_Z).decode()


def hour_rows(chart: DayChart) -> list[HourRow]:
    """The chart in words and figures, one row an hour that has any value."""
    per_hour = int(timedelta(hours=1) / RESOLUTION)
    names = (
        "pv_production_kw",
        "charging_kw",
        "battery_kw",
        "planned_battery_kw",
        "price_eur_per_mwh",
    )
    rows: list[HourRow] = []
    for first in range(0, len(chart.times_s), per_hour):
        means = [_mean(getattr(chart, name)[first : first + per_hour]) for name in names]
        if any(mean is not None for mean in means):
            start = chart.start + first * RESOLUTION
            rows.append(HourRow(start, *means))
    return rows


def _measured(start: datetime, now: datetime) -> list[KindSlot]:
    """PV and batteries from `start` to now; the hours that are over come from the cache."""
    closed = floor_slot(now, HOUR)
    if closed <= start:
        return power_by_kind(start=start, end=now, resolution=RESOLUTION)
    key = f"console.day_measured:{start.isoformat()}:{closed.isoformat()}"
    rows: list[KindSlot] | None = cache.get(key)
    if rows is None:
        rows = power_by_kind(start=start, end=closed, resolution=RESOLUTION)
        cache.set(key, rows, CLOSED_CACHE_S)
    return rows + power_by_kind(start=closed, end=now + RESOLUTION, resolution=RESOLUTION)


def _series(starts: Sequence[datetime], values: dict[datetime, float]) -> Series:
    return tuple(round(values[start], 3) if start in values else None for start in starts)


def _spread(quarters: Iterable[tuple[datetime, float]]) -> dict[datetime, float]:
    """Quarter-hour values on the finer axis of the chart."""
    steps = int(QUARTER_HOUR / RESOLUTION)
    return {start + step * RESOLUTION: value for start, value in quarters for step in range(steps)}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
