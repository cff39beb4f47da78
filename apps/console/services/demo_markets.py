"""What the demo knows of energy: its feeds, its PV plants, its calendar and its island price.

All feeds are the simulated ones of this machine. Made once: what a person changed since stays.
"""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings

from apps.assets.choices import DeviceKind
from apps.assets.models import Device
from apps.markets.choices import BaseSource, Feed, SeriesKind
from apps.markets.models import FeedAccess, IslandPricing, ScarcityAlert, TouCalendar
from apps.markets.pv.plant import PvArray
from apps.markets.services.island.alerts import alert_declare
from apps.markets.services.island.calendars import calendar_add
from apps.markets.services.island.pricing import peak_save, pricing_save
from apps.markets.services.pv.plants import pv_plant_save
from apps.markets.services.series import (
    SeriesKey,
    fallback_declare,
    series_ensure,
    series_lead,
)
from apps.markets.services.sources import feed_access_configure

PRICE_ZONE: Final = "FR"
"""The bidding zone as Energy-Charts names it."""
PRICE_AREA: Final = "10YFR-RTE------C"
"""France: no bidding zone exists for a Caribbean island."""
SOLCAST_CALLS_PER_DAY: Final = 10
TILT_DEGREES, SOUTH_DEGREES = 5.0, 180.0
LOSS_PERCENT: Final = 5.0
"""New modules on flat roofs: near what the simulated roofs really give."""
CALENDAR: Final = "Tarif de l'île"
PEAK: Final = "Pointe du soir"
PEAK_HOURS: Final = (time(19), time(22))
PEAK_ADDER_EUR_PER_MWH: Final = Decimal(60)
ALERT: Final = "Centrale indisponible"
ALERT_ADDER_EUR_PER_MWH: Final = Decimal(150)
CARBON_EUR_PER_TONNE: Final = Decimal(80)
PV_THRESHOLD_MW: Final = Decimal(30)
CURTAILMENT_EUR_PER_MWH: Final = Decimal(40)
_LEVELS: Final = {"Heures creuses": "210", "Heures pleines": "260", "Pointe": "390"}
_ALL_DAYS: Final = ("working", "saturday", "sunday", "holiday")


def demo_markets_seed(*, island: str, territory: str, time_zone: str, now: datetime) -> None:
    """Make what is not there yet for the current operator, whose island is named `island`.

    Its devices are there already. The island price leads: plans follow it. An alert is declared
    for the evening when the first one is made, so that a new demo has one to show.
    """
    _feeds(island)
    _plants()
    calendar = _calendar(territory, time_zone, now)
    if not IslandPricing.objects.filter(area=island).exists():
        _pricing(island, territory, time_zone, calendar.pk)
    if not ScarcityAlert.objects.exists():
        _alert(island, ZoneInfo(time_zone), now)


def _feeds(island: str) -> None:
    base = f"http://127.0.0.1:{settings.PORTS.simulated_entsoe}"
    wanted: tuple[tuple[Feed, str, str, dict[str, Any]], ...] = (
        (Feed.ENERGY_CHARTS, PRICE_ZONE, base, {}),
        (Feed.EDF_SEI, island, base, {}),
        (Feed.OPEN_METEO, island, f"{base}/v1/forecast", {}),
        (
            Feed.SOLCAST,
            island,
            base,
            {"token": f"demo-{island.lower()}", "quota_per_day": SOLCAST_CALLS_PER_DAY},
        ),
    )
    for feed, area, url, words in wanted:
        known = FeedAccess.objects.filter(feed=feed, area=area).first()
        # Made by the seed at another port: moved. Sent elsewhere by a person: left alone.
        is_moved = known is not None and known.base_url != url and _is_local(known.base_url)
        if known is None or is_moved:
            feed_access_configure(feed=feed, area=area, base_url=url, **words)
    auction = series_ensure(_price_key(PRICE_AREA, Feed.ENTSOE, "Europe/Paris"))
    if not auction.fallback_steps.exists():
        charts = series_ensure(_price_key(PRICE_ZONE, Feed.ENERGY_CHARTS, "Europe/Paris"))
        fallback_declare(series=auction, others=[charts, None])


