"""How long readings are kept, and what they take on disk."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from apps.assets.models import HourRollup, QuarterRollup, Retention
from apps.assets.selectors import (
    StorageMonth,
    retention_get,
    rollup_backlog,
    storage,
    storage_months,
)
from apps.assets.services import retention_save
from apps.assets.services.partitions import month_start

WORDS = {
    model._meta.db_table: model._meta.verbose_name_plural for model in (QuarterRollup, HourRollup)
}
"""The tables that have no months."""


@admin.register(Retention)
class RetentionAdmin(ModelAdmin):
    """One row: its list is the page that shows what is stored and until when."""

    fields = ("readings_months", "minutes_months")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """Storage: months with rows and sizes, the roll-ups, and what waits for the roller."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        retention, tables = retention_get(), storage()
        return TemplateResponse(
            request,
            "admin/assets/storage.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Storage of readings"),
                "opts": self.opts,
                "retention": retention,
                "may_change": self.has_change_permission(request),
                "backlog": rollup_backlog(),
                "months": [_month(month, retention) for month in storage_months(tables)],
                "kept": [(WORDS[table.name], table) for table in tables if table.start is None],
                "total_bytes": sum(table.size_bytes for table in tables),
            },
        )

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Retention | None:
        """The row, or its defaults before anybody changed them."""
        return retention_get() if object_id == "1" else None

    def save_model(
        self, request: HttpRequest, obj: Retention, form: object, change: object
    ) -> None:
        retention_save(readings_months=obj.readings_months, minutes_months=obj.minutes_months)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


def _month(month: StorageMonth, retention: Retention) -> dict[str, StorageMonth | datetime]:
    """A month with the days on which its tables go (UTC)."""
    return {
        "stored": month,
        "readings_go_on": month_start(month.start, retention.readings_months + 1),
        "minutes_go_on": month_start(month.start, retention.minutes_months + 1),
    }
