"""Block R of 2.1: what stations tell of their DER controls and of the grid."""

from typing import Any

from apps.chargers.csms.native.handlers.smart_charging import plain
from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.v21.der import reported_controls
from apps.chargers.ocpp.values import instant, integer, storable
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.der_controls import (
    der_alarm_note,
    der_report_store,
    der_start_stop_note,
)
from cariflex.common.time import utc_now

V21 = OcppVersion.V21


@handles("ReportDERControl", V21)
async def report(link: StationLink, frame: Frame) -> dict[str, Any]:
    """R04: part of a report of the controls that the station holds."""
    controls = list(reported_controls(plain(frame.payload)))
    for control in controls:
        storable(control.control_id, "id")
    await link.store(
        der_report_store,
        station_pk=link.station_pk,
        request_id=integer(frame.payload["requestId"]),
        controls=controls,
        is_last=not frame.payload.get("tbc", False),
        now=utc_now(),
    )
    return {}


@handles("NotifyDERStartStop", V21)
async def start_stop(link: StationLink, frame: Frame) -> dict[str, Any]:
    """R04: a scheduled control began or ended; an id that is not ours is answered all the same."""
    payload = frame.payload
    ids = [payload["controlId"], *(payload.get("supersededIds") or ())]
    control_id, *superseded = (storable(one, "controlId") for one in ids)
    await link.store(
        der_start_stop_note,
        station_pk=link.station_pk,
        control_id=control_id,
        is_started=payload["started"],
        at=instant(payload["timestamp"]),
        superseded_ids=superseded,
    )
    return {}


@handles("NotifyDERAlarm", V21)
async def alarm(link: StationLink, frame: Frame) -> dict[str, Any]:
    """R05."""
    payload = frame.payload
    await link.store(
        der_alarm_note,
        station_pk=link.station_pk,
        control_type=payload["controlType"],
        fault=payload.get("gridEventFault", ""),
        has_ended=payload.get("alarmEnded", False),
        at=instant(payload["timestamp"]),
        details=storable(payload.get("extraInfo", ""), "extraInfo"),
    )
    return {}
