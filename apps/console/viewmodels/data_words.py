"""How series, feeds and documents are told: states with tone and icon, units, origins."""

from datetime import datetime
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.console.feed_words import place_text
from apps.console.formats import NO_BREAK_SPACE, NO_VALUE, number_text
from apps.console.states import StateWord
from apps.markets.choices import (
    DeliveryStatus,
    DocumentStatus,
    Feed,
    FeedState,
    Quality,
    SeriesKind,
)
from apps.markets.models import Series
from apps.markets.selectors.pages import Freshness
from apps.markets.selectors.pv import TOTAL_AREA

FRESHNESS: dict[str, StateWord] = {
    Freshness.FRESH: StateWord(gettext_lazy("Up to date"), "ok", "check"),
    Freshness.LATE: StateWord(pgettext_lazy("series", "Late"), "warn", "clock"),
    Freshness.STALE: StateWord(gettext_lazy("Out of date"), "bad", "alert"),
    Freshness.EMPTY: StateWord(gettext_lazy("No values yet"), "mute", "question"),
}
QUALITIES: dict[str, StateWord] = {
    str(Quality.ACTUAL): StateWord(Quality.ACTUAL.label, "ok", "check"),
    str(Quality.ESTIMATED): StateWord(Quality.ESTIMATED.label, "mute", "idle"),
    str(Quality.FORECAST): StateWord(Quality.FORECAST.label, "info", "clock"),
    str(Quality.FALLBACK): StateWord(Quality.FALLBACK.label, "warn", "alert"),
}
FEED_STATES: dict[str, StateWord] = {
    str(FeedState.NEW): StateWord(FeedState.NEW.label, "mute", "question"),
    str(FeedState.WORKING): StateWord(FeedState.WORKING.label, "ok", "check"),
    str(FeedState.NOT_PUBLISHED): StateWord(FeedState.NOT_PUBLISHED.label, "info", "clock"),
    str(FeedState.REFUSED): StateWord(FeedState.REFUSED.label, "bad", "alert"),
    str(FeedState.UNREACHABLE): StateWord(FeedState.UNREACHABLE.label, "warn", "unlink"),
    str(FeedState.UNAUTHORISED): StateWord(FeedState.UNAUTHORISED.label, "bad", "shield"),
    str(FeedState.QUOTA): StateWord(FeedState.QUOTA.label, "warn", "pause"),
    "off": StateWord(pgettext_lazy("feed", "Switched off"), "mute", "pause"),
}
DELIVERIES: dict[str, StateWord] = {
    str(DeliveryStatus.MISSING): StateWord(DeliveryStatus.MISSING.label, "mute", "clock"),
    str(DeliveryStatus.NOT_PUBLISHED): StateWord(
        DeliveryStatus.NOT_PUBLISHED.label, "info", "clock"
    ),
    str(DeliveryStatus.COMPLETE): StateWord(DeliveryStatus.COMPLETE.label, "ok", "check"),
    str(DeliveryStatus.REFUSED): StateWord(DeliveryStatus.REFUSED.label, "bad", "alert"),
    str(DeliveryStatus.UNREACHABLE): StateWord(DeliveryStatus.UNREACHABLE.label, "warn", "unlink"),
}
DOCUMENTS: dict[str, StateWord] = {
    str(DocumentStatus.IMPORTED): StateWord(DocumentStatus.IMPORTED.label, "ok", "check"),
    str(DocumentStatus.PARTLY): StateWord(DocumentStatus.PARTLY.label, "warn", "alert"),
    str(DocumentStatus.NOT_PUBLISHED): StateWord(
        DocumentStatus.NOT_PUBLISHED.label, "info", "clock"
    ),
    str(DocumentStatus.REFUSED): StateWord(DocumentStatus.REFUSED.label, "bad", "cross"),
}
FAMILIES = {
    "freshness": FRESHNESS,
    "quality": QUALITIES,
    "feed": FEED_STATES,
    "delivery": DELIVERIES,
    "document": DOCUMENTS,
}
_WEATHER = frozenset({SeriesKind.GHI, SeriesKind.TEMPERATURE, SeriesKind.WIND_SPEED})
_ORIGINS: dict[str, str | Promise] = {"clear_sky": gettext_lazy("Clear sky")}
_UNITS = {"EUR/MWh": "€/MWh", "degC": "°C", "W/m2": "W/m²"}
_DECIMALS = {"W/m2": 0, "g/kWh": 0, "MW": 2}
_VARIANTS: dict[str, str | Promise] = {
    "day_ahead": gettext_lazy("Day ahead"),
    "coal": gettext_lazy("Coal"),
    "oil": pgettext_lazy("fuel", "Oil"),
    "gas": pgettext_lazy("fuel", "Gas"),
    "biomass": gettext_lazy("Biomass"),
    "solar": pgettext_lazy("fuel", "Solar"),
    "geothermal": gettext_lazy("Geothermal"),
    "hydro": gettext_lazy("Hydro"),
    "nuclear": gettext_lazy("Nuclear"),
    "wind": pgettext_lazy("fuel", "Wind"),
    "unknown": gettext_lazy("Not known"),
    "storage": pgettext_lazy("fuel", "Storage"),
}


def data_word(family: str, code: str) -> StateWord:
    """The word of a state; an unlisted code is shown as it came, in a neutral tone."""
    return FAMILIES[family].get(code) or StateWord(code, "mute", "question")


def unit_text(unit: str) -> str:
    """A unit as people write it."""
    return _UNITS.get(unit, unit)


def unit_decimals(unit: str) -> int:
    """With how many decimals a value in this unit is shown."""
    return _DECIMALS.get(unit, 2 if unit.endswith("/MWh") else 1)


def value_text(value: Decimal | float | None, unit: str) -> str:
    """A value with its unit."""
    if value is None:
        return NO_VALUE
    return f"{number_text(value, unit_decimals(unit))}{NO_BREAK_SPACE}{unit_text(unit)}"


def source_text(source: str) -> str:
    """Who tells: a feed, or a rule's word as it came."""
    if source in Feed.values:
        return str(Feed(source).label)
    return str(_ORIGINS.get(source, source))


def variant_text(variant: str) -> str:
    """A fuel or a feed in words, a percentile as P10."""
    if variant in _VARIANTS:
        return str(_VARIANTS[variant])
    if variant in Feed.values:
        return source_text(variant)
    return variant.upper() if variant[:1] == "p" and variant[1:].isdecimal() else variant


def series_title(series: Series) -> str:
    """What a series tells: `Generation, Wind`."""
    kind = str(series.get_kind_display())
    return f"{kind}, {variant_text(series.variant)}" if series.variant else kind


def area_text(series: Series) -> str:
    """Where a series is of: a cell of the weather by its centre, else its area as it is named."""
    if series.kind in _WEATHER:
        return place_text(series.area)
    if series.kind == SeriesKind.PV_PRODUCTION and series.area == TOTAL_AREA:
        return _("All plants")
    return series.area


def series_name(series: Series) -> str:
    """A series among others: what, where, from whom."""
    return f"{series_title(series)} · {area_text(series)} · {source_text(series.source)}"


def gap_text(quality: Quality, origin: str) -> str:
    """Where a value that fills a gap comes from."""
    if quality == Quality.FALLBACK and origin:
        return _("filled from %(source)s") % {"source": source_text(origin)}
    return _("same time of an earlier day")


def age_seconds(at: datetime | None, now: datetime) -> float | None:
    """How long ago; None for never."""
    return None if at is None else (now - at).total_seconds()
