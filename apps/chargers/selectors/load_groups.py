"""Load groups as they stand: caps, members, limits told and what is measured."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.chargers.choices import (
    ChargingState,
    ConnectorStatus,
    ProfilePurpose,
    ProfileSource,
    ProfileStatus,
    RegistrationStatus,
    SessionState,
)
from apps.chargers.models import (
    ChargingProfile,
    Connector,
    Evse,
    LoadGroup,
    LoadGroupMember,
    Session,
)
from apps.chargers.ocpp.smart_charging.sharing import ALL_PHASES, Member, drawn_a
from cariflex.common.time import utc_now

# Ids from here on are those of load groups; ids below are given one after the other.
LOAD_GROUP_IDS = 1_000_000_000
# A station that refused a limit, or did not answer, is asked again after this.
RETRY_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class MemberState:
    """An EVSE of a group with all that sharing needs to know of it."""

    row: LoadGroupMember
    member: Member
    station_pk: int
    station_id: str
    evse_number: int
    is_alone: bool
    """The station has this EVSE only: a limit of the whole station is a limit of it."""
    session: Session | None

    @property
    def profile_id(self) -> int:
        return LOAD_GROUP_IDS + (0 if self.is_alone else self.evse_number)


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A line of the page: `may_draw_a` counts against the cap, `measured_a` is what flows."""

    member_id: int
    station_id: str
    evse_number: int
    priority: int
    most_a: float
    phases: int
    limit_a: float | None
    asked_a: float | None
    may_draw_a: float
    measured_a: float | None
    is_connected: bool
    is_reachable: bool
    session_id: int | None


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A load group with its members; `drawn_a` is the most that may flow on any phase."""

    group_id: int
    name: str
    is_active: bool
    cap_a: float
    floor_a: float
    drawn_a: float
    measured_a: float
    balanced_at: datetime | None
    members: tuple[GroupMember, ...]

    @property
    def is_above_cap(self) -> bool:
        """True while stations that cannot be reached, or have not answered, hold too much."""
        return self.drawn_a > self.cap_a + 0.05


def load_groups_overview() -> list[GroupRow]:
    """Every load group by name, with its members; seven queries a group."""
    now = utc_now()
    return [_row(group, member_states(group, now=now)) for group in LoadGroup.objects.all()]


def load_group_rows(*, first: int, count: int) -> list[GroupRow]:
    """Some load groups by name, with their members; seven queries a group."""
    now = utc_now()
    groups = LoadGroup.objects.order_by("name")[first : first + count]
    return [_row(group, member_states(group, now=now)) for group in groups]


def load_group_get(*, group_id: int) -> GroupRow | None:
    """One load group, None when there is none."""
    group = LoadGroup.objects.filter(pk=group_id).first()
    return None if group is None else _row(group, member_states(group, now=utc_now()))


def has_load_groups() -> bool:
    """True when the operator shares a connection anywhere."""
    return LoadGroup.objects.filter(is_active=True).exists()


def member_states(group: LoadGroup, *, now: datetime) -> list[MemberState]:
    """The members of a group as they stand.

    Limits on their way are read before the limits accepted: an answer that comes in between then
    counts twice, never not at all.
    """
    stations = [member.evse.station_id for member in group.members.select_related("evse")]
    asked: dict[tuple[int, int], ChargingProfile] = {}
    refused: set[tuple[int, int]] = set()
    accepted_at: dict[tuple[int, int], datetime] = {}
    profiles = ChargingProfile.objects.filter(
        station_id__in=stations,
        source=ProfileSource.LOAD_GROUP,
        status__in=[ProfileStatus.REQUESTED, ProfileStatus.ACCEPTED, ProfileStatus.REJECTED],
    ).order_by("pk")
    for profile in profiles:
        key = profile.station_id, profile.profile_id
        if profile.status == ProfileStatus.REQUESTED:
            asked[key] = profile
        elif profile.status == ProfileStatus.ACCEPTED:
            accepted_at[key] = profile.requested_at
        elif profile.requested_at > now - RETRY_AFTER:
            # Refused, or never answered; what was cleared is of no member.
            refused.add(key)
    rows = list(group.members.select_related("evse__station").order_by("pk"))
    evses = _evses_of(stations)
    sessions = _sessions_at(row.evse_id for row in rows)
    occupied = dict(
        Connector.objects.filter(
            evse__in=[row.evse_id for row in rows], status=ConnectorStatus.OCCUPIED
        ).values_list("evse_id", "status_at")
    )
    overruled = set(
        ChargingProfile.objects.filter(
            station_id__in=stations,
            purpose__in=[ProfilePurpose.TX, ProfilePurpose.PRIORITY],
            status__in=[ProfileStatus.REQUESTED, ProfileStatus.ACCEPTED],
        ).values_list("station_id", "evse_number")
    )
    states = []
    for row in rows:
        station, session = row.evse.station, sessions.get(row.evse_id)
        is_alone = evses.get(station.pk, 0) <= 1
        key = station.pk, LOAD_GROUP_IDS + (0 if is_alone else row.evse.evse_id)
        pending, told_at = asked.get(key), accepted_at.get(key)
        # A station that has started since may have forgotten its limit.
        booted_at = station.booted_at
        forgot = told_at is not None and booted_at is not None and booted_at > told_at
        # A profile of the session stands above our default: no limit of ours holds.
        is_overruled = not is_alone and (station.pk, row.evse.evse_id) in overruled
        plugged_at = session.started_at if session else occupied.get(row.evse_id)
        since = [at for at in (row.limit_since, plugged_at) if at is not None]
        member = Member(
            key=row.pk,
            most_a=row.most_a,
            # How one or two phases are wired is not known: they count on all.
            wired=ALL_PHASES,
            priority=row.priority,
            is_connected=session is not None or row.evse_id in occupied,
            wants_full=session is None or session.charging_state != ChargingState.SUSPENDED_EV,
            is_reachable=(
                station.is_online
                and station.registration_status != RegistrationStatus.REJECTED
                and key not in refused
                and not is_overruled
            ),
            accepted_a=None if forgot or is_overruled else row.limit_a,
            accepted_at=told_at,
            turn_since=max(since) if since else None,
            asked_a=None if pending is None else limit_of(pending, row, group),
            asked_at=None if pending is None else pending.requested_at,
            measured_a=None if session is None else measured_a(session, row, group),
            measured_at=None if session is None else session.measured_at,
        )
        states.append(
            MemberState(
                row, member, station.pk, station.station_id, row.evse.evse_id, is_alone, session
            )
        )
    return states


def limit_of(profile: ChargingProfile, row: LoadGroupMember, group: LoadGroup) -> float:
    """The limit of a group's profile in A for each phase."""
    schedule = profile.schedules[0]
    limit = float(schedule["chargingSchedulePeriod"][0]["limit"])
    if schedule["chargingRateUnit"] == "W":
        return limit / (group.voltage_v * row.phases)
    return limit


