"""The forecast page: the chart's figures, whose word is used, the skill, the state of each."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.assets.models import Site
from apps.assets.services import site_register
from apps.console.views import forecasts as views
from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.models import Forecast, ForecastChoice, ForecastRun, ForecastSkill
from apps.markets.choices import SeriesKind
from apps.tenants.context import operator_context
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.forecasting.scene import forecast_put, measure, publish
from tests.markets.pv.world import pv_device

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
Budget = Callable[[int], AbstractContextManager[None]]
PAGE = "/forecasts/"
MIDNIGHT = datetime(2026, 11, 23, 4, tzinfo=UTC)
"""Midnight in Guadeloupe; `now` is 11:07 there."""
DAY = timedelta(days=1)
PERSISTENCE, WEEKDAY = ForecastMethod.PERSISTENCE, ForecastMethod.WEEKDAY
FLEXMEASURES = ForecastMethod.FLEXMEASURES
PRICE, PV = ForecastQuantity.PRICE, ForecastQuantity.PV


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch, now: object) -> None:
    monkeypatch.setattr(views, "utc_now", lambda: now)


@pytest.fixture
def site(operator_a: object) -> Iterator[Site]:
    with operator_context("guadeloupe"):
        pv_device("pv-1")
        yield Site.objects.get()


def text_of(client: Client, query: str = "") -> str:
    reply = client.get(PAGE + query)
    assert reply.status_code == 200
    return reply.content.decode().replace("\xa0", " ")


def chart_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script id="plot-data"[^>]*>(.*?)</script>', text, re.S)
    assert found is not None
    chart: dict[str, Any] = json.loads(found.group(1))
    return chart


def row_of(text: str, method: ForecastMethod) -> str:
    return text.split(f'<tr data-method="{method}"')[1].split("</tr>")[0]


def skill(
    site: Site, method: ForecastMethod, mae: float, now: datetime, **more: Any
) -> ForecastSkill:
    fields = {
        "quantity": PRICE, "horizon_from_h": 6, "horizon_to_h": 24, "slot_count": 1200,
        "bias": 0.5, "rmse": mae, "in_band_share": 0.8, "computed_at": now,
    } | more  # fmt: skip
    return ForecastSkill.objects.create(site=site, method=method, mae=mae, **fields)


def test_the_past_is_as_expected_at_midnight_and_the_rest_as_expected_now(
    site: Site, signed_in: SignIn, now: datetime
) -> None:
    publish(SeriesKind.PRICE, lambda _slot: 120.0, start=MIDNIGHT, end=MIDNIGHT + DAY)
    forecast_put(site, PERSISTENCE, [100.0] * 192, made_at=MIDNIGHT)
    forecast_put(site, PERSISTENCE, [110.0] * 192, made_at=MIDNIGHT + timedelta(hours=11))
    ForecastChoice.objects.create(site=site, quantity=PRICE, method=PERSISTENCE, since=MIDNIGHT)

    text = text_of(signed_in("guadeloupe"), "?quantity=price")

    chart = chart_of(text)
    # 11 h are over: 44 quarter hours; then 48 h from 11:00.
    assert chart["values"] == [100.0] * 44 + [110.0] * 192 + [None]
    assert chart["qualities"] == ["estimated"] * 44 + ["forecast"] * 192 + [None]
    assert chart["measured"][:45] == [120.0] * 44 + [None]
    assert (chart["unit"], chart["low"]) == ("€/MWh", [])
    assert "Used: As yesterday" in text
    assert "There are not enough days yet to judge by" in text
    assert '<td class="number">100.00 €/MWh</td>' in text


def test_production_is_shown_as_positive_with_its_band(site: Site, signed_in: SignIn) -> None:
    forecast_put(site, PERSISTENCE, [], made_at=MIDNIGHT, quantity=PV)
    Forecast.objects.update(points=[[-40.0, -50.0, -10.0]] * 192, end=MIDNIGHT + 2 * DAY)
    measure(
        [site.devices.get()],
        lambda _slot: -42.5, start=MIDNIGHT, end=MIDNIGHT + QUARTER_HOUR,
    )  # fmt: skip

    chart = chart_of(text_of(signed_in("guadeloupe"), "?quantity=pv"))

    assert (chart["values"][0], chart["low"][0], chart["high"][0]) == (40.0, 10.0, 50.0)
    assert chart["measured"][0] == 42.5


def test_skill_is_told_against_the_baseline(site: Site, signed_in: SignIn, now: datetime) -> None:
    publish(SeriesKind.PRICE, lambda _slot: 120.0, start=MIDNIGHT, end=MIDNIGHT + QUARTER_HOUR)
    forecast_put(site, FLEXMEASURES, [100.0] * 192, made_at=MIDNIGHT)
    skill(site, PERSISTENCE, 10.0, now)
    skill(site, FLEXMEASURES, 6.0, now, bias=-1.25)
    ForecastChoice.objects.create(
        site=site, quantity=PRICE, method=FLEXMEASURES, since=now, mae=6.0, baseline_mae=10.0
    )

    text = text_of(signed_in("guadeloupe"), "?quantity=price")

    lines = text.split('id="skill-title"')[1].split("<tbody>")[1].split("<tr")[1:]
    assert len(lines) == 2
    assert "6 to 24 h ahead" in lines[0]
    for words in ("FlexMeasures", "6.00 €/MWh", "−40 %", "−1.25 €/MWh", "80 %", "1,200", "Used"):
        assert words in lines[1], words
    assert "error −40 % against the baseline" in text
    assert "Mean error 6.00 €/MWh, 10.00 €/MWh of the baseline" in text


def test_bias_of_the_sun_is_that_of_its_production(
    site: Site, signed_in: SignIn, now: datetime
) -> None:
    skill(site, PERSISTENCE, 3.0, now, quantity=PV, bias=-2.0)

    assert '<td data-label="Bias" class="number">2.0 kW</td>' in text_of(
        signed_in("guadeloupe"), "?quantity=pv"
    )


def test_each_method_says_how_far_it_is(site: Site, signed_in: SignIn, now: datetime) -> None:
    client = signed_in("guadeloupe")
    forecast_put(site, PERSISTENCE, [1.0] * 192, made_at=MIDNIGHT, quantity=PV)
    ForecastChoice.objects.create(site=site, quantity=PV, method=PERSISTENCE, since=now)
    for method, reason, detail in (
        (PERSISTENCE, "", ""),
        (WEEKDAY, "too_little_history", "3/7"),
        (FLEXMEASURES, "rate_limited", ""),
    ):
        ForecastRun.objects.create(
            site=site, quantity=PV, method=method, tried_at=now, reason_code=reason, detail=detail,
            lease_until=now + DAY if method == FLEXMEASURES else None,
        )  # fmt: skip

    text = text_of(client, "?quantity=pv")

    assert "Used" in row_of(text, PERSISTENCE)
    assert "23 Nov 00:00" in row_of(text, PERSISTENCE)
    assert "Waiting" in row_of(text, WEEKDAY)
    assert "Too little history: 3 of 7 days" in row_of(text, WEEKDAY)
    assert "Never run" in row_of(text, ForecastMethod.PVLIB)
    assert "Failed" in row_of(text, FLEXMEASURES)
    assert "FlexMeasures accepts no more requests for now" in row_of(text, FLEXMEASURES)

    ForecastRun.objects.filter(method=FLEXMEASURES).update(reason_code="")
    assert "Being computed" in row_of(text_of(client, "?quantity=pv"), FLEXMEASURES)


def test_one_method_can_be_looked_at_alone(site: Site, signed_in: SignIn) -> None:
    publish(SeriesKind.PRICE, lambda _slot: 120.0, start=MIDNIGHT, end=MIDNIGHT + QUARTER_HOUR)
    forecast_put(site, PERSISTENCE, [100.0] * 192, made_at=MIDNIGHT)
    forecast_put(site, WEEKDAY, [90.0] * 192, made_at=MIDNIGHT)
    client = signed_in("guadeloupe")

    alone = text_of(client, "?quantity=price&method=persistence")
    unknown = text_of(client, "?quantity=price&method=guess")

    assert chart_of(alone)["values"][0] == 100.0
    assert 'data-method="persistence"' in alone
    assert chart_of(unknown)["values"][0] == 90.0


def test_a_day_that_is_over_is_that_day_alone(site: Site, signed_in: SignIn) -> None:
    publish(SeriesKind.PRICE, lambda _slot: 120.0, start=MIDNIGHT - DAY, end=MIDNIGHT)

    chart = chart_of(text_of(signed_in("guadeloupe"), "?quantity=price&day=2026-11-22"))

    assert len(chart["values"]) == 97
    assert chart["measured"] == [120.0] * 96 + [None]
    assert chart["values"] == [None] * 97


@pytest.mark.parametrize("query", ["?quantity=x&day=x&method=x", "?day=9999-12-31", "?quantity=pv"])
def test_what_was_typed_wrong_is_today(site: Site, signed_in: SignIn, query: str) -> None:
    text = text_of(signed_in("guadeloupe"), query)

    assert "Monday 23 November 2026" in text
    assert "Nothing was forecast or measured on this day." in text


def test_a_site_without_a_grid_meter_has_no_load(site: Site, signed_in: SignIn) -> None:
    text = text_of(signed_in("guadeloupe"), "?quantity=load")

    assert "The site has no meter at its grid connection" in text


def test_another_site_is_chosen_by_its_number(site: Site, signed_in: SignIn) -> None:
    other = site_register(code="second", name="Second site", latitude=16.0, longitude=-61.0)
    forecast_put(other, PERSISTENCE, [1.0], made_at=MIDNIGHT)
    client = signed_in("guadeloupe")

    text = text_of(client, f"?site={other.pk}")

    assert f'<option value="{other.pk}" selected>Second site</option>' in text
    assert client.get(f"{PAGE}?site=999999").status_code == 404


def test_without_a_site_there_is_nothing(operator_a: object, signed_in: SignIn) -> None:
    assert "There is no site yet" in text_of(signed_in("guadeloupe"))


def test_the_page_keeps_its_budget(
    site: Site, signed_in: SignIn, queries_at_most: Budget, now: datetime
) -> None:
    publish(SeriesKind.PRICE, lambda _slot: 120.0, start=MIDNIGHT - DAY, end=MIDNIGHT)
    for method in (PERSISTENCE, WEEKDAY, FLEXMEASURES):
        for days in range(3):
            forecast_put(site, method, [1.0] * 192, made_at=MIDNIGHT - days * DAY)
        skill(site, method, 1.0, now)
    client = signed_in("guadeloupe")

    with queries_at_most(34):
        text_of(client, "?quantity=price")


def test_who_may_not_see_energy_is_refused(site: Site, signed_in: SignIn) -> None:
    assert signed_in("guadeloupe", Role.ANALYST).get(PAGE).status_code == 200
    assert signed_in("guadeloupe", Role.BILLING).get(PAGE).status_code == 403


def test_other_operators_forecasts_are_not_shown(site: Site, signed_in: SignIn) -> None:
    forecast_put(site, PERSISTENCE, [77.0] * 192, made_at=MIDNIGHT, quantity=PV)
    with operator_context("martinique"):
        theirs = site_register(code="m", name="Martinique", latitude=14.6, longitude=-61.0)
        assert not Forecast.objects.exists()

    text = text_of(signed_in("martinique"), f"?site={theirs.pk}")

    assert "77" not in text.split("<main")[1].split("Quarter")[0].replace("1777", "")
    assert "Nothing was forecast or measured on this day." in text or "no meter" in text


def test_the_words_are_those_of_the_reader(site: Site, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    for language in ("fr", "en", "es"):
        client.cookies["django_language"] = language

        assert text_of(client, "?quantity=pv")
