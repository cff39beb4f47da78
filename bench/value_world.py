"""A month of the demo island, minute by minute as far as it matters, and what is known of it when.

Pure and seeded: the same seed gives the same month. Power in kW, consumption positive; prices in
EUR/MWh per quarter hour. The month runs from local noon to local noon, when hardly a car is
plugged in; two days before and after it are there for forecasts and horizons.
"""

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from apps.flexibility.brain.storage import Storage
from apps.simulation.devices.solar import (
    available_power_kw,
    clear_sky_w_per_m2,
    smooth_noise,
    solar_elevation_deg,
)
from apps.simulation.island import device_seed, load_island

SLOT = timedelta(minutes=15)
STEP = timedelta(minutes=5)
STEPS_A_SLOT = SLOT // STEP
SLOTS_A_DAY = 96
AROUND_DAYS = 2
LOCAL = timedelta(hours=-4)
FIRST_DAY = datetime(2026, 11, 2, 16, tzinfo=UTC)
"""Noon in Guadeloupe, a Monday."""
FEED_IN_MARGIN_EUR_PER_MWH = 10.0
IMPORT_LIMIT_KW = 120.0
EXPORT_LIMIT_KW = 600.0
CAR_EFFICIENCY = 0.92
CAR_MAX_SHARE = 0.9
CAR_MIN_SHARE = 0.4
TARGET_SHARE = 0.8
ALERT_DAY, ALERT_EUR_PER_MWH = 17, 400.0
REVISION_DAY, REVISION_EUR_PER_MWH = 9, 110.0


@dataclass(frozen=True, slots=True)
class Visit:
    """A car plugged in from `arrives` to `leaves`; it told `told` as its departure."""

    key: str
    car: int
    arrives: datetime
    leaves: datetime
    told: datetime
    soc_kwh: float
    target_kwh: float

    def storage(self) -> Storage:
        """The car's battery as it arrives."""
        return Storage(
            self.key,
            75.0,
            self.soc_kwh,
            75.0 * CAR_MIN_SHARE,
            75.0 * CAR_MAX_SHARE,
            22.0,
            22.0,
            CAR_EFFICIENCY,
            CAR_EFFICIENCY,
        )

    @property
    def is_feasible(self) -> bool:
        """Whether full power from the first minute brings it to its target."""
        hours = (self.leaves - self.arrives).total_seconds() / 3600
        return self.soc_kwh + hours * 22.0 * CAR_EFFICIENCY >= self.target_kwh


