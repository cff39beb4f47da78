"""The island price of a day and why, alerts of shortage, and what forms the price."""

from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.console.viewmodels import island_price_forms as forms
from apps.console.viewmodels.island_price import ALERTS_SHOWN, island_day
from apps.console.viewmodels.island_price_settings import (
    MAY_CHANGE,
    MAY_CHANGE_FACTORS,
    NUMBERS,
    Filled,
    rules_page,
)
from apps.console.viewmodels.island_price_setup import (
    MAY_FOLLOW,
    MAY_SET_UP,
    SETUP,
    SetupForm,
    setup_form,
    total_to_follow,
)
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import day_of, key_of, tried
from apps.markets.models import IslandPricing
from apps.markets.selectors.island import (
    alerts_listed,
    calendars_listed,
    factors_listed,
    island_price_day,
    island_pricing,
)
from apps.markets.services.co2 import factor_add, factor_end
from apps.markets.services.island.alerts import alert_cancel, alert_declare
from apps.markets.services.island.pricing import (
    peak_remove,
    peak_save,
    pricing_save,
    unit_remove,
    unit_save,
)
from apps.markets.services.series import series_lead
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

MAY_VIEW = "markets.view_series"
MAY_DECLARE = "markets.add_scarcityalert"
MAY_CANCEL = "markets.change_scarcityalert"
REFUSED = 422
_ALERT = ("start", "end", "adder_eur_per_mwh", "reason")
_CHOICES = ("intensity_kind", "pv_source", "calendar")
_PEAK = ("pk", "name", "start", "end", "adder_eur_per_mwh", "valid_from", "valid_to")
_UNIT = (
    "unit", "name", "capacity_mw", "marginal_cost_eur_per_mwh", "available_from", "available_to",
    "enabled",
)  # fmt: skip
_FACTOR = ("fuel", "lifecycle_g_per_kwh", "direct_g_per_kwh", "valid_from", "source")


@console_view
@permission_needed(MAY_VIEW)
def island(request: HttpRequest) -> HttpResponse:
    """A day of the island price; `at` is the number of the slot that is explained."""
    asked = day_of(request.GET.get("day", ""))
    return _day(request, asked, at=key_of(request.GET.get("at", "")))


@console_action
@permission_needed(MAY_SET_UP)
def setup(request: HttpRequest) -> HttpResponse:
    """Declare the first island price; one that is there already stays as it is."""
    if island_pricing() is not None:
        messages.warning(request, _("An island price is set up already."))
        return HttpResponseRedirect(reverse("console:island"))
    texts = forms.sent_texts(request.POST, SETUP)
    try:
        pricing_save(
            area=texts["area"],
            by=request.user.get_username(),
            territory=texts["territory"],
            time_zone=texts["time_zone"],
            carbon_price_eur_per_tonne=forms.needed_number(texts, "carbon_price_eur_per_tonne"),
            intensity_kind=texts["intensity_kind"],
            calendar_id=key_of(texts["calendar"]),
        )
    except DomainError as refusal:
        return _day(request, None, typed=texts, errors=forms.refused(refusal, SETUP))
    return _saved(request, _("The island price is set up; the prices ahead are computed."))


@console_action
@permission_needed(MAY_FOLLOW)
def follow(request: HttpRequest) -> HttpResponse:
    """Let plans, tariffs and pages follow the total of the island price."""
    pricing = island_pricing()
    total = total_to_follow(pricing) if pricing else None
    if total is not None:
        series_lead(series_id=total.pk)
        messages.success(request, _("Plans, tariffs and pages follow this price now."))
    return HttpResponseRedirect(reverse("console:island"))


@console_action
@permission_needed(MAY_DECLARE)
def alert(request: HttpRequest) -> HttpResponse:
    """Declare a shortage; what is refused stands beside its field."""
    texts = forms.sent_texts(request.POST, _ALERT)
    pricing = island_pricing()
    zone = pricing.zone if pricing else timezone.get_current_timezone()
    try:
        alert_declare(
            start=forms.needed_moment(texts, "start", zone),
            end=forms.needed_moment(texts, "end", zone),
            adder_eur_per_mwh=forms.needed_number(texts, "adder_eur_per_mwh"),
            reason=texts["reason"],
            now=utc_now(),
            by=request.user.get_username(),
            pricing_id=pricing.pk if pricing else None,
        )
    except DomainError as refusal:
        asked = day_of(request.POST.get("day", ""))
        errors = forms.refused(refusal, _ALERT)
        return _day(request, asked, alert_form=texts, errors=errors)
    messages.success(request, _("The alert is declared; the prices ahead follow."))
    return HttpResponseRedirect(f"{reverse('console:island')}#alerts")


