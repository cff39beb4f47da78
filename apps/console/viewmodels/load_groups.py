"""The pages of load groups: cap against limits and draw, each EVSE over time, members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.accounts.models import User
from apps.assets.models import Site
from apps.chargers.models import ChargingStation, Evse, LoadGroup
from apps.chargers.selectors.load_group_history import GroupHistory, group_history
from apps.chargers.selectors.load_groups import (
    GroupMember,
    GroupRow,
    load_group_get,
    load_group_rows,
)

MAY_CHANGE = "chargers.change_loadgroup"
MAY_ADD = "chargers.add_loadgroup"
PAGE_SIZE = 12
MOST_EVSES = 300
# Spans of the chart with their slots.
SPANS: dict[str, tuple[timedelta, timedelta]] = {
    "hour": (timedelta(hours=1), timedelta(seconds=30)),
    "quarter": (timedelta(hours=6), timedelta(minutes=2)),
    "day": (timedelta(days=1), timedelta(minutes=5)),
}
FIRST_SPAN = "hour"
# Size of a small curve, in its own units.
SPARK_WIDTH, SPARK_HEIGHT = 160.0, 36.0


@dataclass(frozen=True, slots=True)
class Gauge:
    """Cap, limits and draw on one scale: widths of 100 for the whole gauge."""

    cap: float
    held: float
    drawn: float
    is_over: bool


@dataclass(frozen=True, slots=True)
class GroupCard:
    """A load group of the list."""

    group: GroupRow
    gauge: Gauge
    connected_count: int


@dataclass(frozen=True, slots=True)
class GroupsPage:
    """The load groups of the operator, a page of them."""

    cards: tuple[GroupCard, ...]
    page: int
    page_count: int
    sites: tuple[tuple[int, str], ...]
    may_add: bool


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One EVSE of the group, with its curves as SVG paths."""

    member: GroupMember
    station_name: str
    station_pk: int
    limit_path: str
    drawn_path: str
    state: str
    """`charging`, `connected`, `free` or `lost`."""


@dataclass(frozen=True, slots=True)
class GroupChart:
    """Sums over time in A on each phase; the cap is the one that holds now."""

    start: datetime
    end: datetime
    now: datetime
    slot_s: float
    times_s: tuple[int, ...]
    drawn_a: tuple[float | None, ...]
    limits_a: tuple[float | None, ...]
    cap_a: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class GroupPage:
    """Everything the page of one group shows."""

    group: GroupRow
    settings: LoadGroup
    gauge: Gauge
    lines: tuple[MemberLine, ...]
    chart: GroupChart
    span: str
    spans: tuple[str, ...]
    free_evses: tuple[tuple[int, str], ...]
    sites: tuple[tuple[int, str], ...]
    may_change: bool

    @property
    def headroom_a(self) -> float:
        """What may still be given out, never below zero."""
        return max(0.0, self.group.cap_a - self.group.drawn_a)


