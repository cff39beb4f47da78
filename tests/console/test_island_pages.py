"""Island price and calendars as pages: what they say, who may change it, one operator's alone."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.console.views import calendars as calendar_views
from apps.console.views import island_price as island_views
from apps.markets.choices import BaseSource, Feed, Quality, SeriesKind
from apps.markets.models import (
    EmissionFactor,
    GeneratingUnit,
    IslandPriceSlot,
    IslandPricing,
    PeakWindow,
    ScarcityAlert,
    Series,
    TouCalendar,
)
from apps.markets.services.island.calendars import calendar_add
from apps.markets.services.island.pricing import peak_save, pricing_save, unit_save
from apps.markets.services.series import GivenValue, SeriesKey, series_ensure, values_store
from apps.tenants.context import operator_context
from cariflex.common.units import QUARTER_HOUR

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
Watch = Callable[[int], AbstractContextManager[None]]
NOW = datetime(2026, 11, 24, 15, 7, tzinfo=UTC)
"""11:07 in Guadeloupe."""
DAY = date(2026, 11, 24)
ISLAND, SETTINGS, CALENDARS = "/data/island/", "/data/island/settings/", "/data/calendars/"
MIDNIGHT = datetime(2026, 11, 24, 4, tzinfo=UTC)
DEFINITION = {
    "periods": [
        {
            "valid_from": "2026-01-01",
            "valid_to": None,
            "levels": [
                {"label": "Off-peak", "price_eur_per_mwh": "120.00"},
                {"label": "Peak", "price_eur_per_mwh": "310.50"},
            ],
            "seasons": [
                {
                    "name": "Dry", "first": "12-01", "last": "05-31",
                    "plans": [
                        {"day_types": ["holiday", "saturday", "sunday", "working"],
                         "windows": [], "default_level": "Off-peak"},
                    ],
                },
                {
                    "name": "Wet", "first": "06-01", "last": "11-30",
                    "plans": [
                        {"day_types": ["working"], "default_level": "Off-peak",
                         "windows": [{"start": "19:00", "end": "22:00", "level": "Peak"}]},
                        {"day_types": ["holiday", "saturday", "sunday"],
                         "windows": [], "default_level": "Off-peak"},
                    ],
                },
            ],
        }
    ]
}  # fmt: skip


@pytest.fixture(autouse=True)
def _fixed_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(island_views, "utc_now", lambda: NOW)
    monkeypatch.setattr(calendar_views, "utc_now", lambda: NOW)


def calendar_made(schema: str = "guadeloupe", name: str = "Island 2026") -> int:
    with operator_context(schema):
        return calendar_add(
            name=name,
            time_zone="America/Guadeloupe",
            territory="GP",
            definition=DEFINITION,
        ).pk


def pricing_made(schema: str = "guadeloupe", calendar: int | None = None) -> int:
    with operator_context(schema):
        pricing = pricing_save(
            area="GP",
            territory="GP",
            time_zone="America/Guadeloupe",
            calendar_id=calendar,
            carbon_price_eur_per_tonne=Decimal(80),
            pv_threshold_mw=Decimal(50),
            curtailment_discount_eur_per_mwh=Decimal(40),
            floor_eur_per_mwh=Decimal(200),
        )
        peak_save(
            pricing_id=pricing.pk, name="Evening", start_minute=19 * 60, end_minute=22 * 60,
            adder_eur_per_mwh=Decimal(60),
        )  # fmt: skip
        return pricing.pk


def day_priced(schema: str = "guadeloupe") -> None:
    """Base 210.00, carbon 560 g/kWh x 80 EUR/t = 44.80; at 19-22 h 60.00 more, at noon 40 less."""
    parts: dict[str, list[GivenValue]] = {}
    with operator_context(schema):
        pricing = IslandPricing.objects.get()
        for n in range(96):
            start = MIDNIGHT + n * QUARTER_HOUR
            is_peak, is_sunny = 76 <= n < 88, 46 <= n < 54
            values = {
                SeriesKind.PRICE_BASE: Decimal("210.00"),
                SeriesKind.PRICE_CARBON: Decimal("44.80"),
                SeriesKind.PRICE_SCARCITY: Decimal(60 if is_peak else 0),
                SeriesKind.PRICE_CURTAILMENT: Decimal(-40 if is_sunny else 0),
            }
            values[SeriesKind.PRICE] = sum(values.values(), Decimal(0))
            for kind, value in values.items():
                parts.setdefault(kind, []).append(GivenValue(start, value, Quality.FORECAST))
            reasons = [["base.tou", "Peak"], ["carbon.intensity", "560 g/kWh"]]
            reasons += [["scarcity.peak", "Evening"]] if is_peak else []
            reasons += [["curtailment.pv", "61.5 MW"]] if is_sunny else []
            IslandPriceSlot.objects.create(
                pricing=pricing, start=start, base_source=BaseSource.TOU,
                tried=["merit_order", "tou"], reasons=reasons, quality=Quality.FORECAST,
                intensity_g_per_kwh=Decimal(560), intensity_quality=Quality.ESTIMATED,
                pv_mw=Decimal("61.5") if is_sunny else Decimal(12),
                pv_quality=Quality.FORECAST, computed_at=NOW,
            )  # fmt: skip
        for kind, given in parts.items():
            series = series_ensure(SeriesKey(SeriesKind(kind), "GP", Feed.ISLAND))
            values_store(series=series, values=given, published_at=NOW)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def plain(text: str) -> str:
    """What is read: no tags, one space for all white."""
    return re.sub(r"[\s\xa0]+", " ", re.sub(r"<[^>]+>", " ", text))


def why(text: str) -> str:
    """The panel that explains."""
    return plain(text.split('id="why"')[1].split("</section>")[0])


def fields(text: str) -> dict[str, Any]:
    """The editor's form as a browser would send it."""
    form = text.split('id="calendar-form"')[1].split("</form>")[0]
    sent: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        kind, name = re.search(r'type="(\w+)', tag), re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and (kind is None or kind[1] != "checkbox" or " checked" in tag):
            sent.setdefault(name[1], []).append(value[1] if value else "on")
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        sent[name] = [chosen[1] if chosen else ""]
    return sent


