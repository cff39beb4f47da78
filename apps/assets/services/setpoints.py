"""Set-points are asked for here and nowhere else; the poll loop of the device's shard writes them.

Every request leaves a row that is kept for ever, refused ones too.
"""

import math
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.models import User
from apps.assets.choices import (
    SETPOINT_ACTIVE,
    DeviceKind,
    Quality,
    Quantity,
    SetpointSource,
    SetpointStatus,
)
from apps.assets.events import SetpointChanged
from apps.assets.models import Device, SensorLatest, Setpoint
from apps.assets.models.setpoints import DEFAULT_REVERSION_S
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish
from cariflex.common.time import require_aware, utc_now

LONGEST_VALIDITY = timedelta(hours=24)
SAME_POWER_KW = 1e-6
SOC_AGE_TRUSTED = timedelta(minutes=2)
RETRY_AFTER_FAILURE = timedelta(seconds=30)
"""A set-point that the device did not take is not written again before this time."""


def setpoint_request(
    *,
    device_id: int,
    power_kw: float,
    source: str,
    reason: str,
    expires_at: datetime,
    requested_by: User | None = None,
    reversion_s: int = DEFAULT_REVERSION_S,
    now: datetime | None = None,
) -> Setpoint:
    """Ask a device for a power until `expires_at`; its poll loop writes it within a second or two.

    `power_kw`: a battery's power, charging positive; for a PV plant the allowed production as a
    power <= 0. A source overrides itself and the lower ones (operator > grid > plan > fallback).
    Asking again for what is active only moves `expires_at`.

    Raises DomainError; the refused request is kept unless the caller rolls back. Codes:
    `setpoint.control_disabled`, `setpoint.power_invalid`, `setpoint.power_above_rated`,
    `setpoint.pv_must_not_consume`, `setpoint.soc_at_maximum`, `setpoint.soc_at_minimum`,
    `setpoint.expired`, `setpoint.too_long`, `setpoint.reason_missing`, `setpoint.outranked`,
    `setpoint.device_unknown`.
    """
    now = now or utc_now()
    request = Setpoint(
        device_id=device_id,
        power_kw=power_kw,
        source=SetpointSource(source),
        reason=reason[:200],
        requested_by=requested_by,
        requested_at=now,
        expires_at=require_aware(expires_at),
        reversion_s=reversion_s,
    )
    with transaction.atomic():
        # The device's row is the lock of its set-points.
        device = Device.objects.select_for_update().filter(pk=device_id).first()
        if device is None:
            raise DomainError("setpoint.device_unknown", "there is no such device", field="device")
        newest = list(
            Setpoint.objects.select_for_update().filter(device=device, status__in=SETPOINT_ACTIVE)[
                :1
            ]
        )
        active = newest[0] if newest else None
        error = _refusal(device, request, active, now)
        if error is None:
            return _accept(request, active, now)
        request.power_kw = power_kw if math.isfinite(power_kw) else 0.0
        _keep_refusal(request, error, now)
    raise error


def _refusal(
    device: Device, request: Setpoint, active: Setpoint | None, now: datetime
) -> DomainError | None:
    return (
        _request_refusal(request, now)
        or _power_refusal(device, request.power_kw)
        or _outranked(request, active, now)
        or _soc_refusal(device, request.power_kw, now)
    )


def _request_refusal(request: Setpoint, now: datetime) -> DomainError | None:
    if not request.reason.strip():
        return DomainError("setpoint.reason_missing", "a reason is needed", field="reason")
    if request.expires_at <= now:
        return DomainError("setpoint.expired", "the end is in the past", field="expires_at")
    if request.expires_at - now > LONGEST_VALIDITY:
        return DomainError(
            "setpoint.too_long", "a set-point lasts at most 24 hours", field="expires_at"
        )
    return None


def _power_refusal(device: Device, power_kw: float) -> DomainError | None:
    if not device.control_enabled:
        return DomainError(
            "setpoint.control_disabled", f"{device.code} is read only", field="device"
        )
    if not math.isfinite(power_kw):
        return DomainError("setpoint.power_invalid", "the power is no number", field="power_kw")
    if abs(power_kw) > device.rated_power_kw + SAME_POWER_KW:
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


def _outranked(request: Setpoint, active: Setpoint | None, now: datetime) -> DomainError | None:
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


def _soc_refusal(device: Device, power_kw: float, now: datetime) -> DomainError | None:
    if device.kind != DeviceKind.BATTERY or power_kw == 0:
        return None
    latest = SensorLatest.objects.filter(
        sensor__device=device,
        sensor__quantity=Quantity.SOC_PERCENT,
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


def _accept(request: Setpoint, active: Setpoint | None, now: datetime) -> Setpoint:
    if active is not None and _is_same(request, active) and active.expires_at > now:
        active.expires_at = request.expires_at
        active.save(update_fields=["expires_at"])
        return active
    if active is None:
        failed = _failed_lately(request, now)
        if failed is not None:
            return failed
    else:
        active.status = (
            SetpointStatus.EXPIRED if active.expires_at <= now else SetpointStatus.SUPERSEDED
        )
        active.ended_at = now
        active.save(update_fields=["status", "ended_at"])
    request.save()
    publish(SetpointChanged(schema=current_schema(), device_id=request.device_id))
    return request


def _is_same(request: Setpoint, other: Setpoint) -> bool:
    return (
        other.source == request.source and abs(other.power_kw - request.power_kw) <= SAME_POWER_KW
    )


def _failed_lately(request: Setpoint, now: datetime) -> Setpoint | None:
    last = Setpoint.objects.filter(device_id=request.device_id).first()
    if (
        last is not None
        and last.status == SetpointStatus.FAILED
        and _is_same(request, last)
        and last.ended_at is not None
        and now - last.ended_at < RETRY_AFTER_FAILURE
    ):
        return last
    return None


def _keep_refusal(request: Setpoint, error: DomainError, now: datetime) -> None:
    """One row for a request that is repeated and refused for the same reason again and again."""
    last = Setpoint.objects.filter(device_id=request.device_id, source=request.source).first()
    if (
        last is not None
        and last.status == SetpointStatus.REFUSED
        and last.error_code == error.code
        and _is_same(request, last)
    ):
        last.expires_at, last.ended_at = request.expires_at, now
        last.save(update_fields=["expires_at", "ended_at"])
        return
    request.status = SetpointStatus.REFUSED
    request.error_code, request.error = error.code, error.message[:300]
    request.ended_at = now
    request.save()
    publish(SetpointChanged(schema=current_schema(), device_id=request.device_id))
