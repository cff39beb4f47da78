"""Tariff and session to priced lines, with an explanation; no database, no float."""

from apps.billing.rating.checks import tariff_check
from apps.billing.rating.cutting import CutSession, MeterSample, periods_cut
from apps.billing.rating.engine import rate
from apps.billing.rating.model import (
    NO_RESTRICTIONS,
    UNITS,
    VERSIONS,
    ChargingPeriod,
    Dimension,
    DimensionTotal,
    Note,
    Price,
    PriceComponent,
    PriceLimit,
    RatedLine,
    Rating,
    RatingProblem,
    Reservation,
    Restrictions,
    SessionCharged,
    Tariff,
    TariffElement,
    TaxIncluded,
    TaxTotal,
    Version,
)
from apps.billing.rating.reading import json_read
from apps.billing.rating.sessions import session_parse
from apps.billing.rating.tariffs import tariff_parse, tariff_version
from apps.billing.rating.writing import json_write, rating_dump, tariff_dump

__all__ = [
    "NO_RESTRICTIONS",
    "UNITS",
    "VERSIONS",
    "ChargingPeriod",
    "CutSession",
    "Dimension",
    "DimensionTotal",
    "MeterSample",
    "Note",
    "Price",
    "PriceComponent",
    "PriceLimit",
    "RatedLine",
    "Rating",
    "RatingProblem",
    "Reservation",
    "Restrictions",
    "SessionCharged",
    "Tariff",
    "TariffElement",
    "TaxIncluded",
    "TaxTotal",
    "Version",
    "json_read",
    "json_write",
    "periods_cut",
    "rate",
    "rating_dump",
    "session_parse",
    "tariff_check",
    "tariff_dump",
    "tariff_parse",
    "tariff_version",
]
