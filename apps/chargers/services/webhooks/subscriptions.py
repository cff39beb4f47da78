"""Webhooks: made, changed, deleted; their secrets; test deliveries and replays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict, Unpack
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.chargers.clients.webhooks import WebhookClient, secret_make
from apps.chargers.models import WebhookDelivery, WebhookEvent, WebhookSubscription
from apps.chargers.services.stations import station_id_is_valid
from apps.chargers.services.webhooks import types
from apps.chargers.services.webhooks.patterns import ANYTHING, is_match
from apps.chargers.services.webhooks.recording import wanted_forget
from apps.chargers.services.webhooks.relay import deliveries_add, destination_of, events_wanted
from apps.outbox.models import OutboxMessage
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.http import AddressRefused

MOST_PATTERNS = 200
MOST_REPLAYED = 10_000
# Partners change the secret on their side meanwhile; both sign.
OLD_SECRET_HOLDS = timedelta(hours=24)


class Changes(TypedDict, total=False):
    """What of a webhook can be changed."""

    name: str
    url: str
    event_types: Sequence[str]
    stations: Sequence[str]
    is_active: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """How many events are sent again; `next_event_id` is where to go on, None when that is all."""

    count: int
    next_event_id: UUID | None


def webhook_create(
    *,
    name: str,
    url: str,
    event_types: Sequence[str],
    stations: Sequence[str] = (ANYTHING,),
    is_active: bool = True,
    created_by_id: int | None = None,
) -> WebhookSubscription:
    """A new webhook; its `secret` is to be shown now and never again.

    DomainError for an address that is never called (`webhook.url_refused`), whose name is not
    known (`webhook.url_unknown`), and for a filter that can match nothing.
    """
    _name_check(name)
    _patterns_check(event_types, stations)
    _url_check(url)
    with transaction.atomic():
        subscription = WebhookSubscription.objects.create(
            name=name,
            url=url,
            event_types=list(event_types),
            stations=list(stations),
            is_active=is_active,
            secret=secret_make(),
            created_by_id=created_by_id,
        )
        _wanted_changed()
    return subscription


def webhook_update(*, subscription_id: int, **changes: Unpack[Changes]) -> WebhookSubscription:
    """Change a webhook; one that is switched on again, or leads elsewhere, is tried at once.

    DomainError as of `webhook_create`, and `webhook.unknown`.
    """
    if "name" in changes:
        _name_check(changes["name"])
    _patterns_check(changes.get("event_types"), changes.get("stations"))
    known = _get(subscription_id)
    if "url" in changes and changes["url"] != known.url:
        _url_check(changes["url"])
    with transaction.atomic():
        subscription = _locked(subscription_id)
        if ("url" in changes and changes["url"] != subscription.url) or changes.get("is_active"):
            subscription.failures, subscription.retry_at = 0, None
        for field, value in changes.items():
            setattr(subscription, field, list(value) if isinstance(value, tuple) else value)
        subscription.save()
        _wanted_changed()
    return subscription


@transaction.atomic
def webhook_delete(*, subscription_id: int) -> None:
    """Delete a webhook with its deliveries; what waits for it is not sent any more."""
    subscription = _locked(subscription_id)
    OutboxMessage.objects.filter(destination=destination_of(subscription.pk)).delete()
    subscription.delete()
    _wanted_changed()


@transaction.atomic
def webhook_secret_renew(*, subscription_id: int, now: datetime) -> WebhookSubscription:
    """Give a webhook a new secret, to be shown now; for a day the old one signs too."""
    subscription = _locked(subscription_id)
    subscription.previous_secret = subscription.secret
    subscription.previous_secret_until = now + OLD_SECRET_HOLDS
    subscription.secret = secret_make()
    subscription.save()
    return subscription


@transaction.atomic
def webhook_test(*, subscription_id: int, now: datetime) -> WebhookDelivery:
    """Send a `webhook.test` event, once, whatever the filters and also while switched off."""
    subscription = _locked(subscription_id)
    event = WebhookEvent.objects.create(
        type=types.TEST, sequence=0, data={}, occurred_at=now, recorded_at=now
    )
    deliveries_add(subscription, [event])
    return WebhookDelivery.objects.select_related("event__station", "message").get(
        subscription=subscription, event=event
    )


@transaction.atomic
def webhook_replay(
    *,
    subscription_id: int,
    since: datetime | None = None,
    event_id: UUID | None = None,
) -> Replay:
    """Send kept events that the filters let pass again: recorded from an instant on, or from one
    event on (that one too).

    Each station's events leave in order, after what waits already. At most `MOST_REPLAYED` at a
    time. DomainError `webhook.inactive`, `webhook.event_unknown`, `webhook.replay_from`.
    """
    if (since is None) == (event_id is None):
        raise DomainError("webhook.replay_from", "Give either since or event.", field="since")
    subscription = _locked(subscription_id)
    if not subscription.is_active:
        raise DomainError("webhook.inactive", "The webhook is switched off.")
    events = WebhookEvent.objects.select_related("station").filter(
        sequence__isnull=False, station__isnull=False
    )
    if since is not None:
        events = events.filter(recorded_at__gte=since)
    elif event_id is not None:
        first = WebhookEvent.objects.filter(event_id=event_id).first()
        if first is None:
            raise DomainError(
                "webhook.event_unknown", "The event is not known, or not any more.", field="event"
            )
        events = events.filter(pk__gte=first.pk)
    picked: list[WebhookEvent] = []
    for event in events.order_by("pk").iterator(chunk_size=1000):
        picked += events_wanted(subscription, [event])
        if len(picked) > MOST_REPLAYED:
            break
    following = picked[MOST_REPLAYED].event_id if len(picked) > MOST_REPLAYED else None
    replayed = sorted(
        picked[:MOST_REPLAYED], key=lambda event: (event.station_id or 0, event.sequence or 0)
    )
    deliveries_add(subscription, replayed, is_replay=True)
    return Replay(len(replayed), following)


def _get(subscription_id: int) -> WebhookSubscription:
    subscription = WebhookSubscription.objects.filter(pk=subscription_id).first()
    if subscription is None:
        raise DomainError("webhook.unknown", "There is no such webhook.")
    return subscription


def _locked(subscription_id: int) -> WebhookSubscription:
    subscription = (
        WebhookSubscription.objects.select_for_update().filter(pk=subscription_id).first()
    )
    if subscription is None:
        raise DomainError("webhook.unknown", "There is no such webhook.")
    return subscription


def _wanted_changed() -> None:
    """This process sees the change when it is committed; the others within seconds."""
    schema_name = current_schema()
    wanted_forget(schema_name)
    transaction.on_commit(lambda: wanted_forget(schema_name))


def _name_check(name: str) -> None:
    if not name.strip() or len(name) > 100:
        raise DomainError("webhook.name_invalid", "A name has 1 to 100 characters.", field="name")


def _patterns_check(event_types: Sequence[str] | None, stations: Sequence[str] | None) -> None:
    """DomainError for filters that are empty, too many, or can match nothing."""
    for field, patterns in (("event_types", event_types), ("stations", stations)):
        if patterns is not None and not 0 < len(patterns) <= MOST_PATTERNS:
            raise DomainError(
                "webhook.filter_invalid", f"Give 1 to {MOST_PATTERNS} filters.", field=field
            )
    for pattern in event_types or ():
        if not any(is_match(pattern, event_type) for event_type in types.EVENT_TYPES):
            raise DomainError(
                "webhook.event_type_unknown",
                f"No event has a type like {pattern[:40]!r}.",
                field="event_types",
            )
    for pattern in stations or ():
        if not station_id_is_valid(pattern):
            raise DomainError(
                "webhook.filter_invalid",
                f"No station has an id like {pattern[:48]!r}.",
                field="stations",
            )


def _url_check(url: str) -> None:
    if len(url) > 500:
        raise DomainError("webhook.url_refused", "The address is too long.", field="url")
    client = WebhookClient(url, (), allow_loopback=settings.OUTGOING_LOOPBACK_ALLOWED)
    try:
        client.check()
    except AddressRefused as refused:
        raise DomainError("webhook.url_refused", f"{refused.message}.", field="url") from refused
    except ExternalError as err:
        raise DomainError("webhook.url_unknown", f"{err.message}.", field="url") from err
