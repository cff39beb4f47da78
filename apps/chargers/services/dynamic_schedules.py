"""The values of dynamic profiles (2.1 K28): changed by us, pushed or asked for by the station.

A dynamic profile has one period. Its values stand in the profile's row as the station has them;
values that wait for the station to ask stand beside them. An update names only what changes.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.chargers.choices import ProfileKind, ProfileStatus
from apps.chargers.models import ChargingProfile, Command
from apps.chargers.ocpp.smart_charging.profile_rules import rules_broken
from apps.chargers.ocpp.validation import request_violation
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors.charging_profiles import profile_payload, station_facts
from apps.chargers.selectors.load_groups import group_holds
from apps.chargers.services import command_answers
from apps.chargers.services.commands import command_send
from cariflex.common.errors import DomainError
from cariflex.common.time import parse_rfc3339, utc_now

UPDATE = "UpdateDynamicSchedule"


@transaction.atomic
def dynamic_schedule_update(
    *,
    profile_pk: int,
    update: Mapping[str, Any],
    requested_by_id: int | None = None,
    reason: str = "",
) -> Command:
    """Send new values for a dynamic profile at once (K28, Q04); they hold when it accepts them.

    `update` is a ChargingScheduleUpdateType in the unit of the profile's schedule. DomainError
    `profile.not_dynamic`, `command.payload_invalid`, `profile.rule_broken`, `profile.load_group`.
    """
    row = _checked(profile_pk, update)
    return command_send(
        station_id=row.station.station_id,
        action=UPDATE,
        payload={"chargingProfileId": row.profile_id, "scheduleUpdate": dict(update)},
        requested_by_id=requested_by_id,
        reason=reason,
    )


@transaction.atomic
def dynamic_schedule_offer(*, profile_pk: int, update: Mapping[str, Any]) -> ChargingProfile:
    """Keep new values until the station asks for them (K28: dynUpdateInterval).

    DomainError as of `dynamic_schedule_update`. Several offers before it asks come as one.
    """
    row = _checked(profile_pk, update)
    row.update_waiting = {**(row.update_waiting or {}), **update}
    row.save(update_fields=["update_waiting"])
    return row


@transaction.atomic
def dynamic_schedule_pull(
    *, station_pk: int, profile_id: int, now: datetime
) -> dict[str, Any] | None:
    """The values of a dynamic profile that the station asks for; None for no such profile.

    Values that waited hold from now on. With none the present ones are told again: the station
    would let the profile run out without an answer (K28.FR.13). Values that break a rule by now
    (the station lost an ability, a load group came) are dropped.
    """
    row = _held(ChargingProfile.objects.filter(station_id=station_pk, profile_id=profile_id))
    if row is None:
        return None
    if row.update_waiting:
        try:
            _check(row, row.update_waiting)
        except DomainError:
            row.update_waiting = None
            row.save(update_fields=["update_waiting"])
    _applied(row, row.update_waiting or {}, now)
    period = row.schedules[0]["chargingSchedulePeriod"][0]
    return {name: value for name, value in period.items() if name in _UPDATED}


_UPDATED = frozenset(
    name + phase
    for name in ("limit", "dischargeLimit", "setpoint", "setpointReactive")
    for phase in ("", "_L2", "_L3")
)


def _held(rows: Any) -> ChargingProfile | None:
    """The dynamic profile among rows that its station holds, locked."""
    held: ChargingProfile | None = (
        rows.select_for_update(of=("self",))
        .select_related("station", "session")
        .filter(kind=ProfileKind.DYNAMIC, status=ProfileStatus.ACCEPTED)
        .first()
    )
    return held


def _checked(profile_pk: int, update: Mapping[str, Any]) -> ChargingProfile:
    row = _held(ChargingProfile.objects.filter(pk=profile_pk))
    if row is None:
        raise DomainError("profile.not_dynamic", "It is no dynamic profile that its station holds.")
    _check(row, update)
    return row


def _check(row: ChargingProfile, update: Mapping[str, Any]) -> None:
    violation = request_violation(
        OcppVersion.V21,
        UPDATE,
        {"chargingProfileId": row.profile_id, "scheduleUpdate": dict(update)},
    )
    if violation is not None or not update:
        raise DomainError(
            "command.payload_invalid",
            violation.rule if violation else "Nothing changes.",
            field=violation.path if violation else "scheduleUpdate",
        )
    payload = profile_payload(row)
    payload["chargingSchedule"] = _updated(row, update)
    facts = station_facts(row.station)
    # The profile stands at the station already: only what the values come to is judged.
    alone = replace(facts, profiles=(), most_profiles=None)
    broken = rules_broken(payload, evse_id=row.evse_number, facts=alone, now=utc_now())
    if broken:
        first = broken[0]
        raise DomainError(
            "profile.rule_broken", f"{first.rule}: {first.message}", field=first.field
        )
    name = group_holds(
        station_id=row.station.station_id, evse_id=row.evse_number, purpose=row.purpose
    )
    if name:
        raise DomainError(
            "profile.load_group", f"Load group {name} limits this EVSE.", field="scheduleUpdate"
        )


def _updated(row: ChargingProfile, update: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The schedules of a dynamic profile with new values in its one period."""
    schedule = row.schedules[0]
    period = {**schedule["chargingSchedulePeriod"][0], **update}
    return [{**schedule, "chargingSchedulePeriod": [period]}]


def _applied(row: ChargingProfile, update: Mapping[str, Any], at: datetime) -> None:
    row.schedules = _updated(row, update)
    row.updated_at, row.update_waiting = at, None
    row.save(update_fields=["schedules", "updated_at", "update_waiting"])


def _update_answered(command: Command, answer: dict[str, Any]) -> None:
    if answer["status"] != "Accepted":
        return
    row = _held(
        ChargingProfile.objects.filter(
            station_id=command.station_id, profile_id=command.payload["chargingProfileId"]
        )
    )
    if row is not None:
        _applied(row, command.payload["scheduleUpdate"], command.answered_at or utc_now())


def _set_answered(command: Command, answer: dict[str, Any]) -> None:
    """A dynamic profile that was accepted holds from now on, unless it said since when."""
    profile = command.payload.get("chargingProfile") or {}
    if answer["status"] != "Accepted" or profile.get("chargingProfileKind") != ProfileKind.DYNAMIC:
        return
    told = profile.get("dynUpdateTime")
    ChargingProfile.objects.filter(command=command, updated_at=None).update(
        updated_at=parse_rfc3339(told) if told else command.answered_at
    )


command_answers.register(UPDATE, _update_answered)
command_answers.register("SetChargingProfile", _set_answered)
