"""Messages on the displays of stations over HTTP."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.chargers.api.serializers import CommandSerializer
from apps.chargers.choices import DisplayFormat, DisplayPriority, DisplayState, DisplayStatus
from apps.chargers.models import ChargingStation, DisplayMessage
from apps.chargers.selectors.webhooks import display_messages_page
from apps.chargers.services.display_messages import display_message_clear, display_message_set
from cariflex.common.api.fields import InstantField
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView

READ = ("chargers.view_displaymessage",)
GIVE = (*READ, "chargers.add_command")


class DisplayMessageSerializer(serializers.ModelSerializer[DisplayMessage]):
    """A message that a station was asked to show, or says that it shows."""

    requested_by = serializers.CharField(
        source="requested_by.username", default=None, allow_null=True
    )
    command = serializers.IntegerField(source="command_id", allow_null=True)

    class Meta:
        model = DisplayMessage
        fields = (
            "id",
            "message_id",
            "source",
            "priority",
            "state",
            "start_at",
            "end_at",
            "transaction_id",
            "format",
            "language",
            "content",
            "status",
            "station_status",
            "command",
            "requested_by",
            "requested_at",
            "ended_at",
        )
        read_only_fields = fields


class NewDisplayMessageSerializer(serializers.Serializer[Any]):
    """A message to be shown; with the number of one that is shown, it takes its place."""

    content = serializers.CharField(max_length=1024)
    priority = serializers.ChoiceField(
        DisplayPriority.choices, default=DisplayPriority.NORMAL_CYCLE
    )
    format = serializers.ChoiceField(DisplayFormat.choices, default=DisplayFormat.UTF8)
    language = serializers.CharField(max_length=8, default="", allow_blank=True)
    state = serializers.ChoiceField(DisplayState.choices, default="", allow_blank=True)
    start_at = InstantField(required=False, allow_null=True, help_text="With offset.")
    end_at = InstantField(required=False, allow_null=True, help_text="With offset.")
    transaction_id = serializers.CharField(max_length=36, default="", allow_blank=True)
    message_id = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    reason = serializers.CharField(max_length=200, default="", allow_blank=True)


class DisplayMessageParameters(PageParameters):
    status = serializers.ChoiceField(DisplayStatus.choices, required=False)


class StationDisplayMessagesView(ApiView):
    """The messages of a station's display."""

    permissions = {"GET": READ, "POST": GIVE}
    parameters = DisplayMessageParameters
    refusal_statuses = {"chargers.station_unknown": status.HTTP_404_NOT_FOUND}

    @extend_schema(responses=list_of(DisplayMessageSerializer))
    def get(self, request: Request, station_id: str) -> Response:
        """Messages, newest first; `status=shown` are those at the station now."""
        station = get_object_or_404(ChargingStation, station_id=station_id)
        page = display_messages_page(station_pk=station.pk, **self.page)
        return listed(request, page, DisplayMessageSerializer)

    @extend_schema(request=NewDisplayMessageSerializer, responses={201: DisplayMessageSerializer})
    def post(self, request: Request, station_id: str) -> Response:
        """Ask a station to show a message. One that is not connected has failed at once."""
        asked = NewDisplayMessageSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        message = display_message_set(
            station_id=station_id, requested_by_id=request.user.pk, **asked.validated_data
        )
        return Response(DisplayMessageSerializer(message).data, status=status.HTTP_201_CREATED)


class DisplayMessageView(ApiView):
    """One message on a display."""

    permissions = {"DELETE": GIVE}
    refusal_statuses = {"display.not_shown": status.HTTP_404_NOT_FOUND}

    @extend_schema(responses={202: CommandSerializer})
    def delete(self, request: Request, display_message_id: int) -> Response:
        """Ask the station to show it no more; the command says what came of it."""
        command = display_message_clear(
            display_message_id=display_message_id, requested_by_id=request.user.pk
        )
        return Response(CommandSerializer(command).data, status=status.HTTP_202_ACCEPTED)


urlpatterns = [
    *route(
        "stations/<str:station_id>/display-messages",
        StationDisplayMessagesView.as_view(),
        "station-display-messages",
    ),
    *route(
        "display-messages/<int:display_message_id>",
        DisplayMessageView.as_view(),
        "display-message",
    ),
]
