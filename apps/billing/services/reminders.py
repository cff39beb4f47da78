"""Reminders of overdue invoices: proposed by the levels, sent once.

A reminder is marked as being sent, and that is committed, before the mail server is asked. Whoever
is killed after that leaves it so, in doubt: it is never sent again unless a person says so.
"""

import logging
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from django.db import transaction

from apps.billing.choices import BillingLanguage, ReminderState
from apps.billing.models import Invoice, Issuer, Reminder, ReminderLevel, ReminderText
from apps.billing.reminder_words import words_check
from apps.billing.selectors.balances import overdue_papers
from apps.billing.selectors.reminders import invoices_disputed, level_fee
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

SHIPPED = Path(__file__).resolve().parent.parent / "data" / "reminders.yaml"
_BATCH = 500
OPEN_STATES = (ReminderState.PROPOSED, ReminderState.SENDING, ReminderState.FAILED)


@transaction.atomic
def reminder_levels_load() -> int:
    """The proposed levels with their texts, where there are none yet; how many were added.

    A level that exists is the operator's own and stays as it is.
    """
    added = 0
    for shipped in yaml.safe_load(SHIPPED.read_text(encoding="utf-8")):
        texts = shipped.pop("texts")
        level, created = ReminderLevel.objects.get_or_create(
            level=shipped.pop("level"), defaults=shipped
        )
        if not created:
            continue
        added += 1
        for language, text in texts.items():
            ReminderText.objects.create(level=level, language=language, **text)
    return added


@transaction.atomic
def reminder_text_save(*, level_id: int, language: str, subject: str, body: str) -> ReminderText:
    """The words of a level in a language. DomainError `reminder.*` for what stands for nothing."""
    if language not in BillingLanguage.values:
        raise DomainError("reminder.language", "French, English or Spanish.", field="language")
    for field, words in (("subject", subject), ("body", body)):
        if not words.strip():
            raise DomainError("reminder.empty", "Write something.", field=field)
        words_check(words, field=field)
    text, _created = ReminderText.objects.update_or_create(
        level_id=level_id, language=language, defaults={"subject": subject, "body": body}
    )
    return text


def reminders_make(*, now: datetime) -> int:
    """Propose the reminders that are due; how many are new.

    One at a time for an invoice: the next level is proposed once the one before was sent (or
    dropped) long enough ago. Disputed invoices wait. Proposals for what was paid or disputed since
    go away.
    """
    levels = list(ReminderLevel.objects.filter(is_active=True).order_by("level"))
    _stale_remove(now)
    made = after = 0
    while levels:
        papers = overdue_papers(on=local_day(now), after=after, limit=_BATCH)
        if not papers:
            break
        after = max(papers)
        invoices = list(
            Invoice.objects.filter(pk__in=papers).select_related("account").order_by("pk")
        )
        disputed = invoices_disputed(papers)
        last: dict[int, Reminder] = {}
        for reminder in Reminder.objects.filter(invoice__in=papers).order_by("level"):
            last[reminder.invoice_id] = reminder
        wanted = [
            _reminder(invoice, level, papers[invoice.pk], now)
            for invoice in invoices
            if invoice.pk not in disputed
            and (level := _level_due(invoice, last.get(invoice.pk), levels, now)) is not None
            and papers[invoice.pk] >= level.least_amount
        ]
        # Two at once propose the same ones: the unique level of an invoice keeps one.
        Reminder.objects.bulk_create(wanted, ignore_conflicts=True)
        made += Reminder.objects.filter(
            invoice__in=[one.invoice_id for one in wanted], made_at=now
        ).count()
    return made


@transaction.atomic
def reminder_drop(*, reminder_id: int) -> Reminder:
    """Do not send it; the next level comes in its time."""
    reminder = reminder_locked(reminder_id)
    if reminder.state == ReminderState.SENT:
        raise DomainError("reminder.sent", "It was sent already.")
    reminder.state = ReminderState.DROPPED
    reminder.save(update_fields=["state"])
    return reminder


@transaction.atomic
def reminder_retry(*, reminder_id: int) -> Reminder:
    """Propose it again: it failed, was dropped, or somebody knows that it did not arrive."""
    reminder = reminder_locked(reminder_id)
    if reminder.state == ReminderState.SENT:
        raise DomainError("reminder.sent", "It was sent already.")
    reminder.state, reminder.last_error = ReminderState.PROPOSED, ""
    reminder.save(update_fields=["state", "last_error"])
    return reminder


def reminder_locked(reminder_id: int) -> Reminder:
    """The reminder with its row lock; DomainError when there is none."""
    reminder = Reminder.objects.select_for_update().filter(pk=reminder_id).first()
    if reminder is None:
        raise DomainError("reminder.unknown", "There is no such reminder.")
    return reminder


def _level_due(
    invoice: Invoice, last: Reminder | None, levels: list[ReminderLevel], now: datetime
) -> ReminderLevel | None:
    if last is not None and last.state in OPEN_STATES:
        return None
    level = next((one for one in levels if last is None or one.level > last.level), None)
    if level is None or invoice.due_on is None:
        return None
    if (local_day(now) - invoice.due_on).days < level.days_after_due:
        return None
    if last is not None:
        since = last.sent_at or last.made_at
        if now < since + timedelta(days=level.days_after_previous):
            return None
    return level


def _reminder(invoice: Invoice, level: ReminderLevel, amount: Decimal, now: datetime) -> Reminder:
    account = invoice.account
    return Reminder(
        invoice=invoice,
        level=level.level,
        language=account.language,
        address=account.email,
        open_amount=amount,
        fee=level_fee(level, invoice, account),
        currency=invoice.currency,
        days_overdue=(local_day(now) - invoice.due_on).days if invoice.due_on else 0,
        is_automatic=level.is_automatic,
        made_at=now,
    )


def _stale_remove(now: datetime) -> None:
    """Proposals that nobody sent and whose invoice is paid, or disputed now."""
    proposed = Reminder.objects.filter(state=ReminderState.PROPOSED)
    keys = set(proposed.values_list("invoice_id", flat=True))
    if not keys:
        return
    owed: set[int] = set()
    after = 0
    while papers := overdue_papers(on=local_day(now), after=after, limit=_BATCH):
        after = max(papers)
        owed |= keys & set(papers)
    stale = (keys - owed) | invoices_disputed(keys)
    proposed.filter(invoice__in=stale).delete()


def local_day(now: datetime) -> date:
    """The day at the issuer's place."""
    issuer = Issuer.objects.only("time_zone").first()
    return now.astimezone(ZoneInfo(issuer.time_zone if issuer else "UTC")).date()
