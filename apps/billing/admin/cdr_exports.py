"""Files out of the list of CDRs: streamed as CSV, or asked for as a workbook."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import action

from apps.billing.exports.choices import CsvStyle, ExportKind
from apps.billing.exports.csv_file import cdr_csv
from apps.billing.exports.words import EXPORT_WORDS
from apps.billing.models import Cdr
from apps.billing.selectors.exports import may_export
from apps.billing.services.exports import SELECTION_LIMIT, export_start
from cariflex.common.errors import DomainError

EXPORT = "billing.export_cdr"
LINKS = (
    ("export.csv", "billing_cdr_export", CsvStyle.INTERNATIONAL),
    ("export-excel.csv", "billing_cdr_export_excel", CsvStyle.EXCEL),
    ("export-excel-fr.csv", "billing_cdr_export_excel_fr", CsvStyle.EXCEL_FR),
)


class CdrExports(ModelAdmin):
    """The part of the list of CDRs that gives files, of what is filtered or selected."""

    actions = ("export_selected_csv", "export_selected_excel_fr", "export_selected_xlsx")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        urls: list[URLPattern] = super().get_urls()
        links = [path(link, view(self.export), {"style": s}, name=name) for link, name, s in LINKS]
        xlsx = path("export.xlsx", view(self.export_xlsx), name="billing_cdr_export_xlsx")
        return [*links, xlsx, *urls]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(EXPORT)

    def has_xlsx_permission(self, request: HttpRequest) -> bool:
        return may_export(request.user)

    def export(self, request: HttpRequest, *, style: str) -> StreamingHttpResponse:
        """The CDRs that the list shows with the same filters, as CSV."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        return csv_response(request, self.get_changelist_instance(request).queryset, style)

    def export_xlsx(self, request: HttpRequest) -> HttpResponse:
        """The same as a workbook, made in the background."""
        if not self.has_xlsx_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:billing_cdr_changelist"))
        return self._asked(request, self.get_changelist_instance(request).queryset)

    @action(description=gettext_lazy("Export as CSV"), permissions=["export"])
    def export_selected_csv(
        self, request: HttpRequest, queryset: QuerySet[Cdr]
    ) -> StreamingHttpResponse:
        return csv_response(request, queryset, CsvStyle.INTERNATIONAL)

    @action(description=gettext_lazy("Export for Excel in French"), permissions=["export"])
    def export_selected_excel_fr(
        self, request: HttpRequest, queryset: QuerySet[Cdr]
    ) -> StreamingHttpResponse:
        return csv_response(request, queryset, CsvStyle.EXCEL_FR)

    @action(description=gettext_lazy("Export as a workbook (XLSX)"), permissions=["xlsx"])
    def export_selected_xlsx(self, request: HttpRequest, queryset: QuerySet[Cdr]) -> HttpResponse:
        return self._asked(request, queryset)

    def _asked(self, request: HttpRequest, cdrs: QuerySet[Cdr]) -> HttpResponse:
        picked = list(cdrs.order_by().values_list("pk", flat=True)[: SELECTION_LIMIT + 1])
        by: Any = request.user
        try:
            job = export_start(kind=ExportKind.CDR_XLSX, params={}, by=by, selection=picked)
        except DomainError as refusal:
            messages.error(request, refusal_words(refusal))
            return HttpResponseRedirect(reverse("admin:billing_cdr_changelist"))
        messages.success(request, _("The file is being made; it can be downloaded here."))
        return HttpResponseRedirect(reverse("admin:billing_exportjob_change", args=[job.pk]))


def csv_response(request: HttpRequest, cdrs: QuerySet[Cdr], style: str) -> StreamingHttpResponse:
    """CDRs as a download that begins at once."""
    chunks = cdr_csv(cdrs, style=style)
    response = StreamingHttpResponse(chunks, content_type="text/csv; charset=utf-8")
    schema_name = request.tenant.schema_name  # type: ignore[attr-defined]
    name = f"cdrs-{schema_name}-{timezone.now():%Y%m%d-%H%M%S}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def refusal_words(refusal: DomainError) -> str:
    """Why no file is made, in the reader's language."""
    return str(EXPORT_WORDS.get(refusal.code, refusal.message))
