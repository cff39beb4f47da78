"""Invoices and credit notes: lists, what stands on one, and why a draft may not be issued."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum

from apps.billing.choices import (
    AccountKind,
    InvoiceKind,
    InvoiceState,
    TaxCategory,
    TaxTreatment,
)
from apps.billing.models import BillingAccount, Invoice, InvoiceCdr, InvoiceSeries, Issuer
from apps.billing.months import local_day
from apps.billing.party_checks import FRANCE
from apps.billing.selectors.accounts import books_time_zone, issuer_get
from apps.billing.selectors.taxes import BOOKS_CURRENCY, euros_at
from apps.billing.tax_rules import TAX_MISMATCH, TAX_UNKNOWN
from cariflex.common.api.pages import Page, page_of
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

_NEEDED_OF_ISSUER = ("name", "street", "postal_code", "city", "territory")
_TAX_WORDS = {
    TAX_UNKNOWN: "No tax is known for the territory on that day: add a tax rate, or correct it.",
    TAX_MISMATCH: "The tariff's rate of {percent} % is none of the territory's on that day.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a draft may not be issued; `field` names the input to correct."""

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class InvoiceTotals:
    """Sums of a selection in one currency; credit notes are taken off."""

    currency: str
    invoices: int
    credit_notes: int
    net: Decimal
    tax: Decimal
    gross: Decimal


def invoice_rows() -> QuerySet[Invoice]:
    """Papers with their account and the invoice that a note credits."""
    return Invoice.objects.select_related("account", "credits")


def invoices_filtered(
    *,
    month: date | None = None,
    account: str | None = None,
    state: str | None = None,
    kind: str | None = None,
    currency: str | None = None,
    reference: str | None = None,
) -> QuerySet[Invoice]:
    """Papers of a month, an account's code, a state, a kind, a currency or with a number."""
    invoices = invoice_rows().order_by("-pk")
    wanted = {
        "month": month, "account__code": account, "state": state, "kind": kind,
        "currency": currency, "reference": reference,
    }  # fmt: skip
    return invoices.filter(**{name: value for name, value in wanted.items() if value is not None})


def invoices_page(*, after: int | None, limit: int, **filters: Any) -> Page[Invoice]:
    """A page of them, those that were made last first. One query."""
    invoices = invoices_filtered(**filters)
    if after is not None:
        invoices = invoices.filter(pk__lt=after)
    return page_of(list(invoices[: limit + 1]), limit, lambda invoice: invoice.pk)


def invoice_get(invoice_id: int) -> Invoice | None:
    """A paper with its lines, in three queries."""
    return invoice_rows().prefetch_related("lines", "credit_notes").filter(pk=invoice_id).first()


def invoice_cdrs_page(*, invoice_id: int, after: int | None, limit: int) -> Page[InvoiceCdr]:
    """The CDRs on a paper, by row. One query."""
    cdrs = InvoiceCdr.objects.select_related("cdr", "line").filter(line__invoice=invoice_id)
    if after is not None:
        cdrs = cdrs.filter(pk__gt=after)
    return page_of(list(cdrs.order_by("pk")[: limit + 1]), limit, lambda row: row.pk)


def invoice_totals(invoices: QuerySet[Invoice]) -> list[InvoiceTotals]:
    """The sums of a selection, one line for each currency. One query."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    sums = invoices.order_by().values("currency", "kind")
    for row in sums.annotate(
        count=Count("pk"), all_net=Sum("net"), all_tax=Sum("tax"), all_gross=Sum("gross")
    ):
        found.setdefault(row["currency"], {})[row["kind"]] = {**row}
    return [_totals(currency, kinds) for currency, kinds in sorted(found.items())]


def invoice_problems(invoice: Invoice, *, today: date) -> list[Problem]:
    """All that keeps a draft from being issued today, the gravest first; [] when nothing does."""
    if invoice.state != InvoiceState.DRAFT:
        return []
    issuer = issuer_get()
    return [
        *_issuer_problems(issuer, invoice),
        *_buyer_problems(invoice.account),
        *_content_problems(invoice),
        *_rate_problems(issuer, invoice, today),
    ]


def invoice_problems_today(invoice: Invoice) -> list[Problem]:
    """The same by the clock, in the issuer's time zone."""
    return invoice_problems(invoice, today=local_day(utc_now(), books_time_zone()))


