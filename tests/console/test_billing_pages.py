"""The pages of the books: a month from drafts to its closing, CDRs, papers and the inbox."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.billing.choices import ExceptionKind, FindingKind
from apps.billing.models import (
    BillingAccount,
    BillingException,
    Cdr,
    Invoice,
    MonthClosing,
    ReconciliationFinding,
    ReconciliationRun,
    Settlement,
)
from apps.billing.services.settlements import settlements_make
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.billing.invoices.rows import (
    MARCH,
    NOW,
    account_make,
    cdr_make,
    issuer_make,
    partner_cdr_make,
    partner_make,
)

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


@pytest.fixture(autouse=True)
def _april(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the second of April: March is over."""
    for module in ("views.billing_month", "viewmodels.billing_invoices"):
        monkeypatch.setattr(f"apps.console.{module}.utc_now", lambda: NOW)


@pytest.fixture
def account(operator_a: Operator) -> BillingAccount:
    """Guadeloupe issues invoices; Acme has two CDRs of March."""
    issuer_make()
    acme = account_make()
    cdr_make(acme, "10.00")
    cdr_make(acme, "5.50", energy_kwh="7.5")
    return acme


@pytest.fixture
def billing(signed_in: SignIn, account: BillingAccount) -> Client:
    return signed_in("guadeloupe", role=Role.BILLING)


def text_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    return response.content.decode()


def test_a_month_goes_from_drafts_to_its_closing(billing: Client) -> None:
    before = text_of(billing, "/billing/?month=2026-03")
    assert "CDRs on no invoice" in before
    assert billing.post("/billing/months/2026-03/close").status_code == 302
    assert not MonthClosing.objects.exists()

    billing.post("/billing/months/2026-03/drafts")
    draft = Invoice.objects.get()
    assert "Drafts to issue" in text_of(billing, "/billing/?month=2026-03")
    billing.post("/billing/months/2026-03/issue")
    draft.refresh_from_db()
    assert draft.net == Decimal("15.50")
    assert draft.issued_by == "somebody"
    assert "Ready to close" in text_of(billing, "/billing/?month=2026-03")
    billing.post("/billing/months/2026-03/close")

    closing = MonthClosing.objects.get()
    assert closing.month == MARCH
    page = text_of(billing, "/billing/?month=2026-03")
    assert "Close the month" not in page
    assert draft.reference
    assert draft.reference in text_of(billing, "/billing/invoices/")


def test_a_month_that_makes_no_sense_shows_the_present_one(billing: Client) -> None:
    assert "April 2026" in text_of(billing, "/billing/?month=2026-13")


def test_who_only_looks_may_not_act(signed_in: SignIn, account: BillingAccount) -> None:
    client = signed_in("guadeloupe", role=Role.ANALYST)
    cdr = Cdr.objects.first()
    assert cdr is not None

    assert "months/2026-03/" not in text_of(client, "/billing/?month=2026-03")
    for address in (
        "/billing/months/2026-03/drafts",
        "/billing/months/2026-03/issue",
        "/billing/months/2026-03/settle",
        "/billing/months/2026-03/reconcile",
        "/billing/months/2026-03/close",
        f"/billing/cdrs/{cdr.pk}/credit",
        "/billing/invoices/1/issue",
        "/billing/invoices/1/delete",
        "/billing/invoices/1/credit",
        "/billing/inbox/1/resolve",
        "/billing/inbox/1/reopen",
        "/billing/settlements/1/confirm",
        "/billing/settlements/1/contest",
        "/billing/settlements/1/reopen",
        "/billing/settlements/1/partner-invoice",
    ):
        assert client.post(address).status_code == 403, address


def test_cdrs_are_filtered_and_summed(billing: Client, account: BillingAccount) -> None:
    cdr_make(None, "2.00")

    everything = text_of(billing, "/billing/cdrs/")
    nobody = text_of(billing, "/billing/cdrs/?month=2026-03&kind=nobody")
    of_account = text_of(billing, f"/billing/cdrs/?account={account.pk}&month=2026-04&q=tx")

    assert everything.count("data-cdr=") == 3
    assert nobody.count("data-cdr=") == 1
    assert "Nobody pays" in nobody
    assert "No CDR matches" in of_account


