"""What stations know of customers, asked for on a customer's request (N09, N10)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import CustomerReference, UpkeepStatus
from apps.chargers.models.messages import Ordered
from apps.chargers.models.stations import ChargingStation
from apps.tenants.fields import EncryptedTextField


class CustomerInformation(Ordered):
    """One question to a station after a customer; what it told is personal and kept encrypted."""

    station = models.ForeignKey(
        ChargingStation,
        verbose_name=_("station"),
        on_delete=models.CASCADE,
        related_name="customer_information",
    )
    request_id = models.BigIntegerField(_("request id"))
    reference = models.CharField(
        _("customer named by"), max_length=19, choices=CustomerReference.choices
    )
    customer = models.CharField(_("customer"), max_length=80, blank=True)
    """Masked."""
    wants_report = models.BooleanField(_("report"), default=True)
    wants_clear = models.BooleanField(_("forget"), default=False)
    status = models.CharField(
        _("status"), max_length=8, choices=UpkeepStatus.choices, default=UpkeepStatus.REQUESTED
    )
    station_status = models.CharField(_("said by the station"), max_length=40, blank=True)
    parts = EncryptedTextField(_("told by the station"), blank=True, editable=False)
    """JSON: number of a part (seqNo) -> its text."""
    last_part = models.PositiveIntegerField(_("last part"), null=True, blank=True, editable=False)
    generated_at = models.DateTimeField(_("told at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("customer information")
        verbose_name_plural = _("customer information")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["station", "request_id"], name="customer_information_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.customer}".strip()
