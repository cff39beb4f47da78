"""Webhooks that fail, come back, are given up, replayed, deleted and kept for a while."""

from datetime import timedelta

import pytest
import time_machine

from apps.chargers.models import (
    ChargingStation,
    WebhookDelivery,
    WebhookEvent,
)
from apps.chargers.services import (
    connection_close,
    connection_open,
    station_register,
)
from apps.chargers.services.webhooks import (
    webhook_create,
    webhook_delete,
    webhook_events_relay,
    webhook_replay,
    webhook_test,
    webhook_update,
    webhooks_prune,
)
from apps.outbox.models import OutboxMessage
from apps.outbox.services import outbox_deliver_due, outbox_resend
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.chargers.conftest import STATION_ID
from tests.chargers.webhooks import (
    NOON,
    Partner,
    _listening,
    deliver,
    hook,
    partner,
    status_tell,
)

__all__ = ["_listening", "partner"]


# --- failures ---


def test_what_fails_waits_in_order_and_arrives_when_the_address_is_back(
    station: ChargingStation, partner: Partner
) -> None:
    other = station_register(station_id="CS-002", rated_power_kw=22.0)
    subscription, now = hook(partner, "connector.status"), utc_now()
    partner.status, partner.body = 503, b"busy\x00"
    for minutes, status in enumerate(("Available", "Occupied", "Available")):
        status_tell(station, status, minutes)
    status_tell(other, "Available", 0)

    assert deliver(subscription) == 0
    assert len(partner.got) == 1, "the address is left alone after a failure"
    assert deliver(subscription) == 0
    first = WebhookDelivery.objects.order_by("pk")[0]
    assert (first.attempts, first.answer_status, first.answer) == (1, 503, "busy\ufffd")
    for seconds, failures in ((13, 2), (45, 3)):
        with time_machine.travel(now + timedelta(seconds=seconds), tick=True):
            assert deliver(subscription) == 0
        subscription.refresh_from_db()
        assert subscription.failures == failures
    assert len(partner.got) == 3

    partner.status = 200
    with time_machine.travel(now + timedelta(minutes=5), tick=True):
        arrived = deliver(subscription) + deliver(subscription)
    assert arrived == 4
    assert [one for one in partner.told()[3:] if one[1] == STATION_ID] == [
        ("connector.status", STATION_ID, n) for n in (1, 2, 3)
    ]
    subscription.refresh_from_db()
    assert (subscription.failures, subscription.retry_at) == (0, None)


def test_one_address_that_is_down_holds_up_no_other(
    station: ChargingStation, partner: Partner
) -> None:
    down = webhook_create(name="Down", url="http://127.0.0.1:9/", event_types=["*"])
    up = hook(partner)
    connection_open(station_pk=station.pk, channel="a", now=NOON)

    assert deliver(down) == 0
    assert deliver(up) == 1

    delivery = WebhookDelivery.objects.get(subscription=down)
    assert (delivery.answer_status, delivery.error) == (None, "cannot be reached")


def test_a_letter_that_is_given_up_is_dead_until_somebody_sends_it_again(
    station: ChargingStation, partner: Partner
) -> None:
    subscription, now = hook(partner, "station.*"), utc_now()
    partner.status = 500
    connection_open(station_pk=station.pk, channel="a", now=NOON)
    connection_close(station_pk=station.pk, channel="a", now=NOON)
    deliver(subscription)

    with time_machine.travel(now + timedelta(hours=73), tick=True):
        deliver(subscription)
        dead = list(OutboxMessage.objects.filter(state="dead").values_list("pk", flat=True))
        assert len(dead) == 2
        partner.status = 200
        partner.got.clear()
        webhook_update(subscription_id=subscription.pk, is_active=True)
        outbox_resend(message_ids=dead)
        assert deliver(subscription) == 2

    assert [one[2] for one in partner.told()] == [1, 2]


def test_an_address_that_is_gone_is_switched_off(
    station: ChargingStation, partner: Partner
) -> None:
    subscription = hook(partner)
    partner.status = 410
    connection_open(station_pk=station.pk, channel="a", now=NOON)
    connection_close(station_pk=station.pk, channel="a", now=NOON)

    assert deliver(subscription) == 0

    subscription.refresh_from_db()
    assert not subscription.is_active
    assert len(partner.got) == 1
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {"dead"}


def test_a_test_is_tried_once_whatever_the_state_of_the_webhook(
    operator_a: Operator, partner: Partner
) -> None:
    subscription = hook(partner, "session.*", is_active=False)
    partner.status = 500
    delivery = webhook_test(subscription_id=subscription.pk, now=utc_now())

    assert deliver(subscription) == 0

    delivery.refresh_from_db()
    message = OutboxMessage.objects.get()
    assert (delivery.attempts, delivery.answer_status, message.state) == (1, 500, "dead")


# --- replay, deletion, retention ---


def test_a_replay_sends_the_same_events_again_in_order(
    station: ChargingStation, partner: Partner
) -> None:
    subscription = hook(partner, "connector.status")
    for minutes, status in enumerate(("Available", "Occupied", "Faulted")):
        status_tell(station, status, minutes)
    deliver(subscription)
    before, second = partner.events(), WebhookEvent.objects.get(sequence=2)
    partner.got.clear()

    replay = webhook_replay(subscription_id=subscription.pk, event_id=second.event_id)
    deliver(subscription)
    assert (replay.count, replay.next_event_id) == (2, None)
    assert partner.events() == before[1:]
    assert [headers.get("cariflex-replay") for headers, _body in partner.got] == ["true"] * 2

    partner.got.clear()
    assert webhook_replay(subscription_id=subscription.pk, since=second.recorded_at).count == 2
    assert webhook_replay(subscription_id=subscription.pk, since=utc_now()).count == 0
    deliver(subscription)
    assert partner.events() == before[1:]


def test_a_long_replay_says_where_to_go_on(
    station: ChargingStation, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.chargers.services.webhooks.subscriptions.MOST_REPLAYED", 2)
    subscription = hook(partner, "connector.status")
    for minutes, status in enumerate(("Available", "Occupied", "Faulted")):
        status_tell(station, status, minutes)
    webhook_events_relay()

    first = webhook_replay(subscription_id=subscription.pk, since=NOON)
    rest = webhook_replay(subscription_id=subscription.pk, event_id=first.next_event_id)

    assert (first.count, rest.count, rest.next_event_id) == (2, 1, None)


def test_deleting_a_webhook_sends_nothing_more(station: ChargingStation, partner: Partner) -> None:
    subscription, other = hook(partner), hook(partner)
    connection_open(station_pk=station.pk, channel="a", now=NOON)
    webhook_events_relay()

    webhook_delete(subscription_id=subscription.pk)

    assert outbox_deliver_due(destination_name=f"webhook:{subscription.pk}") == 0
    assert deliver(other) == 1
    assert len(partner.got) == 1


def test_old_events_go_but_not_what_still_waits(station: ChargingStation, partner: Partner) -> None:
    subscription = hook(partner, "connector.status")
    status_tell(station, "Available", 0)
    deliver(subscription)
    status_tell(station, "Occupied", 1)
    webhook_events_relay()

    with time_machine.travel(utc_now() + timedelta(days=31), tick=True):
        assert webhooks_prune(now=utc_now()) == 1
    assert [event.sequence for event in WebhookEvent.objects.all()] == [2]
    assert OutboxMessage.objects.get().state == "waiting"
    status_tell(station, "Available", 2)
    webhook_events_relay()

    assert WebhookEvent.objects.first().sequence == 3  # type: ignore[union-attr]
