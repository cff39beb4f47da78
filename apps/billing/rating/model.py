"""The words of the tariff engine: tariffs and sessions in, priced lines out.

One shape for OCPI 2.1.1, 2.2.1 and 2.3.0, with the names of 2.2.1. Volumes of time are hours and
energy is kWh, as on the wire; durations of restrictions and step sizes are whole seconds (or Wh).
Nothing here reads a clock, a database or a setting.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Literal, NamedTuple

Version = Literal["2.1.1", "2.2.1", "2.3.0"]
VERSIONS: tuple[Version, ...] = ("2.1.1", "2.2.1", "2.3.0")


class RatingProblem(ValueError):
    """A tariff or session that cannot be priced. `code` is stable, `field` is a JSON path."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.code = code
        self.message = message
        self.field = field


class Dimension(StrEnum):
    """What is billed. The first four are OCPI's; a reservation is billed apart from its session."""

    ENERGY = "ENERGY"
    TIME = "TIME"
    PARKING_TIME = "PARKING_TIME"
    FLAT = "FLAT"
    RESERVATION_TIME = "RESERVATION_TIME"
    RESERVATION_FLAT = "RESERVATION_FLAT"


UNITS: Mapping[Dimension, str] = {
    Dimension.ENERGY: "kWh",
    Dimension.TIME: "h",
    Dimension.PARKING_TIME: "h",
    Dimension.FLAT: "session",
    Dimension.RESERVATION_TIME: "h",
    Dimension.RESERVATION_FLAT: "reservation",
}


class Reservation(StrEnum):
    """ReservationRestrictionType (OCPI 2.2.1 §11.4.4)."""

    RESERVATION = "RESERVATION"
    RESERVATION_EXPIRES = "RESERVATION_EXPIRES"


class TaxIncluded(StrEnum):
    """Whether prices contain taxes (OCPI 2.3.0 TaxIncluded); 2.1.1 and 2.2.1 mean NO."""

    YES = "YES"
    NO = "NO"
    NOT_APPLICABLE = "N/A"


@dataclass(frozen=True, slots=True)
class PriceComponent:
    """The price of one dimension; `price` per kWh, hour or session.

    `type` is ENERGY, TIME, PARKING_TIME or FLAT: whether it prices a reservation is told by its
    element. `vat` is in percent; None means that no VAT applies (0 is a rate of 0 %).
    `step_size` is in Wh or seconds; 0 and 1 differ: 0 rounds nothing.
    """

    type: Dimension
    price: Decimal
    vat: Decimal | None = None
    step_size: int = 1


@dataclass(frozen=True, slots=True)
class Restrictions:
    """When an element applies (OCPI 2.2.1 §11.4.6); all that are set must match.

    `day_of_week`: 0 is Monday. Times and dates are local at the place of charging. `min_` is
    inclusive, `max_` and the ends are exclusive.
    """

    start_time: time | None = None
    end_time: time | None = None
    start_date: date | None = None
    end_date: date | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_current: Decimal | None = None
    max_current: Decimal | None = None
    min_power: Decimal | None = None
    max_power: Decimal | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    day_of_week: frozenset[int] = frozenset()
    reservation: Reservation | None = None


NO_RESTRICTIONS = Restrictions()


@dataclass(frozen=True, slots=True)
class TariffElement:
    """Price components that share their restrictions."""

    price_components: tuple[PriceComponent, ...]
    restrictions: Restrictions = NO_RESTRICTIONS


@dataclass(frozen=True, slots=True)
class PriceLimit:
    """A bound of the total cost: before taxes and, where given, after them."""

    excl_vat: Decimal
    incl_vat: Decimal | None = None


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Tariff:
    """An OCPI tariff. `details` keeps what has no influence on a price, as it was on the wire."""

    id: str
    currency: str
    elements: tuple[TariffElement, ...]
    min_price: PriceLimit | None = None
    max_price: PriceLimit | None = None
    tax_included: TaxIncluded = TaxIncluded.NO
    start_date_time: datetime | None = None
    end_date_time: datetime | None = None
    details: Mapping[str, object] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class ChargingPeriod:
    """A stretch of a session from `start_date_time` (UTC) to the next one's, or the session's end.

    A volume of None was not given. Currents (A) are sums over the phases, powers are kW;
    `current_a` and `power_kw` are averages, negative when the car gives back.
    """

    start_date_time: datetime
    energy_kwh: Decimal | None = None
    time_h: Decimal | None = None
    parking_time_h: Decimal | None = None
    reservation_time_h: Decimal | None = None
    min_current_a: Decimal | None = None
    max_current_a: Decimal | None = None
    min_power_kw: Decimal | None = None
    max_power_kw: Decimal | None = None
    current_a: Decimal | None = None
    power_kw: Decimal | None = None
    soc_percent: Decimal | None = None
    tariff_id: str | None = None


@dataclass(frozen=True, slots=True)
class SessionCharged:
    """What was charged: times in UTC, periods in order of their start.

    `time_zone` is an IANA name, or None where nothing told it (only tariffs with local times need
    it); `time_zone_derived`: it was concluded from the address. `reservation_expired` None: it is
    concluded from the periods. The totals are what a CDR claims; they are compared, not used.
    """

    start_date_time: datetime
    end_date_time: datetime
    charging_periods: tuple[ChargingPeriod, ...]
    time_zone: str | None = None
    time_zone_derived: bool = False
    reservation_expired: bool | None = None
    currency: str | None = None
    total_energy_kwh: Decimal | None = None
    total_time_h: Decimal | None = None
    total_cost_excl_vat: Decimal | None = None
    total_cost_incl_vat: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """An exact amount without and with taxes; currency as in the rating."""

    excl_vat: Decimal
    incl_vat: Decimal

    @property
    def tax(self) -> Decimal:
        """The taxes in it."""
        return self.incl_vat - self.excl_vat

    def rounded(self, places: int = 2) -> "Price":
        """Both amounts rounded half-up to `places` decimals."""
        quantum = Decimal(1).scaleb(-places)
        return Price(
            self.excl_vat.quantize(quantum, ROUND_HALF_UP),
            self.incl_vat.quantize(quantum, ROUND_HALF_UP),
        )


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know about a tariff, a session or its price.

    `code` is stable, `text` is English, `where` is a JSON path ("" for the whole).
    """

    code: str
    text: str
    where: str = ""


class RatedLine(NamedTuple):
    """What one price component adds to the total; `element` and `component` count from 0.

    The line of a minimum or maximum price has neither, and "MIN_PRICE" or "MAX_PRICE" as
    dimension. `vat_percent` None: no tax is stated.
    """

    element: int | None
    component: int | None
    dimension: str
    volume: Decimal
    billed_volume: Decimal
    unit: str
    price: Decimal
    vat_percent: Decimal | None
    excl_vat: Decimal
    incl_vat: Decimal
    reason: str


class DimensionTotal(NamedTuple):
    """The sum of a dimension's lines; `volume` is all that was used, priced or not."""

    volume: Decimal
    billed_volume: Decimal
    excl_vat: Decimal
    incl_vat: Decimal


class TaxTotal(NamedTuple):
    """One rate's share; `percent` None: no rate is stated (bounds of the price)."""

    name: str
    percent: Decimal | None
    base: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Rating:
    """A priced session: total = sum of lines, taxes = incl - excl, both exactly."""

    currency: str
    total_cost: Price
    dimensions: Mapping[Dimension, DimensionTotal]
    lines: tuple[RatedLine, ...]
    taxes: tuple[TaxTotal, ...]
    notes: tuple[Note, ...]
