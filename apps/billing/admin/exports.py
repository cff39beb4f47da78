"""Files that people asked for, and their saved views, in the operator's admin."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from apps.billing.exports.choices import ExportState
from apps.billing.exports.downloads import download_response
from apps.billing.models import ExportJob, ExportView
from apps.billing.selectors.exports import may_export
from apps.billing.services.exports import exports_cancel
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError

STATE_COLOURS = Badges(
    {
        ExportState.QUEUED: "info",
        ExportState.RUNNING: "info",
        ExportState.DONE: "success",
        ExportState.FAILED: "danger",
        ExportState.CANCELLED: "warning",
    }
)


class _WrittenByServices(ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ExportJob)
class ExportJobAdmin(_WrittenByServices):
    list_display = (
        "requested_at", "kind", "state_label", "progress", "size_shown", "requested_by_name",
        "expires_at", "downloads", "file_link",
    )  # fmt: skip
    list_filter = ("state", "kind")
    search_fields = ("requested_by_name", "file_name", "sha256")
    date_hierarchy = "requested_at"
    exclude = ("requested_by",)
    readonly_fields = ("progress", "file_link")
    actions = ("cancel",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportJob]:
        jobs: QuerySet[ExportJob] = super().get_queryset(request)
        return jobs.defer("selection")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # It says who took what out of the books.
        return False

    def has_export_permission(self, request: HttpRequest) -> bool:
        return may_export(request.user)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        urls: list[URLPattern] = super().get_urls()
        return [path("<uuid:job_id>/file", view, name="billing_exportjob_file"), *urls]

    @display(description=gettext_lazy("state"), ordering="state", label=STATE_COLOURS)
    def state_label(self, job: ExportJob) -> tuple[str, str]:
        return job.state, job.get_state_display()

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, job: ExportJob) -> str:
        rows = number_format(job.rows_done, use_l10n=True, force_grouping=True)
        if job.percent is None or not job.is_open:
            return rows
        return f"{job.percent} % · {rows}"

    @admin.display(description=gettext_lazy("size"), ordering="size_bytes")
    def size_shown(self, job: ExportJob) -> str:
        return f"{number_format(job.size_bytes / 1000, 1, use_l10n=True)} kB"

    @admin.display(description=gettext_lazy("file"))
    def file_link(self, job: ExportJob) -> str:
        if job.state != ExportState.DONE:
            return "-"
        address = reverse("admin:billing_exportjob_file", args=[job.pk])
        return format_html('<a href="{}">{}</a>', address, job.file_name)

    def download(self, request: HttpRequest, job_id: UUID) -> HttpResponseBase:
        """The file, for who may take it."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        try:
            return download_response(job_id)
        except DomainError as refusal:
            if refusal.code == "export.unknown":
                raise Http404 from refusal
            messages.error(request, _("The file is not there (any more); ask for it again."))
            return HttpResponseRedirect(reverse("admin:billing_exportjob_changelist"))

    @action(description=gettext_lazy("Cancel"), permissions=["export"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[ExportJob]) -> None:
        count = exports_cancel(job_ids=list(queryset.values_list("pk", flat=True)))
        words = ngettext(
            "%(count)d export was cancelled.", "%(count)d exports were cancelled.", count
        )
        messages.info(request, words % {"count": count})


@admin.register(ExportView)
class ExportViewAdmin(_WrittenByServices):
    list_display = ("name", "owner", "is_shared", "order", "style", "with_titles", "updated_at")
    list_filter = ("is_shared", "style")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username")
