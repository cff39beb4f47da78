"""What FlexMeasures gives and takes, and how it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from cariflex.common.errors import ExternalError

SYSTEM: Final = "flexmeasures"


class UnknownThere(ExternalError):
    """FlexMeasures does not know (any more) who we are or what we ask for: 401, 403, 404."""


class UnexpectedAnswer(ExternalError):
    """An answer that is none: not JSON, or without what it must hold."""

    def __init__(self) -> None:
        super().__init__(SYSTEM, "answered something unexpected", retryable=True)


class JobFailed(ExternalError):
    """A scheduling job ended without a schedule."""

    def __init__(self, *, infeasible: bool) -> None:
        self.infeasible = infeasible
        super().__init__(
            SYSTEM, "no feasible schedule" if infeasible else "the job failed", retryable=True
        )


class JobLate(ExternalError):
    """A scheduling job was not finished in the time we give it."""


class IngestionLate(ExternalError):
    """Posted values are not in yet: a schedule asked for now would be made without them."""


class Posting(Protocol):
    """Consecutive quarter-hour values for one sensor."""

    @property
    def sensor_id(self) -> int: ...

    @property
    def start(self) -> datetime: ...

    @property
    def unit(self) -> str: ...

    @property
    def values(self) -> Sequence[float]: ...

    @property
    def prior(self) -> datetime | None:
        """When the values were known; None: now."""


@dataclass(frozen=True, slots=True)
class RemoteAsset:
    """An asset as FlexMeasures has it."""

    asset_id: int
    name: str
    parent_asset_id: int | None


@dataclass(frozen=True, slots=True)
class RemoteSensor:
    """A sensor as FlexMeasures has it."""

    sensor_id: int
    name: str
    asset_id: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """A computed schedule of one sensor: kW per quarter hour, consumption positive."""

    start: datetime
    power_kw: tuple[float, ...]
