"""A station without a line: its clock stands, its events stay in the queue."""

from pathlib import Path
from typing import Any

import pytest

from apps.simulation.clock import ManualClock
from apps.simulation.island import IslandCar, load_island
from apps.simulation.stations.ledger import Ledger
from apps.simulation.stations.station import ConnectorStatus, Station

CAR = IslandCar("GP-CAR-01", 75.0, 22.0)
ASSET = load_island("guadeloupe").stations[0]


def station_at(path: Path, clock: ManualClock, *, speed: float = 1.0) -> Station:
    return Station("guadeloupe", ASSET, Ledger(path), clock, speed=speed)


def run(station: Station, clock: ManualClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.move(1)
        station.tick()


def register_wh(event: dict[str, Any]) -> float:
    value: float = event["meter_value"][0]["sampled_value"][0]["value"]
    return value


def test_an_offline_visit_is_a_whole_transaction_in_the_queue(
    tmp_path: Path, clock: ManualClock
) -> None:
    station = station_at(tmp_path / "s.json", clock)

    station.plug(CAR, stay_s=60, soc_percent=40)
    run(station, clock, 62)

    events = list(station.ledger.queue)
    assert [event["event_type"] for event in events[:2]] == ["Started", "Updated"]
    assert events[-1]["event_type"] == "Ended"
    assert events[-1]["trigger_reason"] == "StopAuthorized"
    assert events[-1]["transaction_info"]["stopped_reason"] == "Local"
    assert [event["seq_no"] for event in events] == list(range(len(events)))
    assert all(event["offline"] for event in events)
    periodic = [e for e in events if e["trigger_reason"] == "MeterValuePeriodic"]
    assert len(periodic) == 11  # every 5 s of a minute, less the end
    assert station.status is ConnectorStatus.AVAILABLE
    # it starts with the first tick and ends at 60 s: 59 s at 22 kW less the ramp (5.5 kWs)
    assert register_wh(events[-1]) == pytest.approx((59 * 22 - 5.5) / 3.6, abs=0.1)


def test_the_meter_never_runs_backwards_over_restarts(tmp_path: Path, clock: ManualClock) -> None:
    path, registers = tmp_path / "s.json", []

    for _ in range(3):
        station = station_at(path, clock)
        station.plug(CAR, stay_s=600, soc_percent=40)
        run(station, clock, 33)
        registers += [register_wh(event) for event in station.ledger.queue]
        station.ledger.queue.clear()
        station.ledger.save()

    assert registers == sorted(registers)
    assert registers[-1] > 500


@pytest.mark.parametrize(("stopped_cleanly", "reason"), [(False, "PowerLoss"), (True, "Reboot")])
def test_an_interrupted_transaction_ends_at_its_last_sample(
    tmp_path: Path, clock: ManualClock, stopped_cleanly: bool, reason: str
) -> None:
    first = station_at(tmp_path / "s.json", clock)
    first.plug(CAR, stay_s=600, soc_percent=40)
    run(first, clock, 23)
    last = first.ledger.queue[-1]
    if stopped_cleanly:
        first.ledger.save(stopped_cleanly=True)

    clock.move(3600)
    second = station_at(tmp_path / "s.json", clock)

    ended = second.ledger.queue[-1]
    assert ended["event_type"] == "Ended"
    assert ended["trigger_reason"] == "AbnormalCondition"
    assert ended["transaction_info"]["stopped_reason"] == reason
    assert ended["transaction_info"]["transaction_id"] == last["transaction_info"]["transaction_id"]
    assert ended["seq_no"] == last["seq_no"] + 1
    assert ended["timestamp"] == last["timestamp"]
    assert register_wh(ended) >= register_wh(last)
    assert second.transaction is None
    assert station_at(tmp_path / "s.json", clock).ledger.queue[-1] == ended


def test_speed_shortens_the_stay_and_multiplies_the_energy(
    tmp_path: Path, clock: ManualClock
) -> None:
    station = station_at(tmp_path / "s.json", clock, speed=60)

    station.plug(CAR, stay_s=1800, soc_percent=20)
    run(station, clock, 28)
    charging = station.ledger.register_wh
    run(station, clock, 4)

    # 27 s of the wall clock are 27 min: 9.9 kWh at 22 kW
    assert charging == pytest.approx(9900, abs=5)
    assert station.ledger.queue[-1]["event_type"] == "Ended"


def test_a_full_car_suspends(tmp_path: Path, clock: ManualClock) -> None:
    station = station_at(tmp_path / "s.json", clock)

    station.plug(CAR, stay_s=6000, soc_percent=99.9)
    # 75 Wh are missing, 81.5 Wh at AC; at a tenth of 22 kW that takes 133 s
    run(station, clock, 150)

    states = [event["transaction_info"]["charging_state"] for event in station.ledger.queue]
    assert states[0] == "EVConnected"
    assert states[1] == "Charging"
    assert states[-1] == "SuspendedEV"
    assert station.power_kw == 0


def test_a_crowded_queue_keeps_one_sample_a_minute(tmp_path: Path, clock: ManualClock) -> None:
    station = station_at(tmp_path / "s.json", clock)
    station.plug(CAR, stay_s=36_000, soc_percent=10)

    run(station, clock, 600)
    crowded = len(station.ledger.queue)
    run(station, clock, 600)

    assert crowded == pytest.approx(101, abs=3)
    assert len(station.ledger.queue) - crowded == 10


def test_unplugging_tells_why(tmp_path: Path, clock: ManualClock) -> None:
    station = station_at(tmp_path / "s.json", clock)
    station.plug(CAR, stay_s=600, soc_percent=40)
    run(station, clock, 10)

    station.unplug()

    ended = station.ledger.queue[-1]
    assert ended["trigger_reason"] == "EVCommunicationLost"
    assert ended["transaction_info"]["stopped_reason"] == "EVDisconnected"
    assert "id_token" not in ended


def test_inoperative_waits_for_the_transaction(tmp_path: Path, clock: ManualClock) -> None:
    station = station_at(tmp_path / "s.json", clock)
    station.plug(CAR, stay_s=60, soc_percent=40)
    run(station, clock, 10)

    answer = station.availability_set(operative=False)
    run(station, clock, 60)

    assert answer == "Scheduled"
    assert station.status is ConnectorStatus.UNAVAILABLE
    assert not station.free
    assert station_at(tmp_path / "s.json", clock).status is ConnectorStatus.UNAVAILABLE


def test_damaged_memory_is_started_afresh(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"register_wh": 12', "utf-8")

    station = station_at(path, clock)

    assert station.ledger.register_wh == 0
    assert station.transaction is None
