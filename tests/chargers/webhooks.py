"""A partner's machine that takes webhooks, and what its tests have in common."""

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.chargers.models import ChargingStation, WebhookSubscription
from apps.chargers.ocpp.events import ConnectorReport
from apps.chargers.services import connector_status_set
from apps.chargers.services.webhooks import webhook_create, webhook_events_relay
from apps.outbox.services import outbox_deliver_due

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


class Partner:
    """A partner's machine: what came, and what it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status, self.headers, self.body = 204, dict[str, str](), b""
        partner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                partner.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(partner.status)
                for name, value in partner.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(partner.body)))
                self.end_headers()
                self.wfile.write(partner.body)

            def log_message(self, *_args: object) -> None:
                """Silent."""

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _headers, body in self.got]

    def told(self) -> list[tuple[str, str, int]]:
        return [(e["type"], e["station"], e["sequence"]) for e in self.events()]


@pytest.fixture(scope="module")
def _listening() -> Iterator[Partner]:
    partner = Partner()
    thread = threading.Thread(target=partner.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield partner
    partner.server.shutdown()
    thread.join(5)
    partner.server.server_close()


@pytest.fixture
def partner(_listening: Partner) -> Partner:
    _listening.got.clear()
    _listening.status, _listening.headers, _listening.body = 204, {}, b""
    return _listening


def hook(partner: Partner, *event_types: str, **options: Any) -> WebhookSubscription:
    return webhook_create(
        name="Roaming", url=partner.url, event_types=event_types or ("*",), **options
    )


def deliver(subscription: WebhookSubscription) -> int:
    """Hand out and send what is due; how many arrived."""
    webhook_events_relay()
    return outbox_deliver_due(destination_name=f"webhook:{subscription.pk}")


def status_tell(station: ChargingStation, status: str, minutes: int) -> None:
    report = ConnectorReport(1, 1, status, NOON + timedelta(minutes=minutes))
    connector_status_set(station_pk=station.pk, report=report)
