"""1.6 sessions that their station forgot, mostly in a power cut: ended at what was last told.

A 1.6 station keeps its transactions by itself; one that loses them never sends the end (§4.10).
Such a session is ended here, never above the last register value that the station told, and only
after the station had time to send what it stored. A StopTransaction that comes after all takes the
place of our end (`forgotten_end_withdraw`).
"""

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When

from apps.chargers.choices import ConnectionState, ConnectorStatus, SessionState
from apps.chargers.models import Connector, Session, SessionEvent, StationEvent
from apps.chargers.ocpp.v16 import mapping, numbering
from apps.chargers.ocpp.values import loads
from apps.chargers.services.sessions import Arrival, session_events_apply
from cariflex.common.time import format_rfc3339

logger = logging.getLogger(__name__)

# A station that came back sends first what it stored; some take minutes over a slow modem.
CONNECTED_FOR = timedelta(minutes=15)
# One that never comes back is not waited for longer than this.
SILENT_FOR = timedelta(days=7)
SESSION_FORGOTTEN = "SessionForgotten"
SWEEP_LIMIT = 200
_OURS = "endedBy"
_CSMS = "CSMS"
_FREE = (ConnectorStatus.AVAILABLE, ConnectorStatus.RESERVED)


class Evidence(StrEnum):
    """How we know that a session is over; kept with the station's events."""

    NEXT_SESSION = "another session began on the same connector"
    CONNECTOR_FREE = "the connector has been free since"
    STATION_SILENT = "the station has been silent for 7 days"


def forgotten_sessions_end(*, now: datetime) -> int:
    """End the sessions of 1.6 stations that nobody will end any more; how many."""
    found = _forgotten(now)[:SWEEP_LIMIT]
    return sum(
        _end(session_id, Evidence(evidence), told_at, now=now)
        for session_id, evidence, told_at in found.values_list("pk", "evidence", "told_at")
    )


def _forgotten(now: datetime) -> QuerySet[Any]:
    """Running 1.6 sessions with what shows that they are over (`evidence`), oldest first.

    `told_at` is the station's own time of the last message of the session.
    """
    waited = now - CONNECTED_FOR
    told = SessionEvent.objects.filter(session=OuterRef("pk")).order_by("-at")
    next_session = Session.objects.filter(
        station=OuterRef("station"), evse=OuterRef("evse"), started_at__gt=OuterRef("told_at")
    )
    free = Connector.objects.filter(
        evse=OuterRef("evse"),
        status__in=_FREE,
        status_at__gt=OuterRef("told_at"),
        status_at__lte=waited,
    )
    is_back = Q(
        station__connection_state=ConnectionState.ONLINE,
        station__connected_at__lte=waited,
        updated_at__lte=waited,
    )
    is_gone = Q(
        station__connection_state=ConnectionState.OFFLINE,
        station__last_seen_at__lte=now - SILENT_FOR,
        updated_at__lte=now - SILENT_FOR,
    )
    return (
        Session.objects.filter(state=SessionState.ACTIVE, is_numbered=False)
        .filter(is_back | is_gone)
        .annotate(told_at=Subquery(told.values("at")[:1]))
        .annotate(
            evidence=Case(
                When(is_gone, then=Value(Evidence.STATION_SILENT.value)),
                When(Exists(next_session), then=Value(Evidence.NEXT_SESSION.value)),
                When(Exists(free), then=Value(Evidence.CONNECTOR_FREE.value)),
                default=Value(""),
                output_field=CharField(),
            )
        )
        .exclude(evidence="")
        .order_by("pk")
    )


@transaction.atomic
def _end(session_id: int, evidence: Evidence, told_at: datetime, *, now: datetime) -> bool:
    """End one session at what its station told last; False when it was told more meanwhile."""
    session = (
        Session.objects.select_related("station")
        .select_for_update(of=("self",), skip_locked=True)
        .filter(pk=session_id, state=SessionState.ACTIVE, updated_at__lte=now - CONNECTED_FOR)
        .first()
    )
    if session is None:
        return False
    booted_at = session.station.booted_at
    payload = {
        "transactionId": session.pk,
        "timestamp": format_rfc3339(told_at),
        "meterStop": _whole_wh(session.meter_kwh),
        "reason": "PowerLoss" if booted_at is not None and booted_at > told_at else "Other",
        _OURS: _CSMS,
    }
    text = json.dumps(payload)
    event = mapping.stopped(loads(text), transaction_id=session.transaction_id)
    # No meter row: the station measured nothing at this end.
    event = replace(event, samples=())
    session_events_apply([Arrival(session.station_id, event, text, now, is_numbered=False)])
    StationEvent.objects.create(
        station_id=session.station_id,
        at=now,
        trigger="Alerting",
        component="TxCtrlr",
        variable="TransactionId",
        value=str(session.pk),
        tech_code=SESSION_FORGOTTEN,
        tech_text=evidence.value,
    )
    logger.warning(
        "session forgotten by its station session=%s station=%s evidence=%s",
        session.pk,
        session.station,
        evidence.name.lower(),
    )
    return True


def forgotten_end_withdraw(session: Session) -> None:
    """Take our own end of a session back: its station's end has come and takes its place.

    Called in the transaction that stores the station's end. The bill, if there is one already,
    stays as it was issued.
    """
    if session.state != SessionState.ENDED:
        return
    Session.objects.select_for_update().get(pk=session.pk)
    ours = SessionEvent.objects.filter(session=session, seq_no=numbering.LAST).first()
    if ours is not None and loads(ours.payload).get(_OURS) == _CSMS:
        ours.delete()
        logger.info("session ended by its station after all session=%s", session.pk)


def _whole_wh(meter_kwh: Decimal | None) -> int:
    """The register in whole Wh, rounded down: never more than was told."""
    return int(((meter_kwh or Decimal(0)) * 1000).to_integral_value(rounding=ROUND_FLOOR))
