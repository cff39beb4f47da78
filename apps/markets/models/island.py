"""What an operator declares for the price of its island, and how each slot came to its price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.markets.choices import BaseSource, IntensityKind, PvSource, Quality
from apps.markets.island.local_days import clock_text


def base_order_default() -> list[str]:
    """Merit order, actual cost, usual cost, calendar."""
    return [str(source) for source in BaseSource]


def must_run_default() -> list[str]:
    """What runs whatever it costs."""
    return ["solar", "wind", "hydro", "geothermal"]


def all_days() -> list[str]:
    """Every type of day."""
    return ["working", "saturday", "sunday", "holiday"]


def _price(name: Any, **options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(name, max_digits=9, decimal_places=4, **options)


class TouCalendar(models.Model):
    """A time-of-use calendar; `definition` is what `island.definition` reads and writes."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    time_zone = models.CharField(_("time zone"), max_length=40)
    territory = models.CharField(_("territory"), max_length=2)
    with_custom = models.BooleanField(
        _("days of custom"), default=True, help_text=_("Days kept by custom are holidays too.")
    )
    added = models.JSONField(_("own holidays"), default=list, blank=True)
    removed = models.JSONField(_("days that are no holidays"), default=list, blank=True)
    definition = models.JSONField(_("definition"), default=dict)
    changed_by = models.CharField(_("changed by"), max_length=150, blank=True, default="")
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("price calendar")
        verbose_name_plural = _("price calendars")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class IslandPricing(models.Model):
    """How the price of one area is formed; its series have this area and the source `island`."""

    area = models.CharField(_("area"), max_length=40, unique=True)
    input_area = models.CharField(
        _("area of the inputs"),
        max_length=40,
        blank=True,
        default="",
        help_text=_("Empty: the same."),
    )
    territory = models.CharField(_("territory"), max_length=2)
    time_zone = models.CharField(_("time zone"), max_length=40)
    with_custom = models.BooleanField(_("days of custom"), default=True)
    base_order = models.JSONField(_("order of the bases"), default=base_order_default)
    calendar = models.ForeignKey(
        TouCalendar,
        on_delete=models.PROTECT,
        related_name="pricings",
        null=True,
        blank=True,
        verbose_name=_("price calendar"),
    )
    must_run_fuels = models.JSONField(
        _("fuels that run first"), default=must_run_default, blank=True
    )
    carbon_price_eur_per_tonne = _price(_("carbon price (EUR/t)"), default=Decimal(0))
    intensity_kind = models.CharField(
        _("CO2 intensity"),
        max_length=12,
        choices=IntensityKind.choices,
        default=IntensityKind.LIFECYCLE,
    )
    floor_eur_per_mwh = _price(_("floor (EUR/MWh)"), null=True, blank=True)
    pv_source = models.CharField(
        _("PV forecast of"), max_length=8, choices=PvSource.choices, default=PvSource.AREA
    )
    pv_threshold_mw = _price(_("PV threshold (MW)"), null=True, blank=True)
    curtailment_discount_eur_per_mwh = _price(
        _("curtailment discount (EUR/MWh)"), default=Decimal(0)
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    computed_at = models.DateTimeField(_("computed at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True, default="")
    changed_by = models.CharField(_("changed by"), max_length=150, blank=True, default="")
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("island price")
        verbose_name_plural = _("island prices")
        ordering = ["area"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    carbon_price_eur_per_tonne__gte=0, curtailment_discount_eur_per_mwh__gte=0
                ),
                name="markets_islandpricing_figures",
            )
        ]

    def __str__(self) -> str:
        return self.area

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its local days."""
        return ZoneInfo(self.time_zone)

    @property
    def inputs_of(self) -> str:
        """The area whose series it draws on."""
        return self.input_area or self.area


class PeakWindow(models.Model):
    """A window of local days with a scarcity adder; minutes after midnight, 1440 is its end."""

    pricing = models.ForeignKey(
        IslandPricing, on_delete=models.CASCADE, related_name="peaks", verbose_name=_("area")
    )
    name = models.CharField(_("name"), max_length=80)
    start_minute = models.PositiveSmallIntegerField(_("start"))
    end_minute = models.PositiveSmallIntegerField(_("end"))
    adder_eur_per_mwh = _price(_("adder (EUR/MWh)"))
    day_types = models.JSONField(_("days"), default=all_days)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_to = models.DateField(_("valid to"), null=True, blank=True)

    class Meta:
        verbose_name = _("peak window")
        verbose_name_plural = _("peak windows")
        ordering = ["pricing", "start_minute", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["pricing", "name"], name="markets_peakwindow_name"),
            models.CheckConstraint(
                condition=models.Q(
                    start_minute__lt=1440, end_minute__lte=1440, adder_eur_per_mwh__gte=0
                ),
                name="markets_peakwindow_figures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {clock_text(self.start_minute)}-{clock_text(self.end_minute)}"


class ScarcityAlert(models.Model):
    """A shortage declared for [start, end); cancelled, it ends where it was cancelled."""

    pricing = models.ForeignKey(
        IslandPricing, on_delete=models.CASCADE, related_name="alerts", verbose_name=_("area")
    )
    start = models.DateTimeField(_("start"))
    end = models.DateTimeField(_("end"))
    adder_eur_per_mwh = _price(_("adder (EUR/MWh)"))
    reason = models.CharField(_("reason"), max_length=200)
    declared_at = models.DateTimeField(_("declared at"))
    declared_by = models.CharField(_("declared by"), max_length=150, blank=True, default="")
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    cancelled_by = models.CharField(_("cancelled by"), max_length=150, blank=True, default="")

    class Meta:
        verbose_name = _("scarcity alert")
        verbose_name_plural = _("scarcity alerts")
        ordering = ["-start", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(end__gt=models.F("start"), adder_eur_per_mwh__gte=0),
                name="markets_scarcityalert_figures",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.start:%Y-%m-%dT%H:%MZ}"


class GeneratingUnit(models.Model):
    """A unit of the merit order, able to run in [available_from, available_to), open if empty."""

    pricing = models.ForeignKey(
        IslandPricing, on_delete=models.CASCADE, related_name="units", verbose_name=_("area")
    )
    name = models.CharField(_("name"), max_length=80)
    capacity_mw = _price(_("capacity (MW)"))
    marginal_cost_eur_per_mwh = _price(_("marginal cost (EUR/MWh)"))
    available_from = models.DateTimeField(_("available from"), null=True, blank=True)
    available_to = models.DateTimeField(_("available to"), null=True, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("generating unit")
        verbose_name_plural = _("generating units")
        ordering = ["pricing", "marginal_cost_eur_per_mwh", "name"]
        constraints = [
            models.UniqueConstraint(fields=["pricing", "name"], name="markets_generatingunit_name"),
            models.CheckConstraint(
                condition=models.Q(capacity_mw__gt=0), name="markets_generatingunit_capacity"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class EmissionFactor(models.Model):
    """What one kWh of a fuel emits, for slots that start in [valid_from, valid_to)."""

    fuel = models.CharField(_("fuel"), max_length=24)
    lifecycle_g_per_kwh = _price(_("life cycle (g/kWh)"))
    direct_g_per_kwh = _price(_("direct (g/kWh)"))
    valid_from = models.DateTimeField(_("valid from"))
    valid_to = models.DateTimeField(_("valid to"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=200)
    changed_by = models.CharField(_("changed by"), max_length=150, blank=True, default="")

    class Meta:
        verbose_name = _("emission factor")
        verbose_name_plural = _("emission factors")
        ordering = ["fuel", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["fuel", "valid_from"], name="markets_emissionfactor_start"
            ),
            # Beside the service's check: two that never end are never right.
            models.UniqueConstraint(
                fields=["fuel"],
                condition=models.Q(valid_to=None),
                name="markets_emissionfactor_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(lifecycle_g_per_kwh__gte=0, direct_g_per_kwh__gte=0)
                & (models.Q(valid_to=None) | models.Q(valid_to__gt=models.F("valid_from"))),
                name="markets_emissionfactor_figures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fuel} {self.valid_from:%Y-%m-%d}"


class IslandPriceSlot(models.Model):
    """Why the price of a quarter hour is what its series say, as of its last computation.

    `reasons` are [code, subject] in the order of the parts; `tried` the bases asked.
    """

    pricing = models.ForeignKey(
        IslandPricing, on_delete=models.CASCADE, related_name="slots", verbose_name=_("area")
    )
    start = models.DateTimeField(_("start"))
    base_source = models.CharField(_("base"), max_length=16, choices=BaseSource.choices)
    tried = models.JSONField(_("bases asked"), default=list)
    reasons = models.JSONField(_("reasons"), default=list)
    quality = models.CharField(_("quality"), max_length=12, choices=Quality.choices)
    intensity_g_per_kwh = _price(_("CO2 intensity (g/kWh)"), null=True, blank=True)
    intensity_quality = models.CharField(
        _("quality of the intensity"), max_length=12, choices=Quality.choices, blank=True
    )
    pv_mw = _price(_("PV forecast (MW)"), null=True, blank=True)
    pv_quality = models.CharField(
        _("quality of the PV forecast"), max_length=12, choices=Quality.choices, blank=True
    )
    computed_at = models.DateTimeField(_("computed at"))

    class Meta:
        verbose_name = _("priced slot")
        verbose_name_plural = _("priced slots")
        ordering = ["pricing", "-start"]
        constraints = [
            models.UniqueConstraint(
                fields=["pricing", "start"], name="markets_islandpriceslot_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%MZ}"
