"""Stations over real sockets against a bare CSMS."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession
from websockets.asyncio.server import serve as websocket_serve

from apps.simulation.clock import ManualClock, SystemClock
from apps.simulation.environment import SimulationEnvironment
from apps.simulation.island import IslandCar, load_island
from apps.simulation.process import HttpServer
from apps.simulation.stations.control import control_app
from apps.simulation.stations.fleet import StationFleets
from apps.simulation.stations.ledger import Ledger
from apps.simulation.stations.link import Link
from apps.simulation.stations.station import Station
from cariflex.runtime.ports import Ports
from tests.simulation.conftest import free_port
from tests.simulation.csms import BareCsms, CallError, Payload, eventually

pytestmark = pytest.mark.asyncio
CAR = IslandCar("GP-CAR-01", 75.0, 22.0)


@asynccontextmanager
async def running(folder: Path, port: int) -> AsyncIterator[Link]:
    """One station that looks for its CSMS on a port, and samples twenty times a second."""
    asset = load_island("guadeloupe").stations[0]
    ledger = Ledger(folder / "station.json")
    station = Station("guadeloupe", asset, ledger, SystemClock(), speed=1.0)
    station.sample_interval_s = 0.05
    url = f"ws://127.0.0.1:{port}/ocpp/guadeloupe/{asset.station_id}"
    link = Link(station, url=url, password="pw", seed="s", first_pause_s=0.05)

    async def ticking() -> None:
        while True:
            station.tick()
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(link.run()), asyncio.create_task(ticking())]
    try:
        yield link
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def sequence_numbers(events: list[Payload]) -> list[int]:
    return [event["seqNo"] for event in events]


def registers_wh(events: list[Payload]) -> list[float]:
    return [event["meterValue"][0]["sampledValue"][0]["value"] for event in events]


def ended(csms: BareCsms) -> Callable[[], bool]:
    return lambda: bool(csms.events) and csms.events[-1]["eventType"] == "Ended"


async def test_station_boots_and_a_visit_becomes_a_transaction(tmp_path: Path) -> None:
    csms = BareCsms()
    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        link.station.plug(CAR, stay_s=0.6, soc_percent=40)
        await eventually(ended(csms))
        await eventually(
            lambda: csms.said("StatusNotification")[-1]["connectorStatus"] == "Available"
        )

    credentials = base64.b64encode(b"GP-CS-001:pw").decode()
    assert csms.headers[0]["Authorization"] == f"Basic {credentials}"
    assert csms.paths == ["/ocpp/guadeloupe/GP-CS-001"]
    assert csms.calls[0][0] == "BootNotification"
    assert csms.said("BootNotification")[0]["reason"] == "PowerUp"
    assert csms.said("Authorize") == [{"idToken": {"idToken": "GP-CAR-01", "type": "ISO14443"}}]
    assert "Occupied" in [said["connectorStatus"] for said in csms.said("StatusNotification")]
    started, last = csms.events[0], csms.events[-1]
    assert started["eventType"] == "Started"
    assert started["triggerReason"] == "Authorized"
    assert started["evse"] == {"id": 1, "connectorId": 1}
    assert started["idToken"]["idToken"] == "GP-CAR-01"
    assert last["transactionInfo"]["stoppedReason"] == "Local"
    assert sequence_numbers(csms.events) == list(range(len(csms.events)))
    assert registers_wh(csms.events) == sorted(registers_wh(csms.events))
    assert registers_wh(csms.events)[-1] > registers_wh(csms.events)[0]
    assert not any(event["offline"] for event in csms.events)
    measurands = [one["measurand"] for one in csms.events[3]["meterValue"][0]["sampledValue"]]
    assert measurands == ["Energy.Active.Import.Register", "Power.Active.Import", "SoC"]
    units = [
        one["unitOfMeasure"]["unit"] for one in csms.events[3]["meterValue"][0]["sampledValue"]
    ]
    assert units == ["Wh", "W", "Percent"]


async def test_boot_is_repeated_until_accepted(tmp_path: Path) -> None:
    csms = BareCsms()
    verdicts = ["Pending", "Rejected", "Accepted"]
    csms.answers["BootNotification"] = lambda _: {
        "currentTime": "2026-03-20T16:15:00Z",
        "interval": 1,
        "status": verdicts.pop(0),
    }

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online and len(csms.calls) > 3)

    # Nothing is told before the station is accepted.
    actions = [action for action, _ in csms.calls]
    assert actions[:4] == ["BootNotification"] * 3 + ["StatusNotification"]


async def test_events_made_offline_arrive_in_order_after_the_csms_is_back(tmp_path: Path) -> None:
    csms, port = BareCsms(), free_port()
    async with running(tmp_path, port) as link:
        async with csms.listening(port):
            await eventually(lambda: link.station.online)
            link.station.plug(CAR, stay_s=60, soc_percent=40)
            await eventually(lambda: len(csms.events) > 4)
        await eventually(lambda: not link.station.online)
        await eventually(lambda: len(link.station.ledger.queue) > 5)
        link.station.unplug()
        made = link.station.ledger.queue[-1]["seq_no"]
        async with csms.listening(port):
            await eventually(ended(csms))
            await eventually(lambda: not link.station.ledger.queue)

    # the last event before the cut may come twice, each other one comes once and in order
    numbers = sequence_numbers(csms.events)
    assert sorted(set(numbers)) == list(range(made + 1))
    assert numbers == sorted(numbers)
    assert len(numbers) <= made + 2
    assert csms.events[0]["offline"] is False
    assert csms.events[-1]["offline"] is True
    assert len([action for action, _ in csms.calls if action == "BootNotification"]) == 1
    assert registers_wh(csms.events) == sorted(registers_wh(csms.events))


async def test_a_refused_card_starts_nothing(tmp_path: Path) -> None:
    csms = BareCsms()
    csms.answers["Authorize"] = lambda _: {"idTokenInfo": {"status": "Invalid"}}

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        link.station.plug(CAR, stay_s=0.5, soc_percent=40)
        await eventually(lambda: link.station.occupant is None)

    assert len(csms.said("Authorize")) == 1
    assert csms.events == []


async def test_a_card_refused_in_the_event_ends_the_transaction(tmp_path: Path) -> None:
    csms = BareCsms()
    csms.answers["TransactionEvent"] = lambda event: (
        {"idTokenInfo": {"status": "Blocked"}} if event["eventType"] == "Started" else {}
    )

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        link.station.plug(CAR, stay_s=60, soc_percent=40)
        await eventually(ended(csms))

    assert csms.events[-1]["transactionInfo"]["stoppedReason"] == "DeAuthorized"


async def test_an_internal_error_of_the_csms_loses_nothing(tmp_path: Path) -> None:
    csms, failures = BareCsms(), ["InternalError"] * 5

    def answer(_: Payload) -> Payload:
        if failures:
            raise CallError(failures.pop())
        return {}

    csms.answers["TransactionEvent"] = answer
    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        link.station.plug(CAR, stay_s=0.3, soc_percent=40)
        await eventually(ended(csms))

    assert sequence_numbers(csms.events) == list(range(len(csms.events)))
    assert csms.events[0]["eventType"] == "Started"


async def test_an_event_that_breaks_the_rules_is_given_up_after_three_attempts(
    tmp_path: Path,
) -> None:
    csms, attempts = BareCsms(), []

    def answer(event: Payload) -> Payload:
        if event["seqNo"] == 0:
            attempts.append(event["seqNo"])
            raise CallError("FormatViolation")
        return {}

    csms.answers["TransactionEvent"] = answer
    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        link.station.plug(CAR, stay_s=0.3, soc_percent=40)
        await eventually(ended(csms))

    assert attempts == [0, 0, 0]
    assert csms.events[0]["seqNo"] == 1


async def test_remote_start_and_stop(tmp_path: Path) -> None:
    csms = BareCsms()
    token = {"idToken": "APP-7", "type": "Central"}

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        link.station.plug(CAR, stay_s=60, soc_percent=40)
        await eventually(lambda: len(csms.events) > 2)
        running_id = csms.events[0]["transactionInfo"]["transactionId"]
        second = await csms.ask("RequestStartTransaction", {"idToken": token, "remoteStartId": 8})
        wrong = await csms.ask("RequestStopTransaction", {"transactionId": "nobody"})
        stopped = await csms.ask("RequestStopTransaction", {"transactionId": running_id})
        await eventually(ended(csms))
        stop_event = csms.events[-1]
        accepted = await csms.ask("RequestStartTransaction", {"idToken": token, "remoteStartId": 9})
        await eventually(lambda: csms.events[-1]["seqNo"] == 1)

    assert second["status"] == "Rejected"
    assert wrong["status"] == "Rejected"
    assert stopped["status"] == "Accepted"
    assert stop_event["triggerReason"] == "RemoteStop"
    assert stop_event["transactionInfo"]["stoppedReason"] == "Remote"
    assert accepted["status"] == "Accepted"
    remote = next(event for event in csms.events if event["triggerReason"] == "RemoteStart")
    assert remote["transactionInfo"]["remoteStartId"] == 9
    assert remote["transactionInfo"]["transactionId"] == accepted["transactionId"]
    assert remote["idToken"]["idToken"] == "APP-7"


async def test_remote_start_without_a_car_waits_for_its_driver(tmp_path: Path) -> None:
    csms = BareCsms()

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        answer = await csms.ask(
            "RequestStartTransaction",
            {"idToken": {"idToken": "APP-7", "type": "Central"}, "remoteStartId": 3},
        )
        await eventually(lambda: len(csms.events) > 0)

    assert answer == {"status": "Accepted"}
    assert csms.events[0]["triggerReason"] == "RemoteStart"
    assert csms.said("Authorize") == []


async def test_variables_triggers_and_availability(tmp_path: Path) -> None:
    csms = BareCsms()
    interval = {
        "component": {"name": "OCPPCommCtrlr"},
        "variable": {"name": "HeartbeatInterval"},
    }
    model = {"component": {"name": "ChargingStation"}, "variable": {"name": "Model"}}
    nothing = {"component": {"name": "Toaster"}, "variable": {"name": "Heat"}}

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        written = await csms.ask(
            "SetVariables",
            {
                "setVariableData": [
                    {**interval, "attributeValue": "42"},
                    {**model, "attributeValue": "X"},
                    {**nothing, "attributeValue": "1"},
                ]
            },
        )
        read = await csms.ask("GetVariables", {"getVariableData": [interval, nothing]})
        triggered = await csms.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
        idle = await csms.ask("TriggerMessage", {"requestedMessage": "TransactionEvent"})
        unknown = await csms.ask("TriggerMessage", {"requestedMessage": "LogStatusNotification"})
        await eventually(lambda: len(csms.said("Heartbeat")) == 1)
        changed = await csms.ask("ChangeAvailability", {"operationalStatus": "Inoperative"})
        await eventually(
            lambda: csms.said("StatusNotification")[-1]["connectorStatus"] == "Unavailable"
        )

    statuses = [one["attributeStatus"] for one in written["setVariableResult"]]
    assert statuses == ["Accepted", "Rejected", "UnknownComponent"]
    assert [one.get("attributeValue") for one in read["getVariableResult"]] == ["42", None]
    assert triggered["status"] == "Accepted"
    assert idle["status"] == "Rejected"
    assert unknown["status"] == "NotImplemented"
    assert changed["status"] == "Accepted"


async def test_a_station_tells_what_it_is_made_of(tmp_path: Path) -> None:
    csms = BareCsms()
    csms.answers["NotifyReport"] = lambda _payload: {}

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        answer = await csms.ask("GetBaseReport", {"requestId": 7, "reportBase": "FullInventory"})
        await eventually(lambda: len(csms.said("NotifyReport")) == 1)

    assert answer == {"status": "Accepted"}
    (report,) = csms.said("NotifyReport")
    assert (report["requestId"], report["seqNo"], report["tbc"]) == (7, 0, False)
    values = {
        (one["component"]["name"], one["variable"]["name"]): one["variableAttribute"][0]["value"]
        for one in report["reportData"]
    }
    assert values["ChargingStation", "Model"] == "Sim AC 22"
    assert values["AvailabilityCtrlr", "AvailabilityState"] == "Available"


async def test_a_station_keeps_the_tokens_it_is_sent(tmp_path: Path) -> None:
    csms = BareCsms()

    def entry(token: str, status: str | None) -> Payload:
        told = {} if status is None else {"idTokenInfo": {"status": status}}
        return {"idToken": {"idToken": token, "type": "ISO14443"}, **told}

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        for version, kind, entries in (
            (1, "Full", [entry("AA", "Accepted"), entry("BB", "Accepted")]),
            (2, "Differential", [entry("aa", None), entry("CC", "Blocked")]),
        ):
            sent = await csms.ask(
                "SendLocalList",
                {
                    "versionNumber": version,
                    "updateType": kind,
                    "localAuthorizationList": entries,
                },
            )
            assert sent == {"status": "Accepted"}
        version_told = await csms.ask("GetLocalListVersion", {})
        kept = link._variables.local_list

    assert version_told == {"versionNumber": 2}
    assert sorted(kept) == ["BB", "CC"]


async def test_reset_ends_the_transaction_and_boots_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.simulation.stations.link._REBOOT_S", 0.05)
    csms = BareCsms()

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        link.station.plug(CAR, stay_s=60, soc_percent=40)
        await eventually(lambda: len(csms.events) > 1)
        answer = await csms.ask("Reset", {"type": "Immediate"})
        await eventually(lambda: len(csms.said("BootNotification")) == 2)
        await eventually(ended(csms))

    assert answer["status"] == "Accepted"
    assert csms.said("BootNotification")[1]["reason"] == "RemoteReset"
    last = csms.events[-1]
    assert last["transactionInfo"]["stoppedReason"] == "ImmediateReset"


async def test_a_csms_without_the_subprotocol_is_left_again(tmp_path: Path) -> None:
    seen: list[str | None] = []

    async def other(connection: object) -> None:
        seen.append(getattr(connection, "subprotocol", None))
        await asyncio.sleep(1)

    port = free_port()
    async with (
        websocket_serve(other, "127.0.0.1", port),  # type: ignore[arg-type]
        running(tmp_path, port) as link,
    ):
        await eventually(lambda: len(seen) >= 2)
        assert not link.station.online


async def test_twenty_stations_and_their_control(tmp_path: Path) -> None:
    base = 20_000 + free_port() % 30_000
    environment = SimulationEnvironment(Ports(base), tmp_path, "secret", 1.0)
    csms, stop = BareCsms(), asyncio.Event()

    async with csms.listening(base):
        fleets = StationFleets(environment)
        control = HttpServer(control_app(fleets), port := free_port())
        await control.start()
        running_fleets = asyncio.create_task(fleets.run(stop))
        await eventually(lambda: all(link.station.online for link in fleets.links()))
        async with ClientSession(f"http://127.0.0.1:{port}") as http:
            async with http.get("/stations") as answer:
                listed = await answer.json()
            free = next(one for one in listed if one["connector_status"] == "Available")
            path = f"/stations/{free['operator']}/{free['station_id']}"
            visit = {"stay_s": 60, "soc_percent": 33, "id_token": "GUEST"}
            async with http.post(f"{path}/plug", json=visit) as answer:
                plugged = await answer.json()
            async with http.post(f"{path}/plug", json=visit) as answer:
                assert answer.status == 409
            async with http.post(f"{path}/disconnect", json={"for_s": 30}) as answer:
                assert answer.status == 200
            link = fleets.link(free["operator"], free["station_id"])
            assert link is not None
            await eventually(lambda: not link.station.online)
            await eventually(lambda: link.station.transaction is not None)
            async with http.post(f"{path}/unplug") as answer:
                unplugged = await answer.json()
            async with http.post("/stations/guadeloupe/GP-CS-099/plug") as answer:
                assert answer.status == 404
        stop.set()
        await running_fleets
        await control.stop()

    assert len(listed) == 20
    assert plugged["id_token"] == "GUEST"
    assert plugged["connector_status"] == "Occupied"
    assert unplugged["connector_status"] == "Available"
    assert unplugged["queued_events"] >= 1
    assert len({one["register_wh"] for one in listed}) == 20


async def test_cars_wait_for_the_first_line_to_the_csms(tmp_path: Path, clock: ManualClock) -> None:
    environment = SimulationEnvironment(Ports(free_port() % 40_000 + 2000), tmp_path, "s", 1.0)
    fleet = StationFleets(environment, clock).by_operator["guadeloupe"]

    for _ in range(30):
        clock.move(1)
        fleet.tick()
    before = [station for station in fleet.stations if station.occupant]
    fleet.stations[0].online = True
    for _ in range(20):
        clock.move(1)
        fleet.tick()

    assert before == []
    assert len([station for station in fleet.stations if station.occupant]) == 6


async def test_a_car_with_a_target_tells_what_it_needs_once_it_is_let_in(tmp_path: Path) -> None:
    csms = BareCsms()
    csms.answers["NotifyEVChargingNeeds"] = lambda _: {"status": "Processing"}
    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        link.station.plug(CAR, stay_s=7200, soc_percent=40, target_percent=80)
        await eventually(lambda: bool(csms.said("NotifyEVChargingNeeds")))
        await eventually(lambda: len(csms.events) > 5)
        leaves_in_s = link.station.occupant.leaves_at_s - link.station.clock.monotonic()  # type: ignore[union-attr]
        leaves_at = link.station.clock.utc() + timedelta(seconds=leaves_in_s)

    (told,) = csms.said("NotifyEVChargingNeeds")
    assert told["evseId"] == 1
    needs = told["chargingNeeds"]
    departure = datetime.fromisoformat(needs.pop("departureTime"))
    assert abs(departure - leaves_at) < timedelta(seconds=1)
    # 40 points of 75 kWh are 30 kWh; 22 kW over three phases of 230 V are 32 A. A moment of
    # charging may have passed, in which the car took some Wh.
    missing_wh = needs["acChargingParameters"].pop("energyAmount")
    assert 29_900 <= missing_wh <= 30_000
    assert needs["dcChargingParameters"].pop("energyAmount") == missing_wh
    assert needs == {
        "requestedEnergyTransfer": "AC_three_phase",
        "acChargingParameters": {"evMinCurrent": 6, "evMaxCurrent": 32, "evMaxVoltage": 230},
        "dcChargingParameters": {
            "evMaxCurrent": 32,
            "evMaxVoltage": 690,
            "evMaxPower": 22000,
            "stateOfCharge": 40,
            "evEnergyCapacity": 75000,
        },
    }
    assert csms.events[0]["eventType"] == "Started"
    actions = [action for action, _ in csms.calls]
    assert actions.index("NotifyEVChargingNeeds") > actions.index("TransactionEvent")


async def test_a_csms_that_does_not_know_needs_is_told_once(tmp_path: Path) -> None:
    def refuse(_payload: Payload) -> Payload:
        asked.append(1)
        raise CallError("NotImplemented")

    asked: list[int] = []
    csms = BareCsms()
    csms.answers["NotifyEVChargingNeeds"] = refuse
    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        link.station.plug(CAR, stay_s=7200, soc_percent=40, target_percent=80)
        await eventually(lambda: bool(asked))
        seen = len(csms.events)
        await eventually(lambda: len(csms.events) > seen + 3)

    assert asked == [1]
