"""What cars want, DER controls and event streams (OCPP 2.1), in the operator's admin."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.chargers.admin.base import ReadOnlyAdmin
from apps.chargers.choices import DerControlStatus, NeedsAnswer
from apps.chargers.models import (
    ChargingNeeds,
    DerAlarm,
    DerControl,
    EventStream,
    EvSchedule,
    SessionTerms,
    StreamValue,
)
from cariflex.common.badges import Badges

_ANSWER_COLOURS = Badges(
    {
        NeedsAnswer.ACCEPTED: "success",
        NeedsAnswer.PROCESSING: "info",
        NeedsAnswer.REJECTED: "warning",
    }
)
_STATUS_COLOURS = Badges(
    {
        DerControlStatus.REQUESTED: "info",
        DerControlStatus.ACCEPTED: "success",
        DerControlStatus.REJECTED: "danger",
    }
)


@admin.register(ChargingNeeds)
class ChargingNeedsAdmin(ReadOnlyAdmin):
    list_display = (
        "told_at", "station", "evse_number", "session", "requested_transfer", "departure_at",
        "answer_label",
    )  # fmt: skip
    list_filter = ("answer", "requested_transfer")
    list_select_related = ("station", "session")
    search_fields = ("station__station_id", "session__transaction_id")
    date_hierarchy = "told_at"

    @display(description=_("our answer"), ordering="answer", label=_ANSWER_COLOURS)
    def answer_label(self, row: ChargingNeeds) -> tuple[str, str]:
        return row.answer, row.get_answer_display()


@admin.register(EvSchedule)
class EvScheduleAdmin(ReadOnlyAdmin):
    list_display = ("told_at", "station", "evse_number", "session", "time_base", "is_above_limit")
    list_filter = ("is_above_limit",)
    list_select_related = ("station", "session")
    search_fields = ("station__station_id", "session__transaction_id")
    date_hierarchy = "told_at"


@admin.register(SessionTerms)
class SessionTermsAdmin(ReadOnlyAdmin):
    list_display = ("session", "uses_priority", "priority_since", "allowed_transfers")
    list_filter = ("uses_priority",)
    list_select_related = ("session",)
    search_fields = ("session__transaction_id", "session__station__station_id")


@admin.register(DerControl)
class DerControlAdmin(ReadOnlyAdmin):
    list_display = (
        "requested_at", "station", "type", "is_default", "priority", "starts_at", "duration_s",
        "status_label", "is_superseded", "started_at", "requested_by",
    )  # fmt: skip
    list_filter = ("status", "type", "is_default", "is_superseded")
    list_select_related = ("station", "requested_by")
    search_fields = ("station__station_id", "control_id")
    date_hierarchy = "requested_at"

    @display(description=_("status"), ordering="status", label=_STATUS_COLOURS)
    def status_label(self, row: DerControl) -> tuple[str, str]:
        return row.status, row.get_status_display()


@admin.register(DerAlarm)
class DerAlarmAdmin(ReadOnlyAdmin):
    list_display = ("raised_at", "station", "control_type", "fault", "ended_at", "details")
    list_filter = ("fault", "control_type", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("station",)
    search_fields = ("station__station_id", "details")
    date_hierarchy = "raised_at"


@admin.register(EventStream)
class EventStreamAdmin(ReadOnlyAdmin):
    list_display = (
        "opened_at", "station", "stream_id", "component", "variable", "interval_s", "most_values",
        "pending_count", "closed_at",
    )  # fmt: skip
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "component")
    list_select_related = ("station",)
    search_fields = ("station__station_id", "variable")
    date_hierarchy = "opened_at"


@admin.register(StreamValue)
class StreamValueAdmin(ReadOnlyAdmin):
    list_display = ("at", "stream", "value")
    list_select_related = ("stream",)
    search_fields = ("stream__station__station_id", "stream__variable")
    date_hierarchy = "at"
