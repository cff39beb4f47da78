"""Nothing that discharges a car leaves for a station that has not said that it can (2.1 Q).

Profiles are checked where they are made. This is the last door: an order written by hand, by a
script or by another block passes here too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from apps.chargers.choices import ProfileStatus
from apps.chargers.models import ChargingProfile, ChargingStation
from apps.chargers.ocpp.smart_charging.rules_21 import discharging_field
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors.discharging import may_discharge
from cariflex.common.errors import DomainError

_UPDATE = "UpdateDynamicSchedule"
_CARRIERS = frozenset({
    "SetChargingProfile", "RequestStartTransaction", "RemoteStartTransaction", _UPDATE,
})  # fmt: skip


def discharge_check(
    *, station: ChargingStation, version: OcppVersion, action: str, payload: Mapping[str, Any]
) -> None:
    """DomainError `command.no_discharge` for an order that would discharge a car and must not.

    The payload fits its schema. 1.6 and 2.0.1 have no discharging, whatever the station's make.
    """
    if action not in _CARRIERS:
        return
    field = next((one for one in map(discharging_field, _periods(payload)) if one), "")
    if not field:
        return
    if version is not OcppVersion.V21:
        raise DomainError(
            "command.no_discharge", f"OCPP {version} has no discharging.", field=field
        )
    if not may_discharge(station, _evse_id(station, action, payload)):
        raise DomainError(
            "command.no_discharge",
            "The station has not said that it can discharge cars.",
            field=field,
        )


def _periods(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "scheduleUpdate" in payload:
        yield payload["scheduleUpdate"]
    profile = payload.get("chargingProfile") or payload.get("csChargingProfiles") or {}
    schedules = profile.get("chargingSchedule") or ()
    # 1.6 has one schedule, 2.x a list.
    for schedule in [schedules] if isinstance(schedules, Mapping) else schedules:
        yield from schedule["chargingSchedulePeriod"]


def _evse_id(station: ChargingStation, action: str, payload: Mapping[str, Any]) -> int:
    if action != _UPDATE:
        return int(payload.get("evseId", 0))
    held = ChargingProfile.objects.filter(
        station=station,
        profile_id=payload["chargingProfileId"],
        status=ProfileStatus.ACCEPTED,
    )
    return held.values_list("evse_number", flat=True).first() or 0
