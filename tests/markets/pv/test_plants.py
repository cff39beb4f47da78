"""Plants of the forecast: their rules, their defaults, what is asked for them."""

import pytest
from django.db import IntegrityError, transaction

from apps.assets.models import Device, Site
from apps.markets.models import PvArray as PvArrayRow
from apps.markets.models import PvPlant
from apps.markets.pv.grouping import Cell
from apps.markets.pv.plant import PlantError, PvArray
from apps.markets.selectors.pv import pv_plants, rooftop_resources, weather_cells
from apps.markets.services.pv.plants import pv_plant_save, pv_plants_ensure
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.markets.pv.world import LATITUDE, LONGITUDE, pv_device, queries_counted

EAST, WEST = PvArray(10, 90, 40), PvArray(10, 270, 60)
pytestmark = pytest.mark.usefixtures("operator_a")


def test_a_device_without_a_plant_gets_the_usual_one_once() -> None:
    device = pv_device(rated_power_kw=80)
    pv_device("battery", kind="battery")

    made = pv_plants_ensure()
    again = pv_plants_ensure()

    assert [plant.device_id for plant in made] == [device.pk]
    assert again == []
    (row,) = pv_plants()
    assert row.code == "pv-1"
    assert row.model is not None
    assert (row.model.latitude, row.model.longitude) == (LATITUDE, LONGITUDE)
    assert row.model.arrays == (PvArray(tilt_degrees=15, azimuth_degrees=180, peak_kwp=80),)
    assert row.model.inverter_limit_kw == 80
    assert row.model.loss_percent == 14


def test_a_plant_of_somebody_who_knows_better_stays() -> None:
    pv_plant_save(device=pv_device(), arrays=[EAST, WEST], inverter_limit_kw=90)

    assert pv_plants_ensure() == []

    (row,) = pv_plants()
    assert row.model is not None
    assert row.model.arrays == (EAST, WEST)


def test_a_plant_without_a_place_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    pv_device("nowhere", latitude=None, longitude=None)
    pv_device("somewhere")

    made = pv_plants_ensure()

    assert [plant.device.code for plant in made] == ["somewhere"]
    assert "device=nowhere" in caplog.text
    assert "neither device nor site has a place" in caplog.text


def test_the_place_is_its_own_else_the_device_s_else_the_site_s() -> None:
    for code, latitude in (("a-own", 16.0), ("b-device", 16.0), ("c-site", None)):
        device = pv_device(code, latitude=latitude, longitude=latitude and -61.5)
        Site.objects.update(latitude=14.6, longitude=-61.0)
        device.refresh_from_db()
        own = {"latitude": 15.3, "longitude": -61.4} if code == "a-own" else {}
        pv_plant_save(device=device, arrays=[EAST], **own)

    places = [(row.model.latitude, row.model.longitude) for row in pv_plants() if row.model]

    assert places == [(15.3, -61.4), (16.0, -61.5), (14.6, -61.0)]


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"arrays": []}, "arrays", "has 0 entries, expected 1 to 20"),
        ({"latitude": 16.0}, "latitude", "must be given together with the longitude"),
        ({"latitude": 91.0, "longitude": 0.0}, "latitude", "91 is not at least -90 and at most 90"),
        ({"inverter_limit_kw": 0.0}, "inverter_limit_kw", "0 is not above 0 and at most 100000"),
        ({"loss_percent": 100.0}, "loss_percent", "100 is not at least 0 and at most 99"),
        ({"altitude_m": float("nan")}, "altitude_m", "nan is not a finite number"),
        (
            {"power_coefficient_percent_per_c": 0.35},
            "power_coefficient_percent_per_c",
            "0.35 is not at least -1 and at most 0",
        ),
        (
            {"solcast_resource_id": "../sites"},
            "solcast_resource_id",
            "must be at most 32 letters, digits and hyphens",
        ),
    ],
)
def test_a_plant_that_cannot_be_is_refused_and_nothing_is_stored(
    changes: dict[str, object], field: str, rule: str
) -> None:
    device = pv_device()

    with pytest.raises(PlantError) as caught:
        pv_plant_save(**{"device": device, "arrays": [EAST], **changes})  # type: ignore[arg-type]

    assert (caught.value.field, caught.value.message) == (field, rule)
    assert PvPlant.objects.count() == PvArrayRow.objects.count() == 0


