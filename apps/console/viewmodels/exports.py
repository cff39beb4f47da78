"""Exports as a page: files with their progress, forms for new ones, saved views."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.accounts.models import User
from apps.billing.exports.choices import CsvStyle, ExportKind, ExportState, RowOrder
from apps.billing.exports.columns import COLUMNS, DEFAULT_COLUMNS, GROUPS, Column, known_columns
from apps.billing.models import BillingAccount, ExportJob, ExportView
from apps.billing.selectors.exports import export_rows, export_views_of, may_export
from apps.console.formats import NO_BREAK_SPACE, number_text
from apps.console.refusals import refusal_words
from cariflex.common.errors import DomainError

PAGE_SIZE = 20
ACCOUNTS_SHOWN = 500
# What of the parameters is said beside a file, in this order.
_SAID = (
    "month", "start", "end", "pays_on", "account", "invoice", "station", "currency", "search",
)  # fmt: skip
ONLY_LABELS: tuple[tuple[str, str | Promise], ...] = (
    ("", pgettext_lazy("CDRs", "All")),
    ("live", _("Those that count")),
    ("credits", _("Credits")),
)


@dataclass(frozen=True, slots=True)
class BookForm:
    """A small form for one file of the books: which dates it asks for."""

    kind: str
    title: str | Promise
    note: str | Promise
    has_month: bool
    has_day: bool


BOOK_FORMS: tuple[BookForm, ...] = (
    BookForm(
        ExportKind.FEC, ExportKind.FEC.label,
        _("18 columns for accountant and tax office; books what is not booked yet."), True, False,
    ),
    BookForm(
        ExportKind.FACTURX_BUNDLE, ExportKind.FACTURX_BUNDLE.label,
        _("The papers of all invoices and credit notes of a month."), True, False,
    ),
    BookForm(
        ExportKind.E_REPORTING, ExportKind.E_REPORTING.label,
        _("Sales that no e-invoice carries, for the platform that reports them."), True, False,
    ),
    BookForm(
        ExportKind.SEPA_DEBIT, ExportKind.SEPA_DEBIT.label,
        _("Open invoices of accounts with a mandate, each in one file only."), False, True,
    ),
    BookForm(
        ExportKind.SEPA_CREDIT, ExportKind.SEPA_CREDIT.label,
        _("What we owe partners on confirmed statements, each in one file only."), False, True,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JobLine:
    """A file of the list."""

    job: ExportJob
    title: str
    asked_for: str
    """The filters in a few words."""
    rows: str
    size: str
    error: str

    @property
    def is_ready(self) -> bool:
        return self.job.state == ExportState.DONE


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """Columns of one part that are not in the file."""

    name: str
    title: str | Promise
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class ExportsPage:
    """Everything the page shows."""

    lines: tuple[JobLine, ...]
    total: int
    page: int
    page_count: int
    may_export: bool
    filters: Mapping[str, str]
    chosen: tuple[Column, ...]
    groups: tuple[ColumnGroup, ...]
    order: str
    style: str
    with_titles: bool
    view: ExportView | None
    views: tuple[ExportView, ...]
    user_id: int
    accounts: tuple[tuple[str, str], ...]
    month: str
    """The last month that is over, as forms propose it."""

    @property
    def has_open(self) -> bool:
        """True while a file of the page waits or is made."""
        return any(line.job.is_open for line in self.lines)

    @property
    def orders(self) -> list[tuple[str, str]]:
        """The orders to choose from."""
        return RowOrder.choices

    @property
    def styles(self) -> list[tuple[str, str]]:
        """The separators to choose from."""
        return CsvStyle.choices

    @property
    def only_choices(self) -> tuple[tuple[str, str | Promise], ...]:
        """Which CDRs to choose from."""
        return ONLY_LABELS

    @property
    def book_forms(self) -> tuple[BookForm, ...]:
        """The forms of the other files."""
        return BOOK_FORMS


def exports_page(
    *, page: int, view_id: int | None, filters: Mapping[str, str], user: User
) -> ExportsPage:
    """A page of files, newest first, and the form as a view or the usual columns fill it.

    Four queries.
    """
    jobs = export_rows()
    total = jobs.count()
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), pages)
    views = tuple(export_views_of(user))
    view = next((one for one in views if one.pk == view_id), None)
    chosen = (known_columns(view.columns) if view else []) or list(DEFAULT_COLUMNS)
    accounts = BillingAccount.objects.order_by("name", "pk").values_list("code", "name")
    return ExportsPage(
        lines=tuple(_line(job) for job in jobs[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]),
        total=total,
        page=page,
        page_count=pages,
        may_export=may_export(user),
        filters=filters,
        chosen=tuple(COLUMNS[name] for name in chosen),
        groups=_groups(frozenset(chosen)),
        order=view.order if view else RowOrder.ISSUED,
        style=view.style if view else CsvStyle.INTERNATIONAL,
        with_titles=view.with_titles if view else False,
        view=view,
        views=views,
        user_id=user.pk,
        accounts=tuple(accounts[:ACCOUNTS_SHOWN]),
        month=_last_month(timezone.localdate()),
    )


def size_text(size_bytes: int) -> str:
    """`12 kB`, `3.4 MB`: of a thousand each."""
    if size_bytes >= 1_000_000:
        return f"{number_text(size_bytes / 1_000_000, 1)}{NO_BREAK_SPACE}MB"
    return f"{max(1, round(size_bytes / 1000))}{NO_BREAK_SPACE}kB" if size_bytes else ""


def _line(job: ExportJob) -> JobLine:
    filters = job.params.get("filters", job.params)
    said = [str(filters[name]) for name in _SAID if filters.get(name)]
    error = refusal_words(DomainError(job.error_code, job.error)) if job.error_code else ""
    return JobLine(
        job=job,
        title=str(ExportKind(job.kind).label),
        asked_for=", ".join(said),
        rows=number_text(Decimal(job.rows_done), 0),
        size=size_text(job.size_bytes),
        error=error,
    )


def _groups(chosen: frozenset[str]) -> tuple[ColumnGroup, ...]:
    groups = []
    for name, title in GROUPS.items():
        rest = [one for one in COLUMNS.values() if one.group == name and one.name not in chosen]
        groups.append(ColumnGroup(name, title, tuple(rest)))
    return tuple(groups)


def _last_month(today: date) -> str:
    year, month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    return f"{year:04d}-{month:02d}"
