"""Reminders of invoices that are overdue: levels and texts are rows, a reminder is sent once."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import BillingLanguage, ReminderAudience, ReminderState
from apps.billing.models.accounts import CURRENCY
from apps.billing.models.invoices import Invoice


class ReminderLevel(models.Model):
    """After how many days which reminder goes out, and what it costs."""

    level = models.PositiveSmallIntegerField(
        _("level"), unique=True, validators=[MinValueValidator(1)]
    )
    name = models.CharField(_("name"), max_length=60)
    days_after_due = models.PositiveSmallIntegerField(_("days after the due date"))
    days_after_previous = models.PositiveSmallIntegerField(
        _("days after the previous level"), default=7
    )
    least_amount = models.DecimalField(
        _("least open amount"), max_digits=14, decimal_places=2, default=0
    )
    fee = models.DecimalField(_("fee"), max_digits=14, decimal_places=2, default=0)
    fee_currency = models.CharField(
        _("currency of the fee"), max_length=3, default="EUR", validators=[CURRENCY]
    )
    """Invoices of other currencies are reminded without a fee."""
    fee_audience = models.CharField(
        _("fee for"), max_length=9, choices=ReminderAudience.choices,
        default=ReminderAudience.COMPANIES,
    )  # fmt: skip
    is_automatic = models.BooleanField(_("sent without asking"), default=False)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("reminder level")
        verbose_name_plural = _("reminder levels")
        ordering = ["level"]
        constraints = [
            models.CheckConstraint(
                condition=Q(fee__gte=0, least_amount__gte=0, level__gte=1),
                name="reminder_level_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level} {self.name}"


class ReminderText(models.Model):
    """The words of a level in one language; `{invoice}`, `{open}`, ... stand for figures."""

    level = models.ForeignKey(ReminderLevel, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(_("language"), max_length=2, choices=BillingLanguage.choices)
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"))

    class Meta:
        verbose_name = _("text of a reminder")
        verbose_name_plural = _("texts of reminders")
        ordering = ["level", "language"]
        constraints = [
            models.UniqueConstraint(fields=["level", "language"], name="reminder_text_once"),
        ]

    def __str__(self) -> str:
        return f"{self.level} {self.language}"


class Reminder(models.Model):
    """One reminder of one invoice at one level; what it said is kept with it."""

    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, related_name="reminders", verbose_name=_("invoice")
    )
    level = models.PositiveSmallIntegerField(_("level"))
    state = models.CharField(
        _("state"), max_length=8, choices=ReminderState.choices, default=ReminderState.PROPOSED
    )
    language = models.CharField(_("language"), max_length=2, choices=BillingLanguage.choices)
    address = models.EmailField(_("sent to"), blank=True)
    """Empty: there is no e-mail address, it goes on paper."""
    open_amount = models.DecimalField(_("open amount"), max_digits=14, decimal_places=2)
    fee = models.DecimalField(_("fee"), max_digits=14, decimal_places=2, default=0)
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY])
    days_overdue = models.PositiveIntegerField(_("days overdue"), default=0)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    body = models.TextField(_("text"), blank=True)
    is_automatic = models.BooleanField(_("sent without asking"), default=False)
    on_paper = models.BooleanField(_("on paper"), default=False)
    made_at = models.DateTimeField(_("made at"))
    sending_at = models.DateTimeField(_("handed over at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True,
        related_name="+", verbose_name=_("sent by"),
    )  # fmt: skip
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        ordering = ["-made_at", "-pk"]
        permissions = [("send_reminder", "Can send reminders")]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "level"], name="reminder_once_a_level"),
            models.CheckConstraint(
                condition=Q(fee__gte=0, open_amount__gt=0), name="reminder_amounts"
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="reminder_sent_when"
            ),
        ]
        indexes = [models.Index(fields=["state"], name="reminder_state")]

    def __str__(self) -> str:
        return f"{self.invoice} {self.level}"
