"""Large bodies over a real socket, through the server that the product runs."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvicorn
from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.db import connection

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure
from apps.assets.models import Device, Reading, ReadingImport, Sensor
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import format_rfc3339, utc_now
from cariflex.request_bodies import RequestBodies
from cariflex.wsgi import application as wsgi_application
from tests.assets.api.conftest import sensor_of, token_of
from tests.assets.conftest import battery_make

LIMIT_S = 30.0
TEN_MILLION = 10_000_000
MEBIBYTE = 1024 * 1024
# What may lie in the buffers of the two sockets and of the server when it closes.
BUFFERED_BYTES = 8 * MEBIBYTE


def _close_connection(wsgi: object) -> object:
    """The threads of the server end with the test: none keeps a connection."""

    def serve(environ: dict[str, object], start_response: object) -> object:
        try:
            return list(wsgi(environ, start_response))  # type: ignore[operator]
        finally:
            connection.close()

    return serve


@pytest.fixture
def port(live_operators: tuple[Operator, Operator]) -> Iterator[int]:
    """The product's HTTP side on a free port."""
    middleware = WSGIMiddleware(_close_connection(wsgi_application), workers=2)
    config = uvicorn.Config(RequestBodies(middleware), port=0, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    give_up = time.monotonic() + LIMIT_S
    while not server.started and time.monotonic() < give_up:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(LIMIT_S)
    middleware.executor.shutdown()


@pytest.fixture
def sensor(live_operators: tuple[Operator, Operator]) -> Sensor:
    with operator_context("guadeloupe"):
        roles_ensure()
        return sensor_of(battery_make())


class Sender:
    """A partner's program: what it sent, and what came back."""

    def __init__(self, port: int, token: str, *headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
        self.sent = 0
        head = [
            "POST /api/v1/readings HTTP/1.1",
            "Host: guadeloupe.localhost",
            f"Authorization: Bearer {token}",
            "Content-Type: application/x-ndjson",
            *headers,
        ]
        self.socket.sendall("\r\n".join([*head, "", ""]).encode())

    def send(self, piece: bytes) -> bool:
        """False when the server has closed."""
        try:
            self.socket.sendall(piece)
        except OSError:
            return False
        self.sent += len(piece)
        return True

    def chunk(self, piece: bytes) -> bool:
        return self.send(b"%x\r\n%s\r\n" % (len(piece), piece))

    def reply(self) -> tuple[int, bytes]:
        """The status and everything that came; status 0 when the connection was reset first."""
        came = b""
        try:
            while piece := self.socket.recv(65536):
                came += piece
        except ConnectionResetError:
            pass
        self.socket.close()
        return (int(came.split()[1]) if came else 0), came


def stored() -> tuple[int, int]:
    with operator_context("guadeloupe"):
        return Reading.objects.count(), ReadingImport.objects.count()


def lines(sensor: Sensor, count: int, *, first: int = 0) -> bytes:
    at = utc_now().replace(microsecond=0) - timedelta(days=1)
    return b"".join(
        b'{"sensor": %d, "at": "%s", "value": 1.5}\n'
        % (sensor.pk, format_rfc3339(at + timedelta(seconds=first + n)).encode())
        for n in range(count)
    )


def test_ten_million_readings_are_cut_off_early_and_none_is_stored(
    port: int, sensor: Sensor
) -> None:
    piece = lines(sensor, 1_000)
    sender = Sender(port, token_of(Role.OPERATIONS), "Transfer-Encoding: chunked")

    pieces = 0
    while pieces < TEN_MILLION // 1_000 and sender.chunk(piece):
        pieces += 1
    status, came = sender.reply()

    assert pieces < TEN_MILLION // 1_000, "the server went on reading to the end"
    assert sender.sent < settings.API_PUSH_MAX_BYTES + BUFFERED_BYTES
    assert status in (413, 0), came
    assert stored() == (0, 0)


def test_an_announced_size_is_refused_without_a_byte_of_the_body(port: int, sensor: Sensor) -> None:
    size = 100 * TEN_MILLION
    sender = Sender(
        port, token_of(Role.OPERATIONS), f"Content-Length: {size}", "Expect: 100-continue"
    )

    status, came = sender.reply()

    assert status == 413
    assert b"connection: close" in came.lower()
    assert b"100 Continue" not in came
    assert json.loads(came.partition(b"\r\n\r\n")[2])["code"] == "request_too_large"
    assert stored() == (0, 0)


def test_more_readings_than_allowed_in_few_bytes_are_413(port: int, sensor: Sensor) -> None:
    body = b"{}\n" * (settings.API_PUSH_MAX_READINGS + 1)
    sender = Sender(
        port, token_of(Role.OPERATIONS), f"Content-Length: {len(body)}", "Connection: close"
    )

    sender.send(body)
    status, came = sender.reply()

    assert status == 413
    assert b"readings.too_many" in came
    assert stored() == (0, 0)


def test_a_chunked_body_of_moderate_size_is_stored(port: int, sensor: Sensor) -> None:
    sender = Sender(
        port, token_of(Role.OPERATIONS), "Transfer-Encoding: chunked", "Connection: close"
    )

    for n in range(5):
        assert sender.chunk(lines(sensor, 100, first=n * 100))
    sender.send(b"0\r\n\r\n")
    status, came = sender.reply()

    assert status == 200, came
    assert stored() == (500, 1)


@pytest.mark.parametrize(
    ("header", "is_whole"),
    [
        ((b"transfer-encoding", b"chunked"), False),
        ((b"transfer-encoding", b"chunked"), True),
        ((b"content-length", b"100000"), False),
    ],
)
def test_a_sender_that_goes_away_in_the_middle_leaves_nothing(
    sensor: Sensor, header: tuple[bytes, bytes], *, is_whole: bool
) -> None:
    """Its last line may be cut in the middle of a number: 12.5 would be stored as 1."""
    body = lines(sensor, 10)
    end = (
        {"type": "http.request", "body": b"", "more_body": False}
        if is_whole
        else {"type": "http.disconnect"}
    )
    messages = iter([{"type": "http.request", "body": body, "more_body": True}, end])
    headers = [
        (b"host", b"guadeloupe.localhost"),
        (b"authorization", f"Bearer {token_of(Role.OPERATIONS)}".encode()),
        (b"content-type", b"application/x-ndjson"),
        header,
    ]

    status = asyncio.run(_asked(headers, messages))

    assert (status, *stored()) == ((200, 10, 1) if is_whole else (400, 0, 0))


async def _asked(headers: list[tuple[bytes, bytes]], messages: Iterator[dict[str, Any]]) -> int:
    """The status that the product's HTTP side answers to these messages of the server."""
    answered: list[Any] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        answered.append(message)

    middleware = WSGIMiddleware(_close_connection(wsgi_application), workers=1)
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/v1/readings",
        "query_string": b"",
        "headers": headers,
    }
    await RequestBodies(middleware)(scope, receive, send)
    middleware.executor.shutdown()
    return int(answered[0]["status"])


def test_a_partner_of_one_operator_stores_nothing_at_another(port: int, sensor: Sensor) -> None:
    body = lines(sensor, 3)
    token = token_of(Role.OPERATIONS)
    with operator_context("martinique"):
        battery_make()
        assert Device.objects.count() == 1

    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as line:
        line.sendall(
            b"POST /api/v1/readings HTTP/1.1\r\nHost: martinique.localhost\r\n"
            b"Authorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (token.encode(), len(body)) + body
        )
        came = line.recv(65536)

    assert came.startswith(b"HTTP/1.1 401")
    with operator_context("martinique"):
        assert Reading.objects.count() == 0


def test_the_last_reading_of_a_full_request_is_stored(port: int, sensor: Sensor) -> None:
    """50,000 readings, the most of one request, in under 8 MB."""
    body = lines(sensor, settings.API_PUSH_MAX_READINGS)
    assert len(body) < settings.API_PUSH_MAX_BYTES
    sender = Sender(
        port, token_of(Role.OPERATIONS), f"Content-Length: {len(body)}", "Connection: close"
    )

    sender.send(body)
    status, came = sender.reply()

    assert status == 200, came
    assert stored() == (50_000, 1)
    with operator_context("guadeloupe"):
        newest = Reading.objects.order_by("-at")[0].at
    assert newest > datetime.now(UTC) - timedelta(days=1)
