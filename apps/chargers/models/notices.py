"""What stations report beside sessions: events of their device model, security, connectors."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import ConnectorStatus
from apps.chargers.models.stations import ChargingStation, Connector


class StationEvent(models.Model):
    """One event of NotifyEvent (N07), or the error code of a 1.6 StatusNotification."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="station_events"
    )
    event_id = models.BigIntegerField(_("event id"), null=True, blank=True)
    at = models.DateTimeField(_("at"))
    trigger = models.CharField(_("trigger"), max_length=10, blank=True)
    component = models.CharField(_("component"), max_length=50)
    variable = models.CharField(_("variable"), max_length=50)
    evse_number = models.PositiveIntegerField(_("EVSE"), default=0)
    connector_number = models.PositiveIntegerField(_("connector"), default=0)
    value = models.TextField(_("value"), blank=True)
    tech_code = models.CharField(_("fault code"), max_length=50, blank=True)
    tech_text = models.CharField(_("fault text"), max_length=500, blank=True)
    severity = models.PositiveSmallIntegerField(_("severity"), null=True, blank=True)
    is_cleared = models.BooleanField(_("cleared"), default=False)

    class Meta:
        verbose_name = _("event of a station")
        verbose_name_plural = _("events of stations")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["station", "-at"], name="station_event_at")]

    def __str__(self) -> str:
        return f"{self.component}.{self.variable} {self.value[:40]}"

    @property
    def is_fault(self) -> bool:
        """True for what alerts or carries a fault code, also when it is over."""
        return bool(self.tech_code) or self.trigger == "Alerting"


class SecurityEvent(models.Model):
    """A SecurityEventNotification (A04), or what we noticed ourselves about a station's socket."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="security_events"
    )
    type = models.CharField(_("type"), max_length=50)
    at = models.DateTimeField(_("at"))
    tech_info = models.CharField(_("details"), max_length=255, blank=True)
    is_critical = models.BooleanField(_("critical"), default=False)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)

    class Meta:
        verbose_name = _("security event")
        verbose_name_plural = _("security events")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["station", "type", "at", "tech_info"], name="security_event_once"
            ),
        ]

    def __str__(self) -> str:
        return self.type


class ConnectorStatusChange(models.Model):
    """A connector's status from `at` on; availability is counted from these rows."""

    connector = models.ForeignKey(
        Connector, on_delete=models.CASCADE, related_name="status_changes"
    )
    status = models.CharField(_("status"), max_length=12, choices=ConnectorStatus.choices)
    error_code = models.CharField(_("error code"), max_length=50, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("status change")
        verbose_name_plural = _("status changes")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["connector", "at"], name="connector_status_change_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.at:%Y-%m-%dT%H:%M:%S}"


class ConnectionChange(models.Model):
    """A station came online or went offline."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="connection_changes"
    )
    is_online = models.BooleanField(_("online"))
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("connection change")
        verbose_name_plural = _("connection changes")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["station", "-at"], name="connection_change_at")]

    def __str__(self) -> str:
        return f"{self.is_online} {self.at:%Y-%m-%dT%H:%M:%S}"
