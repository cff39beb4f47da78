"""Papers as PDF: a template, the paper's language, WeasyPrint."""

import importlib
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation

from apps.billing.documents.mentions import page_mentions
from apps.billing.documents.papers import (
    InvoicePaper,
    ReceiptPaper,
    ReminderPaper,
    SettlementPaper,
)
from cariflex.common.errors import DomainError

Paper = InvoicePaper | SettlementPaper | ReceiptPaper | ReminderPaper
TEMPLATES: dict[type, str] = {
    InvoicePaper: "billing/papers/invoice.html",
    SettlementPaper: "billing/papers/settlement.html",
    ReceiptPaper: "billing/papers/receipt.html",
    ReminderPaper: "billing/papers/reminder.html",
}


def paper_html(paper: Paper) -> str:
    """The paper as a page, in its language."""
    context: dict[str, Any] = {"paper": paper}
    if isinstance(paper, InvoicePaper):
        context["mentions"] = page_mentions(paper)
    with translation.override(paper.language):
        return render_to_string(TEMPLATES[type(paper)], context)


def paper_pdf(paper: Paper, *, xml: bytes | None = None) -> bytes:
    """The paper as PDF/A-3a and PDF/UA-1; `xml` is embedded as factur-x.xml (Factur-X).

    DomainError `documents.renderer_missing` where Pango is not installed.
    """
    html = paper_html(paper)
    written: bytes = _weasy().pdf_write(html, xml=xml, xml_description="Factur-X EN 16931")
    return written


def _weasy() -> Any:
    # Loaded with the first paper: without Pango, everything else still works.
    try:
        return importlib.import_module("apps.billing.documents.weasy")
    except OSError as err:
        raise DomainError(
            "documents.renderer_missing",
            "Papers need the library Pango, which is not on this machine"
            " (Debian/Ubuntu: apt install libpangoft2-1.0-0 libharfbuzz-subset0).",
        ) from err
