"""The poll grid, and ending polls that do not want to end."""

import asyncio

import pytest

from apps.assets.drivers.poller import _cancel, grid_index, grid_phase_s


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
