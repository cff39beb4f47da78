"""The TLS door of stations: security profiles 2 and 3 ended by our own server.

uvicorn tells an application nothing of a client's certificate. This protocol reads it from the TLS
connection itself and puts it into the scope as the ASGI extension "tls" (client_cert, DER), so that
no header of a stranger or of a proxy can claim one.

OpenSSL checks that the client holds the key and that an authority of some operator signed the
certificate; that it is this operator's and this station's is checked at admission.
"""

import logging
import ssl
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

logger = logging.getLogger(__name__)

AUTHORITIES_EVERY_S = 60.0


class TlsStationProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, with the client's verified certificate in the scope."""

    def handle_connect(self, event: Any) -> None:
        """The application's task starts after this returns, with the scope completed."""
        super().handle_connect(event)
        connection = self.transport.get_extra_info("ssl_object")
        scope: Any = getattr(self, "scope", None)
        if connection is None or scope is None:
            return
        certificate = connection.getpeercert(binary_form=True)
        scope["extensions"]["tls"] = {"client_cert": certificate or b""}


def station_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer (A00.FR.318) that asks for a client certificate and does without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate, key)
    # Stations of profile 2 have none: who must have one is known once the path was read.
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


class ServedCertificate:
    """Takes up the server's certificate again when its files change; no socket is closed for it."""

    def __init__(self, context: ssl.SSLContext, certificate: Path, key: Path) -> None:
        self._context = context
        self._files = (certificate, key)
        self._seen = self._stamps()

    def refresh(self) -> bool:
        """Serve new connections with what the files say now; True when they changed."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        # Key and chain that do not fit raise, and what is served stays (tried again next time).
        self._context.load_cert_chain(*self._files)
        self._seen = stamps
        logger.info("server certificate taken up")
        return True

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        found = [path.stat() for path in self._files]
        return tuple((one.st_mtime_ns, one.st_ino) for one in found)


class TrustedAuthorities:
    """Adds the authorities of all operators to a TLS context, the new ones as they come.

    One that was retired stays known to OpenSSL until a restart, but opens nothing: admission asks
    the database.
    """

    def __init__(self, context: ssl.SSLContext, read: Callable[[], Iterable[str]]) -> None:
        self._context = context
        self._read = read
        self._known: set[str] = set()
        self._ended = threading.Event()

    def refresh(self) -> int:
        """Trust what is not trusted yet; how many."""
        new = set(self._read()) - self._known
        for pem in new:
            self._context.load_verify_locations(cadata=pem)
        self._known |= new
        return len(new)

    def follow(self, *also: Callable[[], object], every_s: float = AUTHORITIES_EVERY_S) -> None:
        """Refresh, and do what else is due, until `end` is called; what fails is tried again."""
        while not self._ended.wait(every_s):
            for refresh in (self.refresh, *also):
                try:
                    refresh()
                # The outer edge of the thread: what is known already is served on.
                except Exception:
                    logger.exception("TLS not refreshed")

    def end(self) -> None:
        """Stop following."""
        self._ended.set()


def tls_server(application: Any, context: ssl.SSLContext, **options: Any) -> uvicorn.Server:
    """A uvicorn that serves stations by TLS."""
    config = uvicorn.Config(
        application,
        lifespan="off",
        ws=TlsStationProtocol,
        ssl_context_factory=lambda _config, _default: context,
        server_header=False,
        # Nobody stands before this server: no header says who or how somebody came.
        proxy_headers=False,
        **options,
    )
    return uvicorn.Server(config)
