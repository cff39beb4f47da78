"""FlexMeasures as the planner of the bench of value, with the product's client and builders."""

import asyncio
import os
import secrets
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from apps.flexibility.brain.optimum import CarVisit
from apps.flexibility.brain.storage import Storage
from apps.flexibility.car_state import CarState
from apps.flexibility.clients.accounts import account_ensure
from apps.flexibility.clients.flexmeasures import FlexmeasuresClient
from apps.flexibility.flex_model import SiteContext, battery_entry, car_entry, site_context
from apps.flexibility.planning import BatteryState
from bench.value_strategies import Expected, Planned
from bench.value_world import SLOT
from cariflex.common.errors import ExternalError
from cariflex.common.http import HttpClient
from cariflex.common.time import format_rfc3339
from cariflex.runtime.credentials import load_secrets
from cariflex.runtime.layout import Layout
from cariflex.runtime.ports import Ports
from cariflex.runtime.start import follow_start, spawn_supervisor, stop
from cariflex.runtime.testing import SERVER_VARIABLES, free_base_port

JOB_TIMEOUT_S = 240
ATTEMPTS = 5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Server:
    """A FlexMeasures server and the token of its account endpoint."""

    base_url: str
    provision_token: str


@contextmanager
def own_server() -> Iterator[Server]:
    """The FlexMeasures of the running instance, else one with servers of its own."""
    url, token = os.environ.get("FLEXMEASURES_URL"), os.environ.get("FLEXMEASURES_PROVISION_TOKEN")
    if url and token and _answers(url):
        yield Server(url, token)
        return
    here = Layout.from_environment()
    own = replace(here, var=here.var / "bench-flexmeasures", ports=Ports(free_base_port(9000)))
    stop(own, lambda _line: None)
    # The token of the instance would be that server's too.
    theirs = (*SERVER_VARIABLES, "FLEXMEASURES_PROVISION_TOKEN")
    environ = {name: text for name, text in os.environ.items() if name not in theirs}
    process = spawn_supervisor(own, profile="servers", tied=True, environ=environ)
    try:
        follow_start(own, process, lambda _line: None)
        token = load_secrets(own)["FLEXMEASURES_PROVISION_TOKEN"]
        yield Server(f"http://127.0.0.1:{own.ports.flexmeasures}", token)
    finally:
        stop(own, lambda _line: None)
        process.wait()


def _answers(url: str) -> bool:
    http = HttpClient(system="flexmeasures", base_url=url, read_timeout_s=10, own_network=True)
    try:
        return http.request("GET", "/api/v3_0/health/ready").status == 200
    except ExternalError:
        return False


@dataclass(slots=True)
class Timing:
    """Seconds of each part of a plan."""

    post: float = 0.0
    trigger: float = 0.0
    job: float = 0.0
    read: float = 0.0

    @property
    def total(self) -> float:
        """All of them."""
        return self.post + self.trigger + self.job + self.read


