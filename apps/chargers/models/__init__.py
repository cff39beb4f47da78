"""Charging stations, what they told us, and what we asked of them (one operator's schema)."""

from apps.chargers.models.messages import Command, StationMessage
from apps.chargers.models.sessions import IdToken, MeterValue, Session, SessionEvent, mask_token
from apps.chargers.models.stations import (
    STATION_ID_MAX_LENGTH,
    ChargingStation,
    Connector,
    Evse,
    RefusedConnection,
)

__all__ = [
    "STATION_ID_MAX_LENGTH",
    "ChargingStation",
    "Command",
    "Connector",
    "Evse",
    "IdToken",
    "MeterValue",
    "RefusedConnection",
    "Session",
    "SessionEvent",
    "StationMessage",
    "mask_token",
]
