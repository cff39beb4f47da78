"""A device model added by a YAML file alone is polled over a socket: no Python besides."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from apps.assets.drivers import registry
from apps.assets.drivers.map_library import library
from apps.assets.drivers.poller import Poller, Sample
from apps.assets.drivers.registry import DeviceSpec
from tests.contracts.table_device import TableDevice

NEW_MODEL = """\
schema: 1
id: karukera_battery
version: 3
vendor: Karukéra Énergie
model: Ti Batri 20
names: {fr: Petite batterie, en: Small battery, es: Batería pequeña}
kinds: [battery]
tried_on: documentation
source: {title: Registers of the Ti Batri, publisher: Karukéra Énergie, revision: B, date: 2026-03,
         link: "https://karukera.test/registers", checked_with: nothing}
connection: {port: 502, unit_id: 5}
identity: {manufacturer: Karukéra Énergie, serial: serial}
identification:
  - {point: model_code, one_of: [4201]}
groups:
  fast: {}
points:
  - {name: model_code, address: 100, type: u16}
  - {name: serial, address: 101, type: string, registers: 4}
  - {name: power, quantity: power_kw, address: 110, type: s16, scale: 10, unit: W,
     sign: injection, group: fast, valid: [-25000, 25000]}
  - {name: soc, quantity: soc_percent, address: 111, type: u16, scale: 0.1, unit: "%",
     group: fast, valid: [0, 100]}
  - {name: charged, quantity: energy_import_kwh, table: input, address: 7, type: u32, unit: kWh,
     scale: 0.1, group: fast}
"""
REGISTERS = {
    # "TB-00042" in four registers; 0xFF38 = -200 x 10 W: charging 2 kW; 54.3 %; 1234.5 kWh.
    "holding": {
        100: [4201, 0x5442, 0x2D30, 0x3030, 0x3432, 0, 0, 0, 0, 0, 0xFF38, 543],
    },
    "input": {7: [0, 12345]},
}


@contextmanager
def running(device: TableDevice) -> Iterator[None]:
    """The device in a thread of its own, as on another machine."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(device.start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(device.stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@pytest.fixture
def new_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "karukera_battery.yaml"
    path.write_text(NEW_MODEL, "utf-8")
    monkeypatch.setattr(library, "_directories", [*library._directories, tmp_path])
    monkeypatch.setattr(library, "_maps", None)
    return path


def test_a_yaml_file_alone_adds_a_device_model_that_is_polled(new_model: Path) -> None:
    choice = registry.driver_choice("karukera_battery")
    assert choice is not None
    assert (choice.vendor, choice.kinds, choice.can_control) == (
        "Karukéra Énergie",
        ("battery",),
        False,
    )
    device = TableDevice(REGISTERS, unit_id=5)
    poller = Poller()

    with running(device):
        session = poller.open("island")
        session.poll([_spec(device.port)])
        sample = _first_sample(session.events)
        session.stop()
        poller.close()

    assert sample.identity.manufacturer == "Karukéra Énergie"
    assert sample.identity.serial_number == "TB-00042"
    assert sample.identity.driver_version == 3
    assert sample.measurement.values == {
        ("power_kw", ""): 2.0,
        ("soc_percent", ""): 54.3,
        ("energy_import_kwh", ""): 1234.5,
    }
    assert device.writes == []


def test_the_directory_of_own_maps_comes_from_the_environment(new_model: Path) -> None:
    environment = {
        **os.environ,
        "CARIFLEX_DEVICE_MAPS": str(new_model.parent),
        # Nothing answers there: the command needs neither.
        "DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }

    listed = subprocess.run(
        [sys.executable, "manage.py", "map_check", "--list"],
        cwd=Path(__file__).parents[3],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    [line] = [line for line in listed.splitlines() if line.startswith("karukera_battery")]
    assert "v3  Karukéra Énergie Ti Batri 20  [battery]  read only" in line
    assert "from documentation, not tried on hardware" in line


def _spec(port: int) -> DeviceSpec:
    return DeviceSpec(
        device_id=1,
        code="BAT",
        driver="karukera_battery",
        host="127.0.0.1",
        port=port,
        unit_id=5,
        poll_period_s=0.5,
        is_battery=True,
        rated_power_kw=20.0,
    )


def _first_sample(events: object) -> Sample:
    until = monotonic() + 60
    while monotonic() < until:
        for event in list(events):  # type: ignore[call-overload]
            if isinstance(event, Sample):
                return event
        sleep(0.02)
    raise AssertionError(f"no sample: {events}")
