"""What 2.x stations report beside sessions (JSON parsed, schema checked) to internal events.

Source: OCPP 2.0.1 Part 2, A04 and N07; `severity` of an event is of 2.1.
"""

from collections.abc import Mapping
from typing import Any

from apps.chargers.ocpp.events import EventReport, SecurityReport
from apps.chargers.ocpp.values import count, instant, integer, number_of, printable, storable

Payload = Mapping[str, Any]


def security_event(payload: Payload) -> SecurityReport:
    """SecurityEventNotificationRequest."""
    return SecurityReport(
        type=printable(payload["type"], "type"),
        at=instant(payload["timestamp"]),
        tech_info=storable(payload.get("techInfo", ""), "techInfo"),
    )


def station_events(payload: Payload) -> tuple[EventReport, ...]:
    """The events of a NotifyEventRequest, in the order sent."""
    return tuple(_event(told) for told in payload["eventData"])


def _event(told: Payload) -> EventReport:
    evse = told["component"].get("evse") or {}
    return EventReport(
        event_id=integer(told["eventId"]),
        at=instant(told["timestamp"]),
        trigger=told["trigger"],
        component=printable(told["component"]["name"], "component.name"),
        variable=printable(told["variable"]["name"], "variable.name"),
        evse_id=number_of(evse.get("id", 0), "evse.id"),
        connector_id=number_of(evse.get("connectorId", 0), "evse.connectorId"),
        value=storable(told["actualValue"], "actualValue"),
        tech_code=storable(told.get("techCode", ""), "techCode"),
        tech_text=storable(told.get("techInfo", ""), "techInfo"),
        severity=count(told["severity"], "severity") if "severity" in told else None,
        is_cleared=bool(told.get("cleared", False)),
    )
