"""Devices over real sockets, seen by pysunspec2 and pymodbus clients."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException
from sunspec2.modbus.client import (
    SunSpecModbusClientDeviceTCP,
    SunSpecModbusClientException,
)
from sunspec2.modbus.modbus import ModbusClientException

from apps.simulation.clock import ManualClock
from apps.simulation.devices.battery import Battery, charging_kw, injection_w
from apps.simulation.devices.control import control_app
from apps.simulation.devices.faults import Fault
from apps.simulation.devices.fleet import Fleet
from apps.simulation.devices.pv import PvInverter
from apps.simulation.devices.server import DeviceServer
from apps.simulation.process import HttpServer, PortTakenError
from tests.simulation.conftest import NOON, Serve, free_port

pytestmark = pytest.mark.asyncio


def scanned(port: int) -> SunSpecModbusClientDeviceTCP:
    device = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr="127.0.0.1", ipport=port, timeout=2)
    device.scan()
    return device


def values(device: SunSpecModbusClientDeviceTCP, model_id: int) -> dict[str, Any]:
    model = device.models[model_id][0]
    model.read()
    return {name: point.cvalue for name, point in model.points.items()}


def write(device: SunSpecModbusClientDeviceTCP, model_id: int, **points: int) -> None:
    """Each point on its own, in the order given, as careful clients do."""
    model = device.models[model_id][0]
    for name, value in points.items():
        model.points[name].value = value
        model.points[name].write()


async def test_battery_shows_its_models_and_rating(serve: Serve) -> None:
    async with serve("bat-01") as server:
        device = await asyncio.to_thread(scanned, server.port)
        capacity = await asyncio.to_thread(values, device, 702)
        storage = await asyncio.to_thread(values, device, 713)
        measured = await asyncio.to_thread(values, device, 701)
        device.close()

    assert [key for key in device.models if isinstance(key, int)] == [1, 701, 702, 704, 713]
    assert device.models[1][0].SN.value == "GU-BAT-01"
    assert capacity["WMaxRtg"] == 50_000
    assert capacity["WChaRteMaxRtg"] == 50_000
    assert storage["WHRtg"] == 100_000
    assert storage["SoC"] == 52
    assert storage["WHAvail"] == 52_000
    assert storage["Sta"] == 0
    assert measured["W"] == 0
    assert measured["TmpAmb"] is None
    assert measured["LNV"] == pytest.approx(231, abs=2)


async def test_pv_shows_its_models_and_produces_under_the_sun(serve: Serve) -> None:
    async with serve("pv-01") as server:
        device = await asyncio.to_thread(scanned, server.port)
        inverter = await asyncio.to_thread(values, device, 103)
        device.close()

    assert [key for key in device.models if isinstance(key, int)] == [1, 103, 123]
    assert 1000 < inverter["W"] <= 5000
    assert inverter["St"] == 4  # MPPT
    assert inverter["WH"] > 0
    assert inverter["A"] * inverter["PhVphA"] == pytest.approx(inverter["W"], rel=0.01)
    assert inverter["DCW"] is None


async def test_pv_sleeps_at_night(serve: Serve) -> None:
    midnight = ManualClock(NOON + timedelta(hours=12))

    async with serve("pv-01", at=midnight) as server:
        device = await asyncio.to_thread(scanned, server.port)
        inverter = await asyncio.to_thread(values, device, 103)
        device.close()

    assert inverter["W"] == 0
    assert inverter["St"] == 2  # SLEEPING


@pytest.mark.parametrize(("wset_w", "power_kw"), [(-20_000, 20.0), (30_000, -30.0), (0, 0.0)])
async def test_battery_obeys_a_set_point_with_its_sign(
    serve: Serve, clock: ManualClock, wset_w: int, power_kw: float
) -> None:
    async with serve("bat-01") as server:
        device = await asyncio.to_thread(scanned, server.port)
        await asyncio.to_thread(write, device, 704, WSet=wset_w, WSetRvrtTms=60)
        clock.move(10)
        before = await asyncio.to_thread(values, device, 701)
        await asyncio.to_thread(write, device, 704, WSetEna=1)
        clock.move(10)
        after = await asyncio.to_thread(values, device, 701)
        device.close()

    assert before["W"] == 0  # a value alone moves nothing
    assert after["W"] == wset_w
    assert isinstance(server.device, Battery)
    assert server.device.storage.power_kw == pytest.approx(power_kw)


async def test_battery_obeys_percent_of_its_rating(serve: Serve, clock: ManualClock) -> None:
    async with serve("bat-01") as server:
        device = await asyncio.to_thread(scanned, server.port)
        await asyncio.to_thread(write, device, 704, WSetMod=0, WSetPct=-4000, WSetEna=1)
        clock.move(10)
        measured = await asyncio.to_thread(values, device, 701)
        device.close()

    assert measured["W"] == -20_000  # -40.00 % of 50 kW: charging


async def test_reversion_releases_the_battery(serve: Serve, clock: ManualClock) -> None:
    async with serve("bat-01") as server:
        device = await asyncio.to_thread(scanned, server.port)
        await asyncio.to_thread(write, device, 704, WSet=-20_000, WSetRvrtTms=30, WSetEna=1)
        clock.move(20)
        running = await asyncio.to_thread(values, device, 704)
        await asyncio.to_thread(write, device, 704, WSetRvrtTms=30)
        clock.move(20)
        refreshed = await asyncio.to_thread(values, device, 704)
        still = await asyncio.to_thread(values, device, 701)
        clock.move(15)
        expired = await asyncio.to_thread(values, device, 704)
        released = await asyncio.to_thread(values, device, 701)
        device.close()

    assert (running["WSetEna"], running["WSetRvrtRem"]) == (1, 10)
    assert (refreshed["WSetEna"], refreshed["WSetRvrtRem"]) == (1, 10)
    assert still["W"] == -20_000
    assert (expired["WSetEna"], expired["WSetRvrtRem"]) == (0, 0)
    assert released["W"] == 0
    # 50 s at 20 kW; the ramps up and down make up for each other
    assert released["TotWhAbs"] == pytest.approx(20_000 * 50 / 3600, abs=1)


async def test_soc_rises_by_the_energy_times_the_efficiency(
    serve: Serve, clock: ManualClock
) -> None:
    async with serve("bat-01") as server:
        device = await asyncio.to_thread(scanned, server.port)
        await asyncio.to_thread(write, device, 704, WSet=-50_000, WSetEna=1)
        clock.move(1800)
        storage = await asyncio.to_thread(values, device, 713)
        measured = await asyncio.to_thread(values, device, 701)
        device.close()

    # 25 kWh less the ramp (2 s x 25 kW = 50 kWs = 13.9 Wh) = 24,986 Wh; x 0.96 = 23,987 Wh
    assert measured["TotWhAbs"] == 24_986
    assert storage["SoC"] == pytest.approx(52 + 23.987, abs=0.01)
    assert storage["WHAvail"] == pytest.approx(52_000 + 23_987, abs=10)


async def test_speed_multiplies_the_physics_and_not_the_reversion_timer(
    serve: Serve, clock: ManualClock
) -> None:
    async with serve("bat-01", speed=60) as server:
        device = await asyncio.to_thread(scanned, server.port)
        await asyncio.to_thread(write, device, 704, WSet=-10_000, WSetRvrtTms=40, WSetEna=1)
        clock.move(30)
        controls = await asyncio.to_thread(values, device, 704)
        storage = await asyncio.to_thread(values, device, 713)
        device.close()

    assert controls["WSetRvrtRem"] == 10
    # 30 s x 60 = half an hour at 10 kW: 5 kWh x 0.96
    assert storage["SoC"] == pytest.approx(52 + 4.8, abs=0.01)


async def test_pv_limit_curtails_and_reverts(serve: Serve, clock: ManualClock) -> None:
    async with serve("pv-01") as server:
        device = await asyncio.to_thread(scanned, server.port)
        free = (await asyncio.to_thread(values, device, 103))["W"]
        await asyncio.to_thread(write, device, 123, WMaxLimPct=1000, WMaxLimPct_RvrtTms=30)
        clock.move(1)
        unlimited = await asyncio.to_thread(values, device, 103)
        await asyncio.to_thread(write, device, 123, WMaxLim_Ena=1)
        clock.move(1)
        limited = await asyncio.to_thread(values, device, 103)
        clock.move(30)
        reverted = await asyncio.to_thread(values, device, 103)
        controls = await asyncio.to_thread(values, device, 123)
        device.close()

    assert unlimited["W"] == pytest.approx(free, rel=0.02)
    assert limited["W"] == 500  # 10.00 % of 5 kW
    assert limited["St"] == 5  # THROTTLED
    assert reverted["W"] > 1000
    assert controls["WMaxLim_Ena"] == 0


async def test_pv_energy_is_the_integral_of_its_power(serve: Serve, clock: ManualClock) -> None:
    async with serve("pv-01") as server:
        device = server.device
        assert isinstance(device, PvInverter)
        began_kwh, sum_kws = device.produced_kwh, 0.0
        for _ in range(600):
            clock.move(1)
            device.advance()
            sum_kws += device.production_kw

    assert device.produced_kwh - began_kwh == pytest.approx(sum_kws / 3600, rel=1e-3)


@pytest.mark.parametrize(
    ("code", "model_id", "point", "value", "exception"),
    [
        ("bat-01", 713, "SoC", 5000, 2),
        ("bat-01", 701, "W", 1, 2),
        ("bat-01", 704, "WMaxLimPct", 50, 2),
        ("bat-01", 704, "WSetEna", 7, 3),
        ("pv-01", 103, "W", 1, 2),
        ("pv-01", 123, "WMaxLimPct", 10_100, 3),
    ],
)
async def test_wrong_writes_are_refused_and_change_nothing(
    serve: Serve, code: str, model_id: int, point: str, value: int, exception: int
) -> None:
    async with serve(code) as server:
        address = server.device.image.address(model_id, point)
        before = list(server.device.image.registers)
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=2)
        await client.connect()
        answer = await client.write_register(address, value, device_id=1)
        client.close()

        assert answer.isError()
        assert answer.exception_code == exception
        assert server.device.image.registers == before


async def test_unknown_unit_and_unknown_address_get_exceptions(serve: Serve) -> None:
    async with serve("bat-01") as server:
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=2)
        await client.connect()
        wrong_unit = await client.read_holding_registers(40000, count=2, device_id=9)
        wrong_address = await client.read_holding_registers(50000, count=2, device_id=1)
        beyond = await client.read_holding_registers(
            server.device.image.end - 1, count=2, device_id=1
        )
        client.close()

    assert wrong_unit.exception_code == 11
    assert wrong_address.exception_code == 2
    assert beyond.exception_code == 2


async def asked(port: int) -> Any:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=0.2, retries=0, reconnect_delay=0)
    try:
        if not await client.connect():
            return "no connection"
        try:
            return await client.read_holding_registers(40000, count=2, device_id=1)
        except ModbusIOException:
            return "no answer"
    finally:
        client.close()


async def test_faults_show_on_the_wire_and_pass_when_lifted(serve: Serve, tmp_path: Path) -> None:
    async with serve("bat-01") as server:
        fleet = Fleet([server], tmp_path / "devices.json")
        control = HttpServer(control_app(fleet), port := free_port())
        await control.start()
        url = f"http://127.0.0.1:{port}/devices/guadeloupe/bat-01/fault"
        seen = {}
        async with ClientSession() as http:
            for fault in ("silent", "exception", "garbage", "refuse", None):
                async with http.post(url, json={"fault": fault}) as answer:
                    assert (await answer.json())["fault"] == fault
                seen[fault] = await asked(server.port)
            async with http.post(url, json={"fault": "tired"}) as answer:
                assert answer.status == 400
            async with http.post(url.replace("bat-01", "bat-77"), json={}) as answer:
                assert answer.status == 404
        await control.stop()

    assert seen["silent"] == "no answer"
    assert seen["exception"].exception_code == 4
    assert seen["garbage"] == "no answer"
    assert seen["refuse"] == "no connection"
    assert seen[None].registers == [0x5375, 0x6E53]


async def test_a_flapping_device_serves_and_is_gone_in_turn(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.simulation.devices.server.FLAP_S", 0.05)
    seen = []
    async with serve("bat-01") as server:
        await server.fault_set(Fault.FLAP)
        for wanted in (False, True, False, True):
            async with asyncio.timeout(5):
                while server.listening is not wanted:  # noqa: ASYNC110 - both come and go
                    await asyncio.sleep(0.01)
            seen.append(wanted)
        await server.fault_set(None)
        answer = await asked(server.port)

    assert seen == [False, True, False, True]
    assert answer.registers == [0x5375, 0x6E53]


async def test_control_sets_the_state_of_charge(serve: Serve, tmp_path: Path) -> None:
    async with serve("bat-01") as server:
        control = HttpServer(
            control_app(Fleet([server], tmp_path / "devices.json")), port := free_port()
        )
        await control.start()
        async with ClientSession() as http:
            url = f"http://127.0.0.1:{port}/devices/guadeloupe/bat-01/state"
            async with http.post(url, json={"soc_percent": 30}) as answer:
                described = await answer.json()
            async with http.get(f"http://127.0.0.1:{port}/devices") as answer:
                listed = await answer.json()
        await control.stop()

    assert described["soc_percent"] == 30
    assert listed == [described]
    assert described["setpoint_kw"] is None


async def test_state_outlives_the_process_and_set_points_do_not(
    serve: Serve, clock: ManualClock, tmp_path: Path
) -> None:
    path = tmp_path / "devices.json"
    async with serve("bat-01") as first:
        device = await asyncio.to_thread(scanned, first.port)
        await asyncio.to_thread(write, device, 704, WSet=50_000, WSetEna=1)
        device.close()
        clock.move(720)
        Fleet([first], path).save()

    async with serve("bat-01") as second:
        await second.stop()
        fleet = Fleet([second], path)
        await fleet.start()
        report = second.device.report()
        await fleet.stop()

    # 10 kWh less the ramp left the terminals: 9.986 / 0.96 = 10.40 kWh from the store
    assert report["soc_percent"] == pytest.approx(52 - 10.40, abs=0.01)
    assert report["discharged_kwh"] == pytest.approx(9.986, abs=0.001)
    assert report["power_kw"] == 0
    assert report["setpoint_kw"] is None


async def test_a_taken_port_is_named(serve: Serve) -> None:
    async with serve("bat-01") as server:
        second = DeviceServer(server.device, server.port)

        with pytest.raises(PortTakenError, match=f"port {server.port} of guadeloupe bat-01"):
            await second.start()


@pytest.mark.parametrize(("power_kw", "wire_w"), [(12.5, -12_500), (-3.0, 3000), (0.0, 0)])
async def test_sign_is_turned_once_each_way(power_kw: float, wire_w: float) -> None:
    assert injection_w(power_kw) == wire_w
    assert charging_kw(wire_w) == power_kw


async def test_pysunspec_raises_on_a_refused_write(serve: Serve) -> None:
    async with serve("bat-01") as server:
        device = await asyncio.to_thread(scanned, server.port)

        with pytest.raises((ModbusClientException, SunSpecModbusClientException)):
            await asyncio.to_thread(write, device, 713, SoH=1)
        device.close()
