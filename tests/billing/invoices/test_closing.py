"""Closing a month: only when nothing is left, for good, and with everything before it."""

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from apps.accounts.services import user_ensure
from apps.billing.models import BillingAccount, Invoice, Issuer, MonthClosing
from apps.billing.selectors.closing import (
    month_for_booking,
    month_is_closed,
    month_review,
    months_listed,
)
from apps.billing.services.closing import month_close
from apps.billing.services.credit_notes import invoice_credit
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.invoices import invoices_issue_month
from apps.billing.services.settlements import settlement_confirm, settlements_make
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.invoices.rows import (
    APRIL,
    MARCH,
    NOW,
    account_make,
    cdr_make,
    credit_make,
    issuer_make,
    partner_cdr_make,
    partner_make,
)
from tests.billing.invoices.test_issuing import issued_of


def left(month: Any = MARCH) -> dict[str, int]:
    """What blocks the closing of a month."""
    review = month_review(month, now=NOW)
    return {step.code: step.count for step in review.steps if step.is_blocking and step.count}


def test_a_month_is_closed_step_by_step(issuer: Issuer) -> None:
    by = user_ensure(username="billing", password="x")
    account, partner = account_make(), partner_make()
    for payer, net in ((account, "100"), (partner, "10"), (None, "5")):
        cdr_make(payer, net)
    partner_cdr_make(partner, "7")
    assert left() == {"cdrs_to_invoice": 2, "partner_cdrs_to_settle": 1}

    settlements = settlements_make(month=MARCH)
    assert left() == {
        "cdrs_to_invoice": 1, "drafts_to_issue": 1, "settlements_to_confirm": 2,
    }  # fmt: skip
    invoice_draft_make(month=MARCH)
    invoices_issue_month(month=MARCH, by=by)
    for settlement in settlements:
        settlement_confirm(settlement_id=settlement.pk, by=by)
    assert month_review(MARCH, now=NOW).may_close

    closing = month_close(month=MARCH, by=by, now=NOW)

    assert closing.totals["EUR"] == {
        "cdrs": 3, "energy_kwh": "30.000000000", "net": "110.00", "tax": "8.50",
        "gross": "118.50", "invoices": 2, "credit_notes": 0, "without_account_cdrs": 1,
        "without_account_gross": "5.4250",
    }  # fmt: skip
    assert month_close(month=MARCH, by=None, now=NOW).pk == closing.pk
    assert [(row.month, row.closed_at) for row in months_listed(today=APRIL)] == [
        (APRIL, None), (MARCH, NOW),
    ]  # fmt: skip


def test_a_month_with_something_left_is_not_closed(account: BillingAccount) -> None:
    cdr_make(account, "100")

    with pytest.raises(DomainError, match="cdrs_to_invoice: 1") as refused:
        month_close(month=APRIL, by=None, now=datetime(2026, 5, 2, tzinfo=UTC))

    assert refused.value.code == "billing.month_not_ready"
    assert not MonthClosing.objects.exists()


def test_a_month_that_is_not_over_is_not_closed(issuer: Issuer) -> None:
    # In Guadeloupe it is still the evening of 31 March.
    with pytest.raises(DomainError) as refused:
        month_close(month=MARCH, by=None, now=datetime(2026, 4, 1, 3, 59, tzinfo=UTC))
    assert refused.value.code == "billing.month_not_over"

    month_close(month=MARCH, by=None, now=datetime(2026, 4, 1, 4, 0, tzinfo=UTC))


def test_what_comes_later_is_booked_after_a_closed_month(issuer: Issuer) -> None:
    assert month_for_booking(MARCH) == MARCH
    month_close(month=MARCH, by=None, now=NOW)

    assert month_for_booking(MARCH) == APRIL
    # What is before a closed month is closed with it.
    assert month_for_booking(MARCH.replace(year=2020)) == APRIL
    assert month_is_closed(MARCH.replace(month=1))
    assert not month_is_closed(APRIL)
    with pytest.raises(DomainError, match="later month"):
        month_close(month=MARCH.replace(month=2), by=None, now=NOW)


def test_nothing_is_made_or_credited_in_a_closed_month(account: BillingAccount) -> None:
    invoice = issued_of(account)
    wrong = invoice.lines.get().cdrs.get().cdr
    month_close(month=MARCH, by=None, now=NOW)

    for make in (invoice_draft_make, settlements_make):
        if make is settlements_make:
            partner_make()
        with pytest.raises(DomainError) as refused:
            make(month=MARCH)
        assert refused.value.code == "billing.month_closed"

    note = invoice_credit(
        invoice_id=invoice.pk, reason="Dispute", by=None, amount=Decimal("8.50"), now=NOW
    )
    assert note.month == APRIL
    credit_make(wrong, month=APRIL)
    (credit,) = invoice_draft_make(month=APRIL)
    assert (credit.month, credit.credits) == (APRIL, invoice)


