"""What was expected, by whom, how good that was, and whose word is used."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.assets.models import Site
from apps.flexibility.choices import ForecastMethod, ForecastQuantity


class Forecast(models.Model):
    """One forecast of one quantity of a site: made once, never changed."""

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="forecasts", verbose_name=_("site")
    )
    quantity = models.CharField(_("quantity"), max_length=10, choices=ForecastQuantity.choices)
    method = models.CharField(_("method"), max_length=14, choices=ForecastMethod.choices)
    made_at = models.DateTimeField(_("made at"))
    """Nothing measured or published later is in it."""
    start = models.DateTimeField(_("start"))
    end = models.DateTimeField(_("end"))
    duration_s = models.FloatField(_("time taken (s)"), null=True, blank=True)
    points = models.JSONField(_("points"), default=list)
    """[[p50, p10, p90], ...] a quarter hour each from `start`; null where nothing is expected,
    p10 and p90 null where there is no band. kW (consumption positive), EUR/MWh or g/kWh."""

    class Meta:
        verbose_name = _("forecast")
        verbose_name_plural = _("forecasts")
        ordering = ["-made_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "quantity", "method", "made_at"], name="flexibility_forecast_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site} {self.quantity} {self.method} {self.made_at:%Y-%m-%dT%H:%MZ}"


class ForecastRun(models.Model):
    """The last time a method was tried for a quantity of a site, and what came of it."""

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="forecast_runs", verbose_name=_("site")
    )
    quantity = models.CharField(_("quantity"), max_length=10, choices=ForecastQuantity.choices)
    method = models.CharField(_("method"), max_length=14, choices=ForecastMethod.choices)
    tried_at = models.DateTimeField(_("tried at"))
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    reason_code = models.CharField(_("reason"), max_length=24, blank=True, default="")
    """Empty: it went well."""
    detail = models.CharField(_("detail"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("forecast attempt")
        verbose_name_plural = _("forecast attempts")
        constraints = [
            models.UniqueConstraint(
                fields=["site", "quantity", "method"], name="flexibility_forecastrun_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site} {self.quantity} {self.method}"


class ForecastSkill(models.Model):
    """How good a method was over the days before `computed_at`, for one span of horizons."""

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="forecast_skills", verbose_name=_("site")
    )
    quantity = models.CharField(_("quantity"), max_length=10, choices=ForecastQuantity.choices)
    method = models.CharField(_("method"), max_length=14, choices=ForecastMethod.choices)
    horizon_from_h = models.PositiveSmallIntegerField(_("horizon from (h)"))
    horizon_to_h = models.PositiveSmallIntegerField(_("horizon to (h)"))
    slot_count = models.PositiveIntegerField(_("slots"))
    mae = models.FloatField(_("mean absolute error"))
    bias = models.FloatField(_("bias"))
    rmse = models.FloatField(_("root mean square error"))
    in_band_share = models.FloatField(_("share within the band"), null=True, blank=True)
    computed_at = models.DateTimeField(_("computed at"))

    class Meta:
        verbose_name = _("forecast skill")
        verbose_name_plural = _("forecast skills")
        constraints = [
            models.UniqueConstraint(
                fields=["site", "quantity", "method", "horizon_from_h"],
                name="flexibility_forecastskill_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site} {self.quantity} {self.method} {self.horizon_from_h} h"


class ForecastChoice(models.Model):
    """The method whose forecasts the plans of a site use for a quantity."""

    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, related_name="forecast_choices", verbose_name=_("site")
    )
    quantity = models.CharField(_("quantity"), max_length=10, choices=ForecastQuantity.choices)
    method = models.CharField(_("method"), max_length=14, choices=ForecastMethod.choices)
    since = models.DateTimeField(_("since"))
    mae = models.FloatField(_("its mean absolute error"), null=True, blank=True)
    baseline_mae = models.FloatField(_("that of the baseline"), null=True, blank=True)

    class Meta:
        verbose_name = _("forecast in use")
        verbose_name_plural = _("forecasts in use")
        constraints = [
            models.UniqueConstraint(
                fields=["site", "quantity"], name="flexibility_forecastchoice_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site} {self.quantity}: {self.method}"
