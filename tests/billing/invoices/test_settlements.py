"""Statements with partners: both directions, to the cent of the papers, confirmed by both sides."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.billing.models import Issuer, PartnerCdr, Settlement
from apps.billing.selectors.settlements import settlement_days
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.invoices import invoices_issue_month
from apps.billing.services.settlements import (
    settlement_confirm,
    settlement_dispute,
    settlement_invoiced,
    settlement_reopen,
    settlements_make,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.invoices.rows import (
    APRIL,
    MARCH,
    account_make,
    cdr_make,
    credit_make,
    partner_cdr_make,
    partner_make,
)


def test_what_they_owe_is_what_the_invoices_say(issuer: Issuer) -> None:
    partner = partner_make(hub_fee_percent=Decimal("1.5"), hub_fee_per_cdr=Decimal("0.05"))
    for net in ("10.0049", "20.0049"):
        cdr_make(partner, net, energy_kwh="12.5")
    cdr_make(account_make(), "99")

    (statement,) = settlements_make(month=MARCH)

    # 30.0098 -> 30.01; fee 1.5 % of it = 0.45015, and 2 x 0.05
    assert (statement.direction, statement.currency) == ("receivable", "EUR")
    assert (statement.cdr_count, statement.energy_kwh) == (2, 25)
    assert (statement.net, statement.tax, statement.hub_fee, statement.total) == (
        Decimal("30.01"), Decimal(0), Decimal("0.55"), Decimal("29.46"),
    )  # fmt: skip
    assert statement.invoice is not None
    assert statement.invoice.net == statement.net


def test_made_again_a_statement_is_the_same_row(issuer: Issuer) -> None:
    partner = partner_make()
    cdr_make(partner, "10")
    (first,) = settlements_make(month=MARCH)
    cdr_make(partner, "5")

    (second,) = settlements_make(month=MARCH)

    assert (second.pk, second.net) == (first.pk, 15)


def test_what_we_owe_is_their_cdrs_and_credits(issuer: Issuer) -> None:
    partner = partner_make("cpo", kind="cpo", party_id="CPX", hub_fee_percent=Decimal(10))
    partner_cdr_make(partner, "10.004", tax=Decimal("0.85"))
    partner_cdr_make(partner, "20.004", tax=Decimal("1.7"))
    partner_cdr_make(partner, "-5", is_credit=True, energy_kwh=Decimal(4))
    partner_cdr_make(partner, "70", kind="copy")
    partner_cdr_make(partner, "80", ended_at=datetime(2026, 4, 1, 4, tzinfo=UTC))

    (statement,) = settlements_make(month=MARCH)

    # 10.004 + 20.004 - 5 = 25.008; 10 % of 25.01 = 2.501
    assert (statement.direction, statement.cdr_count, statement.energy_kwh) == ("payable", 3, 16)
    assert (statement.net, statement.tax, statement.hub_fee, statement.total) == (
        Decimal("25.01"), Decimal("2.55"), Decimal("2.50"), Decimal("30.06"),
    )  # fmt: skip
    (day,) = settlement_days(statement.pk)
    assert day.cdrs == 3


def test_their_late_cdr_is_on_the_next_statement(issuer: Issuer) -> None:
    partner = partner_make("cpo", kind="cpo", party_id="CPX")
    partner_cdr_make(partner, "10")
    (march,) = settlements_make(month=MARCH)
    settlement_confirm(settlement_id=march.pk, by=None, partner_invoice_reference="F-9")
    partner_cdr_make(partner, "7")

    assert [one.net for one in settlements_make(month=MARCH)] == [10]
    (april,) = settlements_make(month=APRIL)

    assert (april.month, april.net) == (APRIL, 7)
    assert PartnerCdr.objects.filter(settlement__isnull=True).count() == 0


def test_both_directions_and_currencies_apart(issuer: Issuer) -> None:
    partner = partner_make("both", kind="hub", party_id="HUB")
    cdr_make(partner, "10")
    cdr_make(partner, "4", currency="USD")
    partner_cdr_make(partner, "7")

    made = settlements_make(month=MARCH)

    assert [(one.direction, one.currency, one.total) for one in made] == [
        ("receivable", "EUR", 10), ("receivable", "USD", 4), ("payable", "EUR", 7),
    ]  # fmt: skip


def test_credit_notes_are_taken_off(issuer: Issuer) -> None:
    partner = partner_make()
    wrong = cdr_make(partner, "10", energy_kwh="10")
    cdr_make(partner, "30", energy_kwh="30")
    invoice_draft_make(month=MARCH)
    invoices_issue_month(month=MARCH, by=None)
    credit_make(wrong)

    (statement,) = settlements_make(month=MARCH)

    assert (statement.net, statement.cdr_count, statement.energy_kwh) == (30, 3, 30)


def test_a_statement_is_confirmed_once_its_invoices_are_issued(issuer: Issuer) -> None:
    partner = partner_make()
    cdr_make(partner, "10")
    (statement,) = settlements_make(month=MARCH)

    with pytest.raises(DomainError) as refused:
        settlement_confirm(settlement_id=statement.pk, by=None)
    assert refused.value.code == "billing.settlement_invoice_draft"

    invoices_issue_month(month=MARCH, by=None)
    confirmed = settlement_confirm(settlement_id=statement.pk, by=None)
    assert confirmed.state == "confirmed"
    assert settlement_confirm(settlement_id=statement.pk, by=None).pk == statement.pk
    with pytest.raises(DomainError, match="agreed already"):
        settlement_dispute(settlement_id=statement.pk)


def test_a_statement_that_is_behind_is_not_confirmed(issuer: Issuer) -> None:
    partner = partner_make()
    cdr_make(partner, "10")
    (statement,) = settlements_make(month=MARCH)
    invoices_issue_month(month=MARCH, by=None)
    cdr_make(partner, "5")
    invoice_draft_make(month=MARCH)
    invoices_issue_month(month=MARCH, by=None)

    with pytest.raises(DomainError) as refused:
        settlement_confirm(settlement_id=statement.pk, by=None)
    assert refused.value.code == "billing.settlement_outdated"

    disputed = settlement_dispute(settlement_id=statement.pk)
    assert disputed.state == "disputed"
    assert settlement_reopen(settlement_id=statement.pk).net == 15
    assert settlement_confirm(settlement_id=statement.pk, by=None).total == 15


def test_only_what_we_owe_has_an_invoice_of_theirs(issuer: Issuer) -> None:
    partner = partner_make("both", kind="hub", party_id="HUB")
    cdr_make(partner, "10")
    partner_cdr_make(partner, "7")
    ours, theirs = settlements_make(month=MARCH)

    assert (
        settlement_invoiced(
            settlement_id=theirs.pk, partner_invoice_reference=" F-9 "
        ).partner_invoice_reference
        == "F-9"
    )
    with pytest.raises(DomainError, match="invoice of ours"):
        settlement_invoiced(settlement_id=ours.pk, partner_invoice_reference="F-9")


def test_statements_are_of_their_own_operator(issuer: Issuer, operator_b: Operator) -> None:
    partner = partner_make()
    cdr_make(partner, "10")

    with operator_context("martinique"):
        assert settlements_make(month=MARCH) == []
        assert Settlement.objects.count() == 0
