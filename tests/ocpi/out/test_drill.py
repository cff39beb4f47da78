"""A partner is away for an hour while 500 things happen, and two workers are killed.

The ordinary run has the same hour with fewer events.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connections

from apps.chargers.choices import ConnectorStatus
from apps.ocpi.models import Partner, Published
from apps.ocpi.services.publish_cdrs import cdr_publish
from apps.ocpi.services.publish_locations import locations_publish
from apps.ocpi.services.publish_sessions import sessions_publish
from apps.ocpi.services.push import POLICY
from apps.outbox import registry
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from apps.outbox.services import outbox_deliver_due
from apps.tenants.context import operator_context
from cariflex.common.exact_json import exact_loads
from cariflex.common.time import format_rfc3339, utc_now
from tests.contracts.ocpi_partner import Fault, OcpiPartner, ocpi_partner
from tests.ocpi.out import world
from tests.ocpi.server import Site, connect

GUADELOUPE = "guadeloupe"
SESSIONS, STATIONS = 10, 4
STEPS = [6, pytest.param(36, marks=pytest.mark.slow)]
"""Of an hour; 36 are more than 500 events."""
EVENTS_A_STEP = SESSIONS + STATIONS
PUSHED = ["locations", "sessions", "cdrs"]
STATUSES = [
    ConnectorStatus.AVAILABLE, ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE,
    ConnectorStatus.RESERVED,
]  # fmt: skip
LEASE = POLICY.lease + timedelta(seconds=1)


class Killed(BaseException):
    """As SIGKILL: nothing is written down any more."""


@pytest.fixture
def platform(site: Site) -> Iterator[OcpiPartner]:
    with ocpi_partner(role="EMSP") as served, operator_context(GUADELOUPE):
        connect(served, site, GUADELOUPE)
        world.party_make()
        world.tariff_everywhere()
        yield served


class Island:
    """Stations and sessions that change a little at each step."""

    def __init__(self, partner: Partner) -> None:
        self.random = random.Random(7)  # noqa: S311
        self.stations = [world.station_make(f"CS-{n:03}") for n in range(STATIONS)]
        self.sessions = [
            world.session_of(self.stations[n % STATIONS], partner, f"tx-{n}", ended=False)
            for n in range(SESSIONS)
        ]
        self.start = self.sessions[0].started_at

    def step(self, number: int, now: datetime) -> None:
        """Sessions gain energy and a station tells another status."""
        at = self.start + timedelta(minutes=20 * (number + 1))
        for nth, session in enumerate(self.sessions):
            world.session_moved(session, energy_kwh=Decimal(number + 1) + nth, updated_at=now)
        sessions_publish([session.pk for session in self.sessions], at)
        for station in self.stations:
            status = STATUSES[(number + station.pk) % len(STATUSES)]
            world.connector_set(station, 2, status)
        locations_publish(now=now)

    def finish(self, partner: Partner) -> None:
        """As many other sessions have ended, and are billed."""
        for nth in range(SESSIONS):
            session = world.session_of(self.stations[0], partner, f"end-{nth}")
            cdr_publish(world.cdr_of(session).pk, utc_now())


def deliver(partner: Partner) -> int:
    return outbox_deliver_due(destination_name=partner.destination, limit=2000)


def deliver_and_be_killed(partner: Partner, kind: str) -> None:
    """A worker that dies when the partner has taken a message, before it is written down."""
    family = registry._destinations["ocpi"]

    def once(message: OutboxMessage) -> None:
        family.deliver(message)
        if message.kind == kind:
            raise Killed

    registry.register("ocpi", once, family.policy)
    try:
        with pytest.raises(Killed):
            deliver(partner)
    finally:
        registry.register("ocpi", family.deliver, family.policy)


def replayed(platform: OcpiPartner, first: int) -> dict[str, Any]:
    """What a partner that does as the standard says has after the requests from `first` on."""
    has: dict[str, Any] = {}
    for request in platform.requests[first:]:
        _version, _role, module, *rest = request.path.strip("/").split("/")
        body = exact_loads(request.body) if request.body else None
        if module == "cdrs" and request.method == "POST":
            has[f"cdrs/{body['id']}"] = body
            continue
        key = f"{module}/{rest[2]}"
        if len(rest) == 3 and request.method == "PUT":
            has[key] = body
        elif len(rest) == 3:
            added = body.pop("charging_periods", [])
            has[key] = {**has[key], **body}
            has[key]["charging_periods"] = [*has[key].get("charging_periods", []), *added]
        else:
            evses = has[key]["evses"]
            nth = next(n for n, evse in enumerate(evses) if evse["uid"] == rest[3])
            evses[nth] = body if request.method == "PUT" else {**evses[nth], **body}
            has[key]["last_updated"] = body["last_updated"]
    return has


def published() -> dict[str, Any]:
    rows = Published.objects.exclude(kind="tariffs")
    return {f"{row.kind}/{row.object_id}": exact_loads(row.content_2_2_1) for row in rows}


def order_of(platform: OcpiPartner, first: int) -> dict[str, list[str]]:
    """`last_updated` of what the partner took, by EVSE and session."""
    found: dict[str, list[str]] = {}
    for request in platform.requests[first:]:
        if request.method in ("PUT", "PATCH"):
            body = request.json()
            found.setdefault(request.path, []).append(body["last_updated"])
    return found


@pytest.mark.parametrize("steps", STEPS)
def test_fifo_loses_nothing_keeps_the_order_and_doubles_nothing(
    platform: OcpiPartner, steps: int
) -> None:
    partner = world.partner_make(
        platform, delivery="fifo", pushed_kinds=["locations", "sessions", "cdrs"]
    )
    island = Island(partner)
    begun = utc_now()
    platform.fault = Fault(status=503)
    for number in range(steps):
        with time_machine.travel(begun + timedelta(minutes=60 / steps * number), tick=True):
            island.step(number, utc_now())
            if number % (steps // 6) == 0:
                deliver(partner)
    with time_machine.travel(begun + timedelta(minutes=60), tick=True):
        island.finish(partner)
        deliver(partner)
    waiting = OutboxMessage.objects.filter(state=MessageState.WAITING).count()
    assert waiting == OutboxMessage.objects.count() >= EVENTS_A_STEP * steps

    platform.fault = Fault()
    first = len(platform.requests)
    at = begun + timedelta(minutes=70)
    with time_machine.travel(at, tick=True):
        deliver_and_be_killed(partner, "sessions")
    with time_machine.travel(at + LEASE, tick=True):
        deliver_and_be_killed(partner, "cdrs")
    # The clock ran on while it was alive.
    with time_machine.travel(at + 2 * LEASE + timedelta(minutes=5), tick=True):
        deliver(partner)

    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {MessageState.DELIVERED}
    assert replayed(platform, first) == published()
    for stamps in order_of(platform, first).values():
        assert stamps == sorted(stamps)
    # One request a message, and one more for each that was taken by a worker that died.
    assert len(platform.requests) - first == waiting + 2
    posted = [r.json()["id"] for r in platform.requests[first:] if r.method == "POST"]
    assert len(posted) == SESSIONS + 1
    assert len(platform.received["cdrs"]) == len(set(posted)) == SESSIONS


@pytest.mark.parametrize("steps", STEPS)
def test_without_a_queue_a_pull_brings_what_was_dropped(platform: OcpiPartner, steps: int) -> None:
    partner = world.partner_make(
        platform, delivery="none", pushed_kinds=["locations", "sessions", "cdrs"]
    )
    island = Island(partner)
    begun = utc_now()
    platform.fault = Fault(status=503)
    for number in range(steps):
        with time_machine.travel(begun + timedelta(minutes=60 / steps * number), tick=True):
            island.step(number, utc_now())
            if number in (steps // 3, steps // 2):
                # A worker dies with a message in its hands; its one try is another's then.
                _taken_by_a_dead_worker(partner)
            deliver(partner)
    with time_machine.travel(begun + timedelta(minutes=60), tick=True):
        island.finish(partner)
        deliver(partner)
    with time_machine.travel(begun + timedelta(minutes=70), tick=True):
        platform.fault = Fault()
        deliver(partner)
    assert not OutboxMessage.objects.filter(state=MessageState.WAITING).exists()
    assert OutboxMessage.objects.filter(state=MessageState.DEAD).count() >= EVENTS_A_STEP * steps

    # Its own last good moment; updates are told in the sessions' time here.
    since = format_rfc3339(min(begun, island.start))
    has: dict[str, Any] = {}
    for module in ("locations", "sessions", "cdrs"):
        url = platform.ours(module, "SENDER") + f"?date_from={since}"
        while url:
            reply = platform.call("GET", url)
            for row in exact_loads(reply.body)["data"]:
                has[f"{module}/{row['id']}"] = row
            url = reply.headers.get("link", "").split(">")[0].lstrip("<")

    assert has == published()


def test_a_worker_that_is_really_killed(platform: OcpiPartner) -> None:
    partner = world.partner_make(platform, delivery="fifo", pushed_kinds=["cdrs"])
    station = world.station_make()
    cdr = world.cdr_of(world.session_of(station, partner))
    cdr_publish(cdr.pk, utc_now())
    platform.fault = Fault(slow_s=3, times=1)
    connections.close_all()  # neither side of the fork uses the other's

    child = os.fork()
    if child == 0:
        with operator_context(GUADELOUPE):
            deliver(partner)
        os._exit(0)
    give_up = time.monotonic() + 60
    while not platform.requests and time.monotonic() < give_up:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL

    with operator_context(GUADELOUPE):
        assert deliver(partner) == 0  # the dead worker's lease holds
        with time_machine.travel(utc_now() + LEASE, tick=True):
            assert deliver(partner) == 1
        message = OutboxMessage.objects.get()
    assert (message.state, message.attempts) == (MessageState.DELIVERED, 2)
    assert list(platform.received["cdrs"]) == [f"FR/CFG/{cdr.reference}"]


def _taken_by_a_dead_worker(partner: Partner) -> None:
    family = registry._destinations["ocpi"]

    def die(_message: OutboxMessage) -> None:
        raise Killed

    registry.register("ocpi", die, family.policy)
    try:
        with pytest.raises(Killed):
            deliver(partner)
    finally:
        registry.register("ocpi", family.deliver, family.policy)
