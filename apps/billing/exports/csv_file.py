"""CDRs as CSV, written by PostgreSQL itself (COPY ... TO STDOUT) and streamed.

COPY passes no row through Python, so the format is made in the SELECT.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO, StringIO
from typing import NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import Combinable

from apps.billing.exports.cells import SEPARATORS, Separators, csv_cell
from apps.billing.exports.choices import CsvStyle, RowOrder
from apps.billing.exports.columns import Column, columns_named
from apps.billing.exports.paging import chunks
from apps.billing.models import Cdr
from apps.tenants.context import current_schema, operator_context

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()


class CsvChunk(NamedTuple):
    """A piece of a file and how many rows are in it."""

    content: bytes
    rows: int


def cdr_csv(
    cdrs: QuerySet[Cdr],
    *,
    columns: Sequence[str] | None = None,
    order: str = RowOrder.ISSUED,
    style: str = CsvStyle.INTERNATIONAL,
    with_titles: bool = False,
) -> Iterator[bytes]:
    """The selection as UTF-8 CSV in chunks, with a header line.

    The operator and the language are taken now: the chunks are made later, while the response is
    being sent. DomainError for columns that there are not.
    """
    found = csv_chunks(cdrs, columns=columns, order=order, style=style, with_titles=with_titles)
    return (chunk.content for chunk in found)


def csv_chunks(
    cdrs: QuerySet[Cdr],
    *,
    columns: Sequence[str] | None,
    order: str,
    style: str,
    with_titles: bool,
) -> Iterator[CsvChunk]:
    """As `cdr_csv`, with the number of rows of each chunk; the first one is the header."""
    chosen, separators = columns_named(columns), SEPARATORS[style]
    cells = {f"csv_{nth}": csv_cell(one, separators) for nth, one in enumerate(chosen)}
    head = _head(chosen, separators, with_titles=with_titles)
    return _chunks(cdrs, cells, order, separators.delimiter, head, current_schema())


def _chunks(
    cdrs: QuerySet[Cdr],
    cells: Mapping[str, Combinable],
    order: str,
    delimiter: str,
    head: bytes,
    schema_name: str,
) -> Iterator[CsvChunk]:
    yield CsvChunk(head, 0)
    rows = chunks(cdrs, order)
    while True:
        with operator_context(schema_name):
            chunk = next(rows, None)
            if chunk is None:
                return
            written = _copy(chunk.annotate(**cells).values_list(*cells), delimiter)
        if written.content:
            yield written


def _head(columns: Sequence[Column], separators: Separators, *, with_titles: bool) -> bytes:
    line = StringIO()
    writer = csv.writer(line, delimiter=separators.delimiter, lineterminator="\n")
    writer.writerow([str(one.title) if with_titles else one.name for one in columns])
    return (BOM if separators.with_bom else b"") + line.getvalue().encode()


def _copy(select: QuerySet[Cdr, tuple[str | None, ...]], delimiter: str) -> CsvChunk:
    try:
        sql, params = select.query.sql_with_params()
    except EmptyResultSet:  # Django knows without asking that no row can match.
        return CsvChunk(b"", 0)
    written = BytesIO()
    with connection.cursor() as cursor:
        literal = cursor.mogrify(sql, params).decode()
        cursor.copy_expert(
            f"COPY ({literal}) TO STDOUT WITH (FORMAT csv, DELIMITER '{delimiter}')", written
        )
        return CsvChunk(written.getvalue(), cursor.rowcount)
