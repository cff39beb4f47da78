"""Every write to stations, sessions, tokens and commands."""

from apps.chargers.services.arrivals import events_apply
from apps.chargers.services.commands import (
    command_claim,
    command_finish,
    command_send,
    commands_sweep,
)
from apps.chargers.services.connections import (
    HEARTBEAT_INTERVAL_S,
    Admission,
    Refusal,
    connection_admit,
    connection_close,
    connection_open,
    connection_refused,
    connection_seen,
    connections_sweep,
)
from apps.chargers.services.intents import start as remote_start
from apps.chargers.services.intents import stop as remote_stop
from apps.chargers.services.messages import LoggedFrame, messages_prune, messages_store
from apps.chargers.services.session_checks import session_check
from apps.chargers.services.sessions import Arrival, session_event_apply, session_events_apply
from apps.chargers.services.stations import (
    connector_status_set,
    meter_report_store,
    station_booted,
    station_password_set,
    station_register,
)
from apps.chargers.services.tokens import token_authorize, token_register

__all__ = [
    "HEARTBEAT_INTERVAL_S",
    "Admission",
    "Arrival",
    "LoggedFrame",
    "Refusal",
    "command_claim",
    "command_finish",
    "command_send",
    "commands_sweep",
    "connection_admit",
    "connection_close",
    "connection_open",
    "connection_refused",
    "connection_seen",
    "connections_sweep",
    "connector_status_set",
    "messages_prune",
    "messages_store",
    "meter_report_store",
    "remote_start",
    "remote_stop",
    "events_apply",
    "session_check",
    "session_event_apply",
    "session_events_apply",
    "station_booted",
    "station_password_set",
    "station_register",
    "token_authorize",
    "token_register",
]
