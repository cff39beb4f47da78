"""Invoices and credit notes over HTTP: drafts, issuing, crediting."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.api.month_field import MonthField
from apps.billing.choices import InvoiceKind, InvoiceState
from apps.billing.models import Invoice, InvoiceCdr, InvoiceLine
from apps.billing.selectors.invoices import (
    invoice_cdrs_page,
    invoice_get,
    invoice_problems_today,
    invoices_page,
)
from apps.billing.services.credit_notes import invoice_credit
from apps.billing.services.drafts import draft_delete, invoice_draft_make
from apps.billing.services.invoices import invoice_issue
from cariflex.common.api.errors import ApiErrorSerializer
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView

READ = ("billing.view_invoice",)
ISSUE = (*READ, "billing.issue_invoice")
REFUSALS = {
    "billing.invoice_unknown": status.HTTP_404_NOT_FOUND,
    "billing.account_unknown": status.HTTP_404_NOT_FOUND,
    "billing.month_closed": status.HTTP_409_CONFLICT,
    "billing.invoice_issued": status.HTTP_409_CONFLICT,
    "billing.invoice_not_issued": status.HTTP_409_CONFLICT,
    "billing.draft_outdated": status.HTTP_409_CONFLICT,
    "billing.credit_nothing_left": status.HTTP_409_CONFLICT,
    "billing.credit_too_high": status.HTTP_409_CONFLICT,
    "billing.credit_draft_waits": status.HTTP_409_CONFLICT,
}
_CONFLICT = OpenApiResponse(ApiErrorSerializer, "Its state, or that of its month, forbids it.")


class InvoiceTaxSerializer(serializers.Serializer[Any]):
    """The tax of one rate: on the sum of its lines."""

    name = serializers.CharField()
    category = serializers.CharField(help_text="UNCL 5305, as in EN 16931.")
    percent = serializers.CharField()
    basis = serializers.CharField()
    amount = serializers.CharField()
    legal_mention = serializers.CharField()
    exemption_code = serializers.CharField()
    problem = serializers.CharField(required=False, help_text="Why it may not be issued so.")


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    """An invoice or a credit note, without its lines. Amounts of a credit note are above 0."""

    account = serializers.SlugField(source="account.code", help_text="The account's code.")
    month = MonthField()
    credits = serializers.CharField(
        source="credits.reference",
        default=None,
        allow_null=True,
        help_text="Number of the invoice that a credit note credits.",
    )
    taxes = InvoiceTaxSerializer(many=True)

    class Meta:
        model = Invoice
        fields = (
            "id", "kind", "state", "reference", "account", "month", "currency", "language",
            "issued_at", "issued_on", "due_on", "issued_by", "credits", "reason", "taxes", "net",
            "tax", "gross", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class InvoiceLineSerializer(serializers.ModelSerializer[InvoiceLine]):
    """One line; its tax is on the sum of its rate."""

    quantity = serializers.DecimalField(max_digits=18, decimal_places=6, normalize_output=True)
    tax_percent = serializers.DecimalField(max_digits=6, decimal_places=3, normalize_output=True)

    class Meta:
        model = InvoiceLine
        fields = (
            "id", "position", "description", "quantity", "unit", "net", "tax_name", "tax_category",
            "tax_percent", "exemption_code", "legal_mention", "sessions_count",
        )  # fmt: skip
        read_only_fields = fields


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a draft may not be issued."""

    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(allow_null=True)


