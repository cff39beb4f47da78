"""Stations, their EVSEs and connectors, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.chargers.admin.base import ReadOnlyAdmin, SetFieldsAdmin
from apps.chargers.admin.expiry import EXPIRY_COLOURS, expiry_label
from apps.chargers.admin.imports import StationImportPage
from apps.chargers.admin.station_buttons import StationButtons
from apps.chargers.admin.words import REFUSALS
from apps.chargers.choices import ConnectionState, ConnectorStatus
from apps.chargers.models import ChargingStation, Connector, Evse, RefusedConnection
from apps.chargers.selectors.certificates import with_certificate_end
from apps.chargers.services import station_password_set
from apps.chargers.services.passwords import MAX_LENGTH, MIN_LENGTH
from apps.chargers.services.stations import station_id_is_valid
from cariflex.common.badges import Badges
from cariflex.common.time import utc_now


class StationForm(forms.ModelForm):  # type: ignore[type-arg]
    """A station; its password can be set here and is never shown."""

    new_password = forms.CharField(
        label=_("New password"),
        required=False,
        min_length=MIN_LENGTH,
        max_length=MAX_LENGTH,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("What the station presents when it connects. It is kept hashed."),
    )

    class Meta:
        model = ChargingStation
        fields = "__all__"

    def clean_station_id(self) -> str:
        station_id: str = self.cleaned_data["station_id"]
        if not station_id_is_valid(station_id):
            raise forms.ValidationError(REFUSALS["chargers.station_id_invalid"])
        return station_id

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        if not password.isprintable():
            raise forms.ValidationError(REFUSALS["chargers.password_unprintable"])
        return password


class EvseInline(TabularInline):
    model = Evse
    extra = 0
    show_change_link = True


class ConnectorInline(TabularInline):
    model = Connector
    extra = 0
    readonly_fields = ("status", "status_at")


@admin.register(ChargingStation)
class ChargingStationAdmin(StationImportPage, StationButtons, SetFieldsAdmin):
    form = StationForm
    inlines = (EvseInline,)
    list_display = (
        "station_id", "name", "commune", "connection_label", "certificate_label", "last_seen_at",
        "rated_power_kw", "vendor", "model", "firmware",
    )  # fmt: skip
    list_filter = ("connection_state", "registration_status", "vendor")
    search_fields = ("station_id", "name", "commune", "serial_number")
    readonly_fields = (
        "vendor", "model", "serial_number", "firmware", "connection_state", "connected_at",
        "disconnected_at", "booted_at", "last_seen_at",
    )  # fmt: skip
    actions_list = ("import_list",)

    @display(
        description=_("connection"),
        ordering="connection_state",
        label=Badges({ConnectionState.ONLINE: "success", ConnectionState.OFFLINE: "danger"}),
    )
    def connection_label(self, station: ChargingStation) -> tuple[str, str]:
        return station.connection_state, station.get_connection_state_display()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return self.readonly_fields
        # The registration has a button: the station must hear of it.
        return ("station_id", "registration_status", "certificate_label", *self.readonly_fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChargingStation]:
        return with_certificate_end(super().get_queryset(request))

    @display(description=_("certificate"), ordering="certificate_ends_at", label=EXPIRY_COLOURS)
    def certificate_label(self, station: ChargingStation) -> tuple[str, str]:
        return expiry_label(station.certificate_ends_at, now=utc_now())  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("new_password"):
            station_password_set(
                station_id=obj.station_id, password=form.cleaned_data["new_password"]
            )


@admin.register(Evse)
class EvseAdmin(SetFieldsAdmin):
    list_display = ("__str__", "statuses")
    list_select_related = ("station",)
    search_fields = ("station__station_id",)
    autocomplete_fields = ("station",)
    inlines = (ConnectorInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Evse]:
        queryset: QuerySet[Evse] = super().get_queryset(request)
        return queryset.prefetch_related("connectors")

    @admin.display(description=_("connectors"))
    def statuses(self, evse: Evse) -> str:
        return ", ".join(
            f"{c.connector_id}: {ConnectorStatus(c.status).label}" for c in evse.connectors.all()
        )


@admin.register(RefusedConnection)
class RefusedConnectionAdmin(ReadOnlyAdmin):
    list_display = ("station_id", "status", "reason", "count", "at", "remote", "path")
    list_filter = ("reason",)
    search_fields = ("station_id", "remote")
