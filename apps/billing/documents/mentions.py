"""Sentences that an invoice must carry, in its language; the words are those of `paper_words`."""

from dataclasses import dataclass
from typing import Final

from apps.billing.documents.papers import InvoicePaper
from apps.billing.paper_words import mention

RECOVERY_COSTS: Final = "PMT"
LATE_PAYMENT: Final = "PMD"
EARLY_PAYMENT: Final = "AAB"
"""Subjects of notes (BT-21, UNTDID 4451) that French invoices between companies must have."""
_WORDS = {
    LATE_PAYMENT: "late_payment",
    RECOVERY_COSTS: "recovery_costs",
    EARLY_PAYMENT: "no_discount",
}


@dataclass(frozen=True, slots=True)
class Note:
    """A note of the invoice (BG-1): its subject (BT-21) and its text (BT-22)."""

    subject: str
    text: str


def payment_notes(paper: InvoicePaper) -> tuple[Note, ...]:
    """What the law wants said on late and early payment (BR-FR-05).

    Between companies, with a seller in France, each of the three subjects: the seller's own terms
    stand for those of late payment. Else the seller's own terms alone, if there are any.
    """
    own = paper.seller.late_payment_terms
    if not (paper.buyer_is_business and paper.seller.is_french):
        return (Note(LATE_PAYMENT, own),) if own else ()
    texts = {subject: mention(word, paper.language) for subject, word in _WORDS.items()}
    if own:
        texts[LATE_PAYMENT] = own
    return tuple(Note(subject, text) for subject, text in texts.items())


def page_mentions(paper: InvoicePaper) -> tuple[str, ...]:
    """All sentences at the foot of the paper, each once: those frozen with it, then the notes."""
    taxes = [tax.legal_mention for tax in paper.taxes if tax.legal_mention]
    notes = () if paper.is_credit_note else payment_notes(paper)
    said = [*paper.mentions, *taxes, *(note.text for note in notes)]
    return tuple(dict.fromkeys(said))
