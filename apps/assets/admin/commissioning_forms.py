"""What a technician types while commissioning."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.assets.admin.commissioning_words import model_words, refusal, tried_words
from apps.assets.choices import DeviceKind, Transport
from apps.assets.drivers.registry import driver_choices
from apps.assets.models import Device
from apps.assets.services.commissioning_steps import (
    LONGEST_TEST_REVERSION_S,
    TEST_REVERSION_S,
    UNRATED_KW,
    proposed_test_kw,
)
from apps.assets.services.networks import device_address_check
from cariflex.common.errors import DomainError


def host_clean(host: str) -> str:
    """The host when a device may have it; ValidationError says why not."""
    try:
        device_address_check(host)
    except DomainError as error:
        raise ValidationError(refusal(error), code=error.code) from error
    return host


def driver_options(current: str = "") -> list[tuple[str, str]]:
    """The device models to choose from; one that is no longer known stays."""
    options = [
        (choice.name, f"{model_words(choice)} – {tried_words(choice.tried_on)}")
        for choice in driver_choices()
    ]
    if current and current not in dict(options):
        options.append((current, current))
    return options


class AddressForm(forms.Form):
    """Where the device answers."""

    host = forms.CharField(label=_("host"), max_length=253, widget=UnfoldAdminTextInputWidget)
    port = forms.IntegerField(
        label=_("port"), min_value=1, max_value=65535, widget=UnfoldAdminIntegerFieldWidget
    )
    unit_id = forms.IntegerField(
        label=_("unit id"), min_value=0, max_value=255, widget=UnfoldAdminIntegerFieldWidget
    )
    transport = forms.ChoiceField(
        label=_("transport"), choices=Transport.choices, widget=UnfoldAdminSelectWidget
    )

    def clean_host(self) -> str:
        return host_clean(self.cleaned_data["host"])

    @classmethod
    def of(cls, device: Device) -> "AddressForm":
        return cls(initial={name: getattr(device, name) for name in cls.base_fields})


class ModelForm(forms.Form):
    """What the device is, and how large."""

    driver = forms.ChoiceField(label=_("device model"), widget=UnfoldAdminSelectWidget)
    kind = forms.ChoiceField(
        label=_("kind"), choices=DeviceKind.choices, widget=UnfoldAdminSelectWidget
    )
    rated_power_kw = forms.FloatField(
        label=_("rated power (kW)"),
        min_value=UNRATED_KW * 10,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any", "inputmode": "decimal"}),
    )
    capacity_kwh = forms.FloatField(
        label=_("capacity (kWh)"),
        min_value=UNRATED_KW,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any", "inputmode": "decimal"}),
        help_text=_("Of a battery."),
    )
    control_enabled = forms.BooleanField(
        label=_("Cariflex may control it"),
        required=False,
        widget=UnfoldBooleanWidget,
        help_text=_("Off: the device is read only, nothing is ever written to it."),
    )

    def __init__(
        self,
        *args: Any,
        device: Device,
        found: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        found = found or {}
        kwargs.setdefault("initial", _proposed(device, found))
        super().__init__(*args, **kwargs)
        self.fields["driver"].choices = driver_options(device.driver)  # type: ignore[attr-defined]
        if found:
            self.fields["driver"].widget = forms.HiddenInput()
            kinds = found.get("kinds") or list(DeviceKind.values)
            self.fields["kind"].choices = [  # type: ignore[attr-defined]
                (kind.value, kind.label) for kind in DeviceKind if kind.value in kinds
            ]
            if not found.get("can_control"):
                del self.fields["control_enabled"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("kind") == DeviceKind.BATTERY and not cleaned.get("capacity_kwh"):
            self.add_error("capacity_kwh", _("A battery needs a capacity."))
        return cleaned


def _proposed(device: Device, found: dict[str, Any]) -> dict[str, Any]:
    """What is known of the device already, else what the model says."""
    is_rated = device.rated_power_kw > UNRATED_KW
    kinds = found.get("kinds") or []
    return {
        "driver": found.get("driver", device.driver),
        "kind": device.kind if (is_rated and device.kind in (kinds or [device.kind])) else
        next(iter(kinds), device.kind),
        "rated_power_kw": device.rated_power_kw if is_rated else found.get("rated_power_kw"),
        "capacity_kwh": device.capacity_kwh or found.get("capacity_kwh"),
        "control_enabled": device.control_enabled,
    }  # fmt: skip


class TestForm(forms.Form):
    """How much to try, and when the device lets go by itself."""

    power_kw = forms.FloatField(
        label=_("power (kW)"),
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
        help_text=_("Battery: charging positive, discharging negative. PV: its limit, 0 or less."),
    )
    reversion_s = forms.IntegerField(
        label=_("ends by itself after (s)"),
        min_value=5,
        max_value=LONGEST_TEST_REVERSION_S,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    @classmethod
    def of(cls, device: Device) -> "TestForm":
        return cls(initial={"power_kw": proposed_test_kw(device), "reversion_s": TEST_REVERSION_S})
