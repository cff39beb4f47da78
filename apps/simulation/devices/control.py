"""The control interface of the simulated devices (HTTP, JSON), for tests and demonstrations.

GET  /devices                            the state of all devices
POST /devices/<operator>/<code>/fault    {"fault": null}, or a name of `faults.Fault`
POST /devices/<operator>/<code>/state    {"soc_percent": 30}
"""

import json
from typing import Any

from aiohttp import web

from apps.simulation.devices.battery import Battery
from apps.simulation.devices.faults import Fault
from apps.simulation.devices.fleet import Fleet
from apps.simulation.devices.server import DeviceServer


def control_app(fleet: Fleet) -> web.Application:
    """The HTTP application over a fleet."""
    control = _Control(fleet)
    app = web.Application()
    app.router.add_get("/devices", control.devices)
    app.router.add_post("/devices/{operator}/{code}/fault", control.fault)
    app.router.add_post("/devices/{operator}/{code}/state", control.state)
    return app


class _Control:
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def devices(self, request: web.Request) -> web.Response:
        return web.json_response([_described(server) for server in self._fleet.servers.values()])

    async def fault(self, request: web.Request) -> web.Response:
        server = self._server(request)
        given = await _body(request)
        wanted = given.get("fault")
        try:
            await server.fault_set(None if wanted is None else Fault(wanted))
        except ValueError as err:
            raise _bad_request(f"unknown fault {wanted!r}") from err
        return web.json_response(_described(server))

    async def state(self, request: web.Request) -> web.Response:
        server = self._server(request)
        soc_percent = (await _body(request)).get("soc_percent")
        if not isinstance(server.device, Battery) or not isinstance(soc_percent, int | float):
            raise _bad_request("only a battery takes a soc_percent")
        server.device.advance()
        server.device.soc_set(float(soc_percent))
        return web.json_response(_described(server))

    def _server(self, request: web.Request) -> DeviceServer:
        key = (request.match_info["operator"], request.match_info["code"])
        if key not in self._fleet.servers:
            raise web.HTTPNotFound(text=json.dumps({"error": "no such device"}))
        return self._fleet.servers[key]


def _described(server: DeviceServer) -> dict[str, Any]:
    device = server.device
    return {
        "operator": device.operator,
        "code": device.asset.code,
        "kind": device.asset.kind,
        "port": server.port,
        "unit_id": device.asset.unit_id,
        "listening": server.listening,
        "fault": server.fault,
        "requests": server.requests,
        **device.report(),
    }


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        given = await request.json()
    except ValueError as err:
        raise _bad_request("the body must be JSON") from err
    if not isinstance(given, dict):
        raise _bad_request("the body must be a JSON object")
    return given


def _bad_request(message: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": message}), content_type="application/json")
