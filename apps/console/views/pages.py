"""The console's pages: parse, build one view model, render."""

from django.contrib import messages
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.chargers.services import session_check
from apps.console.viewmodels.day import day_chart_recent, day_chart_text, hour_rows
from apps.console.viewmodels.devices import devices_page
from apps.console.viewmodels.island import island_map
from apps.console.viewmodels.live import live_snapshot, snapshot_text
from apps.console.viewmodels.session_record import MAY_CHECK, session_record
from apps.console.viewmodels.sessions import (
    SEARCH_MAX_LENGTH,
    SessionFilter,
    session_detail,
    sessions_table,
)
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    is_fragment,
    json_reply,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


class ConsoleLoginView(LoginView):
    """The log-in page; who is signed in already goes on to the overview."""

    template_name = "console/login.html"
    redirect_authenticated_user = True


@console_view
def overview(request: HttpRequest) -> HttpResponse:
    """The island at one glance."""
    now = utc_now()
    snapshot = live_snapshot(now=now)
    chart = day_chart_recent(now=now)
    return render(
        request,
        "console/overview.html",
        {
            "snapshot": snapshot,
            "snapshot_text": snapshot_text(snapshot),
            "chart": chart,
            "hours": hour_rows(chart),
        },
    )


@console_view
def asset_map(request: HttpRequest) -> HttpResponse:
    """Every asset at its place."""
    return render(request, "console/map.html", {"island": island_map(now=utc_now())})


@console_view
def sessions(request: HttpRequest) -> HttpResponse:
    """The table of sessions; with the fragment header only its rows."""
    number = request.GET.get("page", "1")
    table = sessions_table(
        chosen=SessionFilter(
            state=request.GET.get("state", ""),
            station_id=request.GET.get("station", ""),
            search=request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH],
        ),
        page=int(number) if number.isdecimal() and len(number) < 8 else 1,
        now=utc_now(),
    )
    is_part = is_fragment(request, "rows")
    template = "console/parts/session_rows.html" if is_part else "console/sessions.html"
    response = render(request, template, {"table": table})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_view
def session(request: HttpRequest, session_id: int) -> HttpResponse:
    """One session; with the fragment header only what changes."""
    detail = session_detail(session_id=session_id, now=utc_now())
    record = session_record(session_id=session_id, user=request.user)  # type: ignore[arg-type]
    if detail is None or record is None:
        raise Http404
    is_part = is_fragment(request, "session")
    template = "console/parts/session_detail.html" if is_part else "console/session.html"
    response = render(request, template, {"detail": detail, "record": record})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_action
def check_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """Say that a doubtful session may be billed as it stands."""
    if not request.user.has_perm(MAY_CHECK):
        raise PermissionDenied
    try:
        session_check(session_id=session_id, now=utc_now())
        messages.success(request, _("The session may be billed; its CDR follows."))
    except DomainError:
        messages.error(request, _("There is no such session, or it has not ended."))
    return HttpResponseRedirect(reverse("console:sessions-detail", args=[session_id]))


@console_view
def devices(request: HttpRequest) -> HttpResponse:
    """The list of devices; with the fragment header only the lists."""
    is_part = is_fragment(request, "devices")
    template = "console/parts/device_lists.html" if is_part else "console/devices.html"
    response = render(request, template, {"listing": devices_page(now=utc_now())})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_view
def live(request: HttpRequest) -> HttpResponse:
    """The live snapshot as JSON: the same text that the WebSocket sends."""
    return json_reply(snapshot_text(live_snapshot(now=utc_now())))


@console_view
def live_day(request: HttpRequest) -> HttpResponse:
    """The day chart as JSON."""
    return json_reply(day_chart_text(now=utc_now()))
