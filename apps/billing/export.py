"""CDRs as CSV, written by PostgreSQL itself (COPY ... TO STDOUT) and streamed.

COPY passes no row through Python, so the format is made in the SELECT: decimal point, ISO times in
UTC, and a quote before any text that a spreadsheet would run as a formula.
"""

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Expression, F, Func, Q, QuerySet, TextField

from apps.billing.models import Cdr
from apps.tenants.context import current_schema, operator_context

# A small first chunk: the download starts at once. Then memory stays at some MB for any count.
FIRST_CHUNK_ROWS, CHUNK_ROWS = 1_000, 20_000
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()

_TEXT, _TIME, _MONEY, _NUMBER, _PLAIN = "text", "time", "money", "number", "plain"
COLUMNS: tuple[tuple[str, str], ...] = (
    ("reference", _TEXT),
    ("id", _PLAIN),
    ("issued_at", _TIME),
    ("station_id", _TEXT),
    ("station_name", _TEXT),
    ("commune", _TEXT),
    ("evse_id", _PLAIN),
    ("transaction_id", _TEXT),
    ("id_token", _TEXT),
    ("id_token_type", _TEXT),
    ("started_at", _TIME),
    ("ended_at", _TIME),
    ("start_meter_kwh", _NUMBER),
    ("end_meter_kwh", _NUMBER),
    ("energy_kwh", _NUMBER),
    ("tariff_name", _TEXT),
    ("price_per_kwh_excl_vat", _NUMBER),
    ("vat_percent", _NUMBER),
    ("currency", _TEXT),
    ("total_excl_vat", _MONEY),
    ("vat", _MONEY),
    ("total_incl_vat", _MONEY),
)


class _Harmless(Func):
    """Text with a quote before what a spreadsheet takes for a formula (OWASP, CSV injection)."""

    template = (
        "CASE WHEN %(expressions)s ~ '^([[:space:]]*[=+@|%%%%＝＋－＠-]|[\\t\\r\\n])'"
        " THEN '''' || %(expressions)s ELSE %(expressions)s END"
    )
    output_field = TextField()


class _IsoTime(Func):
    """`2026-03-10T12:55:00Z`"""

    template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    output_field = TextField()


class _Cents(Func):
    """Two decimals, with a point."""

    template = "round(%(expressions)s, 2)::text"
    output_field = TextField()


class _Digits(Func):
    """All digits that say something, with a point."""

    template = "trim_scale(%(expressions)s)::text"
    output_field = TextField()


_FORMATS: dict[str, type[Func]] = {
    _TEXT: _Harmless, _TIME: _IsoTime, _MONEY: _Cents, _NUMBER: _Digits,
}  # fmt: skip


def cdr_csv(cdrs: QuerySet[Cdr], *, with_bom: bool = False) -> Iterator[bytes]:
    """The selection as UTF-8 CSV in chunks, oldest first, with a header line.

    The operator is taken now: the chunks are made later, while the response is being sent.
    """
    schema_name = current_schema()
    head = ",".join(name for name, _kind in COLUMNS) + "\n"
    return _chunks(cdrs, schema_name, (BOM if with_bom else b"") + head.encode())


def _chunks(cdrs: QuerySet[Cdr], schema_name: str, head: bytes) -> Iterator[bytes]:
    yield head
    rows = FIRST_CHUNK_ROWS
    after: tuple[datetime, UUID] | None = None
    while True:
        with operator_context(schema_name):
            last = _key_at(cdrs, after, rows)
            chunk = _copy(_between(cdrs, after, last))
        if chunk:
            yield chunk
        if last is None:
            return
        after, rows = last, CHUNK_ROWS


def _key_at(
    cdrs: QuerySet[Cdr], after: tuple[datetime, UUID] | None, rows: int
) -> tuple[datetime, UUID] | None:
    """The key of the last row of a full chunk, None when fewer rows are left."""
    keys = _between(cdrs, after, None).values_list("issued_at", "id")
    return next(iter(keys[rows - 1 : rows]), None)


def _between(
    cdrs: QuerySet[Cdr],
    after: tuple[datetime, UUID] | None,
    last: tuple[datetime, UUID] | None,
) -> QuerySet[Cdr]:
    if after is not None:
        at, key = after
        cdrs = cdrs.filter(Q(issued_at__gt=at) | Q(id__gt=key), issued_at__gte=at)
    if last is not None:
        at, key = last
        cdrs = cdrs.filter(Q(issued_at__lt=at) | Q(id__lte=key), issued_at__lte=at)
    return cdrs.order_by("issued_at", "id")


def _copy(cdrs: QuerySet[Cdr]) -> bytes:
    columns = {f"csv_{name}": _formatted(name, kind) for name, kind in COLUMNS}
    select = cdrs.annotate(**columns).values_list(*columns)
    try:
        sql, params = select.query.sql_with_params()
    except EmptyResultSet:  # Django knows without asking that no row can match.
        return b""
    written = BytesIO()
    with connection.cursor() as cursor:
        literal = cursor.mogrify(sql, params).decode()
        cursor.copy_expert(f"COPY ({literal}) TO STDOUT WITH (FORMAT csv)", written)
    return written.getvalue()


def _formatted(name: str, kind: str) -> Expression | F:
    return _FORMATS[kind](F(name)) if kind in _FORMATS else F(name)
