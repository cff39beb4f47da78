"""PV plants as pages: the list, the form of a plant, its day, the usual values."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.assets.models import Device
from apps.console.views import plants as views
from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.models import PvPlant
from apps.markets.pv.plant import PvArray
from apps.markets.services.pv.plants import pv_plant_save
from apps.markets.services.series import GivenValue, SeriesKey, series_ensure, values_store
from apps.tenants.context import operator_context
from cariflex.common.units import QUARTER_HOUR
from tests.markets.pv.world import measured, pv_device

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
Budget = Callable[[int], AbstractContextManager[None]]
PAGE = "/data/plants/"
MIDNIGHT = datetime(2026, 11, 23, 4, tzinfo=UTC)
"""Midnight in Guadeloupe; `now` is 11:07 there."""
NOON = MIDNIGHT + timedelta(hours=12)
YESTERDAY_NOON = NOON - timedelta(days=1)
FORM = {
    "latitude": "16,25", "longitude": "-61.5", "altitude_m": "30", "inverter_limit_kw": "80",
    "loss_percent": "12,5", "power_coefficient_percent_per_c": "-0.4",
    "solcast_resource_id": "abcd-1234", "enabled": "on",
    "azimuth_degrees": ["90", "270"], "tilt_degrees": ["10", "12,5"], "peak_kwp": ["40", "60"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch, now: object) -> None:
    monkeypatch.setattr(views, "utc_now", lambda: now)


@pytest.fixture
def here(operator_a: object) -> Iterator[None]:
    with operator_context("guadeloupe"):
        yield


def plant(code: str = "pv-1", **more: Any) -> Device:
    """Two arrays, 100 kWp behind 80 kW."""
    device = pv_device(code)
    arrays = [PvArray(10, 90, 40), PvArray(12.5, 270, 60)]
    pv_plant_save(device=device, **({"arrays": arrays, "inverter_limit_kw": 80.0} | more))
    return device


def told(code: str, first: datetime, powers: tuple[str, str, str], *, published: datetime) -> None:
    """Four quarter hours of P10, P50 and P90 kW."""
    for variant, power in zip(("p10", "p50", "p90"), powers, strict=True):
        key = SeriesKey(SeriesKind.PV_PRODUCTION, code, Feed.ISLAND, variant=variant)
        values = [
            GivenValue(first + n * QUARTER_HOUR, Decimal(power), Quality.FORECAST, "solcast")
            for n in range(4)
        ]
        values_store(series=series_ensure(key), values=values, published_at=published)


def text_of(client: Client, path: str = PAGE) -> str:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return reply.content.decode().replace("\xa0", " ")


def row_of(text: str, code: str = "pv-1") -> str:
    return text.split(f'data-plant="{code}"')[1].split("</tr>")[0]


def test_the_list_tells_what_each_plant_is_made_of_and_how_it_is_forecast(
    here: None, signed_in: SignIn, now: datetime
) -> None:
    device = plant()
    # 11:00 to 12:00, now among it: 40 kW for an hour.
    told("pv-1", MIDNIGHT + timedelta(hours=11), ("30", "40", "50"), published=now)
    # Yesterday at noon 40 kW were forecast before midnight and 34 and 44 kW measured:
    # (6 + 4) / 2 = 5 kW, of 100 kWp 5 %.
    told("pv-1", YESTERDAY_NOON, ("30", "40", "50"), published=MIDNIGHT - timedelta(days=2))
    measured(device, {YESTERDAY_NOON: -34.0, YESTERDAY_NOON + QUARTER_HOUR: -44.0})

    text = text_of(signed_in("guadeloupe"))

    row = row_of(text)
    for words in ("PV-1", "16.2600°, −61.5400°", "40.0 kWp to 90°, tilt 10°",
                  "60.0 kWp to 270°, tilt 12.5°", "100.0 kWp", "80.0 kW", "Solcast", "Forecast",
                  "40.00 kWh", "5.0 kW", "5.0 %", "Switched on"):  # fmt: skip
        assert words in row, words
    assert re.search(r'href="/data/plants/"[^>]* aria-current="page"', text)


def test_a_plant_that_cannot_be_says_why(here: None, signed_in: SignIn) -> None:
    device = plant(enabled=False)
    Device.objects.update(latitude=None, longitude=None)
    client = signed_in("guadeloupe")

    row = row_of(text_of(client))
    text = text_of(client, f"{PAGE}{device.pk}/edit")

    assert "Nothing can be forecast" in row
    assert "Switched off" in row
    assert "Neither the device nor its site has a place: give one here." in text


def test_the_list_keeps_its_budget(
    here: None, signed_in: SignIn, queries_at_most: Budget, now: datetime
) -> None:
    client = signed_in("guadeloupe")
    for n in range(3):
        plant(f"pv-{n}")
        pv_device(f"bare-{n}")
    text_of(client)

    # Operator, session, user, roles, rights 2; plants 2, forecast, skill 6, devices without.
    with queries_at_most(16):
        assert text_of(client).count("data-plant=") == 3
    for n in range(3, 12):
        plant(f"pv-{n}")
        pv_device(f"bare-{n}")
    with queries_at_most(16):
        text = text_of(client)
    assert text.count("data-plant=") == 12
    assert text.count("data-without=") == 12


def test_a_plant_is_kept_as_typed(here: None, signed_in: SignIn) -> None:
    device = plant()
    client = signed_in("guadeloupe")

    reply = client.post(f"{PAGE}{device.pk}/save", FORM)

    assert reply.headers["Location"] == f"{PAGE}{device.pk}/edit"
    kept = PvPlant.objects.get()
    assert (kept.latitude, kept.longitude, kept.altitude_m) == (16.25, -61.5, 30.0)
    assert (kept.inverter_limit_kw, kept.loss_percent) == (80.0, 12.5)
    assert (kept.power_coefficient_percent_per_c, kept.enabled) == (-0.4, True)
    assert kept.solcast_resource_id == "abcd-1234"
    assert [(a.azimuth_degrees, a.tilt_degrees, a.peak_kwp) for a in kept.arrays.all()] == [
        (90.0, 10.0, 40.0), (270.0, 12.5, 60.0),
    ]  # fmt: skip
    text = text_of(client, f"{PAGE}{device.pk}/edit")
    assert 'name="latitude" value="16.25"' in text
    assert 'id="tilt-2" name="tilt_degrees" value="12.5"' in text


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"latitude": "95"}, "latitude", "At least -90 and at most 90."),
        ({"latitude": ""}, "latitude", "Latitude and longitude are given together."),
        ({"longitude": "west"}, "longitude", "This is not a number."),
        ({"altitude_m": ""}, "altitude_m", "Something is missing here."),
        ({"altitude_m": "9e9"}, "altitude_m", "At least -500 and at most 9000."),
        ({"inverter_limit_kw": "0"}, "inverter_limit_kw", "More than 0 and at most 100000."),
        ({"loss_percent": "nan"}, "loss_percent", "This is not a number."),
        ({"power_coefficient_percent_per_c": "0.4"}, "power_coefficient_percent_per_c",
         "At least -1 and at most 0."),
        ({"solcast_resource_id": "a/b"}, "solcast_resource_id",
         "At most 32 letters, digits and hyphens."),
        ({"azimuth_degrees": ["90", "400"]}, "arrays.2.azimuth_degrees",
         "At least 0 and at most 360."),
        ({"tilt_degrees": ["flat", "12"]}, "arrays.1.tilt_degrees", "This is not a number."),
        ({"peak_kwp": ["40", ""]}, "arrays.2.peak_kwp", "Something is missing here."),
        ({"azimuth_degrees": [], "tilt_degrees": [], "peak_kwp": []}, "arrays",
         "1 to 20 arrays are needed."),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_field(
    here: None, signed_in: SignIn, changes: dict[str, Any], place: str, words: str
) -> None:
    device = plant()

    reply = signed_in("guadeloupe").post(f"{PAGE}{device.pk}/save", FORM | changes)

    text = reply.content.decode()
    assert reply.status_code == 422
    assert f'<p class="field-error" id="e-{place}">{words}</p>' in text
    assert f'aria-describedby="e-{place}"' in text or place == "arrays"
    kept = PvPlant.objects.get()
    assert (kept.latitude, kept.loss_percent, kept.arrays.count()) == (None, 14.0, 2)


def test_rows_come_and_go_and_keep_what_was_typed(here: None, signed_in: SignIn) -> None:
    device = plant()
    client = signed_in("guadeloupe")
    form = FORM | {"loss_percent": "typed"}

    more = client.post(f"{PAGE}{device.pk}/save", form | {"do": "add"})
    fewer = client.post(f"{PAGE}{device.pk}/save", form | {"do": "remove:1"})
    odd = client.post(f"{PAGE}{device.pk}/save", form | {"do": "remove:99"})

    text = more.content.decode()
    assert (more.status_code, fewer.status_code, odd.status_code) == (200, 200, 200)
    assert text.count("data-array=") == 3
    assert 'data-focus="azimuth-3"' in text
    assert 'value="typed"' in text
    assert fewer.content.decode().count("data-array=") == 1
    assert 'id="azimuth-1" name="azimuth_degrees" value="270"' in fewer.content.decode()
    assert odd.content.decode().count("data-array=") == 2
    assert PvPlant.objects.get().arrays.count() == 2


def test_a_day_has_its_band_and_what_was_measured(here: None, signed_in: SignIn) -> None:
    device = plant()
    told("pv-1", YESTERDAY_NOON, ("30", "40", "50"), published=MIDNIGHT - timedelta(days=2))
    measured(device, {YESTERDAY_NOON: -34.0, YESTERDAY_NOON + QUARTER_HOUR: 2.0})

    text = text_of(signed_in("guadeloupe"), f"{PAGE}{device.pk}/edit?day=2026-11-22")

    assert text.count("data-slot=") == 96
    noon = text.split(f'data-slot="{YESTERDAY_NOON:%Y-%m-%dT%H:%M:%S}')[1].split("</tr>")[0]
    for words in ("12:00", "30.0 kW", "40.0 kW", "50.0 kW", "34.0 kW", "Solcast"):
        assert words in noon, words
    # 4 x 40 kW x 0.25 h forecast; 34 kW x 0.25 h measured, what is drawn counts as 0.
    facts = text.split("plant-facts")[1].split("</dl>")[0]
    assert "40.00 kWh" in facts
    assert "8.50 kWh" in facts
    assert '"measured": [' in text
    assert 'id="plot-chart"' in text


@pytest.mark.parametrize("day", ["soon", "0001-01-01", "9999-12-31", ""])
def test_any_day_can_be_asked_for(here: None, signed_in: SignIn, day: str) -> None:
    device = plant()

    text = text_of(signed_in("guadeloupe"), f"{PAGE}{device.pk}/edit?day={day}")

    assert "Monday 23 November 2026" in text
    assert "Nothing was forecast or measured on this day." in text


def test_a_device_without_a_plant_gets_the_usual_one(here: None, signed_in: SignIn) -> None:
    device = pv_device("pv-1", rated_power_kw=90)
    placeless = pv_device("pv-2", latitude=None, longitude=None)
    client = signed_in("guadeloupe")

    listed = text_of(client)
    form = text_of(client, f"{PAGE}{device.pk}/edit")
    answer = client.post(f"{PAGE}ensure", follow=True)
    again = client.post(f"{PAGE}ensure", follow=True)

    assert listed.count("data-without=") == 2
    assert "Set up with usual values" in listed
    assert 'name="peak_kwp" value="90"' in form
    assert 'name="azimuth_degrees" value="180"' in form
    told_then = answer.content.decode()
    assert "1 plant is set up." in told_then
    assert "PV-2 has no plant: open it and say where it stands." in told_then
    assert "is set up." not in again.content.decode()
    assert [one.device_id for one in PvPlant.objects.all()] == [device.pk]

    kept = client.post(f"{PAGE}{placeless.pk}/save", FORM)
    assert kept.status_code == 302
    assert PvPlant.objects.get(device=placeless).latitude == 16.25
    assert "Set up with usual values" not in text_of(client)


@pytest.mark.parametrize(
    ("role", "seen", "changed"),
    [
        (Role.OPERATIONS, 200, 302),
        (Role.OPERATOR_ADMIN, 200, 302),
        (Role.ANALYST, 200, 403),
        (Role.BILLING, 403, 403),
        (Role.PARTNER_API, 403, 403),
    ],
)
def test_who_may_see_and_change(
    here: None, signed_in: SignIn, role: Role, seen: int, changed: int
) -> None:
    device = plant()
    client = signed_in("guadeloupe", role)

    for path in (PAGE, f"{PAGE}{device.pk}/edit"):
        assert client.get(path).status_code == seen, path
    assert client.post(f"{PAGE}ensure").status_code == changed
    assert client.post(f"{PAGE}{device.pk}/save", FORM).status_code == changed


def test_who_only_looks_finds_a_form_that_is_shut(here: None, signed_in: SignIn) -> None:
    device = plant()
    pv_device("pv-2")
    client = signed_in("guadeloupe", Role.ANALYST)

    form = text_of(client, f"{PAGE}{device.pk}/edit")

    assert '<fieldset class="plant-set" disabled>' in form
    assert "Add an array" not in form
    assert "Set up with usual values" not in text_of(client)


def test_a_device_that_is_no_plant_is_not_found(here: None, signed_in: SignIn) -> None:
    battery = pv_device("bat-1", kind="battery")
    client = signed_in("guadeloupe")

    assert client.get(f"{PAGE}{battery.pk}/edit").status_code == 404
    assert client.post(f"{PAGE}{battery.pk}/save", FORM).status_code == 404
    assert client.get(f"{PAGE}999999/edit").status_code == 404


def test_operators_see_and_change_their_own_only(here: None, signed_in: SignIn) -> None:
    device = plant()
    other = signed_in("martinique", Role.OPERATOR_ADMIN)

    assert "PV-1" not in text_of(other)
    assert other.get(f"{PAGE}{device.pk}/edit").status_code == 404
    assert other.post(f"{PAGE}{device.pk}/save", FORM).status_code == 404
    other.post(f"{PAGE}ensure")

    with operator_context("guadeloupe"):
        assert PvPlant.objects.get().latitude is None
