"""Handing prices, CO2 and weather to FlexMeasures as they become known, by way of the outbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, TypedDict

from django.db import transaction

from apps.flexibility.choices import SensorRole
from apps.flexibility.models import FlexmeasuresSensor
from apps.flexibility.services.slot_means import DESTINATION, consecutive
from apps.markets.choices import SeriesKind
from apps.markets.models import Series
from apps.markets.selectors import best_known, leading_series
from apps.outbox.services import outbox_add
from cariflex.common.time import format_rfc3339
from cariflex.common.units import floor_slot, slots

KIND: Final = "market_values"
BACK: Final = timedelta(hours=24)
AHEAD: Final = timedelta(hours=48)
SERIES_OF: Final = {
    SensorRole.SITE_PRICE: SeriesKind.PRICE,
    SensorRole.CO2: SeriesKind.CO2_LIFECYCLE,
    SensorRole.IRRADIANCE: SeriesKind.GHI,
    SensorRole.TEMPERATURE: SeriesKind.TEMPERATURE,
}


class PublishedRun(TypedDict):
    """Consecutive quarter hours that were published at one moment, in the sensor's unit."""

    role: str
    site_id: int
    device_id: None
    start: str
    prior: str
    values: list[float]


def market_values_post(*, now: datetime) -> int:
    """Put every value of the leading series that FlexMeasures was not told into the outbox.

    From a day back to two days ahead. A value keeps the moment of its publication as its belief
    time, so that a forecast trained there peeks at nothing. Gives the number of messages.
    """
    series = {role: leading_series(kind) for role, kind in SERIES_OF.items()}
    sensors = FlexmeasuresSensor.objects.filter(
        role__in=[role for role, known in series.items() if known is not None],
        asset__device__isnull=True,
        asset__evse__isnull=True,
    )
    messages = 0
    for sensor_pk, role in sensors.order_by("pk").values_list("pk", "role"):
        told = series[SensorRole(role)]
        if told is not None:
            messages += _hand_over(sensor_pk, told, now)
    return messages


@transaction.atomic
def _hand_over(sensor_pk: int, series: Series, now: datetime) -> int:
    # Two at once: the second waits, and finds what the first handed over.
    sensor = (
        FlexmeasuresSensor.objects.select_for_update(of=("self",))
        .select_related("asset")
        .filter(pk=sensor_pk)
        .first()
    )
    if sensor is None:
        return 0
    start, end = floor_slot(now) - BACK, floor_slot(now) + AHEAD
    posted: dict[str, float] = {}
    by_publication: dict[datetime, dict[datetime, float]] = {}
    for known in best_known(series=series, start=start, end=end):
        for slot in slots(known.start, known.start + series.resolution):
            value = float(known.value)
            posted[format_rfc3339(slot)] = value
            if sensor.posted.get(format_rfc3339(slot)) != value:
                by_publication.setdefault(known.published_at, {})[slot] = value
    if not by_publication:
        return 0
    outbox_add(
        destination=DESTINATION,
        kind=KIND,
        payload={"series": _runs(sensor, by_publication)},
        order_key=KIND,
        dedupe_key=f"{KIND}:{sensor.pk}:{format_rfc3339(now)}",
    )
    sensor.posted = posted
    sensor.save(update_fields=["posted"])
    return 1


def _runs(
    sensor: FlexmeasuresSensor, by_publication: dict[datetime, dict[datetime, float]]
) -> list[PublishedRun]:
    return [
        PublishedRun(
            role=sensor.role,
            site_id=sensor.asset.site_id,
            device_id=None,
            start=format_rfc3339(run_start),
            prior=format_rfc3339(published_at),
            values=list(values),
        )
        for published_at, known in sorted(by_publication.items())
        for run_start, values in consecutive(known)
    ]
