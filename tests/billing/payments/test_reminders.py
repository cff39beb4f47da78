"""Reminders: proposed by level, sent once, honest when nothing can be sent."""

import smtplib
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import override_settings

from apps.billing.models import Invoice, InvoiceDocument, Reminder, ReminderLevel
from apps.billing.reminder_words import words_check, words_filled
from apps.billing.selectors.balances import ageing_totals, fee_open
from apps.billing.selectors.reminders import reminder_preview
from apps.billing.services.disputes import dispute_open, dispute_reject
from apps.billing.services.payments_allocate import payment_allocate
from apps.billing.services.reminders import (
    reminder_drop,
    reminder_levels_load,
    reminder_retry,
    reminder_text_save,
    reminders_make,
)
from apps.billing.services.reminders_send import (
    reminder_mark_sent,
    reminder_send,
    reminders_send_automatic,
)
from cariflex.common.errors import DomainError
from tests.billing.payments.scene import (
    NOW,
    TODAY,
    account_make,
    invoice_make,
    issuer_make,
    payment_make,
)

pytestmark = pytest.mark.usefixtures("operator_a")
D = Decimal
BACKEND = f"{__name__}.Flaky"
DUE = date(2026, 6, 1)


class Flaky(EmailBackend):
    """Keeps mails in memory; fails as `trouble` says."""

    trouble: Exception | None = None
    is_away = False

    def open(self) -> bool:  # type: ignore[override]
        if Flaky.is_away:
            raise ConnectionRefusedError("nobody there")
        return True

    def send_messages(self, messages: Any) -> int:
        if Flaky.trouble is not None:
            raise Flaky.trouble
        return super().send_messages(messages)


@pytest.fixture
def server() -> Iterator[type[Flaky]]:
    Flaky.trouble, Flaky.is_away = None, False
    with override_settings(MAIL_CONFIGURED=True, EMAIL_BACKEND=BACKEND):
        yield Flaky


@pytest.fixture
def overdue() -> Invoice:
    issuer_make()
    reminder_levels_load()
    return invoice_make(account_make(), due_on=DUE)


def proposed() -> Reminder:
    reminders_make(now=NOW)
    return Reminder.objects.get(state="proposed")


def test_levels_come_with_texts_in_three_languages_and_stay_the_operators() -> None:
    assert reminder_levels_load() == 3
    ReminderLevel.objects.filter(level=1).update(days_after_due=3)

    assert reminder_levels_load() == 0

    assert ReminderLevel.objects.get(level=1).days_after_due == 3
    for level in ReminderLevel.objects.all():
        assert {text.language for text in level.texts.all()} == {"fr", "en", "es"}
        for text in level.texts.all():
            words_check(text.subject + text.body, field="body")


def test_a_level_is_proposed_when_its_days_have_passed(overdue: Invoice) -> None:
    assert reminders_make(now=NOW - timedelta(days=8)) == 0
    assert reminders_make(now=NOW - timedelta(days=7)) == 1
    assert reminders_make(now=NOW) == 0

    reminder = Reminder.objects.get()
    assert (reminder.level, reminder.open_amount, reminder.fee) == (1, D("120.00"), D(0))
    assert (reminder.address, reminder.language, reminder.days_overdue) == (
        "compta@marina.example", "fr", 7,
    )  # fmt: skip


def test_the_next_level_waits_for_the_one_before_and_has_its_fee(overdue: Invoice) -> None:
    first = proposed()
    late = NOW + timedelta(days=30)
    assert reminders_make(now=late) == 0
    reminder_mark_sent(reminder_id=first.pk, now=late, on_paper=True)
    assert reminders_make(now=late + timedelta(days=9)) == 0

    assert reminders_make(now=late + timedelta(days=10)) == 1

    second = Reminder.objects.get(level=2)
    assert (second.fee, second.currency) == (D("40.00"), "EUR")
    assert "160,00\u00a0€" in reminder_preview(second, on=TODAY).body


def test_private_people_and_other_currencies_pay_no_fee() -> None:
    reminder_levels_load()
    ReminderLevel.objects.filter(level=1).update(fee="40.00")
    for account, currency in ((account_make("p", kind="person"), "EUR"), (account_make(), "USD")):
        invoice_make(account, due_on=DUE, currency=currency)

    reminders_make(now=NOW)

    assert [one.fee for one in Reminder.objects.all()] == [D(0), D(0)]


def test_disputed_and_paid_invoices_are_left_alone(overdue: Invoice) -> None:
    line = overdue.lines.get()
    proposed()
    dispute = dispute_open(invoice_line_id=line.pk, reason="price", now=NOW)

    reminders_make(now=NOW)

    assert not Reminder.objects.exists()
    dispute_reject(dispute_id=dispute.pk, text="correct", now=NOW)
    proposed()
    payment_allocate(payment_id=payment_make().pk, invoice_id=overdue.pk)
    assert reminders_make(now=NOW) == 0
    assert not Reminder.objects.exists()


