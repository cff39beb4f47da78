"""The pages on which a technician brings a device into service, in front of the inverter.

`…/device/<id>/commission/` shows the steps and takes every button as a POST with its `action`.
The page is whole without scripts: a noscript refresh follows a job. With `commissioning.js` the
same parts come as JSON from `…/commission/state/` and replace those that changed.
"""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from apps.assets.admin.commissioning_forms import AddressForm, ModelForm, TestForm
from apps.assets.admin.commissioning_parts import PARTS, PartValues, part_values
from apps.assets.admin.commissioning_words import refusal
from apps.assets.choices import JobKind
from apps.assets.models import Device
from apps.assets.selectors.commissioning import device_jobs
from apps.assets.services.commissioning import (
    device_address_change,
    device_commission,
    device_withdraw,
    job_ask,
    model_choose,
)
from cariflex.common.errors import DomainError

TEST_WRITE = "assets.add_setpoint"
"""Who may ask for set-points may try one."""

Forms = dict[str, Any]


class CommissioningMixin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The commissioning pages of DeviceAdmin."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        urls: list[URLPattern] = super().get_urls()
        return [
            path(
                "<int:device_id>/commission/",
                view(self.commission_view),
                name="assets_device_commission",
            ),
            path(
                "<int:device_id>/commission/state/",
                view(self.commission_state_view),
                name="assets_device_commission_state",
            ),
            *urls,
        ]

    def commission_view(self, request: HttpRequest, device_id: int) -> HttpResponse:
        """The page; a POST does what its button says and comes back to it."""
        device = self.device_or_404(request, device_id)
        if request.method != "POST":
            return self._page(request, device, {})
        action = self._actions().get(request.POST.get("action", ""))
        if action is None:
            raise Http404
        if not self.has_change_permission(request, device):
            raise PermissionDenied
        try:
            forms = action(request, device)
        except DomainError as error:
            return self._refused(request, device, refusal(error))
        except ValidationError as error:
            return self._refused(request, device, " ".join(error.messages))
        if _wants_json(request):
            return self._state(request, self.device_or_404(request, device_id), _errors(forms))
        if forms:
            return self._page(request, self.device_or_404(request, device_id), forms)
        return HttpResponseRedirect(commission_url(device))

    def commission_state_view(self, request: HttpRequest, device_id: int) -> JsonResponse:
        """The parts of the page as HTML, each with a key that changes when it does."""
        return self._state(request, self.device_or_404(request, device_id))

    def device_or_404(self, request: HttpRequest, device_id: int) -> Device:
        """The device of this operator, for a user who may see it."""
        device = Device.objects.select_related("site", "shard").filter(pk=device_id).first()
        if device is None:
            raise Http404
        if not self.has_view_permission(request, device):
            raise PermissionDenied
        return device

    def _actions(self) -> dict[str, Callable[[HttpRequest, Device], Forms | None]]:
        return {
            "address": self._address,
            "probe": self._probe,
            "choose": self._choose,
            "read": self._read,
            "test": self._test,
            "in_service": self._in_service,
            "read_only": self._read_only,
            "withdraw": self._withdraw,
        }

    def _address(self, request: HttpRequest, device: Device) -> Forms | None:
        form = AddressForm(request.POST)
        if not form.is_valid():
            return {"address": form}
        is_new_again = device_address_change(device_id=device.pk, **form.cleaned_data)
        self.log_change(request, device, _("Address changed."))
        if is_new_again:
            messages.warning(request, _("The device is new again: please commission it."))
        return None

    def _probe(self, request: HttpRequest, device: Device) -> None:
        job_ask(device_id=device.pk, kind=JobKind.PROBE, requested_by=_user(request))

    def _choose(self, request: HttpRequest, device: Device) -> Forms | None:
        values = part_values(request, device, device_jobs(device))
        posted = request.POST.get("driver", "")
        found = next((entry for entry in values.found if entry["driver"] == posted), None)
        form = ModelForm(request.POST, device=device, found=found)
        if not form.is_valid():
            return {"model": form, "driver": posted}
        chosen = form.cleaned_data
        model_choose(
            device_id=device.pk,
            driver=chosen["driver"],
            kind=chosen["kind"],
            rated_power_kw=chosen["rated_power_kw"],
            capacity_kwh=chosen["capacity_kwh"],
            control_enabled=chosen.get("control_enabled", False),
        )
        self.log_change(request, device, _("Model chosen: %(driver)s.") % chosen)
        return None

    def _read(self, request: HttpRequest, device: Device) -> None:
        job_ask(device_id=device.pk, kind=JobKind.READ, requested_by=_user(request))

    def _test(self, request: HttpRequest, device: Device) -> Forms | None:
        if not request.user.has_perm(TEST_WRITE):
            raise PermissionDenied
        form = TestForm(request.POST)
        if not form.is_valid():
            return {"test": form}
        job_ask(
            device_id=device.pk,
            kind=JobKind.TEST_WRITE,
            requested_by=_user(request),
            parameters=form.cleaned_data,
        )
        self.log_change(
            request,
            device,
            _("Test write of %(power_kw)s kW for %(reversion_s)s s.") % form.cleaned_data,
        )
        return None

    def _in_service(self, request: HttpRequest, device: Device) -> None:
        stored = device_commission(device_id=device.pk, commissioned_by=_user(request))
        done = _("Put in service, controlled.") if stored.control_enabled else _read_only_words()
        self._stage_changed(request, device, done)

    def _read_only(self, request: HttpRequest, device: Device) -> None:
        device_commission(device_id=device.pk, commissioned_by=_user(request), is_read_only=True)
        self._stage_changed(request, device, _read_only_words())

    def _withdraw(self, request: HttpRequest, device: Device) -> None:
        device_withdraw(device_id=device.pk, withdrawn_by=_user(request))
        self._stage_changed(request, device, _("Taken out of service."))

    def _stage_changed(self, request: HttpRequest, device: Device, words: str) -> None:
        self.log_change(request, device, words)
        messages.success(request, words)

    def _refused(self, request: HttpRequest, device: Device, words: str) -> HttpResponse:
        if _wants_json(request):
            return self._state(request, device, words)
        messages.error(request, words)
        return HttpResponseRedirect(commission_url(device))

    def _state(self, request: HttpRequest, device: Device, error: str = "") -> JsonResponse:
        values = part_values(request, device, device_jobs(device))
        context = {**values.context, **self._forms(device, values, {})}
        known = _known_parts(request)
        return JsonResponse(
            {
                "parts": {
                    name: {
                        "key": values.keys[name],
                        "html": render_to_string(template, context, request),
                    }
                    for name, template in PARTS.items()
                    if known.get(name) != values.keys[name]
                },
                "pending": values.is_pending,
                "live": values.is_live,
                "error": error,
            }
        )

    def _page(self, request: HttpRequest, device: Device, bound: Forms) -> TemplateResponse:
        values = part_values(request, device, device_jobs(device))
        return TemplateResponse(
            request,
            "admin/assets/commission.html",
            {
                **self.admin_site.each_context(request),
                **values.context,
                "title": _("Commissioning of %(device)s") % {"device": device.name},
                "opts": self.opts,
                "parts": [
                    {"name": name, "template": template, "key": values.keys[name]}
                    for name, template in PARTS.items()
                ],
                **self._forms(device, values, bound),
                "is_pending": values.is_pending,
                "is_live": values.is_live,
                "state_url": reverse("admin:assets_device_commission_state", args=[device.pk]),
            },
        )

    def _forms(self, device: Device, values: PartValues, bound: Forms) -> dict[str, Any]:
        """Every form of the page: the bound one with its errors, the others fresh."""
        choices = []
        for entry, shown in zip(values.found, values.context["found"], strict=True):
            is_bound = bound.get("driver") == entry["driver"]
            form = bound["model"] if is_bound else ModelForm(device=device, found=entry)
            choices.append({"entry": shown, "form": form})
        is_by_hand = "model" in bound and bound["driver"] not in {
            entry["driver"] for entry in values.found
        }
        return {
            "choices": choices,
            "address_form": bound.get("address") or AddressForm.of(device),
            "by_hand_form": bound["model"] if is_by_hand else ModelForm(device=device),
            "is_by_hand": is_by_hand,
            "is_found_bound": "model" in bound and not is_by_hand,
            "test_form": bound.get("test") or TestForm.of(device),
        }


def _read_only_words() -> str:
    return _("Put in service, read only.")


def commission_url(device: Device) -> str:
    """The commissioning page of a device."""
    return reverse("admin:assets_device_commission", args=[device.pk])


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "application/json"


def _known_parts(request: HttpRequest) -> dict[str, str]:
    """The parts that the browser has, with their keys: those need not be sent again."""
    try:
        known = json.loads(request.headers.get("X-Known-Parts", "{}"))
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def _errors(forms: Forms | None) -> str:
    """What is wrong in the forms that were sent, in one sentence after the other."""
    bound = [form for form in (forms or {}).values() if hasattr(form, "errors")]
    return " ".join(
        f"{form.fields[name].label}: {error}" if name in form.fields else error
        for form in bound
        for name, errors in form.errors.items()
        for error in errors
    )


def _user(request: HttpRequest) -> Any:
    return request.user
