"""How much power a device may take without the site breaking the limits of its grid connection.

The site's net power now is what its grid meter shows, as long as that is fresh and trusted; else
it is the sum of the fresh powers of its PV plants and batteries and of the loads that other apps
know (`ports.SiteLoad`: the cars). Meters inside the site are left out of that sum: they may meter
what is counted already. So a site with loads of its own needs a grid meter for its limits to hold.

A device that was given a set-point just now counts with it, not with what it measures: two
batteries asked in the same second see each other. Once it had time to follow, what it measures
counts, so that a battery that cannot follow (empty, faulty) leaves no hole in the sum.

All powers in kW, consumption and charging positive: import is positive, export negative.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.assets.choices import (
    SETPOINT_ACTIVE,
    DeviceKind,
    Quality,
    Quantity,
    SetpointSource,
    SetpointStatus,
)
from apps.assets.models import Sensor, Setpoint, Site
from apps.assets.ports import ConnectionLimits, connection_limits, site_loads

POWER_AGE_TRUSTED = timedelta(seconds=15)
"""A power that is older than this, and than three polls of its device, says nothing about now."""
POLLS_TRUSTED = 3
SETTLING = timedelta(seconds=15)
"""After its set-point was written in full a device has this long to follow it."""
SAME_POWER_KW = 1e-6

IMPORT_LIMIT = "grid_import_limit"
EXPORT_LIMIT = "grid_export_limit"


@dataclass(frozen=True, slots=True)
class DevicePower:
    """A device of a site now: what it measures, and the set-point that holds."""

    device_id: int
    kind: str
    measured_kw: float | None = None
    """Fresh and trusted; else None."""
    setpoint_kw: float | None = None
    is_settling: bool = False
    """The set-point is not written yet, is on its ramp, or was written only just now."""

    @property
    def present_kw(self) -> float:
        """What the device does now, as well as it is known; 0 when nothing is."""
        if self.measured_kw is not None:
            return self.measured_kw
        return self.setpoint_kw if self.setpoint_kw is not None and not self.is_settling else 0.0

    @property
    def expected_kw(self) -> float:
        """What the device will do in a moment."""
        if self.setpoint_kw is None:
            return self.present_kw
        if self.measured_kw is None:
            return self.setpoint_kw
        if not self.is_settling:
            return self.measured_kw
        if self.kind == DeviceKind.PV:
            # Its set-point only limits: the sun gives no more than it gives now.
            return max(self.measured_kw, self.setpoint_kw)
        return self.setpoint_kw


@dataclass(frozen=True, slots=True)
class Granted:
    """The power that a device may have; `limited_by` is empty when it is what was asked."""

    power_kw: float
    limited_by: str = ""


@dataclass(frozen=True, slots=True)
class SitePower:
    """A site now, with the limits of its grid connection (both >= 0; None: no limit)."""

    devices: Sequence[DevicePower]
    meter_kw: float | None
    load_kw: float
    import_limit_kw: float | None
    export_limit_kw: float | None

    def rest_kw(self, device_id: int) -> float:
        """The net power to expect of everything but this device."""
        others = sum(d.expected_kw for d in self.devices if d.device_id != device_id)
        if self.meter_kw is None:
            return self.load_kw + others
        # What the meter shows beyond the devices is the site's own load.
        return self.meter_kw - sum(d.present_kw for d in self.devices) + others

    def granted(self, *, device_id: int, asked_kw: float) -> Granted:
        """What was asked, cut towards 0 where the site would break a limit; never past 0.

        A power that brings the site nearer to its limits is never cut: not the discharge of a
        battery while too much is imported, not the curtailment of a PV plant.
        """
        rest_kw = self.rest_kw(device_id)
        if asked_kw > 0 and self.import_limit_kw is not None:
            room_kw = max(0.0, self.import_limit_kw - rest_kw)
            if asked_kw > room_kw + SAME_POWER_KW:
                return Granted(_floor(room_kw), IMPORT_LIMIT)
        if asked_kw < 0 and self.export_limit_kw is not None:
            room_kw = max(0.0, self.export_limit_kw + rest_kw)
            if -asked_kw > room_kw + SAME_POWER_KW:
                return Granted(0.0 - _floor(room_kw), EXPORT_LIMIT)
        return Granted(asked_kw)


def _floor(power_kw: float) -> float:
    """Whole watts, downwards: a limit is never passed by rounding."""
    return math.floor(power_kw * 1000 + SAME_POWER_KW) / 1000


def site_power(*, site: Site, now: datetime, limits: ConnectionLimits | None = None) -> SitePower:
    """The site as it is now. Two queries, one more for each load when there is no grid meter.

    To decide by it, hold the site's row locked. `limits`: as of `limits_now`, if known already.
    """
    devices: dict[int, DevicePower] = {}
    meter_kw = None
    active = {s.device_id: s for s in active_setpoints(site_id=site.pk, now=now)}
    for device_id, kind, is_grid_meter, measured_kw in _measured(site, now):
        if is_grid_meter:
            meter_kw = measured_kw
        elif kind != DeviceKind.METER:
            devices[device_id] = _device_power(
                device_id, kind, measured_kw, active.pop(device_id, None), now
            )
    for device_id, setpoint in active.items():
        devices[device_id] = _device_power(device_id, setpoint.device.kind, None, setpoint, now)
    load_kw = 0.0
    if meter_kw is None:
        load_kw = sum(load.load_kw(site_id=site.pk) for load in site_loads())
    limits = limits or limits_now(site=site, now=now)
    return SitePower(
        devices=tuple(devices.values()),
        meter_kw=meter_kw,
        load_kw=load_kw,
        import_limit_kw=limits.import_kw,
        export_limit_kw=limits.export_kw,
    )


def limits_now(
    *, site: Site, now: datetime, for_a_while: Mapping[int, ConnectionLimits] | None = None
) -> ConnectionLimits:
    """What the site may draw and feed in now: its connection's limits and those of the moment.

    `for_a_while`: what `connection_limits` gave, if it was asked already.
    """
    own = ConnectionLimits(site.grid_import_limit_kw, site.grid_export_limit_kw)
    moment = connection_limits(now=now) if for_a_while is None else for_a_while
    return own.lowest(moment.get(site.pk, ConnectionLimits()))


def active_setpoints(*, site_id: int, now: datetime, lock: bool = False) -> list[Setpoint]:
    """The set-points in force at a site, with their devices; the weakest source first."""
    found = (
        Setpoint.objects.filter(
            device__site_id=site_id, status__in=SETPOINT_ACTIVE, expires_at__gt=now
        )
        .select_related("device")
        .order_by("-pk")
    )
    if lock:
        found = found.select_for_update(of=("self",))
    return sorted(found, key=lambda s: (-SetpointSource(s.source).priority, -s.pk))


def measured_power_kw(*, device_id: int, now: datetime) -> float | None:
    """What the device measures, if that is fresh and trusted."""
    row = (
        Sensor.objects.filter(device_id=device_id, quantity=Quantity.POWER_KW, channel="")
        .values_list("device__poll_period_s", "latest__at", "latest__value", "latest__quality")
        .first()
    )
    return None if row is None else _trusted(*row, now=now)


def _measured(site: Site, now: datetime) -> list[tuple[int, str, bool, float | None]]:
    rows = Sensor.objects.filter(
        device__site=site, quantity=Quantity.POWER_KW, channel=""
    ).values_list(
        "device_id",
        "device__kind",
        "device__is_grid_meter",
        "device__poll_period_s",
        "latest__at",
        "latest__value",
        "latest__quality",
    )
    return [(row[0], row[1], row[2], _trusted(*row[3:], now=now)) for row in rows]


def _trusted(
    poll_period_s: float,
    at: datetime | None,
    value: float | None,
    quality: int | None,
    *,
    now: datetime,
) -> float | None:
    if at is None or value is None or quality != Quality.GOOD or not math.isfinite(value):
        return None
    age = max(POWER_AGE_TRUSTED, POLLS_TRUSTED * timedelta(seconds=poll_period_s))
    return value if now - at <= age else None


def _device_power(
    device_id: int, kind: str, measured_kw: float | None, setpoint: Setpoint | None, now: datetime
) -> DevicePower:
    if setpoint is None:
        return DevicePower(device_id, kind, measured_kw)
    return DevicePower(device_id, kind, measured_kw, setpoint.power_kw, _is_settling(setpoint, now))


def _is_settling(setpoint: Setpoint, now: datetime) -> bool:
    if setpoint.status == SetpointStatus.REQUESTED or setpoint.applied_kw != setpoint.power_kw:
        return True
    return setpoint.written_at is None or now - setpoint.written_at < SETTLING
