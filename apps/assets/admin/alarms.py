"""Alarms in the back office: seen, acknowledged with a note, never deleted."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.assets.choices import Severity
from apps.assets.models import Alarm, AlarmDigest
from apps.assets.selectors.alarms import alarm_row
from apps.assets.services.alarms import LONGEST_NOTE, alarm_acknowledge
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


class NoteActionForm(ActionForm):
    """The note that goes with an acknowledgement, beside the choice of the action."""

    note = forms.CharField(
        label=_("note"),
        required=False,
        max_length=LONGEST_NOTE,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": _("note")}),
    )


class StateFilter(admin.SimpleListFilter):
    """Open, waiting for somebody to look, or over."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("open", _("Open")),
            ("unacknowledged", _("Not acknowledged")),
            ("cleared", _("Cleared")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alarm]) -> QuerySet[Alarm]:
        match self.value():
            case "open":
                return queryset.filter(cleared_at=None)
            case "unacknowledged":
                return queryset.filter(acknowledged_at=None)
            case "cleared":
                return queryset.exclude(cleared_at=None)
        return queryset


@admin.register(Alarm)
class AlarmAdmin(ModelAdmin):
    """The record of alarms: nothing is added, changed or deleted by hand."""

    list_display = (
        "raised_at",
        "severity_label",
        "about",
        "what",
        "state_label",
        "cleared_at",
        "acknowledged_by",
        "note",
    )
    list_filter = ("severity", StateFilter, "kind", "device__site")
    list_select_related = ("device", "acknowledged_by")
    search_fields = ("device__code", "device__name", "source_name", "code", "note")
    date_hierarchy = "raised_at"
    actions = ("acknowledge",)
    action_form = NoteActionForm

    @display(
        description=_("severity"),
        ordering="severity",
        label=Badges(
            {
                str(Severity.INFORMATION): "info",
                str(Severity.WARNING): "warning",
                str(Severity.CRITICAL): "danger",
            }
        ),
    )
    def severity_label(self, alarm: Alarm) -> tuple[str, str]:
        return str(Severity(alarm.severity)), alarm.get_severity_display()

    @display(description=_("device"), ordering="device__code")
    def about(self, alarm: Alarm) -> str:
        return str(alarm.device or alarm.source_name)

    @display(description=_("alarm"), ordering="kind")
    def what(self, alarm: Alarm) -> str:
        row = alarm_row(alarm)
        return f"{row.title} – {row.detail}" if row.detail else row.title

    @display(
        description=_("state"),
        label=Badges({"open": "danger", "seen": "warning", "cleared": "success"}),
    )
    def state_label(self, alarm: Alarm) -> tuple[str, Any]:
        if alarm.cleared_at is not None:
            return "cleared", _("Cleared")
        return ("seen", _("Acknowledged")) if alarm.acknowledged_at else ("open", _("Open"))

    @action(description=_("Acknowledge"), permissions=["change"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Alarm]) -> None:
        done = 0
        for alarm_id in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                alarm_acknowledge(
                    alarm_id=alarm_id,
                    by=request.user,  # type: ignore[arg-type]
                    now=utc_now(),
                    note=request.POST.get("note", ""),
                )
                done += 1
            except DomainError as error:
                if error.code != "alarm.acknowledged":
                    messages.error(request, error.message)
                    return
        messages.success(
            request,
            ngettext("%(count)d alarm acknowledged.", "%(count)d alarms acknowledged.", done)
            % {"count": done},
        )

    def get_fields(self, request: HttpRequest, obj: Alarm | None = None) -> Any:
        return tuple(field.name for field in Alarm._meta.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Alarm | None = None) -> Any:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # The right to acknowledge, in the list; a single alarm is only looked at.
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(AlarmDigest)
class AlarmDigestAdmin(ModelAdmin):
    list_display = (
        "user",
        "address",
        "least_severity",
        "every_minutes",
        "language",
        "state_label",
        "sent_until",
        "last_error",
    )
    list_filter = ("is_active", "least_severity")
    list_select_related = ("user",)
    search_fields = ("user__username", "user__email")
    fields = (
        "user",
        "least_severity",
        "every_minutes",
        "language",
        "is_active",
        "sent_until",
        "last_error",
    )
    readonly_fields = ("sent_until", "last_error")

    @display(description=_("e-mail address"))
    def address(self, digest: AlarmDigest) -> str:
        return digest.user.email or "–"

    @display(
        description=_("state"),
        label=Badges(
            {"active": "success", "off": "info", "failing": "danger", "no_server": "danger"}
        ),
    )
    def state_label(self, digest: AlarmDigest) -> tuple[str, Any]:
        if not digest.is_active:
            return "off", _("Off")
        if not settings.MAIL_CONFIGURED:
            return "no_server", _("No mail server is configured: nothing is sent")
        return ("failing", _("Fails")) if digest.last_error else ("active", _("Active"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if not settings.MAIL_CONFIGURED:
            messages.warning(
                request,
                _(
                    "No mail server is configured: nothing is sent. What happens until then "
                    "is in the first mail."
                ),
            )
        return super().changelist_view(request, extra_context)
