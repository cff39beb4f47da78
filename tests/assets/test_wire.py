"""What goes over the wire, seen by a tap between the poll loop and a simulated device.

The tap notes each function code. No fake stands between the set-point service and the socket: the
requests are rows of the database, written by the loop that a worker runs.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.assets.choices import SetpointSource, SetpointStatus
from apps.assets.drivers.poller import Poller, PollSession
from apps.assets.drivers.write_guard import WriteLeave
from apps.assets.models import Device, Reading, Setpoint
from apps.assets.services import hands_off_set, setpoint_request
from apps.simulation.clock import SystemClock
from apps.simulation.devices.sunspec_image import SunspecImage
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.assets.conftest import (
    DeviceLoop,
    FreePortServer,
    battery_make,
    battery_server,
    pv_make,
    pv_server,
)
from tests.assets.polling import PERIOD_S, ask, eventually, polling, status_of
from tests.contracts.modbus_tap import READ_HOLDING, ModbusTap, Request

pytestmark = pytest.mark.usefixtures("live_operators")

WRITE_REGISTERS = 16
WRITES_OF_ONE_SETPOINT = 3


class MovedClock(SystemClock):
    """The machine's clock, put forward at will: nobody waits for a timer."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def move(self, seconds: float) -> None:
        self._ahead_s += seconds

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead_s

    def utc(self) -> datetime:
        return super().utc() + timedelta(seconds=self._ahead_s)


def functions(tap: ModbusTap) -> set[int]:
    return {request.function for request in tap.requests}


def setpoint_kw(devices: DeviceLoop, end: FreePortServer) -> float | None:
    """What the simulated battery obeys now; its own timer has its say first."""

    async def look() -> float | None:
        end.device.advance()
        return end.device.setpoint_kw()  # type: ignore[attr-defined, no-any-return]

    return devices.run(look())


def readings_grow(count: int) -> None:
    before = Reading.objects.count()
    eventually(lambda: Reading.objects.count() >= before + count)


def written(setpoint: Setpoint) -> Callable[[], bool]:
    return lambda: status_of(setpoint) == SetpointStatus.APPLIED


# --- no write at all ---