@dataclass
class FlexmeasuresPlanner:
    """One site there: sensors for prices, PV, load, and one planned power per device or visit."""

    server: Server
    timings: list[Timing] = field(default_factory=list)

    def __enter__(self) -> "FlexmeasuresPlanner":
        self._runner = asyncio.Runner()
        name = f"bench-{secrets.token_hex(4)}"
        email, password = f"{name}@example.com", secrets.token_hex(12)
        account = account_ensure(
            base_url=self.server.base_url,
            provision_token=self.server.provision_token,
            name=name,
            username=name,
            email=email,
            password=password,
        )
        self._client = FlexmeasuresClient(
            base_url=self.server.base_url, email=email, password=password
        )
        self._run(self._client.__aenter__())
        self._run(self._set_up(account.account_id))
        return self

    def __exit__(self, *_error: object) -> None:
        self._run(self._client.__aexit__(None, None, None))
        self._runner.close()

    def plan(self, expected: Expected) -> Planned | None:
        """A plan of the pool and the cars by FlexMeasures; None when it gave none.

        The month stands still meanwhile, so a server that is only slow is asked again.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._run(self._plan(expected))
            except ExternalError as err:
                print(f"  {expected.start:%d %B %H:%M}, attempt {attempt}: {err}", flush=True)
                if not err.retryable:
                    break
        return None

    def _run(self, what: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(what)

    async def _set_up(self, account_id: int) -> None:
        types = await self._client.asset_type_ids()
        site = await self._asset(account_id, "site", types["building"], None)
        self._site = site
        self._buy = await self._sensor(site, "consumption price", "EUR/MWh")
        self._sell = await self._sensor(site, "production price", "EUR/MWh")
        self._pv = await self._sensor(site, "pv")
        self._load = await self._sensor(site, "load")
        self._total = await self._sensor(site, "planned")
        battery = await self._asset(account_id, "batteries", types["battery"], site)
        self._pool = await self._sensor(battery, "planned")
        self._visits: list[int] = []
        for number in range(30):
            car = await self._asset(account_id, f"car {number}", types["two-way_evse"], site)
            self._visits.append(await self._sensor(car, "planned"))

    async def _asset(self, account_id: int, name: str, type_id: int, parent: int | None) -> int:
        made = await self._client.asset_add(
            account_id=account_id,
            name=name,
            type_id=type_id,
            latitude=16.2,
            longitude=-61.53,
            parent_asset_id=parent,
        )
        return made.asset_id

    async def _sensor(self, asset_id: int, name: str, unit: str = "kW") -> int:
        made = await self._client.sensor_add(
            asset_id=asset_id,
            name=name,
            unit=unit,
            time_zone="America/Guadeloupe",
            is_power=unit == "kW",
        )
        return made.sensor_id

    async def _plan(self, expected: Expected) -> Planned:
        visits = expected.visits[: len(self._visits)]
        used = [self._pool, self._total, *self._visits[: len(visits)]]
        begun, timing = time.monotonic(), Timing()
        await self._post(expected, used)
        timing.post, begun = _since(begun)
        job = await self._client.schedule_trigger(
            asset_id=self._site,
            start=expected.start,
            duration=SLOT * expected.horizon.count,
            flex_model=self._model(expected, visits),
            flex_context=self._context(expected),
        )
        timing.trigger, begun = _since(begun)
        await self._client.job_wait(job_id=job, timeout_s=JOB_TIMEOUT_S)
        timing.job, begun = _since(begun)
        sensors = [self._pool, *self._visits[: len(visits)]]
        schedules = await asyncio.gather(
            *(
                self._client.schedule(
                    sensor_id=sensor, job_id=job, duration=SLOT * expected.horizon.count
                )
                for sensor in sensors
            )
        )
        timing.read, _ = _since(begun)
        self.timings.append(timing)
        return Planned(
            expected.start,
            schedules[0].power_kw,
            {
                visit.storage.key: (0, schedule.power_kw)
                for visit, schedule in zip(visits, schedules[1:], strict=True)
            },
        )

    async def _post(self, expected: Expected, planned: Sequence[int]) -> None:
        """What is expected in; what earlier plans left in the planned sensors out.

        A schedule written over an earlier one is compared value by value, which takes longer than
        to solve it.
        """
        horizon, start = expected.horizon, expected.start
        end = start + SLOT * horizon.count
        series = [
            (self._buy, horizon.consumption_eur_per_mwh, "EUR/MWh"),
            (self._sell, horizon.production_eur_per_mwh, "EUR/MWh"),
            (self._pv, horizon.pv_kw, "kW"),
            (self._load, horizon.load_kw, "kW"),
        ]
        await asyncio.gather(
            *(
                self._client.values_delete(sensor_id=sensor, start=start, end=end)
                for sensor in (*planned, *(sensor for sensor, _, _ in series))
            )
        )
        for sensor, values, unit in series:
            await self._client.values_post(
                sensor_id=sensor, start=start, values=[round(v, 4) for v in values], unit=unit
            )

    def _model(self, expected: Expected, visits: Sequence[CarVisit]) -> list[dict[str, Any]]:
        end = expected.start + SLOT * expected.horizon.count
        entries = [battery_entry(_battery_state(expected.pool), sensor_id=self._pool)]
        for sensor, visit in zip(self._visits, visits, strict=False):
            entries.append(_visit_entry(visit, sensor, expected.start, end))
        return entries

    def _context(self, expected: Expected) -> dict[str, Any]:
        horizon = expected.horizon
        rest = [load + pv for load, pv in zip(horizon.load_kw, horizon.pv_kw, strict=True)]
        return site_context(
            SiteContext(
                start=expected.start,
                consumption_price_sensor_id=self._buy,
                production_price_sensor_id=self._sell,
                inflexible_sensor_ids=(self._pv, self._load),
                site_sensor_id=self._total,
                import_limit_kw=horizon.import_limit_kw,
                export_limit_kw=horizon.export_limit_kw,
                rest_kw=rest,
                flexible_kw=expected.pool.charge_kw + 22.0 * len(expected.visits),
            )
        )


def _battery_state(pool: Storage) -> BatteryState:
    def percent(kwh: float) -> float:
        return 100 * kwh / pool.capacity_kwh

    return BatteryState(
        device_id=0,
        rated_power_kw=pool.charge_kw,
        capacity_kwh=pool.capacity_kwh,
        soc_percent=percent(pool.soc_kwh),
        soc_min_percent=percent(pool.soc_min_kwh),
        soc_max_percent=percent(pool.soc_max_kwh),
        charging_efficiency=pool.charging_efficiency,
        discharging_efficiency=pool.discharging_efficiency,
    )


def _visit_entry(visit: CarVisit, sensor_id: int, start: datetime, end: datetime) -> dict[str, Any]:
    """A car by the product's builder; one that is still to come can do nothing before."""
    storage, arrives = visit.storage, start + SLOT * visit.arrival
    departure = start + SLOT * visit.departure
    state = CarState(
        session_id=0,
        station_id="",
        evse_pk=0,
        capacity_kwh=storage.capacity_kwh,
        soc_percent=100 * storage.soc_kwh / storage.capacity_kwh,
        target_soc_percent=100 * visit.target_kwh / storage.capacity_kwh,
        min_soc_percent=100 * storage.soc_min_kwh / storage.capacity_kwh,
        max_soc_percent=100 * storage.soc_max_kwh / storage.capacity_kwh,
        most_charge_kw=storage.charge_kw,
        most_discharge_kw=storage.discharge_kw,
        departure_at=departure,
        charging_efficiency=storage.charging_efficiency,
        discharging_efficiency=storage.discharging_efficiency,
    )
    entry = car_entry(state, sensor_id=sensor_id, start=arrives, end=end)
    if visit.arrival:
        away = {"start": format_rfc3339(start), "end": format_rfc3339(arrives), "value": "0 kW"}
        stays = {"start": format_rfc3339(arrives), "end": format_rfc3339(end)}
        for name in ("consumption-capacity", "production-capacity"):
            there = entry[name]
            spans = there if isinstance(there, list) else [{**stays, "value": there}]
            entry[name] = [away, *spans]
    return entry


def _since(begun: float) -> tuple[float, float]:
    now = time.monotonic()
    return now - begun, now
