"""Photovoltaic plants as the forecast sees them: place, arrays, inverter."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.markets.pv.plant import (
    DEFAULT_LOSS_PERCENT,
    DEFAULT_POWER_COEFFICIENT_PERCENT_PER_C,
    MAX_PEAK_KWP,
)


def _within(field: str, low: float, high: float) -> models.Q:
    return models.Q(**{f"{field}__gte": low, f"{field}__lte": high})


class PvPlant(models.Model):
    """What the production of one PV device is reckoned from; its rules are `pv.plant.PvPlant`'s.

    Without a place of its own it stands where its device stands, else where the site does.
    """

    device = models.OneToOneField(
        "assets.Device", on_delete=models.CASCADE, related_name="pv_plant", verbose_name=_("device")
    )
    latitude = models.FloatField(
        _("latitude"), null=True, blank=True, help_text=_("Empty: the device's.")
    )
    longitude = models.FloatField(
        _("longitude"), null=True, blank=True, help_text=_("Empty: the device's.")
    )
    altitude_m = models.FloatField(_("altitude (m)"), default=0.0)
    inverter_limit_kw = models.FloatField(_("inverter limit (kW)"))
    loss_percent = models.FloatField(_("losses (%)"), default=DEFAULT_LOSS_PERCENT)
    power_coefficient_percent_per_c = models.FloatField(
        _("power coefficient (%/°C)"), default=DEFAULT_POWER_COEFFICIENT_PERCENT_PER_C
    )
    solcast_resource_id = models.CharField(
        _("Solcast resource"),
        max_length=32,
        blank=True,
        default="",
        help_text=_("Empty: the radiation of its cell is asked for."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("PV plant")
        verbose_name_plural = _("PV plants")
        ordering = ["device__code"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(latitude=None, longitude=None)
                # A CHECK lets pass what is neither true nor false: NULL must be named.
                | (
                    models.Q(latitude__isnull=False, longitude__isnull=False)
                    & _within("latitude", -90, 90)
                    & _within("longitude", -180, 180)
                ),
                name="markets_pvplant_place",
            ),
            models.CheckConstraint(
                condition=models.Q(inverter_limit_kw__gt=0, inverter_limit_kw__lte=MAX_PEAK_KWP),
                name="markets_pvplant_inverter_limit",
            ),
            models.CheckConstraint(
                condition=_within("loss_percent", 0, 99)
                & _within("power_coefficient_percent_per_c", -1, 0)
                & _within("altitude_m", -500, 9_000),
                name="markets_pvplant_figures",
            ),
        ]

    def __str__(self) -> str:
        return str(self.device)


class PvArray(models.Model):
    """Modules of one orientation of a plant; azimuth clockwise from north, 180 = south."""

    plant = models.ForeignKey(
        PvPlant, on_delete=models.CASCADE, related_name="arrays", verbose_name=_("PV plant")
    )
    tilt_degrees = models.FloatField(_("tilt (degrees)"))
    azimuth_degrees = models.FloatField(_("azimuth (degrees)"))
    peak_kwp = models.FloatField(_("peak power (kWp)"))

    class Meta:
        verbose_name = _("PV array")
        verbose_name_plural = _("PV arrays")
        ordering = ["plant", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=_within("tilt_degrees", 0, 90)
                & _within("azimuth_degrees", 0, 360)
                & models.Q(peak_kwp__gt=0, peak_kwp__lte=MAX_PEAK_KWP),
                name="markets_pvarray_within",
            )
        ]

    def __str__(self) -> str:
        return f"{self.peak_kwp:g} kWp, {self.tilt_degrees:g}°, {self.azimuth_degrees:g}°"
