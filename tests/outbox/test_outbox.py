"""Nothing that must leave is lost, and each thing leaves in order."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction

from apps.outbox import registry
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from apps.outbox.registry import DeliveryPolicy
from apps.outbox.services import outbox_add, outbox_deliver_due, outbox_resend
from apps.outbox.services.deliver import backoff
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.time import utc_now


class Partner:
    """A destination that answers as it is told."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.error: Exception | None = None
        self.entered = threading.Event()
        self.leave: threading.Event | None = None

    def deliver(self, message: OutboxMessage) -> None:
        self.entered.set()
        if self.leave is not None:
            assert self.leave.wait(10)
        if self.error is not None:
            raise self.error
        self.got.append(message.payload["n"])


@pytest.fixture
def partner() -> Iterator[Partner]:
    partner = Partner()
    policy = DeliveryPolicy(lease=timedelta(seconds=30), give_up_after=timedelta(hours=1))
    registry.register("partner", partner.deliver, policy)
    yield partner
    registry._destinations.pop("partner")


def add(n: int, **options: str) -> OutboxMessage:
    return outbox_add(destination="partner", kind="cdr", payload={"n": n}, **options)


def test_a_message_is_delivered_once(operator_a: Operator, partner: Partner) -> None:
    message = add(1)

    assert outbox_deliver_due(destination_name="partner") == 1
    assert outbox_deliver_due(destination_name="partner") == 0

    message.refresh_from_db()
    assert partner.got == [1]
    assert (message.state, message.attempts) == (MessageState.DELIVERED, 1)


def test_a_rolled_back_decision_leaves_no_message(operator_a: Operator, partner: Partner) -> None:
    with transaction.atomic():
        add(1)
        transaction.set_rollback(True)

    assert OutboxMessage.objects.count() == 0


def test_the_same_dedupe_key_is_one_message(operator_a: Operator, partner: Partner) -> None:
    first = add(1, dedupe_key="slot-1")
    second = add(2, dedupe_key="slot-1")

    assert first.pk == second.pk
    assert OutboxMessage.objects.get().payload == {"n": 1}


def test_an_unknown_destination_is_refused(operator_a: Operator) -> None:
    with pytest.raises(DomainError, match="nobody delivers to 'nowhere'"):
        outbox_add(destination="nowhere", kind="x", payload={})


def test_a_passing_fault_is_tried_again_later(operator_a: Operator, partner: Partner) -> None:
    message = add(1)
    partner.error = ExternalError("partner", "cannot be reached", retryable=True)

    assert outbox_deliver_due(destination_name="partner") == 0
    assert outbox_deliver_due(destination_name="partner") == 0

    message.refresh_from_db()
    assert message.attempts == 1
    assert message.last_error == "partner: cannot be reached"
    partner.error = None
    with time_machine.travel(utc_now() + timedelta(seconds=13), tick=True):
        assert outbox_deliver_due(destination_name="partner") == 1


def test_retry_after_is_honoured(operator_a: Operator, partner: Partner) -> None:
    message = add(1)
    partner.error = ExternalError("partner", "busy", retryable=True, retry_after_s=250)

    outbox_deliver_due(destination_name="partner")

    message.refresh_from_db()
    assert message.next_attempt_at >= message.created_at + timedelta(seconds=250)


def test_a_lasting_fault_is_given_up_and_can_be_sent_again(
    operator_a: Operator, partner: Partner
) -> None:
    message = add(1)
    partner.error = ExternalError("partner", "answered HTTP 404", retryable=False)
    outbox_deliver_due(destination_name="partner")
    message.refresh_from_db()
    assert message.state == MessageState.DEAD

    partner.error = None
    assert outbox_resend(message_ids=[message.pk]) == 1
    assert outbox_deliver_due(destination_name="partner") == 1

    assert partner.got == [1]


def test_messages_of_one_key_leave_in_order(operator_a: Operator, partner: Partner) -> None:
    add(1, order_key="session-7")
    add(2, order_key="session-7")
    add(3)
    partner.error = ExternalError("partner", "down", retryable=True)
    outbox_deliver_due(destination_name="partner", limit=1)
    partner.error = None

    outbox_deliver_due(destination_name="partner")
    assert partner.got == [3]

    with time_machine.travel(utc_now() + timedelta(seconds=13), tick=True):
        outbox_deliver_due(destination_name="partner")
    assert partner.got == [3, 1, 2]


def test_back_off_doubles_up_to_its_longest() -> None:
    policy = DeliveryPolicy()

    waits = [backoff(policy, n).total_seconds() for n in (1, 2, 3, 20, 500)]

    assert waits == [10, 20, 40, 21600, 21600]


def test_two_senders_never_hold_the_same_message(
    live_operators: tuple[Operator, Operator], partner: Partner
) -> None:
    with operator_context("guadeloupe"):
        add(1)
    partner.leave = threading.Event()

    def send() -> None:
        with operator_context("guadeloupe"):
            outbox_deliver_due(destination_name="partner")
        connection.close()

    slow = threading.Thread(target=send)
    slow.start()
    assert partner.entered.wait(10)
    with operator_context("guadeloupe"):
        assert outbox_deliver_due(destination_name="partner") == 0
    partner.leave.set()
    slow.join(10)

    assert partner.got == [1]


def test_a_killed_senders_message_is_free_after_its_lease(
    operator_a: Operator, partner: Partner
) -> None:
    message = add(1)
    OutboxMessage.objects.filter(pk=message.pk).update(
        locked_until=utc_now() + timedelta(seconds=30), attempts=1
    )
    assert outbox_deliver_due(destination_name="partner") == 0

    with time_machine.travel(utc_now() + timedelta(seconds=31), tick=True):
        assert outbox_deliver_due(destination_name="partner") == 1


def test_an_operator_never_sends_anothers_messages(
    operator_a: Operator, operator_b: Operator, partner: Partner
) -> None:
    add(1)

    with operator_context("martinique"):
        assert outbox_deliver_due(destination_name="partner") == 0

    assert partner.got == []
