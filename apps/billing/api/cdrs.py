"""CDRs over HTTP: lists, one with its lines and periods, its OCPI object, and its credit."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.api.month_field import MonthField
from apps.billing.models import Cdr
from apps.billing.selectors.cdr_ocpi import cdr_ocpi
from apps.billing.selectors.cdr_records import cdr_record, cdr_records_page
from apps.billing.services.credits import LONGEST_REASON, cdr_credit
from cariflex.common.api.fields import InstantField
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import DEFAULT_LIMIT, HIGHEST_LIMIT, Parameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView
from cariflex.common.exact_json import exact_dumps

SEE = ("billing.view_cdr",)
KINDS = ("live", "credited", "credit")
_STATUSES = {
    "billing.cdr_unknown": status.HTTP_404_NOT_FOUND,
    "billing.cdr_credited": status.HTTP_409_CONFLICT,
    "billing.cdr_is_credit": status.HTTP_409_CONFLICT,
    "billing.payment_pending": status.HTTP_409_CONFLICT,
    "billing.session_waived": status.HTTP_409_CONFLICT,
    "billing.tariff_missing": status.HTTP_409_CONFLICT,
    "billing.not_priced": status.HTTP_409_CONFLICT,
}


def _exact(**more: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=24, decimal_places=9, normalize_output=True, help_text="Exact; a text.", **more
    )


class CdrSerializer(serializers.ModelSerializer[Cdr]):
    """A charge detail record. Amounts are texts with 4 decimals; a credit's are negative."""

    month = MonthField(source="billing_month")
    session = serializers.IntegerField(source="session_id")
    station = serializers.CharField(source="station_id", help_text="OCPP identity.")
    account = serializers.CharField(
        source="account.code", default=None, allow_null=True, help_text="Code of who pays."
    )
    id_token_masked = serializers.CharField()
    energy_kwh = _exact()
    charged_kwh = _exact()
    discharged_kwh = _exact()
    total_time_h = _exact()
    parking_time_h = _exact()
    is_live = serializers.BooleanField(help_text="It counts: no credit, and not taken back.")
    takes_back = serializers.CharField(
        source="credit_reference.reference", default=None, allow_null=True
    )
    taken_back_by = serializers.CharField(
        source="credited_by.reference", default=None, allow_null=True
    )
    replaces = serializers.CharField(source="replaces.reference", default=None, allow_null=True)
    replaced_by = serializers.CharField(
        source="replaced_by.reference", default=None, allow_null=True
    )

    class Meta:
        model = Cdr
        fields: tuple[str, ...] = (
            "id",
            "reference",
            "session",
            "revision",
            "credit",
            "is_live",
            "takes_back",
            "taken_back_by",
            "replaces",
            "replaced_by",
            "reason",
            "month",
            "account",
            "station",
            "station_name",
            "commune",
            "evse_id",
            "transaction_id",
            "id_token_masked",
            "id_token_type",
            "started_at",
            "ended_at",
            "time_zone",
            "energy_kwh",
            "charged_kwh",
            "discharged_kwh",
            "total_time_h",
            "parking_time_h",
            "tariff_name",
            "currency",
            "total_excl_vat",
            "vat",
            "total_incl_vat",
            "explanation",
            "issued_at",
            "issued_by",
        )
        read_only_fields = fields


class LineSerializer(serializers.Serializer[Any]):
    """What one price component adds to the total, before rounding; numbers are texts."""

    element = serializers.IntegerField(allow_null=True)
    component = serializers.IntegerField(allow_null=True)
    dimension = serializers.CharField()
    volume = serializers.CharField()
    billed_volume = serializers.CharField()
    unit = serializers.CharField()
    price = serializers.CharField()
    vat = serializers.CharField(allow_null=True, help_text="Percent; null: none is stated.")
    excl_vat = serializers.CharField()
    tax = serializers.CharField()
    incl_vat = serializers.CharField()
    reason = serializers.CharField()


class NoteSerializer(serializers.Serializer[Any]):
    """Something a person should know about how it was priced."""

    code = serializers.CharField()
    text = serializers.CharField()
    where = serializers.CharField(allow_blank=True)


class SignedValueSerializer(serializers.Serializer[Any]):
    """A value as the meter signed it."""

    at = serializers.CharField()
    context = serializers.CharField()
    encoding_method = serializers.CharField()
    signing_method = serializers.CharField()
    public_key = serializers.CharField()
    signed_data = serializers.CharField()


