"""The live feed: computed once for all, at most once a second, first snapshot at once."""

import asyncio
import time
from itertools import pairwise

import pytest

from apps.console.feed import LiveFeed
from apps.console.groups import live_group
from apps.console.subscribers import EVENTS, DirtyGate, live_dirty
from cariflex.common import events

INTERVAL_S = 0.05


class Source:
    """Counts how often a snapshot is computed."""

    def __init__(self) -> None:
        self.count = 0

    async def compute(self) -> str:
        self.count += 1
        return f"snapshot {self.count}"


class Browser:
    """Keeps what it was sent."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.times: list[float] = []
        self.arrived = asyncio.Event()

    async def receive(self, text: str) -> None:
        self.texts.append(text)
        self.times.append(time.monotonic())
        self.arrived.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.texts) < count:
                self.arrived.clear()
                await self.arrived.wait()


@pytest.mark.asyncio
async def test_viewers_share_one_computation() -> None:
    source = Source()
    feed = LiveFeed(source.compute, interval_s=10)
    browsers = [Browser() for _ in range(20)]

    for browser in browsers:
        await feed.join(browser.receive)

    assert source.count == 1
    assert all(browser.texts == ["snapshot 1"] for browser in browsers)
    for browser in browsers:
        await feed.leave(browser.receive)
    assert feed.viewers_count == 0


@pytest.mark.asyncio
async def test_a_storm_of_messages_is_one_snapshot_an_interval() -> None:
    source = Source()
    feed = LiveFeed(source.compute, interval_s=INTERVAL_S)
    browser = Browser()
    await feed.join(browser.receive)

    for _ in range(50):
        feed.mark_dirty()
        await asyncio.sleep(INTERVAL_S / 25)
    await browser.wait_for(3)
    await feed.leave(browser.receive)

    gaps = [later - earlier for earlier, later in pairwise(browser.times)]
    assert min(gaps) >= INTERVAL_S * 0.9
    # 50 messages over two intervals: the first snapshot, and one an interval.
    assert source.count == len(browser.texts) <= 5


@pytest.mark.asyncio
async def test_one_message_is_seen_at_once_and_once_more() -> None:
    source = Source()
    feed = LiveFeed(source.compute, interval_s=INTERVAL_S)
    browser = Browser()
    await feed.join(browser.receive)
    await asyncio.sleep(INTERVAL_S)

    feed.mark_dirty()
    await browser.wait_for(3)
    await asyncio.sleep(INTERVAL_S * 3)
    await feed.leave(browser.receive)

    assert browser.texts == ["snapshot 1", "snapshot 2", "snapshot 3"]


@pytest.mark.asyncio
async def test_a_broken_viewer_does_not_hold_back_the_others() -> None:
    source = Source()
    feed = LiveFeed(source.compute, interval_s=INTERVAL_S)
    browser = Browser()
    sent: list[str] = []

    async def broken(text: str) -> None:
        sent.append(text)
        if len(sent) > 1:
            raise ConnectionResetError

    await feed.join(broken)
    await feed.join(browser.receive)
    feed.mark_dirty()
    await browser.wait_for(3)

    assert feed.viewers_count == 1
    assert len(sent) == 2
    await feed.leave(browser.receive)


@pytest.mark.asyncio
async def test_a_failed_computation_is_tried_again() -> None:
    browser = Browser()
    answers = ["one", RuntimeError("database away"), "two"]

    async def compute() -> str:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    feed = LiveFeed(compute, interval_s=INTERVAL_S)
    await feed.join(browser.receive)
    await asyncio.sleep(INTERVAL_S)
    feed.mark_dirty()
    await browser.wait_for(2)
    await feed.leave(browser.receive)

    assert browser.texts[:2] == ["one", "two"]


def test_the_gate_lets_one_message_a_second_pass_for_each_operator() -> None:
    gate = DirtyGate(interval_s=1.0)

    passed = [gate.passes("guadeloupe", at_s=at_s) for at_s in (0.0, 0.4, 0.99, 1.0, 1.5, 2.0)]

    assert passed == [True, False, False, True, False, True]
    assert gate.passes("martinique", at_s=0.5)


def test_the_group_carries_the_schema() -> None:
    assert live_group("guadeloupe") == "guadeloupe.live"
    assert live_group("martinique") != live_group("guadeloupe")


def test_everything_that_shows_is_subscribed() -> None:
    assert len(set(EVENTS)) == len(EVENTS) > 0
    assert all(live_dirty in events._subscribers[event] for event in EVENTS)
