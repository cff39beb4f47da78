"""Plants share the forecast of their cell, and a day's calls are dealt out among the cells.

The free access to Solcast has 10 calls a day, counted from midnight UTC. Plants a few kilometres
apart have the same sky in a forecast, so one call serves them all: ten plants never need more than
ten calls, and plants of one town need one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from apps.markets.pv.plant import PvPlant
from cariflex.common.errors import DomainError

# About 5.5 km; whole cells a degree, so that a boundary is the same from either side.
CELLS_PER_DEGREE: Final = 20
DAY: Final = timedelta(days=1)
# A forecast is not worth a call again sooner, however large the quota.
MIN_AGE: Final = timedelta(hours=1)
RETRY_AFTER: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A square of 0.05 degrees, named by its south-west corner in twentieths of a degree."""

    south: int
    west: int

    @property
    def latitude(self) -> float:
        """Of the centre, degrees."""
        return (self.south + 0.5) / CELLS_PER_DEGREE

    @property
    def longitude(self) -> float:
        """Of the centre, degrees."""
        return (self.west + 0.5) / CELLS_PER_DEGREE


@dataclass(frozen=True, slots=True)
class Call:
    """A call made for a cell; one that failed counts against the quota too."""

    cell: Cell
    at: datetime
    succeeded: bool


def cell_of(latitude: float, longitude: float) -> Cell:
    """The cell of a place; 180 degrees east is 180 degrees west, the pole is in the last cell."""
    # 16.25 * 20 may come out a hair below 325: a boundary belongs to the cell that it opens.
    south = math.floor(round(latitude * CELLS_PER_DEGREE, 6))
    west = math.floor(round(longitude * CELLS_PER_DEGREE, 6))
    return Cell(
        min(south, 90 * CELLS_PER_DEGREE - 1),
        -180 * CELLS_PER_DEGREE if west >= 180 * CELLS_PER_DEGREE else west,
    )


def cells_of(plants: Mapping[str, PvPlant]) -> dict[Cell, tuple[str, ...]]:
    """The cells of the plants with the names of theirs, both in order."""
    found: dict[Cell, list[str]] = {}
    for name in sorted(plants):
        found.setdefault(cell_of(plants[name].latitude, plants[name].longitude), []).append(name)
    return {cell: tuple(found[cell]) for cell in sorted(found)}


def cells_to_ask(
    cells: Iterable[Cell],
    *,
    calls: Iterable[Call],
    now: datetime,
    quota_per_day: int,
    horizon: timedelta,
) -> tuple[Cell, ...]:
    """The cells that may be asked now, the most urgent first, never more than the quota has left.

    `calls` are those made so far, of the last `horizon` and of today (UTC) at least. A cell is due
    when its forecast of `horizon` has run out or is older than the quota lets it be renewed: a day
    x cells / quota, never under MIN_AGE. After a failure it waits RETRY_AFTER, and those not
    tried today go first, so that one failing cell does not use up the calls of the others. Raises
    DomainError for a quota below 0, a horizon that is none, a call in the future.
    """
    wanted = sorted(set(cells))
    made = list(calls)
    _check(made, now=now, quota_per_day=quota_per_day, horizon=horizon)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = [call for call in made if call.at >= midnight]
    left = quota_per_day - len(today)
    if left <= 0 or not wanted:
        return ()
    renewal = min(max(DAY * len(wanted) / quota_per_day, MIN_AGE), horizon)
    never = datetime.min.replace(tzinfo=UTC)
    due: list[tuple[int, datetime, Cell]] = []
    for cell in wanted:
        tries = [call for call in made if call.cell == cell]
        tried = max((call.at for call in tries), default=never)
        asked = max((call.at for call in tries if call.succeeded), default=never)
        is_waiting = tried > asked and now - tried < RETRY_AFTER
        if now - asked >= renewal and not is_waiting:
            due.append((sum(call.cell == cell for call in today), asked, cell))
    return tuple(cell for _, _, cell in sorted(due)[:left])


def _check(made: list[Call], *, now: datetime, quota_per_day: int, horizon: timedelta) -> None:
    if quota_per_day < 0:
        raise DomainError("pv.quota", f"{quota_per_day} is below 0", field="quota_per_day")
    if horizon <= timedelta(0):
        raise DomainError("pv.quota", f"{horizon} is no time ahead", field="horizon")
    late = next((call for call in made if call.at > now), None)
    if late is not None:
        raise DomainError("pv.quota", f"{late.at.isoformat()} is in the future", field="calls")
