"""Random tariffs and sessions as OCPI JSON, and random meter samples; all numbers are Decimals.

Hypothesis draws the seed, plain code makes the pair of it: drawing each of some two hundred
numbers by itself costs a hundred times as much as pricing them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from apps.billing.rating import MeterSample, Version
from tests.billing.rating.reference import DAYS

Json = dict[str, Any]

# A change of the clock (UTC) in the zone, near which most sessions start; the islands have none.
PLACES = (
    ("America/Guadeloupe", datetime(2026, 3, 10, 21, tzinfo=UTC)),
    ("America/Martinique", datetime(2026, 12, 31, 22, tzinfo=UTC)),
    ("Europe/Paris", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Paris", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 11, 1, 5, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 7, 1, 18, 30, tzinfo=UTC)),
)
DATES = ("2026-03-08", "2026-03-10", "2026-03-29", "2026-04-05", "2026-10-25", "2027-01-01")
VERSIONS: tuple[Version, ...] = ("2.2.1", "2.2.1", "2.2.1", "2.3.0", "2.1.1")
KINDS = ("ENERGY", "TIME", "PARKING_TIME", "FLAT")
RATES = (None, "0", "8.5", "8.5", "20", "2.1", "5.5", "100")


@dataclass(frozen=True)
class Case:
    """A tariff in the JSON of a version, and a session in the short form of the command."""

    tariff: Json
    session: Json
    version: Version


@dataclass(frozen=True)
class Metered:
    """A tariff, and what a meter told of a session in [start, end)."""

    tariff: Json
    version: Version
    samples: tuple[MeterSample, ...]
    start: datetime
    end: datetime
    time_zone: str
    reserved_from: datetime | None


def cases() -> SearchStrategy[Case]:
    """Any tariff with any session: periods may well last over a change of their price."""
    return st.randoms(use_true_random=True).map(_case)


def metered() -> SearchStrategy[Metered]:
    """Any tariff with samples that are sparse, late, reset, incomplete or all of it."""
    return st.randoms(use_true_random=True).map(_metered)


def _case(rng: Random) -> Case:
    tariff, version = _tariff(rng)
    return Case(tariff, _session(rng), version)


def written(at: datetime) -> str:
    """A moment as OCPI writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _number(rng: Random, most: int, places: int) -> Decimal:
    """From 0 to `most`; whole or short ones often, for they meet the borders."""
    shown = rng.choice((0, 0, 1, 2, places, places))
    return Decimal(rng.randint(0, most * 10**shown)).scaleb(-shown)


def _tariff(rng: Random) -> tuple[Json, Version]:
    version = rng.choice(VERSIONS)
    elements = []
    for _ in range(rng.randint(1, 6)):
        element: Json = {"price_components": _components(rng, version)}
        rules = _restrictions(rng, version)
        if rules is not None:
            element["restrictions"] = rules
        elements.append(element)
    tariff: Json = {"id": "T1", "currency": "EUR", "elements": elements, **_limits(rng, version)}
    tariff["last_updated"] = "2026-01-01T00:00:00Z"
    if version != "2.1.1":
        tariff |= {"country_code": "FR", "party_id": "CFX"}
    if version == "2.3.0":
        tariff["tax_included"] = rng.choice(("YES", "NO", "N/A"))
    return tariff, version


def _components(rng: Random, version: Version) -> list[Json]:
    found = []
    for kind in rng.sample(KINDS, rng.randint(1, 4)):
        component: Json = {"type": kind, "price": _number(rng, 5, 4)}
        steps = (0, 1, 25, 500, 1000) if kind == "ENERGY" else (0, 1, 60, 300, 900, 3600)
        component["step_size"] = rng.choice(steps)
        rate = None if version == "2.1.1" else rng.choice(RATES)
        if rate is not None:
            component["vat"] = Decimal(rate)
        found.append(component)
    return found


def _clock(rng: Random) -> str:
    return f"{rng.choice((0, 0, *range(24))):02}:{rng.choice((0, 0, 0, 30, 15, 59)):02}"


RESTRICTIONS: dict[str, Callable[[Random], Any]] = {
    "start_time": _clock,
    "end_time": _clock,
    "start_date": lambda rng: rng.choice(DATES),
    "end_date": lambda rng: rng.choice(DATES),
    "min_kwh": lambda rng: _number(rng, 40, 3),
    "max_kwh": lambda rng: _number(rng, 40, 3),
    "min_power": lambda rng: _number(rng, 30, 1),
    "max_power": lambda rng: _number(rng, 30, 1),
    "min_duration": lambda rng: rng.randint(0, 240) * 60,
    "max_duration": lambda rng: rng.randint(0, 4 * 3600),
    "day_of_week": lambda rng: rng.sample(DAYS, rng.randint(1, 5)),
    # Not in 2.1.1.
    "min_current": lambda rng: _number(rng, 60, 1),
    "max_current": lambda rng: _number(rng, 60, 1),
}


