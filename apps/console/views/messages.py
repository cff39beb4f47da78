"""The page of the OCPP message log, and the log as files."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from apps.chargers.choices import MessageDirection
from apps.chargers.models import STATION_ID_MAX_LENGTH
from apps.chargers.selectors.messages import messages_csv, messages_found, messages_jsonl
from apps.console.viewmodels.messages import (
    ACTIONS,
    FIRST_SPAN,
    SEARCH_MAX_LENGTH,
    SPANS,
    MessageFilter,
    key_of,
    messages_page,
)
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_view,
    is_fragment,
    permission_needed,
)
from cariflex.common.time import utc_now

MAY_SEE = "chargers.view_stationmessage"


@console_view
@permission_needed(MAY_SEE)
def messages(request: HttpRequest) -> HttpResponse:
    """The log, newest first; with the fragment header only its lines."""
    page = messages_page(
        chosen=_filter(request),
        after=key_of(request.GET.get("after", "")),
        now=utc_now(),
    )
    is_part = is_fragment(request, "messages")
    template = "console/parts/message_lines.html" if is_part else "console/messages.html"
    response = render(request, template, {"log": page})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_view
@permission_needed(MAY_SEE)
def messages_as_csv(request: HttpRequest) -> StreamingHttpResponse:
    """What the filter finds, whole and without secrets, as CSV."""
    rows = messages_found(_filter(request).search(utc_now()))
    return _file(messages_csv(rows), "text/csv; charset=utf-8", "csv")


@console_view
@permission_needed(MAY_SEE)
def messages_as_jsonl(request: HttpRequest) -> StreamingHttpResponse:
    """What the filter finds, whole and without secrets, as JSON lines."""
    rows = messages_found(_filter(request).search(utc_now()))
    return _file(messages_jsonl(rows), "application/x-ndjson", "jsonl")


def _file(lines: Iterator[str], content_type: str, ending: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=content_type)
    name = f"ocpp-messages-{utc_now():%Y%m%dT%H%M%SZ}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _filter(request: HttpRequest) -> MessageFilter:
    action = request.GET.get("action", "")
    direction = request.GET.get("direction", "")
    span = request.GET.get("span", "")
    return MessageFilter(
        station_id=request.GET.get("station", "")[:STATION_ID_MAX_LENGTH],
        action=action if action in ACTIONS else "",
        direction=direction if direction in MessageDirection.values else "",
        has_error=request.GET.get("errors", "") == "on",
        text=request.GET.get("q", "").replace("\x00", "").strip()[:SEARCH_MAX_LENGTH],
        span=span if span in SPANS else FIRST_SPAN,
    )
