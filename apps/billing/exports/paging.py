"""CDRs in order, a chunk at a time: each chunk begins after the key of the last row.

No cursor stays open between two chunks, so a download that is broken off leaves nothing behind.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.billing.models import Cdr

# A small first chunk: a download starts at once. Then memory stays at some MB for any count.
FIRST_CHUNK_ROWS, CHUNK_ROWS = 1_000, 20_000
Key = tuple[Any, UUID]
"""The value that the rows are ordered by (never NULL), and the id of the row."""


def chunk_end(cdrs: QuerySet[Cdr], order: str, after: Key | None, rows: int) -> Key | None:
    """The key of the last row of a full chunk, None when fewer rows are left."""
    keys = chunk_of(cdrs, order, after, None).values_list(order.lstrip("-"), "id")
    return next(iter(keys[rows - 1 : rows]), None)


def chunk_of(cdrs: QuerySet[Cdr], order: str, after: Key | None, last: Key | None) -> QuerySet[Cdr]:
    """The rows after one key and up to another, in order; None means from or to the end."""
    field, is_descending = order.lstrip("-"), order.startswith("-")
    further, back = ("lt", "gt") if is_descending else ("gt", "lt")
    if after is not None:
        value, key = after
        # The second condition says no more than the first, and is what an index can follow.
        cdrs = cdrs.filter(
            Q((f"{field}__{further}", value)) | Q((f"id__{further}", key)),
            **{f"{field}__{further}e": value},
        )
    if last is not None:
        value, key = last
        cdrs = cdrs.filter(
            Q((f"{field}__{back}", value)) | Q((f"id__{back}e", key)),
            **{f"{field}__{back}e": value},
        )
    sign = "-" if is_descending else ""
    return cdrs.order_by(f"{sign}{field}", f"{sign}id")


def chunks(cdrs: QuerySet[Cdr], order: str) -> Iterator[QuerySet[Cdr]]:
    """The selection as querysets of one chunk each; the reader keeps the operator's context."""
    rows, after = FIRST_CHUNK_ROWS, None
    while True:
        last = chunk_end(cdrs, order, after, rows)
        yield chunk_of(cdrs, order, after, last)
        if last is None:
            return
        after, rows = last, CHUNK_ROWS
