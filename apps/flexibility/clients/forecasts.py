"""Forecasts that FlexMeasures computes from the values it holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from apps.flexibility.clients.flexmeasures import FlexmeasuresClient, UnexpectedAnswer

TRAINED_ON: Final = timedelta(days=30)
"""So much history is looked at; it takes 2 days at least."""
# The server's own choice is the median by quantile regression. LightGBM cannot split on that loss
# where no value lies above the median, which is every PV plant (negative by day, 0 at night): it
# forecasts zero for ever. The mean has no such case, is three times faster and nearer as well.
MODEL_PARAMS: Final[dict[str, Any]] = {"likelihood": None, "quantiles": None}


@dataclass(frozen=True, slots=True)
class RemoteForecast:
    """A computed forecast of one sensor: a value per quarter hour in the sensor's unit."""

    start: datetime
    values: tuple[float, ...]


class ForecastClient(FlexmeasuresClient):
    """One service user's session, with forecasts."""

    async def __aenter__(self) -> ForecastClient:
        await super().__aenter__()
        return self

    async def forecast_trigger(
        self, *, sensor_id: int, start: datetime, duration: timedelta
    ) -> str:
        """Ask for a forecast of [start, start + duration); gives the job's id.

        The library's own method cannot say how the model is to be trained.
        """
        answer, _status = await self._call(
            self._client.request(
                uri=f"sensors/{sensor_id}/forecasts/trigger",
                json_payload={
                    "start": start.astimezone(UTC).isoformat(),
                    "duration": f"PT{int(duration.total_seconds())}S",
                    "config": {
                        "train-period": f"P{TRAINED_ON.days}D",
                        "model-params": MODEL_PARAMS,
                    },
                },
            )
        )
        job_id = answer.get("job") if isinstance(answer, dict) else None
        if not isinstance(job_id, str):
            raise UnexpectedAnswer
        return job_id

    async def forecast(self, *, sensor_id: int, job_id: str) -> RemoteForecast:
        """The forecast that a finished job computed; raises UnexpectedAnswer for half a one."""
        answer = await self._call(
            self._client.get_forecast(sensor_id=sensor_id, forecast_id=job_id)
        )
        try:
            start = datetime.fromisoformat(answer["start"]).astimezone(UTC)
            values = tuple(float(value) for value in answer["values"])
        except (KeyError, TypeError, ValueError) as err:
            raise UnexpectedAnswer from err
        if not all(map(math.isfinite, values)):
            raise UnexpectedAnswer
        return RemoteForecast(start, values)
