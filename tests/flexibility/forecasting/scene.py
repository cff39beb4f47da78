"""A site with history: readings a quarter hour each, prices, and forecasts as rows."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from apps.assets.models import Device, Sensor, Site
from apps.assets.services import ReadingRow, device_register, readings_store
from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.models import Forecast
from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.models import Series, SeriesValue
from cariflex.common.units import QUARTER_HOUR, slots

# 12:05 UTC: the quarter hour began five minutes ago.
NOW = datetime(2026, 3, 11, 12, 5, tzinfo=UTC)
SLOT = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def measure(
    devices: Sequence[Device], value: Callable[[datetime], float], *, start: datetime, end: datetime
) -> None:
    """Each device reports `value` in the middle of each quarter hour of [start, end)."""
    sensors = Sensor.objects.filter(device__in=devices, quantity="power_kw", channel="")
    readings_store(
        [
            ReadingRow(sensor.pk, slot + QUARTER_HOUR / 2, value(slot))
            for sensor in sensors
            for slot in slots(start, end)
        ]
    )


def grid_meter(site: Site) -> Device:
    """The meter of the site's grid connection."""
    meter = device_register(
        site=site, code="grid-1", name="Grid", kind="meter", host="127.0.0.1", port=15090,
        rated_power_kw=500.0,
    )  # fmt: skip
    Device.objects.filter(pk=meter.pk).update(is_grid_meter=True)
    return meter


def publish(
    kind: SeriesKind,
    value: Callable[[datetime], float],
    *,
    start: datetime,
    end: datetime,
    published_at: datetime | None = None,
    quality: Quality = Quality.ACTUAL,
) -> Series:
    """The leading series of a kind with a value for each quarter hour, published an hour before."""
    series, _ = Series.objects.get_or_create(
        kind=kind, area="971", source=Feed.EDF_SEI, defaults={"is_leading": True}
    )
    SeriesValue.objects.bulk_create(
        SeriesValue(
            series=series,
            start=slot,
            value=Decimal(str(value(slot))),
            quality=quality,
            published_at=published_at or slot - timedelta(hours=1),
        )
        for slot in slots(start, end)
    )
    return series


def forecast_put(
    site: Site,
    method: ForecastMethod,
    values: Sequence[float | None],
    *,
    made_at: datetime = SLOT,
    quantity: ForecastQuantity = ForecastQuantity.PRICE,
) -> Forecast:
    """A stored forecast from `made_at` on, without a band."""
    return Forecast.objects.create(
        site=site,
        quantity=quantity,
        method=method,
        made_at=made_at,
        start=made_at,
        end=made_at + len(values) * QUARTER_HOUR,
        points=[[value, None, None] for value in values],
    )
