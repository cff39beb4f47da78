"""The frames that went over the sockets and the orders we gave."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import (
    CommandStatus,
    MessageDirection,
)
from apps.chargers.models.stations import ChargingStation
from apps.chargers.ocpp.redaction import shown_json
from apps.chargers.ocpp.secrets import without_secrets


class StationMessage(models.Model):
    """One OCPP frame in or out, as text, with the error it caused; kept for a limited time."""

    station = models.ForeignKey(ChargingStation, on_delete=models.CASCADE, related_name="messages")
    direction = models.CharField(_("direction"), max_length=3, choices=MessageDirection.choices)
    message_type = models.PositiveSmallIntegerField(_("type"), null=True, blank=True)
    message_id = models.CharField(_("message id"), max_length=36, blank=True)
    action = models.CharField(_("action"), max_length=50, blank=True)
    payload = models.TextField(_("frame"))
    error = models.CharField(_("error"), max_length=300, blank=True)
    received_at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("station message")
        verbose_name_plural = _("station messages")
        ordering = ["-received_at", "-pk"]
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="station_message_at"),
            models.Index(fields=["station", "-received_at"], name="station_message_station"),
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.action or self.message_type}"


class CommandBatch(models.Model):
    """One order for many stations; each has a command of its own."""

    action = models.CharField(_("action"), max_length=40)
    payload = models.JSONField(_("request"), default=dict)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    requested_at = models.DateTimeField(_("requested at"))
    stations_count = models.PositiveIntegerField(_("stations"), default=0)
    waiting = ArrayField(models.BigIntegerField(), default=list, blank=True, editable=False)
    """Row ids of the stations whose command is not written yet."""
    next_slice_at = models.DateTimeField(null=True, blank=True, editable=False)
    """Not before then are the next of those that wait given their command; None: at once."""

    class Meta:
        verbose_name = _("bulk command")
        verbose_name_plural = _("bulk commands")
        ordering = ["-requested_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.action} #{self.pk}"


class Command(models.Model):
    """One order to a station: what was asked, by whom, and what the station answered."""

    station = models.ForeignKey(ChargingStation, on_delete=models.CASCADE, related_name="commands")
    batch = models.ForeignKey(
        CommandBatch, null=True, blank=True, on_delete=models.CASCADE, related_name="commands"
    )
    action = models.CharField(_("action"), max_length=40)
    """The OCPP action as it goes over the wire in the station's version."""
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    payload = models.JSONField(_("request"), default=dict)
    status = models.CharField(
        _("status"), max_length=8, choices=CommandStatus.choices, default=CommandStatus.QUEUED
    )
    answer = models.JSONField(_("answer"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    correlation_id = models.UUIDField(_("correlation id"), unique=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    requested_at = models.DateTimeField(_("requested at"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    class Meta:
        verbose_name = _("command")
        verbose_name_plural = _("commands")
        ordering = ["-requested_at", "-pk"]
        indexes = [
            models.Index(
                fields=["requested_at"],
                condition=Q(status__in=[CommandStatus.QUEUED, CommandStatus.SENT]),
                name="command_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} #{self.pk}"

    @property
    def payload_shown(self) -> Any:
        """The request for people: until it has ended, `payload` holds what the station needs."""
        return shown_json(without_secrets(self.action, self.payload))

    @property
    def latency_s(self) -> float | None:
        """From sending to the answer, in seconds."""
        if self.sent_at is None or self.answered_at is None:
            return None
        return (self.answered_at - self.sent_at).total_seconds()


class Ordered(models.Model):
    """What a person wanted of a station, and the command that carries it there."""

    command = models.ForeignKey(
        Command, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    requested_at = models.DateTimeField(_("requested at"))

    class Meta:
        abstract = True
