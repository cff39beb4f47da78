"""The lines of a day of a site: each device, and several together, as planned and as measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apps.assets.choices import DeviceKind, Quantity
from apps.assets.models import Device, Sensor, Site
from apps.assets.selectors import slot_means
from apps.chargers.models import Session
from apps.flexibility.models import CarGoal
from apps.flexibility.selectors.schedule_sql import (
    BasisRow,
    PlannedRow,
    car_powers,
    car_socs,
    planned_rows,
)
from cariflex.common.units import QUARTER_HOUR

SOC_STEP: Final = timedelta(minutes=5)
MOST_CARS: Final = 40
Values = tuple[float | None, ...]
SlotValues = Mapping[datetime, float]

SITE, BATTERIES, PV, LOAD, CARS = "site", "batteries", "pv", "load", "cars"


@dataclass(frozen=True, slots=True)
class Course:
    """One line of the day: a device, or several together. One value per slot; kW and percent.

    SoC is that of the slot's begin. `charge_kw` and `discharge_kw` (>= 0) and the SoC window are
    what it can and may do; None where that is not one number.
    """

    key: str
    kind: str
    name: str
    planned_kw: Values
    actual_kw: Values
    planned_soc_percent: Values = ()
    actual_soc_percent: Values = ()
    charge_kw: float | None = None
    discharge_kw: float | None = None
    soc_min_percent: float | None = None
    soc_max_percent: float | None = None


def soc_at_edges(
    means: SlotValues, starts: Iterable[datetime], step: timedelta = SOC_STEP
) -> dict[datetime, float]:
    """The state of charge as each slot begins, from means of steps around that instant. Pure."""
    found: dict[datetime, float] = {}
    for start in starts:
        near = [means[at] for at in (start - step, start) if at in means]
        if near:
            found[start] = sum(near) / len(near)
    return found


def courses_of(
    site: Site, starts: Sequence[datetime], now: datetime, basis: Mapping[datetime, BasisRow]
) -> tuple[Course, ...]:
    """The site, all batteries, PV, load, cars, then each battery and each car."""
    end = starts[-1] + QUARTER_HOUR
    # The SoC with which the first slot begins is that of the end of the slot before.
    planned = planned_rows(site.pk, start=starts[0] - QUARTER_HOUR, end=end)
    devices = list(Device.objects.filter(site=site).order_by("pk"))
    powers, socs = _measured(devices, starts[0], min(end, now))
    batteries = [device for device in devices if device.kind == DeviceKind.BATTERY]
    each = [_battery(device, starts, planned, powers, socs) for device in batteries]
    together = _together(starts, each, batteries)
    pv = _pv(devices, starts, planned, powers, basis)
    cars = _cars(site, starts, planned)
    charging = Course(
        CARS, CARS, "",
        values_of(starts, sum_of([*(by_slot(starts, car.planned_kw) for car in cars.shown),
                                  column_of(basis, "charging_kw")])),
        values_of(starts, sum_of([by_slot(starts, values) for values in cars.measured_kw])),
    )  # fmt: skip
    metered = sum_of([powers.get(device.pk, {}) for device in devices if device.is_grid_meter])
    parts = (together, pv, charging)
    behind = sum_of([by_slot(starts, part.actual_kw) for part in parts])
    # As in the loads of the planner: never below 0, meter and devices are not read at one instant.
    other = {at: max(0.0, kw - behind.get(at, 0.0)) for at, kw in metered.items()}
    load = column_of(basis, "load_kw")
    net = sum_of([load, *(by_slot(starts, part.planned_kw) for part in parts)])
    return (
        Course(
            SITE, SITE, site.name,
            values_of(starts, {at: kw for at, kw in net.items() if at in load}),
            values_of(starts, metered or behind),
        ),
        together, pv,
        Course(LOAD, LOAD, "", values_of(starts, load), values_of(starts, other)),
        charging, *each, *cars.shown,
    )  # fmt: skip


def by_slot(starts: Sequence[datetime], values: Values) -> dict[datetime, float]:
    """Values as a mapping of those slots that have one. Pure."""
    return {at: value for at, value in zip(starts, values, strict=True) if value is not None}


def sum_of(parts: Iterable[SlotValues]) -> dict[datetime, float]:
    """The sum per slot; a slot counts as soon as one has a value. Pure."""
    summed: dict[datetime, float] = {}
    for part in parts:
        for at, value in part.items():
            summed[at] = summed.get(at, 0.0) + value
    return summed


def _measured(
    devices: Sequence[Device], start: datetime, until: datetime
) -> tuple[dict[int, dict[datetime, float]], dict[int, dict[datetime, float]]]:
    """Device id -> slot -> mean power, and device id -> 5 minutes -> mean state of charge."""
    if until <= start:
        return {}, {}
    sensors = Sensor.objects.filter(
        device__in=devices, channel="", quantity__in=(Quantity.POWER_KW, Quantity.SOC_PERCENT)
    ).values_list("pk", "device_id", "quantity")
    by_quantity: dict[str, dict[int, int]] = {Quantity.POWER_KW: {}, Quantity.SOC_PERCENT: {}}
    for pk, device_id, quantity in sensors:
        by_quantity[quantity][pk] = device_id
    found = []
    for quantity, step in ((Quantity.POWER_KW, QUARTER_HOUR), (Quantity.SOC_PERCENT, SOC_STEP)):
        device_of = by_quantity[quantity]
        begin = start - step if quantity == Quantity.SOC_PERCENT else start
        values: dict[int, dict[datetime, float]] = {}
        for mean in slot_means(sensor_ids=list(device_of), start=begin, end=until, resolution=step):
            values.setdefault(device_of[mean.sensor_id], {})[mean.start] = mean.mean
        found.append(values)
    return found[0], found[1]


def _battery(
    device: Device,
    starts: Sequence[datetime],
    planned: Sequence[PlannedRow],
    powers: Mapping[int, SlotValues],
    socs: Mapping[int, SlotValues],
) -> Course:
    mine = [row for row in planned if row.device_id == device.pk]
    return Course(
        key=f"device-{device.pk}",
        kind=DeviceKind.BATTERY,
        name=device.name,
        planned_kw=values_of(starts, {row.start: row.power_kw for row in mine}),
        actual_kw=values_of(starts, powers.get(device.pk, {})),
        planned_soc_percent=values_of(starts, _soc_begins(mine)),
        actual_soc_percent=values_of(starts, soc_at_edges(socs.get(device.pk, {}), starts)),
        charge_kw=device.rated_power_kw,
        discharge_kw=device.rated_power_kw,
        soc_min_percent=device.soc_min_percent,
        soc_max_percent=device.soc_max_percent,
    )


def _together(
    starts: Sequence[datetime], each: Sequence[Course], devices: Sequence[Device]
) -> Course:
    """All batteries as one: powers added, SoC weighed by what they hold."""
    weights = [device.capacity_kwh or 0.0 for device in devices]

    def power(values: Sequence[Values]) -> Values:
        return values_of(starts, sum_of(by_slot(starts, one) for one in values))

    return Course(
        key=BATTERIES,
        kind=BATTERIES,
        name="",
        planned_kw=power([course.planned_kw for course in each]),
        actual_kw=power([course.actual_kw for course in each]),
        planned_soc_percent=_weighed([course.planned_soc_percent for course in each], weights),
        actual_soc_percent=_weighed([course.actual_soc_percent for course in each], weights),
        charge_kw=sum(device.rated_power_kw for device in devices) or None,
        discharge_kw=sum(device.rated_power_kw for device in devices) or None,
    )


def _weighed(courses: Sequence[Values], weights: Sequence[float]) -> Values:
    """The mean per slot of those that are known, by weight."""
    found: list[float | None] = []
    for values in zip(*courses, strict=True):
        known = [(v, w) for v, w in zip(values, weights, strict=True) if v is not None and w]
        total = sum(weight for _value, weight in known)
        found.append(round(sum(v * w for v, w in known) / total, 2) if known else None)
    return tuple(found)


def _pv(
    devices: Sequence[Device],
    starts: Sequence[datetime],
    planned: Sequence[PlannedRow],
    powers: Mapping[int, SlotValues],
    basis: Mapping[datetime, BasisRow],
) -> Course:
    """All plants: expected, less where every one of them is curtailed."""
    plants = [device for device in devices if device.kind == DeviceKind.PV]
    keys = {device.pk for device in plants}
    limits: dict[datetime, list[float]] = {}
    for row in planned:
        if row.device_id in keys:
            limits.setdefault(row.start, []).append(row.power_kw)
    expected = column_of(basis, "pv_kw")
    for at, curtailed in limits.items():
        if at in expected and len(curtailed) == len(plants):
            expected[at] = max(expected[at], sum(curtailed))
    measured = sum_of([powers.get(pk, {}) for pk in keys])
    rated_kw = sum(device.rated_power_kw for device in plants) or None
    return Course(PV, PV, "", values_of(starts, expected), values_of(starts, measured),
                  discharge_kw=rated_kw)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Cars:
    """What was measured of every session, and the cars that are planned or have a goal."""

    measured_kw: tuple[Values, ...]
    shown: tuple[Course, ...]


def _cars(site: Site, starts: Sequence[datetime], planned: Sequence[PlannedRow]) -> _Cars:
    # Stations are counted at the operator's first site until each names its own.
    if site.pk != Site.objects.order_by("pk").values_list("pk", flat=True).first():
        return _Cars((), ())
    end = starts[-1] + QUARTER_HOUR
    powers = car_powers(start=starts[0], end=end)
    with_plan = {row.session_id for row in planned if row.session_id is not None}
    goals = {
        goal.session_id: goal
        for goal in CarGoal.objects.filter(session_id__in=with_plan | set(powers))
    }
    shown_ids = sorted(with_plan | set(goals), reverse=True)[:MOST_CARS]
    sessions = Session.objects.filter(pk__in=shown_ids).select_related("station")
    socs = car_socs(shown_ids, start=starts[0], end=end)
    return _Cars(
        tuple(values_of(starts, measured) for measured in powers.values()),
        tuple(
            _car(session, goals.get(session.pk), starts, planned, powers, socs)
            for session in sessions.order_by("station__station_id", "pk")
        ),
    )


def _car(
    session: Session,
    goal: CarGoal | None,
    starts: Sequence[datetime],
    planned: Sequence[PlannedRow],
    powers: Mapping[int, SlotValues],
    socs: Mapping[int, SlotValues],
) -> Course:
    mine = [row for row in planned if row.session_id == session.pk]
    return Course(
        key=f"session-{session.pk}",
        kind="car",
        name=session.station.name or session.station.station_id,
        planned_kw=values_of(starts, {row.start: row.power_kw for row in mine}),
        actual_kw=values_of(starts, powers.get(session.pk, {})),
        planned_soc_percent=values_of(starts, _soc_begins(mine)),
        actual_soc_percent=values_of(starts, socs.get(session.pk, {})),
        charge_kw=goal.most_charge_kw if goal else session.station.rated_power_kw,
        discharge_kw=goal.most_discharge_kw if goal else 0.0,
        soc_min_percent=goal.min_soc_percent if goal else None,
        soc_max_percent=goal.max_soc_percent if goal else None,
    )


def _soc_begins(rows: Iterable[PlannedRow]) -> dict[datetime, float]:
    """A plan knows the SoC at a slot's end: that is where the next one begins."""
    return {
        row.start + QUARTER_HOUR: row.soc_percent for row in rows if row.soc_percent is not None
    }


def column_of(basis: Mapping[datetime, BasisRow], name: str) -> dict[datetime, float]:
    return {at: value for at, row in basis.items() if (value := getattr(row, name)) is not None}


def values_of(starts: Iterable[datetime], known: Mapping[datetime, float]) -> Values:
    return tuple(round(known[at], 3) if at in known else None for at in starts)
