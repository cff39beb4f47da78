"""What was asked of a device, by whom and why, and what the device answered."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.assets.choices import SETPOINT_ACTIVE, SetpointSource, SetpointStatus
from apps.assets.models.devices import Device
from apps.assets.models.sites import Site

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
    asked_kw = models.FloatField(_("asked (kW)"), null=True, blank=True)
    """What was asked when a limit of the site or the grid connection cut it down to `power_kw`."""
    limited_by = models.CharField(_("limited by"), max_length=30, blank=True)
    before_kw = models.FloatField(_("power before (kW)"), null=True, blank=True)
    """What the device measured when it was asked; null when that was not known."""
    ramp_from_kw = models.FloatField(_("ramp from (kW)"), null=True, blank=True)
    """Where the ramp to `power_kw` begins; null for a device without ramp."""
    applied_kw = models.FloatField(_("written last (kW)"), null=True, blank=True)
    """What was written last: on its way to `power_kw` while the ramp lasts."""
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


class HandsOffChange(models.Model):
    """Somebody switched "hands off" on or off, for a device or a whole site; kept for ever."""

    device = models.ForeignKey(
        Device,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="hands_off_changes",
        verbose_name=_("device"),
    )
    site = models.ForeignKey(
        Site,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="hands_off_changes",
        verbose_name=_("site"),
    )
    is_on = models.BooleanField(_("hands off"))
    reason = models.CharField(_("reason"), max_length=200)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("changed by"),
    )
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("hands-off change")
        verbose_name_plural = _("hands-off changes")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.device_id or self.site_id} {'on' if self.is_on else 'off'}"
