"""Load groups: the EVSEs behind one fuse never draw more than it carries.

`balance` does one step: it reads how the group stands, asks `sharing.orders` which limits may be
sent now, and sends them. An answer, a car, a cap that moves wake it again at once; a sweep finds
what was missed. A row lock on the group makes the steps of one group come one after the other.

The limit is a ChargingStationMaxProfile where a station has one EVSE: it holds with and without a
session, and no profile of a session stands above it. Of a station with several EVSEs each gets a
TxDefaultProfile of its own, since a limit of the station would be shared out by the station as it
likes; profiles that would stand above it are refused (`selectors.load_groups.group_holds`).
"""

import logging
import math
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.chargers.choices import ProfileKind, ProfilePurpose, ProfileSource, ProfileStatus
from apps.chargers.events import LoadGroupChanged
from apps.chargers.models import (
    ChargingProfile,
    ChargingStation,
    Command,
    LoadGroup,
    LoadGroupMember,
)
from apps.chargers.ocpp.smart_charging.profile_rules import StationFacts
from apps.chargers.ocpp.smart_charging.sharing import orders
from apps.chargers.selectors.charging_profiles import station_facts
from apps.chargers.selectors.load_groups import (
    LOAD_GROUP_IDS,
    MemberState,
    limit_of,
    member_states,
)
from apps.chargers.services import command_answers
from apps.chargers.services.charging_profiles import (
    CLEAR,
    SET,
    profile_clear,
    profile_columns,
    profile_set,
)
from apps.chargers.services.commands import OPEN_STATUSES
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

# Long ago: a station whose clock is behind must not think that the limit begins later.
_ALWAYS = "2020-01-01T00:00:00Z"
# Where the station does not say how many levels it knows: above level 0.
_STACK_LEVEL = 1


@transaction.atomic
def balance(*, group_id: int, now: datetime) -> list[ChargingProfile]:
    """Send the limits that may be sent now; those that were, none for a group that is not active.

    Safe to run at any time and twice at once.
    """
    group = LoadGroup.objects.select_for_update().filter(pk=group_id, is_active=True).first()
    if group is None:
        return []
    states = {state.row.pk: state for state in member_states(group, now=now)}
    sent = [
        _limit_send(states[order.key], order.limit_a, group)
        for order in orders(
            [state.member for state in states.values()],
            cap_a=group.cap_a,
            floor_a=group.floor_a,
            now=now,
        )
    ]
    if sent:
        LoadGroup.objects.filter(pk=group.pk).update(balanced_at=now)
    return sent


def balance_all(*, now: datetime) -> int:
    """Balance each active group, let go of EVSEs that are in none; how many limits were sent."""
    groups = LoadGroup.objects.filter(is_active=True).order_by("pk").values_list("pk", flat=True)
    sent = 0
    for group_id in list(groups):
        try:
            sent += len(balance(group_id=group_id, now=now))
        # The outer edge of one group: what is wrong with it must not unbalance the others.
        except Exception:
            logger.exception("load group not balanced group=%s", group_id)
    _release()
    return sent


def _limit_send(state: MemberState, limit_a: float, group: LoadGroup) -> ChargingProfile:
    station = ChargingStation.objects.get(pk=state.station_pk)
    facts = station_facts(station)
    is_watts = facts.units is not None and "A" not in facts.units
    limit: float = limit_a
    if is_watts:
        limit = math.floor(limit_a * group.voltage_v * state.row.phases)
    purpose = (ProfilePurpose.STATION_MAX if state.is_alone else ProfilePurpose.TX_DEFAULT).value
    own = ChargingProfile.objects.filter(station=station, source=ProfileSource.LOAD_GROUP)
    own.filter(profile_id=state.profile_id, status=ProfileStatus.REJECTED).delete()
    profile: dict[str, Any] = {
        "id": state.profile_id,
        "stackLevel": _level(facts, purpose, state.profile_id),
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": ProfileKind.ABSOLUTE.value,
        "chargingSchedule": [
            {
                "chargingRateUnit": "W" if is_watts else "A",
                "startSchedule": _ALWAYS,
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            }
        ],
    }
    evse_number = 0 if state.is_alone else state.evse_number
    try:
        return profile_set(
            station_id=state.station_id,
            evse_id=evse_number,
            profile=profile,
            source=ProfileSource.LOAD_GROUP,
            reason=f"load group {group.name}",
        )
    except DomainError as err:
        # Something else holds this place at the station: it counts as one that refuses.
        logger.warning("limit not sent station=%s error=%s", state.station_id, err)
        now = utc_now()
        return ChargingProfile.objects.create(
            station=station,
            evse_number=evse_number,
            source=ProfileSource.LOAD_GROUP,
            status=ProfileStatus.REJECTED,
            requested_at=now,
            ended_at=now,
            **profile_columns(station, profile),
        )


def _level(facts: StationFacts, purpose: str, profile_id: int) -> int:
    """The highest stack level that the station knows, else one above all that is set there."""
    if facts.most_stack_level is not None:
        return facts.most_stack_level
    others = [
        one.stack_level
        for one in facts.profiles
        if one.purpose == purpose and one.profile_id != profile_id
    ]
    return max(others, default=_STACK_LEVEL - 1) + 1


