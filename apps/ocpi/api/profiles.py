"""Charging profiles between platforms: a list of all, and setting ours."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.ocpi.api.commands import GIVE, HIGHEST_ID, REFUSALS
from apps.ocpi.choices import Direction, ProfileMethod
from apps.ocpi.models import RemoteProfile
from apps.ocpi.selectors.partners import own_root_url
from apps.ocpi.selectors.remote_commands import (
    copies_named,
    profiles_rows,
    remote_profiles_page,
)
from apps.ocpi.services import remote_profiles_out as out
from apps.ocpi.services.remote_commands_out import Sender
from cariflex.common.api.errors import FieldError
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now

READ = ("ocpi.view_remoteprofile",)
LONGEST_S = 86_400


class RemoteProfileSerializer(serializers.ModelSerializer[RemoteProfile]):
    """An order about the charging profile of a session: PUT sets, GET asks, DELETE clears."""

    partner = serializers.IntegerField(source="partner_id", help_text="The partner's id.")
    partner_name = serializers.CharField(source="partner.name")
    profile = serializers.JSONField(
        allow_null=True, help_text="The ActiveChargingProfile that was told."
    )

    class Meta:
        model = RemoteProfile
        fields = (
            "id", "direction", "partner", "partner_name", "method", "session_id", "response",
            "timeout_s", "result", "profile", "asked_at", "ended_at", "deadline_at",
        )  # fmt: skip
        read_only_fields = fields


class NewRemoteProfileSerializer(serializers.Serializer[Any]):
    """PUT needs `charging_profile`, GET `duration_s`."""

    method = serializers.ChoiceField(ProfileMethod.choices)
    session = serializers.IntegerField(
        min_value=1, max_value=HIGHEST_ID, help_text="Id of a partner's session."
    )
    charging_profile = serializers.DictField(
        required=False, help_text="A ChargingProfile of OCPI (2.2.1 §14.4.3)."
    )
    duration_s = serializers.IntegerField(required=False, min_value=1, max_value=LONGEST_S)


class RemoteProfileParameters(PageParameters):
    direction = serializers.ChoiceField(Direction.choices, required=False)
    partner = serializers.IntegerField(required=False, min_value=1, max_value=HIGHEST_ID)


class RemoteProfilesView(ApiView):
    """Charging profiles between platforms."""

    permissions = {"GET": READ, "POST": (*READ, *GIVE)}
    parameters = RemoteProfileParameters
    refusal_statuses = REFUSALS

    @extend_schema(responses=list_of(RemoteProfileSerializer))
    def get(self, request: Request) -> Response:
        """Orders of both directions, newest first."""
        return listed(request, remote_profiles_page(**self.page), RemoteProfileSerializer)

    @extend_schema(request=NewRemoteProfileSerializer, responses={201: RemoteProfileSerializer})
    def post(self, request: Request) -> Response:
        """Set, ask for or clear the charging profile of our customer's session at a partner."""
        asked = NewRemoteProfileSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        order = _given(request.user.pk, asked.validated_data)
        return Response(
            RemoteProfileSerializer(get_object_or_404(profiles_rows(), pk=order.pk)).data,
            status=status.HTTP_201_CREATED,
        )


class RemoteProfileView(ApiView):
    """One order."""

    permissions = {"GET": READ}

    @extend_schema(responses=RemoteProfileSerializer)
    def get(self, request: Request, order_id: int) -> Response:
        """The order and what became of it."""
        return Response(
            RemoteProfileSerializer(get_object_or_404(profiles_rows(), pk=order_id)).data
        )


def _given(asked_by_id: int | None, wanted: dict[str, Any]) -> RemoteProfile:
    session = copies_named("session").filter(pk=wanted["session"]).first()
    if session is None:
        raise FieldError("unknown", "There is no such session.", "session")
    sender = Sender(root_url=own_root_url(), now=utc_now(), asked_by_id=asked_by_id)
    needed = {"PUT": "charging_profile", "GET": "duration_s"}.get(wanted["method"])
    if needed is not None and needed not in wanted:
        raise FieldError("required", f"{wanted['method']} needs it.", needed)
    if wanted["method"] == "PUT":
        profile = wanted["charging_profile"]
        return out.profile_set(sender=sender, session=session, profile=profile)
    if wanted["method"] == "GET":
        return out.active_profile_ask(
            sender=sender, session=session, duration_s=wanted["duration_s"]
        )
    return out.profile_clear(sender=sender, session=session)


urlpatterns = [
    *route("roaming/charging-profiles", RemoteProfilesView.as_view(), "roaming-profiles"),
    *route(
        "roaming/charging-profiles/<int:order_id>", RemoteProfileView.as_view(), "roaming-profile"
    ),
]
