"""Keeping the limits of the grid connections while set-points last: the sites' loads move on.

A request is cut when it is made. Here what is in force is cut when a load grows, and gets back
what was cut when room comes free: each time by a row of its own, so that the audit shows it.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from apps.assets.choices import SETPOINT_ACTIVE
from apps.assets.models import Setpoint, Site
from apps.assets.ports import ConnectionLimits, connection_limits
from apps.assets.services.setpoint_limits import (
    SitePower,
    active_setpoints,
    limits_now,
    measured_power_kw,
    site_power,
)
from apps.assets.services.setpoints import is_held, setpoint_replace

OVER_KW = 0.1
"""A limit that is passed by less than this is left to the next look: a meter is no finer."""
QUIET = timedelta(seconds=6)
"""A site is left alone this long after a set-point of it changed: meter and devices are not read
at one instant, so that a device on its way looks like a load. A request looks at once."""


def limits_hold(*, now: datetime) -> int:
    """Cut what breaks the limit of a site now, give back what may grow; gives how many changed.

    The weakest source is cut first. One query when no site with limits has a set-point in force.
    """
    for_a_while = connection_limits(now=now)
    limited = (
        Site.objects.filter(
            ~Q(grid_import_limit_kw=None, grid_export_limit_kw=None) | Q(pk__in=[*for_a_while])
        )
        .filter(
            Q(devices__setpoints__status__in=SETPOINT_ACTIVE)
            & Q(devices__setpoints__expires_at__gt=now)
        )
        .distinct()
    )
    changed = 0
    for site in limited.order_by("pk"):
        # Looked at without lock first: nothing to do is the usual case.
        limits = limits_now(site=site, now=now, for_a_while=for_a_while)
        if _first_due(site, active_setpoints(site_id=site.pk, now=now), now, limits) is not None:
            changed += _hold(site.pk, now)
    return changed


@transaction.atomic
def _hold(site_id: int, now: datetime) -> int:
    # Somebody asks for a set-point just now: the next look sees it.
    site = Site.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=site_id).first()
    if site is None:
        return 0
    waiting = active_setpoints(site_id=site_id, now=now, lock=True)
    changed = 0
    # What one gives up is room for the next, so each is decided after the one before.
    while (due := _first_due(site, waiting, now)) is not None:
        active, again = due
        setpoint_replace(again, active, active.device, now)
        waiting.remove(active)
        changed += 1
    return changed


def _first_due(
    site: Site, waiting: list[Setpoint], now: datetime, limits: ConnectionLimits | None = None
) -> tuple[Setpoint, Setpoint] | None:
    """The first set-point that must shrink or may grow, with the one to put in its place."""
    if any(now - setpoint.requested_at < QUIET for setpoint in waiting):
        return None
    power = site_power(site=site, now=now, limits=limits) if waiting else None
    for active in waiting:
        if power is not None and active.device.control_enabled:
            again = _again(active, power, now)
            if again is not None:
                return active, again
    return None


def _again(active: Setpoint, power: SitePower, now: datetime) -> Setpoint | None:
    asked_kw = active.power_kw if active.asked_kw is None else active.asked_kw
    granted = power.granted(device_id=active.device_id, asked_kw=asked_kw)
    more_kw = abs(granted.power_kw) - abs(active.power_kw)
    if -OVER_KW <= more_kw <= 0 or is_held(active, granted, active.device):
        return None
    return Setpoint(
        device=active.device,
        power_kw=granted.power_kw,
        asked_kw=asked_kw if granted.limited_by else None,
        limited_by=granted.limited_by,
        source=active.source,
        reason=active.reason,
        requested_by=active.requested_by,
        requested_at=now,
        expires_at=active.expires_at,
        reversion_s=active.reversion_s,
        before_kw=measured_power_kw(device_id=active.device_id, now=now),
    )