def cells(text: str, words: str) -> int:
    """How many cells of the week say these words."""
    week = text.split('id="week"')[1].split("</table>")[0].replace("\xa0", " ")
    return len(re.findall(rf'title="[^"]*{re.escape(words)}', week))


# --- the day ----------------------------------------------------------------------


def test_the_day_is_drawn_and_the_slot_of_now_explained(signed_in: SignIn) -> None:
    pricing_made()
    day_priced()

    text = text_of(signed_in("guadeloupe").get(ISLAND))

    assert "96 quarter hours" in text
    assert 'data-count="96"' in text
    told = why(text)
    # 210.00 + 44.80 = 254.80
    assert "11:00–11:15" in told
    assert "254.80 €/MWh Forecast" in told
    assert "Base 210.00 Level Peak of the price calendar." in told
    assert "Asked before, without an answer: Merit order." in told
    assert "Carbon 44.80 560 g/kWh × 80 €/t" in told
    assert "Scarcity 0.00 No peak window and no alert." in told
    assert "PV forecast 12 MW, not above the threshold of 50 MW." in told
    assert "CO2 intensity 560 g/kWh Estimated" in told
    assert text.count('class="curve curve-total"') == 1


@pytest.mark.parametrize(
    ("at", "words"),
    [
        # 210.00 + 44.80 + 60.00 = 314.80
        (76, ("19:00–19:15", "314.80 €/MWh", "Scarcity 60.00 Peak window Evening (19:00–22:00).")),
        # 210.00 + 44.80 - 40.00 = 214.80
        (
            46,
            (
                "11:30–11:45",
                "214.80 €/MWh",
                "Curtailment discount −40.00 PV forecast 61.5 MW, above the threshold of 50 MW.",
            ),
        ),
        (9_999, ("11:00–11:15",)),
    ],
)
def test_a_slot_that_is_asked_for_is_explained(
    signed_in: SignIn, at: int, words: tuple[str, ...]
) -> None:
    pricing_made()
    day_priced()

    told = why(text_of(signed_in("guadeloupe").get(f"{ISLAND}?day=2026-11-24&at={at}")))

    for one in words:
        assert one in told


def test_the_table_holds_every_quarter_hour(signed_in: SignIn) -> None:
    pricing_made()
    day_priced()

    text = text_of(signed_in("guadeloupe").get(f"{ISLAND}?day=2026-11-24"))

    table = text.split('id="slots-table"')[1].split("</table>")[0]
    rows = table.split("<tr>")[2:]
    assert len(rows) == 96
    assert "19:00 210.00 44.80 60.00 0.00 314.80 560 12.0 Forecast" in plain(rows[76])


def test_a_part_of_a_day_says_what_is_missing(signed_in: SignIn) -> None:
    pricing_made()
    day_priced()
    with operator_context("guadeloupe"):
        kind = SeriesKind.PRICE_CARBON
        series_ensure(SeriesKey(kind, "GP", Feed.ISLAND)).values.filter(
            start__lt=MIDNIGHT + 2 * QUARTER_HOUR
        ).delete()

    text = text_of(signed_in("guadeloupe").get(f"{ISLAND}?at=0"))

    assert "2 without a price" in plain(text)
    assert "– €/MWh No price" in why(text)


