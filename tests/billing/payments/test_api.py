"""Payments and disputes over HTTP: by role, by operator, with words for what is refused."""

import base64
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.billing.models import Dispute, Payment
from apps.billing.selectors.balances import open_amount
from apps.billing.services.reminders import reminder_levels_load
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.assets.api.conftest import API, caller
from tests.billing.payments.scene import account_make, camt, entry, invoice_make, payment_make

D = Decimal
NEW: dict[str, Any] = {
    "method": "transfer", "amount": "120.00", "currency": "EUR", "paid_on": "2026-06-15",
}  # fmt: skip


@pytest.fixture
def clerk(operator_a: Operator, operator_b: Operator) -> Client:
    return caller(Role.BILLING)


def post(client: Client, address: str, body: dict[str, Any], status: int = 200) -> Any:
    reply = client.post(f"{API}/{address}", body, content_type="application/json")
    assert reply.status_code == status, reply.content
    return reply.json()


def get(client: Client, address: str, status: int = 200) -> Any:
    reply = client.get(f"{API}/{address}")
    assert reply.status_code == status, reply.content
    return reply.json()


def test_a_payment_is_recorded_matched_and_released(clerk: Client) -> None:
    invoice = invoice_make(account_make())
    body = {**NEW, "reference": invoice.reference, "external_id": "psp-1"}

    made = post(clerk, "payments", body, 201)
    assert post(clerk, "payments", body, 201)["id"] == made["id"]
    [proposal, *_more] = get(clerk, f"payments/{made['id']}/matches")
    whole = post(clerk, f"payments/{made['id']}/matches", {"key": proposal["key"]})

    assert (proposal["score"], proposal["is_sure"]) == (95, True)
    assert (whole["rest"], whole["allocations"][0]["invoice"]) == ("0.00", invoice.pk)
    assert open_amount(invoice) == D(0)
    gone = post(clerk, f"payments/{made['id']}/matches", {"key": proposal["key"]}, 409)
    assert gone["code"] == "match.gone"
    post(clerk, f"payments/{made['id']}/unmatch", {"reason": "no"})
    allocated = post(clerk, f"payments/{made['id']}/allocate", {"invoice": invoice.pk}, 201)
    assert allocated["amount"] == "120.00"
    [row] = get(clerk, "payments?state=allocated")["results"]
    assert row["account"] == "marina"
    post(clerk, "payments", {**body, "amount": "1.00"}, 409)


def test_a_statement_is_imported_with_its_bad_lines(clerk: Client) -> None:
    content = camt(entry("5.00"), entry("0"), entry("9.00", side="DBIT", reference="BR-4"))
    body = {"file_name": "june.xml", "content": base64.b64encode(content).decode()}

    made = post(clerk, "payments/statements", body, 201)
    again = post(clerk, "payments/statements", body, 201)

    assert (made["id"], made["taken_count"], made["bad_count"]) == (again["id"], 1, 1)
    [bad] = get(clerk, f"payments/statements/{made['id']}/lines?state=bad")["results"]
    assert (bad["number"], bad["problem_code"]) == (2, "line.amount")
    [left] = get(clerk, f"payments/statements/{made['id']}/lines?state=left")["results"]
    post(clerk, f"payments/statement-lines/{left['id']}/take", {})
    assert Payment.objects.count() == 2
    post(clerk, "payments/statements", {**body, "content": "%%%"}, 400)
    refused = post(clerk, "payments/statements", {**body, "content": "PHgvPg=="}, 400)
    assert refused["code"] == "statement.not_camt"


def test_ages_reminders_refunds_and_accounts(clerk: Client) -> None:
    reminder_levels_load()
    account = account_make()
    invoice_make(account, due_on=date(2026, 6, 1))
    payment = payment_make("30.00")

    post(clerk, f"payments/{payment.pk}/assign", {"account": "marina"})
    post(clerk, "payments/refunds", {"payment": payment.pk, "amount": "10.00",
                                     "paid_on": "2026-06-16"}, 201)  # fmt: skip
    [age] = get(clerk, "payments/ageing?on=2026-06-15")["results"]
    [reminder] = post(clerk, "payments/reminders", {})["results"]
    refused = post(clerk, f"payments/reminders/{reminder['id']}/acts", {"act": "send"}, 400)
    sent = post(clerk, f"payments/reminders/{reminder['id']}/acts", {"act": "mark_sent"})

    assert (age["days_0_30"], age["payments"], age["balance"]) == ("120.00", "-20.00", "100.00")
    assert refused["code"] == "reminder.no_mail_server"
    assert (sent["state"], sent["on_paper"]) == ("sent", True)
    post(clerk, f"payments/{payment.pk}/set-aside", {"reason": "x"}, 409)


def test_a_credit_is_set_off_over_http(clerk: Client) -> None:
    account = account_make()
    free, invoice = invoice_make(account, "50.00", kind="credit_note"), invoice_make(account)
    body = {"from_invoice": free.pk, "invoice": invoice.pk}

    made = post(clerk, "payments/set-offs", body, 201)

    assert (made["amount"], made["way"]) == ("50.00", "set_off")
    assert post(clerk, "payments/set-offs", body, 409)["code"] == "payment.nothing_open"


def test_a_dispute_over_http(clerk: Client) -> None:
    line = invoice_make(account_make()).lines.get()
    body = {"invoice_line": line.pk, "reason": "price", "partner_reference": "D-7"}

    made = post(clerk, "disputes", body, 201)
    whole = post(clerk, f"disputes/{made['id']}/steps", {"act": "answer", "text": "Which one?"})

    assert (whole["state"], [one["act"] for one in whole["events"]]) == (
        "answered", ["opened", "answered"],
    )  # fmt: skip
    assert get(clerk, "disputes?state=undecided")["results"][0]["id"] == made["id"]
    assert (
        post(clerk, f"disputes/{made['id']}/steps", {"act": "reject"}, 400)["code"]
        == "dispute.text"
    )
    rejected = post(clerk, f"disputes/{made['id']}/steps", {"act": "reject", "text": "It is right"})
    assert (rejected["state"], rejected["granted_amount"]) == ("rejected", "0.00")
    post(clerk, f"disputes/{made['id']}/steps", {"act": "withdraw"}, 409)
    get(clerk, "disputes/4711", 404)


@pytest.mark.parametrize("role", [Role.ANALYST, Role.OPERATIONS])
def test_readers_change_nothing(operator_a: Operator, operator_b: Operator, role: Role) -> None:
    client = caller(role)
    payment = payment_make()

    get(client, "payments")
    get(client, "disputes")
    for address, body in (
        ("payments", NEW),
        (f"payments/{payment.pk}/unmatch", {}),
        ("payments/statements", {}),
        ("payments/reminders", {}),
        ("disputes", {}),
    ):
        post(client, address, body, 403)


def test_another_operators_rows_are_not_there(clerk: Client) -> None:
    with operator_context("martinique"):
        invoice = invoice_make(account_make())
        payment = payment_make()
        dispute = Dispute.objects.create(
            invoice_line=invoice.lines.get(), reason="price", currency="EUR",
            disputed_amount="1", claimed_amount="1", opened_at="2026-06-01T00:00:00Z",
        )  # fmt: skip

    for address in (f"payments/{payment.pk}", f"disputes/{dispute.pk}"):
        get(clerk, address, 404)
    post(clerk, f"payments/{payment.pk}/allocate", {"invoice": invoice.pk}, 404)
    assert get(clerk, "payments")["results"] == get(clerk, "disputes")["results"] == []
    assert get(clerk, "payments/ageing")["results"] == []
