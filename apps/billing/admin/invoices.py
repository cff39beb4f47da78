"""Invoices, credit notes and their counters, in the operator's admin."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from apps.billing.choices import InvoiceKind, InvoiceState
from apps.billing.models import Invoice, InvoiceLine, InvoiceSeries
from apps.billing.months import month_parse
from apps.billing.refusal_words import refusal
from apps.billing.services.credit_notes import invoice_credit
from apps.billing.services.drafts import draft_delete, invoice_draft_make
from apps.billing.services.invoices import invoice_issue
from apps.chargers.admin.base import OrderDialog, ReadOnlyAdmin, row_or_404, text_field, to_row
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError

ISSUE = "billing.issue_invoice"


class BillingDialog(OrderDialog):
    """A dialog of billing: what the service refuses is said in the reader's language."""

    def add_error(self, field: Any, error: Any) -> None:
        cause = getattr(self, "_refused", None)
        super().add_error(field, refusal(cause) if cause is not None else error)

    def order(self) -> Any:
        try:
            return self.ask()
        except DomainError as err:
            self._refused = err
            raise

    def ask(self) -> Any:
        """Call the service."""
        raise NotImplementedError


class DraftsForm(BillingDialog):
    """Of which month drafts are made."""

    month = text_field(_("Month"), max_length=7, help_text=_("Such as 2026-03."))

    def ask(self) -> list[Invoice]:
        return invoice_draft_make(month=month_parse(self.cleaned_data["month"]))


class CreditForm(BillingDialog):
    """A credit note: all that is left of the invoice, or an amount of it."""

    amount = forms.DecimalField(
        label=_("Amount with tax"),
        required=False,
        max_digits=14,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text=_("Empty: all that is left."),
    )
    reason = text_field(_("Reason"), max_length=300)

    def ask(self) -> Invoice:
        return invoice_credit(
            invoice_id=row_or_404(Invoice.objects.all(), self.object_id).pk,
            amount=self.cleaned_data["amount"],
            reason=self.cleaned_data["reason"],
            by=self.request.user,
        )


class InvoiceLineInline(TabularInline):
    model = InvoiceLine
    fields = (
        "position", "description", "quantity", "unit", "net", "tax_name", "tax_percent",
        "sessions_count",
    )  # fmt: skip
    readonly_fields = fields
    extra = 0
    per_page = 50
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    inlines = (InvoiceLineInline,)
    list_display = (
        "shown", "kind_label", "state_label", "account", "month_shown", "net", "tax", "gross",
        "currency", "issued_on", "due_on",
    )  # fmt: skip
    list_select_related = ("account",)
    list_filter = ("state", "kind", "currency")
    search_fields = ("reference", "account__code", "account__name")
    date_hierarchy = "month"
    actions = ("issue", "delete_drafts")
    actions_list = ("make_drafts",)
    actions_detail = ("credit",)

    @admin.display(description=_("invoice number"), ordering="reference")
    def shown(self, invoice: Invoice) -> str:
        return invoice.reference or "–"

    @admin.display(description=_("month"), ordering="month")
    def month_shown(self, invoice: Invoice) -> str:
        return f"{invoice.month:%Y-%m}"

    @display(
        description=_("kind"),
        label=Badges({InvoiceKind.INVOICE: "info", InvoiceKind.CREDIT_NOTE: "warning"}),
    )
    def kind_label(self, invoice: Invoice) -> tuple[str, str]:
        return invoice.kind, invoice.get_kind_display()

    @display(
        description=_("state"),
        label=Badges({InvoiceState.DRAFT: None, InvoiceState.ISSUED: "success"}),
    )
    def state_label(self, invoice: Invoice) -> tuple[str, str]:
        return invoice.state, invoice.get_state_display()

    def has_issue_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm(ISSUE)

    def has_draft_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("billing.add_invoice")

    @admin.action(description=_("Issue"), permissions=["issue"])
    def issue(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        done = each_row(
            request,
            queryset,
            lambda pk: invoice_issue(invoice_id=pk, by=request.user),  # type: ignore[arg-type]
        )
        text = ngettext("%(count)d invoice is issued.", "%(count)d invoices are issued.", done)
        messages.info(request, text % {"count": done})

    @admin.action(description=_("Delete the drafts"), permissions=["draft"])
    def delete_drafts(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        done = each_row(request, queryset, lambda pk: draft_delete(invoice_id=pk))
        text = ngettext("%(count)d draft is deleted.", "%(count)d drafts are deleted.", done)
        messages.info(request, text % {"count": done})

    @action(
        description=_("Make drafts…"),
        permissions=["draft"],
        url_path="make-drafts",
        dialog={
            "title": _("Make the drafts of a month"),
            "description": _("Drafts that are there are made anew; issued invoices stay."),
            "form_class": DraftsForm,
            "form_submit_text": _("Make"),
        },  # type: ignore[arg-type]
    )
    def make_drafts(self, request: HttpRequest, form: DraftsForm) -> HttpResponse:
        made = len(form.result)
        text = ngettext("%(count)d draft is made.", "%(count)d drafts are made.", made)
        messages.success(request, text % {"count": made})
        return HttpResponse(headers={"HX-Redirect": reverse("admin:billing_invoice_changelist")})

    @action(
        description=_("Credit…"),
        permissions=["issue"],
        url_path="credit",
        dialog={
            "title": _("Issue a credit note"),
            "description": _("It gets its number at once and is never changed."),
            "form_class": CreditForm,
            "form_submit_text": _("Issue"),
        },  # type: ignore[arg-type]
    )
    def credit(self, request: HttpRequest, form: CreditForm, object_id: str) -> HttpResponse:
        return to_row(form.result)


@admin.register(InvoiceSeries)
class InvoiceSeriesAdmin(ReadOnlyAdmin):
    list_display = ("code", "prefix", "last_number", "last_issued_on")
    search_fields = ("code",)


def each_row(request: HttpRequest, rows: QuerySet[Any], call: Callable[[int], object]) -> int:
    """Ask the service for each row; what is refused is told, with the row's name."""
    done = 0
    for row in rows.order_by("pk"):
        try:
            call(row.pk)
            done += 1
        except DomainError as err:
            messages.warning(request, f"{row}: {refusal(err)}")
    return done
