"""The stations of `./run bench ocpp`: raw frames over the websockets library, in a process apart.

Called by bench/ocpp.py as `python -m bench.ocpp_stations JOB`, JOB being JSON; prints JSON.
"""

import asyncio
import base64
import json
import sys
import time
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

PASSWORD = "bench-station-secret"
LIMIT_S = 60.0
BOOT = {"reason": "PowerUp", "chargingStation": {"model": "Bench", "vendorName": "Bench"}}


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of all lie, in milliseconds."""
    ordered = sorted(values)
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)


def headers(station_id: str) -> dict[str, str]:
    return {
        "Authorization": "Basic " + base64.b64encode(f"{station_id}:{PASSWORD}".encode()).decode()
    }


async def opened(address: str, station_id: str) -> ClientConnection:
    return await connect(
        f"{address}/{station_id}",
        subprotocols=["ocpp2.0.1"],  # type: ignore[list-item]
        additional_headers=headers(station_id),
        open_timeout=LIMIT_S,
        proxy=None,
        compression=None,
        ping_interval=None,
    )


class Station:
    """One station with one call in flight."""

    def __init__(self, address: str, number: int) -> None:
        self.address, self.station_id = address, f"CS-{number:04d}"
        self.socket: ClientConnection
        self._next = 0

    async def open(self) -> None:
        self.socket = await opened(self.address, self.station_id)

    async def tell(self, action: str, payload: dict[str, Any]) -> Any:
        """The answer of a call; AssertionError for anything but a CALLRESULT to it."""
        self._next += 1
        message_id = f"{self._next}"
        await self.socket.send(orjson.dumps([2, message_id, action, payload]).decode())
        while True:
            frame = orjson.loads(await asyncio.wait_for(self.socket.recv(), LIMIT_S))
            if frame[0] == 2:
                await self.socket.send(orjson.dumps([3, frame[1], {"status": "Accepted"}]).decode())
                continue
            if frame[:2] != [3, message_id]:
                raise AssertionError(f"{action}: {frame}")
            return frame[2]

    async def boot(self) -> None:
        answer = await self.tell("BootNotification", BOOT)
        assert answer["status"] == "Accepted"
        await self.report()

    async def report(self) -> None:
        await self.tell(
            "StatusNotification",
            {"timestamp": now(), "connectorStatus": "Available", "evseId": 1, "connectorId": 1},
        )


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def event(run: str, station: Station, seq_no: int, kind: str, transaction: int) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "eventType": kind,
        "timestamp": now(),
        "triggerReason": "MeterValuePeriodic",
        "seqNo": seq_no,
        "transactionInfo": {
            "transactionId": f"{run}-{station.station_id}-{transaction}",
            "chargingState": "Charging",
        },
        "meterValue": [
            {
                "timestamp": now(),
                "sampledValue": [
                    {"value": 1000 + 10 * seq_no},
                    {"value": 11000.5, "measurand": "Power.Active.Import"},
                ],
            }
        ],
    }
    if kind == "Started":
        payload |= {"evse": {"id": 1, "connectorId": 1}, "triggerReason": "Authorized"}
        payload["idToken"] = {"idToken": "BENCHTOKEN", "type": "ISO14443"}
    return payload


EVENTS_IN_TRANSACTION = 20


async def closed_loop(job: dict[str, Any]) -> dict[str, Any]:
    """N stations, each sending its next event when the last was answered."""
    stations = [Station(job["address"], n) for n in range(job["stations"])]
    for start in range(0, len(stations), 50):
        await asyncio.gather(*(station.open() for station in stations[start : start + 50]))
    for start in range(0, len(stations), 50):
        await asyncio.gather(*(station.boot() for station in stations[start : start + 50]))
    latencies: list[float] = []
    ends_at = time.perf_counter() + job["seconds"]

    async def one(station: Station) -> None:
        transaction = seq_no = 0
        while time.perf_counter() < ends_at:
            kind = "Updated"
            if seq_no == 0:
                kind = "Started"
            elif seq_no == EVENTS_IN_TRANSACTION - 1:
                kind = "Ended"
            started = time.perf_counter()
            await station.tell(
                "TransactionEvent", event(job["run"], station, seq_no, kind, transaction)
            )
            latencies.append(time.perf_counter() - started)
            seq_no += 1
            if seq_no == EVENTS_IN_TRANSACTION:
                seq_no, transaction = 0, transaction + 1

    started = time.perf_counter()
    await asyncio.gather(*(one(station) for station in stations))
    took = time.perf_counter() - started
    await asyncio.gather(*(station.socket.close() for station in stations))
    return {
        "events": len(latencies),
        "per_s": round(len(latencies) / took),
        "p50_ms": percentile(latencies, 0.50),
        "p95_ms": percentile(latencies, 0.95),
        "p99_ms": percentile(latencies, 0.99),
    }


async def storm(job: dict[str, Any]) -> dict[str, Any]:
    """Stations that connect, boot and report within some seconds."""
    came: list[float] = []
    boots: list[float] = []
    refused: list[str] = []
    stations = [Station(job["address"], n) for n in range(job["stations"])]

    async def one(station: Station, after_s: float) -> None:
        await asyncio.sleep(after_s)
        began = time.perf_counter()
        try:
            await station.open()
            opened_at = time.perf_counter()
            await station.tell("BootNotification", BOOT)
            boots.append(time.perf_counter() - opened_at)
            await station.report()
        except Exception as error:  # noqa: BLE001 - counted, whatever it is
            refused.append(repr(error)[:200])
            return
        came.append(time.perf_counter() - began)

    spread = job["spread_s"] / len(stations)
    began = time.perf_counter()
    await asyncio.gather(*(one(station, n * spread) for n, station in enumerate(stations)))
    took = time.perf_counter() - began
    closing = [s.socket.close() for s in stations if hasattr(s, "socket")]
    await asyncio.gather(*closing)
    return {
        "back": len(came),
        "refused": len(refused),
        "first_refusal": refused[0] if refused else "",
        "took_s": round(took, 2),
        "back p99 ms": percentile(came, 0.99),
        "boot p50 ms": percentile(boots, 0.50),
        "boot p99 ms": percentile(boots, 0.99),
    }


async def simultaneous(job: dict[str, Any]) -> dict[str, Any]:
    """Every station starts a transaction in the same moment."""
    stations = [Station(job["address"], n) for n in range(job["stations"])]
    await asyncio.gather(*(station.open() for station in stations))
    await asyncio.gather(*(station.boot() for station in stations))
    latencies: list[float] = []

    async def one(station: Station) -> None:
        began = time.perf_counter()
        await station.tell("TransactionEvent", event(job["run"], station, 0, "Started", 0))
        latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(one(station) for station in stations))
    await asyncio.gather(*(station.socket.close() for station in stations))
    return {"answered": len(latencies), "slowest_ms": percentile(latencies, 1.0)}


async def reconnects(job: dict[str, Any]) -> dict[str, Any]:
    """One identity that connects again and again while another station goes on."""
    neighbour = Station(job["address"], 1)
    await neighbour.open()
    await neighbour.boot()
    sockets: list[ClientConnection] = []
    served = 0
    for _ in range(job["times"]):
        station = Station(job["address"], 0)
        await station.open()
        sockets.append(station.socket)
        await neighbour.tell("Heartbeat", {})
        served += 1
    last = Station(job["address"], 0)
    last.socket = sockets[-1]
    await last.boot()
    closed = 0
    for socket in sockets[:-1]:
        try:
            await asyncio.wait_for(socket.wait_closed(), LIMIT_S)
            closed += 1
        except (TimeoutError, ConnectionClosed):
            pass
    return {
        "times": job["times"],
        "old_closed": closed,
        "neighbour_served": served,
        "last_wins": int(last.socket.state is State.OPEN),
    }


async def commanded(job: dict[str, Any]) -> dict[str, Any]:
    """A station that only waits for orders and accepts them; says when it is ready."""
    station = Station(job["address"], 0)
    await station.open()
    await station.boot()
    print("ready", flush=True)
    answered = 0
    while answered < job["orders"]:
        frame = orjson.loads(await asyncio.wait_for(station.socket.recv(), LIMIT_S))
        if frame[0] == 2:
            await station.socket.send(orjson.dumps([3, frame[1], {"status": "Accepted"}]).decode())
            answered += 1
    await asyncio.sleep(0.2)
    return {"answered": answered}


JOBS = {
    "closed_loop": closed_loop,
    "storm": storm,
    "simultaneous": simultaneous,
    "reconnects": reconnects,
    "commanded": commanded,
}


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(asyncio.run(JOBS[asked["job"]](asked))))
