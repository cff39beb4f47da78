"""Forecasts by FlexMeasures: one series at a time, nightly and every six hours.

The attempt's row is the lease. While it holds no other forecast is asked for, so that at most one
job is on its way; a killed attempt gives way once its lease ends. After a refusal for now (HTTP
429, no connection) the lease is kept for the wait, with the reason beside it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max

from apps.assets.models import Site
from apps.flexibility.choices import ForecastMethod, ForecastQuantity, SensorRole
from apps.flexibility.clients.flexmeasures import (
    IngestionLate,
    JobFailed,
    JobLate,
    UnexpectedAnswer,
    UnknownThere,
)
from apps.flexibility.clients.forecasts import TRAINED_ON, ForecastClient, RemoteForecast
from apps.flexibility.forecasting.bands import banded
from apps.flexibility.forecasting.points import (
    HORIZON,
    SLOT_COUNT,
    Made,
    Point,
    points_stored,
    points_within,
)
from apps.flexibility.forecasting.reasons import ForecastReason
from apps.flexibility.models import (
    FlexmeasuresAccount,
    FlexmeasuresSensor,
    Forecast,
    ForecastRun,
    ForecastSkill,
)
from apps.flexibility.selectors.forecast_history import BOUNDS, known_in, site_facts
from apps.flexibility.services.forecasts.runs import Outcome
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.flexibility.services.slot_means import Run, consecutive
from cariflex.common.errors import ExternalError
from cariflex.common.units import QUARTER_HOUR, floor_slot

logger = logging.getLogger(__name__)

METHOD: Final = ForecastMethod.FLEXMEASURES
ROLES: Final = {
    ForecastQuantity.PV: SensorRole.PV_POWER,
    ForecastQuantity.LOAD: SensorRole.LOAD_POWER,
    ForecastQuantity.CHARGING: SensorRole.CHARGING_POWER,
    ForecastQuantity.PRICE: SensorRole.SITE_PRICE,
    ForecastQuantity.CO2: SensorRole.CO2,
}
EVERY_HOURS: Final = 6
"""Counted from local midnight: the first one of a day is the nightly one."""
JOB_TIMEOUT_S: Final = 240.0
LEASE: Final = timedelta(minutes=6)
RETRY: Final = timedelta(minutes=30)
HOLD: Final = timedelta(minutes=5)
"""After no answer or HTTP 429 without a Retry-After."""
DAYS_NEEDED: Final = 3
# A late reading may still change what was posted last time.
POSTED_AGAIN: Final = timedelta(hours=2)
_HELD: Final = frozenset({ForecastReason.UNAVAILABLE, ForecastReason.RATE_LIMITED})
_REASONS: Final[tuple[tuple[type[ExternalError], ForecastReason], ...]] = (
    (IngestionLate, ForecastReason.INGESTION_LATE),
    (JobFailed, ForecastReason.JOB_FAILED),
    (JobLate, ForecastReason.LATE),
    (UnexpectedAnswer, ForecastReason.BAD_ANSWER),
    (UnknownThere, ForecastReason.UNKNOWN_THERE),
)


@dataclass(frozen=True, slots=True)
class _Training:
    """Everything one asyncio run needs; no database behind it."""

    email: str
    password: str
    sensor_id: int
    posts: tuple[Run, ...]
    start: datetime


def forecasts_train(*, server: FlexmeasuresServer, now: datetime) -> ForecastRun | None:
    """Have the series that waits longest forecast; gives the attempt, None when none is due.

    What cannot be forecast (no sensor there, too little history) is noted on the way.
    """
    while (run := _claim(now)) is not None:
        training = _training(run, now)
        if isinstance(training, Outcome):
            _end(run, training)
            continue
        started = time.monotonic()
        try:
            remote = asyncio.run(_train(server.base_url, training))
        except ExternalError as err:
            _fail(run, err, now)
        else:
            _keep(run, training.start, remote, time.monotonic() - started)
        return ForecastRun.objects.get(pk=run.pk)
    return None


@transaction.atomic
def _claim(now: datetime) -> ForecastRun | None:
    """The next series with its lease taken, None while nothing is due or one is on its way."""
    account = FlexmeasuresAccount.objects.select_for_update().first()
    if account is None or account.provisioned_at is None:
        return None
    runs = ForecastRun.objects.filter(method=METHOD)
    if runs.filter(lease_until__gt=now).exists():
        return None
    over = runs.filter(lease_until__lte=now)
    over.filter(reason_code="").update(reason_code=ForecastReason.INTERRUPTED)
    over.update(lease_until=None)
    due = _due(now)
    if not due:
        return None
    site_id, quantity = due[0]
    run, _created = ForecastRun.objects.update_or_create(
        site_id=site_id,
        quantity=quantity,
        method=METHOD,
        defaults={"tried_at": now, "lease_until": now + LEASE, "reason_code": "", "detail": ""},
    )
    return run


def _due(now: datetime) -> list[tuple[int, ForecastQuantity]]:
    """(site, quantity) without a forecast of this quarter of the day, longest without one first."""
    newest = {
        (site_id, quantity): made_at
        for site_id, quantity, made_at in Forecast.objects.filter(method=METHOD, made_at__lte=now)
        .values_list("site_id", "quantity")
        .annotate(newest=Max("made_at"))
        .order_by()
    }
    waits = set(
        ForecastRun.objects.filter(method=METHOD, tried_at__gt=now - RETRY)
        .exclude(reason_code="")
        .values_list("site_id", "quantity")
    )
    never = datetime.min.replace(tzinfo=UTC)
    due: list[tuple[datetime, int, ForecastQuantity]] = []
    for site in Site.objects.order_by("pk"):
        edge = _edge(now, site.time_zone)
        for quantity in site_facts(site).quantities:
            made_at = newest.get((site.pk, quantity), never)
            if made_at < edge and (site.pk, quantity) not in waits:
                due.append((made_at, site.pk, quantity))
    return [(site_id, quantity) for _made_at, site_id, quantity in sorted(due)]


def _edge(now: datetime, time_zone: str) -> datetime:
    local = now.astimezone(ZoneInfo(time_zone))
    hour = local.hour // EVERY_HOURS * EVERY_HOURS
    return local.replace(hour=hour, minute=0, second=0, microsecond=0).astimezone(UTC)


def _training(run: ForecastRun, now: datetime) -> _Training | Outcome:
    """What is sent for a series, or why it cannot be forecast."""
    quantity, start = ForecastQuantity(run.quantity), floor_slot(now)
    facts = site_facts(run.site)
    if quantity == ForecastQuantity.LOAD and not facts.has_grid_meter:
        return Outcome(ForecastReason.NO_METER)
    sensor = FlexmeasuresSensor.objects.filter(
        asset__site=run.site, asset__device=None, asset__evse=None, role=ROLES[quantity]
    ).first()
    account = FlexmeasuresAccount.objects.get()
    if sensor is None or account.provisioned_at is None:
        return Outcome(ForecastReason.NO_SENSOR)
    known = known_in(facts, spans=[(start - TRAINED_ON, start)], as_of=start)[quantity]
    days = len(known) * QUARTER_HOUR // timedelta(days=1)
    if days < DAYS_NEEDED:
        return Outcome(ForecastReason.TOO_LITTLE, f"{days}/{DAYS_NEEDED}")
    since = _posted_until(run, account.provisioned_at, start)
    new = {slot: round(value, 4) for slot, value in known.items() if slot >= since}
    return _Training(
        email=account.email,
        password=account.password,
        sensor_id=sensor.sensor_id,
        posts=tuple(
            Run(sensor.sensor_id, at, sensor.unit, values) for at, values in consecutive(new)
        ),
        start=start,
    )


def _posted_until(run: ForecastRun, provisioned_at: datetime, start: datetime) -> datetime:
    """From when on history is posted: all of it before the first forecast of this account."""
    last = (
        Forecast.objects.filter(site=run.site, quantity=run.quantity, method=METHOD)
        .filter(made_at__gte=provisioned_at)
        .aggregate(newest=Max("made_at"))["newest"]
    )
    return start - TRAINED_ON if last is None else last - POSTED_AGAIN


async def _train(base_url: str, training: _Training) -> RemoteForecast:
    async with ForecastClient(
        base_url=base_url, email=training.email, password=training.password
    ) as client:
        await client.values_post_all(training.posts)
        job_id = await client.forecast_trigger(
            sensor_id=training.sensor_id, start=training.start, duration=HORIZON
        )
        await client.job_wait(job_id=job_id, timeout_s=JOB_TIMEOUT_S)
        return await client.forecast(sensor_id=training.sensor_id, job_id=job_id)


def _fail(run: ForecastRun, err: ExternalError, now: datetime) -> None:
    reason = _reason(err)
    logger.warning(
        "forecast failed site=%d quantity=%s reason=%s", run.site_id, run.quantity, reason
    )
    if reason not in _HELD:
        _end(run, Outcome(reason))
        return
    wait = HOLD if err.retry_after_s is None else timedelta(seconds=err.retry_after_s)
    _end(run, Outcome(reason), lease_until=now + wait)


def _reason(err: ExternalError) -> ForecastReason:
    for kind, reason in _REASONS:
        if isinstance(err, kind):
            return reason
    if err.status == 429:
        return ForecastReason.RATE_LIMITED
    return ForecastReason.UNAVAILABLE if err.retryable else ForecastReason.REFUSED


def _keep(run: ForecastRun, start: datetime, remote: RemoteForecast, duration_s: float) -> None:
    if remote.start != start or len(remote.values) != SLOT_COUNT:
        _end(run, Outcome(ForecastReason.BAD_ANSWER, f"{len(remote.values)}/{SLOT_COUNT}"))
        return
    quantity = ForecastQuantity(run.quantity)
    points = banded(
        Made(start, start, [Point(value) for value in remote.values]), rmse=_errors(run)
    )
    lowest, highest = BOUNDS[quantity]
    forecast = Forecast(
        site=run.site,
        quantity=quantity,
        method=METHOD,
        made_at=start,
        start=start,
        end=start + HORIZON,
        duration_s=round(duration_s, 3),
        points=points_stored(points_within(points, lowest=lowest, highest=highest)),
    )
    with transaction.atomic():
        if _end(run, Outcome()):
            Forecast.objects.bulk_create([forecast], ignore_conflicts=True)
            logger.info(
                "forecast trained site=%d quantity=%s duration_s=%.1f",
                run.site_id, quantity, duration_s,
            )  # fmt: skip


def _errors(run: ForecastRun) -> Mapping[tuple[int, int], float]:
    rows = ForecastSkill.objects.filter(
        site=run.site, quantity=run.quantity, method=METHOD
    ).values_list("horizon_from_h", "horizon_to_h", "rmse")
    return {(from_h, to_h): rmse for from_h, to_h, rmse in rows}


def _end(run: ForecastRun, outcome: Outcome, *, lease_until: datetime | None = None) -> bool:
    """Give the lease back; False when it ended meanwhile and another attempt has taken over."""
    mine = ForecastRun.objects.filter(pk=run.pk, lease_until=run.lease_until)
    return bool(
        mine.update(reason_code=outcome.reason, detail=outcome.detail, lease_until=lease_until)
    )
