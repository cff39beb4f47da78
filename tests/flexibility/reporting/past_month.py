"""A past month of the operator's own devices, a month that a running stack has never seen.

Sun by day, batteries that charge at noon and discharge in the evening, prices with an evening
peak; one plant is silent for the first two hours of the fifth day.
"""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from apps.assets.models import Device, QuarterRollup, Sensor, Site
from apps.flexibility.reporting.month import month_interval
from apps.flexibility.services.reports import report_compute
from apps.markets.models import SeriesValue
from apps.markets.selectors import price_series
from cariflex.common.units import QUARTER_HOUR, slots

NIGHT_EUR_PER_MWH, EVENING_EUR_PER_MWH = 90, 260


def past_month(now: datetime) -> date:
    """The month before the past one: no task of a running stack computes it."""
    first = now.date().replace(day=1)
    for _month in range(2):
        first = (first - timedelta(days=1)).replace(day=1)
    return first


def past_month_make(now: datetime) -> tuple[int, str]:
    """Store the roll-ups and prices and compute the report; gives the site and `2026-03`."""
    site = Site.objects.order_by("pk")[0]
    month = past_month(now)
    whole = month_interval(month, site.time_zone)
    times = slots(whole.start, whole.end)
    devices = Device.objects.filter(site=site, kind__in=("pv", "battery")).order_by("code")
    silent = next(device for device in devices if device.kind == "pv")
    for device in devices:
        found = {one.quantity: one.pk for one in Sensor.objects.filter(device=device, channel="")}
        known = times if device != silent else times[: 4 * 96] + times[4 * 96 + 8 :]
        _store(found["power_kw"], {at: _power_kw(device, whole.start, at) for at in known})
        if device.kind == "battery":
            _store(found["soc_percent"], dict.fromkeys(times[:4], 50.0))
    series = price_series()
    assert series is not None
    SeriesValue.objects.bulk_create(
        [
            SeriesValue(series=series, start=at, value=_price(whole.start, at), published_at=at)
            for at in times
        ],
        ignore_conflicts=True,
    )
    assert report_compute(site_id=site.pk, month=month, now=now.astimezone(UTC))
    return site.pk, f"{month:%Y-%m}"


def _hour(start: datetime, at: datetime) -> float:
    return ((at - start) % timedelta(days=1)) / timedelta(hours=1)


def _power_kw(device: Device, start: datetime, at: datetime) -> float:
    hour = _hour(start, at)
    if device.kind == "pv":
        sun = max(0.0, math.sin((hour - 6) / 12 * math.pi))
        return -0.7 * device.rated_power_kw * sun
    full_kw = 0.1 * (device.capacity_kwh or 0.0)
    return full_kw if 10 <= hour < 13 else -full_kw * 0.9 if 19 <= hour < 22 else 0.0


def _price(start: datetime, at: datetime) -> Decimal:
    return Decimal(EVENING_EUR_PER_MWH if 18 <= _hour(start, at) < 22 else NIGHT_EUR_PER_MWH)


def _store(sensor_id: int, means: dict[datetime, float]) -> None:
    QuarterRollup.objects.bulk_create(
        QuarterRollup(
            sensor_id=sensor_id, start=at, mean=mean, minimum=mean, maximum=mean,
            energy_kwh=mean * (QUARTER_HOUR / timedelta(hours=1)), count=450, bad_count=0,
            coverage=1.0,
        )
        for at, mean in means.items()
    )  # fmt: skip
