"""Minutes of charging by stations of an npm client with schemas of its own; sockets break often.

Each station charges one transaction after the other in its own version and remembers what it told.
Again and again its process is cut off in the middle, comes back and sends its last message again,
as a station does that never saw the answer. In the end every transaction must be as its station
remembers it, once.
"""

import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.chargers.models import Session, StationMessage
from apps.chargers.services import station_register
from cariflex.common.time import format_rfc3339, utc_now
from tests.chargers.conftest import TOKEN
from tests.chargers.server import BOOT, A, B, Csms, at
from tests.chargers.v16.messages import BOOT_16
from tests.contracts.npm_station import NpmStation, npm_station

SOAK_S = float(os.environ.get("CARIFLEX_SOAK_S", "300"))
STATIONS = 6
PASSWORD = "soak-station-secret"
VALUES = 5
pytestmark = pytest.mark.slow


@dataclass
class Charged:
    """What the station knows of one transaction: its energy in Wh and its messages."""

    energy_wh: int
    messages: int


@dataclass
class Soaked:
    """What one station did."""

    charged: dict[str, Charged] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    cuts: int = 0


class Soaking:
    """One station: its messages one after the other, over as many sockets as it takes."""

    def __init__(self, csms: Csms, number: int) -> None:
        self.name = f"SOAK-{number}"
        self.is_16 = number % 2 == 1
        self.done = Soaked()
        self._random = random.Random(number)
        self._endpoint = f"ws://127.0.0.1:{csms.port}/ocpp/{A}"
        self._register_wh = 1000 * number
        self._at = utc_now() - timedelta(hours=1)

    def run(self, until: float) -> Soaked:
        left: list[Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]] = []
        said: dict[str, Any] = {}
        while time.monotonic() < until or left:
            version = "ocpp1.6" if self.is_16 else "ocpp2.0.1"
            with npm_station(self._endpoint, self.name, PASSWORD, protocols=[version]) as station:
                station.call("BootNotification", BOOT_16 if self.is_16 else BOOT)
                is_last_time = time.monotonic() >= until
                for _ in range(10_000 if is_last_time else self._random.randint(3, 40)):
                    if not left:
                        if time.monotonic() >= until:
                            break
                        said, left = {}, self._transaction()
                    action, payload = left[0](said)
                    said |= self._tell(station, action, payload)
                    # Cut off here, the message goes out again over the next socket.
                    if self._random.random() < 0.9 or is_last_time:
                        left.pop(0)
                self.done.faults += station.faults
            self.done.cuts += 1
        return self.done

    def _tell(self, station: NpmStation, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        answer = station.call(action, payload)
        if "transactionId" in answer:
            self.done.charged.setdefault(str(answer["transactionId"]), self._now)
        return answer

    def _transaction(self) -> list[Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]]:
        """The messages of the next transaction, each made when it is due but always the same."""
        steps = [self._random.randint(0, 500) for _ in range(VALUES)]
        registers = [self._register_wh + sum(steps[:n]) for n in range(VALUES + 1)]
        self._register_wh = registers[-1]
        self._at += timedelta(seconds=10)
        times = [format_rfc3339(self._at + timedelta(seconds=n)) for n in range(VALUES + 1)]
        self._now = Charged(sum(steps), VALUES + 1)
        if self.is_16:
            return self._of_16(registers, times)
        name = f"{self.name}-{len(self.done.charged)}"
        self.done.charged[name] = self._now
        kinds = ["Started", *["Updated"] * (VALUES - 1), "Ended"]

        def event(n: int) -> Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]:
            payload: dict[str, Any] = {
                "eventType": kinds[n], "timestamp": times[n], "seqNo": n,
                "triggerReason": "MeterValuePeriodic",
                "transactionInfo": {"transactionId": name, "chargingState": "Charging"},
                "evse": {"id": 1, "connectorId": 1},
                "meterValue": [{
                    "timestamp": times[n],
                    "sampledValue": [{"value": registers[n]}],
                }],
            }  # fmt: skip
            if n == 0:
                payload["idToken"] = {"idToken": TOKEN, "type": "ISO14443"}
            return lambda _said: ("TransactionEvent", payload)

        return [event(n) for n in range(VALUES + 1)]

    def _of_16(
        self, registers: list[int], times: list[str]
    ) -> list[Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]]:
        def values(n: int) -> Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]:
            sample = {"timestamp": times[n], "sampledValue": [{"value": str(registers[n])}]}
            return lambda said: ("MeterValues", {
                "connectorId": 1, "transactionId": said["transactionId"], "meterValue": [sample],
            })  # fmt: skip

        return [
            lambda _said: ("StartTransaction", {
                "connectorId": 1, "idTag": TOKEN, "timestamp": times[0],
                "meterStart": registers[0],
            }),
            *[values(n) for n in range(1, VALUES)],
            lambda said: ("StopTransaction", {
                "transactionId": said["transactionId"], "timestamp": times[-1],
                "meterStop": registers[-1],
            }),
        ]  # fmt: skip


def test_what_stations_told_for_minutes_is_stored_once(csms: Csms) -> None:
    def register() -> None:
        for number in range(STATIONS):
            station_register(station_id=f"SOAK-{number}", password=PASSWORD, rated_power_kw=22.0)

    at(A, register)
    until = time.monotonic() + SOAK_S
    soaking = [Soaking(csms, number) for number in range(STATIONS)]

    with ThreadPoolExecutor(STATIONS) as pool:
        all_done = list(pool.map(lambda one: one.run(until), soaking))

    for one, done in zip(soaking, all_done, strict=True):
        assert done.faults == []
        assert done.cuts >= 2
        assert len(done.charged) >= SOAK_S / 10
        stored = at(A, lambda name=one.name: list(
            Session.objects.filter(station__station_id=name).order_by("pk")
        ))  # fmt: skip
        told = {
            str(session.pk) if one.is_16 else session.transaction_id: session for session in stored
        }
        assert told.keys() == done.charged.keys()
        for name, charged in done.charged.items():
            session = told[name]
            assert session.state == "ended"
            assert session.energy_kwh == Decimal(charged.energy_wh) / 1000
            assert session.events_count == charged.messages
    # Nothing was refused, and the neighbour saw nothing of it.
    refused = at(A, lambda: StationMessage.objects.exclude(error="").count())
    assert refused == 0
    assert at(B, Session.objects.count) == 0
