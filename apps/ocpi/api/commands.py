"""Commands between platforms: a list of all, and giving ours."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.ocpi.choices import Direction, RemoteCommandKind
from apps.ocpi.models import RemoteCommand
from apps.ocpi.selectors.partners import own_root_url
from apps.ocpi.selectors.remote_commands import (
    commands_rows,
    copies_named,
    remote_commands_page,
    token_named,
)
from apps.ocpi.services import remote_commands_out as out
from cariflex.common.api.errors import FieldError
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now

READ = ("ocpi.view_remotecommand",)
GIVE = (*READ, "ocpi.command_partner")
HIGHEST_ID = 2**63 - 1
REFUSALS = {
    "roaming.partner_away": status.HTTP_409_CONFLICT,
    "roaming.no_party": status.HTTP_409_CONFLICT,
    "ocpi.endpoint_missing": status.HTTP_409_CONFLICT,
}


class RemoteCommandSerializer(serializers.ModelSerializer[RemoteCommand]):
    """A command of a partner for our stations, or of ours for theirs."""

    partner = serializers.IntegerField(source="partner_id", help_text="The partner's id.")
    partner_name = serializers.CharField()
    asked_by = serializers.CharField(
        source="asked_by.username", default=None, allow_null=True, help_text="Who gave it here."
    )

    class Meta:
        model = RemoteCommand
        fields = (
            "id", "direction", "partner", "partner_name", "kind", "location_id", "evse_uid",
            "authorization_reference", "reservation_key", "response", "timeout_s", "result",
            "message", "correlation_id", "asked_by", "asked_at", "answered_at", "ended_at",
            "deadline_at", "session",
        )  # fmt: skip
        read_only_fields = fields


class NewRemoteCommandSerializer(serializers.Serializer[Any]):
    """A command for a partner's station.

    START_SESSION, RESERVE_NOW: `location` and `id_token`, RESERVE_NOW also `expires_at`.
    STOP_SESSION: `session`. CANCEL_RESERVATION: `command`, that of the reservation.
    UNLOCK_CONNECTOR: `location`, `evse_uid` and `connector_id`.
    """

    kind = serializers.ChoiceField(RemoteCommandKind.choices)
    location = serializers.IntegerField(
        required=False, min_value=1, max_value=HIGHEST_ID, help_text="Id of a partner's location."
    )
    session = serializers.IntegerField(
        required=False, min_value=1, max_value=HIGHEST_ID, help_text="Id of a partner's session."
    )
    command = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=HIGHEST_ID,
        help_text="Id of our RESERVE_NOW: the one to cancel, or to change by another.",
    )
    id_token = serializers.CharField(required=False, max_length=36)
    evse_uid = serializers.CharField(required=False, default="", max_length=36)
    connector_id = serializers.CharField(required=False, default="", max_length=36)
    expires_at = serializers.DateTimeField(required=False)


class RemoteCommandParameters(PageParameters):
    direction = serializers.ChoiceField(Direction.choices, required=False)
    partner = serializers.IntegerField(required=False, min_value=1, max_value=HIGHEST_ID)
    kind = serializers.ChoiceField(RemoteCommandKind.choices, required=False)


class RemoteCommandsView(ApiView):
    """Commands between platforms."""

    permissions = {"GET": READ, "POST": GIVE}
    parameters = RemoteCommandParameters
    refusal_statuses = REFUSALS

    @extend_schema(responses=list_of(RemoteCommandSerializer))
    def get(self, request: Request) -> Response:
        """Commands of both directions, newest first."""
        return listed(request, remote_commands_page(**self.page), RemoteCommandSerializer)

    @extend_schema(request=NewRemoteCommandSerializer, responses={201: RemoteCommandSerializer})
    def post(self, request: Request) -> Response:
        """Command a partner's station.

        The answer has the partner's first word, or why it gave none; the result follows in the
        command itself.
        """
        asked = NewRemoteCommandSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        sender = out.Sender(root_url=own_root_url(), now=utc_now(), asked_by_id=request.user.pk)
        command = _GIVEN[asked.validated_data["kind"]](sender, asked.validated_data)
        return Response(_told(command.pk), status=status.HTTP_201_CREATED)


class RemoteCommandView(ApiView):
    """One command."""

    permissions = {"GET": READ}

    @extend_schema(responses=RemoteCommandSerializer)
    def get(self, request: Request, command_id: int) -> Response:
        """The command and what became of it."""
        return Response(_told(command_id))


def _told(command_id: int) -> Any:
    command = commands_rows().filter(pk=command_id).first()
    if command is None:
        raise Http404
    return RemoteCommandSerializer(command).data


# --- what each command needs ---


def _need(wanted: dict[str, Any], name: str) -> Any:
    if name not in wanted:
        raise FieldError("required", f"{wanted['kind']} needs it.", name)
    return wanted[name]


def _copy(wanted: dict[str, Any], name: str) -> Any:
    """A partner's location or session, or a command of ours, by its id here."""
    found = copies_named(name).filter(pk=_need(wanted, name)).first()
    if found is None:
        raise FieldError("unknown", f"There is no such {name}.", name)
    return found


def _token(wanted: dict[str, Any]) -> Any:
    token = token_named(_need(wanted, "id_token"))
    if token is None:
        raise FieldError("unknown", "There is no such token.", "id_token")
    return token


def _start(sender: out.Sender, wanted: dict[str, Any]) -> RemoteCommand:
    return out.session_start(
        sender=sender,
        location=_copy(wanted, "location"),
        id_token=_token(wanted),
        evse_uid=wanted["evse_uid"],
        connector_id=wanted["connector_id"],
    )


def _stop(sender: out.Sender, wanted: dict[str, Any]) -> RemoteCommand:
    return out.session_stop(sender=sender, session=_copy(wanted, "session"))


def _reserve(sender: out.Sender, wanted: dict[str, Any]) -> RemoteCommand:
    return out.place_reserve(
        sender=sender,
        location=_copy(wanted, "location"),
        id_token=_token(wanted),
        expires_at=_need(wanted, "expires_at"),
        evse_uid=wanted["evse_uid"],
        changes=_copy(wanted, "command") if "command" in wanted else None,
    )


def _cancel(sender: out.Sender, wanted: dict[str, Any]) -> RemoteCommand:
    return out.reservation_cancel(sender=sender, reserved=_copy(wanted, "command"))


def _unlock(sender: out.Sender, wanted: dict[str, Any]) -> RemoteCommand:
    return out.connector_unlock(
        sender=sender,
        location=_copy(wanted, "location"),
        evse_uid=wanted["evse_uid"],
        connector_id=wanted["connector_id"],
    )


_GIVEN = {
    RemoteCommandKind.START_SESSION: _start,
    RemoteCommandKind.STOP_SESSION: _stop,
    RemoteCommandKind.RESERVE_NOW: _reserve,
    RemoteCommandKind.CANCEL_RESERVATION: _cancel,
    RemoteCommandKind.UNLOCK_CONNECTOR: _unlock,
}

urlpatterns = [
    *route("roaming/commands", RemoteCommandsView.as_view(), "roaming-commands"),
    *route("roaming/commands/<int:command_id>", RemoteCommandView.as_view(), "roaming-command"),
]
