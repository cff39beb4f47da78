"""Delivers one event to one subscription; the outbox decides when it is tried again."""

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q

from apps.chargers.clients.webhooks import SYSTEM, WebhookClient
from apps.chargers.models import WebhookDelivery, WebhookEvent, WebhookSubscription
from apps.chargers.ocpp.values import storable_json
from apps.chargers.services.webhooks import types
from apps.chargers.services.webhooks.relay import destination_of
from apps.outbox.models import OutboxMessage
from apps.outbox.registry import DeliveryPolicy
from apps.outbox.services import outbox_hasten
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.http import AddressRefused, HttpResponse
from cariflex.common.time import format_rfc3339, utc_now

POLICY = DeliveryPolicy(
    lease=timedelta(seconds=60),
    backoff_start=timedelta(seconds=10),
    backoff_max=timedelta(hours=1),
    give_up_after=timedelta(hours=72),
)
_ANSWER_KEPT = 500
_NOTED_EVERY = timedelta(seconds=10)
# RFC 9110 15.5.11: the address says that it wants no more.
_GONE = 410


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of one call."""

    at: datetime
    duration_ms: int
    status: int | None = None
    answer: str = ""
    error: str = ""


def webhook_deliver(message: OutboxMessage) -> None:
    """Call the address; ExternalError when the event did not arrive.

    After a failure the address is left alone for a while, whichever event is due: what waits does
    not keep a worker busy. DomainError for a webhook that was deleted or switched off.
    """
    delivery = (
        WebhookDelivery.objects.select_related("subscription", "event__station")
        .filter(message=message)
        .first()
    )
    if delivery is None:
        raise DomainError("webhook.unknown", "The webhook or the station was deleted.")
    subscription, now = delivery.subscription, utc_now()
    is_test = delivery.event.type == types.TEST
    if not is_test:
        _check_ready(subscription, now)
    outcome, failure = _call(delivery, now)
    _note(delivery, outcome)
    if failure is None:
        _arrived(subscription, now)
        return
    if outcome.status == _GONE:
        WebhookSubscription.objects.filter(pk=subscription.pk).update(is_active=False)
    elif not is_test and failure.retryable:
        _rest(subscription, now, failure.retry_after_s)
    if is_test:
        # A test is tried once: somebody waits for what comes of it.
        raise ExternalError(SYSTEM, failure.message, retryable=False) from failure
    raise failure


def envelope(event: WebhookEvent) -> dict[str, Any]:
    """What is told of an event; the same at each delivery and replay."""
    return {
        "id": str(event.event_id),
        "type": event.type,
        "operator": current_schema(),
        "station": None if event.station is None else event.station.station_id,
        "sequence": event.sequence,
        "occurred_at": format_rfc3339(event.occurred_at),
        "recorded_at": format_rfc3339(event.recorded_at),
        "data": event.data,
    }


def _check_ready(subscription: WebhookSubscription, now: datetime) -> None:
    if not subscription.is_active:
        raise DomainError("webhook.inactive", "The webhook is switched off.")
    if subscription.retry_at is not None and subscription.retry_at > now:
        raise ExternalError(
            SYSTEM,
            "waits for the address to come back",
            retryable=True,
            retry_after_s=(subscription.retry_at - now).total_seconds(),
        )


def _call(delivery: WebhookDelivery, now: datetime) -> tuple[_Outcome, ExternalError | None]:
    subscription = delivery.subscription
    secrets = [subscription.secret]
    until = subscription.previous_secret_until
    if subscription.previous_secret and until is not None and until > now:
        secrets.append(subscription.previous_secret)
    client = WebhookClient(
        subscription.url, secrets, allow_loopback=settings.OUTGOING_LOOPBACK_ALLOWED
    )
    started_s = time.monotonic()
    try:
        response = client.post(
            json.dumps(envelope(delivery.event)).encode(),
            message_id=str(delivery.event.event_id),
            timestamp=int(now.timestamp()),
            is_replay=delivery.is_replay,
        )
    except ExternalError as err:
        # What a partner can put right (a certificate, too long an answer) is worth another try.
        failure = ExternalError(SYSTEM, err.message, retryable=not isinstance(err, AddressRefused))
        return _Outcome(now, _ms_since(started_s), error=err.message), failure
    outcome = _Outcome(now, _ms_since(started_s), response.status, _excerpt(response))
    if 200 <= response.status < 300:
        return outcome, None
    return outcome, ExternalError(
        SYSTEM,
        f"answered HTTP {response.status}",
        retryable=response.status != _GONE,
        retry_after_s=response.retry_after_s,
        status=response.status,
    )


def _note(delivery: WebhookDelivery, outcome: _Outcome) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        attempts=F("attempts") + 1,
        attempted_at=outcome.at,
        answer_status=outcome.status,
        answer=outcome.answer,
        error=outcome.error[:300],
        duration_ms=outcome.duration_ms,
    )


def _arrived(subscription: WebhookSubscription, now: datetime) -> None:
    noted = subscription.delivered_at
    if subscription.failures == 0 and noted is not None and now - noted < _NOTED_EVERY:
        return
    WebhookSubscription.objects.filter(pk=subscription.pk).update(
        failures=0, retry_at=None, delivered_at=now
    )
    if subscription.failures:
        outbox_hasten(destination_name=destination_of(subscription.pk))


def _rest(subscription: WebhookSubscription, now: datetime, asked_s: float | None) -> None:
    """Leave the address alone for a while; calls that were under way together count as one."""
    doublings = min(subscription.failures, 30)
    wait = min(POLICY.backoff_start * (1 << doublings), POLICY.backoff_max)
    if asked_s is not None:
        wait = max(wait, timedelta(seconds=min(asked_s, POLICY.give_up_after.total_seconds())))
    WebhookSubscription.objects.filter(
        Q(retry_at=None) | Q(retry_at__lte=now), pk=subscription.pk
    ).update(failures=F("failures") + 1, retry_at=now + wait)


def _excerpt(response: HttpResponse) -> str:
    return str(storable_json(response.text[:_ANSWER_KEPT]))


def _ms_since(started_s: float) -> int:
    return round((time.monotonic() - started_s) * 1000)
