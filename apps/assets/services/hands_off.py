"""The switch that keeps every write from a device, or from all devices of a site.

Switching it on writes nothing, not even a release: set-points in force are ended in the database,
and each device falls back by its own reversion timer.

How soon it holds: the poll loop asks for leave to write with the query of each flush (1 s), for
one set-point at a time, and the leave lapses by itself 1.5 s after its query; a write that waits
its turn on the connection looks at the leave again right before its frame goes out. So after the
switch is committed no frame leaves later than the next flush, at the most 1.5 s. A person's test
write that runs already is not called back (docs/set-points.md).
"""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import User
from apps.assets.choices import SETPOINT_ACTIVE, SetpointStatus
from apps.assets.events import SetpointChanged
from apps.assets.models import Device, HandsOffChange, Setpoint, Site
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish
from cariflex.common.time import utc_now

HANDS_OFF = "hands off"
LONGEST_REASON = 200


def hands_off_set(
    *,
    device: Device | None = None,
    site: Site | None = None,
    is_on: bool,
    reason: str,
    changed_by: User | None,
    now: datetime | None = None,
) -> HandsOffChange | None:
    """Switch "hands off" of a device or of a site; gives the change, None when it was so already.

    Switching off lets set-points be asked for again; none of the ended ones comes back by itself.

    Raises DomainError: `hands_off.target_invalid`, `hands_off.reason_missing`,
    `hands_off.target_unknown`.
    """
    if (device is None) == (site is None):
        raise DomainError("hands_off.target_invalid", "either a device or a site")
    if not reason.strip():
        raise DomainError("hands_off.reason_missing", "a reason is needed", field="reason")
    now = now or utc_now()
    with transaction.atomic():
        target = _locked_device(device) if device is not None else _locked_site(site)
        if target is None:
            raise DomainError("hands_off.target_unknown", "there is no such device or site")
        if target.hands_off == is_on:
            return None
        target.hands_off = is_on
        target.save(update_fields=["hands_off"])
        change = HandsOffChange.objects.create(
            device=target if isinstance(target, Device) else None,
            site=target if isinstance(target, Site) else None,
            is_on=is_on,
            reason=reason.strip()[:LONGEST_REASON],
            changed_by=changed_by,
            changed_at=now,
        )
        if is_on:
            _end_setpoints(target, now)
        return change


def _locked_site(site: Site | None) -> Site | None:
    if site is None:
        return None
    return Site.objects.select_for_update(no_key=True).filter(pk=site.pk).first()


def _locked_device(device: Device) -> Device | None:
    # The site first, as every request for a set-point does.
    site = Site.objects.select_for_update(no_key=True, of=("self",)).filter(devices=device.pk)
    return (
        Device.objects.select_for_update(no_key=True)
        .filter(pk=device.pk, site=site.first())
        .first()
    )


def _end_setpoints(target: Device | Site, now: datetime) -> None:
    """End what is in force or waits; nothing is written to any device."""
    active = Setpoint.objects.filter(status__in=SETPOINT_ACTIVE)
    mine = (
        active.filter(device=target)
        if isinstance(target, Device)
        else active.filter(device__site=target)
    )
    device_ids = list(mine.select_for_update(of=("self",)).values_list("device_id", flat=True))
    mine.update(
        status=SetpointStatus.REFUSED,
        error_code="setpoint.hands_off",
        error=HANDS_OFF,
        ended_at=now,
    )
    for device_id in device_ids:
        publish(SetpointChanged(schema=current_schema(), device_id=device_id))
