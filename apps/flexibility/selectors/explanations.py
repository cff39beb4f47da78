"""Why a device of a site is asked what it is asked in one quarter hour, from what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, Sum

from apps.assets.choices import DeviceKind, Quantity, SetpointSource, SetpointStatus
from apps.assets.models import Device, Sensor, Setpoint, Site
from apps.assets.selectors import slot_means
from apps.flexibility.basis import PlanBasis, basis_of
from apps.flexibility.choices import ControlMode, ControlReason, PlanReason
from apps.flexibility.explaining import (
    Carried,
    Fact,
    Planned,
    SiteView,
    Subject,
    SubjectKind,
    why,
)
from apps.flexibility.models import CarGoal, ControlState, Plan, PlanSlot, SitePolicy
from apps.flexibility.selectors.plans import plan_in_force
from apps.flexibility.selectors.schedule_courses import BATTERIES, PV
from apps.flexibility.selectors.schedule_sql import car_powers
from cariflex.common.units import QUARTER_HOUR, floor_slot

DEVICE_KEY, SESSION_KEY = "device-", "session-"
_NEVER_HELD: Final = (SetpointStatus.REFUSED, SetpointStatus.FAILED)
_REASONS: Final = frozenset([*PlanReason.values, *ControlReason.values]) - {""}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One device in one quarter hour, and the facts behind its set-point; kW, SoC at the end."""

    key: str
    kind: SubjectKind
    name: str
    start: datetime
    plan_id: int | None
    planned_kw: float | None
    planned_soc_percent: float | None
    setpoint_kw: float | None
    measured_kw: float | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who is asked about: batteries (one or all), the car of a session, or all PV plants."""

    name: str
    batteries: tuple[Device, ...] = ()
    goal: CarGoal | None = None


def explanation(*, site_id: int, key: str, at: datetime, now: datetime) -> Explanation | None:
    """The facts for the quarter hour that holds `at`; None for a key that is not of the site.

    `key` is `device-<id>` of a battery, `batteries` for all of them as one, `session-<id>` of a
    car, or `pv`. At most 15 queries.
    """
    start = floor_slot(at)
    asked = _asked(site_id, key)
    if asked is None:
        return None
    plan = plan_in_force(site_id, start)
    basis = basis_of(plan.basis) if plan is not None else None
    subject = _subject(asked, plan, site_id)
    carried = _carried(site_id, asked, start, now) if start <= now else None
    planned = subject.slots.get(start)
    facts = why(subject=subject, site=_site_view(site_id, plan, basis), at=start, carried=carried)
    return Explanation(
        key=key,
        kind=subject.kind,
        name=asked.name,
        start=start,
        plan_id=plan.pk if plan is not None else None,
        planned_kw=planned.power_kw if planned else None,
        planned_soc_percent=planned.soc_percent if planned else None,
        setpoint_kw=carried.setpoint_kw if carried else None,
        measured_kw=carried.measured_kw if carried else None,
        facts=facts,
    )


def reason_in(text: str) -> str:
    """The reason code at the end of a set-point's reason; empty when there is none. Pure."""
    words = text.replace(":", " ").replace(",", " ").split()
    return next((word for word in reversed(words) if word in _REASONS), "")


def _asked(site_id: int, key: str) -> _Asked | None:
    if key == PV:
        return _Asked("")
    of_site = Device.objects.filter(site_id=site_id, kind=DeviceKind.BATTERY).order_by("pk")
    if key == BATTERIES:
        batteries = tuple(of_site)
        return _Asked("", batteries) if batteries else None
    number = key.rpartition("-")[2]
    if not number.isdecimal() or len(number) > 18:
        return None
    if key.startswith(DEVICE_KEY):
        device = of_site.filter(pk=int(number)).first()
        return None if device is None else _Asked(device.name, (device,))
    # Stations are counted at the operator's first site until each names its own.
    first = Site.objects.order_by("pk").values_list("pk", flat=True).first()
    goals = CarGoal.objects.filter(session_id=int(number)).select_related("session__station")
    goal = goals.first() if key.startswith(SESSION_KEY) and site_id == first else None
    if goal is None:
        return None
    station = goal.session.station
    return _Asked(station.name or station.station_id, goal=goal)


