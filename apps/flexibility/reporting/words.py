"""A report in words, numbers and units of the active language: for the page and the paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.flexibility.choices import ControlMode
from apps.flexibility.reporting.baselines import CaseName, NoCases
from apps.flexibility.reporting.stored import ReportFigures

NO_VALUE = "–"
NO_BREAK = "\u00a0"
MINUS = "\u2212"
_BASELINES = (CaseName.NO_CONTROL, CaseName.RULES)


@dataclass(frozen=True, slots=True)
class Line:
    """One figure with its name and unit; `note` says more of it."""

    key: str
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Figures that belong together."""

    key: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One way the batteries were or would have been run.

    `saving` is what the actual month saved (or lost) against it. The bar of its comparable cost
    goes from `bar_from` over `bar_width`, percent of a scale that all cases share and 0 EUR is on.
    """

    key: str
    name: str
    about: str
    cost: str
    stored: str
    comparable: str
    saving: str
    is_lost: bool
    drawn: str
    peak: str
    co2: str
    bar_from: float
    bar_width: float


@dataclass(frozen=True, slots=True)
class DayLine:
    """One local day."""

    day: str
    iso: str
    cost: str
    drawn: str
    fed: str
    sun: str
    measured: str
    is_whole: bool


def number(value: float | Decimal, decimals: int) -> str:
    """The number in the active language, with a real minus sign and never `-0`."""
    rounded = round(value, decimals)
    text = number_format(abs(rounded), decimal_pos=decimals, use_l10n=True, force_grouping=True)
    return f"{MINUS}{text}" if rounded < 0 else str(text)


def money(amount: Decimal | None, currency: str = "EUR") -> str:
    """An amount with two decimals and its currency."""
    if amount is None:
        return NO_VALUE
    return f"{number(amount, 2)}{NO_BREAK}{'€' if currency == 'EUR' else currency}"


def energy(value: float | None) -> str:
    """An energy in kWh with one decimal."""
    return NO_VALUE if value is None else f"{number(value, 1)}{NO_BREAK}kWh"


def power(value: float | None) -> str:
    """A power in kW with one decimal."""
    return NO_VALUE if value is None else f"{number(value, 1)}{NO_BREAK}kW"


def percent(value: float | None) -> str:
    """A share of 0 to 100 with one decimal; what is not quite all never reads 100."""
    if value is None:
        return NO_VALUE
    shown = 99.9 if 99.95 <= value < 100 else value
    return f"{number(shown, 0 if shown == 100 else 1)}{NO_BREAK}%"


def mass(value: float | None) -> str:
    """A mass of CO2 in kg."""
    return NO_VALUE if value is None else f"{number(value, 1)}{NO_BREAK}kg"


def moment(at: datetime, time_zone: str) -> str:
    """Day and time at the site."""
    return str(date_format(at.astimezone(ZoneInfo(time_zone)), "j N Y, H:i"))


def sections(report: ReportFigures) -> tuple[Section, ...]:
    """Every figure of the month, in the order of the page; a section without any is left out."""
    told = (
        Section("energy", _("Energy"), tuple(_energy(report))),
        Section("cost", _("Cost and carbon"), tuple(_cost(report))),
        Section("sun", _("Own sun and connection"), tuple(_sun(report))),
        Section("batteries", _("Full cycles of the batteries"), tuple(_cycles(report))),
        Section("plan", _("Plan against actual"), tuple(_plan(report))),
    )
    return tuple(section for section in told if section.lines)


def case_lines(report: ReportFigures) -> tuple[CaseLine, ...]:
    """The actual month first, then what it is compared with; empty where it cannot be."""
    told = report.comparison
    costs = [case.comparable_eur for case in told.cases]
    if not costs:
        return ()
    low, high = min(*costs, Decimal(0)), max(*costs, Decimal(0))
    span = (high - low) or Decimal(1)
    lines = []
    for case in told.cases:
        saved = told.saving_eur(case.name)
        name, about = case_words(case.name)
        lines.append(
            CaseLine(
                key=case.name.value,
                name=name,
                about=about,
                cost=money(case.cost_eur, report.currency),
                stored=energy(case.stored_kwh),
                comparable=money(case.comparable_eur, report.currency),
                saving=_against(case.name, saved, report.currency),
                is_lost=case.name in _BASELINES and saved is not None and saved < 0,
                drawn=energy(case.import_kwh),
                peak=power(case.peak_kw),
                co2=mass(case.co2_kg),
                bar_from=float(100 * (min(case.comparable_eur, Decimal(0)) - low) / span),
                bar_width=float(100 * abs(case.comparable_eur) / span),
            )
        )
    return tuple(lines)


def case_words(name: CaseName) -> tuple[str, str]:
    """What a case is called, and what it is."""
    return {
        CaseName.ACTUAL: (_("This month"), _("as it was measured")),
        CaseName.NO_CONTROL: (_("No control"), _("batteries idle, cars as they charged")),
        CaseName.RULES: (_("Own rule"), _("surplus stored, shortage fed, no plan")),
        CaseName.FORESIGHT: (
            _("Perfect foresight"),
            _("the least that was possible, had all been known in advance"),
        ),
    }[name]


def _against(name: CaseName, saved: Decimal | None, currency: str) -> str:
    if saved is None or name == CaseName.ACTUAL:
        return NO_VALUE
    if name in _BASELINES:
        return saving_words(saved, currency)
    return _("%(amount)s more was possible") % {"amount": money(max(-saved, Decimal(0)), currency)}


def saving_words(saved: Decimal, currency: str) -> str:
    """`12.30 € saved` or `1.00 € lost`."""
    words = _("%(amount)s saved") if saved >= 0 else _("%(amount)s lost")
    return words % {"amount": money(abs(saved), currency)}


def no_cases_words(reason: NoCases) -> str:
    """Why there is nothing to compare with; empty where there is."""
    return {
        NoCases.NONE: "",
        NoCases.NO_BATTERY: _("The site has no battery that could have been run otherwise."),
        NoCases.NO_SLOTS: _("No quarter hour of the month was measured and has a price."),
        NoCases.SOC_UNKNOWN: _("How full a battery was at the beginning is not known."),
    }[reason]


def possible_words(report: ReportFigures) -> str:
    """How much of what was possible was saved; empty where that is not known."""
    share = report.comparison.possible_percent(CaseName.NO_CONTROL)
    if share is None:
        return ""
    return _("%(share)s of what perfect foresight would have saved.") % {"share": percent(share)}


def gap_sentences(report: ReportFigures) -> tuple[str, ...]:
    """What is not known of the month, a sentence each; empty for a month without gaps."""
    return tuple(_gaps(report))


def day_lines(report: ReportFigures) -> tuple[DayLine, ...]:
    """The days of the month so far."""
    return tuple(
        DayLine(
            day=str(date_format(day.day, "D j N")),
            iso=day.day.isoformat(),
            cost=money(day.cost_eur, report.currency),
            drawn=energy(day.import_kwh if day.measured_count else None),
            fed=energy(day.export_kwh if day.measured_count else None),
            sun=energy(day.pv_kwh if day.measured_count else None),
            measured=percent(100.0 * day.measured_count / day.slot_count),
            is_whole=day.measured_count == day.slot_count,
        )
        for day in report.month.days
    )


def _energy(report: ReportFigures) -> Iterator[Line]:
    flows = report.month.flows
    for key, label, value in (
        ("import_kwh", _("Drawn from the grid"), flows.import_kwh),
        ("export_kwh", _("Fed into the grid"), flows.export_kwh),
        ("pv_kwh", _("Produced by the sun"), flows.pv_kwh),
        ("charging_kwh", _("Charged by cars"), flows.charging_kwh),
        ("load_kwh", _("Other load"), flows.load_kwh),
        ("charged_kwh", _("Charged by batteries"), flows.charged_kwh),
        ("discharged_kwh", _("Given back by batteries"), flows.discharged_kwh),
    ):
        yield Line(key, label, energy(value if report.month.measured_count else None))


def _cost(report: ReportFigures) -> Iterator[Line]:
    margin = number(report.feed_in_margin_eur_per_mwh, 2)
    cost = report.month.cost_eur
    earned = _("Below 0: earned.") if cost is not None and cost < 0 else ""
    note = _("What is fed in earns %(margin)s €/MWh less than the price.") % {"margin": margin}
    yield Line(
        "cost_eur",
        _("Cost of the energy"),
        money(cost, report.currency),
        f"{note} {earned}".strip(),
    )
    yield Line(
        "co2_kg",
        _("CO2 of the energy"),
        mass(report.month.co2_kg),
        _("Of what was drawn, less that of what was fed in."),
    )


def _sun(report: ReportFigures) -> Iterator[Line]:
    month = report.month
    yield Line(
        "self_consumption_percent",
        _("Own sun used"),
        percent(month.self_consumption_percent),
        _("Share of the sun's energy that was not fed in at once."),
    )
    yield Line(
        "self_sufficiency_percent",
        _("Covered by own energy"),
        percent(month.self_sufficiency_percent),
        _("Share of cars and load that was not drawn from the grid."),
    )
    peak = month.peak
    yield Line(
        "peak_kw",
        _("Highest quarter hour drawn"),
        power(peak.power_kw if peak else None),
        moment(peak.at, report.time_zone) if peak else "",
    )


def _cycles(report: ReportFigures) -> Iterator[Line]:
    for one in report.month.cycles:
        yield Line(f"cycles {one.code}", one.name, number(one.cycles, 1), one.code)


def _plan(report: ReportFigures) -> Iterator[Line]:
    plan = report.month.plan
    if plan is not None:
        count = ngettext("%(n)s quarter hour", "%(n)s quarter hours", plan.slot_count)
        yield Line(
            "plan_mae_kw",
            _("Mean deviation of the batteries' power"),
            power(plan.mae_kw),
            count % {"n": number(plan.slot_count, 0)},
        )
        yield Line(
            "plan_deviation_kwh",
            _("More charged than planned"),
            energy(plan.deviation_kwh),
            _("planned %(planned)s, actual %(actual)s")
            % {"planned": energy(plan.planned_kwh), "actual": energy(plan.actual_kwh)},
        )
    for mode in ControlMode:
        if mode.value in report.month.mode_percent:
            yield Line(
                f"mode_{mode.value}_percent",
                _("Followed: %(mode)s") % {"mode": mode.label},
                percent(report.month.mode_percent[mode.value]),
            )


def _gaps(report: ReportFigures) -> Iterator[str]:
    month = report.month
    missing = month.slot_count - month.measured_count
    if missing:
        words = ngettext(
            "%(n)s of %(all)s quarter hours was not measured by every device and counts nowhere.",
            "%(n)s of %(all)s quarter hours were not measured by every device and count nowhere.",
            missing,
        )
        yield words % {"n": number(missing, 0), "all": number(month.slot_count, 0)}
    for one in month.gaps:
        if one.is_silent:
            yield _("%(name)s was not measured at all and is left out.") % {"name": one.name}
            continue
        words = ngettext(
            "%(name)s was not measured in %(n)s quarter hour.",
            "%(name)s was not measured in %(n)s quarter hours.",
            one.slot_count,
        )
        yield words % {"name": one.name, "n": number(one.slot_count, 0)}
    yield from _lacking(report)


def _lacking(report: ReportFigures) -> Iterator[str]:
    month = report.month
    unpriced, without_co2 = (
        month.measured_count - count for count in (month.priced_count, month.co2_count)
    )
    if unpriced:
        words = ngettext(
            "%(n)s measured quarter hour has no price and is not in the cost.",
            "%(n)s measured quarter hours have no price and are not in the cost.",
            unpriced,
        )
        yield words % {"n": number(unpriced, 0)}
    if without_co2:
        words = ngettext(
            "%(n)s measured quarter hour has no CO2 intensity and is not in the CO2.",
            "%(n)s measured quarter hours have no CO2 intensity and are not in the CO2.",
            without_co2,
        )
        yield words % {"n": number(without_co2, 0)}
