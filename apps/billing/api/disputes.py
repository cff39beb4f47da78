"""Disputes over HTTP."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.api.payments import checked
from apps.billing.choices import DisputeReason, DisputeState
from apps.billing.models import Dispute, DisputeEvent
from apps.billing.selectors.disputes import UNDECIDED, DisputeFilter, dispute_get, disputes_page
from apps.billing.services.disputes import (
    dispute_answer,
    dispute_note,
    dispute_open,
    dispute_reject,
    dispute_reply,
    dispute_withdraw,
)
from apps.billing.services.disputes_accept import AcceptWay, dispute_accept
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now

READ = ("billing.view_dispute",)
CHANGE = (*READ, "billing.change_dispute")
ACCEPT = (*CHANGE, "billing.credit_cdr", "billing.issue_invoice")
REFUSALS = {
    "dispute.unknown": status.HTTP_404_NOT_FOUND,
    "dispute.open_already": status.HTTP_409_CONFLICT,
    "dispute.decided": status.HTTP_409_CONFLICT,
    "dispute.credited": status.HTTP_409_CONFLICT,
}
ACTS = {
    "answer": dispute_answer,
    "reply": dispute_reply,
    "note": dispute_note,
    "reject": dispute_reject,
    "withdraw": dispute_withdraw,
}


class DisputeEventSerializer(serializers.ModelSerializer[DisputeEvent]):
    """One step."""

    class Meta:
        model = DisputeEvent
        fields = ("act", "at", "by_name", "text", "amount")
        read_only_fields = fields


class DisputeSerializer(serializers.ModelSerializer[Dispute]):
    """Somebody says that something billed is wrong; amounts include tax."""

    account = serializers.CharField(source="account.code", default=None, allow_null=True)
    credit_note = serializers.CharField(
        source="credit_note.reference", default=None, allow_null=True
    )

    class Meta:
        model = Dispute
        fields = (
            "id", "state", "reason", "account", "cdr", "invoice_line", "partner_cdr",
            "partner_reference", "currency", "disputed_amount", "claimed_amount", "granted_amount",
            "credit_cdr", "corrected_cdr", "credit_note", "answer_by", "opened_at", "decided_at",
        )  # fmt: skip
        read_only_fields = fields


class DisputeWholeSerializer(DisputeSerializer):
    """A dispute with its history."""

    events = DisputeEventSerializer(many=True)

    class Meta(DisputeSerializer.Meta):
        fields = (*DisputeSerializer.Meta.fields, "events")
        read_only_fields = fields


class NewDisputeSerializer(serializers.Serializer[Any]):
    """About one of `cdr`, `invoice_line` and `partner_cdr`; without amount all is claimed."""

    cdr = serializers.UUIDField(required=False)
    invoice_line = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    partner_cdr = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    reason = serializers.ChoiceField(DisputeReason.choices)
    claimed_amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False)
    text = serializers.CharField(max_length=4000, default="", allow_blank=True)
    partner_reference = serializers.CharField(max_length=60, default="", allow_blank=True)
    answer_by = serializers.DateField(required=False, allow_null=True)


class StepSerializer(serializers.Serializer[Any]):
    """What is said."""

    act = serializers.ChoiceField(tuple(ACTS))
    text = serializers.CharField(max_length=4000, default="", allow_blank=True)


class AcceptSerializer(serializers.Serializer[Any]):
    """How what is due is given; without amount all that is claimed."""

    way = serializers.ChoiceField(AcceptWay.choices)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False)
    text = serializers.CharField(max_length=4000, default="", allow_blank=True)


class DisputeParameters(PageParameters):
    state = serializers.ChoiceField((*DisputeState.values, UNDECIDED), required=False, default="")
    reason = serializers.ChoiceField(DisputeReason.choices, required=False, default="")
    account = serializers.CharField(required=False, default="", help_text="An account's code.")
    search = serializers.CharField(required=False, default="")


class DisputesView(ApiView):
    """Disputes."""

    permissions = {"GET": READ, "POST": (*READ, "billing.add_dispute")}
    parameters = DisputeParameters
    refusal_statuses = REFUSALS

    @extend_schema(responses=list_of(DisputeSerializer))
    def get(self, request: Request) -> Response:
        """Disputes, last opened first."""
        asked = dict(self.page)
        after, limit = asked.pop("after"), asked.pop("limit")
        page = disputes_page(after=after, limit=limit, chosen=DisputeFilter(**asked))
        return listed(request, page, DisputeSerializer)

    @extend_schema(request=NewDisputeSerializer, responses={201: DisputeSerializer})
    def post(self, request: Request) -> Response:
        """Open a dispute; the same reference of a partner again gives the one that is open."""
        wanted = checked(NewDisputeSerializer, request)
        dispute = dispute_open(
            cdr_id=wanted.pop("cdr", None),
            invoice_line_id=wanted.pop("invoice_line", None),
            partner_cdr_id=wanted.pop("partner_cdr", None),
            now=utc_now(),
            by=request.user,
            **wanted,
        )
        return Response(DisputeSerializer(dispute).data, status=status.HTTP_201_CREATED)


class DisputeView(ApiView):
    """One dispute."""

    permissions = {"GET": READ}

    @extend_schema(responses=DisputeWholeSerializer)
    def get(self, request: Request, dispute_id: int) -> Response:
        """The dispute with its history."""
        return _whole(dispute_id)


class DisputeStepsView(ApiView):
    """Steps of a dispute."""

    permissions = {"POST": CHANGE}
    refusal_statuses = REFUSALS

    @extend_schema(request=StepSerializer, responses=DisputeWholeSerializer)
    def post(self, request: Request, dispute_id: int) -> Response:
        """Answer, note, reject; or what the other side said: reply, withdraw."""
        step = checked(StepSerializer, request)
        ACTS[step["act"]](dispute_id=dispute_id, text=step["text"], now=utc_now(), by=request.user)
        return _whole(dispute_id)


class DisputeAcceptView(ApiView):
    """Accept a dispute, wholly or in part."""

    permissions = {"POST": ACCEPT}
    refusal_statuses = REFUSALS

    @extend_schema(request=AcceptSerializer, responses=DisputeWholeSerializer)
    def post(self, request: Request, dispute_id: int) -> Response:
        """Credit the CDR, correct it, or issue a credit note of an amount."""
        wanted = checked(AcceptSerializer, request)
        dispute_accept(dispute_id=dispute_id, now=utc_now(), by=request.user, **wanted)
        return _whole(dispute_id)


def _whole(dispute_id: int) -> Response:
    dispute = dispute_get(dispute_id)
    if dispute is None:
        raise Http404
    return Response(DisputeWholeSerializer(dispute).data)


urlpatterns = [
    *route("disputes", DisputesView.as_view(), "disputes"),
    *route("disputes/<int:dispute_id>", DisputeView.as_view(), "dispute"),
    *route("disputes/<int:dispute_id>/steps", DisputeStepsView.as_view(), "dispute-steps"),
    *route("disputes/<int:dispute_id>/accept", DisputeAcceptView.as_view(), "dispute-accept"),
]