def _subject(asked: _Asked, plan: Plan | None, site_id: int) -> Subject:
    if asked.batteries:
        return _battery(asked.batteries, plan)
    if asked.goal is not None:
        return _car(asked.goal, _slots(plan, Q(session_id=asked.goal.session_id)))
    plants = Device.objects.filter(site_id=site_id, kind=DeviceKind.PV)
    rated_kw = plants.aggregate(total=Sum("rated_power_kw"))["total"] or 0.0
    slots = _slots(plan, Q(device__kind=DeviceKind.PV))
    return Subject(SubjectKind.PV, slots, charge_kw=0.0, discharge_kw=rated_kw)


def _battery(batteries: Sequence[Device], plan: Plan | None) -> Subject:
    """One battery, or several as one that holds what all of them hold."""
    rated_kw = sum(device.rated_power_kw for device in batteries)

    def weighed(values: Iterable[float]) -> float:
        return _weighed(zip(values, (device.capacity_kwh or 0.0 for device in batteries),
                            strict=True))  # fmt: skip

    return Subject(
        kind=SubjectKind.BATTERY,
        slots=_slots(plan, Q(device__in=batteries), {d.pk: d.capacity_kwh or 0 for d in batteries}),
        charge_kw=rated_kw,
        discharge_kw=rated_kw,
        capacity_kwh=sum(device.capacity_kwh or 0.0 for device in batteries),
        soc_min_percent=weighed(device.soc_min_percent for device in batteries),
        soc_max_percent=weighed(device.soc_max_percent for device in batteries),
        round_trip_efficiency=weighed(
            device.charging_efficiency * device.discharging_efficiency for device in batteries
        ),
    )


