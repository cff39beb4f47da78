"""States and kinds of billing, as people read them."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


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


class PaymentMethod(TextChoices):
    """How money moved."""

    TRANSFER = "transfer", _("Bank transfer")
    DIRECT_DEBIT = "direct_debit", _("Direct debit")
    CARD = "card", _("Card")
    CASH = "cash", _("Cash")
    REFUND = "refund", _("Refund")


class PaymentDirection(TextChoices):
    """Whether we received or gave."""

    IN = "in", _("Received")
    OUT = "out", _("Paid out")


class AllocationWay(TextChoices):
    """How a payment and a paper were brought together."""

    MANUAL = "manual", _("By hand")
    MATCH = "match", _("Accepted proposal")
    SET_OFF = "set_off", _("Set off")
    REFUND = "refund", _("Refund")
    RETURN = "return", _("Returned payment")


class StatementFormat(TextChoices):
    """Files of banks that are read."""

    CAMT053 = "camt053", _("CAMT.053 (XML)")
    CSV = "csv", _("CSV")


class BankLineState(TextChoices):
    """What became of a line of a bank statement."""

    TAKEN = "taken", _("Payment recorded")
    KNOWN = "known", _("Known from another statement")
    LEFT = "left", _("Left aside")
    BAD = "bad", _("Not readable")


class ReminderState(TextChoices):
    """How far a reminder is."""

    PROPOSED = "proposed", _("Proposed")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    DROPPED = "dropped", _("Dropped")


class ReminderAudience(TextChoices):
    """Whom a fee is asked of."""

    EVERYBODY = "everybody", _("Everybody")
    COMPANIES = "companies", _("Companies and partners")


class DisputeState(TextChoices):
    """How far a dispute is."""

    OPEN = "open", pgettext_lazy("dispute", "Open")
    ANSWERED = "answered", pgettext_lazy("dispute", "Answered")
    ACCEPTED = "accepted", pgettext_lazy("dispute", "Accepted")
    PARTLY_ACCEPTED = "partly_accepted", pgettext_lazy("dispute", "Partly accepted")
    REJECTED = "rejected", pgettext_lazy("dispute", "Rejected")
    WITHDRAWN = "withdrawn", pgettext_lazy("dispute", "Withdrawn")


class DisputeReason(TextChoices):
    """What is said to be wrong."""

    UNKNOWN_SESSION = "unknown_session", _("Session not known to the customer")
    ENERGY = "energy", _("Energy")
    DURATION = "duration", _("Duration")
    PRICE = "price", _("Price or tariff")
    TAX = "tax", _("Tax")
    DUPLICATE = "duplicate", _("Billed twice")
    FAULT = "fault", _("Fault of the station")
    OTHER = "other", pgettext_lazy("reason", "Other")


class DisputeAct(TextChoices):
    """What happened to a dispute."""

    OPENED = "opened", pgettext_lazy("dispute", "Opened")
    ANSWERED = "answered", pgettext_lazy("dispute", "Answered")
    REPLIED = "replied", pgettext_lazy("dispute", "Replied")
    NOTED = "noted", _("Note")
    ACCEPTED = "accepted", pgettext_lazy("dispute", "Accepted")
    PARTLY_ACCEPTED = "partly_accepted", pgettext_lazy("dispute", "Partly accepted")
    REJECTED = "rejected", pgettext_lazy("dispute", "Rejected")
    WITHDRAWN = "withdrawn", pgettext_lazy("dispute", "Withdrawn")
