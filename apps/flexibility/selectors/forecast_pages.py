"""What the forecast page shows: who forecasts, how far each is, how good it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.models import Forecast, ForecastChoice, ForecastRun, ForecastSkill


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whose forecast a quantity follows; the errors are None while there is no evidence."""

    method: ForecastMethod
    since: datetime
    mae: float | None
    baseline_mae: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """The last attempt of a method; `is_busy` while it is being computed."""

    tried_at: datetime
    reason_code: str
    detail: str
    is_busy: bool


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest forecast of a method; `duration_s` where it took FlexMeasures a time."""

    made_at: datetime
    duration_s: float | None


@dataclass(frozen=True, slots=True)
class SkillRow:
    """The skill of a method for horizons in (from, to] hours."""

    method: ForecastMethod
    from_h: int
    to_h: int
    slot_count: int
    mae: float
    bias: float
    in_band_share: float | None
    computed_at: datetime


def forecast_choices(site_id: int) -> dict[ForecastQuantity, Chosen]:
    """Who is used for each quantity of a site. One query."""
    return {
        ForecastQuantity(row.quantity): Chosen(
            ForecastMethod(row.method), row.since, row.mae, row.baseline_mae
        )
        for row in ForecastChoice.objects.filter(site_id=site_id)
    }


def forecast_runs(
    *, site_id: int, quantity: ForecastQuantity, now: datetime
) -> dict[ForecastMethod, Run]:
    """The last attempt of each method that was ever tried. One query."""
    rows = ForecastRun.objects.filter(site_id=site_id, quantity=quantity)
    return {
        ForecastMethod(row.method): Run(
            tried_at=row.tried_at,
            reason_code=row.reason_code,
            detail=row.detail,
            # With a reason beside it the lease only holds the next attempt back.
            is_busy=not row.reason_code and row.lease_until is not None and row.lease_until > now,
        )
        for row in rows
    }


def forecast_newest(
    *, site_id: int, quantity: ForecastQuantity, now: datetime
) -> dict[ForecastMethod, Newest]:
    """When each method's newest forecast was made. One query."""
    rows = (
        Forecast.objects.filter(site_id=site_id, quantity=quantity, made_at__lte=now)
        .order_by("method", "-made_at")
        .distinct("method")
        .values_list("method", "made_at", "duration_s")
    )
    return {
        ForecastMethod(method): Newest(made_at, duration_s) for method, made_at, duration_s in rows
    }


def forecast_skills(*, site_id: int, quantity: ForecastQuantity) -> list[SkillRow]:
    """The skill of each method, nearest horizons first. One query."""
    rows = ForecastSkill.objects.filter(site_id=site_id, quantity=quantity)
    return [
        SkillRow(
            method=ForecastMethod(row.method),
            from_h=row.horizon_from_h,
            to_h=row.horizon_to_h,
            slot_count=row.slot_count,
            mae=row.mae,
            bias=row.bias,
            in_band_share=row.in_band_share,
            computed_at=row.computed_at,
        )
        for row in rows.order_by("horizon_from_h", "method")
    ]
