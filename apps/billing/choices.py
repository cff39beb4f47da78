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


class TariffType(TextChoices):
    """TariffType (OCPI 2.2.1 §11.4.7)."""

    REGULAR = "REGULAR", _("Regular")
    AD_HOC_PAYMENT = "AD_HOC_PAYMENT", _("Payment without a contract")
    PROFILE_CHEAP = "PROFILE_CHEAP", _("Charging profile: cheap")
    PROFILE_FAST = "PROFILE_FAST", _("Charging profile: fast")
    PROFILE_GREEN = "PROFILE_GREEN", _("Charging profile: green")


class TariffState(TextChoices):
    """A draft changes, an issued version never does."""

    DRAFT = "draft", _("Draft")
    ISSUED = "issued", _("Issued")


class AssignmentScope(TextChoices):
    """What a tariff is assigned to; the names are those of the fields that point at it."""

    TOKEN_GROUP = "token_group", _("Token group")  # noqa: S105 - the name of a field
    ACCOUNT = "account", _("Customer or partner")
    CONNECTOR = "connector", _("Connector")
    EVSE = "evse", _("EVSE")
    STATION = "station", _("Charging station")
    SITE = "site", _("Site")
    OPERATOR = "operator", _("Whole operator")


class ExceptionKind(TextChoices):
    """Why somebody should look at a session or its CDR before money moves."""

    NO_TARIFF = "no_tariff", _("No tariff")
    NOT_PRICED = "not_priced", _("Tariff cannot be applied")
    METER_BACKWARDS = "meter_backwards", _("Meter ran backwards")
    ENERGY_JUMP = "energy_jump", _("More energy than the station can give")
    CLOCK = "clock", _("Impossible times")
    ZERO_ENERGY = "zero_energy", _("No energy")
    OVERLAPPING = "overlapping", _("Overlaps another session")
    NEGATIVE_AMOUNT = "negative_amount", _("Negative amount")
    SESSION_CHANGED = "session_changed", _("Session changed after its CDR")

    @classmethod
    def doubts(cls) -> tuple["ExceptionKind", ...]:
        """Those that the session itself shows, under the names of `Session.doubts`."""
        return cls.METER_BACKWARDS, cls.ENERGY_JUMP, cls.CLOCK

    @classmethod
    def blocking(cls) -> tuple["ExceptionKind", ...]:
        """Those without whose resolution no CDR is issued."""
        return (cls.NO_TARIFF, cls.NOT_PRICED, *cls.doubts())


class ExceptionState(TextChoices):
    """Whether somebody still has to look."""

    OPEN = "open", _("Open")
    RESOLVED = "resolved", _("Resolved")


class Resolution(TextChoices):
    """What was done about an exception or a finding."""

    RETRY = "retry", _("Issue the CDR now")
    BILL_AS_IS = "bill_as_is", _("Bill it as it stands")
    BILL_CORRECTED = "bill_corrected", _("Bill corrected figures")
    DO_NOT_BILL = "do_not_bill", _("Do not bill it")
    REISSUE = "reissue", _("Credit and issue anew")
    ACCEPT = "accept", _("Accept it")
    SOLVED = "solved", _("Solved by itself")


class RunState(TextChoices):
    """How far a reconciliation is."""

    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Failed")


class RunPhase(TextChoices):
    """What a reconciliation compares at the moment, in this order."""

    SESSIONS = "sessions", _("Sessions and their CDRs")
    METERS = "meters", _("CDRs and meters")
    PRICES = "prices", _("Prices")
    COPIES = "copies", _("Partners' copies")


class FindingKind(TextChoices):
    """What does not agree."""

    MISSING_CDR = "missing_cdr", _("Session without a CDR")
    DUPLICATE_CDR = "duplicate_cdr", _("Billed twice")
    ORPHAN_CDR = "orphan_cdr", _("CDR without a finished session")
    ENERGY_OVER = "energy_over", _("More energy billed than measured")
    ENERGY_UNDER = "energy_under", _("Less energy billed than measured")
    TIMES_DIFFER = "times_differ", _("Other times than the session")
    PRICE_DRIFT = "price_drift", _("Price is not that of its tariff")
    CREDIT_DIFFERS = "credit_differs", _("Credit does not undo its CDR")
    MISSING_COPY = "missing_copy", _("Partner has no copy")
    ORPHAN_COPY = "orphan_copy", _("Partner's copy of no CDR of ours")
    COPY_DIFFERS = "copy_differs", _("Total differs at the partner")
    RECEIVED_DIFFERS = "received_differs", _("Partner's CDR is not priced as agreed")


class AuthMethod(TextChoices):
    """AuthMethod (OCPI 2.2.1 §10.4.1)."""

    AUTH_REQUEST = "AUTH_REQUEST", _("Asked of the token's issuer")
    COMMAND = "COMMAND", _("By a command")
    WHITELIST = "WHITELIST", _("By a known token")


class SepaKind(TextChoices):
    """Which way the money goes."""

    DEBIT = "debit", _("Direct debit (pain.008)")
    CREDIT = "credit", _("Credit transfer (pain.001)")
