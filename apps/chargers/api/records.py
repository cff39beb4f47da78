"""What was recorded: the message log, meter values, states of connectors, and availability."""

from datetime import timedelta
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.chargers.api.serializers import (
    ConnectorStateSerializer,
    MeterValueSerializer,
    StationAvailabilitySerializer,
    StationMessageSerializer,
    StatusChangeSerializer,
)
from apps.chargers.choices import ConnectorStatus, MessageDirection
from apps.chargers.models import ChargingStation, Session
from apps.chargers.selectors.api import (
    availability_page,
    connectors_page,
    message_rows_page,
    meter_values_page,
    status_changes_page,
)
from apps.chargers.selectors.messages import MessageSearch
from cariflex.common.api.fields import InstantField
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.views import ApiView
from cariflex.common.time import Interval, utc_now

LONGEST_PERIOD = timedelta(days=366)
MOST_STATIONS = 200


class PeriodParameters(PageParameters):
    start = InstantField(required=False, help_text="With offset; included.")
    end = InstantField(required=False, help_text="With offset; not included.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A period that begins before it ends."""
        if "start" in attrs and "end" in attrs and attrs["end"] <= attrs["start"]:
            raise serializers.ValidationError({"end": ["The end is not after the start."]})
        return attrs


class MessageParameters(PeriodParameters):
    station = serializers.CharField(required=False, help_text="OCPP identity of a station.")
    action = serializers.CharField(required=False, help_text="An OCPP action.")
    direction = serializers.ChoiceField(MessageDirection.choices, required=False)
    error = serializers.CharField(required=False, help_text="Part of an error's text.")
    has_error = serializers.BooleanField(required=False, default=False)


class MessagesView(ApiView):
    """The OCPP frames of all stations, without their secrets."""

    permissions = {"GET": ("chargers.view_stationmessage",)}
    parameters = MessageParameters

    @extend_schema(responses=list_of(StationMessageSerializer))
    def get(self, request: Request) -> Response:
        """Frames, newest first."""
        asked = dict(self.page)
        after, limit = asked.pop("after"), asked.pop("limit")
        page = message_rows_page(search=MessageSearch(**asked), after=after, limit=limit)
        return listed(request, page, StationMessageSerializer)


class MeterValueParameters(PageParameters):
    measurand = serializers.CharField(required=False, help_text="As OCPP names it.")


class SessionMeterValuesView(ApiView):
    """What the meter said during a session."""

    permissions = {"GET": ("chargers.view_session", "chargers.view_metervalue")}
    parameters = MeterValueParameters

    @extend_schema(responses=list_of(MeterValueSerializer))
    def get(self, request: Request, session_id: int) -> Response:
        """Meter values in the order in which they came."""
        session = get_object_or_404(Session, pk=session_id)
        page = meter_values_page(session_pk=session.pk, **self.page)
        return listed(request, page, MeterValueSerializer)


class ConnectorParameters(PageParameters):
    station = serializers.CharField(required=False, help_text="OCPP identity of a station.")
    status = serializers.ChoiceField(ConnectorStatus.choices, required=False)


class ConnectorsView(ApiView):
    """The state of every connector."""

    permissions = {"GET": ("chargers.view_connector",)}
    parameters = ConnectorParameters

    @extend_schema(responses=list_of(ConnectorStateSerializer))
    def get(self, request: Request) -> Response:
        """Connectors by id."""
        return listed(request, connectors_page(**self.page), ConnectorStateSerializer)


class StationStatusChangesView(ApiView):
    """The states that the connectors of a station were in."""

    permissions = {"GET": ("chargers.view_connectorstatuschange",)}
    parameters = PeriodParameters

    @extend_schema(responses=list_of(StatusChangeSerializer))
    def get(self, request: Request, station_id: str) -> Response:
        """Changes that came last first."""
        station = get_object_or_404(ChargingStation, station_id=station_id)
        page = status_changes_page(station_pk=station.pk, **self.page)
        return listed(request, page, StatusChangeSerializer)


class AvailabilityParameters(PeriodParameters):
    limit = serializers.IntegerField(
        min_value=1, max_value=MOST_STATIONS, default=50, help_text="Stations of a page."
    )
    start = InstantField(help_text="With offset; included.")
    end = InstantField(help_text="With offset; not included. At most 366 days after the start.")
    station = serializers.CharField(required=False, help_text="OCPP identity of a station.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """At most a year, so that an answer does not take minutes."""
        attrs = super().validate(attrs)
        if attrs["end"] - attrs["start"] > LONGEST_PERIOD:
            raise serializers.ValidationError({"end": ["Ask for at most 366 days at once."]})
        return attrs


class AvailabilityView(ApiView):
    """Availability of stations and connectors by the AFIR formula, over a period."""

    permissions = {"GET": ("chargers.view_chargingstation", "chargers.view_session")}
    parameters = AvailabilityParameters

    @extend_schema(responses=list_of(StationAvailabilitySerializer))
    def get(self, request: Request) -> Response:
        """Stations by id; nothing is told of the time after now."""
        asked = dict(self.page)
        period = Interval(asked.pop("start"), asked.pop("end"))
        page = availability_page(period=period, now=utc_now(), **asked)
        return listed(request, page, StationAvailabilitySerializer)