@console_action
@permission_needed(MAY_CANCEL)
def alert_end(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Take an alert back."""
    by = request.user.get_username()
    if tried(request, lambda: alert_cancel(alert_id=alert_id, now=utc_now(), by=by)):
        messages.success(request, _("The alert is cancelled from now on."))
    return HttpResponseRedirect(f"{reverse('console:island')}#alerts")


@console_view
@permission_needed(MAY_VIEW)
def settings(request: HttpRequest) -> HttpResponse:
    """What forms the price; `peak` and `unit` name the row that its form changes."""
    return _rules(request, Filled())


@console_action
@permission_needed(MAY_CHANGE)
def settings_save(request: HttpRequest) -> HttpResponse:
    """Change how the price is formed."""
    texts = forms.sent_texts(request.POST, (*NUMBERS, *_CHOICES))
    order = [one for one in request.POST.getlist("base_order") if one]
    fuels = request.POST.getlist("must_run_fuels")
    pricing = island_pricing()
    try:
        pricing_save(
            area=pricing.area if pricing else "",
            by=request.user.get_username(),
            carbon_price_eur_per_tonne=forms.needed_number(texts, "carbon_price_eur_per_tonne"),
            curtailment_discount_eur_per_mwh=forms.needed_number(
                texts, "curtailment_discount_eur_per_mwh"
            ),
            floor_eur_per_mwh=forms.number(texts, "floor_eur_per_mwh"),
            pv_threshold_mw=forms.number(texts, "pv_threshold_mw"),
            intensity_kind=texts["intensity_kind"],
            pv_source=texts["pv_source"],
            calendar_id=key_of(texts["calendar"]),
            base_order=order,
            must_run_fuels=fuels,
        )
    except DomainError as refusal:
        known = (*NUMBERS, *_CHOICES, "base_order", "must_run_fuels")
        filled = Filled(settings=texts, base_order=order, must_run=fuels,
                        errors=forms.refused(refusal, known))  # fmt: skip
        return _rules(request, filled)
    return _saved(request, _("The settings are saved; the prices ahead follow."))


@console_action
@permission_needed(MAY_CHANGE)
def peak(request: HttpRequest) -> HttpResponse:
    """Declare a peak window, or change the one of its name."""
    texts = forms.sent_texts(request.POST, _PEAK)
    days = request.POST.getlist("day_types")
    try:
        peak_save(
            pricing_id=_pricing_id(),
            name=texts["name"],
            start_minute=forms.minutes(texts, "start"),
            end_minute=forms.minutes(texts, "end"),
            adder_eur_per_mwh=forms.needed_number(texts, "adder_eur_per_mwh"),
            day_types=forms.day_types(days),
            valid_from=forms.day(texts, "valid_from"),
            valid_to=forms.day(texts, "valid_to"),
        )
    except DomainError as refusal:
        errors = forms.refused(refusal, (*_PEAK, "day_types"), "peak")
        return _rules(request, Filled(peak=texts, peak_days=days, errors=errors))
    return _saved(request, _("The peak window is saved."), "#peaks")


@console_action
@permission_needed(MAY_CHANGE)
def peak_drop(request: HttpRequest, peak_id: int) -> HttpResponse:
    """Take a peak window away."""
    peak_remove(peak_id=peak_id)
    return _saved(request, _("The peak window is removed."), "#peaks")


@console_action
@permission_needed(MAY_CHANGE)
def unit(request: HttpRequest) -> HttpResponse:
    """Declare a generating unit, or change the one of its name."""
    texts = forms.sent_texts(request.POST, _UNIT)
    pricing = island_pricing()
    zone = pricing.zone if pricing else timezone.get_current_timezone()
    try:
        unit_save(
            pricing_id=pricing.pk if pricing else 0,
            name=texts["name"],
            capacity_mw=forms.needed_number(texts, "capacity_mw"),
            marginal_cost_eur_per_mwh=forms.needed_number(texts, "marginal_cost_eur_per_mwh"),
            available_from=forms.moment(texts, "available_from", zone),
            available_to=forms.moment(texts, "available_to", zone),
            enabled=texts["enabled"] == "on",
        )
    except DomainError as refusal:
        errors = forms.refused(refusal, _UNIT, "unit")
        return _rules(request, Filled(unit=texts, errors=errors))
    return _saved(request, _("The unit is saved."), "#units")


@console_action
@permission_needed(MAY_CHANGE)
def unit_drop(request: HttpRequest, unit_id: int) -> HttpResponse:
    """Take a unit out of the merit order for good."""
    unit_remove(unit_id=unit_id)
    return _saved(request, _("The unit is removed."), "#units")


@console_action
@permission_needed(MAY_CHANGE_FACTORS)
def factor(request: HttpRequest) -> HttpResponse:
    """Declare an emission factor from a day on."""
    texts = forms.sent_texts(request.POST, _FACTOR)
    pricing = island_pricing()
    zone = pricing.zone if pricing else timezone.get_current_timezone()
    try:
        factor_add(
            fuel=texts["fuel"],
            lifecycle_g_per_kwh=forms.needed_number(texts, "lifecycle_g_per_kwh"),
            direct_g_per_kwh=forms.needed_number(texts, "direct_g_per_kwh"),
            valid_from=forms.midnight(texts, "valid_from", zone),
            source=texts["source"],
            by=request.user.get_username(),
        )
    except DomainError as refusal:
        errors = forms.refused(refusal, _FACTOR, "factor")
        return _rules(request, Filled(factor=texts, errors=errors))
    return _saved(request, _("The factor is added."), "#factors")


@console_action
@permission_needed(MAY_CHANGE_FACTORS)
def factor_stop(request: HttpRequest, factor_id: int) -> HttpResponse:
    """Let a factor end before a day."""
    texts = {"valid_to": request.POST.get("day", "")}
    pricing = island_pricing()
    zone = pricing.zone if pricing else timezone.get_current_timezone()
    try:
        factor_end(
            factor_id=factor_id,
            valid_to=forms.midnight(texts, "valid_to", zone),
            by=request.user.get_username(),
        )
    except DomainError as refusal:
        errors = forms.refused(refusal, ("valid_to",), f"factor-{factor_id}")
        return _rules(request, Filled(errors=errors))
    return _saved(request, _("The factor ends."), "#factors")


def _day(
    request: HttpRequest,
    asked: date | None,
    *,
    at: int | None = None,
    alert_form: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
    errors: forms.Errors | None = None,
) -> HttpResponse:
    now, pricing = utc_now(), island_pricing()
    zone = pricing.zone if pricing else timezone.get_current_timezone()
    day = asked if asked and 2000 <= asked.year <= 2098 else now.astimezone(zone).date()
    page = island_day(
        priced=island_price_day(day=day, pricing=pricing) if pricing else None,
        day=day,
        now=now,
        at=at,
        alerts=list(alerts_listed(pricing)[:ALERTS_SHOWN]) if pricing else [],
        may_declare=request.user.has_perm(MAY_DECLARE),
        may_cancel=request.user.has_perm(MAY_CANCEL),
        alert_form=alert_form or {},
        errors=errors or {},
        time_zone=timezone.get_current_timezone_name(),
        setup=None if pricing else _setup_form(request, typed),
        follow_id=_follow_id(request, pricing) if pricing else None,
    )
    status = REFUSED if errors else 200
    return render(request, "console/island_price.html", {"island": page}, status=status)


def _setup_form(request: HttpRequest, typed: dict[str, str] | None) -> SetupForm | None:
    if not request.user.has_perm(MAY_SET_UP):
        return None
    return setup_form(
        typed=typed, calendars=calendars_listed(), time_zone=timezone.get_current_timezone_name()
    )


def _follow_id(request: HttpRequest, pricing: IslandPricing) -> int | None:
    total = total_to_follow(pricing) if request.user.has_perm(MAY_FOLLOW) else None
    return total.pk if total else None


def _rules(request: HttpRequest, filled: Filled) -> HttpResponse:
    page = rules_page(
        pricing=island_pricing(),
        calendars=list(calendars_listed()),
        factors=list(factors_listed()),
        now=utc_now(),
        filled=filled,
        chosen_peak=key_of(request.GET.get("peak", "")),
        chosen_unit=key_of(request.GET.get("unit", "")),
        may_change=request.user.has_perm(MAY_CHANGE),
        may_change_factors=request.user.has_perm(MAY_CHANGE_FACTORS),
    )
    status = REFUSED if filled.errors else 200
    return render(request, "console/island_price_settings.html", {"rules": page}, status=status)


def _saved(request: HttpRequest, words: str, place: str = "") -> HttpResponse:
    messages.success(request, words)
    return HttpResponseRedirect(f"{reverse('console:island-settings')}{place}")


def _pricing_id() -> int:
    pricing = island_pricing()
    return pricing.pk if pricing else 0
