"""How a value is written into a cell: in the SELECT for CSV, in Python for spreadsheets."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, Func, TextField
from django.db.models.expressions import Combinable

from apps.billing.exports.choices import CsvStyle
from apps.billing.exports.columns import Column, ColumnKind
from cariflex.common.money import round_half_up

# What a spreadsheet takes for a formula (OWASP, CSV injection).
_FORMULA = re.compile(r"\s*[=+@|%＝＋－＠-]|[\t\r\n]")


# Characters that no formula begins with: 0-9, A-Z, a-z, and none at all (ascii('') is 0).
_PLAIN = ", ".join(str(code) for code in (0, *range(48, 58), *range(65, 91), *range(97, 123)))


class _Harmless(Func):
    """Text with a quote before what a spreadsheet takes for a formula.

    Nearly every text is known to be plain by its first character; a regular expression on each
    would take as long as all the rest of its row.
    """

    template = (
        f"CASE WHEN ascii(%(expressions)s) IN ({_PLAIN}) THEN %(expressions)s"
        " WHEN %(expressions)s ~ '^([[:space:]]*[=+@|%%%%＝＋－＠-]|[\\t\\r\\n])'"
        " THEN '''' || %(expressions)s ELSE %(expressions)s END"
    )
    output_field = TextField()


class _IsoTime(Func):
    """`2026-03-10T12:55:00Z`: half of the time that to_char takes; psycopg sets DateStyle."""

    template = "replace((%(expressions)s AT TIME ZONE 'UTC')::varchar(19), ' ', 'T') || 'Z'"
    output_field = TextField()


class _LocalTime(Func):
    """`2026-03-10 08:55:00`, of a timestamp without zone."""

    template = "(%(expressions)s)::varchar(19)"
    output_field = TextField()


class _Month(Func):
    """`2026-03`"""

    template = "(%(expressions)s)::varchar(7)"
    output_field = TextField()


class _Word(Func):
    """`true` or `false`"""

    template = "(%(expressions)s)::text"
    output_field = TextField()


class _Cents(Func):
    """Two decimals."""

    template = "round(%(expressions)s, 2)"
    output_field = DecimalField()


class _Digits(Func):
    """All digits that say something."""

    template = "trim_scale(%(expressions)s)"
    output_field = DecimalField()


class _Comma(Func):
    """A number's text with a comma; COPY itself writes a point."""

    template = "replace((%(expressions)s)::text, '.', ',')"
    output_field = TextField()


@dataclass(frozen=True, slots=True)
class Separators:
    """The signs of a style of CSV."""

    delimiter: str
    decimal: str
    with_bom: bool


SEPARATORS: dict[str, Separators] = {
    CsvStyle.INTERNATIONAL: Separators(",", ".", with_bom=False),
    CsvStyle.EXCEL: Separators(",", ".", with_bom=True),
    CsvStyle.EXCEL_FR: Separators(";", ",", with_bom=True),
}


_WRITTEN: dict[ColumnKind, type[Func]] = {
    ColumnKind.TEXT: _Harmless,
    ColumnKind.FLAG: _Word,
    ColumnKind.TIME: _IsoTime,
    ColumnKind.LOCAL_TIME: _LocalTime,
    ColumnKind.MONTH: _Month,
    ColumnKind.MONEY: _Cents,
    ColumnKind.NUMBER: _Digits,
}
_NUMBERS = (ColumnKind.CENTS, ColumnKind.MONEY, ColumnKind.NUMBER)


def csv_cell(column: Column, separators: Separators) -> Combinable:
    """The expression that writes a column's value as it stands in a CSV."""
    written = column.value
    if column.kind in _WRITTEN:
        written = _WRITTEN[column.kind](written)
    is_with_comma = column.kind in _NUMBERS and separators.decimal != "."
    return _Comma(written) if is_with_comma else written


def harmless(text: str) -> str:
    """The same as in a CSV: a quote before what a spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def sheet_cell(value: Any, kind: ColumnKind) -> str | bool | Decimal | datetime | None:
    """A value as a spreadsheet takes it; its times have no zone, and are UTC unless local."""
    if value is None:
        return None
    match kind:
        case ColumnKind.TEXT:
            return harmless(str(value))
        case ColumnKind.TIME:
            return value.astimezone(UTC).replace(tzinfo=None)  # type: ignore[no-any-return]
        case ColumnKind.MONTH:
            return f"{value:%Y-%m}"
        case ColumnKind.MONEY:
            return round_half_up(value)
        case ColumnKind.CODE:
            return Decimal(value) if isinstance(value, int) else str(value)
        case _:
            return value  # type: ignore[no-any-return]
