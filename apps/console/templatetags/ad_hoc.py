"""Tags of the pages for people without a contract."""

from decimal import Decimal

from django import template

from apps.console import formats
from cariflex.common.money import round_half_up

register = template.Library()


@register.simple_tag
def ad_hoc_price(amount: Decimal, currency: str, unit: str) -> str:
    """A price of one kWh or one minute with its currency."""
    # Half-up, as the station's own display has it.
    rounded = round_half_up(amount, 4)
    return formats.unit_price_text(rounded, currency).replace("/kWh", f"/{unit}")
