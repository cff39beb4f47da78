"""Orders to stations: giving them, to one or to many, and what became of them."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.chargers.api.serializers import (
    CommandBatchSerializer,
    CommandSerializer,
    CommandsSerializer,
)
from apps.chargers.choices import CommandStatus
from apps.chargers.models import STATION_ID_MAX_LENGTH, ChargingStation, Command, CommandBatch
from apps.chargers.selectors import (
    batch_progress,
    batches_page,
    command_rows,
    commands_page,
)
from apps.chargers.services.command_batches import batch_start
from apps.chargers.services.intents import order_send
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.views import ApiView

READ_COMMANDS = ("chargers.view_command",)
GIVE_COMMANDS = ("chargers.view_command", "chargers.add_command")
MOST_STATIONS = 100_000
COMMANDS = list_of(CommandSerializer)


class CommandParameters(PageParameters):
    status = serializers.ChoiceField(CommandStatus.choices, required=False)
    action = serializers.CharField(required=False, help_text="An OCPP action.")


class OrderSerializer(serializers.Serializer[Command]):
    """An OCPP action with its request; the answer comes later, in the command."""

    action = serializers.CharField(
        max_length=40, help_text="Of the station's version; a 1.6 station also takes those of 2.x."
    )
    payload = serializers.DictField(
        required=False,
        default=dict,
        help_text="The request as on the wire. requestId and remoteStartId may be left out.",
    )
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class StationCommandsView(ApiView):
    """Orders to one station."""

    permissions = {"GET": READ_COMMANDS, "POST": GIVE_COMMANDS}
    parameters = CommandParameters
    refusal_statuses = {"chargers.station_unknown": status.HTTP_404_NOT_FOUND}

    @extend_schema(responses=COMMANDS)
    def get(self, request: Request, station_id: str) -> Response:
        """Orders to a station, newest first."""
        get_object_or_404(ChargingStation, station_id=station_id)
        return listed(request, commands_page(station=station_id, **self.page), CommandSerializer)

    @extend_schema(request=OrderSerializer, responses={201: CommandsSerializer})
    def post(self, request: Request, station_id: str) -> Response:
        """Order something of a station. One that is not connected has failed at once."""
        asked = OrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        commands = order_send(
            station_id=station_id, requested_by_id=request.user.pk, **asked.validated_data
        )
        return Response(
            CommandsSerializer({"commands": commands}).data, status=status.HTTP_201_CREATED
        )


class CommandView(ApiView):
    """One order and what became of it."""

    permissions = {"GET": READ_COMMANDS}

    @extend_schema(responses=CommandSerializer)
    def get(self, request: Request, command_id: int) -> Response:
        return Response(CommandSerializer(get_object_or_404(command_rows(), pk=command_id)).data)


class BatchOrderSerializer(OrderSerializer):
    """One order for many stations: those named, or all."""

    station_ids = serializers.ListField(
        child=serializers.CharField(max_length=STATION_ID_MAX_LENGTH),
        required=False,
        allow_empty=False,
        max_length=MOST_STATIONS,
    )
    all = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Either stations or all of them."""
        if ("station_ids" in attrs) == attrs["all"]:
            raise serializers.ValidationError(
                {"station_ids": ["Give either station_ids or all."]}, code="required"
            )
        return attrs


class CommandBatchesView(ApiView):
    """Bulk orders."""

    permissions = {
        "GET": ("chargers.view_commandbatch",),
        "POST": (*GIVE_COMMANDS, "chargers.add_commandbatch"),
    }
    parameters = PageParameters

    @extend_schema(responses=list_of(CommandBatchSerializer))
    def get(self, request: Request) -> Response:
        """Bulk orders with their progress, newest first."""
        return listed(request, batches_page(**self.page), CommandBatchSerializer)

    @extend_schema(request=BatchOrderSerializer, responses={201: CommandBatchSerializer})
    def post(self, request: Request) -> Response:
        """Order something of many stations, in the background."""
        asked = BatchOrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        batch = batch_start(
            action=wanted["action"],
            payload=wanted["payload"],
            station_ids=wanted.get("station_ids"),
            requested_by_id=request.user.pk,
            reason=wanted["reason"],
        )
        return Response(
            CommandBatchSerializer(batch_progress(batch_id=batch.pk)).data,
            status=status.HTTP_201_CREATED,
        )


class CommandBatchView(ApiView):
    """How far a bulk order is."""

    permissions = {"GET": ("chargers.view_commandbatch",)}

    @extend_schema(responses=CommandBatchSerializer)
    def get(self, request: Request, batch_id: int) -> Response:
        progress = batch_progress(batch_id=batch_id)
        if progress is None:
            raise Http404
        return Response(CommandBatchSerializer(progress).data)


class CommandBatchCommandsView(ApiView):
    """The result of each station of a bulk order."""

    permissions = {"GET": ("chargers.view_commandbatch", *READ_COMMANDS)}
    parameters = CommandParameters

    @extend_schema(responses=COMMANDS)
    def get(self, request: Request, batch_id: int) -> Response:
        """The orders of a bulk order, newest first; `status=failed` shows what went wrong."""
        get_object_or_404(CommandBatch, pk=batch_id)
        return listed(request, commands_page(batch=batch_id, **self.page), CommandSerializer)
