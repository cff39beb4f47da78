"""The page of OCPI sessions in both directions."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.console.viewmodels.roaming_sessions import (
    MAY_SEE,
    TABS,
    RoamingFilter,
    roaming_sessions_page,
)
from apps.console.views.access import FRAGMENT_HEADER, console_view, is_fragment
from apps.console.views.forms import allowed, page_number
from cariflex.common.time import utc_now

CODE_MAX_LENGTH = 40


@console_view
def sessions(request: HttpRequest) -> HttpResponse:
    """A table of sessions; with the fragment header only its rows."""
    allowed(request, *MAY_SEE)
    tab = request.GET.get("tab", "")
    page = roaming_sessions_page(
        chosen=RoamingFilter(
            tab=tab if tab in TABS else TABS[0],
            partner=request.GET.get("partner", "").replace("\x00", "")[:CODE_MAX_LENGTH],
            only_running=request.GET.get("running", "") == "on",
        ),
        page=page_number(request),
        now=utc_now(),
    )
    is_part = is_fragment(request, "live-part")
    template = (
        "console/parts/roaming_session_rows.html" if is_part else "console/roaming_sessions.html"
    )
    response = render(request, template, {"page_of": page})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response
