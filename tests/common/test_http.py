"""The HTTP client against a real server on loopback, and against addresses it must refuse."""

import http.server
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from cariflex.common.errors import ExternalError
from cariflex.common.http import AddressRefused, HttpClient

REFUSED = [
    "http://127.0.0.1:1/",
    "http://localhost:1/",
    "http://[::1]:1/",
    "http://[::ffff:127.0.0.1]:1/",
    "http://0.0.0.0:1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://224.0.0.1/",
    "http://93.184.216.34/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "https://user:secret@93.184.216.34/",
]


class Peer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/echo":
                self._reply(200, f"{self.path} {self.headers['X-Token']}".encode())
            case "/moved":
                self._reply(302, b"", Location="http://127.0.0.1/elsewhere")
            case "/big":
                self._reply(200, b"x" * 2000)
            case "/busy":
                self._reply(429, b"", **{"Retry-After": "250"})
            case "/cut":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"x" * 400)
            case "/drip":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                for _byte in range(30):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)

    def _reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def peer() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def client(**options: object) -> HttpClient:
    return HttpClient(system="peer", allow_loopback=True, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", REFUSED)
def test_a_forbidden_address_gets_no_connection(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: opened.append(a))

    with pytest.raises(AddressRefused):
        HttpClient(system="partner").request("GET", url)

    assert opened == []


def test_a_server_of_our_own_network_may_be_private(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []

    def refuse(address: object, **_options: object) -> socket.socket:
        opened.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    inner = HttpClient(system="flexmeasures", own_network=True)

    with pytest.raises(ExternalError, match="cannot be reached"):
        inner.request("GET", "http://10.1.2.3:5000/")

    assert opened == [("10.1.2.3", 5000)]


def test_query_and_headers_arrive(peer: str) -> None:
    reply = client(base_url=peer, headers={"X-Token": "t1"}).request(
        "GET", "/echo", params={"day": "2026-03-10"}
    )

    assert reply.status == 200
    assert reply.text == "/echo?day=2026-03-10 t1"


def test_a_redirect_is_an_answer_not_a_way(peer: str) -> None:
    assert client(base_url=peer).request("GET", "/moved").status == 302


def test_an_answer_above_the_limit_is_refused(peer: str) -> None:
    with pytest.raises(ExternalError, match="more than 1000 bytes") as refused:
        client(base_url=peer, max_bytes=1000).request("GET", "/big")

    assert not refused.value.retryable


def test_a_slow_drip_ends_at_the_deadline(peer: str) -> None:
    slow = client(base_url=peer, connect_timeout_s=0.1, read_timeout_s=0.3)

    with pytest.raises(ExternalError, match="took too long|no whole answer") as late:
        slow.request("GET", "/drip")

    assert late.value.retryable


def test_a_body_cut_short_is_no_answer(peer: str) -> None:
    with pytest.raises(ExternalError, match="no whole answer") as caught:
        HttpClient(system="x", allow_loopback=True).request("GET", f"{peer}/cut")

    assert caught.value.retryable


def test_nobody_listening_is_retryable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    with pytest.raises(ExternalError, match="cannot be reached") as down:
        client().request("GET", f"http://127.0.0.1:{port}/")

    assert down.value.retryable


def test_retry_after_reaches_the_caller(peer: str) -> None:
    http_client = client(base_url=peer)

    with pytest.raises(ExternalError) as busy:
        http_client.expect(http_client.request("GET", "/busy"), ok=frozenset({200}))

    assert (busy.value.retryable, busy.value.retry_after_s, busy.value.status) == (True, 250.0, 429)