def groups_page(*, page: int, user: User) -> GroupsPage:
    """A page of groups by name."""
    pages = max(1, -(-LoadGroup.objects.count() // PAGE_SIZE))
    page = min(max(1, page), pages)
    rows = load_group_rows(first=(page - 1) * PAGE_SIZE, count=PAGE_SIZE)
    return GroupsPage(
        cards=tuple(
            GroupCard(row, gauge(row), sum(member.is_connected for member in row.members))
            for row in rows
        ),
        page=page,
        page_count=pages,
        sites=_sites(),
        may_add=user.has_perm(MAY_ADD),
    )


def group_page(*, group_id: int, span: str, user: User, now: datetime) -> GroupPage | None:
    """One group with its history, None when there is none."""
    group = load_group_get(group_id=group_id)
    if group is None:
        return None
    length, slot = SPANS[span]
    history = group_history(group_id=group_id, start=now - length, end=now, slot=slot)
    if history is None:
        return None
    may_change = user.has_perm(MAY_CHANGE)
    return GroupPage(
        group=group,
        settings=LoadGroup.objects.get(pk=group_id),
        gauge=gauge(group),
        lines=_lines(group, history),
        chart=_chart(group, history, slot, now),
        span=span,
        spans=tuple(SPANS),
        free_evses=_free_evses() if may_change else (),
        sites=_sites(),
        may_change=may_change,
    )


def gauge(group: GroupRow) -> Gauge:
    """How full a group is; the scale ends a little above what is most."""
    most = max(group.cap_a, group.drawn_a, group.measured_a, 1.0) * 1.05
    return Gauge(
        cap=100 * group.cap_a / most,
        held=100 * group.drawn_a / most,
        drawn=100 * group.measured_a / most,
        is_over=group.is_above_cap,
    )


def step_path(values: Sequence[float | None], most: float) -> str:
    """Steps as an SVG path; nothing is drawn where a value is not known."""
    path: list[str] = []
    width = SPARK_WIDTH / max(1, len(values))
    is_drawing = False
    for number, value in enumerate(values):
        if value is None:
            is_drawing = False
            continue
        x, y = number * width, _height(value, most)
        path.append(f"{'V' if is_drawing else f'M{x:.1f} '}{y:.1f}H{x + width:.1f}")
        is_drawing = True
    return "".join(path)


def area_path(values: Sequence[float | None], most: float) -> str:
    """Columns from the ground to each value, joined, as an SVG path."""
    width = SPARK_WIDTH / max(1, len(values))
    path = [
        f"M{n * width:.1f} {SPARK_HEIGHT:.1f}V{_height(value, most):.1f}"
        f"h{width:.2f}V{SPARK_HEIGHT:.1f}Z"
        for n, value in enumerate(values)
        if value
    ]
    return "".join(path)


def _height(value: float, most: float) -> float:
    return SPARK_HEIGHT - (SPARK_HEIGHT - 2) * min(1.0, value / most)


def _lines(group: GroupRow, history: GroupHistory) -> tuple[MemberLine, ...]:
    past = {member.member_id: member for member in history.members}
    ids = {member.station_id for member in group.members}
    stations = {
        station_id: (pk, name)
        for station_id, pk, name in ChargingStation.objects.filter(station_id__in=ids).values_list(
            "station_id", "pk", "name"
        )
    }
    lines = []
    for member in sorted(group.members, key=lambda one: (-one.priority, one.member_id)):
        told, most = past.get(member.member_id), max(member.most_a, 1.0)
        pk, name = stations[member.station_id]
        lines.append(
            MemberLine(
                member=member,
                station_name=name,
                station_pk=pk,
                limit_path=step_path(told.limits_a, most) if told else "",
                drawn_path=area_path(told.drawn_a, most) if told else "",
                state=_state(member),
            )
        )
    return tuple(lines)


def _state(member: GroupMember) -> str:
    if not member.is_reachable:
        return "lost"
    if member.is_connected:
        return "charging" if (member.measured_a or 0.0) > 0.5 else "connected"
    return "free"


def _chart(group: GroupRow, history: GroupHistory, slot: timedelta, now: datetime) -> GroupChart:
    return GroupChart(
        start=history.times[0],
        end=history.times[-1] + slot,
        now=now,
        slot_s=slot.total_seconds(),
        times_s=tuple(int(at.timestamp()) for at in history.times),
        drawn_a=history.drawn_a,
        limits_a=history.limits_a,
        cap_a=(group.cap_a,) * len(history.times),
    )


def _free_evses() -> tuple[tuple[int, str], ...]:
    """EVSEs that are in no group, to be put into one."""
    evses = (
        Evse.objects.filter(load_membership__isnull=True, evse_id__gt=0)
        .select_related("station")
        .order_by("station__station_id", "evse_id")[:MOST_EVSES]
    )
    return tuple(
        (evse.pk, f"{evse.station.station_id} · {evse.evse_id} {evse.station.name}".strip())
        for evse in evses
    )


def _sites() -> tuple[tuple[int, str], ...]:
    return tuple(Site.objects.order_by("name").values_list("pk", "name"))
