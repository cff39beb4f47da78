"""The stand-in for FlexMeasures with forecasts: trigger, job and result as the server answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.contracts.fake_server import Answer, Request, serving
from tests.contracts.flexmeasures_fake import VERSION, FlexmeasuresFake, Job


def slowly_rising(slots: int) -> list[float]:
    """0, 0.5, 1.0 and so on."""
    return [number / 2 for number in range(slots)]


@dataclass
class ForecastFake(FlexmeasuresFake):
    """Forecasts are whatever a test says; `on_forecast` runs while one is asked for."""

    forecast: Callable[[int], list[Any]] = slowly_rising
    asked: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """(sensor, body) of each trigger."""
    on_forecast: Callable[[], None] | None = None

    def _one(self, request: Request, account_id: int, kind: str, key: str, rest: str) -> Answer:
        if kind != "sensors" or not rest.startswith("forecasts/"):
            return super()._one(request, account_id, kind, key, rest)
        seen = super()._one(request, account_id, kind, key, "")
        if seen.status != 200:
            return seen
        name = rest.removeprefix("forecasts/")
        if name == "trigger":
            return self._forecast_trigger(int(key), request.json())
        return self._forecast_result(int(key), name)

    def _forecast_trigger(self, sensor_id: int, body: dict[str, Any]) -> Answer:
        if self.on_forecast is not None:
            self.on_forecast()
        job_id = str(uuid.uuid4())
        self.asked.append((sensor_id, body))
        self.jobs[job_id] = Job(body, self.job_status, self.exc_info)
        return Answer.of(
            {
                "status": "ACCEPTED",
                "message": "Request has been accepted for processing.",
                "job": job_id,
                "forecast": job_id,
                "job-url": f"/api/v3_0/jobs/{job_id}",
                "results-url": f"/api/v3_0/sensors/{sensor_id}/forecasts/{job_id}",
            },
            202,
            **VERSION,
        )

    def _forecast_result(self, sensor_id: int, job_id: str) -> Answer:
        body = self.jobs[job_id].trigger
        slots = timedelta(seconds=int(body["duration"][2:-1])) // timedelta(minutes=15)
        return Answer.of(
            {
                # The server answers in its own zone.
                "start": datetime.fromisoformat(body["start"]).isoformat(),
                "duration": "P2D",
                "values": self.forecast(slots),
                "unit": self.sensors[sensor_id]["unit"],
            },
            200,
            **VERSION,
        )


@contextmanager
def forecast_fake() -> Iterator[ForecastFake]:
    """The server on a loopback port."""
    holder: list[ForecastFake] = []
    with serving(lambda request: holder[0].answer(request)) as server:
        holder.append(ForecastFake(server))
        yield holder[0]
