"""In how many requests a map is read, what a refusal changes, and when a group is due."""

import asyncio
from typing import Any

import pytest

from apps.assets.drivers.blocks import Span, coalesce
from apps.assets.drivers.errors import DeviceGarbledError, DeviceRefusalError
from apps.assets.drivers.measurement import Measurement
from tests.assets.maps.support import SMALL_MAP, map_of, served


def forty_points() -> str:
    """Forty values over 200 registers in both tables, as a big meter has them."""
    points = [
        f"  - {{name: v{n}, quantity: voltage_v, channel: v{n}, address: {100 + 5 * n}, type: f32,"
        f" unit: V, table: {'holding' if n < 24 else 'input'}, group: fast, valid: [0, 500]}}"
        for n in range(40)
    ]
    text = SMALL_MAP.split("  - {name: power,")[0]
    return text + "\n".join(points) + "\n"


def test_a_map_of_forty_points_is_read_in_three_requests() -> None:
    register_map = map_of(forty_points())
    registers = {
        "holding": {0: [77], **{100 + 5 * n: [0x4366, 0x8000] for n in range(24)}},
        "input": {100 + 5 * n: [0x4366, 0x8000] for n in range(24, 40)},
    }

    async def poll() -> tuple[Measurement, list[tuple[int, int, int]]]:
        async with served(register_map, registers) as (device, driver):
            device.refuses_gaps = False
            await driver.identify()
            before = len(device.reads)
            return await driver.measure(), [
                (heard.function, heard.address, heard.count) for heard in device.reads[before:]
            ]

    measurement, reads = asyncio.run(poll())

    assert set(measurement.values.values()) == {230.5}
    assert len(measurement.values) == 40
    # v0 at 100 to v23 at 216, v24 at 220 to v39 at 296.
    assert reads == [(3, 100, 117), (4, 220, 77)]


def test_a_gap_wider_than_the_map_allows_is_not_read() -> None:
    spans = [Span(0, 2), Span(6, 2), Span(13, 1)]

    assert coalesce(spans, gap=4) == (Span(0, 8), Span(13, 1))
    assert coalesce(spans, gap=5) == (Span(0, 14),)
    assert coalesce(spans, gap=None, most=8) == (Span(0, 8), Span(13, 1))


GAP = "  - {name: freq, quantity: frequency_hz, address: 8, type: u16, scale: 0.01, unit: Hz,\n     group: fast, valid: [40, 70]}\n"  # noqa: E501


async def _twice(registers: dict[int, list[int]]) -> tuple[Any, ...]:
    async with served(map_of(SMALL_MAP + GAP), {"holding": registers}) as (device, driver):
        first = await driver.measure()
        before = len(device.reads)
        second = await driver.measure()
        return first, second, [(heard.address, heard.count) for heard in device.reads[before:]]


def test_a_block_that_the_device_refuses_is_read_point_by_point_from_then_on() -> None:
    # Registers 5 to 7 are not there: the device refuses a read over them.
    first, second, reads = asyncio.run(_twice({0: [77], 1: [0, 8250], 3: [0, 5000], 8: [5001]}))

    assert first.values["frequency_hz", ""] == 50.01
    assert second.values == first.values
    assert reads == [(1, 2), (3, 2), (8, 1)]


def test_a_point_that_the_device_does_not_have_is_left_out() -> None:
    first, second, reads = asyncio.run(_twice({0: [77], 1: [0, 8250], 3: [0, 5000]}))

    assert set(first.values) == {("power_kw", ""), ("energy_export_kwh", "")}
    assert second.values == first.values
    assert reads == [(1, 2), (3, 2)]


def test_a_device_without_any_point_of_the_map_is_refused() -> None:
    async def poll() -> None:
        async with served(map_of(SMALL_MAP), {"holding": {0: [77]}}) as (_device, driver):
            await driver.measure()

    with pytest.raises(DeviceRefusalError, match="exception 2"):
        asyncio.run(poll())


def test_another_device_at_the_address_is_not_read() -> None:
    async def poll() -> None:
        async with served(map_of(SMALL_MAP), {"holding": {0: [78, 0, 0, 0, 0]}}) as (_d, driver):
            await driver.measure()

    with pytest.raises(DeviceGarbledError, match="not a Cari Flex: code is 78"):
        asyncio.run(poll())


def test_a_slow_group_is_read_at_its_own_period() -> None:
    text = SMALL_MAP.replace("unit: Wh, group: fast", "unit: Wh, group: slow")
    clock = [1000.0]

    async def polls() -> list[bool]:
        registers = {"holding": {0: [77, 0, 8250, 0, 5000]}}
        shown = []
        async with served(map_of(text), registers, clock=lambda: clock[0]) as (_device, driver):
            for _ in range(9):
                measurement = await driver.measure()
                assert measurement.values["power_kw", ""] == -8.25
                shown.append(("energy_export_kwh", "") in measurement.values)
                # A poll comes a little early or late: the group keeps to every sixth.
                clock[0] += 9.9
        return shown

    # 60 s at 9.9 s a poll: the first, then the one at 59.4 s (nearer than 69.3 s).
    assert asyncio.run(polls()) == [True] + [False] * 5 + [True] + [False] * 2
