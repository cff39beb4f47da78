"""The pages of CDRs: a filtered list with its sums, and one CDR with how it was priced."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.billing.choices import InvoiceState
from apps.billing.models import BillingAccount, Cdr
from apps.billing.months import month_parse
from apps.billing.selectors import CdrTotals, cdr_totals
from apps.chargers.models import AdHocCharge
from cariflex.common.errors import DomainError

PAGE_SIZE = 25
SEARCH_MAX_LENGTH = 60
PERIODS_SHOWN = 200
ACCOUNTS_SHOWN = 200
MAY_SEE = "billing.view_cdr"
MAY_CREDIT = "billing.credit_cdr"
MAY_EXPORT = "billing.export_cdr"
KINDS = ("live", "waiting", "credited", "credit", "nobody")
_RELATED = ("account", "credited_by", "on_invoice__line__invoice", "credit_reference")


@dataclass(frozen=True, slots=True)
class CdrFilter:
    """What the list shows; empty means all."""

    search: str = ""
    month: date | None = None
    kind: str = ""
    account_id: int | None = None

    @property
    def is_active(self) -> bool:
        """True when anything is filtered."""
        return bool(self.search or self.month or self.kind or self.account_id)

    @property
    def query(self) -> str:
        """The filter as the query of an address, ending with `&` when there is any."""
        words = {
            "q": self.search,
            "month": f"{self.month:%Y-%m}" if self.month else "",
            "kind": self.kind,
            "account": self.account_id or "",
        }
        text = urlencode({key: value for key, value in words.items() if value})
        return f"{text}&" if text else ""


@dataclass(frozen=True, slots=True)
class CdrLine:
    """One line of the list."""

    cdr: Cdr
    state: str
    account_name: str


@dataclass(frozen=True, slots=True)
class CdrsListing:
    """One page of CDRs, newest first, with the sums of all that match."""

    lines: tuple[CdrLine, ...]
    filter: CdrFilter
    totals: tuple[CdrTotals, ...]
    accounts: tuple[tuple[int, str], ...]
    kinds: tuple[tuple[str, str], ...]
    total_count: int
    page: int
    page_count: int
    may_export: bool


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One priced line: what, how much of it, at what price, and why."""

    what: str
    volume: Decimal
    billed_volume: Decimal
    unit: str
    price: Decimal
    vat_percent: Decimal | None
    excl_vat: Decimal
    incl_vat: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class PeriodLine:
    """One charging period."""

    start: datetime
    energy_kwh: Decimal | None
    time_h: Decimal | None
    parking_h: Decimal | None
    power_kw: Decimal | None


@dataclass(frozen=True, slots=True)
class CdrPage:
    """Everything the page of one CDR shows."""

    cdr: Cdr
    state: str
    lines: tuple[PriceLine, ...]
    notes: tuple[str, ...]
    periods: tuple[PeriodLine, ...]
    period_count: int
    chain: tuple[Cdr, ...]
    """All CDRs of the session, oldest first."""
    may_credit: bool


def kind_words() -> dict[str, str]:
    """The choices of the filter in the reader's language."""
    return {
        "live": _("Those that count"),
        "waiting": _("To be invoiced"),
        "credited": _("Credited"),
        "credit": _("Credits"),
        "nobody": _("Nobody pays"),
    }


def filter_of(query: Mapping[str, str]) -> CdrFilter:
    """The filter of an address; what makes no sense filters nothing."""
    account = query.get("account", "")
    try:
        month = month_parse(query.get("month", ""))
    except DomainError:
        month = None
    return CdrFilter(
        search=query.get("q", "").strip()[:SEARCH_MAX_LENGTH],
        month=month,
        kind=kind if (kind := query.get("kind", "")) in KINDS else "",
        account_id=int(account) if account.isdecimal() and len(account) < 10 else None,
    )


