"""The page of all charging stations."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.chargers.selectors.stations import STATES, StationSearch
from apps.console.viewmodels.stations import SEARCH_MAX_LENGTH, stations_page
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_view,
    is_fragment,
    permission_needed,
)
from cariflex.common.time import utc_now

MAY_SEE = "chargers.view_chargingstation"
LONGEST_ID = 48


@console_view
@permission_needed(MAY_SEE)
def stations(request: HttpRequest) -> HttpResponse:
    """The list of stations; with the fragment header only the lists."""
    state = request.GET.get("state", "")
    page = stations_page(
        chosen=StationSearch(
            text=request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH],
            state=state if state in STATES else "",
            version=request.GET.get("version", "")[:10],
        ),
        after=request.GET.get("after", "")[:LONGEST_ID] or None,
        now=utc_now(),
    )
    is_part = is_fragment(request, "stations")
    template = "console/parts/station_rows.html" if is_part else "console/stations.html"
    response = render(request, template, {"listing": page})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response
