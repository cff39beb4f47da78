"""Files for the bank: what the schema accepts, once for each paper, with words when refused."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from apps.billing.documents.sepa import (
    BankFile,
    BankOrder,
    BankParty,
    Mandate,
    bank_text,
    credit_xml,
    debit_xml,
)
from apps.billing.models import BillingAccount, Invoice, SepaBatch, SepaItem, Settlement
from apps.billing.selectors.sepa import credit_candidates, debit_candidates
from apps.billing.services.payments import payment_register
from apps.billing.services.payments_allocate import payment_allocate
from apps.billing.services.sepa import sepa_credit_file, sepa_debit_file, sepa_item_drop
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.documents.rows import ISSUED, MARCH, account_make, invoice_make, issuer_make

D = Decimal
IBAN = "FR1420041010050500013M02606"
OWNER = BankParty("Énergie des Îles", "FR7630006000011234567890189", "AGRIFRPP")
FILE = BankFile(
    "DD-1", OWNER, date(2026, 4, 20), datetime(2026, 4, 2, 15, 0, tzinfo=UTC), "FR72ZZZ123456"
)
ORDER = BankOrder(
    "INV-2026-000001", D("108.50"), BankParty("Éloïse & Fils <SARL>", IBAN), "INV-2026-000001",
    Mandate("RUM 1007", date(2026, 1, 5)),
)  # fmt: skip
PAYS = date(2026, 4, 20)


def texts(xml: bytes, name: str) -> list[str | None]:
    return [node.text for node in etree.fromstring(xml).iterfind(f".//{{*}}{name}")]


def debtor(code: str = "taxis", **fields: Any) -> BillingAccount:
    mandate = {"sepa_mandate_id": f"RUM-{code}", "sepa_mandate_signed_on": date(2026, 1, 5)}
    return account_make(code, **{**mandate, **fields})


def refused_debit(*invoices: Invoice, pays_on: date = PAYS) -> str:
    with pytest.raises(DomainError) as refused:
        sepa_debit_file(
            invoice_ids=[each.pk for each in invoices], pays_on=pays_on, key="k", now=ISSUED
        )
    assert not SepaBatch.objects.exists()
    return refused.value.code


def test_direct_debits_have_sums_counts_and_mandates() -> None:
    xml = debit_xml(FILE, [ORDER, replace(ORDER, end_to_end_id="INV-2", amount=D("0.05"))])

    assert texts(xml, "NbOfTxs") == ["2", "2"]
    assert texts(xml, "CtrlSum") == ["108.55", "108.55"]
    assert texts(xml, "InstdAmt") == ["108.50", "0.05"]
    assert texts(xml, "MndtId") == ["RUM-1007", "RUM-1007"]
    assert texts(xml, "ReqdColltnDt") == ["2026-04-20"]
    assert texts(xml, "MsgId") == ["DD-1"]
    assert texts(xml, "CreDtTm") == ["2026-04-02T15:00:00+00:00"]
    assert b"urn:iso:std:iso:20022:tech:xsd:pain.008.001.08" in xml


def test_credit_transfers_go_to_the_party() -> None:
    xml = credit_xml(FILE, [replace(ORDER, mandate=None)])

    assert texts(xml, "InstdAmt") == ["108.50"]
    assert texts(xml, "EndToEndId") == ["INV-2026-000001"]
    assert texts(xml, "IBAN") == [OWNER.iban, IBAN]
    assert b"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09" in xml


def test_text_has_the_characters_that_every_bank_takes() -> None:
    assert bank_text("Éloïse & Fils <SARL> — n° 5", 70) == "Eloise Fils SARL n 5"
    assert len(bank_text("a" * 200, 70)) == 70


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (replace(ORDER, amount=D("0.00")), "documents.amount_invalid"),
        (replace(ORDER, amount=D("1.005")), "documents.amount_invalid"),
        (replace(ORDER, party=BankParty("X", "FR001")), "documents.iban_invalid"),
        (replace(ORDER, party=BankParty("X", IBAN, "NOBIC")), "documents.bic_invalid"),
        (replace(ORDER, mandate=None), "documents.mandate_missing"),
    ],
)
def test_what_a_bank_would_refuse_is_refused_here(order: BankOrder, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        debit_xml(FILE, [order])
    assert refused.value.code == code


def test_an_empty_file_is_none() -> None:
    with pytest.raises(DomainError, match="nothing to pay"):
        credit_xml(FILE, [])


def test_open_invoices_are_collected_once(operator_a: Operator) -> None:
    issuer_make()
    account = debtor()
    first, second = invoice_make(account, "100.00"), invoice_make(account, "20.00")
    payment = payment_register(
        method="transfer", amount=D("8.50"), currency="EUR", paid_on=date(2026, 4, 3),
        account_id=account.pk,
    )  # fmt: skip
    payment_allocate(payment_id=payment.pk, invoice_id=first.pk, amount=D("8.50"))
    assert [row.pk for row in debit_candidates()] == [first.pk, second.pk]

    ids = [second.pk, first.pk]
    batch = sepa_debit_file(invoice_ids=ids, pays_on=PAYS, key="april", now=ISSUED)
    again = sepa_debit_file(invoice_ids=ids, pays_on=PAYS, key="april", now=ISSUED)

    assert again.pk == batch.pk
    assert (batch.count, batch.total) == (2, D("121.70"))
    assert texts(bytes(batch.content), "InstdAmt") == ["100.00", "21.70"]
    assert texts(bytes(batch.content), "EndToEndId") == [first.reference, second.reference]
    assert not debit_candidates().exists()
    with pytest.raises(DomainError) as refused:
        sepa_debit_file(invoice_ids=[first.pk], pays_on=PAYS, key="may", now=ISSUED)
    assert refused.value.code == "sepa.in_file"


def test_a_dropped_payment_is_tried_again_under_another_id(operator_a: Operator) -> None:
    issuer_make()
    invoice = invoice_make(debtor(), "100.00")
    batch = sepa_debit_file(invoice_ids=[invoice.pk], pays_on=PAYS, key="april", now=ISSUED)
    item = SepaItem.objects.get(batch=batch)
    with pytest.raises(DomainError, match="Say why"):
        sepa_item_drop(item_id=item.pk, reason=" ", by=None)

    sepa_item_drop(item_id=item.pk, reason="AM04", by=None, now=ISSUED)
    sepa_item_drop(item_id=item.pk, reason="again", by=None, now=ISSUED)
    second = sepa_debit_file(invoice_ids=[invoice.pk], pays_on=PAYS, key="may", now=ISSUED)

    item.refresh_from_db()
    assert item.dropped_reason == "AM04"
    assert texts(bytes(second.content), "EndToEndId") == [f"{invoice.reference}-R1"]


def test_what_cannot_be_collected_is_refused_with_its_reason(operator_a: Operator) -> None:
    issuer_make()
    good = invoice_make(debtor("good"), "100.00")
    cases = {
        "sepa.mandate_missing": invoice_make(account_make("nomandate"), "1.00"),
        "sepa.iban_missing": invoice_make(debtor("noiban", iban=""), "1.00"),
        "sepa.credit_note": invoice_make(good.account, "1.00", credits=good),
    }

    for code, invoice in cases.items():
        assert refused_debit(good, invoice) == code
    assert refused_debit(good, pays_on=date(2026, 4, 2)) == "sepa.day_past"
    issuer_make(sepa_creditor_id="")
    assert refused_debit(good) == "sepa.creditor_id_missing"


def test_what_we_owe_partners_is_transferred(operator_a: Operator) -> None:
    issuer_make()
    partner = account_make("voltaria", kind="emsp", party_country_code="DE", party_id="VLT")
    settlement = Settlement.objects.create(
        account=partner, month=MARCH, direction="payable", state="confirmed", currency="EUR",
        net=D("24.60"), total=D("24.60"), confirmed_at=ISSUED,
    )  # fmt: skip
    assert credit_candidates() == [(settlement, D("24.60"))]

    batch = sepa_credit_file(
        settlement_ids=[settlement.pk], pays_on=PAYS, key="partners", now=ISSUED
    )

    assert texts(bytes(batch.content), "InstdAmt") == ["24.60"]
    assert credit_candidates() == []


def test_no_file_takes_the_other_operators_invoices(
    operator_a: Operator, operator_b: Operator
) -> None:
    issuer_make()
    invoice = invoice_make(debtor(), "100.00")

    with operator_context(operator_b.schema_name):
        issuer_make()
        with pytest.raises(DomainError) as refused:
            sepa_debit_file(invoice_ids=[invoice.pk], pays_on=PAYS, key="k", now=ISSUED)
        assert refused.value.code == "billing.invoice_unknown"
        assert not SepaBatch.objects.exists()
