"""Invoices as EN 16931 XML: the schema, the Schematron, and an independent reader agree."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from drafthorse.models.document import Document
from lxml import etree

from apps.billing.choices import TaxCategory
from apps.billing.documents.cii import NAMESPACES, invoice_xml
from apps.billing.documents.facturx import checked_xml, missing_for_en16931
from apps.billing.documents.papers import InvoicePaper, PartyPaper
from apps.billing.templatetags.papers import price_of_one
from cariflex.common.errors import DomainError
from tests.billing.documents import samples
from tests.billing.documents.samples import line
from tests.billing.documents.schematron import FRENCH, broken_rules

D = Decimal
Make = Callable[[], InvoicePaper]
NOT_FRENCH_FLOW = {"person"}
"""The French rules are those of papers between businesses."""


def texts(xml: bytes, path: str) -> list[str]:
    return [node.text for node in etree.fromstring(xml).iterfind(f".//{path}", NAMESPACES)]


@pytest.mark.parametrize("make", samples.ALL.values(), ids=samples.ALL)
def test_every_tax_category_passes_schema_and_schematron(make: Make) -> None:
    xml = checked_xml(make())

    assert broken_rules(xml) == []


@pytest.mark.parametrize("name", sorted(set(samples.ALL) - NOT_FRENCH_FLOW))
def test_papers_between_businesses_pass_the_rules_of_the_french_reform(name: str) -> None:
    assert broken_rules(checked_xml(samples.ALL[name]()), FRENCH) == []


@pytest.mark.parametrize("make", samples.ALL.values(), ids=samples.ALL)
def test_an_independent_reader_finds_the_amounts_of_the_paper(make: Make) -> None:
    paper = make()

    read = Document.parse(checked_xml(paper))

    sums = read.trade.settlement.monetary_summation
    assert str(read.header.id) == paper.reference
    assert str(read.header.type_code) == ("381" if paper.is_credit_note else "380")
    assert str(read.trade.settlement.currency_code) == paper.currency
    assert sums.tax_basis_total._amount == paper.net
    assert sums.grand_total._amount == paper.gross
    assert sums.due_amount._value == paper.gross
    assert len(read.trade.items.children) == len(paper.lines)


def test_the_schematron_does_find_what_is_wrong() -> None:
    wrong = replace(samples.standard(), gross=D("133.99"))

    assert any("BR-CO-15" in rule for rule in broken_rules(invoice_xml(wrong)))


def test_each_rate_has_its_own_breakdown() -> None:
    xml = checked_xml(samples.standard())

    tax = "ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax"
    assert texts(xml, f"{tax}/ram:BasisAmount") == ["109.36", "15.00"]
    assert texts(xml, f"{tax}/ram:CalculatedAmount") == ["9.30", "0.32"]
    assert texts(xml, f"{tax}/ram:RateApplicablePercent") == ["8.5", "2.1"]


def test_a_credit_note_names_its_invoice() -> None:
    xml = checked_xml(samples.credit_note())

    assert texts(xml, "ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == ["F-2026-000042"]
    assert texts(xml, "ram:InvoiceReferencedDocument//qdt:DateTimeString") == ["20260402"]


def test_another_currency_tells_its_tax_in_euros_too() -> None:
    xml = checked_xml(samples.caribbean_dollars())

    assert texts(xml, "ram:InvoiceCurrencyCode") == ["XCD"]
    assert texts(xml, "ram:TaxCurrencyCode") == ["EUR"]
    assert texts(xml, "ram:TaxTotalAmount") == ["9.30", "3.18"]


def test_outside_the_scope_no_vat_number_stands_on_it() -> None:
    xml = checked_xml(samples.outside())

    assert texts(xml, "ram:SpecifiedTaxRegistration/ram:ID") == []


def test_a_direct_debit_names_mandate_and_creditor() -> None:
    xml = checked_xml(samples.person())

    assert texts(xml, "ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode") == ["59"]
    assert texts(xml, "ram:DirectDebitMandateID") == ["RUM-1007"]
    assert texts(xml, "ram:CreditorReferenceID") == ["FR72ZZZ123456"]


def test_what_is_given_back_has_a_negative_quantity() -> None:
    xml = checked_xml(samples.person())

    assert texts(xml, "ram:BilledQuantity") == ["100", "-10"]
    assert texts(xml, "ram:ChargeAmount") == ["0.45", "0.5"]


@pytest.mark.parametrize(
    ("net", "quantity", "price"),
    [
        ("109.36", "312.4568", "0.35"),
        ("15.00", "3", "5.00"),
        ("10.00", "3", "3.333"),
        ("100000.00", "333333.3333", "0.30"),
        # No price of six decimals gives this back: the nearest stands there.
        ("1234567.89", "9876543.2109", "0.125000"),
        ("12.34", "0", "12.34"),
    ],
)
def test_the_price_of_one_is_the_shortest_that_gives_the_net(
    net: str, quantity: str, price: str
) -> None:
    assert price_of_one(D(net), D(quantity)) == D(price)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (replace(samples.standard(), reference=""), "BR-02"),
        (replace(samples.standard(), lines=()), "BR-16"),
        (replace(samples.standard(), buyer=replace(samples.COMPANY, country_code="")), "BR-11"),
        (replace(samples.standard(), buyer=replace(samples.COMPANY, name="")), "BR-07"),
        (replace(samples.standard(), seller=replace(samples.SELLER, vat_number="")), "BR-S-02"),
        (replace(samples.standard(), net=D("124.37")), "BR-CO-10"),
        (replace(samples.standard(), tax=D("9.63")), "BR-CO-14"),
        (samples.untaxed(TaxCategory.EXEMPT, ""), "BR-E-10"),
        (
            replace(samples.reverse_charge(), buyer=PartyPaper("X", country_code="DE")),
            "BR-AE-02",
        ),
        (
            replace(
                samples.outside(),
                lines=(*samples.outside().lines, line(2, "0.00")),
                taxes=(*samples.outside().taxes, *samples.person().taxes),
            ),
            "BR-O-11",
        ),
        (
            replace(
                samples.standard(), buyer=replace(samples.COMPANY, siren="", siret="", email="")
            ),
            "BR-FR-12",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_missing_is_said_with_its_rule(wrong: InvoicePaper, rule: str) -> None:
    assert rule in {missing.rule for missing in missing_for_en16931(wrong)}

    with pytest.raises(DomainError) as refused:
        checked_xml(wrong)
    assert refused.value.code == "documents.en16931_incomplete"
    assert rule in refused.value.message


@pytest.mark.parametrize("make", samples.ALL.values(), ids=samples.ALL)
def test_nothing_is_missing_from_good_papers(make: Make) -> None:
    assert missing_for_en16931(make()) == ()
