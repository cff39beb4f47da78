"""Stations, sessions, tokens, orders and the message log, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from apps.chargers.choices import (
    CommandStatus,
    ConnectionState,
    ConnectorStatus,
    SessionState,
    TokenStatus,
    TokenType,
)
from apps.chargers.models import (
    ChargingStation,
    Command,
    Connector,
    Evse,
    IdToken,
    RefusedConnection,
    Session,
    SessionEvent,
    StationMessage,
)
from apps.chargers.services import remote_start, remote_stop, station_password_set
from apps.chargers.services.passwords import MAX_LENGTH, MIN_LENGTH
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError

SEND_COMMAND = "chargers.add_command"


class ReadOnlyAdmin(ModelAdmin):
    """Rows that are written by stations and services, never by hand."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


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


@admin.register(IdToken)
class IdTokenAdmin(ModelAdmin):
    list_display = ("masked", "type", "status_label", "expires_at", "note", "created_at")
    list_filter = ("status", "type")
    search_fields = ("id_token", "note")

    @admin.display(description=_("token"), ordering="id_token")
    def masked(self, token: IdToken) -> str:
        return str(token)

    @display(
        description=_("status"),
        label=Badges(
            {
                TokenStatus.ACCEPTED: "success",
                TokenStatus.BLOCKED: "danger",
                TokenStatus.EXPIRED: "warning",
                TokenStatus.INVALID: "danger",
            }
        ),
    )
    def status_label(self, token: IdToken) -> tuple[str, str]:
        return token.status, token.get_status_display()


class SessionEventInline(TabularInline):
    model = SessionEvent
    extra = 0
    can_delete = False
    fields = readonly_fields = (
        "seq_no", "event_type", "trigger_reason", "at", "is_offline", "received_at",
    )  # fmt: skip


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = (
        "transaction_id", "station", "state_label", "started_at", "ended_at", "energy_shown",
        "power_kw", "soc_percent", "id_token_masked", "meter_went_backwards",
    )  # fmt: skip
    list_filter = ("state", "meter_went_backwards", "station")
    list_select_related = ("station",)
    search_fields = ("transaction_id", "station__station_id", "station__commune", "id_token")
    date_hierarchy = "started_at"
    exclude = ("id_token",)
    readonly_fields = ("id_token_masked", "has_all_events")
    inlines = (SessionEventInline,)
    actions = ("stop_remotely",)

    @display(
        description=_("state"),
        ordering="state",
        label=Badges({SessionState.ACTIVE: "success", SessionState.ENDED: "info"}),
    )
    def state_label(self, session: Session) -> tuple[str, str]:
        return session.state, session.get_state_display()

    @admin.display(description=_("energy (kWh)"), ordering="energy_kwh")
    def energy_shown(self, session: Session) -> str:
        return f"{session.energy_kwh:.3f}"

    def has_send_command_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SEND_COMMAND)

    @admin.action(description=_("Stop remotely"), permissions=["send_command"])
    def stop_remotely(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        sent = 0
        for session_id in queryset.values_list("pk", flat=True):
            try:
                remote_stop(session_id=session_id, requested_by_id=request.user.pk)
                sent += 1
            except DomainError as err:
                messages.warning(request, str(err))
        messages.info(
            request,
            ngettext("%(count)d stop was sent.", "%(count)d stops were sent.", sent)
            % {"count": sent},
        )


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    list_display = (
        "requested_at", "station", "action", "status_label", "error", "requested_by",
        "answered_at",
    )  # fmt: skip
    list_filter = ("status", "action")
    list_select_related = ("station", "requested_by")
    search_fields = ("station__station_id", "correlation_id")
    date_hierarchy = "requested_at"

    @display(
        description=_("status"),
        ordering="status",
        label=Badges(
            {
                CommandStatus.QUEUED: "info",
                CommandStatus.SENT: "info",
                CommandStatus.ACCEPTED: "success",
                CommandStatus.REJECTED: "warning",
                CommandStatus.TIMEOUT: "danger",
                CommandStatus.FAILED: "danger",
            }
        ),
    )
    def status_label(self, command: Command) -> tuple[str, str]:
        return command.status, command.get_status_display()


@admin.register(StationMessage)
class StationMessageAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "station", "direction", "action", "message_id", "error")
    list_filter = ("direction", ("error", admin.EmptyFieldListFilter), "action", "station")
    list_select_related = ("station",)
    search_fields = ("=station__station_id", "=message_id", "action", "error", "payload")
    # A count over millions of lines would be most of the page's time.
    show_full_result_count = False


@admin.register(RefusedConnection)
class RefusedConnectionAdmin(ReadOnlyAdmin):
    list_display = ("station_id", "status", "reason", "count", "at", "remote", "path")
    list_filter = ("reason",)
    search_fields = ("station_id", "remote")


def to_command(request: HttpRequest, command: Command) -> HttpResponse:
    """Show the order that was given: the dialog's htmx leaves for its page."""
    if command.error:
        messages.error(request, command.error)
    else:
        messages.success(request, _("The order was sent; its status shows the station's answer."))
    page = reverse("admin:chargers_command_change", args=[command.pk])
    return HttpResponse(headers={"HX-Redirect": page})


from apps.chargers import (  # noqa: E402 - they stand on the classes above
    admin_authorization,  # noqa: F401 - its models register themselves
    admin_operations,  # noqa: F401 - its models register themselves
)
