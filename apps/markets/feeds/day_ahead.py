"""What the readers of day-ahead prices share: the priced slot and the slots of a local day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from cariflex.common.units import QUARTER_HOUR

RESOLUTIONS: Final = (QUARTER_HOUR, timedelta(minutes=30), timedelta(hours=1))
MAX_DOCUMENT_BYTES: Final = 5_000_000
# The harmonised limits of the coupled auction are -500 and +4000..5000 EUR/MWh; wider is nonsense.
MAX_PRICE_EUR_PER_MWH: Final = Decimal(99_999)


@dataclass(frozen=True, slots=True)
class PublishedPrice:
    """One market time unit: `[start, start + resolution)` in UTC and its price."""

    start: datetime
    resolution: timedelta
    price_eur_per_mwh: Decimal


def local_instants(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The UTC instants that a naive local time names, earliest first.

    One as a rule, none in the hour that spring leaves out, two in the hour that autumn repeats.
    """
    found = []
    for fold in (0, 1):
        instant = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == local and instant not in found:
            found.append(instant)
    return tuple(found)


def local_day_start(day: date, zone: ZoneInfo) -> datetime:
    """The UTC instant at which a local day begins."""
    return datetime.combine(day, clock_time.min, zone).astimezone(UTC)


def local_day_slots(day: date, zone: ZoneInfo, resolution: timedelta) -> list[datetime]:
    """The UTC starts of the slots of a local day: 92, 96 or 100 quarter hours."""
    start = local_day_start(day, zone)
    end = local_day_start(day + timedelta(days=1), zone)
    return [start + number * resolution for number in range((end - start) // resolution)]
