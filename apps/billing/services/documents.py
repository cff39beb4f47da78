"""Papers of invoices: made once, kept as bytes, never made anew."""

import logging
from collections.abc import Callable, Collection
from datetime import date
from typing import IO
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from django.db.models import Exists, OuterRef

from apps.billing.choices import DocumentKind, InvoiceState
from apps.billing.documents.facturx import checked_xml, facturx_pdf
from apps.billing.documents.files import PDF, XML, DocumentFile, safe_name
from apps.billing.documents.rendering import paper_pdf
from apps.billing.models import Cdr, Invoice, InvoiceDocument, Reminder, Settlement
from apps.billing.selectors.papers import (
    invoice_paper,
    receipt_paper,
    reminder_paper,
    settlement_paper,
)
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)

SWEEP_LIMIT = 200


def invoice_papers_make(*, invoice_id: int) -> tuple[InvoiceDocument, ...]:
    """The kept papers of an issued invoice, made now if there are none; safe to call twice at once.

    Factur-X (PDF/A-3) and its XML; a plain PDF alone where EN 16931 wants something that was not
    known when the invoice was issued. DomainError `documents.renderer_missing` without Pango.
    """
    kept = _kept(invoice_id)
    if kept:
        return kept
    invoice = Invoice.objects.select_related("account", "credits").filter(pk=invoice_id).first()
    if invoice is None or invoice.state != InvoiceState.ISSUED:
        raise DomainError("documents.invoice_not_issued", "Only an issued invoice has papers.")
    rows = [
        InvoiceDocument(
            invoice=invoice,
            kind=kind,
            file_name=file.name,
            media_type=file.media_type,
            sha256=file.sha256,
            content=file.content,
        )
        for kind, file in _papers(invoice)
    ]
    # One statement: all of them, or those of whoever was faster.
    InvoiceDocument.objects.bulk_create(rows, ignore_conflicts=True)
    logger.info("invoice papers made invoice=%s papers=%s", invoice.pk, len(rows))
    return _kept(invoice_id)


def invoice_papers_sweep(*, limit: int = SWEEP_LIMIT) -> int:
    """Make papers that no task made; how many invoices got theirs."""
    without = Invoice.objects.filter(state=InvoiceState.ISSUED).exclude(
        Exists(InvoiceDocument.objects.filter(invoice=OuterRef("pk")))
    )
    done = 0
    for invoice_id in without.order_by("pk").values_list("pk", flat=True)[:limit]:
        try:
            invoice_papers_make(invoice_id=invoice_id)
            done += 1
        except DomainError as err:
            logger.warning("invoice papers not made invoice=%s reason=%s", invoice_id, err.code)
            if err.code == "documents.renderer_missing":
                break
    return done


def invoice_preview(*, invoice_id: int) -> DocumentFile:
    """The PDF of a draft, which says that it is one; of an issued invoice, the kept paper."""
    invoice = Invoice.objects.select_related("account", "credits").filter(pk=invoice_id).first()
    if invoice is None:
        raise DomainError("billing.invoice_unknown", "There is no such invoice.")
    if invoice.state == InvoiceState.ISSUED:
        return document_file(_pdf_of(invoice_papers_make(invoice_id=invoice_id)))
    name = f"draft-{safe_name(invoice.account.code)}-{invoice.month:%Y-%m}.pdf"
    return DocumentFile(name, PDF, paper_pdf(invoice_paper(invoice)))


def paper_of_settlement(*, settlement_id: int, language: str = "") -> DocumentFile:
    """The statement as PDF, in the partner's language unless another is asked for."""
    settlement = (
        Settlement.objects.select_related("account", "invoice").filter(pk=settlement_id).first()
    )
    if settlement is None:
        raise DomainError("billing.settlement_unknown", "There is no such statement.")
    name = f"statement-{safe_name(settlement.account.code)}-{settlement.month:%Y-%m}"
    name += f"-{settlement.direction}-{settlement.currency}.pdf"
    return DocumentFile(name, PDF, paper_pdf(settlement_paper(settlement, language=language)))


def paper_of_cdr(*, cdr_id: UUID, language: str) -> DocumentFile:
    """The receipt of a session that was paid at once."""
    cdr = Cdr.objects.select_related("session__ad_hoc_charge").filter(pk=cdr_id).first()
    if cdr is None:
        raise DomainError("billing.cdr_unknown", "There is no such charge detail record.")
    paper = receipt_paper(cdr, language=language)
    return DocumentFile(f"receipt-{safe_name(cdr.reference)}.pdf", PDF, paper_pdf(paper))


def paper_of_reminder(*, reminder_id: int) -> DocumentFile:
    """The reminder as a letter."""
    reminder = Reminder.objects.select_related("invoice__account").filter(pk=reminder_id).first()
    if reminder is None:
        raise DomainError("billing.reminder_unknown", "There is no such reminder.")
    name = f"reminder-{safe_name(str(reminder.invoice.reference))}-{reminder.level}.pdf"
    return DocumentFile(name, PDF, paper_pdf(reminder_paper(reminder)))


def document_file(document: InvoiceDocument) -> DocumentFile:
    """A kept paper as a file."""
    return DocumentFile(document.file_name, document.media_type, bytes(document.content))


def facturx_bundle(
    *,
    invoice_ids: Collection[int],
    out: IO[bytes],
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write a ZIP of the invoices' papers to `out`, making those that are missing; how many files.

    The PDF of each, and the XML beside it; `progress` hears how many invoices are in. Memory: one
    invoice at a time. DomainError for an invoice that is not issued.
    """
    files = 0
    with ZipFile(out, "w") as archive:
        for done, invoice_id in enumerate(sorted(set(invoice_ids)), start=1):
            for document in invoice_papers_make(invoice_id=invoice_id):
                packing = ZIP_DEFLATED if document.media_type == XML else ZIP_STORED
                archive.writestr(document.file_name, bytes(document.content), packing)
                files += 1
            if progress is not None:
                progress(done)
    return files


def invoices_of_month(*, month: date) -> list[int]:
    """The issued invoices and credit notes of a month, for a bundle."""
    issued = Invoice.objects.filter(state=InvoiceState.ISSUED, month=month.replace(day=1))
    return list(issued.order_by("pk").values_list("pk", flat=True))


def _papers(invoice: Invoice) -> list[tuple[DocumentKind, DocumentFile]]:
    paper = invoice_paper(invoice)
    name = safe_name(paper.reference)
    try:
        xml = checked_xml(paper)
    except DomainError as err:
        logger.warning("no factur-x invoice=%s because=%s", invoice.pk, err.message)
        return [(DocumentKind.PDF, DocumentFile(f"{name}.pdf", PDF, paper_pdf(paper)))]
    return [
        (DocumentKind.FACTURX, DocumentFile(f"{name}.pdf", PDF, facturx_pdf(paper, xml))),
        (DocumentKind.XML, DocumentFile(f"{name}.xml", XML, xml)),
    ]


def _kept(invoice_id: int) -> tuple[InvoiceDocument, ...]:
    return tuple(InvoiceDocument.objects.filter(invoice_id=invoice_id).order_by("kind"))


def _pdf_of(documents: tuple[InvoiceDocument, ...]) -> InvoiceDocument:
    return next(each for each in documents if each.media_type == PDF)
