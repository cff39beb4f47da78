"""Copies of partners' objects: whole ones, whether pushed or pulled.

What is older than the copy changes nothing: pushes come twice and out of order, and a pull may run
at the same time. One statement of the database decides, so two at once do no harm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from apps.ocpi.choices import ObjectKind
from apps.ocpi.models import (
    Partner,
    PartnerLocation,
    PartnerSession,
    PartnerTariff,
    PartnerToken,
)
from apps.ocpi.models.partners import PartyCopyBase
from apps.ocpi.objects.fields import date_time_read
from apps.ocpi.wire import inside_of
from cariflex.common.errors import DomainError
from cariflex.common.exact_json import exact_dumps

MODELS: Mapping[str, type[PartyCopyBase]] = {
    ObjectKind.LOCATIONS: PartnerLocation,
    ObjectKind.SESSIONS: PartnerSession,
    ObjectKind.TARIFFS: PartnerTariff,
    ObjectKind.TOKENS: PartnerToken,
}
TYPES: Mapping[str, str] = {
    ObjectKind.LOCATIONS: "Location",
    ObjectKind.SESSIONS: "Session",
    ObjectKind.TARIFFS: "Tariff",
    ObjectKind.TOKENS: "Token",
}
"""The names that `apps.ocpi.wire` knows the objects by."""
UNKNOWN = "ocpi.copy_unknown"
_SHARED = ("partner_id", "country_code", "party_id", "object_id", "content", "last_updated",
           "received_at")  # fmt: skip
_EXTRA: Mapping[str, tuple[str, ...]] = {
    ObjectKind.LOCATIONS: ("is_withdrawn",),
    ObjectKind.SESSIONS: ("status", "started_at"),
    ObjectKind.TARIFFS: (),
    ObjectKind.TOKENS: ("type", "contract_id", "group_id", "is_valid", "whitelist"),
}
_KEY = ("country_code", "party_id", "object_id")


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of an object that came: new, a change, or older than what is known."""

    is_new: bool
    is_stale: bool


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """Whose object it is, and its id; `type` of tokens only. Compares without case."""

    country_code: str
    party_id: str
    object_id: str
    type: str = ""

    @property
    def folded(self) -> tuple[str, str, str, str]:
        return (
            self.country_code.upper(), self.party_id.upper(), self.object_id.upper(), self.type,
        )  # fmt: skip


def key_of(kind: str, content: Mapping[str, Any]) -> ObjectKey:
    """The key of an object in the shape inside."""
    is_token = kind == ObjectKind.TOKENS
    return ObjectKey(
        content["country_code"],
        content["party_id"],
        content["uid" if is_token else "id"],
        content["type"] if is_token else "",
    )


def copy_put(*, partner: Partner, kind: str, content: Mapping[str, Any], now: datetime) -> Copied:
    """Take a whole object in the shape inside; what it does not say is forgotten (PUT)."""
    (copied,) = copies_put(partner=partner, kind=kind, contents=[content], now=now)
    return copied


def copies_put(
    *, partner: Partner, kind: str, contents: Sequence[Mapping[str, Any]], now: datetime
) -> list[Copied]:
    """Take whole objects, one statement for all; what became of each, in their order.

    Of two that are the same object the newer counts.
    """
    if not contents:
        return []
    newest: dict[tuple[str, str, str, str], Mapping[str, Any]] = {}
    keys = [key_of(kind, content).folded for content in contents]
    for key, content in zip(keys, contents, strict=True):
        known = newest.get(key)
        if known is None or _at(content) >= _at(known):
            newest[key] = content
    # In the order of their keys: two pages at once never wait for each other in a circle.
    rows = [_row(partner, kind, newest[key], now) for key in sorted(newest)]
    columns = (*_SHARED, *_EXTRA[kind])
    values = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            _upsert(kind, columns).format(values=values), [value for row in rows for value in row]
        )
        found = {
            (*(str(part).upper() for part in row[:3]), row[5]): (row[3], row[4])
            for row in cursor.fetchall()
        }
    return [
        Copied(is_new=found[key][0], is_stale=found[key][1] > _at(content))
        for key, content in zip(keys, contents, strict=True)
    ]


def copy_find(partner: Partner, kind: str, key: ObjectKey) -> PartyCopyBase | None:
    """The copy of an object of a partner, None when there is none."""
    row: PartyCopyBase | None = _rows(partner, kind, key).order_by("pk").first()
    return row


