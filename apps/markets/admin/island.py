"""What is declared for the island price, and why its slots cost what they do."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from apps.markets.admin.base import ReadOnly
from apps.markets.island.local_days import clock_text
from apps.markets.models import (
    EmissionFactor,
    GeneratingUnit,
    IslandPriceSlot,
    IslandPricing,
    PeakWindow,
    ScarcityAlert,
    TouCalendar,
)
from apps.markets.services.island.alerts import alert_cancel
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


class PeakWindowInline(ReadOnly, TabularInline):
    model = PeakWindow
    extra = 0


class GeneratingUnitInline(ReadOnly, TabularInline):
    model = GeneratingUnit
    extra = 0


@admin.register(IslandPricing)
class IslandPricingAdmin(ReadOnly, ModelAdmin):
    """Changed by the services that check the rules as a whole."""

    list_display = (
        "area",
        "territory",
        "calendar",
        "carbon_price_eur_per_tonne",
        "enabled",
        "computed_at",
        "last_error",
    )
    list_select_related = ("calendar",)
    list_filter = ("enabled", "territory")
    search_fields = ("area",)
    inlines = (PeakWindowInline, GeneratingUnitInline)


@admin.register(TouCalendar)
class TouCalendarAdmin(ReadOnly, ModelAdmin):
    list_display = ("name", "territory", "time_zone", "updated_at", "changed_by")
    list_filter = ("territory",)
    search_fields = ("name",)


@admin.register(PeakWindow)
class PeakWindowAdmin(ReadOnly, ModelAdmin):
    list_display = ("name", "pricing", "window", "adder_eur_per_mwh", "valid_from", "valid_to")
    list_select_related = ("pricing",)
    search_fields = ("name", "pricing__area")

    @display(description=_("window"), ordering="start_minute")
    def window(self, peak: PeakWindow) -> str:
        return f"{clock_text(peak.start_minute)}-{clock_text(peak.end_minute)}"


@admin.register(ScarcityAlert)
class ScarcityAlertAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "reason",
        "pricing",
        "start",
        "end",
        "adder_eur_per_mwh",
        "declared_by",
        "cancelled_at",
    )
    list_select_related = ("pricing",)
    search_fields = ("reason", "pricing__area")
    date_hierarchy = "start"
    actions = ("cancel",)

    @admin.action(description=_("Cancel from now on"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[ScarcityAlert]) -> None:
        for pk in queryset.values_list("pk", flat=True):
            try:
                alert_cancel(alert_id=pk, now=utc_now(), by=request.user.get_username())
            except DomainError as err:
                messages.error(request, str(err))
            else:
                messages.info(request, _("The alert is cancelled."))

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("markets.change_scarcityalert")


@admin.register(GeneratingUnit)
class GeneratingUnitAdmin(ReadOnly, ModelAdmin):
    list_display = ("name", "pricing", "capacity_mw", "marginal_cost_eur_per_mwh", "enabled")
    list_select_related = ("pricing",)
    list_filter = ("enabled",)
    search_fields = ("name", "pricing__area")


@admin.register(EmissionFactor)
class EmissionFactorAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "fuel",
        "lifecycle_g_per_kwh",
        "direct_g_per_kwh",
        "valid_from",
        "valid_to",
        "source",
    )
    list_filter = ("fuel",)
    search_fields = ("fuel", "source")


@admin.register(IslandPriceSlot)
class IslandPriceSlotAdmin(ReadOnly, ModelAdmin):
    list_display = ("start", "pricing", "base_source", "quality", "reasons", "computed_at")
    list_select_related = ("pricing",)
    list_filter = ("base_source", "quality")
    search_fields = ("pricing__area",)
    date_hierarchy = "start"
