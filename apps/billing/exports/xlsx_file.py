"""CDRs as an Excel workbook, row by row: memory stays the same for any count."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import xlsxwriter
from django.db.models import QuerySet
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from apps.billing.exports.cells import sheet_cell
from apps.billing.exports.columns import Column, ColumnKind, columns_named
from apps.billing.exports.paging import chunks
from apps.billing.models import Cdr
from cariflex.common.errors import DomainError

# Excel's own limit, less the line of titles.
MOST_ROWS = 1_048_575
_NUMBER_FORMATS = {
    ColumnKind.MONEY: "#,##0.00",
    ColumnKind.CENTS: "#,##0.00",
    ColumnKind.TIME: "yyyy-mm-dd hh:mm:ss",
    ColumnKind.LOCAL_TIME: "yyyy-mm-dd hh:mm:ss",
    ColumnKind.NUMBER: "0.#########",
}
_WIDTHS = {ColumnKind.TEXT: 18, ColumnKind.TIME: 19, ColumnKind.LOCAL_TIME: 19}


def cdr_xlsx(
    cdrs: QuerySet[Cdr],
    path: Path,
    *,
    columns: Sequence[str] | None,
    order: str,
    with_titles: bool,
    progress: Callable[[int], None],
) -> int:
    """Write the selection to a file; gives the number of rows.

    Text is text, also what looks like a formula or an address: it has a quote before it, as in a
    CSV. `progress` gets the number of rows so far, and may raise to stop. DomainError
    `export.too_many_rows` for more than a sheet can hold.
    """
    chosen = columns_named(columns)
    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(str(path), options)
    try:
        sheet = book.add_worksheet("CDR")
        formats = [
            book.add_format({"num_format": _NUMBER_FORMATS[one.kind]})
            if one.kind in _NUMBER_FORMATS
            else None
            for one in chosen
        ]
        head = book.add_format({"bold": True})
        for nth, one in enumerate(chosen):
            sheet.set_column(nth, nth, _WIDTHS.get(one.kind, 13), formats[nth])
            sheet.write_string(0, nth, str(one.title) if with_titles else one.name, head)
        sheet.freeze_panes(1, 0)
        count = _rows_write(sheet, cdrs, chosen, formats, order, progress)
        sheet.autofilter(0, 0, count, len(chosen) - 1)
    finally:
        # Also after a stop: it lets go of its temporary files.
        book.close()
    return count


def _rows_write(
    sheet: Worksheet,
    cdrs: QuerySet[Cdr],
    columns: Sequence[Column],
    formats: Sequence[Format | None],
    order: str,
    progress: Callable[[int], None],
) -> int:
    values = {f"sheet_{nth}": one.value for nth, one in enumerate(columns)}
    places = [(nth, one.kind, formats[nth]) for nth, one in enumerate(columns)]
    count = 0
    for chunk in chunks(cdrs, order):
        for row in chunk.annotate(**values).values_list(*values):
            count += 1
            if count > MOST_ROWS:
                raise DomainError(
                    "export.too_many_rows", f"A sheet holds at most {MOST_ROWS} rows; take CSV."
                )
            for place, kind, shown_as in places:
                cell = sheet_cell(row[place], kind)
                if isinstance(cell, bool):
                    sheet.write_boolean(count, place, cell)
                elif isinstance(cell, str):
                    sheet.write_string(count, place, cell)
                elif isinstance(cell, Decimal):
                    sheet.write_number(count, place, cell, shown_as)
                elif isinstance(cell, datetime):
                    sheet.write_datetime(count, place, cell, shown_as)
        progress(count)
    return count
