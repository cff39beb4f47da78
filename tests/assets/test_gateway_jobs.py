"""What a person asks a gateway: probe, values beside registers, test write, trace."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from apps.assets.drivers import registry
from apps.assets.drivers.errors import (
    DeviceGarbledError,
    DeviceSilentError,
    DeviceUnreachableError,
    ReadbackMismatchError,
    SetpointUnsupportedError,
)
from apps.assets.drivers.jobs import GatewayAsk
from apps.assets.drivers.poller import JobOutcome, Poller, PollSession
from apps.assets.drivers.registry import DeviceSpec
from apps.simulation.clock import SystemClock
from apps.simulation.devices.battery import Battery
from apps.simulation.devices.faults import Fault
from apps.simulation.devices.gateway import GatewayServer, RegisterUnit, SimulatedUnit
from tests.assets.conftest import (
    DeviceLoop,
    battery_server,
    island_battery,
    pv_server,
)
from tests.assets.polling import eventually
from tests.assets.sunspec import device_at, model_registers
from tests.contracts.register_device import RegisterDevice


def ask_of(kind: str, port: int, **given: Any) -> GatewayAsk:
    return GatewayAsk(job_id=1, kind=kind, host="127.0.0.1", port=port, unit_id=1, **given)


def spec_of(port: int, *, is_battery: bool = True, **given: Any) -> DeviceSpec:
    return DeviceSpec(
        device_id=7,
        code="bat-01",
        driver="sunspec",
        host="127.0.0.1",
        port=port,
        unit_id=1,
        poll_period_s=1.0,
        is_battery=is_battery,
        rated_power_kw=100.0,
        **given,
    )


def write_ask(port: int, power_kw: float, reversion_s: int = 1) -> GatewayAsk:
    parameters = {"power_kw": power_kw, "reversion_s": reversion_s}
    return ask_of("test_write", port, spec=spec_of(port), parameters=parameters)


def image_of(**controls: int) -> list[int]:
    """The registers from 40000 of a battery that stands still: 1, 701, 704 and 713."""
    device = device_at(
        40000,
        model_registers(1),
        model_registers(701, W=0, W_SF=0),
        model_registers(704, WSet_SF=0, WSet=0, WSetEna=0, WSetMod=1, **controls),
        model_registers(713, SoC=50, Pct_SF=0),
    )
    return [device.at[address] for address in sorted(device.at)]


# --- probe ---


def test_probe_names_the_model_and_what_it_measures(devices: DeviceLoop, poller: Poller) -> None:
    server = devices.start(battery_server())

    answer = poller.ask_once(ask_of("probe", server.port))

    found = answer["found"][0]
    assert found["driver"] == "sunspec"
    assert (found["manufacturer"], found["serial_number"]) == ("Cariflex Simulation", "GU-BAT-01")
    assert found["models"] == "1, 701, 702, 704, 713"
    assert found["kinds"] == ["battery", "pv"]
    assert found["can_control"] is True
    assert {"quantity": "soc_percent", "channel": ""} in found["sensors"]
    assert {"quantity": "voltage_v", "channel": "l2"} in found["sensors"]


def test_probe_of_pv_finds_another_kind(devices: DeviceLoop, poller: Poller) -> None:
    server = devices.start(pv_server())

    assert poller.ask_once(ask_of("probe", server.port))["found"][0]["kinds"] == ["pv"]


def test_probe_writes_nothing(devices: DeviceLoop, poller: Poller) -> None:
    tap = devices.tap(devices.start(battery_server()).port)

    poller.ask_once(ask_of("probe", tap.port))

    assert tap.requests
    assert tap.writes == []


def test_probe_tells_why_each_model_is_not_it(devices: DeviceLoop, poller: Poller) -> None:
    device = devices.start(RegisterDevice({1: {40000: [1, 2, 3]}}))

    answer = poller.ask_once(ask_of("probe", device.port))

    assert answer["found"] == []
    tried = {entry["driver"]: entry["error"] for entry in answer["tried"]}
    assert tried["sunspec"].startswith("no SunSpec map")
    assert set(tried) == {choice.name for choice in registry.driver_choices()}


def test_probe_of_nobody_says_so(devices: DeviceLoop, poller: Poller) -> None:
    server = devices.start(battery_server())
    devices.run(server.stop())

    with pytest.raises(DeviceUnreachableError, match="cannot connect"):
        poller.ask_once(ask_of("probe", server.port))


def test_probe_of_an_rtu_gateway(devices: DeviceLoop, poller: Poller) -> None:
    battery = Battery("guadeloupe", island_battery(), SystemClock())
    gateway = devices.start(GatewayServer({1: SimulatedUnit(battery)}, is_rtu=True))

    answer = poller.ask_once(ask_of("probe", gateway.port, transport="rtu_over_tcp"))

    assert answer["found"][0]["models"] == "1, 701, 702, 704, 713"


# --- read ---


def test_values_stand_beside_their_registers(devices: DeviceLoop, poller: Poller) -> None:
    device = devices.start(GatewayServer({1: RegisterUnit(40000, image_of())}))

    answer = poller.ask_once(ask_of("read", device.port, parameters={"driver": "sunspec"}))

    points = {point["name"]: point for point in answer["points"]}
    # 713 follows 1 (68), 701 (155) and 704 (59) at 40284: SoC is +4.
    assert points["713.SoC"] == {
        "name": "713.SoC",
        "quantity": "soc_percent",
        "channel": "",
        "address": 40288,
        "registers": [50],
        "value": 50.0,
        "unit": "%",
        "is_in_range": True,
        "words": {},
    }
    assert points["704.WSetMod"]["words"] == {"en": "Active Power As Watts"}
    assert points["704.WSetMod"]["quantity"] == ""
    assert "701.Hz" not in points
    assert answer["at"].endswith("+00:00")


def test_a_value_out_of_range_is_marked(devices: DeviceLoop, poller: Poller) -> None:
    image = image_of()
    image[288] = 150  # 713.SoC
    device = devices.start(GatewayServer({1: RegisterUnit(40000, image)}))

    points = poller.ask_once(ask_of("read", device.port))["points"]

    (soc,) = [point for point in points if point["name"] == "713.SoC"]
    assert (soc["value"], soc["is_in_range"]) == (150.0, False)


def test_unknown_device_model_is_refused(poller: Poller) -> None:
    with pytest.raises(DeviceGarbledError, match="no device model nonsense"):
        poller.ask_once(ask_of("read", 1, parameters={"driver": "nonsense"}))


# --- test write ---


def test_test_write_is_read_back_and_reverts(devices: DeviceLoop, poller: Poller) -> None:
    tap = devices.tap(devices.start(battery_server()).port)

    answer = poller.ask_once(write_ask(tap.port, power_kw=25.0))

    assert (answer["asked_kw"], answer["readback_kw"], answer["is_enabled"]) == (25.0, 25.0, True)
    assert answer["before_kw"] is None
    assert (answer["after_reversion_kw"], answer["is_released"]) == (None, True)
    assert answer["measured_kw_before"] == 0.0
    # It ramps by 25 kW a second: half a second after the write it is on its way.
    assert 5.0 < answer["measured_kw_after"] <= 25.0
    # Value, timer, enable, and nothing after: the device's own timer ended it.
    assert len(tap.writes) == 3


def test_test_write_releases_a_device_that_does_not_revert(
    devices: DeviceLoop, poller: Poller
) -> None:
    image = image_of(WSetRvrtTms=0)
    device = devices.start(GatewayServer({1: RegisterUnit(40000, image)}))

    answer = poller.ask_once(write_ask(device.port, power_kw=25.0))

    assert (answer["after_reversion_kw"], answer["is_released"]) == (25.0, False)
    # 704 begins at 40225: WSetEna +22.
    assert image[225 + 22] == 0


def test_test_write_that_does_not_read_back_is_released(
    devices: DeviceLoop, poller: Poller
) -> None:
    image = image_of(WSetRvrtTms=0)
    device = devices.start(RegisterDevice({1: {40000: image}}))
    device.stuck = {40225 + 24: 0, 40225 + 25: 1000}  # WSet shows 1000 W whatever is written.
    tap = devices.tap(device.port)

    with pytest.raises(ReadbackMismatchError, match=r"wrote 25.000 kW, device shows -1.0 kW"):
        poller.ask_once(write_ask(tap.port, power_kw=25.0))

    assert (tap.writes[-1].address, tap.writes[-1].values) == (40247, (0,))


def test_a_device_that_forgets_its_reversion_time_is_released(
    devices: DeviceLoop, poller: Poller
) -> None:
    device = devices.start(RegisterDevice({1: {40000: image_of(WSetRvrtTms=0)}}))
    device.stuck = {40225 + 31: 0, 40225 + 32: 0}  # WSetRvrtTms stays 0.
    tap = devices.tap(device.port)

    with pytest.raises(ReadbackMismatchError, match="does not keep its reversion time"):
        poller.ask_once(write_ask(tap.port, power_kw=25.0))

    assert (tap.writes[-1].address, tap.writes[-1].values) == (40247, (0,))


def test_device_without_reversion_timer_gets_no_set_point(
    devices: DeviceLoop, poller: Poller
) -> None:
    device = devices.start(RegisterDevice({1: {40000: image_of()}}))
    tap = devices.tap(device.port)

    with pytest.raises(SetpointUnsupportedError, match="no reversion timer"):
        poller.ask_once(write_ask(tap.port, power_kw=25.0))

    # Nothing but the release that ends every failed test.
    assert [write.values for write in tap.writes] == [(0,)]


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"power_kw": "5", "reversion_s": 10},
        {"power_kw": 5.0, "reversion_s": 0},
        {"power_kw": 5.0, "reversion_s": 61},
    ],
)
def test_test_write_with_bad_parameters_touches_nothing(
    poller: Poller, parameters: Mapping[str, Any]
) -> None:
    ask = ask_of("test_write", 1, spec=spec_of(1), parameters=parameters)

    with pytest.raises(DeviceGarbledError, match="a test write needs"):
        poller.ask_once(ask)


# --- over the connection of the poll loop ---


def outcome_of(session: PollSession) -> JobOutcome:
    """The next job's outcome among the events."""
    found: list[JobOutcome] = []

    def look() -> bool:
        found.extend(event for event in session.drain() if isinstance(event, JobOutcome))
        return bool(found)

    eventually(look)
    return found[0]


