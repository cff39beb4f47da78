"""Charging profiles at stations: set, cleared, asked for, reported (K01 to K13).

A profile's row follows what the station answers. A new profile with the id of another stands in
for it (K01.FR.05): the old row ends when the new one is asked for, and comes back when the station
refuses. What the station reports itself, and the limits that others set there, are rows of their
own with the source `station`.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet

from apps.chargers.choices import (
    CommandStatus,
    ProfilePurpose,
    ProfileSource,
    ProfileStatus,
)
from apps.chargers.models import ChargingProfile, ChargingStation, Command, Session
from apps.chargers.ocpp.smart_charging.comparison import differences
from apps.chargers.ocpp.smart_charging.composite import wire_periods
from apps.chargers.ocpp.smart_charging.profile_rules import rules_broken
from apps.chargers.ocpp.v16.profiles import composite_schedule as composite_of_16
from apps.chargers.ocpp.validation import request_violation
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors.charging_profiles import (
    IN_FORCE,
    composite_preview,
    draft_payload,
    station_facts,
)
from apps.chargers.selectors.load_groups import LOAD_GROUP_IDS, group_holds
from apps.chargers.services import command_answers
from apps.chargers.services.intents import order_send
from cariflex.common.errors import DomainError
from cariflex.common.time import format_rfc3339, parse_rfc3339, utc_now

SET, CLEAR, ASK = "SetChargingProfile", "ClearChargingProfile", "GetChargingProfiles"
COMPOSITE = "GetCompositeSchedule"
_PURPOSES_16 = {"ChargePointMaxProfile": ProfilePurpose.STATION_MAX}


@transaction.atomic
def profile_set(
    *,
    station_id: str,
    evse_id: int,
    profile: Mapping[str, Any],
    source: str = ProfileSource.OPERATOR,
    requested_by_id: int | None = None,
    reason: str = "",
) -> ChargingProfile:
    """Check a ChargingProfileType, keep it, and ask the station to take it (K01).

    Ids may be left out. The row's status tells what came of it; an order to a station that is not
    connected is a rejected profile at once. DomainError `profile.rule_broken` (its message begins
    with the requirement) or `command.payload_invalid`, with the field; what `order_send` refuses;
    `profile.load_group` for what would stand above the limit of a load group.
    """
    # Two orders for one station choose their ids one after the other.
    station = (
        ChargingStation.objects.select_for_update(no_key=True).filter(station_id=station_id).first()
    )
    if station is None:
        raise DomainError("chargers.station_unknown", f"There is no station {station_id}.")
    payload = draft_payload(
        profile, profile_id=profile["id"] if "id" in profile else _next_id(station)
    )
    _check(station, evse_id, payload)
    if source != ProfileSource.LOAD_GROUP:
        _group_check(station_id, evse_id, payload)
    (command,) = order_send(
        station_id=station_id,
        action=SET,
        payload={"evseId": evse_id, "chargingProfile": payload},
        requested_by_id=requested_by_id,
        reason=reason,
    )
    is_lost = command.status == CommandStatus.FAILED
    if not is_lost:
        profile_in_force(station, payload["id"]).update(
            status=ProfileStatus.ENDED, ended_at=command.requested_at
        )
    return ChargingProfile.objects.create(
        station=station,
        evse_number=evse_id,
        source=source,
        status=ProfileStatus.REJECTED if is_lost else ProfileStatus.REQUESTED,
        ended_at=command.requested_at if is_lost else None,
        command=command,
        requested_by_id=requested_by_id,
        requested_at=command.requested_at,
        **profile_columns(station, payload),
    )


def _check(station: ChargingStation, evse_id: int, payload: Mapping[str, Any]) -> None:
    facts = station_facts(station)
    version = OcppVersion.V21 if facts.version is OcppVersion.V21 else OcppVersion.V201
    violation = request_violation(version, SET, {"evseId": evse_id, "chargingProfile": payload})
    if violation is not None:
        raise DomainError("command.payload_invalid", violation.rule, field=violation.path)
    broken = rules_broken(payload, evse_id=evse_id, facts=facts, now=utc_now())
    if broken:
        first = broken[0]
        raise DomainError(
            "profile.rule_broken", f"{first.rule}: {first.message}", field=first.field
        )


def _group_check(station_id: str, evse_id: int, payload: Mapping[str, Any]) -> None:
    purpose = payload["chargingProfilePurpose"]
    name = group_holds(station_id=station_id, evse_id=evse_id, purpose=purpose)
    if name:
        raise DomainError(
            "profile.load_group",
            f"Load group {name} limits this EVSE; a {purpose} would stand above it.",
            field="chargingProfilePurpose",
        )


def _next_id(station: ChargingStation) -> int:
    highest = ChargingProfile.objects.filter(
        station=station, profile_id__lt=LOAD_GROUP_IDS
    ).aggregate(highest=Max("profile_id"))["highest"]
    # K01.FR.81 (2.1): the ids up to this one are the station's own.
    return max(0, highest or 0, station_facts(station).most_external_id or 0) + 1


def profile_in_force(station: ChargingStation, profile_id: int) -> QuerySet[ChargingProfile]:
    """The profile with this id at a station, if there is one."""
    return ChargingProfile.objects.filter(
        station=station, profile_id=profile_id, status__in=IN_FORCE
    )


def profile_columns(station: ChargingStation, payload: Mapping[str, Any]) -> dict[str, Any]:
    transaction_id = payload.get("transactionId")
    return {
        "profile_id": payload["id"],
        "stack_level": payload["stackLevel"],
        "purpose": payload["chargingProfilePurpose"],
        "kind": payload["chargingProfileKind"],
        "recurrency": payload.get("recurrencyKind") or "",
        "valid_from": _instant(payload.get("validFrom")),
        "valid_to": _instant(payload.get("validTo")),
        "schedules": list(payload["chargingSchedule"]),
        "update_interval_s": payload.get("dynUpdateInterval"),
        "updated_at": _instant(payload.get("dynUpdateTime")),
        "offline_limit_s": payload.get("maxOfflineDuration"),
        "ends_offline": payload.get("invalidAfterOfflineDuration", False),
        "session": (
            Session.objects.filter(station=station, transaction_id=transaction_id).first()
            if transaction_id
            else None
        ),
    }


def _instant(text: str | None) -> datetime | None:
    return parse_rfc3339(text) if text else None


# --- clear ---


def profile_clear(*, profile_pk: int, requested_by_id: int | None = None) -> Command:
    """Ask the station to forget one profile (K10); its row ends when the station answers."""
    row = ChargingProfile.objects.select_related("station").filter(pk=profile_pk).first()
    if row is None or row.status not in IN_FORCE:
        raise DomainError("profile.not_in_force", "The profile is not in force.")
    if row.purpose == ProfilePurpose.EXTERNAL or row.profile_id < 0:
        raise DomainError("profile.external", "External limits are not ours to clear.")
    return order_send(
        station_id=row.station.station_id,
        action=CLEAR,
        payload={"chargingProfileId": row.profile_id},
        requested_by_id=requested_by_id,
    )[0]


def profiles_clear(
    *,
    station_id: str,
    evse_id: int | None = None,
    purpose: str | None = None,
    stack_level: int | None = None,
    requested_by_id: int | None = None,
) -> Command:
    """Ask the station to forget all profiles that fit (K10); external limits stay (K10.FR.04)."""
    criteria = _given(evseId=evse_id, chargingProfilePurpose=purpose, stackLevel=stack_level)
    return order_send(
        station_id=station_id,
        action=CLEAR,
        payload={"chargingProfileCriteria": criteria} if criteria else {},
        requested_by_id=requested_by_id,
    )[0]


# --- ask ---


def profiles_ask(
    *,
    station_id: str,
    evse_id: int | None = None,
    purpose: str | None = None,
    requested_by_id: int | None = None,
) -> Command:
    """Ask which profiles the station holds (K09); they come in ReportChargingProfiles."""
    return order_send(
        station_id=station_id,
        action=ASK,
        payload=_given(evseId=evse_id, chargingProfile=_given(chargingProfilePurpose=purpose)),
        requested_by_id=requested_by_id,
    )[0]


def composite_schedule(
    *,
    station_id: str,
    evse_id: int,
    duration_s: int,
    unit: str | None = None,
    requested_by_id: int | None = None,
) -> Command:
    """Ask for the station's composite schedule (K08).

    Beside the answer the command then holds `calculated`: our own periods and where they differ.
    """
    return order_send(
        station_id=station_id,
        action=COMPOSITE,
        payload=_given(evseId=evse_id, duration=duration_s, chargingRateUnit=unit),
        requested_by_id=requested_by_id,
    )[0]


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# --- what the station answered ---


def _set_answered(command: Command, answer: dict[str, Any]) -> None:
    row = ChargingProfile.objects.select_for_update().filter(command=command).first()
    if row is None or row.status != ProfileStatus.REQUESTED:
        return
    if answer["status"] == "Accepted":
        row.status = ProfileStatus.ACCEPTED
        row.save(update_fields=["status"])
        # The orders themselves are the history of a load group.
        _replaced(row).filter(source=ProfileSource.LOAD_GROUP).delete()
    else:
        _rejected(row)


def _set_failed(command: Command) -> None:
    row = ChargingProfile.objects.select_for_update().filter(command=command).first()
    if row is not None and row.status == ProfileStatus.REQUESTED:
        _rejected(row)


def _rejected(row: ChargingProfile) -> None:
    row.status, row.ended_at = ProfileStatus.REJECTED, utc_now()
    row.save(update_fields=["status", "ended_at"])
    # What it was to stand in for is still what the station holds.
    _replaced(row).update(status=ProfileStatus.ACCEPTED, ended_at=None)


def _replaced(row: ChargingProfile) -> QuerySet[ChargingProfile]:
    return ChargingProfile.objects.filter(
        station_id=row.station_id,
        profile_id=row.profile_id,
        status=ProfileStatus.ENDED,
        ended_at=row.requested_at,
    ).exclude(pk=row.pk)


def _clear_answered(command: Command, _answer: dict[str, Any]) -> None:
    """Accepted: they are gone. Unknown: there was none. Either way none is in force."""
    asked = command.payload
    rows = ChargingProfile.objects.filter(
        station_id=command.station_id,
        status=ProfileStatus.ACCEPTED,
        requested_at__lte=command.requested_at,
    ).exclude(Q(purpose=ProfilePurpose.EXTERNAL) | Q(profile_id__lt=0))
    profile_id = asked.get("chargingProfileId", asked.get("id"))
    # 1.6 has the criteria beside the id, under its own names.
    criteria = asked.get("chargingProfileCriteria", asked)
    evse_id = criteria.get("evseId", criteria.get("connectorId"))
    purpose = criteria.get("chargingProfilePurpose")
    if profile_id is not None:
        rows = rows.filter(profile_id=profile_id)
    else:
        chosen = _given(
            evse_number=evse_id,
            purpose=_PURPOSES_16.get(purpose, purpose),
            stack_level=criteria.get("stackLevel"),
        )
        rows = rows.filter(**chosen)
    rows.update(status=ProfileStatus.CLEARED, ended_at=utc_now())


def _composite_answered(command: Command, answer: dict[str, Any]) -> None:
    is_16 = command.station.ocpp_version == OcppVersion.V16
    told = composite_of_16(answer) if is_16 else answer.get("schedule")
    if answer["status"] != "Accepted" or not told:
        return
    unit = told["chargingRateUnit"]
    start = _instant(told.get("scheduleStart")) or command.sent_at or command.requested_at
    ours = composite_preview(
        station_id=command.station.station_id,
        evse_id=command.payload.get("evseId", command.payload.get("connectorId", 0)),
        start=start,
        duration_s=told.get("duration") or command.payload["duration"],
        unit=unit,
    )
    found = differences(ours, told["chargingSchedulePeriod"], unit=unit)
    command.answer = {
        **answer,
        "calculated": {
            "scheduleStart": format_rfc3339(start),
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": wire_periods(ours),
            "differences": [asdict(one) for one in found],
        },
    }
    command.save(update_fields=["answer"])


command_answers.register(SET, _set_answered, failed=_set_failed)
command_answers.register(CLEAR, _clear_answered)
command_answers.register(COMPOSITE, _composite_answered)
