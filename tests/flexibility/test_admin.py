"""The admin's pages of plans and markets: they open, hide the password, and ask for a plan."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.services import user_ensure
from apps.assets.models import Site
from apps.flexibility.models import FlexmeasuresAccount, Plan
from apps.flexibility.services.plans import plan_claim, plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.markets.models import FeedAccess
from tests.contracts.flexmeasures_fake import FlexmeasuresFake
from tests.flexibility.conftest import NOW, Island, prices_make

PAGES = [
    *(f"flexibility/{m}" for m in ("plan", "planslot", "controlstate", "flexmeasuresaccount",
                                   "flexmeasuresasset")),
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
