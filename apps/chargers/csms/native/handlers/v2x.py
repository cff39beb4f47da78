"""Blocks K and Q of 2.1: priority charging, and the values of dynamic profiles."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.values import integer
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.charging_needs import priority_note
from apps.chargers.services.dynamic_schedules import dynamic_schedule_pull
from cariflex.common.time import utc_now

V21 = OcppVersion.V21


@handles("NotifyPriorityCharging", V21)
async def priority(link: StationLink, frame: Frame) -> dict[str, Any]:
    """K22: a driver chose priority at the station, or gave it up."""
    await link.store(
        priority_note,
        station_pk=link.station_pk,
        transaction_id=frame.payload["transactionId"],
        is_active=frame.payload["activated"],
        now=utc_now(),
    )
    return {}


@handles("PullDynamicScheduleUpdate", V21)
async def pull(link: StationLink, frame: Frame) -> dict[str, Any]:
    """K28, Q04: the values that hold from now on."""
    values = await link.store(
        dynamic_schedule_pull,
        station_pk=link.station_pk,
        profile_id=integer(frame.payload["chargingProfileId"]),
        now=utc_now(),
    )
    if values is None:
        why = {"reasonCode": "NotFound", "additionalInfo": "No dynamic profile has this id."}
        return {"status": "Rejected", "statusInfo": why}
    return {"status": "Accepted", "scheduleUpdate": values}
