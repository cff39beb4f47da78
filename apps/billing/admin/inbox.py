"""The inbox of billing and reconciliations, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from apps.billing.admin.invoices import BillingDialog
from apps.billing.choices import (
    ExceptionKind,
    ExceptionState,
    FindingKind,
    Resolution,
    RunState,
)
from apps.billing.models import (
    BillingException,
    ReconciliationFinding,
    ReconciliationRun,
    SessionCorrection,
)
from apps.billing.months import month_interval, month_parse
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.services import inbox, reconciliation_findings
from apps.billing.services.inbox import Correction, exception_resolve, exceptions_accept
from apps.billing.services.reconciliation import reconciliation_cancel, reconciliation_start
from apps.billing.services.reconciliation_findings import finding_resolve
from apps.chargers.admin.base import (
    ReadOnlyAdmin,
    choice_field,
    moment_field,
    row_or_404,
    text_field,
    to_row,
)
from cariflex.common.badges import Badges

_STATES = Badges({ExceptionState.OPEN: "warning", ExceptionState.RESOLVED: "success"})


def _offered(actions: tuple[Resolution, ...]) -> list[tuple[str, Any]]:
    return [(one.value, one.label) for one in actions]


class ResolveForm(BillingDialog):
    """What is done about an exception; figures where they are to be billed."""

    action = choice_field(_("What to do"), ())
    reason = text_field(_("Reason"), max_length=300)
    energy_kwh = forms.DecimalField(
        label=_("Energy (kWh)"), required=False, min_value=0, max_digits=24, decimal_places=9,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text=_("Only to bill corrected figures; empty: as the station told."),
    )  # fmt: skip
    started_at = moment_field(_("Started at"), required=False)
    ended_at = moment_field(_("Ended at"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row_or_404(BillingException.objects.all(), self.object_id)
        offered = inbox.ACTIONS[ExceptionKind(self.row.kind)]
        self.fields["action"].choices = _offered(offered)  # type: ignore[attr-defined]

    def ask(self) -> BillingException:
        given = self.cleaned_data
        return exception_resolve(
            exception_id=self.row.pk,
            action=Resolution(given["action"]),
            reason=given["reason"],
            by=self.request.user,
            correction=Correction(given["energy_kwh"], given["started_at"], given["ended_at"]),
        )


class AcceptForm(BillingDialog):
    """Which kind is accepted, and why."""

    kind = choice_field(
        _("What"),
        [
            (kind.value, kind.label)
            for kind, actions in inbox.ACTIONS.items()
            if Resolution.ACCEPT in actions
        ],
    )
    reason = text_field(_("Reason"), max_length=300)

    def ask(self) -> int:
        return exceptions_accept(
            kind=ExceptionKind(self.cleaned_data["kind"]),
            reason=self.cleaned_data["reason"],
            by=self.request.user,
        )


class CompareForm(BillingDialog):
    """Which month is compared."""

    month = text_field(_("Month"), max_length=7, help_text=_("Such as 2026-03."))

    def ask(self) -> ReconciliationRun:
        whole = month_interval(month_parse(self.cleaned_data["month"]), books_time_zone())
        return reconciliation_start(start=whole.start, end=whole.end, by=self.request.user)


class FindingForm(BillingDialog):
    """What is done about a finding."""

    action = choice_field(_("What to do"), ())
    reason = text_field(_("Reason"), max_length=300)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row_or_404(ReconciliationFinding.objects.all(), self.object_id)
        offered = reconciliation_findings.ACTIONS[FindingKind(self.row.kind)]
        self.fields["action"].choices = _offered(offered)  # type: ignore[attr-defined]

    def ask(self) -> ReconciliationFinding:
        return finding_resolve(
            finding_id=self.row.pk,
            action=Resolution(self.cleaned_data["action"]),
            reason=self.cleaned_data["reason"],
            by=self.request.user,
        )


@admin.register(BillingException)
class BillingExceptionAdmin(ReadOnlyAdmin):
    list_display = (
        "opened_at", "kind_label", "state_label", "station_shown", "session", "cdr", "detail",
        "resolution", "resolved_by",
    )  # fmt: skip
    list_select_related = ("session__station", "cdr", "resolved_by")
    list_filter = ("state", "kind", "resolution")
    search_fields = ("session__transaction_id", "session__station__station_id", "cdr__reference")
    date_hierarchy = "opened_at"
    actions_list = ("accept",)
    actions_detail = ("resolve",)

    @admin.display(description=_("charging station"))
    def station_shown(self, row: BillingException) -> str:
        return row.session.station.station_id

    @display(
        description=_("what"),
        label=Badges(dict.fromkeys(ExceptionKind.blocking(), "danger")),
    )
    def kind_label(self, row: BillingException) -> tuple[str, str]:
        return row.kind, row.get_kind_display()

    @display(description=_("state"), label=_STATES)
    def state_label(self, row: BillingException) -> tuple[str, str]:
        return row.state, row.get_state_display()

    def has_resolve_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("billing.change_billingexception")

    @action(
        description=_("Resolve…"),
        permissions=["resolve"],
        url_path="resolve",
        dialog={
            "title": _("Resolve the exception"),
            "description": _("What is done, why and by whom is kept."),
            "form_class": ResolveForm,
            "form_submit_text": _("Resolve"),
        },  # type: ignore[arg-type]
    )
    def resolve(self, request: HttpRequest, form: ResolveForm, object_id: str) -> HttpResponse:
        return to_row(form.result)

    @action(
        description=_("Accept all of a kind…"),
        permissions=["resolve"],
        url_path="accept-all",
        dialog={
            "title": _("Accept all open exceptions of a kind"),
            "description": _("Their CDRs stay as they are."),
            "form_class": AcceptForm,
            "form_submit_text": _("Accept"),
        },  # type: ignore[arg-type]
    )
    def accept(self, request: HttpRequest, form: AcceptForm) -> HttpResponse:
        text = ngettext(
            "%(count)d exception is accepted.", "%(count)d exceptions are accepted.", form.result
        )
        messages.success(request, text % {"count": form.result})
        address = reverse("admin:billing_billingexception_changelist")
        return HttpResponse(headers={"HX-Redirect": address})


@admin.register(SessionCorrection)
class SessionCorrectionAdmin(ReadOnlyAdmin):
    list_display = ("session", "energy_kwh", "started_at", "ended_at", "reason", "by_name")
    list_select_related = ("session",)
    search_fields = ("session__transaction_id", "reason", "by_name")


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(ReadOnlyAdmin):
    list_display = (
        "start", "end", "state_label", "phase", "progress_shown", "findings_count", "held_count",
        "requested_at", "requested_by", "finished_at",
    )  # fmt: skip
    list_select_related = ("requested_by",)
    list_filter = ("state",)
    actions_list = ("compare",)
    actions_detail = ("cancel",)

    @display(
        description=_("state"),
        label=Badges(
            {
                RunState.RUNNING: "info",
                RunState.DONE: "success",
                RunState.CANCELLED: "warning",
                RunState.FAILED: "danger",
            }
        ),
    )
    def state_label(self, run: ReconciliationRun) -> tuple[str, str]:
        return run.state, run.get_state_display()

    @admin.display(description=_("progress"))
    def progress_shown(self, run: ReconciliationRun) -> str:
        return f"{run.progress_percent} %"

    def has_compare_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("billing.add_reconciliationrun")

    @action(
        description=_("Compare a month…"),
        permissions=["compare"],
        url_path="compare",
        dialog={
            "title": _("Compare sessions, CDRs, meters and partners' copies"),
            "description": _("It runs in the background and changes nothing."),
            "form_class": CompareForm,
            "form_submit_text": _("Compare"),
        },  # type: ignore[arg-type]
    )
    def compare(self, request: HttpRequest, form: CompareForm) -> HttpResponse:
        return to_row(form.result)

    @action(description=_("Stop it"), permissions=["compare"], url_path="stop")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = row_or_404(ReconciliationRun.objects.all(), object_id)
        if run.is_active:
            reconciliation_cancel(run_id=run.pk)
        return to_row(run)


@admin.register(ReconciliationFinding)
class ReconciliationFindingAdmin(ReadOnlyAdmin):
    list_display = (
        "run", "kind_label", "state_label", "session", "cdr", "partner_cdr", "expected", "found",
        "unit", "detail", "resolution",
    )  # fmt: skip
    list_select_related = ("run", "session", "cdr", "partner_cdr")
    list_filter = ("state", "kind", "resolution")
    search_fields = ("subject", "cdr__reference", "session__transaction_id", "detail")
    actions_detail = ("resolve",)

    @display(description=_("what"), label=Badges({}))
    def kind_label(self, row: ReconciliationFinding) -> tuple[str, str]:
        return row.kind, row.get_kind_display()

    @display(description=_("state"), label=_STATES)
    def state_label(self, row: ReconciliationFinding) -> tuple[str, str]:
        return row.state, row.get_state_display()

    def has_resolve_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("billing.change_reconciliationfinding")

    @action(
        description=_("Resolve…"),
        permissions=["resolve"],
        url_path="resolve",
        dialog={
            "title": _("Resolve the finding"),
            "description": _("What is done, why and by whom is kept."),
            "form_class": FindingForm,
            "form_submit_text": _("Resolve"),
        },  # type: ignore[arg-type]
    )
    def resolve(self, request: HttpRequest, form: FindingForm, object_id: str) -> HttpResponse:
        return to_row(form.result)
