"""Lines of a draft from CDRs: grouped by place and tax, each sum rounded once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from apps.billing.choices import TaxTreatment
from apps.billing.minor_units import minor_units, to_minor_units
from apps.billing.models import BillingAccount, Cdr, Invoice, InvoiceCdr, InvoiceLine
from apps.billing.months import local_day
from apps.billing.paper_words import line_words
from apps.billing.selectors.accounts import issuer_get
from apps.billing.selectors.taxes import tax_territories, taxes_known
from apps.billing.tax_file import treatment_tax
from apps.billing.tax_rules import (
    KnownTax,
    TaxApplied,
    TaxShare,
    TaxSum,
    tax_choose,
    tax_shares,
    tax_sums,
)
from cariflex.common.money import round_half_up

KILOWATT_HOURS, PIECES = "KWH", "C62"
QUANTITY_PLACES = 6
WRITTEN_AT_ONCE = 2000
_COLUMNS = (
    "pk", "total_excl_vat", "energy_kwh", "rating", "ended_at", "time_zone", "station_name",
    "commune",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BillableCdr:
    """What a line needs to know of a CDR; net and energy are above 0 also for a credit."""

    cdr_id: UUID
    net: Decimal
    energy_kwh: Decimal
    place: str
    shares: tuple[TaxShare, ...]
    taxes: tuple[TaxApplied, ...]


@dataclass(slots=True)
class LineDraft:
    """A line that is being summed up."""

    place: str
    tax: TaxApplied
    net: Decimal = Decimal(0)
    energy_kwh: Decimal = Decimal(0)
    cdrs: list[tuple[UUID, Decimal]] = field(default_factory=list)
    others: int = 0
    """CDRs of which a smaller share is here; they belong to another line."""


class TaxPlaces:
    """Which tax a share carries at a place on a day, for one account; asks each day once."""

    def __init__(self, account: BillingAccount) -> None:
        self._account = account
        issuer = issuer_get()
        self._home = issuer.territory if issuer is not None else ""
        self._by_site = tax_territories()
        self._known: dict[tuple[str, date], tuple[KnownTax, ...]] = {}

    def tax(self, share: TaxShare, site_id: int | None, on: date) -> TaxApplied:
        """The tax of a share of a CDR."""
        account = self._account
        if account.tax_treatment != TaxTreatment.TERRITORY:
            return treatment_tax(account.tax_treatment, account.language)
        territory = self._by_site.get(site_id, self._home) if site_id else self._home
        key = (territory, on)
        if key not in self._known:
            self._known[key] = taxes_known([territory], on)[territory]
        return tax_choose(share.percent, self._known[key], account.language)


def billable_read(
    cdrs: QuerySet[Cdr], account: BillingAccount, *, sign: int = 1
) -> list[BillableCdr]:
    """The CDRs with their shares and taxes, oldest first; `sign` -1 reads credits as amounts."""
    places = TaxPlaces(account)
    elsewhere = line_words("elsewhere", account.language)
    rows = cdrs.order_by("ended_at", "pk").values(
        *_COLUMNS, site_id=F("session__station__site_id"), site=F("session__station__site__name")
    )
    found = []
    for row in rows.iterator(chunk_size=WRITTEN_AT_ONCE):
        net = sign * row["total_excl_vat"]
        on = local_day(row["ended_at"], row["time_zone"])
        shares = _signed(tax_shares(row["rating"], row["total_excl_vat"]), sign)
        found.append(
            BillableCdr(
                cdr_id=row["pk"],
                net=net,
                energy_kwh=abs(row["energy_kwh"]),
                place=row["site"] or row["commune"] or row["station_name"] or elsewhere,
                shares=shares,
                taxes=tuple(places.tax(share, row["site_id"], on) for share in shares),
            )
        )
    return found


def lines_of(cdrs: Iterable[BillableCdr]) -> list[LineDraft]:
    """One line for each place and tax; a CDR belongs to the line of its largest share."""
    lines: dict[tuple[Any, ...], LineDraft] = {}
    for cdr in cdrs:
        for nth, (share, tax) in enumerate(zip(cdr.shares, cdr.taxes, strict=True)):
            key = (cdr.place, *tax.key)
            line = lines.setdefault(key, LineDraft(cdr.place, tax))
            line.net += share.net
            if nth == 0:
                line.energy_kwh += cdr.energy_kwh
                line.cdrs.append((cdr.cdr_id, cdr.net))
            else:
                line.others += 1
            if tax.problem:
                line.tax = tax
    return [lines[key] for key in sorted(lines)]


def lines_write(
    invoice: Invoice, lines: Sequence[LineDraft], *, words: tuple[str, str] = ("energy", "other")
) -> None:
    """The draft has these lines and no others, and their sums; saved.

    `words` name the description of lines with CDRs, and of lines with shares of CDRs only.
    """
    InvoiceCdr.objects.filter(line__invoice=invoice).delete()
    InvoiceLine.objects.filter(invoice=invoice).delete()
    rows = [_row(invoice, position, line, words) for position, line in enumerate(lines, start=1)]
    InvoiceLine.objects.bulk_create(rows)
    InvoiceCdr.objects.bulk_create(
        [
            InvoiceCdr(line=row, cdr_id=cdr_id, net=net)
            for row, line in zip(rows, lines, strict=True)
            for cdr_id, net in line.cdrs
        ],
        batch_size=WRITTEN_AT_ONCE,
    )
    places = minor_units(invoice.currency)
    sums_write(
        invoice,
        tax_sums(((line.tax, row.net) for row, line in zip(rows, lines, strict=True)), places),
    )


def sums_write(invoice: Invoice, sums: Sequence[TaxSum]) -> None:
    """The totals of a draft are those of its taxes; saved."""
    invoice.taxes = [one.as_json() for one in sums]
    invoice.net = sum((one.basis for one in sums), Decimal("0.00"))
    invoice.tax = sum((one.amount for one in sums), Decimal("0.00"))
    invoice.gross = invoice.net + invoice.tax
    invoice.save()


def _row(invoice: Invoice, position: int, line: LineDraft, words: tuple[str, str]) -> InvoiceLine:
    counts_energy = bool(line.cdrs) and line.energy_kwh > 0
    count = len(line.cdrs) or line.others
    quantity = round_half_up(line.energy_kwh, QUANTITY_PLACES) if counts_energy else Decimal(count)
    return InvoiceLine(
        invoice=invoice,
        position=position,
        description=line_words(
            words[0] if line.cdrs else words[1], invoice.language, place=line.place
        )[:300],
        quantity=quantity,
        unit=KILOWATT_HOURS if counts_energy else PIECES,
        net=to_minor_units(line.net, invoice.currency),
        sessions_count=len(line.cdrs),
        **line_tax(line.tax),
    )


def line_tax(tax: TaxApplied) -> Mapping[str, Any]:
    """The columns of a line that say its tax."""
    return {
        "tax_name": tax.name,
        "tax_category": tax.category,
        "tax_percent": tax.percent,
        "exemption_code": tax.exemption_code,
        "legal_mention": tax.legal_mention,
    }


def _signed(shares: Sequence[TaxShare], sign: int) -> tuple[TaxShare, ...]:
    return tuple(TaxShare(share.percent, sign * share.net) for share in shares)
