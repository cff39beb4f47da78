"""The process of many light devices, and the protocol code of the simulated gateway."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient
from pymodbus.framer import FramerType

from apps.simulation.devices.frames import (
    RequestFrame,
    crc16,
    rtu_build,
    rtu_split,
    tcp_build,
    tcp_split,
)
from tests.simulation.conftest import free_port

ROOT = Path(__file__).resolve().parents[2]
READ = bytes.fromhex("0300640002")


def test_tcp_requests_are_split_wherever_the_network_cuts_them() -> None:
    frame = bytes.fromhex("000700000006 11") + READ

    assert tcp_split(frame[:5]) == ([], frame[:5])
    assert tcp_split(frame + frame[:3]) == ([RequestFrame(7, 0x11, READ)], frame[:3])


def test_rtu_requests_are_split_and_broken_ones_dropped() -> None:
    body = b"\x11" + READ
    frame = body + crc16(body)

    assert rtu_split(frame[:4]) == ([], frame[:4])
    assert rtu_split(frame + frame) == ([RequestFrame(0, 0x11, READ)] * 2, b"")
    assert rtu_split(frame[:-1] + b"\x00") == ([], b"")


def test_answers_go_back_to_who_asked() -> None:
    request = RequestFrame(7, 0x11, READ)
    body = bytes.fromhex("11030400010002")

    assert tcp_build(request, body[1:]) == bytes.fromhex("0007000000071103 0400010002")
    assert rtu_build(request, body[1:]) == body + crc16(body)


@pytest.mark.parametrize(("words", "framer"), [([], "socket"), (["--rtu"], "rtu")])
def test_light_devices_answer_and_obey_orders(words: list[str], framer: str) -> None:
    port = free_port()
    options = ["--port", str(port), "--count", "3", "--units", "3", *words]
    with subprocess.Popen(
        [sys.executable, "-m", "apps.simulation.devices.light", *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        client = ModbusTcpClient("127.0.0.1", port=port, framer=FramerType(framer), timeout=2)
        client.connect()
        # Devices 0 and 2 are batteries (701 follows model 1), device 1 a PV inverter.
        models = [
            client.read_holding_registers(40070, count=1, device_id=unit).registers
            for unit in (1, 2, 3)
        ]
        process.stdin.write(json.dumps({"fault": "exception", "devices": [1]}) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        broken = client.read_holding_registers(40070, count=1, device_id=2)
        client.close()
        process.stdin.close()
        assert process.wait(10) == 0

    assert models == [[701], [103], [701]]
    assert broken.exception_code == 4
