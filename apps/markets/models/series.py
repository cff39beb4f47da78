"""Series of market areas, cells and plants: prices, mixes, intensities, weather, production."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.markets.choices import GapMethod, Quality, SeriesKind


class Series(models.Model):
    """What one source tells of one area: one value a slot, each with its revisions."""

    kind = models.CharField(
        _("kind"), max_length=24, choices=SeriesKind.choices, default=SeriesKind.PRICE
    )
    area = models.CharField(
        _("area"), max_length=40, help_text=_("EIC code, island, weather cell or plant")
    )
    source = models.CharField(_("source"), max_length=16, default="entsoe")
    variant = models.CharField(
        _("variant"),
        max_length=24,
        blank=True,
        default="",
        help_text=_("fuel, percentile or nothing"),
    )
    unit = models.CharField(_("unit"), max_length=12, default="EUR/MWh")
    resolution_s = models.PositiveIntegerField(_("resolution (s)"), default=900)
    currency = models.CharField(_("currency"), max_length=3, default="EUR", blank=True)
    market_time_zone = models.CharField(
        _("time zone of the delivery day"), max_length=40, default="Europe/Paris"
    )
    is_leading = models.BooleanField(
        _("leading"),
        default=False,
        help_text=_("the one of its kind that plans, tariffs and pages use"),
    )

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")
        ordering = ["kind", "area", "source", "variant"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "area", "source", "variant"], name="markets_series_once"
            ),
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(is_leading=True),
                name="markets_series_one_leads",
            ),
            models.CheckConstraint(
                condition=models.Q(resolution_s__gte=900), name="markets_series_resolution"
            ),
        ]

    def __str__(self) -> str:
        name = " ".join(part for part in (self.area, self.variant) if part)
        return f"{name} ({self.source})"

    @property
    def market_zone(self) -> ZoneInfo:
        """The zone whose midnight starts a delivery day."""
        return ZoneInfo(self.market_time_zone)

    @property
    def resolution(self) -> timedelta:
        """The length of a slot."""
        return timedelta(seconds=self.resolution_s)


class SeriesValue(models.Model):
    """The value of one slot as published at one moment; every publication stays.

    `origin` is the word for where a value of a chain comes from (a feed, a rule).
    """

    series = models.ForeignKey(
        Series, on_delete=models.CASCADE, related_name="values", verbose_name=_("series")
    )
    start = models.DateTimeField(_("start"))
    value = models.DecimalField(_("value"), max_digits=14, decimal_places=5)
    quality = models.CharField(
        _("quality"), max_length=12, choices=Quality.choices, default=Quality.ACTUAL
    )
    origin = models.CharField(_("origin"), max_length=24, blank=True, default="")
    published_at = models.DateTimeField(_("published at"))
    document = models.ForeignKey(
        "markets.ImportedDocument",
        on_delete=models.PROTECT,
        related_name="values",
        null=True,
        blank=True,
        verbose_name=_("document"),
    )

    class Meta:
        verbose_name = _("value")
        verbose_name_plural = _("values")
        constraints = [
            models.UniqueConstraint(
                fields=["series", "start", "published_at"], name="markets_seriesvalue_revision"
            )
        ]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%MZ} {self.value}"

    @property
    def end(self) -> datetime:
        """First instant this value no longer holds."""
        return self.start + self.series.resolution


class FallbackStep(models.Model):
    """One step of the chain that fills the gaps of a series; the lowest position is tried first.

    A series without steps is filled from earlier days.
    """

    series = models.ForeignKey(
        Series, on_delete=models.CASCADE, related_name="fallback_steps", verbose_name=_("series")
    )
    position = models.PositiveSmallIntegerField(_("position"))
    method = models.CharField(_("method"), max_length=16, choices=GapMethod.choices)
    other = models.ForeignKey(
        Series,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("other series"),
    )

    class Meta:
        verbose_name = _("fallback step")
        verbose_name_plural = _("fallback steps")
        ordering = ["series", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["series", "position"], name="markets_fallbackstep_position"
            ),
            models.CheckConstraint(
                condition=models.Q(method=GapMethod.SERIES, other__isnull=False)
                | models.Q(method=GapMethod.EARLIER_DAYS, other__isnull=True),
                name="markets_fallbackstep_other",
            ),
            models.CheckConstraint(
                condition=~models.Q(other=models.F("series")),
                name="markets_fallbackstep_not_itself",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.series} {self.position}: {self.method}"
