"""Charge detail records: written once, never changed."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.billing.models.tariffs import TariffVersion
from apps.chargers.models import Session, mask_token
from cariflex.common.errors import DomainError
from cariflex.common.ids import new_id


class Cdr(models.Model):
    """The charge detail record of one finished session; written once, never changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(_("reference"), max_length=40, unique=True)
    session = models.OneToOneField(
        Session, verbose_name=_("session"), on_delete=models.PROTECT, related_name="cdr"
    )
    station_id = models.CharField(_("station id"), max_length=48)
    station_name = models.CharField(_("station"), max_length=100, blank=True)
    commune = models.CharField(_("commune"), max_length=100, blank=True)
    evse_id = models.PositiveIntegerField(_("EVSE"), null=True, blank=True)
    transaction_id = models.CharField(_("transaction id"), max_length=36)
    id_token = models.CharField(_("token"), max_length=255, blank=True)
    id_token_type = models.CharField(_("token type"), max_length=20, blank=True)
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"))
    start_meter_kwh = models.DecimalField(
        _("meter at start (kWh)"), max_digits=24, decimal_places=9, null=True, blank=True
    )
    end_meter_kwh = models.DecimalField(
        _("meter at end (kWh)"), max_digits=24, decimal_places=9, null=True, blank=True
    )
    energy_kwh = models.DecimalField(_("energy (kWh)"), max_digits=24, decimal_places=9)
    tariff_version = models.ForeignKey(
        TariffVersion, verbose_name=_("tariff"), on_delete=models.PROTECT, related_name="cdrs"
    )
    tariff_name = models.CharField(_("tariff name"), max_length=100)
    price_per_kwh_excl_vat = models.DecimalField(
        _("price of a kWh, excl. VAT"), max_digits=12, decimal_places=6
    )
    vat_percent = models.DecimalField(_("VAT (%)"), max_digits=5, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    total_excl_vat = models.DecimalField(_("total excl. VAT"), max_digits=14, decimal_places=4)
    vat = models.DecimalField(_("VAT"), max_digits=14, decimal_places=4)
    total_incl_vat = models.DecimalField(_("total incl. VAT"), max_digits=14, decimal_places=4)
    explanation = models.CharField(_("how it was priced"), max_length=200)
    issued_at = models.DateTimeField(_("issued at"))

    class Meta:
        verbose_name = _("charge detail record")
        verbose_name_plural = _("charge detail records")
        ordering = ["-issued_at", "-id"]
        permissions = [("export_cdr", "Can export charge detail records")]
        constraints = [
            models.CheckConstraint(condition=Q(energy_kwh__gte=0), name="cdr_energy_not_negative"),
            models.CheckConstraint(
                condition=Q(total_incl_vat=F("total_excl_vat") + F("vat")), name="cdr_totals_add_up"
            ),
        ]
        indexes = [
            models.Index(fields=["issued_at", "id"], name="cdr_issued"),
            models.Index(fields=["ended_at"], name="cdr_ended"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def id_token_masked(self) -> str:
        return mask_token(self.id_token)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise DomainError("billing.cdr_immutable", "An issued CDR is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise DomainError("billing.cdr_immutable", "An issued CDR is never deleted.")
