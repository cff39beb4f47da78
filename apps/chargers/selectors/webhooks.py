"""Reads of webhooks and of messages on displays: pages for the API."""

from django.db.models import QuerySet

from apps.chargers.models import DisplayMessage, WebhookDelivery, WebhookSubscription
from cariflex.common.api.pages import Page, page_of


def webhook_rows() -> QuerySet[WebhookSubscription]:
    """Webhooks with who made them."""
    return WebhookSubscription.objects.select_related("created_by")


def webhooks_page(*, after: int | None, limit: int) -> Page[WebhookSubscription]:
    """Webhooks by id. One query."""
    webhooks = webhook_rows().order_by("pk")
    if after is not None:
        webhooks = webhooks.filter(pk__gt=after)
    return page_of(list(webhooks[: limit + 1]), limit, lambda webhook: webhook.pk)


def delivery_rows() -> QuerySet[WebhookDelivery]:
    """Deliveries with their webhook, event, station and the message that carries them."""
    return WebhookDelivery.objects.select_related("subscription", "event__station", "message")


def deliveries_page(
    *,
    subscription_id: int,
    after: int | None,
    limit: int,
    state: str | None = None,
    station: str | None = None,
) -> Page[WebhookDelivery]:
    """Deliveries of a webhook, newest first. One query."""
    deliveries = delivery_rows().filter(subscription_id=subscription_id).order_by("-pk")
    if state is not None:
        deliveries = deliveries.filter(message__state=state)
    if station is not None:
        deliveries = deliveries.filter(event__station__station_id=station)
    if after is not None:
        deliveries = deliveries.filter(pk__lt=after)
    return page_of(list(deliveries[: limit + 1]), limit, lambda delivery: delivery.pk)


def display_messages_page(
    *, station_pk: int, after: int | None, limit: int, status: str | None = None
) -> Page[DisplayMessage]:
    """Messages of a station's display, newest first. One query."""
    messages = (
        DisplayMessage.objects.select_related("requested_by")
        .filter(station_id=station_pk)
        .order_by("-pk")
    )
    if status is not None:
        messages = messages.filter(status=status)
    if after is not None:
        messages = messages.filter(pk__lt=after)
    return page_of(list(messages[: limit + 1]), limit, lambda message: message.pk)
