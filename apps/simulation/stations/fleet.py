"""All simulated stations of the islands and the cars that drive between them."""

import asyncio
import logging
from pathlib import Path

import ocpp.messages

from apps.simulation.clock import Clock, SystemClock
from apps.simulation.environment import SimulationEnvironment
from apps.simulation.island import Island, IslandCar, load_island, operators, station_password
from apps.simulation.stations.ledger import Ledger
from apps.simulation.stations.link import Link
from apps.simulation.stations.station import Station
from apps.simulation.stations.traffic import Traffic

log = logging.getLogger(__name__)

_TICK_S = 0.5
_STOP_WITHIN_S = 1.0
_CARS_WAIT_S = 60.0
"""The first cars come when a station is online, or after this time without a CSMS."""


class StationFleet:
    """The stations and the traffic of one operator."""

    def __init__(
        self, island: Island, *, url: str, secret: str, folder: Path, clock: Clock, speed: float
    ) -> None:
        self.island = island
        self._clock = clock
        self._speed = speed
        self._created_at_s = clock.monotonic()
        self._opened_at_s: float | None = None
        self._traffic = Traffic(island)
        self._cars = {car.id_token: car for car in island.cars}
        self.links: dict[str, Link] = {}
        for asset in island.stations:
            ledger = Ledger(folder / f"station-{asset.station_id}.json")
            if ledger.is_new:
                # Meters that have run before: no two alike.
                ledger.register_wh = 1000.0 * (500 + 137 * len(self.links) + 61 * island.index)
            station = Station(island.operator, asset, ledger, clock, speed=speed)
            self.links[asset.station_id] = Link(
                station,
                url=f"{url}/{island.operator}/{asset.station_id}",
                password=station_password(secret, island.operator, asset.station_id),
                seed=asset.station_id,
            )

    @property
    def stations(self) -> list[Station]:
        return [link.station for link in self.links.values()]

    def tick(self) -> None:
        """Physics of all stations, then the cars that arrive."""
        stations = self.stations
        for station in stations:
            station.tick()
        now_s = self._clock.monotonic()
        if self._opened_at_s is None:
            waited_s = now_s - self._created_at_s
            if waited_s < _CARS_WAIT_S and not any(station.online for station in stations):
                return
            self._opened_at_s = now_s
        here = {station.occupant.id_token for station in stations if station.occupant}
        visits = self._traffic.due(
            (now_s - self._opened_at_s) * self._speed,
            free=[station.asset.station_id for station in stations if station.free],
            away=[token for token in self._cars if token not in here],
            busy=[station.asset.station_id for station in stations if station.occupant],
        )
        for visit in visits:
            self.plug(
                visit.station_id,
                stay_s=visit.stay_s,
                soc_percent=visit.soc_percent,
                id_token=visit.id_token,
                target_percent=visit.target_percent,
            )

    def plug(
        self,
        station_id: str,
        *,
        stay_s: float,
        soc_percent: float,
        id_token: str,
        target_percent: float | None = None,
    ) -> None:
        """A car with that card arrives; an unknown card drives a car like the island's."""
        model = self._cars.get(id_token) or next(iter(self._cars.values()))
        car = IslandCar(id_token, model.capacity_kwh, model.max_power_kw)
        self.links[station_id].station.plug(
            car, stay_s=stay_s, soc_percent=soc_percent, target_percent=target_percent
        )


class StationFleets:
    """Both islands."""

    def __init__(self, environment: SimulationEnvironment, clock: Clock | None = None) -> None:
        if not environment.secret:
            raise ValueError("CARIFLEX_DEMO_SECRET is missing: stations derive passwords from it")
        # One process with little to do: validating in a thread costs more than it gives.
        ocpp.messages.ASYNC_VALIDATION = False
        url = f"ws://127.0.0.1:{environment.ports.web}/ocpp"
        self.by_operator = {
            operator: StationFleet(
                load_island(operator),
                url=url,
                secret=environment.secret,
                folder=environment.folder,
                clock=clock or SystemClock(),
                speed=environment.speed,
            )
            for operator in operators()
        }

    def link(self, operator: str, station_id: str) -> Link | None:
        """The link of one station; None when there is none."""
        fleet = self.by_operator.get(operator)
        return fleet.links.get(station_id) if fleet else None

    def links(self) -> list[Link]:
        """Every link of both islands."""
        return [link for fleet in self.by_operator.values() for link in fleet.links.values()]

    async def run(self, stop: asyncio.Event) -> None:
        """Hold all lines and let time pass until `stop`; then save."""
        tasks = [asyncio.create_task(link.run()) for link in self.links()]
        log.info("simulation.stations_running count=%d", len(tasks))
        try:
            while not stop.is_set():
                for fleet in self.by_operator.values():
                    fleet.tick()
                _raise_first_failure(tasks)
                try:
                    await asyncio.wait_for(stop.wait(), _TICK_S)
                except TimeoutError:
                    continue
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_STOP_WITHIN_S)
            for link in self.links():
                link.station.ledger.save(stopped_cleanly=True)


def _raise_first_failure(tasks: list[asyncio.Task[None]]) -> None:
    """A link that died of a bug ends the process, loudly."""
    for task in tasks:
        if task.done():
            task.result()
