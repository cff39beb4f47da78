"""Invoices and credit notes: drafts that change, issued ones that never do."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import (
    BillingLanguage,
    DocumentKind,
    InvoiceKind,
    InvoiceState,
    TaxCategory,
)
from apps.billing.models.accounts import CURRENCY, BillingAccount
from apps.billing.models.cdrs import Cdr


class InvoiceSeries(models.Model):
    """A counter without gaps: its row is locked by whoever issues (CGI annex II, 242 nonies A)."""

    code = models.CharField(_("series"), max_length=20, unique=True)
    """Such as `INV-2026`: a new one each year and kind."""
    prefix = models.CharField(_("prefix"), max_length=20)
    last_number = models.PositiveIntegerField(_("last number"), default=0)
    last_issued_on = models.DateField(_("last issued on"), null=True, blank=True)

    class Meta:
        verbose_name = _("invoice series")
        verbose_name_plural = _("invoice series")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class Invoice(models.Model):
    """What an account owes for a month, or a credit note. PostgreSQL keeps issued ones as they are.

    Amounts of a credit note are positive, as on its paper; `sign` says which way they count.
    """

    kind = models.CharField(
        _("kind"), max_length=11, choices=InvoiceKind.choices, default=InvoiceKind.INVOICE
    )
    state = models.CharField(
        _("state"), max_length=6, choices=InvoiceState.choices, default=InvoiceState.DRAFT
    )
    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="invoices")
    month = models.DateField(_("month"))
    """Its first day."""
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY])
    language = models.CharField(_("language"), max_length=2, choices=BillingLanguage.choices)
    series = models.ForeignKey(
        InvoiceSeries, on_delete=models.PROTECT, null=True, blank=True, related_name="invoices"
    )
    number = models.PositiveIntegerField(_("number in the series"), null=True, blank=True)
    reference = models.CharField(_("invoice number"), max_length=40, null=True, blank=True)  # noqa: DJ001 - drafts have none, and it is unique
    issued_at = models.DateTimeField(_("issued at"), null=True, blank=True)
    issued_on = models.DateField(_("date of the invoice"), null=True, blank=True)
    due_on = models.DateField(_("due on"), null=True, blank=True)
    issued_by = models.CharField(_("issued by"), max_length=150, blank=True)
    """A name, not a key: an issued invoice is not touched when a user goes."""
    credits = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="credit_notes",
        verbose_name=_("credits"),
    )  # fmt: skip
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    seller = models.JSONField(_("seller"), default=dict, blank=True)
    """The issuer as it was when issued: the fields of PostalParty and Issuer."""
    buyer = models.JSONField(_("buyer"), default=dict, blank=True)
    taxes = models.JSONField(_("taxes"), default=list, blank=True)
    """One a rate: name, category, percent, basis, amount, legal_mention, exemption_code."""
    net = models.DecimalField(_("total excl. tax"), max_digits=14, decimal_places=2, default=0)
    tax = models.DecimalField(_("tax"), max_digits=14, decimal_places=2, default=0)
    gross = models.DecimalField(_("total incl. tax"), max_digits=14, decimal_places=2, default=0)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        ordering = ["-month", "-pk"]
        permissions = [
            ("issue_invoice", "Can issue invoices and credit notes"),
            ("close_month", "Can close a month"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="invoice_reference_once"),
            models.UniqueConstraint(fields=["series", "number"], name="invoice_number_once"),
            models.UniqueConstraint(
                fields=["account", "month", "currency"],
                condition=Q(state="draft", kind="invoice"),
                name="invoice_one_draft_a_month",
            ),
            models.UniqueConstraint(
                fields=["credits", "month"],
                condition=Q(state="draft", kind="credit_note"),
                name="invoice_one_draft_of_credits",
            ),
            models.CheckConstraint(condition=Q(gross=F("net") + F("tax")), name="invoice_adds_up"),
            models.CheckConstraint(
                condition=Q(
                    state="draft",
                    series__isnull=True,
                    number__isnull=True,
                    reference__isnull=True,
                    issued_at__isnull=True,
                )
                | Q(
                    state="issued",
                    series__isnull=False,
                    number__isnull=False,
                    reference__isnull=False,
                    issued_at__isnull=False,
                    issued_on__isnull=False,
                    due_on__isnull=False,
                ),
                name="invoice_issued_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(kind="invoice", credits__isnull=True) | Q(kind="credit_note"),
                name="invoice_credits_nothing",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "month"], name="invoice_account_month"),
            models.Index(fields=["due_on"], name="invoice_due"),
        ]

    def __str__(self) -> str:
        return self.reference or f"{self.get_kind_display()} {self.month:%Y-%m}"

    @property
    def sign(self) -> int:
        """1 for what is owed to us, -1 for what we give back."""
        return -1 if self.kind == InvoiceKind.CREDIT_NOTE else 1


class InvoiceLine(models.Model):
    """One line: net rounded once; tax is on the sum of each rate."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField(_("position"))
    description = models.CharField(_("description"), max_length=300)
    quantity = models.DecimalField(_("quantity"), max_digits=18, decimal_places=6, default=1)
    unit = models.CharField(_("unit (UN/ECE Rec 20)"), max_length=3, default="C62")
    """KWH, HUR, or C62 for pieces."""
    net = models.DecimalField(_("net"), max_digits=14, decimal_places=2)
    tax_name = models.CharField(_("tax"), max_length=60, blank=True)
    tax_category = models.CharField(_("tax category"), max_length=2, choices=TaxCategory.choices)
    tax_percent = models.DecimalField(_("tax rate (%)"), max_digits=6, decimal_places=3)
    exemption_code = models.CharField(max_length=30, blank=True, editable=False)
    legal_mention = models.CharField(_("legal mention"), max_length=400, blank=True)
    sessions_count = models.PositiveIntegerField(_("sessions"), default=0)

    class Meta:
        verbose_name = _("invoice line")
        verbose_name_plural = _("invoice lines")
        ordering = ["invoice", "position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position"),
        ]

    def __str__(self) -> str:
        return self.description


class InvoiceCdr(models.Model):
    """A CDR on an invoice; one CDR is on one invoice (a credit CDR on a credit note)."""

    line = models.ForeignKey(InvoiceLine, on_delete=models.CASCADE, related_name="cdrs")
    cdr = models.OneToOneField(Cdr, on_delete=models.PROTECT, related_name="on_invoice")
    net = models.DecimalField(_("net"), max_digits=14, decimal_places=4)

    class Meta:
        verbose_name = _("CDR on an invoice")
        verbose_name_plural = _("CDRs on invoices")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.cdr}"


class InvoiceDocument(models.Model):
    """A paper of an invoice as it was sent: kept as bytes, never made anew."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(_("kind"), max_length=10, choices=DocumentKind.choices)
    file_name = models.CharField(_("file name"), max_length=120)
    media_type = models.CharField(_("media type"), max_length=60)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    content = models.BinaryField(editable=False)
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)

    class Meta:
        verbose_name = _("invoice document")
        verbose_name_plural = _("invoice documents")
        ordering = ["invoice", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "kind"], name="invoice_document_once"),
        ]

    def __str__(self) -> str:
        return self.file_name
