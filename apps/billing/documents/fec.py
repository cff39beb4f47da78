"""Accounting entries and the French file of them: FEC, 18 columns (LPF art. A47 A-1, VII).

Tab between columns, comma in amounts, dates as AAAAMMJJ, UTF-8, a line of column names first.
Amounts are euros; `Montantdevise` and `Idevise` carry the amount in the paper's own currency.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cariflex.common.errors import DomainError
from cariflex.common.money import round_half_up

COLUMNS = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib",
    "CompAuxNum", "CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit",
    "EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise",
)  # fmt: skip
SEPARATOR = "\t"
LINE_END = "\r\n"
HOME = "EUR"
ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the books, and the customer or partner below it (none for sales or tax)."""

    number: str
    label: str
    party_code: str = ""
    party_name: str = ""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry, in euros; one of debit and credit is 0, neither is negative."""

    account: Account
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    currency: str = ""
    """Empty for euros."""
    currency_amount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that is to be booked: its postings balance."""

    source: str
    journal: str
    on: date
    piece_reference: str
    piece_on: date
    label: str
    postings: tuple[Posting, ...]

    @property
    def is_balanced(self) -> bool:
        debit = sum((posting.debit for posting in self.postings), ZERO)
        return debit == sum((posting.credit for posting in self.postings), ZERO)


@dataclass(frozen=True, slots=True)
class FecLine:
    """One line of the file, as text, in the order of `COLUMNS`."""

    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """A part of an entry: positive is a debit, negative a credit, in the paper's currency."""

    account: Account
    amount: Decimal


def entry_made(
    *,
    source: str,
    journal: str,
    on: date,
    piece_reference: str,
    piece_on: date,
    label: str,
    parts: Iterable[Amount],
    against: Account,
    currency: str,
    euros: Decimal,
) -> Entry:
    """An entry of the parts, each rounded to cents of euro; `against` takes their sum.

    `euros` is what one unit of the currency is worth. The sum is of rounded euros, so an entry in
    another currency balances too.
    """
    postings: list[Posting] = []
    total_home, total = ZERO, ZERO
    for part in parts:
        home = round_half_up(part.amount * euros)
        total_home, total = total_home + home, total + part.amount
        if part.amount:
            postings.append(_posting(part.account, home, part.amount, currency))
    postings.insert(0, _posting(against, -total_home, -total, currency))
    return Entry(source, journal, on, piece_reference, piece_on, label, tuple(postings))


def _posting(account: Account, home: Decimal, amount: Decimal, currency: str) -> Posting:
    return Posting(
        account,
        debit=max(home, ZERO),
        credit=max(-home, ZERO),
        currency="" if currency == HOME else currency,
        currency_amount=ZERO if currency == HOME else abs(amount),
    )


def fec_line(
    entry: Entry, posting: Posting, *, number: str, journal_label: str, booked_on: date
) -> FecLine:
    """One posting as a line; text is freed of what would break the columns."""
    account = posting.account
    return FecLine(
        tuple(
            _clean(cell)
            for cell in (
                entry.journal,
                journal_label,
                number,
                _day(entry.on),
                account.number,
                account.label,
                account.party_code,
                account.party_name,
                entry.piece_reference,
                _day(entry.piece_on),
                entry.label,
                _amount(posting.debit),
                _amount(posting.credit),
                "",
                "",
                _day(booked_on),
                _amount(posting.currency_amount) if posting.currency else "",
                posting.currency,
            )
        )
    )


def fec_bytes(lines: Iterable[FecLine]) -> Iterator[bytes]:
    """The file in pieces, the names of the columns first."""
    yield (SEPARATOR.join(COLUMNS) + LINE_END).encode()
    for line in lines:
        yield (SEPARATOR.join(line.cells) + LINE_END).encode()


def fec_name(siren: str, last_day: date) -> str:
    """`732829320FEC20261231.txt`; DomainError `documents.siren_missing` without nine digits."""
    if len(siren) != 9 or not siren.isdigit():
        raise DomainError(
            "documents.siren_missing",
            "The file is named after the operator's SIREN.",
            field="siren",
        )
    return f"{siren}FEC{last_day:%Y%m%d}.txt"


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"


def _amount(amount: Decimal) -> str:
    return f"{amount:.2f}".replace(".", ",")


def _clean(text: str) -> str:
    return " ".join(text.split())
