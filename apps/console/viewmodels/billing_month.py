"""The page of a month of the books: what it amounts to, what is left to do, and its closing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.billing.choices import ExceptionState
from apps.billing.models import BillingException, ReconciliationFinding, ReconciliationRun
from apps.billing.months import local_day, month_after, month_interval
from apps.billing.selectors.accounts import books_time_zone, issuer_get
from apps.billing.selectors.billable import live_cdrs
from apps.billing.selectors.closing import MonthReview, MonthStep, month_review, months_listed

MAY_SEE = "billing.view_invoice"
MAY_DRAFT = "billing.add_invoice"
MAY_ISSUE = "billing.issue_invoice"
MAY_SETTLE = "billing.change_settlement"
MAY_RECONCILE = "billing.add_reconciliationrun"
MAY_CLOSE = "billing.close_month"


@dataclass(frozen=True, slots=True)
class StepWords:
    """How a step is written, and which form of the page does it."""

    title: str | Promise
    done: str | Promise
    act: str = ""
    """Name of the action: `drafts`, `issue`, `settle`, or empty for a page to look at."""


STEPS: dict[str, StepWords] = {
    "sessions_without_cdr": StepWords(
        _("Sessions without a CDR"), _("Every session that ended has its CDR.")
    ),
    "cdrs_nobody_pays": StepWords(
        _("CDRs that nobody pays"), _("Every CDR has an account, or was paid on the spot.")
    ),
    "cdrs_to_invoice": StepWords(
        _("CDRs on no invoice"), _("Every CDR is on an invoice."), "drafts"
    ),
    "credits_to_note": StepWords(
        _("Credits on no credit note"), _("Every credit is on a credit note."), "drafts"
    ),
    "drafts_to_issue": StepWords(_("Drafts to issue"), _("No draft is left."), "issue"),
    "partner_cdrs_to_settle": StepWords(
        _("Partners' CDRs on no settlement"), _("Every partner's CDR is settled."), "settle"
    ),
    "settlements_to_confirm": StepWords(
        _("Settlements to confirm"), _("Every settlement is confirmed.")
    ),
    "settlements_disputed": StepWords(
        _("Settlements in dispute"), _("No settlement is in dispute.")
    ),
}


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of the page."""

    step: MonthStep
    words: StepWords
    url: str
    state: str
    """`done`, `left` or `look`."""


@dataclass(frozen=True, slots=True)
class DayBar:
    """What ended on one local day."""

    day: date
    energy_kwh: Decimal
    gross: Decimal


@dataclass(frozen=True, slots=True)
class DaysChart:
    """The days of the month in the currency that most was billed in."""

    currency: str
    days: tuple[DayBar, ...]
    most_gross: Decimal


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the picture, in its own units."""

    x: int
    y: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class MonthPage:
    """Everything the page of a month shows."""

    review: MonthReview
    steps: tuple[StepLine, ...]
    months: tuple[date, ...]
    previous_month: date
    next_month: date
    inbox_count: int
    run: ReconciliationRun | None
    open_findings: int
    chart: DaysChart | None
    has_issuer: bool
    may_draft: bool
    may_issue: bool
    may_settle: bool
    may_reconcile: bool
    may_close: bool

    @property
    def key(self) -> str:
        """The month as addresses have it."""
        return f"{self.review.month:%Y-%m}"

    @property
    def is_closed(self) -> bool:
        return self.review.closing is not None

    @property
    def bars_width(self) -> int:
        """Width of the picture of the days: 10 for each."""
        return 10 * len(self.chart.days) if self.chart else 0

    @property
    def bars(self) -> tuple["Bar", ...]:
        """The days as bars of a picture that is 100 high."""
        if self.chart is None:
            return ()
        most = self.chart.most_gross or Decimal(1)
        return tuple(
            Bar(
                x=10 * number + 1,
                y=round(100 - float(100 * day.gross / most), 2),
                height=round(max(0.0, float(100 * day.gross / most)), 2),
                title=f"{day.day:%d/%m}: {day.gross:.2f} {self.chart.currency}",
            )
            for number, day in enumerate(self.chart.days)
        )


def month_page(*, month: date, now: datetime, user: User) -> MonthPage:
    """How a month stands."""
    review = month_review(month, now=now)
    zone = books_time_zone()
    whole = month_interval(month, zone)
    run = ReconciliationRun.objects.filter(start__lt=whole.end, end__gt=whole.start).first()
    findings = ReconciliationFinding.objects.filter(run=run, state=ExceptionState.OPEN)
    return MonthPage(
        review=review,
        steps=tuple(_step(step, month) for step in review.steps),
        months=tuple(row.month for row in months_listed(today=local_day(now, zone))),
        previous_month=month_after(month, -1),
        next_month=month_after(month),
        inbox_count=BillingException.objects.filter(state=ExceptionState.OPEN).count(),
        run=run,
        open_findings=findings.count() if run else 0,
        chart=_chart(month, [totals.currency for totals in review.totals]),
        has_issuer=issuer_get() is not None,
        may_draft=user.has_perm(MAY_DRAFT),
        may_issue=user.has_perm(MAY_ISSUE),
        may_settle=user.has_perm(MAY_SETTLE),
        may_reconcile=user.has_perm(MAY_RECONCILE),
        may_close=user.has_perm(MAY_CLOSE),
    )


def _step(step: MonthStep, month: date) -> StepLine:
    state = "done" if not step.count else "left" if step.is_blocking else "look"
    return StepLine(step, STEPS[step.code], _url(step.code, month), state)


def _url(code: str, month: date) -> str:
    key = f"{month:%Y-%m}"
    if code == "sessions_without_cdr":
        return reverse("console:inbox")
    if code == "cdrs_nobody_pays":
        return f"{reverse('console:cdrs')}?month={key}&kind=nobody"
    if code in ("cdrs_to_invoice", "credits_to_note"):
        kind = "waiting" if code == "cdrs_to_invoice" else "credit"
        return f"{reverse('console:cdrs')}?month={key}&kind={kind}"
    if code == "drafts_to_issue":
        return f"{reverse('console:invoices')}?month={key}&state=draft"
    return f"{reverse('console:settlements')}?month={key}"


def _chart(month: date, currencies: Sequence[str]) -> DaysChart | None:
    """Each day's gross and energy; None when nothing was billed."""
    sums = (
        live_cdrs()
        .filter(billing_month=month)
        .order_by()
        .annotate(day=TruncDate("ended_at", tzinfo=ZoneInfo(books_time_zone())))
        .values("currency", "day")
        .annotate(energy=Sum("energy_kwh"), gross=Sum("total_incl_vat"))
    )
    rows = list(sums)
    if not rows:
        return None
    by_currency = {
        currency: sum((row["gross"] for row in rows if row["currency"] == currency), Decimal(0))
        for currency in currencies
    }
    currency = max(by_currency, key=lambda each: by_currency[each])
    found = {row["day"]: row for row in rows if row["currency"] == currency}
    count = (month_after(month) - month).days
    days = []
    for number in range(count):
        day = month + timedelta(days=number)
        row = found.get(day)
        days.append(
            DayBar(day, row["energy"] if row else Decimal(0), row["gross"] if row else Decimal(0))
        )
    return DaysChart(currency, tuple(days), max((bar.gross for bar in days), default=Decimal(0)))
