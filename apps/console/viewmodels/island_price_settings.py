"""What forms the island price, as forms and tables: settings, peak windows, units, factors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.console.formats import NO_VALUE
from apps.console.viewmodels.island_price_rules import DAY_TYPE_WORDS
from apps.console.viewmodels.island_price_words import short_figure, with_unit
from apps.markets.choices import BaseSource, IntensityKind, PvSource
from apps.markets.co2 import Fuel
from apps.markets.island.local_days import ALL_DAYS, clock_text
from apps.markets.models import (
    EmissionFactor,
    GeneratingUnit,
    IslandPricing,
    PeakWindow,
    TouCalendar,
)

MAY_CHANGE = "markets.change_islandpricing"
MAY_CHANGE_FACTORS = "markets.change_emissionfactor"
DAY_FORMAT, TIME_FORMAT = "j N Y", "j N Y, H:i"
FUEL_WORDS: dict[str, str | Promise] = {
    Fuel.COAL: pgettext_lazy("fuel", "Coal"),
    Fuel.OIL: pgettext_lazy("fuel", "Oil"),
    Fuel.GAS: pgettext_lazy("fuel", "Gas"),
    Fuel.BIOMASS: pgettext_lazy("fuel", "Biomass"),
    Fuel.SOLAR: pgettext_lazy("fuel", "Solar"),
    Fuel.GEOTHERMAL: pgettext_lazy("fuel", "Geothermal"),
    Fuel.HYDRO: pgettext_lazy("fuel", "Hydro"),
    Fuel.NUCLEAR: pgettext_lazy("fuel", "Nuclear"),
    Fuel.WIND: pgettext_lazy("fuel", "Wind"),
    Fuel.STORAGE: pgettext_lazy("fuel", "Storage"),
    Fuel.UNKNOWN: gettext_lazy("Unknown"),
}
NUMBERS = (
    "carbon_price_eur_per_tonne", "curtailment_discount_eur_per_mwh", "floor_eur_per_mwh",
    "pv_threshold_mw",
)  # fmt: skip
Texts = Mapping[str, str]
Errors = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PeakLine:
    """A peak window of the table."""

    pk: int
    name: str
    span: str
    days: str
    adder: str
    validity: str


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit of the merit order."""

    pk: int
    name: str
    capacity: str
    cost: str
    available: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class FactorLine:
    """An emission factor with its local days."""

    pk: int
    fuel: str
    lifecycle: str
    direct: str
    valid_from: date
    valid_to: date | None
    source: str
    is_over: bool

    @property
    def error_place(self) -> str:
        """Where the refusal to end it stands."""
        return f"factor-{self.pk}.valid_to"


@dataclass(frozen=True, slots=True)
class Filled:
    """Forms as they were sent, with what was refused; those left out show what is stored."""

    settings: Texts | None = None
    base_order: Sequence[str] | None = None
    must_run: Sequence[str] | None = None
    peak: Texts | None = None
    peak_days: Sequence[str] | None = None
    unit: Texts | None = None
    factor: Texts | None = None
    errors: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RulesPage:
    """Everything the page shows."""

    pricing: IslandPricing | None
    values: Texts
    base_order: tuple[str, ...]
    must_run: tuple[str, ...]
    calendars: tuple[tuple[int, str], ...]
    peaks: tuple[PeakLine, ...]
    peak_form: Texts
    peak_days: tuple[str, ...]
    units: tuple[UnitLine, ...]
    unit_form: Texts
    factors: tuple[FactorLine, ...]
    factor_form: Texts
    errors: Errors
    may_change: bool
    may_change_factors: bool

    @property
    def warnings(self) -> Errors:
        """Fields of this page have none."""
        return {}

    @property
    def intensity_kinds(self) -> list[tuple[str, str]]:
        """Which intensities a carbon price can be put on."""
        return IntensityKind.choices

    @property
    def pv_sources(self) -> list[tuple[str, str]]:
        """Whose production is compared with the threshold."""
        return PvSource.choices

    @property
    def bases(self) -> list[tuple[str, str]]:
        """What a base can be taken from."""
        return BaseSource.choices

    @property
    def fuels(self) -> tuple[tuple[str, str], ...]:
        """Fuels by name."""
        return tuple((str(fuel), str(words)) for fuel, words in FUEL_WORDS.items())

    @property
    def day_types(self) -> tuple[tuple[str, str], ...]:
        """The types of day."""
        return tuple((str(one), str(words)) for one, words in DAY_TYPE_WORDS.items())


