"""Bank statements become payments: each booking once, however often and in however many files.

Money that came in becomes a payment at once. Money that left our account is kept as a line and
becomes a payment when somebody takes it (or asks for it at the import): most of it is rent and
salaries. Debits that bounced are always taken.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from apps.billing.choices import (
    BankLineState,
    PaymentDirection,
    PaymentMethod,
    StatementFormat,
)
from apps.billing.models import BankLine, BankStatement, Payment
from apps.billing.statements import (
    BadLine,
    CsvOptions,
    Line,
    Statement,
    StatementProblem,
    camt053_parse,
    csv_parse,
    format_guess,
)
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

_IMPORTS_LOCK = 0x43460051
_BATCH = 1000
BANK = "bank:"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is read. `format` empty: by its first sign; `columns`: CSV field -> header."""

    format: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    currency: str = "EUR"
    is_month_first: bool = False
    with_outgoing: bool = False
    """Take money that left our account as payments too."""


@dataclass(frozen=True, slots=True)
class StatementPreview:
    """What an import would do; nothing is written. `states`: number of a line -> its state."""

    format: str
    statement: Statement
    states: Mapping[int, str]
    imported: BankStatement | None
    """The same bytes were imported before."""


def statement_parse(content: bytes, options: ImportOptions) -> tuple[str, Statement]:
    """The format and the lines; DomainError `statement.*` for what is no statement."""
    form = options.format or format_guess(content)
    if form not in StatementFormat.values:
        raise DomainError("statement.format", "There is no such format.", field="format")
    try:
        if form == StatementFormat.CAMT053:
            return form, camt053_parse(content)
        return form, csv_parse(
            content,
            CsvOptions(
                columns=options.columns,
                currency=options.currency,
                is_month_first=options.is_month_first,
            ),
        )
    except StatementProblem as err:
        raise DomainError(err.code, err.message, field=err.field) from err


def statement_preview(*, content: bytes, options: ImportOptions) -> StatementPreview:
    """What the file says and what would become of each line; nothing is written."""
    form, statement = statement_parse(content, options)
    known = _known(statement.lines)
    states = {line.number: _state(line, known, options) for line in statement.lines}
    states |= {bad.number: BankLineState.BAD.value for bad in statement.bad_lines}
    imported = BankStatement.objects.filter(sha256=_digest(content)).first()
    return StatementPreview(form, statement, states, imported)


@transaction.atomic
def statement_import(
    *,
    content: bytes,
    file_name: str,
    options: ImportOptions,
    now: datetime,
    by_id: int | None = None,
) -> BankStatement:
    """The imported statement: its payments, and every line with its number and what became of it.

    The same bytes again give the statement that is there; only lines that could not be read then
    are tried again (another map of columns may read them). DomainError `statement.*` when the
    file as a whole cannot be read: nothing is written then.
    """
    form, statement = statement_parse(content, options)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [_IMPORTS_LOCK]
        )
    kept = BankStatement.objects.filter(sha256=_digest(content)).first()
    if kept is None:
        kept = BankStatement.objects.create(
            sha256=_digest(content),
            format=form,
            file_name=file_name[:200],
            statement_ids=list(statement.statement_ids),
            iban=statement.iban,
            opening_balance=statement.opening_balance,
            closing_balance=statement.closing_balance,
            balances_add_up=statement.balances_add_up,
            imported_at=now,
            imported_by_id=by_id,
        )
        wanted: Sequence[Line] = statement.lines
        _bad_keep(kept, statement.bad_lines)
    else:
        wanted = _readable_now(kept, statement)
    _lines_take(kept, wanted, options, by_id=by_id)
    _count(kept)
    logger.info("statement imported statement=%s lines=%s", kept.pk, len(wanted))
    return kept


