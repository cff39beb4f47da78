"""The poll grid, and ending polls that do not want to end."""

import asyncio
import time
from dataclasses import replace

import pytest

from apps.assets.drivers.poll_grid import PollStatistics
from apps.assets.drivers.poller import (
    Poller,
    PollEvent,
    PollFailure,
    PollSession,
    Sample,
    _cancel,
    grid_index,
    grid_phase_s,
)
from apps.assets.drivers.registry import DeviceSpec
from apps.simulation.devices.faults import Fault
from apps.simulation.devices.gateway import GatewayServer, SimulatedUnit
from tests.assets.conftest import DeviceLoop, battery_server, pv_server
from tests.assets.polling import eventually


@pytest.mark.parametrize("period_s", [0.2, 1.0, 2.0, 60.0])
def test_phases_spread_the_devices_over_the_period(period_s: float) -> None:
    phases = sorted(grid_phase_s(device_id, period_s) / period_s for device_id in range(1, 21))

    gaps = [b - a for a, b in zip(phases, phases[1:], strict=False)]

    assert phases[0] >= 0.0
    assert phases[-1] < 1.0
    # 20 devices: 5 % of the period each if perfectly even; never two at once.
    assert max(gaps) < 0.10
    assert min(gaps) > 0.01


@pytest.mark.parametrize(
    ("at_s", "index"), [(100.3, 50), (100.29, 49), (102.29, 50), (102.3, 51), (0.3, 0), (0.0, -1)]
)
def test_index_is_that_of_the_last_instant(at_s: float, index: int) -> None:
    assert grid_index(at_s, phase_s=0.3, period_s=2.0) == index


def test_a_task_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    """What Python 3.11's wait_for does when the answer comes in the same turn."""
    swallowed = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                if swallowed:
                    raise
                swallowed.append(True)

    async def run() -> bool:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        await asyncio.wait_for(_cancel([task]), 5)
        return task.cancelled()

    assert asyncio.run(run())
    assert swallowed == [True]


def test_cancelling_nothing_is_no_wait() -> None:
    asyncio.run(_cancel([]))


def spec_of(port: int, *, device_id: int = 1, period_s: float = 0.2) -> DeviceSpec:
    return DeviceSpec(
        device_id=device_id,
        code=f"dev-{device_id}",
        driver="sunspec",
        host="127.0.0.1",
        port=port,
        unit_id=1,
        poll_period_s=period_s,
        is_battery=True,
        rated_power_kw=100.0,
    )


def due_soon(period_s: float) -> int:
    """The id of a device whose instant comes within a second, the next only a period later."""
    return next(
        device_id
        for device_id in range(1, 10_000)
        if 0.3 < (grid_phase_s(device_id, period_s) - time.time()) % period_s < 1.0
    )


def first(session: PollSession, kind: type[PollEvent]) -> PollEvent:
    """The next event of a kind."""
    found: list[PollEvent] = []

    def look() -> bool:
        found.extend(event for event in session.drain() if isinstance(event, kind))
        return bool(found)

    eventually(look)
    return found[0]


def test_device_that_appears_late_is_polled_before_its_next_instant(
    devices: DeviceLoop, poller: Poller
) -> None:
    """Its instants are ten minutes apart; the link that comes up is what wakes it."""
    server = devices.start(battery_server())
    devices.run(server.stop())
    session = poller.open("guadeloupe")
    session.poll([spec_of(server.port, device_id=due_soon(600.0), period_s=600.0)])
    failure = first(session, PollFailure)
    assert "cannot connect" in str(failure.error)

    devices.run(server.start())

    sample = first(session, Sample)
    session.stop()
    assert sample.measurement.values["soc_percent", ""] == pytest.approx(50.0)
    # The poll out of turn counts as none of the grid's.
    assert poller.statistics.polls == 1


@pytest.mark.parametrize("period_s", [0.2, 1.0, 2.0, 5.0, 9.0, 10.0, 60.0])
def test_silent_device_is_asked_again_within_ten_seconds_or_its_period(
    poller: Poller, period_s: float
) -> None:
    async def waits() -> list[float]:
        back_off = poller.device("guadeloupe", spec_of(1, period_s=period_s)).back_off
        return [back_off.next_s() for _ in range(10)]

    longest_s = max(poller.run(waits()))

    # After the back-off, the next instant of the grid is at most a period away.
    assert longest_s + period_s <= max(10.0, period_s)


def test_dead_and_flapping_devices_cost_the_others_no_poll(
    devices: DeviceLoop, poller: Poller
) -> None:
    healthy = [devices.start(pv_server()) for _ in range(4)]
    silent, flapping = devices.start(battery_server()), devices.start(battery_server())
    silent.fault = Fault.SILENT
    devices.run(flapping.fault_set(Fault.FLAP))
    specs = [
        spec_of(server.port, device_id=number, period_s=1.0)
        for number, server in enumerate([*healthy, silent, flapping], start=1)
    ]
    session = poller.open("guadeloupe")

    session.poll(specs)
    eventually(lambda: poller.statistics.failed_of[5] >= 2 and poller.statistics.failed_of[6] >= 2)
    session.stop()

    good = range(1, 5)
    assert sum(poller.statistics.failed_of[n] for n in good) == 0
    assert sum(poller.statistics.missed_of[n] for n in good) == 0
    samples = {event.spec.device_id for event in session.drain() if isinstance(event, Sample)}
    assert samples >= set(good)


def test_units_of_a_gateway_are_polled_though_one_is_dead(
    devices: DeviceLoop, poller: Poller
) -> None:
    units = {n: SimulatedUnit(pv_server().device) for n in (1, 2, 3)}
    gateway = devices.start(GatewayServer(units, is_rtu=True))
    gateway.unit_faults[2] = Fault.SILENT
    base = replace(
        spec_of(gateway.port), transport="rtu_over_tcp", timeout_s=0.1, poll_period_s=1.0
    )
    session = poller.open("guadeloupe")

    session.poll([replace(base, device_id=n, unit_id=n) for n in (1, 2, 3)])
    eventually(lambda: poller.statistics.failed_of[2] >= 2)
    session.stop()

    events = session.drain()
    assert {e.spec.unit_id for e in events if isinstance(e, Sample)} == {1, 3}
    assert {e.spec.unit_id for e in events if isinstance(e, PollFailure)} == {2}


def test_statistics_tell_late_and_lost_polls_by_device() -> None:
    counted = PollStatistics()

    counted.started(1, late_s=0.1, period_s=1.0, missed=0)
    counted.ended(1, after_s=0.15, is_answered=True)
    counted.started(2, late_s=0.11, period_s=1.0, missed=3)
    counted.ended(2, after_s=1.2, is_answered=False)

    assert (counted.polls, counted.on_time, counted.missed, counted.failed) == (2, 1, 3, 1)
    assert counted.late_of == {2: 1}
    assert counted.missed_of == {2: 3}
    assert counted.failed_of == {2: 1}
    assert counted.slowest_of == {1: 0.15}
