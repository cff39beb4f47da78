"""Tax rates and exchange rates over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.choices import TaxCategory
from apps.billing.models import ExchangeRate, TaxRate
from apps.billing.selectors.taxes import exchange_rates_page, tax_rates_page
from apps.billing.services.taxes import exchange_rate_set, tax_rate_set
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView

READ_TAXES = ("billing.view_taxrate",)
READ_RATES = ("billing.view_exchangerate",)


class TaxRateSerializer(serializers.ModelSerializer[TaxRate]):
    """What is charged in a territory from a day on."""

    percent = serializers.DecimalField(max_digits=6, decimal_places=3, normalize_output=True)
    legal_mention = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="By language: fr, en, es."
    )

    class Meta:
        model = TaxRate
        fields = (
            "id", "territory", "code", "name", "category", "percent", "valid_from", "valid_until",
            "legal_mention", "exemption_code", "source", "is_shipped",
        )  # fmt: skip
        read_only_fields = ("id", "is_shipped")
        validators: list[Any] = []
        """The same key again changes the row."""


class NewTaxRateSerializer(serializers.Serializer[Any]):
    """A rate of the operator's own; the same territory, code and day again changes it."""

    territory = serializers.CharField(max_length=5)
    code = serializers.CharField(max_length=20, default="normal")
    name = serializers.CharField(max_length=60)
    category = serializers.ChoiceField(TaxCategory.choices, default=TaxCategory.STANDARD)
    percent = serializers.DecimalField(max_digits=6, decimal_places=3)
    valid_from = serializers.DateField()
    valid_until = serializers.DateField(required=False, allow_null=True)
    legal_mention = serializers.DictField(child=serializers.CharField(), required=False)
    exemption_code = serializers.CharField(required=False, allow_blank=True, max_length=30)
    source = serializers.CharField(required=False, allow_blank=True, max_length=300)


class TaxRateParameters(PageParameters):
    territory = serializers.CharField(required=False, max_length=5)
    on = serializers.DateField(required=False, help_text="Only those that hold on this day.")


class TaxRatesView(ApiView):
    """Tax rates: those that are shipped, and the operator's own."""

    permissions = {"GET": READ_TAXES, "POST": (*READ_TAXES, "billing.add_taxrate")}
    parameters = TaxRateParameters

    @extend_schema(responses=list_of(TaxRateSerializer))
    def get(self, request: Request) -> Response:
        """Rates by id."""
        return listed(request, tax_rates_page(**self.page), TaxRateSerializer)

    @extend_schema(request=NewTaxRateSerializer, responses={201: TaxRateSerializer})
    def post(self, request: Request) -> Response:
        """Set a rate of the operator's own."""
        asked = NewTaxRateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rate = tax_rate_set(**asked.validated_data)
        return Response(TaxRateSerializer(rate).data, status=status.HTTP_201_CREATED)


class ExchangeRateSerializer(serializers.ModelSerializer[ExchangeRate]):
    """How many euros one unit of a currency is worth on a day, for the books."""

    euros = serializers.DecimalField(max_digits=18, decimal_places=9, normalize_output=True)

    class Meta:
        model = ExchangeRate
        fields = ("id", "currency", "on", "euros", "source")
        read_only_fields = fields


class NewExchangeRateSerializer(serializers.Serializer[Any]):
    """A rate; the same currency and day again corrects it."""

    currency = serializers.CharField(max_length=3)
    on = serializers.DateField()
    euros = serializers.DecimalField(max_digits=18, decimal_places=9)
    source = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class ExchangeRateParameters(PageParameters):
    currency = serializers.CharField(required=False, max_length=3)


class ExchangeRatesView(ApiView):
    """Exchange rates to the euro."""

    permissions = {"GET": READ_RATES, "POST": (*READ_RATES, "billing.add_exchangerate")}
    parameters = ExchangeRateParameters

    @extend_schema(responses=list_of(ExchangeRateSerializer))
    def get(self, request: Request) -> Response:
        """Those that were given last first."""
        return listed(request, exchange_rates_page(**self.page), ExchangeRateSerializer)

    @extend_schema(request=NewExchangeRateSerializer, responses={201: ExchangeRateSerializer})
    def post(self, request: Request) -> Response:
        """Set the rate of a day."""
        asked = NewExchangeRateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rate = exchange_rate_set(**asked.validated_data)
        return Response(ExchangeRateSerializer(rate).data, status=status.HTTP_201_CREATED)


urlpatterns = [
    *route("tax-rates", TaxRatesView.as_view(), "tax-rates"),
    *route("exchange-rates", ExchangeRatesView.as_view(), "exchange-rates"),
]
