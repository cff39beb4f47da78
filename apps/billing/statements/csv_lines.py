"""Bank statements as CSV: every bank has its own columns, so a map says which is which."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from io import StringIO

from apps.billing.statements.model import (
    LARGEST,
    MOST_LINES,
    RAW_LENGTH,
    REFERENCE_LENGTH,
    BadLine,
    Line,
    Statement,
    StatementProblem,
    fingerprinted,
    iban_clean,
    size_check,
    text_clean,
)

CSV_FIELDS = (
    "date", "amount", "credit", "debit", "currency", "name", "iban", "reference",
    "end_to_end_id", "bank_reference",
)  # fmt: skip
"""What a column can be; `amount` is signed, `credit` and `debit` are two columns instead of it."""
# What banks call their columns in French, English and Spanish, folded as in `_folded`.
_NAMES: dict[str, tuple[str, ...]] = {
    "date": (
        "date", "date operation", "date de l operation", "date comptable", "booking date",
        "booked on", "fecha", "fecha operacion", "fecha contable",
    ),
    "amount": ("montant", "montant eur", "amount", "importe", "monto", "valeur"),
    "credit": ("credit", "credit eur", "abono", "haber", "paid in", "money in"),
    "debit": ("debit", "debit eur", "cargo", "debe", "paid out", "money out"),
    "currency": ("devise", "currency", "divisa", "moneda", "ccy"),
    "name": (
        "nom", "tiers", "contrepartie", "emetteur", "donneur d ordre", "name", "counterparty",
        "payer", "nombre", "ordenante",
    ),
    "iban": ("iban", "compte", "iban contrepartie", "account", "counterparty iban", "cuenta"),
    "reference": (
        "libelle", "libelle operation", "motif", "communication", "description", "details",
        "reference", "remittance", "concepto", "descripcion",
    ),
    "end_to_end_id": ("end to end", "end to end id", "endtoendid", "reference de bout en bout"),
    "bank_reference": ("reference banque", "bank reference", "referencia banco", "transaction id"),
}  # fmt: skip
_ONE_SIGN = re.compile(r"[+-]?\d{1,18}(?:[.,]\d*)?")
_GROUPED = re.compile(
    r"(?P<whole>[+-]?\d{1,3}(?P<sign>[.,])\d{3}(?:(?P=sign)\d{3})*)"
    r"(?P<fraction>(?!(?P=sign))[.,]\d*)?"
)
_ACCENTS = str.maketrans("àâäáãçéèêëíîïìñóôöòúùûü", "aaaaaceeeeiiiinoooouuuu")


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How a bank writes. `columns`: field -> header; empty: as far as the headers are known."""

    columns: Mapping[str, str] = field(default_factory=dict)
    currency: str = "EUR"
    """Where there is no column of currencies."""
    is_month_first: bool = False
    """3/10/2026 is the 10th of March."""