def _restrictions(rng: Random, version: Version) -> Json | None:
    names = [name for name in RESTRICTIONS if version != "2.1.1" or "current" not in name]
    chosen = rng.sample(names, rng.choice((0, 1, 1, 1, 2, 2, 3)))
    if rng.random() < 0.3:
        chosen += ["start_time", "end_time"]
    rules: Json = {name: RESTRICTIONS[name](rng) for name in chosen}
    if version != "2.1.1" and rng.random() < 0.2:
        rules["reservation"] = rng.choice(("RESERVATION", "RESERVATION_EXPIRES"))
    return rules or rng.choice((None, {}))


def _limits(rng: Random, version: Version) -> Json:
    """A minimum, a maximum, both or none; with taxes as well, or only without."""
    if version == "2.1.1":
        return {}
    names = ("before_taxes", "after_taxes") if version == "2.3.0" else ("excl_vat", "incl_vat")
    low, high = sorted(_number(rng, 20, 2) for _ in range(2))
    taxes = _number(rng, 3, 2)
    found: Json = {}
    for bound, amount in (("min_price", low), ("max_price", high)):
        if rng.random() < 0.3:
            found[bound] = {names[0]: amount}
            if rng.random() < 0.6:
                found[bound][names[1]] = amount + taxes
    return found


def _start(rng: Random) -> tuple[datetime, str]:
    zone, change = rng.choice(PLACES)
    seconds = rng.choice((rng.randint(-3600, 2 * 86_400), rng.randint(-4, 200) * 900))
    return change - timedelta(seconds=seconds), zone


def _session(rng: Random) -> Json:
    """Periods in order of time, after a reservation or not; or a reservation alone."""
    start, zone = _start(rng)
    reserved_count = rng.choice((0, 0, 0, 1, 2))
    charged_count = rng.randint(0 if reserved_count else 1, 6)
    at, periods = start, []
    for index in range(reserved_count + charged_count):
        length_s = rng.choice((rng.randint(1, 3 * 3600), rng.randint(1, 12) * 900))
        found = _dimensions(rng, length_s, is_reserved=index < reserved_count)
        periods.append({"start_date_time": written(at), "dimensions": found})
        at += timedelta(seconds=length_s)
    session: Json = {
        "time_zone": zone,
        "start_date_time": written(start),
        "end_date_time": written(at),
        "charging_periods": periods,
    }
    # A session that was charged does not come of a reservation that expired.
    expired = rng.choice((None, False, not charged_count))
    if expired is not None:
        session["reservation_expired"] = expired
    return session


def _dimensions(rng: Random, length_s: int, *, is_reserved: bool) -> list[Json]:
    hours = (Decimal(length_s) / 3600).quantize(Decimal(1).scaleb(-rng.choice((4, 9, 12))))
    if is_reserved:
        return [{"type": "RESERVATION_TIME", "volume": hours}]
    kind = rng.choice(("TIME", "TIME", "PARKING_TIME", None))
    found: list[Json] = [] if kind is None else [{"type": kind, "volume": hours}]
    if kind != "PARKING_TIME" or rng.random() < 0.1:
        energy = rng.choice((Decimal(0), _number(rng, 25, 4), _number(rng, 25, 9)))
        found.append({"type": "ENERGY", "volume": energy})
    found += _drawn(rng, ("MIN_POWER", "POWER", "MAX_POWER"), 30)
    found += _drawn(rng, ("MIN_CURRENT", "CURRENT", "MAX_CURRENT"), 60)
    return found


def _drawn(rng: Random, names: tuple[str, str, str], most: int) -> list[Json]:
    """Least, mean and most power or current, or some of them, or none."""
    values = sorted(_number(rng, most, 2) for _ in range(3))
    told = rng.choice(((), (0, 2), (0, 2), (0, 1, 2), (0,), (2,), (1,)))
    return [{"type": names[place], "volume": values[place]} for place in told]


def _metered(rng: Random) -> Metered:
    tariff, version = _tariff(rng)
    start, zone = _start(rng)
    length_s = rng.choice(
        (0, rng.randint(1, 99), rng.randint(0, 6 * 3600), rng.randint(0, 144_000))
    )
    seconds = [
        rng.choice((0, length_s, rng.randint(-60, length_s + 60)))
        for _ in range(rng.choice((0, 1, 2, 3, 5, 9)))
    ]
    register = _number(rng, 9999, 3)
    told = []
    for second in sorted(seconds):
        grown = rng.choice((_number(rng, 12, 3), _number(rng, 12, 9), Decimal(0)))
        register = grown if rng.random() < 0.06 else register + grown
        told.append(
            MeterSample(
                start + timedelta(seconds=second, milliseconds=rng.choice((0, 0, 350))),
                energy_kwh=rng.choice((register, register, register, None)),
                power_kw=rng.choice((None, _number(rng, 30, 1))),
                current_a=rng.choice((None, _number(rng, 60, 1))),
                is_parking=rng.random() < 0.3,
            )
        )
    if rng.random() < 0.5:
        rng.shuffle(told)
    reserved_s = rng.choice((None, None, None, 0, 900, 5000))
    return Metered(
        tariff=tariff,
        version=version,
        samples=tuple(told),
        start=start,
        end=start + timedelta(seconds=length_s, milliseconds=rng.choice((0, 0, 900))),
        time_zone=zone,
        reserved_from=None if reserved_s is None else start - timedelta(seconds=reserved_s),
    )
