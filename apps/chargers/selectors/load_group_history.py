"""What a load group's EVSEs were allowed and what they drew, over time (K, load management).

The limits are those that stations accepted: the orders themselves are the history. Power is what
the stations' meters told, as the mean of each slot, carried on for a while when none was told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from apps.chargers.choices import CommandStatus, ProfileSource, ProfileStatus
from apps.chargers.models import ChargingProfile, Command, LoadGroup, LoadGroupMember, Session
from apps.chargers.selectors.load_groups import LOAD_GROUP_IDS

SET, CLEAR = "SetChargingProfile", "ClearChargingProfile"
# How far back orders are looked for that held at the start of the window; what is older and still
# in force is known from the profiles.
LOOK_BACK = timedelta(hours=6)
# A meter that told nothing for longer than this is not known any more.
CARRIED = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class MemberHistory:
    """One EVSE over the slots: its limit and its draw in A on each phase, None where not known."""

    member_id: int
    limits_a: tuple[float | None, ...]
    drawn_a: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class GroupHistory:
    """A group over the slots of [start, end), which begin at `times`."""

    times: tuple[datetime, ...]
    members: tuple[MemberHistory, ...]

    @property
    def limits_a(self) -> tuple[float | None, ...]:
        """The limits of all members together, None while none has one."""
        return _sums([member.limits_a for member in self.members], len(self.times))

    @property
    def drawn_a(self) -> tuple[float | None, ...]:
        """What all members draw together, as far as it is known."""
        return _sums([member.drawn_a for member in self.members], len(self.times))


def group_history(
    *, group_id: int, start: datetime, end: datetime, slot: timedelta
) -> GroupHistory | None:
    """The history of a group, None when there is none. Eight queries."""
    group = LoadGroup.objects.filter(pk=group_id).first()
    if group is None:
        return None
    rows = list(group.members.select_related("evse").order_by("-priority", "pk"))
    times = tuple(start + slot * n for n in range(max(1, (end - start) // slot)))
    told = _limits_told([row.evse.station_id for row in rows], start, end, group.voltage_v)
    drawn = _drawn_kw(rows, start, end, slot)
    alone = _alone([row.evse.station_id for row in rows])
    return GroupHistory(
        times,
        tuple(
            MemberHistory(
                row.pk,
                _steps(
                    told.get(
                        (
                            row.evse.station_id,
                            LOAD_GROUP_IDS
                            + (0 if row.evse.station_id in alone else row.evse.evse_id),
                        ),
                        (),
                    ),
                    times,
                    slot,
                    row.phases,
                ),
                tuple(
                    None if kw is None else kw * 1000 / (group.voltage_v * row.phases)
                    for kw in (drawn.get((row.evse_id, n)) for n in range(len(times)))
                ),
            )
            for row in rows
        ),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """A limit that a station accepted at an instant; None: it was cleared."""

    at: datetime
    limit: float | None
    is_watts: bool
    voltage_v: float


def _limits_told(
    stations: Sequence[int], start: datetime, end: datetime, voltage_v: float
) -> dict[tuple[int, int], list[_Told]]:
    """The limits of groups that stations accepted, by station and profile id, oldest first."""
    ours = (
        Q(payload__chargingProfile__id__gte=LOAD_GROUP_IDS)
        | Q(payload__csChargingProfiles__chargingProfileId__gte=LOAD_GROUP_IDS)
        | Q(payload__chargingProfileId__gte=LOAD_GROUP_IDS)
        | Q(payload__id__gte=LOAD_GROUP_IDS)
    )
    commands = Command.objects.filter(
        ours,
        station_id__in=set(stations),
        action__in=(SET, CLEAR),
        status=CommandStatus.ACCEPTED,
    ).only("station_id", "action", "payload", "answered_at")
    within = commands.filter(answered_at__gte=start, answered_at__lt=end)
    before = commands.filter(answered_at__lt=start, answered_at__gte=start - LOOK_BACK)
    found: dict[tuple[int, int], list[_Told]] = {}
    in_force = ChargingProfile.objects.filter(
        station_id__in=set(stations),
        source=ProfileSource.LOAD_GROUP,
        status=ProfileStatus.ACCEPTED,
        requested_at__lt=start - LOOK_BACK,
    )
    for profile in in_force:
        limit, is_watts = _first_limit(profile.schedules[0])
        found[profile.station_id, profile.profile_id] = [
            _Told(profile.requested_at, limit, is_watts, voltage_v)
        ]
    for command in _latest(before):
        _add(found, command, voltage_v)
    for command in within.order_by("answered_at", "pk"):
        _add(found, command, voltage_v)
    return found


def _latest(commands: Any) -> list[Command]:
    """Of orders with the newest first, the first of each station and profile."""
    latest: dict[tuple[int, int], Command] = {}
    for command in commands.order_by("-answered_at", "-pk").iterator(chunk_size=200):
        latest.setdefault((command.station_id, _profile_id(command)), command)
    return list(latest.values())


def _add(found: dict[tuple[int, int], list[_Told]], command: Command, voltage_v: float) -> None:
    limit, is_watts = _limit(command)
    at = command.answered_at or command.requested_at
    key = command.station_id, _profile_id(command)
    found.setdefault(key, []).append(_Told(at, limit, is_watts, voltage_v))


def _profile(command: Command) -> Mapping[str, Any]:
    asked: Mapping[str, Any] = command.payload
    profile: Mapping[str, Any] = asked.get("chargingProfile") or asked.get("csChargingProfiles", {})
    return profile


def _profile_id(command: Command) -> int:
    profile = _profile(command) or command.payload
    return int(profile.get("id") or profile.get("chargingProfileId") or 0)


def _limit(command: Command) -> tuple[float | None, bool]:
    """The limit of the first period and whether it is in W."""
    if command.action == CLEAR:
        return None, False
    schedules = _profile(command)["chargingSchedule"]
    return _first_limit(schedules[0] if isinstance(schedules, list) else schedules)


def _first_limit(schedule: Mapping[str, Any]) -> tuple[float, bool]:
    limit = float(schedule["chargingSchedulePeriod"][0]["limit"])
    return limit, schedule["chargingRateUnit"] == "W"


def _steps(
    told: Sequence[_Told], times: Sequence[datetime], slot: timedelta, phases: int
) -> tuple[float | None, ...]:
    """The limit that held at the end of each slot."""
    steps: list[float | None] = []
    limit, next_one = None, 0
    for at in times:
        while next_one < len(told) and told[next_one].at < at + slot:
            one = told[next_one]
            limit = one.limit
            if limit is not None and one.is_watts:
                limit /= one.voltage_v * phases
            next_one += 1
        steps.append(limit)
    return tuple(steps)


def _alone(stations: Sequence[int]) -> set[int]:
    """Of these stations, those with one EVSE: their group limit is one of the whole station."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT station_id FROM chargers_evse WHERE station_id = ANY(%s) AND evse_id > 0"
            " GROUP BY station_id HAVING count(*) <= 1",
            [list(set(stations))],
        )
        return {station_pk for (station_pk,) in cursor.fetchall()}


