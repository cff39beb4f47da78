"""Webhooks over HTTP: who is told what, what came of it, and telling it again."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.chargers.models import STATION_ID_MAX_LENGTH, WebhookDelivery, WebhookSubscription
from apps.chargers.models.webhooks import EVENT_TYPE_MAX_LENGTH
from apps.chargers.selectors.webhooks import deliveries_page, webhook_rows, webhooks_page
from apps.chargers.services.webhooks import (
    webhook_create,
    webhook_delete,
    webhook_replay,
    webhook_secret_renew,
    webhook_test,
    webhook_update,
)
from apps.outbox.choices import MessageState
from cariflex.common.api.fields import InstantField
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now

READ = ("chargers.view_webhooksubscription",)
CHANGE = (*READ, "chargers.change_webhooksubscription")
_UNKNOWN = {"webhook.unknown": status.HTTP_404_NOT_FOUND}


class WebhookSerializer(serializers.ModelSerializer[WebhookSubscription]):
    """An address that is told what happens at stations. Its secret is never shown again."""

    event_types = serializers.ListField(child=serializers.CharField())
    stations = serializers.ListField(child=serializers.CharField())
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    failures = serializers.IntegerField(help_text="Failed calls since one arrived.")
    retry_at = serializers.DateTimeField(
        allow_null=True, help_text="Nothing is sent before this time; the address failed."
    )

    class Meta:
        model = WebhookSubscription
        fields = (
            "id",
            "name",
            "url",
            "event_types",
            "stations",
            "is_active",
            "failures",
            "retry_at",
            "delivered_at",
            "created_by",
            "created_at",
        )
        read_only_fields = fields


class WebhookWithSecretSerializer(WebhookSerializer):
    """A webhook with its new secret, shown this once."""

    secret = serializers.CharField(help_text="Signs each call (Standard Webhooks).")

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")  # type: ignore[assignment]
        read_only_fields = fields


class WebhookChangesSerializer(serializers.Serializer[Any]):
    """What of a webhook may be changed; what is left out stays as it is."""

    name = serializers.CharField(max_length=100, required=False)
    url = serializers.CharField(max_length=500, required=False, help_text="https, public.")
    event_types = serializers.ListField(
        child=serializers.CharField(max_length=EVENT_TYPE_MAX_LENGTH),
        required=False,
        help_text="Types of events; * stands for any characters, as in session.*",
    )
    stations = serializers.ListField(
        child=serializers.CharField(max_length=STATION_ID_MAX_LENGTH),
        required=False,
        help_text="Station ids; * stands for any characters, as in MARINA-*",
    )
    is_active = serializers.BooleanField(required=False)


class NewWebhookSerializer(WebhookChangesSerializer):
    """A new webhook; of all stations unless it says otherwise."""

    name = serializers.CharField(max_length=100)
    url = serializers.CharField(max_length=500, help_text="https, public.")
    event_types = serializers.ListField(
        child=serializers.CharField(max_length=EVENT_TYPE_MAX_LENGTH),
        help_text="Types of events; * stands for any characters, as in session.*",
    )


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """One event for one webhook, and the last answer to it."""

    event_id = serializers.UUIDField(source="event.event_id")
    type = serializers.CharField(source="event.type")
    station = serializers.CharField(
        source="event.station.station_id", default=None, allow_null=True
    )
    sequence = serializers.IntegerField(source="event.sequence")
    state = serializers.ChoiceField(MessageState.choices, source="message.state")
    next_attempt_at = serializers.DateTimeField(source="message.next_attempt_at")
    delivered_at = serializers.DateTimeField(source="message.delivered_at", allow_null=True)

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "event_id",
            "type",
            "station",
            "sequence",
            "is_replay",
            "state",
            "attempts",
            "attempted_at",
            "next_attempt_at",
            "delivered_at",
            "answer_status",
            "answer",
            "error",
            "duration_ms",
        )
        read_only_fields = fields


class ReplaySerializer(serializers.Serializer[Any]):
    """From where on events are sent again: an instant or an event."""

    since = InstantField(required=False, help_text="Recorded from this time on, with offset.")
    event = serializers.UUIDField(required=False, help_text="From this event on, that one too.")


class ReplayedSerializer(serializers.Serializer[Any]):
    """How many events are sent again."""

    count = serializers.IntegerField()
    next_event = serializers.UUIDField(
        source="next_event_id", allow_null=True, help_text="Where to go on; null when that is all."
    )


class WebhooksView(ApiView):
    """The operator's webhooks."""

    permissions = {"GET": READ, "POST": (*READ, "chargers.add_webhooksubscription")}
    parameters = PageParameters

    @extend_schema(responses=list_of(WebhookSerializer))
    def get(self, request: Request) -> Response:
        """Webhooks by id."""
        return listed(request, webhooks_page(**self.page), WebhookSerializer)

    @extend_schema(request=NewWebhookSerializer, responses={201: WebhookWithSecretSerializer})
    def post(self, request: Request) -> Response:
        """Add a webhook; the answer has its secret, which is not shown again."""
        asked = NewWebhookSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        webhook = webhook_create(**asked.validated_data, created_by_id=request.user.pk)
        return Response(WebhookWithSecretSerializer(webhook).data, status=status.HTTP_201_CREATED)


