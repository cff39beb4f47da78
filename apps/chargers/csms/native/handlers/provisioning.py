"""Block B: a station starts, lives, and tells what it is made of."""

import json
from functools import partial
from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import ALL, handles
from apps.chargers.ocpp import device_model
from apps.chargers.ocpp.events import StationBoot
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services.device_model import monitoring_part_store, report_part_store
from apps.chargers.services.provisioning import model_ask, station_boot
from cariflex.common.time import format_rfc3339, utc_now


@handles("BootNotification", before_acceptance=True)
async def boot(link: StationLink, frame: Frame) -> dict[str, Any]:
    """B01 to B04."""
    return await booted(link, mapping.boot(frame.payload))


async def booted(link: StationLink, told: StationBoot) -> dict[str, Any]:
    """The answer to a boot, in every version; an unknown station is then asked for its model."""
    now = utc_now()
    decision = await link.store(station_boot, station_pk=link.station_pk, boot=told, now=now)
    link.registration_status = decision.status
    if decision.asks_model:
        link.afterwards(partial(link.store, model_ask, station_pk=link.station_pk))
    return {
        "currentTime": format_rfc3339(now),
        "interval": decision.interval_s,
        "status": decision.status.value,
    }


@handles("Heartbeat", *ALL)
async def heartbeat(link: StationLink, _frame: Frame) -> dict[str, Any]:
    """G02."""
    await link.seen()
    return {"currentTime": format_rfc3339(utc_now())}


@handles("NotifyReport", while_pending=True)
async def report(link: StationLink, frame: Frame) -> dict[str, Any]:
    """B07, B08: part of a report."""
    part = device_model.report_part(frame.payload)
    await link.store(report_part_store, station_pk=link.station_pk, part=part, now=utc_now())
    return {}


@handles("NotifyMonitoringReport", while_pending=True)
async def monitoring_report(link: StationLink, frame: Frame) -> dict[str, Any]:
    """N02: part of a monitoring report."""
    # Kept as JSON: without the exact decimals that meters need.
    part = device_model.monitoring_part(json.loads(frame.payload_text))
    await link.store(monitoring_part_store, station_pk=link.station_pk, part=part, now=utc_now())
    return {}
