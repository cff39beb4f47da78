"""Exports over HTTP: asking for files, following them, taking them; and saved views."""

from typing import Any
from uuid import UUID

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.exports.choices import CsvStyle, ExportKind, ExportState, RowOrder
from apps.billing.exports.columns import COLUMNS, GROUPS
from apps.billing.exports.downloads import download_response
from apps.billing.exports.filters import ONLY
from apps.billing.models import ExportJob, ExportView
from apps.billing.selectors.exports import (
    MAY_EXPORT,
    MAY_SEE,
    export_rows,
    export_views_page,
    exports_page,
)
from apps.billing.services.export_views import (
    NAME_MAX_LENGTH,
    export_view_delete,
    export_view_save,
    export_view_update,
)
from apps.billing.services.exports import (
    SELECTION_LIMIT,
    export_cancel,
    export_discard,
    export_start,
)
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters, Parameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView

_STATUSES = {
    "export.unknown": status.HTTP_404_NOT_FOUND,
    "export.over": status.HTTP_409_CONFLICT,
    "export.not_ready": status.HTTP_409_CONFLICT,
    "export.expired": status.HTTP_410_GONE,
    "export.file_missing": status.HTTP_410_GONE,
    "export.too_many": status.HTTP_409_CONFLICT,
    "export.view_foreign": status.HTTP_403_FORBIDDEN,
    "export.view_name_taken": status.HTTP_409_CONFLICT,
}
_VIEWS = {**_STATUSES, "export.view_unknown": status.HTTP_404_NOT_FOUND}


class ExportSerializer(serializers.ModelSerializer[ExportJob]):
    """A file that was asked for, and how far it is."""

    kind = serializers.ChoiceField(ExportKind.choices)
    state = serializers.ChoiceField(ExportState.choices)
    params = serializers.DictField(help_text="What was asked for, with what was left out.")
    rows_total = serializers.IntegerField(allow_null=True, help_text="Null while it is not known.")
    percent = serializers.IntegerField(allow_null=True, help_text="Progress, 0-100.")
    requested_by = serializers.CharField(source="requested_by_name")

    class Meta:
        model = ExportJob
        fields = (
            "id",
            "kind",
            "state",
            "params",
            "requested_by",
            "requested_at",
            "started_at",
            "ended_at",
            "expires_at",
            "rows_total",
            "rows_done",
            "percent",
            "attempts",
            "error_code",
            "error",
            "file_name",
            "media_type",
            "size_bytes",
            "sha256",
            "downloads",
            "downloaded_at",
        )
        read_only_fields = fields


class CdrFiltersSerializer(serializers.Serializer[Any]):
    """Which CDRs; all of them where nothing is said."""

    month = serializers.CharField(required=False, help_text="Booking month, such as 2026-03.")
    start = serializers.DateField(required=False, help_text="First local day of the sessions' end.")
    end = serializers.DateField(required=False, help_text="Last local day of the sessions' end.")
    account = serializers.CharField(required=False, help_text="Code of an account.")
    invoice = serializers.CharField(required=False, help_text="Reference of an invoice.")
    station = serializers.CharField(required=False)
    currency = serializers.CharField(required=False)
    only = serializers.ChoiceField(ONLY, required=False, help_text="`live`: those that count.")
    search = serializers.CharField(required=False)


class NewExportSerializer(serializers.Serializer[Any]):
    """A file to be made; what a kind does not take is refused."""

    kind = serializers.ChoiceField(ExportKind.choices)
    view = serializers.IntegerField(required=False, min_value=1, help_text="A saved view (CDRs).")
    columns = serializers.ListField(
        child=serializers.CharField(), required=False, max_length=len(COLUMNS),
        help_text="Of CDRs, in the order of the file.",
    )  # fmt: skip
    order = serializers.ChoiceField(RowOrder.choices, required=False)
    style = serializers.ChoiceField(CsvStyle.choices, required=False)
    with_titles = serializers.BooleanField(required=False, help_text="Titles in words.")
    filters = CdrFiltersSerializer(required=False)
    cdr_ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=SELECTION_LIMIT,
        help_text="CDRs one by one.",
    )  # fmt: skip
    month = serializers.CharField(required=False, help_text="Of the other kinds, as 2026-03.")
    start = serializers.DateField(required=False, help_text="First day (FEC).")
    end = serializers.DateField(required=False, help_text="Last day (FEC).")
    pays_on = serializers.DateField(required=False, help_text="Day of the payments (SEPA).")
    invoice_ids = serializers.ListField(child=serializers.IntegerField(), required=False)
    settlement_ids = serializers.ListField(child=serializers.IntegerField(), required=False)


