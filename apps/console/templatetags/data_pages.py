"""Badges and figures of the data pages."""

from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.console.feed_words import error_text, request_text
from apps.console.templatetags.console import icon
from apps.console.viewmodels import data_words

register = template.Library()


@register.simple_tag
def data_badge(family: str, code: str) -> SafeString:
    """A state of a series, feed or document as icon, word and colour."""
    word = data_words.data_word(family, code)
    return format_html(
        '<span class="badge tone-{}" data-state="{}">{}<span>{}</span></span>',
        word.tone,
        code,
        icon(word.icon),
        word.label,
    )


@register.filter
def in_unit(value: Decimal | None, unit: str) -> str:
    """A value of a series with its unit."""
    return data_words.value_text(None if value == "" else value, unit)  # type: ignore[comparison-overlap]


@register.filter
def source_word(source: str) -> str:
    """Who tells."""
    return data_words.source_text(source)


@register.filter
def error_word(error: str) -> str:
    """Why it failed."""
    return error_text(error)


@register.filter
def request_word(request: str) -> str:
    """What was asked for."""
    return request_text(request)


@register.filter
def series_word(series: object) -> str:
    """What a series tells."""
    return data_words.series_title(series)  # type: ignore[arg-type]


@register.filter
def series_place(series: object) -> str:
    """Where a series is of."""
    return data_words.area_text(series)  # type: ignore[arg-type]


@register.filter
def series_whole(series: object) -> str:
    """What a series tells, where, and who tells it."""
    return data_words.series_name(series)  # type: ignore[arg-type]


@register.simple_tag
def word(words: dict[str, str], name: str) -> str:
    """A word by its name; empty where there is none."""
    return words.get(name, "")


@register.simple_tag
def wrong(errors: dict[str, str], name: str) -> SafeString | str:
    """The attributes of a field that something is wrong with."""
    if name not in errors:
        return ""
    return format_html(' aria-invalid="true" aria-describedby="e-{}"', name)


@register.simple_tag
def error_of(errors: dict[str, str], name: str) -> SafeString | str:
    """What is wrong with a field, beneath it."""
    if name not in errors:
        return ""
    return format_html('<p class="field-error" id="e-{}">{}</p>', name, errors[name])
