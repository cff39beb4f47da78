"""Stations, their EVSEs and connectors, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from apps.chargers.admin.base import SEND_COMMAND, ReadOnlyAdmin, to_command
from apps.chargers.choices import ConnectionState, ConnectorStatus, TokenType
from apps.chargers.models import ChargingStation, Connector, Evse, RefusedConnection
from apps.chargers.services import remote_start, station_password_set
from apps.chargers.services.passwords import MAX_LENGTH, MIN_LENGTH
from cariflex.common.badges import Badges


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


class RemoteStartForm(BaseDialogForm):
    """Who charges, and where."""

    id_token = forms.CharField(label=_("Token"), max_length=36, widget=UnfoldAdminTextInputWidget())
    token_type = forms.ChoiceField(
        label=_("Token type"),
        choices=TokenType.choices,
        initial=TokenType.CENTRAL,
        widget=UnfoldAdminSelectWidget(),
    )
    evse_id = forms.IntegerField(
        label=_("EVSE"), min_value=1, initial=1, widget=UnfoldAdminIntegerFieldWidget()
    )


class EvseInline(TabularInline):
    model = Evse
    extra = 0
    show_change_link = True


class ConnectorInline(TabularInline):
    model = Connector
    extra = 0
    readonly_fields = ("status", "status_at")


@admin.register(ChargingStation)
class ChargingStationAdmin(ModelAdmin):
    form = StationForm
    inlines = (EvseInline,)
    list_display = (
        "station_id", "name", "commune", "connection_label", "last_seen_at", "rated_power_kw",
        "vendor", "model", "firmware",
    )  # fmt: skip
    list_filter = ("connection_state", "registration_status", "vendor")
    search_fields = ("station_id", "name", "commune", "serial_number")
    readonly_fields = (
        "vendor", "model", "serial_number", "firmware", "connection_state", "connected_at",
        "disconnected_at", "booted_at", "last_seen_at",
    )  # fmt: skip
    actions_detail = ("start_remotely",)

    @display(
        description=_("connection"),
        ordering="connection_state",
        label=Badges({ConnectionState.ONLINE: "success", ConnectionState.OFFLINE: "danger"}),
    )
    def connection_label(self, station: ChargingStation) -> tuple[str, str]:
        return station.connection_state, station.get_connection_state_display()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("station_id", *self.readonly_fields) if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("new_password"):
            station_password_set(
                station_id=obj.station_id, password=form.cleaned_data["new_password"]
            )

    def has_send_command_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        # A method, not "app.permission": Unfold would look that up in the database at each check.
        return request.user.has_perm(SEND_COMMAND)

    @action(
        description=_("Start remotely…"),
        permissions=["send_command"],
        url_path="start-remotely",
        dialog={
            "title": _("Start remotely"),
            "description": _("The station is asked to start charging for this token."),
            "form_class": RemoteStartForm,
            "form_submit_text": _("Start"),
        },
    )
    def start_remotely(
        self, request: HttpRequest, form: RemoteStartForm, object_id: str
    ) -> HttpResponse:
        station = ChargingStation.objects.get(pk=object_id)
        command = remote_start(
            station_id=station.station_id,
            id_token=form.cleaned_data["id_token"],
            token_type=form.cleaned_data["token_type"],
            evse_id=form.cleaned_data["evse_id"],
            requested_by_id=request.user.pk,
        )
        return to_command(request, command)


@admin.register(Evse)
class EvseAdmin(ModelAdmin):
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