def test_a_question_is_answered_over_the_connection_that_polls(
    devices: DeviceLoop, poller: Poller
) -> None:
    server = devices.start(battery_server())
    tap = devices.tap(server.port)
    session = poller.open("guadeloupe")
    session.poll([spec_of(tap.port)])
    eventually(session.drain)

    session.ask([ask_of("trace", tap.port)])
    outcome = outcome_of(session)
    session.stop()

    assert outcome.error is None
    assert outcome.answer is not None
    words = [entry["words"] for entry in outcome.answer["entries"]]
    assert words[0] == "read holding 40000 x 2"
    assert words[1] == "2 registers: 21365, 28243"
    assert tap.connections == 1


def test_a_failed_question_comes_back_with_its_error(devices: DeviceLoop, poller: Poller) -> None:
    server = devices.start(battery_server())
    server.fault = Fault.SILENT
    session = poller.open("guadeloupe")

    session.ask([ask_of("read", server.port)])
    outcome = outcome_of(session)
    session.stop()

    assert outcome.answer is None
    assert isinstance(outcome.error, DeviceSilentError)


def test_an_answer_that_outlasts_its_session_comes_to_the_next_of_the_operator(
    devices: DeviceLoop, poller: Poller
) -> None:
    server = devices.start(battery_server())
    first = poller.open("guadeloupe")
    first.ask([write_ask(server.port, power_kw=10.0)])
    first.stop()
    other = poller.open("martinique")
    eventually(lambda: server.requests)

    second = poller.open("guadeloupe")
    outcome = outcome_of(second)
    second.stop()

    assert outcome.answer is not None
    assert outcome.answer["is_released"] is True
    assert other.drain() == []
    other.stop()


def test_an_answer_waits_for_a_session_of_its_operator(devices: DeviceLoop, poller: Poller) -> None:
    server = devices.start(battery_server())
    server.fault = Fault.SILENT
    session = poller.open("guadeloupe")
    session.ask([ask_of("read", server.port)])
    eventually(lambda: server.requests)
    session.stop()
    poller.run(asyncio.sleep(1.2))

    assert poller.open("martinique").drain() == []
    (outcome,) = poller.open("guadeloupe").drain()

    assert isinstance(outcome, JobOutcome)
    assert isinstance(outcome.error, DeviceSilentError)
