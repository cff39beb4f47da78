"""What an operator wants of the plans of a site, and what the grid asks of it."""

from __future__ import annotations

from datetime import time

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.assets.models import Site
from apps.flexibility.choices import GridRequestKind, Objective

PERCENT = (MinValueValidator(0), MaxValueValidator(100))


class SitePolicy(models.Model):
    """The objective of a site's plans and what it is worth (one row per site)."""

    site = models.OneToOneField(
        Site, on_delete=models.CASCADE, related_name="policy", verbose_name=_("site")
    )
    objective = models.CharField(
        _("objective"), max_length=16, choices=Objective.choices, default=Objective.COST
    )
    feed_in_margin_eur_per_mwh = models.DecimalField(
        _("feed-in earns less by (EUR/MWh)"),
        max_digits=8,
        decimal_places=2,
        default=10,
        validators=[MinValueValidator(0)],
    )
    co2_price_eur_per_t = models.DecimalField(
        _("a tonne of CO2 counts (EUR)"),
        max_digits=8,
        decimal_places=2,
        default=1000,
        validators=[MinValueValidator(0)],
        help_text=_("Used by the objective CO2, beside the price."),
    )
    peak_price_eur_per_kw = models.DecimalField(
        _("a kW of the highest import counts (EUR)"),
        max_digits=8,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0)],
    )
    evening_from = models.TimeField(_("evening peak from"), default=time(18))
    evening_until = models.TimeField(_("evening peak until"), default=time(22))
    evening_bonus_eur_per_mwh = models.DecimalField(
        _("energy of the evening peak counts more by (EUR/MWh)"),
        max_digits=8,
        decimal_places=2,
        default=200,
        validators=[MinValueValidator(0)],
        help_text=_("Used by the objective evening peak."),
    )
    reserve_kw = models.FloatField(
        _("reserve held (kW)"),
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("Power that all batteries together keep free in both directions."),
    )
    reserve_minutes = models.PositiveIntegerField(
        _("reserve lasts (minutes)"),
        default=15,
        validators=[MinValueValidator(1), MaxValueValidator(240)],
    )
    car_target_soc_percent = models.FloatField(
        _("a car is charged to (%)"), default=80, validators=PERCENT
    )
    car_min_soc_percent = models.FloatField(
        _("a car is never discharged below (%)"), default=40, validators=PERCENT
    )
    car_max_soc_percent = models.FloatField(
        _("a car is charged by plan up to (%)"), default=90, validators=PERCENT
    )
    curtails_pv = models.BooleanField(
        _("may curtail PV"),
        default=True,
        help_text=_("When feeding in costs, or more would be fed in than the grid takes."),
    )

    class Meta:
        verbose_name = _("planning policy")
        verbose_name_plural = _("planning policies")
        constraints = [
            models.CheckConstraint(
                condition=Q(car_min_soc_percent__lte=F("car_target_soc_percent"))
                & Q(car_target_soc_percent__lte=F("car_max_soc_percent")),
                name="flexibility_policy_car_band",
                violation_error_message=_("Lowest, target and highest SoC must be in this order."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site} {self.objective}"


class GridRequest(models.Model):
    """What the grid operator asks of a site for [start, end), entered by a person or a protocol."""

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="grid_requests", verbose_name=_("site")
    )
    kind = models.CharField(_("kind"), max_length=16, choices=GridRequestKind.choices)
    limit_kw = models.FloatField(_("limit (kW)"), validators=[MinValueValidator(0)])
    start = models.DateTimeField(_("start"))
    end = models.DateTimeField(_("end"))
    reference = models.CharField(_("reference"), max_length=120, blank=True, default="")
    created_at = models.DateTimeField(_("entered at"), auto_now_add=True)
    created_by = models.CharField(_("entered by"), max_length=150, blank=True, default="")
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("request of the grid")
        verbose_name_plural = _("requests of the grid")
        ordering = ["-start", "-pk"]
        indexes = [models.Index(fields=["site", "end"], name="flexibility_gridrequest_end")]
        constraints = [
            models.CheckConstraint(
                condition=Q(end__gt=F("start")),
                name="flexibility_gridrequest_interval",
                violation_error_message=_("The end must come after the start."),
            ),
            models.CheckConstraint(
                condition=Q(limit_kw__gte=0), name="flexibility_gridrequest_limit"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.limit_kw:.0f} kW {self.start:%Y-%m-%dT%H:%MZ}"
