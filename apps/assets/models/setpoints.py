"""What was asked of a device, by whom and why, and what the device answered."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.assets.choices import SETPOINT_ACTIVE, SetpointSource, SetpointStatus
from apps.assets.models.devices import Device

DEFAULT_REVERSION_S = 60


class Setpoint(models.Model):
    """One request for a power, kept for ever.

    For a battery `power_kw` is the power itself (charging positive). For a PV plant it is the
    allowed production with its sign: -30 limits production to 30 kW, 0 stops it.
    """

    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, related_name="setpoints", verbose_name=_("device")
    )
    power_kw = models.FloatField(_("power (kW)"))
    source = models.CharField(_("source"), max_length=10, choices=SetpointSource.choices)
    reason = models.CharField(_("reason"), max_length=200)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("requested by"),
    )
    requested_at = models.DateTimeField(_("requested at"))
    expires_at = models.DateTimeField(_("expires at"))
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=SetpointStatus.choices,
        default=SetpointStatus.REQUESTED,
    )
    reversion_s = models.PositiveIntegerField(_("reversion (s)"), default=DEFAULT_REVERSION_S)
    written_at = models.DateTimeField(_("written at"), null=True, blank=True)
    refreshed_at = models.DateTimeField(_("refreshed at"), null=True, blank=True)
    readback_kw = models.FloatField(_("read back (kW)"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    error_code = models.CharField(_("error code"), max_length=60, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("set-point")
        verbose_name_plural = _("set-points")
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=("device",),
                condition=models.Q(status__in=SETPOINT_ACTIVE),
                name="setpoint_one_active_of_a_device",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=SetpointStatus.values), name="setpoint_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(source__in=SetpointSource.values), name="setpoint_source_known"
            ),
            models.CheckConstraint(
                condition=models.Q(reversion_s__gt=0), name="setpoint_reversion_positive"
            ),
        ]
        indexes = [models.Index(fields=("device", "-id"), name="setpoint_of_device")]

    def __str__(self) -> str:
        return f"{self.device_id} {self.power_kw:+.1f} kW {self.source} {self.status}"
