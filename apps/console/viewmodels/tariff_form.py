"""The editor of a tariff: rows of the form to an OCPI object and back, findings beside fields.

A row of the form is a tariff element. Its fields are named `<key>.<field>`; the keys come in order
as `row`. Durations are minutes in the form and seconds on the wire.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from apps.billing.rating import Dimension
from apps.billing.services.tariffs import FormulaGiven
from apps.console.tariff_words import PRICED

MOST_ROWS = 200
LANGUAGES = ("fr", "en", "es")
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
TEXTS = ("start_time", "end_time", "start_date", "end_date", "reservation")
BANDS = ("min_kwh", "max_kwh", "min_power", "max_power", "min_current", "max_current")
MINUTES = ("min_duration", "max_duration")
FORMULA = ("factor", "adder_per_kwh", "floor_per_kwh", "cap_per_kwh")
LIMITS = ("min_price.excl_vat", "min_price.incl_vat", "max_price.excl_vat", "max_price.incl_vat")
# Fields of the object that the form has no inputs for; they stay as they are.
KEPT = ("energy_mix",)
_KEY = re.compile(r"[a-z0-9]{1,12}")
_PATH = re.compile(r"^elements\[(\d+)\](?:\.(.*))?$")
_COMPONENT = re.compile(r"^price_components\[(\d+)\](?:\.(\w+))?$")
_STEPS = {"price": "price", "vat": "vat", "step_size": "step"}

Texts = Mapping[str, str]
Errors = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Priced:
    """One price of a row as it is filled in."""

    dimension: str
    price: str = ""
    vat: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One element as it is filled in: texts as typed, by field."""

    key: str
    prices: tuple[Priced, ...]
    values: Texts
    days: frozenset[int]


