"""Who holds how many shards: the roll-call of the workers, fair shares, giving up and taking."""

import threading
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from apps.assets.choices import DeviceStage
from apps.assets.models import Device, PollShard, PollWorker
from apps.assets.services import shard_release, shard_take, shards_wanting
from apps.assets.services.polling import shard_poll
from apps.assets.services.roll_call import RollCaller
from apps.assets.services.shards import LEASE_S, OVERDUE_S, ShardState, shard_hold, shard_state
from apps.assets.services.shares import OFFER_PAUSE_S, PATIENCE_S, Shares, fair_share
from apps.assets.services.workers import LIVING, RollCall, worker_leave, worker_say
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.assets.conftest import battery_make
from tests.assets.polling import eventually

FREE = ShardState(has_holder=False, worker="", lease_left_s=0.0, free_for_s=0.1)
"""A shard that was given up just now."""


class HandClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def key(number: int) -> tuple[str, int]:
    return "guadeloupe", number


def shares_with(name: str, *, held: int, shards: int, others: dict[str, int]) -> Shares:
    """A worker that holds `held` shards, after a roll-call of all."""
    shares = Shares(name=name)
    for number in range(held):
        assert shares.should_take(key(number), FREE)
    shares.learn("guadeloupe", RollCall(shards=shards, held={name: held, **others}))
    return shares


# --- shares (pure) ---


@pytest.mark.parametrize(
    ("shards", "workers", "share"),
    [(0, 1, 0), (10, 1, 10), (10, 2, 5), (10, 3, 4), (9, 2, 5), (1, 2, 1), (2, 0, 2)],
)
def test_fair_share_is_rounded_up(shards: int, workers: int, share: int) -> None:
    assert fair_share(shards=shards, workers=workers) == share


def test_a_worker_alone_keeps_everything() -> None:
    shares = shares_with("a", held=10, shards=10, others={})

    assert not shares.give_up(key(0))


def test_a_new_worker_gets_its_half_and_no_more() -> None:
    """10 shards, two workers: 5 each."""
    shares = shares_with("a", held=10, shards=10, others={"b": 0})

    given_up = [shares.give_up(key(number)) for number in range(10)]

    assert given_up == [True] * 5 + [False] * 5


def test_nothing_moves_when_the_shares_are_as_even_as_they_can_be() -> None:
    """10 shards, three workers: 4, 4 and 2 is as good as 4, 3, 3: nobody is above 4."""
    shares = shares_with("a", held=4, shards=10, others={"b": 4, "c": 2})

    assert not shares.give_up(key(0))


def test_a_worker_gives_nothing_up_when_the_others_have_their_share() -> None:
    """Its picture is old: it holds 6 of what is 10 by now, and the other holds 5 already."""
    shares = shares_with("a", held=6, shards=10, others={"b": 5})

    assert not shares.give_up(key(0))


def test_what_was_given_up_is_left_to_the_worker_below_its_share() -> None:
    giver = shares_with("a", held=6, shards=10, others={"b": 4})
    assert giver.give_up(key(0))
    receiver = shares_with("b", held=4, shards=10, others={"a": 5})

    assert not giver.should_take(key(0), FREE)
    assert receiver.should_take(key(0), FREE)


def test_a_shard_that_nobody_takes_is_never_refused() -> None:
    shares = shares_with("a", held=5, shards=10, others={"b": 0})

    assert not shares.should_take(key(7), replace(FREE, free_for_s=PATIENCE_S - 0.1))
    assert shares.should_take(key(7), replace(FREE, free_for_s=PATIENCE_S))


def test_a_dead_workers_shard_is_taken_at_once_whatever_the_share() -> None:
    shares = shares_with("a", held=5, shards=10, others={"b": 0})
    orphan = ShardState(has_holder=True, worker="b", lease_left_s=0.0, free_for_s=0.0)

    assert shares.should_take(key(7), orphan)