@dataclass(frozen=True)
class World:
    """The month; series begin `AROUND_DAYS` before `start`, one value per slot or per step."""

    days: int
    seed: int
    start: datetime = FIRST_DAY
    visits: list[Visit] = field(default_factory=list)

    @property
    def end(self) -> datetime:
        """The first instant after the month."""
        return self.start + timedelta(days=self.days)

    @property
    def first(self) -> datetime:
        """Where the series begin."""
        return self.start - timedelta(days=AROUND_DAYS)

    @property
    def count(self) -> int:
        """Slots of the series."""
        return (self.days + 2 * AROUND_DAYS) * SLOTS_A_DAY

    def slot(self, at: datetime) -> int:
        """The number of the slot that holds an instant."""
        return (at - self.first) // SLOT

    def at(self, slot: int) -> datetime:
        """Where a slot begins."""
        return self.first + slot * SLOT

    def batteries(self) -> list[Storage]:
        """The ten batteries, all half full."""
        return [
            Storage(d.code, 100.0, 50.0, 5.0, 98.0, 50.0, 50.0, 0.96, 0.96)
            for d in load_island("guadeloupe").devices
            if d.kind == "battery"
        ]

    @cached_property
    def day_ahead(self) -> list[float]:
        """The price of each slot as first published."""
        return [self._price(self.at(slot)) for slot in range(self.count)]

    @cached_property
    def price(self) -> list[float]:
        """The price that is paid in the end."""
        return [
            price + self._alert(slot) + self._revision(slot)
            for slot, price in enumerate(self.day_ahead)
        ]

    @cached_property
    def co2(self) -> list[float]:
        """g/kWh of the island's grid: 450 at a sunny noon, 650 in the evening."""
        found = []
        for slot in range(self.count):
            hour, day = _local_hour(self.at(slot)), self._day(self.at(slot))
            noise = 25 * (smooth_noise(slot / 9, self.seed ^ 0xC02) - 0.5)
            grams = 555 + 75 * _hump(hour, 20, 3) - 90 * self._sun(day) * _hump(hour, 12.5, 3)
            found.append(min(650.0, max(450.0, grams + noise)))
        return found

    @cached_property
    def pv_step_kw(self) -> list[float]:
        """What the ten roofs give (<= 0), per step."""
        roofs = [
            (d.latitude, d.longitude, d.rated_power_kw, device_seed("guadeloupe", d.code))
            for d in load_island("guadeloupe").devices
            if d.kind == "pv"
        ]
        found = []
        for step in range(self.count * STEPS_A_SLOT):
            at = self.first + step * STEP + STEP / 2
            given = 0.0
            if 5 <= _local_hour(at) <= 19:
                given = sum(
                    available_power_kw(
                        at, latitude=lat, longitude=lon, rated_power_kw=kw, seed=s ^ self.seed
                    )
                    for lat, lon, kw, s in roofs
                )
            found.append(-given * self._shower(at))
        return found

    @cached_property
    def load_step_kw(self) -> list[float]:
        """What the site draws beside cars and batteries, per step."""
        found = []
        for step in range(self.count * STEPS_A_SLOT):
            at = self.first + step * STEP
            hour, weekend = _local_hour(at), (at + LOCAL).weekday() >= 5
            usual = 14 + 12 * _hump(hour, 11, 4) * (0.6 if weekend else 1) + 16 * _hump(hour, 20, 2)
            slow = 0.8 + 0.4 * smooth_noise(step / 400, self.seed ^ 0x10AD)
            found.append(usual * slow + 4 * (smooth_noise(step / 3, self.seed ^ 0x10AE) - 0.5))
        return found

    @cached_property
    def pv_kw(self) -> list[float]:
        """Mean of each slot."""
        return _means(self.pv_step_kw)

    @cached_property
    def load_kw(self) -> list[float]:
        """Mean of each slot."""
        return _means(self.load_step_kw)

    @cached_property
    def clear_kw(self) -> list[float]:
        """The roofs under a clear sky (<= 0), per slot: what a site knows from its place."""
        found = []
        for slot in range(self.count):
            elevation = solar_elevation_deg(
                self.at(slot) + SLOT / 2, latitude=16.2, longitude=-61.53
            )
            found.append(-50.0 * 0.88 * clear_sky_w_per_m2(elevation) / 1000)
        return found

    def known_prices(self, now: datetime, first: int, count: int) -> list[float]:
        """The prices as known at an instant; a day not yet published is taken as the day before."""
        local = now + LOCAL
        published = (local + timedelta(days=1 if local.hour >= 13 else 0)).date()
        found = []
        for slot in range(first, first + count):
            while (self.at(slot) + LOCAL).date() > published:
                slot -= SLOTS_A_DAY  # noqa: PLW2901 - the same time of the day before
            price = self.day_ahead[slot]
            price += self._alert(slot) if now >= self.alert_known else 0.0
            price += self._revision(slot) if now >= self.revision_known else 0.0
            found.append(price)
        return found

    @property
    def alert_known(self) -> datetime:
        """18:00 of the evening before the alert."""
        return self.start + timedelta(days=ALERT_DAY - 1, hours=6)

    @property
    def revision_known(self) -> datetime:
        """15:00 of the day whose evening is priced anew."""
        return self.start + timedelta(days=REVISION_DAY, hours=3)

    def pv_forecast(self, now: datetime, first: int, count: int) -> list[float]:
        """The clear sky times how clear it was: in the last hour for the next ones, then lately."""
        here = self.slot(now)
        lately = self._clearness(here - SLOTS_A_DAY, here)
        last = self._clearness(here - 4, here) if self.clear_kw[here] < -5 else lately
        found = []
        for slot in range(first, first + count):
            weight = math.exp(-(slot - here) / 8)
            found.append(self.clear_kw[slot] * (weight * last + (1 - weight) * lately))
        return found

    def load_forecast(self, now: datetime, first: int, count: int) -> list[float]:
        """The mean of the same time of the last two days."""
        here, found = self.slot(now), []
        for slot in range(first, first + count):
            back = slot - SLOTS_A_DAY
            while back >= here:
                back -= SLOTS_A_DAY
            found.append((self.load_kw[back] + self.load_kw[max(0, back - SLOTS_A_DAY)]) / 2)
        return found

    def _clearness(self, begin: int, end: int) -> float:
        clear = sum(self.clear_kw[begin:end])
        return min(1.0, sum(self.pv_kw[begin:end]) / clear) if clear < 0 else 0.7

    def _day(self, at: datetime) -> int:
        return (at - self.first + timedelta(hours=12)) // timedelta(days=1)

    def _sun(self, day: int) -> float:
        """How sunny a day is, 0 to 1."""
        return random.Random(f"{self.seed} sun {day}").betavariate(4, 1.5)

    def _shower(self, at: datetime) -> float:
        """On a dull day showers take more than the passing clouds do."""
        dull = 1 - self._sun(self._day(at))
        passing = smooth_noise(at.timestamp() / 2700, self.seed ^ 0x5403)
        return 1 - dull * (0.4 + 0.5 * passing)

    def _price(self, at: datetime) -> float:
        """Base 225, dear from 19 to 22 h (up to 450), a discount at a sunny noon."""
        hour, day = _local_hour(at), self._day(at)
        rng = random.Random(f"{self.seed} price {day}")
        level, peak = rng.uniform(0.93, 1.07), rng.uniform(90, 160)
        price = 225 * level + 35 * _hump(hour, 7.5, 1.5) - 30 * _hump(hour, 3, 3)
        price -= 75 * self._sun(day) * _hump(hour, 12.5, 2.5)
        price += peak * _hump(hour, 20.5, 2.5) + (50 if 19 <= hour < 22 else 0)
        noise = 14 * (smooth_noise(self.slot(at) / 3, self.seed ^ 0xEA) - 0.5)
        return round(price + noise, 2)

    def _alert(self, slot: int) -> float:
        noon = self.start + timedelta(days=ALERT_DAY)
        inside = timedelta(hours=7) <= self.at(slot) - noon < timedelta(hours=10)
        return ALERT_EUR_PER_MWH if inside else 0.0

    def _revision(self, slot: int) -> float:
        noon = self.start + timedelta(days=REVISION_DAY)
        inside = timedelta(hours=6) <= self.at(slot) - noon < timedelta(hours=9)
        return REVISION_EUR_PER_MWH if inside else 0.0


