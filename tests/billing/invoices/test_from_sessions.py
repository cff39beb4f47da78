"""From a charging session to an invoice and back, through the services of CDRs."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from apps.billing.models import BillingAccount, Invoice, TariffVersion
from apps.billing.services.accounts import account_token_add
from apps.billing.services.cdrs import cdr_issue
from apps.billing.services.closing import month_close
from apps.billing.services.credits import cdr_credit
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.invoices import invoice_issue
from apps.chargers.models import ChargingStation
from apps.chargers.services import token_register
from tests.billing.conftest import session_make
from tests.billing.invoices.rows import APRIL, MARCH, NOW


@pytest.fixture
def card(account: BillingAccount, tariff: TariffVersion) -> str:
    token_register(id_token="04A2B3C4")
    account_token_add(account_id=account.pk, id_token="04A2B3C4")
    return "04A2B3C4"


def test_sessions_of_a_card_are_on_the_invoice_of_its_account(
    card: str, station: ChargingStation
) -> None:
    for nth in range(3):
        cdr_issue(session_id=session_make(station, f"tx-{nth}", id_token=card).pk)
    cdr_issue(session_id=session_make(station, "other", id_token="FFFF").pk)

    (draft,) = invoice_draft_make(month=MARCH)

    # 9.00055 kWh x 0.3012 = 2.71096566 -> 2.7110; three of them 8.133; 8.5 % of 8.13 = 0.69105
    assert (draft.net, draft.tax) == (Decimal("8.13"), Decimal("0.69"))
    line = draft.lines.get()
    assert (line.quantity, line.sessions_count) == (Decimal("27.001650"), 3)


def test_a_credited_cdr_is_on_a_note_and_its_correction_on_the_next_invoice(
    card: str, station: ChargingStation
) -> None:
    cdr = cdr_issue(session_id=session_make(station, "tx-1", id_token=card).pk)
    (draft,) = invoice_draft_make(month=MARCH)
    invoice = invoice_issue(invoice_id=draft.pk, by=None, now=NOW)
    month_close(month=MARCH, by=None, now=NOW)

    credit, corrected = cdr_credit(cdr_id=cdr.pk, reason="wrong meter", by=None, reissue=True)

    assert corrected is not None
    assert credit.billing_month == corrected.billing_month == APRIL
    again, note = invoice_draft_make(month=APRIL)
    assert (again.kind, again.net) == ("invoice", invoice.net)
    assert (note.kind, note.credits, note.gross) == ("credit_note", invoice, invoice.gross)
    for one in (again, note):
        invoice_issue(invoice_id=one.pk, by=None, now=NOW)
    assert invoice_draft_make(month=APRIL) == []
    assert sum(one.sign * one.gross for one in Invoice.objects.all()) == invoice.gross


def test_a_session_that_ended_in_a_closed_month_is_billed_in_the_next(
    card: str, station: ChargingStation
) -> None:
    session = session_make(station, "tx-1", id_token=card)
    month_close(month=MARCH, by=None, now=datetime(2026, 4, 1, 12, tzinfo=UTC))

    cdr_issue(session_id=session.pk)

    (draft,) = invoice_draft_make(month=APRIL)
    assert draft.month == APRIL
