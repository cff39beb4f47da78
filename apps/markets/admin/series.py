"""Series, their values and how their gaps are filled."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from apps.markets.admin.base import ReadOnly
from apps.markets.models import FallbackStep, Series, SeriesValue
from apps.markets.services.series import series_lead


@admin.register(Series)
class SeriesAdmin(ReadOnly, ModelAdmin):
    list_display = ("area", "kind", "variant", "source", "unit", "resolution_s", "is_leading")
    list_filter = ("kind", "source", "is_leading")
    search_fields = ("area", "variant")
    actions = ("lead",)

    @admin.action(description=_("Follow this series from now on"), permissions=["lead"])
    def lead(self, request: HttpRequest, queryset: QuerySet[Series]) -> None:
        for pk in queryset.values_list("pk", flat=True):
            series_lead(series_id=pk)
        messages.info(request, _("Plans, tariffs and pages follow it."))

    def has_lead_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("markets.change_series")


@admin.register(SeriesValue)
class SeriesValueAdmin(ReadOnly, ModelAdmin):
    list_display = ("start", "value", "quality", "origin", "series", "published_at", "document")
    list_select_related = ("series", "document__access")
    search_fields = ("series__area", "document__document_id")
    list_filter = ("quality", "series__kind")
    date_hierarchy = "start"
    ordering = ("-start", "-published_at")


@admin.register(FallbackStep)
class FallbackStepAdmin(ReadOnly, ModelAdmin):
    list_display = ("series", "position", "method", "other")
    list_select_related = ("series", "other")
    search_fields = ("series__area",)
