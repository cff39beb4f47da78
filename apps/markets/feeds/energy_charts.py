"""Day-ahead prices of Energy-Charts (Fraunhofer ISE): JSON of `/price?bzn=FR` in, slots out.

The reply holds columns: `unix_seconds` and `price` (EUR/MWh, null where nothing is published) of
one length, `unit` ("EUR / MWh"), `license_info` and `deprecated`. It names no bidding zone: the
caller knows which it asked for. The licence text goes along with the prices, since whoever shows
them has to name it. Shape: the `/price` endpoint of api.energy-charts.info as its users record it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from apps.markets.feeds.day_ahead import (
    MAX_DOCUMENT_BYTES,
    MAX_PRICE_EUR_PER_MWH,
    RESOLUTIONS,
    PublishedPrice,
)
from apps.markets.feeds.errors import DocumentError
from cariflex.common.errors import DomainError
from cariflex.common.exact_json import exact_loads
from cariflex.common.units import QUARTER_HOUR

SYSTEM: Final = "energy_charts"
UNIT: Final = "EUR/MWh"
# The coupled auction clears days of Central European time, also for zones that lie elsewhere.
MARKET_ZONE: Final = ZoneInfo("Europe/Paris")
# A year of quarter hours and a day.
MAX_SLOTS: Final = 367 * 100
_EARLIEST_S: Final = 0
_LATEST_S: Final = 4_102_444_800  # the year 2100


class NotYetPublishedError(DomainError):
    """The reply holds no price at all."""

    def __init__(self) -> None:
        super().__init__("energy_charts.not_published", "not published yet")


@dataclass(frozen=True, slots=True)
class EnergyChartsPrices:
    """Slots ordered by start; `missing` are the starts that came without a price."""

    licence: str
    is_deprecated: bool
    prices: tuple[PublishedPrice, ...]
    missing: tuple[datetime, ...]


def energy_charts_read(
    content: bytes, *, market_zone: ZoneInfo = MARKET_ZONE
) -> EnergyChartsPrices:
    """Read a reply of the price endpoint.

    A slot lasts until the next stamp. All slots of one market day last equally long (an hour
    before October 2025, a quarter hour since), so a stamp that is left out is refused and never
    read as a longer slot. Raises DocumentError (which element, which rule) and
    NotYetPublishedError.
    """
    reply = _reply(content)
    unit = reply.get("unit")
    if not isinstance(unit, str) or "".join(unit.split()) != UNIT:
        raise DocumentError(SYSTEM, "unit", f"is {str(unit)[:20]!r}, expected 'EUR / MWh'")
    stamps, amounts = _column(reply, "unix_seconds"), _column(reply, "price")
    if len(stamps) != len(amounts):
        raise DocumentError(SYSTEM, "price", f"has {len(amounts)} values for {len(stamps)} times")
    prices = [_price(amount, number) for number, amount in enumerate(amounts)]
    if not any(price is not None for price in prices):
        raise NotYetPublishedError
    starts = _starts(stamps)
    resolutions = _resolutions(starts, market_zone)
    return EnergyChartsPrices(
        licence=_licence(reply),
        is_deprecated=reply.get("deprecated") is True,
        prices=tuple(
            PublishedPrice(start, resolution, price)
            for start, resolution, price in zip(starts, resolutions, prices, strict=True)
            if price is not None
        ),
        missing=tuple(s for s, price in zip(starts, prices, strict=True) if price is None),
    )


def _reply(content: bytes) -> dict[str, Any]:
    if len(content) > MAX_DOCUMENT_BYTES:
        raise DocumentError(SYSTEM, "document", f"is larger than {MAX_DOCUMENT_BYTES} bytes")
    try:
        reply = exact_loads(content)
    except (ValueError, RecursionError) as err:
        raise DocumentError(SYSTEM, "document", "is not JSON") from err
    if not isinstance(reply, dict):
        raise DocumentError(SYSTEM, "document", "is not a JSON object")
    return reply


def _column(reply: dict[str, Any], name: str) -> list[Any]:
    column = reply.get(name)
    if not isinstance(column, list):
        raise DocumentError(SYSTEM, name, "is missing or is not a list")
    if len(column) > MAX_SLOTS:
        raise DocumentError(SYSTEM, name, f"has {len(column)} entries, more than {MAX_SLOTS}")
    return column


def _licence(reply: dict[str, Any]) -> str:
    said = reply.get("license_info")
    if not isinstance(said, str) or not said.strip():
        raise DocumentError(SYSTEM, "license_info", "is missing or empty")
    return said.strip()


def _price(amount: object, number: int) -> Decimal | None:
    if amount is None:
        return None
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise DocumentError(SYSTEM, f"price[{number}]", f"{str(amount)[:40]!r} is not a number")
    price = Decimal(amount)
    if abs(price) > MAX_PRICE_EUR_PER_MWH:
        raise DocumentError(
            SYSTEM,
            f"price[{number}]",
            f"{str(amount)[:40]} EUR/MWh is beyond {MAX_PRICE_EUR_PER_MWH}",
        )
    return price


def _starts(stamps: Sequence[object]) -> list[datetime]:
    starts: list[datetime] = []
    for number, stamp in enumerate(stamps):
        element = f"unix_seconds[{number}]"
        if isinstance(stamp, bool) or not isinstance(stamp, int | Decimal) or stamp % 1:
            raise DocumentError(
                SYSTEM, element, f"{str(stamp)[:40]!r} is not a whole number of seconds"
            )
        if not _EARLIEST_S <= stamp < _LATEST_S:
            raise DocumentError(SYSTEM, element, f"{str(stamp)[:40]} is not between 1970 and 2100")
        if stamp % int(QUARTER_HOUR.total_seconds()):
            raise DocumentError(SYSTEM, element, f"{stamp} is not on a quarter hour")
        start = datetime.fromtimestamp(int(stamp), UTC)
        if starts and start <= starts[-1]:
            raise DocumentError(
                SYSTEM, element, f"{start:%Y-%m-%dT%H:%MZ} does not follow its predecessor"
            )
        starts.append(start)
    return starts


def _resolutions(starts: list[datetime], market_zone: ZoneInfo) -> list[timedelta]:
    days: dict[date, list[int]] = defaultdict(list)
    for number, start in enumerate(starts):
        days[start.astimezone(market_zone).date()].append(number)
    resolutions: list[timedelta] = []
    for day, numbers in days.items():
        steps = [starts[n + 1] - starts[n] for n in numbers if n + 1 < len(starts)]
        if not steps:
            raise DocumentError(
                SYSTEM,
                f"unix_seconds[{numbers[0]}]",
                f"is alone on {day}: how long it lasts is not said",
            )
        for number, step in zip(numbers, steps, strict=False):
            if step != steps[0] or step not in RESOLUTIONS:
                raise DocumentError(
                    SYSTEM,
                    f"unix_seconds[{number + 1}]",
                    f"comes {step} after its predecessor, others of {day} {steps[0]}",
                )
        resolutions.extend([steps[0]] * len(numbers))
    return resolutions
