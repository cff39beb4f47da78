"""PV plants of the forecast: what they are made of."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from apps.markets.admin.base import ReadOnly
from apps.markets.models import PvArray, PvPlant


class PvArrayInline(ReadOnly, TabularInline):
    model = PvArray
    extra = 0


@admin.register(PvPlant)
class PvPlantAdmin(ReadOnly, ModelAdmin):
    """Changed by the service that checks the whole plant at once."""

    list_display = (
        "device_code",
        "device",
        "inverter_limit_kw",
        "loss_percent",
        "solcast_resource_id",
        "enabled",
    )
    list_select_related = ("device",)
    list_filter = ("enabled",)
    search_fields = ("device__code", "device__name", "solcast_resource_id")
    inlines = (PvArrayInline,)

    @display(description=_("code"), ordering="device__code")
    def device_code(self, plant: PvPlant) -> str:
        return plant.device.code
