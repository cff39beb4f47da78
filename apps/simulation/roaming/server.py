"""The HTTP side of the partners: OCPI 2.2.1, and what tests and demonstrations ask of them.

GET  /partners                                      the state of all partners
POST /partners/<operator>/emsp/start                {"location_id": ..., "evse_uid": ..., "uid": ""}
POST /partners/<operator>/cpo/card                  {"uid": ...}
     /<operator>/<emsp|cpo>/versions, /2.2.1, ...   OCPI
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from apps.simulation.roaming.link import VERSION
from apps.simulation.roaming.network import Network
from apps.simulation.roaming.objects import Object, time_text
from apps.simulation.roaming.provider import Provider

Partner = Provider | Network
SENDER, RECEIVER = "SENDER", "RECEIVER"
_OBJECTS = ("locations", "sessions", "cdrs", "tariffs")
SERVED: dict[str, tuple[tuple[str, str], ...]] = {
    "emsp": (
        *((module, RECEIVER) for module in _OBJECTS), ("tokens", SENDER), ("commands", SENDER),
    ),
    "cpo": (
        *((module, SENDER) for module in _OBJECTS), ("tokens", RECEIVER), ("commands", RECEIVER),
    ),
}  # fmt: skip
_ECHOED = ("X-Request-ID", "X-Correlation-ID")
_PAGE = 100


class RejectedError(Exception):
    """The answer is an error: an HTTP status and a status code of OCPI."""

    def __init__(self, http: int, status_code: int, message: str) -> None:
        super().__init__(message)
        self.http, self.status_code, self.message = http, status_code, message


def roaming_app(partners: Mapping[tuple[str, str], Partner]) -> web.Application:
    """The HTTP application over all partners, by operator and kind (emsp, cpo)."""
    served = _Served(partners)
    app = web.Application(client_max_size=5_000_000)
    app.router.add_get("/partners", served.state)
    app.router.add_post("/partners/{operator}/emsp/start", served.start)
    app.router.add_post("/partners/{operator}/cpo/card", served.card)
    app.router.add_route("*", "/{operator}/{kind}/{path:.*}", served.ocpi)
    return app


class _Served:
    def __init__(self, partners: Mapping[tuple[str, str], Partner]) -> None:
        self._partners = partners

    # --- for people and tests ---

    async def state(self, _request: web.Request) -> web.Response:
        rows = [
            {"operator": operator, "kind": kind, **_described(partner)}
            for (operator, kind), partner in self._partners.items()
        ]
        return web.json_response(rows)

    async def start(self, request: web.Request) -> web.Response:
        partner = self._partners.get((request.match_info["operator"], "emsp"))
        if not isinstance(partner, Provider):
            return web.json_response({"error": "no such partner"}, status=404)
        given = await request.json()
        key = await partner.start(
            given["location_id"], given["evse_uid"], str(given.get("uid") or "")
        )
        return web.json_response({"key": key, "result": partner.results[key]})

    async def card(self, request: web.Request) -> web.Response:
        partner = self._partners.get((request.match_info["operator"], "cpo"))
        if not isinstance(partner, Network):
            return web.json_response({"error": "no such partner"}, status=404)
        charge = await partner.card(str((await request.json())["uid"]))
        return web.json_response({"session": None if charge is None else charge.id})

    # --- OCPI ---

    async def ocpi(self, request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in _ECHOED if name in request.headers}
        try:
            data, http = await self._answer(request)
            status_code, message = 1000, ""
        except RejectedError as err:
            data, http = None, err.http
            status_code, message = err.status_code, err.message
        if isinstance(data, list):
            headers |= {"X-Total-Count": str(len(data)), "X-Limit": str(_PAGE)}
        body = {"status_code": status_code, "timestamp": time_text(datetime.now(UTC))}
        if data is not None:
            body["data"] = data
        if message:
            body["status_message"] = message
        return web.json_response(body, status=http, headers=headers)

    async def _answer(self, request: web.Request) -> tuple[Any, int]:
        kind = request.match_info["kind"]
        partner = self._partners.get((request.match_info["operator"], kind))
        if partner is None:
            raise RejectedError(404, 2000, "no such partner")
        if not partner.link.is_token(request.headers.get("Authorization", "")):
            raise RejectedError(401, 2000, "token")
        segments = [part for part in request.match_info["path"].split("/") if part]
        body = await _body(request)
        if segments == ["versions"]:
            return [{"version": VERSION, "url": f"{partner.link.own_url}/{VERSION}"}], 200
        if segments == [VERSION]:
            return _details(partner, kind), 200
        if segments == [VERSION, "credentials"]:
            return _credentials(partner, request.method, body), 200
        if len(segments) < 3 or segments[0] != VERSION:  # noqa: PLR2004
            raise RejectedError(404, 2000, "nothing here")
        role, module, path = segments[1].upper(), segments[2], segments[3:]
        if (module, role) not in SERVED[kind]:
            raise RejectedError(404, 2000, "not served")
        if isinstance(partner, Provider):
            return _provider(partner, request, module, path, body)
        return _network(partner, request, module, path, body)


async def _body(request: web.Request) -> Any:
    text = await request.read()
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as err:
        raise RejectedError(400, 2000, "not JSON") from err


def _details(partner: Partner, kind: str) -> Object:
    own = f"{partner.link.own_url}/{VERSION}"
    rows = [{"identifier": "credentials", "role": SENDER, "url": f"{own}/credentials"}]
    for module, role in SERVED[kind]:
        rows.append({"identifier": module, "role": role, "url": f"{own}/{role.lower()}/{module}"})
    return {"version": VERSION, "endpoints": rows}


def _credentials(partner: Partner, method: str, body: Any) -> Any:
    if method == "POST":
        raise RejectedError(405, 2000, "registered already")
    if method == "PUT":
        partner.link.credentials_taken(body)
    if method == "DELETE":
        partner.link.forget()
        return None
    return partner.link.credentials()


def _provider(
    partner: Provider, request: web.Request, module: str, path: list[str], body: Any
) -> tuple[Any, int]:
    if module == "tokens":
        if request.method == "GET":
            return partner.listed("tokens"), 200
        told = partner.authorize(path[0]) if path[1:] == ["authorize"] else None
        if told is None:
            raise RejectedError(404, 2004, "unknown token")
        if (body or {}).get("location_id"):
            told["location"] = body
        return told, 200
    if module == "commands":
        if not partner.command_result(path[-1] if path else "", body or {}):
            raise RejectedError(404, 2000, "no such command")
        return None, 200
    if request.method == "GET":
        known = partner.received[module].get(path[-1] if path else "")
        if known is None:
            raise RejectedError(404, 2003 if module == "locations" else 2000, "unknown")
        return known, 200
    is_new = bool(path or body) and _is_new(partner, module, path, body)
    if not partner.take(request.method, module, path, body or {}):
        raise RejectedError(404, 2003 if module == "locations" else 2000, "unknown")
    return None, 201 if is_new else 200


def _is_new(partner: Provider, module: str, path: list[str], body: Any) -> bool:
    name = path[2] if len(path) > 2 else str((body or {}).get("id"))  # noqa: PLR2004
    return name not in partner.received[module]


def _network(
    partner: Network, request: web.Request, module: str, path: list[str], body: Any
) -> tuple[Any, int]:
    if module == "commands":
        return partner.command(path[0] if path else "", body or {}), 200
    if request.method == "GET":
        if module == "tokens":
            raise RejectedError(404, 2004, "unknown token")
        rows = partner.listed(module)
        if not path:
            return rows, 200
        found = next((one for one in rows if one["id"] == path[0]), None)
        if found is None:
            raise RejectedError(404, 2003, "unknown")
        return found, 200
    if not partner.take(request.method, module, path, body or {}):
        raise RejectedError(404, 2004, "unknown token")
    return None, 200


def _described(partner: Partner) -> Object:
    link = partner.link
    told: Object = {"party": link.party.party_id, "is_registered": link.is_registered}
    if isinstance(partner, Provider):
        sessions = partner.received["sessions"].values()
        return told | {
            "tokens": sorted(partner.tokens),
            "locations": sorted(partner.received["locations"]),
            "sessions": {one["id"]: one.get("status") for one in sessions},
            "cdrs": sorted(partner.received["cdrs"]),
            "results": partner.results,
        }
    return told | {
        "tokens": sorted(partner.tokens),
        "locations": sorted(partner.locations),
        "sessions": sorted(partner.charges),
        "cdrs": sorted(partner.cdrs),
        "undelivered": partner.undelivered,
    }
