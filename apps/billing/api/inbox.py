"""The inbox and reconciliations over HTTP."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.api.month_field import MonthField
from apps.billing.choices import (
    ExceptionKind,
    ExceptionState,
    FindingKind,
    Resolution,
    RunPhase,
    RunState,
)
from apps.billing.models import BillingException, ReconciliationFinding, ReconciliationRun
from apps.billing.months import month_interval
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.selectors.inbox import (
    exception_rows,
    exceptions_page,
    finding_rows,
    findings_page,
    run_rows,
    runs_page,
)
from apps.billing.services import inbox, reconciliation_findings
from apps.billing.services.credits import LONGEST_REASON
from apps.billing.services.inbox import Correction, exception_reopen, exception_resolve
from apps.billing.services.reconciliation import reconciliation_cancel, reconciliation_start
from apps.billing.services.reconciliation_findings import finding_resolve
from cariflex.common.api.fields import InstantField
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView

_SEE, _RESOLVE = ("billing.view_billingexception",), ("billing.change_billingexception",)
_SEE_RUNS = ("billing.view_reconciliationrun",)
_CONFLICTS = dict.fromkeys(
    (
        "billing.exception_resolved",
        "billing.exception_open",
        "billing.finding_resolved",
        "billing.run_ended",
        "billing.tariff_missing",
        "billing.not_priced",
        "billing.session_in_doubt",
        "billing.session_waived",
        "billing.cdr_credited",
        "billing.payment_pending",
    ),
    status.HTTP_409_CONFLICT,
)
_STATUSES = {
    **_CONFLICTS,
    "billing.exception_unknown": status.HTTP_404_NOT_FOUND,
    "billing.finding_unknown": status.HTTP_404_NOT_FOUND,
}


class BillingExceptionSerializer(serializers.ModelSerializer[BillingException]):
    """Why somebody should look at a session or its CDR, and what was done about it."""

    kind = serializers.ChoiceField(ExceptionKind.choices)
    state = serializers.ChoiceField(ExceptionState.choices)
    resolution = serializers.CharField(allow_blank=True)
    session = serializers.IntegerField(source="session_id")
    transaction_id = serializers.CharField(source="session.transaction_id")
    station = serializers.CharField(source="session.station.station_id")
    cdr = serializers.CharField(source="cdr.reference", default=None, allow_null=True)
    other_session = serializers.IntegerField(source="other_session_id", allow_null=True)
    is_blocking = serializers.BooleanField(help_text="No CDR is issued before it is resolved.")
    resolved_by = serializers.CharField(
        source="resolved_by.username", default=None, allow_null=True
    )
    actions = serializers.SerializerMethodField(help_text="What may be done about it.")

    class Meta:
        model = BillingException
        fields = (
            "id",
            "kind",
            "state",
            "is_blocking",
            "session",
            "transaction_id",
            "station",
            "cdr",
            "other_session",
            "detail",
            "opened_at",
            "actions",
            "resolution",
            "reason",
            "resolved_at",
            "resolved_by",
        )
        read_only_fields = fields

    def get_actions(self, exception: BillingException) -> list[str]:
        """Those that its kind offers; none once it is resolved."""
        offered = inbox.ACTIONS[ExceptionKind(exception.kind)] if exception.is_open else ()
        return [action.value for action in offered]


class FindingSerializer(serializers.ModelSerializer[ReconciliationFinding]):
    """One disagreement; `expected` and `found` are in `unit`."""

    kind = serializers.ChoiceField(FindingKind.choices)
    state = serializers.ChoiceField(ExceptionState.choices)
    resolution = serializers.CharField(allow_blank=True)
    session = serializers.IntegerField(source="session_id", allow_null=True)
    cdr = serializers.CharField(source="cdr.reference", default=None, allow_null=True)
    partner_reference = serializers.CharField(
        source="partner_cdr.partner_reference", default=None, allow_null=True
    )
    resolved_by = serializers.CharField(
        source="resolved_by.username", default=None, allow_null=True
    )
    actions = serializers.SerializerMethodField(help_text="What may be done about it.")

    class Meta:
        model = ReconciliationFinding
        fields = (
            "id",
            "kind",
            "subject",
            "session",
            "cdr",
            "partner_reference",
            "expected",
            "found",
            "unit",
            "detail",
            "state",
            "actions",
            "resolution",
            "reason",
            "resolved_at",
            "resolved_by",
        )
        read_only_fields = fields

    def get_actions(self, finding: ReconciliationFinding) -> list[str]:
        """Those that its kind offers; none once it is resolved."""
        offered = reconciliation_findings.ACTIONS[FindingKind(finding.kind)]
        return [action.value for action in offered] if finding.is_open else []


class RunSerializer(serializers.ModelSerializer[ReconciliationRun]):
    """A comparison of sessions, CDRs, meters and copies, and how far it is."""

    state = serializers.ChoiceField(RunState.choices)
    phase = serializers.ChoiceField(RunPhase.choices)
    progress_percent = serializers.IntegerField()
    requested_by = serializers.CharField(
        source="requested_by.username", default=None, allow_null=True
    )

    class Meta:
        model = ReconciliationRun
        fields = (
            "id",
            "start",
            "end",
            "state",
            "phase",
            "progress_percent",
            "total_count",
            "checked_count",
            "findings_count",
            "held_count",
            "requested_at",
            "requested_by",
            "started_at",
            "finished_at",
            "error",
        )
        read_only_fields = fields


class ReasonSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(max_length=LONGEST_REASON)


class FindingResolveSerializer(ReasonSerializer):
    """What is done about a finding, and why."""

    action = serializers.ChoiceField(Resolution.choices)


class ExceptionResolveSerializer(FindingResolveSerializer):
    """What is done about an exception; figures for `bill_corrected` only."""

    energy_kwh = serializers.DecimalField(
        max_digits=24, decimal_places=9, min_value=0, required=False
    )
    started_at = InstantField(required=False)
    ended_at = InstantField(required=False)


class NewRunSerializer(serializers.Serializer[Any]):
    """A month of the books, or any period."""

    month = MonthField(required=False)
    start = InstantField(required=False)
    end = InstantField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Either a month or both ends."""
        if ("month" in attrs) == ("start" in attrs and "end" in attrs):
            raise serializers.ValidationError(
                {"month": ["Give either month, or start and end."]}, code="required"
            )
        return attrs


