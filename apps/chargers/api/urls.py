"""Addresses of charging below /api/v1/."""

from apps.chargers.api.commands import (
    CommandBatchCommandsView,
    CommandBatchesView,
    CommandBatchView,
    CommandView,
    StationCommandsView,
)
from apps.chargers.api.display_messages import urlpatterns as display_messages
from apps.chargers.api.records import (
    AvailabilityView,
    ConnectorsView,
    MessagesView,
    SessionMeterValuesView,
    StationStatusChangesView,
)
from apps.chargers.api.stations import (
    SessionsView,
    SessionView,
    StationsView,
    StationVariablesView,
    StationView,
)
from apps.chargers.api.tokens import TokensView, TokenView
from apps.chargers.api.webhooks import urlpatterns as webhooks
from cariflex.common.api.urls import route

urlpatterns = [
    *route("stations", StationsView.as_view(), "stations"),
    *route("stations/<str:station_id>", StationView.as_view(), "station"),
    *route("stations/<str:station_id>/commands", StationCommandsView.as_view(), "station-commands"),
    *route(
        "stations/<str:station_id>/variables", StationVariablesView.as_view(), "station-variables"
    ),
    *route(
        "stations/<str:station_id>/status-changes",
        StationStatusChangesView.as_view(),
        "station-status-changes",
    ),
    *route("connectors", ConnectorsView.as_view(), "connectors"),
    *route("availability", AvailabilityView.as_view(), "availability"),
    *route("messages", MessagesView.as_view(), "messages"),
    *route("tokens", TokensView.as_view(), "tokens"),
    *route("tokens/<int:token_id>", TokenView.as_view(), "token"),
    *route("sessions", SessionsView.as_view(), "sessions"),
    *route("sessions/<int:session_id>", SessionView.as_view(), "session"),
    *route(
        "sessions/<int:session_id>/meter-values",
        SessionMeterValuesView.as_view(),
        "session-meter-values",
    ),
    *route("commands/<int:command_id>", CommandView.as_view(), "command"),
    *route("command-batches", CommandBatchesView.as_view(), "command-batches"),
    *route("command-batches/<int:batch_id>", CommandBatchView.as_view(), "command-batch"),
    *route(
        "command-batches/<int:batch_id>/commands",
        CommandBatchCommandsView.as_view(),
        "command-batch-commands",
    ),
    *display_messages,
    *webhooks,
]
