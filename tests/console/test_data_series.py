"""The pages of series: the list, one series, its values as a file, what may be changed there."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.console.views import data_series
from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.models import Series, SeriesValue
from apps.markets.selectors.pages import Freshness, series_freshness
from apps.markets.services.series import (
    GivenValue,
    fallback_declare,
    series_ensure,
    series_lead,
    values_store,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.units import QUARTER_HOUR
from tests.console.data_scene import (
    MIDNIGHT,
    PUBLISHED,
    forecast_build,
    given,
    key,
    price_build,
)

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
Budget = Callable[[int], AbstractContextManager[None]]
DAY = "span=day&day=2026-11-23"


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(data_series, "utc_now", lambda: now)


@pytest.fixture
def here(operator_a: object) -> Iterator[None]:
    with operator_context("guadeloupe"):
        yield


def address(series: Series, rest: str = "") -> str:
    return f"/data/series/{series.pk}/{rest}"


def text_of(client: Client, path: str) -> str:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return reply.content.decode()


def chart_of(text: str) -> Any:
    return json.loads(text.split('<script id="plot-data" type="application/json">')[1]
                      .split("</script>")[0])  # fmt: skip


def row_of(text: str, pk: int) -> str:
    return text.split(f'data-series="{pk}"')[1].split("</tr>")[0]


def test_the_list_tells_newest_value_age_quality_and_state(here: None, signed_in: SignIn) -> None:
    price = price_build()
    empty = series_ensure(key(SeriesKind.LOAD))
    client = signed_in("guadeloupe")

    text = text_of(client, "/data/")

    # Known until the local midnight, 13 h ahead: fresh. The last slot is 100 + 95.
    row = row_of(text, price.pk)
    assert 'data-state="fresh"' in row
    assert "Up to date" in row
    assert "195.00\u00a0€/MWh" in row
    assert "Published" in row
    assert "published 27 h ago" in row
    assert "followed" in row
    assert "<path d=" in row
    row = row_of(text, empty.pk)
    assert 'data-state="empty"' in row
    assert "No values yet" in row


@pytest.mark.parametrize(
    ("query", "found"),
    [("", 4), ("kind=price", 1), ("source=island", 3), ("q=p9", 1), ("q=GP&kind=load", 0),
     ("kind=nonsense", 4), ("page=99", 4)],
)  # fmt: skip
def test_the_list_is_filtered(here: None, signed_in: SignIn, query: str, found: int) -> None:
    price_build()
    forecast_build()

    assert text_of(signed_in("guadeloupe"), f"/data/?{query}").count("data-series=") == found


def test_the_list_keeps_its_budget_and_its_pages(
    here: None, signed_in: SignIn, queries_at_most: Budget
) -> None:
    for n in range(30):
        series = series_ensure(key(SeriesKind.GENERATION, variant=f"fuel-{n:02}"))
        values_store(series=series, values=given(MIDNIGHT, 8), published_at=PUBLISHED)
    client = signed_in("guadeloupe")
    text_of(client, "/data/")

    # Operator, session, user, roles, rights 2; count, series, newest values, followed.
    with queries_at_most(10):
        text = text_of(client, "/data/")

    assert text.count("data-series=") == 25
    assert text_of(client, "/data/?page=2").count("data-series=") == 5


@pytest.mark.parametrize(
    ("kind", "variant", "hours", "state"),
    [
        ("price", "", 2, "fresh"), ("price", "", 1, "late"), ("price", "", 0, "stale"),
        ("pv_production", "p50", 3, "fresh"), ("load", "day_ahead", 1, "late"),
        ("load", "", -3, "fresh"), ("load", "", -4, "late"), ("generation", "oil", -25, "stale"),
        ("production_cost", "", -24 * 60, "fresh"), ("production_cost", "", -24 * 63, "late"),
        ("price", "", None, "empty"),
    ],
)  # fmt: skip
def test_a_series_is_as_fresh_as_its_kind_asks(
    kind: str, variant: str, hours: int | None, state: str, now: datetime
) -> None:
    until = None if hours is None else now + timedelta(hours=hours)

    found = series_freshness(kind=kind, variant=variant, known_until=until, now=now)

    assert found == Freshness(state)


def test_a_series_shows_slots_gaps_and_publications(here: None, signed_in: SignIn) -> None:
    series = price_build()
    # The hour that is missing, 14:00 to 15:00 UTC, was 7 a day before.
    yesterday = MIDNIGHT - timedelta(days=1) + 40 * QUARTER_HOUR
    values_store(
        series=series,
        values=[GivenValue(yesterday + n * QUARTER_HOUR, Decimal(7)) for n in range(3)],
        published_at=PUBLISHED - timedelta(days=1),
    )

    text = text_of(signed_in("guadeloupe"), f"{address(series)}?{DAY}")

    assert text.count("data-slot=") == 96
    first = text.split('data-slot="2026-11-23T04:00:00+00:00"')[1].split("</tr>")[0]
    assert "90.50\u00a0€/MWh" in first
    assert "2 publications" in first
    filled = text.split('data-slot="2026-11-23T14:00:00+00:00"')[1].split("</tr>")[0]
    assert "7.00\u00a0€/MWh" in filled
    assert 'data-state="estimated"' in filled
    assert "same time of an earlier day" in filled
    missing = text.split('data-slot="2026-11-23T14:45:00+00:00"')[1].split("</tr>")[0]
    assert "no data" in missing
    assert "92 of 96 slots known" in text
    assert "3 gaps filled" in text
    assert "1 slot without a value" in text


def test_the_chart_has_every_slot_with_how_sure_it_is(
    here: None, signed_in: SignIn, now: datetime
) -> None:
    series = price_build()

    chart = chart_of(text_of(signed_in("guadeloupe"), f"{address(series)}?{DAY}"))

    assert len(chart["times_s"]) == 97
    assert chart["times_s"][0] == MIDNIGHT.timestamp()
    assert chart["values"][:3] == [90.5, 101.0, 102.0]
    assert chart["qualities"][0] == "actual"
    assert chart["qualities"][40:44] == [None] * 4
    start = (MIDNIGHT + 40 * QUARTER_HOUR).timestamp()
    assert chart["gaps"] == [[start, start + 3600]]
    assert (chart["unit"], chart["decimals"], chart["now_s"]) == ("€/MWh", 2, now.timestamp())
    assert chart["low"] == []


def test_percentiles_are_a_band_around_the_middle(here: None, signed_in: SignIn) -> None:
    found = forecast_build()
    client = signed_in("guadeloupe")

    middle = chart_of(text_of(client, f"{address(found['p50'])}?{DAY}"))
    low = chart_of(text_of(client, f"{address(found['p10'])}?{DAY}"))

    assert (middle["low"][0], middle["values"][0], middle["high"][0]) == (10.0, 20.0, 30.0)
    assert (low["low"][0], low["values"][0], low["high"][0]) == (10.0, 10.0, 30.0)


def test_what_was_known_at_a_moment_is_shown(here: None, signed_in: SignIn) -> None:
    series = price_build()
    client = signed_in("guadeloupe")

    # 13:00 UTC, an hour after the first publication and an hour before the second.
    text = text_of(client, f"{address(series)}?{DAY}&as_of=2026-11-22T09:00")
    before = text_of(client, f"{address(series)}?{DAY}&as_of=2026-11-22T07:59")

    assert chart_of(text)["values"][0] == 100.0
    assert "What was known on 22 Nov 2026, 09:00" in text.replace("Nov.", "Nov")
    assert chart_of(before)["values"][0] is None


def test_every_publication_of_a_slot_is_told(here: None, signed_in: SignIn) -> None:
    series = price_build()

    text = text_of(
        signed_in("guadeloupe"), f"{address(series)}?{DAY}&slot=2026-11-23T04:00:00%2B00:00"
    )

    part = text.split('id="revisions"')[1].split("</section>")[0]
    assert part.count("data-revision=") == 2
    assert part.index("90.50") < part.index("100.00")
    nothing = text_of(
        signed_in("guadeloupe"), f"{address(series)}?{DAY}&slot=2026-11-23T14:00:00%2B00:00"
    )
    assert "Nothing was published for this slot." in nothing


def test_a_week_is_paged_by_day(here: None, signed_in: SignIn) -> None:
    series = price_build()
    client = signed_in("guadeloupe")

    text = text_of(client, f"{address(series)}?span=week&day=2026-11-20&page=4")

    assert len(chart_of(text)["times_s"]) == 7 * 96 + 1
    assert text.count("data-slot=") == 96
    assert 'data-slot="2026-11-23T04:00:00+00:00"' in text
    assert "day=2026-11-13" in text
    assert "day=2026-11-27" in text


@pytest.mark.parametrize(
    "query", ["day=x", "span=year", "as_of=soon", "slot=x", "slot=2026-11-23T04:00", "page=0",
              "day=9999-12-31&span=week", "as_of=0001-01-01T00:00", "day=0001-01-01"]
)  # fmt: skip
def test_a_query_that_cannot_be_read_is_today(here: None, signed_in: SignIn, query: str) -> None:
    series = price_build()

    assert text_of(signed_in("guadeloupe"), f"{address(series)}?{query}").count("data-slot=") == 96


def test_values_are_downloaded_as_they_are_shown(here: None, signed_in: SignIn) -> None:
    series = price_build()

    reply = signed_in("guadeloupe").get(address(series, f"values.csv?{DAY}"))
    rows = list(csv.DictReader(io.StringIO(reply.content.decode())))

    assert reply.headers["Content-Disposition"] == (
        'attachment; filename="price-GP-entsoe-20261123-1d.csv"'
    )
    assert len(rows) == 96
    assert rows[0] == {
        "start_utc": "2026-11-23T04:00:00Z", "start_local": "2026-11-23T00:00-04:00",
        "value": "90.5", "unit": "EUR/MWh", "quality": "actual", "origin": "entsoe",
        "filled": "", "published_at": "2026-11-22T14:00:00Z",
    }  # fmt: skip
    assert rows[40]["value"] == ""


def test_a_series_keeps_its_budget(here: None, signed_in: SignIn, queries_at_most: Budget) -> None:
    series = forecast_build()["p50"]
    client = signed_in("guadeloupe")
    text_of(client, f"{address(series)}?{DAY}")

    # Operator, session, user, roles, rights 2; series, own, steps, filled, counts, siblings, band,
    # newest 2, steps of the form, candidates, followed.
    with queries_at_most(18):
        text_of(client, f"{address(series)}?{DAY}&span=week")


def test_a_series_is_followed_once_it_is_chosen(here: None, signed_in: SignIn) -> None:
    leading = price_build()
    series_lead(series_id=leading.pk)
    other = series_ensure(key(SeriesKind.PRICE, Feed.ENERGY_CHARTS))
    client = signed_in("guadeloupe")
    assert f'action="{address(other, "follow")}"' in text_of(client, address(other))

    for _twice in range(2):
        reply = client.post(address(other, "follow"), {"span": "week", "day": "2026-11-20"})

    assert reply.headers["Location"] == f"{address(other)}?span=week&day=2026-11-20"
    assert list(Series.objects.filter(is_leading=True)) == [other]
    assert f'action="{address(other, "follow")}"' not in text_of(client, address(other))


def test_a_forecast_of_one_plant_is_nothing_to_follow(here: None, signed_in: SignIn) -> None:
    series = forecast_build()["p10"]

    assert "/follow" not in text_of(signed_in("guadeloupe"), address(series))


def test_a_chain_is_declared_and_shown(here: None, signed_in: SignIn) -> None:
    series = price_build()
    other = series_ensure(key(SeriesKind.PRICE, Feed.ENERGY_CHARTS))
    values_store(series=other, values=given(MIDNIGHT, 96, "50"), published_at=PUBLISHED)
    load = series_ensure(key(SeriesKind.LOAD))
    client = signed_in("guadeloupe")
    page = text_of(client, f"{address(series)}?{DAY}")
    assert f'<option value="{other.pk}"' in page
    assert f'<option value="{load.pk}"' not in page

    client.post(
        address(series, "fallback"), {"step": [str(other.pk), "", "earlier_days"], "day": "x"}
    )
    text = text_of(client, f"{address(series)}?{DAY}")

    chain = [(step.method, step.other_id) for step in series.fallback_steps.all()]
    assert chain == [("series", other.pk), ("earlier_days", None)]
    filled = text.split('data-slot="2026-11-23T14:00:00+00:00"')[1].split("</tr>")[0]
    # The 41st of the other series: 50 + 40.
    assert "90.00\u00a0€/MWh" in filled
    assert 'data-state="fallback"' in filled
    assert "filled from Energy-Charts" in filled


@pytest.mark.parametrize("wrong", ["load", "itself", "twice", "unknown"])
def test_a_chain_that_cannot_be_is_refused(here: None, signed_in: SignIn, wrong: str) -> None:
    series = price_build()
    load = series_ensure(key(SeriesKind.LOAD))
    fallback_declare(series=series, others=[None])
    steps = {
        "load": [str(load.pk)], "itself": [str(series.pk)],
        "twice": ["earlier_days", "earlier_days"], "unknown": ["999999"],
    }[wrong]  # fmt: skip

    reply = signed_in("guadeloupe").post(address(series, "fallback"), {"step": steps}, follow=True)

    assert "banner tone-bad" in reply.content.decode()
    assert [step.method for step in series.fallback_steps.all()] == ["earlier_days"]


def test_who_may_only_look_changes_nothing(here: None, signed_in: SignIn) -> None:
    series = price_build()
    other = series_ensure(key(SeriesKind.PRICE, Feed.ENERGY_CHARTS))
    client = signed_in("guadeloupe", Role.ANALYST)

    text = text_of(client, address(other))

    assert "/follow" not in text
    assert "/fallback" not in text
    assert client.post(address(other, "follow")).status_code == 403
    assert client.post(address(series, "fallback"), {"step": ["earlier_days"]}).status_code == 403
    assert list(Series.objects.filter(is_leading=True)) == []
    assert client.get(address(other, "follow")).status_code == 405
    assert signed_in("guadeloupe", Role.PARTNER_API).get("/data/").status_code == 403


def test_billing_staff_do_not_see_series(here: None, signed_in: SignIn) -> None:
    series = price_build()
    client = signed_in("guadeloupe", Role.BILLING)

    for path in ("/data/", address(series), address(series, "values.csv")):
        assert client.get(path).status_code == 403


def test_another_operators_series_is_not_found(here: None, signed_in: SignIn) -> None:
    series = price_build()
    client = signed_in("martinique")

    assert "data-series=" not in text_of(client, "/data/")
    for path in (address(series), address(series, "values.csv")):
        assert client.get(path).status_code == 404
    for act in ("follow", "fallback"):
        assert client.post(address(series, act), {"step": ["earlier_days"]}).status_code == 404


def test_nothing_is_inline(here: None, signed_in: SignIn) -> None:
    series = forecast_build()["p50"]

    for path in ("/data/", f"{address(series)}?{DAY}"):
        text = text_of(signed_in("guadeloupe"), path)
        assert " style=" not in text
        assert "<script>" not in text
        assert not re.search(r"\{\{|\{%|%\(\w+\)s", text)


def test_a_day_of_a_zone_with_summer_time_has_92_slots(here: None, signed_in: SignIn) -> None:
    Operator.objects.filter(schema_name="guadeloupe").update(time_zone="Europe/Paris")
    series = series_ensure(key(SeriesKind.PRICE, market_time_zone="Europe/Paris"))
    first = datetime(2026, 3, 28, 23, tzinfo=UTC)
    values_store(series=series, values=given(first, 92), published_at=PUBLISHED)

    text = text_of(signed_in("guadeloupe"), f"{address(series)}?span=day&day=2026-03-29")

    assert text.count("data-slot=") == 92
    assert "92 of 92 slots known" in text
    assert SeriesValue.objects.filter(series=series, quality=Quality.ACTUAL).count() == 92
