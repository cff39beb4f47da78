"""The demo's feeds, plants, calendar and island price: made once, read from the simulation."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.conf import LazySettings

from apps.assets.choices import DeviceKind
from apps.assets.models import Device
from apps.assets.services import device_register, site_register
from apps.console.island_check_markets import market_lines
from apps.console.services.demo_markets import PRICE_AREA, demo_markets_seed
from apps.markets.models import FeedAccess, IslandPricing, PvPlant, ScarcityAlert, TouCalendar
from apps.markets.selectors import price_series
from apps.markets.selectors.island import island_price_day
from apps.markets.services.co2 import co2_series_update
from apps.markets.services.feeds.engine import feeds_fetch
from apps.markets.services.island.compute import island_price_compute
from apps.markets.services.pv.forecast import pv_forecast_compute
from apps.markets.services.sources import market_source_configure
from apps.simulation.clock import ManualClock
from apps.simulation.island import load_island
from apps.simulation.market.server import Platform
from apps.simulation.process import HttpServer
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.simulation.conftest import free_port

NOW = datetime(2026, 3, 10, 18, 7, tzinfo=UTC)
"""14:07 in Guadeloupe, 19:07 in Paris: tomorrow's auction is out."""


@pytest.fixture
def simulated(settings: LazySettings) -> Iterator[str]:
    """The simulated feeds, at NOW, on the port that the seed reads from the settings."""
    port = free_port()
    loop = asyncio.new_event_loop()
    server = HttpServer(Platform(ManualClock(NOW)).app(), port)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    with patch.object(type(settings.PORTS), "simulated_entsoe", port):
        yield f"http://127.0.0.1:{port}"
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def seed(name: str = "Guadeloupe", *, now: datetime = NOW) -> None:
    demo_markets_seed(
        island=name,
        territory="GP" if name == "Guadeloupe" else "MQ",
        time_zone=f"America/{name}",
        now=now,
    )


def roofs() -> None:
    """The ten PV devices of the island."""
    island = load_island("guadeloupe")
    site = site_register(
        code="guadeloupe",
        name="Guadeloupe",
        time_zone="America/Guadeloupe",
        latitude=island.latitude,
        longitude=island.longitude,
        grid_import_limit_kw=600.0,
        grid_export_limit_kw=600.0,
    )
    for device in island.devices:
        if device.kind == "pv":
            device_register(
                site=site,
                code=device.code,
                name=device.name,
                commune=device.commune,
                kind=DeviceKind.PV,
                host="127.0.0.1",
                port=15_000 + device.port_offset,
                unit_id=1,
                poll_period_s=2.0,
                rated_power_kw=device.rated_power_kw,
                latitude=device.latitude,
                longitude=device.longitude,
            )


def test_the_seed_is_safe_to_repeat_and_keeps_what_a_person_changed(operator_a: Operator) -> None:
    roofs()
    seed()
    IslandPricing.objects.update(carbon_price_eur_per_tonne=Decimal(55))
    FeedAccess.objects.filter(feed="energy_charts").update(base_url="https://api.example.org")
    PvPlant.objects.filter(device__code="pv-03").update(loss_percent=20.0)

    seed(now=NOW + timedelta(days=3))

    accesses = FeedAccess.objects.order_by("feed")
    assert [(one.feed, one.area) for one in accesses] == [
        ("edf_sei", "Guadeloupe"),
        ("energy_charts", "FR"),
        ("open_meteo", "Guadeloupe"),
        ("solcast", "Guadeloupe"),
    ]
    assert accesses[1].base_url == "https://api.example.org"
    assert (accesses[3].token, accesses[3].quota_per_day) == ("demo-guadeloupe", 10)
    assert IslandPricing.objects.get().carbon_price_eur_per_tonne == 55
    assert PvPlant.objects.count() == Device.objects.filter(kind="pv").count() == 10
    assert PvPlant.objects.get(device__code="pv-03").loss_percent == 20.0
    assert (TouCalendar.objects.count(), ScarcityAlert.objects.count()) == (1, 1)
    peak = IslandPricing.objects.get().peaks.get()
    assert (peak.start_minute, peak.end_minute) == (19 * 60, 22 * 60)


def test_the_alert_is_of_this_evening_or_of_tomorrow_when_it_is_over(
    operator_a: Operator, operator_b: Operator
) -> None:
    seed()
    # 22:00 in Martinique: the peak is over.
    with operator_context("martinique"):
        seed("Martinique", now=datetime(2026, 3, 11, 2, 0, tzinfo=UTC))
        later = ScarcityAlert.objects.get()
        assert (later.start, later.end) == (
            datetime(2026, 3, 11, 23, 0, tzinfo=UTC),
            datetime(2026, 3, 12, 2, 0, tzinfo=UTC),
        )

    alert = ScarcityAlert.objects.get()
    assert alert.start == datetime(2026, 3, 10, 23, 0, tzinfo=UTC)
    assert alert.pricing.area == "Guadeloupe"


def test_a_seed_at_another_port_moves_its_feeds(
    operator_a: Operator, settings: LazySettings
) -> None:
    seed()
    with patch.object(type(settings.PORTS), "simulated_entsoe", 19_999):
        seed()

    assert set(FeedAccess.objects.values_list("base_url", flat=True)) == {
        "http://127.0.0.1:19999",
        "http://127.0.0.1:19999/v1/forecast",
    }


def test_nothing_is_there_before_the_feeds_are_asked(operator_a: Operator) -> None:
    seed()

    lines = market_lines(now=NOW)

    assert [passed for _name, passed, _measured in lines] == [False] * 5


def test_the_simulated_day_is_read_priced_and_found_fresh(
    operator_a: Operator, simulated: str
) -> None:
    roofs()
    market_source_configure(area=PRICE_AREA, token="demo", base_url=f"{simulated}/api")
    seed()
    tried = feeds_fetch(now=NOW, allow_loopback=True)
    co2_series_update(
        area="Guadeloupe", source="edf_sei", start=NOW - timedelta(days=2), end=NOW, now=NOW
    )
    pv_forecast_compute(now=NOW)
    island_price_compute(now=NOW)

    states = dict(FeedAccess.objects.values_list("feed", "state"))
    assert set(states.values()) == {"working"}, states
    assert tried
    leading = price_series()
    assert leading is not None
    assert (leading.area, leading.source) == ("Guadeloupe", "island")
    lines = market_lines(now=NOW)
    assert all(passed for _name, passed, _measured in lines), lines

    priced = island_price_day(day=NOW.date())
    assert priced is not None
    assert (len(priced.slots), priced.missing) == (96, ())
    peak, midday = priced.slots[76:88], priced.slots[44:56]
    assert min(slot.total for slot in peak) > max(slot.total for slot in midday)
    for slot in priced.slots:
        assert slot.base + slot.carbon + slot.scarcity + slot.curtailment == slot.total
        assert slot.intensity_g_per_kwh is not None
        assert 450 <= slot.intensity_g_per_kwh <= 650
    # Peak window 60 and alert 150; a discount at noon, no scarcity.
    assert {slot.scarcity for slot in peak} <= {Decimal("150.00"), Decimal("210.00")}
    assert min(slot.curtailment for slot in midday) == Decimal("-40.00")
    assert {slot.scarcity for slot in midday} == {Decimal("0.00")}


def test_a_neighbour_sees_nothing_of_it(operator_a: Operator, operator_b: Operator) -> None:
    seed()

    with operator_context("martinique"):
        assert not FeedAccess.objects.exists()
        assert not IslandPricing.objects.exists()
        assert [passed for _name, passed, _measured in market_lines(now=NOW)] == [False] * 5
