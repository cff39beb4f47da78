"""Tags of the tariffs' pages: findings beside fields, prices."""

from decimal import Decimal

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.console.tariff_words import DIMENSIONS, price_number, price_words
from apps.console.viewmodels.tariff_editor import EditorPage

register = template.Library()


@register.simple_tag
def findings(editor: EditorPage, name: str) -> SafeString:
    """What is wrong, or odd, with a field, and the place where scripts show it."""
    lines = [
        *(("field-error", text) for text in editor.errors.get(name, ())),
        *(("field-warning", text) for text in editor.warnings.get(name, ())),
    ]
    return format_html(
        '<div class="field-errors" data-field="{}">{}</div>',
        name,
        format_html_join("", '<p class="{}">{}</p>', lines),
    )


@register.filter
def exact_price(amount: Decimal) -> str:
    """An amount with two decimals, up to four when it has them."""
    return price_number(amount)


@register.filter
def dimension_words(dimension: str) -> str:
    """What a dimension is called."""
    return str(DIMENSIONS.get(dimension, dimension))


@register.simple_tag
def price_of_unit(price: Decimal, currency: str, dimension: str) -> str:
    """A price with its unit."""
    return price_words(price, currency, dimension)
