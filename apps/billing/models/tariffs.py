"""Tariffs."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Tariff(models.Model):
    """One flat price for a kWh; the newest one that was valid when a session started applies."""

    name = models.CharField(_("name"), max_length=100)
    currency = models.CharField(
        _("currency"),
        max_length=3,
        default="EUR",
        validators=[RegexValidator(r"^[A-Z]{3}$", _("An ISO 4217 code, such as EUR."))],
    )
    price_per_kwh_excl_vat = models.DecimalField(
        _("price of a kWh, excl. VAT"), max_digits=12, decimal_places=6
    )
    vat_percent = models.DecimalField(_("VAT (%)"), max_digits=5, decimal_places=2)
    valid_from = models.DateTimeField(_("valid from"), unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("tariff")
        verbose_name_plural = _("tariffs")
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(price_per_kwh_excl_vat__gte=0), name="tariff_price_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(vat_percent__range=(0, 100)), name="tariff_vat_percent_range"
            ),
            models.CheckConstraint(
                condition=Q(currency__regex="^[A-Z]{3}$"), name="tariff_currency_iso_4217"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.price_per_kwh_excl_vat.normalize():f} {self.currency}/kWh)"