class ExceptionParameters(PageParameters):
    state = serializers.ChoiceField(ExceptionState.choices, required=False)
    kind = serializers.ChoiceField(ExceptionKind.choices, required=False)
    session = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class RunParameters(PageParameters):
    state = serializers.ChoiceField(RunState.choices, required=False)


class FindingParameters(PageParameters):
    state = serializers.ChoiceField(ExceptionState.choices, required=False)
    kind = serializers.ChoiceField(FindingKind.choices, required=False)


class ExceptionsView(ApiView):
    """The inbox of billing."""

    permissions = {"GET": _SEE}
    parameters = ExceptionParameters

    @extend_schema(responses=list_of(BillingExceptionSerializer))
    def get(self, request: Request) -> Response:
        """Exceptions, those that came last first."""
        return listed(request, exceptions_page(**self.page), BillingExceptionSerializer)


class ExceptionResolveView(ApiView):
    """What is done about an exception."""

    permissions = {"POST": (*_SEE, *_RESOLVE)}
    refusal_statuses = _STATUSES

    @extend_schema(request=ExceptionResolveSerializer, responses=BillingExceptionSerializer)
    def post(self, request: Request, exception_id: int) -> Response:
        """Do one of its actions."""
        asked = ExceptionResolveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        exception_resolve(
            exception_id=exception_id,
            action=Resolution(given.pop("action")),
            reason=given.pop("reason"),
            by=request.user,
            correction=Correction(**given),
        )
        return Response(_exception(exception_id))


class ExceptionReopenView(ApiView):
    """An exception that is asked again."""

    permissions = {"POST": (*_SEE, *_RESOLVE)}
    refusal_statuses = _STATUSES

    @extend_schema(request=ReasonSerializer, responses=BillingExceptionSerializer)
    def post(self, request: Request, exception_id: int) -> Response:
        """Open a resolved exception."""
        asked = ReasonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        exception_reopen(
            exception_id=exception_id, reason=asked.validated_data["reason"], by=request.user
        )
        return Response(_exception(exception_id))


