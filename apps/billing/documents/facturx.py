"""Factur-X 1.0 (ZUGFeRD 2), profile EN 16931: what must be there, the schema, the PDF."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources

from lxml import etree

from apps.billing.choices import TaxCategory
from apps.billing.documents.cii import electronic_address, invoice_xml, is_vat_number
from apps.billing.documents.papers import InvoicePaper
from apps.billing.documents.rendering import paper_pdf
from cariflex.common.errors import DomainError

SCHEMA = ("xsd_and_schematron", "facturx-en16931", "Factur-X_EN16931.xsd")
TAXED = frozenset({TaxCategory.STANDARD, TaxCategory.ZERO, TaxCategory.EXEMPT})
NO_TAX_ADDS = Decimal(0)


@dataclass(frozen=True, slots=True)
class Missing:
    """What keeps an invoice from following a rule of EN 16931."""

    rule: str
    """Such as BR-11."""
    text: str


def missing_for_en16931(paper: InvoicePaper) -> tuple[Missing, ...]:
    """The rules that this paper's parties, taxes and sums do not follow; empty when all is well.

    Only rules that rows of ours can break; the tests hold the whole Schematron against the XML.
    """
    return tuple(Missing(rule, text) for rule, text in _problems(paper))


def _problems(paper: InvoicePaper) -> Iterator[tuple[str, str]]:
    seller, buyer = paper.seller, paper.buyer
    categories = {tax.category for tax in paper.taxes}
    if not paper.reference or paper.issued_on is None:
        yield "BR-02", "The invoice is not issued yet."
    if not seller.name:
        yield "BR-06", "The seller has no name."
    if not buyer.name:
        yield "BR-07", "The customer has no name."
    if not seller.country_code:
        yield "BR-09", "The seller has no country."
    if not buyer.country_code:
        yield "BR-11", "The customer has no country."
    if not paper.lines:
        yield "BR-16", "The invoice has no line."
    if not seller.siren and not (is_vat_number(seller) and TaxCategory.OUTSIDE not in categories):
        yield "BR-CO-26", "The seller has neither SIREN nor VAT number."
    if categories & TAXED and not seller.vat_number:
        yield "BR-S-02", "The seller has no VAT number."
    if TaxCategory.REVERSE_CHARGE in categories:
        if not is_vat_number(seller):
            yield "BR-AE-02", "Reverse charge: the seller has no VAT number."
        if not (is_vat_number(buyer) or buyer.siren):
            yield "BR-AE-02", "Reverse charge: the customer has neither VAT number nor SIREN."
    if TaxCategory.OUTSIDE in categories and len(paper.taxes) > 1:
        yield "BR-O-11", "Lines outside the scope of tax stand with other lines."
    for tax in paper.taxes:
        exempt = tax.category not in (TaxCategory.STANDARD, TaxCategory.ZERO)
        if exempt and not (tax.legal_mention or tax.exemption_code):
            yield f"BR-{tax.category}-10", f"{tax.name} has no legal mention."
        if tax.category == TaxCategory.STANDARD and tax.percent <= 0:
            yield "BR-S-05", f"{tax.name} at the standard rate is 0 %."
    if seller.is_french and paper.buyer_is_business and not electronic_address(buyer)[0]:
        yield "BR-FR-12", "The customer has no electronic address (SIREN or e-mail)."
    yield from _sums(paper)


def _sums(paper: InvoicePaper) -> Iterator[tuple[str, str]]:
    if sum((line.net for line in paper.lines), Decimal(0)) != paper.net:
        yield "BR-CO-10", "The lines do not add up to the total excl. tax."
    if sum((tax.amount for tax in paper.taxes), Decimal(0)) != paper.tax:
        yield "BR-CO-14", "The taxes do not add up."
    if paper.net + paper.tax != paper.gross:
        yield "BR-CO-15", "Net and tax do not add up to the total."
    for tax in paper.taxes:
        if tax.category != TaxCategory.STANDARD and tax.amount != NO_TAX_ADDS:
            yield f"BR-{tax.category}-09", f"{tax.name} adds tax in a category that has none."


@cache
def _schema() -> etree.XMLSchema:
    with resources.as_file(resources.files("facturx").joinpath(*SCHEMA)) as path:
        return etree.XMLSchema(etree.parse(path))


def checked_xml(paper: InvoicePaper) -> bytes:
    """The invoice as EN 16931 XML that the schema accepts.

    DomainError `documents.en16931_incomplete` naming the rule when something is missing.
    """
    missing = missing_for_en16931(paper)
    if missing:
        raise DomainError(
            "documents.en16931_incomplete",
            " ".join(f"{each.text} ({each.rule})" for each in missing),
        )
    xml = invoice_xml(paper)
    schema = _schema()
    if not schema.validate(etree.fromstring(xml)):
        raise DomainError("documents.en16931_schema", str(schema.error_log)[:500])
    return xml


def facturx_pdf(paper: InvoicePaper, xml: bytes) -> bytes:
    """The paper as PDF/A-3 with that XML inside as factur-x.xml."""
    return paper_pdf(paper, xml=xml)
