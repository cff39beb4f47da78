"""What the plan in force did not know: other prices, drifted batteries, a forecast that missed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.core.cache import cache

from apps.assets.choices import DeviceKind
from apps.assets.models import Device, Site
from apps.assets.selectors import DeviceLatest, devices_latest
from apps.chargers.selectors import charging_power_kw
from apps.flexibility.basis import PlanBasis, basis_of
from apps.flexibility.choices import PlanStatus, ReplanReason
from apps.flexibility.deviation import has_drifted, is_missed
from apps.flexibility.models import Plan, PlanSlot
from apps.flexibility.selectors import plan_in_force
from apps.flexibility.services.dispatch_wants import site_rest_kw
from apps.flexibility.services.plan_inputs import SOC_MAX_AGE_S
from apps.flexibility.services.replanning import replan_ask
from apps.markets.selectors import prices
from apps.tenants.context import current_schema
from cariflex.common.units import QUARTER_HOUR, floor_slot

SAME_PRICE_EUR_PER_MWH: Final = 0.01
MISSED_FOR: Final = timedelta(seconds=90)
"""A miss counts when the look before this one saw it too."""
MISS_AGAIN_AFTER: Final = timedelta(minutes=10)
"""A forecast that stays wrong is not worth a plan a minute."""


def prices_watch(*, now: datetime) -> int:
    """Call for a new plan where the prices of slots to come differ from those of the plan.

    Gives the number of sites. Publications that change nothing the plan used call for nothing.
    """
    called = 0
    for plan, basis in _plans_with_basis(now):
        known = {p.start: float(p.price_eur_per_mwh) for p in prices(start=now, end=plan.end)}
        told = {
            basis.start + n * QUARTER_HOUR: price
            for n, price in enumerate(basis.consumption_eur_per_mwh)
        }
        changed = sum(
            abs(price - told.get(start, price)) > SAME_PRICE_EUR_PER_MWH
            for start, price in known.items()
        )
        if changed:
            detail = f"{changed} quarter hours"
            replan_ask(site_id=plan.site_id, reason=ReplanReason.PRICES, now=now, detail=detail)
            called += 1
    return called


def deviations_watch(*, now: datetime) -> int:
    """Call for a new plan where batteries or flows are far from what the plan expected.

    Gives the number of sites.
    """
    plans = _plans_with_basis(now)
    if not plans:
        return 0
    latest = devices_latest(now=now)
    called = 0
    for plan, basis in plans:
        mine = [row for row in latest if row.site_id == plan.site_id]
        drifted = _drifted(plan, basis, mine, now)
        if drifted:
            replan_ask(site_id=plan.site_id, reason=ReplanReason.SOC_DRIFT, now=now, detail=drifted)
            called += 1
            continue
        missed = _missed(plan, basis, mine, now)
        if missed:
            replan_ask(
                site_id=plan.site_id, reason=ReplanReason.FORECAST_MISS, now=now, detail=missed
            )
            called += 1
    return called


def _plans_with_basis(now: datetime) -> list[tuple[Plan, PlanBasis]]:
    found: list[tuple[Plan, PlanBasis]] = []
    for site_id in Site.objects.order_by("pk").values_list("pk", flat=True):
        plan = plan_in_force(site_id, now)
        basis = basis_of(plan.basis) if plan is not None else None
        if plan is not None and basis is not None:
            found.append((plan, basis))
    return found


def _drifted(plan: Plan, basis: PlanBasis, latest: list[DeviceLatest], now: datetime) -> str:
    """The first battery that is not where the plan has it at this moment of the slot."""
    slot = floor_slot(now)
    if slot == basis.start:
        # It was made of what they measured in this very slot.
        return ""
    rows = PlanSlot.objects.filter(
        plan=plan, device__kind=DeviceKind.BATTERY, start__in=(slot - QUARTER_HOUR, slot)
    ).values_list("device_id", "start", "soc_percent")
    at_end = {(device_id, start): soc for device_id, start, soc in rows if soc is not None}
    share = (now - slot) / QUARTER_HOUR
    for row in latest:
        begin = at_end.get((row.device_id, slot - QUARTER_HOUR))
        end = at_end.get((row.device_id, slot))
        if begin is None or end is None or row.soc_percent is None:
            continue
        if row.age_s is None or row.age_s > SOC_MAX_AGE_S:
            continue
        planned = begin + share * (end - begin)
        if has_drifted(planned_percent=planned, measured_percent=row.soc_percent):
            return f"{row.code}: {row.soc_percent:.0f} % measured, {planned:.0f} % planned"
    return ""


def _missed(plan: Plan, basis: PlanBasis, latest: list[DeviceLatest], now: datetime) -> str:
    number = basis.slot(floor_slot(now))
    if number is None:
        return ""
    measured = _rest_kw(plan.site_id, latest)
    cars_kw = sum(
        PlanSlot.objects.filter(
            plan=plan, session__isnull=False, start=floor_slot(now)
        ).values_list("power_kw", flat=True)
    )
    expected = basis.pv_kw[number] + basis.load_kw[number] + basis.charging_kw[number] + cars_kw
    key = f"{current_schema()}:forecast-missed:{plan.site_id}"
    if measured is None or not is_missed(expected_kw=expected, measured_kw=measured):
        cache.delete(key)
        return ""
    # A car that ramps up or a cloud of seconds is no miss: it must still be so at the next look.
    if cache.add(key, now.isoformat(), timeout=MISSED_FOR.total_seconds()):
        return ""
    if _missed_lately(plan.site_id, now):
        return ""
    return f"{measured:.0f} kW measured, {expected:.0f} kW expected"


def _missed_lately(site_id: int, now: datetime) -> bool:
    return Plan.objects.filter(
        site_id=site_id,
        trigger=ReplanReason.FORECAST_MISS,
        status__in=(PlanStatus.ACCEPTED, PlanStatus.SUPERSEDED),
        requested_at__gt=now - MISS_AGAIN_AFTER,
    ).exists()


def _rest_kw(site_id: int, latest: list[DeviceLatest]) -> float | None:
    first = Site.objects.order_by("pk").values_list("pk", flat=True).first()
    meter = Device.objects.filter(site_id=site_id, is_grid_meter=True).values_list("pk", flat=True)
    return site_rest_kw(
        latest=latest,
        charging_kw=charging_power_kw() if site_id == first else 0.0,
        grid_meter_id=meter.first(),
    )
