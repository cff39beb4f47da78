"""Sessions, in the operator's admin."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import TabularInline
from unfold.decorators import action, display

from apps.chargers.admin.base import SEND_COMMAND, ReadOnlyAdmin
from apps.chargers.admin.words import refusal
from apps.chargers.choices import SessionState
from apps.chargers.models import Session, SessionEvent, SignedMeterValue
from apps.chargers.ocpp.plausibility import CLOCK_WAS_OFF, ENERGY_JUMPED, METER_WENT_BACKWARDS
from apps.chargers.services import remote_stop, session_check
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

DOUBTS = {
    METER_WENT_BACKWARDS: _("the meter went backwards"),
    ENERGY_JUMPED: _("more energy than the station can give"),
    CLOCK_WAS_OFF: _("the station's clock was wrong"),
}


class SessionEventInline(TabularInline):
    model = SessionEvent
    extra = 0
    can_delete = False
    fields = readonly_fields = (
        "seq_no", "event_type", "trigger_reason", "at", "is_offline", "received_at",
    )  # fmt: skip


class SignedValueInline(TabularInline):
    model = SignedMeterValue
    extra = 0
    can_delete = False
    fields = readonly_fields = (
        "seq_no", "at", "context", "encoding_method", "signing_method", "public_key", "signed_data",
    )  # fmt: skip


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = (
        "transaction_id", "station", "state_label", "started_at", "ended_at", "energy_shown",
        "power_kw", "soc_percent", "id_token_masked", "doubts_shown", "checked_at",
    )  # fmt: skip
    list_filter = (
        "state", "meter_went_backwards", ("checked_at", admin.EmptyFieldListFilter), "station",
    )  # fmt: skip
    list_select_related = ("station",)
    search_fields = ("transaction_id", "station__station_id", "station__commune", "id_token")
    date_hierarchy = "started_at"
    exclude = ("id_token",)
    readonly_fields = ("id_token_masked", "has_all_events", "doubts_shown")
    inlines = (SessionEventInline, SignedValueInline)
    actions = ("stop_remotely", "bill_as_is")

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

    @admin.display(description=_("doubts"))
    def doubts_shown(self, session: Session) -> str:
        return ", ".join(str(DOUBTS[doubt]) for doubt in session.doubts) or "-"

    def has_bill_as_is_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chargers.change_session")

    @action(description=_("Bill as they stand (checked)"), permissions=["bill_as_is"])
    def bill_as_is(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        checked = 0
        for session in queryset.order_by("pk"):
            try:
                session_check(session_id=session.pk, now=utc_now())
                checked += 1
            except DomainError as err:
                messages.warning(request, f"{session}: {refusal(err)}")
        messages.info(
            request,
            ngettext(
                "%(count)d session may be billed.", "%(count)d sessions may be billed.", checked
            )
            % {"count": checked},
        )

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
