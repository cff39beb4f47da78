"""The policy of a site and its requests of the grid as a page."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from apps.accounts.roles import Role
from apps.console.plan_words import OBJECTIVE_SENTENCES
from apps.console.viewmodels.policy import policy_fields, stored_texts
from apps.console.views import policy as views
from apps.flexibility.choices import Objective
from apps.flexibility.models import GridRequest, ReplanCall, SitePolicy
from apps.flexibility.refusal_words import REFUSALS
from apps.flexibility.services.grid_requests import grid_request_add, grid_request_cancel
from apps.tenants.context import operator_context
from tests.flexibility.conftest import NOW, SLOT, Island, island_make

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
Budget = Callable[[int], AbstractContextManager[None]]
PAGE = "/plan/policy/"
FORM = {
    "objective": "evening_peak", "feed_in_margin_eur_per_mwh": "12,5",
    "co2_price_eur_per_t": "1 000", "peak_price_eur_per_kw": "0", "evening_from": "17:30",
    "evening_until": "21:00", "evening_bonus_eur_per_mwh": "150.25", "reserve_kw": "20",
    "reserve_minutes": "30", "car_target_soc_percent": "85", "car_min_soc_percent": "35",
    "car_max_soc_percent": "95",
}  # fmt: skip
REQUEST = {
    "kind": "import_limit", "limit_kw": "120,5", "start": "2026-03-11T18:00",
    "end": "2026-03-11T20:00", "reference": "EDF 17",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "utc_now", lambda: NOW)


@pytest.fixture
def island(operator_a: object) -> Iterator[Island]:
    with operator_context("guadeloupe"):
        yield island_make()


def text_of(client: Client, path: str = PAGE) -> str:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return reply.content.decode().replace("\xa0", " ")


def request(island: Island, **changes: Any) -> GridRequest:
    wish = {
        "kind": "import_limit", "limit_kw": 60.0, "start": SLOT + timedelta(hours=1),
        "end": SLOT + timedelta(hours=2), "now": NOW, **changes,
    }  # fmt: skip
    return grid_request_add(site_id=island.site.pk, **wish)


def save_path(island: Island) -> str:
    return f"{PAGE}{island.site.pk}/save"


def add_path(island: Island) -> str:
    return f"{PAGE}{island.site.pk}/requests/add"


def test_a_site_shows_the_usual_values_until_somebody_chooses(
    island: Island, signed_in: SignIn
) -> None:
    text = text_of(signed_in("guadeloupe"))

    assert SitePolicy.objects.count() == 0
    assert re.findall(r'name="objective" value="(\w+)"( checked)?', text) == [
        ("cost", " checked"), ("co2", ""), ("self_consumption", ""), ("evening_peak", ""),
        ("reserve", ""),
    ]  # fmt: skip
    assert 'name="car_target_soc_percent" value="80"' in text
    assert 'type="time" id="p-evening_from" name="evening_from" value="18:00"' in text
    assert "Now: draw at most 500.0 kW" in text
    assert "The grid has asked for nothing." in text
    assert re.search(r'href="/plan/policy/" aria-current="page"', text)
    for objective in Objective:
        with translation.override("en"):
            assert str(OBJECTIVE_SENTENCES[objective]).replace("'", "&#x27;") in text


def test_a_policy_is_kept_as_typed(island: Island, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")

    reply = client.post(save_path(island), FORM)

    assert reply.headers["Location"] == f"{PAGE}?site={island.site.pk}"
    policy = SitePolicy.objects.get()
    assert (policy.objective, policy.feed_in_margin_eur_per_mwh) == (
        "evening_peak",
        Decimal("12.5"),
    )
    assert (policy.evening_bonus_eur_per_mwh, policy.co2_price_eur_per_t) == (
        Decimal("150.25"), 1000,
    )  # fmt: skip
    assert (policy.reserve_kw, policy.reserve_minutes, f"{policy.evening_from:%H:%M}") == (
        20.0, 30, "17:30",
    )  # fmt: skip
    assert policy.curtails_pv is False
    assert ReplanCall.objects.get().reason == "policy"
    assert "The policy is kept" in text_of(client)


def test_what_is_stored_is_what_the_form_would_send(island: Island) -> None:
    policy = SitePolicy(site=island.site, feed_in_margin_eur_per_mwh=Decimal("12.50"))

    with translation.override("fr"):
        texts = stored_texts(policy)
        fields = policy_fields(texts)

    assert texts["feed_in_margin_eur_per_mwh"] == "12,5"
    assert texts["co2_price_eur_per_t"] == "1000"
    assert {name: getattr(policy, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"reserve_kw": "101"}, "reserve_kw", "less power than that"),
        ({"reserve_kw": "x"}, "reserve_kw", "This is not a number."),
        ({"reserve_kw": ""}, "reserve_kw", "Something is missing here."),
        ({"reserve_kw": "1e400"}, "reserve_kw", ""),
        ({"reserve_minutes": "1.5"}, "reserve_minutes", "Whole minutes only."),
        ({"evening_from": "25:00"}, "evening_from", "This is not a time."),
        ({"evening_until": "17:30"}, "evening_until", "must end after it begins"),
        ({"car_max_soc_percent": "80"}, "car_target_soc_percent", "must be in this order"),
        ({"objective": "fame"}, "objective", ""),
        ({"objective": "reserve", "reserve_kw": "0"}, "reserve_kw", "above 0 kW"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    changes: dict[str, str], field: str, words: str, island: Island, signed_in: SignIn
) -> None:
    reply = signed_in("guadeloupe").post(save_path(island), {**FORM, **changes})

    text = reply.content.decode()
    assert reply.status_code == 422
    found = re.search(rf'<p class="field-error" id="e-{field}">(.*?)</p>', text)
    assert found is not None
    assert words in found[1]
    # What was typed is still there.
    assert 'name="evening_bonus_eur_per_mwh" value="150.25"' in text
    assert not SitePolicy.objects.exclude(objective="cost").exists()


def test_a_request_is_entered_in_local_time(island: Island, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")

    reply = client.post(add_path(island), REQUEST)

    entered = GridRequest.objects.get()
    assert reply.status_code == 302
    assert (entered.kind, entered.limit_kw, entered.reference, entered.created_by) == (
        "import_limit", 120.5, "EDF 17", "somebody",
    )  # fmt: skip
    # 18:00 in Guadeloupe.
    assert entered.start == datetime(2026, 3, 11, 22, tzinfo=UTC)
    row = text_of(client).split(f'data-request="{entered.pk}"')[1].split("</tr>")[0]
    for words in ("Draw at most", "120.5 kW", "18:00", "20:00", "Ahead", "somebody", "EDF 17"):
        assert words in row, words


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "x"}, "kind"), ({"limit_kw": "-1"}, "limit_kw"), ({"limit_kw": ""}, "limit_kw"),
        ({"start": "soon"}, "start"), ({"start": ""}, "start"),
        ({"end": "2026-03-11T18:00"}, "end"),
        ({"start": "2026-03-10T01:00", "end": "2026-03-10T02:00"}, "end"),
        ({"end": "2026-05-11T18:00"}, "end"), ({"end": "9999-12-31T23:59"}, "end"),
    ],
)  # fmt: skip
def test_a_wrong_request_stands_beside_its_field(
    changes: dict[str, str], field: str, island: Island, signed_in: SignIn
) -> None:
    reply = signed_in("guadeloupe").post(add_path(island), {**REQUEST, **changes})

    assert (reply.status_code, GridRequest.objects.count()) == (422, 0)
    assert f'id="e-{field}"' in reply.content.decode()
    assert 'value="EDF 17"' in reply.content.decode()


def test_requests_are_told_with_their_state(island: Island, signed_in: SignIn) -> None:
    request(island)
    request(island, start=SLOT, kind="export_limit", limit_kw=0.0)
    request(island, start=SLOT - timedelta(hours=2), end=SLOT, now=SLOT - timedelta(hours=3))
    grid_request_cancel(grid_request_id=request(island).pk, now=NOW)

    text = text_of(signed_in("guadeloupe"))

    table = text.split('id="requests"')[1]
    assert sorted(re.findall(r'data-state="(\w+)"', table)) == [
        "ahead", "cancelled", "in_force", "over",
    ]  # fmt: skip
    assert text.count("/cancel") == 2
    assert "feed in at most 0.0 kW" in text


def test_a_request_is_cancelled(island: Island, signed_in: SignIn) -> None:
    asked = request(island)
    client = signed_in("guadeloupe")

    reply = client.post(f"{PAGE}requests/{asked.pk}/cancel")

    asked.refresh_from_db()
    assert (reply.status_code, asked.cancelled_at) == (302, NOW)
    assert "The request is cancelled" in text_of(client)


def test_what_is_over_is_not_cancelled(island: Island, signed_in: SignIn) -> None:
    asked = request(island, start=SLOT - timedelta(hours=2), end=SLOT, now=SLOT - QUARTER)
    client = signed_in("guadeloupe")

    client.post(f"{PAGE}requests/{asked.pk}/cancel")

    asked.refresh_from_db()
    assert asked.cancelled_at is None
    assert "The request is over." in text_of(client)


QUARTER = timedelta(minutes=15)


def test_the_list_has_pages_and_keeps_its_budget(
    island: Island, signed_in: SignIn, queries_at_most: Budget
) -> None:
    client = signed_in("guadeloupe")
    for number in range(25):
        request(island, reference=f"no {number}.")
    text_of(client)

    # Operator, session, user, rights 2; site 3, policy, limits 2, requests 2.
    with queries_at_most(14):
        first = text_of(client)
    with queries_at_most(14):
        second = text_of(client, f"{PAGE}?page=2")

    assert (first.count("data-request="), second.count("data-request=")) == (20, 5)
    assert "Page 1 of 2" in first
    assert "no 0." in second


@pytest.mark.parametrize("query", ["page=x", "page=99", "site=x"])
def test_a_strange_query_shows_the_page(query: str, island: Island, signed_in: SignIn) -> None:
    assert "policy-form" in text_of(signed_in("guadeloupe"), f"{PAGE}?{query}")


def test_without_a_site_there_is_no_policy(operator_a: object, signed_in: SignIn) -> None:
    assert "There is no site yet" in text_of(signed_in("guadeloupe"))


def test_who_may_only_look_has_no_buttons(island: Island, signed_in: SignIn) -> None:
    asked = request(island)
    client = signed_in("guadeloupe", Role.ANALYST)

    text = text_of(client)

    assert '<fieldset class="policy-set" disabled>' in text
    assert "request-form" not in text
    assert "/cancel" not in text
    for path in (save_path(island), add_path(island), f"{PAGE}requests/{asked.pk}/cancel"):
        assert client.post(path, {**FORM, **REQUEST}).status_code == 403
    asked.refresh_from_db()
    assert (asked.cancelled_at, SitePolicy.objects.count(), GridRequest.objects.count()) == (
        None, 0, 1,
    )  # fmt: skip


def test_billing_sees_no_policy(island: Island, signed_in: SignIn) -> None:
    assert signed_in("guadeloupe", Role.BILLING).get(PAGE).status_code == 403


def test_a_stranger_is_sent_to_the_log_in(island: Island) -> None:
    client = Client(headers={"host": "guadeloupe.localhost"})

    assert client.get(PAGE).headers["Location"] == f"/login/?next={PAGE}"
    assert client.post(save_path(island), FORM).status_code == 302
    assert SitePolicy.objects.count() == 0


def test_another_operator_reaches_none_of_it(island: Island, signed_in: SignIn) -> None:
    asked = request(island)
    ReplanCall.objects.all().delete()
    other = signed_in("martinique")

    assert other.get(f"{PAGE}?site={island.site.pk}").status_code == 404
    for path in (save_path(island), add_path(island), f"{PAGE}requests/{asked.pk}/cancel"):
        assert other.post(path, {**FORM, **REQUEST}).status_code == 404, path

    with operator_context("guadeloupe"):
        asked.refresh_from_db()
        assert (asked.cancelled_at, SitePolicy.objects.count(), ReplanCall.objects.count()) == (
            None, 0, 0,
        )  # fmt: skip
    with operator_context("martinique"):
        assert (SitePolicy.objects.count(), GridRequest.objects.count()) == (0, 0)


def test_every_refusal_has_words() -> None:
    for code, words in REFUSALS.items():
        with translation.override("en"):
            assert str(words).endswith("."), code
