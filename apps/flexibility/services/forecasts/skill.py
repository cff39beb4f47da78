"""Every night: how good the forecasts of the last two weeks were, and whose word is used."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.assets.models import Site
from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.forecasting.choice import Choice, choose
from apps.flexibility.forecasting.points import HORIZON, History, Made, points_read
from apps.flexibility.forecasting.skill import Bucket, Skill, skills, slot_errors
from apps.flexibility.models import Forecast, ForecastChoice, ForecastSkill
from apps.flexibility.selectors import local_day
from apps.flexibility.selectors.forecast_history import known_in, methods_of, site_facts
from cariflex.common.units import floor_slot

logger = logging.getLogger(__name__)

JUDGED: Final = timedelta(days=14)
KEPT: Final = timedelta(days=60)
BASELINE: Final = ForecastMethod.PERSISTENCE
"""Whose error the others are compared with, and who is used without evidence."""
_SKILL_FIELDS: Final = (
    "horizon_to_h",
    "slot_count",
    "mae",
    "bias",
    "rmse",
    "in_band_share",
    "computed_at",
)


def skills_update(*, now: datetime) -> int:
    """Judge the forecasts of every site whose night it is; gives the number of such sites.

    Once for each local day; a site without any skill yet is looked at each time. Forecasts older
    than KEPT are deleted.
    """
    judged = 0
    for site in Site.objects.order_by("pk"):
        if _is_due(site, now):
            judged += site_judge(site=site, now=now)
    deleted = forecasts_prune(now=now)
    if judged or deleted:
        logger.info("forecasts judged sites=%d deleted=%d", judged, deleted)
    return judged


def site_judge(*, site: Site, now: datetime) -> bool:
    """Judge one site's forecasts over the last 14 days; whether there were any to judge."""
    facts = site_facts(site)
    end = floor_slot(now)
    measured = known_in(facts, spans=[(end - JUDGED, end)], as_of=now)
    found = False
    for quantity in facts.quantities:
        made = _made(site, quantity, now)
        if made:
            found = True
            _quantity_judge(site, quantity, made, measured[quantity], now)
    return found


def forecasts_prune(*, now: datetime) -> int:
    """Delete the forecasts made more than KEPT ago; gives how many."""
    deleted, _by_model = Forecast.objects.filter(made_at__lt=now - KEPT).delete()
    return deleted


def _is_due(site: Site, now: datetime) -> bool:
    midnight = local_day(now, site.time_zone).start
    return not ForecastSkill.objects.filter(site=site, computed_at__gte=midnight).exists()


def _made(site: Site, quantity: ForecastQuantity, now: datetime) -> dict[str, list[Made]]:
    since = now - JUDGED - HORIZON
    rows = Forecast.objects.filter(
        site=site, quantity=quantity, made_at__gte=since, made_at__lte=now
    ).values_list("method", "made_at", "start", "points")
    made: dict[str, list[Made]] = defaultdict(list)
    for method, made_at, start, points in rows.order_by("made_at").iterator():
        made[method].append(Made(made_at, start, points_read(points)))
    return made


def _quantity_judge(
    site: Site,
    quantity: ForecastQuantity,
    made: Mapping[str, Sequence[Made]],
    measured: History,
    now: datetime,
) -> None:
    skip_zeros = quantity == ForecastQuantity.PV
    found = {
        method: skills(made=forecasts, measured=measured, skip_zeros=skip_zeros)
        for method, forecasts in made.items()
    }
    errors = {
        str(method): slot_errors(made=made[method], measured=measured, skip_zeros=skip_zeros)
        for method in methods_of(quantity)
        if method in made
    }
    with transaction.atomic():
        _skills_keep(site, quantity, found, now)
        _choice_keep(site, quantity, errors, now)


def _skills_keep(
    site: Site,
    quantity: ForecastQuantity,
    found: Mapping[str, Mapping[Bucket, Skill]],
    now: datetime,
) -> None:
    rows = [
        ForecastSkill(
            site=site,
            quantity=quantity,
            method=method,
            horizon_from_h=bucket[0],
            horizon_to_h=bucket[1],
            slot_count=skill.slot_count,
            mae=skill.mae,
            bias=skill.bias,
            rmse=skill.rmse,
            in_band_share=skill.in_band_share,
            computed_at=now,
        )
        for method, by_bucket in found.items()
        for bucket, skill in by_bucket.items()
    ]
    ForecastSkill.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["site", "quantity", "method", "horizon_from_h"],
        update_fields=_SKILL_FIELDS,
    )
    # What there is no evidence for any more is no skill.
    ForecastSkill.objects.filter(site=site, quantity=quantity, computed_at__lt=now).delete()


def _choice_keep(
    site: Site,
    quantity: ForecastQuantity,
    errors: Mapping[str, Mapping[datetime, float]],
    now: datetime,
) -> None:
    row = ForecastChoice.objects.select_for_update().filter(site=site, quantity=quantity).first()
    choice = choose(errors=errors, baseline=BASELINE, in_use=row.method if row else None)
    if row is None:
        fields = {"method": choice.method, "since": now, **_figures(choice)}
        ForecastChoice.objects.get_or_create(site=site, quantity=quantity, defaults=fields)
        return
    if row.method != choice.method:
        logger.info(
            "forecast method changed site=%d quantity=%s from=%s to=%s",
            site.pk, quantity, row.method, choice.method,
        )  # fmt: skip
        row.method, row.since = choice.method, now
    row.mae, row.baseline_mae = choice.mae, choice.baseline_mae
    row.save(update_fields=["method", "since", "mae", "baseline_mae"])


def _figures(choice: Choice) -> dict[str, float | None]:
    return {"mae": choice.mae, "baseline_mae": choice.baseline_mae}
