"""Accounts over HTTP: who pays, and for which tokens."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.choices import AccountKind, BillingLanguage, TaxTreatment
from apps.billing.models import AccountToken, BillingAccount
from apps.billing.selectors.accounts import account_rows, account_tokens_page, accounts_page
from apps.billing.services.accounts import (
    account_add,
    account_token_add,
    account_token_remove,
    account_update,
)
from cariflex.common.api.errors import ApiErrorSerializer
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView

READ = ("billing.view_billingaccount",)
_NOT_FOUND = {"billing.account_unknown": status.HTTP_404_NOT_FOUND}
_TAKEN = {"billing.account_exists": status.HTTP_409_CONFLICT}


class AccountSerializer(serializers.ModelSerializer[BillingAccount]):
    """Who gets invoices."""

    hub_fee_percent = serializers.DecimalField(max_digits=5, decimal_places=2)
    hub_fee_per_cdr = serializers.DecimalField(max_digits=12, decimal_places=4)

    class Meta:
        model = BillingAccount
        fields = (
            "id", "code", "kind", "name", "street", "street_more", "postal_code", "city",
            "country_code", "territory", "siren", "siret", "vat_number", "email", "phone", "iban",
            "bic", "party_country_code", "party_id", "tax_treatment", "currency", "language",
            "payment_days", "hub_fee_percent", "hub_fee_per_cdr", "sepa_mandate_id",
            "sepa_mandate_signed_on", "is_active", "note", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class AccountChangesSerializer(serializers.Serializer[BillingAccount]):
    """What may be said of an account; what is left out stays as it is."""

    kind = serializers.ChoiceField(AccountKind.choices, required=False)
    name = serializers.CharField(required=False, max_length=200)
    street = serializers.CharField(required=False, allow_blank=True, max_length=200)
    street_more = serializers.CharField(required=False, allow_blank=True, max_length=200)
    postal_code = serializers.CharField(required=False, allow_blank=True, max_length=20)
    city = serializers.CharField(required=False, allow_blank=True, max_length=100)
    country_code = serializers.CharField(required=False, max_length=2, help_text="ISO 3166-1.")
    territory = serializers.CharField(required=False, allow_blank=True, max_length=5)
    siren = serializers.CharField(required=False, allow_blank=True, max_length=20)
    siret = serializers.CharField(required=False, allow_blank=True, max_length=20)
    vat_number = serializers.CharField(required=False, allow_blank=True, max_length=30)
    email = serializers.EmailField(required=False, allow_blank=True)
    phone = serializers.CharField(required=False, allow_blank=True, max_length=40)
    iban = serializers.CharField(required=False, allow_blank=True, max_length=50)
    bic = serializers.CharField(required=False, allow_blank=True, max_length=11)
    party_country_code = serializers.CharField(required=False, allow_blank=True, max_length=2)
    party_id = serializers.CharField(required=False, allow_blank=True, max_length=3)
    tax_treatment = serializers.ChoiceField(TaxTreatment.choices, required=False)
    currency = serializers.CharField(required=False, max_length=3, help_text="ISO 4217.")
    language = serializers.ChoiceField(BillingLanguage.choices, required=False)
    payment_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=365
    )
    hub_fee_percent = serializers.DecimalField(
        required=False, max_digits=5, decimal_places=2, min_value=0, max_value=100
    )
    hub_fee_per_cdr = serializers.DecimalField(
        required=False, max_digits=12, decimal_places=4, min_value=0
    )
    sepa_mandate_id = serializers.CharField(required=False, allow_blank=True, max_length=35)
    sepa_mandate_signed_on = serializers.DateField(required=False, allow_null=True)
    is_active = serializers.BooleanField(required=False)
    note = serializers.CharField(required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Nothing that would be passed over in silence."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(
                {unknown[0][:50]: ["There is no such field here."]}, code="unknown_field"
            )
        return attrs


class NewAccountSerializer(AccountChangesSerializer):
    """An account to be added."""

    code = serializers.SlugField(max_length=40)
    kind = serializers.ChoiceField(AccountKind.choices)
    name = serializers.CharField(max_length=200)


class AccountParameters(PageParameters):
    kind = serializers.ChoiceField(AccountKind.choices, required=False)
    is_active = serializers.BooleanField(required=False, allow_null=True, default=None)
    search = serializers.CharField(required=False, help_text="Part of the code or name.")


class AccountsView(ApiView):
    """Accounts: customers and roaming partners."""

    permissions = {"GET": READ, "POST": (*READ, "billing.add_billingaccount")}
    parameters = AccountParameters
    refusal_statuses = _TAKEN

    @extend_schema(responses=list_of(AccountSerializer))
    def get(self, request: Request) -> Response:
        """Accounts by id."""
        return listed(request, accounts_page(**self.page), AccountSerializer)

    @extend_schema(
        request=NewAccountSerializer,
        responses={
            201: AccountSerializer,
            409: OpenApiResponse(ApiErrorSerializer, "Code or OCPI party is taken."),
        },
    )
    def post(self, request: Request) -> Response:
        """Add an account."""
        asked = NewAccountSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        account = account_add(**asked.validated_data)
        return Response(AccountSerializer(account).data, status=status.HTTP_201_CREATED)


class AccountView(ApiView):
    """One account."""

    permissions = {"GET": READ, "PATCH": (*READ, "billing.change_billingaccount")}
    refusal_statuses = {**_NOT_FOUND, **_TAKEN}

    @extend_schema(responses=AccountSerializer)
    def get(self, request: Request, account_id: int) -> Response:
        return Response(AccountSerializer(get_object_or_404(account_rows(), pk=account_id)).data)

    @extend_schema(request=AccountChangesSerializer, responses=AccountSerializer)
    def patch(self, request: Request, account_id: int) -> Response:
        """Change an account; issued invoices keep what stood in it."""
        asked = AccountChangesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        account = account_update(account_id=account_id, **asked.validated_data)
        return Response(AccountSerializer(account).data)


class AccountTokenSerializer(serializers.ModelSerializer[AccountToken]):
    """A token that an account pays for."""

    id_token_masked = serializers.CharField(source="id_token.__str__")
    token = serializers.IntegerField(source="id_token_id", help_text="The token's id.")

    class Meta:
        model = AccountToken
        fields = ("id", "token", "id_token_masked")
        read_only_fields = fields


class NewAccountTokenSerializer(serializers.Serializer[AccountToken]):
    """A token of the operator's list."""

    id_token = serializers.CharField(max_length=36)