def _weighed(values: Iterable[tuple[float, float]]) -> float:
    """The mean of values by their weights; the plain first value without any weight."""
    pairs = list(values)
    total = sum(weight for _value, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if total else pairs[0][0]


def _car(goal: CarGoal, slots: dict[datetime, Planned]) -> Subject:
    return Subject(
        kind=SubjectKind.CAR,
        slots=slots,
        charge_kw=goal.most_charge_kw,
        discharge_kw=goal.most_discharge_kw,
        capacity_kwh=goal.capacity_kwh or 0.0,
        soc_start_percent=goal.soc_percent,
        soc_min_percent=goal.min_soc_percent,
        soc_max_percent=goal.max_soc_percent,
        departure_at=goal.departure_at,
        target_soc_percent=goal.target_soc_percent,
        shortfall_kwh=goal.shortfall_kwh,
    )


def _slots(
    plan: Plan | None, whose: Q, weights: Mapping[int, float] | None = None
) -> dict[datetime, Planned]:
    """The planned slots: powers added up, SoC by what each device holds (`weights`, kWh)."""
    if plan is None:
        return {}
    powers: dict[datetime, float] = {}
    socs: dict[datetime, list[tuple[float, float]]] = {}
    rows = PlanSlot.objects.filter(whose, plan=plan).values_list(
        "start", "power_kw", "soc_percent", "device_id"
    )
    for start, power_kw, soc_percent, device_id in rows:
        powers[start] = powers.get(start, 0.0) + power_kw
        if soc_percent is not None:
            weight = (weights or {}).get(device_id or 0, 1.0)
            socs.setdefault(start, []).append((soc_percent, weight))
    return {
        start: Planned(power_kw, _weighed(socs[start]) if start in socs else None)
        for start, power_kw in powers.items()
    }


def _site_view(site_id: int, plan: Plan | None, basis: PlanBasis | None) -> SiteView:
    site = Site.objects.only("grid_import_limit_kw", "grid_export_limit_kw").get(pk=site_id)
    policy = SitePolicy.objects.filter(site_id=site_id).only("reserve_kw").first()
    planned = (
        PlanSlot.objects.filter(Q(session__isnull=False) | Q(device__kind=DeviceKind.BATTERY))
        .filter(plan=plan)
        .values_list("start")
        .annotate(total=Sum("power_kw"))
    )
    return SiteView(
        basis=basis,
        planned_kw=dict(planned) if plan is not None else {},
        connection_import_kw=site.grid_import_limit_kw,
        connection_export_kw=site.grid_export_limit_kw,
        reserve_kw=policy.reserve_kw if policy else 0.0,
    )


def _carried(site_id: int, asked: _Asked, start: datetime, now: datetime) -> Carried:
    end = start + QUARTER_HOUR
    is_now = now < end
    if not asked.batteries:
        measured_kw = None
        if asked.goal is not None:
            powers = car_powers(start=start, end=end)
            measured_kw = powers.get(asked.goal.session_id, {}).get(start)
        mode, reason_code = _mode_now(site_id) if is_now else (ControlMode.PLAN.value, "")
        return Carried(ControlMode(mode), reason_code, measured_kw=measured_kw)
    setpoints = _setpoints(asked.batteries, start, min(now, end))
    mode, reason_code = _mode_now(site_id) if is_now else _mode_then(setpoints)
    sources = {setpoint.source for setpoint in setpoints}
    all_have_one = len(setpoints) == len(asked.batteries)
    power_kw, soc_percent = _measured(asked.batteries, start)
    return Carried(
        mode=ControlMode(mode),
        reason_code=reason_code,
        by_operator=sources == {SetpointSource.OPERATOR},
        by_grid=sources == {SetpointSource.GRID},
        setpoint_kw=sum(one.power_kw for one in setpoints) if all_have_one else None,
        measured_kw=power_kw,
        soc_percent=soc_percent,
    )


def _setpoints(batteries: Sequence[Device], start: datetime, until: datetime) -> list[Setpoint]:
    """The last set-point that each of them had in [start, until)."""
    had = Setpoint.objects.filter(
        Q(ended_at__isnull=True) | Q(ended_at__gt=start),
        device__in=batteries, requested_at__lt=until, expires_at__gt=start,
    ).exclude(status__in=_NEVER_HELD)  # fmt: skip
    return list(had.order_by("device_id", "-pk").distinct("device_id"))


def _mode_now(site_id: int) -> tuple[str, str]:
    state = ControlState.objects.filter(site_id=site_id).values_list("mode", "reason_code").first()
    return state or (ControlMode.FALLBACK.value, "")


def _mode_then(setpoints: Sequence[Setpoint]) -> tuple[str, str]:
    """Only set-points are kept of what was followed in a slot that is over."""
    for setpoint in setpoints:
        if setpoint.source == SetpointSource.FALLBACK:
            return ControlMode.FALLBACK.value, reason_in(setpoint.reason)
        if " held" in setpoint.reason:
            return ControlMode.HOLD.value, reason_in(setpoint.reason)
    return ControlMode.PLAN.value, ""


def _measured(batteries: Sequence[Device], start: datetime) -> tuple[float | None, float | None]:
    """Power (kW, all together) and SoC (percent) in the slot; None where nothing was measured."""
    wanted = (Quantity.POWER_KW, Quantity.SOC_PERCENT)
    sensors = {
        pk: (device_id, quantity)
        for pk, device_id, quantity in Sensor.objects.filter(
            device__in=batteries, channel="", quantity__in=wanted
        ).values_list("pk", "device_id", "quantity")
    }
    weights = {device.pk: device.capacity_kwh or 0.0 for device in batteries}
    powers: list[float] = []
    socs: list[tuple[float, float]] = []
    for mean in slot_means(
        sensor_ids=list(sensors), start=start, end=start + QUARTER_HOUR, resolution=QUARTER_HOUR
    ):
        device_id, quantity = sensors[mean.sensor_id]
        if quantity == Quantity.POWER_KW:
            powers.append(mean.mean)
        else:
            socs.append((mean.mean, weights[device_id]))
    return sum(powers) if powers else None, _weighed(socs) if socs else None
