"""The log of what was said with partners: searched by pages, exported whole, summed up."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from apps.ocpi.choices import Direction
from apps.ocpi.models import Exchange
from apps.ocpi.selectors.card_masks import body_masked, error_masked, path_masked
from apps.tenants.context import current_schema, operator_context
from cariflex.common.api.pages import Page, page_of
from cariflex.common.time import format_rfc3339

FAILED = (~Q(error="") | Q(http_status__gte=400) | Q(status_code__gte=2000)) & Q(is_check=False)
"""No whole answer, or one that says no (2.2.1 transport §4.1.7: 1xxx alone is success).

Those of a conformance check are left out: it asks for what is refused.
"""
HOPS_MAX = 50
EXPORT_MAX = 50_000
EXPORT_ROWS = 200  # two bodies of 20,000 characters each
Key = tuple[datetime, int]
COLUMNS = (
    "at", "direction", "partner", "method", "path", "version", "module", "http_status",
    "status_code", "latency_ms", "request_id", "correlation_id", "from_party", "to_party", "error",
    "remote", "request_body", "response_body",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExchangeSearch:
    """What to look for; what is left out does not matter. `text` is part of the address.

    `partner` is a code. The time is [start, end).
    """

    partner: str = ""
    direction: str = ""
    module: str = ""
    has_error: bool = False
    correlation_id: str = ""
    text: str = ""
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """Exchanges of some time, without checks; the times (ms) are those of the partner's answers."""

    asked: int = 0
    failed: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None

    @property
    def failed_percent(self) -> float | None:
        """The share that failed, 0-100; None when nothing was said."""
        return 100 * self.failed / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class ModuleHealth:
    """Exchanges of one module in one direction; times (ms) are those of whoever answered."""

    direction: str
    module: str
    health: Health


def exchanges_found(search: ExchangeSearch) -> QuerySet[Exchange]:
    """The exchanges that a search means, newest first, with their partner."""
    rows = Exchange.objects.select_related("partner").order_by("-at", "-pk")
    if search.partner:
        rows = rows.filter(partner__code=search.partner)
    if search.direction:
        rows = rows.filter(direction=search.direction)
    if search.module:
        rows = rows.filter(module=search.module)
    if search.has_error:
        rows = rows.filter(FAILED)
    if search.correlation_id:
        rows = rows.filter(correlation_id=search.correlation_id)
    if search.text:
        rows = rows.filter(path__icontains=search.text)
    if search.start is not None:
        rows = rows.filter(at__gte=search.start)
    if search.end is not None:
        rows = rows.filter(at__lt=search.end)
    return rows


def exchanges_page(*, search: ExchangeSearch, after: Key | None, limit: int) -> Page[Exchange]:
    """Found exchanges without their bodies, newest first. One query."""
    rows = _after(exchanges_found(search), after).defer("request_body", "response_body")
    return page_of(list(rows[: limit + 1]), limit, _key)


def exchange_hops(exchange: Exchange) -> list[Exchange]:
    """All that was said under the same correlation id, oldest first; itself when it has none."""
    if not exchange.correlation_id:
        return [exchange]
    same = Exchange.objects.filter(correlation_id=exchange.correlation_id)
    rows = same.select_related("partner").defer("request_body", "response_body")
    return list(rows.order_by("at", "pk")[:HOPS_MAX])


def exchanges_csv(search: ExchangeSearch, *, shows_cards: bool) -> Iterator[str]:
    """Found exchanges as CSV, newest first, at most EXPORT_MAX, read and given piece by piece.

    Without `shows_cards` the ids of cards are cut to their last characters.
    """
    return _csv(_told(search, current_schema(), shows_cards=shows_cards))


def exchanges_jsonl(search: ExchangeSearch, *, shows_cards: bool) -> Iterator[str]:
    """Found exchanges as JSON lines, newest first, at most EXPORT_MAX, piece by piece.

    Without `shows_cards` the ids of cards are cut to their last characters.
    """
    told = _told(search, current_schema(), shows_cards=shows_cards)
    return (json.dumps(one, ensure_ascii=False) + "\n" for one in told)


_FAILED_SQL = "(error <> '' OR http_status >= 400 OR status_code >= 2000)"
_SHARES = "percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency_ms)"
_BY_PARTNER = f"""
SELECT partner_id, count(*), count(*) FILTER (WHERE {_FAILED_SQL}),
       {_SHARES} FILTER (WHERE direction = %(out)s AND http_status IS NOT NULL)
FROM ocpi_exchange
WHERE at >= %(since)s AND partner_id IS NOT NULL AND NOT is_check
GROUP BY partner_id
"""  # noqa: S608 - constants alone
_BY_MODULE = f"""
SELECT direction, module, count(*), count(*) FILTER (WHERE {_FAILED_SQL}),
       {_SHARES} FILTER (WHERE http_status IS NOT NULL)
FROM ocpi_exchange
WHERE at >= %(since)s AND partner_id = %(partner)s AND NOT is_check
GROUP BY direction, module
ORDER BY module, direction
"""  # noqa: S608 - constants alone


def partners_health(*, since: datetime) -> dict[int, Health]:
    """How the talk with each partner went since then, by its key. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_PARTNER, {"since": since, "out": Direction.OUT})
        return {row[0]: _health(*row[1:]) for row in cursor.fetchall()}


def modules_health(*, partner: int, since: datetime) -> tuple[ModuleHealth, ...]:
    """How the talk with one partner went since then, by module and direction. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_MODULE, {"since": since, "partner": partner})
        return tuple(ModuleHealth(row[0], row[1], _health(*row[2:])) for row in cursor.fetchall())


def _health(asked: int, failed: int, shares: list[float] | None) -> Health:
    p50, p95 = shares or (None, None)
    return Health(asked, failed, p50, p95)


def _csv(told: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield ",".join(COLUMNS) + "\r\n"
    for one in told:
        line = StringIO()
        csv.writer(line).writerow([_cell(one[name]) for name in COLUMNS])
        yield line.getvalue()


def _cell(value: Any) -> Any:
    # A spreadsheet would run what begins so, and partners choose these texts.
    is_formula = isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}
    return f"'{value}" if is_formula else value


def _told(
    search: ExchangeSearch, schema_name: str, *, shows_cards: bool
) -> Iterator[dict[str, Any]]:
    """All rows by keyset. An answer is streamed after its request: each page names its schema."""
    after: Key | None = None
    for _page in range(EXPORT_MAX // EXPORT_ROWS):
        with operator_context(schema_name):
            page = list(_after(exchanges_found(search), after)[:EXPORT_ROWS])
        for row in page:
            yield _shown(row) if shows_cards else _shown(row) | _masked(row)
        if len(page) < EXPORT_ROWS:
            return
        after = _key(page[-1])


def _shown(row: Exchange) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in COLUMNS},
        "at": format_rfc3339(row.at),
        "partner": row.partner.code if row.partner else "",
    }


def _masked(row: Exchange) -> dict[str, Any]:
    return {
        "path": path_masked(row.path, row.module),
        "error": error_masked(row.error, row.path, row.module),
        "request_body": body_masked(row.request_body, row.module),
        "response_body": body_masked(row.response_body, row.module),
    }


def _after(rows: QuerySet[Exchange], after: Key | None) -> QuerySet[Exchange]:
    if after is None:
        return rows
    at, pk = after
    return rows.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk), at__lte=at)


def _key(row: Exchange) -> Key:
    return row.at, row.pk
