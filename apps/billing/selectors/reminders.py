"""Reads of reminders: what they say, and which invoices are not reminded of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db.models import QuerySet

from apps.billing.choices import AccountKind, DisputeState, ReminderAudience, ReminderState
from apps.billing.models import (
    BillingAccount,
    Dispute,
    Invoice,
    Issuer,
    Reminder,
    ReminderLevel,
    ReminderText,
)
from apps.billing.reminder_words import amount_words, day_words, words_filled
from apps.billing.selectors.balances import open_amount

UNDECIDED = (DisputeState.OPEN, DisputeState.ANSWERED)


@dataclass(frozen=True, slots=True)
class ReminderPreview:
    """A reminder as it would go out now; amounts in `currency`."""

    reminder: Reminder
    to: str
    subject: str
    body: str
    open_amount: Decimal
    fee: Decimal
    days_overdue: int
    hindrance: str
    """Why it cannot go by e-mail now: a code, or nothing."""


def reminder_rows() -> QuerySet[Reminder]:
    """Reminders with their invoice, account and sender."""
    return Reminder.objects.select_related("invoice__account", "sent_by")


def reminder_preview(reminder: Reminder, *, on: date) -> ReminderPreview:
    """What the reminder says: once sent as it was sent, before with the figures of the day."""
    if reminder.state in (ReminderState.SENT, ReminderState.SENDING) and reminder.body:
        return ReminderPreview(
            reminder, reminder.address, reminder.subject, reminder.body, reminder.open_amount,
            reminder.fee, reminder.days_overdue, "",
        )  # fmt: skip
    invoice = reminder.invoice
    amount = open_amount(invoice)
    days = (on - invoice.due_on).days if invoice.due_on else 0
    text = (
        ReminderText.objects.filter(level__level=reminder.level, language=reminder.language).first()
        or ReminderText.objects.filter(level__level=reminder.level).first()
    )
    figures = _figures(invoice, reminder, amount, days)
    return ReminderPreview(
        reminder=reminder,
        to=invoice.account.email,
        subject=" ".join(words_filled(text.subject, figures).split()) if text else "",
        body=words_filled(text.body, figures) if text else "",
        open_amount=amount,
        fee=reminder.fee,
        days_overdue=max(0, days),
        hindrance=_hindrance(invoice, amount, has_text=text is not None),
    )


def level_fee(level: ReminderLevel, invoice: Invoice, account: BillingAccount) -> Decimal:
    """The fee of a level for an invoice; zero for private people where it is for companies."""
    if level.fee_currency != invoice.currency:
        return Decimal(0)
    if level.fee_audience == ReminderAudience.COMPANIES and account.kind == AccountKind.PERSON:
        return Decimal(0)
    return level.fee


def invoices_disputed(invoice_ids: Iterable[int]) -> set[int]:
    """Which of these invoices have a dispute that is not decided, on a line or on a CDR."""
    keys = list(invoice_ids)
    disputes = Dispute.objects.filter(state__in=UNDECIDED)
    lines = disputes.filter(invoice_line__invoice__in=keys).values_list(
        "invoice_line__invoice_id", flat=True
    )
    cdrs = disputes.filter(cdr__on_invoice__line__invoice__in=keys).values_list(
        "cdr__on_invoice__line__invoice_id", flat=True
    )
    return {key for key in (*lines, *cdrs) if key is not None}


def _figures(invoice: Invoice, reminder: Reminder, amount: Decimal, days: int) -> dict[str, str]:
    language, currency = reminder.language, reminder.currency
    seller = invoice.seller if isinstance(invoice.seller, dict) else {}
    issuer = Issuer.objects.first()
    name = issuer.name if issuer else str(seller.get("name", ""))
    iban = issuer.iban if issuer else str(seller.get("iban", ""))
    return {
        "name": invoice.account.name,
        "issuer": name,
        "invoice": invoice.reference or "",
        "issued_on": day_words(invoice.issued_on, language),
        "due_on": day_words(invoice.due_on, language),
        "days": str(max(0, days)),
        "open": amount_words(amount, currency, language),
        "fee": amount_words(reminder.fee, currency, language),
        "total": amount_words(amount + reminder.fee, currency, language),
        "iban": iban,
    }


def _hindrance(invoice: Invoice, amount: Decimal, *, has_text: bool) -> str:
    if amount <= 0:
        return "paid"
    if invoices_disputed([invoice.pk]):
        return "disputed"
    if not has_text:
        return "no_text"
    if not invoice.account.email:
        return "no_address"
    return "" if settings.MAIL_CONFIGURED else "no_mail_server"