def _release() -> None:
    """Clear the limits of EVSEs that no active group holds any more."""
    held = {
        state.pk: state
        for state in ChargingProfile.objects.filter(
            source=ProfileSource.LOAD_GROUP,
            status=ProfileStatus.ACCEPTED,
            station__connection_state="online",
        ).select_related("station")
    }
    for row in held.values():
        members = _members_of(row)
        if members.filter(group__is_active=True).exists():
            continue
        under_way = Command.objects.filter(
            station_id=row.station_id, action=CLEAR, status__in=OPEN_STATUSES
        )
        if not under_way.exists():
            members.update(limit_a=None, limit_since=None)
            profile_clear(profile_pk=row.pk)


def _members_of(profile: ChargingProfile) -> Any:
    """The member that a group's profile is the limit of."""
    members = LoadGroupMember.objects.filter(evse__station_id=profile.station_id)
    if profile.profile_id == LOAD_GROUP_IDS:
        return members
    return members.filter(evse__evse_id=profile.profile_id - LOAD_GROUP_IDS)


# --- what stations answer ---


def _answered(command: Command, answer: dict[str, Any]) -> None:
    found = _limit_asked(command)
    if found is None:
        return
    member, asked_a = found
    if answer["status"] == "Accepted":
        _limit_keep(member, asked_a)
    publish(LoadGroupChanged(current_schema(), member.group_id))


def _failed(command: Command) -> None:
    """A limit that was sent and not answered may hold or not: the higher one counts."""
    found = _limit_asked(command)
    if found is None:
        return
    member, asked_a = found
    if command.sent_at is not None and member.limit_a is not None and asked_a > member.limit_a:
        _limit_keep(member, asked_a)
    publish(LoadGroupChanged(current_schema(), member.group_id))


def _limit_asked(command: Command) -> tuple[LoadGroupMember, float] | None:
    profile = ChargingProfile.objects.filter(
        command=command, source=ProfileSource.LOAD_GROUP
    ).first()
    if profile is None:
        return None
    member: LoadGroupMember | None = _members_of(profile).select_related("group").first()
    return None if member is None else (member, limit_of(profile, member, member.group))


def _limit_keep(member: LoadGroupMember, limit_a: float) -> None:
    """`limit_since` is when the EVSE began to have, or to lack, enough to charge."""
    floor_a = member.group.floor_a
    had_enough = member.limit_a is not None and member.limit_a >= floor_a
    if member.limit_a is None or had_enough != (limit_a >= floor_a):
        member.limit_since = utc_now()
    member.limit_a = limit_a
    member.save(update_fields=["limit_a", "limit_since"])


command_answers.register(SET, _answered, failed=_failed)


# --- what operators change ---


def load_group_save(
    *, group_id: int | None = None, name: str, cap_a: float, floor_a: float = 6.0,
    voltage_v: float = 230.0, site_id: int | None = None, is_active: bool = True,
) -> LoadGroup:  # fmt: skip
    """Make a load group, or change one; a new cap holds within seconds."""
    if cap_a < 0 or floor_a < 0 or voltage_v <= 0:
        raise DomainError("load_group.invalid", "Currents and voltage are not negative.")
    namesakes = LoadGroup.objects.filter(name=name)
    if any(pk != group_id for pk in namesakes.values_list("pk", flat=True)):
        raise DomainError("load_group.name_taken", f"There is a load group {name}.", field="name")
    group = LoadGroup(pk=group_id) if group_id is None else _group(group_id)
    group.name, group.cap_a, group.floor_a, group.voltage_v = name, cap_a, floor_a, voltage_v
    group.site_id, group.is_active = site_id, is_active
    group.save()
    publish(LoadGroupChanged(current_schema(), group.pk))
    return group


def load_group_cap_set(*, group_id: int, cap_a: float) -> None:
    """Move the cap of a group (A on each phase); stations are told at once."""
    if cap_a < 0:
        raise DomainError("load_group.invalid", "A cap is not negative.", field="cap_a")
    if not LoadGroup.objects.filter(pk=group_id).update(cap_a=cap_a):
        raise DomainError("load_group.unknown", "There is no such load group.")
    publish(LoadGroupChanged(current_schema(), group_id))


def load_group_member_set(
    *, group_id: int, evse_pk: int, most_a: float = 32.0, phases: int = 3, priority: int = 0
) -> LoadGroupMember:
    """Put an EVSE into a group, or change how it is in it."""
    if most_a < 0 or phases not in (1, 2, 3):
        raise DomainError("load_group.invalid", "An EVSE has 1 to 3 phases and a most of 0 A up.")
    member, _created = LoadGroupMember.objects.update_or_create(
        evse_id=evse_pk,
        defaults={
            "group": _group(group_id), "most_a": most_a, "phases": phases, "priority": priority,
        },
    )  # fmt: skip
    publish(LoadGroupChanged(current_schema(), group_id))
    return member


def load_group_member_remove(*, member_id: int) -> None:
    """Take an EVSE out of its group; its limit is cleared at the station."""
    member = LoadGroupMember.objects.filter(pk=member_id).first()
    if member is None:
        raise DomainError("load_group.unknown", "There is no such member.")
    member.delete()
    publish(LoadGroupChanged(current_schema(), member.group_id))


def _group(group_id: int) -> LoadGroup:
    group = LoadGroup.objects.filter(pk=group_id).first()
    if group is None:
        raise DomainError("load_group.unknown", "There is no such load group.")
    return group
