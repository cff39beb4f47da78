"""Hands recorded events out: numbers them by station, and adds a delivery for each who wants one.

Two at once never number an event twice: each locks what it takes, in order.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.chargers.models import WebhookDelivery, WebhookEvent, WebhookSubscription
from apps.chargers.services.webhooks.patterns import is_any_match
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from apps.outbox.services import NewMessage, outbox_add_all

DESTINATION = "webhook"
KIND = "event"
KEPT_FOR = timedelta(days=30)
_TOGETHER = 500
_PRUNED_TOGETHER = 5_000


def destination_of(subscription_id: int) -> str:
    """The outbox's name for a subscription: each has a queue and a pace of its own."""
    return f"{DESTINATION}:{subscription_id}"


@transaction.atomic
def webhook_events_relay() -> int:
    """Hand out the events that wait, a few hundred at most; how many."""
    events = list(
        WebhookEvent.objects.select_for_update(of=("self",))
        .select_related("station")
        .filter(sequence=None)
        .order_by("pk")[:_TOGETHER]
    )
    if not events:
        return 0
    _number(events)
    for subscription in WebhookSubscription.objects.filter(is_active=True).order_by("pk"):
        deliveries_add(subscription, events_wanted(subscription, events))
    return len(events)


def events_wanted(
    subscription: WebhookSubscription, events: Iterable[WebhookEvent]
) -> list[WebhookEvent]:
    """Those that a subscription's filters let pass."""
    return [
        event
        for event in events
        if event.station is not None
        and is_any_match(subscription.event_types, event.type)
        and is_any_match(subscription.stations, event.station.station_id)
    ]


def deliveries_add(
    subscription: WebhookSubscription, events: Sequence[WebhookEvent], *, is_replay: bool = False
) -> None:
    """Add a message for each event, in the order given; those of one station leave in order."""
    messages = outbox_add_all(
        destination=destination_of(subscription.pk),
        kind=KIND,
        messages=[
            NewMessage(
                payload={"event_id": str(event.event_id), "type": event.type},
                order_key=f"station:{event.station_id}",
            )
            for event in events
        ],
    )
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            subscription=subscription, event=event, message=message, is_replay=is_replay
        )
        for event, message in zip(events, messages, strict=True)
    )


def _number(events: Sequence[WebhookEvent]) -> None:
    """Give each event the next number of its station, in the order of the events."""
    # Events of a station have one; those of none are never waiting.
    counts = Counter(event.station_id for event in events)
    stations = sorted(pk for pk in counts if pk is not None)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_ON, [stations, [counts[pk] for pk in stations]])
        last: dict[int | None, int] = dict(cursor.fetchall())
    for event in reversed(events):
        event.sequence = last[event.station_id]
        last[event.station_id] -= 1
    WebhookEvent.objects.bulk_update(events, ["sequence"])


# Always in the order of the stations: two relays never wait in a circle.
_COUNT_ON = """
INSERT INTO chargers_webhooksequence AS known (station_id, last)
SELECT * FROM unnest(%s::bigint[], %s::bigint[])
ON CONFLICT (station_id) DO UPDATE SET last = known.last + excluded.last
RETURNING station_id, last
"""


def webhooks_prune(*, now: datetime, kept_for: timedelta = KEPT_FOR) -> int:
    """Delete events that are too old, with their deliveries; how many events.

    What still waits to be delivered is kept until it is, or is given up.
    """
    before = now - kept_for
    while True:
        old = dict(
            WebhookDelivery.objects.filter(event__recorded_at__lt=before)
            .exclude(message__state=MessageState.WAITING)
            .values_list("pk", "message_id")[:_PRUNED_TOGETHER]
        )
        if not old:
            break
        with transaction.atomic():
            WebhookDelivery.objects.filter(pk__in=old).delete()
            OutboxMessage.objects.filter(pk__in=old.values()).delete()
    deleted = 0
    while True:
        events = WebhookEvent.objects.filter(
            recorded_at__lt=before, deliveries=None, sequence__isnull=False
        ).values_list("pk", flat=True)[:_PRUNED_TOGETHER]
        pks = list(events)
        if not pks:
            return deleted
        WebhookEvent.objects.filter(pk__in=pks).delete()
        deleted += len(pks)
