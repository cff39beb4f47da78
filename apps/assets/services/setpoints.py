"""Set-points are asked for here and nowhere else; the poll loop of the device's shard writes them.

Every request leaves a row that is kept for ever, refused ones too.

Locks are taken in one order: the site, then the device, then its set-points. The site's row makes
requests of one site wait for each other, so that together they keep the limits of its connection.
"""

import math
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.models import User
from apps.assets.choices import SETPOINT_ACTIVE, DeviceKind, SetpointSource, SetpointStatus
from apps.assets.events import SetpointChanged
from apps.assets.models import Device, Setpoint, Site
from apps.assets.models.setpoints import DEFAULT_REVERSION_S
from apps.assets.ports import ConnectionLimits
from apps.assets.services.setpoint_limits import (
    SAME_POWER_KW,
    Granted,
    limits_now,
    measured_power_kw,
    site_power,
)
from apps.assets.services.setpoint_refusals import (
    power_refusal,
    priority_refusal,
    request_refusal,
    soc_refusal,
    stage_refusal,
    write_refusal,
)
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish
from cariflex.common.time import require_aware, utc_now

RETRY_AFTER_FAILURE = timedelta(seconds=30)
"""A set-point that the device did not take is not written again before this time."""
ROOM_KEPT_SHARE = 0.05
"""A set-point that was cut grows again when this share of the rated power came free."""


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

    Where the site would break a limit of its grid connection the power is cut towards 0; the
    set-point then says what was asked (`asked_kw`) and which limit cut it (`limited_by`).

    Raises DomainError; the refused request is kept unless the caller rolls back. Codes:
    `setpoint.control_disabled`, `setpoint.hands_off`, `setpoint.not_in_service`,
    `setpoint.not_controllable`, `setpoint.power_invalid`, `setpoint.power_above_rated`,
    `setpoint.pv_must_not_consume`, `setpoint.soc_at_maximum`, `setpoint.soc_at_minimum`,
    `setpoint.expired`, `setpoint.too_long`, `setpoint.reversion_invalid`,
    `setpoint.reason_missing`, `setpoint.outranked`, `setpoint.device_unknown`.
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
        site, device = _locked(device_id)
        active = (
            Setpoint.objects.select_for_update()
            .filter(device=device, status__in=SETPOINT_ACTIVE)
            .order_by("pk")
            .first()
        )
        request.before_kw = measured_power_kw(device_id=device_id, now=now)
        error = _refusal(device, site, request, active, now)
        if error is None:
            return _accept(request, active, device, site, now)
        request.power_kw = power_kw if math.isfinite(power_kw) else 0.0
        if error.field == "reversion_s":
            # What was asked is in the error; the column takes no such number.
            request.reversion_s = DEFAULT_REVERSION_S
        _keep_refusal(request, error, now)
    raise error


def setpoint_limits_check(device: Device, power_kw: float, *, now: datetime | None = None) -> None:
    """Raise DomainError when a set-point of this power would be refused or cut; writes nothing.

    For a write that is no set-point: the test of a device that is not in service yet. Codes as of
    `setpoint_request`, and `setpoint.grid_import_limit`, `setpoint.grid_export_limit`.
    """
    now = now or utc_now()
    error = (
        write_refusal(device, device.site)
        or power_refusal(device, power_kw)
        or soc_refusal(device, power_kw, now)
    )
    if error is not None:
        raise error
    granted = _granted(device, device.site, power_kw, now)
    if granted.limited_by:
        raise DomainError(
            f"setpoint.{granted.limited_by}",
            f"the grid connection leaves {granted.power_kw:.1f} kW",
            field="power_kw",
        )


def _locked(device_id: int) -> tuple[Site, Device]:
    # No-key locks: rows that refer to the site or the device are written beside us.
    site = (
        Site.objects.select_for_update(no_key=True, of=("self",))
        .filter(devices__pk=device_id)
        .first()
    )
    device = Device.objects.select_for_update(no_key=True).filter(pk=device_id, site=site).first()
    if site is None or device is None:
        raise DomainError("setpoint.device_unknown", "there is no such device", field="device")
    return site, device


