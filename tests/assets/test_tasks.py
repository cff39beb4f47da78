"""The tasks: dispatch sends what is free, a shard follows itself, nothing without operator."""

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection

from apps.assets.models import Device, PollShard
from apps.assets.services import shard_take
from apps.assets.services.polling import shard_poll
from apps.assets.services.shares import Shares
from apps.assets.tasks import polling as tasks
from apps.tenants.context import OperatorMissing, operator_context
from apps.tenants.models import Operator
from apps.tenants.tasking import HEADER
from cariflex.common.ids import new_id
from tests.assets.conftest import battery_make

Sent = list[tuple[str, int, float]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What poll_shard was sent with: (schema, shard, expiry)."""
    messages: Sent = []

    def apply_async(args: tuple[int], expires: float, **_options: Any) -> None:
        messages.append((str(connection.schema_name), args[0], expires))

    monkeypatch.setattr(tasks.poll_shard, "apply_async", apply_async)
    return messages


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The worker's stop signal, of this test alone."""
    event = threading.Event()
    monkeypatch.setattr(tasks, "_stopping", event)
    yield event
    event.set()


def run(name: str, *args: object, schema: str = "guadeloupe") -> object:
    return current_app.tasks[name].apply(args=args, headers={HEADER: schema}).get()


def test_dispatch_places_devices_and_sends_free_shards(operator_a: Operator, sent: Sent) -> None:
    battery_make()

    run("assets.poll_dispatch")

    shard = PollShard.objects.get()
    assert Device.objects.get().shard_id == shard.pk
    assert sent == [("guadeloupe", shard.pk, tasks.DISPATCH_EXPIRY_S)]


def test_dispatch_travels_apart_from_the_polls_that_fill_their_threads() -> None:
    """A poll holds its thread for 20 s: what must run each 2 s waits in no queue behind polls."""
    beat = {
        entry["args"][0]: entry["options"]["queue"]
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
    }

    for name in ("assets.poll_dispatch", "assets.jobs_sweep", "flexibility.dispatch"):
        assert current_app.tasks[name].home_queue == beat[name] == "dispatch"
    assert current_app.tasks["assets.job_answer"].home_queue == "dispatch"
    assert current_app.tasks["assets.poll_shard"].home_queue == "poll"


class Consumer:
    """What Celery sends `worker_ready` with: queues and number of threads."""

    def __init__(self, queues: list[str], concurrency: int) -> None:
        consume_from = dict.fromkeys(queues)
        self.app = SimpleNamespace(
            amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=consume_from))
        )
        self.controller = SimpleNamespace(concurrency=concurrency)


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch, stopping: threading.Event) -> list[Shares]:
    """The roll-callers that were started, and shares of this test alone."""
    started: list[Shares] = []

    def start(shares: Shares, _stop: threading.Event) -> SimpleNamespace:
        return SimpleNamespace(start=lambda: started.append(shares))

    monkeypatch.setattr(tasks, "_shares", Shares(name="w"))
    monkeypatch.setattr(tasks, "RollCaller", start)
    return started


def test_a_poll_worker_says_that_it_lives_and_keeps_threads_for_the_dispatch(
    callers: list[Shares],
) -> None:
    tasks._start_polling(sender=Consumer(["poll", "dispatch"], 32))

    assert [shares.capacity for shares in callers] == [24]


def test_other_workers_take_no_part_in_the_sharing(callers: list[Shares]) -> None:
    tasks._start_polling(sender=Consumer(["default", "schedule"], 3))

    assert callers == []


def test_more_shards_than_room_leave_threads_for_the_dispatch(
    operator_a: Operator,
    sent: Sent,
    stopping: threading.Event,
    callers: list[Shares],
) -> None:
    """With one thread more than is kept free, the second shard's task ends at once."""
    tasks._start_polling(sender=Consumer(["poll"], tasks.THREADS_KEPT_FREE + 1))
    battery_make()
    run("assets.poll_dispatch")
    shard_id = sent.pop()[1]
    assert callers[0].enter()

    run("assets.poll_shard", shard_id)

    assert sent == []
    assert PollShard.objects.get().taken_at is None


def test_dispatch_leaves_a_held_shard_alone(operator_a: Operator, sent: Sent) -> None:
    battery_make()
    run("assets.poll_dispatch")
    shard_take(shard_id=sent.pop()[1], holder=new_id(), worker="w")

    run("assets.poll_dispatch")

    assert sent == []


def test_dispatch_sees_one_operator(operator_a: Operator, operator_b: Operator, sent: Sent) -> None:
    battery_make()

    run("assets.poll_dispatch", schema="martinique")

    assert sent == []
    assert PollShard.objects.count() == 0


def test_dispatch_is_cheap_when_all_is_held(
    operator_a: Operator, sent: Sent, django_assert_max_num_queries: Any
) -> None:
    battery_make()
    run("assets.poll_dispatch")
    shard_take(shard_id=sent[0][1], holder=new_id(), worker="w")

    with django_assert_max_num_queries(4):  # two, each with its SET search_path
        tasks.poll_dispatch()


@pytest.mark.parametrize(
    "name", ["assets.poll_dispatch", "assets.poll_shard", "assets.partitions_ensure"]
)
@pytest.mark.django_db
def test_tasks_without_operator_fail(name: str) -> None:
    connection.set_schema_to_public()

    with pytest.raises(OperatorMissing):
        current_app.tasks[name].apply(args=(1,) if name == "assets.poll_shard" else ()).get()


def test_partitions_are_made_by_the_task(operator_a: Operator) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE assets_reading CASCADE")
        cursor.execute(
            "CREATE TABLE assets_reading (sensor_id bigint, at timestamptz, value float8,"
            " quality smallint, PRIMARY KEY (sensor_id, at)) PARTITION BY RANGE (at)"
        )

    run("assets.partitions_ensure")

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'assets_reading'::regclass"
        )
        assert cursor.fetchone()[0] == 3


@pytest.mark.quiet
def test_stop_ends_the_lease_at_once_and_hands_over(
    live_operators: tuple[Operator, Operator], sent: Sent, stopping: threading.Event
) -> None:
    """What SIGTERM does: the signal sets the event; the shard is free for another worker."""
    with operator_context("guadeloupe"):
        battery_make(host="127.0.0.1", port=9)
        run("assets.poll_dispatch")
        shard_id = sent.pop()[1]
        threading.Timer(0.3, tasks._stop_polling).start()
        began_s = time.monotonic()

        run("assets.poll_shard", shard_id)

        assert time.monotonic() - began_s < 3.0
        assert sent == [("guadeloupe", shard_id, tasks.HAND_OVER_EXPIRY_S)]
        assert PollShard.objects.get().holder is None


def test_a_task_that_comes_too_late_does_nothing(
    operator_a: Operator, sent: Sent, stopping: threading.Event
) -> None:
    battery_make()
    run("assets.poll_dispatch")
    shard_id = sent.pop()[1]
    shard_take(shard_id=shard_id, holder=new_id(), worker="other")

    run("assets.poll_shard", shard_id)

    assert sent == []
    assert shard_poll(shard_id=shard_id, stop=stopping) is False
    assert PollShard.objects.get().worker == "other"