@pytest.mark.parametrize("day", ["2026-11-25", "soon", "0001-01-01", "9999-12-31", ""])
def test_any_day_can_be_asked_for(signed_in: SignIn, day: str) -> None:
    pricing_made()

    answer = signed_in("guadeloupe").get(f"{ISLAND}?day={day}&at=x")

    assert answer.status_code == 200
    assert "No price is computed for this day." in text_of(answer)


def test_a_day_of_changed_clocks_has_92_and_100_slots(signed_in: SignIn) -> None:
    with operator_context("guadeloupe"):
        pricing_save(area="HT", territory="HT", time_zone="America/Port-au-Prince")
        for day, hour in ((date(2026, 3, 8), 5), (date(2026, 11, 1), 4)):
            start = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
            for kind in ("price", "price_base", "price_carbon", "price_scarcity",
                         "price_curtailment"):  # fmt: skip
                series = series_ensure(SeriesKey(SeriesKind(kind), "HT", Feed.ISLAND))
                given = [GivenValue(start, Decimal(0), Quality.ACTUAL)]
                values_store(series=series, values=given, published_at=NOW)
    client = signed_in("guadeloupe")

    spring = text_of(client.get(f"{ISLAND}?day=2026-03-08"))
    autumn = text_of(client.get(f"{ISLAND}?day=2026-11-01"))

    assert 'class="island-charts slots-92"' in spring
    assert "91 without a price" in plain(spring)
    assert 'class="island-charts slots-100"' in autumn
    assert plain(autumn.split('class="plot-hours"')[1].split("</div>")[0]).split()[-1] == "23:00"


def test_the_day_costs_few_queries(signed_in: SignIn, queries_at_most: Watch) -> None:
    pricing_made()
    day_priced()
    client = signed_in("guadeloupe")
    client.get(ISLAND)

    # Session, user, groups, permissions; then pricing, values, reasons, peaks, alerts.
    with queries_at_most(12):
        client.get(ISLAND)


def test_without_an_island_price_the_page_says_so(signed_in: SignIn) -> None:
    text = text_of(signed_in("guadeloupe").get(ISLAND))

    assert "Set up the island price" in text
    assert 'id="alert-form"' not in text


# --- setting up -------------------------------------------------------------------

SET_UP = {
    "area": " GP ", "territory": "GP", "time_zone": "America/Guadeloupe",
    "carbon_price_eur_per_tonne": "80,5", "intensity_kind": "direct", "calendar": "",
}  # fmt: skip


def test_the_form_suggests_what_the_time_zone_says(signed_in: SignIn) -> None:
    calendar = calendar_made()
    client = signed_in("guadeloupe")

    text = text_of(client.get(ISLAND))

    assert 'name="area" value="GP"' in text
    assert '<option value="GP" selected>Guadeloupe</option>' in text
    assert 'name="time_zone" value="America/Guadeloupe"' in text
    assert f'<option value="{calendar}">Island 2026</option>' in text
    assert 'id="follow-form"' not in text


def test_the_first_island_price_is_set_up_once(signed_in: SignIn) -> None:
    calendar = calendar_made()
    client = signed_in("guadeloupe")

    answer = client.post(f"{ISLAND}setup", SET_UP | {"calendar": str(calendar)})
    again = client.post(f"{ISLAND}setup", SET_UP | {"area": "MQ"}, follow=True)

    assert answer.headers["Location"] == SETTINGS
    assert "An island price is set up already." in text_of(again)
    assert 'id="setup-form"' not in text_of(again)
    with operator_context("guadeloupe"):
        pricing = IslandPricing.objects.get()
    assert (pricing.area, pricing.territory) == ("GP", "GP")
    assert pricing.time_zone == "America/Guadeloupe"
    assert pricing.carbon_price_eur_per_tonne == Decimal("80.5")
    assert (pricing.intensity_kind, pricing.calendar_id) == ("direct", calendar)
    assert (pricing.changed_by, pricing.enabled) == ("somebody", True)


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"area": " "}, "area", "1 to 40 signs are needed."),
        ({"territory": ""}, "territory", "There is no such choice."),
        ({"time_zone": "Moon/Base"}, "time_zone", "There is no such time zone."),
        ({"time_zone": ""}, "time_zone", "There is no such time zone."),
        ({"carbon_price_eur_per_tonne": ""}, "carbon_price_eur_per_tonne", "Something is missing"),
        ({"carbon_price_eur_per_tonne": "-1"}, "carbon_price_eur_per_tonne", "not below 0"),
        ({"intensity_kind": "none"}, "intensity_kind", "There is no such choice."),
        ({"calendar": "99999"}, "calendar", "There is no such choice."),
    ],
)
def test_what_is_wrong_with_a_set_up_stands_beside_its_field(
    signed_in: SignIn, changed: dict[str, str], field: str, words: str
) -> None:
    answer = signed_in("guadeloupe").post(f"{ISLAND}setup", SET_UP | changed)

    assert answer.status_code == 422
    text = text_of(answer)
    assert words in text.split(f'data-field="{field}">')[1].split("</div>")[0]
    assert 'value="80,5"' in text or field == "carbon_price_eur_per_tonne"
    with operator_context("guadeloupe"):
        assert not IslandPricing.objects.exists()


