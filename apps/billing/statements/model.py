"""What a bank statement says, whatever its format."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

MOST_BYTES = 10_000_000
MOST_LINES = 50_000
RAW_LENGTH = 2_000
REFERENCE_LENGTH = 500
LARGEST = Decimal(10) ** 12
"""More is refused: the database holds 12 digits before the point."""


class StatementProblem(ValueError):
    """The file as a whole cannot be read; `code` is stable."""

    def __init__(self, code: str, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


@dataclass(frozen=True, slots=True)
class Line:
    """One booking. `amount` is signed: positive came to our account, negative left it."""

    number: int
    booked_on: date
    amount: Decimal
    currency: str
    party_name: str = ""
    party_iban: str = ""
    reference: str = ""
    end_to_end_id: str = ""
    bank_reference: str = ""
    is_return: bool = False
    raw: str = ""
    own_iban: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A booking that cannot be read: where it is and why."""

    number: int
    code: str
    problem: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A file. `balances_add_up` is None where it names no balances before and after."""

    lines: tuple[Line, ...]
    bad_lines: tuple[BadLine, ...]
    iban: str = ""
    statement_ids: tuple[str, ...] = field(default=())
    opening_balance: Decimal | None = None
    closing_balance: Decimal | None = None
    balances_add_up: bool | None = None


def format_guess(content: bytes) -> str:
    """`camt053` for XML, else `csv`."""
    return "camt053" if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" else "csv"


def size_check(content: bytes) -> None:
    """Raises StatementProblem for an empty file and for one above 10 MB."""
    if not content.strip():
        raise StatementProblem("statement.empty", "The file is empty.")
    if len(content) > MOST_BYTES:
        raise StatementProblem("statement.too_large", "The file is larger than 10 MB.")


def iban_clean(text: str) -> str:
    """An IBAN without spaces, in capitals."""
    return re.sub(r"[\s.\-]", "", text).upper()[:34]


def text_clean(text: str) -> str:
    """Words of a bank: control signs and runs of spaces become one space."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())


def fingerprinted(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Each line with what makes it the same booking in another file that overlaps with this one.

    Bookings that are alike in everything are told apart by how many of them came before.
    """
    seen: Counter[str] = Counter()
    marked = []
    for line in lines:
        facts = "\x1f".join(
            (
                line.own_iban,
                line.booked_on.isoformat(),
                f"{line.amount.normalize():f}",
                line.currency,
                line.bank_reference,
                line.end_to_end_id,
                line.party_iban,
                line.party_name.upper(),
                line.reference.upper(),
            )
        )
        seen[facts] += 1
        digest = hashlib.sha256(f"{facts}\x1f{seen[facts]}".encode()).hexdigest()
        marked.append(replace(line, fingerprint=digest))
    return tuple(marked)
