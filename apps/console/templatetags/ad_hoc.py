"""Tags of the pages for people without a contract."""

from decimal import Decimal

from django import template

from apps.console import formats

register = template.Library()


@register.simple_tag
def ad_hoc_price(amount: Decimal, currency: str, unit: str) -> str:
    """A price of one kWh or one minute with its currency."""
    return formats.unit_price_text(amount, currency).replace("/kWh", f"/{unit}")
