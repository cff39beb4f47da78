"""Figures on papers, in the paper's language: 1 234,56 in French, 1,234.56 in English."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import template
from django.utils.formats import date_format, number_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cariflex.common.money import round_half_up

register = template.Library()

UNITS = {"KWH": "kWh", "HUR": "h", "MIN": "min"}
"""UN/ECE Recommendation 20 to what people write; all others are pieces."""
NO_BREAK = "\u00a0"
PRICE_PLACES = range(2, 7)
QUANTITY_PLACES = 4
"""As in the XML (BR-FR-DEC-02)."""


@register.filter
def money(amount: Decimal) -> str:
    """An amount with two decimals, without its currency."""
    return str(number_format(amount, decimal_pos=2, use_l10n=True, force_grouping=True))


@register.filter
def quantity(value: Decimal) -> str:
    """A quantity with as many decimals as it has, at most four."""
    return _decimals(value, 0, QUANTITY_PLACES)


def _decimals(value: Decimal, least: int, most: int) -> str:
    rounded = round_half_up(value, most)
    places = max(least, -int(rounded.normalize().as_tuple().exponent))
    return str(number_format(rounded, decimal_pos=places, use_l10n=True, force_grouping=True))


@register.filter
def unit(code: str) -> str:
    """What a unit is called on paper; nothing for pieces."""
    return UNITS.get(code, "")


@register.filter
def percent(value: Decimal) -> str:
    """A rate without trailing zeros: `8.5 %`."""
    return f"{quantity(value)}{NO_BREAK}%"


@register.filter
def day(value: date) -> str:
    """A day in words."""
    return date_format(value, "DATE_FORMAT")


@register.filter
def month(value: date) -> str:
    """A month in words, such as `March 2026`."""
    return date_format(value, "YEAR_MONTH_FORMAT")


@register.filter
def moment(value: datetime, time_zone: str) -> str:
    """Day and time at the place."""
    local = value.astimezone(ZoneInfo(time_zone))
    return f"{date_format(local, 'DATE_FORMAT')} {time_format(local, 'H:i')}"


@register.filter
def unit_price(line_net: Decimal, line_quantity: Decimal) -> str:
    """The price of one unit as far as it can be said exactly, else with six decimals."""
    billed = round_half_up(line_quantity, QUANTITY_PLACES)
    return _decimals(price_of_one(line_net, billed), 2, 6)


@register.filter
def rate(value: Decimal) -> str:
    """A rate of exchange with all its decimals."""
    return _decimals(value, 0, 9)


def price_of_one(net: Decimal, amount: Decimal) -> Decimal:
    """The shortest price, 2 to 6 decimals, that gives `net` back for that amount.

    With six decimals when none does; the net itself when the amount is 0.
    """
    if not amount:
        return net
    exact = net / amount
    for places in PRICE_PLACES:
        price = round_half_up(exact, places)
        if round_half_up(price * amount) == net:
            return price
    return round_half_up(exact, 6)


@register.filter
def group4(text: str) -> str:
    """An IBAN in groups of four."""
    compact = "".join(text.split())
    return NO_BREAK.join(compact[i : i + 4] for i in range(0, len(compact), 4))


@register.filter
def level_title(level: int) -> str:
    """The heading of a reminder."""
    if level <= 1:
        return _("Reminder")
    return _("Second reminder") if level == 2 else pgettext("reminder", "Final reminder")
