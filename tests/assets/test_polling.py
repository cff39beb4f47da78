"""Polling of real sockets: readings, bad devices, set-points on the wire, leases, lost database."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from pymodbus.constants import ExcCodes

from apps.assets.choices import ConnectionState, SetpointStatus
from apps.assets.drivers.poller import Poller, grid_phase_s
from apps.assets.models import Device, PollShard, Reading, SensorLatest, Setpoint
from apps.assets.selectors import devices_latest
from apps.assets.services import (
    setpoint_request,
    shard_hold,
    shard_release,
    shard_take,
    shards_ensure,
    shards_free,
)
from apps.assets.services.polling import shard_poll
from apps.simulation.clock import SystemClock
from apps.simulation.devices.battery import Battery
from apps.simulation.devices.server import Fault
from apps.simulation.devices.sunspec_image import BASE_ADDRESS
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
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
from tests.contracts.register_device import RegisterDevice

PERIOD_S = 0.2
FLUSH_S = 0.1
PATIENCE_S = 15.0

pytestmark = pytest.mark.usefixtures("live_operators")


@pytest.fixture
def poller() -> Iterator[Poller]:
    poller = Poller()
    yield poller
    poller.close()


@pytest.fixture
def guadeloupe(live_operators: tuple[Operator, Operator]) -> Iterator[str]:
    with operator_context("guadeloupe"):
        yield "guadeloupe"


def eventually(holds: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What `holds` gives once it is true; fails after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if result := holds():
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {patience_s} s")


def the_shard() -> int:
    shards_ensure()
    return PollShard.objects.get().pk


@contextmanager
def polling(poller: Poller, schema: str = "guadeloupe", **options: Any) -> Iterator[list[object]]:
    """Poll the operator's one shard in a thread, as a worker does, until the block ends."""
    stop, results = threading.Event(), []
    with operator_context(schema):
        shard_id = the_shard()

    def work() -> None:
        try:
            with operator_context(schema):
                results.append(
                    shard_poll(
                        shard_id=shard_id,
                        stop=stop,
                        poller=poller,
                        run_s=60.0,
                        flush_s=FLUSH_S,
                        **options,
                    )
                )
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield results
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def state_of(device: Device) -> str:
    device.refresh_from_db()
    return str(device.connection_state)


def ask(device: Device, power_kw: float, *, lasts_s: float = 60, reversion_s: int = 60) -> Setpoint:
    return setpoint_request(
        device_id=device.pk,
        power_kw=power_kw,
        source="plan",
        reason="test",
        expires_at=utc_now() + timedelta(seconds=lasts_s),
        reversion_s=reversion_s,
    )


def status_of(setpoint: Setpoint) -> str:
    setpoint.refresh_from_db()
    return str(setpoint.status)


def test_without_rows_there_is_no_shard(operator_a: Operator) -> None:
    assert shards_ensure() == 0
    assert shards_free() == []


# --- readings ---


