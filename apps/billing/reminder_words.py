"""The words of reminders: placeholders in a text, and the figures that take their place."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django.utils import translation
from django.utils.formats import date_format, number_format

from cariflex.common.errors import DomainError

PLACEHOLDERS = (
    "name", "issuer", "invoice", "issued_on", "due_on", "days", "open", "fee", "total", "iban",
)  # fmt: skip
_FOUND = re.compile(r"\{([^{}]*)\}")
NO_BREAK_SPACE = "\u00a0"


def words_check(text: str, *, field: str) -> None:
    """DomainError `reminder.placeholder` for a placeholder that stands for nothing."""
    for name in _FOUND.findall(text):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
            raise DomainError(
                "reminder.placeholder", f"{{{name}}} stands for nothing; known: {known}",
                field=field,
            )  # fmt: skip


def words_filled(text: str, figures: Mapping[str, str]) -> str:
    """The text with its figures. A figure with braces of its own is left as it is."""
    return _FOUND.sub(lambda found: figures.get(found.group(1), found.group(0)), text)


def amount_words(amount: Decimal, currency: str, language: str) -> str:
    """An amount as that language writes it: `1 234,50 €`."""
    with translation.override(language):
        text = number_format(amount, decimal_pos=2, use_l10n=True, force_grouping=True)
    symbol = "€" if currency == "EUR" else currency
    return f"{text}{NO_BREAK_SPACE}{symbol}"


def day_words(day: date | None, language: str) -> str:
    """A day as that language writes it."""
    with translation.override(language):
        return date_format(day, "DATE_FORMAT") if day else ""
