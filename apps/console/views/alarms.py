"""The page of alarms, and what is done there."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.assets.selectors.alarms import AlarmFilter
from apps.assets.services.alarm_digests import alarm_digest_save
from apps.assets.services.alarms import alarm_acknowledge
from apps.console.viewmodels.alarms import MAY_ACKNOWLEDGE, STATES, alarms_page
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    is_fragment,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

LONGEST_CODE = 60
REFUSALS = {
    "alarm.acknowledged": _("Somebody acknowledged the alarm already."),
    "alarm.note_too_long": _("The note is too long."),
    "alarm.unknown": _("There is no such alarm."),
}


@console_view
def alarms(request: HttpRequest) -> HttpResponse:
    """Open alarms and the history; with the fragment header only the lists."""
    page = alarms_page(
        chosen=_filter(request),
        before=_number(request.GET.get("before", "")),
        user=request.user,  # type: ignore[arg-type]
        language=get_language() or "",
    )
    is_part = is_fragment(request, "alarms")
    template = "console/parts/alarm_lists.html" if is_part else "console/alarms.html"
    response = render(request, template, {"listing": page})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_action
def acknowledge(request: HttpRequest, alarm_id: int) -> HttpResponse:
    """Say that an alarm was seen."""
    if not request.user.has_perm(MAY_ACKNOWLEDGE):
        raise PermissionDenied
    try:
        alarm_acknowledge(
            alarm_id=alarm_id,
            by=request.user,  # type: ignore[arg-type]
            now=utc_now(),
            note=request.POST.get("note", ""),
        )
        messages.success(request, _("The alarm is acknowledged."))
    except DomainError as error:
        messages.error(request, REFUSALS.get(error.code, error.message))
    return _back(request)


@console_action
def digest(request: HttpRequest) -> HttpResponse:
    """How the user wants the alarms by e-mail."""
    try:
        alarm_digest_save(
            user=request.user,  # type: ignore[arg-type]
            least_severity=_number(request.POST.get("least_severity", "")) or 0,
            every_minutes=_number(request.POST.get("every_minutes", "")) or 0,
            is_active=request.POST.get("is_active") == "on",
            language=request.POST.get("language", ""),
        )
        messages.success(request, _("The settings of the e-mails are kept."))
    except DomainError:
        messages.error(request, _("Every 1 to 10,080 minutes (7 days)."))
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """To the page that the form stands on."""
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return HttpResponseRedirect(target if is_ours else reverse("console:alarms"))


def _filter(request: HttpRequest) -> AlarmFilter:
    state = request.GET.get("state", "")
    return AlarmFilter(
        least_severity=_number(request.GET.get("severity", "")),
        state=state if state in STATES else "",
        device_code=request.GET.get("device", "")[:LONGEST_CODE],
    )


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
