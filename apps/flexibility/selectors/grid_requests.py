"""What a site may draw and feed in, by its connection and by what the grid asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from apps.assets.models import Site
from apps.flexibility.choices import GridRequestKind
from apps.flexibility.models import GridRequest
from cariflex.common.units import QUARTER_HOUR, slots


@dataclass(frozen=True, slots=True)
class GridLimits:
    """One value (kW, >= 0) per quarter hour of a span; None: there is no limit."""

    import_limit_kw: tuple[float | None, ...]
    export_limit_kw: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class GridLimitsNow:
    """What the site may draw and feed in at this instant (kW, >= 0); None: there is no limit."""

    import_limit_kw: float | None
    export_limit_kw: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in force over [start, end)."""

    kind: GridRequestKind
    limit_kw: float
    start: datetime
    end: datetime
    request_id: int = 0
    reference: str = ""


def grid_limits(site_id: int, start: datetime, end: datetime) -> GridLimits:
    """The lowest limits of each quarter hour of [start, end); both ends on its edges; 2 queries.

    A request that holds for a part of a quarter hour counts for all of it.
    """
    site = _site(site_id)
    asked = grid_requests_in_force(site_id, start=start, end=end)
    starts = slots(start, end)
    return GridLimits(
        limit_by_slot(site.grid_import_limit_kw, _of(asked, GridRequestKind.IMPORT_LIMIT), starts),
        limit_by_slot(site.grid_export_limit_kw, _of(asked, GridRequestKind.EXPORT_LIMIT), starts),
    )


def grid_limits_now(site_id: int, now: datetime) -> GridLimitsNow:
    """The lowest limits that hold at `now`; 2 queries."""
    site = _site(site_id)
    rows = _in_force(site_id).filter(start__lte=now, end__gt=now).values_list("kind", "limit_kw")
    by_kind: dict[str, list[float]] = {kind: [] for kind in GridRequestKind.values}
    for kind, limit_kw in rows:
        by_kind[kind].append(limit_kw)
    return GridLimitsNow(
        _lowest(site.grid_import_limit_kw, by_kind[GridRequestKind.IMPORT_LIMIT]),
        _lowest(site.grid_export_limit_kw, by_kind[GridRequestKind.EXPORT_LIMIT]),
    )


def grid_requests_in_force(site_id: int, *, start: datetime, end: datetime) -> list[Asked]:
    """The requests of a site that were not cancelled and touch [start, end), earliest first."""
    touching = _in_force(site_id).filter(start__lt=end, end__gt=start).order_by("start", "pk")
    rows = touching.values_list("kind", "limit_kw", "start", "end", "pk", "reference")
    return [
        Asked(GridRequestKind(kind), limit_kw, begin, until, key, reference)
        for kind, limit_kw, begin, until, key, reference in rows
    ]


def grid_requests(site_id: int) -> QuerySet[GridRequest]:
    """Every request of a site, the latest first."""
    return GridRequest.objects.filter(site_id=site_id).order_by("-start", "-pk")


def limit_by_slot(
    connection_kw: float | None, asked: Sequence[Asked], starts: Iterable[datetime]
) -> tuple[float | None, ...]:
    """The lowest of the connection's limit and the requests that touch each slot. Pure."""
    return tuple(
        _lowest(
            connection_kw,
            [a.limit_kw for a in asked if a.start < slot + QUARTER_HOUR and a.end > slot],
        )
        for slot in starts
    )


def _in_force(site_id: int) -> QuerySet[GridRequest]:
    return GridRequest.objects.filter(site_id=site_id, cancelled_at__isnull=True)


def _of(asked: Iterable[Asked], kind: GridRequestKind) -> list[Asked]:
    return [request for request in asked if request.kind == kind]


def _lowest(connection_kw: float | None, limits_kw: Iterable[float]) -> float | None:
    known = [*limits_kw, *([] if connection_kw is None else [connection_kw])]
    return min(known, default=None)


def _site(site_id: int) -> Site:
    return Site.objects.only("grid_import_limit_kw", "grid_export_limit_kw").get(pk=site_id)
