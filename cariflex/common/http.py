"""The one client for outside URLs. They are hostile input: see `HttpClient`."""

import http.client
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from cariflex.common.errors import ExternalError

JSON: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None
RETRYABLE_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK_BYTES = 65_536


class AddressRefused(ExternalError):
    """The URL leads to an address that we do not call."""

    def __init__(self, system: str, message: str) -> None:
        super().__init__(system, message, retryable=False)


@dataclass(frozen=True)
class HttpResponse:
    """One whole answer; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The decoded body; ValueError when it is not JSON."""
        return json.loads(self.content)

    @property
    def retry_after_s(self) -> float | None:
        """The seconds of Retry-After (RFC 9110 10.2.3), None when absent or a date."""
        try:
            return max(0.0, float(self.headers["retry-after"]))
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True)
class HttpClient:
    """HTTP for one outside system, safe against URLs that partners give us.

    The name is resolved once and the connection goes to that very address, so that a second DNS
    answer cannot redirect it. Private, loopback, link-local and reserved ranges are refused
    (`allow_loopback` opens 127.0.0.0/8 and ::1 for the demo and for tests), plain http outside
    loopback too. No redirect is followed. Size and total time are bounded.

    `own_network` is for an address that the deployment's environment gives, never a partner: a
    server beside us may be private and speak plain http.
    """

    system: str
    base_url: str | None = None
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 20.0
    max_bytes: int = 5_000_000
    allow_loopback: bool = False
    own_network: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json_body: JSON = None,
        data: bytes | None = None,
    ) -> HttpResponse:
        """One exchange, whatever its status; raises ExternalError when there is no whole answer."""
        target = urlsplit(urljoin(self.base_url or "", url))
        query = "&".join(part for part in (target.query, urlencode(params or {})) if part)
        body = json.dumps(json_body).encode() if json_body is not None else data
        sent = {"Accept": "*/*", **self.headers, **(headers or {})}
        if json_body is not None:
            sent.setdefault("Content-Type", "application/json")
        path = (target.path or "/") + (f"?{query}" if query else "")
        deadline = time.monotonic() + self.connect_timeout_s + self.read_timeout_s
        connection = self._connect(target)
        try:
            connection.request(method, path, body=body, headers=sent)
            reply = connection.getresponse()
            try:
                content = self._read(reply, connection, deadline)
            finally:
                reply.close()
        except (OSError, http.client.HTTPException) as err:
            name = type(err).__name__
            raise ExternalError(self.system, f"no whole answer ({name})", retryable=True) from err
        finally:
            connection.close()
        lower = {name.lower(): value for name, value in reply.getheaders()}
        return HttpResponse(reply.status, lower, content)

    def expect(self, response: HttpResponse, *, ok: frozenset[int]) -> HttpResponse:
        """The response if its status is in `ok`, else ExternalError (Retry-After kept)."""
        if response.status in ok:
            return response
        raise ExternalError(
            self.system,
            f"answered HTTP {response.status}",
            retryable=response.status in RETRYABLE_STATUS,
            retry_after_s=response.retry_after_s,
            status=response.status,
        )

    def check(self, url: str) -> None:
        """Refuse an address that would not be called, without calling it.

        Raises AddressRefused, or ExternalError when its name is not known.
        """
        try:
            target = urlsplit(urljoin(self.base_url or "", url))
        except ValueError as err:
            raise AddressRefused(self.system, "the address is not a URL") from err
        self._address(target)

    def resolve(self, host: str, port: int) -> str:
        """The IP address that `host` leads to, by the same rules, for what does not speak HTTP.

        Raises AddressRefused, or ExternalError when the name is not known.
        """
        return self._resolve(host, port)

    def _address(self, target: SplitResult) -> tuple[str, str, int]:
        """The host of a URL with the IP address and port that it leads to; AddressRefused for one
        that we do not call."""
        if target.scheme not in {"http", "https"} or not target.hostname:
            raise AddressRefused(self.system, "the address must be an http(s) URL with a host")
        if target.username or target.password:
            raise AddressRefused(self.system, "the address must not carry a user or password")
        try:
            port = target.port or (443 if target.scheme == "https" else 80)
        except ValueError as err:
            raise AddressRefused(self.system, "the port is not a number") from err
        address = self._resolve(target.hostname, port)
        is_loopback = ipaddress.ip_address(address).is_loopback
        if target.scheme == "http" and not (is_loopback or self.own_network):
            raise AddressRefused(self.system, "plain http is allowed on loopback only")
        return target.hostname, address, port

    def _connect(self, target: SplitResult) -> http.client.HTTPConnection:
        host, address, port = self._address(target)
        connection: http.client.HTTPConnection
        try:
            raw = socket.create_connection((address, port), timeout=self.connect_timeout_s)
        except OSError as err:
            raise ExternalError(self.system, "cannot be reached", retryable=True) from err
        raw.settimeout(self.read_timeout_s)
        if target.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, port, context=context)
            try:
                connection.sock = context.wrap_socket(raw, server_hostname=host)
            except (OSError, ssl.SSLError) as err:
                raw.close()
                raise ExternalError(self.system, "TLS failed", retryable=False) from err
        else:
            connection = http.client.HTTPConnection(host, port)
            connection.sock = raw
        return connection

    def _resolve(self, host: str, port: int) -> str:
        # Names below localhost are this machine (RFC 6761 6.3), which not every system knows.
        name = "localhost" if host.lower().rstrip(".").endswith(".localhost") else host
        try:
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except UnicodeError as err:
            # A label that is empty or too long never gets as far as the DNS.
            raise AddressRefused(self.system, "the host is not a name") from err
        except OSError as err:
            raise ExternalError(self.system, "the name is not known", retryable=True) from err
        addresses = [str(entry[4][0]).split("%", 1)[0] for entry in found]
        for text in addresses:
            if not self._allowed(ipaddress.ip_address(text)):
                raise AddressRefused(self.system, f"{host} leads to a refused address")
        return addresses[0]

    def _allowed(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        if self.own_network:
            return not address.is_multicast
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if address.is_loopback:
            return self.allow_loopback
        return address.is_global and not address.is_multicast

    def _read(
        self,
        reply: http.client.HTTPResponse,
        connection: http.client.HTTPConnection,
        deadline: float,
    ) -> bytes:
        parts: list[bytes] = []
        size = 0
        announced = reply.length  # None where the end is told otherwise (chunks, close)
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise ExternalError(self.system, "took too long", retryable=True)
            if connection.sock is not None:
                connection.sock.settimeout(min(remaining, self.read_timeout_s))
            part = reply.read1(_CHUNK_BYTES)
            if not part:
                if announced is not None and size < announced:
                    # read1 gives the end of a broken connection as the end of the body.
                    raise http.client.IncompleteRead(b"", announced - size)
                return b"".join(parts)
            size += len(part)
            if size > self.max_bytes:
                raise ExternalError(
                    self.system, f"answered more than {self.max_bytes} bytes", retryable=False
                )
            parts.append(part)
