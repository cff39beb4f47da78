"""What a page of a reconciliation is, and how its findings are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

PAGE_ROWS = 5000
# Meters tell whole Wh in places; less is no difference.
ENERGY_TOLERANCE_KWH = "0.001"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run compares: what ended in [start, end)."""

    run_id: int
    start: datetime
    end: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """What one page came to: how many rows it saw, and the key of its last one."""

    seen: int
    last: str
    is_last: bool
    held: int = 0


Key = tuple[datetime, str]


def key_read(place: str, scope: Scope) -> Key | None:
    """The key after which a page begins; None for the first one."""
    if not place:
        return None
    at, _bar, row = place.partition("|")
    return datetime.fromisoformat(at), row


def key_written(at: datetime, row: object) -> str:
    """The key of a row, as a run keeps it."""
    return f"{at.isoformat()}|{row}"


_FOUND = """
INSERT INTO billing_reconciliationfinding
    (run_id, kind, subject, session_id, cdr_id, partner_cdr_id, expected, found, unit, detail,
     state, resolution, reason)
SELECT %(run)s, {kind}, {subject}, {session}, {cdr}, {copy}, {expected}, {found}, {unit}, {detail},
       'open', '', ''
{rows}
ON CONFLICT (run_id, kind, subject) DO NOTHING
"""
_NOTHING: Mapping[str, str] = {
    "session": "NULL::bigint",
    "cdr": "NULL::uuid",
    "copy": "NULL::bigint",
    "expected": "NULL::numeric",
    "found": "NULL::numeric",
    "unit": "''",
    "detail": "''",
}


def findings_insert(
    scope: Scope,
    *,
    rows: str,
    kind: str,
    subject: str,
    named: Mapping[str, Any] | None = None,
    **columns: str,
) -> int:
    """Write a finding for each row of a FROM clause; how many were new. One statement.

    All texts are SQL of ours; values are given by `named`.
    """
    statement = _FOUND.format(rows=rows, kind=kind, subject=subject, **{**_NOTHING, **columns})
    with connection.cursor() as cursor:
        cursor.execute(statement, {"run": scope.run_id, **(named or {})})
        return int(cursor.rowcount)


def keys_after(statement: str, named: Mapping[str, Any]) -> Sequence[tuple[Any, datetime]]:
    """(key, end) of the rows of a page, in order."""
    with connection.cursor() as cursor:
        cursor.execute(statement, named)
        return list(cursor.fetchall())


def page_of_keys(keys: Sequence[tuple[Any, datetime]], *, held: int = 0) -> Page:
    """The page of so many rows."""
    if not keys:
        return Page(0, "", is_last=True, held=held)
    row, at = keys[-1]
    return Page(len(keys), key_written(at, row), is_last=len(keys) < PAGE_ROWS, held=held)
