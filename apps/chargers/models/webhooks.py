"""Webhooks out: who wants which news of stations, the news itself, and each delivery of it."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.chargers.models.stations import STATION_ID_MAX_LENGTH, ChargingStation
from apps.outbox.models import OutboxMessage
from apps.tenants.fields import EncryptedTextField
from cariflex.common.ids import new_id

EVENT_TYPE_MAX_LENGTH = 40


class WebhookSubscription(models.Model):
    """An address of a partner that is told what happens at stations."""

    name = models.CharField(_("name"), max_length=100)
    url = models.CharField(_("address"), max_length=500)
    event_types = ArrayField(
        models.CharField(max_length=EVENT_TYPE_MAX_LENGTH),
        verbose_name=_("events"),
        help_text=_("Types of events; * stands for any characters, as in session.*"),
    )
    stations = ArrayField(
        models.CharField(max_length=STATION_ID_MAX_LENGTH),
        verbose_name=_("stations"),
        help_text=_("Station ids; * stands for any characters, as in MARINA-*"),
    )
    is_active = models.BooleanField(_("active"), default=True)
    secret = EncryptedTextField(_("secret"), editable=False)
    previous_secret = EncryptedTextField(_("previous secret"), blank=True, editable=False)
    previous_secret_until = models.DateTimeField(
        _("previous secret until"), null=True, blank=True, editable=False
    )
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    retry_at = models.DateTimeField(_("tried again from"), null=True, blank=True, editable=False)
    """After a failure nothing is sent to the address before this instant."""
    delivered_at = models.DateTimeField(
        _("delivered last at"), null=True, blank=True, editable=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class WebhookEvent(models.Model):
    """Something that happened at a station, as it is told; kept for replays for a limited time."""

    event_id = models.UUIDField(_("event id"), unique=True, default=new_id, editable=False)
    type = models.CharField(_("type"), max_length=EVENT_TYPE_MAX_LENGTH)
    station = models.ForeignKey(
        ChargingStation,
        verbose_name=_("station"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="webhook_events",
    )
    """None for a test event."""
    sequence = models.PositiveBigIntegerField(_("sequence"), null=True, blank=True)
    """Counts the events of the station from 1; None until the event was handed out."""
    data = models.JSONField(_("content"), default=dict)
    occurred_at = models.DateTimeField(_("happened at"))
    recorded_at = models.DateTimeField(_("recorded at"), db_index=True)

    class Meta:
        verbose_name = _("event for webhooks")
        verbose_name_plural = _("events for webhooks")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["station", "sequence"], name="webhook_event_sequence"),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(sequence__isnull=True), name="webhook_event_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class WebhookSequence(models.Model):
    """The number of a station's last event; it outlives the events."""

    station = models.OneToOneField(
        ChargingStation, on_delete=models.CASCADE, related_name="webhook_sequence"
    )
    last = models.PositiveBigIntegerField(_("last number"), default=0)

    class Meta:
        verbose_name = _("count of events")
        verbose_name_plural = _("counts of events")

    def __str__(self) -> str:
        return f"{self.station_id} {self.last}"


class WebhookDelivery(models.Model):
    """One event for one subscription: the message that carries it and the last answer to it."""

    subscription = models.ForeignKey(
        WebhookSubscription,
        verbose_name=_("webhook"),
        on_delete=models.CASCADE,
        related_name="deliveries",
    )
    event = models.ForeignKey(
        WebhookEvent,
        verbose_name=_("event"),
        on_delete=models.CASCADE,
        related_name="deliveries",
    )
    message = models.OneToOneField(
        OutboxMessage, verbose_name=_("message"), on_delete=models.CASCADE, related_name="+"
    )
    is_replay = models.BooleanField(_("replay"), default=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    """How often the address was called; waiting for it to come back is no attempt."""
    attempted_at = models.DateTimeField(_("last attempt at"), null=True, blank=True)
    answer_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    answer = models.CharField(_("answer"), max_length=500, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    duration_ms = models.PositiveIntegerField(_("duration (ms)"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "event"],
                condition=Q(is_replay=False),
                name="webhook_delivery_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.event_id}"
