"""The coloured week of a tariff and the price of a typical session, ready to be drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.billing.models import TariffVersion
from apps.billing.rating import (
    Dimension,
    Note,
    RatedLine,
    Rating,
    RatingProblem,
    Tariff,
    tariff_check,
    tariff_parse,
)
from apps.billing.selectors.tariff_contents import SlotPrice, with_slots
from apps.billing.services.tariffs import FormulaGiven
from apps.billing.services.tariffs.dynamic import price_of
from apps.billing.tariff_week import (
    DAYS,
    SHOWN,
    SLOTS_PER_DAY,
    Point,
    Preview,
    SessionAsked,
    Stretch,
    Week,
    bands_of,
    clock_text,
    preview_of,
    week_of,
)
from apps.console.tariff_words import (
    DIMENSIONS,
    code_words,
    note_words,
    price_number,
    price_words,
    restriction_words,
    week_days,
)
from apps.console.viewmodels.tariff_form import Errors, Parsed, number_read
from apps.console.viewmodels.tariffs import monday_of, week_content
from apps.markets.models import Series
from apps.markets.selectors import published_prices

LEGEND_MOST = 6
MOST_KWH, MOST_KW, MOST_PARKING_MIN = 1000, 1000, 7 * 24 * 60
FIRST = {"kwh": "20", "kw": "11", "parking": "0"}


@dataclass(frozen=True, slots=True)
class Cell:
    """Half hours of one day at one price: a cell of the table that spans `rows` rows."""

    rows: int
    level: int
    text: str
    words: str
    element: int | None


@dataclass(frozen=True, slots=True)
class GridRow:
    """One half hour: the hour's name on full hours, and the cells that begin here."""

    hour: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The week as a table; `legend` is (level, words), cheapest first."""

    dimension: str
    dimensions: tuple[tuple[str, str], ...]
    days: tuple[tuple[int, str, str], ...]
    rows: tuple[GridRow, ...]
    legend: tuple[tuple[int, str], ...]
    has_free: bool
    hangs_on_more: bool


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line of the preview's bill."""

    dimension: str
    when: str
    volume: str
    price: str
    excl_vat: Decimal
    vat_percent: Decimal | None
    element: int | None


@dataclass(frozen=True, slots=True)
class Bill:
    """What the typical session costs."""

    rating: Rating
    lines: tuple[PricedLine, ...]
    charged_until: datetime
    ends_at: datetime
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a tariff comes to: grid and bill where they can be told, findings by field."""

    grid: Grid | None
    bill: Bill | None
    problem: str
    errors: Errors
    warnings: Errors
    words: Mapping[str, str]
    """When each row of the form applies, by its key."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the week and the preview are asked for."""

    dimension: Dimension
    arrival: datetime
    energy_kwh: Decimal
    power_kw: Decimal
    parking_min: int
    at_kwh: Decimal
    at_min: Decimal


def asked_of(values: Mapping[str, str], *, now: datetime) -> Asked:
    """What somebody asked for; what cannot be read is as at first."""

    def number(name: str, most: int) -> Decimal:
        value = number_read(values.get(name, ""))
        return value if value is not None and 0 <= value <= most else Decimal(FIRST.get(name, "0"))

    dimension = values.get("dimension", "")
    power = number("kw", MOST_KW)
    return Asked(
        dimension=Dimension(dimension) if dimension in SHOWN else Dimension.ENERGY,
        arrival=arrival_of(values.get("arrival", ""), now=now),
        energy_kwh=number("kwh", MOST_KWH),
        power_kw=power if power > 0 else Decimal(FIRST["kw"]),
        parking_min=int(number("parking", MOST_PARKING_MIN)),
        at_kwh=number("at_kwh", MOST_KWH),
        at_min=number("at_min", MOST_PARKING_MIN),
    )


