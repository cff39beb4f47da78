"""Kept papers, bookkeeping and files for the bank, in the operator's admin."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from apps.billing.admin.accounts import ServiceForm
from apps.billing.admin.invoices import BillingDialog
from apps.billing.choices import DocumentKind, SepaKind
from apps.billing.documents.files import XML
from apps.billing.models import (
    BookEntry,
    BookSettings,
    BookTaxAccounts,
    InvoiceDocument,
    SepaBatch,
    SepaItem,
)
from apps.billing.services.books import (
    book_settings_save,
    book_tax_accounts_save,
    books_post,
)
from apps.billing.services.sepa import sepa_item_drop
from apps.chargers.admin.base import ReadOnlyAdmin, row_or_404, text_field, to_row
from cariflex.common.badges import Badges

CHANGE_BOOKS = "billing.change_booksettings"


class DownloadAdmin(ReadOnlyAdmin):
    """Rows that keep a file in `content`."""

    exclude = ("content",)
    media_type = XML

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content")

    def get_urls(self) -> list[URLPattern]:
        name = f"billing_{self.opts.model_name}_download"
        view = self.admin_site.admin_view(self.download)
        return [path("<int:object_id>/download", view, name=name), *super().get_urls()]

    @admin.display(description=_("file"))
    def file_link(self, row: Any) -> str:
        address = reverse(f"admin:billing_{self.opts.model_name}_download", args=[row.pk])
        return format_html('<a href="{}">{}</a>', address, row.file_name)

    def download(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The bytes as they were kept."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.model, pk=object_id)
        return HttpResponse(
            bytes(row.content),
            content_type=getattr(row, "media_type", self.media_type),
            headers={"Content-Disposition": f'attachment; filename="{row.file_name}"'},
        )


@admin.register(InvoiceDocument)
class InvoiceDocumentAdmin(DownloadAdmin):
    list_display = ("file_link", "kind_label", "invoice", "sha256", "made_at")
    list_select_related = ("invoice",)
    list_filter = ("kind",)
    search_fields = ("file_name", "invoice__reference")
    date_hierarchy = "made_at"

    @display(
        description=_("kind"),
        label=Badges(
            {
                DocumentKind.PDF: "warning",
                DocumentKind.FACTURX: "success",
                DocumentKind.XML: "info",
            }
        ),
    )
    def kind_label(self, document: InvoiceDocument) -> tuple[str, str]:
        return document.kind, document.get_kind_display()


class DropForm(BillingDialog):
    """Why a payment is dropped."""

    reason = text_field(_("Reason"), max_length=200)

    def ask(self) -> SepaItem:
        return sepa_item_drop(
            item_id=row_or_404(SepaItem.objects.all(), self.object_id).pk,
            reason=self.cleaned_data["reason"],
            by=self.request.user,
        )


class SepaItemInline(TabularInline):
    model = SepaItem
    fields = ("end_to_end_id", "invoice", "settlement", "amount", "dropped_at", "dropped_reason")
    readonly_fields = fields
    extra = 0
    per_page = 50
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(SepaBatch)
class SepaBatchAdmin(DownloadAdmin):
    inlines = (SepaItemInline,)
    list_display = ("file_link", "kind_label", "pays_on", "count", "total", "made_at", "made_by")
    list_select_related = ("made_by",)
    list_filter = ("kind",)
    search_fields = ("file_name", "message_id", "items__end_to_end_id")
    date_hierarchy = "pays_on"

    @display(
        description=_("kind"), label=Badges({SepaKind.DEBIT: "info", SepaKind.CREDIT: "warning"})
    )
    def kind_label(self, batch: SepaBatch) -> tuple[str, str]:
        return batch.kind, batch.get_kind_display()


@admin.register(SepaItem)
class SepaItemAdmin(ReadOnlyAdmin):
    list_display = (
        "end_to_end_id", "batch", "invoice", "settlement", "amount", "dropped_at", "dropped_reason",
    )  # fmt: skip
    list_select_related = ("batch", "invoice", "settlement__account")
    search_fields = ("end_to_end_id",)
    actions_detail = ("drop",)

    def has_drop_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("billing.change_sepabatch")

    @action(
        description=_("Drop…"),
        permissions=["drop"],
        url_path="drop",
        dialog={
            "title": _("Drop this payment"),
            "description": _("The bank refused it, or the file never went there."),
            "form_class": DropForm,
            "form_submit_text": _("Drop"),
        },  # type: ignore[arg-type]
    )
    def drop(self, request: HttpRequest, form: DropForm, object_id: str) -> HttpResponse:
        return to_row(form.result)


class BookForm(ServiceForm):
    """The model's own checks are those of the service too."""

    def _post_clean(self) -> None:
        try:
            super()._post_clean()
        except ValidationError as err:
            self._update_errors(err)


