"""Months of the books over HTTP: how one stands, and closing it."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.api.month_field import MonthField
from apps.billing.months import month_parse
from apps.billing.selectors.closing import month_review, months_page
from apps.billing.services.closing import month_close
from cariflex.common.api.errors import ApiErrorSerializer
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import DEFAULT_LIMIT, HIGHEST_LIMIT, Parameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now

READ = ("billing.view_monthclosing", "billing.view_invoice")


class MonthRowSerializer(serializers.Serializer[Any]):
    """A month of the books."""

    month = MonthField()
    closed_at = serializers.DateTimeField(allow_null=True)


class MonthStepSerializer(serializers.Serializer[Any]):
    """One thing to do before a month is closed."""

    code = serializers.CharField()
    count = serializers.IntegerField()
    is_blocking = serializers.BooleanField(help_text="It cannot be closed before.")


class MonthTotalsSerializer(serializers.Serializer[Any]):
    """What was billed in a month, in one currency; credit notes are taken off."""

    currency = serializers.CharField()
    cdrs = serializers.IntegerField()
    energy_kwh = serializers.DecimalField(max_digits=24, decimal_places=9, normalize_output=True)
    net = serializers.DecimalField(max_digits=16, decimal_places=2)
    tax = serializers.DecimalField(max_digits=16, decimal_places=2)
    gross = serializers.DecimalField(max_digits=16, decimal_places=2)
    invoices = serializers.IntegerField()
    credit_notes = serializers.IntegerField()
    without_account_cdrs = serializers.IntegerField()
    without_account_gross = serializers.DecimalField(
        max_digits=18, decimal_places=4, help_text="Receipts of people without a contract."
    )


class MonthSerializer(serializers.Serializer[Any]):
    """How a month stands."""

    month = MonthField()
    is_over = serializers.BooleanField()
    may_close = serializers.BooleanField()
    closed_at = serializers.DateTimeField(source="closing.closed_at", default=None, allow_null=True)
    steps = MonthStepSerializer(many=True)
    totals = MonthTotalsSerializer(many=True)


class MonthsParameters(Parameters):
    limit = serializers.IntegerField(
        min_value=1, max_value=HIGHEST_LIMIT, default=DEFAULT_LIMIT, help_text="Rows of a page."
    )
    after = MonthField(
        required=False, help_text="Continue after this month; follow `next` instead of setting it."
    )


class MonthsView(ApiView):
    """Months that have CDRs or papers."""

    permissions = {"GET": READ}
    parameters = MonthsParameters

    @extend_schema(responses=list_of(MonthRowSerializer))
    def get(self, request: Request) -> Response:
        """The newest first."""
        page = months_page(today=utc_now().date(), **self.page)
        return listed(request, page, MonthRowSerializer)


class MonthView(ApiView):
    """One month."""

    permissions = {"GET": READ}

    @extend_schema(responses=MonthSerializer)
    def get(self, request: Request, month: str) -> Response:
        return Response(MonthSerializer(month_review(month_parse(month), now=utc_now())).data)


class MonthCloseView(ApiView):
    """Close a month, for good."""

    permissions = {"POST": (*READ, "billing.close_month")}
    refusal_statuses = {
        "billing.month_not_over": status.HTTP_409_CONFLICT,
        "billing.month_not_ready": status.HTTP_409_CONFLICT,
        "billing.month_closed": status.HTTP_409_CONFLICT,
    }

    @extend_schema(
        request=None,
        responses={
            200: MonthSerializer,
            409: OpenApiResponse(ApiErrorSerializer, "Something is left to do in it."),
        },
    )
    def post(self, request: Request, month: str) -> Response:
        now = utc_now()
        closing = month_close(month=month_parse(month), by=request.user, now=now)  # type: ignore[arg-type]
        return Response(MonthSerializer(month_review(closing.month, now=now)).data)


urlpatterns = [
    *route("months", MonthsView.as_view(), "months"),
    *route("months/<str:month>", MonthView.as_view(), "month"),
    *route("months/<str:month>/close", MonthCloseView.as_view(), "month-close"),
]
