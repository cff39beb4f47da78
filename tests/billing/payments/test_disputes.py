"""Disputes: one at a time about a thing, every step kept, what is granted is given exactly once."""

from decimal import Decimal

import pytest

from apps.accounts.models import User
from apps.accounts.services import user_ensure
from apps.billing.models import Cdr, Dispute, DisputeEvent, Invoice, PartnerCdr
from apps.billing.selectors.balances import open_amount
from apps.billing.services import cdr_issue
from apps.billing.services.disputes import (
    dispute_answer,
    dispute_note,
    dispute_open,
    dispute_reject,
    dispute_reply,
    dispute_withdraw,
)
from apps.billing.services.disputes_accept import dispute_accept, ways_of
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.invoices import invoice_issue
from apps.chargers.models import ChargingStation
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.cdrs.scene import hour_session
from tests.billing.invoices.rows import MARCH, NOW, account_make, cdr_make, issuer_make

D = Decimal
pytestmark = pytest.mark.usefixtures("operator_a")


@pytest.fixture
def clerk(operator_a: Operator) -> User:
    return user_ensure(username="colette", password="pw")


def invoiced(*nets: str) -> Invoice:
    """An issued invoice of CDRs at 8.5 %."""
    issuer_make()
    account = account_make()
    for net in nets:
        cdr_make(account, net)
    [draft] = invoice_draft_make(month=MARCH, account_id=account.pk)
    return invoice_issue(invoice_id=draft.pk, by=None, now=NOW)


def about_cdr(net: str = "10") -> Dispute:
    cdr = cdr_make(None, net)
    return dispute_open(cdr_id=cdr.pk, reason="energy", text="I was away", now=NOW)


def test_the_way_of_a_dispute_is_kept_step_by_step(clerk: User) -> None:
    dispute = about_cdr()
    assert (dispute.state, dispute.disputed_amount, dispute.claimed_amount) == (
        "open", D("10.85"), D("10.85"),
    )  # fmt: skip

    dispute_answer(dispute_id=dispute.pk, text="Which card?", now=NOW, by=clerk)
    dispute_reply(dispute_id=dispute.pk, text="Not mine", now=NOW, by_name="Roam BV")
    dispute_note(dispute_id=dispute.pk, text="Looks right", now=NOW, by=clerk)
    rejected = dispute_reject(dispute_id=dispute.pk, text="It was your card", now=NOW, by=clerk)

    assert (rejected.state, rejected.granted_amount) == ("rejected", D(0))
    assert list(DisputeEvent.objects.values_list("act", "by_name", "text")) == [
        ("opened", "", "I was away"),
        ("answered", "colette", "Which card?"),
        ("replied", "Roam BV", "Not mine"),
        ("noted", "colette", "Looks right"),
        ("rejected", "colette", "It was your card"),
    ]
    for act in (dispute_reject, dispute_answer, dispute_withdraw):
        with pytest.raises(DomainError) as refused:
            act(dispute_id=dispute.pk, text="x", now=NOW)  # type: ignore[operator]
        assert refused.value.code == "dispute.decided"


def test_one_undecided_dispute_stands_about_a_thing() -> None:
    cdr = cdr_make(None, "10")
    first = dispute_open(cdr_id=cdr.pk, reason="price", now=NOW, partner_reference="D-1")

    again = dispute_open(cdr_id=cdr.pk, reason="price", now=NOW, partner_reference="D-1")
    with pytest.raises(DomainError) as refused:
        dispute_open(cdr_id=cdr.pk, reason="price", now=NOW, partner_reference="D-2")

    assert again == first
    assert refused.value.code == "dispute.open_already"
    dispute_withdraw(dispute_id=first.pk, now=NOW)
    assert dispute_open(cdr_id=cdr.pk, reason="price", now=NOW) != first


@pytest.mark.parametrize("amount", ["10.86", "0", "-1", "1.001"])
def test_no_more_is_claimed_than_was_billed(amount: str) -> None:
    cdr = cdr_make(None, "10")

    with pytest.raises(DomainError) as refused:
        dispute_open(cdr_id=cdr.pk, reason="price", now=NOW, claimed_amount=D(amount))

    assert refused.value.code == "dispute.claimed"


def test_lines_of_drafts_and_nothing_at_all_are_not_disputed() -> None:
    issuer_make()
    account = account_make()
    cdr_make(account, "10")
    [draft] = invoice_draft_make(month=MARCH, account_id=account.pk)

    for about, code in (
        ({"invoice_line_id": draft.lines.get().pk}, "dispute.about_unknown"),
        ({}, "dispute.about"),
        ({"partner_cdr_id": 4711}, "dispute.about_unknown"),
    ):
        with pytest.raises(DomainError) as refused:
            dispute_open(reason="price", now=NOW, **about)
        assert refused.value.code == code