@transaction.atomic
def bank_line_take(*, line_id: int, by_id: int | None = None) -> Payment:
    """Record the payment of a line that was left aside; again gives the same payment."""
    line = BankLine.objects.select_for_update(of=("self",)).filter(pk=line_id).first()
    if line is None:
        raise DomainError("statement.line_unknown", "There is no such line.")
    if line.payment is not None:
        return line.payment
    if line.state != BankLineState.LEFT or line.amount is None or line.booked_on is None:
        raise DomainError("statement.line_not_left", "Only a line that was left aside is taken.")
    payment = Payment.objects.create(
        method=PaymentMethod.TRANSFER,
        direction=PaymentDirection.OUT if line.amount < 0 else PaymentDirection.IN,
        amount=abs(line.amount),
        currency=line.currency,
        paid_on=line.booked_on,
        party_name=line.party_name,
        party_iban=line.party_iban,
        reference=line.reference,
        end_to_end_id=line.end_to_end_id,
        external_id=BANK + line.fingerprint,
        created_by_id=by_id,
    )
    line.payment, line.state = payment, BankLineState.TAKEN
    line.save(update_fields=["payment", "state"])
    _count(line.statement)
    return payment


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _known(lines: Sequence[Line]) -> set[str]:
    """Fingerprints that another statement has already."""
    return {
        fingerprint
        for batch in _batches(lines)
        for fingerprint in BankLine.objects.filter(
            fingerprint__in=[line.fingerprint for line in batch],
            state__in=(BankLineState.TAKEN, BankLineState.LEFT),
        ).values_list("fingerprint", flat=True)
    }


def _state(line: Line, known: set[str], options: ImportOptions) -> str:
    if line.fingerprint in known:
        return BankLineState.KNOWN.value
    is_taken = line.amount > 0 or line.is_return or options.with_outgoing
    return (BankLineState.TAKEN if is_taken else BankLineState.LEFT).value


def _bad_keep(statement: BankStatement, bad_lines: Sequence[BadLine]) -> None:
    BankLine.objects.bulk_create(
        [
            BankLine(
                statement=statement,
                number=bad.number,
                state=BankLineState.BAD,
                problem_code=bad.code,
                problem=bad.problem[:300],
                raw=bad.raw,
            )
            for bad in bad_lines
        ],
        batch_size=_BATCH,
    )


def _readable_now(kept: BankStatement, statement: Statement) -> list[Line]:
    """Lines that were bad at the first import and are read now; their bad rows make place."""
    bad = set(kept.lines.filter(state=BankLineState.BAD).values_list("number", flat=True))
    lines = [line for line in statement.lines if line.number in bad]
    kept.lines.filter(state=BankLineState.BAD, number__in=[line.number for line in lines]).delete()
    return lines


def _lines_take(
    kept: BankStatement, lines: Sequence[Line], options: ImportOptions, *, by_id: int | None
) -> None:
    known = _known(lines)
    for batch in _batches(lines):
        states = [_state(line, known, options) for line in batch]
        payments: list[Payment | None] = [
            _payment_of(line, by_id) if state == BankLineState.TAKEN else None
            for line, state in zip(batch, states, strict=True)
        ]
        Payment.objects.bulk_create([payment for payment in payments if payment is not None])
        BankLine.objects.bulk_create(
            _row(kept, line, state, payment)
            for line, state, payment in zip(batch, states, payments, strict=True)
        )


def _payment_of(line: Line, by_id: int | None) -> Payment:
    return Payment(
        method=PaymentMethod.TRANSFER,
        direction=PaymentDirection.IN if line.amount > 0 else PaymentDirection.OUT,
        amount=abs(line.amount),
        currency=line.currency,
        paid_on=line.booked_on,
        party_name=line.party_name,
        party_iban=line.party_iban,
        reference=line.reference,
        end_to_end_id=line.end_to_end_id,
        external_id=BANK + line.fingerprint,
        created_by_id=by_id,
    )


def _row(kept: BankStatement, line: Line, state: str, payment: Payment | None) -> BankLine:
    return BankLine(
        statement=kept,
        number=line.number,
        state=state,
        fingerprint=line.fingerprint,
        booked_on=line.booked_on,
        amount=line.amount,
        currency=line.currency,
        party_name=line.party_name,
        party_iban=line.party_iban,
        reference=line.reference,
        end_to_end_id=line.end_to_end_id,
        bank_reference=line.bank_reference,
        is_return=line.is_return,
        raw=line.raw,
        payment=payment,
    )


def _count(statement: BankStatement) -> None:
    states = list(statement.lines.values_list("state", flat=True))
    statement.taken_count = states.count(BankLineState.TAKEN)
    statement.known_count = states.count(BankLineState.KNOWN)
    statement.left_count = states.count(BankLineState.LEFT)
    statement.bad_count = states.count(BankLineState.BAD)
    statement.save(update_fields=["taken_count", "known_count", "left_count", "bad_count"])


def _batches(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    for start in range(0, len(lines), _BATCH):
        yield lines[start : start + _BATCH]