def test_a_cdr_is_credited_with_a_reason(billing: Client) -> None:
    cdr = Cdr.objects.order_by("pk").first()
    assert cdr is not None
    address = f"/billing/cdrs/{cdr.pk}/credit"

    billing.post(address, {"reason": " "})
    assert not Cdr.objects.filter(credit=True).exists()
    billing.post(address, {"reason": "wrong meter"})

    credit = Cdr.objects.get(credit=True)
    assert credit.credit_reference == cdr
    assert (credit.reason, credit.issued_by) == ("wrong meter", "somebody")
    page = text_of(billing, f"/billing/cdrs/{cdr.pk}/")
    assert credit.reference in page
    assert 'data-state="credited"' in page
    assert 'name="reissue"' not in page


def test_an_invoice_is_issued_and_credited_in_part(billing: Client) -> None:
    billing.post("/billing/months/2026-03/drafts")
    draft = Invoice.objects.get()
    address = f"/billing/invoices/{draft.pk}/"
    assert "A draft has no papers." in text_of(billing, address)

    billing.post(f"{address}issue")
    billing.post(f"{address}credit", {"amount": "zwei", "reason": "goodwill"})
    assert Invoice.objects.count() == 1
    billing.post(f"{address}credit", {"amount": "2,17", "reason": "goodwill"})

    note = Invoice.objects.get(credits=draft)
    assert (note.gross, note.reason) == (Decimal("2.17"), "goodwill")
    assert note.reference
    assert note.reference in text_of(billing, address)
    billing.post(f"{address}delete")
    assert Invoice.objects.filter(pk=draft.pk).exists()


def test_a_draft_is_thrown_away(billing: Client) -> None:
    billing.post("/billing/months/2026-03/drafts")

    billing.post(f"/billing/invoices/{Invoice.objects.get().pk}/delete")

    assert not Invoice.objects.exists()
    assert Cdr.objects.filter(on_invoice__isnull=True).count() == 2


def test_settlements_are_confirmed_or_contested(billing: Client) -> None:
    partner = partner_make()
    partner_cdr_make(partner, "8.00")
    billing.post("/billing/months/2026-03/settle")
    settlement = Settlement.objects.get()
    address = f"/billing/settlements/{settlement.pk}/"
    assert "Roam BV" in text_of(billing, "/billing/settlements/?month=2026-03")
    assert "1 CDR that the partner sent" in text_of(billing, address)

    billing.post(f"{address}contest")
    settlement.refresh_from_db()
    assert settlement.state == "disputed"
    billing.post(f"{address}reopen")
    billing.post(f"{address}confirm", {"partner_invoice": "R-1"})
    settlement.refresh_from_db()
    assert (settlement.state, settlement.partner_invoice_reference) == ("confirmed", "R-1")
    billing.post(f"{address}partner-invoice", {"partner_invoice": "R-2"})
    settlement.refresh_from_db()
    assert settlement.partner_invoice_reference == "R-2"


def exception_make() -> BillingException:
    cdr = Cdr.objects.order_by("pk").first()
    assert cdr is not None
    return BillingException.objects.create(
        session=cdr.session, cdr=cdr, kind=ExceptionKind.ZERO_ENERGY,
        opened_at=datetime(2026, 3, 11, tzinfo=UTC),
    )  # fmt: skip


def test_an_exception_is_decided_and_opened_again(billing: Client) -> None:
    exception = exception_make()
    address = f"/billing/inbox/{exception.pk}"
    assert "No energy" in text_of(billing, "/billing/inbox/")

    billing.post(f"{address}/resolve", {"action": "fly", "reason": "x"})
    billing.post(f"{address}/resolve", {"action": "accept", "reason": ""})
    exception.refresh_from_db()
    assert exception.is_open
    billing.post(f"{address}/resolve", {"action": "accept", "reason": "a short stop"})

    exception.refresh_from_db()
    assert not exception.is_open
    assert "a short stop" in text_of(billing, "/billing/inbox/?state=resolved")
    assert "Nothing waits for a decision." in text_of(billing, "/billing/inbox/")
    billing.post(f"{address}/reopen", {"reason": "look again"})
    exception.refresh_from_db()
    assert exception.is_open


