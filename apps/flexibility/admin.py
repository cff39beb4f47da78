"""Plans, what the batteries follow, and the operator's account in FlexMeasures."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from apps.flexibility.admin_forms import GridRequestForm, SitePolicyForm
from apps.flexibility.choices import ControlMode, PlanStatus
from apps.flexibility.models import (
    CarGoal,
    ControlState,
    EnergyReport,
    FlexmeasuresAccount,
    FlexmeasuresAsset,
    FlexmeasuresSensor,
    Forecast,
    ForecastChoice,
    ForecastRun,
    ForecastSkill,
    GridRequest,
    Plan,
    PlanSlot,
    ReplanCall,
    SitePolicy,
)
from apps.flexibility.refusal_words import refusal_words
from apps.flexibility.services.grid_requests import grid_request_cancel
from apps.flexibility.tasks import plan_refresh, provision_verify
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


class ReadOnly:
    """What the machine decided is looked at, not edited."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Plan)
class PlanAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "start",
        "site",
        "status_label",
        "reason_words",
        "attempts",
        "duration",
        "price_count",
        "battery_cost_eur",
        "server_version",
        "requested_at",
    )
    list_select_related = ("site",)
    list_filter = ("status", "reason_code", "source")
    search_fields = ("job_id", "detail", "site__code", "site__name")
    date_hierarchy = "start"
    actions = ("plan_now",)

    @display(
        description=_("status"),
        label=Badges(
            {
                PlanStatus.ACCEPTED: "success",
                PlanStatus.SUPERSEDED: "info",
                PlanStatus.REQUESTED: "info",
                PlanStatus.RUNNING: "info",
                PlanStatus.FAILED: "danger",
                PlanStatus.REFUSED: "danger",
                PlanStatus.LATE: "warning",
            }
        ),
    )
    def status_label(self, plan: Plan) -> tuple[str, str]:
        return plan.status, plan.get_status_display()

    @display(description=_("reason"))
    def reason_words(self, plan: Plan) -> str:
        return plan.reason

    @display(description=_("time taken"))
    def duration(self, plan: Plan) -> str:
        return "" if plan.duration_s is None else f"{plan.duration_s:.1f} s"

    def has_steer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("flexibility.change_plan")

    @admin.action(description=_("Plan now"), permissions=["steer"])
    def plan_now(self, request: HttpRequest, queryset: QuerySet[Plan]) -> None:
        plan_refresh.enqueue(force=True)
        messages.info(request, _("A new plan has been asked for."))


@admin.register(PlanSlot)
class PlanSlotAdmin(ReadOnly, ModelAdmin):
    list_display = ("start", "device", "power_kw", "soc_percent", "plan")
    list_select_related = ("device", "plan__site")
    search_fields = ("device__code",)
    date_hierarchy = "start"
    ordering = ("-start", "device")
    show_full_result_count = False


@admin.register(ControlState)
class ControlStateAdmin(ReadOnly, ModelAdmin):
    list_display = ("site", "mode_label", "reason_words", "since", "plan")
    list_select_related = ("site", "plan__site")
    search_fields = ("site__code", "site__name")

    @display(
        description=_("mode"),
        label=Badges(
            {
                ControlMode.PLAN: "success",
                ControlMode.HOLD: "warning",
                ControlMode.FALLBACK: "danger",
            }
        ),
    )
    def mode_label(self, state: ControlState) -> tuple[str, str]:
        return state.mode, state.get_mode_display()

    @display(description=_("reason"))
    def reason_words(self, state: ControlState) -> str:
        return state.reason


@admin.register(FlexmeasuresAccount)
class FlexmeasuresAccountAdmin(ReadOnly, ModelAdmin):
    """The password is never shown."""

    list_display = (
        "name",
        "account_id",
        "email",
        "provisioned_at",
        "server_version",
        "last_error_code",
        "slot_means_until",
    )
    search_fields = ("name", "email")
    exclude = ("password", "busy_until")
    actions = ("verify",)

    def has_provision_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("flexibility.change_flexmeasuresaccount")

    @admin.action(
        description=_("Check what FlexMeasures knows, create what is missing"),
        permissions=["provision"],
    )
    def verify(self, request: HttpRequest, queryset: QuerySet[FlexmeasuresAccount]) -> None:
        provision_verify.enqueue()
        messages.info(request, _("FlexMeasures is being checked."))