def _is_local(url: str) -> bool:
    return url.startswith("http://127.0.0.1:")


def _plants() -> None:
    for device in Device.objects.filter(kind=DeviceKind.PV, pv_plant=None).order_by("code"):
        pv_plant_save(
            device=device,
            arrays=[PvArray(TILT_DEGREES, SOUTH_DEGREES, device.rated_power_kw)],
            loss_percent=LOSS_PERCENT,
        )


def _calendar(territory: str, time_zone: str, now: datetime) -> TouCalendar:
    known = TouCalendar.objects.filter(name=CALENDAR).first()
    if known is not None:
        return known
    return calendar_add(
        name=CALENDAR,
        time_zone=time_zone,
        territory=territory,
        definition={"periods": [_period(now.astimezone(ZoneInfo(time_zone)).year)]},
    )


def _period(year: int) -> dict[str, Any]:
    """Two seasons with one evening peak; noon is cheap too in the dry one."""
    evening = {"start": "19:00", "end": "22:00", "level": "Pointe"}
    night = [
        {"start": "00:00", "end": "06:00", "level": "Heures creuses"},
        {"start": "22:00", "end": "24:00", "level": "Heures creuses"},
    ]
    noon = {"start": "11:00", "end": "14:00", "level": "Heures creuses"}
    return {
        "valid_from": date(year, 1, 1).isoformat(),
        "valid_to": None,
        "levels": [
            {"label": label, "price_eur_per_mwh": price} for label, price in _LEVELS.items()
        ],
        "seasons": [
            _season("Carême", "12-01", "05-31", [night[0], noon, evening, night[1]]),
            _season("Hivernage", "06-01", "11-30", [night[0], evening, night[1]]),
        ],
    }


def _season(name: str, first: str, last: str, windows: list[dict[str, str]]) -> dict[str, Any]:
    plan = {
        "day_types": list(_ALL_DAYS),
        "windows": windows,
        "default_level": "Heures pleines",
    }
    return {"name": name, "first": first, "last": last, "plans": [plan]}


def _pricing(island: str, territory: str, time_zone: str, calendar_id: int) -> None:
    pricing = pricing_save(
        area=island,
        territory=territory,
        time_zone=time_zone,
        base_order=(BaseSource.PRODUCTION_COST, BaseSource.COST_PROFILE),
        calendar_id=calendar_id,
        carbon_price_eur_per_tonne=CARBON_EUR_PER_TONNE,
        pv_threshold_mw=PV_THRESHOLD_MW,
        curtailment_discount_eur_per_mwh=CURTAILMENT_EUR_PER_MWH,
        floor_eur_per_mwh=Decimal(0),
    )
    first, last = (at.hour * 60 for at in PEAK_HOURS)
    peak_save(
        pricing_id=pricing.pk,
        name=PEAK,
        start_minute=first,
        end_minute=last,
        adder_eur_per_mwh=PEAK_ADDER_EUR_PER_MWH,
    )
    price = series_ensure(_price_key(island, Feed.ISLAND, time_zone))
    series_lead(series_id=price.pk)


def _alert(island: str, zone: ZoneInfo, now: datetime) -> None:
    """This evening, or tomorrow's when this one is over."""
    day = now.astimezone(zone).date()
    if now >= datetime.combine(day, PEAK_HOURS[1], zone):
        day += timedelta(days=1)
    alert_declare(
        start=datetime.combine(day, PEAK_HOURS[0], zone),
        end=datetime.combine(day, PEAK_HOURS[1], zone),
        adder_eur_per_mwh=ALERT_ADDER_EUR_PER_MWH,
        reason=ALERT,
        now=now,
        pricing_id=IslandPricing.objects.get(area=island).pk,
    )


def _price_key(area: str, source: Feed, time_zone: str) -> SeriesKey:
    return SeriesKey(SeriesKind.PRICE, area, source, market_time_zone=time_zone)
