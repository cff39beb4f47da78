"""The form of a PV plant: place, arrays as rows, inverter; what was typed and what is wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.assets.models import Device
from apps.console.viewmodels.calendars_form import plain_number
from apps.markets.models import PvPlant
from apps.markets.pv import plant as pure
from apps.markets.services.pv.plants import DEFAULT_TILT_DEGREES, SOUTH_DEGREES
from cariflex.common.errors import DomainError

MOST_SIGNS = 40
ROW = ("azimuth_degrees", "tilt_degrees", "peak_kwp")
PLACE = ("latitude", "longitude")
NUMBERS = (
    *PLACE, "altitude_m", "inverter_limit_kw", "loss_percent", "power_coefficient_percent_per_c",
)  # fmt: skip
MAY_BE_EMPTY = (*PLACE, "inverter_limit_kw")
RESOURCE = "solcast_resource_id"
_RULES: tuple[tuple[re.Pattern[str], str | Promise], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r".* is not at least (?P<low>\S+) and at most (?P<high>\S+)",
            gettext_lazy("At least %(low)s and at most %(high)s."),
        ),
        (
            r".* is not above (?P<low>\S+) and at most (?P<high>\S+)",
            gettext_lazy("More than %(low)s and at most %(high)s."),
        ),
        (r".* is not a finite number", gettext_lazy("This is not a number.")),
        (
            r"must be given together with the longitude",
            gettext_lazy("Latitude and longitude are given together."),
        ),
        (
            r"is not given, and neither .*",
            gettext_lazy("Neither the device nor its site has a place: give one here."),
        ),
        (
            r"must be at most (?P<most>\d+) letters, digits and hyphens",
            gettext_lazy("At most %(most)s letters, digits and hyphens."),
        ),
        (r"has \d+ entries, .* to (?P<most>\d+)", gettext_lazy("1 to %(most)s arrays are needed.")),
    )
)


class PlantFields(TypedDict):
    """What the service takes of a plant, but its device."""

    arrays: list[pure.PvArray]
    inverter_limit_kw: float | None
    latitude: float | None
    longitude: float | None
    altitude_m: float
    loss_percent: float
    power_coefficient_percent_per_c: float
    solcast_resource_id: str
    enabled: bool


class FormFaults(Exception):  # noqa: N818 - what is wrong with a form is no error of the program
    """What is wrong with what was typed, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class ArrayRow:
    """One array as typed."""

    number: int
    azimuth_degrees: str
    tilt_degrees: str
    peak_kwp: str

    @property
    def places(self) -> dict[str, str]:
        """The name of each field's error."""
        return {name: f"arrays.{self.number}.{name}" for name in ROW}


@dataclass(frozen=True, slots=True)
class PlantForm:
    """The form as it is shown."""

    texts: Mapping[str, str]
    arrays: tuple[ArrayRow, ...]
    enabled: bool
    errors: Mapping[str, str] = field(default_factory=dict)
    focus: str = ""

    @property
    def may_add(self) -> bool:
        """Whether there is room for another array."""
        return len(self.arrays) < pure.MAX_ARRAYS


def stored_form(plant: PvPlant) -> PlantForm:
    """The plant as it stands. One query: its arrays."""
    texts = {name: _plain(getattr(plant, name)) for name in NUMBERS}
    rows = [{name: _plain(getattr(one, name)) for name in ROW} for one in plant.arrays.all()]
    return PlantForm(
        texts | {RESOURCE: plant.solcast_resource_id}, array_rows(rows), enabled=plant.enabled
    )


def usual_form(device: Device) -> PlantForm:
    """The usual values for a device without a plant, as the service has them."""
    texts = dict.fromkeys((*NUMBERS, RESOURCE), "") | {
        "altitude_m": "0",
        "inverter_limit_kw": _plain(device.rated_power_kw),
        "loss_percent": _plain(pure.DEFAULT_LOSS_PERCENT),
        "power_coefficient_percent_per_c": _plain(pure.DEFAULT_POWER_COEFFICIENT_PERCENT_PER_C),
    }
    usual = {
        "azimuth_degrees": _plain(SOUTH_DEGREES),
        "tilt_degrees": _plain(DEFAULT_TILT_DEGREES),
        "peak_kwp": _plain(device.rated_power_kw),
    }
    return PlantForm(texts, array_rows([usual]), enabled=True)


