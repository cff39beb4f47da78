"""Who polls what: the leases of workers, a lost database, and the shards of devices."""

import threading
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from apps.assets.choices import ConnectionState
from apps.assets.drivers.poller import Poller
from apps.assets.models import Device, PollShard, Reading
from apps.assets.services import polling as polling_service
from apps.assets.services import (
    shard_hold,
    shard_release,
    shard_take,
    shards_ensure,
    shards_wanting,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.assets.conftest import (
    DeviceLoop,
    battery_make,
    battery_server,
)
from tests.assets.polling import FLUSH_S, PERIOD_S, eventually, polling, the_shard

pytestmark = pytest.mark.usefixtures("live_operators")


# --- leases ---


def test_only_one_of_two_workers_gets_the_shard(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    battery_make(port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)

    with polling(poller) as first:
        eventually(lambda: Reading.objects.exists())
        with polling(poller) as second:
            eventually(lambda: second)

    assert (first, second) == ([True], [False])


def test_a_race_for_the_lease_has_one_winner(guadeloupe: str) -> None:
    battery_make()
    shard_id = the_shard()
    barrier, won = threading.Barrier(6), []

    def race() -> None:
        try:
            with operator_context("guadeloupe"):
                barrier.wait(10)
                won.append(shard_take(shard_id=shard_id, holder=uuid.uuid4(), worker="w"))
        finally:
            connection.close()

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(won) == [False] * 5 + [True]


def test_the_lease_of_a_killed_worker_runs_out(guadeloupe: str) -> None:
    battery_make()
    shard_id, dead, heir = the_shard(), uuid.uuid4(), uuid.uuid4()
    assert shard_take(shard_id=shard_id, holder=dead, worker="dead", lease_s=0.3)
    assert not shard_take(shard_id=shard_id, holder=heir, worker="heir")

    eventually(lambda: shard_take(shard_id=shard_id, holder=heir, worker="heir"), 3.0)

    assert not shard_hold(shard_id=shard_id, holder=dead)
    assert not shard_release(shard_id=shard_id, holder=dead)
    assert shard_hold(shard_id=shard_id, holder=heir)
    assert shard_release(shard_id=shard_id, holder=heir)
    assert shards_wanting() == [shard_id]


def test_a_worker_that_lost_its_lease_stops(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    battery_make(port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)

    with polling(poller) as results:
        eventually(lambda: Reading.objects.exists())
        PollShard.objects.update(holder=uuid.uuid4())
        eventually(lambda: results)

    assert results == [False]
    assert PollShard.objects.get().holder is not None


def test_readings_survive_a_lost_database_connection(
    guadeloupe: str, devices: DeviceLoop, poller: Poller
) -> None:
    battery = battery_make(port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)
    sensor = battery.sensors.get(quantity="power_kw", channel="").pk

    with polling(poller) as results:
        eventually(lambda: Reading.objects.exists())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.fetchone()[0] >= 1
        killed_at: datetime = utc_now()
        eventually(
            lambda: Reading.objects.filter(
                sensor_id=sensor, at__gt=killed_at + timedelta(seconds=1)
            ).exists()
        )

    at = list(Reading.objects.filter(sensor_id=sensor).order_by("at").values_list("at", flat=True))
    assert results == [True]
    assert max((b - a).total_seconds() for a, b in zip(at, at[1:], strict=False)) < 2.5 * PERIOD_S


def test_a_database_away_for_longer_than_a_lease_costs_no_reading(
    guadeloupe: str,
    devices: DeviceLoop,
    poller: Poller,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its run is over meanwhile too: it stays, for nobody else can take the lease."""
    battery = battery_make(port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)
    sensor, shard_id = battery.sensors.get(quantity="power_kw", channel="").pk, the_shard()
    answers = iter(range(1000))

    def hold(**lease: Any) -> bool:
        # The 5th to the 14th flush find no database: a second, ten times the lease set here.
        if 5 <= next(answers) < 15:
            raise OperationalError("the database is away")
        return shard_hold(**lease, lease_s=0.1)

    monkeypatch.setattr(polling_service, "shard_hold", hold)
    assert polling_service.shard_poll(
        shard_id=shard_id, stop=threading.Event(), poller=poller, run_s=1.0, flush_s=FLUSH_S
    )

    at = list(Reading.objects.filter(sensor_id=sensor).order_by("at").values_list("at", flat=True))
    assert next(answers) > 15
    assert max((b - a).total_seconds() for a, b in zip(at, at[1:], strict=False)) < 2.5 * PERIOD_S
    away = [r for r in caplog.records if r.getMessage().startswith("poll.database_away")]
    assert len(away) == 1


def test_what_was_read_before_the_lease_was_lost_is_stored(
    guadeloupe: str, devices: DeviceLoop, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heir took the lease while this worker was held up with readings in its hands."""
    battery_make(port=devices.start(battery_server()).port, poll_period_s=PERIOD_S)
    shard_id, late = the_shard(), threading.Event()
    monkeypatch.setattr(polling_service, "shard_hold", lambda **_lease: False)

    # One flush only, after two polls and more.
    assert not polling_service.shard_poll(
        shard_id=shard_id, stop=late, poller=poller, run_s=60.0, flush_s=4 * PERIOD_S
    )

    assert Reading.objects.count() >= 4
    assert Device.objects.get().connection_state == ConnectionState.UNKNOWN


# --- shards ---


def test_without_rows_there_is_no_shard(operator_a: Operator) -> None:
    assert shards_ensure() == 0
    assert shards_wanting() == []


def test_shards_hold_whole_gateways_and_no_more_than_a_hundred(guadeloupe: str) -> None:
    """205 units behind 103 gateways, two each but the last: a full shard and one of three."""
    first = battery_make("bat-000", host="192.0.2.1")
    rows = []
    for n in range(1, 205):
        row = Device.objects.get(pk=first.pk)
        row.pk, row.code = None, f"bat-{n:03d}"
        row.host, row.unit_id = f"192.0.2.{n // 2 + 1}", n % 2 + 1
        rows.append(row)
    Device.objects.bulk_create(rows)

    assert shards_ensure() == 205
    assert shards_ensure() == 0

    gateways: dict[int, set[str]] = {}
    for shard_id, host in Device.objects.values_list("shard_id", "host"):
        gateways.setdefault(shard_id, set()).add(host)
    assert sorted(len(hosts) for hosts in gateways.values()) == [3, 100]
    assert len(set.union(*gateways.values())) == 103


def test_a_device_that_moves_to_another_gateway_finds_its_shard(guadeloupe: str) -> None:
    battery_make("bat-01", host="192.0.2.1")
    shards_ensure()

    battery_make("bat-01", host="192.0.2.9")

    assert Device.objects.get().shard_id is None
    assert shards_ensure() == 1
