"""What stations report and the jobs at them, read only; the message log with its export."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.chargers.admin import ReadOnlyAdmin, StationMessageAdmin
from apps.chargers.choices import UpkeepStatus
from apps.chargers.models import FirmwareJob, LogJob, SecurityEvent, StationEvent, StationMessage
from apps.chargers.ocpp.redaction import shown_text
from apps.chargers.selectors.messages import messages_csv, messages_jsonl
from cariflex.common.badges import Badges
from cariflex.common.time import utc_now

_STATUS_COLOURS = Badges(
    {
        UpkeepStatus.REQUESTED: "info",
        UpkeepStatus.RUNNING: "info",
        UpkeepStatus.DONE: "success",
        UpkeepStatus.FAILED: "danger",
        UpkeepStatus.ENDED: "warning",
    }
)


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "station", "type", "tech_info", "is_critical", "acknowledged_at")
    list_filter = ("is_critical", "type")
    list_select_related = ("station",)
    search_fields = ("station__station_id", "type", "tech_info")
    date_hierarchy = "at"


@admin.register(StationEvent)
class StationEventAdmin(ReadOnlyAdmin):
    list_display = (
        "at", "station", "component", "variable", "evse_number", "connector_number", "value",
        "tech_code", "severity", "is_cleared",
    )  # fmt: skip
    list_filter = ("is_cleared", "severity", "component", "trigger")
    list_select_related = ("station",)
    search_fields = ("station__station_id", "tech_code", "tech_text", "variable")
    date_hierarchy = "at"


class JobAdmin(ReadOnlyAdmin):
    """A job at a station, with its history."""

    list_select_related = ("station", "requested_by")
    list_filter = ("status", "station_status")
    search_fields = ("station__station_id", "request_id")
    date_hierarchy = "requested_at"

    @display(description=_("status"), ordering="status", label=_STATUS_COLOURS)
    def status_label(self, job: FirmwareJob | LogJob) -> tuple[str, str]:
        return job.status, job.get_status_display()


@admin.register(FirmwareJob)
class FirmwareJobAdmin(JobAdmin):
    list_display = (
        "requested_at", "station", "location_shown", "status_label", "station_status",
        "requested_by", "ended_at",
    )  # fmt: skip
    # The address may hold a password.
    exclude = ("location",)
    readonly_fields = ("location_shown",)

    @admin.display(description=_("address of the file"))
    def location_shown(self, job: FirmwareJob) -> str:
        scheme, separator, rest = job.location.partition("://")
        return scheme + separator + rest.rpartition("@")[2]


@admin.register(LogJob)
class LogJobAdmin(JobAdmin):
    list_display = (
        "requested_at", "station", "log_type", "status_label", "station_status", "size_bytes",
        "requested_by", "ended_at",
    )  # fmt: skip
    exclude = ("file",)
    readonly_fields = ("file_link",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        urls: list[URLPattern] = super().get_urls()
        return [path("<int:job_id>/file", view, name="chargers_logjob_file"), *urls]

    @admin.display(description=_("file"))
    def file_link(self, job: LogJob) -> str:
        if not job.file:
            return "-"
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:chargers_logjob_file", args=[job.pk]), job.file
        )

    def download(self, request: HttpRequest, job_id: int) -> FileResponse:
        """The log that the station brought; never shown in the browser."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = LogJob.objects.exclude(file="").filter(pk=job_id).first()
        if job is None:
            raise Http404
        return FileResponse(
            job.file.open("rb"), as_attachment=True, content_type="application/octet-stream"
        )


admin.site.unregister(StationMessage)


@admin.register(StationMessage)
class MessageLogAdmin(StationMessageAdmin):
    """The message log without its secrets, also as files."""

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
