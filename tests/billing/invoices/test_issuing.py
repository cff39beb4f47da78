"""Issuing: a number without gap, parties as they were, and PostgreSQL that lets nothing change."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.services import user_ensure
from apps.billing.events import InvoiceIssued
from apps.billing.models import BillingAccount, Invoice, InvoiceDocument, InvoiceSeries, Issuer
from apps.billing.selectors.invoices import invoice_totals, series_gaps
from apps.billing.services.accounts import account_update, issuer_save
from apps.billing.services.drafts import draft_delete, invoice_draft_make
from apps.billing.services.invoices import invoice_issue, invoices_issue_month
from apps.billing.services.numbering import number_take
from apps.billing.services.taxes import exchange_rate_set
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.events import subscribe, unsubscribe
from tests.billing.invoices.rows import (
    MARCH,
    NOW,
    account_make,
    cdr_make,
    issuer_make,
    partner_make,
)


def draft_of(account: BillingAccount, net: str = "100", **more: Any) -> Invoice:
    cdr_make(account, net, **more)
    return invoice_draft_make(month=MARCH, account_id=account.pk)[0]


def issued_of(account: BillingAccount, net: str = "100", **more: Any) -> Invoice:
    return invoice_issue(invoice_id=draft_of(account, net, **more).pk, by=None, now=NOW)


def test_an_issued_invoice_has_number_days_and_parties(account: BillingAccount) -> None:
    by = user_ensure(username="billing", password="x")
    draft = draft_of(account)

    invoice = invoice_issue(invoice_id=draft.pk, by=by, now=NOW)

    invoice.refresh_from_db()
    assert (invoice.reference, invoice.number) == ("INV-2026-000001", 1)
    assert (invoice.issued_on, invoice.due_on) == (date(2026, 4, 2), date(2026, 5, 2))
    assert (invoice.state, invoice.issued_by, invoice.issued_at) == ("issued", "billing", NOW)
    assert (invoice.seller["name"], invoice.seller["vat_number"]) == (
        "Charge Gosier SAS", "FR96552100554",
    )  # fmt: skip
    assert (invoice.buyer["name"], invoice.buyer["code"]) == ("Acme SARL", "acme")
    said = " ".join(invoice.seller["mentions"])
    assert "40 €" in said
    assert "prestations de services" in said


def test_the_day_of_an_invoice_is_the_issuers(account: BillingAccount) -> None:
    # 2 April 02:00 UTC is 1 April 22:00 in Guadeloupe.
    at = datetime(2026, 4, 2, 2, tzinfo=UTC)

    assert invoice_issue(invoice_id=draft_of(account).pk, by=None, now=at).issued_on == date(
        2026, 4, 1
    )


def test_issuing_again_gives_the_same_invoice_and_tells_once(
    account: BillingAccount, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[InvoiceIssued] = []
    subscribe(InvoiceIssued, told.append)
    draft = draft_of(account)

    with django_capture_on_commit_callbacks(execute=True):
        first = invoice_issue(invoice_id=draft.pk, by=None, now=NOW)
        second = invoice_issue(invoice_id=draft.pk, by=None, now=NOW)
    unsubscribe(InvoiceIssued, told.append)

    assert first.reference == second.reference
    assert told == [InvoiceIssued("guadeloupe", first.pk)]
    assert InvoiceSeries.objects.get().last_number == 1


def test_a_person_hears_no_terms_between_companies(issuer: Issuer) -> None:
    person = account_make("ada", kind="person", name="Ada L.", siren="")

    assert "40 €" not in " ".join(issued_of(person).seller["mentions"])


def test_guyane_has_no_vat_and_says_why(operator_a: Operator) -> None:
    issuer_make(territory="GF", vat_number="")
    invoice = issued_of(account_make(), taxes=[(None, "100")])

    assert (invoice.net, invoice.tax, invoice.gross) == (100, 0, 100)
    assert "TVA non applicable, art. 294 du CGI" in invoice.seller["mentions"]


def test_a_draft_waits_for_what_an_invoice_must_say(operator_a: Operator) -> None:
    account = account_make()
    draft = draft_of(account)

    with pytest.raises(DomainError) as refused:
        invoice_issue(invoice_id=draft.pk, by=None, now=NOW)
    assert refused.value.code == "billing.issuer_missing"

    issuer_make(siren="", vat_number="")
    draft = invoice_draft_make(month=MARCH)[0]
    with pytest.raises(DomainError) as refused:
        invoice_issue(invoice_id=draft.pk, by=None, now=NOW)
    assert (refused.value.code, refused.value.field) == ("billing.issuer_incomplete", "siren")

    issuer_make()
    account_update(account_id=account.pk, siren="")
    report = invoices_issue_month(month=MARCH, by=None)
    assert [err.field for err in report.refused.values()] == ["siren"]
    assert InvoiceSeries.objects.filter(last_number__gt=0).count() == 0


def test_a_new_year_begins_a_new_series(account: BillingAccount) -> None:
    first = issued_of(account)
    later = draft_of(account)

    second = invoice_issue(invoice_id=later.pk, by=None, now=datetime(2027, 1, 2, 12, tzinfo=UTC))

    assert (first.reference, second.reference) == ("INV-2026-000001", "INV-2027-000001")


def test_a_number_is_never_dated_before_the_one_before(operator_a: Operator) -> None:
    with transaction.atomic():
        number_take(kind="invoice", on=date(2026, 4, 2))
        second = number_take(kind="invoice", on=date(2026, 4, 1))

    assert (second.number, second.on) == (2, date(2026, 4, 2))


def test_another_currency_is_told_in_euros_too(account: BillingAccount) -> None:
    exchange_rate_set(currency="XCD", on=date(2026, 3, 31), euros=Decimal("0.32"), source="ECCB")
    invoice = issued_of(account, currency="XCD")

    # 8.5 % of 100 XCD = 8.50 XCD = 2.72 EUR
    assert invoice.seller["exchange_rate"] == {
        "euros": "0.32",
        "on": "2026-03-31",
        "source": "ECCB",
    }
    assert any("2.72 EUR" in mention for mention in invoice.seller["mentions"])


def test_what_was_issued_keeps_its_parties(account: BillingAccount) -> None:
    invoice = issued_of(account)
    account_update(account_id=account.pk, name="Acme SAS")
    issuer_save(name="Other SAS")

    invoice.refresh_from_db()

    assert (invoice.buyer["name"], invoice.seller["name"]) == ("Acme SARL", "Charge Gosier SAS")


FORBIDDEN = (
    "UPDATE billing_invoice SET gross = 1, net = 1, tax = 0",
    "UPDATE billing_invoice SET state = 'draft', series_id = NULL, number = NULL,"
    " reference = NULL, issued_at = NULL",
    "DELETE FROM billing_invoice",
    "UPDATE billing_invoiceline SET net = 1",
    "DELETE FROM billing_invoiceline",
    "INSERT INTO billing_invoiceline (invoice_id, position, description, quantity, unit, net,"
    " tax_name, tax_category, tax_percent, exemption_code, legal_mention, sessions_count)"
    " SELECT id, 9, 'x', 1, 'C62', 1, '', 'S', 0, '', '', 0 FROM billing_invoice",
    "UPDATE billing_invoicecdr SET net = 1",
    "DELETE FROM billing_invoicecdr",
    "UPDATE billing_invoicedocument SET file_name = 'x'",
    "DELETE FROM billing_invoicedocument",
    "UPDATE billing_invoiceseries SET last_number = 0",
    "UPDATE billing_invoiceseries SET last_number = 7",
    "DELETE FROM billing_invoiceseries",
)


def test_postgresql_refuses_to_change_what_was_issued(account: BillingAccount) -> None:
    invoice = issued_of(account)
    InvoiceDocument.objects.create(
        invoice=invoice, kind="pdf", file_name="a.pdf", media_type="application/pdf",
        sha256="0" * 64, content=b"%PDF",
    )  # fmt: skip

    for statement in FORBIDDEN:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    invoice.refresh_from_db()
    assert (invoice.reference, invoice.gross) == ("INV-2026-000001", Decimal("108.50"))


def test_a_draft_may_be_deleted_an_issued_invoice_never(account: BillingAccount) -> None:
    invoice = issued_of(account)

    with pytest.raises(DomainError, match="never deleted"):
        draft_delete(invoice_id=invoice.pk)


def test_totals_and_gaps(account: BillingAccount) -> None:
    issued_of(account)
    issued_of(partner_make(), "50")

    (totals,) = invoice_totals(Invoice.objects.all())

    assert (totals.invoices, totals.net, totals.tax) == (2, 150, Decimal("8.50"))
    assert series_gaps() == {"INV-2026": []}
