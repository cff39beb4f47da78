"""`stations_tls`: a live process whose port speaks TLS (security profiles 2 and 3)."""

import threading
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.urls import re_path

from apps.chargers.csms.native.server_certificate import server_certificate_ensure
from apps.chargers.csms.native.tls import (
    ServedCertificate,
    TrustedAuthorities,
    station_tls,
    tls_server,
)
from apps.chargers.routing import websocket_urlpatterns
from apps.chargers.selectors.certificates import trusted_authorities
from apps.tenants.channels import unknown_path
from cariflex.common.time import utc_now
from cariflex.runtime.services import WS_MAX_BYTES


async def no_pages(_scope: Any, _receive: Any, send: Any) -> None:
    """This port serves stations only."""
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


class Command(BaseCommand):
    help = "Serve stations by TLS (wss), with client certificates for security profile 3."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 - stations come from outside
        parser.add_argument("--port", type=int, default=8443)
        parser.add_argument("--certificate", type=Path, help="chain in PEM")
        parser.add_argument("--key", type=Path, help="private key in PEM")
        parser.add_argument(
            "--own", type=Path, help="folder of a certificate that is made and renewed here"
        )
        parser.add_argument(
            "--name", action="append", help="a name or address the own certificate is for"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        ensure = partial(_files, options)
        certificate, key = ensure()
        context = station_tls(certificate, key)
        served = ServedCertificate(context, certificate, key)
        authorities = TrustedAuthorities(context, trusted_authorities)
        self.stdout.write(f"authorities trusted: {authorities.refresh()}")
        connections.close_all()
        threading.Thread(
            target=authorities.follow, args=(ensure, served.refresh), name="tls", daemon=True
        ).start()
        server = tls_server(
            ProtocolTypeRouter(
                {
                    "websocket": URLRouter([*websocket_urlpatterns, re_path(r"", unknown_path)]),
                    "http": no_pages,
                }
            ),
            context,
            host=options["host"],
            port=options["port"],
            ws_max_size=int(WS_MAX_BYTES),
        )
        server.run()
        authorities.end()


def _files(options: dict[str, Any]) -> tuple[Path, Path]:
    """The chain and the key to serve with: those that were given, else our own."""
    if options["certificate"] and options["key"]:
        return options["certificate"], options["key"]
    if options["own"] is None:
        raise CommandError("give --certificate and --key, or --own FOLDER for one made here")
    names = options["name"] or ["localhost"]
    own = server_certificate_ensure(options["own"], names=names, now=utc_now())
    return own.server, own.server