FORBIDDEN = (
    "UPDATE billing_monthclosing SET month = '2026-02-01'",
    "UPDATE billing_monthclosing SET totals = '{}'",
    "DELETE FROM billing_monthclosing",
    "INSERT INTO billing_invoice (kind, state, account_id, month, currency, language,"
    " issued_by, reason, seller, buyer, taxes, net, tax, gross, created_at)"
    " SELECT 'invoice', 'draft', id, '2026-03-01', 'EUR', 'fr', '', '', '{}', '{}', '[]',"
    " 0, 0, 0, now() FROM billing_billingaccount",
    "INSERT INTO billing_settlement (account_id, month, direction, state, currency, cdr_count,"
    " energy_kwh, net, tax, hub_fee, total, partner_invoice_reference, updated_at)"
    " SELECT id, '2026-02-01', 'payable', 'draft', 'EUR', 0, 0, 0, 0, 0, 0, '', now()"
    " FROM billing_billingaccount",
)


def test_postgresql_keeps_a_closed_month(account: BillingAccount) -> None:
    issued_of(account)
    by = user_ensure(username="billing", password="x")
    month_close(month=MARCH, by=by, now=NOW)

    for statement in FORBIDDEN:
        with (
            pytest.raises(DatabaseError, match="closed|kept"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    by.delete()
    assert MonthClosing.objects.get().closed_by is None


def test_closing_waits_for_who_is_issuing(live_operators: tuple[Operator, Operator]) -> None:
    """Eight issuers and one who closes: the month is closed after all, or refused; never between.

    A draft that is issued after the month was closed would be a hole in the books.
    """
    schema = live_operators[0].schema_name
    with operator_context(schema):
        issuer_make()
        for nth in range(4):
            cdr_make(account_make(f"account-{nth}"), "10")
        invoice_draft_make(month=MARCH)
    together, closed = Barrier(5), list[bool]()

    def issue() -> None:
        try:
            together.wait(20)
            with operator_context(schema):
                invoices_issue_month(month=MARCH, by=None)
        finally:
            connections.close_all()

    def close() -> None:
        try:
            together.wait(20)
            with operator_context(schema):
                for _attempt in range(200):
                    try:
                        month_close(month=MARCH, by=None, now=NOW)
                        closed.append(True)
                        return
                    except DomainError:
                        continue
        finally:
            connections.close_all()

    threads = [*(Thread(target=issue) for _ in range(4)), Thread(target=close)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    with operator_context(schema):
        if not closed:
            month_close(month=MARCH, by=None, now=NOW)
        assert Invoice.objects.filter(state="issued", month=MARCH).count() == 4
        assert MonthClosing.objects.get().totals["EUR"]["invoices"] == 4


def test_the_command_drafts_issues_and_closes(account: BillingAccount) -> None:
    cdr_make(account, "100")
    out = StringIO()

    call_command(
        "billing_month", "2026-03", operator="guadeloupe", draft=True, issue=True, settle=True,
        close=True, stdout=out,
    )  # fmt: skip

    assert "drafts_to_issue: 0" in out.getvalue()
    assert "EUR: 1 CDRs, 10 kWh, net 100.00, tax 8.50, gross 108.50" in out.getvalue()
    assert MonthClosing.objects.get().month == MARCH


@pytest.mark.parametrize(
    ("month", "options", "status", "code"),
    [
        ("march", {}, 2, "billing.month_invalid"),
        ("2026-03", {"operator": "atlantis"}, 2, "operator.missing"),
        ("2026-03", {"by": "nobody"}, 2, "user.unknown"),
        ("2026-03", {"close": True}, 1, "billing.month_not_ready"),
    ],
)
def test_the_command_says_why_not(
    account: BillingAccount, month: str, options: dict[str, Any], status: int, code: str
) -> None:
    cdr_make(account, "100")
    out = StringIO()

    with pytest.raises(SystemExit) as exited:
        call_command(
            "billing_month", month, json=True, stdout=out, **{"operator": "guadeloupe", **options}
        )

    assert exited.value.code == status
    assert f'"{code}"' in out.getvalue()
