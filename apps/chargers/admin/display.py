"""Messages on displays, and what stations know of customers, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.chargers.admin.upkeep import STATUS_COLOURS
from apps.chargers.admin.words import refusal
from apps.chargers.choices import CustomerReference, DisplayStatus, TokenType
from apps.chargers.models import Command, CustomerInformation, DisplayMessage
from apps.chargers.services.customer_information import customer_ask, customer_text
from apps.chargers.services.display_messages import (
    display_message_clear,
    display_message_set,
    display_messages_ask,
)
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError

MESSAGE_FIELDS = (
    "station", "content", "priority", "format", "language", "state", "start_at", "end_at",
    "transaction_id",
)  # fmt: skip


class OrderForm(forms.ModelForm):  # type: ignore[type-arg]
    """A row that a service makes by asking a station."""

    asked_by_id: int | None = None

    def order(self) -> Any:
        """Call the service with `cleaned_data`; gives the row."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        """The service's refusals are errors of the form."""
        if self.errors:
            return
        try:
            with transaction.atomic():
                self.instance = self.order()
        except DomainError as err:
            self.add_error(err.field if err.field in self.fields else None, refusal(err))

    def save(self, commit: bool = True) -> Any:
        return self.instance

    def save_m2m(self) -> None:
        """There are no relations to many."""


class OrderedAdmin(ModelAdmin):
    """Adding a row asks a station; the rest follows its answers."""

    list_select_related = ("station", "requested_by")
    search_fields = ("station__station_id",)
    date_hierarchy = "requested_at"
    shown_fields: tuple[str, ...] = ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return tuple(self.form.base_fields) if obj is None else self.shown_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else self.shown_fields

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.asked_by_id = request.user.pk
        return form

    def has_add_permission(self, request: HttpRequest) -> bool:
        """It goes to a station, as every order."""
        return super().has_add_permission(request) and self.has_order_permission(request)

    def has_order_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chargers.add_command")

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has made the row."""


class DisplayMessageForm(OrderForm):
    """What to show, and when (O01, O02)."""

    class Meta:
        model = DisplayMessage
        fields = MESSAGE_FIELDS

    def order(self) -> DisplayMessage:
        given = {**self.cleaned_data, "station_id": self.cleaned_data["station"].station_id}
        del given["station"]
        return display_message_set(requested_by_id=self.asked_by_id, **given)


@admin.register(DisplayMessage)
class DisplayMessageAdmin(OrderedAdmin):
    """Adding one asks the station to show it."""

    form = DisplayMessageForm
    list_display = (
        "station", "message_id", "content", "priority", "status_label", "station_status",
        "start_at", "end_at", "source", "requested_by",
    )  # fmt: skip
    list_filter = ("status", "source", "priority")
    search_fields = ("station__station_id", "content")
    actions = ("clear", "ask")
    shown_fields = (
        *MESSAGE_FIELDS, "message_id", "source", "status", "station_status", "command",
        "requested_by", "requested_at", "ended_at",
    )  # fmt: skip

    @display(
        description=_("status"),
        ordering="status",
        label=Badges(
            {
                DisplayStatus.REQUESTED: "info",
                DisplayStatus.SHOWN: "success",
                DisplayStatus.REJECTED: "danger",
                DisplayStatus.FAILED: "danger",
                DisplayStatus.REMOVED: "warning",
            }
        ),
    )
    def status_label(self, message: DisplayMessage) -> tuple[str, str]:
        return message.status, message.get_status_display()

    @action(description=_("Show no more"), permissions=["order"])
    def clear(self, request: HttpRequest, queryset: QuerySet[DisplayMessage]) -> None:
        for pk in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                command = display_message_clear(
                    display_message_id=pk, requested_by_id=request.user.pk
                )
            except DomainError as err:
                messages.error(request, f"{pk}: {refusal(err)}")
            else:
                _say(request, command)

    @action(description=_("Ask their stations what they show"), permissions=["order"])
    def ask(self, request: HttpRequest, queryset: QuerySet[DisplayMessage]) -> None:
        stations = queryset.order_by("station__station_id").values_list("station__station_id")
        for (station_id,) in stations.distinct():
            try:
                command = display_messages_ask(
                    station_id=station_id, requested_by_id=request.user.pk
                )
            except DomainError as err:
                messages.error(request, f"{station_id}: {refusal(err)}")
            else:
                _say(request, command)


class CustomerForm(OrderForm):
    """Whose information, and whether to tell or to forget it (N09, N10)."""

    reference = forms.ChoiceField(
        label=_("Customer named by"),
        choices=[
            (one.value, one.label)
            for one in CustomerReference
            if one is not CustomerReference.CERTIFICATE
        ],
        widget=UnfoldAdminSelectWidget(),
    )
    customer = forms.CharField(
        label=_("Customer"), max_length=64, widget=UnfoldAdminTextInputWidget()
    )
    token_type = forms.ChoiceField(
        label=_("Token type"),
        choices=TokenType.choices,
        initial=TokenType.ISO14443,
        widget=UnfoldAdminSelectWidget(),
    )
    wants_report = forms.BooleanField(
        label=_("Tell what is known"), required=False, initial=True, widget=UnfoldBooleanWidget()
    )
    wants_clear = forms.BooleanField(
        label=_("Forget it"), required=False, widget=UnfoldBooleanWidget()
    )

    class Meta:
        model = CustomerInformation
        fields = ("station",)

    def order(self) -> CustomerInformation:
        given = self.cleaned_data
        return customer_ask(
            station_id=given["station"].station_id,
            reference=given["reference"],
            customer=given["customer"],
            token_type=given["token_type"],
            report=given["wants_report"],
            clear=given["wants_clear"],
            requested_by_id=self.asked_by_id,
        )


@admin.register(CustomerInformation)
class CustomerInformationAdmin(OrderedAdmin):
    """Personal: what a station told is shown to those who may ask for it."""

    form = CustomerForm
    list_display = (
        "requested_at", "station", "reference", "customer", "wants_report", "wants_clear",
        "status_label", "station_status", "requested_by",
    )  # fmt: skip
    list_filter = ("status", "wants_clear")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return (
                "station", "reference", "customer", "token_type", "wants_report", "wants_clear",
            )  # fmt: skip
        told = ("told",) if self.has_order_permission(request) else ()
        return (
            "station", "reference", "customer", "wants_report", "wants_clear", "status",
            "station_status", "generated_at", *told, "requested_by", "requested_at", "ended_at",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    @admin.display(description=_("told by the station"))
    def told(self, row: CustomerInformation) -> str:
        return customer_text(row) or "-"

    @display(description=_("status"), ordering="status", label=STATUS_COLOURS)
    def status_label(self, row: CustomerInformation) -> tuple[str, str]:
        return row.status, row.get_status_display()


def _say(request: HttpRequest, command: Command) -> None:
    if command.error:
        messages.error(request, f"{command.station}: {command.error}")
    else:
        messages.success(request, _("%(station)s is asked.") % {"station": command.station})
