"""Papers from rows: kept once, as they were; bundles, statements and the e-reporting set."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from zipfile import ZipFile

import pytest
from facturx import get_facturx_xml_from_pdf
from lxml import etree

from apps.billing.choices import DocumentKind
from apps.billing.documents.facturx import checked_xml
from apps.billing.models import ExchangeRate, Invoice, InvoiceDocument, PartnerCdr, Settlement
from apps.billing.selectors.e_reporting import e_report, e_reporting, gross_split
from apps.billing.selectors.papers import invoice_paper, settlement_paper
from apps.billing.services.documents import (
    facturx_bundle,
    invoice_papers_make,
    invoice_papers_sweep,
    invoice_preview,
    invoices_of_month,
    paper_of_settlement,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.documents.rows import MARCH, account_make, invoice_make, issuer_make
from tests.billing.documents.samples import PERSON
from tests.billing.documents.schematron import FRENCH, broken_rules

D = Decimal
CII = {"ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"}


@pytest.fixture
def invoice(operator_a: Operator) -> Invoice:
    issuer_make()
    return invoice_make(account_make(), "100.00")


def test_an_issued_invoice_gets_its_papers_once(invoice: Invoice) -> None:
    first = invoice_papers_make(invoice_id=invoice.pk)
    second = invoice_papers_make(invoice_id=invoice.pk)

    assert [paper.kind for paper in first] == [DocumentKind.FACTURX, DocumentKind.XML]
    assert [paper.pk for paper in second] == [paper.pk for paper in first]
    pdf, xml = first
    _name, inside = get_facturx_xml_from_pdf(BytesIO(bytes(pdf.content)))
    assert inside == bytes(xml.content)
    assert broken_rules(inside) == []
    assert broken_rules(inside, FRENCH) == []
    total = etree.fromstring(inside).findtext(".//ram:GrandTotalAmount", None, CII)
    assert D(str(total)) == invoice.gross == D("108.50")


def test_a_credit_note_in_xcd_passes_the_rules_too(operator_a: Operator) -> None:
    issuer_make()
    ExchangeRate.objects.create(currency="XCD", on=date(2026, 4, 1), euros=D("0.342"))
    first = invoice_make(account_make(currency="XCD"), "100.00")
    ExchangeRate.objects.filter(currency="XCD").update(euros=D("0.9"))
    note = invoice_make(first.account, "10.00", credits=first)

    paper = invoice_paper(note)
    xml = checked_xml(paper)

    assert paper.home_tax is not None
    # The rate of the invoice, not of the day of the note: 0.85 x 0.342 = 0.2907.
    assert paper.home_tax.amount == D("0.29")
    assert paper.credited is not None
    assert paper.credited.reference == first.reference
    assert broken_rules(xml) == []
    assert broken_rules(xml, FRENCH) == []


def test_the_paper_is_that_of_the_day_of_issue(invoice: Invoice) -> None:
    invoice.account.name = "Renamed"
    invoice.account.save()

    assert invoice_paper(invoice).buyer.name == "Taxis Karukéra & Fils <SARL>"


def test_without_what_en_16931_wants_there_is_a_plain_pdf(operator_a: Operator) -> None:
    issuer_make()
    account = account_make(
        country_code="NL", territory="", siren="", siret="", email="", vat_number=""
    )
    invoice = invoice_make(account, "100.00")

    (paper,) = invoice_papers_make(invoice_id=invoice.pk)

    assert paper.kind == DocumentKind.PDF
    assert bytes(paper.content).startswith(b"%PDF-1.7")


def test_the_sweep_makes_what_no_task_made(invoice: Invoice) -> None:
    assert invoice_papers_sweep() == 1
    assert invoice_papers_sweep() == 0
    assert InvoiceDocument.objects.filter(invoice=invoice).count() == 2


def test_a_draft_has_a_preview_and_no_papers(operator_a: Operator) -> None:
    issuer_make()
    account = account_make()
    draft = Invoice.objects.create(account=account, month=MARCH, currency="EUR", language="fr")

    file = invoice_preview(invoice_id=draft.pk)

    assert file.name == "draft-taxis-2026-03.pdf"
    assert file.content.startswith(b"%PDF")
    with pytest.raises(DomainError) as refused:
        invoice_papers_make(invoice_id=draft.pk)
    assert refused.value.code == "documents.invoice_not_issued"


def test_a_bundle_holds_pdf_and_xml_of_each(invoice: Invoice) -> None:
    out, heard = BytesIO(), []

    files = facturx_bundle(
        invoice_ids=invoices_of_month(month=MARCH), out=out, progress=heard.append
    )

    assert (files, heard) == (2, [1])
    with ZipFile(out) as archive:
        assert archive.namelist() == [f"{invoice.reference}.pdf", f"{invoice.reference}.xml"]
        assert archive.testzip() is None


def test_a_statement_sums_by_local_day(operator_a: Operator) -> None:
    issuer_make()
    partner = account_make("voltaria", kind="emsp", party_country_code="DE", party_id="VLT")
    settlement = Settlement.objects.create(
        account=partner, month=MARCH, direction="payable", currency="EUR", cdr_count=3,
        net=D("12.00"), tax=D("0.00"), total=D("12.00"),
    )  # fmt: skip
    # 02:00 UTC on the 3rd is 22:00 on the 2nd in Guadeloupe.
    for number, (day, hour, net, credit) in enumerate(
        [(2, 12, "10.00", False), (3, 2, "4.00", False), (4, 12, "-2.00", True)]
    ):
        at = datetime(2026, 3, day, hour, tzinfo=UTC)
        PartnerCdr.objects.create(
            account=partner, kind="received", partner_reference=f"C{number}", started_at=at,
            ended_at=at, energy_kwh=D(10), currency="EUR", net=D(net), is_credit=credit,
            received_at=at, settlement=settlement,
        )  # fmt: skip

    paper = settlement_paper(settlement)

    assert [(row.day.day, row.cdr_count, row.energy_kwh, row.net) for row in paper.rows] == [
        (2, 2, D(20), D("14.00")),
        (4, 1, D(-10), D("-2.00")),
    ]
    file = paper_of_settlement(settlement_id=settlement.pk)
    assert file.name == "statement-voltaria-2026-03-payable-EUR.pdf"
    assert file.content.startswith(b"%PDF")


def test_the_data_set_sums_people_by_day_and_lists_papers_abroad(operator_a: Operator) -> None:
    issuer_make()
    people = {
        "kind": "person", "name": PERSON.name, "siren": "", "siret": "", "vat_number": "",
    }  # fmt: skip
    first, second = account_make("p1", **people), account_make("p2", **people)
    paper = invoice_make(first, "100.00")
    invoice_make(second, "50.00")
    invoice_make(first, "10.00", credits=paper)
    abroad = account_make(
        "rbv", kind="emsp", party_country_code="NL", party_id="RBV", country_code="NL",
        territory="", siren="", siret="", vat_number="", tax_treatment="outside",
    )  # fmt: skip
    invoice_make(abroad, "30.00", percent="0", category="O")
    invoice_make(account_make("domestic"), "70.00")

    report = e_report(month=date(2026, 4, 1))

    (day,) = report.sales
    assert (day.day, day.category, day.tax_percent) == (date(2026, 4, 2), "TPS1", D("8.5"))
    # 100.00 + 50.00 - 10.00, and 8.50 + 4.25 - 0.85.
    assert (day.basis, day.tax, day.count) == (D("140.00"), D("11.90"), 3)
    (row,) = report.papers
    assert (row.buyer_country, row.basis, row.tax, row.category) == (
        "NL", D("30.00"), D("0.00"), "TNT1",
    )  # fmt: skip
    with ZipFile(BytesIO(e_reporting(month=date(2026, 4, 1)).content)) as archive:
        csv_name, xml_name = archive.namelist()
        lines = archive.read(csv_name).decode().splitlines()
        root = etree.fromstring(archive.read(xml_name))
    assert csv_name == "e-reporting-732829320-20260401-20260501.csv"
    assert lines[1] == "10.3,2026-04-02,,TPS1,EUR,8.5,140.00,11.90,3,,,,S,"
    assert len(root.findall(".//{*}Transaction")) == 1
    assert len(root.findall(".//{*}Invoice")) == 1


@pytest.mark.parametrize(
    ("taken", "rates", "parts"),
    [
        ("10.85", [("8.5", "10.85")], [("8.5", "10.85")]),
        ("10.00", [("8.5", "6.00"), ("2.1", "3.00")], [("8.5", "6.67"), ("2.1", "3.33")]),
        ("5.00", [], [("0", "5.00")]),
    ],
)
def test_what_was_taken_is_parted_by_rate_to_the_cent(
    taken: str, rates: list[tuple[str, str]], parts: list[tuple[str, str]]
) -> None:
    found = gross_split(D(taken), [(D(percent), D(gross)) for percent, gross in rates])

    assert found == [(D(percent), D(gross)) for percent, gross in parts]


def test_papers_of_one_operator_are_not_the_others(invoice: Invoice, operator_b: Operator) -> None:
    with operator_context(operator_b.schema_name):
        issuer_make()
        with pytest.raises(DomainError):
            invoice_papers_make(invoice_id=invoice.pk)
        assert invoice_papers_sweep() == 0
        assert e_report(month=date(2026, 4, 1)).sales == ()
        assert invoices_of_month(month=MARCH) == []
    assert invoices_of_month(month=MARCH) == [invoice.pk]
