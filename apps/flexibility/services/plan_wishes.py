"""A person wants a new plan, or changed what plans must obey."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from apps.assets.models import Site
from apps.flexibility.choices import ReplanReason
from apps.flexibility.events import PlanWanted
from apps.flexibility.services.replanning import replan_ask
from apps.tenants.context import current_schema
from cariflex.common import events
from cariflex.common.errors import DomainError


@transaction.atomic
def plan_want(*, site_id: int, reason: ReplanReason, now: datetime, detail: str = "") -> None:
    """Ask for a new plan of a site and have it begun as soon as this is committed.

    Raises DomainError (code `plan.site_unknown`).
    """
    if not Site.objects.filter(pk=site_id).exists():
        raise DomainError("plan.site_unknown", "There is no such site.", field="site")
    replan_ask(site_id=site_id, reason=reason, now=now, detail=detail)
    events.publish(PlanWanted(schema=current_schema(), site_id=site_id))
