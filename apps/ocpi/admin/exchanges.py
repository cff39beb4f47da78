"""The log of exchanges with partners: searched by correlation id, read, exported."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.ocpi.models import Exchange
from cariflex.common.badges import Badges
from cariflex.common.time import format_rfc3339

COLUMNS = (
    "at", "direction", "partner", "method", "path", "version", "module", "http_status",
    "status_code", "latency_ms", "request_id", "correlation_id", "from_party", "to_party",
    "error", "request_body", "response_body",
)  # fmt: skip
MOST_EXPORTED = 50_000


class _Line:
    """Gives back what the CSV writer writes."""

    def write(self, text: str) -> str:
        return text


@admin.register(Exchange)
class ExchangeAdmin(ModelAdmin):
    """Read only. Both hops of a routed message have the same correlation id.

    Cards stand here whole, so it is for those who may see cards; the console's log masks them.
    """

    list_display = (
        "at", "direction_label", "partner", "method", "module", "path", "outcome", "latency",
        "correlation_id",
    )  # fmt: skip
    list_filter = ("direction", "partner", "module", "method", "http_status", "status_code")
    list_select_related = ("partner",)
    search_fields = ("=correlation_id", "=request_id", "path", "error")
    date_hierarchy = "at"
    # A count over millions of lines would be most of the page's time.
    show_full_result_count = False
    actions = ("export",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Exchange | None = None) -> bool:
        return super().has_view_permission(request, obj) and request.user.has_perm(
            "chargers.view_idtoken"
        )

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @display(description=_("direction"), label=Badges({"in": "info", "out": "warning"}))
    def direction_label(self, exchange: Exchange) -> tuple[str, str]:
        return exchange.direction, exchange.get_direction_display()

    @display(description=_("answer"), label=Badges({"good": "success", "bad": "danger"}))
    def outcome(self, exchange: Exchange) -> tuple[str, str]:
        is_good = exchange.status_code is not None and 1000 <= exchange.status_code < 2000
        words = f"{exchange.http_status or '-'} / {exchange.status_code or '-'}"
        return "good" if is_good else "bad", words

    @admin.display(description=_("ms"), ordering="latency_ms")
    def latency(self, exchange: Exchange) -> str:
        return f"{exchange.latency_ms:.0f}"

    @admin.action(description=_("Export as CSV"), permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet[Exchange]) -> StreamingHttpResponse:
        rows = list(queryset.select_related("partner")[:MOST_EXPORTED])
        response = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="ocpi-exchanges.csv"'
        return response


def _lines(rows: list[Exchange]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for row in rows:
        cells: list[Any] = [getattr(row, name) for name in COLUMNS]
        cells[0] = format_rfc3339(row.at)
        yield writer.writerow([_cell(cell) for cell in cells])


def _cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
