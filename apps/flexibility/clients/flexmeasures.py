"""FlexMeasures through flexmeasures-client, typed and with our errors.

The client library waits and retries for minutes, turns every refusal into a ValueError and drops
Retry-After. Here one request is one attempt: a hook on its HTTP session maps 429, 5xx and other
refusals to ExternalError before the library sees them. Use inside one running loop:

    async with FlexmeasuresClient(base_url=..., email=..., password=...) as client: ...
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import TracebackType
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from apps.flexibility.clients.flexmeasures_shapes import (
    SYSTEM,
    IngestionLate,
    JobFailed,
    JobLate,
    Posting,
    RemoteAsset,
    RemoteSensor,
    Schedule,
    UnexpectedAnswer,
    UnknownThere,
    unmet_wishes,
)
from cariflex.common.errors import ExternalError

__all__ = [
    "SYSTEM",
    "FlexmeasuresClient",
    "IngestionLate",
    "JobFailed",
    "JobLate",
    "RemoteAsset",
    "RemoteSensor",
    "Schedule",
    "UnexpectedAnswer",
    "UnknownThere",
]

REQUEST_TIMEOUT_S: Final = 30.0
# Without one more post taken in, a server's ingestion worker is held or dead; while posts go in one
# by one it is only slow, and waited for up to the limit.
INGESTION_TIMEOUT_S: Final = 30.0
INGESTION_LIMIT_S: Final = 90.0
JOB_POLL_FIRST_S: Final = 0.5
JOB_POLL_MAX_S: Final = 1.5
# 401 is left to the library once (its token may be old), 202 and 422 are answers about a job.
_PASSED_ON: Final = frozenset({401, 422})
_RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
# The status of the last answer; each task has its own, so that requests may run side by side.
_STATUS: ContextVar[int] = ContextVar("flexmeasures_status", default=0)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Posting:
    sensor_id: int
    start: datetime
    unit: str
    values: Sequence[float]
    prior: datetime | None = None


class FlexmeasuresClient:
    """One service user's session with FlexMeasures."""

    def __init__(self, *, base_url: str, email: str, password: str) -> None:
        address = urlsplit(base_url)
        self._host = address.hostname or ""
        self._ssl = address.scheme == "https"
        self._port = address.port or (443 if self._ssl else 80)
        self._email = email
        self._password = password
        self._client: Any = None
        self._not_in: set[str] = set()

    async def __aenter__(self) -> FlexmeasuresClient:
        # Not at the top: the library costs 5 s and 150 MB, which only the planning worker pays.
        aiohttp = import_module("aiohttp")
        library = import_module("flexmeasures_client")
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._on_response)
        self._client = library.FlexMeasuresClient(
            host=self._host,
            port=self._port,
            ssl=self._ssl,
            email=self._email,
            password=self._password,
            session=aiohttp.ClientSession(trace_configs=[trace]),
            max_request_attempts=2,
            request_timeout=REQUEST_TIMEOUT_S,
            request_retry_timeout=2 * REQUEST_TIMEOUT_S,
            request_retry_interval=0.5,
            job_polling_interval=JOB_POLL_FIRST_S,
            job_polling_max_interval=JOB_POLL_MAX_S,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.close()

    @property
    def server_version(self) -> str:
        """The server's version as its answers state it, empty before the first one."""
        return str(self._client.server_version or "")

    async def log_in(self) -> None:
        """Get a token; raises UnknownThere when user or password is not known."""
        await self._call(self._client.get_access_token())

    async def asset_type_ids(self) -> dict[str, int]:
        """The asset types by name (solar, battery, building)."""
        rows = await self._call(self._client.get_asset_types())
        return {str(row["name"]): int(row["id"]) for row in rows}

    async def assets(self, *, account_id: int) -> list[RemoteAsset]:
        """Every asset of the account."""
        rows = await self._call(
            self._client.get_assets(account_id=account_id, parse_json_fields=False)
        )
        return [
            RemoteAsset(int(row["id"]), str(row["name"]), row.get("parent_asset_id"))
            for row in rows
        ]

    async def asset_add(
        self,
        *,
        account_id: int,
        name: str,
        type_id: int,
        latitude: float,
        longitude: float,
        parent_asset_id: int | None,
    ) -> RemoteAsset:
        """Create an asset."""
        row = await self._call(
            self._client.add_asset(
                name=name,
                account_id=account_id,
                latitude=latitude,
                longitude=longitude,
                generic_asset_type_id=type_id,
                parent_asset_id=parent_asset_id,
            )
        )
        return RemoteAsset(int(row["id"]), name, parent_asset_id)

    async def sensors(self, *, asset_id: int) -> list[RemoteSensor]:
        """The sensors of one asset and of the assets below it."""
        rows = await self._call(
            self._client.get_sensors(asset_id=asset_id, parse_json_fields=False)
        )
        return [
            RemoteSensor(int(row["id"]), str(row["name"]), int(row["generic_asset_id"]))
            for row in rows
        ]

    async def sensor_add(
        self, *, asset_id: int, name: str, unit: str, time_zone: str, is_power: bool
    ) -> RemoteSensor:
        """Create a quarter-hour sensor; a power sensor is declared consumption-positive.

        Without that attribute FlexMeasures stores schedules production-positive (its default).
        """
        row = await self._call(
            self._client.add_sensor(
                name=name,
                event_resolution="PT15M",
                unit=unit,
                generic_asset_id=asset_id,
                timezone=time_zone,
                attributes={"consumption_is_positive": True} if is_power else None,
            )
        )
        return RemoteSensor(int(row["id"]), name, asset_id)

    async def values_post(
        self, *, sensor_id: int, start: datetime, values: Sequence[float], unit: str
    ) -> None:
        """Post consecutive quarter-hour values from `start` and see them in."""
        await self.values_post_all([_Posting(sensor_id, start, unit, values)])

    async def values_post_all(self, postings: Sequence[Posting]) -> None:
        """Post values and see them in; posting them again changes nothing.

        A server that saves in the background (a worker on its queue `ingestion`) answers with a
        job each. They are waited for after all is posted; raises IngestionLate when none goes
        through for INGESTION_TIMEOUT_S, or not all within INGESTION_LIMIT_S.
        """
        job_ids: list[str] = []
        for posting in postings:
            job_id = await self._post(posting)
            if job_id:
                job_ids.append(job_id)
        if job_ids:
            await self._ingested(job_ids)

    async def _post(self, posting: Posting) -> str:
        answer, _status = await self._call(
            self._client.post_sensor_data(
                sensor_id=posting.sensor_id,
                start=_iso(posting.start),
                duration=timedelta(minutes=15) * len(posting.values),
                values=list(posting.values),
                unit=posting.unit,
                prior=_iso(posting.prior) if posting.prior else None,
            )
        )
        job_id = str(answer.get("job") or "") if isinstance(answer, dict) else ""
        if job_id:
            self._not_in.add(job_id)
        return job_id

    async def _ingested(self, job_ids: Sequence[str]) -> None:
        clock = asyncio.get_running_loop().time
        limit = clock() + INGESTION_LIMIT_S
        # The queue is worked off in order: while one is waited for, the next ones are on their way.
        for number, job_id in enumerate(job_ids):
            if not await self._ended(job_id, min(INGESTION_TIMEOUT_S, limit - clock())):
                raise IngestionLate(
                    SYSTEM,
                    f"{len(job_ids) - number} of {len(job_ids)} posts are not in yet",
                    retryable=True,
                )

    async def _ended(self, job_id: str, timeout_s: float) -> bool:
        """Whether a post's job went through in time; one that failed or is forgotten did not."""
        try:
            await self.job_wait(job_id=job_id, timeout_s=max(0.0, timeout_s))
        except (JobFailed, JobLate):
            return False
        self._not_in.discard(job_id)
        return True

    async def values(
        self, *, sensor_id: int, start: datetime, duration: timedelta, unit: str
    ) -> list[float | None]:
        """The quarter-hour values FlexMeasures holds for a sensor."""
        answer = await self._call(
            self._client.get_sensor_data(
                sensor_id=sensor_id,
                start=_iso(start),
                duration=duration,
                unit=unit,
                resolution=timedelta(minutes=15),
            )
        )
        return list(answer["values"])

    async def values_delete(self, *, sensor_id: int, start: datetime, end: datetime) -> None:
        """Delete what a sensor holds for [start, end)."""
        await self._call(
            self._client.delete_sensor_data(
                sensor_id, confirm_first=False, start=_iso(start), until=_iso(end)
            )
        )

    async def schedule_trigger(
        self,
        *,
        asset_id: int,
        start: datetime,
        duration: timedelta,
        flex_model: Sequence[dict[str, Any]],
        flex_context: dict[str, Any],
    ) -> str:
        """Ask for the schedules of a site; gives the job's id.

        Always a new job: asked the same again, FlexMeasures would hand out the earlier job, also
        when prices changed since, and its values may have been overwritten by a job in between.
        (The library asks for a new job only together with a belief time.) Raises IngestionLate
        while values of this session are not in.
        """
        if self._not_in:
            raise IngestionLate(SYSTEM, f"{len(self._not_in)} posts are not in yet", retryable=True)
        answer, _status = await self._call(
            self._client.request(
                uri=f"assets/{asset_id}/schedules/trigger",
                json_payload={
                    "start": _iso(start),
                    "duration": f"PT{int(duration.total_seconds())}S",
                    "flex-model": list(flex_model),
                    "flex-context": flex_context,
                    "force-new-job-creation": True,
                },
            )
        )
        job_id = answer.get("job") if isinstance(answer, dict) else None
        if not isinstance(job_id, str):
            raise UnexpectedAnswer
        return job_id

    async def job_wait(self, *, job_id: str, timeout_s: float) -> list[str]:
        """Wait for a job; gives the wishes it could not meet, see `unmet_wishes`.

        Raises JobFailed (also for one that is forgotten there) and JobLate.
        """
        errors = import_module("flexmeasures_client.exceptions")
        try:
            job = await self._call(self._client.wait_for_job(job_id, timeout=timeout_s))
        except errors.JobFailedError as err:
            # The message holds a server traceback: read for one word, never passed on.
            raise JobFailed(infeasible="infeasible" in str(err).lower()) from None
        except UnknownThere as err:
            if err.status != 404:
                raise
            # Its Redis was emptied: we are known there all the same.
            raise JobFailed(infeasible=False) from None
        except errors.JobTimeoutError:
            raise JobLate(SYSTEM, f"not finished after {timeout_s:.0f} s", retryable=True) from None
        result = job.get("result") if isinstance(job, dict) else None
        return unmet_wishes(result) if isinstance(result, dict) else []

    async def schedule(self, *, sensor_id: int, job_id: str, duration: timedelta) -> Schedule:
        """The schedule that a finished job computed for a sensor."""
        answer = await self._call(
            self._client.get_schedule(
                sensor_id=sensor_id, schedule_id=job_id, duration=duration, unit="kW"
            )
        )
        try:
            return Schedule(
                start=datetime.fromisoformat(answer["start"]).astimezone(UTC),
                power_kw=tuple(float(value) for value in answer["values"]),
            )
        except (KeyError, TypeError, ValueError) as err:
            raise UnexpectedAnswer from err

    async def _on_response(self, _session: Any, _context: Any, params: Any) -> None:
        response = params.response
        status = int(response.status)
        _STATUS.set(status)
        if status < 400 or status in _PASSED_ON:
            return
        raise self._refusal(response.headers.get("Retry-After"))

    def _refusal(self, retry_after: str | None = None) -> ExternalError:
        status = _STATUS.get()
        kind = UnknownThere if status in (401, 403, 404) else ExternalError
        return kind(
            SYSTEM,
            f"answered HTTP {status}",
            retryable=status in _RETRYABLE,
            retry_after_s=_seconds(retry_after),
            status=status,
        )

    async def _call(self, call: Awaitable[T]) -> T:
        library = import_module("flexmeasures_client.exceptions")
        not_json = import_module("aiohttp").ContentTypeError
        _STATUS.set(0)
        try:
            return await call
        # How a job ended is told apart by the caller.
        except (library.JobFailedError, library.JobTimeoutError):
            raise
        except (ConnectionError, TimeoutError, OSError) as err:
            if isinstance(err.__cause__, not_json):
                raise UnexpectedAnswer from err
            raise ExternalError(SYSTEM, "cannot be reached", retryable=True) from err
        except (
            library.ContentTypeError,
            library.WrongAPIVersionError,
            library.InsufficientServerVersionError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ) as err:
            if _STATUS.get() >= 400:
                raise self._refusal() from err
            raise UnexpectedAnswer from err


def _seconds(retry_after: str | None) -> float | None:
    try:
        return None if retry_after is None else max(0.0, float(retry_after))
    except ValueError:
        return None


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
