"""Settlements with partners over HTTP."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.api.month_field import MonthField
from apps.billing.choices import SettlementDirection, SettlementState
from apps.billing.models import PartnerCdr, Settlement
from apps.billing.selectors.settlements import (
    partner_cdrs_page,
    settlement_rows,
    settlements_page,
)
from apps.billing.services.settlements import (
    settlement_confirm,
    settlement_dispute,
    settlement_reopen,
    settlements_make,
)
from cariflex.common.api.errors import ApiErrorSerializer
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView

READ = ("billing.view_settlement",)
CHANGE = (*READ, "billing.change_settlement")
REFUSALS = {
    "billing.settlement_unknown": status.HTTP_404_NOT_FOUND,
    "billing.month_closed": status.HTTP_409_CONFLICT,
    "billing.settlement_confirmed": status.HTTP_409_CONFLICT,
    "billing.settlement_invoice_draft": status.HTTP_409_CONFLICT,
    "billing.settlement_outdated": status.HTTP_409_CONFLICT,
}
_CONFLICT = OpenApiResponse(ApiErrorSerializer, "Its state, or that of its month, forbids it.")


class SettlementSerializer(serializers.ModelSerializer[Settlement]):
    """The statement of a month with one partner, in one direction and currency."""

    account = serializers.SlugField(source="account.code", help_text="The partner's code.")
    month = MonthField()
    energy_kwh = serializers.DecimalField(
        max_digits=24, decimal_places=9, normalize_output=True, help_text="Exact; a text."
    )
    invoice = serializers.CharField(
        source="invoice.reference",
        default=None,
        allow_null=True,
        help_text="Number of our invoice, once it is issued.",
    )

    class Meta:
        model = Settlement
        fields = (
            "id", "account", "month", "direction", "state", "currency", "cdr_count", "energy_kwh",
            "net", "tax", "hub_fee", "total", "invoice", "partner_invoice_reference",
            "confirmed_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class PartnerCdrSerializer(serializers.ModelSerializer[PartnerCdr]):
    """A partner's CDR on a statement of what we owe."""

    energy_kwh = serializers.DecimalField(
        max_digits=24, decimal_places=9, normalize_output=True, help_text="Exact; a text."
    )

    class Meta:
        model = PartnerCdr
        fields = (
            "id", "partner_reference", "started_at", "ended_at", "energy_kwh", "currency", "net",
            "tax", "is_credit", "received_at",
        )  # fmt: skip
        read_only_fields = fields


class SettlementParameters(PageParameters):
    month = MonthField(required=False)
    account = serializers.SlugField(required=False, help_text="The partner's code.")
    state = serializers.ChoiceField(SettlementState.choices, required=False)
    direction = serializers.ChoiceField(SettlementDirection.choices, required=False)


class StatementsSerializer(serializers.Serializer[Any]):
    """Of which month statements are made."""

    month = MonthField()
    account = serializers.IntegerField(
        required=False, help_text="The partner's id; left out: all partners."
    )


class ConfirmSerializer(serializers.Serializer[Any]):
    """That both sides agree."""

    partner_invoice_reference = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=60
    )


class SettlementsView(ApiView):
    """Statements with partners."""

    permissions = {"GET": READ, "POST": (*CHANGE, "billing.add_settlement")}
    parameters = SettlementParameters
    refusal_statuses = REFUSALS

    @extend_schema(responses=list_of(SettlementSerializer))
    def get(self, request: Request) -> Response:
        """Those that were made last first."""
        return listed(request, settlements_page(**self.page), SettlementSerializer)

    @extend_schema(
        request=StatementsSerializer,
        responses={200: SettlementSerializer(many=True), 409: _CONFLICT},
    )
    def post(self, request: Request) -> Response:
        """Make the statements of a month; confirmed ones stay."""
        asked = StatementsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = settlements_make(
            month=asked.validated_data["month"], account_id=asked.validated_data.get("account")
        )
        return Response(SettlementSerializer(made, many=True).data)


class SettlementView(ApiView):
    """One statement."""

    permissions = {"GET": READ}

    @extend_schema(responses=SettlementSerializer)
    def get(self, request: Request, settlement_id: int) -> Response:
        return Response(
            SettlementSerializer(get_object_or_404(settlement_rows(), pk=settlement_id)).data
        )


class SettlementPartnerCdrsView(ApiView):
    """The partner's CDRs on a statement of what we owe."""

    permissions = {"GET": (*READ, "billing.view_partnercdr")}
    parameters = PageParameters

    @extend_schema(responses=list_of(PartnerCdrSerializer))
    def get(self, request: Request, settlement_id: int) -> Response:
        """CDRs by id."""
        settlement = get_object_or_404(settlement_rows(), pk=settlement_id)
        page = partner_cdrs_page(settlement_id=settlement.pk, **self.page)
        return listed(request, page, PartnerCdrSerializer)


class SettlementConfirmView(ApiView):
    """Both sides agree."""

    permissions = {"POST": CHANGE}
    refusal_statuses = REFUSALS

    @extend_schema(request=ConfirmSerializer, responses={200: SettlementSerializer, 409: _CONFLICT})
    def post(self, request: Request, settlement_id: int) -> Response:
        asked = ConfirmSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        settlement = settlement_confirm(
            settlement_id=settlement_id,
            by=request.user,  # type: ignore[arg-type]
            **asked.validated_data,
        )
        return Response(SettlementSerializer(settlement).data)


class SettlementDisputeView(ApiView):
    """The partner says otherwise."""

    permissions = {"POST": CHANGE}
    refusal_statuses = REFUSALS

    @extend_schema(request=None, responses={200: SettlementSerializer, 409: _CONFLICT})
    def post(self, request: Request, settlement_id: int) -> Response:
        settlement = settlement_dispute(settlement_id=settlement_id)
        return Response(SettlementSerializer(settlement).data)


class SettlementReopenView(ApiView):
    """A draft again, with what the papers say now; only while the month is open."""

    permissions = {"POST": CHANGE}
    refusal_statuses = REFUSALS

    @extend_schema(request=None, responses={200: SettlementSerializer, 409: _CONFLICT})
    def post(self, request: Request, settlement_id: int) -> Response:
        settlement = settlement_reopen(settlement_id=settlement_id)
        return Response(SettlementSerializer(settlement).data)


_ONE = "settlements/<int:settlement_id>"
urlpatterns = [
    *route("settlements", SettlementsView.as_view(), "settlements"),
    *route(_ONE, SettlementView.as_view(), "settlement"),
    *route(f"{_ONE}/partner-cdrs", SettlementPartnerCdrsView.as_view(), "settlement-partner-cdrs"),
    *route(f"{_ONE}/confirm", SettlementConfirmView.as_view(), "settlement-confirm"),
    *route(f"{_ONE}/dispute", SettlementDisputeView.as_view(), "settlement-dispute"),
    *route(f"{_ONE}/reopen", SettlementReopenView.as_view(), "settlement-reopen"),
]
