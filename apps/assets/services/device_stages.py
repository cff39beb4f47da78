"""A device goes into service and out of it: polled and commanded from here to there."""

import logging
from datetime import datetime

from django.db import transaction

from apps.accounts.models import User
from apps.assets.choices import (
    SETPOINT_ACTIVE,
    ConnectionState,
    DeviceStage,
    JobKind,
    JobStatus,
    SetpointStatus,
)
from apps.assets.models import Device, GatewayJob, Setpoint, Site
from apps.assets.services.devices import device_sensors_ensure
from apps.assets.services.partitions import partitions_ensure
from apps.assets.services.setpoint_states import setpoint_ended
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

WITHDRAWN = "the device was taken out of service"


def device_put_in_service(
    device: Device, by: User | None = None, *, is_forced: bool = False
) -> Device:
    """Poll the device from now on; the next dispatch finds a shard for it.

    Raises DomainError: `device.unknown`; `device.not_proven` when no probe or read was answered
    at its present address by its device model, unless `is_forced` (an import, the demo).
    """
    with transaction.atomic():
        device = device_lock(device.pk)
        if device.stage == DeviceStage.IN_SERVICE:
            return device
        if not is_forced and not _is_proven(device):
            raise DomainError(
                "device.not_proven", f"{device.code} has not answered at its address yet"
            )
        device.stage = DeviceStage.IN_SERVICE
        device.connection_state, device.last_error = ConnectionState.UNKNOWN, ""
        device.save(update_fields=["stage", "connection_state", "last_error"])
        device_sensors_ensure(device=device)
    partitions_ensure(now=utc_now())
    logger.info("device.in_service device=%s by=%s", device.code, by.pk if by else None)
    return device


def device_take_out_of_service(
    device: Device, by: User | None = None, *, now: datetime | None = None
) -> Device:
    """End the polling of the device; its readings stay. Nothing is written to it any more.

    A set-point in force is ended here and on the device by its own reversion timer. Raises
    DomainError `device.unknown`.
    """
    now = now or utc_now()
    with transaction.atomic():
        device = device_lock(device.pk)
        if device.stage == DeviceStage.OUT_OF_SERVICE:
            return device
        for setpoint in Setpoint.objects.select_for_update().filter(
            device=device, status__in=SETPOINT_ACTIVE
        ):
            is_written = setpoint.status == SetpointStatus.APPLIED
            setpoint_ended(
                setpoint_id=setpoint.pk,
                device_id=device.pk,
                status=SetpointStatus.REVERTED if is_written else SetpointStatus.REFUSED,
                now=now,
                error=WITHDRAWN,
                error_code="setpoint.not_in_service",
            )
        device.stage, device.shard = DeviceStage.OUT_OF_SERVICE, None
        device.connection_state, device.last_error = ConnectionState.UNKNOWN, ""
        device.save(update_fields=["stage", "shard", "connection_state", "last_error"])
    logger.info("device.out_of_service device=%s by=%s", device.code, by.pk if by else None)
    return device


def device_lock(device_id: int) -> Device:
    """The device with its row locked, its site's before: the order of every set-point.

    Raises DomainError `device.unknown`.
    """
    site = (
        Site.objects.select_for_update(no_key=True, of=("self",)).filter(devices=device_id).first()
    )
    device = (
        Device.objects.select_for_update(no_key=True).filter(pk=device_id, site=site).first()
        if site is not None
        else None
    )
    if device is None:
        raise DomainError("device.unknown", "there is no such device")
    return device


def _is_proven(device: Device) -> bool:
    """True when the model of the device was found, or read, at the address it has now."""
    jobs = GatewayJob.objects.filter(
        host=device.host,
        port=device.port,
        unit_id=device.unit_id,
        transport=device.transport,
        kind__in=(JobKind.PROBE, JobKind.READ),
        status=JobStatus.DONE,
    ).values_list("kind", "parameters", "answer")
    for kind, parameters, answer in jobs:
        if kind == JobKind.READ and parameters.get("driver") == device.driver:
            return True
        found = (answer or {}).get("found", [])
        if kind == JobKind.PROBE and device.driver in [entry["driver"] for entry in found]:
            return True
    return False
