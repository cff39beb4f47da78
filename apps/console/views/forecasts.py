"""What is expected of a site, and how good that was."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from apps.console.viewmodels.forecasts import MAY_SEE, forecasts_page
from apps.console.views.access import console_view, permission_needed
from apps.console.views.forms import day_of, key_of
from cariflex.common.time import utc_now


@console_view
@permission_needed(MAY_SEE)
def forecasts(request: HttpRequest) -> HttpResponse:
    """One quantity of a site on one day; `method` shows that one's forecast alone."""
    asked_site = request.GET.get("site", "")
    page = forecasts_page(
        site_id=key_of(asked_site),
        quantity=request.GET.get("quantity", ""),
        method=request.GET.get("method", ""),
        asked=day_of(request.GET.get("day", "")),
        now=utc_now(),
    )
    if page is None and asked_site:
        raise Http404
    return render(request, "console/forecasts.html", {"page_of": page})
