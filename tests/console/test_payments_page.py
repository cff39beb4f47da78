"""The pages of payments, statements, reminders and disputes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.billing.models import BankStatement, Dispute, Payment, PaymentAllocation, Reminder
from apps.billing.selectors.balances import open_amount
from apps.billing.services.reminders import reminder_levels_load, reminders_make
from apps.tenants.context import operator_context
from tests.billing.payments.scene import (
    NOW,
    account_make,
    camt,
    entry,
    invoice_make,
    payment_make,
)

SignIn = Callable[..., Client]
D = Decimal


@pytest.fixture
def clerk(signed_in: SignIn) -> Client:
    return signed_in("guadeloupe", Role.BILLING)


def text_of(client: Client, address: str, status: int = 200) -> str:
    reply = client.get(address)
    assert reply.status_code == status
    return str(reply.content.decode())


def test_what_is_owed_is_drawn_by_age_and_proposals_by_score(clerk: Client) -> None:
    account = account_make()
    invoice_make(account, "100.00", due_on=date(2020, 1, 1))
    invoice = invoice_make(account, "50.00", due_on=date(2199, 1, 1))
    payment_make("50.00", reference=f"VIR {invoice.reference}")

    page = text_of(clerk, "/billing/payments/")

    assert '<rect width="100.0" height="10"/>' in page
    assert '<rect width="50.0" height="10"/>' in page
    assert "its number stands in the text +60" in page
    assert f'data-proposal="invoice:{invoice.pk}:50.00"' in page


def test_the_list_asks_no_more_for_more_rows(
    clerk: Client, queries_at_most: Callable[[int], AbstractContextManager[None]]
) -> None:
    account = account_make()
    for number in range(8):
        invoice = invoice_make(account, f"{50 + number}.00")
        payment_make(f"{50 + number}.00", reference=str(invoice.reference))

    with queries_at_most(22):
        page = text_of(clerk, "/billing/payments/")

    assert page.count("data-payment=") == 8


def test_a_click_accepts_and_another_click_is_told(clerk: Client) -> None:
    invoice = invoice_make(account_make())
    payment = payment_make(reference=str(invoice.reference))
    body = {"key": f"invoice:{invoice.pk}:120.00", "next": "/billing/payments/"}

    for _click in range(2):
        reply = clerk.post(f"/billing/payments/{payment.pk}/accept", body)
        assert (reply.status_code, reply["Location"]) == (302, "/billing/payments/")

    assert open_amount(invoice) == D(0)
    assert PaymentAllocation.objects.count() == 1
    assert "This is not proposed any more" in text_of(clerk, "/billing/payments/")
    detail = text_of(clerk, f"/billing/payments/{payment.pk}/")
    assert str(invoice.reference) in detail
    clerk.post(f"/billing/payments/{payment.pk}/unmatch", {"reason": "wrong"})
    assert open_amount(invoice) == D("120.00")
    assert "wrong" in text_of(clerk, f"/billing/payments/{payment.pk}/")


def test_a_credit_is_set_off_and_its_rest_given_back_once(clerk: Client) -> None:
    account = account_make()
    free = invoice_make(account, "50.00", kind="credit_note")
    invoice = invoice_make(account, "20.00")
    assert f'data-credit="invoice:{free.pk}"' in text_of(clerk, "/billing/payments/")

    clerk.post("/billing/payments/set-off", {"source": f"invoice:{free.pk}", "invoice": invoice.pk})
    for _click in range(2):
        clerk.post(
            "/billing/payments/refund-paper", {"invoice": free.pk, "amount": "30.00", "key": "k"}
        )

    assert (open_amount(invoice), open_amount(free)) == (D(0), D(0))
    assert Payment.objects.get().method == "refund"
    assert "data-credit" not in text_of(clerk, "/billing/payments/")


def test_a_form_sent_twice_records_one_payment(clerk: Client) -> None:
    body = {
        "amount": "1 234,50", "currency": "eur", "paid_on": "2026-06-15", "method": "cash",
        "direction": "in", "key": "abc",
    }  # fmt: skip
    for _click in range(2):
        clerk.post("/billing/payments/register", body)

    payment = Payment.objects.get()
    assert (payment.amount, payment.currency, payment.method) == (D("1234.50"), "EUR", "cash")
    clerk.post("/billing/payments/register", {**body, "key": "d", "amount": "x"})
    assert Payment.objects.count() == 1


def test_a_statement_is_previewed_then_imported(clerk: Client) -> None:
    upload = SimpleUploadedFile("june.xml", camt(entry("5.00", "hello"), entry("0")))

    preview = clerk.post("/billing/payments/statements/preview", {"file": upload})
    page = preview.content.decode()

    assert preview.status_code == 200
    assert "No amount can be read." in page
    assert not BankStatement.objects.exists()
    held = page.split('name="held" value="')[1].split('"')[0]
    imported = clerk.post("/billing/payments/statements/import", {"held": held})
    statement = BankStatement.objects.get()
    assert imported["Location"] == f"/billing/payments/statements/{statement.pk}/"
    assert (statement.taken_count, statement.bad_count) == (1, 1)
    shown = text_of(clerk, f"/billing/payments/statements/{statement.pk}/?state=bad")
    assert 'data-line="2"' in shown
    assert 'data-line="1"' not in shown
    refused = clerk.post("/billing/payments/statements/import", {"held": "nothing"}, follow=True)
    assert "choose the file again" in refused.content.decode()


def test_columns_of_a_csv_are_chosen_by_hand(clerk: Client) -> None:
    upload = SimpleUploadedFile("x.csv", b"wann;wieviel\n2026-06-15;5,00\n")
    first = clerk.post("/billing/payments/statements/preview", {"file": upload})
    page = first.content.decode()
    assert (first.status_code, "Say which columns" in page) == (422, True)
    held = page.split('name="held" value="')[1].split('"')[0]

    columns = {"held": held, "column_date": "wann", "column_amount": "wieviel"}
    again = clerk.post("/billing/payments/statements/preview", columns)
    clerk.post("/billing/payments/statements/import", columns)

    assert again.status_code == 200
    assert Payment.objects.get().amount == D("5.00")


def test_reminders_are_read_and_marked(clerk: Client) -> None:
    assert "Take over the proposed levels" in text_of(clerk, "/billing/payments/reminders/")
    reminder_levels_load()
    invoice = invoice_make(account_make(), due_on=date(2026, 6, 1))
    reminders_make(now=NOW)
    reminder = Reminder.objects.get()

    assert "No mail server is configured" in text_of(clerk, "/billing/payments/reminders/")
    letter = text_of(clerk, f"/billing/payments/reminders/{reminder.pk}/")
    assert f"facture {invoice.reference} du 1 juin 2026" in letter
    clerk.post(f"/billing/payments/reminders/{reminder.pk}/send")
    reminder.refresh_from_db()
    assert reminder.state == "proposed"
    clerk.post(f"/billing/payments/reminders/{reminder.pk}/paper")
    reminder.refresh_from_db()
    assert (reminder.state, reminder.on_paper) == ("sent", True)
    assert clerk.post(f"/billing/payments/reminders/{reminder.pk}/burn").status_code == 404


def test_a_dispute_is_opened_answered_and_rejected(clerk: Client) -> None:
    line = invoice_make(account_make()).lines.get()
    assert "Open the dispute" in text_of(clerk, f"/billing/disputes/new/?invoice_line={line.pk}")

    made = clerk.post(
        "/billing/disputes/open",
        {"invoice_line": line.pk, "reason": "price", "amount": "20,00", "text": "<b>dear</b>"},
    )
    dispute = Dispute.objects.get()
    assert made["Location"] == f"/billing/disputes/{dispute.pk}/"
    page = text_of(clerk, f"/billing/disputes/{dispute.pk}/")
    assert "&lt;b&gt;dear&lt;/b&gt;" in page
    clerk.post(f"/billing/disputes/{dispute.pk}/answer", {"text": "Which one?"})
    clerk.post(f"/billing/disputes/{dispute.pk}/reject", {"text": "It is right"})

    dispute.refresh_from_db()
    assert (dispute.state, dispute.claimed_amount) == ("rejected", D("20.00"))
    assert f'data-dispute="{dispute.pk}"' not in text_of(clerk, "/billing/disputes/")
    assert f'data-dispute="{dispute.pk}"' in text_of(clerk, "/billing/disputes/?state=")


def test_readers_see_and_change_nothing(signed_in: SignIn) -> None:
    analyst = signed_in("guadeloupe", Role.ANALYST)
    payment = payment_make()

    for address in ("payments/", f"payments/{payment.pk}/", "payments/statements/",
                    "payments/reminders/", "disputes/"):  # fmt: skip
        text_of(analyst, f"/billing/{address}")
    for address in (
        "payments/register", "payments/accept-sure", f"payments/{payment.pk}/accept",
        f"payments/{payment.pk}/refund", "payments/statements/import", "payments/reminders/make",
        "disputes/open",
    ):  # fmt: skip
        assert analyst.post(f"/billing/{address}").status_code == 403, address


def test_another_operators_rows_are_not_there(clerk: Client) -> None:
    with operator_context("martinique"):
        payment = payment_make()
        invoice = invoice_make(account_make())
        upload = camt(entry("5.00"))
    assert text_of(clerk, f"/billing/payments/{payment.pk}/", 404)
    assert f"{invoice.reference}" not in text_of(clerk, "/billing/payments/")
    preview = clerk.post(
        "/billing/payments/statements/preview", {"file": SimpleUploadedFile("a.xml", upload)}
    )
    held = preview.content.decode().split('name="held" value="')[1].split('"')[0]
    assert held

    other = Client(headers={"host": "martinique.localhost"})
    with operator_context("martinique"):
        other.force_login(user_ensure(username="somebody", password="pw", role=Role.BILLING))
    other.post("/billing/payments/statements/import", {"held": held})
    with operator_context("martinique"):
        assert not BankStatement.objects.exists()
