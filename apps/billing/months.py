"""Months of the books: a month is its first day; it begins and ends in the issuer's time zone."""

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from cariflex.common.errors import DomainError
from cariflex.common.time import Interval

_MONTH = re.compile(r"(\d{4})-(\d{2})(?:-\d{2})?")
_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def month_of(on: date) -> date:
    """The first day of a day's month."""
    return date(on.year, on.month, 1)


def month_after(month: date, months: int = 1) -> date:
    """The month so many months later; negative: earlier."""
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def month_parse(text: str) -> date:
    """The month of `2026-03` (or of a day in it); DomainError for anything else."""
    matched = _MONTH.fullmatch(text.strip())
    if matched is not None:
        year, month = int(matched[1]), int(matched[2])
        if _FIRST_YEAR <= year <= _LAST_YEAR and 1 <= month <= 12:
            return date(year, month, 1)
    raise DomainError("billing.month_invalid", "A month looks like 2026-03.", field="month")


def local_day(at: datetime, time_zone: str) -> date:
    """The day of an instant in a time zone."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def month_interval(month: date, time_zone: str) -> Interval:
    """The month from its first local midnight to the next one's, in UTC."""
    zone = ZoneInfo(time_zone)
    after = month_after(month)
    return Interval(
        datetime(month.year, month.month, 1, tzinfo=zone).astimezone(UTC),
        datetime(after.year, after.month, 1, tzinfo=zone).astimezone(UTC),
    )
