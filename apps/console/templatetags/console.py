"""Filters and tags of the console's templates: formats, badges, icons, the page frame."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar
from urllib.parse import urlencode

import orjson
from django import template
from django.templatetags.static import static
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from apps.chargers.ocpp.redaction import address_shown
from apps.console import formats, refusals, states
from apps.console.page import Page, page_frame
from apps.console.viewmodels.flow import PowerFlow
from apps.console.viewmodels.live import DeviceCounts
from apps.console.viewmodels.sessions import SessionFilter
from apps.console.words import client_words as words_of_scripts
from apps.console.words import device_notes
from apps.flexibility.choices import reason_words

register = template.Library()
_JSON_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


Number = TypeVar("Number")


def _known(value: Number) -> Number | None:
    """A template gives "" to a filter for what a missing object would have held."""
    return None if value == "" else value


@register.filter
def power(power_kw: float | None, unit: str | None = None) -> str:
    """A power in kW with its unit."""
    return formats.power_text(_known(power_kw), unit)


@register.filter
def production(power_kw: float | None) -> str:
    """A producing asset's power as the reader has it: production positive."""
    return formats.power_text(None if _known(power_kw) is None else 0.0 - power_kw)


@register.filter
def unit_price(price_per_kwh: Decimal, currency: str) -> str:
    """A price of one kWh, with four decimals at most."""
    return formats.unit_price_text(price_per_kwh, currency)


@register.filter
def plain_percent(value: Decimal) -> str:
    """A rate such as 8.5 %, with as many decimals as it has."""
    return formats.rate_text(value)


@register.filter
def energy(energy_kwh: float | Decimal | None) -> str:
    """An energy in kWh with its unit."""
    return formats.energy_text(_known(energy_kwh))


@register.filter
def percent(value: float | None) -> str:
    """A share of 0-100."""
    return formats.percent_text(_known(value))


@register.filter
def share(value: float | None) -> str:
    """A share of 0-100 with one decimal, as those near 100 need."""
    return formats.share_text(_known(value))


@register.filter
def price(price_eur_per_mwh: float | Decimal | None) -> str:
    """A price in EUR/MWh."""
    return formats.price_text(_known(price_eur_per_mwh))


@register.filter
def quantity(value: float | None, name: str) -> str:
    """A sensor's value with the unit of its quantity."""
    return formats.quantity_text(_known(value), name)


@register.filter
def two_decimals(value: float | None) -> str:
    """A number with two decimals, its unit standing beside it."""
    return formats.NO_VALUE if _known(value) is None else formats.number_text(value, 2)


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """An amount with its currency."""
    return formats.money_text(amount, currency)


@register.filter
def duration(value: timedelta | None) -> str:
    """A stretch of time in words."""
    return formats.duration_text(value)


@register.filter
def age(age_s: float | None) -> str:
    """How long ago, from seconds."""
    return formats.age_text(age_s)


@register.filter
def plain_address(address: str) -> str:
    """An address without the name and password that it may hold."""
    return address_shown(address)


@register.filter
def cut_words(text: str) -> list[str]:
    """The words of a text, to loop over in a template."""
    return text.split()


@register.filter
def json_block(text: str) -> SafeString:
    """JSON text that cannot end the script element it stands in."""
    return mark_safe(text.translate(_JSON_ESCAPES))  # noqa: S308 - the three characters are escaped


@register.filter
def iso(at: datetime | None) -> str:
    """The instant for a `datetime` attribute (UTC)."""
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


@register.simple_tag
def icon(name: str) -> SafeString:
    """One icon of the sprite, hidden from screen readers: words stand beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("console/icons.svg"),
        name,
    )


@register.simple_tag
def state_badge(family: str, code: str | None) -> SafeString:
    """A state as icon, word and colour."""
    word = states.state_word(family, code)
    return format_html(
        '<span class="badge tone-{}" data-state="{}">{}<span>{}</span></span>',
        word.tone,
        code or "unknown",
        icon(word.icon),
        word.label,
    )


@register.simple_tag
def state_tone(family: str, code: str | None) -> states.StateWord:
    """Label, tone and icon of a state, for a template that draws them itself."""
    return states.state_word(family, code)


@register.simple_tag
def refusal(problem: refusals.Refusal) -> str:
    """Why something cannot be done, in the reader's words."""
    return refusals.refusal_words(problem)


@register.simple_tag
def control_words(mode: str, reason_code: str) -> str:
    """What the batteries follow, and why, in one sentence or two."""
    sentence = str(states.CONTROL_SENTENCES.get(mode, ""))
    return f"{reason_words(reason_code)}. {sentence}" if reason_code else sentence


@register.simple_tag
def devices_note(counts: DeviceCounts) -> str:
    """How many devices have which problem, or that all values are young."""
    words = device_notes()
    found = {
        "silent": counts.silent_count,
        "error": counts.error_count,
        "stale": counts.stale_count,
        "unknown": counts.unknown_count,
    }
    parts = [
        words[f"note_{key}_{'one' if count == 1 else 'many'}"].format(count=count)
        for key, count in found.items()
        if count
    ]
    return ", ".join(parts) or gettext("All values younger than 5 s")


@register.simple_tag
def flow_value(flow: PowerFlow, side: str, key: str) -> str:
    """The power of one node on one side of the flow; zero when it is not on that side."""
    shares = flow.sources if side == "in" else flow.sinks
    return formats.power_text(next((s.power_kw for s in shares if s.key == key), 0.0))


@register.simple_tag
def state_label(family: str, code: str | None) -> str:
    """The word of a state alone."""
    return str(states.state_word(family, code).label)


@register.simple_tag
def event_label(event_type: str) -> str:
    """The word of a transaction event."""
    return str(states.EVENT_TYPES.get(event_type, event_type))


@register.simple_tag
def trigger_label(trigger_reason: str) -> str:
    """Why the station sent an event, in words; an unlisted reason as it came."""
    return str(states.TRIGGER_REASONS.get(trigger_reason, trigger_reason))


@register.simple_tag
def page_query(chosen: SessionFilter, page: int, step: int) -> str:
    """The query of the neighbouring page with the same filter."""
    query = {"q": chosen.search, "state": chosen.state, "station": chosen.station_id}
    kept = {name: value for name, value in query.items() if value}
    return urlencode({**kept, "page": str(page + step)})


@register.simple_tag
def client_words() -> SafeString:
    """The scripts' words as a data block."""
    return json_script(words_of_scripts(), "words")


@register.simple_tag
def chart_data(chart: object, element_id: str) -> SafeString:
    """A chart's series as a data block; times are UTC."""
    return json_script(orjson.loads(orjson.dumps(chart, option=orjson.OPT_UTC_Z)), element_id)


@register.simple_tag(takes_context=True)
def console_page(context: template.Context) -> Page:
    """Who looks at the page, in which language and theme, and where they can go."""
    return page_frame(context.get("request"))