def test_the_total_is_followed_once_there_is_one(signed_in: SignIn, queries_at_most: Watch) -> None:
    pricing_made()
    client = signed_in("guadeloupe")
    with operator_context("guadeloupe"):
        first = series_ensure(SeriesKey(SeriesKind.PRICE, "FR", Feed.ENTSOE)).pk
    before = text_of(client.get(ISLAND))
    client.post(f"{ISLAND}follow")
    with operator_context("guadeloupe"):
        led_early = Series.objects.filter(is_leading=True).count()
    day_priced()
    # Session, user, groups, permissions; pricing, values, reasons, peaks, alerts, the total 2.
    with queries_at_most(12):
        offered = text_of(client.get(ISLAND))

    answer = client.post(f"{ISLAND}follow", follow=True)
    client.post(f"{ISLAND}follow")

    assert 'id="follow-form"' not in before
    assert led_early == 0
    assert 'id="follow-form"' in offered
    assert "Plans, tariffs and pages follow this price now." in text_of(answer)
    assert 'id="follow-form"' not in text_of(answer)
    with operator_context("guadeloupe"):
        leading = Series.objects.get(is_leading=True)
    assert (leading.area, leading.source, leading.kind) == ("GP", Feed.ISLAND, SeriesKind.PRICE)
    assert leading.pk != first


def test_who_only_looks_cannot_set_up_or_follow(signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", Role.ANALYST)

    text = text_of(client.get(ISLAND))

    assert 'id="setup-form"' not in text
    assert "No island price is set up" in text
    assert client.post(f"{ISLAND}setup", SET_UP).status_code == 403
    assert client.post(f"{ISLAND}follow").status_code == 403
    with operator_context("guadeloupe"):
        assert not IslandPricing.objects.exists()


def test_setting_up_and_following_stay_with_the_operator(signed_in: SignIn) -> None:
    calendar = calendar_made()
    pricing_made()
    day_priced()
    other = signed_in("martinique")

    text = text_of(other.get(ISLAND))
    other.post(f"{ISLAND}follow")
    refused = other.post(f"{ISLAND}setup", SET_UP | {"calendar": str(calendar)})
    made = other.post(f"{ISLAND}setup", SET_UP | {"area": "MQ", "territory": "MQ"})

    assert 'name="area" value="MQ"' in text
    assert "Island 2026" not in text
    assert refused.status_code == 422
    assert made.status_code == 302
    with operator_context("guadeloupe"):
        assert [one.area for one in IslandPricing.objects.all()] == ["GP"]
        assert not Series.objects.filter(is_leading=True).exists()


# --- alerts -----------------------------------------------------------------------


def declared(client: Client, **changed: str) -> Any:
    form = {"start": "2026-11-24T18:00", "end": "2026-11-24T21:00", "adder_eur_per_mwh": "120,5",
            "reason": "Unit 3 tripped"}  # fmt: skip
    return client.post(f"{ISLAND}alerts/declare", form | changed)


def test_an_alert_is_declared_listed_and_cancelled(signed_in: SignIn) -> None:
    pricing_made()
    client = signed_in("guadeloupe")

    answer = declared(client)
    with operator_context("guadeloupe"):
        alert = ScarcityAlert.objects.get()
    listed = text_of(client.get(ISLAND))
    client.post(f"{ISLAND}alerts/{alert.pk}/cancel")
    again = client.post(f"{ISLAND}alerts/{alert.pk}/cancel", follow=True)

    assert answer.headers["Location"] == f"{ISLAND}#alerts"
    # 18:00 in Guadeloupe is 22:00 UTC.
    assert alert.start == datetime(2026, 11, 24, 22, tzinfo=UTC)
    assert alert.adder_eur_per_mwh == Decimal("120.5")
    assert alert.declared_by == "somebody"
    assert 'data-state="to_come"' in listed
    assert 'data-state="cancelled"' in text_of(again)


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"start": "soon"}, "start", "This is not a time."),
        ({"end": ""}, "end", "Something is missing here."),
        ({"end": "2026-11-24T17:00"}, "end", "The end is not after the start."),
        ({"end": "2026-12-24T17:00"}, "end", "An alert lasts 7 days at most."),
        ({"start": "2026-11-23T01:00", "end": "2026-11-23T02:00"}, "end", "This time is past."),
        ({"adder_eur_per_mwh": "much"}, "adder_eur_per_mwh", "This is not a number."),
        ({"adder_eur_per_mwh": "-1"}, "adder_eur_per_mwh", "This number is too small"),
        ({"reason": " "}, "reason", "1 to 200 signs are needed."),
    ],
)
def test_what_an_alert_lacks_stands_beside_its_field(
    signed_in: SignIn, changed: dict[str, str], field: str, words: str
) -> None:
    pricing_made()

    answer = declared(signed_in("guadeloupe"), **changed)

    assert answer.status_code == 422
    beside = text_of(answer).split(f'data-field="{field}">')[1].split("</div>")[0]
    assert words in beside
    assert "Unit 3 tripped" in text_of(answer) or field == "reason"
    with operator_context("guadeloupe"):
        assert not ScarcityAlert.objects.exists()


