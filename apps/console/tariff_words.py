"""What tariffs say, in the reader's language: restrictions, prices, notes of the engine."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.billing.rating import Dimension, Note, Reservation, Restrictions
from apps.console.formats import NO_BREAK_SPACE, NO_VALUE, number_text

DIMENSIONS: dict[str, str | Promise] = {
    Dimension.ENERGY: gettext_lazy("Energy"),
    Dimension.TIME: gettext_lazy("Charging time"),
    Dimension.PARKING_TIME: gettext_lazy("Parking after charging"),
    Dimension.FLAT: gettext_lazy("Fee per session"),
    Dimension.RESERVATION_TIME: gettext_lazy("Reservation time"),
    Dimension.RESERVATION_FLAT: gettext_lazy("Fee per reservation"),
    "MIN_PRICE": gettext_lazy("Up to the lowest total"),
    "MAX_PRICE": gettext_lazy("Down to the highest total"),
}
PRICED = (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.FLAT)
# The engine tells in English what it found; here is what each finding means to who writes a tariff.
NOTES: dict[str, str | Promise] = {
    "element.never_applies": gettext_lazy(
        "This row can never apply: its conditions exclude each other."
    ),
    "component.never_reached": gettext_lazy(
        "An earlier row always applies first: this price is never used."
    ),
    "elements.overlap": gettext_lazy(
        "An earlier row applies at some of the same times, and wins there."
    ),
    "price.negative": gettext_lazy("This price is negative: it lowers the total."),
    "currency.unknown": gettext_lazy("ISO 4217 knows no such currency."),
    "currency.invalid": gettext_lazy("A currency is three capital letters, such as EUR."),
    "component.not_reservable": gettext_lazy(
        "A reservation has a price per hour and a fee; this price is never used."
    ),
    "tax.contradictory": gettext_lazy("No tax applies to this tariff, and yet one is given."),
    "limit.contradictory": gettext_lazy("The lowest total is above the highest, or tax lowers it."),
    "number.invalid": gettext_lazy("This is not a number that can be used here."),
    "number.out_of_range": gettext_lazy("This number is too large, or has too many decimals."),
    "field.empty": gettext_lazy("Something is missing here."),
    "session.too_long": gettext_lazy("No car charges that long."),
    "tariff.never_valid": gettext_lazy("The tariff ends before it starts."),
    "vat.invalid": gettext_lazy("A tax rate is a share from 0 to 100 %."),
    "field.missing": gettext_lazy("Something is missing here."),
    "field.invalid": gettext_lazy("This value is not known to OCPI."),
    "field.unknown": gettext_lazy("OCPI has no such field; it is left out."),
}
_BANDS = (
    ("kwh", "kWh"),
    ("power", "kW"),
    ("current", "A"),
)


def note_words(note: Note) -> str:
    """A note of the engine in the reader's language; an unlisted one as the engine tells it."""
    return code_words(note.code, note.text)


def code_words(code: str, text: str) -> str:
    """The sentence for a code of the engine, else its own text."""
    words = NOTES.get(code)
    return str(words) if words is not None else text


def price_words(price: Decimal | None, currency: str, dimension: str) -> str:
    """`0.35 €/kWh`, `2.00 €/h`; two decimals, up to four when it has them."""
    if price is None:
        return NO_VALUE
    unit = {
        Dimension.ENERGY: "/kWh", Dimension.TIME: "/h", Dimension.PARKING_TIME: "/h",
    }.get(Dimension(dimension), "")  # fmt: skip
    symbol = "€" if currency == "EUR" else currency
    return f"{price_number(price)}{NO_BREAK_SPACE}{symbol}{unit}"


def price_number(price: Decimal) -> str:
    """A price with two decimals, up to four when it has them."""
    exponent = price.normalize().as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) else 0
    return number_text(price, min(4, max(2, decimals)))


def restriction_words(one: Restrictions) -> str:
    """When a row applies, as one would say it: "Monday to Friday, 08:00 to 20:00"."""
    words = [*_words(one)]
    if not words:
        return _("Always")
    text = ", ".join(words)
    return text[0].upper() + text[1:]


