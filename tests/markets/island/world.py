"""An island whose mix, costs and sun are known for whole days, for the tests of its price."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.models import IslandPricing, TouCalendar
from apps.markets.services.island.calendars import calendar_add
from apps.markets.services.island.pricing import peak_save, pricing_save
from apps.markets.services.series import GivenValue, SeriesKey, series_ensure, values_store

AREA = "guadeloupe"
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# Tuesday 10 March 2026; the day of Guadeloupe (UTC-4) is 04:00 UTC to 04:00 UTC.
START = datetime(2026, 3, 10, 4, tzinfo=UTC)
# 06:00 local.
MORNING = START + 6 * HOUR


def local_hour(at: datetime) -> int:
    """The hour in Guadeloupe."""
    return (at - timedelta(hours=4)).hour


def sun_mw(at: datetime) -> Decimal:
    """0 by night, 60 from 10 to 14 h local, 20 beside."""
    hour = local_hour(at)
    return Decimal(60 if 10 <= hour < 14 else 20 if 7 <= hour < 17 else 0)


def cost(at: datetime) -> Decimal:
    """240 EUR/MWh, 180 at noon, 300 from 19 to 22 h local."""
    hour = local_hour(at)
    return Decimal(300 if 19 <= hour < 22 else 180 if 10 <= hour < 14 else 240)


def store(
    kind: SeriesKind,
    value: Callable[[datetime], Decimal],
    *,
    start: datetime = START,
    days: int = 1,
    variant: str = "",
    source: Feed = Feed.EDF_SEI,
    resolution: timedelta = QUARTER,
    quality: Quality = Quality.ACTUAL,
    published_at: datetime = MORNING,
    area: str = AREA,
) -> int:
    """Values of whole days into a series of the island."""
    series = series_ensure(SeriesKey(kind, area, source, variant, resolution))
    starts = [start + n * resolution for n in range(int(days * DAY / resolution))]
    return values_store(
        series=series,
        values=[GivenValue(at, value(at), quality) for at in starts],
        published_at=published_at,
    )


def mix_store(
    *, start: datetime = START, days: int = 1, published_at: datetime = MORNING, **fuels: Any
) -> None:
    """Generation: oil 120, coal 20, biomass 15, geothermal 13, wind 12, hydro 5 MW and the sun."""
    powers: dict[str, Any] = {
        "oil": 120, "coal": 20, "biomass": 15, "geothermal": 13, "wind": 12, "hydro": 5,
        "solar": sun_mw, **fuels,
    }  # fmt: skip
    for fuel, power in powers.items():
        store(
            SeriesKind.GENERATION,
            power if callable(power) else lambda _at, power=power: Decimal(power),
            variant=fuel,
            start=start,
            days=days,
            published_at=published_at,
        )


def calendar_definition(**prices: str) -> dict[str, Any]:
    """A calendar of one period: the off-peak, full and peak prices."""
    levels = {"off": "150", "full": "200", "peak": "290", **prices}
    plan = {
        "day_types": ["working", "saturday", "sunday", "holiday"],
        "windows": [
            {"start": "22:00", "end": "06:00", "level": "off"},
            {"start": "19:00", "end": "22:00", "level": "peak"},
        ],
        "default_level": "full",
    }
    return {
        "periods": [
            {
                "valid_from": "2026-01-01",
                "valid_to": None,
                "levels": [
                    {"label": label, "price_eur_per_mwh": price} for label, price in levels.items()
                ],
                "seasons": [{"name": "year", "first": "01-01", "last": "12-31", "plans": [plan]}],
            }
        ]
    }


def calendar_stored(name: str = "Tarif", **prices: str) -> TouCalendar:
    """A stored calendar of Guadeloupe."""
    return calendar_add(
        name=name,
        time_zone="America/Guadeloupe",
        territory="GP",
        definition=calendar_definition(**prices),
    )


def pricing_stored(*, area: str = AREA, **fields: Any) -> IslandPricing:
    """Guadeloupe: 80 EUR/t, an evening peak of 45, 40 off where the sun gives more than 50 MW."""
    chosen: dict[str, Any] = {
        "territory": "GP",
        "time_zone": "America/Guadeloupe",
        "carbon_price_eur_per_tonne": Decimal(80),
        "pv_threshold_mw": Decimal(50),
        "curtailment_discount_eur_per_mwh": Decimal(40),
        "floor_eur_per_mwh": Decimal(20),
        **fields,
    }
    pricing = pricing_save(area=area, by="ops", **chosen)
    peak_save(
        pricing_id=pricing.pk,
        name="Evening",
        start_minute=19 * 60,
        end_minute=22 * 60,
        adder_eur_per_mwh=Decimal(45),
    )
    return pricing
