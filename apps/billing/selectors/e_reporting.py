"""What the e-reporting data set of a month says, from issued papers and sessions paid at once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from apps.billing.choices import AccountKind, InvoiceState
from apps.billing.documents.e_reporting import (
    BusinessPaper,
    EReport,
    SalesOfDay,
    category_of,
    report_files,
    sales_summed,
)
from apps.billing.documents.files import ZIP, DocumentFile
from apps.billing.models import Cdr, Invoice
from apps.billing.months import local_day, month_after, month_interval, month_of
from apps.billing.selectors.accounts import books_time_zone, issuer_get
from apps.chargers.models import AdHocCharge
from cariflex.common.errors import DomainError
from cariflex.common.money import round_half_up

E_INVOICED = frozenset({"FR", "GP", "MQ", "RE"})
"""Where businesses get e-invoices: France with the islands in its VAT (CGI art. 289 bis)."""
STANDARD, OUTSIDE = "S", "O"


def e_reporting(*, month: date) -> DocumentFile:
    """The data set of a month as a ZIP of one CSV and one XML.

    DomainError `billing.issuer_missing` while nobody has entered who sells.
    """
    files = report_files(e_report(month=month))
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(file.name, file.content)
    return DocumentFile(f"{files[0].name.removesuffix('.csv')}.zip", ZIP, packed.getvalue())


def e_report(*, month: date) -> EReport:
    """Sales and papers dated in a month of the operator's time zone."""
    month = month_of(month)
    issuer = issuer_get()
    if issuer is None:
        raise DomainError("billing.issuer_missing", "Enter who issues the invoices first.")
    end = month_after(month)
    invoices = list(
        Invoice.objects.select_related("account")
        .filter(state=InvoiceState.ISSUED, issued_on__gte=month, issued_on__lt=end)
        .order_by("issued_on", "pk")
    )
    people = [invoice for invoice in invoices if _kind(invoice) == AccountKind.PERSON]
    outside = [
        invoice
        for invoice in invoices
        if _kind(invoice) != AccountKind.PERSON and _place(invoice.buyer) not in E_INVOICED
    ]
    sales = [sale for invoice in people for sale in _sales(invoice)]
    return EReport(
        siren=issuer.siren,
        seller=issuer.name,
        start=month,
        end=end,
        sales=sales_summed([*sales, *_paid_at_once(month)]),
        papers=tuple(paper for invoice in outside for paper in _papers(invoice)),
    )


def _kind(invoice: Invoice) -> str:
    return str(invoice.buyer.get("kind") or invoice.account.kind)


def _place(buyer: Mapping[str, Any]) -> str:
    """The buyer's territory where it is one of France's, else the country."""
    country = str(buyer.get("country_code") or "")
    return str(buyer.get("territory") or country) if country == "FR" else country


def _sales(invoice: Invoice) -> Iterator[SalesOfDay]:
    for tax in invoice.taxes:
        percent = Decimal(str(tax["percent"]))
        yield SalesOfDay(
            day=invoice.issued_on or invoice.month,
            category=category_of(percent),
            currency=invoice.currency,
            tax_category=str(tax["category"]),
            tax_percent=percent,
            basis=invoice.sign * Decimal(str(tax["basis"])),
            tax=invoice.sign * Decimal(str(tax["amount"])),
            count=1,
        )


def _papers(invoice: Invoice) -> Iterator[BusinessPaper]:
    for tax in invoice.taxes:
        yield BusinessPaper(
            day=invoice.issued_on or invoice.month,
            reference=str(invoice.reference),
            is_credit_note=invoice.sign < 0,
            currency=invoice.currency,
            tax_category=str(tax["category"]),
            tax_percent=Decimal(str(tax["percent"])),
            basis=Decimal(str(tax["basis"])),
            tax=Decimal(str(tax["amount"])),
            exemption_code=str(tax.get("exemption_code") or ""),
            buyer_name=str(invoice.buyer.get("name") or ""),
            buyer_country=_place(invoice.buyer),
            buyer_vat_number=str(invoice.buyer.get("vat_number") or ""),
        )


def _paid_at_once(month: date) -> Iterator[SalesOfDay]:
    """Sessions of people without a contract whose money was taken in the month, less refunds."""
    zone = books_time_zone()
    period = month_interval(month, zone)
    charges = list(
        AdHocCharge.objects.filter(
            settled_at__gte=period.start, settled_at__lt=period.end, captured_amount__gt=0
        ).order_by("settled_at")
    )
    references = [charge.cdr_reference for charge in charges]
    ratings = dict(Cdr.objects.filter(reference__in=references).values_list("reference", "rating"))
    for charge in charges:
        if charge.settled_at is None or charge.captured_amount is None:
            continue
        taken = charge.captured_amount - charge.refunded_amount
        if taken <= 0:
            continue
        taxes = ratings.get(charge.cdr_reference, {}).get("taxes", [])
        rates = [
            (Decimal(str(tax["percent"] or 0)), Decimal(str(tax["base"])) + Decimal(tax["amount"]))
            for tax in taxes
        ]
        for percent, gross in gross_split(taken, rates):
            tax_amount = round_half_up(gross * percent / (100 + percent))
            yield SalesOfDay(
                day=local_day(charge.settled_at, zone),
                category=category_of(percent),
                currency=charge.currency,
                tax_category=STANDARD if percent else OUTSIDE,
                tax_percent=percent,
                basis=gross - tax_amount,
                tax=tax_amount,
                count=1,
            )


def gross_split(
    taken: Decimal, rates: Sequence[tuple[Decimal, Decimal]]
) -> list[tuple[Decimal, Decimal]]:
    """What was taken, parted by tax rate as the CDR is; the parts add up to it.

    `rates`: percent and gross of each rate; without any, all is without tax.
    """
    whole = sum((gross for _percent, gross in rates), Decimal(0))
    if not whole:
        return [(Decimal(0), taken)]
    parts, rest = [], taken
    for percent, gross in rates[:-1]:
        part = round_half_up(taken * gross / whole)
        parts.append((percent, part))
        rest -= part
    return [*parts, (rates[-1][0], rest)]
