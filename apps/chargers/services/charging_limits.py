"""What stations tell of charging by themselves: the profiles they hold, limits of others, plans."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.chargers.choices import (
    ProfileKind,
    ProfilePurpose,
    ProfileSource,
    ProfileStatus,
    SessionState,
)
from apps.chargers.models import ChargingProfile, ChargingStation
from apps.chargers.ocpp.smart_charging.comparison import differences
from apps.chargers.selectors.charging_profiles import IN_FORCE, composite_preview
from apps.chargers.services.charging_profiles import profile_columns, profile_in_force
from cariflex.common.time import format_rfc3339


@transaction.atomic
def reported_profiles_store(
    *, station_pk: int, evse_id: int, profiles: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Keep the profiles of a ReportChargingProfiles (K09) as they are at the station."""
    station = ChargingStation.objects.select_for_update(no_key=True).get(pk=station_pk)
    for payload in profiles:
        columns = profile_columns(station, payload) | {"evse_number": evse_id}
        known = profile_in_force(station, payload["id"]).first()
        if known is not None:
            if known.status == ProfileStatus.ACCEPTED:
                ChargingProfile.objects.filter(pk=known.pk).update(**columns)
            continue
        if columns["purpose"] == ProfilePurpose.EXTERNAL:
            # Told before without its profile: this is the same limit.
            _limits(station_pk, evse_id).filter(profile_id__lt=0).update(
                status=ProfileStatus.ENDED, ended_at=now
            )
        ChargingProfile.objects.create(
            station=station,
            source=ProfileSource.STATION,
            status=ProfileStatus.ACCEPTED,
            requested_at=now,
            **columns,
        )


@transaction.atomic
def charging_limit_store(
    *,
    station_pk: int,
    evse_id: int,
    schedules: Sequence[Mapping[str, Any]],
    is_generation: bool,
    now: datetime,
) -> None:
    """Keep a limit that somebody else set at the station (K12); one for each EVSE.

    Without schedules the station holds a limit that it did not tell: the row stands for it, and no
    composite schedule counts it.
    """
    station = ChargingStation.objects.select_for_update(no_key=True).get(pk=station_pk)
    purpose = ProfilePurpose.LOCAL_GENERATION if is_generation else ProfilePurpose.EXTERNAL
    profile_id = -1 - 2 * evse_id - int(is_generation)
    profile_in_force(station, profile_id).update(status=ProfileStatus.ENDED, ended_at=now)
    ChargingProfile.objects.create(
        station=station,
        evse_number=evse_id,
        profile_id=profile_id,
        purpose=purpose,
        kind=ProfileKind.ABSOLUTE,
        schedules=[{"startSchedule": format_rfc3339(now), **one} for one in schedules],
        source=ProfileSource.STATION,
        status=ProfileStatus.ACCEPTED,
        requested_at=now,
    )


def charging_limit_clear(*, station_pk: int, evse_id: int, now: datetime) -> None:
    """The external limit of an EVSE, or of the station (0), is gone (K13)."""
    _limits(station_pk, evse_id).update(status=ProfileStatus.CLEARED, ended_at=now)


def _limits(station_pk: int, evse_id: int) -> QuerySet[ChargingProfile]:
    return ChargingProfile.objects.filter(
        station_id=station_pk,
        evse_number=evse_id,
        source=ProfileSource.STATION,
        purpose__in=[ProfilePurpose.EXTERNAL, ProfilePurpose.LOCAL_GENERATION],
        status__in=IN_FORCE,
    )


def ev_schedule_differs(
    *, station_pk: int, evse_id: int, time_base: datetime, schedule: Mapping[str, Any]
) -> bool:
    """Whether a car means to draw more than its limits allow (K17)."""
    station = ChargingStation.objects.get(pk=station_pk)
    duration_s = schedule.get("duration") or int(timedelta(days=1).total_seconds())
    ours = composite_preview(
        station_id=station.station_id,
        evse_id=evse_id,
        start=time_base,
        duration_s=duration_s,
        unit=schedule["chargingRateUnit"],
    )
    found = differences(ours, schedule["chargingSchedulePeriod"], unit=schedule["chargingRateUnit"])
    return any(
        one.theirs is not None and one.ours is not None and one.theirs > one.ours for one in found
    )


def session_profiles_end(*, now: datetime) -> int:
    """End the profiles of sessions that have ended; the station forgets them itself."""
    return (
        ChargingProfile.objects.filter(
            status__in=IN_FORCE,
            purpose=ProfilePurpose.TX,
            session__state=SessionState.ENDED,
        )
        .exclude(session=None)
        .update(status=ProfileStatus.ENDED, ended_at=now)
    )