def day_words(days: frozenset[int]) -> str:
    """Days of the week, runs of three and more as a span."""
    ordered = sorted(days)
    runs: list[list[int]] = []
    for day in ordered:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    parts: list[str] = []
    for run in runs:
        if len(run) >= 3:
            span = {"first": WEEKDAYS[run[0]], "last": WEEKDAYS[run[-1]]}
            parts.append(_("%(first)s to %(last)s") % span)
        else:
            parts += [str(WEEKDAYS[day]) for day in run]
    return _(" and ").join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def week_days() -> tuple[tuple[int, str, str], ...]:
    """(0 for Monday, name, short name)."""
    return tuple((day, str(WEEKDAYS[day]), str(WEEKDAYS_ABBR[day])) for day in range(7))


def _words(one: Restrictions) -> Iterator[str]:
    if one.reservation is Reservation.RESERVATION:
        yield _("while reserved")
    elif one.reservation is Reservation.RESERVATION_EXPIRES:
        yield _("when a reservation is not used")
    if one.day_of_week and len(one.day_of_week) < 7:
        yield day_words(one.day_of_week)
    yield from _clock_words(one)
    yield from _date_words(one)
    for name, unit in _BANDS:
        yield from _band_words(
            getattr(one, f"min_{name}"), getattr(one, f"max_{name}"), unit, is_kwh=name == "kwh"
        )
    yield from _duration_words(one.min_duration, one.max_duration)


def _clock_words(one: Restrictions) -> Iterator[str]:
    start, end = one.start_time, one.end_time
    if start is not None and end is not None:
        span = {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}
        if start == end:
            return
        if end < start and f"{end:%H:%M}" != "00:00":
            yield _("%(start)s to %(end)s the next day") % span
        else:
            span["end"] = "24:00" if span["end"] == "00:00" else span["end"]
            yield _("%(start)s to %(end)s") % span
    elif start is not None:
        yield _("from %(start)s on") % {"start": f"{start:%H:%M}"}
    elif end is not None and f"{end:%H:%M}" != "00:00":
        yield _("until %(end)s") % {"end": f"{end:%H:%M}"}


def _date_words(one: Restrictions) -> Iterator[str]:
    if one.start_date is not None and one.end_date == one.start_date + timedelta(days=1):
        yield _("on %(day)s") % {"day": _day(one.start_date)}
        return
    if one.start_date is not None:
        yield _("from %(day)s on") % {"day": _day(one.start_date)}
    if one.end_date is not None:
        yield _("before %(day)s") % {"day": _day(one.end_date)}


def _band_words(
    low: Decimal | None, high: Decimal | None, unit: str, *, is_kwh: bool
) -> Iterator[str]:
    if low is not None and high is not None:
        yield _("from %(low)s to %(high)s") % {"low": _amount(low, ""), "high": _amount(high, unit)}
    elif high is not None:
        told = {"high": _amount(high, unit)}
        yield _("the first %(high)s") % told if is_kwh else _("below %(high)s") % told
    elif low is not None:
        told = {"low": _amount(low, unit)}
        yield _("after %(low)s") % told if is_kwh else _("from %(low)s on") % told


def _duration_words(low: int | None, high: int | None) -> Iterator[str]:
    if low is not None and high is not None:
        yield _("between %(low)s and %(high)s after the start") % {
            "low": _minutes(low), "high": _minutes(high),
        }  # fmt: skip
    elif high is not None:
        yield _("in the first %(high)s") % {"high": _minutes(high)}
    elif low is not None:
        yield _("after %(low)s") % {"low": _minutes(low)}


def _minutes(seconds: int) -> str:
    if seconds % 60:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    return ngettext("%(n)d minute", "%(n)d minutes", seconds // 60) % {"n": seconds // 60}


def _amount(value: Decimal, unit: str) -> str:
    exponent = value.normalize().as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else 0
    return f"{number_text(value, decimals)}{NO_BREAK_SPACE}{unit}".rstrip(NO_BREAK_SPACE)


def _day(day: date) -> str:
    return date_format(day, "DATE_FORMAT")
