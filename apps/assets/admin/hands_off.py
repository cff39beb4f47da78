"""The hands-off switch in the back office: a page of its own, with a reason, and its record.

A ModelAdmin of devices or sites gets it with `HandsOffMixin` as a base, `"hands_off_detail"` in
`actions_detail` and `"hands_off_label"` in `list_display`.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.assets.choices import SETPOINT_ACTIVE
from apps.assets.models import Device, HandsOffChange, Setpoint, Site
from apps.assets.services import hands_off_set
from apps.assets.services.hands_off import LONGEST_REASON
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError

CHANGES_SHOWN = 10
REFUSALS = {
    "hands_off.reason_missing": _("Please give a reason."),
    "hands_off.target_unknown": _("It is not there any more."),
}


class HandsOffForm(forms.Form):
    """Why, and which way the page said the switch would go: a stale page switches nothing back."""

    is_on = forms.TypedChoiceField(
        choices=[("on", "on"), ("off", "off")],
        coerce=lambda word: word == "on",
        widget=forms.HiddenInput,
    )
    reason = forms.CharField(
        label=_("reason"), max_length=LONGEST_REASON, widget=UnfoldAdminTextInputWidget
    )


class HandsOffMixin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The switch of a device or a site, for who may change it."""

    def get_urls(self) -> list[URLPattern]:
        page = path(
            "<int:object_id>/hands-off/",
            self.admin_site.admin_view(self.hands_off_view),
            name=f"assets_{self.opts.model_name}_hands_off",
        )
        return [page, *super().get_urls()]

    @action(description=_("Hands off"), icon="pan_tool", url_path="to-hands-off")
    def hands_off_detail(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return HttpResponseRedirect(
            reverse(f"admin:assets_{self.opts.model_name}_hands_off", args=[object_id])
        )

    @display(
        description=_("hands off"),
        ordering="hands_off",
        label=Badges({"on": "danger", "site": "danger", "off": "success"}),
    )
    def hands_off_label(self, target: Device | Site) -> tuple[str, Any]:
        if target.hands_off:
            return "on", _("Hands off")
        if isinstance(target, Device) and target.site.hands_off:
            return "site", _("Hands off (site)")
        return "off", _("No")

    def hands_off_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The state, what the switch would do, and its record; a POST switches."""
        target = self.model._default_manager.filter(pk=object_id).first()
        if target is None:
            raise Http404
        if not self.has_view_permission(request, target):
            raise PermissionDenied
        form = HandsOffForm(initial={"is_on": "off" if target.hands_off else "on"})
        if request.method == "POST":
            if not self.has_change_permission(request, target):
                raise PermissionDenied
            form = HandsOffForm(request.POST)
            if form.is_valid() and self._switch(request, target, form):
                return HttpResponseRedirect(request.path)
        return TemplateResponse(
            request,
            "admin/assets/hands_off.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Hands off: %(target)s") % {"target": target},
                "opts": self.opts,
                "target": target,
                "is_site": isinstance(target, Site),
                "is_on_by_site": isinstance(target, Device) and target.site.hands_off,
                "back_url": reverse(
                    f"admin:assets_{self.opts.model_name}_change", args=[target.pk]
                ),
                "form": form,
                "may_change": self.has_change_permission(request, target),
                "setpoint_count": Setpoint.objects.filter(
                    status__in=SETPOINT_ACTIVE, **_of(target)
                ).count(),
                "changes": target.hands_off_changes.select_related("changed_by")[:CHANGES_SHOWN],
            },
        )

    def _switch(self, request: HttpRequest, target: Device | Site, form: HandsOffForm) -> bool:
        is_on = form.cleaned_data["is_on"]
        try:
            change = hands_off_set(
                device=target if isinstance(target, Device) else None,
                site=target if isinstance(target, Site) else None,
                is_on=is_on,
                reason=form.cleaned_data["reason"],
                changed_by=request.user,  # type: ignore[arg-type]
            )
        except DomainError as error:
            form.add_error(
                "reason" if error.field == "reason" else None,
                REFUSALS.get(error.code, error.message),
            )
            return False
        if change is None:
            messages.info(request, _("It was switched so already."))
            return True
        words = (
            _("Hands off is on: nothing is written any more.")
            if is_on
            else _("Hands off is off: set-points are taken again.")
        )
        messages.success(request, words)
        self.log_change(request, target, f"hands off {'on' if is_on else 'off'}: {change.reason}")
        return True


def _of(target: Device | Site) -> dict[str, Device | Site]:
    return {"device": target} if isinstance(target, Device) else {"device__site": target}


@admin.register(HandsOffChange)
class HandsOffChangeAdmin(ModelAdmin):
    """The record of the switch: nothing is added, changed or deleted by hand."""

    list_display = ("changed_at", "state_label", "device", "site", "changed_by", "reason")
    list_filter = ("is_on",)
    list_select_related = ("device", "site", "changed_by")
    search_fields = ("device__code", "device__name", "site__code", "site__name", "reason")
    date_hierarchy = "changed_at"

    @display(
        description=_("hands off"),
        ordering="is_on",
        label=Badges({"on": "danger", "off": "success"}),
    )
    def state_label(self, change: HandsOffChange) -> tuple[str, Any]:
        return ("on", _("Switched on")) if change.is_on else ("off", _("Switched off"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
