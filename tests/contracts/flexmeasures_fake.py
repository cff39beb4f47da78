"""A stand-in for FlexMeasures 1.0.1 and our plugin, on a real socket.

The shapes are those of the real server's answers (recorded with 1.0.1 and flexmeasures-client
0.9.6); the schedule is whatever a test says. `forced` answers every request of the path that ends
with its key, for 429, 503, garbage and the like.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cariflex.common.units import QUARTER_HOUR
from tests.contracts.fake_server import Answer, FakeServer, Request, serving

PROVISION_TOKEN = "provision-test"  # noqa: S105
ASSET_TYPES = ["solar", "wind", "one-way_evse", "two-way_evse", "battery", "building"]
VERSION = {"FlexMeasures_Version": "1.0.1", "API_Version": "v3_0"}
HEADERS = {name.replace("_", "-"): text for name, text in VERSION.items()}
TRACEBACK = 'Traceback (most recent call last):\n  File "/srv/secret/path.py", line 1\n'
Schedule = Callable[[dict[str, Any], int], list[float]]


def gentle(entry: dict[str, Any], slots: int) -> list[float]:
    """8 kW in during the first slot, 4 kW out during the second, then nothing."""
    return [8.0, -4.0, *[0.0] * (slots - 2)]


@dataclass
class Job:
    """A scheduling job, or one that saves posted values."""

    trigger: dict[str, Any]
    status: str
    exc_info: str | None = None


@dataclass
class FlexmeasuresFake:
    """The server's database, and what tests force upon it."""

    server: FakeServer
    users: dict[str, tuple[str, int]] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    assets: dict[int, dict[str, Any]] = field(default_factory=dict)
    sensors: dict[int, dict[str, Any]] = field(default_factory=dict)
    posts: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    deletions: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    schedule: Schedule = gentle
    job_status: str = "FINISHED"
    exc_info: str | None = None
    ingestion: str | None = None
    """With a worker on the queue `ingestion`: the status of every job that saves posted values."""
    ingestion_jobs: list[str] = field(default_factory=list)
    forgets_jobs: bool = False
    """As after its Redis was emptied."""
    forced: dict[str, Answer] = field(default_factory=dict)
    on_trigger: Callable[[], None] | None = None
    site_error_kw: float = 0.0
    """How much the server's own sum of the site is wrong."""

    @property
    def url(self) -> str:
        return self.server.url

    def empty(self) -> None:
        """As after a restart with an empty database."""
        for table in (self.users, self.accounts, self.assets, self.sensors, self.jobs):
            table.clear()

    def triggers(self) -> list[dict[str, Any]]:
        """The bodies of all schedule triggers."""
        return [r.json() for r in self.server.requests if r.path.endswith("/schedules/trigger")]

    def posted(self, sensor_id: int) -> list[dict[str, Any]]:
        """What was posted to one sensor, in order."""
        return [body for posted_to, body in self.posts if posted_to == sensor_id]

    def answer(self, request: Request) -> Answer:
        for path_end, forced in self.forced.items():
            if request.path.endswith(path_end):
                return forced
        if request.path == "/cariflex/accounts":
            return self._account(request)
        if request.path == "/api/requestAuthToken":
            return self._log_in(request)
        account_id = self._account_of(request)
        if account_id is None:
            return _message("UNAUTHORIZED", "You could not be properly authenticated.", 401)
        return self._api(request, account_id, request.path.removeprefix("/api/v3_0/"))

    def _account(self, request: Request) -> Answer:
        if request.headers.get("x-cariflex-token") != PROVISION_TOKEN:
            return Answer.of({"error": "the token is missing or wrong"}, 403)
        wanted = request.json()
        created = wanted["name"] not in self.accounts
        account_id = self.accounts.setdefault(wanted["name"], len(self.accounts) + 1)
        self.users[wanted["email"]] = (wanted["password"], account_id)
        return Answer.of({"account_id": account_id, "created": created})

    def _log_in(self, request: Request) -> Answer:
        given = request.json()
        password, account_id = self.users.get(given["email"], (None, 0))
        if password is None:
            return _message("NOT_FOUND", "User with email not found.", 404)
        if password != given["password"]:
            return _message("UNAUTHORIZED", "User password does not match.", 401)
        return Answer.of({"auth_token": f"token-{account_id}", "user_id": 1, "status": 200})

    def _account_of(self, request: Request) -> int | None:
        match = re.fullmatch(r"token-(\d+)", request.headers.get("authorization", ""))
        account_id = int(match.group(1)) if match else 0
        return account_id if account_id in self.accounts.values() else None

    def _api(self, request: Request, account_id: int, path: str) -> Answer:
        if path == "assets/types":
            return _ok([{"id": n, "name": name} for n, name in enumerate(ASSET_TYPES, 1)])
        if path == "assets" and request.method == "GET":
            return _ok([a for a in self.assets.values() if a["account_id"] == account_id])
        if path == "assets":
            return self._add(self.assets, {"parent_asset_id": None, **request.json()})
        if path == "sensors" and request.method == "GET":
            return _ok(self._sensors_below(int(request.query["asset_id"])))
        if path == "sensors":
            return self._add(self.sensors, request.json())
        if match := re.fullmatch(r"(assets|sensors|jobs)/([^/]+)/?(.*)", path):
            return self._one(request, account_id, *match.groups())
        return _message("NOT_FOUND", "no such path", 404)

    def _one(self, request: Request, account_id: int, kind: str, key: str, rest: str) -> Answer:
        if kind == "jobs":
            return self._job(key)
        row = (self.assets if kind == "assets" else self.sensors).get(int(key))
        if row is None:
            return _message("NOT_FOUND", f"{kind} {key} not found", 404)
        asset = row if kind == "assets" else self.assets[row["generic_asset_id"]]
        if asset["account_id"] != account_id:
            return _message("INVALID_SENDER", "You cannot be authorized for this content.", 403)
        if rest == "schedules/trigger":
            return self._trigger(request)
        if rest == "data" and request.method == "DELETE":
            self.deletions.append((int(key), request.json()))
            return _ok(None, 204)
        if rest == "data" and request.method == "GET":
            return self._site_sum(int(key))
        if rest == "data":
            self.posts.append((int(key), request.json()))
            if self.ingestion is not None:
                return self._save_later()
            return _ok({"message": "Request has been processed.", "status": "PROCESSED"})
        if rest.startswith("schedules/"):
            return self._schedule(int(key), rest.removeprefix("schedules/"))
        return _ok(row)

    def _trigger(self, request: Request) -> Answer:
        if self.on_trigger is not None:
            self.on_trigger()
        job_id = str(uuid.uuid4())
        self.jobs[job_id] = Job(request.json(), self.job_status, self.exc_info)
        return _ok({"job": job_id, "schedule": job_id, "status": "PROCESSED"}, 202)

    def _save_later(self) -> Answer:
        job_id = str(uuid.uuid4())
        self.ingestion_jobs.append(job_id)
        message = "Sensor data has been accepted for processing."
        return _ok({"status": "ACCEPTED", "message": message, "job": job_id}, 202)

    def _job(self, job_id: str) -> Answer:
        job = self.jobs.get(job_id)
        if job_id in self.ingestion_jobs and self.ingestion and not self.forgets_jobs:
            job = Job({}, self.ingestion, self.exc_info)
        if job is None:
            return _message("ERROR", f"Job {job_id} not found.", 404)
        status = {"FINISHED": 200, "FAILED": 422}.get(job.status, 202)
        body = {"status": job.status, "message": "Scheduling job.", "exc-info": job.exc_info}
        return _ok(body, status)

    def _schedule(self, sensor_id: int, job_id: str) -> Answer:
        trigger = self.jobs[job_id].trigger
        entry = next(e for e in trigger["flex-model"] if e["sensor"] == sensor_id)
        start = datetime.fromisoformat(trigger["start"])
        return _ok(
            {
                "values": self.schedule(entry, 96),
                "start": start.isoformat(),
                "duration": "PT24H",
                "unit": "kW",
                "scheduler_info": {"scheduler": "StorageScheduler"},
            }
        )

    def _site_sum(self, sensor_id: int) -> Answer:
        """The sum that the last job wrote to its `aggregate-power` sensor."""
        trigger = list(self.jobs.values())[-1].trigger
        context = trigger["flex-context"]
        if context.get("aggregate-power", {}).get("sensor") != sensor_id:
            return _ok({"values": [None] * 96, "unit": "kW"})
        rows = [self.schedule(entry, 96) for entry in trigger["flex-model"]]
        starts = [datetime.fromisoformat(trigger["start"]) + n * QUARTER_HOUR for n in range(96)]
        for flow in context["inflexible-consumption"]:
            held = self.held(flow["sensor"])
            rows.append([held.get(start, 0.0) for start in starts])
        values = [sum(slot) + self.site_error_kw for slot in zip(*rows, strict=False)]
        return _ok({"values": values, "start": starts[0].isoformat(), "unit": "kW"})

    def held(self, sensor_id: int) -> dict[datetime, float]:
        """The newest value posted for each quarter hour of a sensor."""
        values: dict[datetime, float] = {}
        for body in self.posted(sensor_id):
            start = datetime.fromisoformat(body["start"])
            values |= {start + n * QUARTER_HOUR: value for n, value in enumerate(body["values"])}
        return values

    def _sensors_below(self, asset_id: int) -> list[dict[str, Any]]:
        below = {asset_id} | {
            key for key, asset in self.assets.items() if asset["parent_asset_id"] == asset_id
        }
        return [s for s in self.sensors.values() if s["generic_asset_id"] in below]

    def _add(self, table: dict[int, dict[str, Any]], row: dict[str, Any]) -> Answer:
        key = len(table) + 1
        table[key] = {**row, "id": key}
        return _ok(table[key], 201)


@contextmanager
def flexmeasures_fake() -> Iterator[FlexmeasuresFake]:
    """The server on a loopback port."""
    holder: list[FlexmeasuresFake] = []
    with serving(lambda request: holder[0].answer(request)) as server:
        holder.append(FlexmeasuresFake(server))
        yield holder[0]


def _ok(value: Any, status: int = 200) -> Answer:
    if value is None:
        return Answer(status, b"", {"Content-Type": "application/json", **HEADERS})
    return Answer.of(value, status, **VERSION)


def _message(status: str, message: str, code: int) -> Answer:
    return Answer.of({"status": status, "message": message, "result": "Rejected"}, code, **VERSION)
