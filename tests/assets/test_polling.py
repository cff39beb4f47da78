"""Polling of real sockets: readings, and bad devices that do not hold up the others."""

import logging
import threading
import time

import pytest

from apps.assets.choices import ConnectionState
from apps.assets.drivers.poller import Poller, grid_phase_s
from apps.assets.models import PollShard, Reading, SensorLatest
from apps.assets.selectors import devices_latest
from apps.assets.services import (
    shards_ensure,
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
from tests.assets.polling import (
    FLUSH_S,
    PERIOD_S,
    eventually,
    polling,
    state_of,
    the_shard,
)
from tests.contracts.register_device import RegisterDevice

pytestmark = pytest.mark.usefixtures("live_operators")


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
    # Noon: the simulated plant produces, so its power is negative; its counter only grows.
    assert now_pv.power_kw == pytest.approx(-pv_end.device.production_kw, abs=0.01)
    assert now_pv.power_kw < -10
    assert now_pv.energy_export_kwh == pytest.approx(pv_end.device.produced_kwh, rel=1e-3)
    assert now_pv.energy_import_kwh is None
    assert (now_battery.quality, now_pv.quality) == ("good", "good")
    battery.refresh_from_db()
    assert (battery.connection_state, battery.last_error) == (ConnectionState.OK, "")
    assert (battery.manufacturer, battery.model_name) == ("Cariflex Simulation", "Sim ESS 100")
    assert battery.sunspec_models == "1, 701, 702, 704, 713"
    assert battery.last_seen_at is not None
    assert PollShard.objects.get().holder is None
    assert pv.pk != battery.pk


@pytest.mark.quiet
def test_polls_stay_on_the_grid_and_go_on_from_lease_to_lease(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    battery = battery_make(port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)
    shard_id = the_shard()
    stop = threading.Event()

    for _lease in range(4):
        assert shard_poll(shard_id=shard_id, stop=stop, poller=poller, run_s=0.7, flush_s=FLUSH_S)

    at = list(
        Reading.objects.filter(sensor_id=battery.sensors.get(quantity="power_kw", channel="").pk)
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


@pytest.mark.quiet
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

    sensor = battery.sensors.get(quantity="power_kw", channel="").pk
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
@pytest.mark.quiet
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
    good_sensor = good.sensors.get(quantity="power_kw", channel="").pk
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
    # What is wrong with a device is told once, by its alarm: not at every poll that fails.
    told = [r.getMessage() for r in caplog.records if f"device={bad.pk} " in r.getMessage()]
    assert len(told) <= 2
    assert all("alarm." in line for line in told)


@pytest.mark.quiet
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