def arrival_of(text: str, *, now: datetime) -> datetime:
    """A local time of a form; the next full hour when it is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        local = timezone.localtime(now)
        return local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if not 2000 <= at.year <= 2100:
        return arrival_of("", now=now)
    return timezone.make_aware(at) if timezone.is_naive(at) else at


def draft_shown(parsed: Parsed, asked: Asked, *, now: datetime) -> Shown:
    """What the form comes to as it is: findings beside fields, the week, the bill."""
    if parsed.errors:
        return Shown(None, None, "", parsed.errors, {}, {})
    try:
        tariff, notes = tariff_parse(parsed.content, "2.2.1")
    except RatingProblem as problem:
        place = parsed.place(problem.field)
        errors = {place: (code_words(problem.code, problem.message),)}
        return Shown(None, None, "", errors, {}, {})
    warnings: Errors = {}
    for note in (*(one for one in notes if one.code != "field.expected"), *tariff_check(tariff)):
        place = parsed.place(note.where)
        warnings[place] = tuple(dict.fromkeys((*warnings.get(place, ()), note_words(note))))
    words = {
        key: restriction_words(element.restrictions)
        for key, element in zip(parsed.rows, tariff.elements, strict=True)
    }
    content = parsed.content
    if parsed.formula is not None:
        content = _with_market(content, parsed.formula, asked.arrival, now=now)
    return _shown(content, asked, len(tariff.elements), errors={}, warnings=warnings, words=words,
                  now=now)  # fmt: skip


def version_shown(version: TariffVersion, asked: Asked, *, now: datetime) -> Shown:
    """What a stored version comes to this week."""
    content, _monday = week_content(version, now=now)
    return _shown(content, asked, len(version.content.get("elements", ())), errors={},
                  warnings={}, words={}, now=now)  # fmt: skip


def _shown(
    content: Mapping[str, Any],
    asked: Asked,
    own_count: int,
    *,
    errors: Errors,
    warnings: Errors,
    words: Mapping[str, str],
    now: datetime,
) -> Shown:
    zone = timezone.get_current_timezone_name()
    try:
        tariff, _notes = tariff_parse(content, "2.2.1")
        # Market prices stand before the tariff's own rows.
        market_count = len(tariff.elements) - own_count
        point = Point(asked.at_kwh, int(asked.at_min * 60), asked.power_kw)
        week = week_of(tariff, dimension=asked.dimension, monday=monday_of(now, zone), point=point)
        session = SessionAsked(
            asked.arrival, asked.energy_kwh, asked.power_kw, asked.parking_min, zone
        )
        bill = _bill(tariff, preview_of(tariff, session), market_count)
    except RatingProblem as problem:
        return Shown(None, None, code_words(problem.code, problem.message), errors, warnings, words)
    return Shown(_grid(tariff, week, market_count), bill, "", errors, warnings, words)


def _with_market(
    content: Mapping[str, Any], formula: FormulaGiven, arrival: datetime, *, now: datetime
) -> Mapping[str, Any]:
    """The draft with this week's market prices, and those of the typical session."""
    series = Series.objects.filter(pk=formula.series_id).first()
    if series is None:
        return content
    zone = ZoneInfo(timezone.get_current_timezone_name())
    monday = datetime.combine(monday_of(now, zone.key), datetime.min.time(), zone)
    prices = published_prices(series=series, start=monday, end=monday + timedelta(days=DAYS))
    if not monday <= arrival < monday + timedelta(days=DAYS):
        prices |= published_prices(series=series, start=arrival, end=arrival + timedelta(days=2))
    slots = [SlotPrice(start, price_of(formula, price)) for start, price in prices.items()]
    return with_slots(content, slots, zone)


def _grid(tariff: Tariff, week: Week, market_count: int) -> Grid:
    names = week_days()
    rows = tuple(
        GridRow(
            clock_text(slot) if slot % 2 == 0 else "",
            tuple(
                _cell(stretch, names[day][1], tariff.currency, week.dimension, market_count)
                for day, stretches in enumerate(week.days)
                for stretch in stretches
                if stretch.first == slot
            ),
        )
        for slot in range(SLOTS_PER_DAY)
    )
    return Grid(
        dimension=str(week.dimension),
        dimensions=tuple((str(one), str(DIMENSIONS[one])) for one in SHOWN),
        days=names,
        rows=rows,
        legend=_legend(week, tariff.currency),
        has_free=any(one.price is None for day in week.days for one in day),
        hangs_on_more=bands_of(tariff),
    )


