"""What the grid asks of a site, as entered by a person or a protocol."""

from __future__ import annotations

import logging
import math
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.assets.models import Site
from apps.flexibility.choices import GridRequestKind, ReplanReason
from apps.flexibility.models import GridRequest
from apps.flexibility.services.plan_wishes import plan_want
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

LONGEST: Final = timedelta(days=31)
MOST_KW: Final = 1_000_000.0
"""1 GW: more is a slip of the unit."""


@transaction.atomic
def grid_request_add(
    *,
    site_id: int,
    kind: str,
    limit_kw: float,
    start: datetime,
    end: datetime,
    now: datetime,
    reference: str = "",
    created_by: str = "",
) -> GridRequest:
    """Take in a request for [start, end) and ask for a plan that knows it.

    Raises DomainError (codes `grid_request.*`) that names the field.
    """
    _check(site_id, kind, limit_kw, start, end, now)
    request = GridRequest.objects.create(
        site_id=site_id,
        kind=kind,
        limit_kw=limit_kw,
        start=start,
        end=end,
        reference=reference.strip()[:120],
        created_by=created_by[:150],
    )
    _tell(request, now)
    return request


@transaction.atomic
def grid_request_cancel(*, grid_request_id: int, now: datetime) -> GridRequest:
    """The request holds no longer; one that is over stays as it was. Safe to repeat.

    Raises DomainError (codes `grid_request.unknown`, `grid_request.over`).
    """
    request = GridRequest.objects.select_for_update().filter(pk=grid_request_id).first()
    if request is None:
        raise DomainError("grid_request.unknown", "There is no such request.")
    if request.cancelled_at is not None:
        return request
    if request.end <= now:
        raise DomainError("grid_request.over", "The request is over.")
    request.cancelled_at = now
    request.save(update_fields=["cancelled_at"])
    _tell(request, now)
    return request


def _check(
    site_id: int, kind: str, limit_kw: float, start: datetime, end: datetime, now: datetime
) -> None:
    if not Site.objects.filter(pk=site_id).exists():
        raise DomainError("grid_request.site_unknown", "There is no such site.", field="site")
    if kind not in GridRequestKind.values:
        raise DomainError("grid_request.kind", "There is no such kind of request.", field="kind")
    if not math.isfinite(limit_kw) or not 0 <= limit_kw <= MOST_KW:
        raise DomainError("grid_request.limit", "The limit must be 0 kW or more.", field="limit_kw")
    if end <= start:
        raise DomainError(
            "grid_request.interval", "The end must come after the start.", field="end"
        )
    if end <= now:
        raise DomainError("grid_request.past", "The end must lie in the future.", field="end")
    if end - start > LONGEST:
        raise DomainError("grid_request.long", "A request lasts 31 days at most.", field="end")


def _tell(request: GridRequest, now: datetime) -> None:
    logger.info(
        "grid request site=%s id=%s kind=%s limit_kw=%s cancelled=%s",
        request.site_id, request.pk, request.kind, request.limit_kw, bool(request.cancelled_at),
    )  # fmt: skip
    plan_want(site_id=request.site_id, reason=ReplanReason.GRID, now=now, detail=request.reference)
