"""Charging profiles that stations hold, and the groups of EVSEs that share a connection (K)."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import (
    ProfileKind,
    ProfilePurpose,
    ProfileSource,
    ProfileStatus,
    RecurrencyKind,
)
from apps.chargers.models.messages import Ordered
from apps.chargers.models.sessions import Session
from apps.chargers.models.stations import ChargingStation, Evse


class ChargingProfile(Ordered):
    """A profile that we set at a station (2.0.1 ChargingProfileType), with what came of it."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="charging_profiles"
    )
    evse_number = models.PositiveIntegerField(_("EVSE"), default=0)
    profile_id = models.BigIntegerField(_("profile id"))
    stack_level = models.PositiveIntegerField(_("stack level"), default=0)
    purpose = models.CharField(_("purpose"), max_length=35, choices=ProfilePurpose.choices)
    kind = models.CharField(_("kind"), max_length=10, choices=ProfileKind.choices)
    recurrency = models.CharField(
        _("recurrence"), max_length=6, choices=RecurrencyKind.choices, blank=True
    )
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_to = models.DateTimeField(_("valid to"), null=True, blank=True)
    session = models.ForeignKey(
        Session, null=True, blank=True, on_delete=models.CASCADE, related_name="charging_profiles"
    )
    schedules = models.JSONField(_("schedules"))
    """ChargingScheduleType objects as on the wire."""
    update_interval_s = models.PositiveIntegerField(_("update interval (s)"), null=True, blank=True)
    """Of a dynamic profile (2.1 K28): how often the station asks for its values."""
    updated_at = models.DateTimeField(_("values since"), null=True, blank=True)
    """Of a dynamic profile: since when the station has the values of its one period."""
    update_waiting = models.JSONField(_("values to come"), null=True, blank=True)
    """ChargingScheduleUpdateType that the station gets when it asks next; None: no news."""
    offline_limit_s = models.PositiveIntegerField(
        _("longest time offline (s)"), null=True, blank=True
    )
    """2.1 maxOfflineDuration: offline for longer, the station uses it no more."""
    ends_offline = models.BooleanField(_("ends after that time"), default=False)
    """2.1 invalidAfterOfflineDuration: it does not come back when the station does."""
    source = models.CharField(_("source"), max_length=10, choices=ProfileSource.choices)
    status = models.CharField(
        _("status"), max_length=9, choices=ProfileStatus.choices, default=ProfileStatus.REQUESTED
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("charging profile")
        verbose_name_plural = _("charging profiles")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["station", "profile_id"],
                condition=models.Q(status__in=["requested", "accepted"]),
                name="charging_profile_once_in_force",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} #{self.profile_id}"


class LoadGroup(models.Model):
    """EVSEs behind one fuse or one contract: together they never draw more than the cap."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    site = models.ForeignKey(
        "assets.Site",
        verbose_name=_("site"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="load_groups",
    )
    cap_a = models.FloatField(_("cap per phase (A)"), validators=[MinValueValidator(0)])
    voltage_v = models.FloatField(
        _("voltage (V)"), default=230, validators=[MinValueValidator(100)]
    )
    floor_a = models.FloatField(
        _("least current of a car (A)"),
        default=6,
        validators=[MinValueValidator(0)],
        help_text=_("IEC 61851: below 6 A a car stops; who gets less is paused."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    balanced_at = models.DateTimeField(_("balanced at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("load group")
        verbose_name_plural = _("load groups")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LoadGroupMember(models.Model):
    """An EVSE in a load group."""

    group = models.ForeignKey(LoadGroup, on_delete=models.CASCADE, related_name="members")
    evse = models.OneToOneField(Evse, on_delete=models.CASCADE, related_name="load_membership")
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=0, help_text=_("Higher is served first.")
    )
    most_a = models.FloatField(_("most (A)"), default=32, validators=[MinValueValidator(0)])
    phases = models.PositiveSmallIntegerField(_("phases"), default=3)
    limit_a = models.FloatField(_("limit now (A)"), null=True, blank=True, editable=False)
    limit_since = models.DateTimeField(_("limit since"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("EVSE of a load group")
        verbose_name_plural = _("EVSEs of load groups")
        ordering = ["group", "-priority", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(phases__in=[1, 2, 3]), name="load_group_member_phases"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.evse_id} {self.priority}"
