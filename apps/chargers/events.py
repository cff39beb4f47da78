"""What happened at a station, told upward when the transaction commits."""

from dataclasses import dataclass
from datetime import datetime

from cariflex.common.events import Event


@dataclass(frozen=True)
class SessionStarted(Event):
    """The first event of a session was stored."""

    session_id: int


@dataclass(frozen=True)
class SessionUpdated(Event):
    """A session's state, energy, power or SoC changed."""

    session_id: int


@dataclass(frozen=True)
class SessionEnded(Event):
    """The Ended event of a session was applied; told once for each session."""

    session_id: int


@dataclass(frozen=True)
class SessionRevised(Event):
    """A late event changed the energy or the times of a session that had ended."""

    session_id: int


@dataclass(frozen=True)
class StationChanged(Event):
    """A station came, left, or told a new state of itself or a connector."""

    station_id: str


@dataclass(frozen=True)
class ConnectionChanged(Event):
    """A station's socket was opened (again), or the station went offline, at an instant."""

    station_pk: int
    is_online: bool
    at: datetime


@dataclass(frozen=True)
class ConnectorStatusChanged(Event):
    """A connector told another status or error code."""

    station_pk: int
    evse_id: int
    connector_id: int
    status: str
    error_code: str
    at: datetime


@dataclass(frozen=True)
class SecurityEventStored(Event):
    """A security event that was not known."""

    security_event_id: int


@dataclass(frozen=True)
class FaultChanged(Event):
    """A fault came or went: an event of a station that alerts or carries a fault code."""

    station_event_id: int


@dataclass(frozen=True)
class CommandChanged(Event):
    """An order was queued, sent, or ended."""

    command_id: int


@dataclass(frozen=True)
class TokenChanged(Event):
    """A token came onto the operator's list, changed, or left it."""

    id_token_id: int


@dataclass(frozen=True)
class LoadGroupChanged(Event):
    """A load group's cap or members changed, or a station answered to a limit of it."""

    group_id: int


@dataclass(frozen=True)
class WebhookEventRecorded(Event):
    """News for webhooks was written down and waits to be handed out."""
