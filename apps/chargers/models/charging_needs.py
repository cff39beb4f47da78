"""What cars want of the energy that they come for, and what was agreed on it (2.x K, 2.1 Q)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import NeedsAnswer
from apps.chargers.models.sessions import Session
from apps.chargers.models.stations import ChargingStation


class ChargingNeeds(models.Model):
    """One NotifyEVChargingNeeds: the car's wishes at an instant; the newest of a session counts."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="charging_needs"
    )
    evse_number = models.PositiveIntegerField(_("EVSE"))
    session = models.ForeignKey(
        Session, null=True, blank=True, on_delete=models.CASCADE, related_name="charging_needs"
    )
    told_at = models.DateTimeField(_("told at"))
    requested_transfer = models.CharField(_("energy transfer"), max_length=20)
    """EnergyTransferModeEnumType."""
    departure_at = models.DateTimeField(_("departure"), null=True, blank=True)
    most_schedules = models.PositiveIntegerField(_("most schedules"), null=True, blank=True)
    """maxScheduleTuples: how many schedules the car can choose from."""
    needs = models.JSONField(_("needs"))
    """ChargingNeedsType as on the wire."""
    answer = models.CharField(_("our answer"), max_length=17, choices=NeedsAnswer.choices)

    class Meta:
        verbose_name = _("needs of a car")
        verbose_name_plural = _("needs of cars")
        ordering = ["-told_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["station", "evse_number", "told_at"], name="charging_needs_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.requested_transfer} {self.told_at:%Y-%m-%dT%H:%M:%S}"


class EvSchedule(models.Model):
    """One NotifyEVChargingSchedule (K17): how the car means to charge."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="ev_schedules"
    )
    evse_number = models.PositiveIntegerField(_("EVSE"))
    session = models.ForeignKey(
        Session, null=True, blank=True, on_delete=models.CASCADE, related_name="ev_schedules"
    )
    time_base = models.DateTimeField(_("from"))
    schedule = models.JSONField(_("schedule"))
    """ChargingScheduleType as on the wire; its periods count from `time_base`."""
    selected_schedule_id = models.BigIntegerField(_("schedule chosen"), null=True, blank=True)
    is_tolerance_accepted = models.BooleanField(_("power tolerance accepted"), null=True)
    is_above_limit = models.BooleanField(_("above its limit"), default=False)
    told_at = models.DateTimeField(_("told at"))

    class Meta:
        verbose_name = _("schedule of a car")
        verbose_name_plural = _("schedules of cars")
        ordering = ["-told_at", "-pk"]
        indexes = [models.Index(fields=["station", "-told_at"], name="ev_schedule_told")]

    def __str__(self) -> str:
        return f"{self.evse_number} {self.time_base:%Y-%m-%dT%H:%M:%S}"


class SessionTerms(models.Model):
    """What a session may beyond its tariff: priority (K21, K22), energy transfers (2.1 Q)."""

    session = models.OneToOneField(
        Session, on_delete=models.CASCADE, primary_key=True, related_name="terms"
    )
    uses_priority = models.BooleanField(_("uses priority"), default=False)
    priority_since = models.DateTimeField(_("since"), null=True, blank=True)
    allowed_transfers = models.JSONField(_("energy transfers allowed"), null=True, blank=True)
    """EnergyTransferModeEnumType values; None: never told, so the car may charge only."""

    class Meta:
        verbose_name = _("terms of a session")
        verbose_name_plural = _("terms of sessions")
        ordering = ["-session_id"]

    def __str__(self) -> str:
        return f"{self.session_id} {self.uses_priority}"
