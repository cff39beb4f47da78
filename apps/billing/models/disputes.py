"""Disputes about what was billed, with every step that was taken."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import DisputeAct, DisputeReason, DisputeState
from apps.billing.models.accounts import CURRENCY, BillingAccount
from apps.billing.models.cdrs import Cdr
from apps.billing.models.invoices import Invoice, InvoiceLine
from apps.billing.models.settlements import PartnerCdr

UNDECIDED = (DisputeState.OPEN, DisputeState.ANSWERED)


class Dispute(models.Model):
    """Somebody says that a CDR, a line of an invoice or a partner's CDR is wrong.

    About a CDR or a line the customer or partner claims from us; about a partner's CDR we claim
    from them. Amounts include tax.
    """

    account = models.ForeignKey(
        BillingAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="disputes",
        verbose_name=_("account"),
    )  # fmt: skip
    cdr = models.ForeignKey(
        Cdr, on_delete=models.PROTECT, null=True, blank=True, related_name="disputes",
        verbose_name=_("CDR"),
    )  # fmt: skip
    invoice_line = models.ForeignKey(
        InvoiceLine, on_delete=models.PROTECT, null=True, blank=True, related_name="disputes",
        verbose_name=_("invoice line"),
    )  # fmt: skip
    partner_cdr = models.ForeignKey(
        PartnerCdr, on_delete=models.PROTECT, null=True, blank=True, related_name="disputes",
        verbose_name=_("partner's CDR"),
    )  # fmt: skip
    state = models.CharField(
        _("state"), max_length=15, choices=DisputeState.choices, default=DisputeState.OPEN
    )
    reason = models.CharField(_("reason"), max_length=15, choices=DisputeReason.choices)
    partner_reference = models.CharField(_("their reference"), max_length=60, blank=True)
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY])
    disputed_amount = models.DecimalField(_("amount billed"), max_digits=14, decimal_places=2)
    claimed_amount = models.DecimalField(_("claimed"), max_digits=14, decimal_places=2)
    granted_amount = models.DecimalField(
        _("granted"), max_digits=14, decimal_places=2, null=True, blank=True
    )
    credit_cdr = models.OneToOneField(
        Cdr, on_delete=models.PROTECT, null=True, blank=True, related_name="of_dispute",
        verbose_name=_("credit CDR"),
    )  # fmt: skip
    corrected_cdr = models.OneToOneField(
        Cdr, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("corrected CDR"),
    )  # fmt: skip
    credit_note = models.OneToOneField(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="of_dispute",
        verbose_name=_("credit note"),
    )  # fmt: skip
    answer_by = models.DateField(_("answer by"), null=True, blank=True)
    opened_at = models.DateTimeField(_("opened at"))
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("opened by"),
    )  # fmt: skip
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering = ["-opened_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(cdr__isnull=False, invoice_line__isnull=True, partner_cdr__isnull=True)
                | Q(cdr__isnull=True, invoice_line__isnull=False, partner_cdr__isnull=True)
                | Q(cdr__isnull=True, invoice_line__isnull=True, partner_cdr__isnull=False),
                name="dispute_about_one_thing",
            ),
            *(
                models.UniqueConstraint(
                    fields=[field],
                    condition=Q(state__in=("open", "answered")),
                    name=f"dispute_open_once_{field}",
                )
                for field in ("cdr", "invoice_line", "partner_cdr")
            ),
            models.CheckConstraint(
                condition=Q(claimed_amount__gte=0)
                & (
                    Q(granted_amount__isnull=True)
                    | Q(granted_amount__gte=0, granted_amount__lte=F("disputed_amount"))
                ),
                name="dispute_amounts",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("open", "answered"), decided_at__isnull=True)
                | Q(
                    ~Q(state__in=("open", "answered")),
                    decided_at__isnull=False,
                    granted_amount__isnull=False,
                ),
                name="dispute_decided_is_whole",
            ),
        ]
        indexes = [models.Index(fields=["state", "-opened_at"], name="dispute_state_opened")]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    @property
    def is_undecided(self) -> bool:
        return self.state in UNDECIDED


class DisputeEvent(models.Model):
    """One step of a dispute; added, never changed."""

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="events")
    act = models.CharField(_("step"), max_length=15, choices=DisputeAct.choices)
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("by"),
    )  # fmt: skip
    by_name = models.CharField(_("by"), max_length=150, blank=True)
    """Kept when the user goes; a partner's name where their machine did it."""
    text = models.TextField(_("text"), blank=True)
    amount = models.DecimalField(
        _("amount"), max_digits=14, decimal_places=2, null=True, blank=True
    )

    class Meta:
        verbose_name = _("step of a dispute")
        verbose_name_plural = _("steps of disputes")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_act_display()}"
