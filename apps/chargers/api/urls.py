"""Addresses of charging below /api/v1/."""

from apps.chargers.api.commands import (
    CommandBatchCommandsView,
    CommandBatchesView,
    CommandBatchView,
    CommandView,
    StationCommandsView,
)
from apps.chargers.api.stations import (
    SessionsView,
    SessionView,
    StationsView,
    StationVariablesView,
    StationView,
)
from cariflex.common.api.urls import route

urlpatterns = [
    *route("stations", StationsView.as_view(), "stations"),
    *route("stations/<str:station_id>", StationView.as_view(), "station"),
    *route("stations/<str:station_id>/commands", StationCommandsView.as_view(), "station-commands"),
    *route(
        "stations/<str:station_id>/variables", StationVariablesView.as_view(), "station-variables"
    ),
    *route("sessions", SessionsView.as_view(), "sessions"),
    *route("sessions/<int:session_id>", SessionView.as_view(), "session"),
    *route("commands/<int:command_id>", CommandView.as_view(), "command"),
    *route("command-batches", CommandBatchesView.as_view(), "command-batches"),
    *route("command-batches/<int:batch_id>", CommandBatchView.as_view(), "command-batch"),
    *route(
        "command-batches/<int:batch_id>/commands",
        CommandBatchCommandsView.as_view(),
        "command-batch-commands",
    ),
]
