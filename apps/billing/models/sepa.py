"""Files for the bank: direct debits of customers, credit transfers to partners."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import SepaKind
from apps.billing.models.invoices import Invoice
from apps.billing.models.settlements import Settlement


class SepaBatch(models.Model):
    """A file that was made for the bank, kept as it was; the same key is the same file."""

    key = models.CharField(_("key"), max_length=64, unique=True)
    """The caller's: whoever asks twice gets the same file."""
    kind = models.CharField(_("kind"), max_length=6, choices=SepaKind.choices)
    message_id = models.CharField(_("message id"), max_length=35, unique=True)
    pays_on = models.DateField(_("payment day"))
    total = models.DecimalField(_("total"), max_digits=14, decimal_places=2)
    count = models.PositiveIntegerField(_("payments"))
    file_name = models.CharField(_("file name"), max_length=120)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    content = models.BinaryField(editable=False)
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("made by"),
    )  # fmt: skip

    class Meta:
        verbose_name = _("SEPA file")
        verbose_name_plural = _("SEPA files")
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return self.file_name


class SepaItem(models.Model):
    """One payment of a file. An invoice or a settlement is in one file unless that was dropped."""

    batch = models.ForeignKey(SepaBatch, on_delete=models.PROTECT, related_name="items")
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="sepa_items"
    )
    settlement = models.ForeignKey(
        Settlement, on_delete=models.PROTECT, null=True, blank=True, related_name="sepa_items"
    )
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    end_to_end_id = models.CharField(_("end-to-end id"), max_length=35)
    dropped_at = models.DateTimeField(_("dropped at"), null=True, blank=True)
    """Refused or sent back by the bank, or the file never went there: it may be tried again."""
    dropped_reason = models.CharField(_("dropped because"), max_length=200, blank=True)
    dropped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("dropped by"),
    )  # fmt: skip

    class Meta:
        verbose_name = _("payment of a SEPA file")
        verbose_name_plural = _("payments of SEPA files")
        ordering = ["batch", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(dropped_at__isnull=True),
                name="sepa_item_invoice_once",
            ),
            models.UniqueConstraint(
                fields=["settlement"],
                condition=Q(dropped_at__isnull=True),
                name="sepa_item_settlement_once",
            ),
            models.UniqueConstraint(fields=["end_to_end_id"], name="sepa_item_end_to_end_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="sepa_item_amount_positive"),
            models.CheckConstraint(
                condition=Q(invoice__isnull=False, settlement__isnull=True)
                | Q(invoice__isnull=True, settlement__isnull=False),
                name="sepa_item_one_paper",
            ),
        ]

    def __str__(self) -> str:
        return self.end_to_end_id
