"""The control interface of the simulated stations (HTTP, JSON), for tests and demonstrations.

GET  /stations                                  the state of all stations
POST /stations/<operator>/<id>/plug             {"stay_s": 60, "soc_percent": 30, "id_token": "...",
                                                 "target_percent": 80}
POST /stations/<operator>/<id>/unplug           {}
POST /stations/<operator>/<id>/disconnect       {"for_s": 10}
"""

import json
from typing import Any

from aiohttp import web

from apps.simulation.stations.fleet import StationFleets
from apps.simulation.stations.link import Link


def control_app(fleets: StationFleets) -> web.Application:
    """The HTTP application over both islands' stations."""
    control = _Control(fleets)
    app = web.Application()
    app.router.add_get("/stations", control.stations)
    app.router.add_post("/stations/{operator}/{station_id}/plug", control.plug)
    app.router.add_post("/stations/{operator}/{station_id}/unplug", control.unplug)
    app.router.add_post("/stations/{operator}/{station_id}/disconnect", control.disconnect)
    return app


class _Control:
    def __init__(self, fleets: StationFleets) -> None:
        self._fleets = fleets

    async def stations(self, request: web.Request) -> web.Response:
        return web.json_response([_described(link) for link in self._fleets.links()])

    async def plug(self, request: web.Request) -> web.Response:
        link, given = self._link(request), await _body(request)
        fleet = self._fleets.by_operator[link.station.operator]
        id_token = str(given.get("id_token") or fleet.island.cars[0].id_token)
        if not link.station.free_for(id_token):
            return web.json_response({"error": "the station is not free"}, status=409)
        fleet.plug(
            link.station.asset.station_id,
            stay_s=_number(given, "stay_s", 600.0),
            soc_percent=_number(given, "soc_percent", 30.0),
            id_token=id_token,
            # With a target the car tells its needs.
            target_percent=(
                _number(given, "target_percent", 80.0) if "target_percent" in given else None
            ),
        )
        return web.json_response(_described(link))

    async def unplug(self, request: web.Request) -> web.Response:
        link = self._link(request)
        if link.station.occupant is None:
            return web.json_response({"error": "no car is plugged in"}, status=409)
        link.station.unplug()
        return web.json_response(_described(link))

    async def disconnect(self, request: web.Request) -> web.Response:
        link = self._link(request)
        await link.disconnect(_number(await _body(request), "for_s", 10.0))
        return web.json_response(_described(link))

    def _link(self, request: web.Request) -> Link:
        place = request.match_info
        link = self._fleets.link(place["operator"], place["station_id"])
        if link is None:
            raise web.HTTPNotFound(text=json.dumps({"error": "no such station"}))
        return link


def _described(link: Link) -> dict[str, Any]:
    station = link.station
    transaction, occupant = station.transaction, station.occupant
    return {
        "operator": station.operator,
        "station_id": station.asset.station_id,
        "connected": link.connected,
        "online": station.online,
        "connector_status": station.status.value,
        "id_token": occupant.id_token if occupant else None,
        "leaves_in_s": (
            round(max(0.0, occupant.leaves_at_s - station.clock.monotonic()), 1)
            if occupant
            else None
        ),
        "soc_percent": round(occupant.car.soc_percent, 2) if occupant else None,
        "power_kw": round(station.power_kw, 3),
        "register_wh": round(station.ledger.register_wh, 1),
        "transaction_id": transaction.transaction_id if transaction else None,
        "transaction_started_at": transaction.started_at if transaction else None,
        "next_seq_no": transaction.next_seq_no if transaction else None,
        "queued_events": len(station.ledger.queue),
        "ended_sessions": station.ended_sessions,
    }


async def _body(request: web.Request) -> dict[str, Any]:
    if not request.can_read_body:
        return {}
    try:
        given = await request.json()
    except ValueError as err:
        raise _bad_request("the body must be JSON") from err
    if not isinstance(given, dict):
        raise _bad_request("the body must be a JSON object")
    return given


def _number(given: dict[str, Any], name: str, otherwise: float) -> float:
    value = given.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise _bad_request(f"{name} must be a number, 0 or more")
    return float(value)


def _bad_request(message: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": message}), content_type="application/json")
