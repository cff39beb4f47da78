"""Sessions priced per second on one core, simple and complex.

    ./run bench rating [--seconds 3]

Simple: a price per kWh, with or without a start fee, two periods. Complex: the specification's
complex tariff, day and night over midnight with bands of power, energy bands with bounds and
taxes, a reservation with steps; two to six periods, in local time. Each session has volumes of
its own, and half of the complex ones have periods over a change of price, which takes longer.
Timed by CPU time, the best round: pricing alone (tariff and session as objects), and the whole
way of `price_session --batch` (JSON line in, JSON line out). The anchor is the sum that a
spreadsheet would make of the simple sessions: energy x price, fee and tax, nothing explained.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)

from apps.billing.rating import (  # noqa: E402
    SessionCharged,
    Tariff,
    json_read,
    json_write,
    rate,
    rating_dump,
    session_parse,
    tariff_parse,
)
from apps.billing.rating.pricing import Pricer  # noqa: E402
from bench.report import report  # noqa: E402

Json = dict[str, object]
SESSIONS = 400
WANTED = {"simple": 10_000, "complex": 5_000}
SEED = 5
DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]


def part(kind: str, price: str, step: int = 1, vat: str = "8.5") -> Json:
    """A price component."""
    return {"type": kind, "price": Decimal(price), "vat": Decimal(vat), "step_size": step}


def element(*parts: Json, **restrictions: object) -> Json:
    """A tariff element."""
    return {"price_components": [*parts]} | ({"restrictions": restrictions} if restrictions else {})


def tariff(name: str, *elements: Json, **more: object) -> Json:
    """A tariff of 2.2.1."""
    return {
        "country_code": "FR",
        "party_id": "CRF",
        "id": name,
        "currency": "EUR",
        "elements": [*elements],
        "last_updated": "2026-01-01T00:00:00Z",
        **more,
    }


SIMPLE = (
    tariff("kwh", element(part("ENERGY", "0.3012"))),
    tariff("start", element(part("FLAT", "0.50"), part("ENERGY", "0.25"))),
    tariff("parking", element(part("ENERGY", "0.25"), part("PARKING_TIME", "2", 900))),
)
COMPLEX = (
    tariff(
        "current",
        element(part("FLAT", "2.50", 1, "15")),
        element(part("TIME", "1.00", 900), max_current=Decimal(32)),
        element(part("TIME", "2.00", 600), min_current=Decimal(32), day_of_week=DAYS),
        element(part("TIME", "1.25", 600), min_current=Decimal(32)),
        element(part("PARKING_TIME", "5", 300), start_time="09:00", end_time="18:00"),
        element(part("PARKING_TIME", "6", 300), start_time="18:00", end_time="20:00"),
    ),
    tariff(
        "night",
        element(part("ENERGY", "0.18", 100), start_time="22:00", end_time="06:00"),
        element(part("ENERGY", "0.42", 100), min_power=Decimal(43), day_of_week=DAYS),
        element(part("ENERGY", "0.29", 100), start_date="2026-01-01", end_date="2027-01-01"),
        element(part("ENERGY", "0.35"), part("PARKING_TIME", "3", 60)),
    ),
    tariff(
        "bands",
        element(part("ENERGY", "0.20"), max_kwh=Decimal(10)),
        element(part("ENERGY", "0.30", 1, "2.1"), max_kwh=Decimal(25)),
        element(part("ENERGY", "0.45"), part("TIME", "0.60"), min_duration=1800),
        element(part("ENERGY", "0.50"), part("FLAT", "1")),
        min_price={"excl_vat": Decimal(2), "incl_vat": Decimal("2.17")},
        max_price={"excl_vat": Decimal(20), "incl_vat": Decimal("21.70")},
    ),
    tariff(
        "reserved",
        element(part("FLAT", "2"), part("TIME", "5", 300), reservation="RESERVATION"),
        element(part("TIME", "6", 300), reservation="RESERVATION_EXPIRES"),
        element(part("ENERGY", "0.25"), part("TIME", "1", 60), start_time="08:00"),
        element(part("FLAT", "0.50"), part("ENERGY", "0.22"), part("PARKING_TIME", "2", 900)),
    ),
)


def session(dice: random.Random, *, stretches: int, reserved: bool) -> Json:
    """A session of periods of 10 to 90 minutes; the last one is parking."""
    at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=dice.randrange(7 * 1440))
    start, periods = at, []
    for n in range(stretches):
        minutes = dice.randrange(10, 91)
        hours = (Decimal(minutes) / 60).quantize(Decimal("0.0001"))
        if reserved and n == 0:
            volumes = {"RESERVATION_TIME": hours}
        elif n == stretches - 1:
            volumes = {"PARKING_TIME": hours}
        else:
            kw = Decimal(dice.randrange(30, 500)) / 10
            volumes = {"TIME": hours, "ENERGY": (kw * hours).quantize(Decimal("0.0001"))}
            volumes |= {"MAX_POWER": kw, "MAX_CURRENT": (kw / Decimal("0.69")).quantize(Decimal(1))}
        periods.append(
            {
                "start_date_time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "dimensions": [{"type": key, "volume": value} for key, value in volumes.items()],
            }
        )
        at += timedelta(minutes=minutes)
    return {
        "time_zone": "America/Guadeloupe",
        "start_date_time": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end_date_time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "charging_periods": periods,
    }


def cases(tariffs: Sequence[Json], *, simple: bool) -> list[tuple[Json, Json]]:
    """Tariffs and sessions in turn."""
    dice = random.Random(SEED)
    made = []
    for n in range(SESSIONS):
        content = tariffs[n % len(tariffs)]
        stretches = 2 if simple else dice.randrange(2, 7)
        reserved = not simple and content["id"] == "reserved"
        made.append((content, session(dice, stretches=stretches, reserved=reserved)))
    return made


def per_second(work: Callable[[int], object], seconds: float) -> float:
    """Calls per second of CPU time: the best of many rounds over the sessions.

    The best and not the mean: other work on the machine only ever slows a round down.
    """
    best = float("inf")
    end = time.process_time() + seconds
    while (begin := time.process_time()) < end:
        for n in range(SESSIONS):
            work(n)
        best = min(best, time.process_time() - begin)
    return SESSIONS / best


def objects(made: Sequence[tuple[Json, Json]]) -> list[tuple[Tariff, SessionCharged]]:
    """The cases as the engine takes them; one object for one tariff."""
    tariffs: dict[str, Tariff] = {}
    read = []
    for content, charged in made:
        name = str(content["id"])
        if name not in tariffs:
            tariffs[name] = tariff_parse(content)[0]
        read.append((tariffs[name], session_parse(charged)[0]))
    return read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of CPU, for each figure")
    seconds = parser.parse_args().seconds
    rows = []
    for name, tariffs in (("simple", SIMPLE), ("complex", COMPLEX)):
        made = cases(tariffs, simple=name == "simple")
        read = objects(made)
        lines = [json_write({"tariff": one, "session": other}) for one, other in made]
        pricer = Pricer()

        def whole(n: int, pricer: Pricer = pricer, lines: Sequence[str] = lines) -> str:
            rating = pricer.price_line(json_read(lines[n])).rating
            return json.dumps(rating_dump(rating))

        def alone(n: int, read: Sequence[tuple[Tariff, SessionCharged]] = read) -> object:
            return rate(*read[n])

        rows.append(
            {
                "tariffs": name,
                "sessions/s, pricing": round(per_second(alone, seconds)),
                "wanted": WANTED[name],
                "sessions/s, JSON line to JSON line": round(per_second(whole, seconds)),
                "periods a session": round(
                    sum(len(one.charging_periods) for _, one in read) / len(read), 1
                ),
            }
        )
    energies = [
        sum((one.energy_kwh or Decimal(0) for one in charged.charging_periods), Decimal(0))
        for _, charged in objects(cases(SIMPLE, simple=True))
    ]

    def spreadsheet(n: int) -> Decimal:
        net = energies[n] * Decimal("0.25") + Decimal("0.50")
        return (net * Decimal("1.085")).quantize(Decimal("0.01"))

    anchor = {"tariffs": "anchor: energy x price, unexplained"}
    anchor |= {"sessions/s, pricing": round(per_second(spreadsheet, seconds))}
    rows.append(dict.fromkeys(rows[0], "") | anchor)
    report("rating", rows, wanted="10,000 simple and 5,000 complex sessions/s per core, pricing")


if __name__ == "__main__":
    main()