def cdrs_listing(*, chosen: CdrFilter, page: int, user: User) -> CdrsListing:
    """A page of the filtered CDRs; five queries."""
    cdrs = _filtered(chosen)
    totals = tuple(cdr_totals(cdrs))
    total = sum(one.count for one in totals)
    page_count = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), page_count)
    shown = list(
        cdrs.select_related(*_RELATED)
        .defer("charging_periods", "rating", "tariff_content", "signed_data")
        .order_by("-issued_at", "-id")[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    )
    ad_hoc = _ad_hoc(shown)
    accounts = BillingAccount.objects.order_by("name").values_list("pk", "name")
    return CdrsListing(
        lines=tuple(
            CdrLine(cdr, cdr_state(cdr, ad_hoc), cdr.account.name if cdr.account else "")
            for cdr in shown
        ),
        filter=chosen,
        totals=totals,
        accounts=tuple(accounts[:ACCOUNTS_SHOWN]),
        kinds=tuple(kind_words().items()),
        total_count=total,
        page=page,
        page_count=page_count,
        may_export=user.has_perm(MAY_EXPORT),
    )


def cdr_page(*, cdr_id: UUID, user: User) -> CdrPage | None:
    """One CDR with lines, periods and what became of it; None when there is none."""
    cdr = (
        Cdr.objects.select_related(*_RELATED, "session", "tariff_version__tariff")
        .filter(pk=cdr_id)
        .first()
    )
    if cdr is None:
        return None
    periods = cdr.charging_periods
    return CdrPage(
        cdr=cdr,
        state=cdr_state(cdr, _ad_hoc([cdr])),
        lines=tuple(_price_line(line) for line in cdr.rating.get("lines", ())),
        notes=tuple(note["text"] for note in cdr.rating.get("notes", ())),
        periods=tuple(_period(period) for period in periods[:PERIODS_SHOWN]),
        period_count=len(periods),
        chain=tuple(
            Cdr.objects.filter(session_id=cdr.session_id)
            .select_related("credited_by")
            .order_by("issued_at", "credit")
        ),
        may_credit=cdr.is_live and user.has_perm(MAY_CREDIT),
    )


def cdr_state(cdr: Cdr, ad_hoc: Iterable[int]) -> str:
    """What became of a CDR, as a code of `states.CDRS`."""
    if cdr.credit:
        return "credit"
    if hasattr(cdr, "credited_by"):
        return "credited"
    on_invoice = getattr(cdr, "on_invoice", None)
    if on_invoice is not None:
        is_issued = on_invoice.line.invoice.state == InvoiceState.ISSUED
        return "invoiced" if is_issued else "draft"
    if cdr.session_id in ad_hoc:
        return "ad_hoc"
    if cdr.account_id is None:
        return "nobody"
    return "open" if cdr.total_excl_vat else "free"


def _ad_hoc(cdrs: Iterable[Cdr]) -> frozenset[int]:
    sessions = [cdr.session_id for cdr in cdrs if cdr.account_id is None]
    paid = AdHocCharge.objects.filter(session_id__in=sessions) if sessions else ()
    return frozenset(charge.session_id for charge in paid if charge.session_id)


def _filtered(chosen: CdrFilter) -> QuerySet[Cdr]:
    cdrs: QuerySet[Cdr] = Cdr.objects.all()
    if chosen.month:
        cdrs = cdrs.filter(billing_month=chosen.month)
    if chosen.account_id:
        cdrs = cdrs.filter(account_id=chosen.account_id)
    if chosen.kind == "credit":
        cdrs = cdrs.filter(credit=True)
    elif chosen.kind == "credited":
        cdrs = cdrs.filter(credited_by__isnull=False)
    elif chosen.kind:
        cdrs = cdrs.filter(credit=False, credited_by__isnull=True)
        if chosen.kind == "nobody":
            cdrs = cdrs.filter(account__isnull=True, session__ad_hoc_charge__isnull=True)
        elif chosen.kind == "waiting":
            cdrs = cdrs.filter(account__isnull=False, on_invoice__isnull=True)
    if chosen.search:
        cdrs = cdrs.filter(
            Q(reference__icontains=chosen.search)
            | Q(station_id__icontains=chosen.search)
            | Q(station_name__icontains=chosen.search)
            | Q(transaction_id__icontains=chosen.search)
        )
    return cdrs


def _price_line(line: Mapping[str, str]) -> PriceLine:
    vat = line.get("vat")
    return PriceLine(
        what=str(line["dimension"]),
        volume=Decimal(line["volume"]),
        billed_volume=Decimal(line["billed_volume"]),
        unit=line["unit"],
        price=Decimal(line["price"]),
        vat_percent=None if vat is None else Decimal(vat),
        excl_vat=Decimal(line["excl_vat"]),
        incl_vat=Decimal(line["incl_vat"]),
        reason=line["reason"],
    )


def _period(period: Mapping[str, object]) -> PeriodLine:
    dimensions = period.get("dimensions")
    volumes = {
        one["type"]: Decimal(str(one["volume"]))
        for one in (dimensions if isinstance(dimensions, list) else ())
    }
    return PeriodLine(
        start=datetime.fromisoformat(str(period["start_date_time"])),
        energy_kwh=volumes.get("ENERGY"),
        time_h=volumes.get("TIME"),
        parking_h=volumes.get("PARKING_TIME"),
        power_kw=volumes.get("MAX_POWER", volumes.get("POWER")),
    )
