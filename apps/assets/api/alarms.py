"""Alarms, and saying that somebody has seen one."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.assets.api.serializers import AlarmSerializer
from apps.assets.choices import AlarmKind
from apps.assets.models import Alarm
from apps.assets.selectors.api import alarms_page
from apps.assets.services.alarms import LONGEST_NOTE, alarm_acknowledge
from cariflex.common.api.errors import ApiErrorSerializer
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now


class AlarmParameters(PageParameters):
    device = serializers.SlugField(required=False, help_text="Code of a device.")
    kind = serializers.ChoiceField(AlarmKind.choices, required=False)
    # None as default: a boolean field that is not sent would count as false.
    is_open = serializers.BooleanField(required=False, allow_null=True, default=None)
    is_acknowledged = serializers.BooleanField(required=False, allow_null=True, default=None)


class AlarmsView(ApiView):
    """Alarms, newest first."""

    permissions = {"GET": ("assets.view_alarm",)}
    parameters = AlarmParameters

    @extend_schema(responses=list_of(AlarmSerializer))
    def get(self, request: Request) -> Response:
        return listed(request, alarms_page(**self.page), AlarmSerializer)


class AcknowledgeSerializer(serializers.Serializer[Alarm]):
    """A word on what was done about it."""

    note = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=LONGEST_NOTE
    )


class AlarmAcknowledgeView(ApiView):
    """Somebody has seen the alarm; the first one stays."""

    permissions = {"POST": ("assets.view_alarm", "assets.change_alarm")}
    refusal_statuses = {
        "alarm.unknown": status.HTTP_404_NOT_FOUND,
        "alarm.acknowledged": status.HTTP_409_CONFLICT,
    }

    @extend_schema(
        request=AcknowledgeSerializer,
        responses={
            200: AlarmSerializer,
            409: OpenApiResponse(ApiErrorSerializer, "It was acknowledged already."),
        },
    )
    def post(self, request: Request, alarm_id: int) -> Response:
        asked = AcknowledgeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        alarm = alarm_acknowledge(
            alarm_id=alarm_id,
            by=request.user,
            now=utc_now(),
            note=asked.validated_data["note"],
        )
        return Response(AlarmSerializer(alarm).data)
