"""Cariflex's HTTP side on a real port, as the product serves it, and partners in its database.

with ocpi_serving() as site:                      # fixture `site` of tests.ocpi.conftest
    site.versions_url("guadeloupe")
    with ocpi_partner(role="EMSP") as platform, operator_context("guadeloupe"):
        partner = partner_of(platform)            # a registered Partner row, without handshake
        connect(platform, site, "guadeloupe")     # platform.ours(...) knows our endpoints
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from a2wsgi import WSGIMiddleware
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.ocpi.access import token_hash, token_make
from apps.ocpi.choices import InterfaceRole, PartnerState
from apps.ocpi.models import Partner, PartnerEndpoint, PartnerRole
from apps.ocpi.server import routes
from cariflex.common.time import utc_now
from cariflex.request_bodies import RequestBodies
from cariflex.wsgi import application
from tests.contracts.ocpi_partner import SERVED, OcpiPartner

LIMIT_S = 60.0


@dataclass(frozen=True)
class Site:
    """Where the server listens."""

    port: int

    def root_url(self, schema_name: str) -> str:
        return f"http://{schema_name}.localhost:{self.port}/ocpi"

    def versions_url(self, schema_name: str) -> str:
        return f"{self.root_url(schema_name)}/versions"

    def address(
        self, schema_name: str, version: str, module: str, role: str = InterfaceRole.RECEIVER
    ) -> str:
        return routes.address(self.root_url(schema_name), version, module, InterfaceRole(role))


@contextmanager
def ocpi_serving(threads: int = 4) -> Iterator[Site]:
    """Serve until the block ends; needs the fixture `live_operators`."""
    kept = _Connections()
    middleware = WSGIMiddleware(kept.used_by(application), workers=threads)
    config = uvicorn.Config(RequestBodies(middleware), port=0, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    give_up = time.monotonic() + LIMIT_S
    while not server.started and time.monotonic() < give_up:
        time.sleep(0.01)
    try:
        yield Site(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)
        middleware.executor.shutdown()
        kept.close()


class _Connections:
    """Those of the server's threads: kept from call to call as in the product, then closed."""

    def __init__(self) -> None:
        self._of_threads: dict[int, BaseDatabaseWrapper] = {}

    def used_by(self, wsgi: Any) -> Any:
        def serve(environ: dict[str, object], start_response: object) -> object:
            wrapper = connections[DEFAULT_DB_ALIAS]
            if self._of_threads.get(threading.get_ident()) is not wrapper:
                wrapper.inc_thread_sharing()  # closed by the test's thread
                self._of_threads[threading.get_ident()] = wrapper
            return list(wsgi(environ, start_response))

        return serve

    def close(self) -> None:
        for wrapper in self._of_threads.values():
            wrapper.close()


def partner_of(platform: OcpiPartner, **fields: Any) -> Partner:
    """The row of a platform that is registered already, in the current operator.

    Sets `platform.token_out`; its endpoints and its one role are stored.
    """
    platform.token_out = token_make()
    country_code, party_id = platform.party
    partner = Partner.objects.create(
        **{
            "code": f"p{platform.port}",
            "name": f"{platform.role} {party_id}",
            "state": PartnerState.REGISTERED,
            "role": platform.role,
            "version": platform.version,
            "versions_url": platform.versions_url,
            "token_in_hash": token_hash(platform.token_out),
            "is_token_in_invitation": False,
            "token_out": platform.token_in,
            "accepts_unencoded_token": platform.unencoded,
            "sends_unencoded_token": platform.unencoded,
            "registered_at": utc_now(),
            **fields,
        }
    )
    PartnerRole.objects.create(
        partner=partner, role=platform.role, country_code=country_code, party_id=party_id
    )
    PartnerEndpoint.objects.bulk_create(
        PartnerEndpoint(
            partner=partner, identifier=module, role=role, url=platform.address(module, role)
        )
        for module, role in SERVED[platform.role]
    )
    return partner


def connect(platform: OcpiPartner, site: Site, schema_name: str) -> None:
    """Let the platform know our endpoints of its version, as a registration would."""
    root = site.root_url(schema_name)
    platform.endpoints = [
        {
            "identifier": module,
            "role": str(role),
            "url": routes.address(root, platform.version, module, role),
        }
        for module, role in routes.interfaces(platform.version)
    ]
