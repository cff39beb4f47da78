"""Looks once a second at every device and at what the operator sees, for `bench/drills.py`."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg2

from apps.simulation.island import load_island, operators
from cariflex.runtime.ports import Ports

PERIOD_S = 1.0
SETTLED_S = 60.0
"""A car that was plugged in less than this ago is still being greeted."""
FULL_PERCENT = 79.0
"""A car that has this much may well stand still."""
_BATTERIES = """
SELECT d.code, EXISTS (
    SELECT FROM {schema}.assets_setpoint s WHERE s.device_id = d.id
    AND s.status IN ('requested', 'applied') AND s.expires_at > now())
FROM {schema}.assets_device d
WHERE d.kind = 'battery' AND d.stage = 'in_service' AND d.control_enabled
"""
_CARS = """
SELECT t.station_id, s.transaction_id, g.profile IS NOT NULL,
       s.started_at < now() - make_interval(secs => %s)
FROM {schema}.chargers_session s
JOIN {schema}.chargers_chargingstation t ON t.id = s.station_id
LEFT JOIN {schema}.flexibility_cargoal g ON g.session_id = s.id
WHERE s.state = 'active'
"""
_STATE = """
SELECT c.mode, c.reason_code,
       (SELECT count(*) FROM {schema}.outbox_outboxmessage o
        WHERE o.destination = 'flexmeasures' AND o.state = 'waiting'),
       (SELECT max(p.requested_at) FROM {schema}.flexibility_plan p
        WHERE p.status = 'accepted' AND p.computed_at IS NOT NULL)
FROM {schema}.flexibility_controlstate c ORDER BY c.site_id LIMIT 1
"""


@dataclass(frozen=True)
class Seen:
    """The operator's view: what is followed and why."""

    mode: str
    reason_code: str


@dataclass
class Sample:
    """One look at both islands."""

    at: float
    batteries: int = 0
    cars: int = 0
    without_setpoint: set[str] = field(default_factory=set)
    """Batteries for which our database holds no set-point in force."""
    without_live: set[str] = field(default_factory=set)
    """Batteries that obey none, as the simulated device itself says."""
    cars_without: set[str] = field(default_factory=set)
    """Cars that have no profile and may not charge either."""
    seen: dict[str, Seen] = field(default_factory=dict)
    backlog: int = 0
    planned_at: dict[str, datetime] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Nothing lacks and every island follows a plan."""
        lacking = self.without_setpoint or self.without_live or not self.batteries
        return not lacking and {s.mode for s in self.seen.values()} == {"plan"}


class Watch:
    """Takes samples in a thread of its own until it is stopped."""

    def __init__(self, database_url: str, ports: Ports) -> None:
        self._database_url = database_url
        self._ports = ports
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.samples: list[Sample] = []
        self.failures: list[str] = []

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(10)

    def last(self) -> Sample | None:
        """The newest sample."""
        return self.samples[-1] if self.samples else None

    def between(self, start: float, end: float) -> list[Sample]:
        """The samples of [start, end), monotonic seconds."""
        return [sample for sample in self.samples if start <= sample.at < end]

    def wait(self, holds: Callable[[Sample], bool], patience_s: float) -> float | None:
        """Seconds until a sample holds what is asked; None if none does in time."""
        begun = time.monotonic()
        while time.monotonic() - begun < patience_s:
            last = self.last()
            if last is not None and last.at >= begun and holds(last):
                return last.at - begun
            time.sleep(0.2)
        return None

    def _run(self) -> None:
        while not self._ended.is_set():
            begun = time.monotonic()
            try:
                self.samples.append(self._look(begun))
            except (psycopg2.Error, urllib.error.URLError, OSError, ValueError) as err:
                # What cannot be seen is no proof: the drill tells how often that was.
                self.failures.append(f"{datetime.now(UTC):%H:%M:%S} {type(err).__name__}: {err}")
            self._ended.wait(max(0.0, PERIOD_S - (time.monotonic() - begun)))

    def _look(self, at: float) -> Sample:
        sample = Sample(at)
        live = {
            (row["operator"], row["code"]): row.get("setpoint_kw")
            for row in self._get(self._ports.simulated_devices_control, "/devices")
        }
        stations = {
            (row["operator"], row["station_id"]): row
            for row in self._get(self._ports.simulated_stations_control, "/stations")
        }
        with closing(psycopg2.connect(self._database_url)) as link, link.cursor() as cursor:
            for operator in operators():
                cursor.execute(_BATTERIES.format(schema=operator))
                for code, has_setpoint in cursor.fetchall():
                    sample.batteries += 1
                    name = f"{operator} {code}"
                    if not has_setpoint:
                        sample.without_setpoint.add(name)
                    if live.get((operator, code)) is None:
                        sample.without_live.add(name)
                cursor.execute(_CARS.format(schema=operator), (SETTLED_S,))
                for station_id, transaction_id, has_profile, is_settled in cursor.fetchall():
                    station = stations.get((operator, station_id))
                    if station is None or station["transaction_id"] != transaction_id:
                        continue
                    sample.cars += 1
                    if is_settled and not has_profile and not _charges(station):
                        sample.cars_without.add(f"{operator} {station_id}")
                cursor.execute(_STATE.format(schema=operator))
                for mode, reason_code, backlog, planned_at in cursor.fetchall():
                    sample.seen[operator] = Seen(mode, reason_code)
                    sample.backlog += backlog
                    if planned_at is not None:
                        sample.planned_at[operator] = planned_at
        return sample

    @staticmethod
    def _get(port: int, path: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            rows: list[dict[str, Any]] = json.loads(answer.read())
        return rows


def _charges(station: dict[str, Any]) -> bool:
    """Whether a car moves energy or has what it wants."""
    soc_percent = station["soc_percent"]
    return abs(station["power_kw"]) > 0.1 or (soc_percent or 0.0) >= FULL_PERCENT


def plug_cars(ports: Ports, *, each: int, stay_s: float) -> int:
    """Send cars to the first free stations of each island; gives how many came."""
    came = 0
    listed = Watch._get(ports.simulated_stations_control, "/stations")
    for operator in operators():
        mine = [row for row in listed if row["operator"] == operator]
        here = {row["id_token"] for row in mine}
        cars = [car.id_token for car in load_island(operator).cars if car.id_token not in here]
        free = [row["station_id"] for row in mine if row["id_token"] is None]
        for number, (id_token, station_id) in enumerate(zip(cars[:each], free, strict=False)):
            wish = {"id_token": id_token, "stay_s": stay_s, "soc_percent": 20 + 5 * number}
            request = urllib.request.Request(
                f"http://127.0.0.1:{ports.simulated_stations_control}"
                f"/stations/{operator}/{station_id}/plug",
                data=json.dumps(wish).encode(),
                headers={"Content-Type": "application/json"},
            )
            try:
                urllib.request.urlopen(request, timeout=5).close()
                came += 1
            except urllib.error.HTTPError:
                # Somebody else was quicker.
                continue
    return came