class RunsView(ApiView):
    """Reconciliations."""

    permissions = {"GET": _SEE_RUNS, "POST": (*_SEE_RUNS, "billing.add_reconciliationrun")}
    parameters = RunParameters

    @extend_schema(responses=list_of(RunSerializer))
    def get(self, request: Request) -> Response:
        """Reconciliations, newest first."""
        return listed(request, runs_page(**self.page), RunSerializer)

    @extend_schema(request=NewRunSerializer, responses={201: RunSerializer})
    def post(self, request: Request) -> Response:
        """Compare a month, or what ended in a period; in the background."""
        asked = NewRunSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        if "month" in given:
            whole = month_interval(given["month"], books_time_zone())
            given = {"start": whole.start, "end": whole.end}
        run = reconciliation_start(start=given["start"], end=given["end"], by=request.user)
        return Response(RunSerializer(run).data, status=status.HTTP_201_CREATED)


class RunView(ApiView):
    """One reconciliation."""

    permissions = {"GET": _SEE_RUNS}

    @extend_schema(responses=RunSerializer)
    def get(self, request: Request, run_id: int) -> Response:
        """How far it is."""
        return Response(RunSerializer(get_object_or_404(run_rows(), pk=run_id)).data)


class RunCancelView(ApiView):
    """A reconciliation that is stopped."""

    permissions = {"POST": (*_SEE_RUNS, "billing.change_reconciliationrun")}
    refusal_statuses = _STATUSES

    @extend_schema(request=None, responses=RunSerializer)
    def post(self, request: Request, run_id: int) -> Response:
        """Stop after the page at hand."""
        get_object_or_404(run_rows(), pk=run_id)
        return Response(RunSerializer(reconciliation_cancel(run_id=run_id)).data)


class FindingsView(ApiView):
    """What a reconciliation found."""

    permissions = {"GET": (*_SEE_RUNS, "billing.view_reconciliationfinding")}
    parameters = FindingParameters

    @extend_schema(responses=list_of(FindingSerializer))
    def get(self, request: Request, run_id: int) -> Response:
        """Findings in the order in which they were found."""
        get_object_or_404(run_rows(), pk=run_id)
        return listed(request, findings_page(run_id=run_id, **self.page), FindingSerializer)


class FindingResolveView(ApiView):
    """What is done about a finding."""

    permissions = {"POST": ("billing.change_reconciliationfinding",)}
    refusal_statuses = _STATUSES

    @extend_schema(request=FindingResolveSerializer, responses=FindingSerializer)
    def post(self, request: Request, finding_id: int) -> Response:
        """Do one of its actions."""
        asked = FindingResolveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        finding_resolve(
            finding_id=finding_id,
            action=Resolution(asked.validated_data["action"]),
            reason=asked.validated_data["reason"],
            by=request.user,
        )
        return Response(FindingSerializer(finding_rows().get(pk=finding_id)).data)


def _exception(exception_id: int) -> Any:
    return BillingExceptionSerializer(exception_rows().get(pk=exception_id)).data


urlpatterns = [
    *route("billing-exceptions", ExceptionsView.as_view(), "billing-exceptions"),
    *route(
        "billing-exceptions/<int:exception_id>/resolve",
        ExceptionResolveView.as_view(),
        "billing-exception-resolve",
    ),
    *route(
        "billing-exceptions/<int:exception_id>/reopen",
        ExceptionReopenView.as_view(),
        "billing-exception-reopen",
    ),
    *route("reconciliations", RunsView.as_view(), "reconciliations"),
    *route("reconciliations/<int:run_id>", RunView.as_view(), "reconciliation"),
    *route("reconciliations/<int:run_id>/cancel", RunCancelView.as_view(), "reconciliation-cancel"),
    *route(
        "reconciliations/<int:run_id>/findings", FindingsView.as_view(), "reconciliation-findings"
    ),
    *route(
        "reconciliation-findings/<int:finding_id>/resolve",
        FindingResolveView.as_view(),
        "reconciliation-finding-resolve",
    ),
]