@pytest.mark.parametrize(
    ("code", "kind", "rule"),
    [
        ("bat", "battery", "is no PV plant"),
        ("p" * 41, "pv", "code must have at most 40 signs and not be 'island'"),
        ("island", "pv", "code must have at most 40 signs and not be 'island'"),
    ],
)
def test_a_device_that_can_have_no_plant_is_refused(code: str, kind: str, rule: str) -> None:
    with pytest.raises(PlantError) as caught:
        pv_plant_save(device=pv_device(code, kind=kind), arrays=[EAST])

    assert (caught.value.field, caught.value.message) == ("device", rule)


def test_saving_again_replaces_arrays_and_the_same_again_changes_no_row() -> None:
    device = pv_device()
    pv_plant_save(device=device, arrays=[EAST, WEST])
    pv_plant_save(device=device, arrays=[WEST], inverter_limit_kw=50, solcast_resource_id="ab-1")
    array = PvArrayRow.objects.get()

    pv_plant_save(device=device, arrays=[WEST], inverter_limit_kw=50, solcast_resource_id="ab-1")

    assert PvArrayRow.objects.get().pk == array.pk
    plant = PvPlant.objects.get()
    assert (plant.inverter_limit_kw, plant.solcast_resource_id) == (50, "ab-1")


def test_the_database_holds_the_place_and_the_ranges_too() -> None:
    plant = pv_plant_save(device=pv_device(), arrays=[EAST])

    for changes in (
        {"latitude": 16.0},
        {"latitude": 16.0, "longitude": 181.0},
        {"inverter_limit_kw": 0},
        {"loss_percent": 100},
        {"power_coefficient_percent_per_c": 1},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            PvPlant.objects.filter(pk=plant.pk).update(**changes)
    with pytest.raises(IntegrityError), transaction.atomic():
        PvArrayRow.objects.update(tilt_degrees=91)


def test_what_the_feeds_are_asked_for_is_of_enabled_plants_in_two_queries() -> None:
    for code, longitude, resource, enabled in (
        ("a", -61.54, "", True),
        ("b", -61.53, "ab12", True),
        ("c", -61.44, "", True),
        ("d", -61.04, "cd34", False),
    ):
        pv_plant_save(
            device=pv_device(code, longitude=longitude), arrays=[EAST],
            solcast_resource_id=resource, enabled=enabled,
        )  # fmt: skip

    with queries_counted() as queries_of_cells:
        cells = weather_cells()
        assert queries_of_cells() == 2
    with queries_counted() as queries_of_resources:
        resources = rooftop_resources()
        assert queries_of_resources() == 1

    # 16.26 x 20 = 325.2; -61.54 and -61.53 x 20 = -1230.8 and -1230.6, -61.44 x 20 = -1228.8.
    assert cells == [Cell(325, -1231), Cell(325, -1229)]
    assert resources == ["ab12"]


def test_a_plant_whose_device_lost_its_place_says_so() -> None:
    plant = pv_plant_save(device=pv_device(), arrays=[EAST])
    Device.objects.filter(pk=plant.device_id).update(latitude=None)

    (row,) = pv_plants()

    assert row.model is None
    assert row.fault == "latitude: is not given, and neither device nor site has a place"
    assert weather_cells() == []


def test_plants_of_one_operator_are_not_seen_by_another(operator_b: Operator) -> None:
    pv_plant_save(device=pv_device(), arrays=[EAST])

    with operator_context(operator_b.schema_name):
        assert pv_plants() == []
        assert weather_cells() == []
        assert pv_plants_ensure() == []
