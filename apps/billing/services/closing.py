"""Closing a month: from then on nothing is booked in it, or before it. It is never opened again."""

import logging
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.billing.models import MonthClosing
from apps.billing.months import month_of
from apps.billing.selectors.closing import (
    MonthTotals,
    month_for_booking,
    month_is_closed,
    month_review,
)
from apps.billing.services.month_lock import closing_hold
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

__all__ = ["month_close", "month_for_booking", "month_is_closed"]


@transaction.atomic
def month_close(*, month: date, by: User | None, now: datetime) -> MonthClosing:
    """Close a month with its totals; a closed one is given back as it is.

    Waits for whoever is booking. DomainError `billing.month_not_over`, or
    `billing.month_not_ready` with the first step that is left: CDRs without an invoice, drafts,
    settlements that nobody confirmed. Months before it are closed with it.
    """
    month = month_of(month)
    closing_hold()
    closed = MonthClosing.objects.filter(month=month).first()
    if closed is not None:
        return closed
    if month_is_closed(month):
        raise DomainError("billing.month_closed", "A later month is closed already.")
    review = month_review(month, now=now)
    if not review.is_over:
        raise DomainError(
            "billing.month_not_over", f"The month {month:%Y-%m} is not over.", field="month"
        )
    left = [step for step in review.steps if step.is_blocking and step.count]
    if left:
        words = ", ".join(f"{step.code}: {step.count}" for step in left)
        raise DomainError("billing.month_not_ready", f"Something is left to do: {words}.")
    closing = MonthClosing.objects.create(
        month=month,
        closed_at=now,
        closed_by=by,
        totals={totals.currency: _as_json(totals) for totals in review.totals},
    )
    logger.info("month closed month=%s", month)
    return closing


def _as_json(totals: MonthTotals) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in asdict(totals).items()
        if name != "currency"
    }
