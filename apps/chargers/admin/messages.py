"""Orders to stations and the message log with its export, in the operator's admin."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.chargers.admin.base import ReadOnlyAdmin
from apps.chargers.choices import CommandStatus
from apps.chargers.models import Command, CommandBatch, StationMessage
from apps.chargers.ocpp.redaction import shown_json, shown_text
from apps.chargers.ocpp.secrets import without_secrets
from apps.chargers.selectors.messages import messages_csv, messages_jsonl
from cariflex.common.badges import Badges
from cariflex.common.time import utc_now


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    list_display = (
        "requested_at", "station", "action", "status_label", "error", "requested_by",
        "answered_at",
    )  # fmt: skip
    list_filter = ("status", "action")
    list_select_related = ("station", "requested_by")
    search_fields = ("station__station_id", "correlation_id")
    date_hierarchy = "requested_at"
    # Until it has ended an order holds what only the station may know.
    exclude = ("payload",)
    readonly_fields = ("request_shown", "latency_shown")

    @admin.display(description=_("request"))
    def request_shown(self, command: Command) -> str:
        return json.dumps(command.payload_shown, indent=2, ensure_ascii=False)

    @admin.display(description=_("answered within (s)"))
    def latency_shown(self, command: Command) -> str:
        return "-" if command.latency_s is None else f"{command.latency_s:.3f}"

    @display(
        description=_("status"),
        ordering="status",
        label=Badges(
            {
                CommandStatus.QUEUED: "info",
                CommandStatus.SENT: "info",
                CommandStatus.ACCEPTED: "success",
                CommandStatus.REJECTED: "warning",
                CommandStatus.TIMEOUT: "danger",
                CommandStatus.FAILED: "danger",
            }
        ),
    )
    def status_label(self, command: Command) -> tuple[str, str]:
        return command.status, command.get_status_display()


@admin.register(CommandBatch)
class CommandBatchAdmin(ReadOnlyAdmin):
    """Bulk commands; the results are commands of their own."""

    list_display = ("requested_at", "action", "stations_count", "reason", "requested_by")
    list_filter = ("action",)
    list_select_related = ("requested_by",)
    search_fields = ("action", "reason")
    date_hierarchy = "requested_at"
    exclude = ("payload",)
    readonly_fields = ("request_shown",)

    @admin.display(description=_("request"))
    def request_shown(self, batch: CommandBatch) -> str:
        shown = shown_json(without_secrets(batch.action, batch.payload))
        return json.dumps(shown, indent=2, ensure_ascii=False)


@admin.register(StationMessage)
class StationMessageAdmin(ReadOnlyAdmin):
    """The message log without its secrets, also as files."""

    list_display = ("received_at", "station", "direction", "action", "message_id", "error")
    list_filter = ("direction", ("error", admin.EmptyFieldListFilter), "action", "station")
    list_select_related = ("station",)
    search_fields = ("=station__station_id", "=message_id", "action", "error", "payload")
    # A count over millions of lines would be most of the page's time.
    show_full_result_count = False
    exclude = ("payload",)
    readonly_fields = ("frame_shown",)
    actions = ("export_csv", "export_jsonl")

    @admin.display(description=_("frame"))
    def frame_shown(self, message: StationMessage) -> str:
        return shown_text(message.payload)

    @admin.action(description=_("Export as CSV"), permissions=["view"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[StationMessage]) -> Any:
        return _file(request, messages_csv(queryset), "csv", "text/csv; charset=utf-8")

    @admin.action(description=_("Export as JSON lines"), permissions=["view"])
    def export_jsonl(self, request: HttpRequest, queryset: QuerySet[StationMessage]) -> Any:
        return _file(request, messages_jsonl(queryset), "jsonl", "application/jsonl")


def _file(
    request: HttpRequest, lines: Any, extension: str, content_type: str
) -> StreamingHttpResponse:
    schema_name = request.tenant.schema_name  # type: ignore[attr-defined]
    name = f"ocpp-{schema_name}-{utc_now():%Y%m%d-%H%M%S}.{extension}"
    return StreamingHttpResponse(
        lines,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
