"""Lists of stations and of tokens sent in as CSV: what is good is stored, the rest told by line."""

import csv
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget

from apps.chargers.admin.words import refusal
from apps.chargers.services.station_columns import COLUMNS as STATION_COLUMNS
from apps.chargers.services.station_imports import LineRefused, station_lines, stations_add
from apps.chargers.services.token_imports import COLUMNS, TokenLineRefused, tokens_import
from cariflex.common.errors import DomainError

MOST_BYTES = 2 * 1024 * 1024
REFUSED_SHOWN = 500


class ListForm(forms.Form):
    """The file with the list; UTF-8, or Latin-1 as spreadsheets save it."""

    file = forms.FileField(
        label=gettext_lazy("list (CSV)"),
        max_length=200,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv,text/plain"}),
    )

    def clean_file(self) -> str:
        content: bytes = self.cleaned_data["file"].read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise forms.ValidationError(_("The file is too big: at most 2 MB."))
        if b"\0" in content:
            raise forms.ValidationError(_("This is no text file in UTF-8 or Latin-1."))
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return content.decode("latin-1")


class ImportPage(ModelAdmin):
    """A page of a list where a file is sent in and its lines are stored."""

    import_title: Any
    import_words: Any
    import_columns: Sequence[str]

    def list_store(self, text: str) -> dict[str, Any]:
        """Give the text to its service; `counts`, `refused`, and `made` if something was made."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("import/", view, name=self._import_name), *urls]

    @property
    def _import_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_import"

    def has_import_rows_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)

    @action(
        description=gettext_lazy("Import a list…"),
        permissions=["import_rows"],
        url_path="import-list",
    )
    def import_list(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse(f"admin:{self._import_name}"))

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Send a list in; what came of it is shown at once."""
        if not self.has_import_rows_permission(request):
            raise PermissionDenied
        is_sent = request.method == "POST"
        form = ListForm(request.POST, request.FILES) if is_sent else ListForm()
        result: dict[str, Any] | None = None
        if is_sent and form.is_valid():
            try:
                result = self.list_store(form.cleaned_data["file"])
            except DomainError as err:
                form.add_error("file", refusal(err))
        return TemplateResponse(
            request,
            "admin/chargers/list_import.html",
            {
                **self.admin_site.each_context(request),
                "title": self.import_title,
                "opts": self.opts,
                "form": form,
                "words": self.import_words,
                "columns": self.import_columns,
                "result": result,
                "shown": REFUSED_SHOWN,
            },
        )


class StationImportPage(ImportPage):
    """Stations by id, with what is said of each."""

    import_title = gettext_lazy("Import a list of stations")
    import_words = gettext_lazy(
        "A CSV file whose first line names its columns; only the id is needed. A station that is"
        " new gets one EVSE of 22 kW if nothing else is said and, without a password, a random one"
        " that is shown once. One that is known is changed to what its line says."
    )
    import_columns = STATION_COLUMNS

    def list_store(self, text: str) -> dict[str, Any]:
        try:
            lines = list(station_lines(text))
        except csv.Error as err:
            raise DomainError("chargers.list_not_csv", f"It is no CSV: {err}.") from err
        added = stations_add(lines)
        results = [one.result for one in added.stored]
        return {
            "counts": [
                (_("created"), results.count("created")),
                (_("changed"), results.count("updated")),
                (_("as they were"), results.count("unchanged")),
                (_("refused"), len(added.refused)),
            ],
            "made": [one for one in added.stored if one.password],
            **_refused(added.refused),
        }


class TokenImportPage(ImportPage):
    """Tokens with what is said of each."""

    import_title = gettext_lazy("Import a list of tokens")
    import_words = gettext_lazy(
        "A CSV file whose first line names its columns; only the token is needed. A token that is"
        " known is changed to what its line says. Times without offset are those of this page."
    )
    import_columns = COLUMNS

    def list_store(self, text: str) -> dict[str, Any]:
        added = tokens_import(text=text, time_zone=timezone.get_current_timezone())
        return {
            "counts": [
                (_("created"), added.created),
                (_("changed"), added.updated),
                (_("refused"), len(added.refused)),
            ],
            **_refused(added.refused),
        }


def _refused(lines: Sequence[LineRefused] | Sequence[TokenLineRefused]) -> dict[str, Any]:
    return {
        "refused_count": len(lines),
        "refused": [
            {"number": line.number, "field": line.field, "words": refusal(line)}
            for line in lines[:REFUSED_SHOWN]
        ],
    }
