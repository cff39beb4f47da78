"""Statements with partners, and the partners' CDRs on them."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncDate

from apps.billing.models import PartnerCdr, Settlement
from apps.billing.selectors.accounts import books_time_zone
from cariflex.common.api.pages import Page, page_of


class SettlementDay(NamedTuple):
    """One day of a statement of what we owe; credits are counted with their sign as it came."""

    day: date
    cdrs: int
    energy_kwh: Decimal
    net: Decimal


def settlement_rows() -> QuerySet[Settlement]:
    """Statements with partner and invoice."""
    return Settlement.objects.select_related("account", "invoice", "confirmed_by")


def settlements_page(
    *,
    after: int | None,
    limit: int,
    month: date | None = None,
    account: str | None = None,
    state: str | None = None,
    direction: str | None = None,
) -> Page[Settlement]:
    """Statements of a month, a partner's code, a state or a direction, newest first. One query."""
    settlements = settlement_rows().order_by("-pk")
    wanted = {"month": month, "account__code": account, "state": state, "direction": direction}
    settlements = settlements.filter(
        **{name: value for name, value in wanted.items() if value is not None}
    )
    if after is not None:
        settlements = settlements.filter(pk__lt=after)
    return page_of(list(settlements[: limit + 1]), limit, lambda settlement: settlement.pk)


def partner_cdrs_page(*, settlement_id: int, after: int | None, limit: int) -> Page[PartnerCdr]:
    """The partner's CDRs on a statement, by id. One query."""
    cdrs = PartnerCdr.objects.filter(settlement=settlement_id).order_by("pk")
    if after is not None:
        cdrs = cdrs.filter(pk__gt=after)
    return page_of(list(cdrs[: limit + 1]), limit, lambda cdr: cdr.pk)


def settlement_days(settlement_id: int) -> list[SettlementDay]:
    """A payable statement by the local day on which sessions ended. One query."""
    days = (
        PartnerCdr.objects.filter(settlement=settlement_id)
        .order_by()
        .annotate(day=TruncDate("ended_at", tzinfo=ZoneInfo(books_time_zone())))
        .values("day")
        .annotate(cdrs=Count("pk"), energy=Sum("energy_kwh"), total=Sum("net"))
        .order_by("day")
    )
    return [SettlementDay(row["day"], row["cdrs"], row["energy"], row["total"]) for row in days]
