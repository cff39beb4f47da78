"""Sharing a connection: fair by hand, and never above the cap whatever the stations do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.chargers.ocpp.smart_charging.sharing import (
    TURN,
    Member,
    Order,
    drawn_a,
    orders,
    shares,
)

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def car(key: int, **more: Any) -> Member:
    return Member(key, **{"most_a": 32.0, "is_connected": True} | more)


def empty(key: int, **more: Any) -> Member:
    return car(key, is_connected=False, **more)


def fair(*members: Member, cap_a: float) -> dict[int, float]:
    return shares(members, cap_a=cap_a, floor_a=6, now=NOW)


@pytest.mark.parametrize(
    ("members", "cap_a", "expected"),
    [
        # 40 / 2 = 20 each.
        ([car(1), car(2)], 40, {1: 20, 2: 20}),
        # 10 is all that the first can take: 50 - 10 = 40, 20 each.
        ([car(1, most_a=10), car(2), car(3)], 50, {1: 10, 2: 20, 3: 20}),
        # 32 is the most.
        ([car(1), car(2)], 100, {1: 32, 2: 32}),
        # 20 / 3 = 6.66..., cut to the tenth.
        ([car(1), car(2), car(3)], 20, {1: 6.6, 2: 6.6, 3: 6.6}),
        # Three floors are 18 > 17: two get 8.5, the third waits.
        ([car(1), car(2), car(3)], 17, {1: 8.5, 2: 8.5, 3: 0}),
        # The floors of both (12), then the higher takes the other 18 - 12 = 6.
        ([car(1), car(2, priority=5)], 18, {1: 6, 2: 12}),
        # Not both floors: the higher priority alone.
        ([car(1), car(2, priority=5)], 11, {1: 0, 2: 11}),
        # Nobody below the floor.
        ([car(1), car(2)], 5.9, {1: 0, 2: 0}),
        # One car of two takes 32, of the 8 left the empty place keeps the floor.
        ([car(1), empty(2)], 40, {1: 32, 2: 6}),
        ([car(1), empty(2)], 37, {1: 32, 2: 0}),
        # A car that has suspended itself keeps the floor: 30 - 6 = 24.
        ([car(1), car(2, wants_full=False)], 30, {1: 24, 2: 6}),
        # Silent and told 10 once: 30 - 10 = 20. Silent and never told: its 32.
        ([car(1), car(2, is_reachable=False, accepted_a=10)], 30, {1: 20}),
        ([car(1), car(2, is_reachable=False)], 40, {1: 8}),
        # Two on L1 share 20, the one on L2 has it alone.
        ([car(1, wired=(1,)), car(2, wired=(1,)), car(3, wired=(2,))], 20, {1: 10, 2: 10, 3: 20}),
        # The three-phase car and the one on L1: 10 each.
        ([car(1), car(2, wired=(1,))], 20, {1: 10, 2: 10}),
        # Less than 6 A is no charging: an EVSE of 5 A gets nothing.
        ([car(1, most_a=5)], 20, {1: 0}),
    ],
)
def test_a_share_by_hand(members: list[Member], cap_a: float, expected: dict[int, float]) -> None:
    assert fair(*members, cap_a=cap_a) == expected


def test_the_paused_take_turns() -> None:
    """Room for one of three: each has its quarter of an hour, in the order of waiting."""
    cars = [car(n, accepted_a=0.0, turn_since=NOW) for n in (1, 2, 3)]
    now, turns = NOW, []

    for _ in range(6):
        given = shares(cars, cap_a=7, floor_a=6, now=now)
        (served,) = [key for key, value in given.items() if value > 0]
        turns.append(served)
        cars = [
            one
            if one.accepted_a == given[one.key]
            else replace(one, accepted_a=given[one.key], turn_since=now)
            for one in cars
        ]
        assert shares(cars, cap_a=7, floor_a=6, now=now + TURN / 2) == given
        now += TURN + timedelta(seconds=1)

    assert turns == [1, 2, 3, 1, 2, 3]


def test_a_limit_is_lowered_before_another_is_raised() -> None:
    """20 A: the first holds them all; the newcomer waits for the lowering to be accepted."""
    first = car(1, accepted_a=20.0, accepted_at=NOW - timedelta(hours=1))
    newcomer = car(2, accepted_a=0.0, accepted_at=NOW - timedelta(hours=1))

    def sent(*members: Member) -> list[Order]:
        return orders(members, cap_a=20, floor_a=6, now=NOW)

    assert sent(first, newcomer) == [Order(1, 10.0)]
    waiting = replace(first, asked_a=10.0, asked_at=NOW)
    assert sent(waiting, newcomer) == []
    fell = replace(waiting, measured_a=9.8, measured_at=NOW + timedelta(seconds=2))
    assert sent(fell, newcomer) == [Order(2, 10.0)]
    told = replace(first, accepted_a=10.0, accepted_at=NOW)
    assert sent(told, newcomer) == [Order(2, 10.0)]
    assert sent(told, replace(newcomer, accepted_a=10.0)) == []


def test_a_measurement_from_before_the_order_proves_nothing() -> None:
    first = car(
        1, accepted_a=20.0, accepted_at=NOW, asked_a=10.0, asked_at=NOW,
        measured_a=3.0, measured_at=NOW - timedelta(seconds=1),
    )  # fmt: skip

    assert orders([first, car(2, accepted_a=0.0)], cap_a=20, floor_a=6, now=NOW) == []


def test_who_was_never_told_is_told_first() -> None:
    """Two EVSEs of 32 A behind 40 A: until they have accepted, they may draw 64 A."""
    members = [car(1), car(2)]

    assert drawn_a(members) == 64
    assert orders(members, cap_a=40, floor_a=6, now=NOW) == [Order(1, 20.0), Order(2, 20.0)]


def test_small_raises_wait_a_minute() -> None:
    member = car(1, accepted_a=10.0, accepted_at=NOW)

    def sent(cap_a: float, seconds: int) -> list[Order]:
        return orders([member], cap_a=cap_a, floor_a=6, now=NOW + timedelta(seconds=seconds))

    assert sent(10.5, 59) == []
    assert sent(10.5, 60) == [Order(1, 10.5)]
    assert sent(11, 0) == [Order(1, 11.0)]


# --- whatever happens ---

members_any = st.lists(
    st.builds(
        Member,
        key=st.integers(1, 10**6),
        most_a=st.sampled_from([16.0, 32.0, 63.0]),
        wired=st.sampled_from([(1, 2, 3), (1,), (2,), (3,), (1, 2)]),
        priority=st.integers(0, 2),
        is_connected=st.booleans(),
        wants_full=st.booleans(),
        is_reachable=st.booleans(),
        accepted_a=st.none() | st.integers(0, 320).map(lambda tenths: tenths / 10),
        accepted_at=st.none() | st.integers(0, 3600).map(lambda s: NOW - timedelta(seconds=s)),
    ),
    min_size=1, max_size=7, unique_by=lambda one: one.key,
)  # fmt: skip
caps = st.integers(0, 1200).map(lambda tenths: tenths / 10)


def loads(members: list[Member], amps: dict[int, float]) -> list[float]:
    return [
        sum(amps.get(one.key, one.may_draw_a) for one in members if phase in one.wired)
        for phase in (1, 2, 3)
    ]


@settings(max_examples=80, deadline=None)
@given(members_any, caps)
def test_shares_keep_the_cap_the_floor_and_the_order(members: list[Member], cap_a: float) -> None:
    given_a = shares(members, cap_a=cap_a, floor_a=6, now=NOW)

    held = loads([one for one in members if not one.is_reachable], {})
    for phase, load in enumerate(loads(members, given_a)):
        assert load <= max(cap_a, held[phase]) + 1e-6
    for one in members:
        if one.is_reachable:
            assert given_a[one.key] == 0 or 6 <= given_a[one.key] <= one.most_a
    for left in members:
        for right in members:
            if not (left.is_reachable and right.is_reachable) or left.wired != right.wired:
                continue
            alike = left.is_connected and right.is_connected
            alike = alike and left.wants_full and right.wants_full and left.most_a == right.most_a
            if alike and left.priority > right.priority:
                assert given_a[left.key] >= given_a[right.key] - 1e-6
            if alike and left.priority == right.priority and given_a[left.key] * given_a[right.key]:
                assert given_a[left.key] == pytest.approx(given_a[right.key], abs=0.11)


@settings(max_examples=60, deadline=None)
@given(members_any, caps, st.data())
def test_the_cap_is_kept_through_every_change(
    members: list[Member], cap_a: float, data: st.DataObject
) -> None:
    """Stations answer late, refuse, go silent; cars come and go; the cap moves.

    What may be drawn only falls while it is above the cap, and is never brought above it by us.
    """
    now = NOW
    for _ in range(12):
        before = loads(members, {})
        sent = {one.key: one.limit_a for one in orders(members, cap_a=cap_a, floor_a=6, now=now)}
        members = [
            replace(one, asked_a=sent[one.key], asked_at=now) if one.key in sent else one
            for one in members
        ]
        for phase, load in enumerate(loads(members, {})):
            assert load <= max(cap_a, before[phase]) + 1e-6
        now += timedelta(seconds=data.draw(st.sampled_from([0, 1, 5, 60, 1000])))
        moved = []
        for one in members:
            answer = data.draw(st.sampled_from(["accept", "refuse", "later", "silent"]))
            if one.asked_a is not None and answer == "accept":
                one = replace(one, accepted_a=one.asked_a, accepted_at=now, asked_a=None)
            elif one.asked_a is not None and answer == "refuse":
                one = replace(one, asked_a=None)
            moved.append(replace(one, is_reachable=answer != "silent"))
        members = moved
        # A car that comes or goes changes nothing of what may be drawn.
        if data.draw(st.booleans()):
            members[0] = replace(members[0], is_connected=not members[0].is_connected)
        if data.draw(st.integers(0, 3)) == 0:
            cap_a = data.draw(caps)


@settings(max_examples=50, deadline=None)
@given(members_any, caps)
def test_a_quiet_group_settles_on_its_shares_and_then_is_silent(
    members: list[Member], cap_a: float
) -> None:
    members = [replace(one, is_reachable=True) for one in members]
    for _ in range(8):
        now = NOW + timedelta(minutes=2)
        sent = {one.key: one.limit_a for one in orders(members, cap_a=cap_a, floor_a=6, now=now)}
        if not sent:
            break
        members = [
            replace(one, accepted_a=sent[one.key], accepted_at=NOW) if one.key in sent else one
            for one in members
        ]

    assert not sent
    assert max(loads(members, {})) <= cap_a + 1e-6