class AccountTokensView(ApiView):
    """The tokens that an account pays for; those of its groups are not listed."""

    permissions = {
        "GET": (*READ, "billing.view_accounttoken"),
        "POST": (*READ, "billing.add_accounttoken"),
    }
    parameters = PageParameters
    refusal_statuses = {**_NOT_FOUND, "billing.token_taken": status.HTTP_409_CONFLICT}

    @extend_schema(responses=list_of(AccountTokenSerializer))
    def get(self, request: Request, account_id: int) -> Response:
        """Tokens by id."""
        account = get_object_or_404(account_rows(), pk=account_id)
        page = account_tokens_page(account_id=account.pk, **self.page)
        return listed(request, page, AccountTokenSerializer)

    @extend_schema(
        request=NewAccountTokenSerializer,
        responses={
            201: AccountTokenSerializer,
            409: OpenApiResponse(ApiErrorSerializer, "Another account pays for it."),
        },
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Let the account pay for a token."""
        asked = NewAccountTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        token = account_token_add(account_id=account_id, **asked.validated_data)
        return Response(AccountTokenSerializer(token).data, status=status.HTTP_201_CREATED)


class AccountTokenView(ApiView):
    """One of them."""

    permissions = {"DELETE": (*READ, "billing.delete_accounttoken")}
    refusal_statuses = {"billing.token_unknown": status.HTTP_404_NOT_FOUND}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, account_id: int, account_token_id: int) -> Response:
        """The account pays for it no more."""
        account_token_remove(account_id=account_id, account_token_id=account_token_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


urlpatterns = [
    *route("accounts", AccountsView.as_view(), "accounts"),
    *route("accounts/<int:account_id>", AccountView.as_view(), "account"),
    *route("accounts/<int:account_id>/tokens", AccountTokensView.as_view(), "account-tokens"),
    *route(
        "accounts/<int:account_id>/tokens/<int:account_token_id>",
        AccountTokenView.as_view(),
        "account-token",
    ),
]
