"""What the upper floors may want to know of prices and other series."""

from dataclasses import dataclass
from datetime import date, datetime

from cariflex.common.events import Event


@dataclass(frozen=True)
class PricesChanged(Event):
    """New or changed prices of a delivery day are in."""

    day: date


@dataclass(frozen=True)
class SeriesChanged(Event):
    """New or changed values of a series are in; the first and the last start that changed."""

    series_id: int
    kind: str
    area: str
    source: str
    first: datetime
    last: datetime


@dataclass(frozen=True)
class IslandRulesChanged(Event):
    """What an operator declares for the price of its island has changed."""


@dataclass(frozen=True)
class FactorsChanged(Event):
    """Emission factors of an operator have changed for slots from `first` on."""

    first: datetime
