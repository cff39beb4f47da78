"""Who books in a month and who closes it wait for each other.

Booking (a CDR, an invoice, a settlement) holds the lock with others; closing holds it alone. Taken
first in a transaction, before any row lock.
"""

from datetime import date

from django.db import connection

from apps.billing.selectors.closed_months import month_for_booking, month_is_closed
from cariflex.common.errors import DomainError

_MONTHS_LOCK = 0x43460004


def bookings_hold() -> None:
    """Until the end of the transaction no month is closed."""
    _take("pg_advisory_xact_lock_shared")


def closing_hold() -> None:
    """Until the end of the transaction nobody books, and nobody else closes a month."""
    _take("pg_advisory_xact_lock")


def month_hold_open(month: date) -> None:
    """As `bookings_hold`; DomainError `billing.month_closed` when the month is closed."""
    bookings_hold()
    if month_is_closed(month):
        raise DomainError(
            "billing.month_closed", f"The month {month:%Y-%m} is closed.", field="month"
        )


def month_hold_for_booking(month: date) -> date:
    """As `bookings_hold`; gives the month itself, or the first open one after it."""
    bookings_hold()
    return month_for_booking(month)


def _take(function: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, hashtext(current_schema()))", [_MONTHS_LOCK])  # noqa: S608 - one of the two names above