class ExportParameters(Parameters):
    """Which page of the files."""

    limit = serializers.IntegerField(min_value=1, max_value=1000, default=100)
    after = serializers.UUIDField(required=False, help_text="Follow `next` instead of setting it.")
    kind = serializers.ChoiceField(ExportKind.choices, required=False)
    state = serializers.ChoiceField(ExportState.choices, required=False)


class ExportsView(ApiView):
    """Files out of the books."""

    permissions = {"GET": MAY_SEE, "POST": MAY_EXPORT}
    parameters = ExportParameters
    refusal_statuses = _STATUSES

    @extend_schema(responses=list_of(ExportSerializer))
    def get(self, request: Request) -> Response:
        """Files that were asked for, newest first."""
        return listed(request, exports_page(**self.page), ExportSerializer)

    @extend_schema(request=NewExportSerializer, responses={201: ExportSerializer})
    def post(self, request: Request) -> Response:
        """Ask for a file; it is made in the background."""
        asked = NewExportSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = {
            name: value.isoformat() if name in ("start", "end", "pays_on") else value
            for name, value in asked.validated_data.items()
        }
        kind, selection = wanted.pop("kind"), wanted.pop("cdr_ids", None)
        by: Any = request.user
        job = export_start(kind=kind, params=wanted, by=by, selection=selection)
        return Response(ExportSerializer(job).data, status=status.HTTP_201_CREATED)


class ExportJobView(ApiView):
    """One file."""

    permissions = {"GET": MAY_SEE, "DELETE": MAY_EXPORT}
    refusal_statuses = _STATUSES

    @extend_schema(responses=ExportSerializer)
    def get(self, request: Request, export_id: UUID) -> Response:
        return Response(ExportSerializer(get_object_or_404(export_rows(), pk=export_id)).data)

    @extend_schema(responses=ExportSerializer)
    def delete(self, request: Request, export_id: UUID) -> Response:
        """Delete the file before its time; the row stays."""
        return Response(ExportSerializer(export_discard(job_id=export_id)).data)


class ExportCancelView(ApiView):
    """Stopping a file that is being made."""

    permissions = {"POST": MAY_EXPORT}
    refusal_statuses = _STATUSES

    @extend_schema(request=None, responses={201: ExportSerializer})
    def post(self, request: Request, export_id: UUID) -> Response:
        """Stop it; what was written so far is deleted."""
        job = export_cancel(job_id=export_id)
        return Response(ExportSerializer(job).data, status=status.HTTP_201_CREATED)


class ExportFileView(ApiView):
    """The content of a file."""

    permissions = {"GET": MAY_EXPORT}
    refusal_statuses = _STATUSES

    @extend_schema(
        responses={
            200: OpenApiResponse(OpenApiTypes.BINARY, "The file, with X-Content-SHA256."),
        }
    )
    def get(self, request: Request, export_id: UUID) -> FileResponse:
        """Download it; 409 while it is not ready, 410 once it has expired."""
        return download_response(export_id)


class ExportColumnSerializer(serializers.Serializer[Any]):
    """A column that files of CDRs may have."""

    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.CharField()
    group = serializers.CharField()


