"""What was before: states of connectors, connections, and what stations told of themselves."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.chargers.admin.base import ReadOnlyAdmin
from apps.chargers.choices import ConnectorStatus
from apps.chargers.models import (
    ConnectionChange,
    ConnectorStatusChange,
    DeviceVariable,
    ReportRun,
)
from cariflex.common.badges import Badges

_STATUS_COLOURS = Badges(
    {
        ConnectorStatus.AVAILABLE: "success",
        ConnectorStatus.OCCUPIED: "info",
        ConnectorStatus.RESERVED: "info",
        ConnectorStatus.UNAVAILABLE: "warning",
        ConnectorStatus.FAULTED: "danger",
    }
)


@admin.register(ConnectorStatusChange)
class ConnectorStatusChangeAdmin(ReadOnlyAdmin):
    list_display = ("at", "station", "evse", "number", "status_label", "error_code")
    list_filter = ("status", ("error_code", admin.EmptyFieldListFilter))
    list_select_related = ("connector__evse__station",)
    search_fields = ("=connector__evse__station__station_id", "error_code")
    date_hierarchy = "at"
    show_full_result_count = False

    @admin.display(description=_("station"))
    def station(self, change: ConnectorStatusChange) -> str:
        return change.connector.evse.station.station_id

    @admin.display(description=_("EVSE"))
    def evse(self, change: ConnectorStatusChange) -> int:
        return change.connector.evse.evse_id

    @admin.display(description=_("connector"))
    def number(self, change: ConnectorStatusChange) -> int:
        return change.connector.connector_id

    @display(description=_("status"), ordering="status", label=_STATUS_COLOURS)
    def status_label(self, change: ConnectorStatusChange) -> tuple[str, str]:
        return change.status, change.get_status_display()


@admin.register(ConnectionChange)
class ConnectionChangeAdmin(ReadOnlyAdmin):
    list_display = ("at", "station", "is_online")
    list_filter = ("is_online", "station")
    list_select_related = ("station",)
    search_fields = ("=station__station_id",)
    date_hierarchy = "at"
    show_full_result_count = False


@admin.register(DeviceVariable)
class DeviceVariableAdmin(ReadOnlyAdmin):
    list_display = (
        "station", "component", "evse_number", "variable", "attribute", "value", "unit",
        "mutability", "reported_at",
    )  # fmt: skip
    list_filter = ("attribute", "mutability", "component")
    list_select_related = ("station",)
    search_fields = ("=station__station_id", "component", "variable", "value")
    show_full_result_count = False


@admin.register(ReportRun)
class ReportRunAdmin(ReadOnlyAdmin):
    list_display = (
        "requested_at", "station", "kind", "parts_count", "last_part", "completed_at",
    )  # fmt: skip
    list_filter = ("kind", ("completed_at", admin.EmptyFieldListFilter))
    list_select_related = ("station",)
    search_fields = ("=station__station_id",)
    date_hierarchy = "requested_at"