# --- settings ---------------------------------------------------------------------

SAVED = {
    "carbon_price_eur_per_tonne": "95,5", "intensity_kind": "direct", "pv_source": "plants",
    "curtailment_discount_eur_per_mwh": "30", "pv_threshold_mw": "", "floor_eur_per_mwh": "-5",
    "calendar": "", "base_order": ["tou", "", "merit_order", ""], "must_run_fuels": ["solar"],
}  # fmt: skip


def test_the_settings_are_saved(signed_in: SignIn) -> None:
    pricing_made()
    client = signed_in("guadeloupe")

    answer = client.post(f"{SETTINGS}save", SAVED)

    assert answer.headers["Location"] == SETTINGS
    with operator_context("guadeloupe"):
        pricing = IslandPricing.objects.get()
    assert pricing.carbon_price_eur_per_tonne == Decimal("95.5")
    assert (pricing.pv_threshold_mw, pricing.floor_eur_per_mwh) == (None, Decimal(-5))
    assert pricing.base_order == ["tou", "merit_order"]
    assert (pricing.intensity_kind, pricing.pv_source) == ("direct", "plants")
    assert pricing.must_run_fuels == ["solar"]
    assert 'value="95.5"' in text_of(client.get(SETTINGS))


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"carbon_price_eur_per_tonne": ""}, "carbon_price_eur_per_tonne", "Something is missing"),
        ({"carbon_price_eur_per_tonne": "-3"}, "carbon_price_eur_per_tonne", "not below 0"),
        ({"floor_eur_per_mwh": "x"}, "floor_eur_per_mwh", "This is not a number."),
        ({"base_order": ["tou", "tou"]}, "base_order", "Name at least one base, and each once."),
        ({"base_order": []}, "base_order", "Name at least one base, and each once."),
        ({"intensity_kind": "none"}, "intensity_kind", "There is no such choice."),
        ({"calendar": "99999"}, "calendar", "There is no such choice."),
    ],
)
def test_what_is_wrong_with_settings_stands_beside_the_field(
    signed_in: SignIn, changed: dict[str, Any], field: str, words: str
) -> None:
    pricing_made()

    answer = signed_in("guadeloupe").post(f"{SETTINGS}save", SAVED | changed)

    assert answer.status_code == 422
    beside = text_of(answer).split(f'data-field="{field}">')[1].split("</div>")[0]
    assert words in beside
    with operator_context("guadeloupe"):
        assert IslandPricing.objects.get().carbon_price_eur_per_tonne == Decimal(80)


def test_peak_windows_and_units_come_change_and_go(signed_in: SignIn) -> None:
    pricing_made()
    client = signed_in("guadeloupe")
    window = {"name": "Noon", "start": "11:00", "end": "00:00", "adder_eur_per_mwh": "5",
              "day_types": ["saturday"], "valid_from": "", "valid_to": ""}  # fmt: skip
    unit = {"name": "Jarry 1", "capacity_mw": "40", "marginal_cost_eur_per_mwh": "180",
            "available_from": "2026-11-01T00:00", "available_to": "", "enabled": "on"}  # fmt: skip

    client.post(f"{ISLAND}peaks/save", window)
    client.post(f"{ISLAND}peaks/save", window | {"adder_eur_per_mwh": "7"})
    client.post(f"{ISLAND}units/save", unit)
    wrong_window = client.post(f"{ISLAND}peaks/save", window | {"start": "11:05"})
    wrong_unit = client.post(f"{ISLAND}units/save", unit | {"capacity_mw": "0"})

    with operator_context("guadeloupe"):
        peak = PeakWindow.objects.get(name="Noon")
        made = GeneratingUnit.objects.get()
    assert (peak.start_minute, peak.end_minute) == (660, 1440)
    assert peak.adder_eur_per_mwh == Decimal(7)
    assert made.available_from == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert wrong_window.status_code == wrong_unit.status_code == 422
    assert "Times are on quarter hours." in text_of(wrong_window)
    assert "This must be more than 0." in text_of(wrong_unit)
    shown = text_of(client.get(f"{SETTINGS}?peak={peak.pk}&unit={made.pk}"))
    assert "11:00–24:00" in shown
    assert 'value="Jarry 1"' in shown
    client.post(f"{ISLAND}peaks/{peak.pk}/remove")
    client.post(f"{ISLAND}units/{made.pk}/remove")
    with operator_context("guadeloupe"):
        assert [one.name for one in PeakWindow.objects.all()] == ["Evening"]
        assert not GeneratingUnit.objects.exists()


