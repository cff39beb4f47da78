"""States and kinds of billing, as people read them."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class AccountKind(TextChoices):
    """Who is billed."""

    PERSON = "person", _("Person")
    COMPANY = "company", _("Company")
    EMSP = "emsp", _("Roaming partner (eMSP)")
    CPO = "cpo", _("Roaming partner (CPO)")
    HUB = "hub", _("Roaming hub")


class TaxTreatment(TextChoices):
    """Which rule of tax an account falls under."""

    TERRITORY = "territory", _("Taxes of the charging place")
    REVERSE_CHARGE = "reverse_charge", _("Reverse charge")
    OUTSIDE = "outside", _("Outside the scope of tax")


class TaxCategory(TextChoices):
    """Categories of EN 16931 (UNCL 5305) that are used here."""

    STANDARD = "S", _("Standard rate")
    ZERO = "Z", _("Zero rate")
    EXEMPT = "E", _("Exempt")
    REVERSE_CHARGE = "AE", _("Reverse charge")
    OUTSIDE = "O", _("Outside the scope of tax")


class BillingLanguage(TextChoices):
    """Languages of papers."""

    FRENCH = "fr", _("French")
    ENGLISH = "en", _("English")
    SPANISH = "es", _("Spanish")


class InvoiceKind(TextChoices):
    """What the paper is."""

    INVOICE = "invoice", _("Invoice")
    CREDIT_NOTE = "credit_note", _("Credit note")


class InvoiceState(TextChoices):
    """A draft changes, an issued one never does."""

    DRAFT = "draft", _("Draft")
    ISSUED = "issued", _("Issued")


class DocumentKind(TextChoices):
    """Papers that are kept."""

    PDF = "pdf", _("PDF")
    FACTURX = "facturx", _("Factur-X (PDF/A-3)")
    XML = "xml", _("EN 16931 XML")


class PartnerCdrKind(TextChoices):
    """Whose CDR it is."""

    RECEIVED = "received", _("Theirs, for our customer")
    COPY = "copy", _("Their copy of ours")


class SettlementDirection(TextChoices):
    """Who owes."""

    RECEIVABLE = "receivable", _("They owe us")
    PAYABLE = "payable", _("We owe them")


class SettlementState(TextChoices):
    """How far a statement is."""

    DRAFT = "draft", _("Draft")
    CONFIRMED = "confirmed", _("Confirmed")
    DISPUTED = "disputed", _("Disputed")
