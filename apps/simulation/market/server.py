"""The HTTP side of the simulated feeds: one process, one port, one path for each service.

GET  /control                                         the modes in force and the alert days ordered
POST /control {"mode": "503"}                         ENTSO-E fails (the modes: see `feed`)
POST /control {"feed": "solcast", "mode": "quota"}    another feed
POST /control {"feed": "solcast", "mode": null}       it answers again
POST /control {"alert_day": "2026-03-10"}             that day is an alert day too; null: no longer

What was ordered is forgotten when the process ends.
"""

import asyncio
import json
from datetime import date
from typing import Any

from aiohttp import web

from apps.simulation.clock import Clock
from apps.simulation.market.edf_sei import EdfSeiFeed
from apps.simulation.market.energy_charts import EnergyChartsFeed
from apps.simulation.market.entsoe import EntsoeFeed
from apps.simulation.market.feed import OK, Asked, SimulatedFeed
from apps.simulation.market.open_meteo import OpenMeteoFeed
from apps.simulation.market.solcast import SolcastFeed


class BadOrderError(Exception):
    """An order to the control endpoint that makes no sense."""


class Platform:
    """All simulated feeds and how each of them fails."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._feeds: tuple[SimulatedFeed, ...] = (
            EntsoeFeed(),
            EnergyChartsFeed(),
            EdfSeiFeed(),
            OpenMeteoFeed(),
            SolcastFeed(),
        )
        self._modes = {feed.name: OK for feed in self._feeds}
        self._alert_days: frozenset[date] = frozenset()

    def app(self) -> web.Application:
        """The HTTP application."""
        app = web.Application()
        for feed in self._feeds:
            for path in feed.paths:
                app.router.add_get(path, self._handler(feed))
        app.router.add_get("/control", self.show)
        app.router.add_post("/control", self.control)
        return app

    def _handler(self, feed: SimulatedFeed) -> Any:
        async def handle(request: web.Request) -> web.Response:
            asked = Asked(
                path=request.path,
                query=dict(request.query),
                headers={name.lower(): value for name, value in request.headers.items()},
                place=dict(request.match_info),
                now=self._clock.utc(),
                mode=self._modes[feed.name],
                declared=self._alert_days,
            )
            # A year of an island takes seconds to make: the others must not wait for it.
            return await asyncio.to_thread(feed.serve, asked)

        return handle

    async def show(self, request: web.Request) -> web.Response:
        """The modes and alert days in force."""
        return web.json_response(self._state())

    async def control(self, request: web.Request) -> web.Response:
        """Change a mode or the alert days."""
        try:
            self._obey(await request.json())
        except (BadOrderError, ValueError) as err:
            error = json.dumps({"error": str(err)})
            return web.Response(status=400, text=error, content_type="application/json")
        return web.json_response(self._state())

    def _obey(self, order: object) -> None:
        if not isinstance(order, dict) or not order.keys() & {"mode", "alert_day"}:
            raise BadOrderError("an object with mode or alert_day is wanted")
        if "alert_day" in order:
            self._alert_days = _days(order["alert_day"])
        if "mode" not in order:
            return
        name = order.get("feed", EntsoeFeed.name)
        feed = next((feed for feed in self._feeds if feed.name == name), None)
        if feed is None:
            raise BadOrderError(f"feed must be one of {sorted(self._modes)}")
        mode = OK if order["mode"] is None else order["mode"]
        if mode not in feed.modes:
            raise BadOrderError(f"mode must be one of {list(feed.modes)}")
        self._modes[feed.name] = mode

    def _state(self) -> dict[str, Any]:
        entsoe = self._modes[EntsoeFeed.name]
        return {
            "mode": None if entsoe == OK else entsoe,
            "feeds": self._modes,
            "alert_days": sorted(day.isoformat() for day in self._alert_days),
        }


def _days(said: object) -> frozenset[date]:
    if said is None:
        return frozenset()
    if not isinstance(said, str):
        raise BadOrderError("alert_day must be yyyy-mm-dd or null")
    return frozenset({date.fromisoformat(said)})
