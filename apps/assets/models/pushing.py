"""Who sends readings of which devices over the API."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.assets.models.devices import Device


class PushGrant(models.Model):
    """A partner's or gateway's user sends the readings of this device, and sees its sensors."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="push_grants",
        verbose_name=_("user"),
    )
    device = models.ForeignKey(
        Device, on_delete=models.CASCADE, related_name="push_grants", verbose_name=_("device")
    )

    class Meta:
        verbose_name = _("right to send readings")
        verbose_name_plural = _("rights to send readings")
        ordering = ("user_id", "device_id")
        constraints = [
            models.UniqueConstraint(fields=("user", "device"), name="push_grant_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.device_id}"
