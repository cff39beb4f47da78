"""Papers, books and files for the bank in the API and the admin, each at its own operator."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure, user_ensure
from apps.billing.models import BookSettings, BookTaxAccounts, Invoice, SepaBatch, SepaItem
from apps.billing.services.books import books_post
from apps.billing.services.documents import invoice_papers_make
from apps.billing.services.sepa import sepa_debit_file
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.billing.documents.rows import ISSUED, account_make, invoice_make, issuer_make

HOST, OTHER_HOST = "guadeloupe.localhost", "martinique.localhost"


def client_of(role: Role, host: str = HOST, schema: str = "guadeloupe") -> Client:
    with operator_context(schema):
        roles_ensure()
        user = user_ensure(username=role.value, password="x", role=role)
        client = Client(headers={"host": host})
        client.force_login(user)
    return client


@pytest.fixture
def invoice(operator_a: Operator) -> Invoice:
    issuer_make()
    account = account_make(sepa_mandate_id="RUM-1", sepa_mandate_signed_on=date(2026, 1, 5))
    return invoice_make(account, "100.00")


@pytest.fixture
def batch(invoice: Invoice) -> SepaBatch:
    return sepa_debit_file(
        invoice_ids=[invoice.pk], pays_on=date(2026, 4, 20), key="april", now=ISSUED
    )


@pytest.fixture
def billing(operator_a: Operator) -> Client:
    return client_of(Role.BILLING)


def rows(client: Client, path: str) -> list[dict[str, Any]]:
    reply = client.get(f"/api/v1/{path}")
    assert reply.status_code == 200, reply.content
    body = reply.json()
    found: list[dict[str, Any]] = body["results"] if isinstance(body, dict) else body
    return found


def test_kept_papers_are_listed_and_given_out(billing: Client, invoice: Invoice) -> None:
    assert rows(billing, f"invoices/{invoice.pk}/documents") == []
    invoice_papers_make(invoice_id=invoice.pk)

    listed = rows(billing, f"invoices/{invoice.pk}/documents")
    reply = billing.get(f"/api/v1/invoices/{invoice.pk}/documents/facturx")

    assert [paper["kind"] for paper in listed] == ["facturx", "xml"]
    assert reply["Content-Type"] == "application/pdf"
    assert reply["Content-Disposition"] == f'attachment; filename="{invoice.reference}.pdf"'
    assert reply.content.startswith(b"%PDF")
    assert billing.get(f"/api/v1/invoices/{invoice.pk}/documents/pdf").status_code == 404
    assert billing.get(f"/api/v1/invoices/{invoice.pk}/preview").content == reply.content


def test_files_for_the_bank_are_listed_given_out_and_dropped(
    billing: Client, batch: SepaBatch
) -> None:
    (listed,) = rows(billing, "sepa-files")
    (payment,) = rows(billing, f"sepa-files/{batch.pk}/payments")
    drop = f"/api/v1/sepa-payments/{payment['id']}/drop"
    reply = billing.post(drop, json.dumps({"reason": "AM04"}), "application/json")

    assert (listed["total"], listed["count"]) == ("108.50", 1)
    assert billing.get(f"/api/v1/sepa-files/{batch.pk}/content").content == bytes(batch.content)
    assert reply.status_code == 200
    assert SepaItem.objects.get().dropped_reason == "AM04"


def test_who_may_not_see_invoices_gets_no_papers(invoice: Invoice, batch: SepaBatch) -> None:
    invoice_papers_make(invoice_id=invoice.pk)
    partner = client_of(Role.PARTNER_API)

    for path in (
        f"invoices/{invoice.pk}/documents/facturx", f"invoices/{invoice.pk}/preview",
        "sepa-files", f"sepa-files/{batch.pk}/content",
    ):  # fmt: skip
        assert partner.get(f"/api/v1/{path}").status_code == 403, path


def test_the_other_operator_finds_nothing(
    invoice: Invoice, batch: SepaBatch, operator_b: Operator
) -> None:
    invoice_papers_make(invoice_id=invoice.pk)
    other = client_of(Role.BILLING, OTHER_HOST, operator_b.schema_name)

    for path in (
        f"invoices/{invoice.pk}/documents", f"invoices/{invoice.pk}/documents/facturx",
        f"invoices/{invoice.pk}/preview", f"sepa-files/{batch.pk}/content",
        f"sepa-files/{batch.pk}/payments",
    ):  # fmt: skip
        assert other.get(f"/api/v1/{path}").status_code == 404, path
    assert rows(other, "sepa-files") == []


def test_the_admin_lists_and_gives_out(invoice: Invoice, batch: SepaBatch) -> None:
    paper, _xml = invoice_papers_make(invoice_id=invoice.pk)
    books_post(now=ISSUED)
    admin = client_of(Role.BILLING)

    for model in ("invoicedocument", "sepabatch", "sepaitem", "bookentry", "booktaxaccounts"):
        page = admin.get(f"/admin/billing/{model}/")
        assert page.status_code == 200, model
    reply = admin.get(f"/admin/billing/invoicedocument/{paper.pk}/download")
    assert reply.content == bytes(paper.content)
    assert admin.get(f"/admin/billing/sepabatch/{batch.pk}/change/").status_code == 200
    assert b"706000 C 100.00" in admin.get("/admin/billing/bookentry/").content


def test_accounts_are_chosen_in_the_admin(operator_a: Operator) -> None:
    admin = client_of(Role.BILLING)
    fields = {
        field.name: field.default
        for field in BookSettings._meta.concrete_fields
        if field.name not in ("id", "updated_at")
    }

    reply = admin.post("/admin/billing/booksettings/add/", {**fields, "sales": "706100"})
    assert reply.status_code == 302, reply.content
    refused = admin.post("/admin/billing/booksettings/1/change/", {**fields, "sales": "9"})
    rate = {"category": "S", "percent": "8.5", "sales": "706850", "tax_collected": ""}
    admin.post("/admin/billing/booktaxaccounts/add/", rate)

    assert refused.status_code == 200
    assert BookSettings.objects.get().sales == "706100"
    assert BookTaxAccounts.objects.get().percent == Decimal("8.500")
