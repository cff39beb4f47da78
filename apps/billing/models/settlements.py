"""What we and roaming partners owe each other for a month, and months that are closed."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import PartnerCdrKind, SettlementDirection, SettlementState
from apps.billing.models.accounts import CURRENCY, BillingAccount
from apps.billing.models.cdrs import Cdr
from apps.billing.models.invoices import Invoice
from cariflex.common.exact_json import ExactDecoder, ExactEncoder


class PartnerCdr(models.Model):
    """A CDR as a partner has it: theirs for our customer, or their copy of one of ours.

    The OCPI module, a statement file or a person brings it; `content` is what arrived.
    """

    account = models.ForeignKey(
        BillingAccount, on_delete=models.PROTECT, related_name="partner_cdrs"
    )
    kind = models.CharField(_("kind"), max_length=8, choices=PartnerCdrKind.choices)
    partner_reference = models.CharField(_("partner's id"), max_length=39)
    cdr = models.ForeignKey(
        Cdr, on_delete=models.PROTECT, null=True, blank=True, related_name="partner_copies"
    )
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"))
    energy_kwh = models.DecimalField(_("energy (kWh)"), max_digits=24, decimal_places=9)
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY])
    net = models.DecimalField(_("total excl. tax"), max_digits=14, decimal_places=4)
    tax = models.DecimalField(_("tax"), max_digits=14, decimal_places=4, default=0)
    our_net = models.DecimalField(
        _("by our own rating"), max_digits=14, decimal_places=4, null=True, blank=True
    )
    is_credit = models.BooleanField(_("credit"), default=False)
    content = models.JSONField(
        _("as it arrived"), default=dict, blank=True, encoder=ExactEncoder, decoder=ExactDecoder
    )
    settlement = models.ForeignKey(
        "billing.Settlement", verbose_name=_("settlement"), on_delete=models.SET_NULL,
        null=True, blank=True, related_name="partner_cdrs",
    )  # fmt: skip
    """The statement that it is on; one that came too late for its month is on a later one."""
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("partner's CDR")
        verbose_name_plural = _("partners' CDRs")
        ordering = ["-received_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "partner_reference"], name="partner_cdr_once"
            ),
        ]
        indexes = [
            models.Index(fields=["ended_at"], name="partner_cdr_ended"),
            models.Index(Upper("partner_reference"), name="partner_cdr_reference"),
        ]

    def __str__(self) -> str:
        return self.partner_reference


class Settlement(models.Model):
    """The statement of a month with one partner, in one direction and currency."""

    account = models.ForeignKey(
        BillingAccount, on_delete=models.PROTECT, related_name="settlements"
    )
    month = models.DateField(_("month"))
    direction = models.CharField(_("direction"), max_length=10, choices=SettlementDirection.choices)
    state = models.CharField(
        _("state"), max_length=9, choices=SettlementState.choices, default=SettlementState.DRAFT
    )
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY])
    cdr_count = models.PositiveIntegerField(_("CDRs"), default=0)
    energy_kwh = models.DecimalField(_("energy (kWh)"), max_digits=24, decimal_places=9, default=0)
    net = models.DecimalField(_("net"), max_digits=14, decimal_places=2, default=0)
    tax = models.DecimalField(_("tax"), max_digits=14, decimal_places=2, default=0)
    hub_fee = models.DecimalField(_("hub fee"), max_digits=14, decimal_places=2, default=0)
    total = models.DecimalField(_("total"), max_digits=14, decimal_places=2, default=0)
    invoice = models.OneToOneField(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="settlement"
    )
    """Ours, for what they owe us."""
    partner_invoice_reference = models.CharField(_("partner's invoice"), max_length=60, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("settlement")
        verbose_name_plural = _("settlements")
        ordering = ["-month", "account", "direction", "currency"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "month", "direction", "currency"], name="settlement_once"
            ),
            models.CheckConstraint(
                condition=Q(total=F("net") + F("tax") - F("hub_fee"))
                | Q(total=F("net") + F("tax") + F("hub_fee")),
                name="settlement_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.month:%Y-%m} {self.get_direction_display()}"


class MonthClosing(models.Model):
    """A month that is closed: nothing is booked in it any more, corrections go to a later one."""

    month = models.DateField(_("month"), unique=True)
    closed_at = models.DateTimeField(_("closed at"))
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    totals = models.JSONField(_("totals"), default=dict, blank=True)
    """By currency: {"EUR": {"cdrs", "energy_kwh", "net", "tax", "gross", "invoices"}}."""

    class Meta:
        verbose_name = _("closed month")
        verbose_name_plural = _("closed months")
        ordering = ["-month"]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
