"""How a value is written into a cell: in the SELECT for CSV, in Python for spreadsheets."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import CharField, Expression, F, Func, TextField, Value
from django.db.models.functions import Cast

from apps.billing.exports.choices import CsvStyle
from apps.billing.exports.columns import Column, ColumnKind

# What a spreadsheet takes for a formula (OWASP, CSV injection).
_FORMULA = re.compile(r"\s*[=+@|%＝＋－＠-]|[\t\r\n]")


class _Harmless(Func):
    """Text with a quote before what a spreadsheet takes for a formula.

    Most texts begin with a letter or digit and are not looked at any further: ASCII codes of
    0-9, A-Z and a-z.
    """

    template = (
        "CASE WHEN ascii(%(expressions)s) BETWEEN 48 AND 57"
        " OR ascii(%(expressions)s) BETWEEN 65 AND 90 OR ascii(%(expressions)s) BETWEEN 97 AND 122"
        " THEN %(expressions)s"
        " WHEN %(expressions)s ~ '^([[:space:]]*[=+@|%%%%＝＋－＠-]|[\\t\\r\\n])'"
        " THEN '''' || %(expressions)s ELSE %(expressions)s END"
    )
    output_field = TextField()


class _IsoTime(Func):
    """`2026-03-10T12:55:00Z`: a third of the time that to_char takes; psycopg sets DateStyle."""

    template = (
        "overlay(left((%(expressions)s AT TIME ZONE 'UTC')::text, 19) placing 'T' from 11) || 'Z'"
    )
    output_field = TextField()


class _LocalTime(Func):
    """`2026-03-10 08:55:00` in the time zone that is the second argument."""

    template = "left((%(expressions)s)::text, 19)"
    arg_joiner = " AT TIME ZONE "
    output_field = TextField()


class _Cents(Func):
    """Two decimals, with a point."""

    template = "round(%(expressions)s, 2)::text"
    output_field = TextField()


class _Digits(Func):
    """All digits that say something, with a point."""

    template = "trim_scale(%(expressions)s)::text"
    output_field = TextField()


class _Comma(Func):
    """A number's text with a comma."""

    template = "replace(%(expressions)s, '.', ',')"
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


def csv_cell(column: Column, separators: Separators, zone: str) -> Expression | F:
    """The expression that writes a column's value as text of a CSV."""
    field = F(column.source)
    match column.kind:
        case ColumnKind.TEXT:
            return _Harmless(field)
        case ColumnKind.TIME:
            return _IsoTime(field)
        case ColumnKind.LOCAL_TIME:
            return _LocalTime(field, Cast(Value(zone), CharField()))
        case ColumnKind.MONEY:
            number: Func = _Cents(field)
        case ColumnKind.NUMBER:
            number = _Digits(field)
        case _:
            return field
    return number if separators.decimal == "." else _Comma(number)


def harmless(text: str) -> str:
    """The same as in a CSV: a quote before what a spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def sheet_cell(value: Any, kind: ColumnKind, zone: ZoneInfo) -> str | Decimal | datetime | None:
    """A value as a spreadsheet takes it; its times have no zone, and are UTC unless local."""
    if value is None:
        return None
    match kind:
        case ColumnKind.TEXT:
            return harmless(str(value))
        case ColumnKind.TIME:
            return value.astimezone(UTC).replace(tzinfo=None)  # type: ignore[no-any-return]
        case ColumnKind.LOCAL_TIME:
            return value.astimezone(zone).replace(tzinfo=None)  # type: ignore[no-any-return]
        case ColumnKind.CODE:
            return str(value) if isinstance(value, UUID) else Decimal(value)
        case _:
            return value  # type: ignore[no-any-return]
