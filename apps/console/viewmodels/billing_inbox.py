"""The inbox of billing: exceptions of sessions and CDRs, and findings of a comparison."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from apps.accounts.models import User
from apps.billing.choices import ExceptionKind, ExceptionState, FindingKind, Resolution
from apps.billing.inbox_words import exception_words, finding_words
from apps.billing.models import BillingException, ReconciliationFinding, ReconciliationRun
from apps.billing.services.inbox import ACTIONS
from apps.billing.services.reconciliation_findings import ACTIONS as FINDING_ACTIONS

PAGE_SIZE = 20
RUNS_SHOWN = 12
MAY_SEE = "billing.view_billingexception"
MAY_RESOLVE = "billing.change_billingexception"
MAY_RESOLVE_FINDINGS = "billing.change_reconciliationfinding"
TABS = ("exceptions", "findings")


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which of the two lists, and what of it."""

    show: str = "exceptions"
    state: str = ExceptionState.OPEN
    kind: str = ""
    run_id: int | None = None

    @property
    def query(self) -> str:
        """As the query of an address, ending with `&`."""
        run = f"&run={self.run_id}" if self.run_id else ""
        return f"show={self.show}&state={self.state}&kind={self.kind}{run}&"


@dataclass(frozen=True, slots=True)
class ExceptionLine:
    """One exception with what may be done about it."""

    exception: BillingException
    actions: tuple[tuple[str, str], ...]
    may_correct: bool
    words: str


@dataclass(frozen=True, slots=True)
class FindingLine:
    """One finding of a comparison, in words, with what may be done about it."""

    finding: ReconciliationFinding
    actions: tuple[tuple[str, str], ...]
    words: str


@dataclass(frozen=True, slots=True)
class InboxPage:
    """One page of the inbox."""

    filter: InboxFilter
    lines: tuple[ExceptionLine, ...]
    findings: tuple[FindingLine, ...]
    counts: tuple[tuple[str, str, int], ...]
    """(code, words, how many) of each kind that there is."""
    runs: tuple[ReconciliationRun, ...]
    total_count: int
    page: int
    page_count: int
    open_exceptions: int
    may_resolve: bool
    may_resolve_findings: bool


def inbox_page(*, chosen: InboxFilter, page: int, user: User) -> InboxPage:
    """A page of exceptions, or of the findings of one run."""
    is_findings = chosen.show == "findings"
    rows = _findings(chosen) if is_findings else _exceptions(chosen)
    kinds = FindingKind if is_findings else ExceptionKind
    counted = dict(
        rows.order_by().values_list("kind").annotate(n=Count("pk")).values_list("kind", "n")
    )
    if chosen.kind:
        rows = rows.filter(kind=chosen.kind)
    total = rows.count()
    page_count = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), page_count)
    shown = list(rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    return InboxPage(
        filter=chosen,
        lines=() if is_findings else tuple(_line(one) for one in shown),
        findings=tuple(_finding_line(one) for one in shown) if is_findings else (),
        counts=tuple(
            (str(code), str(label), counted[code])
            for code, label in kinds.choices
            if code in counted
        ),
        runs=tuple(ReconciliationRun.objects.all()[:RUNS_SHOWN]),
        total_count=total,
        page=page,
        page_count=page_count,
        open_exceptions=BillingException.objects.filter(state=ExceptionState.OPEN).count(),
        may_resolve=user.has_perm(MAY_RESOLVE),
        may_resolve_findings=user.has_perm(MAY_RESOLVE_FINDINGS),
    )


def _exceptions(chosen: InboxFilter) -> QuerySet[BillingException]:
    return (
        BillingException.objects.select_related(
            "session__station", "cdr", "other_session", "resolved_by"
        )
        .filter(state=chosen.state)
        .order_by("-opened_at", "-pk")
    )


def _findings(chosen: InboxFilter) -> QuerySet[ReconciliationFinding]:
    found = ReconciliationFinding.objects.select_related(
        "session__station", "cdr", "partner_cdr__account", "resolved_by"
    ).filter(state=chosen.state)
    if chosen.run_id:
        found = found.filter(run_id=chosen.run_id)
    return found.order_by("-run", "kind", "pk")


def _line(exception: BillingException) -> ExceptionLine:
    offered = ACTIONS[ExceptionKind(exception.kind)] if exception.is_open else ()
    return ExceptionLine(
        exception,
        tuple(
            (str(one.value), str(one.label)) for one in offered if one != Resolution.BILL_CORRECTED
        ),
        Resolution.BILL_CORRECTED in offered,
        exception_words(exception),
    )


def _finding_line(finding: ReconciliationFinding) -> FindingLine:
    offered = FINDING_ACTIONS[FindingKind(finding.kind)] if finding.is_open else ()
    return FindingLine(
        finding, tuple((str(one.value), str(one.label)) for one in offered), finding_words(finding)
    )