class CdrDetailSerializer(CdrSerializer):
    """A CDR with its lines, periods, sealed tariff and signed meter values."""

    lines = LineSerializer(source="rating.lines", many=True)
    notes = NoteSerializer(source="rating.notes", many=True)
    charging_periods = serializers.ListField(
        child=serializers.DictField(), help_text="As in OCPI 2.2.1; volumes are texts."
    )
    tariff = serializers.DictField(
        source="tariff_content", help_text="OCPI 2.2.1 tariff as it was; numbers are texts."
    )
    signed_data = SignedValueSerializer(many=True)
    start_meter_kwh = _exact(allow_null=True)
    end_meter_kwh = _exact(allow_null=True)

    class Meta(CdrSerializer.Meta):
        fields = (
            *CdrSerializer.Meta.fields,
            "start_meter_kwh",
            "end_meter_kwh",
            "lines",
            "notes",
            "charging_periods",
            "tariff",
            "signed_data",
        )
        read_only_fields = fields


class CdrParameters(Parameters):
    limit = serializers.IntegerField(
        min_value=1, max_value=HIGHEST_LIMIT, default=DEFAULT_LIMIT, help_text="Rows of a page."
    )
    after = serializers.UUIDField(
        required=False, help_text="Continue after this id; follow `next` instead of setting it."
    )
    month = MonthField(required=False)
    account = serializers.CharField(required=False, help_text="Code of an account.")
    station = serializers.CharField(required=False, help_text="OCPP identity of a station.")
    session = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    kind = serializers.ChoiceField(KINDS, required=False)
    start = InstantField(required=False, help_text="Sessions that ended then or later.")
    end = InstantField(required=False, help_text="Sessions that ended before.")


class CreditSerializer(serializers.Serializer[Any]):
    """Why a CDR is taken back, and whether another one follows."""

    reason = serializers.CharField(max_length=LONGEST_REASON)
    reissue = serializers.BooleanField(default=False)


class CreditedSerializer(serializers.Serializer[Any]):
    """The credit, and the corrected CDR where one was asked for."""

    credit = CdrSerializer()
    corrected = CdrSerializer(allow_null=True)


class CdrsView(ApiView):
    """Charge detail records."""

    permissions = {"GET": SEE}
    parameters = CdrParameters

    @extend_schema(responses=list_of(CdrSerializer))
    def get(self, request: Request) -> Response:
        """CDRs, newest first."""
        return listed(request, cdr_records_page(**self.page), CdrSerializer)


class CdrView(ApiView):
    """One charge detail record."""

    permissions = {"GET": SEE}

    @extend_schema(responses=CdrDetailSerializer)
    def get(self, request: Request, cdr_id: UUID) -> Response:
        """With its lines, periods, tariff and signed values."""
        return Response(CdrDetailSerializer(_record(cdr_id)).data)


class CdrCreditView(ApiView):
    """The credit of a CDR."""

    permissions = {"POST": (*SEE, "billing.credit_cdr")}
    refusal_statuses = _STATUSES

    @extend_schema(request=CreditSerializer, responses={201: CreditedSerializer})
    def post(self, request: Request, cdr_id: UUID) -> Response:
        """Take a CDR back, and price its session anew when asked."""
        asked = CreditSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        credit, corrected = cdr_credit(cdr_id=cdr_id, by=request.user, **asked.validated_data)
        made = {
            "credit": _record(credit.pk),
            "corrected": _record(corrected.pk) if corrected is not None else None,
        }
        return Response(CreditedSerializer(made).data, status=status.HTTP_201_CREATED)


class CdrOcpiView(ApiView):
    """A CDR as partners get it."""

    # It names the whole token.
    permissions = {"GET": (*SEE, "billing.export_cdr")}

    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request, cdr_id: UUID) -> HttpResponse:
        """The CDR object of OCPI 2.2.1."""
        return HttpResponse(
            exact_dumps(cdr_ocpi(_record(cdr_id)), indent=1), content_type="application/json"
        )


def _record(cdr_id: UUID) -> Cdr:
    cdr = cdr_record(cdr_id=cdr_id)
    if cdr is None:
        raise Http404
    return cdr


urlpatterns = [
    *route("cdrs", CdrsView.as_view(), "cdrs"),
    *route("cdrs/<uuid:cdr_id>", CdrView.as_view(), "cdr"),
    *route("cdrs/<uuid:cdr_id>/credit", CdrCreditView.as_view(), "cdr-credit"),
    *route("cdrs/<uuid:cdr_id>/ocpi", CdrOcpiView.as_view(), "cdr-ocpi"),
]
