"""How far the books are closed."""

from datetime import date

from django.db.models import Max

from apps.billing.models import MonthClosing
from apps.billing.months import month_after, month_of

_BEFORE_ALL = date(1, 1, 1)


def closed_until() -> date | None:
    """The last closed month; None: none is closed."""
    last: date | None = MonthClosing.objects.aggregate(last=Max("month"))["last"]
    return last


def open_from() -> date:
    """The first day that lies in no closed month; nothing before it is left to do."""
    last = closed_until()
    return _BEFORE_ALL if last is None else month_after(last)


def month_is_closed(month: date) -> bool:
    """True for a closed month, and for every month before one: the books go forward."""
    return MonthClosing.objects.filter(month__gte=month_of(month)).exists()


def month_for_booking(month: date) -> date:
    """The month itself, or the first open one after it when it is closed."""
    return max(month_of(month), open_from())
