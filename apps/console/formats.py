"""Numbers as the operator reads them: the unit follows the size, the decimals the language.

`static/console/format.js` has the same rules for the live figures.
"""

import math
from datetime import timedelta
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.assets.choices import Quantity

NO_VALUE = "–"
NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"


def number_text(value: float | Decimal, decimals: int) -> str:
    """The number in the active language, with a real minus sign and never `-0`."""
    rounded = round(value, decimals)
    text = number_format(abs(rounded), decimal_pos=decimals, use_l10n=True, force_grouping=True)
    return f"{MINUS}{text}" if rounded < 0 else text


def number_or_none(value: float) -> float | None:
    """The value, None for what is no number (NaN, infinite)."""
    return value if math.isfinite(value) else None


def quantity_text(value: float | None, quantity: str) -> str:
    """A value of a sensor's quantity with its unit: powers, energies and shares as elsewhere."""
    if value is None:
        return NO_VALUE
    unit = Quantity(quantity).unit
    if unit == "kW":
        return power_text(value)
    if unit == "kWh":
        return energy_text(value)
    decimals = 2 if quantity in (Quantity.FREQUENCY_HZ, Quantity.POWER_FACTOR) else 1
    return f"{number_text(value, decimals)}{NO_BREAK_SPACE}{unit}".rstrip(NO_BREAK_SPACE)


def power_unit(power_kw: float) -> str:
    """W below 1 kW, MW from 1,000 kW, kW between."""
    size_kw = abs(power_kw)
    if size_kw >= 1000:
        return "MW"
    return "kW" if size_kw >= 1 or size_kw < 0.0005 else "W"


def power_text(power_kw: float | None, unit: str | None = None) -> str:
    """A power of `power_kw` kW with its unit; `unit` fixes W, kW or MW."""
    if power_kw is None:
        return NO_VALUE
    unit = unit or power_unit(power_kw)
    if unit == "MW":
        return f"{number_text(power_kw / 1000, 2)}{NO_BREAK_SPACE}MW"
    if unit == "W":
        return f"{number_text(power_kw * 1000, 0)}{NO_BREAK_SPACE}W"
    return f"{number_text(power_kw, 0 if abs(power_kw) >= 1000 else 1)}{NO_BREAK_SPACE}kW"


def energy_text(energy_kwh: float | Decimal | None) -> str:
    """An energy of `energy_kwh` kWh, in MWh from 1,000 kWh."""
    if energy_kwh is None:
        return NO_VALUE
    if abs(energy_kwh) >= 1000:
        return f"{number_text(energy_kwh / 1000, 2)}{NO_BREAK_SPACE}MWh"
    return f"{number_text(energy_kwh, 0 if abs(energy_kwh) >= 100 else 2)}{NO_BREAK_SPACE}kWh"


def percent_text(percent: float | None) -> str:
    """A share of 0-100, without decimals."""
    if percent is None:
        return NO_VALUE
    return f"{number_text(percent, 0)}{NO_BREAK_SPACE}%"


def share_text(percent: float | None) -> str:
    """A share of 0-100 with one decimal; what is not quite all never reads 100."""
    if percent is None:
        return NO_VALUE
    shown = 99.9 if 99.95 <= percent < 100 else percent
    return f"{number_text(shown, 0 if shown == 100 else 1)}{NO_BREAK_SPACE}%"


def price_text(price_eur_per_mwh: float | Decimal | None) -> str:
    """A wholesale price in EUR/MWh."""
    if price_eur_per_mwh is None:
        return NO_VALUE
    return f"{number_text(price_eur_per_mwh, 2)}{NO_BREAK_SPACE}€/MWh"


def money_text(amount: Decimal | None, currency: str) -> str:
    """An amount with two decimals and its currency."""
    if amount is None:
        return NO_VALUE
    symbol = "€" if currency == "EUR" else currency
    return f"{number_text(amount, 2)}{NO_BREAK_SPACE}{symbol}"


def unit_price_text(price_per_kwh: Decimal, currency: str) -> str:
    """A price of one kWh with its currency; two decimals, up to four when it has them."""
    symbol = "€" if currency == "EUR" else currency
    decimals = min(4, max(2, _decimals(price_per_kwh)))
    return f"{number_text(price_per_kwh, decimals)}{NO_BREAK_SPACE}{symbol}/kWh"


def rate_text(percent: Decimal) -> str:
    """A rate in percent with as many decimals as it has: `8.5 %`."""
    return f"{number_text(percent, _decimals(percent))}{NO_BREAK_SPACE}%"


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def duration_text(duration: timedelta | None) -> str:
    """`1 h 05 min`, `12 min 30 s` or `45 s`."""
    if duration is None:
        return NO_VALUE
    seconds = max(0, int(duration.total_seconds()))
    hours, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60
    if hours:
        return f"{hours}{NO_BREAK_SPACE}h{NO_BREAK_SPACE}{minutes:02d}{NO_BREAK_SPACE}min"
    if minutes:
        return f"{minutes}{NO_BREAK_SPACE}min{NO_BREAK_SPACE}{rest:02d}{NO_BREAK_SPACE}s"
    return f"{rest}{NO_BREAK_SPACE}s"


def age_text(age_s: float | None) -> str:
    """How long ago, in the largest unit that says something."""
    if age_s is None:
        return _("never")
    seconds = max(0, int(age_s))
    if seconds < 120:
        return _("{count} s ago").format(count=seconds)
    if seconds < 7200:
        return _("{count} min ago").format(count=seconds // 60)
    if seconds < 172_800:
        return _("{count} h ago").format(count=seconds // 3600)
    return _("{count} days ago").format(count=seconds // 86_400)
