"""The schedule of a day: page, its figures as JSON, the panel of reasons, a plan asked for."""

import orjson
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.assets.models import Site
from apps.console.viewmodels.live import main_site_id
from apps.console.viewmodels.schedule import MAY_PLAN, YEARS, chart_of, schedule_page
from apps.console.viewmodels.schedule_why import why_panel
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    json_reply,
    permission_needed,
)
from apps.console.views.forms import day_of, key_of, tried
from apps.flexibility.choices import ReplanReason
from apps.flexibility.selectors.schedule import schedule_day
from apps.flexibility.services.plan_wishes import plan_want
from cariflex.common.time import parse_rfc3339, utc_now

KEY_LENGTH = 40


@console_view
def schedule(request: HttpRequest) -> HttpResponse:
    """A day of a site; `device` is the line shown, `slot` the quarter hour that is explained."""
    site_id = _site_id(request)
    if site_id is None:
        return render(request, "console/plan.html", {"page_of": None, "why": None})
    now = utc_now()
    page = schedule_page(
        site_id=site_id,
        asked=day_of(request.GET.get("day", "")),
        key=request.GET.get("device", "")[:KEY_LENGTH],
        slot=key_of(request.GET.get("slot", "")),
        now=now,
        may_plan=request.user.has_perm(MAY_PLAN),
    )
    why = None
    if page.is_explained:
        at = page.day.starts[page.slot]
        why = why_panel(site_id=site_id, key=page.chosen.key, at=at, now=now)
    return render(request, "console/plan.html", {"page_of": page, "why": why})


@console_view
def day(request: HttpRequest) -> HttpResponse:
    """The chart's figures of a day as JSON."""
    site_id = _site_id(request)
    if site_id is None:
        raise Http404
    asked = day_of(request.GET.get("day", ""))
    if asked is not None and asked.year not in YEARS:
        raise Http404
    chart = chart_of(schedule_day(site_id=site_id, now=utc_now(), day=asked))
    return json_reply(orjson.dumps(chart).decode())


@console_view
def why(request: HttpRequest) -> HttpResponse:
    """The panel of reasons alone; `at` is an instant of the quarter hour (RFC 3339)."""
    site_id = _site_id(request)
    try:
        at = parse_rfc3339(request.GET.get("at", ""))
    except ValueError as err:
        raise Http404 from err
    if site_id is None or at.year not in YEARS:
        raise Http404
    key = request.GET.get("device", "")[:KEY_LENGTH]
    panel = why_panel(site_id=site_id, key=key, at=at, now=utc_now())
    if panel is None:
        raise Http404
    response = render(request, "console/parts/schedule_why.html", {"why": panel})
    response.headers["Vary"] = FRAGMENT_HEADER
    response.headers["Cache-Control"] = "no-store"
    return response


@console_action
@permission_needed(MAY_PLAN)
def plan_again(request: HttpRequest) -> HttpResponse:
    """Ask for a new plan at once."""
    site_id = key_of(request.POST.get("site", ""))

    def act() -> bool:
        plan_want(
            site_id=site_id or 0,
            reason=ReplanReason.OPERATOR,
            now=utc_now(),
            detail=request.user.get_username(),
        )
        return True

    if tried(request, act):
        messages.success(request, _("A new plan has been asked for."))
    return HttpResponseRedirect(reverse("console:plan") + (f"?site={site_id}" if site_id else ""))


def _site_id(request: HttpRequest) -> int | None:
    """The site asked for, else the first; 404 for one that is not there, None without any."""
    asked = key_of(request.GET.get("site", ""))
    if asked is None:
        return main_site_id()
    if not Site.objects.filter(pk=asked).exists():
        raise Http404
    return asked