def copy_locked(partner: Partner, kind: str, key: ObjectKey) -> PartyCopyBase:
    """The copy with its row lock, and no other's; DomainError `ocpi.copy_unknown` when there is
    none."""
    wanted = [partner.pk, key.country_code, key.party_id, key.object_id]
    rows = MODELS[kind]._default_manager.raw(
        _locking(kind, has_type=bool(key.type)), [*wanted, key.type] if key.type else wanted
    )
    row: PartyCopyBase | None = next(iter(rows), None)
    if row is None:
        raise DomainError(UNKNOWN, f"{key.object_id} is not known here.")
    return row


@transaction.atomic
def copy_forget(*, partner: Partner, kind: str, key: ObjectKey) -> None:
    """The partner deleted an object; DomainError `ocpi.copy_unknown` when there is none."""
    copy_locked(partner, kind, key).delete()


def copy_write(row: PartyCopyBase, kind: str, content: dict[str, Any], now: datetime) -> None:
    """Write a locked copy anew; WireError when what came makes no whole object of it."""
    inside_of(TYPES[kind], content)
    values = (exact_dumps(content), now, _at(content), *_extra(kind, content))
    with connection.cursor() as cursor:
        cursor.execute(_writing(kind), [*values, row.pk])


# Statements that never change, for what partners send most: the status of an EVSE. Putting them
# together in the ORM took about half of the CPU time of the answer.
@cache
def _locking(kind: str, *, has_type: bool) -> str:
    model = MODELS[kind]
    columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
    folded = " AND ".join(f'UPPER("{name}") = UPPER(%s)' for name in _KEY)
    of_type = ' AND "type" = %s' if has_type else ""
    return (
        f'SELECT {columns} FROM "{model._meta.db_table}" WHERE "partner_id" = %s AND {folded}'  # noqa: S608
        f'{of_type} ORDER BY "id" LIMIT 1 FOR UPDATE'
    )


@cache
def _writing(kind: str) -> str:
    columns = ("content", "received_at", "last_updated", *_EXTRA[kind])
    changes = ", ".join(f'"{name}" = %s' for name in columns)
    return f'UPDATE "{MODELS[kind]._meta.db_table}" SET {changes} WHERE "id" = %s'  # noqa: S608


def _rows(partner: Partner, kind: str, key: ObjectKey) -> QuerySet[Any]:
    """iexact is what the unique index is made of: UPPER of both sides."""
    rows: QuerySet[Any] = MODELS[kind]._default_manager.filter(
        partner=partner,
        country_code__iexact=key.country_code,
        party_id__iexact=key.party_id,
        object_id__iexact=key.object_id,
    )
    return rows.filter(type=key.type) if key.type else rows


def _at(content: Mapping[str, Any]) -> datetime:
    return date_time_read(content["last_updated"])


def _row(partner: Partner, kind: str, content: Mapping[str, Any], now: datetime) -> tuple[Any, ...]:
    key = key_of(kind, content)
    return (
        partner.pk, key.country_code, key.party_id, key.object_id, exact_dumps(content),
        _at(content), now, *_extra(kind, content),
    )  # fmt: skip


def _extra(kind: str, content: Mapping[str, Any]) -> tuple[Any, ...]:
    if kind == ObjectKind.LOCATIONS:
        return (False,)
    if kind == ObjectKind.SESSIONS:
        return content["status"], date_time_read(content["start_date_time"])
    if kind == ObjectKind.TOKENS:
        return (
            content["type"], content["contract_id"], content.get("group_id") or "",
            content["valid"], content["whitelist"],
        )  # fmt: skip
    return ()


def _upsert(kind: str, columns: Sequence[str]) -> str:
    table = MODELS[kind]._meta.db_table
    folded = ", ".join(f'(UPPER("{name}"))' for name in _KEY)
    of_tokens = ', "type"' if kind == ObjectKind.TOKENS else ""
    kept = [name for name in columns if name not in ("partner_id", "received_at")]
    changes = ", ".join(
        f'"{name}" = CASE WHEN excluded.last_updated >= t.last_updated'
        f' THEN excluded."{name}" ELSE t."{name}" END'
        for name in kept
    )
    # Our own names only; values are parameters. xmax is 0 in a row that was inserted.
    return (
        f'INSERT INTO "{table}" AS t ({", ".join(f"{chr(34)}{one}{chr(34)}" for one in columns)})'  # noqa: S608
        f' VALUES {{values}} ON CONFLICT ("partner_id", {folded}{of_tokens})'
        f" DO UPDATE SET received_at = excluded.received_at, {changes}"
        ' RETURNING "country_code", "party_id", "object_id", (xmax = 0), "last_updated"'
        + (of_tokens or ", ''")
    )
