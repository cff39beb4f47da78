"""The bridge over a real broker: nothing lost and nothing doubled while its process is killed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection

from apps.chargers.csms.citrineos.bridge import OperatorBridge, Pace
from apps.chargers.csms.citrineos.tap import Tap
from apps.chargers.models import (
    ChargingStation,
    CitrineCursor,
    CitrineMessage,
    MeterValue,
    Session,
    SessionEvent,
)
from apps.chargers.services.citrineos import lease_take
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from cariflex.runtime.layout import ROOT
from tests.chargers.citrineos.conftest import account_of, station_add
from tests.chargers.citrineos.says import charging
from tests.contracts.citrineos_fake import CitrineFake, citrine
from tests.contracts.citrineos_fake.server import EXCHANGE

A, B = "guadeloupe", "martinique"
TENANTS = {A: 1, B: 2}
STATIONS = [f"CIT-{number:03d}" for number in range(1, 6)]
EVENTS = 20
LIMIT_S = 60.0


@pytest.fixture
def bus(broker: str) -> Iterator[CitrineFake]:
    """CitrineOS with the broker."""
    with citrine(broker) as fake:
        yield fake


def wait_until(is_so: Callable[[], bool], why: str, limit_s: float = LIMIT_S) -> None:
    until = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until, why
        time.sleep(0.1)


def count_in(schema_name: str) -> int:
    with operator_context(schema_name):
        return SessionEvent.objects.count()


@contextmanager
def process(log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """`citrineos_bridge` as an operator's machine runs it, on the test's database."""
    url = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + connection.settings_dict["NAME"]
    words = [sys.executable, "manage.py", "citrineos_bridge", "--lease-s", "2", "--look-s", "1"]
    with log.open("a") as output:
        running = subprocess.Popen(
            words, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, stdout=output, stderr=output
        )
        try:
            yield running
        finally:
            running.kill()
            running.wait()


def load(bus: CitrineFake, *, seconds: float) -> threading.Thread:
    """Five stations of each operator, under the same names, send what they have in `seconds`."""
    told = [
        (schema_name, station_id, payload)
        for payload in charging(EVENTS)
        for schema_name in TENANTS
        for station_id in STATIONS
    ]
    # Nearby events change places: a bus keeps no order over several senders.
    order = random.Random(3)
    told.sort(key=lambda one: one[2]["seqNo"] + order.random() * 3)

    def send() -> None:
        for schema_name, station_id, payload in told:
            bus.says(station_id, "TransactionEvent", payload, tenant_id=TENANTS[schema_name])
            time.sleep(seconds / len(told))

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def prepare(bus: CitrineFake, broker: str) -> None:
    for schema_name, tenant_id in TENANTS.items():
        with operator_context(schema_name):
            account_of(bus, amqp_url=broker, tenant_id=tenant_id)
            for station_id in STATIONS:
                station_add(station_id)


def killed_under_load(
    bus: CitrineFake, broker: str, folder: Path, *, load_s: float, away_s: float
) -> None:
    prepare(bus, broker)
    log = folder / "bridge.log"
    with process(log) as first:
        wait_until(lambda: bool(connected(A) and connected(B)), "the bridge did not connect")
        sending = load(bus, seconds=load_s)
        wait_until(lambda: count_in(A) > 10 and count_in(B) > 10, "nothing arrives")
        first.send_signal(signal.SIGKILL)
        first.wait()
    before = count_in(A), count_in(B)
    time.sleep(away_s)
    assert (count_in(A), count_in(B)) == before
    with process(log) as second:
        sending.join()
        total = len(STATIONS) * EVENTS
        wait_until(
            lambda: (count_in(A), count_in(B)) == (total, total),
            f"lost: {count_in(A)}, {count_in(B)} of {total}; {log.read_text()[-2000:]}",
        )
        wait_until(lambda: comparison_done(A), "no comparison")
        second.send_signal(signal.SIGTERM)
        assert second.wait(timeout=20) == 0
    assert max(before) < len(STATIONS) * EVENTS


def connected(schema_name: str) -> bool:
    with operator_context(schema_name):
        return CitrineCursor.objects.filter(connected_at__isnull=False).exists()


def comparison_done(schema_name: str) -> bool:
    with operator_context(schema_name):
        return CitrineCursor.objects.filter(filled_at__isnull=False).exists()


def assert_each_once() -> None:
    for schema_name in TENANTS:
        with operator_context(schema_name):
            sessions = Session.objects.all()
            assert {s.station.station_id for s in sessions} == set(STATIONS)
            assert {(s.events_count, s.energy_kwh) for s in sessions} == {
                (EVENTS, Decimal(EVENTS - 1))
            }
            expected = len(STATIONS) * EVENTS
            assert SessionEvent.objects.count() == expected
            assert MeterValue.objects.count() == expected
            assert CitrineMessage.objects.count() == expected
            cursor = CitrineCursor.objects.get()
            # Each was new once, whichever way it came.
            assert cursor.live_count + cursor.recovered_count == expected
            assert (cursor.unusable_count, cursor.holder) == (0, "")


def test_no_event_is_lost_or_doubled_when_the_bridge_is_killed_under_load(
    live_operators: tuple[Operator, Operator], bus: CitrineFake, broker: str, tmp_path: Path
) -> None:
    killed_under_load(bus, broker, tmp_path, load_s=4, away_s=2)

    assert_each_once()


@pytest.mark.slow
def test_no_event_is_lost_or_doubled_when_the_bridge_is_away_for_a_minute(
    live_operators: tuple[Operator, Operator], bus: CitrineFake, broker: str, tmp_path: Path
) -> None:
    killed_under_load(bus, broker, tmp_path, load_s=65, away_s=60)

    assert_each_once()


def test_what_was_not_acknowledged_comes_again_and_each_tenant_has_its_own(
    bus: CitrineFake, broker: str
) -> None:
    def tap(tenant_id: int) -> Tap:
        return Tap(url=broker, exchange=EXCHANGE, queue=f"own.{tenant_id}", tenant_id=tenant_id)

    with closing(tap(12)) as other:
        with closing(tap(11)) as first:
            for number in range(3):
                bus.says("CIT-001", "Heartbeat", {}, tenant_id=11, message_id=f"m-{number}")
            taken = first.take(limit=64, wait_s=5)
            first.done(taken[0])
        with closing(tap(11)) as again_from:
            again = again_from.take(limit=64, wait_s=5)
            again_from.done(again[-1])

        assert ['"m-0"' in str(one.body) for one in taken] == [True, False, False]
        assert [one.body for one in again] == [one.body for one in taken[1:]]
        assert other.take(limit=64, wait_s=0.2) == []


def test_a_bridge_waits_for_its_lease_finds_what_the_bus_lost_and_gives_the_lease_back(
    live_operators: tuple[Operator, Operator], bus: CitrineFake, broker: str
) -> None:
    now = utc_now()
    with operator_context(A):
        account = account_of(bus, amqp_url=broker)
        station_add()
        lease_take(account_id=account.pk, holder="another", lease_s=1.0)
    bus.connect("CIT-001")
    for payload in charging(4):
        # As if the broker had lost them: they stand in the table only.
        at = now - timedelta(minutes=5 - payload["seqNo"])
        bus.says("CIT-001", "TransactionEvent", payload, at=at, is_live=False)
    bridge = OperatorBridge(A, pace=Pace(lease_s=2, wait_s=0.1, retry_s=0.2, fill_s=5))
    thread = threading.Thread(target=bridge.run)
    thread.start()
    try:
        wait_until(lambda: count_in(A) == 4, "not found in the table")
        wait_until(lambda: online(A), "the station's socket is not seen")
    finally:
        bridge.end()
        thread.join(timeout=20)

    assert not thread.is_alive()
    with operator_context(A):
        cursor = CitrineCursor.objects.get()
        assert (cursor.recovered_count, cursor.holder, cursor.trouble) == (4, "", "")


def online(schema_name: str) -> bool:
    with operator_context(schema_name):
        return ChargingStation.objects.get().is_online
