"""Payments, what they pay, and the bank statements that tell of them."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import (
    AllocationWay,
    BankLineState,
    PaymentDirection,
    PaymentMethod,
    StatementFormat,
)
from apps.billing.models.accounts import CURRENCY, BillingAccount
from apps.billing.models.invoices import Invoice
from apps.billing.models.reminders import Reminder
from apps.billing.models.settlements import Settlement


class Payment(models.Model):
    """Money that was received or paid out. `allocated` of it belongs to papers, the rest is free.

    Every writer of `allocated` holds the row's lock; PostgreSQL refuses more than the amount.
    """

    method = models.CharField(_("method"), max_length=12, choices=PaymentMethod.choices)
    direction = models.CharField(
        _("direction"), max_length=3, choices=PaymentDirection.choices, default=PaymentDirection.IN
    )
    account = models.ForeignKey(
        BillingAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="payments",
        verbose_name=_("account"),
    )  # fmt: skip
    """None until somebody knows whose it is."""
    paid_on = models.DateField(_("paid on"))
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY])
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    allocated = models.DecimalField(_("allocated"), max_digits=14, decimal_places=2, default=0)
    party_name = models.CharField(_("name at the bank"), max_length=200, blank=True)
    party_iban = models.CharField(_("IBAN"), max_length=34, blank=True)
    reference = models.CharField(_("payment reference"), max_length=500, blank=True)
    end_to_end_id = models.CharField(_("end-to-end id"), max_length=64, blank=True)
    external_id = models.CharField(_("external id"), max_length=100, null=True, blank=True)  # noqa: DJ001 - many have none, and it is unique
    """The same id is the same payment: a bank line, a card payment, a caller's own key."""
    set_aside_reason = models.CharField(_("not ours because"), max_length=200, blank=True)
    is_set_aside = models.BooleanField(_("set aside"), default=False)
    note = models.CharField(_("note"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("created by"),
    )  # fmt: skip

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-paid_on", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["external_id"], name="payment_external_id_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(allocated__gte=0, allocated__lte=F("amount")),
                name="payment_allocated_within_amount",
            ),
            models.CheckConstraint(
                condition=~Q(method="refund") | Q(direction="out"), name="payment_refund_goes_out"
            ),
        ]
        indexes = [
            models.Index(
                fields=["-paid_on", "-id"],
                condition=Q(allocated__lt=F("amount"), is_set_aside=False),
                name="payment_with_rest",
            ),
            models.Index(fields=["account", "-paid_on"], name="payment_account"),
        ]

    def __str__(self) -> str:
        return f"{self.paid_on:%Y-%m-%d} {self.amount} {self.currency}"

    @property
    def rest(self) -> Decimal:
        """What is not allocated yet."""
        return self.amount - self.allocated


