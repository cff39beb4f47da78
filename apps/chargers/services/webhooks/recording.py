"""Writes down what webhooks tell, in the transaction in which it happens.

Only types that some active subscription wants are written, so that an operator without webhooks
pays nothing; a new subscription is seen by every process within `ASKED_EVERY_S`.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from apps.chargers.choices import CommandStatus
from apps.chargers.events import (
    CommandChanged,
    ConnectionChanged,
    ConnectorStatusChanged,
    FaultChanged,
    SecurityEventStored,
    SessionEnded,
    SessionRevised,
    SessionStarted,
    SessionUpdated,
    WebhookEventRecorded,
)
from apps.chargers.models import (
    Command,
    SecurityEvent,
    Session,
    StationEvent,
    WebhookEvent,
    WebhookSubscription,
)
from apps.chargers.services.webhooks import types
from apps.chargers.services.webhooks.patterns import is_any_match
from apps.tenants.context import current_schema
from cariflex.common.events import Event, publish, record
from cariflex.common.time import format_rfc3339, utc_now

logger = logging.getLogger(__name__)

ASKED_EVERY_S = 5.0
_OPEN = (CommandStatus.QUEUED, CommandStatus.SENT)


@dataclass(frozen=True, slots=True)
class News:
    """What is told of a station; `at` None for when it became known."""

    type: str
    station_pk: int
    at: datetime | None
    data: dict[str, Any]


_wanted: dict[str, tuple[float, tuple[str, ...]]] = {}
"""Schema -> when it was asked (monotonic seconds), and the patterns of its subscriptions."""


def wanted_forget(schema_name: str) -> None:
    """Ask anew what an operator's subscriptions want."""
    _wanted.pop(schema_name, None)


def _is_wanted(event_types: tuple[str, ...]) -> bool:
    schema_name, at_s = current_schema(), time.monotonic()
    known = _wanted.get(schema_name)
    if known is None or at_s - known[0] >= ASKED_EVERY_S:
        lists = WebhookSubscription.objects.filter(is_active=True).values_list(
            "event_types", flat=True
        )
        known = (at_s, tuple({pattern for patterns in lists for pattern in patterns}))
        _wanted[schema_name] = known
    return any(is_any_match(known[1], event_type) for event_type in event_types)


def _recorder(build: Callable[[Any], News | None], *event_types: str) -> Callable[[Event], None]:
    """Write down what `build` makes of an event of ours, if somebody wants to know."""

    def note(event: Event) -> None:
        if not _is_wanted(event_types):
            return
        try:
            with transaction.atomic():
                news = build(event)
                if news is None or not _is_wanted((news.type,)):
                    return
                now = utc_now()
                WebhookEvent.objects.create(
                    type=news.type,
                    station_id=news.station_pk,
                    data=news.data,
                    occurred_at=news.at or now,
                    recorded_at=now,
                )
        except (OperationalError, InterfaceError):
            raise
        # No session, status or answer is lost for the news of it.
        except Exception:
            logger.exception("webhook event not written event=%s", type(event).__name__)
        else:
            publish(WebhookEventRecorded(event.schema))

    return note


def recorders_register() -> None:
    """Called once, when the app is ready."""
    record(ConnectionChanged, _CONNECTION)
    record(ConnectorStatusChanged, _CONNECTOR)
    record(SecurityEventStored, _SECURITY)
    record(FaultChanged, _FAULT)
    record(CommandChanged, _COMMAND)
    record(SessionStarted, _STARTED)
    record(SessionUpdated, _UPDATED)
    record(SessionEnded, _ENDED)
    record(SessionRevised, _REVISED)


def _connection(event: ConnectionChanged) -> News:
    event_type = types.CONNECTED if event.is_online else types.DISCONNECTED
    return News(event_type, event.station_pk, event.at, {})


def _connector(event: ConnectorStatusChanged) -> News:
    told = {
        "evse_id": event.evse_id,
        "connector_id": event.connector_id,
        "status": event.status,
        "error_code": event.error_code,
    }
    return News(types.CONNECTOR_STATUS, event.station_pk, event.at, told)


def _security(event: SecurityEventStored) -> News:
    row = SecurityEvent.objects.get(pk=event.security_event_id)
    told = {"type": row.type, "tech_info": row.tech_info, "is_critical": row.is_critical}
    return News(types.SECURITY_EVENT, row.station_id, row.at, told)


def _fault(event: FaultChanged) -> News:
    row = StationEvent.objects.get(pk=event.station_event_id)
    told = {
        "component": row.component,
        "variable": row.variable,
        "evse_id": row.evse_number or None,
        "connector_id": row.connector_number or None,
        "value": row.value,
        "tech_code": row.tech_code,
        "tech_text": row.tech_text,
        "severity": row.severity,
    }
    event_type = types.FAULT_CLEARED if row.is_cleared else types.FAULT
    return News(event_type, row.station_id, row.at, told)


def _command(event: CommandChanged) -> News | None:
    row = Command.objects.get(pk=event.command_id)
    if row.status in _OPEN:
        return None
    told = {
        "id": row.pk,
        "action": row.action,
        "status": row.status,
        "error": row.error,
        "reason": row.reason,
        "requested_at": _time(row.requested_at),
        "sent_at": _time(row.sent_at),
        "answered_at": _time(row.answered_at),
    }
    return News(types.COMMAND_FINISHED, row.station_id, row.answered_at, told)


def _started(event: SessionStarted) -> News:
    session = _session(event.session_id)
    return _session_news(types.SESSION_STARTED, session, session.started_at)


def _updated(event: SessionUpdated) -> News:
    return _session_news(types.SESSION_UPDATED, _session(event.session_id), None)


def _ended(event: SessionEnded) -> News:
    session = _session(event.session_id)
    return _session_news(types.SESSION_ENDED, session, session.ended_at)


def _revised(event: SessionRevised) -> News:
    return _session_news(types.SESSION_REVISED, _session(event.session_id), None)


def _session(session_id: int) -> Session:
    return Session.objects.select_related("evse").get(pk=session_id)


def _session_news(event_type: str, session: Session, at: datetime | None) -> News:
    told = {
        "id": session.pk,
        "transaction_id": session.transaction_id,
        "evse_id": session.evse.evse_id if session.evse else None,
        "connector_id": session.connector_id,
        "id_token_masked": session.id_token_masked,
        "state": session.state,
        "charging_state": session.charging_state,
        "started_at": _time(session.started_at),
        "ended_at": _time(session.ended_at),
        "stopped_reason": session.stopped_reason,
        "energy_kwh": _decimal(session.energy_kwh),
        "power_kw": session.power_kw,
        "soc_percent": session.soc_percent,
    }
    return News(event_type, session.station_id, at, told)


def _time(at: datetime | None) -> str | None:
    return None if at is None else format_rfc3339(at)


def _decimal(value: Decimal) -> str:
    """The exact text, as in the API: 9.00055."""
    return format(value.normalize(), "f")


_CONNECTION = _recorder(_connection, types.CONNECTED, types.DISCONNECTED)
_CONNECTOR = _recorder(_connector, types.CONNECTOR_STATUS)
_SECURITY = _recorder(_security, types.SECURITY_EVENT)
_FAULT = _recorder(_fault, types.FAULT, types.FAULT_CLEARED)
_COMMAND = _recorder(_command, types.COMMAND_FINISHED)
_STARTED = _recorder(_started, types.SESSION_STARTED)
_UPDATED = _recorder(_updated, types.SESSION_UPDATED)
_ENDED = _recorder(_ended, types.SESSION_ENDED)
_REVISED = _recorder(_revised, types.SESSION_REVISED)
