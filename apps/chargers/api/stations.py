"""Stations, what they told of themselves, and sessions."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.chargers.api.records import PeriodParameters
from apps.chargers.api.serializers import (
    SessionSerializer,
    StationSerializer,
    VariableSerializer,
)
from apps.chargers.choices import ConnectionState, RegistrationStatus, SessionState
from apps.chargers.models import ChargingStation
from apps.chargers.selectors.api import (
    session_rows,
    sessions_page,
    station_rows,
    stations_page,
    variables_page,
)
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.views import ApiView


class StationParameters(PageParameters):
    site = serializers.SlugField(required=False, help_text="Code of a site.")
    connection_state = serializers.ChoiceField(ConnectionState.choices, required=False)
    registration_status = serializers.ChoiceField(RegistrationStatus.choices, required=False)


class StationsView(ApiView):
    """All charging stations."""

    permissions = {"GET": ("chargers.view_chargingstation",)}
    parameters = StationParameters

    @extend_schema(responses=list_of(StationSerializer))
    def get(self, request: Request) -> Response:
        return listed(request, stations_page(**self.page), StationSerializer)


class StationView(ApiView):
    """One station, by its OCPP identity."""

    permissions = {"GET": ("chargers.view_chargingstation",)}

    @extend_schema(responses=StationSerializer)
    def get(self, request: Request, station_id: str) -> Response:
        station = get_object_or_404(station_rows(), station_id=station_id)
        return Response(StationSerializer(station).data)


class VariableParameters(PageParameters):
    component = serializers.CharField(required=False, help_text="Name of a component.")


class StationVariablesView(ApiView):
    """The device model of a station, as it told it last."""

    permissions = {"GET": ("chargers.view_devicevariable",)}
    parameters = VariableParameters

    @extend_schema(responses=list_of(VariableSerializer))
    def get(self, request: Request, station_id: str) -> Response:
        station = get_object_or_404(ChargingStation, station_id=station_id)
        page = variables_page(station_pk=station.pk, **self.page)
        return listed(request, page, VariableSerializer)


class SessionParameters(PeriodParameters):
    station = serializers.CharField(required=False, help_text="OCPP identity of a station.")
    state = serializers.ChoiceField(SessionState.choices, required=False)
    transaction_id = serializers.CharField(required=False)


class SessionsView(ApiView):
    """Charging sessions, newest first."""

    permissions = {"GET": ("chargers.view_session",)}
    parameters = SessionParameters

    @extend_schema(responses=list_of(SessionSerializer))
    def get(self, request: Request) -> Response:
        return listed(request, sessions_page(**self.page), SessionSerializer)


class SessionView(ApiView):
    """One charging session."""

    permissions = {"GET": ("chargers.view_session",)}

    @extend_schema(responses=SessionSerializer)
    def get(self, request: Request, session_id: int) -> Response:
        return Response(SessionSerializer(get_object_or_404(session_rows(), pk=session_id)).data)
