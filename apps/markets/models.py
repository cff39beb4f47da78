"""Price series of market areas, the documents they were read from and the access to the source."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.markets.choices import DeliveryStatus, DocumentStatus
from apps.tenants.fields import EncryptedTextField


class PriceSeries(models.Model):
    """The day-ahead prices of one market area (bidding zone) as one source publishes them."""

    area = models.CharField(_("market area (EIC)"), max_length=16)
    source = models.CharField(_("source"), max_length=16, default="entsoe")
    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    market_time_zone = models.CharField(
        _("time zone of the market day"), max_length=40, default="Europe/Paris"
    )

    class Meta:
        verbose_name = _("price series")
        verbose_name_plural = _("price series")
        constraints = [
            models.UniqueConstraint(
                fields=["area", "source"], name="markets_priceseries_area_source"
            )
        ]

    def __str__(self) -> str:
        return f"{self.area} ({self.source})"

    @property
    def market_zone(self) -> ZoneInfo:
        """The zone whose midnight starts a delivery day."""
        return ZoneInfo(self.market_time_zone)


class MarketCredentials(models.Model):
    """This operator's access to a price source: where it is and the token to present."""

    series = models.OneToOneField(
        PriceSeries, on_delete=models.CASCADE, related_name="credentials", verbose_name=_("series")
    )
    base_url = models.URLField(_("address"), max_length=300)
    token = EncryptedTextField(_("token"))
    enabled = models.BooleanField(_("enabled"), default=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("market access")
        verbose_name_plural = _("market accesses")

    def __str__(self) -> str:
        return str(self.series)


class DeliveryDay(models.Model):
    """One market day of a series: are its prices in, and when is the next attempt due?"""

    series = models.ForeignKey(
        PriceSeries,
        on_delete=models.CASCADE,
        related_name="delivery_days",
        verbose_name=_("series"),
    )
    day = models.DateField(_("delivery day"))
    status = models.CharField(
        _("status"),
        max_length=16,
        choices=DeliveryStatus.choices,
        default=DeliveryStatus.MISSING,
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"))
    last_attempt_at = models.DateTimeField(_("last attempt at"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("delivery day")
        verbose_name_plural = _("delivery days")
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(fields=["series", "day"], name="markets_deliveryday_series_day")
        ]

    def __str__(self) -> str:
        return f"{self.series} {self.day}"


class ImportedDocument(models.Model):
    """A document as received (raw, kept as evidence) and what became of it."""

    series = models.ForeignKey(
        PriceSeries, on_delete=models.CASCADE, related_name="documents", verbose_name=_("series")
    )
    day = models.DateField(_("delivery day"), null=True, blank=True)
    document_id = models.CharField(_("document"), max_length=64, blank=True, default="")
    revision = models.PositiveIntegerField(_("revision"), default=1)
    status = models.CharField(_("status"), max_length=16, choices=DocumentStatus.choices)
    error = models.CharField(_("error"), max_length=300, blank=True, default="")
    prices_new = models.PositiveIntegerField(_("new or changed prices"), default=0)
    times_received = models.PositiveIntegerField(_("times received"), default=1)
    received_at = models.DateTimeField(_("last received at"))
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    raw = models.BinaryField(_("document as received"))

    class Meta:
        verbose_name = _("imported document")
        verbose_name_plural = _("imported documents")
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["series", "day", "sha256"], name="markets_importeddocument_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.series} {self.day} {self.document_id}"


class PriceValue(models.Model):
    """The price of one quarter hour as published at one moment; the latest publication counts."""

    series = models.ForeignKey(PriceSeries, on_delete=models.CASCADE, related_name="values")
    start = models.DateTimeField(_("start"))
    price_eur_per_mwh = models.DecimalField(_("price (EUR/MWh)"), max_digits=12, decimal_places=5)
    published_at = models.DateTimeField(_("published at"))
    document = models.ForeignKey(
        ImportedDocument,
        on_delete=models.PROTECT,
        related_name="values",
        verbose_name=_("document"),
    )

    RESOLUTION = timedelta(minutes=15)

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        constraints = [
            models.UniqueConstraint(
                fields=["series", "start", "published_at"], name="markets_pricevalue_revision"
            )
        ]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%MZ} {self.price_eur_per_mwh} EUR/MWh"

    @property
    def end(self) -> datetime:
        """First instant this price no longer holds."""
        return self.start + self.RESOLUTION
