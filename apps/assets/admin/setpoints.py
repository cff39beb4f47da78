"""Set-points in the back office: asked for here, kept for ever."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from apps.assets.admin.words import kilowatts
from apps.assets.choices import DeviceKind, DeviceStage, SetpointSource, SetpointStatus
from apps.assets.models import Device, Setpoint
from apps.assets.models.setpoints import DEFAULT_REVERSION_S
from apps.assets.services import setpoint_request
from apps.assets.services.setpoint_limits import EXPORT_LIMIT, IMPORT_LIMIT
from apps.assets.services.setpoint_refusals import LONGEST_REVERSION_S, SHORTEST_REVERSION_S
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

REFUSALS = {
    "setpoint.hands_off": _("Hands off: nothing is written to this device or its whole site."),
    "setpoint.not_in_service": _("This device is not in service."),
    "setpoint.not_controllable": _("This device only measures."),
    "setpoint.control_disabled": _("This device is read only: its control is switched off."),
    "setpoint.power_invalid": _("The power is not a number."),
    "setpoint.power_above_rated": _("The power is above the rated power of the device."),
    "setpoint.pv_must_not_consume": _("A PV plant takes a power of 0 or less (its limit)."),
    "setpoint.soc_at_maximum": _("The battery is full: it cannot charge now."),
    "setpoint.soc_at_minimum": _("The battery is empty: it cannot discharge now."),
    "setpoint.expired": _("The end is in the past."),
    "setpoint.too_long": _("A set-point lasts at most 24 hours."),
    "setpoint.reason_missing": _("Please give a reason."),
    "setpoint.outranked": _("A set-point of a higher source is still in force."),
    "setpoint.reversion_invalid": _("The reversion time is 10 to 3600 s."),
    "setpoint.device_unknown": _("There is no such device."),
}
LIMITS = {
    IMPORT_LIMIT: _("import limit of the grid connection"),
    EXPORT_LIMIT: _("export limit of the grid connection"),
}
# One set-point's story, in the order in which it happens.
AUDITED = (
    "device",
    "source",
    "requested_by",
    "reason",
    "requested_at",
    "expires_at",
    "before_kw",
    "asked",
    "granted",
    "limited_by",
    "ramp_from_kw",
    "reversion_s",
    "status",
    "applied_kw",
    "readback_kw",
    "written_at",
    "refreshed_at",
    "ended_at",
    "error_code",
    "error",
)


class SetpointRequestForm(forms.ModelForm):  # type: ignore[type-arg]
    """Asks the service for a set-point; what it refuses is shown at the field it is about."""

    power_kw = forms.FloatField(
        label=_("power (kW)"),
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Battery: charging positive, discharging negative. PV: its limit, 0 or less."),
    )
    reason = forms.CharField(label=_("reason"), max_length=200, widget=UnfoldAdminTextInputWidget)
    minutes = forms.IntegerField(
        label=_("duration (minutes)"),
        min_value=1,
        max_value=24 * 60,
        initial=15,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reversion_s = forms.IntegerField(
        label=_("reversion (s)"),
        min_value=SHORTEST_REVERSION_S,
        max_value=LONGEST_REVERSION_S,
        initial=DEFAULT_REVERSION_S,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("A device that hears nothing from us lets go by itself after this time."),
    )
    user: Any = None

    class Meta:
        model = Setpoint
        fields = ("device", "power_kw", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["device"] = forms.ModelChoiceField(
            queryset=Device.objects.filter(
                control_enabled=True, stage=DeviceStage.IN_SERVICE
            ).exclude(kind=DeviceKind.METER),
            label=_("device"),
            widget=UnfoldAdminSelectWidget,
        )

    def _post_clean(self) -> None:
        """In place of the model's own checks: the service knows them all."""
        if self.errors:
            return
        try:
            self.instance = setpoint_request(
                device_id=self.cleaned_data["device"].pk,
                power_kw=self.cleaned_data["power_kw"],
                source=SetpointSource.OPERATOR,
                reason=self.cleaned_data["reason"],
                expires_at=utc_now() + timedelta(minutes=self.cleaned_data["minutes"]),
                requested_by=self.user,
                reversion_s=self.cleaned_data["reversion_s"] or DEFAULT_REVERSION_S,
            )
        except DomainError as error:
            field = error.field if error.field in self.fields else None
            self.add_error(field, REFUSALS.get(error.code, error.message))

    def save(self, commit: bool = True) -> Setpoint:  # noqa: FBT001, FBT002 - Django's signature
        self.save_m2m = lambda: None
        return self.instance


