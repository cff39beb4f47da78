"""What is wanted of the car of a session, and what it can get."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.chargers.models import Session
from apps.flexibility.choices import CarGoalOrigin

PERCENT = (MinValueValidator(0), MaxValueValidator(100))


class CarGoal(models.Model):
    """Departure, target and band of one car while it is plugged in (one row per session).

    A car without departure is charged at once: it may leave at any moment.
    """

    session = models.OneToOneField(
        Session, on_delete=models.CASCADE, related_name="car_goal", verbose_name=_("session")
    )
    origin = models.CharField(
        _("told by"), max_length=8, choices=CarGoalOrigin.choices, default=CarGoalOrigin.DEFAULT
    )
    departure_at = models.DateTimeField(_("departure"), null=True, blank=True)
    capacity_kwh = models.FloatField(
        _("capacity (kWh)"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    soc_percent = models.FloatField(
        _("state of charge (%)"), null=True, blank=True, validators=PERCENT
    )
    """As last told by the car; `soc_at` says when. Between two words it is counted on."""
    soc_at = models.DateTimeField(_("told at"), null=True, blank=True)
    soc_energy_kwh = models.FloatField(_("session energy then (kWh)"), null=True, blank=True)
    target_soc_percent = models.FloatField(_("target (%)"), default=80, validators=PERCENT)
    min_soc_percent = models.FloatField(_("never below (%)"), default=40, validators=PERCENT)
    max_soc_percent = models.FloatField(_("never above (%)"), default=90, validators=PERCENT)
    most_charge_kw = models.FloatField(_("charges at most (kW)"), default=22)
    most_discharge_kw = models.FloatField(_("gives back at most (kW)"), default=0)
    """>= 0; 0: the car only charges."""
    shortfall_kwh = models.FloatField(_("missing at departure (kWh)"), default=0)
    expected_soc_percent = models.FloatField(_("expected at departure (%)"), null=True, blank=True)
    shortfall_told_at = models.DateTimeField(_("driver told at"), null=True, blank=True)
    profile_sent_at = models.DateTimeField(_("profile sent at"), null=True, blank=True)
    profile = models.JSONField(_("profile sent"), null=True, blank=True)
    """[[start, kW], ...] as last sent to the station; None: none yet."""
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("goal of a car")
        verbose_name_plural = _("goals of cars")
        ordering = ["-session_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(most_charge_kw__gte=0, most_discharge_kw__gte=0, shortfall_kwh__gte=0),
                name="flexibility_cargoal_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} {self.target_soc_percent:.0f} %"
