"""Which operator is meant: the cached answer by host and by schema.

A resolution is one query at the first request of a process and none while warm. An entry lives
`TTL_S`, so a suspended operator is refused by every process within that time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import cast

from django_tenants.utils import schema_context

from apps.tenants.models import Domain, Operator

TTL_S = 30.0
_MISS_TTL_S = 5.0
_MAX_ENTRIES = 10_000
_lock = Lock()


@dataclass(frozen=True)
class _Entry:
    operator: Operator | None
    expires: float


_by_host: dict[str, _Entry] = {}
_by_schema: dict[str, _Entry] = {}


def operator_by_host(host: str) -> Operator | None:
    """The operator that answers at a host (port ignored), None when no domain names it."""
    name = hostname(host)
    return _resolve(_by_host, name, lambda: _query_host(name))


def operator_by_schema(schema_name: str) -> Operator | None:
    """The operator with this schema, None when there is none."""
    return _resolve(_by_schema, schema_name, lambda: _query_schema(schema_name))


def remembered_by_schema(schema_name: str) -> Operator | None:
    """The operator with this schema if this process knows it by heart; asks no database."""
    entry = _by_schema.get(schema_name)
    return entry.operator if entry is not None and entry.expires > time.monotonic() else None


def hostname(host: str) -> str:
    """The lower-case name of a Host header, without port and trailing dot."""
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0].rstrip(".")


def forget_operators() -> None:
    """Drop what this process remembers; called when an operator or a domain is written."""
    with _lock:
        _by_host.clear()
        _by_schema.clear()


def _resolve(
    cache: dict[str, _Entry], key: str, query: Callable[[], Operator | None]
) -> Operator | None:
    entry = cache.get(key)
    now = time.monotonic()
    if entry is not None and entry.expires > now:
        return entry.operator
    operator = query()
    ttl = TTL_S if operator is not None else _MISS_TTL_S
    with _lock:
        if len(cache) >= _MAX_ENTRIES:
            cache.clear()
        cache[key] = _Entry(operator, now + ttl)
    return operator


def _query_host(name: str) -> Operator | None:
    with schema_context("public"):
        domain = Domain.objects.select_related("tenant").filter(domain=name).first()
    return cast(Operator, domain.tenant) if domain else None


def _query_schema(schema_name: str) -> Operator | None:
    with schema_context("public"):
        return cast(Operator | None, Operator.objects.filter(schema_name=schema_name).first())
