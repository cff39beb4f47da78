"""Papers and files for the bank over HTTP: kept papers, statements, SEPA files."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.choices import DocumentKind
from apps.billing.documents.files import DocumentFile
from apps.billing.models import Invoice, InvoiceDocument, SepaBatch, SepaItem
from apps.billing.selectors.sepa import sepa_batches_page, sepa_items_page
from apps.billing.services.documents import document_file, invoice_preview, paper_of_settlement
from apps.billing.services.sepa import sepa_item_drop
from cariflex.common.api.errors import ApiErrorSerializer
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView

READ = ("billing.view_invoice",)
READ_SEPA = ("billing.view_sepabatch",)
_GONE = OpenApiResponse(ApiErrorSerializer, "The machine lacks what makes papers.")
REFUSALS = {
    "documents.renderer_missing": status.HTTP_503_SERVICE_UNAVAILABLE,
    "billing.settlement_unknown": status.HTTP_404_NOT_FOUND,
    "billing.invoice_unknown": status.HTTP_404_NOT_FOUND,
    "sepa.item_unknown": status.HTTP_404_NOT_FOUND,
}
_FILE = {(200, "application/octet-stream"): OpenApiTypes.BINARY, 503: _GONE}


class InvoiceDocumentSerializer(serializers.ModelSerializer[InvoiceDocument]):
    """A kept paper, without its bytes."""

    class Meta:
        model = InvoiceDocument
        fields = ("kind", "file_name", "media_type", "sha256", "made_at")
        read_only_fields = fields


class SepaBatchSerializer(serializers.ModelSerializer[SepaBatch]):
    """A file for the bank, without its bytes."""

    class Meta:
        model = SepaBatch
        fields = (
            "id", "kind", "message_id", "pays_on", "total", "count", "file_name", "sha256",
            "made_at",
        )  # fmt: skip
        read_only_fields = fields


class SepaItemSerializer(serializers.ModelSerializer[SepaItem]):
    """One payment of a file."""

    class Meta:
        model = SepaItem
        fields = (
            "id", "batch", "invoice", "settlement", "amount", "end_to_end_id", "dropped_at",
            "dropped_reason",
        )  # fmt: skip
        read_only_fields = fields


class DropSerializer(serializers.Serializer[Any]):
    """Why a payment is dropped."""

    reason = serializers.CharField(max_length=200)


class InvoiceDocumentsView(ApiView):
    """The kept papers of an invoice; none while they are being made, or for a draft."""

    permissions = {"GET": READ}

    @extend_schema(responses=InvoiceDocumentSerializer(many=True))
    def get(self, request: Request, invoice_id: int) -> Response:
        """At most one of each kind: PDF, Factur-X, XML."""
        invoice = get_object_or_404(Invoice, pk=invoice_id)
        kept = invoice.documents.defer("content").order_by("kind")
        return Response(InvoiceDocumentSerializer(kept, many=True).data)


class InvoiceDocumentView(ApiView):
    """The bytes of one kept paper."""

    permissions = {"GET": READ}

    @extend_schema(responses=_FILE)
    def get(self, request: Request, invoice_id: int, kind: str) -> HttpResponse:
        """As it was made when the invoice was issued."""
        if kind not in DocumentKind.values:
            raise Http404
        kept = get_object_or_404(InvoiceDocument, invoice_id=invoice_id, kind=kind)
        return file_answer(document_file(kept))


class InvoicePreviewView(ApiView):
    """An invoice as PDF, a draft too."""

    permissions = {"GET": READ}
    refusal_statuses = REFUSALS

    @extend_schema(responses=_FILE)
    def get(self, request: Request, invoice_id: int) -> HttpResponse:
        """A draft says that it is one; of an issued invoice, the kept paper."""
        return file_answer(invoice_preview(invoice_id=invoice_id))


class SettlementPaperView(ApiView):
    """The statement with a partner as PDF."""

    permissions = {"GET": ("billing.view_settlement",)}
    refusal_statuses = REFUSALS

    @extend_schema(responses=_FILE)
    def get(self, request: Request, settlement_id: int) -> HttpResponse:
        """In the partner's language."""
        return file_answer(paper_of_settlement(settlement_id=settlement_id))


class SepaBatchesView(ApiView):
    """Files that were made for the bank."""

    permissions = {"GET": READ_SEPA}
    parameters = PageParameters

    @extend_schema(responses=list_of(SepaBatchSerializer))
    def get(self, request: Request) -> Response:
        """Those that were made last first."""
        return listed(request, sepa_batches_page(**self.page), SepaBatchSerializer)


class SepaBatchFileView(ApiView):
    """The bytes of a file for the bank."""

    permissions = {"GET": READ_SEPA}

    @extend_schema(responses={(200, "application/xml"): OpenApiTypes.BINARY})
    def get(self, request: Request, batch_id: int) -> HttpResponse:
        """As it was made."""
        batch = get_object_or_404(SepaBatch, pk=batch_id)
        return file_answer(DocumentFile(batch.file_name, "application/xml", bytes(batch.content)))


class SepaItemsView(ApiView):
    """The payments of a file."""

    permissions = {"GET": READ_SEPA}
    parameters = PageParameters

    @extend_schema(responses=list_of(SepaItemSerializer))
    def get(self, request: Request, batch_id: int) -> Response:
        """In the order of the file."""
        batch = get_object_or_404(SepaBatch.objects.defer("content"), pk=batch_id)
        page = sepa_items_page(batch_id=batch.pk, **self.page)
        return listed(request, page, SepaItemSerializer)


class SepaItemDropView(ApiView):
    """A payment that the bank refused, or that never went there."""

    permissions = {"POST": (*READ_SEPA, "billing.change_sepabatch")}
    refusal_statuses = REFUSALS

    @extend_schema(request=DropSerializer, responses=SepaItemSerializer)
    def post(self, request: Request, item_id: int) -> Response:
        """It may go into another file; safe to repeat."""
        asked = DropSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        by: Any = request.user
        item = sepa_item_drop(item_id=item_id, reason=asked.validated_data["reason"], by=by)
        return Response(SepaItemSerializer(item).data)


def file_answer(file: DocumentFile) -> HttpResponse:
    """The file as a download."""
    return HttpResponse(
        file.content,
        content_type=file.media_type,
        headers={"Content-Disposition": f'attachment; filename="{file.name}"'},
    )


urlpatterns = [
    *route(
        "invoices/<int:invoice_id>/documents", InvoiceDocumentsView.as_view(), "invoice-documents"
    ),
    *route(
        "invoices/<int:invoice_id>/documents/<slug:kind>",
        InvoiceDocumentView.as_view(),
        "invoice-document",
    ),
    *route("invoices/<int:invoice_id>/preview", InvoicePreviewView.as_view(), "invoice-preview"),
    *route(
        "settlements/<int:settlement_id>/paper", SettlementPaperView.as_view(), "settlement-paper"
    ),
    *route("sepa-files", SepaBatchesView.as_view(), "sepa-batches"),
    *route("sepa-files/<int:batch_id>/content", SepaBatchFileView.as_view(), "sepa-batch-file"),
    *route("sepa-files/<int:batch_id>/payments", SepaItemsView.as_view(), "sepa-items"),
    *route("sepa-payments/<int:item_id>/drop", SepaItemDropView.as_view(), "sepa-item-drop"),
]
