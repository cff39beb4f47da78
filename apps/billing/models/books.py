"""Bookkeeping: which account and journal is used for what, and the entries that were booked."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import TaxCategory

ACCOUNT = RegexValidator(r"^[1-8][0-9A-Z]{2,19}$", _("An account such as 411000."))
JOURNAL = RegexValidator(r"^[A-Z0-9]{1,10}$", _("A journal such as VE."))


def _account(name: Any, number: str) -> "models.CharField[str, str]":
    return models.CharField(name, max_length=20, default=number, validators=[ACCOUNT])


def _journal(name: Any, code: str) -> "models.CharField[str, str]":
    return models.CharField(name, max_length=10, default=code, validators=[JOURNAL])


class BookSettings(models.Model):
    """The operator's accounts and journals; one row. The defaults are those of the French PCG."""

    customers = _account(_("customers"), "411000")
    suppliers = _account(_("suppliers"), "401000")
    sales = _account(_("sales of services"), "706000")
    tax_collected = _account(_("tax collected"), "445710")
    tax_deductible = _account(_("deductible tax"), "445660")
    purchases = _account(_("purchases of roaming"), "604000")
    hub_fees = _account(_("fees of hubs"), "622000")
    bank = _account(_("bank"), "512000")
    cards = _account(_("card payments"), "511500")
    cash = _account(_("cash"), "530000")
    suspense = _account(_("payments of unknown payers"), "471000")
    sales_journal = _journal(_("journal of sales"), "VE")
    purchases_journal = _journal(_("journal of purchases"), "AC")
    bank_journal = _journal(_("journal of the bank"), "BQ")
    general_journal = _journal(_("journal of other entries"), "OD")
    year_begins_in = models.PositiveSmallIntegerField(
        _("first month of the accounting year"), default=1,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
    )  # fmt: skip
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("bookkeeping settings")
        verbose_name_plural = _("bookkeeping settings")
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="book_settings_one_row"),
            models.CheckConstraint(
                condition=Q(year_begins_in__range=(1, 12)), name="book_settings_month"
            ),
        ]

    def __str__(self) -> str:
        return str(_("bookkeeping settings"))


class BookTaxAccounts(models.Model):
    """Accounts of their own for the sales of one tax category and rate."""

    category = models.CharField(_("tax category"), max_length=2, choices=TaxCategory.choices)
    percent = models.DecimalField(_("rate (%)"), max_digits=6, decimal_places=3)
    sales = models.CharField(_("sales of services"), max_length=20, validators=[ACCOUNT])
    tax_collected = models.CharField(
        _("tax collected"), max_length=20, blank=True, validators=[ACCOUNT]
    )

    class Meta:
        verbose_name = _("accounts of a tax rate")
        verbose_name_plural = _("accounts of tax rates")
        ordering = ["category", "percent"]
        constraints = [
            models.UniqueConstraint(fields=["category", "percent"], name="book_tax_accounts_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_category_display()} {self.percent.normalize():f} %"


class BookEntry(models.Model):
    """A booked entry of a journal, balanced, numbered without a break; PostgreSQL keeps it so.

    What is booked once is never changed: what turns out otherwise gets an entry of its own.
    """

    source = models.CharField(_("booked from"), max_length=60, unique=True)
    """Such as `invoice:12`: each thing is booked once."""
    journal = models.CharField(_("journal"), max_length=10)
    year = models.DateField(_("accounting year"))
    """Its first day."""
    number = models.PositiveIntegerField(_("number in journal and year"))
    on = models.DateField(_("date of the entry"))
    piece_reference = models.CharField(_("document"), max_length=100)
    piece_on = models.DateField(_("date of the document"))
    label = models.CharField(_("label"), max_length=200)
    lines = models.JSONField(_("lines"), default=list)
    """account, account_label, party_code, party_name, debit, credit, and in another currency
    currency and currency_amount; amounts in euros as text."""
    booked_at = models.DateTimeField(_("booked at"))

    class Meta:
        verbose_name = _("accounting entry")
        verbose_name_plural = _("accounting entries")
        ordering = ["journal", "year", "number"]
        constraints = [
            models.UniqueConstraint(fields=["journal", "year", "number"], name="book_entry_number"),
        ]
        indexes = [models.Index(fields=["on"], name="book_entry_on")]

    def __str__(self) -> str:
        return f"{self.journal} {self.year:%Y} {self.number}"
