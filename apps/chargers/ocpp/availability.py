"""How well a connector did its work in a period: uptime, plug-ins that charged, time to recover.

Regulation (EU) 2023/1804 (AFIR) wants each recharging point to tell whether it is operational; it
gives no formula for a share of time that we know of, and so none for planned maintenance either.
What is counted here, as reports on it commonly do:

    uptime = time in which the connector was online and neither Faulted nor Unavailable
             / time of which its state is known

Nothing is excluded: planned maintenance is Unavailable and counts as down. Its time stands apart
from that of faults and of lost connections, for whoever may leave it out. An occupied or reserved
connector is up. Time before the first report is neither up nor down.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import pairwise

from apps.chargers.choices import ConnectorStatus
from cariflex.common.time import Interval

UP, OFFLINE, FAULTED, UNAVAILABLE, UNKNOWN = "up", "offline", "faulted", "unavailable", "unknown"
_STATES = {
    ConnectorStatus.FAULTED.value: FAULTED,
    ConnectorStatus.UNAVAILABLE.value: UNAVAILABLE,
    ConnectorStatus.UNKNOWN.value: UNKNOWN,
}
_FREE = frozenset({
    ConnectorStatus.AVAILABLE.value,
    ConnectorStatus.RESERVED.value,
    ConnectorStatus.UNAVAILABLE.value,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class StatusSince:
    """A connector's status (ConnectorStatusEnumType) from `at` on."""

    at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class OnlineSince:
    """Whether the station's connection was open from `at` on."""

    at: datetime
    is_online: bool


@dataclass(frozen=True, slots=True)
class Stay:
    """A session at the connector; `ended_at` None while it goes on."""

    started_at: datetime
    ended_at: datetime | None
    has_charged: bool


@dataclass(frozen=True, slots=True)
class Uptime:
    """Time by what the connector was; `known` is all but `unknown`."""

    up: timedelta = timedelta(0)
    offline: timedelta = timedelta(0)
    faulted: timedelta = timedelta(0)
    unavailable: timedelta = timedelta(0)
    unknown: timedelta = timedelta(0)

    @property
    def known(self) -> timedelta:
        return self.up + self.offline + self.faulted + self.unavailable

    @property
    def percent(self) -> float | None:
        """0 to 100; None when nothing is known."""
        return 100 * (self.up / self.known) if self.known else None

    def __add__(self, other: "Uptime") -> "Uptime":
        return Uptime(
            up=self.up + other.up,
            offline=self.offline + other.offline,
            faulted=self.faulted + other.faulted,
            unavailable=self.unavailable + other.unavailable,
            unknown=self.unknown + other.unknown,
        )


@dataclass(frozen=True, slots=True)
class Outages:
    """Stretches without a moment up that began in the period."""

    count: int = 0
    recovered: int = 0
    recovery_time: timedelta = timedelta(0)
    """Of all that recovered, together."""

    @property
    def mean_time_to_recover(self) -> timedelta | None:
        """None when nothing recovered."""
        return self.recovery_time / self.recovered if self.recovered else None

    def __add__(self, other: "Outages") -> "Outages":
        return Outages(
            self.count + other.count,
            self.recovered + other.recovered,
            self.recovery_time + other.recovery_time,
        )


@dataclass(frozen=True, slots=True)
class PlugIns:
    """Cars plugged in during the period whose outcome is known, and how many of them charged."""

    count: int = 0
    charged: int = 0

    @property
    def success_percent(self) -> float | None:
        """0 to 100; None without a plug-in."""
        return 100 * self.charged / self.count if self.count else None

    def __add__(self, other: "PlugIns") -> "PlugIns":
        return PlugIns(self.count + other.count, self.charged + other.charged)


def uptime(
    period: Interval, statuses: Sequence[StatusSince], connections: Sequence[OnlineSince]
) -> Uptime:
    """What the connector was, over the period. Both lists: oldest first, with the last before it.

    A station that reported a status was connected: it is taken as online before the first change
    of its connection that is known.
    """
    spent = dict.fromkeys((UP, OFFLINE, FAULTED, UNAVAILABLE, UNKNOWN), timedelta(0))
    for stretch, state in _stretches(period, statuses, connections):
        spent[state] += stretch.duration
    return Uptime(**spent)


def outages(
    period: Interval,
    statuses: Sequence[StatusSince],
    connections: Sequence[OnlineSince],
    *,
    until: datetime,
) -> Outages:
    """The outages that began in the period; `until` is how far the lists go (>= its end).

    The reason may change within one: it ends when the connector is up again.
    """
    found = Outages()
    began: datetime | None = None
    was_up = False
    for stretch, state in _stretches(Interval(period.start, until), statuses, connections):
        if state == UP:
            if began is not None:
                found += Outages(recovered=1, recovery_time=stretch.start - began)
            began, was_up = None, True
        elif state == UNKNOWN:
            began, was_up = None, False
        elif was_up:
            was_up = False
            if stretch.start >= period.end:
                break
            began = stretch.start
            found += Outages(count=1)
    return found


def plug_ins(
    period: Interval, statuses: Sequence[StatusSince], stays: Sequence[Stay], *, until: datetime
) -> PlugIns:
    """The plug-ins that began in the period, and those of them during which a session charged.

    A plug-in is a free connector that becomes Occupied, until it is free again; a fault meanwhile
    does not end it. One that is not over at `until` counts only when it charged.
    """
    count = charged = 0
    for stretch, is_over in _plugged(statuses, until):
        if not period.contains(stretch.start):
            continue
        has_charged = any(
            stay.has_charged
            and stay.started_at < stretch.end
            and (stay.ended_at is None or stay.ended_at > stretch.start)
            for stay in stays
        )
        if has_charged or is_over:
            count += 1
            charged += has_charged
    return PlugIns(count, charged)


def _plugged(statuses: Sequence[StatusSince], until: datetime) -> Iterator[tuple[Interval, bool]]:
    since: datetime | None = None
    is_free = False
    for told in statuses:
        if told.at >= until:
            break
        if told.status in _FREE:
            if since is not None:
                yield Interval(since, told.at), True
            since, is_free = None, True
        elif told.status == ConnectorStatus.OCCUPIED and is_free:
            since, is_free = told.at, False
    if since is not None:
        yield Interval(since, until), False


def _stretches(
    period: Interval, statuses: Iterable[StatusSince], connections: Iterable[OnlineSince]
) -> Iterator[tuple[Interval, str]]:
    """The period cut at every change, with what the connector was in each part."""
    is_online: bool | None = None
    status = ConnectorStatus.UNKNOWN.value
    cuts: list[tuple[datetime, str]] = [(period.start, UNKNOWN)]
    # A connection that opens at the instant of a status comes first: both lists are in order.
    changes: list[Iterable[OnlineSince | StatusSince]] = [connections, statuses]
    for change in merge(*changes, key=_at):
        if change.at >= period.end:
            break
        if isinstance(change, OnlineSince):
            is_online = change.is_online
        else:
            status = change.status
        cuts.append((max(change.at, period.start), _state(is_online, status)))
    cuts.append((period.end, UNKNOWN))
    for (start, state), (end, _next_state) in pairwise(cuts):
        if end > start:
            yield Interval(start, end), state


def _at(change: OnlineSince | StatusSince) -> datetime:
    return change.at


def _state(is_online: bool | None, status: str) -> str:
    if is_online is False:
        return OFFLINE
    return _STATES.get(status, UP)
