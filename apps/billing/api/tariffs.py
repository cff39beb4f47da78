"""Tariffs over HTTP: versions, drafts, issuing, OCPI in and out, what a session would cost."""

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.api.tariff_serializers import (
    NewTariffSerializer,
    TariffChangeSerializer,
    TariffContentSerializer,
    TariffFullSerializer,
    TariffImportedSerializer,
    TariffIssueSerializer,
    TariffSerializer,
    TariffVersionFullSerializer,
    TariffVersionSerializer,
    TypicalSessionSerializer,
)
from apps.billing.models import TariffVersion
from apps.billing.rating import (
    VERSIONS,
    RatingProblem,
    rating_dump,
    tariff_check,
    tariff_parse,
)
from apps.billing.selectors.tariff_contents import tariff_content
from apps.billing.selectors.tariff_lists import (
    tariff_exported,
    tariff_row,
    tariffs_after,
    version_of,
    versions_after,
)
from apps.billing.services.tariffs import (
    FormulaGiven,
    tariff_archive,
    tariff_change,
    tariff_create,
    tariff_draft_discard,
    tariff_draft_open,
    tariff_draft_save,
    tariff_import,
    tariff_version_issue,
)
from apps.billing.services.tariffs.versions import FIRST_YEAR, LAST_YEAR
from apps.billing.tariff_week import SessionAsked, preview_of
from apps.tenants.context import current_operator
from cariflex.common.api.exact import ExactJSONParser, ExactJSONRenderer
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters, Parameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

READ = ("billing.view_tariff",)
ADD = (*READ, "billing.add_tariff")
CHANGE = (*READ, "billing.change_tariff")
REFUSALS = {
    "billing.tariff_unknown": status.HTTP_404_NOT_FOUND,
    "billing.tariff_code_taken": status.HTTP_409_CONFLICT,
    "billing.tariff_draft_moved": status.HTTP_409_CONFLICT,
    "billing.tariff_has_draft": status.HTTP_409_CONFLICT,
    "billing.tariff_in_use": status.HTTP_409_CONFLICT,
    "billing.tariff_version_issued": status.HTTP_409_CONFLICT,
}


class TariffParameters(PageParameters):
    search = serializers.CharField(required=False, max_length=60)
    is_archived = serializers.BooleanField(required=False, allow_null=True, default=None)


class ExportParameters(Parameters):
    ocpi = serializers.ChoiceField([(one, one) for one in VERSIONS], default="2.2.1")


class ExactView(ApiView):
    """Money travels as JSON numbers: every digit is kept."""

    parser_classes = [ExactJSONParser]  # noqa: RUF012
    renderer_classes = [ExactJSONRenderer]  # noqa: RUF012
    refusal_statuses = REFUSALS


class TariffsView(ExactView):
    """All tariffs."""

    permissions = {"GET": READ, "POST": ADD}
    parameters = TariffParameters

    @extend_schema(responses=list_of(TariffSerializer))
    def get(self, request: Request) -> Response:
        """Tariffs by id."""
        return listed(request, tariffs_after(**self.page), TariffSerializer)

    @extend_schema(request=NewTariffSerializer, responses={201: TariffFullSerializer})
    def post(self, request: Request) -> Response:
        """Make a tariff with a draft; without content energy is free until it is written."""
        asked = NewTariffSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        made = tariff_create(
            code=given["code"],
            name=given["name"],
            type=given["type"],
            content=given.get("content"),
            formula=_formula(given.get("formula")),
            now=utc_now(),
        )
        return Response(_tariff(made.tariff_id), status=status.HTTP_201_CREATED)


class TariffView(ExactView):
    """One tariff."""

    permissions = {"GET": READ, "PATCH": CHANGE}

    @extend_schema(responses=TariffFullSerializer)
    def get(self, request: Request, tariff_id: int) -> Response:
        return Response(_tariff(tariff_id))

    @extend_schema(request=TariffChangeSerializer, responses=TariffFullSerializer)
    def patch(self, request: Request, tariff_id: int) -> Response:
        """Another name, type, note, or archived; prices change by a new version."""
        asked = TariffChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        row = tariff_row(tariff_id, now=utc_now())
        if row is None:
            raise Http404
        tariff_change(
            tariff_id=tariff_id,
            name=given.get("name", row.tariff.name),
            type=given.get("type", row.tariff.type),
            note=given.get("note", row.tariff.note),
        )
        if "is_archived" in given:
            tariff_archive(tariff_id=tariff_id, is_archived=given["is_archived"], now=utc_now())
        return Response(_tariff(tariff_id))


class TariffImportView(ExactView):
    """OCPI tariff objects of other systems."""

    permissions = {"POST": ADD}

    @extend_schema(request={"application/json": dict}, responses={201: TariffImportedSerializer})
    def post(self, request: Request) -> Response:
        """An OCPI tariff object of 2.1.1, 2.2.1 or 2.3.0 becomes a draft."""
        if not isinstance(request.data, dict):
            raise DomainError("json.invalid", "One OCPI tariff object is expected.")
        imported = tariff_import(content=request.data, now=utc_now())
        told = {
            "tariff_id": imported.version.tariff_id,
            "number": imported.version.number,
            "notes": imported.notes,
        }
        return Response(TariffImportedSerializer(told).data, status=status.HTTP_201_CREATED)


class VersionsView(ExactView):
    """The versions of a tariff."""

    permissions = {"GET": READ, "POST": CHANGE}
    parameters = PageParameters

    @extend_schema(responses=list_of(TariffVersionSerializer))
    def get(self, request: Request, tariff_id: int) -> Response:
        """Versions, newest first."""
        _tariff(tariff_id)
        return listed(
            request, versions_after(tariff_id=tariff_id, **self.page), TariffVersionSerializer
        )

    @extend_schema(request=None, responses={201: TariffVersionFullSerializer})
    def post(self, request: Request, tariff_id: int) -> Response:
        """Begin a draft as a copy of the newest version; the one there is when there is one."""
        draft = tariff_draft_open(tariff_id=tariff_id, now=utc_now())
        return Response(TariffVersionFullSerializer(draft).data, status=status.HTTP_201_CREATED)


