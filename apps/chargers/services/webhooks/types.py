"""The types of events that webhooks tell."""

CONNECTED = "station.connected"
DISCONNECTED = "station.disconnected"
FAULT = "station.fault"
FAULT_CLEARED = "station.fault_cleared"
CONNECTOR_STATUS = "connector.status"
SESSION_STARTED = "session.started"
SESSION_UPDATED = "session.updated"
SESSION_ENDED = "session.ended"
SESSION_REVISED = "session.revised"
SECURITY_EVENT = "security.event"
COMMAND_FINISHED = "command.finished"
TEST = "webhook.test"
"""Sent to one subscription on request, whatever its filters."""

EVENT_TYPES = (
    CONNECTED, DISCONNECTED, FAULT, FAULT_CLEARED, CONNECTOR_STATUS, SESSION_STARTED,
    SESSION_UPDATED, SESSION_ENDED, SESSION_REVISED, SECURITY_EVENT, COMMAND_FINISHED,
)  # fmt: skip