def test_factors_are_added_and_ended(signed_in: SignIn) -> None:
    pricing_made()
    client = signed_in("guadeloupe")
    form = {"fuel": "oil", "lifecycle_g_per_kwh": "700", "direct_g_per_kwh": "610",
            "valid_from": "2026-07-01", "source": "Own measurement"}  # fmt: skip

    client.post(f"{ISLAND}factors/add", form)
    overlapping = client.post(f"{ISLAND}factors/add", form | {"valid_from": "2020-01-01"})
    with operator_context("guadeloupe"):
        factor = EmissionFactor.objects.get(source="Own measurement")
    never = client.post(f"{ISLAND}factors/{factor.pk}/end", {"day": "2026-07-01"})
    client.post(f"{ISLAND}factors/{factor.pk}/end", {"day": "2026-11-01"})

    # Midnight in Guadeloupe.
    assert factor.valid_from == datetime(2026, 7, 1, 4, tzinfo=UTC)
    assert overlapping.status_code == 422
    assert "This overlaps the factor that holds from" in text_of(overlapping)
    assert "The end is not after the start." in text_of(never)
    text = text_of(client.get(SETTINGS))
    row = text.split(f'data-factor="{factor.pk}"')[1].split("</tr>")[0]
    assert "Oil 700 610 1 July 2026 1 Nov 2026 Over Own measurement" in plain(row).replace(".", "")


# --- calendars --------------------------------------------------------------------


def test_the_list_says_what_holds_and_who_uses_it(
    signed_in: SignIn, queries_at_most: Watch
) -> None:
    pricing_made(calendar=calendar_made())
    for number in range(5):
        calendar_made(name=f"Another {number}")
    client = signed_in("guadeloupe", Role.OPERATOR_ADMIN)
    client.get(CALENDARS)

    with queries_at_most(8):
        text = text_of(client.get(CALENDARS))

    row = plain(text.split(">Island 2026<")[1].split("</tr>")[0])
    assert "Guadeloupe Off-peak, Peak In force from 1 Jan" in row.replace(".", "")
    assert " GP " in row
    assert text.count("/delete") == 5


def test_the_week_is_drawn_for_the_season_of_today(signed_in: SignIn) -> None:
    pk = calendar_made()

    text = text_of(signed_in("guadeloupe").get(f"{CALENDARS}{pk}/edit"))

    assert 'data-season="Wet"' in text
    # Monday to Friday; a holiday is none of them.
    assert cells(text, "19:00–22:00: Peak, 310.50 €/MWh") == 5
    assert cells(text, "00:00–24:00: Off-peak, 120.00 €/MWh") == 3
    # 5 x 3 h of 168.
    assert "Peak 310.50 €/MWh 15 h a week" in plain(text)
    assert 'aria-current="date"><abbr title="Tuesday, today"' in text
    # Tuesday, 11:07: the 45th quarter hour.
    assert '<line x1="1" x2="2" y1="44" y2="44"/>' in text
    assert "Victor Schœlcher" in text or "Schoelcher" in text


def test_a_season_is_shown_and_rows_come_and_go_without_saving(signed_in: SignIn) -> None:
    pk = calendar_made()
    client = signed_in("guadeloupe")
    form = fields(text_of(client.get(f"{CALENDARS}{pk}/edit")))

    shown = text_of(client.post(f"{CALENDARS}{pk}/save", form | {"do": "show:s1"}))
    wider = text_of(client.post(f"{CALENDARS}{pk}/save", form | {"do": "window-add:s1d1"}))
    level = text_of(client.post(f"{CALENDARS}{pk}/save", form | {"do": "level-add"}))
    fewer = text_of(client.post(f"{CALENDARS}{pk}/save", form | {"do": "remove:s2"}))

    assert 'data-season="Dry"' in shown
    assert 'name="s1d1w1.start"' in wider
    assert 'data-focus="s1d1w1.start"' in wider
    assert 'name="l3.label"' in level
    assert "No season holds on 1 June." in fewer
    with operator_context("guadeloupe"):
        assert len(TouCalendar.objects.get().definition["periods"][0]["seasons"]) == 2


