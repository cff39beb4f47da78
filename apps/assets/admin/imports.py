"""Lists of devices in the back office: sent in, looked at line by line, stored."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from apps.assets.admin.import_words import file_refusal, rule_words
from apps.assets.choices import ImportLineStatus, ImportStatus
from apps.assets.models import DeviceImport
from apps.assets.services.device_imports import device_list_check, device_list_store
from apps.assets.services.device_lines import COLUMNS, MOST_BYTES, MOST_LINES, list_template
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError

LINES_ON_A_PAGE = 200
ADD_DEVICE = "assets.add_device"


class DeviceListForm(forms.Form):
    """The file with the list."""

    file = forms.FileField(
        label=gettext_lazy("list of devices (CSV)"),
        max_length=200,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv,text/plain"}),
    )


@admin.register(DeviceImport)
class DeviceImportAdmin(ModelAdmin):
    """Lists as they came. "Add" sends one in; its page shows each line and stores the good ones."""

    list_display = (
        "name",
        "received_at",
        "received_from",
        "status_label",
        "lines_count",
        "stored_count",
        "refused_count",
    )
    list_filter = ("status",)
    list_select_related = ("received_from",)
    search_fields = ("name",)
    date_hierarchy = "received_at"

    @display(
        description=gettext_lazy("status"),
        ordering="status",
        label=Badges(
            {
                ImportStatus.CHECKED: "info",
                ImportStatus.STORED: "success",
                ImportStatus.REFUSED: "danger",
            }
        ),
    )
    def status_label(self, device_import: DeviceImport) -> tuple[str, str]:
        return device_import.status, device_import.get_status_display()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        urls: list[URLPattern] = super().get_urls()
        return [
            path("template.csv", view(self.template_view), name="assets_deviceimport_template"),
            *urls,
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Send a list in; on to what is wrong with it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        is_sent = request.method == "POST"
        form = DeviceListForm(request.POST, request.FILES) if is_sent else DeviceListForm()
        if is_sent and form.is_valid():
            file = form.cleaned_data["file"]
            # One byte more than is allowed says that it is too big.
            content = file.read(MOST_BYTES + 1)
            try:
                device_import = device_list_check(
                    name=file.name, content=content, received_from=request.user
                )
            except DomainError as error:
                form.add_error("file", file_refusal(error))
            else:
                self.log_addition(request, device_import, _("List of devices sent in."))
                return HttpResponseRedirect(import_url(device_import))
        return TemplateResponse(
            request,
            "admin/assets/device_list_add.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Import a list of devices"),
                "opts": self.opts,
                "form": form,
                "most_lines": MOST_LINES,
                "columns": [
                    {"name": name, "is_required": column.is_required}
                    for name, column in COLUMNS.items()
                ],
            },
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """Each line with its rule; a POST stores the valid ones."""
        device_import = self._import_or_404(request, object_id)
        if request.method == "POST":
            return self._store(request, device_import)
        lines = device_import.lines.order_by("number")
        only = request.GET.get("only", "")
        if only in ImportLineStatus.values:
            lines = lines.filter(status=only)
        page = Paginator(lines, LINES_ON_A_PAGE).get_page(request.GET.get("page"))
        valid = device_import.lines_count - device_import.refused_count
        return TemplateResponse(
            request,
            "admin/assets/device_list.html",
            {
                **self.admin_site.each_context(request),
                "title": _("List of devices %(name)s") % {"name": device_import.name},
                "opts": self.opts,
                "device_import": device_import,
                "is_checked": device_import.status == ImportStatus.CHECKED,
                "is_stored": device_import.status == ImportStatus.STORED,
                "valid_count": valid,
                "may_store": self._may_store(request),
                "only": only,
                "page": page,
                "rows": [
                    {
                        "number": line.number,
                        "text": line.text,
                        "status": line.status,
                        "status_words": line.get_status_display(),
                        "field": line.field,
                        "rule": rule_words(line.rule) if line.rule else "",
                    }
                    for line in page
                ],
            },
        )

    def template_view(self, request: HttpRequest) -> HttpResponse:
        """A list to fill in."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        # The BOM makes spreadsheets read it as UTF-8.
        response = HttpResponse("\ufeff" + list_template(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="devices.csv"'
        return response

    def _store(self, request: HttpRequest, device_import: DeviceImport) -> HttpResponse:
        if not self._may_store(request):
            raise PermissionDenied
        try:
            stored = device_list_store(import_id=device_import.pk)
        except DomainError as error:
            messages.error(request, file_refusal(error))
            return HttpResponseRedirect(import_url(device_import))
        words = ngettext(
            "%(count)s device is imported: it must be commissioned.",
            "%(count)s devices are imported: they must be commissioned.",
            stored.stored_count,
        ) % {"count": stored.stored_count}
        self.log_change(request, stored, words)
        messages.success(request, words)
        return HttpResponseRedirect(import_url(stored))

    def _may_store(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and request.user.has_perm(ADD_DEVICE))

    def _import_or_404(self, request: HttpRequest, object_id: str) -> DeviceImport:
        if not self.has_view_permission(request):
            raise PermissionDenied
        is_number = object_id.isdecimal() and len(object_id) < 16
        device_import = (
            DeviceImport.objects.filter(pk=int(object_id)).first() if is_number else None
        )
        if device_import is None:
            raise Http404
        return device_import

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


def import_url(device_import: DeviceImport) -> str:
    """The page of a list."""
    return reverse("admin:assets_deviceimport_change", args=[device_import.pk])