def series_gaps() -> dict[str, list[int]]:
    """Numbers that are missing in each series: none, or something was deleted behind our back."""
    gaps = {}
    for series in InvoiceSeries.objects.order_by("code"):
        numbers = set(series.invoices.values_list("number", flat=True))
        gaps[series.code] = [
            number for number in range(1, series.last_number + 1) if number not in numbers
        ]
    return gaps


def _issuer_problems(issuer: Issuer | None, invoice: Invoice) -> Iterator[Problem]:
    if issuer is None:
        yield Problem("billing.issuer_missing", "Enter who issues the invoices first.", "issuer")
        return
    needed = list(_NEEDED_OF_ISSUER)
    if issuer.country_code in FRANCE:
        needed.append("siren")
        if any(tax["name"] == "TVA" and Decimal(tax["percent"]) for tax in invoice.taxes):
            needed.append("vat_number")
    for name in needed:
        if not getattr(issuer, name):
            yield Problem(
                "billing.issuer_incomplete", f"The issuer has no {name.replace('_', ' ')}.", name
            )


def _buyer_problems(account: BillingAccount) -> Iterator[Problem]:
    if account.kind == AccountKind.PERSON:
        return
    needed = ["street", "city"]
    if account.country_code in FRANCE:
        needed.append("siren")
    if account.tax_treatment == TaxTreatment.REVERSE_CHARGE:
        needed.append("vat_number")
    for name in needed:
        if not getattr(account, name):
            yield Problem(
                "billing.account_incomplete",
                f"The account {account.code} has no {name.replace('_', ' ')}.",
                name,
            )


def _content_problems(invoice: Invoice) -> Iterator[Problem]:
    if not invoice.taxes or not invoice.lines.exists():
        yield Problem("billing.invoice_empty", "Nothing stands on it.")
    if invoice.net < 0 or invoice.tax < 0:
        yield Problem("billing.invoice_negative", "An invoice is not below zero.")
    for tax in invoice.taxes:
        code = tax.get("problem")
        if code:
            words = _TAX_WORDS.get(code, code)
            yield Problem(code, words.format(percent=tax["percent"]), "territory")
    if invoice.kind == InvoiceKind.INVOICE and _is_outdated(invoice):
        yield Problem(
            "billing.draft_outdated",
            "A CDR on it was credited since it was made: make the draft again.",
        )


def _is_outdated(invoice: Invoice) -> bool:
    return InvoiceCdr.objects.filter(line__invoice=invoice, cdr__credited_by__isnull=False).exists()


def _rate_problems(issuer: Issuer | None, invoice: Invoice, today: date) -> Iterator[Problem]:
    """French law wants the tax in euros on a paper in another currency."""
    if issuer is None or issuer.country_code not in FRANCE or invoice.currency == BOOKS_CURRENCY:
        return
    charged = any(tax["category"] == TaxCategory.STANDARD for tax in invoice.taxes)
    if charged and invoice.credits_id is None:
        try:
            euros_at(invoice.currency, today)
        except DomainError as err:
            yield Problem(err.code, err.message, err.field)


def _totals(currency: str, kinds: dict[str, dict[str, Any]]) -> InvoiceTotals:
    invoices = kinds.get(InvoiceKind.INVOICE, {})
    notes = kinds.get(InvoiceKind.CREDIT_NOTE, {})

    def signed(name: str) -> Decimal:
        return Decimal(invoices.get(name, 0)) - Decimal(notes.get(name, 0))

    return InvoiceTotals(
        currency,
        invoices.get("count", 0),
        notes.get("count", 0),
        signed("all_net"),
        signed("all_tax"),
        signed("all_gross"),
    )