def measured_a(session: Session, row: LoadGroupMember, group: LoadGroup) -> float:
    """What a session draws, in A for each phase."""
    return session.power_kw * 1000 / (group.voltage_v * row.phases)


def group_holds(*, station_id: str, evse_id: int, purpose: str) -> str:
    """The name of the load group whose limit a profile would stand above; empty for none.

    On a station of several EVSEs a group limits by TxDefaultProfile, which a TxProfile overrules;
    on others by ChargingStationMaxProfile, which nothing does.
    """
    members = LoadGroupMember.objects.filter(
        evse__station__station_id=station_id, group__is_active=True
    )
    if evse_id:
        members = members.filter(evse__evse_id=evse_id)
    name = members.values_list("group__name", flat=True).first()
    if name is None:
        return ""
    several = Evse.objects.filter(station__station_id=station_id, evse_id__gt=0).count() > 1
    above = (
        (ProfilePurpose.TX, ProfilePurpose.PRIORITY, ProfilePurpose.TX_DEFAULT)
        if several
        else (ProfilePurpose.STATION_MAX,)
    )
    return name if purpose in above else ""


def _evses_of(stations: Iterable[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for station_pk in Evse.objects.filter(station__in=set(stations), evse_id__gt=0).values_list(
        "station_id", flat=True
    ):
        counts[station_pk] = counts.get(station_pk, 0) + 1
    return counts


def _sessions_at(evse_pks: Iterable[int]) -> dict[int, Session]:
    """The latest running session of each EVSE."""
    sessions = Session.objects.filter(evse__in=list(evse_pks), state=SessionState.ACTIVE).order_by(
        "started_at"
    )
    return {session.evse_id: session for session in sessions if session.evse_id is not None}


def _row(group: LoadGroup, states: list[MemberState]) -> GroupRow:
    return GroupRow(
        group_id=group.pk,
        name=group.name,
        is_active=group.is_active,
        cap_a=group.cap_a,
        floor_a=group.floor_a,
        drawn_a=drawn_a(state.member for state in states),
        measured_a=sum(state.member.measured_a or 0.0 for state in states),
        balanced_at=group.balanced_at,
        members=tuple(
            GroupMember(
                member_id=state.row.pk,
                station_id=state.station_id,
                evse_number=state.evse_number,
                priority=state.row.priority,
                most_a=state.row.most_a,
                phases=state.row.phases,
                limit_a=state.row.limit_a,
                asked_a=state.member.asked_a,
                may_draw_a=state.member.may_draw_a,
                measured_a=state.member.measured_a,
                is_connected=state.member.is_connected,
                is_reachable=state.member.is_reachable,
                session_id=state.session.pk if state.session else None,
            )
            for state in states
        ),
    )
