"""Devices in the back office."""

from typing import Any

from django.contrib import admin
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.assets.admin.words import kilowatts
from apps.assets.choices import ConnectionState, Quantity
from apps.assets.models import Device
from apps.assets.services import device_save

# The columns of a device that polling fills; nobody edits them.
FOUND_BY_POLLING = (
    "connection_state",
    "last_seen_at",
    "last_error",
    "manufacturer",
    "model_name",
    "serial_number",
    "sunspec_models",
    "poll_shard",
)


@admin.register(Device)
class DeviceAdmin(ModelAdmin):
    list_display = (
        "name",
        "code",
        "kind",
        "commune",
        "connection_label",
        "power",
        "state_of_charge",
        "control_label",
        "last_seen_at",
    )
    list_filter = ("kind", "connection_state", "control_enabled", "site")
    list_select_related = ("site",)
    search_fields = ("name", "code", "commune", "serial_number")
    readonly_fields = FOUND_BY_POLLING
    fieldsets = (
        (None, {"fields": ("site", "code", "name", "kind", "commune", "latitude", "longitude")}),
        (
            _("Connection"),
            {
                "fields": (
                    "driver",
                    "host",
                    "port",
                    "unit_id",
                    "poll_period_s",
                    *FOUND_BY_POLLING,
                )
            },
        ),
        (
            _("Power and storage"),
            {
                "fields": (
                    "rated_power_kw",
                    "capacity_kwh",
                    "soc_min_percent",
                    "soc_max_percent",
                    "charging_efficiency",
                    "discharging_efficiency",
                    "control_enabled",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Device]:
        return (
            super()
            .get_queryset(request)
            .select_related("shard")
            .annotate(
                power_sensor=FilteredRelation(
                    "sensors", condition=Q(sensors__quantity=Quantity.POWER_KW)
                ),
                soc_sensor=FilteredRelation(
                    "sensors", condition=Q(sensors__quantity=Quantity.SOC_PERCENT)
                ),
                power_kw=F("power_sensor__latest__value"),
                soc_percent=F("soc_sensor__latest__value"),
            )
        )

    @display(
        description=_("connection"),
        ordering="connection_state",
        label={
            ConnectionState.OK: "success",
            ConnectionState.UNKNOWN: "info",
            ConnectionState.SILENT: "danger",
            ConnectionState.ERROR: "warning",
        },
    )
    def connection_label(self, device: Device) -> tuple[str, str]:
        return device.connection_state, device.get_connection_state_display()

    @display(description=_("control"), label={"on": "success", "off": "info"})
    def control_label(self, device: Device) -> tuple[str, Any]:
        return ("on", _("Controlled")) if device.control_enabled else ("off", _("Read only"))

    @display(description=_("power"), ordering="power_kw")
    def power(self, device: Any) -> str:
        return kilowatts(device.power_kw)

    @display(description=_("SoC"), ordering="soc_percent")
    def state_of_charge(self, device: Any) -> str:
        return "–" if device.soc_percent is None else f"{number_format(device.soc_percent, 0)} %"

    @display(description=_("poll shard"))
    def poll_shard(self, device: Device) -> str:
        return str(device.shard) if device.shard else "–"

    def save_model(self, request: HttpRequest, obj: Device, form: object, change: object) -> None:
        device_save(device=obj)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # Its readings and its set-points would lose their device.
        return False