class InvoiceWholeSerializer(InvoiceSerializer):
    """An invoice with its parties and lines; a draft with what keeps it from being issued."""

    lines = InvoiceLineSerializer(many=True)
    seller = serializers.JSONField(help_text="As it was when issued; empty for a draft.")
    buyer = serializers.JSONField(help_text="As it was when issued; empty for a draft.")
    credit_notes = serializers.SlugRelatedField(slug_field="reference", many=True, read_only=True)
    problems = serializers.SerializerMethodField()

    class Meta(InvoiceSerializer.Meta):
        fields = (
            *InvoiceSerializer.Meta.fields, "seller", "buyer", "lines", "credit_notes", "problems",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(ProblemSerializer(many=True))
    def get_problems(self, invoice: Invoice) -> Any:
        """[] for what may be issued, and for what is."""
        return ProblemSerializer(invoice_problems_today(invoice), many=True).data


class InvoiceCdrSerializer(serializers.ModelSerializer[InvoiceCdr]):
    """A CDR on an invoice; `net` below 0 is taken off."""

    cdr = serializers.CharField(source="cdr.reference")
    line = serializers.IntegerField(source="line.position")
    energy_kwh = serializers.DecimalField(
        source="cdr.energy_kwh", max_digits=24, decimal_places=9, normalize_output=True
    )

    class Meta:
        model = InvoiceCdr
        fields = ("id", "cdr", "line", "energy_kwh", "net")
        read_only_fields = fields


class InvoiceParameters(PageParameters):
    month = MonthField(required=False)
    account = serializers.SlugField(required=False, help_text="The account's code.")
    state = serializers.ChoiceField(InvoiceState.choices, required=False)
    kind = serializers.ChoiceField(InvoiceKind.choices, required=False)
    currency = serializers.CharField(required=False, max_length=3)
    reference = serializers.CharField(required=False, help_text="The whole number.")


class DraftsSerializer(serializers.Serializer[Any]):
    """Of which month drafts are made."""

    month = MonthField()
    account = serializers.IntegerField(
        required=False, help_text="The account's id; left out: all accounts."
    )


class InvoicesView(ApiView):
    """Invoices and credit notes."""

    permissions = {"GET": READ, "POST": (*READ, "billing.add_invoice")}
    parameters = InvoiceParameters
    refusal_statuses = REFUSALS

    @extend_schema(responses=list_of(InvoiceSerializer))
    def get(self, request: Request) -> Response:
        """Those that were made last first."""
        return listed(request, invoices_page(**self.page), InvoiceSerializer)

    @extend_schema(
        request=DraftsSerializer,
        responses={200: InvoiceSerializer(many=True), 409: _CONFLICT},
    )
    def post(self, request: Request) -> Response:
        """Make the drafts of a month, or make them anew."""
        asked = DraftsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = invoice_draft_make(
            month=asked.validated_data["month"], account_id=asked.validated_data.get("account")
        )
        return Response(InvoiceSerializer(made, many=True).data)


class InvoiceView(ApiView):
    """One invoice or credit note."""

    permissions = {"GET": READ, "DELETE": (*READ, "billing.add_invoice")}
    refusal_statuses = REFUSALS

    @extend_schema(responses=InvoiceWholeSerializer)
    def get(self, request: Request, invoice_id: int) -> Response:
        return Response(InvoiceWholeSerializer(_found(invoice_id)).data)

    @extend_schema(responses={204: None, 409: _CONFLICT})
    def delete(self, request: Request, invoice_id: int) -> Response:
        """Throw a draft away."""
        draft_delete(invoice_id=invoice_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvoiceCdrsView(ApiView):
    """The CDRs on an invoice."""

    permissions = {"GET": (*READ, "billing.view_cdr")}
    parameters = PageParameters

    @extend_schema(responses=list_of(InvoiceCdrSerializer))
    def get(self, request: Request, invoice_id: int) -> Response:
        """CDRs in the order of the lines' making."""
        page = invoice_cdrs_page(invoice_id=_found(invoice_id).pk, **self.page)
        return listed(request, page, InvoiceCdrSerializer)


class InvoiceIssueView(ApiView):
    """Give a draft its number; an issued one stays as it is."""

    permissions = {"POST": ISSUE}
    refusal_statuses = REFUSALS

    @extend_schema(request=None, responses={200: InvoiceWholeSerializer, 409: _CONFLICT})
    def post(self, request: Request, invoice_id: int) -> Response:
        invoice_issue(invoice_id=invoice_id, by=request.user)  # type: ignore[arg-type]
        return Response(InvoiceWholeSerializer(_found(invoice_id)).data)


class InvoiceLineCreditSerializer(serializers.Serializer[Any]):
    """How much of a line is credited."""

    line = serializers.IntegerField(help_text="The line's id.")
    net = serializers.DecimalField(max_digits=14, decimal_places=2)


class InvoiceCreditSerializer(serializers.Serializer[Any]):
    """What is credited: lines, or an amount with tax; neither: all that is left."""

    reason = serializers.CharField(max_length=300)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False)
    lines = InvoiceLineCreditSerializer(many=True, required=False, allow_empty=False)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Each line once."""
        if len({line["line"] for line in lines}) < len(lines):
            raise serializers.ValidationError("A line is named twice.")
        return lines


class InvoiceCreditView(ApiView):
    """Issue a credit note on an issued invoice."""

    permissions = {"POST": ISSUE}
    refusal_statuses = REFUSALS

    @extend_schema(
        request=InvoiceCreditSerializer, responses={201: InvoiceWholeSerializer, 409: _CONFLICT}
    )
    def post(self, request: Request, invoice_id: int) -> Response:
        asked = InvoiceCreditSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        lines = asked.validated_data.get("lines")
        note = invoice_credit(
            invoice_id=invoice_id,
            reason=asked.validated_data["reason"],
            amount=asked.validated_data.get("amount"),
            lines={line["line"]: line["net"] for line in lines} if lines else None,
            by=request.user,  # type: ignore[arg-type]
        )
        return Response(
            InvoiceWholeSerializer(_found(note.pk)).data, status=status.HTTP_201_CREATED
        )


def _found(invoice_id: int) -> Invoice:
    invoice = invoice_get(invoice_id)
    if invoice is None:
        raise Http404
    return invoice


urlpatterns = [
    *route("invoices", InvoicesView.as_view(), "invoices"),
    *route("invoices/<int:invoice_id>", InvoiceView.as_view(), "invoice"),
    *route("invoices/<int:invoice_id>/cdrs", InvoiceCdrsView.as_view(), "invoice-cdrs"),
    *route("invoices/<int:invoice_id>/issue", InvoiceIssueView.as_view(), "invoice-issue"),
    *route("invoices/<int:invoice_id>/credit", InvoiceCreditView.as_view(), "invoice-credit"),
]
