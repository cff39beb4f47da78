"""Energy-Charts: GET /price?bzn=FR&start=2026-03-11&end=2026-03-11

`start` and `end` are days of Europe/Paris (the last one included), ISO 8601 times or seconds since
1970; without them, today. What is published of the period comes; nothing of it is 404, which is
what the service says before the auction (mampfes/ha_epex_spot issue 302). The prices are
those of the Transparency Platform.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

from aiohttp import web

from apps.simulation.market.feed import Asked, BadQueryError, SimulatedFeed, json_reply
from apps.simulation.market.prices import (
    MARKET_ZONE,
    day_prices,
    day_slots,
    delivery_day,
    is_published,
)

ZONES = frozenset(
    ("AT", "BE", "CH", "CZ", "DE-LU", "DK1", "DK2", "ES", "FR", "GR", "HR", "HU", "IT-North", "NL")
    + ("NO2", "PL", "PT", "RO", "SE4", "SI", "SK")
)
LICENCE = "CC BY 4.0 (creativecommons.org/licenses/by/4.0); synthetic prices of a simulation"
LONGEST_PERIOD = timedelta(days=366)
_RETRY_S = "60"


class EnergyChartsFeed(SimulatedFeed):
    """Open day-ahead prices without a key."""

    name: ClassVar[str] = "energy_charts"
    paths: ClassVar[tuple[str, ...]] = ("/price",)

    def answer(self, asked: Asked) -> web.Response:
        try:
            start, end = _period(asked.query, asked.now)
        except BadQueryError as err:
            return json_reply({"detail": str(err)}, 422)
        stamps: list[int] = []
        prices: list[float] = []
        day = delivery_day(start)
        while day <= delivery_day(end) and is_published(day, now=asked.now):
            for slot, price in zip(day_slots(day), day_prices(day), strict=True):
                if start <= slot <= end:
                    stamps.append(int(slot.timestamp()))
                    prices.append(float(price))
            day += timedelta(days=1)
        if not stamps or asked.mode == "no_data":
            return json_reply({"detail": "no content available"}, 404)
        return json_reply(
            {
                "license_info": LICENCE,
                "unix_seconds": stamps,
                "price": prices,
                "unit": "EUR / MWh",
                "deprecated": False,
            }
        )

    def busy(self, asked: Asked) -> web.Response:
        return json_reply({"detail": "Too Many Requests"}, 429, retry_after=_RETRY_S)

    def quota_used_up(self, asked: Asked) -> web.Response:
        return json_reply({"detail": "Too Many Requests"}, 429, retry_after="3600")


def _period(query: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """The first and the last instant, both included."""
    zone = query.get("bzn", "DE-LU")
    if zone not in ZONES:
        raise BadQueryError(f"bzn must be one of {', '.join(sorted(ZONES))}")
    today = now.astimezone(MARKET_ZONE).date().isoformat()
    start = _instant(query.get("start") or today, "start", is_end=False)
    end = _instant(query.get("end") or query.get("start") or today, "end", is_end=True)
    if start > end:
        raise BadQueryError("start is after end")
    if end - start > LONGEST_PERIOD:
        raise BadQueryError("the period is longer than a year")
    return start, end


def _instant(said: str, name: str, *, is_end: bool) -> datetime:
    try:
        if said.isdigit():
            return datetime.fromtimestamp(int(said), UTC)
        if len(said) == len("2026-03-11"):
            day = date.fromisoformat(said)
            clock = time(23, 59) if is_end else time(0)
            return datetime.combine(day, clock, MARKET_ZONE)
        at = datetime.fromisoformat(said)
    except (ValueError, OverflowError) as err:
        raise BadQueryError(f"{name} is no day, ISO 8601 time or number of seconds") from err
    return at if at.tzinfo else at.replace(tzinfo=MARKET_ZONE)
