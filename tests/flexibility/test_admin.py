"""The admin's pages of plans and markets: they open, hide the password, and ask for a plan."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.services import user_ensure
from apps.assets.models import Site
from apps.flexibility.models import (
    FlexmeasuresAccount,
    GridRequest,
    Plan,
    ReplanCall,
    SitePolicy,
)
from apps.flexibility.services.grid_requests import grid_request_add
from apps.flexibility.services.plans import plan_claim, plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.markets.models import FeedAccess
from tests.contracts.flexmeasures_fake import FlexmeasuresFake
from tests.flexibility.conftest import NOW, Island, prices_make

PAGES = [
    *(f"flexibility/{m}" for m in ("plan", "planslot", "controlstate", "flexmeasuresaccount",
                                   "flexmeasuresasset", "sitepolicy", "gridrequest", "cargoal",
                                   "replancall", "forecast", "forecastrun", "forecastskill",
                                   "forecastchoice", "energyreport")),
    *(f"markets/{m}" for m in ("series", "feedaccess", "feedrequest", "feedcall",
                               "importeddocument", "seriesvalue", "fallbackstep")),
]  # fmt: skip


@pytest.fixture
def admin(island: Island) -> Client:
    user: User = user_ensure(username="root", password="secret", is_superuser=True)  # noqa: S106
    client = Client(headers={"host": "guadeloupe.localhost"})
    client.force_login(user)
    return client


@pytest.fixture
def planned(
    admin: Client, priced: None, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> Plan:
    return plan_refresh(server=server, now=NOW)[0]


@pytest.mark.usefixtures("planned")
@pytest.mark.parametrize("page", PAGES)
def test_list_opens(admin: Client, page: str) -> None:
    answer = admin.get(f"/admin/{page}/")

    assert answer.status_code == 200


def test_account_is_shown_without_its_password(admin: Client, planned: Plan) -> None:
    account = FlexmeasuresAccount.objects.get()

    answer = admin.get(f"/admin/flexibility/flexmeasuresaccount/{account.pk}/change/")

    assert answer.status_code == 200
    assert account.email in answer.content.decode()
    assert account.password not in answer.content.decode()


def test_market_access_is_shown_without_its_token(admin: Client) -> None:
    prices_make()
    access = FeedAccess.objects.get()
    FeedAccess.objects.filter(pk=access.pk).update(token="hush-hush-token")  # noqa: S106

    answer = admin.get(f"/admin/markets/feedaccess/{access.pk}/change/")

    assert answer.status_code == 200
    assert "hush-hush-token" not in answer.content.decode()


def test_plan_now_asks_for_a_forced_plan(
    admin: Client,
    planned: Plan,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[tuple[str, Any]] = []
    monkeypatch.setattr(
        "apps.tenants.tasking.OperatorTask.apply_async",
        lambda task, args=None, kwargs=None, **_options: sent.append((task.name, kwargs)),
    )

    with django_capture_on_commit_callbacks(execute=True):
        answer = admin.post(
            "/admin/flexibility/plan/", {"action": "plan_now", "_selected_action": [planned.pk]}
        )

    assert answer.status_code == 302
    assert sent == [("flexibility.plan_refresh", {"force": True})]


def test_plan_is_looked_at_not_edited(admin: Client, island: Island) -> None:
    plan = plan_claim(site_id=Site.objects.get().pk, now=NOW)
    assert plan is not None

    answer = admin.post(f"/admin/flexibility/plan/{plan.pk}/change/", {"status": "accepted"})

    plan.refresh_from_db()
    assert (answer.status_code, plan.status) == (403, "requested")


POLICY = {
    "objective": "co2", "feed_in_margin_eur_per_mwh": "10", "co2_price_eur_per_t": "900",
    "peak_price_eur_per_kw": "0", "evening_from": "18:00", "evening_until": "22:00",
    "evening_bonus_eur_per_mwh": "200", "reserve_kw": "0", "reserve_minutes": "15",
    "car_target_soc_percent": "80", "car_min_soc_percent": "40", "car_max_soc_percent": "90",
    "curtails_pv": "on",
}  # fmt: skip
REQUEST = {
    "kind": "import_limit", "limit_kw": "60", "start_0": "2099-03-11", "start_1": "18:00",
    "end_0": "2099-03-11", "end_1": "20:00", "reference": "R 1",
}  # fmt: skip


def test_a_policy_is_set_through_its_service(admin: Client, island: Island) -> None:
    added = admin.post("/admin/flexibility/sitepolicy/add/", {**POLICY, "site": island.site.pk})
    policy = SitePolicy.objects.get()
    assert (added.status_code, policy.objective) == (302, "co2")
    assert ReplanCall.objects.get().reason == "policy"

    changed = admin.post(
        f"/admin/flexibility/sitepolicy/{policy.pk}/change/", {**POLICY, "objective": "cost"}
    )

    policy.refresh_from_db()
    assert (changed.status_code, policy.objective, policy.site) == (302, "cost", island.site)


def test_a_wrong_policy_says_so_in_the_admin(admin: Client, island: Island) -> None:
    wrong = {**POLICY, "site": island.site.pk, "reserve_kw": "101"}

    answer = admin.post("/admin/flexibility/sitepolicy/add/", wrong)

    assert answer.status_code == 200
    assert "All batteries together have less power than that." in answer.content.decode()
    assert not SitePolicy.objects.filter(objective="co2").exists()


def test_a_request_is_entered_and_cancelled_but_never_changed(
    admin: Client, island: Island
) -> None:
    answer = admin.post("/admin/flexibility/gridrequest/add/", {**REQUEST, "site": island.site.pk})
    entered = GridRequest.objects.get()
    assert (answer.status_code, entered.limit_kw, entered.created_by) == (302, 60.0, "root")
    change = f"/admin/flexibility/gridrequest/{entered.pk}/change/"
    assert admin.post(change, REQUEST).status_code == 403

    admin.post(
        "/admin/flexibility/gridrequest/", {"action": "cancel", "_selected_action": [entered.pk]}
    )

    entered.refresh_from_db()
    assert entered.cancelled_at is not None
    assert ReplanCall.objects.get().reason == "grid"


def test_a_request_that_is_over_is_not_cancelled(admin: Client, island: Island) -> None:
    over = grid_request_add(
        site_id=island.site.pk, kind="import_limit", limit_kw=1.0, now=NOW, start=NOW,
        end=NOW.replace(hour=14),
    )  # fmt: skip

    answer = admin.post(
        "/admin/flexibility/gridrequest/",
        {"action": "cancel", "_selected_action": [over.pk]},
        follow=True,
    )

    over.refresh_from_db()
    assert over.cancelled_at is None
    assert "The request is over." in answer.content.decode()