def typed_form(posted: QueryDict) -> PlantForm:
    """The form as it was typed."""
    columns = [posted.getlist(name)[: pure.MAX_ARRAYS + 1] for name in ROW]
    rows = [
        dict(zip(ROW, (_text(value) for value in values), strict=True))
        for values in zip(*columns, strict=False)
    ]
    texts = {name: _text(posted.get(name, "")) for name in (*NUMBERS, RESOURCE)}
    return PlantForm(texts, array_rows(rows), enabled=posted.get("enabled") == "on")


def array_rows(rows: Sequence[Mapping[str, str]]) -> tuple[ArrayRow, ...]:
    """Rows numbered from 1."""
    return tuple(
        ArrayRow(n, row["azimuth_degrees"], row["tilt_degrees"], row["peak_kwp"])
        for n, row in enumerate(rows, start=1)
    )


def rows_changed(form: PlantForm, order: str) -> PlantForm:
    """The form with a row more (`add`) or one less (`remove:2`)."""
    rows = [{name: getattr(row, name) for name in ROW} for row in form.arrays]
    word, _colon, number = order.partition(":")
    focus = ""
    if word == "add" and form.may_add:
        rows.append(dict.fromkeys(ROW, ""))
        focus = f"azimuth-{len(rows)}"
    elif word == "remove" and number.isdecimal() and 1 <= int(number[:4]) <= len(rows):
        del rows[int(number[:4]) - 1]
        focus = "array-add"
    return PlantForm(form.texts, array_rows(rows), enabled=form.enabled, focus=focus)


def plant_fields(form: PlantForm) -> PlantFields:
    """What was typed as the service takes it. Raises FormFaults with every field in error."""
    errors: dict[str, str] = {}
    values: dict[str, float | None] = {}
    for name in NUMBERS:
        values[name] = _number(form.texts[name], name, errors, may_be_empty=name in MAY_BE_EMPTY)
    arrays = [array for row in form.arrays if (array := _array(row, errors)) is not None]
    if errors:
        raise FormFaults(errors)
    return PlantFields(
        arrays=arrays,
        inverter_limit_kw=values["inverter_limit_kw"],
        latitude=values["latitude"],
        longitude=values["longitude"],
        altitude_m=values["altitude_m"] or 0.0,
        loss_percent=values["loss_percent"] or 0.0,
        power_coefficient_percent_per_c=values["power_coefficient_percent_per_c"] or 0.0,
        solcast_resource_id=form.texts[RESOURCE],
        enabled=form.enabled,
    )


def refused(error: DomainError) -> dict[str, str]:
    """What the service refuses, beside its field; at the form when it has none."""
    name = error.field if error.field in (*NUMBERS, RESOURCE, "arrays") else ""
    return {name or "": rule_words(error.message)}


def rule_words(rule: str) -> str:
    """A broken rule as a sentence; an unlisted one as it was said."""
    for pattern, words in _RULES:
        found = pattern.fullmatch(rule)
        if found is not None:
            return str(words) % found.groupdict()
    return rule


def _array(row: ArrayRow, errors: dict[str, str]) -> pure.PvArray | None:
    values = {name: _number(getattr(row, name), row.places[name], errors) for name in ROW}
    if any(value is None for value in values.values()):
        return None
    try:
        return pure.PvArray(**{name: value or 0.0 for name, value in values.items()})
    except pure.PlantError as err:
        errors[row.places[err.field or ""]] = rule_words(err.message)
        return None


def _number(
    text: str, place: str, errors: dict[str, str], *, may_be_empty: bool = False
) -> float | None:
    plain = plain_number(text).replace("\u2212", "-")
    if not plain:
        if not may_be_empty:
            errors[place] = _("Something is missing here.")
        return None
    try:
        return float(plain)
    except ValueError:
        errors[place] = _("This is not a number.")
        return None


def _text(value: str) -> str:
    return value.replace("\x00", "").strip()[:MOST_SIGNS]


def _plain(value: float | None) -> str:
    """A number as it is typed, without an exponent."""
    if value is None:
        return ""
    return f"{value:.6f}".rstrip("0").rstrip(".")
