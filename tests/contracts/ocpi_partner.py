"""A small roaming platform: an eMSP, a CPO or a hub that speaks OCPI over HTTP, with faults.

In a test:

    with ocpi_partner(role="EMSP", party=("FR", "ABC"), version="2.2.1") as partner:
        partner.versions_url              # where others begin
        partner.invite()                  # -> a TOKEN_A that opens its versions and credentials
        partner.register(versions_url, token_a)   # it registers with us (POST credentials)
        partner.rotate(); partner.unregister()    # PUT, DELETE
        partner.lists["cdrs"] = [{...}, ...]      # what its sender interfaces give, in pages
        partner.received["sessions"]      # {"FR/ABC/S1": object} that were put, patched, posted
        partner.requests                  # every Request that arrived, in order
        partner.fault = Fault(...)        # how it misbehaves from now on, see Fault
        partner.allowed["UID"] = {...}    # the answer to POST tokens/UID/authorize; else 404/2004
        partner.command_response = {"result": "ACCEPTED", "timeout": 30}
        partner.commands                  # [(command, body)] that were posted to it
        partner.call("PUT", partner.ours("locations", "RECEIVER") + "/FR/ABC/LOC1", {...})
                                          # -> Reply(http, headers, envelope); headers and token set

`partner.ours(module, role)` is where the registered side serves a module. `partner.token_out` is
what it presents, `partner.token_in` what it wants to be presented. A test that makes the Partner
row by itself sets both. The pages keep the filters date_from and date_to.

On its own: `python -m tests.contracts.ocpi_partner --role EMSP --port 9000` prints its
versions_url and a token, `--register URL --token T` registers it.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.contracts.ocpi_answers import Answering
from tests.contracts.ocpi_platform import (
    BREAKS,
    DROPPED,
    RECEIVER,
    SERVED,
    Fault,
    Rejected,
    Reply,
    Request,
    http_call,
)

__all__ = [
    "BREAKS", "SERVED", "Fault", "OcpiPartner", "Rejected", "Reply", "Request", "http_call",
    "ocpi_partner",
]  # fmt: skip


class OcpiPartner(Answering):
    """The platform; see the module."""

    def __init__(
        self,
        role: str = "EMSP",
        party: tuple[str, str] = ("FR", "ABC"),
        version: str = "2.2.1",
        versions: Sequence[str] = (),
        unencoded: bool = False,
    ) -> None:
        self.role, self.party, self.version = role, party, version
        self.versions = list(versions or [version])
        self.unencoded = unencoded
        self.token_in = "in-" + uuid.uuid4().hex
        self.token_out = ""
        self.invitation = ""
        self.credentials: dict[str, Any] | None = None
        """What the other side told of itself."""
        self.endpoints: list[dict[str, Any]] = []
        self.hidden_modules: set[str] = set()
        self.page_limit = 50
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.received: dict[str, dict[str, Any]] = {}
        self.allowed: dict[str, dict[str, Any]] = {}
        self.command_response: dict[str, Any] = {"result": "ACCEPTED", "timeout": 30}
        self.commands: list[tuple[str, Any]] = []
        self.requests: list[Request] = []
        self.fault = Fault()
        self.port = 0
        self._lock = threading.Lock()

    # --- where things are ---

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def versions_url(self) -> str:
        return f"{self.url}/versions"

    def address(self, module: str, role: str) -> str:
        """Where it serves a module of its version."""
        return f"{self.url}/{self.version}/{role.lower()}/{module}"

    def ours(self, module: str, role: str = RECEIVER) -> str:
        """Where the other side serves a module, as it told at the registration."""
        for endpoint in self.endpoints:
            is_role = module == "credentials" or endpoint.get("role", role) == role
            if endpoint["identifier"] == module and is_role:
                return str(endpoint["url"])
        raise LookupError(f"{module} {role}")

    def count(self, method: str, path_part: str) -> int:
        return sum(r.method == method and path_part in r.path for r in self.requests)

    # --- as a client ---

    def invite(self) -> str:
        """A token that opens versions and credentials once."""
        self.invitation = "invite-" + uuid.uuid4().hex
        return self.invitation

    def headers(
        self, token: str | None = None, to: tuple[str, str] | None = None
    ) -> dict[str, str]:
        """What it sends with every functional request."""
        text = self.token_out if token is None else token
        if not self.unencoded:
            text = base64.b64encode(text.encode()).decode()
        found = {
            "Authorization": f"Token {text}",
            "X-Request-ID": str(uuid.uuid4()),
            "X-Correlation-ID": str(uuid.uuid4()),
            "Content-Type": "application/json",
        }
        if self.version != "2.1.1":
            found |= {"OCPI-from-country-code": self.party[0], "OCPI-from-party-id": self.party[1]}
            if to is not None:
                found |= {"OCPI-to-country-code": to[0], "OCPI-to-party-id": to[1]}
        return found

    def call(
        self,
        method: str,
        url: str,
        body: Any = None,
        *,
        token: str | None = None,
        to: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request to the other side; `headers` replace or (None) remove its own."""
        sent = {**self.headers(token, to), **(headers or {})}
        text = None if body is None else json.dumps(body).encode()
        return http_call(method, url, {k: v for k, v in sent.items() if v is not None}, text)

    def register(self, versions_url: str, token: str) -> Reply:
        """GET versions and details with TOKEN_A, POST credentials; keeps what it is told."""
        self._read_versions(versions_url, token)
        reply = self.call("POST", self.ours("credentials"), self.own_credentials(), token=token)
        self._told(reply)
        return reply

    def rotate(self) -> Reply:
        """PUT credentials with a new token."""
        self.token_in = "in-" + uuid.uuid4().hex
        reply = self.call("PUT", self.ours("credentials"), self.own_credentials())
        self._told(reply)
        return reply

    def unregister(self) -> Reply:
        """DELETE credentials."""
        return self.call("DELETE", self.ours("credentials"))

    def own_credentials(self) -> dict[str, Any]:
        """What it tells of itself."""
        details = {"name": f"{self.role} {self.party[1]}"}
        if self.version == "2.1.1":
            return {
                "token": self.token_in, "url": self.versions_url, "party_id": self.party[1],
                "country_code": self.party[0], "business_details": details,
            }  # fmt: skip
        role = {
            "role": self.role, "party_id": self.party[1], "country_code": self.party[0],
            "business_details": details,
        }  # fmt: skip
        return {"token": self.token_in, "url": self.versions_url, "roles": [role]}

    def _read_versions(self, versions_url: str, token: str) -> None:
        found = self.call("GET", versions_url, token=token).data
        url = next(row["url"] for row in found if row["version"] == self.version)
        self.endpoints = self.call("GET", url, token=token).data["endpoints"]

    def _told(self, reply: Reply) -> None:
        if reply.http == 200 and reply.status_code == 1000:
            self.credentials = reply.data
            self.token_out = self.credentials["token"]