class ExportColumnsView(ApiView):
    """The register of columns."""

    permissions = {"GET": MAY_SEE}

    @extend_schema(responses=ExportColumnSerializer(many=True))
    def get(self, request: Request) -> Response:
        """All columns of CDRs."""
        rows = [
            {"name": one.name, "title": one.title, "kind": one.kind, "group": GROUPS[one.group]}
            for one in COLUMNS.values()
        ]
        return Response(ExportColumnSerializer(rows, many=True).data)


class ExportViewSerializer(serializers.ModelSerializer[ExportView]):
    """Columns, order and style under a name."""

    columns = serializers.ListField(child=serializers.CharField())
    owner = serializers.CharField(source="owner.username", default=None, allow_null=True)

    class Meta:
        model = ExportView
        fields = (
            "id",
            "name",
            "owner",
            "is_shared",
            "columns",
            "order",
            "style",
            "with_titles",
            "updated_at",
        )
        read_only_fields = fields


class ExportViewChangesSerializer(serializers.Serializer[Any]):
    """What of a view may be changed; what is left out stays as it is."""

    name = serializers.CharField(max_length=NAME_MAX_LENGTH, required=False)
    columns = serializers.ListField(
        child=serializers.CharField(), required=False, max_length=len(COLUMNS)
    )
    order = serializers.ChoiceField(RowOrder.choices, required=False)
    style = serializers.ChoiceField(CsvStyle.choices, required=False)
    with_titles = serializers.BooleanField(required=False)
    is_shared = serializers.BooleanField(required=False)


class NewExportViewSerializer(ExportViewChangesSerializer):
    """A new view; one's own of the same name is replaced."""

    name = serializers.CharField(max_length=NAME_MAX_LENGTH)
    columns = serializers.ListField(
        child=serializers.CharField(), max_length=len(COLUMNS), allow_empty=False
    )


class ExportViewsView(ApiView):
    """Saved views."""

    permissions = {
        "GET": ("billing.view_exportview",),
        "POST": ("billing.view_exportview", "billing.add_exportview"),
    }
    parameters = PageParameters
    refusal_statuses = _VIEWS

    @extend_schema(responses=list_of(ExportViewSerializer))
    def get(self, request: Request) -> Response:
        """One's own views and the shared ones, by id."""
        by: Any = request.user
        return listed(request, export_views_page(user=by, **self.page), ExportViewSerializer)

    @extend_schema(request=NewExportViewSerializer, responses={201: ExportViewSerializer})
    def post(self, request: Request) -> Response:
        """Save a view."""
        asked = NewExportViewSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        by: Any = request.user
        view = export_view_save(by=by, **asked.validated_data)
        return Response(ExportViewSerializer(view).data, status=status.HTTP_201_CREATED)


class ExportViewView(ApiView):
    """One of one's own views."""

    permissions = {
        "PATCH": ("billing.view_exportview", "billing.change_exportview"),
        "DELETE": ("billing.view_exportview", "billing.change_exportview"),
    }
    refusal_statuses = _VIEWS

    @extend_schema(request=ExportViewChangesSerializer, responses=ExportViewSerializer)
    def patch(self, request: Request, view_id: int) -> Response:
        """Change a view, for example share it."""
        asked = ExportViewChangesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        by: Any = request.user
        view = export_view_update(view_id=view_id, by=by, **asked.validated_data)
        return Response(ExportViewSerializer(view).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, view_id: int) -> Response:
        """Forget a view."""
        by: Any = request.user
        export_view_delete(view_id=view_id, by=by)
        return Response(status=status.HTTP_204_NO_CONTENT)


urlpatterns = [
    *route("exports", ExportsView.as_view(), "exports"),
    *route("exports/<uuid:export_id>", ExportJobView.as_view(), "export"),
    *route("exports/<uuid:export_id>/cancel", ExportCancelView.as_view(), "export-cancel"),
    *route("exports/<uuid:export_id>/file", ExportFileView.as_view(), "export-file"),
    *route("export-columns", ExportColumnsView.as_view(), "export-columns"),
    *route("export-views", ExportViewsView.as_view(), "export-views"),
    *route("export-views/<int:view_id>", ExportViewView.as_view(), "export-view"),
]
