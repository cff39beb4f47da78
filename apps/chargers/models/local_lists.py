"""Groups of tokens, and the list of tokens that a station keeps for when it is alone (block D)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import LocalListStatus
from apps.chargers.models.stations import ChargingStation


class TokenGroup(models.Model):
    """Tokens that may end each other's sessions; its id is the groupIdToken (C09)."""

    group_id = models.CharField(_("group id"), max_length=36, unique=True)
    name = models.CharField(_("name"), max_length=100, blank=True)
    is_one_at_a_time = models.BooleanField(
        _("one session at a time"),
        default=False,
        help_text=_("A token of this group may charge at one station at a time."),
    )

    class Meta:
        verbose_name = _("token group")
        verbose_name_plural = _("token groups")
        ordering = ["group_id"]

    def __str__(self) -> str:
        return self.name or self.group_id


class LocalList(models.Model):
    """The local authorization list of one station: what it should hold and what it confirmed."""

    station = models.OneToOneField(
        ChargingStation, on_delete=models.CASCADE, related_name="local_list"
    )
    version = models.PositiveIntegerField(_("version sent"), default=0)
    confirmed_version = models.IntegerField(_("version confirmed"), default=0)
    entries = models.JSONField(_("entries"), default=dict, blank=True)
    """Token (upper case) -> AuthorizationData as it was sent with `version`."""
    status = models.CharField(
        _("status"),
        max_length=9,
        choices=LocalListStatus.choices,
        default=LocalListStatus.UNKNOWN,
    )
    updated_at = models.DateTimeField(_("updated at"), null=True, blank=True)

    class Meta:
        verbose_name = _("local list")
        verbose_name_plural = _("local lists")
        ordering = ["station"]

    def __str__(self) -> str:
        return f"{self.station_id} v{self.version}"