def test_between_two_runs_a_shard_is_left_to_the_worker_that_has_its_connections() -> None:
    shares = shares_with("a", held=0, shards=2, others={"b": 1})

    assert not shares.should_take(key(7), replace(FREE, worker="b"))
    assert shares.should_take(key(7), replace(FREE, worker="gone"))


def test_a_worker_goes_on_with_its_own_shard_also_above_its_share() -> None:
    shares = shares_with("a", held=5, shards=10, others={"b": 0})

    assert shares.should_take(key(7), replace(FREE, worker="a"))


def test_what_nobody_wanted_is_not_offered_again_until_a_worker_joins() -> None:
    """The other lives but takes nothing: with each offer a shard would stand still for seconds."""
    clock = HandClock()
    shares = Shares(name="a", clock_s=clock)
    for number in range(3):
        shares.should_take(key(number), FREE)
    shares.learn("guadeloupe", RollCall(shards=3, held={"a": 3, "b": 0}))
    assert shares.give_up(key(0))
    assert shares.should_take(key(0), replace(FREE, free_for_s=PATIENCE_S))

    assert not shares.give_up(key(1))
    shares.learn("guadeloupe", RollCall(shards=3, held={"a": 3, "b": 0, "c": 0}))
    assert shares.give_up(key(1))
    assert shares.should_take(key(1), replace(FREE, free_for_s=PATIENCE_S))
    assert not shares.give_up(key(2))
    clock.now_s += OFFER_PAUSE_S
    assert shares.give_up(key(2))


def test_shares_count_the_shards_of_all_operators() -> None:
    """Two operators of one shard each and two workers: one each, though each operator's share
    of its one shard is 1."""
    shares = Shares(name="a")
    schemas = ("guadeloupe", "martinique")
    assert [shares.should_take((schema, 1), FREE) for schema in schemas] == [True, True]
    for schema in schemas:
        shares.learn(schema, RollCall(shards=1, held={"a": 1, "b": 0}))

    assert shares.give_up(("guadeloupe", 1))
    assert not shares.give_up(("martinique", 1))


def test_an_operator_that_is_no_longer_served_does_not_count() -> None:
    shares = shares_with("a", held=2, shards=2, others={"b": 0})
    shares.learn("martinique", RollCall(shards=2, held={"a": 0, "b": 0}))
    assert not shares.give_up(key(0))

    shares.keep_only(["guadeloupe"])

    assert shares.give_up(key(0))


def test_a_full_worker_takes_no_more() -> None:
    shares = Shares(name="a", capacity=1)

    assert shares.enter()
    assert [shares.enter(), shares.enter()] == [False, False]
    shares.exit()
    assert shares.enter()


def test_threads_share_the_room_of_their_process() -> None:
    shares, barrier, entered = Shares(name="a", capacity=3), threading.Barrier(8), []

    def enter() -> None:
        barrier.wait(10)
        entered.append(shares.enter())

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(entered) == [False] * 5 + [True] * 3


# --- roll-call ---


def test_a_worker_says_that_it_lives_in_one_statement(
    operator_a: Operator, django_assert_num_queries: object
) -> None:
    worker_say(name="a")

    with django_assert_num_queries(2):  # type: ignore[operator]  # SET search_path is one
        call = worker_say(name="b")

    assert call == RollCall(shards=0, held={"a": 0, "b": 0})
    assert PollWorker.objects.count() == 2


def test_a_worker_that_was_silent_is_taken_for_dead(operator_a: Operator) -> None:
    worker_say(name="a")
    PollWorker.objects.update(seen_at=utc_now() - LIVING - timedelta(seconds=1))

    assert worker_say(name="b").held == {"b": 0}


def test_workers_of_yesterday_are_forgotten(operator_a: Operator) -> None:
    worker_say(name="a")
    PollWorker.objects.update(seen_at=utc_now() - timedelta(days=1))

    worker_say(name="b")

    assert list(PollWorker.objects.values_list("name", flat=True)) == ["b"]


def test_a_worker_that_leaves_is_not_waited_for(operator_a: Operator) -> None:
    worker_say(name="a")
    worker_leave(name="a")

    assert worker_say(name="b").held == {"b": 0}


