"""Sentences that an invoice must carry, in its language."""

from dataclasses import dataclass
from typing import Final

from django.utils import translation
from django.utils.translation import gettext as _

from apps.billing.documents.papers import InvoicePaper

RECOVERY_COSTS: Final = "PMT"
LATE_PAYMENT: Final = "PMD"
EARLY_PAYMENT: Final = "AAB"
"""Subjects of notes (BT-21, UNTDID 4451) that French invoices between companies must have."""


@dataclass(frozen=True, slots=True)
class Note:
    """A note of the invoice (BG-1): its subject (BT-21) and its text (BT-22)."""

    subject: str
    text: str


def payment_notes(paper: InvoicePaper) -> tuple[Note, ...]:
    """What the law wants said on late and early payment, in the paper's language.

    Between companies, with a seller in France: interest, the fixed sum for recovery (code de
    commerce L441-10) and the lack of a discount (L441-9); else the seller's own terms alone.
    """
    own = paper.seller.late_payment_terms
    if not (paper.buyer_is_business and paper.seller.is_french):
        return (Note(LATE_PAYMENT, own),) if own else ()
    with translation.override(paper.language):
        return (
            Note(
                LATE_PAYMENT,
                own or _("Late payment: interest at three times the French legal rate."),
            ),
            Note(
                RECOVERY_COSTS,
                _("Late payment: a fixed sum of 40 EUR for the costs of recovery."),
            ),
            Note(EARLY_PAYMENT, _("No discount for early payment.")),
        )


def tax_mentions(paper: InvoicePaper) -> tuple[str, ...]:
    """The legal mentions of the taxes, each once."""
    return tuple(dict.fromkeys(tax.legal_mention for tax in paper.taxes if tax.legal_mention))
