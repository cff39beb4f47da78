"""Reports of checks against the standard, to be read."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.ocpi.models import ConformanceReport
from cariflex.common.badges import Badges


@admin.register(ConformanceReport)
class ConformanceReportAdmin(ModelAdmin):
    """Read only: a check is begun in the console or by a command."""

    list_display = (
        "started_at", "partner", "version", "state_label", "failed", "passed", "skipped",
        "requests", "asked_by",
    )  # fmt: skip
    list_filter = ("state", "partner")
    list_select_related = ("partner", "asked_by")
    search_fields = ("partner__name", "partner__code")
    date_hierarchy = "started_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @display(
        description=_("state"),
        label=Badges({"running": "info", "ended": "success", "failed": "danger"}),
    )
    def state_label(self, report: ConformanceReport) -> tuple[str, str]:
        return report.state, report.get_state_display()
