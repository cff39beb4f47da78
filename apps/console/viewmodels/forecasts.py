"""The forecast page: what is expected of a site, by whom, how good each was, how far each is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.assets.models import Site
from apps.console.formats import NO_BREAK_SPACE, NO_VALUE, number_text, percent_text
from apps.console.states import StateWord
from apps.console.viewmodels.data_words import value_text
from apps.console.viewmodels.forecasts_chart import ForecastDay, forecast_day, unit_of
from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.forecasting.reasons import ForecastReason, forecast_reason_words
from apps.flexibility.selectors.forecast_history import SiteFacts, methods_of, site_facts
from apps.flexibility.selectors.forecast_pages import (
    Chosen,
    Newest,
    Run,
    SkillRow,
    forecast_choices,
    forecast_newest,
    forecast_runs,
    forecast_skills,
)

MAY_SEE = "flexibility.view_forecast"
BASELINE = ForecastMethod.PERSISTENCE
_NEVER = StateWord(pgettext_lazy("forecast", "Never run"), "mute", "question")
_BUSY = StateWord(gettext_lazy("Being computed"), "info", "clock")
_USED = StateWord(pgettext_lazy("forecast", "Used"), "ok", "check")
_READY = StateWord(pgettext_lazy("forecast", "Ready, not used"), "info", "check")
_WAITING = frozenset(
    {
        ForecastReason.NOTHING_KNOWN,
        ForecastReason.TOO_LITTLE,
        ForecastReason.NO_METER,
        ForecastReason.NO_PLANT,
        ForecastReason.NO_SENSOR,
    }
)
"""What is no fault, but not there yet."""


@dataclass(frozen=True, slots=True)
class QuantityTab:
    """A quantity with whose word is used for it."""

    quantity: ForecastQuantity
    label: str
    method: str
    gain: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class MethodLine:
    """How far a method is."""

    method: ForecastMethod
    label: str
    state: StateWord
    words: str
    made_at: str
    took: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class SkillLine:
    """How good a method was for one span of horizons."""

    method: str
    horizon: str
    is_first: bool
    is_used: bool
    slots: str
    mae: str
    bias: str
    gain: str
    is_better: bool
    in_band: str


@dataclass(frozen=True, slots=True)
class ForecastsPage:
    """One quantity of a site on one day."""

    sites: tuple[tuple[int, str], ...]
    site: Site
    tabs: tuple[QuantityTab, ...]
    quantity: ForecastQuantity
    day: ForecastDay
    used: str
    used_words: str
    is_production: bool
    has_load: bool
    methods: tuple[MethodLine, ...]
    skills: tuple[SkillLine, ...]
    judged_at: str


def forecasts_page(
    *,
    site_id: int | None,
    quantity: str,
    method: str,
    asked: date | None,
    now: datetime,
) -> ForecastsPage | None:
    """The page of a site (the first when none is asked for); None where there is no such site."""
    sites = list(Site.objects.order_by("pk"))
    site = next((one for one in sites if site_id in (None, one.pk)), None)
    if site is None:
        return None
    facts = site_facts(site)
    choices = forecast_choices(site.pk)
    of = _quantity(facts, quantity)
    only = ForecastMethod(method) if method in methods_of(of) else None
    zone = ZoneInfo(site.time_zone)
    day = forecast_day(facts=facts, quantity=of, method=only, asked=asked, now=now)
    chosen = choices.get(of)
    newest = forecast_newest(site_id=site.pk, quantity=of, now=now)
    in_use = chosen.method if chosen else _first_of(newest)
    skills = forecast_skills(site_id=site.pk, quantity=of)
    runs = forecast_runs(site_id=site.pk, quantity=of, now=now)
    return ForecastsPage(
        sites=tuple((one.pk, one.name) for one in sites),
        site=site,
        tabs=tuple(_tab(one, choices.get(one), one == of) for one in facts.quantities),
        quantity=of,
        day=day,
        used=str(in_use.label) if in_use else "",
        used_words=_used_words(chosen, unit_of(facts, of), zone),
        is_production=of == ForecastQuantity.PV,
        has_load=of != ForecastQuantity.LOAD or facts.has_grid_meter,
        methods=tuple(
            _method_line(one, runs.get(one), newest.get(one), zone, in_use, only)
            for one in methods_of(of)
        ),
        skills=_skill_lines(skills, of, unit_of(facts, of), in_use),
        judged_at=_clock(skills[0].computed_at, zone) if skills else "",
    )


def _quantity(facts: SiteFacts, asked: str) -> ForecastQuantity:
    found = [quantity for quantity in facts.quantities if quantity == asked]
    return found[0] if found else facts.quantities[0]


def _first_of(newest: Mapping[ForecastMethod, Newest]) -> ForecastMethod | None:
    """Who is used while nothing is chosen: see FILL_ORDER of the selectors."""
    order = (
        ForecastMethod.PVLIB,
        ForecastMethod.FLEXMEASURES,
        ForecastMethod.WEEKDAY,
        ForecastMethod.PERSISTENCE,
    )
    return next((method for method in order if method in newest), None)


def _tab(quantity: ForecastQuantity, chosen: Chosen | None, is_current: bool) -> QuantityTab:  # noqa: FBT001
    return QuantityTab(
        quantity=quantity,
        label=str(quantity.label),
        method=str(chosen.method.label) if chosen else _("Not judged yet"),
        gain=_gain(chosen.mae, chosen.baseline_mae) if chosen else "",
        is_current=is_current,
    )


def _used_words(chosen: Chosen | None, unit: str, zone: ZoneInfo) -> str:
    if chosen is None:
        return _("Nothing has been judged yet; the first night does.")
    if chosen.mae is None or chosen.baseline_mae is None:
        return _("There are not enough days yet to judge by, so the baseline is used.")
    return _("Mean error %(mae)s, %(baseline)s of the baseline; in use since %(since)s.") % {
        "mae": value_text(chosen.mae, unit),
        "baseline": value_text(chosen.baseline_mae, unit),
        "since": _clock(chosen.since, zone),
    }


def _method_line(
    method: ForecastMethod,
    run: Run | None,
    newest: Newest | None,
    zone: ZoneInfo,
    in_use: ForecastMethod | None,
    only: ForecastMethod | None,
) -> MethodLine:
    return MethodLine(
        method=method,
        label=str(method.label),
        state=_state(run, newest, is_used=method == in_use),
        words=_reason(run),
        made_at=_clock(newest.made_at, zone) if newest else NO_VALUE,
        took=f"{number_text(newest.duration_s, 1)}{NO_BREAK_SPACE}s"
        if newest and newest.duration_s is not None
        else NO_VALUE,
        is_shown=method == only,
    )


def _state(run: Run | None, newest: Newest | None, *, is_used: bool) -> StateWord:
    if run is not None and run.is_busy:
        return _BUSY
    if newest is not None and is_used:
        return _USED
    if run is None:
        return _READY if newest else _NEVER
    if not run.reason_code or run.reason_code == ForecastReason.PLANTS_MISSING:
        return _READY
    if run.reason_code in _WAITING:
        return StateWord(pgettext_lazy("forecast", "Waiting"), "mute", "clock")
    return StateWord(pgettext_lazy("forecast", "Failed"), "warn", "alert")


def _reason(run: Run | None) -> str:
    """Why there is no new one, with how far it is: 3 of 7 days."""
    if run is None or not run.reason_code:
        return ""
    words = forecast_reason_words(run.reason_code)
    have, _slash, needed = run.detail.partition("/")
    if not (have.isdigit() and needed.isdigit()):
        return words
    values = {"reason": words, "n": have, "m": needed}
    if run.reason_code == ForecastReason.TOO_LITTLE:
        return _("%(reason)s: %(n)s of %(m)s days") % values
    return _("%(reason)s: %(n)s of %(m)s") % values


def _skill_lines(
    rows: Sequence[SkillRow],
    quantity: ForecastQuantity,
    unit: str,
    in_use: ForecastMethod | None,
) -> tuple[SkillLine, ...]:
    baseline = {row.from_h: row.mae for row in rows if row.method == BASELINE}
    # The simplest first, as where the state of each is told.
    order = {method: number for number, method in enumerate(methods_of(quantity))}
    sign = -1.0 if quantity == ForecastQuantity.PV else 1.0
    lines: list[SkillLine] = []
    for row in sorted(rows, key=lambda one: (one.from_h, order.get(one.method, len(order)))):
        base = baseline.get(row.from_h) if row.method != BASELINE else None
        horizon = _("%(first)d to %(last)d h ahead") % {"first": row.from_h, "last": row.to_h}
        lines.append(
            SkillLine(
                method=str(row.method.label),
                horizon=horizon,
                is_first=not lines or lines[-1].horizon != horizon,
                is_used=row.method == in_use,
                slots=number_text(row.slot_count, 0),
                mae=value_text(row.mae, unit),
                bias=value_text(sign * row.bias, unit),
                gain=_gain(row.mae, base),
                is_better=base is not None and row.mae < base,
                in_band=percent_text(
                    None if row.in_band_share is None else 100 * row.in_band_share
                ),
            )
        )
    return tuple(lines)


def _gain(mae: float | None, baseline_mae: float | None) -> str:
    """The error against the baseline's in percent: `-40 %` is a smaller one."""
    if mae is None or not baseline_mae:
        return NO_VALUE
    share = 100 * (mae / baseline_mae - 1)
    sign = "+" if round(share) > 0 else ""
    return f"{sign}{percent_text(share)}"


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return date_format(at.astimezone(zone), "j M H:i")
