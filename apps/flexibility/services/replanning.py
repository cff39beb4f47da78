"""Calls for a new plan: something happened that the plan in force does not know of."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from apps.flexibility.choices import ReplanReason
from apps.flexibility.models import ReplanCall


@transaction.atomic
def replan_ask(*, site_id: int, reason: ReplanReason, now: datetime, detail: str = "") -> None:
    """Ask for a new plan of a site; several calls before it is made are one.

    The plan follows within the next turns of `flexibility.plan_refresh`; whoever asks from a task
    or an event enqueues that one too, so that it begins at once.
    """
    call, is_new = ReplanCall.objects.select_for_update().get_or_create(
        site_id=site_id,
        defaults={
            "reason": reason,
            "detail": detail[:200],
            "first_asked_at": now,
            "asked_at": now,
        },
    )
    if not is_new and call.asked_at < now:
        call.reason, call.detail, call.asked_at = reason, detail[:200], now
        call.save(update_fields=["reason", "detail", "asked_at"])