def test_two_windows_at_once_are_named_and_drawn(signed_in: SignIn) -> None:
    pk = calendar_made()
    client = signed_in("guadeloupe")
    form = fields(text_of(client.get(f"{CALENDARS}{pk}/edit")))
    form["s2d1.window"].append("s2d1w2")
    form |= {"s2d1w2.start": "21:00", "s2d1w2.end": "00:00", "s2d1w2.level": "l1"}

    answer = client.post(f"{CALENDARS}{pk}/save", form | {"do": "save"})

    text = text_of(answer)
    assert answer.status_code == 422
    beside = text.split('data-field="s2d1w2">')[1].split("</div>")[0]
    assert "Wet · Working days · 21:00–24:00: 21:00–24:00 overlaps 19:00–22:00 at 21:00." in beside
    assert cells(text, "21:00–22:00: two windows at once") == 5
    with operator_context("guadeloupe"):
        assert TouCalendar.objects.get().definition == DEFINITION


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"l2.price": "dear"}, "l2.price", "This is not a number."),
        ({"l2.label": "Off-peak"}, "l2.label", "Off-peak is given twice."),
        ({"s1.last_day": "32"}, "s1.last", "There is no such day."),
        ({"s1.name": ""}, "s1.name", "Something is missing here."),
        ({"s2d1.types": []}, "s2d1.types", "Choose the days"),
        ({"s2d1.default": ""}, "s2d1.windows", "No price holds at 00:00"),
        ({"s2d1w1.start": "19:05"}, "s2d1w1.start", "Times are on quarter hours."),
        ({"s2d1w1.level": ""}, "s2d1w1.level", "Choose a price level."),
        ({"s2d2.types": ["sunday"]}, "s2.plans", "The season has no windows for: Public holidays"),
        ({"name": ""}, "name", "Something is missing here."),
        ({"time_zone": "Moon/Base"}, "time_zone", "There is no such time zone."),
        ({"territory": "XX"}, "territory", "There is no such choice."),
        ({"added": "2026-07-21, soon"}, "added", "soon is not a date"),
        ({"added": "2026-07-21", "removed": "2026-07-21"}, "removed", "both added and removed"),
        ({"valid_to": "2025-01-01"}, "valid_to", "The end is not after the start."),
    ],
)
def test_what_is_wrong_with_a_calendar_stands_beside_the_field(
    signed_in: SignIn, changed: dict[str, Any], field: str, words: str
) -> None:
    pk = calendar_made()
    client = signed_in("guadeloupe")
    form = fields(text_of(client.get(f"{CALENDARS}{pk}/edit")))

    answer = client.post(f"{CALENDARS}{pk}/save", form | changed | {"do": "save"})

    assert answer.status_code == 422
    beside = text_of(answer).split(f'data-field="{field}">')[1].split("</div>")[0]
    assert words in beside


def test_a_calendar_in_use_gets_a_new_validity_and_keeps_its_past(signed_in: SignIn) -> None:
    pk = calendar_made()
    pricing_made(calendar=pk)
    client = signed_in("guadeloupe")
    text = text_of(client.get(f"{CALENDARS}{pk}/edit"))
    form = fields(text) | {"l2.price": "350", "do": "save"}

    today = client.post(f"{CALENDARS}{pk}/save", form | {"valid_from": "2026-11-24"})
    kept = client.post(f"{CALENDARS}{pk}/save", form | {"valid_from": "2026-12-01"})

    assert "The past is not rewritten" in text
    assert "Save as a new validity" in text
    assert form["valid_from"] == ["2026-11-25"]
    assert today.status_code == 422
    assert "A new validity starts after today." in text_of(today)
    assert kept.headers["Location"] == f"{CALENDARS}{pk}/edit"
    with operator_context("guadeloupe"):
        periods = TouCalendar.objects.get().definition["periods"]
    assert [(one["valid_from"], one["valid_to"]) for one in periods] == [
        ("2026-01-01", "2026-12-01"),
        ("2026-12-01", None),
    ]
    assert periods[0]["levels"][1]["price_eur_per_mwh"] == "310.50"
    assert periods[1]["levels"][1]["price_eur_per_mwh"] == "350"


def test_a_calendar_nobody_uses_is_changed_in_place(signed_in: SignIn) -> None:
    pk = calendar_made()
    client = signed_in("guadeloupe")
    form = fields(text_of(client.get(f"{CALENDARS}{pk}/edit")))

    client.post(f"{CALENDARS}{pk}/save", form | {"name": "Other", "do": "save"})

    with operator_context("guadeloupe"):
        calendar = TouCalendar.objects.get()
    assert (calendar.name, calendar.definition) == ("Other", DEFINITION)


