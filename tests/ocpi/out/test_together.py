"""Several workers publish at once: positions without a gap, and the newer truth stays."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connections

from apps.chargers.choices import ConnectorStatus
from apps.chargers.models import ChargingStation
from apps.ocpi.models import Partner, Published
from apps.ocpi.services.publish_cdrs import cdr_publish
from apps.ocpi.services.publish_locations import location_publish
from apps.outbox.models import OutboxMessage
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.ocpi.out import world

GUADELOUPE = "guadeloupe"


@pytest.fixture
def partner(live_operators: tuple[Operator, Operator]) -> Iterator[Partner]:
    with operator_context(GUADELOUPE):
        world.party_make()
        world.tariff_everywhere()
        yield world.partner_without_http("emsp", pushed_kinds=world.EVERYTHING)


def together(*jobs: Callable[[], object]) -> None:
    """Each in a thread of its own, begun at once; the first fault is raised."""
    faults: list[BaseException] = []
    gate = threading.Barrier(len(jobs))

    def run(job: Callable[[], object]) -> None:
        try:
            with operator_context(GUADELOUPE):
                gate.wait(10)
                job()
        except BaseException as err:  # noqa: BLE001
            faults.append(err)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not faults, faults


def test_positions_have_no_gap_and_nothing_is_published_twice(partner: Partner) -> None:
    stations = [world.station_make(f"CS-{n:03}") for n in range(6)]

    def publish(order: list[ChargingStation]) -> Callable[[], object]:
        return lambda: [location_publish(one.pk, utc_now()) for one in order]

    together(publish(stations), publish(stations[::-1]), publish(stations[3:] + stations[:3]))

    rows = Published.objects.filter(kind="locations").order_by("position")
    assert [row.position for row in rows] == [1, 2, 3, 4, 5, 6]
    assert OutboxMessage.objects.count() == 6


def test_a_cdr_of_two_workers_is_one(partner: Partner) -> None:
    cdr = world.cdr_of(world.session_of(world.station_make(), partner))

    together(*[lambda: cdr_publish(cdr.pk, utc_now())] * 3)

    assert Published.objects.filter(kind="cdrs").count() == 1
    assert OutboxMessage.objects.filter(kind="cdrs").count() == 1


def test_the_last_status_stays(partner: Partner) -> None:
    station = world.station_make()
    location_publish(station.pk, utc_now())

    def change(status: str) -> Callable[[], object]:
        def run() -> None:
            for _turn in range(4):
                world.connector_set(station, 1, status)
                location_publish(station.pk, utc_now())

        return run

    together(change(ConnectorStatus.FAULTED), change(ConnectorStatus.UNAVAILABLE))

    assert not location_publish(station.pk, utc_now())
    last = OutboxMessage.objects.order_by("-pk").first()
    row = Published.objects.get(kind="locations")
    assert last is not None
    assert f'"status":"{_status(last)}"' in row.content


def _status(message: OutboxMessage) -> str:
    body = str(message.payload["body"])
    return body.split('"status":"')[1].split('"')[0]