def test_findings_are_listed(billing: Client) -> None:
    billing.post("/billing/months/2026-03/reconcile")

    page = text_of(billing, "/billing/inbox/?show=findings")

    assert "No finding." in page
    assert "were not compared yet" not in text_of(billing, "/billing/?month=2026-03")


def test_a_finding_is_decided(billing: Client) -> None:
    cdr = Cdr.objects.order_by("pk").first()
    assert cdr is not None
    run = ReconciliationRun.objects.create(
        start=datetime(2026, 3, 1, tzinfo=UTC), end=datetime(2026, 4, 1, tzinfo=UTC),
        requested_at=datetime(2026, 4, 1, tzinfo=UTC),
    )  # fmt: skip
    finding = ReconciliationFinding.objects.create(
        run=run, kind=FindingKind.PRICE_DRIFT, cdr=cdr, subject=cdr.reference
    )
    address = f"/billing/inbox/findings/{finding.pk}/resolve"

    billing.post(address, {"action": "bill_as_is", "reason": "x"})
    billing.post(address, {"action": "accept", "reason": ""})
    finding.refresh_from_db()
    assert finding.is_open
    billing.post(address, {"action": "accept", "reason": "agreed by telephone"})

    finding.refresh_from_db()
    assert (finding.is_open, finding.reason) == (False, "agreed by telephone")
    assert "agreed by telephone" in text_of(billing, "/billing/inbox/?show=findings&state=resolved")


def test_nothing_of_another_operator_is_seen(signed_in: SignIn, account: BillingAccount) -> None:
    settlements_make(month=MARCH)
    cdr = Cdr.objects.order_by("pk").first()
    assert cdr is not None
    exception = exception_make()
    guadeloupe = signed_in("guadeloupe", role=Role.BILLING)
    guadeloupe.post("/billing/months/2026-03/drafts")
    invoice = Invoice.objects.get()
    client = signed_in("martinique", role=Role.BILLING)

    assert client.get(f"/billing/cdrs/{cdr.pk}/").status_code == 404
    assert client.get(f"/billing/invoices/{invoice.pk}/").status_code == 404
    assert client.get(f"/billing/invoices/{invoice.pk}/documents/pdf").status_code == 404
    for address in ("/billing/cdrs/", "/billing/invoices/", "/billing/inbox/", "/billing/"):
        page = text_of(client, f"{address}?month=2026-03")
        assert cdr.reference not in page
        assert "Acme" not in page
    client.post(f"/billing/cdrs/{cdr.pk}/credit", {"reason": "theirs"})
    client.post(f"/billing/invoices/{invoice.pk}/issue")
    client.post(f"/billing/inbox/{exception.pk}/resolve", {"action": "accept", "reason": "theirs"})
    with operator_context("guadeloupe"):
        assert not Cdr.objects.filter(credit=True).exists()
        assert Invoice.objects.get().state == "draft"
        assert BillingException.objects.get().is_open


def test_lists_do_not_ask_once_a_row(
    billing: Client,
    account: BillingAccount,
    queries_at_most: Callable[[int], AbstractContextManager[None]],
) -> None:
    for _number in range(12):
        cdr_make(account, "1.00")
    billing.post("/billing/months/2026-03/drafts")

    for address, limit in (
        ("/billing/cdrs/", 12),
        ("/billing/invoices/", 12),
        (f"/billing/invoices/{Invoice.objects.get().pk}/", 24),
        ("/billing/inbox/", 12),
        ("/billing/settlements/", 10),
        ("/billing/?month=2026-03", 32),
    ):
        with queries_at_most(limit):
            billing.get(address)
