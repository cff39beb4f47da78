"""Periodic event streams (2.1 N11 to N14): variables that stations send in bundles."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.models.stations import ChargingStation


class EventStream(models.Model):
    """A stream that a station opened for one of its monitors."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="event_streams"
    )
    stream_id = models.BigIntegerField(_("stream id"))
    monitor_id = models.BigIntegerField(_("monitor id"))
    """variableMonitoringId."""
    component = models.CharField(_("component"), max_length=50, blank=True)
    variable = models.CharField(_("variable"), max_length=50, blank=True)
    """What the monitor watches; empty when we did not set it ourselves."""
    interval_s = models.PositiveIntegerField(_("interval (s)"), null=True, blank=True)
    most_values = models.PositiveIntegerField(_("most values"), null=True, blank=True)
    """A message goes out after the interval or when this many values are there."""
    opened_at = models.DateTimeField(_("opened at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    pending_count = models.PositiveIntegerField(_("values still to come"), default=0)

    class Meta:
        verbose_name = _("event stream")
        verbose_name_plural = _("event streams")
        ordering = ["-opened_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["station", "stream_id"],
                condition=models.Q(closed_at__isnull=True),
                name="event_stream_once_open",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.stream_id} {self.component}.{self.variable}"


class StreamValue(models.Model):
    """One value of a stream; kept for a limited time."""

    stream = models.ForeignKey(EventStream, on_delete=models.CASCADE, related_name="values")
    at = models.DateTimeField(_("at"))
    value = models.CharField(_("value"), max_length=2500, blank=True)

    class Meta:
        verbose_name = _("value of a stream")
        verbose_name_plural = _("values of streams")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["stream", "at"], name="stream_value_once"),
        ]
        indexes = [models.Index(fields=["at"], name="stream_value_at")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%dT%H:%M:%S} {self.value[:40]}"
