"""What FlexMeasures gives and takes, and how it refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from cariflex.common.errors import ExternalError

SYSTEM: Final = "flexmeasures"
MISSED_KWH: Final = 0.05
"""A wish that is missed by no more than this is met."""


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


def unmet_wishes(result: Mapping[str, Any]) -> list[str]:
    """The wishes of a job's result that were missed by more than a rounding, a line for each.

    `unresolved` of FlexMeasures lists `{"asset", "soc-minima": [{"datetime", "violation"}]}`;
    the solver's tolerance shows there as fractions of a watt hour.
    """
    found: list[str] = []
    for entry in result.get("unresolved") or ():
        for wish, misses in entry.items():
            for miss in misses if isinstance(misses, list) else ():
                if _kwh(miss.get("violation")) > MISSED_KWH:
                    found.append(
                        f"asset {entry.get('asset')} {wish} {miss.get('datetime')}:"
                        f" {miss.get('violation')}"
                    )
    return found


def _kwh(text: object) -> float:
    """The number of "2.5 kWh"; what cannot be read counts as a miss."""
    try:
        return float(str(text).removesuffix("kWh"))
    except ValueError:
        return float("inf")
