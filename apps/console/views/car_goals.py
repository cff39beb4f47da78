"""What a person sets for the car of a session."""

from __future__ import annotations

import math
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.chargers.models import Session
from apps.console.refusals import refusal_words
from apps.console.viewmodels.car_goals import MAY_SET, REFUSALS
from apps.console.views.access import console_action, permission_needed
from apps.console.views.forms import to_page
from apps.flexibility.services.cars import car_goal_set
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

FIRST_YEAR, LAST_YEAR = 2000, 2199


@console_action
@permission_needed(MAY_SET)
def save(request: HttpRequest, session_id: int) -> HttpResponse:
    """Departure and target of the car; the station hears of it within seconds."""
    if not Session.objects.filter(pk=session_id).exists():
        messages.error(request, _("There is no such session, or it has ended."))
        return to_page("sessions")
    try:
        car_goal_set(
            session_id=session_id,
            departure_at=_departure(request.POST.get("departure", "")),
            target_soc_percent=_percent(request.POST.get("target", "")),
            by=request.user.pk,
            now=utc_now(),
        )
    except DomainError as err:
        messages.error(request, str(REFUSALS.get(err.code) or refusal_words(err)))
    else:
        messages.success(request, _("The goal is kept; the car's charging follows it."))
    return to_page("sessions-detail", session_id)


def _departure(text: str) -> datetime | None:
    """A local time of the form; nothing typed is no departure."""
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as err:
        raise _no_departure() from err
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise _no_departure()
    return timezone.make_aware(at) if timezone.is_naive(at) else at


def _no_departure() -> DomainError:
    return DomainError("car_goal.departure_invalid", "A day and a time.", field="departure")


def _percent(text: str) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    return value
