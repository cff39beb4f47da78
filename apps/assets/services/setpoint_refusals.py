"""Why a set-point is refused; each rule gives the error or None."""

import math
from datetime import datetime, timedelta

from apps.assets.choices import (
    DeviceKind,
    DeviceStage,
    Quality,
    Quantity,
    SetpointSource,
)
from apps.assets.models import Device, SensorLatest, Setpoint, Site
from cariflex.common.errors import DomainError

LONGEST_VALIDITY = timedelta(hours=24)
SHORTEST_REVERSION_S = 10
"""The poll loop restarts the timer at half time: a shorter one would end at each slow answer."""
LONGEST_REVERSION_S = 3600
"""A device that lost us keeps its set-point no longer than this."""
SOC_AGE_TRUSTED = timedelta(minutes=2)
RATING_TOLERANCE_KW = 1e-6


def request_refusal(request: Setpoint, now: datetime) -> DomainError | None:
    """What is wrong with the request itself."""
    if not request.reason.strip():
        return DomainError("setpoint.reason_missing", "a reason is needed", field="reason")
    if request.expires_at <= now:
        return DomainError("setpoint.expired", "the end is in the past", field="expires_at")
    if request.expires_at - now > LONGEST_VALIDITY:
        return DomainError(
            "setpoint.too_long", "a set-point lasts at most 24 hours", field="expires_at"
        )
    if not SHORTEST_REVERSION_S <= request.reversion_s <= LONGEST_REVERSION_S:
        return DomainError(
            "setpoint.reversion_invalid",
            f"a reversion of {request.reversion_s} s is not within"
            f" {SHORTEST_REVERSION_S} to {LONGEST_REVERSION_S} s",
            field="reversion_s",
        )
    return None


def write_refusal(device: Device, site: Site) -> DomainError | None:
    """Why nothing may be written to the device at all, whoever asks."""
    if device.kind == DeviceKind.METER:
        return DomainError(
            "setpoint.not_controllable", f"{device.code} only measures", field="device"
        )
    if device.hands_off or site.hands_off:
        where = device.code if device.hands_off else f"the whole site {site.code}"
        return DomainError("setpoint.hands_off", f"hands off {where}", field="device")
    if not device.control_enabled:
        return DomainError(
            "setpoint.control_disabled", f"{device.code} is read only", field="device"
        )
    return None


def stage_refusal(device: Device) -> DomainError | None:
    """A device takes set-points while it is in service."""
    if device.stage != DeviceStage.IN_SERVICE:
        return DomainError(
            "setpoint.not_in_service", f"{device.code} is not in service", field="device"
        )
    return None


def power_refusal(device: Device, power_kw: float) -> DomainError | None:
    """What the device is not rated for."""
    if not math.isfinite(power_kw):
        return DomainError("setpoint.power_invalid", "the power is no number", field="power_kw")
    if abs(power_kw) > device.rated_power_kw + RATING_TOLERANCE_KW:
        return DomainError(
            "setpoint.power_above_rated",
            f"{power_kw:.1f} kW is more than the rated {device.rated_power_kw:.1f} kW",
            field="power_kw",
        )
    if device.kind == DeviceKind.PV and power_kw > 0:
        return DomainError(
            "setpoint.pv_must_not_consume",
            "a PV plant takes a power of 0 or less",
            field="power_kw",
        )
    return None


def priority_refusal(
    request: Setpoint, active: Setpoint | None, now: datetime
) -> DomainError | None:
    """Somebody with a higher priority holds the device."""
    if active is None or active.expires_at <= now:
        return None
    held = SetpointSource(active.source)
    if held.priority < SetpointSource(request.source).priority:
        return DomainError(
            "setpoint.outranked",
            f"a set-point of source {held.value} holds until {active.expires_at:%H:%M:%S} UTC",
            field="source",
        )
    return None


def soc_refusal(device: Device, power_kw: float, now: datetime) -> DomainError | None:
    """A full battery is not asked to charge, an empty one not to discharge.

    Only when it is asked: a battery that reaches its limit while a set-point holds is stopped by
    its own protection and by the plan's next slot, and the set-point stays as it is.
    """
    if device.kind != DeviceKind.BATTERY or power_kw == 0:
        return None
    latest = SensorLatest.objects.filter(
        sensor__device=device,
        sensor__quantity=Quantity.SOC_PERCENT,
        sensor__channel="",
        quality=Quality.GOOD,
        at__gt=now - SOC_AGE_TRUSTED,
    ).first()
    # An unknown state of charge refuses nothing: the battery keeps its own limits.
    if latest is None:
        return None
    if power_kw > 0 and latest.value >= device.soc_max_percent:
        return DomainError(
            "setpoint.soc_at_maximum",
            f"state of charge {latest.value:.1f} %, highest {device.soc_max_percent:.1f} %",
            field="power_kw",
        )
    if power_kw < 0 and latest.value <= device.soc_min_percent:
        return DomainError(
            "setpoint.soc_at_minimum",
            f"state of charge {latest.value:.1f} %, lowest {device.soc_min_percent:.1f} %",
            field="power_kw",
        )
    return None