class BookSettingsForm(BookForm):
    class Meta:
        model = BookSettings
        exclude = ("updated_at",)

    def write(self, given: dict[str, Any]) -> BookSettings:
        return book_settings_save(by=None, **given)


class BookTaxAccountsForm(BookForm):
    class Meta:
        model = BookTaxAccounts
        fields = ("category", "percent", "sales", "tax_collected")

    def write(self, given: dict[str, Any]) -> BookTaxAccounts:
        row = self.instance
        return book_tax_accounts_save(
            category=given.get("category", row.category),
            percent=given.get("percent", row.percent),
            sales=given["sales"],
            tax_collected=given["tax_collected"],
        )


@admin.register(BookSettings)
class BookSettingsAdmin(ModelAdmin):
    form = BookSettingsForm
    list_display = ("__str__", "customers", "sales", "tax_collected", "bank", "updated_at")
    fieldsets = (
        (
            _("Accounts"),
            {
                "fields": (
                    "customers", "suppliers", "sales", "tax_collected", "tax_deductible",
                    "purchases", "hub_fees", "bank", "cards", "cash", "suspense",
                )
            },
        ),
        (
            _("Journals"),
            {
                "fields": (
                    "sales_journal", "purchases_journal", "bank_journal", "general_journal",
                    "year_begins_in",
                )
            },
        ),
    )  # fmt: skip

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has written the row."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not BookSettings.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(BookTaxAccounts)
class BookTaxAccountsAdmin(ModelAdmin):
    form = BookTaxAccountsForm
    list_display = ("__str__", "sales", "tax_collected")

    def get_readonly_fields(
        self, request: HttpRequest, obj: BookTaxAccounts | None = None
    ) -> tuple[str, ...]:
        return ("category", "percent") if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has written the row."""


class PostForm(BillingDialog):
    """Nothing is asked but the click."""

    def ask(self) -> int:
        return books_post()


@admin.register(BookEntry)
class BookEntryAdmin(ReadOnlyAdmin):
    list_display = (
        "journal", "number", "on", "piece_reference", "label", "lines_shown", "booked_at",
    )  # fmt: skip
    list_filter = ("journal", "year")
    search_fields = ("piece_reference", "label", "source")
    date_hierarchy = "on"
    actions_list = ("post",)

    @admin.display(description=_("lines"))
    def lines_shown(self, entry: BookEntry) -> str:
        return " · ".join(
            f"{line['account']} D {line['debit']}"
            if line["credit"] == "0.00"
            else f"{line['account']} C {line['credit']}"
            for line in entry.lines
        )

    def has_post_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm(CHANGE_BOOKS)

    @action(
        description=_("Book what is missing…"),
        permissions=["post"],
        url_path="post",
        dialog={
            "title": _("Book what is missing"),
            "description": _("Each paper and payment gets its entry once, and keeps its number."),
            "form_class": PostForm,
            "form_submit_text": _("Book"),
        },  # type: ignore[arg-type]
    )
    def post(self, request: HttpRequest, form: PostForm) -> HttpResponse:
        text = ngettext("%(count)d entry is booked.", "%(count)d entries are booked.", form.result)
        messages.success(request, text % {"count": form.result})
        return HttpResponse(headers={"HX-Redirect": reverse("admin:billing_bookentry_changelist")})
