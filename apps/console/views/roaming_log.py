"""The pages of the log of what was said with partners, and the log as files."""

from collections.abc import Iterator

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from apps.console.viewmodels.messages import key_of
from apps.console.viewmodels.roaming_log import (
    FIRST_SPAN,
    ID_MAX_LENGTH,
    MAY_SEE,
    SEARCH_MAX_LENGTH,
    SPANS,
    LogFilter,
    exchange_page,
    log_page,
    may_see_cards,
    modules_known,
    moment,
)
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_view,
    is_fragment,
    permission_needed,
)
from apps.ocpi.choices import Direction
from apps.ocpi.selectors.exchanges import exchanges_csv, exchanges_jsonl
from cariflex.common.time import utc_now

CODE_MAX_LENGTH = 40


@console_view
@permission_needed(MAY_SEE)
def log(request: HttpRequest) -> HttpResponse:
    """The log, newest first; with the fragment header only its lines."""
    page = log_page(
        chosen=_filter(request),
        after=key_of(request.GET.get("after", "")),
        now=utc_now(),
        shows_cards=_shows_cards(request),
    )
    is_part = is_fragment(request, "live-part")
    template = "console/parts/roaming_log_lines.html" if is_part else "console/roaming_log.html"
    response = render(request, template, {"log": page})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_view
@permission_needed(MAY_SEE)
def exchange(request: HttpRequest, exchange_id: int) -> HttpResponse:
    """One exchange with both bodies, and the others of the same correlation id."""
    page = exchange_page(exchange_id=exchange_id, shows_cards=_shows_cards(request))
    if page is None:
        raise Http404
    return render(request, "console/roaming_exchange.html", {"page_of": page})


@console_view
@permission_needed(MAY_SEE)
def log_as_csv(request: HttpRequest) -> StreamingHttpResponse:
    """What the filter finds as CSV."""
    search = _filter(request).search(utc_now())
    lines = exchanges_csv(search, shows_cards=_shows_cards(request))
    return _file(lines, "text/csv; charset=utf-8", "csv")


@console_view
@permission_needed(MAY_SEE)
def log_as_jsonl(request: HttpRequest) -> StreamingHttpResponse:
    """What the filter finds as JSON lines."""
    search = _filter(request).search(utc_now())
    lines = exchanges_jsonl(search, shows_cards=_shows_cards(request))
    return _file(lines, "application/x-ndjson", "jsonl")


def _shows_cards(request: HttpRequest) -> bool:
    return may_see_cards(request.user)  # type: ignore[arg-type]


def _file(lines: Iterator[str], content_type: str, ending: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=content_type)
    name = f"ocpi-messages-{utc_now():%Y%m%dT%H%M%SZ}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _filter(request: HttpRequest) -> LogFilter:
    direction, module = request.GET.get("direction", ""), request.GET.get("module", "")
    span = request.GET.get("span", "")
    start, end = request.GET.get("start", "")[:32], request.GET.get("end", "")[:32]
    return LogFilter(
        partner=_plain(request, "partner", CODE_MAX_LENGTH),
        direction=direction if direction in Direction.values else "",
        module=module if module in modules_known() else "",
        has_error=request.GET.get("errors", "") == "on",
        correlation_id=_plain(request, "correlation", ID_MAX_LENGTH),
        text=_plain(request, "q", SEARCH_MAX_LENGTH),
        span=span if span in SPANS else FIRST_SPAN,
        start=start if moment(start) else "",
        end=end if moment(end) else "",
    )


def _plain(request: HttpRequest, name: str, most: int) -> str:
    return request.GET.get(name, "").replace("\x00", "").strip()[:most]