def read_only(device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(control_enabled=False)


def hands_off_device(device: Device) -> None:
    hands_off_set(device=device, is_on=True, reason="work on it", changed_by=None)


def hands_off_site(device: Device) -> None:
    hands_off_set(site=device.site, is_on=True, reason="storm", changed_by=None)


NEVER_WRITTEN = [read_only, hands_off_device, hands_off_site]


@pytest.mark.parametrize("shut", NEVER_WRITTEN)
def test_a_device_that_is_shut_gets_no_write_whoever_asks(
    guadeloupe: str, devices: DeviceLoop, poller: Poller, shut: Callable[[Device], None]
) -> None:
    tap = devices.tap(devices.start(battery_server()).port)
    battery = battery_make(port=tap.port, poll_period_s=PERIOD_S)
    shut(battery)

    with polling(poller):
        for source in SetpointSource:
            with pytest.raises(DomainError):
                setpoint_request(
                    device_id=battery.pk, power_kw=42.0, source=source, reason="now!",
                    expires_at=utc_now() + timedelta(minutes=5),
                )  # fmt: skip
            # As if the refusal had been got round: the loop looks for itself.
            forced = Setpoint.objects.create(
                device=battery, power_kw=42.0, source=source, reason="forced",
                requested_at=utc_now(), expires_at=utc_now() + timedelta(minutes=5),
            )  # fmt: skip
            eventually(lambda row=forced: status_of(row) == SetpointStatus.REFUSED)
        readings_grow(15)

    assert tap.writes == []
    assert functions(tap) == {READ_HOLDING}


@pytest.mark.usefixtures("short_reversion")
@pytest.mark.parametrize("shut", NEVER_WRITTEN)
def test_shut_while_a_set_point_holds_it_is_neither_refreshed_nor_released(
    guadeloupe: str, devices: DeviceLoop, poller: Poller, shut: Callable[[Device], None]
) -> None:
    """Due for its refresh after 2 s; the device lets go by itself after 4 s."""
    end = devices.start(battery_server())
    tap = devices.tap(end.port)
    battery = battery_make(port=tap.port, poll_period_s=PERIOD_S)

    with polling(poller):
        setpoint = ask(battery, 42.0, reversion_s=4)
        eventually(written(setpoint))
        shut(battery)
        count = len(tap.writes)
        eventually(lambda: setpoint_kw(devices, end) is None)
        eventually(lambda: status_of(setpoint) in (SetpointStatus.REFUSED, SetpointStatus.REVERTED))
        readings_grow(10)

    assert (count, len(tap.writes)) == (WRITES_OF_ONE_SETPOINT, WRITES_OF_ONE_SETPOINT)
    assert setpoint.readback_kw == 42.0


@pytest.fixture
def renewals(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[int]]:
    """The leaves to write that the loop gave, in order."""
    seen: list[frozenset[int]] = []
    renew = WriteLeave.renew

    def spy(leave: WriteLeave, setpoint_ids: frozenset[int], *, asked_at_s: float) -> None:
        renew(leave, setpoint_ids, asked_at_s=asked_at_s)
        seen.append(setpoint_ids)

    monkeypatch.setattr(WriteLeave, "renew", spy)
    return seen


@pytest.fixture
def commanded(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once a command is in the event loop."""
    event = threading.Event()
    command = PollSession.command

    def spy(session: PollSession, commands: Any) -> None:
        command(session, commands)
        event.set()

    monkeypatch.setattr(PollSession, "command", spy)
    return event


@pytest.mark.parametrize("is_shut", [True, False])
def test_a_write_that_waits_for_its_turn_is_dropped(
    guadeloupe: str,
    devices: DeviceLoop,
    poller: Poller,
    renewals: list[frozenset[int]],
    commanded: threading.Event,
    is_shut: bool,  # noqa: FBT001
) -> None:
    """The window between the flush's query and the frame: here as wide as a slow device makes it.

    A read is stuck in the device, a set-point waits behind it on the connection; then the switch is
    put on, then the device goes on. Without the switch the same set-point is written.
    """
    tap = devices.tap(devices.start(battery_server()).port)
    battery = battery_make(port=tap.port, poll_period_s=PERIOD_S)
    Device.objects.update(timeout_s=30.0)

    with polling(poller):
        readings_grow(3)
        devices.run(_close(tap))
        stuck = len(tap.requests)
        eventually(lambda: len(tap.requests) > stuck)
        setpoint = ask(battery, 42.0)
        assert commanded.wait(10)
        if is_shut:
            hands_off_device(battery)
        flushes = len(renewals)
        eventually(lambda: len(renewals) >= flushes + 2)
        devices.run(_open(tap))
        if is_shut:
            readings_grow(10)
        else:
            eventually(written(setpoint))

    assert len(tap.writes) == (0 if is_shut else WRITES_OF_ONE_SETPOINT)
    if is_shut:
        assert functions(tap) == {READ_HOLDING}
        assert (status_of(setpoint), setpoint.error_code) == ("refused", "setpoint.hands_off")


async def _close(tap: ModbusTap) -> None:
    tap.gate.clear()


async def _open(tap: ModbusTap) -> None:
    tap.gate.set()


def test_the_switch_of_one_operator_leaves_the_devices_of_the_other_alone(
    live_operators: tuple[Operator, Operator], devices: DeviceLoop, poller: Poller
) -> None:
    """Both have one battery with the same id, polled by the same process."""
    taps = {}
    for schema in ("guadeloupe", "martinique"):
        taps[schema] = devices.tap(devices.start(battery_server()).port)
        with operator_context(schema):
            battery = battery_make(port=taps[schema].port, poll_period_s=PERIOD_S)
    with operator_context("guadeloupe"):
        hands_off_site(Device.objects.get())

    with polling(poller, "guadeloupe"), polling(poller, "martinique"):
        with operator_context("martinique"):
            assert Device.objects.get().pk == battery.pk
            eventually(written(ask(battery, 42.0)))
        with operator_context("guadeloupe"):
            readings_grow(10)

    assert len(taps["martinique"].writes) == WRITES_OF_ONE_SETPOINT
    assert functions(taps["guadeloupe"]) == {READ_HOLDING}


# --- each write is read back, in the right order ---


def groups(tap: ModbusTap, enable: int) -> list[tuple[list[Request], list[Request]]]:
    """The writes of each set-point, up to its enable, with the reads until the next write."""
    found: list[tuple[list[Request], list[Request]]] = []
    writes: list[Request] = []
    for request in tap.requests:
        if request.function == READ_HOLDING:
            if found and not writes:
                found[-1][1].append(request)
            continue
        writes.append(request)
        if request.address == enable:
            found.append((writes, []))
            writes = []
    assert writes == [], "a set-point without enable"
    return found


def assert_read_back(writes: list[Request], reads: list[Request]) -> None:
    """The reads cover each register that was written."""
    shown = {address for read in reads for address in _addresses(read)}
    for write in writes:
        assert set(_addresses(write)) <= shown, f"{write} is not read back"


def _addresses(request: Request) -> range:
    return range(request.address, request.address + request.count)


def address_of(image: SunspecImage, model: int, name: str) -> int:
    return image.address(model, name)


BATTERY_POINTS = (704, "WSet", "WSetRvrtTms", "WSetEna")
PV_POINTS = (123, "WMaxLimPct", "WMaxLimPct_RvrtTms", "WMaxLim_Ena")


@pytest.mark.usefixtures("short_reversion")
@pytest.mark.parametrize(
    ("server", "make", "points", "power_kw"),
    [
        (battery_server, battery_make, BATTERY_POINTS, 42.0),
        (pv_server, pv_make, PV_POINTS, -5.0),
    ],
)
def test_each_write_is_value_timer_enable_and_read_back_as_long_as_it_is_refreshed(
    guadeloupe: str,
    devices: DeviceLoop,
    poller: Poller,
    server: Callable[[], FreePortServer],
    make: Callable[..., Device],
    points: tuple[int, str, str, str],
    power_kw: float,
) -> None:
    """2 s of reversion, restarted each second: written at least four times, never let go."""
    end = devices.start(server())
    tap = devices.tap(end.port)
    device = make(port=tap.port, poll_period_s=PERIOD_S)
    model, *names = points
    value, timer, enable = (end.device.image.address(model, name) for name in names)

    with polling(poller):
        setpoint = ask(device, power_kw, reversion_s=2)
        eventually(written(setpoint))
        eventually(lambda: len([w for w in tap.writes if w.address == enable]) >= 4)
        assert status_of(setpoint) == SetpointStatus.APPLIED

    assert setpoint.readback_kw == power_kw
    assert setpoint.refreshed_at is not None
    assert setpoint.written_at is not None
    assert setpoint.refreshed_at > setpoint.written_at
    found = groups(tap, enable)
    assert len(found) >= 4
    # The poll loop ends with the last group; it finishes what it began.
    for writes, reads in found:
        assert {w.function for w in writes} == {WRITE_REGISTERS}
        order = [address for write in writes for address in _addresses(write)]
        assert order.index(value) < order.index(enable)
        assert order.index(timer) < order.index(enable)
        assert order[-1] == enable
        assert writes[-1].values == (1,)
        assert_read_back(writes, reads)


def test_a_ramp_goes_in_steps_each_read_back(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    """0 to 50 kW with 20 kW/s: 20, about 40, 50."""
    end = devices.start(battery_server())
    tap = devices.tap(end.port)
    battery = battery_make(port=tap.port, poll_period_s=PERIOD_S)
    Device.objects.update(ramp_kw_per_s=20.0)
    value = end.device.image.address(704, "WSet")
    enable = end.device.image.address(704, "WSetEna")

    with polling(poller):
        readings_grow(1)
        setpoint = ask(battery, 50.0)
        eventually(lambda: written(setpoint)() and setpoint.applied_kw == 50.0)

    steps = []
    for writes, reads in groups(tap, enable):
        steps.append(_charging_kw(writes, value))
        assert_read_back(writes, reads)
    assert steps[0] == 20.0
    assert steps[-1] == 50.0
    assert 3 <= len(steps) <= 4
    # No step is more than two seconds' worth, none goes back.
    assert all(0 < after - before <= 40.0 for before, after in zip(steps, steps[1:], strict=False))
    assert (setpoint.ramp_from_kw, setpoint.readback_kw) == (0.0, 50.0)


def _charging_kw(writes: list[Request], value: int) -> float:
    """The battery's power on the wire: 32 bits of watts, discharge positive."""
    for write in writes:
        if value in _addresses(write):
            high, low = write.values[value - write.address : value - write.address + 2]
            watts = (high << 16) + low
            return -(watts - (1 << 32) if watts >= 1 << 31 else watts) / 1000.0
    raise AssertionError("no value was written")


# --- the device falls back ---


def test_a_device_falls_back_within_its_reversion_time_when_the_poller_stops(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    clock = MovedClock()
    end = devices.start(battery_server(clock=clock))
    tap = devices.tap(end.port)
    battery = battery_make(port=tap.port, poll_period_s=PERIOD_S)
    with polling(poller):
        eventually(written(ask(battery, 42.0, reversion_s=3600)))
    count = len(tap.writes)
    assert setpoint_kw(devices, end) == 42.0

    clock.move(3600)

    assert setpoint_kw(devices, end) is None
    assert len(tap.writes) == count == WRITES_OF_ONE_SETPOINT


def test_a_device_keeps_its_set_point_until_its_time_is_over(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    """A short absence (a worker that is replaced) is not felt."""
    clock = MovedClock()
    end = devices.start(battery_server(clock=clock))
    battery = battery_make(port=end.port, poll_period_s=PERIOD_S)
    with polling(poller):
        eventually(written(ask(battery, 42.0, reversion_s=3600)))

    clock.move(1800)

    assert setpoint_kw(devices, end) == 42.0
