"""What the columns of the markets app may say."""

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class SeriesKind(TextChoices):
    """What a series tells; its unit follows from it."""

    PRICE = "price", _("Price")
    PRICE_BASE = "price_base", _("Price: base")
    PRICE_CARBON = "price_carbon", _("Price: carbon")
    PRICE_SCARCITY = "price_scarcity", _("Price: scarcity")
    PRICE_CURTAILMENT = "price_curtailment", _("Price: curtailment discount")
    PRODUCTION_COST = "production_cost", _("Average production cost")
    GENERATION = "generation", _("Generation")
    CONSUMPTION = "consumption", _("Consumption of storage")
    LOAD = "load", _("Load")
    WIND_SOLAR = "wind_solar", _("Wind and solar forecast")
    CO2_LIFECYCLE = "co2_lifecycle", _("CO2 intensity, life cycle")
    CO2_DIRECT = "co2_direct", _("CO2 intensity, direct")
    GHI = "ghi", _("Global irradiance")
    TEMPERATURE = "temperature", _("Air temperature")
    WIND_SPEED = "wind_speed", _("Wind speed")
    PV_PRODUCTION = "pv_production", _("PV production")


PER_MWH: Final = frozenset(
    {
        SeriesKind.PRICE,
        SeriesKind.PRICE_BASE,
        SeriesKind.PRICE_CARBON,
        SeriesKind.PRICE_SCARCITY,
        SeriesKind.PRICE_CURTAILMENT,
        SeriesKind.PRODUCTION_COST,
    }
)
"""Kinds whose unit is a currency per MWh."""

UNITS: Final = {
    SeriesKind.GENERATION: "MW",
    SeriesKind.CONSUMPTION: "MW",
    SeriesKind.LOAD: "MW",
    SeriesKind.WIND_SOLAR: "MW",
    SeriesKind.CO2_LIFECYCLE: "g/kWh",
    SeriesKind.CO2_DIRECT: "g/kWh",
    SeriesKind.GHI: "W/m2",
    SeriesKind.TEMPERATURE: "degC",
    SeriesKind.WIND_SPEED: "m/s",
    SeriesKind.PV_PRODUCTION: "kW",
}


class Quality(TextChoices):
    """How sure a value is, best first."""

    ACTUAL = "actual", pgettext_lazy("quality of a value", "Published")
    ESTIMATED = "estimated", pgettext_lazy("quality of a value", "Estimated")
    FORECAST = "forecast", pgettext_lazy("quality of a value", "Forecast")
    FALLBACK = "fallback", pgettext_lazy("quality of a value", "Fallback")


QUALITY_RANK: Final = {
    Quality.ACTUAL: 0,
    Quality.ESTIMATED: 1,
    Quality.FORECAST: 2,
    Quality.FALLBACK: 3,
}


class Feed(TextChoices):
    """Who tells; also the source of the series that are made here."""

    ENTSOE = "entsoe", "ENTSO-E"
    ENERGY_CHARTS = "energy_charts", "Energy-Charts"
    EPEX = "epex", "EPEX SPOT"
    EDF_SEI = "edf_sei", "EDF SEI"
    SOLCAST = "solcast", "Solcast"
    OPEN_METEO = "open_meteo", "Open-Meteo"
    METEO_FRANCE = "meteo_france", "Météo-France"
    UPLOAD = "upload", _("Uploaded by hand")
    ISLAND = "island", _("Computed here")


class FeedState(TextChoices):
    """How a feed stands after its last call."""

    NEW = "new", _("Not asked yet")
    WORKING = "working", _("Working")
    NOT_PUBLISHED = "not_published", _("Nothing published yet")
    REFUSED = "refused", _("Document refused")
    UNREACHABLE = "unreachable", _("Source cannot be reached")
    UNAUTHORISED = "unauthorised", _("Access refused by the source")
    QUOTA = "quota", _("Waiting: quota used up")


class DeliveryStatus(TextChoices):
    """How far one thing that is asked of a feed is."""

    MISSING = "missing", _("Not fetched yet")
    NOT_PUBLISHED = "not_published", _("Not published yet")
    COMPLETE = "complete", _("Complete")
    REFUSED = "refused", _("Document refused")
    UNREACHABLE = "unreachable", _("Source cannot be reached")


class DocumentStatus(TextChoices):
    """What became of a received document."""

    IMPORTED = "imported", _("Imported")
    PARTLY = "partly", _("Imported, some rows refused")
    NOT_PUBLISHED = "not_published", _("Nothing published yet")
    REFUSED = "refused", _("Refused")


class CallOutcome(TextChoices):
    """What came of one call to a source."""

    RUNNING = "running", _("Running")
    ANSWERED = "answered", _("Answered")
    NOTHING = "nothing", _("Nothing published yet")
    REFUSED = "refused", _("Document refused")
    FAILED = "failed", _("Failed")
    QUOTA = "quota", _("Quota used up")


class GapMethod(TextChoices):
    """How a gap of a series is filled."""

    SERIES = "series", _("From another series")
    EARLIER_DAYS = "earlier_days", _("Same time of an earlier day")


class BaseSource(TextChoices):
    """What the base of an island price can be taken from, in the order asked as a rule."""

    MERIT_ORDER = "merit_order", _("Merit order")
    PRODUCTION_COST = "production_cost", _("Production cost")
    COST_PROFILE = "cost_profile", _("Usual production cost")
    TOU = "tou", _("Price calendar")


class IntensityKind(TextChoices):
    """Which CO2 intensity a carbon price is put on."""

    LIFECYCLE = "lifecycle", _("Life cycle")
    DIRECT = "direct", _("Direct")


class PvSource(TextChoices):
    """Whose production is compared with the threshold of the discount."""

    AREA = "area", _("The whole area")
    PLANTS = "plants", _("Our plants")
