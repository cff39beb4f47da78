"""The synthetic day-ahead prices: pure functions of the delivery day.

A delivery day runs from 00:00 to 00:00 Europe/Paris: 92, 96 or 100 quarter hours.
"""

import csv
import hashlib
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from apps.simulation.market.sky import ISLAND_OFFSET

MARKET_ZONE = ZoneInfo("Europe/Paris")
RESOLUTION = timedelta(minutes=15)
PUBLICATION_TIME = time(12, 55)
DOCUMENTS = Path(__file__).parent / "entsoe_documents"
_SLOTS_OF_A_DAY = 96
_CENT = Decimal("0.01")


def delivery_day(at: datetime) -> date:
    """The delivery day that an instant belongs to."""
    return at.astimezone(MARKET_ZONE).date()


def day_start(day: date) -> datetime:
    """The first instant of a delivery day, in UTC."""
    return datetime.combine(day, time(0), MARKET_ZONE).astimezone(UTC)


def day_slots(day: date) -> list[datetime]:
    """The starts (UTC) of the quarter hours of a delivery day."""
    start, end = day_start(day), day_start(day + timedelta(days=1))
    return [start + RESOLUTION * number for number in range((end - start) // RESOLUTION)]


def is_published(day: date, *, now: datetime) -> bool:
    """Whether the day's prices are out: from 12:55 Europe/Paris on the day before."""
    return day <= latest_day(now, at=PUBLICATION_TIME)


def latest_day(now: datetime, *, at: time) -> date:
    """The last delivery day that is out when each comes at `at` (market time) the day before."""
    local = now.astimezone(MARKET_ZONE)
    return local.date() + timedelta(days=1 if local.time() >= at else 0)


def day_prices(day: date) -> list[Decimal]:
    """The prices (EUR/MWh) of a delivery day, one for each of `day_slots`."""
    factor = _day_factor(day)
    shape = island_day_shape()
    return [(shape[_island_slot(start)] * factor).quantize(_CENT) for start in day_slots(day)]


@cache
def island_day_shape() -> tuple[Decimal, ...]:
    """96 prices from 00:00 to 24:00 island time: the sample's values in a day's order.

    The dearest of them stand where demand is highest; some slots repeat the one before, so that
    the document has the gaps of curve type A03.
    """
    by_demand = sorted(range(_SLOTS_OF_A_DAY), key=_demand)
    shape = [Decimal(0)] * _SLOTS_OF_A_DAY
    for slot, price in zip(by_demand, sorted(_sample_prices()), strict=True):
        shape[slot] = price
    for slot in range(3, _SLOTS_OF_A_DAY, 12):
        shape[slot] = shape[slot - 1]
    shape[-1] = shape[-2] = shape[-3]
    return tuple(shape)


def _demand(slot: int) -> float:
    """How much the island wants power at a slot of its day, without PV; only the order counts."""
    hour = (slot + 0.5) / 4

    def hump(centre: float, width: float) -> float:
        distance = min(abs(hour - centre), 24 - abs(hour - centre))
        return math.exp(-((distance / width) ** 2))

    return hump(20.5, 2.6) + 0.45 * hump(7.5, 1.8) - 0.6 * hump(12.5, 2.5) - 0.3 * hump(3.0, 2.5)


@cache
def _sample_prices() -> tuple[Decimal, ...]:
    path = DOCUMENTS / "a44_pt15m_a03_gaps.expected.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(Decimal(row["price_eur_mwh"]) for row in csv.DictReader(file))


def _island_slot(start: datetime) -> int:
    local = start.astimezone(UTC) + ISLAND_OFFSET
    return local.hour * 4 + local.minute // 15


def _day_factor(day: date) -> Decimal:
    """0.900 to 1.100, the same for the same day."""
    number = int.from_bytes(hashlib.sha256(day.isoformat().encode()).digest()[:4], "big")
    return Decimal(900 + number % 201) / 1000