def _drawn_kw(
    rows: Sequence[LoadGroupMember], start: datetime, end: datetime, slot: timedelta
) -> dict[tuple[int, int], float]:
    """The mean power of each EVSE and slot; zero outside sessions, absent where not known."""
    evses = [row.evse_id for row in rows]
    sessions = Session.objects.filter(evse_id__in=evses, started_at__lt=end).filter(
        Q(ended_at__isnull=True) | Q(ended_at__gt=start)
    )
    spans = [(one.pk, one.evse_id, one.started_at, one.ended_at) for one in sessions]
    with connection.cursor() as cursor:
        cursor.execute(
            _MEANS,
            {
                "sessions": [pk for pk, *_rest in spans],
                "start": start, "end": end, "slot_s": slot.total_seconds(),
                "before": start - CARRIED,
            },
        )  # fmt: skip
        means: dict[int, dict[int, float]] = {}
        for session_pk, number, power_kw in cursor.fetchall():
            means.setdefault(session_pk, {})[int(number)] = float(power_kw)
    count = max(1, (end - start) // slot)
    drawn = {(evse_pk, number): 0.0 for evse_pk in evses for number in range(count)}
    carried = max(1, CARRIED // slot)
    for session_pk, evse_pk, began, ended in spans:
        first = max(0, (began - start) // slot)
        last = count if ended is None else min(count, (ended - start) // slot + 1)
        told = means.get(session_pk, {})
        for number in range(first, last):
            near = next(
                (told[one] for one in range(number, number - carried - 1, -1) if one in told), None
            )
            key = (evse_pk or 0, number)
            if near is None:
                drawn.pop(key, None)
            else:
                drawn[key] = near
    return drawn


_MEANS = """
SELECT session_id, floor(extract(epoch FROM at - %(start)s::timestamptz) / %(slot_s)s), avg(value)
FROM chargers_metervalue
WHERE session_id = ANY(%(sessions)s)
  AND measurand = 'Power.Active.Import' AND phase = ''
  AND at >= %(before)s AND at < %(end)s
GROUP BY 1, 2
"""


def _sums(columns: Sequence[Sequence[float | None]], count: int) -> tuple[float | None, ...]:
    sums: list[float | None] = []
    for number in range(count):
        known = [value for column in columns if (value := column[number]) is not None]
        sums.append(sum(known) if known else None)
    return tuple(sums)
