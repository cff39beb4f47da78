"""Partners in the admin: invited, registered, suspended; who may (2.2.1 §7)."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.ocpi.choices import Direction, PartnerState
from apps.ocpi.models import Exchange, OcpiSettings, Partner
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.contracts.ocpi_partner import OcpiPartner, ocpi_partner
from tests.ocpi.server import partner_of

PRESSED = {"_form_submitted": "on"}
HOST = {"host": "guadeloupe.localhost"}


@pytest.fixture
def admin_client(operator_a: Operator) -> Client:
    user = user_ensure(username="chief", password="x", role=Role.OPERATOR_ADMIN)
    client = Client(headers=HOST)
    client.force_login(user)
    return client


@pytest.fixture
def platform(operator_a: Operator) -> Iterator[OcpiPartner]:
    with ocpi_partner(role="CPO") as served:
        yield served


def words(reply: HttpResponse) -> str:
    return " ".join(str(one) for one in get_messages(reply.wsgi_request))


def test_invitation_shows_its_token_once(admin_client: Client) -> None:
    page = reverse("admin:ocpi_partner_invite")
    reply = admin_client.post(page, {"name": "Lagon", "role": "EMSP", **PRESSED})
    assert reply.headers["HX-Redirect"] == reverse(
        "admin:ocpi_partner_change", args=[Partner.objects.get().pk]
    )
    assert "/ocpi/versions" in words(reply)
    partner = Partner.objects.get()
    assert (partner.name, partner.role, partner.state) == ("Lagon", "EMSP", "invited")
    shown = admin_client.get(reply.headers["HX-Redirect"])
    assert shown.status_code == 200
    again = admin_client.get(reply.headers["HX-Redirect"]).content.decode()
    assert partner.token_in_hash not in again


def test_failed_registration_is_told_in_the_dialog(
    admin_client: Client, platform: OcpiPartner
) -> None:
    page = reverse("admin:ocpi_partner_register")
    given = {"versions_url": platform.versions_url, "token": "wrong", "role": "CPO", **PRESSED}
    reply = admin_client.post(page, given)
    assert reply.status_code == 200
    assert "401" in reply.content.decode()
    assert Partner.objects.get().state == PartnerState.INVITED
    assert Exchange.objects.filter(direction=Direction.OUT, http_status=401).exists()


def test_partner_is_suspended_and_resumed(admin_client: Client, platform: OcpiPartner) -> None:
    partner = partner_of(platform)
    for name, state in (("suspend", "suspended"), ("resume", "registered")):
        admin_client.post(reverse(f"admin:ocpi_partner_{name}", args=[partner.pk]), PRESSED)
        partner.refresh_from_db()
        assert partner.state == state
    admin_client.post(reverse("admin:ocpi_partner_invite_again", args=[partner.pk]), PRESSED)
    partner.refresh_from_db()
    assert (partner.state, partner.token_out) == ("invited", "")


def test_analyst_may_look_but_not_register(operator_a: Operator, platform: OcpiPartner) -> None:
    partner = partner_of(platform)
    client = Client(headers=HOST)
    client.force_login(user_ensure(username="looker", password="x", role=Role.ANALYST))
    assert client.get(reverse("admin:ocpi_partner_changelist")).status_code == 200
    for name, args in (("invite", []), ("register", []), ("suspend", [partner.pk])):
        reply = client.post(
            reverse(f"admin:ocpi_partner_{name}", args=args), {"name": "x", **PRESSED}
        )
        assert reply.status_code in (302, 403), name
    assert Partner.objects.get().state == PartnerState.REGISTERED


def test_log_is_searched_by_correlation_and_exported(
    admin_client: Client, platform: OcpiPartner
) -> None:
    partner = partner_of(platform)
    for nth in range(3):
        Exchange.objects.create(
            direction=Direction.IN, partner=partner, at=utc_now(), method="GET",
            path=f"=cmd|{nth}", correlation_id=f"c{nth}", http_status=200, status_code=1000,
        )  # fmt: skip
    page = reverse("admin:ocpi_exchange_changelist")
    found = admin_client.get(page, {"q": "c1"}).content.decode()
    assert "=cmd|1" in found
    assert "=cmd|2" not in found
    chosen = Exchange.objects.values_list("pk", flat=True)
    reply = admin_client.post(page, {"action": "export", "_selected_action": list(chosen)})
    text = b"".join(reply.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.count("\n") == 4
    assert "'=cmd|0" in text
    row = Exchange.objects.first()
    assert row is not None
    detail = admin_client.get(reverse("admin:ocpi_exchange_change", args=[row.pk]))
    assert detail.status_code == 200


def test_the_log_with_whole_cards_is_for_who_may_see_cards(operator_a: Operator) -> None:
    user = user_ensure(username="reader", password="x", role=None)
    user.is_staff = True
    user.save()
    user.user_permissions.add(Permission.objects.get(codename="view_exchange"))
    client = Client(headers=HOST)
    client.force_login(user)
    page = reverse("admin:ocpi_exchange_changelist")

    assert client.get(page).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_idtoken"))
    assert client.get(page).status_code == 200


def test_settings_are_one_row(admin_client: Client) -> None:
    page = reverse("admin:ocpi_ocpisettings_add")
    given = {"public_url": "https://roam.example", "keep_exchanges_days": 30}
    assert admin_client.post(page, given).status_code == 302
    assert OcpiSettings.objects.get().public_url == "https://roam.example"
    assert admin_client.get(page).status_code == 403


def test_loopback_is_a_warning(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:ocpi_partner_changelist"))
    assert "CARIFLEX_OCPI_ALLOW_LOOPBACK" in words(page)


def test_other_operator_does_not_see_the_partner(
    operator_a: Operator, operator_b: Operator, platform: OcpiPartner
) -> None:
    partner_of(platform)
    with operator_context("martinique"):
        assert not Partner.objects.exists()
