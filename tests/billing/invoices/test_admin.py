"""The back office of accounts, invoices and months: forms ask services, actions report."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure, user_ensure
from apps.billing.models import (
    AccountToken,
    BillingAccount,
    Invoice,
    Issuer,
    MonthClosing,
    Settlement,
    TaxRate,
)
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.settlements import settlements_make
from apps.billing.services.taxes import taxes_load
from apps.chargers.services import token_register
from apps.tenants.models import Operator
from tests.billing.invoices.rows import (
    MARCH,
    OTHER_SIREN,
    cdr_make,
    partner_cdr_make,
    partner_make,
)
from tests.billing.invoices.test_issuing import issued_of


@pytest.fixture
def staff(operator_a: Operator) -> Client:
    roles_ensure()
    client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})
    client.force_login(user_ensure(username="billing", password="x", role=Role.BILLING))
    return client


def act(client: Client, model: str, action: str, pk: int) -> str:
    reply = client.post(
        reverse(f"admin:billing_{model}_changelist"),
        {"action": action, "_selected_action": [pk]},
        follow=True,
    )
    assert reply.status_code == 200
    return reply.content.decode()


def dialog(client: Client, name: str, fields: dict[str, str], *args: object) -> object:
    return client.post(
        reverse(f"admin:billing_{name}", args=args), {**fields, "_form_submitted": "True"}
    )


def account_fields(**more: str) -> dict[str, str]:
    return {
        "code": "ada", "kind": "company", "name": "Ada SAS", "country_code": "FR",
        "hub_fee_percent": "0", "hub_fee_per_cdr": "0", "tax_treatment": "territory",
        "currency": "EUR", "language": "fr", "is_active": "on", "tokens-TOTAL_FORMS": "0",
        "tokens-INITIAL_FORMS": "0", **more,
    }  # fmt: skip


def test_an_account_is_added_with_its_token(staff: Client) -> None:
    token = token_register(id_token="04A2B3C4")
    address = reverse("admin:billing_billingaccount_add")

    refused = staff.post(address, account_fields(siren="552100555"))
    assert refused.status_code == 200
    assert "SIREN" in refused.content.decode()
    assert not BillingAccount.objects.exists()

    saved = staff.post(
        address,
        account_fields(
            siren=OTHER_SIREN, **{"tokens-TOTAL_FORMS": "1", "tokens-0-id_token": str(token.pk)}
        ),
    )
    assert saved.status_code == 302, saved.content
    assert AccountToken.objects.get().account == BillingAccount.objects.get(siren=OTHER_SIREN)


def test_the_issuer_is_entered_once(staff: Client) -> None:
    address = reverse("admin:billing_issuer_add")
    fields = {
        "name": "Charge SAS", "country_code": "FR", "language": "fr",
        "time_zone": "America/Guadeloupe", "payment_days": "30", "siren": "552100554",
    }  # fmt: skip

    assert staff.post(address, fields).status_code == 302

    assert Issuer.objects.get().siren == "552100554"
    assert staff.get(address).status_code == 403


def test_a_shipped_rate_is_seen_and_an_own_one_added(staff: Client) -> None:
    taxes_load()
    listed = staff.get(reverse("admin:billing_taxrate_changelist")).content.decode()
    assert "CGI art. 296" in listed

    fields = {
        "territory": "HT", "code": "normal", "name": "TCA", "category": "S", "percent": "10",
        "valid_from": "2026-01-01", "legal_mention": "{}",
    }  # fmt: skip
    saved = staff.post(reverse("admin:billing_taxrate_add"), fields)

    assert saved.status_code == 302, saved.content
    assert TaxRate.objects.get(territory="HT").percent == 10


def test_drafts_are_made_and_issued_and_credited(staff: Client, account: BillingAccount) -> None:
    cdr_make(account, "100")
    dialog(staff, "invoice_make_drafts", {"month": "2026-03"})
    draft = Invoice.objects.get()

    act(staff, "invoice", "issue", draft.pk)
    draft.refresh_from_db()
    assert draft.state == "issued"
    assert "INV-" in act(staff, "invoice", "delete_drafts", draft.pk)
    assert Invoice.objects.count() == 1

    fields = {"amount": "8.50", "reason": "Goodwill"}
    dialog(staff, "invoice_credit", fields, draft.pk)
    assert Invoice.objects.get(kind="credit_note").gross == Decimal("8.50")
    page = staff.get(reverse("admin:billing_invoice_change", args=[draft.pk]))
    assert page.status_code == 200


def test_a_refusal_is_told_in_words(staff: Client, account: BillingAccount) -> None:
    cdr_make(account, "100", taxes=[("20", "100")])
    (draft,) = invoice_draft_make(month=MARCH)

    said = act(staff, "invoice", "issue", draft.pk)

    assert "none of the territory" in said
    reply = dialog(staff, "invoice_make_drafts", {"month": "march"})
    assert "2026-03" in reply.content.decode()  # type: ignore[attr-defined]


def test_a_statement_is_confirmed_and_a_month_closed(staff: Client, issuer: Issuer) -> None:
    partner = partner_make("cpo", kind="cpo", party_id="CPX")
    partner_cdr_make(partner, "10")
    (statement,) = settlements_make(month=MARCH)

    act(staff, "settlement", "dispute", statement.pk)
    act(staff, "settlement", "reopen", statement.pk)
    act(staff, "settlement", "confirm", statement.pk)
    assert Settlement.objects.get().state == "confirmed"

    dialog(staff, "monthclosing_close", {"month": "2026-03"})
    assert MonthClosing.objects.get().month == MARCH


def test_who_may_not_issue_has_no_action(account: BillingAccount) -> None:
    roles_ensure()
    client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})
    client.force_login(user_ensure(username="reader", password="x", role=Role.ANALYST))
    invoice = issued_of(account)

    act(client, "invoice", "delete_drafts", invoice.pk)
    assert dialog(client, "invoice_credit", {"reason": "x"}, invoice.pk).status_code == 403  # type: ignore[attr-defined]
    assert dialog(client, "monthclosing_close", {"month": "2026-03"}).status_code == 403  # type: ignore[attr-defined]
    assert Invoice.objects.count() == 1
