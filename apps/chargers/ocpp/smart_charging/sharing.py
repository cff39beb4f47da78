"""Sharing one connection among EVSEs: who may draw how much, and in which order limits change.

Two questions, two functions. `shares` says what is fair now; `orders` says which limits may be sent
at this moment. Between them stands what each EVSE *may be drawing*: the highest of the limit that
its station accepted last and of any that is on its way. The sum of that never passes the cap, so
a limit is lowered first and another is raised once the lowering is known. An EVSE whose station is
silent or refuses counts with what it accepted last, and with all it can do if it never
accepted anything.

A limit counts from its acceptance: the car then has 5 s to follow (IEC 61851-1), less than another
needs to close its contactor and draw more.

Currents are A on each phase. A three-phase EVSE draws on L1, L2 and L3; of another the wiring is
known, or it counts on every phase.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

ALL_PHASES = (1, 2, 3)
# 1.6 limits have one digit after the point; lower is always safe.
_GRAIN = 10
# Nobody is paused or rotated in sooner than this: cars and contactors do not like to be toggled.
TURN = timedelta(minutes=15)
# A car that charges gets more in steps worth a message, or in the end what is left of it.
RAISE_AT_LEAST_A = 1.0
SMALL_RAISE_AFTER = timedelta(seconds=60)
_EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Member:
    """One EVSE of a group as it stands."""

    key: int
    most_a: float
    wired: tuple[int, ...] = ALL_PHASES
    """The phases that it loads; all when that is not known."""
    priority: int = 0
    is_connected: bool = False
    """A car is plugged in."""
    wants_full: bool = True
    """False for a car that has suspended charging itself: the floor keeps its place."""
    is_reachable: bool = True
    """False when its station is offline, or refused lately."""
    accepted_a: float | None = None
    """The limit that its station accepted last."""
    accepted_at: datetime | None = None
    turn_since: datetime | None = None
    """Since when the car charges, or waits; None: from now on."""
    asked_a: float | None = None
    """The limit that is on its way, unanswered."""
    asked_at: datetime | None = None
    measured_a: float | None = None
    measured_at: datetime | None = None

    @property
    def may_draw_a(self) -> float:
        """What it may be drawing now, by all that is known."""
        accepted = self.most_a if self.accepted_a is None else self.accepted_a
        if self.asked_a is None:
            return accepted
        if self._has_fallen:
            return self.asked_a
        return max(accepted, self.asked_a)

    @property
    def _has_fallen(self) -> bool:
        """True when a lowering is not answered yet, but the meter shows that it took hold."""
        return (
            self.asked_a is not None
            and self.measured_a is not None
            and self.measured_at is not None
            and self.asked_at is not None
            and self.measured_at > self.asked_at
            and self.is_connected
            and self.measured_a <= self.asked_a + _EPSILON
        )


@dataclass(frozen=True, slots=True)
class Order:
    """A limit to be sent to one EVSE now."""

    key: int
    limit_a: float


def shares(
    members: Iterable[Member], *, cap_a: float, floor_a: float, now: datetime
) -> dict[int, float]:
    """The fair limit (A) of each EVSE that can be reached.

    First what the unreachable may draw is taken off. Then each car gets the floor, by priority and
    turn, while there is room; who gets less than the floor is paused, which is 0. What is left is
    filled up evenly, the highest priority first. EVSEs without a car come last: the floor, so that
    a car starts without waiting for us, if it fits.
    """
    members = sorted(members, key=lambda one: one.key)
    left = _Room(cap_a)
    for member in members:
        if not member.is_reachable:
            left.take(member, member.may_draw_a)
    reachable = [one for one in members if one.is_reachable]
    given = dict.fromkeys((one.key for one in reachable), 0.0)
    cars = [one for one in reachable if one.is_connected]
    for member in sorted(cars, key=lambda one: _turn(one, floor_a, now)):
        _floor(member, floor_a, left, given)
    served = [one for one in cars if given[one.key] > 0 and one.wants_full]
    for priority in sorted({one.priority for one in served}, reverse=True):
        _fill([one for one in served if one.priority == priority], left, given)
    for member in sorted(reachable, key=lambda one: (-one.priority, one.key)):
        if not member.is_connected:
            _floor(member, floor_a, left, given)
    return {key: _grain(value) for key, value in given.items()}


def orders(
    members: Iterable[Member], *, cap_a: float, floor_a: float, now: datetime
) -> list[Order]:
    """The limits to send now; whatever of them is accepted, and when, the cap is kept.

    One order at a time for an EVSE. Lowerings go at once, all together. A raise goes as far as
    there is room for after all that may be drawn, and only by a step that is worth a message.
    """
    members = list(members)
    wanted = shares(members, cap_a=cap_a, floor_a=floor_a, now=now)
    left = _Room(cap_a)
    for member in members:
        left.take(member, member.may_draw_a)
    free = [one for one in members if one.is_reachable and one.asked_a is None]
    sent = [
        Order(one.key, wanted[one.key])
        for one in free
        if wanted[one.key] < one.may_draw_a - _EPSILON or one.accepted_a is None
    ]
    lowered = {order.key for order in sent}
    raised = [one for one in free if one.key not in lowered]
    for member in sorted(raised, key=lambda one: (-one.priority, one.may_draw_a, one.key)):
        now_a = member.may_draw_a
        target = _grain(min(wanted[member.key], now_a + left.of(member)))
        if not _is_worth(member, target, wanted[member.key], floor_a, now):
            continue
        left.take(member, target - now_a)
        sent.append(Order(member.key, target))
    return sent


def drawn_a(members: Iterable[Member]) -> float:
    """The most that the group may be drawing on any of its phases."""
    room = _Room(0.0)
    for member in members:
        room.take(member, member.may_draw_a)
    return max(-room.left_a[phase] for phase in ALL_PHASES)


class _Room:
    """What is left of the cap on each phase; below 0 when too much may be drawn already."""

    def __init__(self, cap_a: float) -> None:
        self.left_a = dict.fromkeys(ALL_PHASES, cap_a)

    def of(self, member: Member) -> float:
        """What is left for a member: the least of its phases, never below 0."""
        return max(0.0, min(self.left_a[phase] for phase in member.wired))

    def take(self, member: Member, current_a: float) -> None:
        for phase in member.wired:
            self.left_a[phase] -= current_a


def _floor(member: Member, floor_a: float, left: _Room, given: dict[int, float]) -> None:
    """Give a member the floor when it fits; one that cannot do the floor gets nothing."""
    if member.most_a >= floor_a and left.of(member) >= floor_a - _EPSILON:
        left.take(member, floor_a)
        given[member.key] = floor_a


def _turn(member: Member, floor_a: float, now: datetime) -> tuple[int, int, float, int]:
    """Who comes first within a priority when there is not enough for all.

    Those whose turn has just begun keep it; then those who wait, the longest first; then those
    who had their turn, the latest to begin first.
    """
    limit = member.accepted_a or 0.0
    since = member.turn_since or now
    waited_s = (now - since).total_seconds()
    charges = member.accepted_a is not None and limit >= floor_a - _EPSILON
    if not charges:
        return -member.priority, 1, -waited_s, member.key
    if waited_s < TURN.total_seconds():
        return -member.priority, 0, -waited_s, member.key
    return -member.priority, 2, waited_s, member.key


def _fill(members: Sequence[Member], left: _Room, given: dict[int, float]) -> None:
    """Raise all together until each has its most or a phase of it is full (water filling)."""
    rising = [one for one in members if one.most_a > given[one.key] + _EPSILON]
    while rising:
        # The lowest rises until it meets the next one, so that all end at the same level.
        level = min(given[one.key] for one in rising)
        lowest = [one for one in rising if given[one.key] <= level + _EPSILON]
        others = [given[one.key] for one in rising if given[one.key] > level + _EPSILON]
        on_phase = {phase: sum(1 for one in lowest if phase in one.wired) for phase in ALL_PHASES}
        step = min(
            min((max(0.0, left.left_a[phase]) / n for phase, n in on_phase.items() if n)),
            min(one.most_a - given[one.key] for one in lowest),
            min((value - level for value in others), default=math.inf),
        )
        for one in lowest:
            left.take(one, step)
            given[one.key] += step
        rising = [
            one
            for one in rising
            if given[one.key] < one.most_a - _EPSILON and left.of(one) > _EPSILON
        ]


def _is_worth(member: Member, target: float, wanted: float, floor_a: float, now: datetime) -> bool:
    gain = target - member.may_draw_a
    if gain <= _EPSILON or target < min(floor_a, wanted) - _EPSILON:
        return False
    if member.may_draw_a < floor_a or gain >= RAISE_AT_LEAST_A - _EPSILON:
        return True
    return member.accepted_at is None or now - member.accepted_at >= SMALL_RAISE_AFTER


def _grain(current_a: float) -> float:
    return math.floor(current_a * _GRAIN + _EPSILON) / _GRAIN