class VersionView(ExactView):
    """One version; a draft can be written."""

    permissions = {"GET": READ, "PUT": CHANGE, "DELETE": CHANGE}

    @extend_schema(responses=TariffVersionFullSerializer)
    def get(self, request: Request, tariff_id: int, number: int) -> Response:
        return Response(TariffVersionFullSerializer(_version(tariff_id, number)).data)

    @extend_schema(request=TariffContentSerializer, responses=TariffVersionFullSerializer)
    def put(self, request: Request, tariff_id: int, number: int) -> Response:
        """Write a draft."""
        asked = TariffContentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        saved = tariff_draft_save(
            version_id=_version(tariff_id, number).pk,
            content=given["content"],
            formula=_formula(given.get("formula")),
            change_note=given["change_note"],
            now=utc_now(),
        )
        return Response(TariffVersionFullSerializer(saved).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, tariff_id: int, number: int) -> Response:
        """Forget a draft."""
        tariff_draft_discard(version_id=_version(tariff_id, number).pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class VersionIssueView(ExactView):
    """Drafts become versions for good."""

    permissions = {"POST": CHANGE}

    @extend_schema(request=TariffIssueSerializer, responses=TariffVersionFullSerializer)
    def post(self, request: Request, tariff_id: int, number: int) -> Response:
        """Issue a draft: it never changes again."""
        asked = TariffIssueSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        issued = tariff_version_issue(
            version_id=_version(tariff_id, number).pk,
            issued_by=request.user.get_username(),
            now=utc_now(),
            **asked.validated_data,
        )
        return Response(TariffVersionFullSerializer(issued).data)


class VersionOcpiView(ExactView):
    """Tariffs as partners get them."""

    permissions = {"GET": READ}
    parameters = ExportParameters

    @extend_schema(responses={200: dict})
    def get(self, request: Request, tariff_id: int, number: int) -> Response:
        """The version as an OCPI object, with the market prices that are known."""
        now = utc_now()
        try:
            content = tariff_exported(
                _version(tariff_id, number),
                ocpi=self.query["ocpi"],
                start=now,
                end=now + timedelta(days=2),
            )
        except RatingProblem as problem:
            raise DomainError(problem.code, problem.message, field=problem.field) from problem
        return Response(content)


class VersionPreviewView(ExactView):
    """What a session would cost."""

    permissions = {"POST": READ}

    @extend_schema(request=TypicalSessionSerializer, responses={200: dict})
    def post(self, request: Request, tariff_id: int, number: int) -> Response:
        """Price a typical session by a version: the engine's rating, and what is odd about it."""
        asked = TypicalSessionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        zone = given.get("time_zone") or str(current_operator().time_zone)
        version, start = _version(tariff_id, number), given["arrival"]
        if not FIRST_YEAR <= start.year <= LAST_YEAR:
            raise DomainError("billing.time_invalid", "A day and a time.", field="arrival")
        if zone not in available_timezones():
            raise DomainError("zone.unknown", "There is no such time zone.", field="time_zone")
        try:
            content = tariff_content(
                version, start=start, end=start + timedelta(days=8), time_zone=zone
            )
            tariff, _notes = tariff_parse(content, "2.2.1")
            session = SessionAsked(
                start, given["energy_kwh"], given["power_kw"], given["parking_min"], zone
            )
            preview = preview_of(tariff, session)
        except RatingProblem as problem:
            raise DomainError(problem.code, problem.message, field=problem.field) from problem
        warnings = [
            {"code": one.code, "text": one.text, "where": one.where} for one in tariff_check(tariff)
        ]
        return Response({**rating_dump(preview.rating), "warnings": warnings})


def _tariff(tariff_id: int) -> dict[str, Any]:
    row = tariff_row(tariff_id, now=utc_now())
    if row is None:
        raise Http404
    told: dict[str, Any] = dict(TariffSerializer(row.tariff).data)
    for name, version in (
        ("in_force", row.current), ("following", row.following), ("draft", row.draft),
    ):  # fmt: skip
        told[name] = version.number if version else None
    return told


def _version(tariff_id: int, number: int) -> TariffVersion:
    version = version_of(tariff_id, number)
    if version is None:
        raise Http404
    return version


def _formula(given: dict[str, Any] | None) -> FormulaGiven | None:
    return None if given is None else FormulaGiven(**given)


urlpatterns = [
    *route("tariffs", TariffsView.as_view(), "tariffs"),
    *route("tariffs/import", TariffImportView.as_view(), "tariff-import"),
    *route("tariffs/<int:tariff_id>", TariffView.as_view(), "tariff"),
    *route("tariffs/<int:tariff_id>/versions", VersionsView.as_view(), "tariff-versions"),
    *route(
        "tariffs/<int:tariff_id>/versions/<int:number>", VersionView.as_view(), "tariff-version"
    ),
    *route(
        "tariffs/<int:tariff_id>/versions/<int:number>/issue",
        VersionIssueView.as_view(),
        "tariff-version-issue",
    ),
    *route(
        "tariffs/<int:tariff_id>/versions/<int:number>/ocpi",
        VersionOcpiView.as_view(),
        "tariff-version-ocpi",
    ),
    *route(
        "tariffs/<int:tariff_id>/versions/<int:number>/preview",
        VersionPreviewView.as_view(),
        "tariff-version-preview",
    ),
]