def _cell(
    stretch: Stretch, day: str, currency: str, dimension: Dimension, market_count: int
) -> Cell:
    price = _("free") if stretch.price is None else price_words(stretch.price, currency, dimension)
    words = f"{day} {stretch.start_text}–{stretch.end_text}: {price}"
    if stretch.is_mixed:
        words += f" ({_('changes within the half hour')})"
    element = stretch.element
    if element is not None:
        element = element - market_count if element >= market_count else None
    number = _("free") if stretch.price is None else price_number(stretch.price)
    return Cell(
        rows=stretch.count,
        level=stretch.level,
        text=number if stretch.count > 1 else "",
        words=words,
        element=element,
    )


def _legend(week: Week, currency: str) -> tuple[tuple[int, str], ...]:
    levels: dict[int, list[Decimal]] = {}
    for day in week.days:
        for one in day:
            if one.price is not None:
                levels.setdefault(one.level, []).append(one.price)
    told = []
    for level, prices in sorted(levels.items()):
        low, high = min(prices), max(prices)
        words = price_words(high, currency, week.dimension)
        told.append((level, words if low == high else f"{price_number(low)}–{words}"))
    return tuple(told)


def _bill(tariff: Tariff, preview: Preview, market_count: int) -> Bill:
    market, own = [], []
    for one in preview.rating.lines:
        is_market = one.element is not None and one.element < market_count
        (market if is_market else own).append(one)
    lines = [_market_line(tariff, market)] if market else []
    lines += [_priced_line(tariff, one, market_count) for one in own]
    notes = dict.fromkeys(_session_notes((*preview.notes, *preview.rating.notes)))
    return Bill(preview.rating, tuple(lines), preview.charged_until, preview.ends_at, tuple(notes))


def _priced_line(tariff: Tariff, one: RatedLine, market_count: int) -> PricedLine:
    when, price, element = "", "", None
    if one.element is not None:
        when = restriction_words(tariff.elements[one.element].restrictions)
        price = price_words(one.price, tariff.currency, one.dimension)
        element = one.element - market_count
    return PricedLine(
        dimension=str(DIMENSIONS.get(one.dimension, one.dimension)),
        when=when,
        volume=_volume(one.billed_volume, one.unit) if one.unit in ("kWh", "h") else "",
        price=price,
        excl_vat=one.excl_vat,
        vat_percent=one.vat_percent,
        element=element,
    )


def _market_line(tariff: Tariff, lines: list[RatedLine]) -> PricedLine:
    """The quarter hours that follow the market, as one line."""
    low, high = min(one.price for one in lines), max(one.price for one in lines)
    price = price_words(high, tariff.currency, Dimension.ENERGY)
    count = len(lines)
    return PricedLine(
        dimension=str(DIMENSIONS[Dimension.ENERGY]),
        when=ngettext(
            "market price, %(n)d stretch of time", "market prices, %(n)d stretches of time", count
        )
        % {"n": count},
        volume=_volume(sum((one.billed_volume for one in lines), Decimal(0)), "kWh"),
        price=price if low == high else f"{price_number(low)}–{price}",
        excl_vat=sum((one.excl_vat for one in lines), Decimal(0)),
        vat_percent=lines[0].vat_percent,
        element=None,
    )


def _session_notes(notes: tuple[Note, ...]) -> list[str]:
    # What only says that a preview has no meter is no news.
    return [note_words(one) for one in notes if not one.code.startswith(("cut.", "samples."))]


def _volume(volume: Decimal, unit: str) -> str:
    if unit != "h":
        return f"{price_number(volume)} {unit}"
    minutes = int((volume * 60).to_integral_value())
    return f"{minutes // 60}:{minutes % 60:02d} h"
