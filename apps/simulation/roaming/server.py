"""The HTTP side of the partners: OCPI 2.2.1, and what tests and demonstrations ask of them.

GET  /partners                                      the state of all partners
POST /partners/<operator>/emsp/start                {"location_id": ..., "evse_uid": ..., "uid": ""}
POST /partners/<operator>/cpo/card                  {"uid": ...}
     /<operator>/<emsp|cpo>/versions, /2.2.1, ...   OCPI
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from aiohttp import web

from apps.simulation.roaming.answers import (
    CLIENT_ERROR,
    UNKNOWN_LOCATION,
    UNKNOWN_TOKEN,
    Answer,
    RejectedError,
    ids_echoed,
    parameter_rejected,
    receiver_check,
    routing_swapped,
)
from apps.simulation.roaming.link import VERSION
from apps.simulation.roaming.network import Network
from apps.simulation.roaming.objects import Object, location_part
from apps.simulation.roaming.paging import page_answer
from apps.simulation.roaming.places import RECEIVER, SENDER, SERVED, Place, address, place_of
from apps.simulation.roaming.provider import Provider

Partner = Provider | Network


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
        kind = request.match_info["kind"]
        partner = self._partners.get((request.match_info["operator"], kind))
        place = None if partner is None else place_of(kind, _segments(request))
        try:
            answer = await _answer(partner, kind, place, request)
        except RejectedError as err:
            answer = err.answer
        headers = {**answer.headers, **ids_echoed(request.headers)}
        if partner is not None and place is not None and place.has_routing:
            headers |= routing_swapped(request.headers, partner.link.party)
        body = answer.envelope(datetime.now(UTC))
        return web.json_response(body, status=answer.http, headers=headers)


def _segments(request: web.Request) -> list[str]:
    """The path below the partner's own, each part decoded by itself: an id may hold a slash."""
    _root, _operator, _kind, *parts = request.rel_url.raw_path.split("/")
    return [unquote(part) for part in parts if part]


async def _answer(
    partner: Partner | None, kind: str, place: Place | None, request: web.Request
) -> Answer:
    if partner is None:
        raise RejectedError(404, CLIENT_ERROR, "no such partner")
    if not partner.link.is_token(request.headers.get("Authorization", "")):
        raise RejectedError(401, CLIENT_ERROR, "token")
    if place is None:
        raise RejectedError(404, CLIENT_ERROR, "nothing here")
    if request.method not in place.methods:
        allowed = {"Allow": ", ".join(place.methods)}
        raise RejectedError(405, CLIENT_ERROR, "not served", allowed)
    body = await _body(request)
    if place.module == "versions":
        return Answer([{"version": VERSION, "url": f"{partner.link.own_url}/{VERSION}"}])
    if place.module == "version_details":
        return Answer(_details(partner, kind))
    if place.module == "credentials":
        return _credentials(partner, request.method, body)
    receiver_check(request.headers, partner.link.party)
    if place.is_list:
        return _list(partner, place, request.query)
    if isinstance(partner, Provider):
        return _provider(partner, request.method, place, body)
    return _network(partner, request.method, place, body)


async def _body(request: web.Request) -> Object:
    """The object that was sent, empty when nothing was."""
    text = await request.read()
    if not text:
        return {}
    try:
        body = json.loads(text)
    except ValueError as err:
        raise RejectedError(400, CLIENT_ERROR, "not JSON") from err
    if not isinstance(body, dict):
        raise parameter_rejected("a JSON object was expected")
    return body


def _details(partner: Partner, kind: str) -> Object:
    own_url = partner.link.own_url
    credentials = f"{own_url}/{VERSION}/credentials"
    rows = [{"identifier": "credentials", "role": SENDER, "url": credentials}]
    for module, role in SERVED[kind]:
        rows.append({"identifier": module, "role": role, "url": address(own_url, module, role)})
    return {"version": VERSION, "endpoints": rows}


def _credentials(partner: Partner, method: str, body: Object) -> Answer:
    if method == "DELETE":
        partner.link.forget()
        return Answer()
    if method == "PUT":
        if not body.keys() >= {"token", "url", "roles"}:
            raise parameter_rejected("token, url and roles were expected")
        partner.link.credentials_taken(body)
    return Answer(partner.link.credentials())


def _list(partner: Partner, place: Place, query: Mapping[str, str]) -> Answer:
    if place.module == "sessions" and "date_from" not in query:
        # The one list whose date_from is required (§9.2.1.1).
        raise parameter_rejected("date_from: is missing")
    url = address(partner.link.own_url, place.module, place.role)
    return page_answer(partner.listed(place.module), query, url)


def _provider(partner: Provider, method: str, place: Place, body: Object) -> Answer:
    module, path = place.module, list(place.path)
    if module == "tokens":
        return _authorized(partner, path, body)
    if module == "commands":
        if not partner.command_result(path[-1], body):
            raise RejectedError(404, CLIENT_ERROR, "no such command")
        return Answer()
    if module == "cdrs":
        return _cdr(partner, method, path, body)
    known = partner.received[module].get(path[2])
    if method == "GET":
        return Answer(_known(module, location_part(known, path[3:])))
    if not partner.take(method, module, path, body):
        raise _unknown(module)
    return Answer(http=201 if known is None else 200)


def _cdr(partner: Provider, method: str, path: list[str], body: Object) -> Answer:
    """A CDR is where the answer to its POST says (§10.2.2)."""
    held = partner.received["cdrs"]
    if method == "GET":
        return Answer(_known("cdrs", held.get(path[0])))
    name = str(body.get("id") or "")
    if not name:
        raise parameter_rejected("id: is missing")
    is_new = name not in held
    partner.take(method, "cdrs", path, body)
    url = f"{address(partner.link.own_url, 'cdrs', RECEIVER)}/{quote(name, safe='')}"
    return Answer(http=201 if is_new else 200, headers={"Location": url})


def _authorized(partner: Provider, path: list[str], body: Object) -> Answer:
    told = partner.authorize(path[0]) if path[1] == "authorize" else None
    if told is None:
        raise RejectedError(404, UNKNOWN_TOKEN, "unknown token")
    if body.get("location_id"):
        told["location"] = body
    return Answer(told)


def _network(partner: Network, method: str, place: Place, body: Object) -> Answer:
    module, path = place.module, list(place.path)
    if module == "commands":
        return Answer(partner.command(path[0], body))
    if module == "locations":
        return Answer(_known(module, location_part(partner.locations.get(path[0]), path[1:])))
    known = partner.tokens.get(path[2])
    if method == "GET":
        return Answer(_known(module, known))
    if not partner.take(method, module, path, body):
        raise _unknown(module)
    return Answer(http=201 if known is None else 200)


def _known(module: str, found: Object | None) -> Object:
    """The object; RejectedError when there is none."""
    if found is None:
        raise _unknown(module)
    return found


def _unknown(module: str) -> RejectedError:
    codes = {"locations": UNKNOWN_LOCATION, "tokens": UNKNOWN_TOKEN}
    return RejectedError(404, codes.get(module, CLIENT_ERROR), "unknown")


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
