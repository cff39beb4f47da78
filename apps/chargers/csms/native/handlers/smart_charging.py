"""Block K: what stations tell of profiles, of limits that others set, and of cars' plans."""

import logging
from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.values import count, instant, integer, number_of
from apps.chargers.services.charging_limits import (
    charging_limit_clear,
    charging_limit_store,
    reported_profiles_store,
)
from apps.chargers.services.charging_needs import charging_needs_store, ev_schedule_store
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)


@handles("ReportChargingProfiles")
async def report(link: StationLink, frame: Frame) -> dict[str, Any]:
    """K09."""
    payload = frame.payload
    for profile in payload["chargingProfile"]:
        _instants(profile, profile["chargingSchedule"])
        integer(profile["id"])
        number_of(profile["stackLevel"], "stackLevel")
    await link.store(
        reported_profiles_store,
        station_pk=link.station_pk,
        evse_id=number_of(payload["evseId"], "evseId"),
        profiles=plain(payload["chargingProfile"]),
        now=utc_now(),
    )
    return {}


@handles("NotifyChargingLimit")
async def limit(link: StationLink, frame: Frame) -> dict[str, Any]:
    """K12."""
    payload = frame.payload
    schedules = payload.get("chargingSchedule") or []
    _instants({}, schedules)
    await link.store(
        charging_limit_store,
        station_pk=link.station_pk,
        evse_id=number_of(payload.get("evseId", 0), "evseId"),
        schedules=plain(schedules),
        is_generation=bool(payload["chargingLimit"].get("isLocalGeneration", False)),
        now=utc_now(),
    )
    return {}


@handles("ClearedChargingLimit")
async def limit_cleared(link: StationLink, frame: Frame) -> dict[str, Any]:
    """K13."""
    await link.store(
        charging_limit_clear,
        station_pk=link.station_pk,
        evse_id=number_of(frame.payload.get("evseId", 0), "evseId"),
        now=utc_now(),
    )
    return {}


@handles("NotifyEVChargingNeeds")
async def needs(link: StationLink, frame: Frame) -> dict[str, Any]:
    """K15, K18 and Q02: kept, and handed to whoever makes schedules for cars.

    Without anybody who does the car is told so, and charges by the default of sessions.
    """
    payload = frame.payload
    wanted = plain(payload["chargingNeeds"])
    if "departureTime" in wanted:
        instant(wanted["departureTime"])
    most = payload.get("maxScheduleTuples")
    answer = await link.store(
        charging_needs_store,
        station_pk=link.station_pk,
        evse_id=number_of(payload["evseId"], "evseId"),
        needs=wanted,
        told_at=instant(payload["timestamp"]) if "timestamp" in payload else utc_now(),
        most_schedules=None if most is None else min(count(most, "maxScheduleTuples"), 32_767),
    )
    return {"status": answer.value}


@handles("NotifyEVChargingSchedule")
async def ev_schedule(link: StationLink, frame: Frame) -> dict[str, Any]:
    """K17: kept; a car that means to draw more than it may is noted.

    Accepted says that the message was read, not that the schedule is approved.
    """
    payload = frame.payload
    _instants({}, [payload["chargingSchedule"]])
    selected = payload.get("selectedChargingScheduleId")
    kept = await link.store(
        ev_schedule_store,
        station_pk=link.station_pk,
        evse_id=number_of(payload["evseId"], "evseId"),
        time_base=instant(payload["timeBase"]),
        schedule=plain(payload["chargingSchedule"]),
        selected_schedule_id=None if selected is None else integer(selected),
        is_tolerance_accepted=payload.get("powerToleranceAcceptance"),
        now=utc_now(),
    )
    if kept.is_above_limit:
        logger.warning(
            "car plans above its limit station=%s evse=%s", link.label, payload["evseId"]
        )
    return {"status": "Accepted"}


def _instants(profile: Any, schedules: Any) -> None:
    """PayloadRefused for a time in a profile that is no date-time."""
    times = [profile.get("validFrom"), profile.get("validTo"), profile.get("dynUpdateTime")]
    times += [one.get("startSchedule") for one in schedules]
    for text in times:
        if text is not None:
            instant(text)


def plain(value: Any) -> Any:
    """A payload without Decimal, as a JSON column takes it; limits are no money and no meter."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | str) else float(value)
