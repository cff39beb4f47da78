"""Registering with a partner from the console, over real HTTP."""

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure, user_ensure
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import Partner
from apps.tenants.context import operator_context
from tests.contracts.ocpi_partner import Fault, ocpi_partner
from tests.ocpi.conftest import site as site  # noqa: PLC0414 - the fixture, under its own name
from tests.ocpi.server import Site


def test_we_register_and_rotate_from_the_console(
    site: Site, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OCPI_LOOPBACK_ALLOWED = True  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "apps.ocpi.selectors.partners.operator_address",
        lambda _one: f"http://guadeloupe.localhost:{site.port}",
    )
    client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})
    with ocpi_partner(role="CPO", version="2.2.1") as platform, operator_context("guadeloupe"):
        roles_ensure()
        client.force_login(user_ensure(username="boss", password="pw", role=Role.OPERATOR_ADMIN))
        form = {
            "name": "Plage", "role": "CPO", "versions_url": platform.versions_url,
            "token": "not-the-token",
        }  # fmt: skip

        refused = client.post("/roaming/register", form).content.decode()
        form["token"] = platform.invite()
        platform.fault = Fault(status=500, only=["credentials"])
        failed = client.post("/roaming/register", form).content.decode()
        platform.fault = Fault()
        page = client.post("/roaming/register", form, follow=True)

        assert "pages cannot be used: answered HTTP 401" in refused
        assert "The partner did not answer as it should" in failed
        assert str(form["token"]) not in failed
        assert "Plage is connected: OCPI 2.2.1." in page.content.decode()
        before = Partner.objects.get()
        assert before.state == PartnerState.REGISTERED
        assert before.token_out == platform.token_in

        rotated = client.post("/roaming/plage/rotate", follow=True).content.decode()

        assert "Both sides have new tokens." in rotated
        assert Partner.objects.get().token_in_hash != before.token_in_hash


def test_we_unregister_from_the_console(
    site: Site, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OCPI_LOOPBACK_ALLOWED = True  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "apps.ocpi.selectors.partners.operator_address",
        lambda _one: f"http://guadeloupe.localhost:{site.port}",
    )
    client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})
    with ocpi_partner(role="CPO", version="2.2.1") as platform, operator_context("guadeloupe"):
        roles_ensure()
        client.force_login(user_ensure(username="boss", password="pw", role=Role.OPERATOR_ADMIN))
        form = {
            "name": "Plage", "role": "CPO", "versions_url": platform.versions_url,
            "token": platform.invite(),
        }  # fmt: skip
        client.post("/roaming/register", form)
        before = Partner.objects.get()

        platform.fault = Fault(status=503, only=["credentials"])
        failed = client.post("/roaming/plage/unregister", follow=True).content.decode()
        kept = Partner.objects.get()
        platform.fault = Fault()
        client.post("/roaming/plage/suspend")
        page = client.post("/roaming/plage/unregister", follow=True).content.decode()

        assert "Nothing has changed, the partner was not told" in failed
        assert (kept.state, kept.token_out) == (PartnerState.REGISTERED, before.token_out)
        assert "The partner is unregistered" in page
        after = Partner.objects.get()
        assert (after.state, after.token_out, after.token_in_hash) == (PartnerState.GONE, "", "")
        assert not after.endpoints.exists()
        assert platform.credentials is None
        assert platform.count("DELETE", "credentials") == 2
