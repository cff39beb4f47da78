"""The e-reporting data set: what France wants told of sales that no e-invoice carries (flow 10).

Two parts: sales to people, summed by local day, category and tax rate (10.3), and papers to
businesses that are outside the e-invoicing of France, one by one (10.1). The names follow those of
the tax office's external specifications, the files are our own: CSV, and an XML with a namespace
of ours. They are handed to an approved platform, which makes the official flow of them. Payments
(10.2, 10.4) are not in it.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import StringIO

from lxml import etree

from apps.billing.documents.files import CSV, XML, DocumentFile

NAMESPACE = "urn:cariflex:e-reporting:1"
TAXED_SERVICES, UNTAXED = "TPS1", "TNT1"
"""Category of transactions: services under tax, and sales without French tax."""
COLUMNS = (
    "flow", "day", "reference", "category", "currency", "tax_percent", "basis", "tax", "count",
    "buyer_name", "buyer_country", "buyer_vat_number", "tax_category", "exemption_code",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class SalesOfDay:
    """Sales to people on one local day, at one rate, in one currency (flow 10.3).

    Credit notes are taken off, so amounts may be negative.
    """

    day: date
    category: str
    currency: str
    tax_category: str
    tax_percent: Decimal
    basis: Decimal
    tax: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class BusinessPaper:
    """One rate of a paper to a business outside French e-invoicing (flow 10.1)."""

    day: date
    reference: str
    is_credit_note: bool
    currency: str
    tax_category: str
    tax_percent: Decimal
    basis: Decimal
    tax: Decimal
    exemption_code: str
    buyer_name: str
    buyer_country: str
    buyer_vat_number: str

    @property
    def category(self) -> str:
        return category_of(self.tax_percent)


@dataclass(frozen=True, slots=True)
class EReport:
    """The data set of a period [start, end) of one seller."""

    siren: str
    seller: str
    start: date
    end: date
    sales: tuple[SalesOfDay, ...]
    papers: tuple[BusinessPaper, ...]


def category_of(tax_percent: Decimal) -> str:
    """The category of a sale by its rate."""
    return TAXED_SERVICES if tax_percent else UNTAXED


def sales_summed(sales: Iterable[SalesOfDay]) -> tuple[SalesOfDay, ...]:
    """One row for each day, category, currency and rate, in that order."""
    sums: dict[tuple[date, str, str, str, Decimal], SalesOfDay] = {}
    for sale in sales:
        percent = sale.tax_percent.normalize()
        key = (sale.day, sale.category, sale.currency, sale.tax_category, percent)
        known = sums.get(key)
        sums[key] = SalesOfDay(
            *key,
            basis=sale.basis + (known.basis if known else 0),
            tax=sale.tax + (known.tax if known else 0),
            count=sale.count + (known.count if known else 0),
        )
    return tuple(sums[key] for key in sorted(sums))


def report_files(report: EReport) -> tuple[DocumentFile, DocumentFile]:
    """The data set as CSV and as XML."""
    name = f"e-reporting-{report.siren or 'seller'}-{report.start:%Y%m%d}-{report.end:%Y%m%d}"
    return (
        DocumentFile(f"{name}.csv", CSV, _csv(report)),
        DocumentFile(f"{name}.xml", XML, _xml(report)),
    )


def _csv(report: EReport) -> bytes:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for sale in report.sales:
        amounts = (_percent(sale.tax_percent), _amount(sale.basis), _amount(sale.tax), sale.count)
        row = ("10.3", sale.day, "", sale.category, sale.currency, *amounts)
        writer.writerow((*row, "", "", "", sale.tax_category, ""))
    for paper in report.papers:
        sign = -1 if paper.is_credit_note else 1
        amounts = (
            _percent(paper.tax_percent), _amount(sign * paper.basis), _amount(sign * paper.tax), 1,
        )  # fmt: skip
        row = ("10.1", paper.day, _safe(paper.reference), paper.category, paper.currency, *amounts)
        buyer = (_safe(paper.buyer_name), paper.buyer_country, _safe(paper.buyer_vat_number))
        writer.writerow((*row, *buyer, paper.tax_category, paper.exemption_code))
    return text.getvalue().encode()


def _xml(report: EReport) -> bytes:
    root = etree.Element(f"{{{NAMESPACE}}}Report", nsmap={"er": NAMESPACE})
    _put(root, "Issuer", report.seller, siren=report.siren)
    _put(root, "ReportPeriod", start=f"{report.start}", end=f"{report.end}")
    sales = _put(root, "Transactions", flow="10.3")
    for sale in report.sales:
        row = _put(sales, "Transaction", date=f"{sale.day}", category=sale.category)
        _amounts(row, sale, count=sale.count)
    papers = _put(root, "Invoices", flow="10.1")
    for paper in report.papers:
        row = _put(papers, "Invoice", date=f"{paper.day}", id=paper.reference)
        row.set("type", "381" if paper.is_credit_note else "380")
        _put(row, "Buyer", paper.buyer_name, country=paper.buyer_country)
        if paper.buyer_vat_number:
            _put(row, "BuyerVatNumber", paper.buyer_vat_number)
        _amounts(row, paper, count=1)
        if paper.exemption_code:
            _put(row, "ExemptionCode", paper.exemption_code)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _amounts(row: etree._Element, sums: SalesOfDay | BusinessPaper, *, count: int) -> None:
    _put(row, "TaxCategory", sums.tax_category, percent=_percent(sums.tax_percent))
    _put(row, "TaxableAmount", _amount(sums.basis), currency=sums.currency)
    _put(row, "TaxAmount", _amount(sums.tax), currency=sums.currency)
    _put(row, "Count", str(count))


def _put(
    parent: etree._Element, name: str, text: str | None = None, **attributes: str
) -> etree._Element:
    node = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
    node.text = text
    return node


def _amount(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _percent(percent: Decimal) -> str:
    return f"{percent.normalize():f}"


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