@dataclass(frozen=True, slots=True)
class TariffForm:
    """The editor as it is filled in; `values` are the tariff's own fields."""

    rows: tuple[Row, ...]
    values: Texts
    errors: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The OCPI object that a form stands for, its formula, and what could not be read.

    `places` leads from a path of the object to the field of the form that it came from.
    """

    content: dict[str, Any]
    formula: FormulaGiven | None
    errors: Errors
    rows: tuple[str, ...]
    components: tuple[tuple[str, ...], ...]

    def place(self, path: str) -> str:
        """The field of the form for a path of the engine; "" for the tariff as a whole."""
        found = _PATH.match(path)
        if found is None:
            return path if path in (*LIMITS, "currency", *FORMULA, "series") else ""
        index, rest = int(found[1]), found[2] or ""
        if index >= len(self.rows):
            return ""
        key, component = self.rows[index], _COMPONENT.match(rest)
        if component is not None and int(component[1]) < len(self.components[index]):
            kind = self.components[index][int(component[1])]
            return f"{key}.{kind}.{_STEPS.get(component[2] or 'price', 'price')}"
        name = rest.partition(".")[2].partition("[")[0]
        return f"{key}.{name}" if name and rest.startswith("restrictions.") else f"{key}.row"


def form_of(content: Mapping[str, Any], formula: object | None, change_note: str) -> TariffForm:
    """The editor with a stored draft."""
    values = {"currency": str(content.get("currency", "")), "change_note": change_note}
    for name in ("min_price", "max_price"):
        limit = content.get(name) or {}
        for part in ("excl_vat", "incl_vat"):
            values[f"{name}.{part}"] = plain(limit.get(part))
    for text in content.get("tariff_alt_text", ()):
        values[f"alt_text.{text.get('language', '')}"] = str(text.get("text", ""))
    values["alt_url"] = str(content.get("tariff_alt_url", ""))
    if formula is not None:
        values["is_dynamic"] = "on"
        values["series"] = str(getattr(formula, "series_id", ""))
        values |= {name: plain(getattr(formula, name)) for name in FORMULA}
    rows = tuple(_row(f"e{n}", one) for n, one in enumerate(content.get("elements", ())))
    return TariffForm(rows, values)


def form_sent(posted: QueryDict) -> TariffForm:
    """The editor as it was sent."""
    keys = [key for key in posted.getlist("row")[:MOST_ROWS] if _KEY.fullmatch(key)]
    names = ["currency", "change_note", "alt_url", "is_dynamic", "series", *FORMULA, *LIMITS,
             *(f"alt_text.{one}" for one in LANGUAGES)]  # fmt: skip
    rows = []
    for key in dict.fromkeys(keys):
        prices = tuple(
            Priced(kind, *(posted.get(f"{key}.{kind}.{part}", "").strip()
                           for part in ("price", "vat", "step")))
            for kind in PRICED
        )  # fmt: skip
        values = {
            name: posted.get(f"{key}.{name}", "").strip() for name in (*TEXTS, *BANDS, *MINUTES)
        }
        days = {int(one) for one in posted.getlist(f"{key}.day_of_week") if one in "0123456"}
        rows.append(Row(key, prices, values, frozenset(days)))
    return TariffForm(tuple(rows), {name: posted.get(name, "").strip() for name in names})


def form_parsed(form: TariffForm, *, kept: Mapping[str, Any]) -> Parsed:
    """The object that the texts stand for; `kept` is the stored one, for what has no input."""
    reader = _Reader()
    elements, components = [], []
    for row in form.rows:
        element, kinds = _element(row, reader)
        elements.append(element)
        components.append(kinds)
    content: dict[str, Any] = {name: kept[name] for name in KEPT if name in kept}
    content |= {"id": kept.get("id", "X"), "currency": form.values.get("currency", "").upper()}
    texts = [
        {"language": language, "text": text}
        for language in LANGUAGES
        if (text := form.values.get(f"alt_text.{language}", ""))
    ]
    others = [
        one for one in kept.get("tariff_alt_text", ()) if one.get("language") not in LANGUAGES
    ]
    if texts or others:
        content["tariff_alt_text"] = [*texts, *others]
    if form.values.get("alt_url"):
        content["tariff_alt_url"] = form.values["alt_url"]
    for name in ("min_price", "max_price"):
        limit = {
            part: value
            for part in ("excl_vat", "incl_vat")
            if (value := reader.number(form.values, f"{name}.{part}")) is not None
        }
        if limit:
            content[name] = limit
    content["elements"] = elements
    if not elements:
        reader.errors[""] = (_("A tariff has one row at least."),)
    return Parsed(
        content,
        _formula(form.values, reader),
        reader.errors,
        tuple(row.key for row in form.rows),
        tuple(components),
    )


def plain(value: object) -> str:
    """A number as it is typed: no exponent, no trailing zeros, a point."""
    if value is None or value == "":
        return ""
    number = Decimal(str(value))
    text = format(number.normalize(), "f")
    return "0" if text == "-0" else text


def number_read(text: str) -> Decimal | None:
    """The number of a text with a point or a comma; None when it is none."""
    try:
        value = Decimal(text.replace("\u00a0", "").replace(" ", "").replace(",", "."))
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < 10**9 else None


class _Reader:
    """Reads numbers and keeps what is wrong with them, by field of the form."""

    def __init__(self) -> None:
        self.errors: Errors = {}

    def number(self, values: Texts, name: str, place: str = "") -> Decimal | None:
        text = values.get(name, "")
        if not text:
            return None
        value = number_read(text)
        if value is None:
            self.errors[place or name] = (_("This is not a number."),)
        return value


def _element(row: Row, reader: _Reader) -> tuple[dict[str, Any], tuple[str, ...]]:
    components, kinds = [], []
    for one in row.prices:
        given = {"price": one.price, "vat": one.vat, "step": one.step}
        if not one.price:
            continue
        read = {
            name: reader.number(given, name, f"{row.key}.{one.dimension}.{name}") for name in given
        }
        component: dict[str, Any] = {"type": str(one.dimension), "price": read["price"] or 0}
        if read["vat"] is not None:
            component["vat"] = read["vat"]
        component["step_size"] = 1 if read["step"] is None else read["step"]
        components.append(component)
        kinds.append(str(one.dimension))
    if not components:
        reader.errors[f"{row.key}.row"] = (_("A row has one price at least."),)
    restrictions: dict[str, Any] = {
        name: row.values[name] for name in TEXTS if row.values.get(name)
    }
    for name in BANDS:
        value = reader.number(row.values, name, f"{row.key}.{name}")
        if value is not None:
            restrictions[name] = value
    for name in MINUTES:
        minutes = reader.number(row.values, name, f"{row.key}.{name}")
        if minutes is not None:
            restrictions[name] = _whole(minutes * 60)
    if row.days:
        restrictions["day_of_week"] = [DAYS[day] for day in sorted(row.days)]
    element: dict[str, Any] = {"price_components": components}
    if restrictions:
        element["restrictions"] = restrictions
    return element, tuple(kinds)


def _formula(values: Texts, reader: _Reader) -> FormulaGiven | None:
    if values.get("is_dynamic") != "on":
        return None
    read = {name: reader.number(values, name) for name in FORMULA}
    series = values.get("series", "")
    if not series.isdecimal() or len(series) > 9:
        reader.errors["series"] = (_("Choose a price series."),)
        series = "0"
    if read["cap_per_kwh"] is None and "cap_per_kwh" not in reader.errors:
        reader.errors["cap_per_kwh"] = (_("A price that follows a market has a cap."),)
    zero = Decimal(0)
    return FormulaGiven(
        series_id=int(series),
        factor=Decimal(1) if read["factor"] is None else read["factor"],
        adder_per_kwh=read["adder_per_kwh"] or zero,
        floor_per_kwh=read["floor_per_kwh"] or zero,
        cap_per_kwh=read["cap_per_kwh"] or zero,
    )


def _row(key: str, element: Mapping[str, Any]) -> Row:
    first: dict[str, Mapping[str, Any]] = {}
    for component in element.get("price_components", ()):
        first.setdefault(str(component.get("type")), component)
    prices = tuple(
        Priced(
            kind,
            plain(first[kind].get("price")),
            plain(first[kind].get("vat")),
            plain(first[kind].get("step_size")),
        )
        if kind in first
        else Priced(kind)
        for kind in map(str, PRICED)
    )
    when = element.get("restrictions") or {}
    values = {name: str(when.get(name, "")) for name in TEXTS}
    values |= {name: plain(when.get(name)) for name in BANDS}
    values |= {
        name: plain(Decimal(when[name]) / 60) if when.get(name) is not None else ""
        for name in MINUTES
    }
    days = frozenset(DAYS.index(day) for day in when.get("day_of_week", ()) if day in DAYS)
    return Row(key, prices, values, days)


def _whole(value: Decimal) -> Decimal | int:
    return int(value) if value == value.to_integral_value() else value


def row_new(key: str) -> Row:
    """An empty row."""
    return _row(key, {"price_components": [{"type": str(Dimension.ENERGY)}]})
