"""What the forms of the island price say: numbers, local times, days; refusals by field."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils.translation import gettext as _

from apps.console.refusals import refusal_words
from apps.console.viewmodels.calendars_form import end_text, plain_number
from apps.console.viewmodels.island_price_rules import rule_words
from apps.markets.island.local_days import DayType, minute_of_clock
from cariflex.common.errors import DomainError

MOST_SIGNS = 400
_RENAMED = {"chain": "base_order", "calendar_id": "calendar"}
Errors = dict[str, tuple[str, ...]]


class FormError(DomainError):
    """A field of a form that cannot be read; its message is in the reader's language."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__("form.field", words, field=name)


def sent_texts(posted: QueryDict, names: Iterable[str]) -> dict[str, str]:
    """The fields as typed."""
    return {name: posted.get(name, "").strip()[:MOST_SIGNS] for name in names}


def number(texts: Mapping[str, str], name: str) -> Decimal | None:
    """A number, None for nothing. Raises FormError."""
    text = plain_number(texts.get(name, ""))
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation as err:
        raise FormError(name, _("This is not a number.")) from err
    if not value.is_finite() or len(text) > 20:
        raise FormError(name, _("This is not a number."))
    return value


def needed_number(texts: Mapping[str, str], name: str) -> Decimal:
    """A number that must be there. Raises FormError."""
    value = number(texts, name)
    if value is None:
        raise FormError(name, _("Something is missing here."))
    return value


def moment(texts: Mapping[str, str], name: str, zone: ZoneInfo) -> datetime | None:
    """A local time of a zone, None for nothing. Raises FormError."""
    text = texts.get(name, "")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as err:
        raise FormError(name, _("This is not a time.")) from err
    if not 2000 <= at.year <= 2100:
        raise FormError(name, _("This is not a time."))
    return at.replace(tzinfo=zone) if at.tzinfo is None else at


def needed_moment(texts: Mapping[str, str], name: str, zone: ZoneInfo) -> datetime:
    """A local time that must be there. Raises FormError."""
    at = moment(texts, name, zone)
    if at is None:
        raise FormError(name, _("Something is missing here."))
    return at


def day(texts: Mapping[str, str], name: str) -> date | None:
    """A day, None for nothing. Raises FormError."""
    text = texts.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as err:
        raise FormError(name, _("This is not a date.")) from err


def midnight(texts: Mapping[str, str], name: str, zone: ZoneInfo) -> datetime:
    """The local midnight that a day begins with. Raises FormError."""
    found = day(texts, name)
    if found is None:
        raise FormError(name, _("Something is missing here."))
    return datetime.combine(found, datetime.min.time(), zone)


def minutes(texts: Mapping[str, str], name: str) -> int:
    """A time of day in minutes; midnight as an end is 1440. Raises DomainError."""
    text = texts.get(name, "")[:5]
    return minute_of_clock(end_text(text) if name == "end" else text, name)


def day_types(names: Iterable[str]) -> frozenset[DayType]:
    """Types of day; what is none is left out."""
    return frozenset(DayType(name) for name in names if name in tuple(DayType))


def refused(refusal: DomainError, known: Iterable[str], prefix: str = "") -> Errors:
    """A refusal beside its field; one that no field is named for stands at the form."""
    name = (refusal.field or "").rpartition(".")[2].partition("[")[0]
    name = _RENAMED.get(name, name)
    words = refusal.message if isinstance(refusal, FormError) else rule_words(refusal.message)
    if name not in set(known):
        return {prefix: (words if words != refusal.message else refusal_words(refusal),)}
    return {f"{prefix}.{name}" if prefix else name: (words,)}
