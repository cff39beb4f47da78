"""Series: the list, one series with its plot and table, its values as a file, its gap rules."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.console.viewmodels.data_list import series_listing
from apps.console.viewmodels.data_series import (
    MAY_CHANGE,
    MAY_SEE,
    csv_lines,
    series_page,
    window_of,
    window_query,
)
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import key_of, page_number, to_page, tried
from apps.markets.choices import Feed, SeriesKind
from apps.markets.models import Series
from apps.markets.selectors.pages import SeriesFilter
from apps.markets.services.series import fallback_declare, series_lead
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

EARLIER_DAYS = "earlier_days"
MOST_STEPS = 8


@console_view
@permission_needed(MAY_SEE)
def series(request: HttpRequest) -> HttpResponse:
    """The list of series."""
    kind, source = request.GET.get("kind", ""), request.GET.get("source", "")
    listing = series_listing(
        wanted=SeriesFilter(
            kind=kind if kind in SeriesKind.values else "",
            source=source if source in Feed.values else "",
            search=request.GET.get("q", "").replace("\x00", "").strip()[:60],
        ),
        page=page_number(request),
        now=utc_now(),
        may_change=request.user.has_perm(MAY_CHANGE),
    )
    return render(request, "console/data_series_list.html", {"listing": listing})


@console_view
@permission_needed(MAY_SEE)
def one(request: HttpRequest, series_id: int) -> HttpResponse:
    """One series in a window of local days."""
    found = _found(series_id)
    now = utc_now()
    page = series_page(
        series=found,
        window=window_of(request.GET, now=now),
        table_page=page_number(request),
        slot=request.GET.get("slot", ""),
        now=now,
        may_change=request.user.has_perm(MAY_CHANGE),
    )
    return render(request, "console/data_series.html", {"page_of": page})


@console_view
@permission_needed(MAY_SEE)
def values(request: HttpRequest, series_id: int) -> HttpResponse:
    """The window's values as CSV, gaps filled and said so."""
    found = _found(series_id)
    window = window_of(request.GET, now=utc_now())
    # A week at most; a stream would run after the operator's clock is put back.
    content = "".join(csv_lines(found, window))
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    words = (found.kind, found.area, found.source, found.variant)
    stem = "-".join(word for word in words if word)
    safe = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in stem)
    name = f"{safe}-{window.first_day:%Y%m%d}-{window.days}d.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


@console_action
@permission_needed(MAY_CHANGE)
def follow(request: HttpRequest, series_id: int) -> HttpResponse:
    """Let the series lead its kind."""
    found = _found(series_id)
    series_lead(series_id=found.pk)
    messages.success(request, _("Plans, tariffs and pages follow this series now."))
    return _back(request, series_id)


@console_action
@permission_needed(MAY_CHANGE)
def fallback(request: HttpRequest, series_id: int) -> HttpResponse:
    """Declare how gaps are filled."""
    found = _found(series_id)
    if tried(request, lambda: fallback_declare(series=found, others=_steps(request))) is not None:
        messages.success(request, _("Gaps are filled in this order from now on."))
    return _back(request, series_id)


def _steps(request: HttpRequest) -> list[Series | None]:
    steps: list[Series | None] = []
    for word in request.POST.getlist("step")[:MOST_STEPS]:
        if word == EARLIER_DAYS:
            steps.append(None)
        elif word:
            other = Series.objects.filter(pk=key_of(word)).first()
            if other is None:
                raise DomainError("series.fallback", _("There is no such series."), field="others")
            steps.append(other)
    return steps


def _found(series_id: int) -> Series:
    found = Series.objects.filter(pk=series_id).first()
    if found is None:
        raise Http404
    return found


def _back(request: HttpRequest, series_id: int) -> HttpResponse:
    response = to_page("series-detail", series_id)
    query = window_query(window_of(request.POST, now=utc_now()))
    response.headers["Location"] += f"?{query}"
    return response
