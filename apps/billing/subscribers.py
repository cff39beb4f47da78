"""What billing does when something happens at a station: enqueue, nothing else."""

from apps.billing.events import InvoiceIssued
from apps.billing.tasks import cdr_issue, dynamic_prices_fix, invoice_papers_make
from apps.chargers.events import SessionEnded, SessionRevised
from apps.markets.events import PricesChanged


def on_session_ended(event: SessionEnded | SessionRevised) -> None:
    """The session's CDR is due; a late event may have completed it."""
    cdr_issue.enqueue(event.session_id)


def on_invoice_issued(event: InvoiceIssued) -> None:
    """The invoice's papers are due."""
    invoice_papers_make.enqueue(event.invoice_id)


def on_prices_changed(_event: PricesChanged) -> None:
    """The market published: tariffs that follow it are told their prices."""
    dynamic_prices_fix.enqueue()