class FlexmeasuresSensorInline(ReadOnly, TabularInline):
    model = FlexmeasuresSensor
    fields = ("role", "sensor_id", "unit")
    extra = 0


@admin.register(FlexmeasuresAsset)
class FlexmeasuresAssetAdmin(ReadOnly, ModelAdmin):
    list_display = ("name", "kind", "asset_id", "site", "device")
    list_select_related = ("site", "device")
    list_filter = ("kind",)
    search_fields = ("name", "device__code")
    inlines = (FlexmeasuresSensorInline,)


@admin.register(SitePolicy)
class SitePolicyAdmin(ModelAdmin):
    """Every change calls for a new plan."""

    form = SitePolicyForm
    list_display = ("site", "objective", "reserve_kw", "car_target_soc_percent", "curtails_pv")
    list_select_related = ("site",)
    list_filter = ("objective",)
    search_fields = ("site__code", "site__name")

    def get_readonly_fields(
        self, request: HttpRequest, obj: SitePolicy | None = None
    ) -> tuple[str, ...]:
        return ("site",) if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has written the row."""

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(GridRequest)
class GridRequestAdmin(ModelAdmin):
    """Entered and cancelled, never changed: plans were made of it."""

    form = GridRequestForm
    list_display = ("start", "end", "site", "kind", "limit_kw", "created_by", "cancelled_at")
    list_select_related = ("site",)
    list_filter = ("kind",)
    search_fields = ("reference", "created_by", "site__code")
    date_hierarchy = "start"
    actions = ("cancel",)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.entered_by = request.user.get_username()
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has written the row."""

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("flexibility.change_gridrequest")

    @admin.action(description=_("Cancel"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[GridRequest]) -> None:
        for pk in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                grid_request_cancel(grid_request_id=pk, now=utc_now())
            except DomainError as err:
                messages.error(request, refusal_words(err))


@admin.register(ReplanCall)
class ReplanCallAdmin(ReadOnly, ModelAdmin):
    list_display = ("site", "reason", "detail", "first_asked_at", "asked_at")
    list_select_related = ("site",)
    list_filter = ("reason",)
    search_fields = ("site__code", "detail")


@admin.register(CarGoal)
class CarGoalAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "session",
        "origin",
        "departure_at",
        "soc_percent",
        "target_soc_percent",
        "shortfall_kwh",
        "updated_at",
    )
    list_select_related = ("session__station", "session__evse")
    list_filter = ("origin",)
    search_fields = ("session__transaction_id", "session__station__station_id")
    date_hierarchy = "updated_at"


@admin.register(Forecast)
class ForecastAdmin(ReadOnly, ModelAdmin):
    list_display = ("made_at", "site", "quantity", "method", "start", "end", "duration_s")
    list_select_related = ("site",)
    list_filter = ("quantity", "method")
    search_fields = ("site__code",)
    date_hierarchy = "made_at"
    show_full_result_count = False


@admin.register(ForecastRun)
class ForecastRunAdmin(ReadOnly, ModelAdmin):
    list_display = ("site", "quantity", "method", "tried_at", "reason_code", "detail")
    list_select_related = ("site",)
    list_filter = ("quantity", "method")
    search_fields = ("site__code", "detail")


@admin.register(ForecastSkill)
class ForecastSkillAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "site",
        "quantity",
        "method",
        "horizon_from_h",
        "horizon_to_h",
        "mae",
        "bias",
        "slot_count",
        "computed_at",
    )
    list_select_related = ("site",)
    list_filter = ("quantity", "method")
    search_fields = ("site__code",)


@admin.register(ForecastChoice)
class ForecastChoiceAdmin(ReadOnly, ModelAdmin):
    list_display = ("site", "quantity", "method", "since", "mae", "baseline_mae")
    list_select_related = ("site",)
    list_filter = ("quantity", "method")
    search_fields = ("site__code",)


@admin.register(EnergyReport)
class EnergyReportAdmin(ReadOnly, ModelAdmin):
    list_display = ("month", "site", "is_final", "computed_at")
    list_select_related = ("site",)
    list_filter = ("is_final",)
    search_fields = ("site__code",)
    date_hierarchy = "month"
