"""Tokens over HTTP: who may charge. A token is given whole and shown masked."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.chargers.choices import TokenStatus, TokenType
from apps.chargers.models import IdToken, TokenGroup
from apps.chargers.selectors.api import token_rows, tokens_page
from apps.chargers.services.tokens import token_add, token_remove, token_update
from cariflex.common.api.errors import ApiErrorSerializer
from cariflex.common.api.fields import InstantField
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.views import ApiView

TOKEN_MAX_LENGTH = 36
READ_TOKENS = ("chargers.view_idtoken",)


class TokenSerializer(serializers.ModelSerializer[IdToken]):
    """A token of the operator's own list."""

    id_token_masked = serializers.CharField(source="__str__")
    group = serializers.CharField(
        source="group.group_id", default=None, allow_null=True, help_text="The group's id."
    )

    class Meta:
        model = IdToken
        fields = (
            "id",
            "id_token_masked",
            "type",
            "status",
            "group",
            "valid_from",
            "expires_at",
            "charging_priority",
            "is_in_local_lists",
            "note",
            "created_at",
        )
        read_only_fields = fields


class TokenChangesSerializer(serializers.Serializer[IdToken]):
    """What may be said of a token; what is left out stays as it is."""

    type = serializers.ChoiceField(TokenType.choices, required=False)
    status = serializers.ChoiceField(TokenStatus.choices, required=False)
    group = serializers.SlugRelatedField(
        slug_field="group_id",
        queryset=TokenGroup.objects.all(),
        required=False,
        allow_null=True,
        help_text="The id of a group that exists.",
    )
    valid_from = InstantField(required=False, allow_null=True, help_text="With offset.")
    expires_at = InstantField(required=False, allow_null=True, help_text="With offset.")
    charging_priority = serializers.IntegerField(
        required=False, min_value=-9, max_value=9, help_text="-9 to 9 (C01: chargingPriority)."
    )
    is_in_local_lists = serializers.BooleanField(
        required=False, help_text="Whether stations keep it for when they are alone."
    )
    note = serializers.CharField(required=False, allow_blank=True, max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Nothing that would be passed over in silence, like the token's own text."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(
                {unknown[0][:50]: ["There is no such field here."]}, code="unknown_field"
            )
        return attrs


class NewTokenSerializer(TokenChangesSerializer):
    """A token to be added; an accepted RFID card unless it says otherwise."""

    id_token = serializers.CharField(max_length=TOKEN_MAX_LENGTH)


class TokenParameters(PageParameters):
    id_token = serializers.CharField(
        required=False, max_length=TOKEN_MAX_LENGTH, help_text="The whole token, in any case."
    )
    type = serializers.ChoiceField(TokenType.choices, required=False)
    status = serializers.ChoiceField(TokenStatus.choices, required=False)
    group = serializers.CharField(required=False, help_text="The id of a group.")


class TokensView(ApiView):
    """The operator's own list of tokens."""

    permissions = {
        "GET": READ_TOKENS,
        "POST": (*READ_TOKENS, "chargers.add_idtoken"),
    }
    parameters = TokenParameters
    refusal_statuses = {"chargers.token_exists": status.HTTP_409_CONFLICT}

    @extend_schema(responses=list_of(TokenSerializer))
    def get(self, request: Request) -> Response:
        """Tokens by id."""
        return listed(request, tokens_page(**self.page), TokenSerializer)

    @extend_schema(
        request=NewTokenSerializer,
        responses={
            201: TokenSerializer,
            409: OpenApiResponse(ApiErrorSerializer, "There is such a token already."),
        },
    )
    def post(self, request: Request) -> Response:
        """Add a token."""
        asked = NewTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        token = token_add(**asked.validated_data)
        return Response(TokenSerializer(token).data, status=status.HTTP_201_CREATED)


class TokenView(ApiView):
    """One token."""

    permissions = {
        "GET": READ_TOKENS,
        "PATCH": (*READ_TOKENS, "chargers.change_idtoken"),
        "DELETE": (*READ_TOKENS, "chargers.delete_idtoken"),
    }
    refusal_statuses = {
        "chargers.token_unknown": status.HTTP_404_NOT_FOUND,
        "chargers.token_exists": status.HTTP_409_CONFLICT,
    }

    @extend_schema(responses=TokenSerializer)
    def get(self, request: Request, token_id: int) -> Response:
        return Response(TokenSerializer(get_object_or_404(token_rows(), pk=token_id)).data)

    @extend_schema(request=TokenChangesSerializer, responses=TokenSerializer)
    def patch(self, request: Request, token_id: int) -> Response:
        """Change what is said of a token, for example block it."""
        asked = TokenChangesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(
            TokenSerializer(token_update(token_id=token_id, **asked.validated_data)).data
        )

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: int) -> Response:
        """Take a token off the list."""
        token_remove(token_id=token_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