@contextmanager
def ocpi_partner(port: int = 0, **options: Any) -> Iterator[OcpiPartner]:
    """Serve a platform until the block ends; `options` are those of OcpiPartner."""
    partner = OcpiPartner(**options)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            request = Request(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query)),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
            )
            partner.requests.append(request)
            status, headers, content = partner.answer(request)
            self.close_connection = True
            if status == DROPPED:
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815

        def log_message(self, *_args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_args: object) -> None:
            """A caller that went away is no news."""

    server = Server(("127.0.0.1", port), Handler)
    partner.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield partner
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="A roaming platform that speaks OCPI")
    parser.add_argument("--role", choices=sorted(SERVED), default="EMSP")
    parser.add_argument("--country-code", default="FR")
    parser.add_argument("--party-id", default="ABC")
    parser.add_argument("--ocpi-version", default="2.2.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--unencoded", action="store_true")
    parser.add_argument("--register", metavar="VERSIONS_URL")
    parser.add_argument("--token")
    asked = parser.parse_args()
    with ocpi_partner(
        port=asked.port,
        role=asked.role,
        party=(asked.country_code, asked.party_id),
        version=asked.ocpi_version,
        unencoded=asked.unencoded,
    ) as partner:
        words = {"versions_url": partner.versions_url, "token": partner.invite()}
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()
        if asked.register:
            reply = partner.register(asked.register, asked.token)
            sys.stdout.write(f"{reply.http} {reply.body.decode()}\n")
            sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
