"""CDRs as CSV: row by row what the slow way gives, harmless in a spreadsheet, in any style."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from apps.billing.exports import paging
from apps.billing.exports.choices import CsvStyle, RowOrder
from apps.billing.exports.columns import COLUMNS, DEFAULT_COLUMNS, Column, ColumnKind
from apps.billing.exports.csv_file import cdr_csv
from apps.billing.models import Cdr
from apps.billing.services import cdr_issue
from apps.chargers.models import ChargingStation
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.conftest import session_make, station_make, tariff_make
from tests.billing.exports.conftest import NASTY, joined, rows_of

# Columns that are no field: each by another way than the SELECT.
REFERENCES: dict[str, Callable[[Cdr], Any]] = {
    "started_local": lambda cdr: cdr.started_at.astimezone(ZoneInfo(cdr.time_zone)),
    "ended_local": lambda cdr: cdr.ended_at.astimezone(ZoneInfo(cdr.time_zone)),
    "counted_kwh": lambda cdr: cdr.energy_kwh * cdr.sign,
    "taxes": lambda cdr: " | ".join(
        f"{tax['name']} {tax['percent']}%: {tax['amount']}" for tax in cdr.rating["taxes"]
    ),
    "vat": lambda cdr: cdr.vat_rounded,
}


def value_of(cdr: Cdr, column: Column) -> Any:
    """What a column shows, by its reference or at the end of its path of fields."""
    if column.name in REFERENCES:
        return REFERENCES[column.name](cdr)
    assert isinstance(column.source, str), column.name
    value: Any = cdr
    for field in column.source.split("__"):
        value = getattr(value, field, None) if value is not None else None
    return value


def slow_cell(cdr: Cdr, column: Column, decimal: str = ".") -> str:
    """What Python makes of a field: the reference for the SELECT."""
    value = value_of(cdr, column)
    if value is None:
        return ""
    match column.kind:
        case ColumnKind.TIME:
            return str(value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        case ColumnKind.LOCAL_TIME:
            return str(value.strftime("%Y-%m-%d %H:%M:%S"))
        case ColumnKind.MONTH:
            return str(value.strftime("%Y-%m"))
        case ColumnKind.FLAG:
            return str(value).lower()
        case ColumnKind.MONEY | ColumnKind.CENTS:
            cents = value.quantize(Decimal("0.01"), ROUND_HALF_UP)
            return str(cents).replace(".", decimal)
        case ColumnKind.NUMBER:
            return f"{value.normalize():f}".replace(".", decimal)
        case ColumnKind.TEXT:
            text = str(value)
            harmful = text.lstrip()[:1] in tuple("=+-@|%＝＋－＠") and text.strip() != ""
            return "'" + text if harmful or text[:1] in tuple("\t\r\n") else text
        case _:
            return str(value)


@pytest.mark.parametrize(
    ("style", "delimiter", "decimal"),
    [
        (CsvStyle.INTERNATIONAL, ",", "."),
        (CsvStyle.EXCEL, ",", "."),
        (CsvStyle.EXCEL_FR, ";", ","),
    ],
)
def test_every_column_is_what_the_slow_way_gives(
    cdrs: list[Cdr], style: str, delimiter: str, decimal: str
) -> None:
    content = joined(cdr_csv(Cdr.objects.all(), columns=list(COLUMNS), style=style))

    assert rows_of(content, delimiter) == [
        {name: slow_cell(cdr, column, decimal) for name, column in COLUMNS.items()} for cdr in cdrs
    ]
    assert content.startswith(b"\xef\xbb\xbf") is (style != CsvStyle.INTERNATIONAL)


def test_no_cell_starts_a_formula(cdrs: list[Cdr]) -> None:
    names = {row["station_name"] for row in rows_of(joined(cdr_csv(Cdr.objects.all())))}

    assert {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tTAB", "'  =cmd", "'＝1", "'%x", "'|x"} <= names
    assert {'a"b', "a,b", "a;b", "a\nb", "é - ü", "1-2", "x=y"} <= names


def test_columns_come_as_chosen_and_by_default_as_ever(cdrs: list[Cdr]) -> None:
    chosen = joined(cdr_csv(Cdr.objects.all(), columns=["total_incl_vat", "reference"]))
    default = joined(cdr_csv(Cdr.objects.all()))

    assert chosen.decode().splitlines()[0] == "total_incl_vat,reference"
    assert list(rows_of(chosen)[0].values()) == ["0.03", cdrs[0].reference]
    assert default.decode().splitlines()[0] == ",".join(DEFAULT_COLUMNS)


@pytest.mark.parametrize(
    ("columns", "code"),
    [(["reference", "password"], "export.column_unknown"), (["id", "id"], "export.column_twice")],
)
def test_a_wrong_column_is_refused_before_the_first_byte(
    operator_a: Operator, columns: list[str], code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        cdr_csv(Cdr.objects.all(), columns=columns)

    assert (refused.value.code, refused.value.field) == (code, "columns")


def test_titles_are_in_the_readers_language(operator_a: Operator) -> None:
    with translation.override("en"):
        content = joined(
            cdr_csv(Cdr.objects.all(), columns=["reference", "energy_kwh"], with_titles=True)
        )

    assert content == b"Reference,Energy (kWh)\n"


@pytest.mark.parametrize("order", RowOrder.values)
def test_chunks_of_any_order_join_without_gap_or_double(
    cdrs: list[Cdr], monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    field = order.lstrip("-")
    wanted = sorted(cdrs, key=lambda cdr: (getattr(cdr, field), cdr.pk), reverse=order[0] == "-")
    for first, later in ((len(NASTY) + 1, 1), (1, 1), (3, 5), (len(NASTY), 2), (len(NASTY) - 1, 1)):
        monkeypatch.setattr(paging, "FIRST_CHUNK_ROWS", first)
        monkeypatch.setattr(paging, "CHUNK_ROWS", later)

        rows = rows_of(joined(cdr_csv(Cdr.objects.all(), columns=["id"], order=order)))

        assert [row["id"] for row in rows] == [str(cdr.pk) for cdr in wanted]


def test_an_empty_selection_is_a_header(operator_a: Operator) -> None:
    assert joined(cdr_csv(Cdr.objects.none())) == joined(cdr_csv(Cdr.objects.all()))
    assert rows_of(joined(cdr_csv(Cdr.objects.all()))) == []


def test_the_export_runs_in_the_operator_it_was_asked_for(
    tariff: object, station: ChargingStation, operator_b: Operator
) -> None:
    cdr_issue(session_id=session_make(station, "ours").pk)
    chunks = cdr_csv(Cdr.objects.all())
    with operator_context("martinique"):
        tariff_make()
        cdr_issue(session_id=session_make(station_make(), "theirs").pk)

        rows = rows_of(joined(chunks))

    assert [row["transaction_id"] for row in rows] == ["ours"]


def test_a_local_time_is_that_of_the_place(tariff: object, station: ChargingStation) -> None:
    # The session starts at 12:00 UTC; Guadeloupe is 4 hours behind.
    cdr = cdr_issue(session_id=session_make(station, "one").pk)
    assert cdr.started_at == datetime(2026, 3, 10, 12, tzinfo=UTC)

    (row,) = rows_of(joined(cdr_csv(Cdr.objects.all(), columns=["started_at", "started_local"])))

    assert row == {"started_at": "2026-03-10T12:00:00Z", "started_local": "2026-03-10 08:00:00"}
    assert cdr.energy_kwh == Decimal("9.00055")