class _Unreadable(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def csv_headers(content: bytes) -> list[str]:
    """The headers of the first line that has at least two columns."""
    _first, header, _rows = _opened(content)
    return header


def columns_guess(headers: Sequence[str]) -> dict[str, str]:
    """Field -> header for headers with well-known names; each header stands for one field."""
    found: dict[str, str] = {}
    folded = {_folded(header): header for header in reversed(headers)}
    for name, known in _NAMES.items():
        for one in known:
            if one in folded and folded[one] not in found.values():
                found[name] = folded[one]
                break
    if "credit" in found and "debit" in found:
        found.pop("amount", None)
    return found


def csv_parse(content: bytes, options: CsvOptions | None = None) -> Statement:
    """The lines of a CSV file, numbered as in the file; raises StatementProblem for the whole."""
    options = options or CsvOptions()
    _first, headers, rows = _opened(content)
    columns = _columns(headers, options)
    lines: list[Line] = []
    bad: list[BadLine] = []
    for number, row in rows:
        if number > MOST_LINES:
            raise StatementProblem("statement.too_long", "More than 50,000 lines.")
        raw = " | ".join(row)[:RAW_LENGTH]
        try:
            lines.append(_line(number, row, columns, options, raw))
        except _Unreadable as err:
            bad.append(BadLine(number, err.code, err.message, raw))
    return Statement(lines=fingerprinted(lines), bad_lines=tuple(bad))


def _opened(content: bytes) -> tuple[int, list[str], Iterator[tuple[int, list[str]]]]:
    """The header's line, the headers, and the rows below with their line numbers."""
    size_check(content)
    text = _decoded(content)
    delimiter = _delimiter(text)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if sum(1 for cell in row if cell.strip()) >= 2:
                header = [text_clean(cell) for cell in row]
                return reader.line_num, header, _rows(reader)
    except csv.Error as err:
        raise StatementProblem("statement.not_csv", f"The CSV cannot be read: {err}") from err
    raise StatementProblem("statement.no_header", "There is no line with column names.")


def _rows(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    while True:
        try:
            row = next(reader, None)
        except csv.Error as err:
            raise StatementProblem("statement.not_csv", f"The CSV cannot be read: {err}") from err
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield reader.line_num, row  # type: ignore[attr-defined]


def _columns(headers: Sequence[str], options: CsvOptions) -> dict[str, int]:
    """Field -> place of its column; raises StatementProblem for what is missing or not there."""
    chosen = dict(options.columns) or columns_guess(headers)
    places: dict[str, int] = {}
    for name, header in chosen.items():
        if name not in CSV_FIELDS:
            raise StatementProblem("statement.column_unknown", f"There is no field {name!r}.")
        if header not in headers:
            raise StatementProblem(
                "statement.column_missing", f"The file has no column {header!r}.", field=name
            )
        places[name] = list(headers).index(header)
    if "date" not in places:
        raise StatementProblem(
            "statement.column_missing", "Which column is the date?", field="date"
        )
    if "amount" not in places and not ("credit" in places or "debit" in places):
        raise StatementProblem(
            "statement.column_missing", "Which column is the amount?", field="amount"
        )
    return places


def _line(
    number: int, row: Sequence[str], columns: Mapping[str, int], options: CsvOptions, raw: str
) -> Line:
    def cell(name: str) -> str:
        place = columns.get(name)
        return text_clean(row[place]) if place is not None and place < len(row) else ""

    currency = cell("currency").upper() or options.currency
    if currency == "€":
        currency = "EUR"
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise _Unreadable("line.currency", f"No currency can be read: {currency!r}.")
    return Line(
        number=number,
        booked_on=_day(cell("date"), is_month_first=options.is_month_first),
        amount=_signed(cell, columns),
        currency=currency,
        party_name=cell("name")[:200],
        party_iban=iban_clean(cell("iban")),
        reference=cell("reference")[:REFERENCE_LENGTH],
        end_to_end_id=cell("end_to_end_id")[:64],
        bank_reference=cell("bank_reference")[:64],
        raw=raw,
    )


def _signed(cell, columns: Mapping[str, int]) -> Decimal:  # type: ignore[no-untyped-def]
    """The amount of one signed column, or of a column of credits and one of debits."""
    if "amount" in columns:
        amount = _amount(cell("amount"))
        if amount is None:
            raise _Unreadable("line.amount", "There is no amount.")
    else:
        credit, debit = _amount(cell("credit")), _amount(cell("debit"))
        if credit and debit:
            raise _Unreadable("line.amount", "There is both a credit and a debit.")
        if not credit and not debit:
            raise _Unreadable("line.amount", "There is no amount.")
        amount = abs(credit) if credit else -abs(debit or Decimal(0))
    if amount == 0:
        raise _Unreadable("line.amount", "The amount is zero.")
    return amount


def _amount(text: str) -> Decimal | None:
    """`1 234,56`, `1,234.56`, `-12.00 €`, `(12,00)` as a Decimal; None for an empty cell."""
    plain = re.sub(r"[\s\u00a0\u202f'€]|[A-Z]{3}", "", text)
    if not plain:
        return None
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1]}"
    if plain.endswith("-"):
        plain = f"-{plain[:-1]}"
    plain = plain.replace("\u2212", "-")
    if _ONE_SIGN.fullmatch(plain):
        # 1,234 is a thousand to some and a little more than one to others.
        if re.search(r"[.,]\d{3}$", plain):
            raise _Unreadable("line.amount", f"{text!r}: thousands or three decimals?")
        plain = plain.replace(",", ".")
    elif grouped := _GROUPED.fullmatch(plain):
        whole, fraction = grouped["whole"], grouped["fraction"] or ""
        plain = re.sub(r"[.,]", "", whole) + fraction.replace(",", ".")
    else:
        raise _Unreadable("line.amount", f"No amount can be read: {text!r}.")
    try:
        value = Decimal(plain)
    except InvalidOperation as err:
        raise _Unreadable("line.amount", f"No amount can be read: {text!r}.") from err
    if abs(value) >= LARGEST:
        raise _Unreadable("line.amount", f"The amount is too large: {text!r}.")
    if value != value.quantize(Decimal("0.01")):
        raise _Unreadable("line.decimals", f"The amount {text!r} has more than two decimals.")
    return value


def _day(text: str, *, is_month_first: bool) -> date:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d.*", text):
            return date.fromisoformat(text[:10])
        if re.fullmatch(r"\d{8}", text):
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        found = re.fullmatch(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{2}|\d{4})(\s.*)?", text)
        if found:
            first, second, year = (int(part) for part in found.groups()[:3])
            day, month = (second, first) if is_month_first else (first, second)
            return date(year + 2000 if year < 100 else year, month, day)
    except ValueError as err:
        raise _Unreadable("line.date", f"There is no such day: {text!r}.") from err
    raise _Unreadable("line.date", f"No date can be read: {text!r}.")


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _delimiter(text: str) -> str:
    """The sign that parts the columns: the one that is in most of the first lines."""
    head = text.splitlines()[:20]
    counts = {sign: sum(line.count(sign) for line in head) for sign in (";", "\t", "|", ",")}
    # A decimal comma is in every line: it counts only where nothing else does.
    for sign in (";", "\t", "|"):
        if counts[sign] >= max(1, len(head) // 2):
            return sign
    return ","


def _folded(header: str) -> str:
    plain = header.lower().translate(_ACCENTS)
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())
