"""An island with two PV plants and two batteries, prices, and a FlexMeasures that can be told."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.assets.models import Device, Sensor, Site
from apps.assets.services import ReadingRow, device_register, readings_store, site_register
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.markets.models import SeriesValue
from apps.markets.selectors import price_series
from apps.markets.services.sources import market_source_configure
from apps.tenants.models import Operator
from cariflex.common.units import QUARTER_HOUR
from tests.contracts.flexmeasures_fake import (
    PROVISION_TOKEN,
    FlexmeasuresFake,
    flexmeasures_fake,
)

# 12:05 UTC: the quarter hour began five minutes ago.
NOW = datetime(2026, 3, 11, 12, 5, tzinfo=UTC)
SLOT = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
FR = "10YFR-RTE------C"


@dataclass(frozen=True)
class Island:
    """The devices by code."""

    site: Site
    pv_1: Device
    pv_2: Device
    bat_1: Device
    bat_2: Device

    @property
    def batteries(self) -> list[Device]:
        return [self.bat_1, self.bat_2]


def island_make(now: datetime = NOW) -> Island:
    """Register the devices in the current operator and let them report once."""
    site = site_register(
        code="island", name="Island", latitude=16.2, longitude=-61.5,
        grid_import_limit_kw=500.0, grid_export_limit_kw=500.0,
    )  # fmt: skip
    devices: dict[str, Device] = {}
    for number, code in enumerate(("pv_1", "pv_2", "bat_1", "bat_2")):
        is_battery = code.startswith("bat")
        devices[code] = device_register(
            site=site, code=code.replace("_", "-"), name=code,
            kind="battery" if is_battery else "pv", host="127.0.0.1", port=15000 + number,
            latitude=16.2, longitude=-61.5, rated_power_kw=50.0,
            capacity_kwh=100.0 if is_battery else None,
            soc_min_percent=10.0, soc_max_percent=90.0,
            charging_efficiency=0.96, discharging_efficiency=0.96, control_enabled=is_battery,
        )  # fmt: skip
    found = Island(site, **devices)
    report(found, now)
    return found


def report(
    island: Island, now: datetime, *, pv_kw: float = -30.0, soc: float = 50.0, power: float = 0.0
) -> None:
    """Every device reports once: each PV plant `pv_kw`, each battery its power and SoC."""
    sensors = {(s.device_id, s.quantity): s.pk for s in Sensor.objects.all()}
    rows = [
        ReadingRow(sensors[device.pk, "power_kw"], now, pv_kw)
        for device in (island.pv_1, island.pv_2)
    ]
    for device in island.batteries:
        rows.append(ReadingRow(sensors[device.pk, "power_kw"], now, power))
        rows.append(ReadingRow(sensors[device.pk, "soc_percent"], now, soc))
    readings_store(rows)


def prices_make(start: datetime = SLOT - timedelta(days=1), days: int = 3) -> None:
    """Published prices: cheap (20) from 02:00 to 06:00 UTC, dear (200) from 18:00 to 21:00."""
    market_source_configure(area=FR, token="t", base_url="http://127.0.0.1:9")  # noqa: S106
    series = price_series()
    SeriesValue.objects.bulk_create(
        SeriesValue(
            series=series, start=slot, value=price_of(slot), published_at=NOW,
        )
        for slot in (start + n * QUARTER_HOUR for n in range(96 * days))
    )  # fmt: skip


def price_of(slot: datetime) -> Decimal:
    """The price of a quarter hour, EUR/MWh."""
    return Decimal(20 if 2 <= slot.hour < 6 else 200 if 18 <= slot.hour < 21 else 80)


@pytest.fixture
def island(operator_a: Operator) -> Island:
    """Guadeloupe's island, its devices heard at NOW."""
    return island_make()


@pytest.fixture
def priced(island: Island) -> None:
    """Prices from yesterday noon on for three days."""
    prices_make()


@pytest.fixture
def fake() -> Iterator[FlexmeasuresFake]:
    with flexmeasures_fake() as running:
        yield running


@pytest.fixture
def server(fake: FlexmeasuresFake, settings: object) -> FlexmeasuresServer:
    """The stand-in as the deployment's FlexMeasures."""
    settings.FLEXMEASURES_URL = fake.url  # type: ignore[attr-defined]
    settings.FLEXMEASURES_PROVISION_TOKEN = PROVISION_TOKEN  # type: ignore[attr-defined]
    return FlexmeasuresServer(fake.url, PROVISION_TOKEN)
