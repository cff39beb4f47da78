"""The forecasts that cost nothing: the naive ones and the plant model's, once an hour."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.assets.choices import DeviceKind
from apps.assets.models import Device, Site
from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.forecasting.baselines import persistence, weekday
from apps.flexibility.forecasting.points import (
    HORIZON,
    NOTHING,
    History,
    Point,
    is_empty,
    points_stored,
    points_within,
)
from apps.flexibility.forecasting.reasons import ForecastReason
from apps.flexibility.models import Forecast, ForecastRun
from apps.flexibility.selectors.forecast_history import (
    BOUNDS,
    SiteFacts,
    known_in,
    methods_of,
    site_facts,
)
from apps.flexibility.services.forecasts.runs import Outcome, runs_note
from apps.markets.selectors.pv import ForecastPoint, pv_forecast, pv_plants
from cariflex.common.units import floor_slot, slots

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
_BASELINES: Final = {
    ForecastMethod.PERSISTENCE: (persistence, 1),
    ForecastMethod.WEEKDAY: (weekday, 7),
}
"""How each is made and the days of history it needs at least."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    quantity: ForecastQuantity
    method: ForecastMethod
    points: Sequence[Point]
    outcome: Outcome


def forecasts_make(*, now: datetime) -> int:
    """Make the forecasts of this hour that are not made yet; gives how many.

    A forecast is of the quarter hour that `now` lies in and of what was known at its start, that
    of the plants of what is known in this minute (the weather of a new island has only just come):
    made again, or by two at once, nothing changes.
    """
    made = sum(_site_make(site, now) for site in Site.objects.order_by("pk"))
    if made:
        logger.info("forecasts made count=%d", made)
    return made


def _site_make(site: Site, now: datetime) -> int:
    made_at, facts = floor_slot(now), site_facts(site)
    wanted = {
        (quantity, method)
        for quantity in facts.quantities
        for method in methods_of(quantity)
        if method != ForecastMethod.FLEXMEASURES
    }
    due = wanted - _done_this_hour(site, now)
    if not due:
        return 0
    looks_back = any(method != ForecastMethod.PVLIB for _quantity, method in due)
    known = known_in(facts, spans=_spans(made_at) if looks_back else (), as_of=made_at)
    attempts = [
        _attempt(facts, quantity, method, known[quantity], now) for quantity, method in sorted(due)
    ]
    rows = [
        Forecast(
            site=site,
            quantity=attempt.quantity,
            method=attempt.method,
            made_at=_told_at(now) if attempt.method == ForecastMethod.PVLIB else made_at,
            start=made_at,
            end=made_at + HORIZON,
            points=points_stored(attempt.points),
        )
        for attempt in attempts
        if attempt.points
    ]
    Forecast.objects.bulk_create(rows, ignore_conflicts=True)
    outcomes = {(attempt.quantity, attempt.method): attempt.outcome for attempt in attempts}
    runs_note(site_id=site.pk, outcomes=outcomes, now=now)
    return len(rows)


def _done_this_hour(site: Site, now: datetime) -> set[tuple[str, str]]:
    """What was made, and what was tried in vain: history does not grow within the hour.

    The plants are tried again, since the weather may come at any time. Two queries.
    """
    hour = floor_slot(now, EVERY)
    made = Forecast.objects.filter(site=site, made_at__gte=hour, made_at__lte=now)
    tried = ForecastRun.objects.filter(site=site, tried_at__gte=hour, tried_at__lte=now).exclude(
        method=ForecastMethod.PVLIB
    )
    return {*made.values_list("quantity", "method"), *tried.values_list("quantity", "method")}


def _spans(made_at: datetime) -> list[tuple[datetime, datetime]]:
    """The days that the naive forecasts look at: the last seven whole, then whole weeks back."""
    weeks = [made_at - number * 7 * DAY for number in (2, 3, 4)]
    return [*((start, start + HORIZON) for start in weeks), (made_at - 7 * DAY, made_at + HORIZON)]


def _attempt(
    facts: SiteFacts,
    quantity: ForecastQuantity,
    method: ForecastMethod,
    known: History,
    now: datetime,
) -> _Attempt:
    if quantity == ForecastQuantity.LOAD and not facts.has_grid_meter:
        return _Attempt(quantity, method, (), Outcome(ForecastReason.NO_METER))
    if method == ForecastMethod.PVLIB:
        points, outcome = _of_plants(facts.site, now)
    else:
        points, outcome = _naive(method, known, floor_slot(now))
    lowest, highest = BOUNDS[quantity]
    bounded = points_within(points, lowest=lowest, highest=highest)
    return _Attempt(quantity, method, bounded, outcome)


def _naive(
    method: ForecastMethod, known: History, made_at: datetime
) -> tuple[Sequence[Point], Outcome]:
    forecast, days_needed = _BASELINES[method]
    points = forecast(history=known, start=made_at)
    if not is_empty(points):
        return points, Outcome()
    past = [slot for slot in known if slot < made_at]
    if not past:
        return (), Outcome(ForecastReason.NOTHING_KNOWN)
    days = (made_at - min(past)) // DAY
    return (), Outcome(ForecastReason.TOO_LITTLE, f"{days}/{days_needed}")


def _told_at(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def _of_plants(site: Site, now: datetime) -> tuple[Sequence[Point], Outcome]:
    """The plants of a site together; a slot that one of them lacks is unknown."""
    device_ids = set(
        Device.objects.filter(site=site, kind=DeviceKind.PV).values_list("pk", flat=True)
    )
    codes = [row.code for row in pv_plants(enabled_only=True) if row.device_id in device_ids]
    if not codes:
        return (), Outcome(ForecastReason.NO_PLANT)
    start = floor_slot(now)
    end = start + HORIZON
    told = pv_forecast(codes=codes, start=start, end=end, as_of=_told_at(now))
    by_plant = [{point.start: point for point in told[code]} for code in codes]
    points = []
    for slot in slots(start, end):
        parts = [of[slot] for of in by_plant if slot in of]
        points.append(_total(parts) if len(parts) == len(codes) else NOTHING)
    if is_empty(points):
        return (), Outcome(ForecastReason.NO_PLANT)
    if len(codes) < len(device_ids):
        return points, Outcome(ForecastReason.PLANTS_MISSING, f"{len(codes)}/{len(device_ids)}")
    return points, Outcome()


def _total(parts: Sequence[ForecastPoint]) -> Point:
    """Production as the power of the site: negative, so that the two percentiles change places."""
    lows = [part.p10_kw for part in parts if part.p10_kw is not None]
    highs = [part.p90_kw for part in parts if part.p90_kw is not None]
    has_band = len(lows) == len(highs) == len(parts)
    return Point(
        p50=-float(sum(part.p50_kw for part in parts)),
        p10=-float(sum(highs)) if has_band else None,
        p90=-float(sum(lows)) if has_band else None,
    )
