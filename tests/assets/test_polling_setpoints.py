"""Set-points on the wire: written, kept up, let go, and refused."""

from typing import Any

import pytest
from pymodbus.constants import ExcCodes

from apps.assets.choices import SetpointStatus
from apps.assets.drivers.poller import Poller
from apps.assets.models import Device, Reading, Setpoint
from apps.assets.selectors import devices_latest
from apps.simulation.clock import SystemClock
from apps.simulation.devices.battery import Battery
from apps.simulation.devices.server import Fault
from apps.simulation.devices.sunspec_image import BASE_ADDRESS
from cariflex.common.time import utc_now
from tests.assets.conftest import (
    DeviceLoop,
    FreePortServer,
    battery_make,
    battery_server,
    island_battery,
    pv_make,
    pv_server,
)
from tests.assets.polling import PERIOD_S, ask, eventually, polling, status_of
from tests.contracts.register_device import RegisterDevice

pytestmark = pytest.mark.usefixtures("live_operators", "short_reversion")


def test_setpoint_is_written_value_timer_enable_and_read_back(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    end = devices.start(battery_server())
    tap = devices.tap(end.port)
    battery = battery_make(port=tap.port, poll_period_s=PERIOD_S)

    with polling(poller):
        setpoint = ask(battery, 42.0)
        eventually(lambda: status_of(setpoint) == SetpointStatus.APPLIED)
        follows = eventually(
            lambda: abs((devices_latest(now=utc_now())[0].power_kw or 0) - 42.0) < 1.0
        )

    # 704 lies at 40277 (1, 701, 702 before it): mode and value, reversion, then enable.
    # Charging 42 kW is -42000 W = 0xFFFF5BF0 on the wire.
    assert [(w.function, w.address, w.values) for w in tap.writes] == [
        (16, 40300, (1, 0xFFFF, 0x5BF0)),
        (16, 40307, (0, 0, 60)),
        (16, 40299, (1,)),
    ]
    assert follows
    assert setpoint.readback_kw == 42.0
    assert setpoint.written_at is not None
    assert end.device.report()["setpoint_kw"] == 42.0


def test_pv_limit_is_written_and_obeyed(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    end = devices.start(pv_server())
    tap = devices.tap(end.port)
    pv = pv_make(port=tap.port, poll_period_s=PERIOD_S)

    with polling(poller):
        setpoint = ask(pv, -5.0)
        eventually(lambda: status_of(setpoint) == SetpointStatus.APPLIED)
        eventually(lambda: (devices_latest(now=utc_now())[0].power_kw or -99) >= -5.01)

    # 123 lies at 40122: limit (25 % of 20 kW, two decimals), reversion, enable.
    assert [(w.address, w.values) for w in tap.writes] == [
        (40127, (2500,)),
        (40129, (60,)),
        (40131, (1,)),
    ]
    assert setpoint.readback_kw == -5.0


def test_timer_is_restarted_at_half_time_and_released_at_the_end(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    end = devices.start(battery_server())
    tap = devices.tap(end.port)
    battery = battery_make(port=tap.port, poll_period_s=PERIOD_S)

    with polling(poller):
        setpoint = ask(battery, 42.0, lasts_s=4.0, reversion_s=2)
        eventually(lambda: status_of(setpoint) == SetpointStatus.EXPIRED)

    enables = [w for w in tap.writes if w.address == 40299]
    # Enabled at 0 s, again about each second of the four, then disabled once.
    assert [w.values for w in enables[:-1]] == [(1,)] * (len(enables) - 1)
    assert 3 <= len(enables) - 1 <= 5
    assert tap.writes[-1].values == (0,)
    assert end.device.setpoint_kw() is None
    assert setpoint.ended_at is not None
    assert setpoint.ended_at >= setpoint.expires_at


def test_device_lets_go_when_nobody_polls_any_more(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    end = devices.start(battery_server())
    battery = battery_make(port=end.port, poll_period_s=PERIOD_S)
    with polling(poller):
        setpoint = ask(battery, 42.0, reversion_s=1)
        eventually(lambda: status_of(setpoint) == SetpointStatus.APPLIED)

    eventually(lambda: devices.run(_report(end))["setpoint_kw"] is None, 5.0)
    with polling(poller):
        eventually(lambda: status_of(setpoint) == SetpointStatus.REVERTED)

    assert "reversion timer" in setpoint.error


async def _report(end: FreePortServer) -> dict[str, Any]:
    return end.device.report()


def test_read_only_device_gets_no_write_at_all(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    """Also when control is switched off after the request was accepted."""
    tap = devices.tap(devices.start(battery_server()).port)
    battery = battery_make(port=tap.port, poll_period_s=PERIOD_S)
    setpoint = ask(battery, 42.0)
    Device.objects.filter(pk=battery.pk).update(control_enabled=False)

    with polling(poller):
        eventually(lambda: status_of(setpoint) == SetpointStatus.REFUSED)
        eventually(lambda: Reading.objects.count() >= 15)

    assert tap.writes == []
    assert {request.function for request in tap.requests} == {3}


def test_control_switched_off_leaves_the_device_to_its_timer(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    tap = devices.tap(devices.start(battery_server()).port)
    battery = battery_make(port=tap.port, poll_period_s=PERIOD_S)

    with polling(poller):
        setpoint = ask(battery, 42.0, reversion_s=2)
        eventually(lambda: status_of(setpoint) == SetpointStatus.APPLIED)
        Device.objects.filter(pk=battery.pk).update(control_enabled=False)
        writes = len(tap.writes)
        eventually(lambda: status_of(setpoint) == SetpointStatus.REVERTED)

    assert len(tap.writes) == writes


def test_setpoint_waits_for_a_silent_device(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    end = devices.start(battery_server())
    battery = battery_make(port=end.port, poll_period_s=PERIOD_S)
    end.fault = Fault.SILENT

    with polling(poller):
        setpoint = ask(battery, 42.0)
        eventually(lambda: "no answer" in Setpoint.objects.get(pk=setpoint.pk).error)
        assert status_of(setpoint) == SetpointStatus.REQUESTED
        end.fault = None
        eventually(lambda: status_of(setpoint) == SetpointStatus.APPLIED)

    assert setpoint.error == ""


def test_a_device_that_shows_another_value_fails_the_setpoint(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    image = Battery("guadeloupe", island_battery(), SystemClock()).image
    end = devices.start(RegisterDevice({1: {BASE_ADDRESS: image.registers}}))
    wset = image.address(704, "WSet")
    end.stuck = {wset: 0, wset + 1: 10_000}
    battery = battery_make(port=end.port, poll_period_s=PERIOD_S)

    with polling(poller):
        setpoint = ask(battery, 42.0)
        eventually(lambda: status_of(setpoint) == SetpointStatus.FAILED)

    assert (setpoint.error_code, setpoint.readback_kw) == ("setpoint.readback", -10.0)


def test_a_device_that_refuses_the_write_fails_the_setpoint(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    image = Battery("guadeloupe", island_battery(), SystemClock()).image
    end = devices.start(RegisterDevice({1: {BASE_ADDRESS: image.registers}}))
    end.write_exception = ExcCodes.ILLEGAL_VALUE
    battery = battery_make(port=end.port, poll_period_s=PERIOD_S)

    with polling(poller):
        setpoint = ask(battery, 42.0)
        eventually(lambda: status_of(setpoint) == SetpointStatus.FAILED)

    assert setpoint.error_code == "setpoint.device_refused"
    assert "illegal data value" in setpoint.error
