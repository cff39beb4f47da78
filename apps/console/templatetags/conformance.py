"""Tags of the check against the standard: the card of a partner's page, and its badges."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.console.states import StateWord
from apps.console.templatetags.console import icon
from apps.console.viewmodels.roaming_conformance import (
    OUTCOMES,
    STATES,
    ConformanceCard,
    conformance_card,
)
from apps.console.viewmodels.roaming_partners import PartnerPage
from cariflex.common.time import utc_now

register = template.Library()


@register.simple_tag
def conformance_of(page: PartnerPage) -> ConformanceCard:
    """What the page of a partner shows of its checks."""
    return conformance_card(partner=page.partner, now=utc_now(), may_read_log=page.may_read_log)


@register.simple_tag
def report_badge(state: str) -> SafeString:
    """The state of a report as icon, word and colour."""
    return _badge(STATES.get(state), state)


@register.simple_tag
def outcome_badge(outcome: str) -> SafeString:
    """What became of a rule as icon, word and colour."""
    return _badge(OUTCOMES.get(outcome), outcome)


def _badge(word: StateWord | None, code: str) -> SafeString:
    word = word or StateWord(code, "mute", "question")
    return format_html(
        '<span class="badge tone-{}" data-state="{}">{}<span>{}</span></span>',
        word.tone,
        code,
        icon(word.icon),
        word.label,
    )
