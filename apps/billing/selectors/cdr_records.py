"""CDRs for the API: pages by key, and one with all that hangs on it."""

from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.billing.models import Cdr
from cariflex.common.api.pages import Page, page_of

_RELATED = ("credit_reference", "replaces", "credited_by", "replaced_by")
_LARGE = ("charging_periods", "tariff_content", "signed_data", "rating")


def cdr_rows() -> QuerySet[Cdr]:
    """CDRs with their account, and with what they take back, replace or are taken back by."""
    # Of the others only who they are is told.
    large = (f"{name}__{field}" for name in _RELATED for field in _LARGE)
    return Cdr.objects.select_related("account", *_RELATED).defer(*large)


def cdr_records_page(
    *,
    after: UUID | None,
    limit: int,
    month: date | None = None,
    account: str | None = None,
    station: str | None = None,
    session: int | None = None,
    kind: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Page[Cdr]:
    """CDRs, newest first, after the one of this id. One query, two on later pages.

    `kind`: live, credited or credit; `start` and `end` bound the end of the session.
    """
    cdrs = cdr_rows().defer(*_LARGE)
    if month is not None:
        cdrs = cdrs.filter(billing_month=month)
    if account is not None:
        cdrs = cdrs.filter(account__code=account)
    if station is not None:
        cdrs = cdrs.filter(station_id=station)
    if session is not None:
        cdrs = cdrs.filter(session_id=session)
    if kind is not None:
        cdrs = cdrs.filter(
            {
                "live": Q(credit=False, credited_by__isnull=True),
                "credited": Q(credited_by__isnull=False),
                "credit": Q(credit=True),
            }[kind]
        )
    if start is not None:
        cdrs = cdrs.filter(ended_at__gte=start)
    if end is not None:
        cdrs = cdrs.filter(ended_at__lt=end)
    if after is not None:
        last = Cdr.objects.filter(pk=after).values_list("issued_at", flat=True).first()
        if last is None:
            return Page([], None)
        older = Q(issued_at__lt=last) | Q(issued_at=last, pk__lt=after)
        # The second bound lets the index serve the first.
        cdrs = cdrs.filter(older, issued_at__lte=last)
    rows = list(cdrs.order_by("-issued_at", "-pk")[: limit + 1])
    return page_of(rows, limit, lambda cdr: cdr.pk)


def cdr_record(*, cdr_id: UUID) -> Cdr | None:
    """One CDR with all that hangs on it."""
    return cdr_rows().filter(pk=cdr_id).first()