def _refusal(
    device: Device, site: Site, request: Setpoint, active: Setpoint | None, now: datetime
) -> DomainError | None:
    return (
        request_refusal(request, now)
        or write_refusal(device, site)
        or stage_refusal(device)
        or power_refusal(device, request.power_kw)
        or priority_refusal(request, active, now)
        or soc_refusal(device, request.power_kw, now)
    )


def _granted(device: Device, site: Site, asked_kw: float, now: datetime) -> Granted:
    if asked_kw == 0:
        return Granted(asked_kw)
    limits = limits_now(site=site, now=now)
    if limits == ConnectionLimits():
        return Granted(asked_kw)
    return site_power(site=site, now=now, limits=limits).granted(
        device_id=device.pk, asked_kw=asked_kw
    )


def _accept(
    request: Setpoint, active: Setpoint | None, device: Device, site: Site, now: datetime
) -> Setpoint:
    granted = _granted(device, site, request.power_kw, now)
    if granted.limited_by:
        request.asked_kw, request.limited_by = request.power_kw, granted.limited_by
        request.power_kw = granted.power_kw
    in_force = active if active is not None and active.expires_at > now else None
    if in_force is not None and _is_same(request, in_force) and is_held(in_force, granted, device):
        in_force.expires_at = request.expires_at
        in_force.save(update_fields=["expires_at"])
        return in_force
    if active is None:
        failed = _failed_lately(request, now)
        if failed is not None:
            return failed
    setpoint_replace(request, active, device, now)
    return request


def is_held(active: Setpoint, granted: Granted, device: Device) -> bool:
    """True while what is in force is near enough to what may be given now: never above it."""
    more_kw = abs(granted.power_kw) - abs(active.power_kw)
    if not granted.limited_by:
        return abs(more_kw) <= SAME_POWER_KW
    return -SAME_POWER_KW <= more_kw <= ROOM_KEPT_SHARE * device.rated_power_kw


def setpoint_replace(
    request: Setpoint, active: Setpoint | None, device: Device, now: datetime
) -> None:
    """Store a set-point that was granted in place of the active one. Call with the site locked."""
    if device.ramp_kw_per_s is not None:
        request.ramp_from_kw = _ramp_from_kw(request, active, device, now)
    if active is not None:
        is_over = active.expires_at <= now
        active.status = SetpointStatus.EXPIRED if is_over else SetpointStatus.SUPERSEDED
        active.ended_at = now
        active.save(update_fields=["status", "ended_at"])
    request.save()
    publish(SetpointChanged(schema=current_schema(), device_id=request.device_id))


def _ramp_from_kw(
    request: Setpoint, active: Setpoint | None, device: Device, now: datetime
) -> float:
    """Where the device stands: at the set-point it holds, else at what it measures."""
    if active is not None and active.expires_at > now and active.applied_kw is not None:
        return active.applied_kw
    if request.before_kw is not None:
        # Some inverters show a little consumption at night; a limit is never above 0.
        return min(request.before_kw, 0.0) if device.kind == DeviceKind.PV else request.before_kw
    # Unknown: a battery at rest, a PV plant without limit.
    return 0.0 if device.kind == DeviceKind.BATTERY else -device.rated_power_kw


def _asked_kw(setpoint: Setpoint) -> float:
    return setpoint.power_kw if setpoint.asked_kw is None else setpoint.asked_kw


def _is_same(request: Setpoint, other: Setpoint) -> bool:
    is_same_power = abs(_asked_kw(other) - _asked_kw(request)) <= SAME_POWER_KW
    return other.source == request.source and is_same_power


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
        and last.requested_by_id == request.requested_by_id
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
