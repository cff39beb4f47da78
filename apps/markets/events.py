"""What the upper floors may want to know of prices."""

from dataclasses import dataclass
from datetime import date

from cariflex.common.events import Event


@dataclass(frozen=True)
class PricesChanged(Event):
    """New or changed prices of a delivery day are in."""

    day: date