def world(*, days: int, seed: int = 7) -> World:
    """A month with its visits; a shorter one is the beginning of a longer one."""
    made = World(days, seed)
    for car in range(10):
        for day in range(days):
            _visits_of_day(made, random.Random(f"{seed} car {car} {day}"), car, day)
    made.visits.sort(key=lambda visit: visit.arrives)
    return made


def _visits_of_day(made: World, rng: random.Random, car: int, day: int) -> None:
    """A night at home (most days), now and then a stop by day; a few leave too soon."""
    noon = made.start + timedelta(days=day)
    weekend = (noon + LOCAL).weekday() >= 5
    if rng.random() < 0.25:
        arrives = _minutes(noon, rng.uniform(30, 120))
        _visit_add(made, rng, car, arrives, arrives + timedelta(minutes=rng.uniform(40, 140)))
    if rng.random() < (0.8 if weekend else 0.92):
        arrives = _minutes(noon, 330 + rng.gauss(0, 45))
        told = _minutes(noon, 1140 + rng.gauss(40 if weekend else 0, 35))
        _visit_add(made, rng, car, arrives, told)


def _visit_add(
    made: World, rng: random.Random, car: int, arrives: datetime, told: datetime
) -> None:
    told = made.first + (told - made.first) // SLOT * SLOT
    leaves = _minutes(told, max(-10, min(25, rng.gauss(4, 6))))
    soc = 75.0 * rng.uniform(0.20, 0.55)
    before = [visit for visit in made.visits if visit.car == car]
    if before and before[-1].leaves + timedelta(minutes=20) > arrives:
        return
    if told - arrives < 2 * SLOT or leaves > made.end:
        return
    key = f"car{car:02d}-{len(before):03d}"
    made.visits.append(Visit(key, car, arrives, leaves, told, soc, 75.0 * TARGET_SHARE))


def _minutes(base: datetime, minutes: float) -> datetime:
    """On a step of the engine."""
    return base + round(minutes / 5) * STEP


def _local_hour(at: datetime) -> float:
    local = at + LOCAL
    return local.hour + local.minute / 60


def _hump(hour: float, centre: float, width: float) -> float:
    distance = min(abs(hour - centre), 24 - abs(hour - centre))
    return math.exp(-((distance / width) ** 2))


def _means(steps: list[float]) -> list[float]:
    return [
        sum(steps[first : first + STEPS_A_SLOT]) / STEPS_A_SLOT
        for first in range(0, len(steps), STEPS_A_SLOT)
    ]
