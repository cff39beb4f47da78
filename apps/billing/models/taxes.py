"""Taxes by territory and date, and rates of exchange: rows, never constants."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.assets.models import Site
from apps.billing.choices import TaxCategory
from apps.billing.models.accounts import CURRENCY


class TaxRate(models.Model):
    """What is charged in a territory from a day on; a later row of the same code replaces it."""

    territory = models.CharField(_("territory"), max_length=5)
    code = models.CharField(_("tax"), max_length=20)
    """Such as `normal`, `reduced`, `tgca`."""
    name = models.CharField(_("name on papers"), max_length=60)
    """Such as TVA, VAT, TGCA."""
    category = models.CharField(_("category"), max_length=2, choices=TaxCategory.choices)
    percent = models.DecimalField(_("rate (%)"), max_digits=6, decimal_places=3)
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    """The first day on which it no longer holds."""
    legal_mention = models.JSONField(_("legal mention"), default=dict, blank=True)
    """By language: {"fr": "...", "en": "...", "es": "..."}."""
    exemption_code = models.CharField(_("exemption code (VATEX)"), max_length=30, blank=True)
    source = models.CharField(_("source"), max_length=300, blank=True)
    is_shipped = models.BooleanField(_("shipped with the product"), default=False, editable=False)

    class Meta:
        verbose_name = _("tax rate")
        verbose_name_plural = _("tax rates")
        ordering = ["territory", "code", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["territory", "code", "valid_from"], name="tax_rate_once_a_day"
            ),
            models.CheckConstraint(condition=Q(percent__range=(0, 100)), name="tax_rate_percent"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
                name="tax_rate_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.territory} {self.name} {self.percent.normalize():f} %"


class TaxPlace(models.Model):
    """A site whose taxes are not those of the operator's own territory."""

    site = models.OneToOneField(
        Site, verbose_name=_("site"), on_delete=models.CASCADE, related_name="tax_place"
    )
    territory = models.CharField(_("tax territory"), max_length=5)

    class Meta:
        verbose_name = _("tax territory of a site")
        verbose_name_plural = _("tax territories of sites")
        ordering = ["site"]

    def __str__(self) -> str:
        return f"{self.site}: {self.territory}"


class ExchangeRate(models.Model):
    """How many euros one unit of a currency is worth on a day, for the books."""

    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY])
    on = models.DateField(_("day"))
    euros = models.DecimalField(_("euros for one"), max_digits=18, decimal_places=9)
    source = models.CharField(_("source"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        ordering = ["currency", "-on"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "on"], name="exchange_rate_once_a_day"),
            models.CheckConstraint(condition=Q(euros__gt=0), name="exchange_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"1 {self.currency} = {self.euros.normalize():f} EUR"
