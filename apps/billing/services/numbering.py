"""Numbers of papers: one after the other, without a gap (CGI annex II, art. 242 nonies A, I, 7°).

The counter is a row. It is locked from the moment a number is taken until the transaction that
issues the paper ends: another issuer waits for that, and a transaction that fails gives its number
back. A PostgreSQL sequence would not.
"""

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from apps.billing.choices import InvoiceKind
from apps.billing.models import InvoiceSeries

PREFIXES = {InvoiceKind.INVOICE: "INV", InvoiceKind.CREDIT_NOTE: "CN"}
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was taken, and the day of the paper that bears it."""

    series: InvoiceSeries
    number: int
    on: date

    @property
    def reference(self) -> str:
        """Such as `INV-2026-000001`."""
        return f"{self.series.prefix}{self.number:0{DIGITS}d}"


def number_take(*, kind: str, on: date) -> Number:
    """The next number of the year's series of that kind; must be called inside a transaction.

    Taken last: whoever comes next waits from here to the end of the transaction. The day is never
    before that of the number before, also when a clock went back.
    """
    code = f"{PREFIXES[InvoiceKind(kind)]}-{on.year}"
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a number belongs to the transaction that issues its paper")
    InvoiceSeries.objects.bulk_create(
        [InvoiceSeries(code=code, prefix=f"{code}-")], ignore_conflicts=True
    )
    series = InvoiceSeries.objects.select_for_update().get(code=code)
    series.last_number += 1
    series.last_issued_on = max(on, series.last_issued_on or on)
    series.save(update_fields=["last_number", "last_issued_on"])
    return Number(series, series.last_number, series.last_issued_on)
