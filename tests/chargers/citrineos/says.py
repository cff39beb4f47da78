"""Messages as CitrineOS passes them on, in both forms."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.chargers.csms.citrineos.messages import BridgedMessage, live_message, stored_message
from tests.chargers.events import dumps, event, meter
from tests.contracts.citrineos_fake.server import js_instant

BEGIN = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def live(
    action: str,
    payload: dict[str, Any],
    *,
    station_id: str = "CIT-001",
    message_id: str = "m-1",
    at: datetime = BEGIN,
    protocol: str = "ocpp2.0.1",
    tenant_id: int = 1,
    origin: str = "cs",
    state: int = 1,
) -> BridgedMessage:
    """As it stands on the exchange."""
    body = {
        "origin": origin,
        "eventGroup": "router",
        "action": action,
        "state": state,
        "context": {
            "stationId": station_id,
            "correlationId": message_id,
            "tenantId": tenant_id,
            "timestamp": js_instant(at),
        },
        "protocol": protocol,
        "payload": payload,
    }
    return live_message(dumps(body).encode())


def stored(row: dict[str, Any]) -> BridgedMessage:
    """As it stands in the table."""
    return stored_message(json.loads(json.dumps(row)))


def charging(
    count: int, *, transaction_id: str = "tx-1", step_wh: int = 1000
) -> list[dict[str, Any]]:
    """A transaction of `count` events, a minute apart: 1,000 Wh at first, `step_wh` more each."""
    payloads = []
    for seq_no in range(count):
        at = js_instant(BEGIN + timedelta(minutes=seq_no))
        kind = "Started" if seq_no == 0 else "Ended" if seq_no == count - 1 else "Updated"
        payloads.append(
            event(
                seq_no, kind, at, transaction_id=transaction_id, evse_id=1,
                meter_values=[meter(at, register_wh=str(1000 + step_wh * seq_no))],
            )
        )  # fmt: skip
    return payloads


def charged(payloads: Iterable[dict[str, Any]], **words: Any) -> list[BridgedMessage]:
    """The events on the exchange, each with an id and an instant of its own."""
    return [
        live(
            "TransactionEvent",
            payload,
            message_id=f"e-{payload['transactionInfo']['transactionId']}-{payload['seqNo']}",
            at=BEGIN + timedelta(minutes=payload["seqNo"]),
            **words,
        )
        for payload in payloads
    ]