@admin.register(Setpoint)
class SetpointAdmin(ModelAdmin):
    """The audit of set-points: nothing is changed or deleted; adding one asks for it."""

    list_display = (
        "requested_at",
        "device",
        "source",
        "before",
        "asked",
        "granted",
        "status_label",
        "read_back",
        "requested_by",
        "reason",
        "age",
    )
    list_filter = ("status", "source", "limited_by")
    list_select_related = ("device", "requested_by")
    search_fields = ("device__code", "device__name", "reason", "error")
    date_hierarchy = "requested_at"
    add_form = SetpointRequestForm

    @display(
        description=_("status"),
        ordering="status",
        label=Badges(
            {
                SetpointStatus.REQUESTED: "info",
                SetpointStatus.APPLIED: "success",
                SetpointStatus.REFUSED: "danger",
                SetpointStatus.FAILED: "danger",
                SetpointStatus.REVERTED: "warning",
            }
        ),
    )
    def status_label(self, setpoint: Setpoint) -> tuple[str, str]:
        return setpoint.status, setpoint.get_status_display()

    @display(description=_("before"), ordering="before_kw")
    def before(self, setpoint: Setpoint) -> str:
        return kilowatts(setpoint.before_kw)

    @display(description=_("asked"))
    def asked(self, setpoint: Setpoint) -> str:
        return kilowatts(setpoint.power_kw if setpoint.asked_kw is None else setpoint.asked_kw)

    @display(description=_("granted"), ordering="power_kw")
    def granted(self, setpoint: Setpoint) -> str:
        if setpoint.status == SetpointStatus.REFUSED and setpoint.written_at is None:
            return "–"
        if setpoint.limited_by:
            limit = LIMITS.get(setpoint.limited_by, setpoint.limited_by)
            return f"{kilowatts(setpoint.power_kw)} ({limit})"
        return kilowatts(setpoint.power_kw)

    @display(description=_("read back"), ordering="readback_kw")
    def read_back(self, setpoint: Setpoint) -> str:
        return kilowatts(setpoint.readback_kw)

    @display(description=_("age"))
    def age(self, setpoint: Setpoint) -> str:
        return timesince(setpoint.requested_at)

    def get_form(
        self, request: HttpRequest, obj: Setpoint | None = None, change: bool = False, **kw: Any
    ) -> type[forms.ModelForm]:  # type: ignore[type-arg]
        if obj is None:
            return type("SetpointAddForm", (self.add_form,), {"user": request.user})
        return super().get_form(request, obj, change, **kw)  # type: ignore[no-any-return]

    def get_fields(self, request: HttpRequest, obj: Setpoint | None = None) -> Any:
        if obj is None:
            return ("device", "power_kw", "reason", "minutes", "reversion_s")
        return AUDITED

    def get_readonly_fields(self, request: HttpRequest, obj: Setpoint | None = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: object, form: object, change: object) -> None:
        """The form's service stored it already; here it says what became of it."""
        if isinstance(obj, Setpoint) and obj.limited_by:
            messages.warning(
                request,
                _("Cut from %(asked)s to %(granted)s: %(limit)s.")
                % {
                    "asked": kilowatts(obj.asked_kw),
                    "granted": kilowatts(obj.power_kw),
                    "limit": LIMITS.get(obj.limited_by, obj.limited_by),
                },
            )

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
