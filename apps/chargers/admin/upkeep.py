"""What stations report and the jobs at them, in the operator's admin."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from apps.chargers.admin.base import ReadOnlyAdmin
from apps.chargers.choices import UpkeepStatus
from apps.chargers.models import FirmwareJob, LogJob, SecurityEvent, StationEvent
from apps.chargers.services.security_events import security_events_acknowledge
from cariflex.common.badges import Badges
from cariflex.common.time import utc_now

STATUS_COLOURS = Badges(
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
    list_filter = ("is_critical", ("acknowledged_at", admin.EmptyFieldListFilter), "type")
    list_select_related = ("station",)
    search_fields = ("station__station_id", "type", "tech_info")
    date_hierarchy = "at"
    actions = ("acknowledge",)

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chargers.change_securityevent")

    @action(description=_("Acknowledge"), permissions=["acknowledge"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[SecurityEvent]) -> None:
        count = security_events_acknowledge(
            event_ids=queryset.values_list("pk", flat=True), now=utc_now()
        )
        messages.info(
            request,
            ngettext(
                "%(count)d event was acknowledged.", "%(count)d events were acknowledged.", count
            )
            % {"count": count},
        )


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

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
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
