"""Where tariffs apply, over HTTP, and which one applies at a place for a token at a time."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.choices import AssignmentScope
from apps.billing.models import TariffAssignment
from apps.billing.selectors.tariff_lists import assignments_after, target_name
from apps.billing.selectors.tariff_places import PlaceAsked, question_at
from apps.billing.selectors.tariffs import tariff_choice
from apps.billing.services.tariffs import tariff_assign, tariff_assignment_end
from apps.chargers.models import STATION_ID_MAX_LENGTH
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters, Parameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now

READ = ("billing.view_tariff",)
CHANGE = (*READ, "billing.change_tariff")
REFUSALS = {
    "billing.tariff_unknown": status.HTTP_404_NOT_FOUND,
    "billing.assignment_unknown": status.HTTP_404_NOT_FOUND,
    "billing.place_unknown": status.HTTP_404_NOT_FOUND,
    "billing.assignment_exists": status.HTTP_409_CONFLICT,
    "billing.tariff_archived": status.HTTP_409_CONFLICT,
}


class TariffAssignmentSerializer(serializers.ModelSerializer[TariffAssignment]):
    """Where a tariff applies: at one place, to one group or account, or everywhere."""

    target_id = serializers.SerializerMethodField()
    target = serializers.SerializerMethodField()

    class Meta:
        model = TariffAssignment
        fields = (
            "id", "tariff_id", "scope", "target_id", "target", "is_ad_hoc", "valid_from",
            "valid_until", "created_at", "created_by",
        )  # fmt: skip
        read_only_fields = fields

    def get_target_id(self, row: TariffAssignment) -> int | None:
        """Key of what it points at."""
        return None if row.target is None else int(row.target.pk)

    def get_target(self, row: TariffAssignment) -> str:
        """What it points at, in a few words."""
        return target_name(row)


class NewTariffAssignmentSerializer(serializers.Serializer[Any]):
    """A tariff for a place, a group, an account or the whole operator."""

    tariff_id = serializers.IntegerField()
    scope = serializers.ChoiceField(AssignmentScope.choices)
    target_id = serializers.IntegerField(
        required=False, allow_null=True, help_text="Key of what it points at."
    )
    is_ad_hoc = serializers.BooleanField(default=False)
    valid_from = serializers.DateTimeField(required=False, help_text="Now when left out.")
    valid_until = serializers.DateTimeField(required=False, allow_null=True)
    is_backdated = serializers.BooleanField(
        default=False, help_text="Needed for a start in the past."
    )


class TariffAssignmentEndSerializer(serializers.Serializer[Any]):
    """When it applies no more."""

    at = serializers.DateTimeField(required=False, help_text="Now when left out.")


class AssignmentParameters(PageParameters):
    tariff_id = serializers.IntegerField(required=False)


class ChoiceParameters(Parameters):
    station = serializers.CharField(max_length=STATION_ID_MAX_LENGTH)
    evse = serializers.IntegerField(required=False, min_value=1)
    connector = serializers.IntegerField(required=False, min_value=1)
    token = serializers.CharField(required=False, max_length=255, default="")
    is_ad_hoc = serializers.BooleanField(default=False)
    at = serializers.DateTimeField(required=False, help_text="Now when left out.")


class ConsideredTariffSerializer(serializers.Serializer[Any]):
    """An assignment that could apply, in the order of precedence."""

    assignment = TariffAssignmentSerializer()
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None)
    verdict = serializers.CharField(help_text="chosen, outranked or no_version")


class TariffChoiceSerializer(serializers.Serializer[Any]):
    """The tariff that applies, and why."""

    tariff_id = serializers.IntegerField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    considered = ConsideredTariffSerializer(many=True)


class AssignmentsView(ApiView):
    """Where tariffs apply."""

    permissions = {"GET": READ, "POST": CHANGE}
    parameters = AssignmentParameters
    refusal_statuses = REFUSALS

    @extend_schema(responses=list_of(TariffAssignmentSerializer))
    def get(self, request: Request) -> Response:
        """Assignments, newest first."""
        return listed(request, assignments_after(**self.page), TariffAssignmentSerializer)

    @extend_schema(
        request=NewTariffAssignmentSerializer, responses={201: TariffAssignmentSerializer}
    )
    def post(self, request: Request) -> Response:
        """Let a tariff apply somewhere or to somebody."""
        asked = NewTariffAssignmentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = tariff_assign(**asked.validated_data, by=request.user.get_username(), now=utc_now())
        return Response(TariffAssignmentSerializer(made).data, status=status.HTTP_201_CREATED)


class AssignmentEndView(ApiView):
    """The end of an assignment."""

    permissions = {"POST": CHANGE}
    refusal_statuses = REFUSALS

    @extend_schema(
        request=TariffAssignmentEndSerializer,
        responses={200: TariffAssignmentSerializer, 204: None},
    )
    def post(self, request: Request, assignment_id: int) -> Response:
        """It applies no more; one that has not begun is forgotten (204)."""
        asked = TariffAssignmentEndSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        ended = tariff_assignment_end(
            assignment_id=assignment_id, now=utc_now(), **asked.validated_data
        )
        if ended is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(TariffAssignmentSerializer(ended).data)


class TariffChoiceView(ApiView):
    """Which tariff applies."""

    permissions = {"GET": READ}
    parameters = ChoiceParameters
    refusal_statuses = REFUSALS

    @extend_schema(responses=TariffChoiceSerializer)
    def get(self, request: Request) -> Response:
        """Which tariff applies at a place for a token at a time, and why."""
        given = dict(self.query)
        at = given.pop("at", None) or utc_now()
        place = PlaceAsked(
            station_id=given["station"],
            evse_id=given.get("evse"),
            connector_id=given.get("connector"),
            id_token=given["token"],
            is_ad_hoc=given["is_ad_hoc"],
        )
        choice = tariff_choice(question_at(place), at=at)
        told = {
            "tariff_id": choice.version.tariff_id if choice.version else None,
            "version": choice.version.number if choice.version else None,
            "considered": choice.considered,
        }
        return Response(TariffChoiceSerializer(told).data)


urlpatterns = [
    *route("tariff-assignments", AssignmentsView.as_view(), "tariff-assignments"),
    *route(
        "tariff-assignments/<int:assignment_id>/end",
        AssignmentEndView.as_view(),
        "tariff-assignment-end",
    ),
    *route("tariff-choice", TariffChoiceView.as_view(), "tariff-choice"),
]
