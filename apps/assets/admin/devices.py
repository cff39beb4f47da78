"""Devices in the back office."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.assets.admin.commissioning import CommissioningMixin, commission_url
from apps.assets.admin.commissioning_forms import driver_options, host_clean
from apps.assets.admin.commissioning_words import refusal
from apps.assets.admin.gateway_pages import ProbesMixin, TraceMixin, trace_url
from apps.assets.admin.hands_off import HandsOffMixin
from apps.assets.admin.words import kilowatts
from apps.assets.choices import ConnectionState, DeviceKind, DeviceStage, Quantity
from apps.assets.models import Device
from apps.assets.services.commissioning import control_check, device_add, device_edit
from apps.assets.services.commissioning_steps import UNRATED_KW
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError

# The columns of a device that polling fills; nobody edits them.
FOUND_BY_POLLING = (
    "connection_state",
    "last_seen_at",
    "last_error",
    "manufacturer",
    "model_name",
    "serial_number",
    "sunspec_models",
    "driver_version",
    "poll_shard",
)


class DeviceAddForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is known of a device before anybody asked it: where it is and where it answers."""

    code = forms.SlugField(
        label=_("code"),
        max_length=60,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Empty: made from the name."),
    )

    class Meta:
        model = Device
        fields = ("site", "name", "code", "host", "port", "unit_id", "transport")

    def clean_host(self) -> str:
        return host_clean(self.cleaned_data["host"])


class DeviceChangeForm(forms.ModelForm):  # type: ignore[type-arg]
    """All settings of a device; its model is one of those we know."""

    class Meta:
        model = Device
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "driver" in self.fields:
            self.fields["driver"] = forms.ChoiceField(
                label=_("device model"),
                choices=driver_options(self.instance.driver),
                widget=UnfoldAdminSelectWidget,
                help_text=_("With another model or address the device must be commissioned again."),
            )

    def clean_host(self) -> str:
        host: str = self.cleaned_data["host"]
        return host_clean(host) if "host" in self.changed_data else host

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("kind") == DeviceKind.BATTERY and not cleaned.get("capacity_kwh"):
            self.add_error("capacity_kwh", _("A battery needs a capacity."))
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        try:
            control_check(device=self.instance)
        except DomainError as error:
            self.add_error("control_enabled", refusal(error))


@admin.register(Device)
class DeviceAdmin(CommissioningMixin, TraceMixin, ProbesMixin, HandsOffMixin, ModelAdmin):
    form = DeviceChangeForm
    add_form = DeviceAddForm
    list_display = (
        "name",
        "code",
        "stage_label",
        "kind_label",
        "connection_label",
        "power",
        "state_of_charge",
        "control_label",
        "hands_off_label",
        "last_seen_at",
        "commission_link",
    )
    list_filter = ("stage", "kind", "connection_state", "control_enabled", "hands_off", "site")
    search_fields = ("name", "code", "commune", "serial_number", "host")
    readonly_fields = ("stage", *FOUND_BY_POLLING)
    actions = ("probe_selected",)
    actions_detail = ("commission_detail", "trace_detail", "hands_off_detail")
    add_fieldsets = ((None, {"fields": DeviceAddForm.Meta.fields}),)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "stage",
                    "site",
                    "code",
                    "name",
                    "kind",
                    "is_grid_meter",
                    "commune",
                    "latitude",
                    "longitude",
                )
            },
        ),
        (
            _("Connection"),
            {
                "fields": (
                    "driver",
                    "transport",
                    "host",
                    "port",
                    "unit_id",
                    "poll_period_s",
                    "timeout_s",
                    "inter_frame_delay_s",
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
                    "ramp_kw_per_s",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Device]:
        return (
            super()
            .get_queryset(request)
            .select_related("site", "shard")
            .annotate(
                power_sensor=_sensor(Quantity.POWER_KW),
                soc_sensor=_sensor(Quantity.SOC_PERCENT),
                power_kw=F("power_sensor__latest__value"),
                soc_percent=F("soc_sensor__latest__value"),
            )
        )

    @display(
        description=_("stage"),
        ordering="stage",
        label=Badges(
            {
                DeviceStage.NEW: "info",
                DeviceStage.IN_SERVICE: "success",
                DeviceStage.OUT_OF_SERVICE: "warning",
            }
        ),
    )
    def stage_label(self, device: Device) -> tuple[str, str]:
        return device.stage, device.get_stage_display()

    @display(description=_("kind"), ordering="kind")
    def kind_label(self, device: Device) -> str:
        # Until its model is chosen the kind is a placeholder.
        return device.get_kind_display() if device.rated_power_kw > UNRATED_KW else "–"

    @display(
        description=_("connection"),
        ordering="connection_state",
        label=Badges(
            {
                ConnectionState.OK: "success",
                ConnectionState.UNKNOWN: "info",
                ConnectionState.SILENT: "danger",
                ConnectionState.ERROR: "warning",
            }
        ),
    )
    def connection_label(self, device: Device) -> tuple[str, str]:
        return device.connection_state, device.get_connection_state_display()

    @display(description=_("control"), label=Badges({"on": "success", "off": "info"}))
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

    @display(description=_("commissioning"))
    def commission_link(self, device: Device) -> str:
        words = _("Commission") if device.stage != DeviceStage.IN_SERVICE else _("Look")
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
            commission_url(device),
            words,
        )

    @action(description=_("Commissioning"), icon="checklist", url_path="to-commission")
    def commission_detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return HttpResponseRedirect(commission_url(self.device_or_404(request, object_id)))

    @action(description=_("Raw trace"), icon="receipt_long", url_path="to-trace")
    def trace_detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return HttpResponseRedirect(trace_url(self.device_or_404(request, object_id)))

    def get_form(
        self, request: HttpRequest, obj: Device | None = None, change: bool = False, **kw: Any
    ) -> type[forms.ModelForm]:  # type: ignore[type-arg]
        if obj is None:
            kw["form"] = self.add_form
        return super().get_form(request, obj, change, **kw)  # type: ignore[no-any-return]

    def get_readonly_fields(self, request: HttpRequest, obj: Device | None = None) -> Any:
        return () if obj is None else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Device, form: object, change: object) -> None:
        if not change:
            device_add(device=obj)
        elif device_edit(device=obj):
            messages.warning(request, _("The device is new again: please commission it."))

    def response_add(self, request: HttpRequest, obj: Device, post_url_continue: Any = None) -> Any:
        """On to its commissioning."""
        if "_popup" in request.POST or "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        return HttpResponseRedirect(commission_url(obj))

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # Its readings and its set-points would lose their device.
        return False


def _sensor(quantity: Quantity) -> FilteredRelation:
    """The device's own sensor of a quantity, none of its parts'."""
    return FilteredRelation("sensors", condition=Q(sensors__quantity=quantity, sensors__channel=""))
