"""Set-points: what was asked of devices, and asking for one."""

from datetime import timedelta

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.assets.api.serializers import SetpointSerializer
from apps.assets.choices import SetpointSource, SetpointStatus
from apps.assets.models import Setpoint
from apps.assets.models.setpoints import DEFAULT_REVERSION_S
from apps.assets.selectors.api import device_id_of, setpoints_page
from apps.assets.services import setpoint_request
from cariflex.common.api.errors import ApiErrorSerializer
from cariflex.common.api.fields import InstantField
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now

CONFLICTS = {
    "setpoint.control_disabled",
    "setpoint.hands_off",
    "setpoint.not_controllable",
    "setpoint.not_in_service",
    "setpoint.outranked",
    "setpoint.soc_at_maximum",
    "setpoint.soc_at_minimum",
}
"""Refusals that lie in the device's state, not in the request."""


class SetpointParameters(PageParameters):
    device = serializers.SlugField(required=False, help_text="Code of a device.")
    status = serializers.ChoiceField(SetpointStatus.choices, required=False)
    source = serializers.ChoiceField(SetpointSource.choices, required=False)


class SetpointRequestSerializer(serializers.Serializer[Setpoint]):
    """A power asked of a device until `expires_at`, or for so many minutes."""

    device = serializers.SlugField(help_text="The device's code.")
    power_kw = serializers.FloatField(
        help_text="Battery: charging positive, discharging negative. PV: its limit, 0 or less."
    )
    reason = serializers.CharField(max_length=200)
    expires_at = InstantField(required=False)
    minutes = serializers.IntegerField(required=False, min_value=1, max_value=24 * 60)
    reversion_s = serializers.IntegerField(
        default=DEFAULT_REVERSION_S,
        min_value=1,
        max_value=3600,
        help_text="When the device falls back by itself, should nobody renew the set-point.",
    )

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        if ("expires_at" in attrs) == ("minutes" in attrs):
            raise serializers.ValidationError(
                {"expires_at": ["Give either expires_at or minutes."]}, code="required"
            )
        return attrs


class SetpointsView(ApiView):
    """Set-points, newest first; a new one has the source `operator` and overrides all others."""

    permissions = {
        "GET": ("assets.view_setpoint",),
        "POST": ("assets.view_setpoint", "assets.add_setpoint"),
    }
    parameters = SetpointParameters
    refusal_statuses = dict.fromkeys(CONFLICTS, status.HTTP_409_CONFLICT)

    @extend_schema(responses=list_of(SetpointSerializer))
    def get(self, request: Request) -> Response:
        """Set-points, newest first."""
        return listed(request, setpoints_page(**self.page), SetpointSerializer)

    @extend_schema(
        request=SetpointRequestSerializer,
        responses={
            201: SetpointSerializer,
            200: OpenApiResponse(
                SetpointSerializer, "The same is in force already, or failed a moment ago."
            ),
            409: OpenApiResponse(ApiErrorSerializer, "The device's state forbids it."),
        },
    )
    def post(self, request: Request) -> Response:
        """Ask a device for a power. The source is `operator`: it overrides all others."""
        asked = SetpointRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted, now = asked.validated_data, utc_now()
        expires_at = wanted.get("expires_at") or now + timedelta(minutes=wanted.get("minutes", 0))
        setpoint = setpoint_request(
            device_id=device_id_of(wanted["device"]),
            power_kw=wanted["power_kw"],
            source=SetpointSource.OPERATOR,
            reason=wanted["reason"],
            expires_at=expires_at,
            requested_by=request.user,
            reversion_s=wanted["reversion_s"],
            now=now,
        )
        is_new = setpoint.requested_at == now
        return Response(
            SetpointSerializer(setpoint).data,
            status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK,
        )


class SetpointView(ApiView):
    """One set-point."""

    permissions = {"GET": ("assets.view_setpoint",)}

    @extend_schema(responses=SetpointSerializer)
    def get(self, request: Request, setpoint_id: int) -> Response:
        setpoints = Setpoint.objects.select_related("device", "requested_by")
        return Response(SetpointSerializer(get_object_or_404(setpoints, pk=setpoint_id)).data)
