"""Distributed energy resources (2.1 R): how stations behave towards the grid by themselves."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import DerControlStatus
from apps.chargers.models.messages import Ordered
from apps.chargers.models.stations import ChargingStation


class DerControl(Ordered):
    """A DER control that a station holds or was asked to hold, such as a frequency droop."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="der_controls"
    )
    control_id = models.CharField(_("control id"), max_length=36)
    type = models.CharField(_("type"), max_length=25)
    """DERControlEnumType."""
    is_default = models.BooleanField(_("default"), default=False)
    """True: holds whenever no scheduled control of its type does (R04)."""
    priority = models.PositiveIntegerField(_("priority"), default=0)
    """0 is the highest."""
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    duration_s = models.FloatField(_("duration (s)"), null=True, blank=True)
    settings = models.JSONField(_("settings"))
    """The object of its type as on the wire: DERCurveType, FreqDroopType and so on."""
    status = models.CharField(
        _("status"),
        max_length=9,
        choices=DerControlStatus.choices,
        default=DerControlStatus.REQUESTED,
    )
    is_superseded = models.BooleanField(_("superseded"), default=False)
    """True: another control took its place at the station, which does not execute it any more."""
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True)
    reported_at = models.DateTimeField(_("reported at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("DER control")
        verbose_name_plural = _("DER controls")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["station", "control_id"],
                condition=models.Q(status="accepted"),
                name="der_control_once_held",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.control_id}"


class DerAlarm(models.Model):
    """A NotifyDERAlarm (R05): the grid at a station left the bounds of a control."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="der_alarms"
    )
    control_type = models.CharField(_("type"), max_length=25)
    fault = models.CharField(_("fault"), max_length=20, blank=True)
    """GridEventFaultEnumType."""
    raised_at = models.DateTimeField(_("raised at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    details = models.CharField(_("details"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("DER alarm")
        verbose_name_plural = _("DER alarms")
        ordering = ["-raised_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["station", "control_type", "fault", "raised_at"], name="der_alarm_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.control_type} {self.fault}"
