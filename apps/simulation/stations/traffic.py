"""When cars come and for how long: the same for the same operator, island and answers.

Times are simulated seconds since the start of the process.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass

from apps.simulation.island import Island

OPENING_ARRIVALS = 6
OPENING_WITHIN_S = 20.0
USUAL_OCCUPIED = 5
FEWEST_OCCUPIED = 4
"""Below this the next car comes at once, so that at least three sessions are always live."""


@dataclass(frozen=True)
class Visit:
    """One car at one station for `stay_s`, starting with `soc_percent`."""

    station_id: str
    id_token: str
    stay_s: float
    soc_percent: float


class Traffic:
    """The visits of one island."""

    def __init__(self, island: Island) -> None:
        self._stations = [station.station_id for station in island.stations]
        self._cars = [car.id_token for car in island.cars]
        self._chance = random.Random(f"traffic/{island.operator}")  # noqa: S311 - repeatable
        self._opening = self._opening_visits()
        self._next_at_s: float | None = None

    def _opening_visits(self) -> list[tuple[float, Visit]]:
        """Six cars within 20 s: two stay about a minute, one 3 min, three 10-45 min."""
        chance = self._chance
        stations = chance.sample(self._stations, OPENING_ARRIVALS)
        cars = chance.sample(self._cars, OPENING_ARRIVALS)
        stays = [chance.uniform(50, 70), chance.uniform(50, 70), 180.0]
        stays += [chance.uniform(600, 2700) for _ in range(OPENING_ARRIVALS - len(stays))]
        arrivals = sorted(chance.uniform(1, OPENING_WITHIN_S - 2) for _ in stays)
        return [
            (at_s, Visit(station, car, stay_s, self._arrival_soc()))
            for at_s, station, car, stay_s in zip(arrivals, stations, cars, stays, strict=True)
        ]

    def due(
        self, now_s: float, *, free: Collection[str], away: Collection[str], occupied: int
    ) -> list[Visit]:
        """The visits that begin now, given the free stations and the cars that are away."""
        visits = []
        while self._opening and self._opening[0][0] <= now_s:
            visit = self._opening.pop(0)[1]
            if visit.station_id in free and visit.id_token in away:
                visits.append(visit)
        if self._opening or visits:
            return visits
        return self._usual(now_s, free=free, away=away, occupied=occupied)

    def _usual(
        self, now_s: float, *, free: Collection[str], away: Collection[str], occupied: int
    ) -> list[Visit]:
        if occupied > USUAL_OCCUPIED or not free or not away:
            self._next_at_s = None
            return []
        hurried = occupied < FEWEST_OCCUPIED
        if self._next_at_s is None:
            self._next_at_s = now_s + self._chance.uniform(20, 90)
        if hurried:
            self._next_at_s = min(self._next_at_s, now_s + self._chance.uniform(0, 2))
        if now_s < self._next_at_s:
            return []
        self._next_at_s = None
        station = self._chance.choice(sorted(free))
        car = self._chance.choice(sorted(away))
        return [Visit(station, car, self._stay_s(), self._arrival_soc())]

    def _stay_s(self) -> float:
        if self._chance.random() < 0.45:
            return self._chance.uniform(90, 300)
        return self._chance.uniform(600, 2700)

    def _arrival_soc(self) -> float:
        """Mostly low; one car in six comes nearly full and shows the taper."""
        if self._chance.random() < 1 / 6:
            return round(self._chance.uniform(78, 90), 1)
        return round(self._chance.uniform(12, 65), 1)