def test_the_roll_call_counts_held_shards_with_devices(operator_a: Operator) -> None:
    """Of four shards one is held by a, one by a dead worker, one is free, one has no device in
    service."""
    shards = [PollShard.objects.create(key=f"s{n}") for n in range(4)]
    for n, shard in enumerate(shards):
        battery = battery_make(f"bat-{n}", host=f"192.0.2.{n + 1}")
        Device.objects.filter(pk=battery.pk).update(shard=shard)
    Device.objects.filter(code="bat-3").update(stage=DeviceStage.OUT_OF_SERVICE)
    shard_take(shard_id=shards[0].pk, holder=uuid.uuid4(), worker="a")
    shard_take(shard_id=shards[1].pk, holder=uuid.uuid4(), worker="dead")

    call = worker_say(name="a")

    assert call == RollCall(shards=3, held={"a": 1})


def test_the_roll_call_of_an_operator_does_not_see_the_other(
    operator_a: Operator, operator_b: Operator
) -> None:
    worker_say(name="a")

    with operator_context("martinique"):
        assert worker_say(name="b").held == {"b": 0}
        assert PollWorker.objects.count() == 1


def test_two_workers_may_speak_at_once(live_operators: tuple[Operator, Operator]) -> None:
    """Twice the same name too: a process that was restarted under the number of its former."""
    barrier, failures = threading.Barrier(6), []

    def say(name: str) -> None:
        try:
            with operator_context("guadeloupe"):
                barrier.wait(10)
                for _ in range(5):
                    worker_say(name=name)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=say, args=(name,)) for name in "aabbcc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    with operator_context("guadeloupe"):
        assert set(worker_say(name="a").held) == {"a", "b", "c"}


def test_the_caller_speaks_at_each_operator_and_says_goodbye(
    live_operators: tuple[Operator, Operator],
) -> None:
    shares, stop = Shares(name="w:1"), threading.Event()
    with operator_context("guadeloupe"):
        worker_say(name="other:2")
    caller = RollCaller(shares, stop)
    caller.start()
    for schema in ("guadeloupe", "martinique"):
        with operator_context(schema):
            eventually(lambda: PollWorker.objects.filter(name="w:1").exists())

    stop.set()
    caller.join(10)

    assert not caller.is_alive()
    for schema in ("guadeloupe", "martinique"):
        with operator_context(schema):
            assert not PollWorker.objects.filter(name="w:1").exists()
    with operator_context("guadeloupe"):
        assert PollWorker.objects.get().name == "other:2"


# --- leases ---


def one_shard() -> int:
    shard = PollShard.objects.create(key="s")
    battery = battery_make(host="127.0.0.1", port=9)
    Device.objects.filter(pk=battery.pk).update(shard=shard)
    return shard.pk


def test_a_lease_that_ran_out_is_renewed_by_its_holder_if_nobody_took_it(
    operator_a: Operator,
) -> None:
    """After a database that was away for longer than a lease nothing needs to move."""
    shard_id, holder = one_shard(), uuid.uuid4()
    shard_take(shard_id=shard_id, holder=holder, worker="w", lease_s=0.0)

    assert shard_hold(shard_id=shard_id, holder=holder)
    assert not shard_take(shard_id=shard_id, holder=uuid.uuid4(), worker="x")


def test_a_shard_whose_lease_is_not_renewed_wants_an_heir_before_its_end(
    operator_a: Operator,
) -> None:
    shard_id, holder = one_shard(), uuid.uuid4()
    shard_take(shard_id=shard_id, holder=holder, worker="w")
    assert shards_wanting() == []

    # Renewed each second, a lease has at least four left; with three, two renewals are missing.
    assert LEASE_S - 2 > OVERDUE_S
    shard_hold(shard_id=shard_id, holder=holder, lease_s=OVERDUE_S - 0.1)

    assert shards_wanting() == [shard_id]