@pytest.mark.usefixtures("tariff")
def test_accepting_credits_the_cdr(station: ChargingStation, clerk: User) -> None:
    cdr = cdr_issue(session_id=hour_session(station, "tx-1").pk)
    dispute = dispute_open(cdr_id=cdr.pk, reason="duplicate", now=NOW)
    assert [way.value for way in ways_of(dispute)] == ["credit_cdr", "correct_cdr"]

    accepted = dispute_accept(dispute_id=dispute.pk, way="credit_cdr", now=NOW, by=clerk)

    # 10 kWh x 0.3012 x 1.085 = 3.27
    assert (accepted.state, accepted.granted_amount) == ("accepted", D("3.27"))
    credit = accepted.credit_cdr
    assert credit is not None
    assert (credit.credit_reference, accepted.corrected_cdr) == (cdr, None)
    with pytest.raises(DomainError) as refused:
        dispute_open(cdr_id=cdr.pk, reason="duplicate", now=NOW)
    assert refused.value.code == "dispute.credited"


@pytest.mark.usefixtures("tariff")
def test_a_corrected_cdr_takes_up_the_difference(station: ChargingStation) -> None:
    session = hour_session(station, "tx-1")
    cdr = cdr_issue(session_id=session.pk)
    dispute = dispute_open(cdr_id=cdr.pk, reason="energy", now=NOW)

    accepted = dispute_accept(dispute_id=dispute.pk, way="correct_cdr", now=NOW)

    # The session is as it was: the corrected CDR costs the same, and nothing is granted.
    assert (accepted.state, accepted.granted_amount) == ("partly_accepted", D(0))
    assert accepted.corrected_cdr is not None
    assert accepted.corrected_cdr.replaces == cdr
    assert Cdr.objects.live().get() == accepted.corrected_cdr


def test_a_part_of_a_line_is_given_by_a_credit_note(clerk: User) -> None:
    invoice = invoiced("100")
    dispute = dispute_open(
        invoice_line_id=invoice.lines.get().pk, reason="price", claimed_amount=D("50"), now=NOW
    )

    accepted = dispute_accept(
        dispute_id=dispute.pk, way="credit_note", amount=D("21.70"), text="Half", now=NOW, by=clerk
    )

    note = accepted.credit_note
    assert note is not None
    assert (accepted.state, accepted.granted_amount) == ("partly_accepted", D("21.70"))
    assert (note.net, note.tax, note.credits, note.reason) == (
        D("20.00"), D("1.70"), invoice, "Half",
    )  # fmt: skip
    assert open_amount(invoice) == D("86.80")


def test_a_part_of_an_invoiced_cdr_is_given_by_a_credit_note() -> None:
    invoice = invoiced("100", "200")
    cdr = Cdr.objects.get(total_excl_vat=100)
    dispute = dispute_open(cdr_id=cdr.pk, reason="fault", claimed_amount=D("10.85"), now=NOW)
    assert "credit_note" in {way.value for way in ways_of(dispute)}

    accepted = dispute_accept(dispute_id=dispute.pk, way="credit_note", now=NOW)

    assert (accepted.state, accepted.granted_amount) == ("accepted", D("10.85"))
    assert open_amount(invoice) == D("325.50") - D("10.85")
    assert cdr.is_live


def test_what_the_credit_refuses_changes_nothing() -> None:
    invoice = invoiced("100")
    line = invoice.lines.get()
    dispute = dispute_open(invoice_line_id=line.pk, reason="price", now=NOW)
    for amount, code in ((D("108.51"), "dispute.granted"), (D("0"), "dispute.granted")):
        with pytest.raises(DomainError) as refused:
            dispute_accept(dispute_id=dispute.pk, way="credit_note", amount=amount, now=NOW)
        assert refused.value.code == code
    with pytest.raises(DomainError) as refused:
        dispute_accept(dispute_id=dispute.pk, way="credit_cdr", now=NOW)
    assert refused.value.code == "dispute.way"

    dispute.refresh_from_db()
    assert (dispute.state, dispute.events.count()) == ("open", 1)
    accepted = dispute_accept(dispute_id=dispute.pk, way="credit_note", now=NOW)
    assert (accepted.granted_amount, open_amount(invoice)) == (D("108.50"), D("0.00"))
    with pytest.raises(DomainError):
        dispute_accept(dispute_id=dispute.pk, way="credit_note", now=NOW)
    assert invoice.credit_notes.count() == 1


def test_what_a_partner_grants_us_is_recorded() -> None:
    theirs = PartnerCdr.objects.create(
        account=account_make(), kind="received", partner_reference="NL-1", started_at=NOW,
        ended_at=NOW, energy_kwh="10", currency="EUR", net="10", tax="2.10", received_at=NOW,
    )  # fmt: skip
    dispute = dispute_open(partner_cdr_id=theirs.pk, reason="price", now=NOW)

    accepted = dispute_accept(dispute_id=dispute.pk, way="record", amount=D("5.00"), now=NOW)

    assert (accepted.state, accepted.granted_amount) == ("partly_accepted", D("5.00"))
    assert not Invoice.objects.exists()
