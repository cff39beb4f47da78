"""Balances by age and set-offs over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.api.payments import (
    CONFLICT,
    READ,
    AllocationSerializer,
    PaymentActView,
    checked,
)
from apps.billing.months import local_day
from apps.billing.selectors.accounts import books_time_zone
from apps.billing.selectors.balances import ageing_accounts
from apps.billing.services.payments_allocate import papers_set_off
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.pages import Page
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now


class SetOffSerializer(serializers.Serializer[Any]):
    """An invoice paid with what we owe the account; without amount as much as possible."""

    from_invoice = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    from_settlement = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    invoice = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False)


class SetOffsView(PaymentActView):
    """Credits set off against invoices."""

    @extend_schema(request=SetOffSerializer, responses={201: AllocationSerializer, 409: CONFLICT})
    def post(self, request: Request) -> Response:
        """Set a credit or a settlement of the same account off against an invoice."""
        wanted = checked(SetOffSerializer, request)
        allocation = papers_set_off(
            from_invoice_id=wanted.get("from_invoice"),
            from_settlement_id=wanted.get("from_settlement"),
            invoice_id=wanted["invoice"],
            amount=wanted.get("amount"),
            by_id=request.user.pk,
        )
        return Response(AllocationSerializer(allocation).data, status=status.HTTP_201_CREATED)


class AgeingSerializer(serializers.Serializer[Any]):
    """What an account owes in one currency, by days since it was due."""

    account = serializers.CharField(source="account.code")
    name = serializers.CharField(source="account.name")
    currency = serializers.CharField(source="ageing.currency")
    not_due = serializers.DecimalField(16, 2, source="ageing.not_due")
    days_0_30 = serializers.DecimalField(16, 2, source="ageing.days_0_30")
    days_31_60 = serializers.DecimalField(16, 2, source="ageing.days_31_60")
    days_61_90 = serializers.DecimalField(16, 2, source="ageing.days_61_90")
    days_over_90 = serializers.DecimalField(16, 2, source="ageing.days_over_90")
    fees = serializers.DecimalField(16, 2, source="ageing.fees")
    credits = serializers.DecimalField(16, 2, source="ageing.credits")
    settlements = serializers.DecimalField(16, 2, source="ageing.settlements")
    payments = serializers.DecimalField(16, 2, source="ageing.payments")
    balance = serializers.DecimalField(16, 2, source="ageing.balance")


class AgeingParameters(PageParameters):
    on = serializers.DateField(required=False, help_text="The day; left out: today.")


class AgeingView(ApiView):
    """Balances of accounts by age."""

    permissions = {"GET": READ}
    parameters = AgeingParameters

    @extend_schema(responses=list_of(AgeingSerializer))
    def get(self, request: Request) -> Response:
        """The most overdue first; positive is owed to us. `after` is a number of rows."""
        on = self.query.get("on") or local_day(utc_now(), books_time_zone())
        limit, offset = self.query["limit"], self.query.get("after") or 0
        rows = ageing_accounts(on=on, limit=limit + 1, offset=offset)
        more = offset + limit if len(rows) > limit else None
        return listed(request, Page(rows[:limit], more), AgeingSerializer)


urlpatterns = [
    *route("payments/ageing", AgeingView.as_view(), "payments-ageing"),
    *route("payments/set-offs", SetOffsView.as_view(), "payments-set-offs"),
]