def test_a_released_shard_remembers_its_worker_unless_it_was_given_up(
    operator_a: Operator,
) -> None:
    shard_id = one_shard()
    for is_given_up, worker in ((False, "w"), (True, "")):
        holder = uuid.uuid4()
        shard_take(shard_id=shard_id, holder=holder, worker="w")
        shard_release(shard_id=shard_id, holder=holder, is_given_up=is_given_up)

        state = shard_state(shard_id=shard_id)

        assert state is not None
        assert (state.has_holder, state.worker, state.lease_left_s) == (False, worker, 0)


def test_a_shard_without_devices_in_service_wants_nobody(operator_a: Operator) -> None:
    shard_id = one_shard()
    assert shards_wanting() == [shard_id]

    Device.objects.update(stage=DeviceStage.OUT_OF_SERVICE)

    assert shards_wanting() == []


# --- the poll of a shard ---


@pytest.mark.usefixtures("live_operators")
class TestShardPoll:
    """With a device that nobody answers for: who polls is all that matters."""

    def test_the_heir_of_a_dead_worker_waits_for_the_end_of_its_lease(
        self, guadeloupe: str
    ) -> None:
        shard_id, dead = one_shard(), uuid.uuid4()
        shard_take(shard_id=shard_id, holder=dead, worker="dead", lease_s=0.8)

        assert shard_poll(
            shard_id=shard_id, stop=threading.Event(), run_s=0.1, shares=Shares(name="heir")
        )

        shard = PollShard.objects.get()
        assert (shard.worker, shard.holder) == ("heir", None)
        assert not shard_hold(shard_id=shard_id, holder=dead)

    def test_a_shard_that_another_should_have_comes_back_unpolled(self, guadeloupe: str) -> None:
        shard_id = one_shard()
        holder = uuid.uuid4()
        shard_take(shard_id=shard_id, holder=holder, worker="b")
        shard_release(shard_id=shard_id, holder=holder)
        shares = shares_with("a", held=0, shards=1, others={"b": 0})

        assert shard_poll(shard_id=shard_id, stop=threading.Event(), run_s=0.1, shares=shares)

        assert PollShard.objects.get().worker == "b"

    def test_a_worker_above_its_share_gives_its_shard_to_anybody(self, guadeloupe: str) -> None:
        shard_id = one_shard()
        shares = shares_with("a", held=1, shards=2, others={})
        shares.learn("martinique", RollCall(shards=0, held={"a": 0, "b": 0}))

        assert shard_poll(shard_id=shard_id, stop=threading.Event(), run_s=0.1, shares=shares)

        shard = PollShard.objects.get()
        assert (shard.worker, shard.holder) == ("", None)

    def test_a_full_worker_leaves_the_shard_to_the_next_dispatch(
        self, guadeloupe: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        shard_id, shares = one_shard(), Shares(name="a", capacity=0)

        for _ in range(3):
            assert not shard_poll(shard_id=shard_id, stop=threading.Event(), shares=shares)

        assert PollShard.objects.get().taken_at is None
        assert [r.getMessage().split()[0] for r in caplog.records] == ["poll.worker_full"]

    def test_a_full_worker_is_silent_about_shards_that_others_poll(
        self, guadeloupe: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        shard_id = one_shard()
        shard_take(shard_id=shard_id, holder=uuid.uuid4(), worker="b")

        assert not shard_poll(
            shard_id=shard_id, stop=threading.Event(), shares=Shares(name="a", capacity=0)
        )

        assert caplog.records == []

    def test_a_worker_that_ends_takes_nothing(self, guadeloupe: str) -> None:
        shard_id, stop = one_shard(), threading.Event()
        stop.set()

        assert shard_poll(shard_id=shard_id, stop=stop, shares=Shares(name="a"))

        assert PollShard.objects.get().taken_at is None

    def test_a_shard_that_does_not_exist_ends_its_task(self, guadeloupe: str) -> None:
        assert not shard_poll(shard_id=999, stop=threading.Event(), shares=Shares(name="a"))
