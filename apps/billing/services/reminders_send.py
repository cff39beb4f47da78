"""Hand a reminder to the mail server, once."""

import logging
import smtplib
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from apps.billing.choices import DocumentKind, ReminderState
from apps.billing.models import InvoiceDocument, Reminder
from apps.billing.selectors.reminders import reminder_preview
from apps.billing.services.reminders import local_day, reminder_locked, reminders_make
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 5
LONGEST_ERROR = 300
MOST_AT_ONCE = 50
HINDRANCES = {
    "paid": "The invoice is paid.",
    "disputed": "The invoice is disputed.",
    "no_text": "The level has no text.",
    "no_address": "The account has no e-mail address: print it and mark it as sent.",
    "no_mail_server": "No mail server is configured: nothing was sent.",
}


def reminder_send(*, reminder_id: int, now: datetime, by_id: int | None = None) -> Reminder:
    """The reminder after the mail server took or refused it.

    DomainError `reminder.*` when it cannot go: it was sent, is paid, disputed, has no address, or
    no mail server is configured. Call it outside a transaction: that it is being sent must be on
    record before the server is asked. A server that is away leaves it proposed.
    """
    mail = _begin(reminder_id, now, by_id)
    connection: BaseEmailBackend = get_connection()
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as err:
        return _ended(reminder_id, ReminderState.PROPOSED, err)
    mail.connection = connection
    try:
        mail.send()
    except smtplib.SMTPServerDisconnected as err:
        # It may have been taken before the line broke: in doubt, for a person to decide.
        return _ended(reminder_id, ReminderState.SENDING, err)
    except smtplib.SMTPResponseException as err:
        is_for_good = err.smtp_code >= 500
        state = ReminderState.FAILED if is_for_good else ReminderState.PROPOSED
        return _ended(reminder_id, state, err)
    except smtplib.SMTPException as err:
        return _ended(reminder_id, ReminderState.FAILED, err)
    except OSError as err:
        return _ended(reminder_id, ReminderState.SENDING, err)
    finally:
        connection.close()
    return _sent(reminder_id, now)


@transaction.atomic
def reminder_mark_sent(
    *, reminder_id: int, now: datetime, on_paper: bool, by_id: int | None = None
) -> Reminder:
    """A person says that it went out: on paper, or that a mail in doubt arrived."""
    reminder = reminder_locked(reminder_id)
    if reminder.state == ReminderState.SENT:
        return reminder
    if reminder.state != ReminderState.SENDING:
        # One in doubt said what it said, also when the invoice was paid since.
        _seal(reminder, now)
    reminder.state, reminder.sent_at, reminder.sent_by_id = ReminderState.SENT, now, by_id
    reminder.on_paper = on_paper
    reminder.last_error = ""
    reminder.save()
    return reminder


def reminders_send_automatic(*, now: datetime) -> int:
    """Propose what is due and send what its level sends without asking; how many were sent."""
    reminders_make(now=now)
    if not settings.MAIL_CONFIGURED:
        return 0
    waiting = Reminder.objects.filter(
        state=ReminderState.PROPOSED, is_automatic=True, attempts__lt=MOST_ATTEMPTS
    ).order_by("pk")
    sent = 0
    for reminder_id in list(waiting.values_list("pk", flat=True)[:MOST_AT_ONCE]):
        try:
            reminder = reminder_send(reminder_id=reminder_id, now=now)
        except DomainError as err:
            logger.info("reminder not sent reminder=%s code=%s", reminder_id, err.code)
            continue
        if reminder.state == ReminderState.SENT:
            sent += 1
        elif reminder.state == ReminderState.PROPOSED:
            # The server is away: the others wait for the next turn.
            break
    return sent


@transaction.atomic
def _begin(reminder_id: int, now: datetime, by_id: int | None) -> EmailMessage:
    reminder = reminder_locked(reminder_id)
    if reminder.state == ReminderState.SENT:
        raise DomainError("reminder.sent", "It was sent already.")
    if reminder.state != ReminderState.PROPOSED:
        raise DomainError("reminder.not_proposed", "Propose it again before it is sent.")
    hindrance = reminder_preview(reminder, on=local_day(now)).hindrance
    if hindrance:
        raise DomainError(f"reminder.{hindrance}", HINDRANCES[hindrance])
    _seal(reminder, now)
    reminder.state, reminder.sending_at = ReminderState.SENDING, now
    reminder.sent_by_id, reminder.attempts = by_id, reminder.attempts + 1
    reminder.last_error = ""
    reminder.save()
    return _mail(reminder)


def _seal(reminder: Reminder, now: datetime) -> None:
    """What it says and asks for, as of now."""
    preview = reminder_preview(reminder, on=local_day(now))
    if preview.open_amount <= 0:
        raise DomainError("reminder.paid", HINDRANCES["paid"])
    reminder.subject, reminder.body = preview.subject[:300], preview.body
    reminder.open_amount, reminder.days_overdue = preview.open_amount, preview.days_overdue
    reminder.address = preview.to


def _mail(reminder: Reminder) -> EmailMessage:
    mail = EmailMessage(
        subject=reminder.subject,
        body=reminder.body,
        to=[reminder.address],
        headers={"Auto-Submitted": "auto-generated"},
    )
    papers = {
        paper.kind: paper
        for paper in InvoiceDocument.objects.filter(
            invoice=reminder.invoice_id, kind__in=(DocumentKind.PDF, DocumentKind.FACTURX)
        )
    }
    paper = papers.get(DocumentKind.FACTURX) or papers.get(DocumentKind.PDF)
    if paper is not None:
        mail.attach(paper.file_name, bytes(paper.content), paper.media_type)
    return mail


@transaction.atomic
def _sent(reminder_id: int, now: datetime) -> Reminder:
    reminder = reminder_locked(reminder_id)
    reminder.state, reminder.sent_at = ReminderState.SENT, now
    reminder.save(update_fields=["state", "sent_at"])
    logger.info("reminder sent reminder=%s", reminder_id)
    return reminder


@transaction.atomic
def _ended(reminder_id: int, state: str, error: Exception) -> Reminder:
    logger.warning("reminder not sent reminder=%s state=%s error=%s", reminder_id, state, error)
    reminder = reminder_locked(reminder_id)
    reminder.state = state
    reminder.last_error = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    reminder.save(update_fields=["state", "last_error"])
    return reminder