def test_readings_of_a_battery_and_a_pv_plant(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    battery_end, pv_end = devices.start(battery_server()), devices.start(pv_server())
    battery = battery_make(port=battery_end.port, poll_period_s=PERIOD_S)
    pv = pv_make(port=pv_end.port, poll_period_s=PERIOD_S)

    with polling(poller) as results:
        eventually(lambda: Reading.objects.count() >= 25)

    assert results == [True]
    now_battery, now_pv = devices_latest(now=utc_now())
    assert now_battery.soc_percent == pytest.approx(50.0, abs=0.5)
    assert now_battery.power_kw == 0.0
    # Noon: the simulated plant produces, so its power and its net counter are negative.
    assert now_pv.power_kw == pytest.approx(-pv_end.device.production_kw, abs=0.01)
    assert now_pv.power_kw < -10
    assert now_pv.energy_kwh == pytest.approx(-pv_end.device.produced_kwh, rel=1e-3)
    assert (now_battery.quality, now_pv.quality) == ("good", "good")
    battery.refresh_from_db()
    assert (battery.connection_state, battery.last_error) == (ConnectionState.OK, "")
    assert (battery.manufacturer, battery.model_name) == ("Cariflex Simulation", "Sim ESS 100")
    assert battery.sunspec_models == "1, 701, 702, 704, 713"
    assert battery.last_seen_at is not None
    assert PollShard.objects.get().holder is None
    assert pv.pk != battery.pk


def test_polls_stay_on_the_grid_and_go_on_from_lease_to_lease(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    battery = battery_make(port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)
    shard_id = the_shard()
    stop = threading.Event()

    for _lease in range(4):
        assert shard_poll(shard_id=shard_id, stop=stop, poller=poller, run_s=0.7, flush_s=FLUSH_S)

    at = list(
        Reading.objects.filter(sensor_id=battery.sensors.get(quantity="power_kw").pk)
        .order_by("at")
        .values_list("at", flat=True)
    )
    steps = [(b - a).total_seconds() for a, b in zip(at, at[1:], strict=False)]
    drift_s = (at[-1] - at[0]).total_seconds() % PERIOD_S
    assert len(at) >= 10
    assert poller.statistics.missed == 0
    assert max(steps) < 2 * PERIOD_S
    assert min(drift_s, PERIOD_S - drift_s) < 0.1
    # One connection for all leases: the device was scanned once.
    assert poller.statistics.failed == 0


def test_another_worker_makes_good_the_instant_between_two_leases(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    """A poll that fell due after the last lease and before this one, in a process new to it."""
    battery = battery_make(port=devices.start(battery_server()).port, poll_period_s=2.0)
    phase_s = grid_phase_s(battery.pk, 2.0)
    heir = Poller()
    try:
        shard_id, stop = the_shard(), threading.Event()
        _sleep_until(phase_s, 2.0, before_s=0.5)
        assert shard_poll(shard_id=shard_id, stop=stop, poller=poller, run_s=1.0, flush_s=FLUSH_S)
        _sleep_until(phase_s, 2.0, before_s=-0.2)
        assert shard_poll(shard_id=shard_id, stop=stop, poller=heir, run_s=1.0, flush_s=FLUSH_S)
    finally:
        heir.close()

    sensor = battery.sensors.get(quantity="power_kw").pk
    first, second = (
        Reading.objects.filter(sensor_id=sensor).order_by("at").values_list("at", flat=True)
    )
    assert (second - first).total_seconds() == pytest.approx(2.2, abs=0.4)


def _sleep_until(phase_s: float, period_s: float, *, before_s: float) -> None:
    """Wait for the moment `before_s` before the next instant of the grid."""
    now_s = time.time()
    time.sleep((phase_s - before_s - now_s) % period_s)


def test_readings_of_an_operator_go_to_its_schema(
    live_operators: tuple[Operator, Operator], devices: DeviceLoop, poller: Poller
) -> None:
    """Both operators' first battery has the same id, in one process, at the same time."""
    ids = []
    for schema in ("guadeloupe", "martinique"):
        server = devices.start(battery_server())
        devices.run(_soc(server, 20.0 if schema == "guadeloupe" else 80.0))
        with operator_context(schema):
            ids.append(battery_make(port=server.port, poll_period_s=PERIOD_S).pk)
    assert ids[0] == ids[1]

    with polling(poller, "guadeloupe"), polling(poller, "martinique"):
        for schema in ("guadeloupe", "martinique"):
            with operator_context(schema):
                eventually(lambda: Reading.objects.count() >= 9)

    for schema, soc_percent in (("guadeloupe", 20.0), ("martinique", 80.0)):
        with operator_context(schema):
            (battery,) = devices_latest(now=utc_now())
            assert battery.soc_percent == pytest.approx(soc_percent, abs=0.5)


async def _soc(server: FreePortServer, percent: float) -> None:
    assert isinstance(server.device, Battery)
    server.device.soc_set(percent)


# --- bad devices ---


@pytest.mark.parametrize(
    ("fault", "state", "error"),
    [
        (Fault.SILENT, ConnectionState.SILENT, "no answer within 1 s"),
        (Fault.REFUSE, ConnectionState.SILENT, "cannot connect"),
        (Fault.EXCEPTION, ConnectionState.ERROR, "exception 4 (device failure)"),
        (Fault.GARBAGE, ConnectionState.ERROR, ""),
    ],
)
def test_a_bad_device_does_not_delay_the_others(
    guadeloupe: str,
    devices: DeviceLoop,
    poller: Poller,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    state: str,
    error: str,
) -> None:
    bad_end, good_end = devices.start(battery_server()), devices.start(battery_server())
    bad = battery_make("bat-01", port=bad_end.port, poll_period_s=PERIOD_S)
    good = battery_make("bat-02", port=good_end.port, poll_period_s=PERIOD_S)
    good_sensor = good.sensors.get(quantity="power_kw").pk
    caplog.set_level(logging.INFO, "apps.assets")

    with polling(poller):
        eventually(lambda: state_of(bad) == ConnectionState.OK)
        fault_port = bad_end.port
        devices.run(bad_end.fault_set(fault))
        eventually(lambda: state_of(bad) == state)
        assert error in bad.last_error
        began = utc_now()
        eventually(lambda: Reading.objects.filter(sensor_id=good_sensor, at__gt=began).count() >= 8)
        took_s = (utc_now() - began).total_seconds()
        eventually(lambda: devices_latest(now=utc_now())[0].quality == "stale")
        bad_end.port = fault_port
        devices.run(bad_end.fault_set(None))
        eventually(lambda: state_of(bad) == ConnectionState.OK)

    # 8 polls of 0.2 s; with each of the bad one's time-outs in between it would be 8 s or more.
    assert took_s < 4.0
    assert bad.last_error == ""
    lines = [r.getMessage().split()[0] for r in caplog.records if "bat-01" in r.getMessage()]
    assert lines == ["device.unavailable", "device.recovered"]
    assert not [r for r in caplog.records if "bat-02" in r.getMessage()]


def test_a_device_that_appears_late_is_picked_up(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    end = devices.start(battery_server())
    port = end.port
    devices.run(end.stop())
    battery = battery_make(port=port, poll_period_s=PERIOD_S)

    with polling(poller):
        eventually(lambda: state_of(battery) == ConnectionState.SILENT)
        end.port = port
        devices.run(end.start())
        began_s = time.monotonic()
        eventually(lambda: state_of(battery) == ConnectionState.OK)

    assert time.monotonic() - began_s < 10.0


def test_a_device_that_is_registered_while_polling_is_picked_up(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    battery_make("bat-01", port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)

    with polling(poller):
        late = battery_make(
            "bat-02", port=devices.start(battery_server()).port, poll_period_s=PERIOD_S
        )
        assert shards_ensure() == 1
        eventually(lambda: state_of(late) == ConnectionState.OK)

    assert PollShard.objects.count() == 1


def test_an_impossible_value_is_kept_as_bad(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    """A device of 100 kW that claims 320 kW."""
    image = Battery("guadeloupe", island_battery(), SystemClock()).image
    image.scale(701, "W", -320_000)
    end = devices.start(RegisterDevice({1: {BASE_ADDRESS: image.registers}}))
    battery_make(port=end.port, poll_period_s=PERIOD_S)

    with polling(poller):
        eventually(lambda: SensorLatest.objects.exists())

    (battery,) = devices_latest(now=utc_now())
    assert (battery.power_kw, battery.quality) == (320.0, "bad")


# --- set-points on the wire ---


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


# --- leases ---


def test_only_one_of_two_workers_gets_the_shard(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    battery_make(port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)

    with polling(poller) as first:
        eventually(lambda: Reading.objects.exists())
        with polling(poller) as second:
            eventually(lambda: second)

    assert (first, second) == ([True], [False])


def test_a_race_for_the_lease_has_one_winner(guadeloupe: str) -> None:
    battery_make()
    shard_id = the_shard()
    barrier, won = threading.Barrier(6), []

    def race() -> None:
        try:
            with operator_context("guadeloupe"):
                barrier.wait(10)
                won.append(shard_take(shard_id=shard_id, holder=uuid.uuid4(), worker="w"))
        finally:
            connection.close()

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(won) == [False] * 5 + [True]


def test_the_lease_of_a_killed_worker_runs_out(guadeloupe: str) -> None:
    battery_make()
    shard_id, dead, heir = the_shard(), uuid.uuid4(), uuid.uuid4()
    assert shard_take(shard_id=shard_id, holder=dead, worker="dead", lease_s=0.3)
    assert not shard_take(shard_id=shard_id, holder=heir, worker="heir")
    assert shards_free() == []

    eventually(lambda: shards_free() == [shard_id], 3.0)

    assert shard_take(shard_id=shard_id, holder=heir, worker="heir")
    assert not shard_hold(shard_id=shard_id, holder=dead)
    assert not shard_release(shard_id=shard_id, holder=dead)
    assert shard_hold(shard_id=shard_id, holder=heir)
    assert shard_release(shard_id=shard_id, holder=heir)
    assert shards_free() == [shard_id]


def test_a_worker_that_lost_its_lease_stops(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    battery_make(port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)

    with polling(poller) as results:
        eventually(lambda: Reading.objects.exists())
        PollShard.objects.update(holder=uuid.uuid4())
        eventually(lambda: results)

    assert results == [False]
    assert PollShard.objects.get().holder is not None


def test_readings_survive_a_lost_database_connection(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    battery = battery_make(port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)
    sensor = battery.sensors.get(quantity="power_kw").pk

    with polling(poller) as results:
        eventually(lambda: Reading.objects.exists())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.fetchone()[0] >= 1
        killed_at: datetime = utc_now()
        eventually(
            lambda: Reading.objects.filter(
                sensor_id=sensor, at__gt=killed_at + timedelta(seconds=1)
            ).exists()
        )

    at = list(Reading.objects.filter(sensor_id=sensor).order_by("at").values_list("at", flat=True))
    assert results == [True]
    assert max((b - a).total_seconds() for a, b in zip(at, at[1:], strict=False)) < 2.5 * PERIOD_S


# --- shards ---


def test_shards_hold_whole_gateways_and_no_more_than_twenty(guadeloupe: str) -> None:
    for n in range(45):
        battery_make(f"bat-{n:02d}", host=f"192.0.2.{n // 2 + 1}", unit_id=n % 2 + 1)

    assert shards_ensure() == 45
    assert shards_ensure() == 0

    gateways: dict[int, set[str]] = {}
    for shard_id, host in Device.objects.values_list("shard_id", "host"):
        gateways.setdefault(shard_id, set()).add(host)
    assert sorted(len(hosts) for hosts in gateways.values()) == [3, 20]
    assert len(set.union(*gateways.values())) == 23


def test_a_device_that_moves_to_another_gateway_finds_its_shard(guadeloupe: str) -> None:
    battery_make("bat-01", host="192.0.2.1")
    shards_ensure()

    battery_make("bat-01", host="192.0.2.9")

    assert Device.objects.get().shard_id is None
    assert shards_ensure() == 1