class WebhookView(ApiView):
    """One webhook."""

    permissions = {
        "GET": READ,
        "PATCH": CHANGE,
        "DELETE": (*READ, "chargers.delete_webhooksubscription"),
    }
    refusal_statuses = _UNKNOWN

    @extend_schema(responses=WebhookSerializer)
    def get(self, request: Request, webhook_id: int) -> Response:
        return Response(WebhookSerializer(get_object_or_404(webhook_rows(), pk=webhook_id)).data)

    @extend_schema(request=WebhookChangesSerializer, responses=WebhookSerializer)
    def patch(self, request: Request, webhook_id: int) -> Response:
        """Change a webhook, for example switch it off."""
        asked = WebhookChangesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        webhook = webhook_update(subscription_id=webhook_id, **asked.validated_data)
        return Response(WebhookSerializer(webhook).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, webhook_id: int) -> Response:
        """Delete a webhook; what waits for it is not sent."""
        webhook_delete(subscription_id=webhook_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class WebhookSecretView(ApiView):
    """The secret of a webhook."""

    permissions = {"POST": CHANGE}
    refusal_statuses = _UNKNOWN

    @extend_schema(request=None, responses={201: WebhookWithSecretSerializer})
    def post(self, request: Request, webhook_id: int) -> Response:
        """Renew the secret; for 24 hours calls are signed with the old one too."""
        webhook = webhook_secret_renew(subscription_id=webhook_id, now=utc_now())
        return Response(WebhookWithSecretSerializer(webhook).data, status=status.HTTP_201_CREATED)


class WebhookTestView(ApiView):
    """Test deliveries of a webhook."""

    permissions = {"POST": CHANGE}
    refusal_statuses = _UNKNOWN

    @extend_schema(request=None, responses={201: DeliverySerializer})
    def post(self, request: Request, webhook_id: int) -> Response:
        """Send a test event, once; the deliveries show what came of it."""
        delivery = webhook_test(subscription_id=webhook_id, now=utc_now())
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_201_CREATED)


class WebhookReplayView(ApiView):
    """Events that are told again."""

    permissions = {"POST": CHANGE}
    refusal_statuses = {**_UNKNOWN, "webhook.inactive": status.HTTP_409_CONFLICT}

    @extend_schema(request=ReplaySerializer, responses={201: ReplayedSerializer})
    def post(self, request: Request, webhook_id: int) -> Response:
        """Send kept events again, at most 10,000 at a time."""
        asked = ReplaySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        replay = webhook_replay(
            subscription_id=webhook_id,
            since=asked.validated_data.get("since"),
            event_id=asked.validated_data.get("event"),
        )
        return Response(ReplayedSerializer(replay).data, status=status.HTTP_201_CREATED)


class DeliveryParameters(PageParameters):
    state = serializers.ChoiceField(MessageState.choices, required=False)
    station = serializers.CharField(required=False, help_text="OCPP identity of a station.")


class WebhookDeliveriesView(ApiView):
    """What was sent to a webhook."""

    permissions = {"GET": ("chargers.view_webhookdelivery", *READ)}
    parameters = DeliveryParameters

    @extend_schema(responses=list_of(DeliverySerializer))
    def get(self, request: Request, webhook_id: int) -> Response:
        """Deliveries, newest first; `state=dead` shows what was given up."""
        get_object_or_404(WebhookSubscription, pk=webhook_id)
        page = deliveries_page(subscription_id=webhook_id, **self.page)
        return listed(request, page, DeliverySerializer)


urlpatterns = [
    *route("webhooks", WebhooksView.as_view(), "webhooks"),
    *route("webhooks/<int:webhook_id>", WebhookView.as_view(), "webhook"),
    *route("webhooks/<int:webhook_id>/secret", WebhookSecretView.as_view(), "webhook-secret"),
    *route("webhooks/<int:webhook_id>/test", WebhookTestView.as_view(), "webhook-test"),
    *route("webhooks/<int:webhook_id>/replay", WebhookReplayView.as_view(), "webhook-replay"),
    *route(
        "webhooks/<int:webhook_id>/deliveries",
        WebhookDeliveriesView.as_view(),
        "webhook-deliveries",
    ),
]
