"""Pushes over real HTTP to a partner that answers, is away, is busy, or cuts its answers."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connections

from apps.billing.models import TariffAssignment
from apps.chargers.choices import ConnectorStatus
from apps.chargers.models import ChargingStation, IdToken
from apps.ocpi.choices import PartyRole
from apps.ocpi.models import Exchange, Partner, PartnerEndpoint, Published
from apps.ocpi.services.publish_cdrs import cdr_publish
from apps.ocpi.services.publish_locations import location_publish
from apps.ocpi.services.publish_sessions import session_publish
from apps.ocpi.services.publish_tariffs import tariffs_publish
from apps.ocpi.services.publish_tokens import tokens_publish
from apps.ocpi.services.push import POLICY, cdr_address
from apps.outbox import registry
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from apps.outbox.services import outbox_deliver_due
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.contracts.ocpi_partner import Fault, OcpiPartner, ocpi_partner
from tests.ocpi.out import world
from tests.ocpi.out.world import NOW

LATER = NOW + timedelta(minutes=20)
GUADELOUPE = "guadeloupe"


@pytest.fixture
def platform() -> Iterator[OcpiPartner]:
    with ocpi_partner(role="EMSP") as served:
        yield served


@pytest.fixture
def station(live_operators: tuple[Operator, Operator]) -> Iterator[ChargingStation]:
    """CS-001 of Guadeloupe, whose schema the test works in."""
    with operator_context(GUADELOUPE):
        world.party_make()
        world.tariff_everywhere()
        yield world.station_make()


def deliver(partner: Partner) -> int:
    return outbox_deliver_due(destination_name=partner.destination, limit=1000)


def states() -> list[str]:
    return list(OutboxMessage.objects.order_by("pk").values_list("state", flat=True))


def last_error() -> str:
    message = OutboxMessage.objects.order_by("-pk").first()
    assert message is not None
    return message.last_error


@contextmanager
def after(**length: float) -> Iterator[None]:
    """The same, so much later."""
    with time_machine.travel(utc_now() + timedelta(**length), tick=True):
        yield


def test_everything_reaches_the_partner_with_its_headers(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    tariffs_publish(now=NOW)
    location_publish(station.pk, NOW)
    session = world.session_of(station, partner)
    session_publish(session.pk, LATER)
    cdr = world.cdr_of(session)
    cdr_publish(cdr.pk, LATER)

    assert deliver(partner) == 4

    assert list(platform.received["locations"]) == ["FR/CFG/CS-001"]
    assert platform.received["sessions"][f"FR/CFG/{session.pk}"]["status"] == "COMPLETED"
    got = platform.received["cdrs"][f"FR/CFG/{cdr.reference}"]
    assert Decimal(str(got["total_cost"]["incl_vat"])) == cdr.total_incl_vat
    assert len(platform.received["tariffs"]) == 1
    for request in platform.requests:
        assert request.headers["ocpi-from-party-id"] == "CFG"
        assert request.headers["ocpi-to-party-id"] == "ABC"
        assert request.headers["x-request-id"] != request.headers["x-correlation-id"]
    message = OutboxMessage.objects.get(kind="cdrs")
    where = platform.address("cdrs", "RECEIVER")
    assert cdr_address(message) == f"{where}/FR/CFG/{cdr.reference}"
    assert Exchange.objects.filter(direction="out", partner=partner).count() == 4


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_each_partner_is_told_in_its_version(station: ChargingStation, version: str) -> None:
    with ocpi_partner(role="EMSP", version=version) as platform:
        partner = world.partner_make(platform)
        tariffs_publish(now=NOW)
        location_publish(station.pk, NOW)
        session = world.session_of(station, partner)
        session_publish(session.pk, LATER)
        cdr_publish(world.cdr_of(session).pk, LATER)

        assert deliver(partner) == 4, last_error()

        (got,) = platform.received["sessions"].values()
        (cdr,) = platform.received["cdrs"].values()
        total = {
            "2.1.1": lambda one: one,
            "2.2.1": lambda one: one["excl_vat"],
            "2.3.0": lambda one: one["before_taxes"],
        }[version]
        assert total(got["total_cost"]) == total(cdr["total_cost"]) > 2.7
        assert ("location" in got, "location_id" in got) == (
            version == "2.1.1", version != "2.1.1",
        )  # fmt: skip


def test_a_dropped_push_is_recorded_and_not_tried_again(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform)
    platform.fault = Fault(status=500)
    location_publish(station.pk, NOW)

    assert deliver(partner) == 0
    with after(hours=10):
        assert deliver(partner) == 0

    assert states() == [MessageState.DEAD]
    assert "HTTP 500" in last_error()
    assert len(platform.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, times=2),
        Fault(status=401, times=2),
        Fault(status=404, times=2),
        Fault(truncated=True, times=2),
        Fault(status_code=3000, times=2),
        Fault(drop=True, times=2),
    ],
    ids=lambda fault: str(fault)[:60],
)
def test_under_fifo_a_push_is_tried_until_it_is_taken(
    station: ChargingStation, platform: OcpiPartner, fault: Fault
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    platform.fault = fault
    location_publish(station.pk, NOW)

    assert deliver(partner) == 0
    platform.fault = fault if not fault.drop else Fault()
    with after(minutes=1):
        deliver(partner)
    with after(minutes=3):
        deliver(partner)

    assert states() == [MessageState.DELIVERED]
    assert "FR/CFG/CS-001" in platform.received["locations"]


def test_a_busy_partner_says_when(station: ChargingStation, platform: OcpiPartner) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    platform.fault = Fault(retry_after_s=400)
    location_publish(station.pk, NOW)

    deliver(partner)
    with after(seconds=390):
        assert deliver(partner) == 0
    platform.fault = Fault()
    with after(seconds=410):
        assert deliver(partner) == 1

    assert len(platform.requests) == 2


def test_what_a_partner_refuses_for_good_is_given_up_and_seen(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    platform.fault = Fault(status_code=2001)
    location_publish(station.pk, NOW)

    deliver(partner)

    assert states() == [MessageState.DEAD]
    assert "OCPI 2001" in last_error()


def test_a_refused_patch_is_put_whole(station: ChargingStation, platform: OcpiPartner) -> None:
    partner = world.partner_make(platform)
    location_publish(station.pk, NOW)
    deliver(partner)
    world.connector_set(station, 1, ConnectorStatus.FAULTED)
    location_publish(station.pk, LATER)
    platform.fault = Fault(status_code=2001, times=1)

    assert deliver(partner) == 1

    assert [one.method for one in platform.requests] == ["PUT", "PATCH", "PUT"]
    whole = platform.received["locations"]["FR/CFG/CS-001/CS-001-1"]
    assert (whole["status"], whole["uid"]) == ("OUTOFORDER", "CS-001-1")


def test_where_the_location_is_missing_it_is_put(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform)
    location_publish(station.pk, NOW)
    world.queue_empty()  # it never heard of the location
    world.connector_set(station, 1, ConnectorStatus.FAULTED)
    location_publish(station.pk, LATER)
    platform.fault = Fault(status_code=2003, times=2)

    assert deliver(partner) == 1

    assert [one.path.split("/FR/")[1] for one in platform.requests] == [
        "CFG/CS-001/CS-001-1", "CFG/CS-001/CS-001-1", "CFG/CS-001",
    ]  # fmt: skip
    assert platform.received["locations"]["FR/CFG/CS-001"]["evses"][0]["status"] == "OUTOFORDER"


def test_an_addition_whose_answer_was_lost_is_not_added_twice(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    session = world.session_of(station, partner, ended=False)
    session_publish(session.pk, NOW)
    deliver(partner)
    world.session_moved(session, energy_kwh=Decimal(3))
    session_publish(session.pk, LATER)
    platform.fault = Fault(drop=True)
    deliver(partner)  # taken, but nobody heard
    world.session_moved(session, energy_kwh=Decimal(6))
    session_publish(session.pk, LATER + timedelta(minutes=20))
    platform.fault = Fault()

    with after(minutes=1):
        assert deliver(partner) == 2

    assert [one.method for one in platform.requests] == ["PUT", "PATCH", "PUT", "PATCH"]
    # The repeat says what was true then, the next one adds to it.
    assert [len(one.json()["charging_periods"]) for one in platform.requests[1:]] == [1, 1, 1]
    assert platform.requests[2].json()["kwh"] == 3
    assert platform.requests[3].json()["kwh"] == 6


def test_a_cdr_whose_answer_was_lost_is_there_once(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    cdr = world.cdr_of(world.session_of(station, partner))
    cdr_publish(cdr.pk, LATER)
    platform.fault = Fault(drop=True)
    deliver(partner)
    assert list(platform.received["cdrs"]) == [f"FR/CFG/{cdr.reference}"]

    # The second time it says that it has it.
    platform.fault = Fault(status_code=2000, times=1, only=("cdrs",))
    with after(minutes=1):
        assert deliver(partner) == 1

    assert [one.method for one in platform.requests] == ["POST", "POST", "GET", "GET"]
    assert len(platform.received["cdrs"]) == 1
    assert states() == [MessageState.DELIVERED]


class RefusesThenFails(Fault):
    """Refuses the first request, and has a fault of its own from the second on."""

    def strikes(self, module: str) -> bool:
        if self.times == 0:
            self.status_code, self.status = None, 503
        self.times = 0
        return True


def test_a_look_for_a_lost_cdr_that_fails_is_no_proof_of_its_absence(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    cdr_publish(world.cdr_of(world.session_of(station, partner)).pk, LATER)
    platform.fault = Fault(drop=True)
    deliver(partner)

    platform.fault = RefusesThenFails(status_code=2000)
    with after(minutes=1):
        assert deliver(partner) == 0
    assert states() == [MessageState.WAITING]

    platform.fault = Fault(status_code=2000, times=1)
    with after(minutes=10):
        assert deliver(partner) == 1
    assert states() == [MessageState.DELIVERED]


def test_a_conflict_says_that_the_cdr_is_there(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    cdr_publish(world.cdr_of(world.session_of(station, partner)).pk, LATER)
    platform.fault = Fault(status=409)

    assert deliver(partner) == 1


def test_a_cdr_that_is_refused_is_kept_to_be_seen(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    cdr_publish(world.cdr_of(world.session_of(station, partner)).pk, LATER)
    platform.fault = Fault(status_code=2001)

    assert deliver(partner) == 0

    assert states() == [MessageState.DEAD]
    assert Published.objects.filter(kind="cdrs").count() == 1


def test_an_object_keeps_its_order_and_holds_up_no_other(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    other = world.station_make("CS-002")
    platform.fault = Fault(status=500, times=1)
    location_publish(station.pk, NOW)
    location_publish(other.pk, NOW)
    world.connector_set(station, 1, ConnectorStatus.FAULTED)
    location_publish(station.pk, LATER)

    assert deliver(partner) == 1  # of the other station
    assert list(platform.received["locations"]) == ["FR/CFG/CS-002"]
    with after(minutes=1):
        assert deliver(partner) == 2

    assert [one.path.split("/CFG/")[1] for one in platform.requests] == [
        "CS-001", "CS-002", "CS-001", "CS-001/CS-001-1",
    ]  # fmt: skip


def test_a_killed_worker_loses_nothing(station: ChargingStation, platform: OcpiPartner) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    location_publish(station.pk, NOW)

    class Killed(BaseException):
        """As SIGKILL: nothing is written down any more."""

    def kill(_message: OutboxMessage) -> None:
        raise Killed

    _with_deliverer(kill, partner, Killed)
    assert deliver(partner) == 0  # its lease holds
    with after(seconds=POLICY.lease.total_seconds() + 1):
        assert deliver(partner) == 1

    assert list(platform.received["locations"]) == ["FR/CFG/CS-001"]


def test_a_partner_that_is_suspended_gets_it_later(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo", state="suspended")
    location_publish(station.pk, NOW)

    assert deliver(partner) == 0
    Partner.objects.update(state="registered")
    with after(minutes=1):
        assert deliver(partner) == 1


def test_a_partner_without_the_endpoint_is_told_when_it_has_one(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    location_publish(station.pk, NOW)
    row = PartnerEndpoint.objects.get(identifier="locations", role="RECEIVER")
    row.delete()
    assert deliver(partner) == 0
    row.pk = None
    row.save()

    with after(minutes=1):
        assert deliver(partner) == 1


def test_a_partner_that_changed_its_version_gets_the_object_as_it_is(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, delivery="fifo")
    location_publish(station.pk, NOW)
    deliver(partner)
    world.connector_set(station, 1, ConnectorStatus.FAULTED)
    location_publish(station.pk, LATER)
    Partner.objects.update(version="2.3.0")

    assert deliver(partner) == 1

    assert [one.method for one in platform.requests] == ["PUT", "PUT"]


def test_a_withdrawn_tariff_that_is_not_there_is_deleted(
    station: ChargingStation, platform: OcpiPartner
) -> None:
    partner = world.partner_make(platform, pushed_kinds=["tariffs"])
    tariffs_publish(now=NOW)
    deliver(partner)
    TariffAssignment.objects.all().delete()
    tariffs_publish(now=LATER)
    platform.fault = Fault(status=404, times=1)

    assert deliver(partner) == 1
    assert platform.requests[-1].method == "DELETE"


def test_tokens_reach_an_operator(station: ChargingStation) -> None:
    with ocpi_partner(role="CPO") as platform:
        partner = world.partner_make(platform)
        world.party_make(PartyRole.EMSP, "CFE")
        IdToken.objects.create(id_token="04AABBCC")
        tokens_publish(now=NOW)

        assert deliver(partner) == 1

        assert platform.received["tokens"]["FR/CFE/04AABBCC"]["valid"] is True
        assert platform.requests[0].headers["ocpi-from-party-id"] == "CFE"


def test_a_status_reaches_twenty_partners_at_little_cost(station: ChargingStation) -> None:
    with ocpi_partner(role="EMSP") as platform:
        partners = [
            world.partner_make(
                platform, code=f"p{nth}", token_in_hash=f"{nth:064}", pushed_kinds=["locations"]
            )
            for nth in range(20)
        ]
        location_publish(station.pk, NOW)
        for partner in partners:
            deliver(partner)
        world.connector_set(station, 1, ConnectorStatus.FAULTED)

        begun = time.process_time()
        location_publish(station.pk, LATER)
        queues = [partners[:10], partners[10:]]
        threads = [threading.Thread(target=_work, args=(part,)) for part in queues]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took_cpu_s = time.process_time() - begun

        assert platform.count("PATCH", "CS-001-1") == 20
        # Of one core, with the partners: how long it takes depends on what else runs here.
        assert took_cpu_s < 2, took_cpu_s


def _work(partners: list[Partner]) -> None:
    """A worker of two."""
    try:
        with operator_context(GUADELOUPE):
            for partner in partners:
                deliver(partner)
    finally:
        connections.close_all()


def _with_deliverer(function: Any, partner: Partner, expected: type[BaseException]) -> None:
    family = registry._destinations["ocpi"]
    registry.register("ocpi", function, family.policy)
    try:
        with pytest.raises(expected):
            deliver(partner)
    finally:
        registry.register("ocpi", family.deliver, family.policy)
