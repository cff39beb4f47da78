"""Accounts, invoices, settlements and months over HTTP: at their own operator, by permission."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure, user_ensure
from apps.billing.models import BillingAccount, Issuer
from apps.chargers.services import token_register
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.billing.invoices.rows import account_make, cdr_make, partner_cdr_make, partner_make

HOST, OTHER_HOST = "guadeloupe.localhost", "martinique.localhost"


def client_of(role: Role, host: str = HOST, schema: str = "guadeloupe") -> Client:
    with operator_context(schema):
        roles_ensure()
        user = user_ensure(username=role.value, password="x", role=role)
        client = Client(headers={"host": host})
        client.force_login(user)
    return client


@pytest.fixture
def billing(operator_a: Operator) -> Client:
    return client_of(Role.BILLING)


def call(client: Client, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    reply = client.generic(
        method, f"/api/v1/{path}", *(() if body is None else (json.dumps(body), "application/json"))
    )
    assert reply.status_code == status, reply.content
    return reply.json() if reply.content else None


def test_accounts_are_added_changed_and_given_tokens(billing: Client, issuer: Issuer) -> None:
    token_register(id_token="04A2B3C4")
    body = {"code": "ada", "kind": "person", "name": "Ada", "hub_fee_percent": "0"}

    made = call(billing, "POST", "accounts", body, 201)
    assert (made["code"], made["currency"], made["tax_treatment"]) == ("ada", "EUR", "territory")
    assert call(billing, "POST", "accounts", body, 409)["code"] == "billing.account_exists"
    refused = call(billing, "POST", "accounts", {**body, "code": "b", "siren": "1"}, 400)
    assert (refused["code"], refused["field"]) == ("billing.siren_invalid", "siren")
    assert call(billing, "POST", "accounts", {**body, "nick": "x"}, 400)["code"] == "unknown_field"

    one = f"accounts/{made['id']}"
    assert call(billing, "PATCH", one, {"name": "Ada L."})["name"] == "Ada L."
    assert call(billing, "GET", one)["name"] == "Ada L."
    assert call(billing, "PATCH", "accounts/999", {"name": "x"}, 404)["code"]
    token = call(billing, "POST", f"{one}/tokens", {"id_token": "04A2B3C4"}, 201)
    assert token["id_token_masked"] == "•••B3C4"
    assert len(call(billing, "GET", f"{one}/tokens")["results"]) == 1
    assert call(billing, "GET", "accounts?search=ada&kind=person&is_active=true")["next"] is None
    # Billing staff add and change; only an admin takes away.
    call(billing, "DELETE", f"{one}/tokens/{token['id']}", status=403)
    call(client_of(Role.OPERATOR_ADMIN), "DELETE", f"{one}/tokens/{token['id']}", status=204)


def test_a_month_from_drafts_to_the_lock(billing: Client, account: BillingAccount) -> None:
    cdr_make(account, "100")
    cdr_make(account, "20")
    (draft,) = call(billing, "POST", "invoices", {"month": "2026-03"})
    assert (draft["state"], draft["gross"], draft["month"]) == ("draft", "130.20", "2026-03")
    one = f"invoices/{draft['id']}"
    assert call(billing, "GET", one)["problems"] == []
    refused = call(billing, "POST", "months/2026-03/close", {}, 409)
    assert refused["code"] == "billing.month_not_ready"

    issued = call(billing, "POST", f"{one}/issue")
    assert issued["reference"].startswith("INV-")
    assert (issued["buyer"]["code"], len(issued["lines"])) == ("acme", 1)
    cdrs = call(billing, "GET", f"{one}/cdrs?limit=1")
    assert (len(cdrs["results"]), cdrs["next"] is not None) == (1, True)
    assert call(billing, "DELETE", one, status=409)["code"] == "billing.invoice_issued"

    line = issued["lines"][0]["id"]
    body = {"reason": "Wrong", "lines": [{"line": line, "net": "20.00"}]}
    note = call(billing, "POST", f"{one}/credit", body, 201)
    assert (note["kind"], note["gross"], note["credits"]) == (
        "credit_note", "21.70", issued["reference"],
    )  # fmt: skip
    refused = call(billing, "POST", f"{one}/credit", {"reason": "x", "amount": "999"}, 409)
    assert refused["code"] == "billing.credit_too_high"
    listed = call(billing, "GET", "invoices?month=2026-03&state=issued&account=acme")["results"]
    assert [row["kind"] for row in listed] == ["credit_note", "invoice"]

    closed = call(billing, "POST", "months/2026-03/close")
    assert closed["closed_at"] is not None
    assert closed["totals"][0]["gross"] == "108.50"
    assert call(billing, "GET", "months/2026-03")["may_close"] is False
    assert "2026-03" in [row["month"] for row in call(billing, "GET", "months")["results"]]
    refused = call(billing, "POST", "invoices", {"month": "2026-03"}, 409)
    assert refused["code"] == "billing.month_closed"


def test_settlements_are_made_disputed_and_confirmed(billing: Client, issuer: Issuer) -> None:
    partner = partner_make("cpo", kind="cpo", party_id="CPX")
    partner_cdr_make(partner, "10")

    (made,) = call(billing, "POST", "settlements", {"month": "2026-03"})
    one = f"settlements/{made['id']}"
    assert (made["direction"], made["total"], made["state"]) == ("payable", "10.00", "draft")
    assert call(billing, "POST", f"{one}/dispute")["state"] == "disputed"
    assert call(billing, "POST", f"{one}/reopen")["state"] == "draft"
    confirmed = call(billing, "POST", f"{one}/confirm", {"partner_invoice_reference": "F-9"})
    assert (confirmed["state"], confirmed["partner_invoice_reference"]) == ("confirmed", "F-9")
    assert call(billing, "POST", f"{one}/dispute", status=409)["code"]
    assert len(call(billing, "GET", f"{one}/partner-cdrs")["results"]) == 1
    assert call(billing, "GET", "settlements?month=2026-03&direction=payable")["results"]
    call(billing, "GET", "settlements/999", status=404)


def test_taxes_and_exchange_rates(billing: Client, issuer: Issuer) -> None:
    rates = call(billing, "GET", "tax-rates?territory=GP&on=2026-03-31")["results"]
    assert [(rate["code"], rate["percent"]) for rate in rates] == [
        ("normal", "8.5"), ("reduced", "2.1"),
    ]  # fmt: skip
    body = {"territory": "HT", "name": "TCA", "percent": "10", "valid_from": "2026-01-01"}
    assert call(billing, "POST", "tax-rates", body, 201)["is_shipped"] is False
    assert call(billing, "POST", "tax-rates", {**body, "percent": "0"}, 400)["field"] == "percent"
    rate = {"currency": "XCD", "on": "2026-03-31", "euros": "0.32"}
    assert call(billing, "POST", "exchange-rates", rate, 201)["euros"] == "0.32"
    assert len(call(billing, "GET", "exchange-rates?currency=XCD")["results"]) == 1


def test_who_may_only_read_writes_nothing(account: BillingAccount, billing: Client) -> None:
    cdr_make(account, "10")
    (draft,) = call(billing, "POST", "invoices", {"month": "2026-03"})
    one, reader = f"invoices/{draft['id']}", client_of(Role.ANALYST)

    for path in (
        "invoices", f"{one}/issue", f"{one}/credit", "settlements", "months/2026-03/close",
        "accounts", "tax-rates", "exchange-rates",
    ):  # fmt: skip
        call(reader, "POST", path, {}, 403)
    call(reader, "DELETE", one, status=403)
    call(reader, "PATCH", f"accounts/{account.pk}", {}, 403)
    assert call(reader, "GET", one)["state"] == "draft"


def test_another_operator_finds_nothing(
    account: BillingAccount, billing: Client, operator_b: Operator
) -> None:
    cdr_make(account, "10")
    (draft,) = call(billing, "POST", "invoices", {"month": "2026-03"})
    other = client_of(Role.BILLING, OTHER_HOST, "martinique")

    assert call(other, "GET", "accounts")["results"] == []
    assert call(other, "GET", "invoices")["results"] == []
    for path in ("", "/issue", "/credit"):
        method = "POST" if path else "GET"
        call(other, method, f"invoices/{draft['id']}{path}", {"reason": "x"} if path else None, 404)
    call(other, "PATCH", f"accounts/{account.pk}", {"name": "x"}, 404)


def test_a_wrong_question_is_refused_with_words(billing: Client) -> None:
    for path in (
        "months/march", "months/2026-13", "invoices?month=now", "invoices?colour=red",
        "settlements?state=new", "months?after=x",
    ):  # fmt: skip
        assert call(billing, "GET", path, status=400)["code"]


def test_lists_ask_the_same_queries_however_long(billing: Client, issuer: Issuer) -> None:
    def asked() -> list[int]:
        counts = []
        for path in ("invoices", "accounts", "months"):
            with CaptureQueriesContext(connection) as queries:
                call(billing, "GET", path)
            counts.append(len(queries))
        return counts

    def bill(code: str) -> None:
        cdr_make(account_make(code), "10")
        call(billing, "POST", "invoices", {"month": "2026-03"})

    bill("first")
    asked()
    few = asked()
    bill("second")
    bill("third")

    assert asked() == few