def test_a_reminder_goes_out_once_with_the_invoice(overdue: Invoice, server: type[Flaky]) -> None:
    InvoiceDocument.objects.create(
        invoice=overdue, kind="facturx", file_name="T.pdf", media_type="application/pdf",
        sha256="0" * 64, content=b"%PDF-1.7",
    )  # fmt: skip
    reminder = proposed()
    shown = reminder_preview(reminder, on=TODAY)

    sent = reminder_send(reminder_id=reminder.pk, now=NOW)

    [letter] = mail.outbox
    assert letter.to == ["compta@marina.example"]
    assert (letter.subject, letter.body) == (shown.subject, shown.body)
    assert f"facture {overdue.reference} du 1 juin 2026" in letter.body
    assert "120,00\u00a0€" in letter.body
    assert letter.attachments == [("T.pdf", b"%PDF-1.7", "application/pdf")]
    assert (sent.state, sent.body) == ("sent", letter.body)
    for act in (reminder_send, reminder_drop, reminder_retry):
        with pytest.raises(DomainError) as refused:
            act(reminder_id=reminder.pk, **({"now": NOW} if act is reminder_send else {}))  # type: ignore[operator]
        assert refused.value.code == "reminder.sent"
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        (smtplib.SMTPDataError(451, b"later"), "proposed"),
        (smtplib.SMTPDataError(554, b"no"), "failed"),
        (smtplib.SMTPRecipientsRefused({}), "failed"),
        (smtplib.SMTPServerDisconnected("gone"), "sending"),
        (TimeoutError("slow"), "sending"),
    ],
)
def test_a_mail_in_doubt_is_not_sent_again_by_itself(
    overdue: Invoice, server: type[Flaky], trouble: Exception, state: str
) -> None:
    reminder = proposed()
    server.trouble = trouble

    ended = reminder_send(reminder_id=reminder.pk, now=NOW)

    assert ended.state == state
    assert type(trouble).__name__ in ended.last_error
    server.trouble = None
    if state != "proposed":
        with pytest.raises(DomainError) as refused:
            reminder_send(reminder_id=reminder.pk, now=NOW)
        assert refused.value.code == "reminder.not_proposed"
        assert mail.outbox == []
        reminder_retry(reminder_id=reminder.pk)
    assert reminder_send(reminder_id=reminder.pk, now=NOW).state == "sent"
    assert len(mail.outbox) == 1


def test_a_mail_in_doubt_arrived_although_the_invoice_was_paid_since(
    overdue: Invoice, server: type[Flaky]
) -> None:
    reminder = proposed()
    server.trouble = smtplib.SMTPServerDisconnected("gone")
    body = reminder_send(reminder_id=reminder.pk, now=NOW).body
    payment_allocate(payment_id=payment_make().pk, invoice_id=overdue.pk)

    sent = reminder_mark_sent(reminder_id=reminder.pk, now=NOW, on_paper=False)

    assert (sent.state, sent.body, sent.open_amount) == ("sent", body, D("120.00"))


def test_a_server_that_is_away_leaves_it_proposed(overdue: Invoice, server: type[Flaky]) -> None:
    server.is_away = True

    ended = reminder_send(reminder_id=proposed().pk, now=NOW)

    assert (ended.state, ended.attempts) == ("proposed", 1)
    assert "nobody there" in ended.last_error


def test_without_a_mail_server_nothing_is_sent_and_it_says_so(overdue: Invoice) -> None:
    ReminderLevel.objects.update(is_automatic=True)
    with override_settings(MAIL_CONFIGURED=False):
        assert reminders_send_automatic(now=NOW) == 0
        reminder = Reminder.objects.get()
        with pytest.raises(DomainError) as refused:
            reminder_send(reminder_id=reminder.pk, now=NOW)

    assert refused.value.code == "reminder.no_mail_server"
    assert Reminder.objects.get().state == "proposed"


def test_only_levels_without_asking_go_out_by_themselves(
    overdue: Invoice, server: type[Flaky]
) -> None:
    assert reminders_send_automatic(now=NOW) == 0
    Reminder.objects.all().delete()
    ReminderLevel.objects.update(is_automatic=True)

    assert reminders_send_automatic(now=NOW) == 1
    assert reminders_send_automatic(now=NOW) == 0
    assert len(mail.outbox) == 1


def test_a_fee_is_owed_once_sent_and_paid_like_a_paper(overdue: Invoice) -> None:
    ReminderLevel.objects.filter(level=1).update(fee="40.00")
    reminder = proposed()
    reminder_mark_sent(reminder_id=reminder.pk, now=NOW, on_paper=True)
    reminder.refresh_from_db()
    assert [one.fees for one in ageing_totals(on=TODAY)] == [D("40.00")]
    payment = payment_make("160.00")

    payment_allocate(payment_id=payment.pk, invoice_id=overdue.pk)
    payment_allocate(payment_id=payment.pk, reminder_id=reminder.pk)

    assert fee_open(reminder) == D(0)
    assert ageing_totals(on=TODAY) == []


def test_a_placeholder_that_stands_for_nothing_is_refused() -> None:
    reminder_levels_load()
    level = ReminderLevel.objects.get(level=1)

    with pytest.raises(DomainError) as refused:
        reminder_text_save(level_id=level.pk, language="fr", subject="x", body="{invoce}")

    assert (refused.value.code, refused.value.field) == ("reminder.placeholder", "body")
    text = reminder_text_save(level_id=level.pk, language="fr", subject="{invoice}", body="{open}")
    assert words_filled(text.subject, {"invoice": "{open}", "open": "1"}) == "{open}"
