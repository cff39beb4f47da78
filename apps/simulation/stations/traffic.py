"""When cars come and for how long: the same for the same operator, island and answers.

Most come to charge and go. The last stations of an island belong to cars that stay for hours and
tell what they need by when. Times are simulated seconds since the start of the process.
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
LONG_STAYS = 2
"""So many stations, and as many cars, are for long stays; they do not count as occupied."""
LONG_FROM_S = 30.0
LONG_STAY_S = (2 * 3600.0, 8 * 3600.0)
LONG_PAUSE_S = (300.0, 1200.0)
LONG_TARGET_PERCENT = (80.0, 95.0)


@dataclass(frozen=True)
class Visit:
    """One car at one station for `stay_s`, starting with `soc_percent`."""

    station_id: str
    id_token: str
    stay_s: float
    soc_percent: float
    target_percent: float | None = None
    """Wanted by its departure and told to the station; None: the car tells nothing."""


class Traffic:
    """The visits of one island."""

    def __init__(self, island: Island) -> None:
        stations = [station.station_id for station in island.stations]
        cars = [car.id_token for car in island.cars]
        self._stations, self._long_stations = stations[:-LONG_STAYS], stations[-LONG_STAYS:]
        self._cars, self._long_cars = cars[:-LONG_STAYS], cars[-LONG_STAYS:]
        # Of its own, so that the other visits stay as they are.
        self._long_chance = random.Random(f"stays/{island.operator}")  # noqa: S311 - repeatable
        self._long_at_s = {
            station_id: LONG_FROM_S + 15.0 * number
            for number, station_id in enumerate(self._long_stations)
        }
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
        self, now_s: float, *, free: Collection[str], away: Collection[str], busy: Collection[str]
    ) -> list[Visit]:
        """The visits that begin now: `free` and `busy` are stations, `away` are cars."""
        occupied = len([one for one in busy if one not in self._long_stations])
        visits = self._long(now_s, free=free, away=away)
        free = [one for one in free if one not in self._long_stations]
        away = [one for one in away if one not in self._long_cars]
        return visits + self._short(now_s, free=free, away=away, occupied=occupied)

    def _short(
        self, now_s: float, *, free: Collection[str], away: Collection[str], occupied: int
    ) -> list[Visit]:
        visits = []
        while self._opening and self._opening[0][0] <= now_s:
            visit = self._opening.pop(0)[1]
            if visit.station_id in free and visit.id_token in away:
                visits.append(visit)
        if self._opening or visits:
            return visits
        return self._usual(now_s, free=free, away=away, occupied=occupied)

    def _long(self, now_s: float, *, free: Collection[str], away: Collection[str]) -> list[Visit]:
        """A car for each station of long stays that has been free for a while."""
        visits = []
        for station_id, id_token in zip(self._long_stations, self._long_cars, strict=True):
            if station_id not in free or id_token not in away:
                self._long_at_s.pop(station_id, None)
                continue
            pause_s = self._long_at_s.setdefault(
                station_id, now_s + self._long_chance.uniform(*LONG_PAUSE_S)
            )
            if now_s >= pause_s:
                visits.append(
                    Visit(
                        station_id,
                        id_token,
                        self._long_chance.uniform(*LONG_STAY_S),
                        round(self._long_chance.uniform(20, 50), 1),
                        round(self._long_chance.uniform(*LONG_TARGET_PERCENT)),
                    )
                )
        return visits

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
