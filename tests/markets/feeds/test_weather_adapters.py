"""Weather feeds through the engine: cells, sites, calls of the day, runs that go on."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from apps.assets.models import Device
from apps.markets.choices import Feed, FeedState
from apps.markets.models import FeedAccess, FeedRequest, ImportedDocument, PvPlant, Series
from apps.markets.services.feeds import meteo_france
from apps.markets.services.feeds.engine import feed_request_retry
from apps.markets.services.feeds.registry import REGISTRY
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.contracts.solcast_fake import SITE
from tests.markets.feeds.scene import NOW, SCENES, Scene, fetch
from tests.markets.pv.world import CELL

RUN = datetime(2026, 3, 20, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AREA = f"{CELL.south},{CELL.west}"


@pytest.fixture
def solcast() -> Iterator[Scene]:
    with SCENES[Feed.SOLCAST]() as scene:
        yield scene


@pytest.fixture
def meteo() -> Iterator[Scene]:
    pytest.importorskip("eccodes")
    with SCENES[Feed.METEO_FRANCE]() as scene:
        yield scene


def test_a_cell_has_radiation_with_percentiles_temperature_and_wind(
    operator_a: Operator, solcast: Scene
) -> None:
    solcast.configure()

    fetch()

    found = set(Series.objects.values_list("kind", "variant", "area", "unit"))
    assert found == {
        *(("ghi", variant, AREA, "W/m2") for variant in ("p10", "p50", "p90")),
        ("temperature", "", AREA, "degC"),
        ("wind_speed", "", AREA, "m/s"),
    }
    p90 = Series.objects.get(variant="p90")
    assert p90.values.get(start=NOW).value == 800


def test_a_registered_site_is_asked_for_by_its_resource(
    operator_a: Operator, solcast: Scene
) -> None:
    solcast.configure()
    PvPlant.objects.update(solcast_resource_id=SITE)

    fetch()

    assert solcast.fake.asked == [f"/rooftop_sites/{SITE}/forecasts"]
    assert ImportedDocument.objects.get().request == f"rooftop:{SITE}"
    power = Series.objects.get(variant="p50")
    assert (power.kind, power.area, power.resolution_s) == ("pv_production", SITE, 1_800)


def test_the_free_calls_are_spread_over_the_day(operator_a: Operator, solcast: Scene) -> None:
    solcast.configure()

    for quarter in range(48):
        fetch(NOW + quarter * 15 * MINUTE)

    # One cell and ten calls a day: one each 2 h 24 min, so at 0, 2:30, 5, 7:30 and 10 h.
    assert solcast.calls == 5


def test_an_operator_may_ask_again_before_it_is_due(operator_a: Operator, solcast: Scene) -> None:
    solcast.configure()
    fetch()

    feed_request_retry(request_id=FeedRequest.objects.get().pk, now=NOW + MINUTE)
    fetch(NOW + MINUTE)

    assert solcast.calls == 2


def test_one_download_of_a_run_serves_every_cell(operator_a: Operator, meteo: Scene) -> None:
    meteo.configure()
    device = Device.objects.get()
    Device.objects.filter(pk=device.pk).update(latitude=16.26)
    from tests.markets.pv.world import LONGITUDE, pv_device

    pv_device("pv-2", longitude=LONGITUDE + 0.2)
    from apps.markets.services.pv.plants import pv_plants_ensure

    pv_plants_ensure()

    fetch()

    assert meteo.calls == 49
    assert set(meteo.fake.asked) == {(RUN, hour) for hour in range(49)}
    assert ImportedDocument.objects.count() == 2
    assert set(ImportedDocument.objects.values_list("document_id", flat=True)) == {
        "2026-03-20T00:00Z"
    }
    ghi = Series.objects.filter(kind="ghi").first()
    # 1.8 MJ/m2 an hour is 500 W/m2.
    assert ghi is not None
    assert (ghi.resolution_s, ghi.values.get(start=NOW).value) == (3_600, 500)
    # The next run starts at 06 and is out seven hours later.
    assert set(FeedRequest.objects.values_list("next_attempt_at", flat=True)) == {
        datetime(2026, 3, 20, 13, tzinfo=UTC)
    }


def test_a_run_that_is_not_out_yields_to_the_one_before(operator_a: Operator, meteo: Scene) -> None:
    meteo.fake.runs = {RUN: 20, RUN - timedelta(hours=6): 48}
    meteo.configure()

    fetch()

    assert ImportedDocument.objects.get().document_id == "2026-03-19T18:00Z"
    # The last hour of the newer run, then all of the older one.
    assert meteo.calls == 50


def test_no_run_at_all_is_not_published(operator_a: Operator, meteo: Scene) -> None:
    meteo.fake.runs = {}
    meteo.configure()

    fetch()

    assert FeedAccess.objects.get().state == FeedState.NOT_PUBLISHED
    assert meteo.calls == 3


def test_a_fetch_out_of_time_goes_on_where_it_stopped(
    operator_a: Operator, meteo: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    meteo.configure()
    slow = meteo_france.MeteoFranceAdapter(budget_s=-1)
    with monkeypatch.context() as patched:
        patched.setitem(REGISTRY.adapters, Feed.METEO_FRANCE, slow)
        fetch()
    assert FeedAccess.objects.get().last_error == "2 of 49 hours are in: goes on at the next try"

    fetch(NOW + MINUTE)

    assert FeedAccess.objects.get().state == FeedState.WORKING
    assert meteo.calls == 49


def test_a_place_without_weather_there_is_not_asked_for(operator_a: Operator, meteo: Scene) -> None:
    meteo.configure()
    PvPlant.objects.update(latitude=48.85, longitude=2.35)

    assert fetch() == []
    assert meteo.calls == 0


def test_without_ecodes_the_feed_cannot_be_set_up(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.markets.feeds.arome.find_spec", lambda _name: None)
    with SCENES[Feed.METEO_FRANCE]() as scene, pytest.raises(DomainError) as caught:
        scene.configure()

    assert caught.value.code == "meteo_france.grib_missing"
    assert FeedAccess.objects.count() == 0