class PaymentAllocation(models.Model):
    """An amount that goes from a source to a target.

    Source: a payment, or a paper on which the account has money to its credit (an invoice that was
    credited after it was paid, a free credit note, a settlement that we owe). Target: a paper, a
    reminder's fee, or the payment by which money goes back. One that was released counts no more.
    """

    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    from_invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="set_offs_given"
    )
    from_settlement = models.ForeignKey(
        Settlement, on_delete=models.PROTECT, null=True, blank=True, related_name="set_offs_given"
    )
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    settlement = models.ForeignKey(
        Settlement, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    reminder = models.ForeignKey(
        Reminder, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    given_back = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="gives_back"
    )
    """The payment out by which a payment in went back."""
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    way = models.CharField(_("how"), max_length=8, choices=AllocationWay.choices)
    note = models.CharField(_("reason"), max_length=300, blank=True)
    at = models.DateTimeField(_("at"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("by"),
    )  # fmt: skip
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("released by"),
    )  # fmt: skip
    release_reason = models.CharField(_("released because"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("allocation of a payment")
        verbose_name_plural = _("allocations of payments")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="allocation_amount_positive"),
            models.CheckConstraint(
                condition=Q(
                    payment__isnull=False, from_invoice__isnull=True, from_settlement__isnull=True
                )
                | Q(payment__isnull=True, from_invoice__isnull=False, from_settlement__isnull=True)
                | Q(payment__isnull=True, from_invoice__isnull=True, from_settlement__isnull=False),
                name="allocation_one_source",
            ),  # fmt: skip
            models.CheckConstraint(
                condition=Q(
                    invoice__isnull=False,
                    settlement__isnull=True,
                    reminder__isnull=True,
                    given_back__isnull=True,
                )
                | Q(
                    invoice__isnull=True,
                    settlement__isnull=False,
                    reminder__isnull=True,
                    given_back__isnull=True,
                )
                | Q(
                    invoice__isnull=True,
                    settlement__isnull=True,
                    reminder__isnull=False,
                    given_back__isnull=True,
                )
                | Q(
                    invoice__isnull=True,
                    settlement__isnull=True,
                    reminder__isnull=True,
                    given_back__isnull=False,
                ),
                name="allocation_one_target",
            ),  # fmt: skip
        ]

    def __str__(self) -> str:
        return f"{self.amount}"


class BankStatement(models.Model):
    """A file of a bank that was imported; the same bytes are imported once."""

    sha256 = models.CharField(_("SHA-256"), max_length=64, unique=True)
    format = models.CharField(_("format"), max_length=7, choices=StatementFormat.choices)
    file_name = models.CharField(_("file name"), max_length=200, blank=True)
    statement_ids = models.JSONField(_("statements in it"), default=list, blank=True)
    iban = models.CharField(_("our IBAN"), max_length=34, blank=True)
    opening_balance = models.DecimalField(
        _("balance before"), max_digits=14, decimal_places=2, null=True, blank=True
    )
    closing_balance = models.DecimalField(
        _("balance after"), max_digits=14, decimal_places=2, null=True, blank=True
    )
    balances_add_up = models.BooleanField(_("balances add up"), null=True, blank=True)
    """None where the file names no balances."""
    taken_count = models.PositiveIntegerField(_("payments"), default=0)
    known_count = models.PositiveIntegerField(_("known already"), default=0)
    left_count = models.PositiveIntegerField(_("left aside"), default=0)
    bad_count = models.PositiveIntegerField(_("not readable"), default=0)
    imported_at = models.DateTimeField(_("imported at"))
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("imported by"),
    )  # fmt: skip

    class Meta:
        verbose_name = _("bank statement")
        verbose_name_plural = _("bank statements")
        ordering = ["-imported_at", "-pk"]

    def __str__(self) -> str:
        return self.file_name or self.sha256[:12]


class BankLine(models.Model):
    """One entry of a statement, readable or not: nothing of a file is dropped."""

    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="lines")
    number = models.PositiveIntegerField(_("line"))
    """CSV: the line of the file; CAMT: the place of the entry (and its detail) in the file."""
    state = models.CharField(_("state"), max_length=5, choices=BankLineState.choices)
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    """What makes it the same booking in two statements that overlap."""
    booked_on = models.DateField(_("booked on"), null=True, blank=True)
    amount = models.DecimalField(
        _("amount"), max_digits=14, decimal_places=2, null=True, blank=True
    )
    """Negative: it left our bank account."""
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    party_name = models.CharField(_("name at the bank"), max_length=200, blank=True)
    party_iban = models.CharField(_("IBAN"), max_length=34, blank=True)
    reference = models.CharField(_("payment reference"), max_length=500, blank=True)
    end_to_end_id = models.CharField(_("end-to-end id"), max_length=64, blank=True)
    bank_reference = models.CharField(_("bank's reference"), max_length=64, blank=True)
    is_return = models.BooleanField(_("returned payment"), default=False)
    problem_code = models.CharField(_("problem"), max_length=40, blank=True)
    problem = models.CharField(_("why not"), max_length=300, blank=True)
    raw = models.TextField(_("as in the file"), blank=True)
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="bank_line"
    )

    class Meta:
        verbose_name = _("line of a bank statement")
        verbose_name_plural = _("lines of bank statements")
        ordering = ["statement", "number"]
        constraints = [
            models.UniqueConstraint(fields=["statement", "number"], name="bank_line_number"),
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=Q(state__in=("taken", "left")),
                name="bank_line_booked_once",
            ),
            models.CheckConstraint(
                condition=Q(state="taken", payment__isnull=False)
                | ~Q(state="taken") & Q(payment__isnull=True),
                name="bank_line_taken_has_payment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.statement} {self.number}"
