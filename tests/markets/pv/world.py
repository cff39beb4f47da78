"""Plants and weather documents for the tests of the stored forecast."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.assets.models import Device, Sensor, Site
from apps.assets.services import (
    ReadingRow,
    device_register,
    partitions_ensure,
    readings_store,
    site_register,
)
from apps.markets.choices import DocumentStatus, Feed
from apps.markets.clients.solcast import RADIATION_PARAMETERS
from apps.markets.feeds.arome import SurfaceValues
from apps.markets.feeds.arome_extract import extract_encode
from apps.markets.models import FeedAccess, ImportedDocument
from apps.markets.pv.grouping import Cell, cell_of
from apps.markets.selectors.pv import weather_request
from tests.contracts.fake_server import Answer, FakeServer
from tests.contracts.open_meteo_fake import UNITS as OPEN_METEO_UNITS
from tests.contracts.open_meteo_fake import OpenMeteoFake
from tests.contracts.solcast_fake import SolcastFake

# 08:00 in Guadeloupe.
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 20, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LATITUDE, LONGITUDE = 16.26, -61.54
CELL = cell_of(LATITUDE, LONGITUDE)
_SILENT = FakeServer(lambda _request: Answer())


@contextmanager
def queries_counted() -> Iterator[Callable[[], int]]:
    """How many queries the block asked, without those that only name the schema."""
    with CaptureQueriesContext(connection) as queries:
        yield lambda: sum(not q["sql"].startswith("SET search_path") for q in queries)


def site() -> Site:
    return site_register(code="island", name="Island")


def pv_device(
    code: str = "pv-1",
    *,
    latitude: float | None = LATITUDE,
    longitude: float | None = LONGITUDE,
    rated_power_kw: float = 100.0,
    kind: str = "pv",
) -> Device:
    """A device read once a quarter hour."""
    number = Device.objects.count()
    return device_register(
        site=site(), code=code, name=code.upper(), kind=kind, host="192.0.2.1", port=1000 + number,
        latitude=latitude, longitude=longitude, rated_power_kw=rated_power_kw,
        poll_period_s=900, capacity_kwh=10 if kind == "battery" else None,
    )  # fmt: skip


def measured(device: Device, powers_kw: dict[datetime, float]) -> None:
    """Readings of its power as the device tells it: production is negative."""
    partitions_ensure(now=min(powers_kw))
    sensor = Sensor.objects.get(device=device, quantity="power_kw", channel="")
    readings_store([ReadingRow(sensor.pk, at + QUARTER / 2, kw) for at, kw in powers_kw.items()])


def access(feed: Feed) -> FeedAccess:
    return FeedAccess.objects.get_or_create(feed=feed, area="")[0]


def document(
    feed: Feed,
    content: bytes,
    *,
    request: str = "",
    received_at: datetime = NOON,
    status: DocumentStatus = DocumentStatus.IMPORTED,
) -> ImportedDocument:
    return ImportedDocument.objects.create(
        access=access(feed), request=request or weather_request(CELL), status=status,
        received_at=received_at, sha256=f"{received_at:%d%H%M}{len(content)}", raw=content,
    )  # fmt: skip


def solcast_weather(start: datetime = NOON, hours: int = 6) -> bytes:
    """600 W/m2 while the sun is up there, with 300 and 800 as P10 and P90."""
    fake = SolcastFake(_SILENT, now=start)
    rows = fake.radiation_rows(hours, "PT15M", RADIATION_PARAMETERS.split(","))
    return json.dumps({"forecasts": rows}).encode()


def solcast_power(start: datetime = NOON, hours: int = 6) -> bytes:
    """3.2 kW by day (10 to 22 h UTC), 1.1 and 4.0 as P10 and P90, per half hour."""
    rows = SolcastFake(_SILENT, now=start).rooftop_rows(hours)
    return json.dumps({"forecasts": rows}).encode()


def open_meteo_weather(day: datetime = MIDNIGHT, days: int = 1) -> bytes:
    """600 W/m2 from 10 to 22 h UTC; the last slot of the last day is not there."""
    query = {
        "latitude": "16.275",
        "longitude": "-61.525",
        "forecast_days": str(days),
        "timezone": "GMT",
        "wind_speed_unit": "ms",
        "minutely_15": ",".join(list(OPEN_METEO_UNITS)[1:]),
    }
    return json.dumps(OpenMeteoFake(_SILENT, today=day).document(query)).encode()


def meteo_france_weather(run: datetime, hours: int) -> bytes:
    """A steady 300 W/m2 from the start of a run on: 300 x 3,600 J/m2 more each hour."""
    values = [
        SurfaceValues(16.275, -61.525, hour, 300.0 * 3_600 * hour, 300.15, 3.0, 4.0)
        for hour in range(hours + 1)
    ]
    files = {hour: f"{hour:064x}" for hour in range(hours + 1)}
    return extract_encode(model="ANTIL", run=run, hours=values, files=files)


def cells_apart(count: int) -> list[Cell]:
    """Cells beside each other, west to east."""
    return [Cell(CELL.south, CELL.west + n) for n in range(count)]