def rules_page(
    *,
    pricing: IslandPricing | None,
    calendars: Sequence[TouCalendar],
    factors: Sequence[EmissionFactor],
    now: datetime,
    filled: Filled,
    chosen_peak: int | None,
    chosen_unit: int | None,
    may_change: bool,
    may_change_factors: bool,
) -> RulesPage:
    """The page; peak windows and units of the area are two queries more."""
    peaks = list(pricing.peaks.all()) if pricing else []
    units = list(pricing.units.all()) if pricing else []
    peak = next((one for one in peaks if one.pk == chosen_peak), None)
    unit = next((one for one in units if one.pk == chosen_unit), None)
    zone = pricing.zone if pricing else timezone.get_current_timezone()
    order = filled.base_order if filled.base_order is not None else _order(pricing)
    days = filled.peak_days
    if days is None:
        days = list(peak.day_types) if peak else [str(one) for one in ALL_DAYS]
    return RulesPage(
        pricing=pricing,
        values=filled.settings if filled.settings is not None else _settings(pricing),
        base_order=(*order, *[""] * (len(BaseSource) - len(order))),
        must_run=tuple(filled.must_run if filled.must_run is not None else _fuels(pricing)),
        calendars=tuple((one.pk, one.name) for one in calendars),
        peaks=tuple(map(_peak_line, peaks)),
        peak_form=filled.peak if filled.peak is not None else _peak_form(peak),
        peak_days=tuple(days),
        units=tuple(_unit_line(one, zone) for one in units),
        unit_form=filled.unit if filled.unit is not None else _unit_form(unit, zone),
        factors=tuple(_factor_line(one, zone, now) for one in factors),
        factor_form=filled.factor or {},
        errors=filled.errors,
        may_change=may_change,
        may_change_factors=may_change_factors,
    )


def fuel_words(fuel: str) -> str:
    """What a fuel is called; an operator's own as it is written."""
    return str(FUEL_WORDS.get(fuel, fuel))


def number_text_of(value: Decimal | None) -> str:
    """A number as a form has it: no zeros at the end, a point."""
    return "" if value is None else f"{value.normalize():f}"


def local_text(at: datetime | None, zone: ZoneInfo) -> str:
    """A moment as a form has it."""
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M}" if at else ""


def _settings(pricing: IslandPricing | None) -> dict[str, str]:
    if pricing is None:
        return {}
    values = {name: number_text_of(getattr(pricing, name)) for name in NUMBERS}
    return values | {
        "intensity_kind": pricing.intensity_kind,
        "pv_source": pricing.pv_source,
        "calendar": str(pricing.calendar_id or ""),
    }


def _order(pricing: IslandPricing | None) -> list[str]:
    return list(pricing.base_order) if pricing else []


def _fuels(pricing: IslandPricing | None) -> list[str]:
    return list(pricing.must_run_fuels) if pricing else []


def _peak_form(peak: PeakWindow | None) -> dict[str, str]:
    if peak is None:
        return {}
    return {
        "pk": str(peak.pk),
        "name": peak.name,
        "start": clock_text(peak.start_minute),
        "end": clock_text(peak.end_minute % (24 * 60)),
        "adder_eur_per_mwh": number_text_of(peak.adder_eur_per_mwh),
        "valid_from": peak.valid_from.isoformat() if peak.valid_from else "",
        "valid_to": peak.valid_to.isoformat() if peak.valid_to else "",
    }


def _unit_form(unit: GeneratingUnit | None, zone: ZoneInfo) -> dict[str, str]:
    if unit is None:
        return {"enabled": "on"}
    return {
        "unit": str(unit.pk),
        "name": unit.name,
        "capacity_mw": number_text_of(unit.capacity_mw),
        "marginal_cost_eur_per_mwh": number_text_of(unit.marginal_cost_eur_per_mwh),
        "available_from": local_text(unit.available_from, zone),
        "available_to": local_text(unit.available_to, zone),
        "enabled": "on" if unit.enabled else "",
    }


def _peak_line(peak: PeakWindow) -> PeakLine:
    types = set(peak.day_types)
    words = [str(words) for one, words in DAY_TYPE_WORDS.items() if one in types]
    bounds = (peak.valid_from, peak.valid_to)
    return PeakLine(
        pk=peak.pk,
        name=peak.name,
        span=f"{clock_text(peak.start_minute)}–{clock_text(peak.end_minute)}",
        days=_("All days") if len(types) == len(ALL_DAYS) else ", ".join(words),
        adder=with_unit(peak.adder_eur_per_mwh, "€/MWh"),
        validity=_span(*(date_format(one, DAY_FORMAT) if one else "" for one in bounds)),
    )


def _unit_line(unit: GeneratingUnit, zone: ZoneInfo) -> UnitLine:
    bounds = (unit.available_from, unit.available_to)
    return UnitLine(
        pk=unit.pk,
        name=unit.name,
        capacity=with_unit(unit.capacity_mw, "MW"),
        cost=with_unit(unit.marginal_cost_eur_per_mwh, "€/MWh"),
        available=_span(
            *(date_format(one.astimezone(zone), TIME_FORMAT) if one else "" for one in bounds)
        ),
        enabled=unit.enabled,
    )


def _factor_line(factor: EmissionFactor, zone: ZoneInfo, now: datetime) -> FactorLine:
    valid_to = factor.valid_to
    return FactorLine(
        pk=factor.pk,
        fuel=fuel_words(factor.fuel),
        lifecycle=short_figure(factor.lifecycle_g_per_kwh),
        direct=short_figure(factor.direct_g_per_kwh),
        valid_from=factor.valid_from.astimezone(zone).date(),
        valid_to=valid_to.astimezone(zone).date() if valid_to else None,
        source=factor.source or NO_VALUE,
        is_over=valid_to is not None and valid_to <= now,
    )


def _span(start: str, end: str) -> str:
    if not start and not end:
        return _("always")
    return f"{start or '…'} – {end or '…'}"
