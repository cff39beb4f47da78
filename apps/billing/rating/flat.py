"""A flat price for each kWh."""

from dataclasses import dataclass
from decimal import Decimal

from cariflex.common.money import Money, round_half_up

_MONEY_PLACES = 2


@dataclass(frozen=True, slots=True)
class FlatTariff:
    """What a kWh costs, excluding VAT, and the VAT that comes on top in percent."""

    price_per_kwh_excl_vat: Decimal
    vat_percent: Decimal
    currency: str

    def __post_init__(self) -> None:
        for value in (self.price_per_kwh_excl_vat, self.vat_percent):
            if not isinstance(value, Decimal) or not value.is_finite() or value < 0:
                raise ValueError("prices and rates are Decimals of 0 or more")


@dataclass(frozen=True, slots=True)
class RatedLine:
    """One line of a bill: an amount of energy at one price."""

    energy_kwh: Decimal
    price_per_kwh_excl_vat: Decimal
    excl_vat: Money
    vat: Money
    incl_vat: Money
    explanation: str


def rate_energy(*, energy_kwh: Decimal, tariff: FlatTariff) -> RatedLine:
    """The line for an energy: net rounded once, half-up, to cents; VAT = gross - net.

    Raises ValueError for a negative or a float energy.
    """
    if not isinstance(energy_kwh, Decimal) or not energy_kwh.is_finite() or energy_kwh < 0:
        raise ValueError(f"energy_kwh must be a Decimal of 0 or more, got {energy_kwh!r}")
    net = round_half_up(energy_kwh * tariff.price_per_kwh_excl_vat, _MONEY_PLACES)
    gross = round_half_up(net * (1 + tariff.vat_percent / 100), _MONEY_PLACES)
    return RatedLine(
        energy_kwh=energy_kwh,
        price_per_kwh_excl_vat=tariff.price_per_kwh_excl_vat,
        excl_vat=Money(net, tariff.currency),
        vat=Money(gross - net, tariff.currency),
        incl_vat=Money(gross, tariff.currency),
        explanation=(
            f"{_plain(energy_kwh)} kWh x {_plain(tariff.price_per_kwh_excl_vat)} "
            f"{tariff.currency}/kWh = {net} {tariff.currency}; "
            f"VAT {_plain(tariff.vat_percent)} % = {gross - net} {tariff.currency}"
        ),
    )


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
