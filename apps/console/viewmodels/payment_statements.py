"""Pages of bank statements and of reminders."""

from dataclasses import dataclass
from datetime import date

from django.conf import settings

from apps.accounts.models import User
from apps.billing.choices import BankLineState, ReminderState
from apps.billing.models import BankLine, BankStatement, Issuer, Reminder, ReminderLevel
from apps.billing.payment_words import CSV_FIELD_WORDS, HINDRANCES, LINE_PROBLEMS
from apps.billing.selectors.reminders import ReminderPreview, reminder_preview, reminder_rows
from apps.billing.services.payments_import import StatementPreview
from apps.billing.statements import BadLine, Line, columns_guess, csv_headers
from apps.billing.statements.model import iban_clean

PAGE_SIZE = 50
STATEMENTS_SHOWN = 20
PREVIEW_SHOWN = 200
MAY_SEE = "billing.view_bankstatement"
MAY_IMPORT = "billing.add_bankstatement"
MAY_SEE_REMINDERS = "billing.view_reminder"
MAY_PROPOSE = "billing.add_reminder"
MAY_SEND = "billing.send_reminder"


@dataclass(frozen=True, slots=True)
class LineShown:
    """A line of a file before it is imported, or after."""

    number: int
    state: str
    line: Line | BankLine | None
    problem: str
    raw: str


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A field of a CSV line and the column that it is read from."""

    field: str
    label: str
    chosen: str


@dataclass(frozen=True, slots=True)
class ImportPage:
    """A file that waits to be imported, or none yet."""

    statements: tuple[BankStatement, ...]
    may_import: bool
    file_name: str = ""
    held: str = ""
    preview: StatementPreview | None = None
    lines: tuple[LineShown, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    is_cut: bool = False
    is_csv: bool = False
    headers: tuple[str, ...] = ()
    columns: tuple[ColumnChoice, ...] = ()
    with_outgoing: bool = False
    is_month_first: bool = False
    is_other_account: bool = False
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class StatementPage:
    """An imported statement with its lines."""

    statement: BankStatement
    lines: tuple[LineShown, ...]
    state: str
    states: tuple[tuple[str, str], ...]
    page: int
    page_count: int
    may_take: bool


@dataclass(frozen=True, slots=True)
class ReminderShown:
    """A reminder as a line."""

    reminder: Reminder
    level_name: str
    goes_on_paper: bool


@dataclass(frozen=True, slots=True)
class ReminderPage:
    """One reminder as it would go out now, or went."""

    reminder: Reminder
    preview: ReminderPreview
    hindrance: str
    level_name: str
    is_mail_configured: bool
    may_send: bool


@dataclass(frozen=True, slots=True)
class RemindersPage:
    """The page of reminders."""

    lines: tuple[ReminderShown, ...]
    levels: tuple[ReminderLevel, ...]
    state: str
    states: tuple[tuple[str, str], ...]
    page: int
    page_count: int
    is_mail_configured: bool
    may_propose: bool
    may_send: bool


def import_page(user: User) -> ImportPage:
    """The form, and what was imported last."""
    statements = BankStatement.objects.select_related("imported_by")[:STATEMENTS_SHOWN]
    return ImportPage(statements=tuple(statements), may_import=user.has_perm(MAY_IMPORT))


def lines_of_preview(preview: StatementPreview) -> tuple[LineShown, ...]:
    """All lines in the order of the file; bad ones first, as many as are shown."""
    bad = [_bad(line) for line in preview.statement.bad_lines]
    good = [
        LineShown(line.number, preview.states[line.number], line, "", line.raw)
        for line in preview.statement.lines
    ]
    kept = bad[:PREVIEW_SHOWN] + good[: max(0, PREVIEW_SHOWN - len(bad))]
    return tuple(sorted(kept, key=lambda line: line.number))


def counts_of_preview(preview: StatementPreview) -> tuple[tuple[str, int], ...]:
    """How many lines are in each state."""
    states = list(preview.states.values())
    return tuple((state, states.count(state)) for state in BankLineState.values)


def column_choices(content: bytes, chosen: dict[str, str]) -> tuple[ColumnChoice, ...]:
    """Each field of a CSV with the column that is chosen, or guessed from its name."""
    columns = chosen or columns_guess(csv_headers(content))
    return tuple(
        ColumnChoice(field, str(label), columns.get(field, ""))
        for field, label in CSV_FIELD_WORDS.items()
    )


def is_other_account(iban: str) -> bool:
    """True when a statement is of another bank account than the issuer's."""
    issuer = Issuer.objects.only("iban").first()
    return bool(iban and issuer and issuer.iban and iban_clean(issuer.iban) != iban)


def statement_page(*, statement_id: int, state: str, page: int, user: User) -> StatementPage | None:
    """An imported statement; None when there is none."""
    statement = BankStatement.objects.filter(pk=statement_id).first()
    if statement is None:
        return None
    lines = BankLine.objects.filter(statement=statement).order_by("number")
    if state:
        lines = lines.filter(state=state)
    pages = max(1, -(-lines.count() // PAGE_SIZE))
    page = min(max(1, page), pages)
    return StatementPage(
        statement=statement,
        lines=tuple(
            LineShown(line.number, line.state, line, problem_words(line.problem_code, line.problem),
                      line.raw)
            for line in lines[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        ),
        state=state,
        states=tuple((value, str(label)) for value, label in BankLineState.choices),
        page=page,
        page_count=pages,
        may_take=user.has_perm("billing.add_payment"),
    )  # fmt: skip


def problem_words(code: str, otherwise: str) -> str:
    """Why a line cannot be read, in the reader's words."""
    return str(LINE_PROBLEMS.get(code, otherwise))


def reminders_listing(*, state: str, page: int, user: User) -> RemindersPage:
    """Reminders, last made first."""
    reminders = reminder_rows().order_by("-pk")
    if state:
        reminders = reminders.filter(state=state)
    pages = max(1, -(-reminders.count() // PAGE_SIZE))
    page = min(max(1, page), pages)
    levels = tuple(ReminderLevel.objects.prefetch_related("texts"))
    names = {level.level: level.name for level in levels}
    lines = [
        ReminderShown(
            reminder,
            names.get(reminder.level, ""),
            goes_on_paper=not reminder.invoice.account.email or not settings.MAIL_CONFIGURED,
        )
        for reminder in reminders[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    ]
    return RemindersPage(
        lines=tuple(lines),
        levels=levels,
        state=state,
        states=tuple((value, str(label)) for value, label in ReminderState.choices),
        page=page,
        page_count=pages,
        is_mail_configured=settings.MAIL_CONFIGURED,
        may_propose=user.has_perm(MAY_PROPOSE),
        may_send=user.has_perm(MAY_SEND),
    )


def reminder_page(*, reminder_id: int, today: date, user: User) -> ReminderPage | None:
    """One reminder with its words; None when there is none."""
    reminder = reminder_rows().filter(pk=reminder_id).first()
    if reminder is None:
        return None
    preview = reminder_preview(reminder, on=today)
    level = ReminderLevel.objects.filter(level=reminder.level).first()
    return ReminderPage(
        reminder=reminder,
        preview=preview,
        hindrance=str(HINDRANCES.get(preview.hindrance, "")),
        level_name=level.name if level else "",
        is_mail_configured=settings.MAIL_CONFIGURED,
        may_send=user.has_perm(MAY_SEND),
    )


def _bad(line: BadLine) -> LineShown:
    return LineShown(
        line.number, BankLineState.BAD, None, problem_words(line.code, line.problem), line.raw
    )
