"""The schedule of a day as a page, its figures as JSON, and the panel of reasons."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta

import orjson
import pytest
from django.test import Client
from django.utils import translation

from apps.accounts.roles import Role
from apps.assets.models import Site
from apps.console.plan_words import SENTENCES, TITLES
from apps.console.views import schedule as views
from apps.flexibility.choices import ReplanReason
from apps.flexibility.explaining import Code
from apps.flexibility.models import ReplanCall
from apps.flexibility.services.grid_requests import grid_request_add
from apps.tenants.context import operator_context
from tests.flexibility import day_scene
from tests.flexibility.conftest import NOW, SLOT, Island, island_make

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
Budget = Callable[[int], AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "utc_now", lambda: NOW + timedelta(minutes=1))


@pytest.fixture
def island(operator_a: object) -> Iterator[Island]:
    with operator_context("guadeloupe"):
        island = island_make()
        day_scene.plans(island)
        yield island


def text_of(client: Client, path: str = "/plan/") -> str:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return reply.content.decode().replace("\xa0", " ")


def slot_row(text: str, number: int) -> list[str]:
    """The cells of a quarter hour of the table."""
    row = text.split(f'<tr data-slot="{number}"')[1].split("</tr>")[0]
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
    return [re.sub(r"<[^>]+>", "", cell) for cell in cells]


def test_a_day_is_shown_as_a_table_too(island: Island, signed_in: SignIn) -> None:
    text = text_of(signed_in("guadeloupe"))

    # 08:00 in Guadeloupe; both batteries 20 kW, the slot before ends at 51 %.
    assert slot_row(text, day_scene.NOW_SLOT) == [
        "08:00", "40.0 kW", "0.0 kW", "51 %", "–", "40.00 €/MWh", "500 g/kWh",
        "−100.0 kW … 100.0 kW",
    ]  # fmt: skip
    assert slot_row(text, 0)[1:3] == ["–", "–"]
    assert re.search(r'href="/plan/"[^>]* aria-current="page"', text)
    assert "Today's plan" in text
    assert text.count("<tr data-slot=") == 96


def test_the_line_chosen_is_shown_and_explained(island: Island, signed_in: SignIn) -> None:
    later = day_scene.NOW_SLOT + 8

    text = text_of(signed_in("guadeloupe"), f"/plan/?device=device-{island.bat_1.pk}&slot={later}")

    assert slot_row(text, later)[1] == "20.0 kW"
    panel = text.split('id="schedule-why"')[1].split("</section>")[0]
    assert re.findall(r'data-fact="(\w+)"', panel) == [
        "charges", "price_rank", "sun_stored", "bought",
    ]  # fmt: skip
    assert "A MWh costs 80.00 €/MWh: number 5 from the cheapest of 96." in panel
    assert "12.5 kW come from the 25.0 kW of sun that nothing else needs." in panel
    assert "10:00 – 10:15" in panel


def test_the_days_plans_are_told_with_their_outcome(island: Island, signed_in: SignIn) -> None:
    text = text_of(signed_in("guadeloupe"))

    table = text.split('id="plans-title"')[1].split("</section>")[0]
    rows = [re.sub(r"<[^>]+>|\s+", " ", row) for row in table.split("<tr data-plan=")[1:]]
    assert len(rows) == 3
    assert "Failed" in rows[0]
    assert "FlexMeasures cannot be reached" in rows[0]
    assert "1 wish could not be met" in rows[0]
    assert "New prices" in rows[1]
    assert "12.5 s" in rows[1]


def test_set_points_and_requests_are_listed(island: Island, signed_in: SignIn) -> None:
    day_scene.setpoint(island)
    grid_request_add(
        site_id=island.site.pk, kind="import_limit", limit_kw=60.0, now=NOW,
        start=SLOT + timedelta(hours=1), end=SLOT + timedelta(hours=2),
    )  # fmt: skip

    text = text_of(signed_in("guadeloupe"), "/plan/?device=site")

    assert "Draw at most 60.0 kW" in text
    assert slot_row(text, day_scene.NOW_SLOT + 4)[-1] == "−500.0 kW … 60.0 kW"
    assert f'data-setpoint="{island.bat_1.pk}"' in text


def test_the_charts_figures_are_served_as_json(island: Island, signed_in: SignIn) -> None:
    reply = signed_in("guadeloupe").get("/plan/day?day=2026-03-12")
    chart = orjson.loads(reply.content)

    assert reply.headers["Cache-Control"] == "no-store"
    assert chart["start_s"] == int((day_scene.DAY_START + timedelta(days=1)).timestamp())
    assert len(chart["times_s"]) == 96
    by_key = {course["key"]: course for course in chart["courses"]}
    assert by_key["batteries"]["planned_kw"][:2] == [40.0, 40.0]
    # PV is shown as production.
    assert by_key["pv"]["planned_kw"][0] == 40.0
    assert by_key["site"]["lower_kw"][0] == -500.0
    assert [course["is_explained"] for course in chart["courses"]] == [
        False, True, True, False, False, True, True,
    ]  # fmt: skip


def test_a_reason_is_served_as_a_part(island: Island, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")

    text = text_of(client, f"/plan/why?device=device-{island.bat_1.pk}&at=2026-03-11T12:07:00Z")

    assert "<html" not in text
    assert 'data-fact="charges"' in text


@pytest.mark.parametrize(
    "path",
    [
        "/plan/why", "/plan/why?device=pv", "/plan/why?device=device-0&at=2026-03-11T12:00:00Z",
        "/plan/why?device=pv&at=0001-01-01T00:00:00Z", "/plan/why?device=pv&at=yesterday",
        "/plan/?site=999", "/plan/day?site=999", "/plan/day?day=9999-12-31",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(path: str, island: Island, signed_in: SignIn) -> None:
    assert signed_in("guadeloupe").get(path).status_code == 404


@pytest.mark.parametrize(
    "query",
    ["day=x", "day=9999-12-31", "device=nothing", "slot=96", "slot=-1", "slot=x", "site=x",
     "device=" + "x" * 500],
)  # fmt: skip
def test_a_strange_query_shows_today(query: str, island: Island, signed_in: SignIn) -> None:
    assert 'id="schedule"' in text_of(signed_in("guadeloupe"), f"/plan/?{query}")


def test_another_day_says_so_and_leads_back(island: Island, signed_in: SignIn) -> None:
    text = text_of(signed_in("guadeloupe"), "/plan/?day=2026-03-12")

    assert "Plan of a day" in text
    assert "plan-again" not in text
    assert "day=2026-03-11" in text
    assert "day=2026-03-13" in text


def test_without_a_site_there_is_nothing_to_plan(operator_a: object, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")

    assert "There is no site yet" in text_of(client)
    assert client.get("/plan/day").status_code == 404


def test_a_plan_is_asked_for_again(island: Island, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")

    reply = client.post("/plan/again", {"site": island.site.pk})

    call = ReplanCall.objects.get()
    assert (reply.status_code, reply.headers["Location"]) == (302, f"/plan/?site={island.site.pk}")
    assert (call.reason, call.detail) == (ReplanReason.OPERATOR, "somebody")
    assert "A new plan has been asked for." in text_of(client)


@pytest.mark.parametrize("site", ["", "999", "x", "9" * 30])
def test_a_plan_of_no_site_is_refused(site: str, island: Island, signed_in: SignIn) -> None:
    reply = signed_in("guadeloupe").post("/plan/again", {"site": site})

    assert (reply.status_code, ReplanCall.objects.count()) == (302, 0)


def test_who_may_not_plan_has_no_button(island: Island, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", Role.ANALYST)

    assert "plan-again" not in text_of(client)
    assert client.post("/plan/again", {"site": island.site.pk}).status_code == 403
    assert client.get("/plan/again").status_code == 405
    assert ReplanCall.objects.count() == 0


def test_a_stranger_is_sent_to_the_log_in(operator_a: object) -> None:
    client = Client(headers={"host": "guadeloupe.localhost"})

    for path in ("/plan/", "/plan/day", "/plan/why"):
        assert client.get(path).headers["Location"] == f"/login/?next={path}"
    assert client.post("/plan/again").status_code == 302


def test_another_operator_sees_none_of_it(island: Island, signed_in: SignIn) -> None:
    other = signed_in("martinique")
    asked = f"device=device-{island.bat_1.pk}&at=2026-03-11T12:00:00Z"

    assert "bat_1" not in text_of(other)
    assert other.get(f"/plan/?site={island.site.pk}").status_code == 404
    assert other.get(f"/plan/day?site={island.site.pk}").status_code == 404
    assert other.get(f"/plan/why?site={island.site.pk}&{asked}").status_code == 404
    assert other.get(f"/plan/why?{asked}").status_code == 404
    other.post("/plan/again", {"site": island.site.pk})
    with operator_context("guadeloupe"):
        assert ReplanCall.objects.count() == 0
    with operator_context("martinique"):
        assert (ReplanCall.objects.count(), Site.objects.count()) == (0, 0)


def test_the_page_keeps_its_budget(
    island: Island, signed_in: SignIn, queries_at_most: Budget
) -> None:
    client = signed_in("guadeloupe")
    text_of(client)

    # Operator, session, user, roles, rights 2; the day 22, its sites, why 15.
    with queries_at_most(44):
        text_of(client, f"/plan/?device=device-{island.bat_1.pk}")
    with queries_at_most(28):
        client.get("/plan/day")


@pytest.mark.parametrize("code", Code)
def test_every_fact_has_words(code: Code) -> None:
    with translation.override("en"):
        assert str(TITLES[code])
        assert code in (Code.PRICE_RANK, Code.WAITS_FOR) or str(SENTENCES[code])