def test_calendars_are_made_copied_and_deleted(signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", Role.OPERATOR_ADMIN)
    form = {"name": "New", "territory": "MQ", "time_zone": "America/Martinique"}

    made = client.post(f"{CALENDARS}add", form)
    again = client.post(f"{CALENDARS}add", form, follow=True)
    with operator_context("guadeloupe"):
        pk = TouCalendar.objects.get().pk
    client.post(f"{CALENDARS}{pk}/copy")
    client.post(f"{CALENDARS}{pk}/copy")
    pricing_made(calendar=pk)
    refused = client.post(f"{CALENDARS}{pk}/delete", follow=True)

    assert made.headers["Location"] == f"{CALENDARS}{pk}/edit"
    assert client.get(f"{CALENDARS}{pk}/edit").status_code == 200
    assert "New is taken." in text_of(again).replace("&#x27;", "'")
    assert "An island price uses this calendar." in text_of(refused)
    with operator_context("guadeloupe"):
        copy = TouCalendar.objects.get(name="New (2)")
        assert TouCalendar.objects.filter(name="New (3)").exists()
    client.post(f"{CALENDARS}{copy.pk}/delete")
    with operator_context("guadeloupe"):
        assert not TouCalendar.objects.filter(pk=copy.pk).exists()


# --- who may ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OPERATIONS, 200), (Role.ANALYST, 200), (Role.BILLING, 403), (Role.PARTNER_API, 403)],
)
def test_who_may_look(signed_in: SignIn, role: Role, status: int) -> None:
    pk = calendar_made()
    client = signed_in("guadeloupe", role)

    for path in (ISLAND, SETTINGS, CALENDARS, f"{CALENDARS}{pk}/edit"):
        assert client.get(path).status_code == status, path


def test_who_only_looks_finds_no_forms_and_changes_nothing(signed_in: SignIn) -> None:
    pk = calendar_made()
    pricing_made(calendar=pk)
    client = signed_in("guadeloupe", Role.ANALYST)

    for path in ("island/alerts/declare", "island/alerts/1/cancel", "island/settings/save",
                 "island/peaks/save", "island/peaks/1/remove", "island/units/save",
                 "island/units/1/remove", "island/factors/add", "island/factors/1/end",
                 "calendars/add", f"calendars/{pk}/save", f"calendars/{pk}/copy",
                 f"calendars/{pk}/delete"):  # fmt: skip
        assert client.post(f"/data/{path}").status_code == 403, path
    assert 'id="alert-form"' not in text_of(client.get(ISLAND))
    assert 'id="unit-form"' not in text_of(client.get(SETTINGS))
    editor = text_of(client.get(f"{CALENDARS}{pk}/edit"))
    assert 'id="calendar-fields" data-focus="" disabled' in editor
    assert 'value="save"' not in editor


def test_operators_see_and_change_their_own_only(signed_in: SignIn) -> None:
    pk = calendar_made()
    pricing_made(calendar=pk)
    day_priced()
    declared(signed_in("guadeloupe"))
    with operator_context("guadeloupe"):
        alert, peak = ScarcityAlert.objects.get().pk, PeakWindow.objects.get().pk
        pricing = IslandPricing.objects.get().pk
        unit_save(pricing_id=pricing, name="U", capacity_mw=Decimal(1),
                  marginal_cost_eur_per_mwh=Decimal(1))  # fmt: skip
        unit = GeneratingUnit.objects.get().pk
    other = signed_in("martinique", Role.OPERATOR_ADMIN)

    pages = [text_of(other.get(path)) for path in (f"{ISLAND}?day={DAY}", SETTINGS, CALENDARS)]
    answers = [
        other.post(f"/data/{path}").status_code
        for path in (f"calendars/{pk}/save", f"calendars/{pk}/copy", f"calendars/{pk}/delete")
    ]
    other.post(f"{ISLAND}alerts/{alert}/cancel")
    other.post(f"{ISLAND}peaks/{peak}/remove")
    other.post(f"{ISLAND}units/{unit}/remove")

    for page in pages:
        assert "Island 2026" not in page
        assert "Unit 3 tripped" not in page
        assert "Evening" not in page
    assert other.get(f"{CALENDARS}{pk}/edit").status_code == 404
    assert answers == [404, 404, 404]
    with operator_context("guadeloupe"):
        assert ScarcityAlert.objects.get().cancelled_at is None
        assert PeakWindow.objects.filter(pk=peak).exists()
        assert GeneratingUnit.objects.filter(pk=unit).exists()
        assert TouCalendar.objects.filter(pk=pk).exists()


def test_a_day_after_tomorrow_leads_on(signed_in: SignIn) -> None:
    pricing_made()

    text = text_of(signed_in("guadeloupe").get(f"{ISLAND}?day={DAY + timedelta(days=2)}"))

    assert 'rel="prev" href="?day=2026-11-25"' in text
    assert 'rel="next" href="?day=2026-11-27"' in text
    assert 'href="?day=2026-11-24"' in text
