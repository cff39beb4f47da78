"""Commands module, receiver: partners command our stations (2.2.1 §13.2.1)."""

from typing import Any

from django.conf import settings

from apps.ocpi import wire
from apps.ocpi.choices import InterfaceRole, OcpiVersion, PartyRole, RemoteCommandKind
from apps.ocpi.models import RemoteCommand
from apps.ocpi.server import routes
from apps.ocpi.server.calls import SUCCESS, UNKNOWN_LOCATION, Answer, Call, not_found
from apps.ocpi.services.remote_commands_in import CommandAsked, command_take
from apps.ocpi.services.response_urls import response_url_check

BODIES = {
    RemoteCommandKind.START_SESSION: "StartSession",
    RemoteCommandKind.STOP_SESSION: "StopSession",
    RemoteCommandKind.RESERVE_NOW: "ReserveNow",
    RemoteCommandKind.CANCEL_RESERVATION: "CancelReservation",
    RemoteCommandKind.UNLOCK_CONNECTOR: "UnlockConnector",
}


@routes.serve("commands", InterfaceRole.RECEIVER, "POST")
def command_post(call: Call) -> Answer:
    """POST {command}: CommandResponse at once, the CommandResult later at `response_url`.

    An unknown location, EVSE or connector is status 2003 with REJECTED (§13.1, figure of
    UNLOCK_CONNECTOR).
    """
    kind = _kind(call)
    body = wire.decode(call.version, BODIES[kind], call.body)
    inside = wire.to_inside(call.version, body, context=_context(call))
    request = wire.inside_dict(inside)
    response_url_check(
        call.partner, request["response_url"], allow_loopback=settings.OCPI_LOOPBACK_ALLOWED
    )
    sender = call.sender
    taken = command_take(
        CommandAsked(
            partner=call.partner,
            kind=kind,
            request=request,
            now=call.now,
            sender=None if sender is None else _party(sender.country_code, sender.party_id),
            correlation_id=call.correlation_id,
        )
    )
    return Answer(
        data=_response(call.version, taken.command),
        status_code=UNKNOWN_LOCATION if taken.is_place_unknown else SUCCESS,
        message=taken.command.message if taken.is_place_unknown else "",
    )


def _context(call: Call) -> wire.Context:
    """In 2.1.1 a token does not say whose it is: it is the partner's."""
    if call.version != OcpiVersion.V2_1_1:
        return wire.Context()
    role = call.partner.roles.exclude(role=PartyRole.CPO).order_by("pk").first()
    role = role or call.partner.roles.order_by("pk").first()
    whose = None if role is None else (role.country_code, role.party_id)
    return wire.Context(owner=whose, emsp=whose)


def _party(country_code: str, party_id: str) -> tuple[str, str]:
    return country_code.upper(), party_id.upper()


def _kind(call: Call) -> RemoteCommandKind:
    name = call.segments[0].upper() if len(call.segments) == 1 else ""
    if name not in RemoteCommandKind.values:
        raise not_found("There is no such command.")
    kind = RemoteCommandKind(name)
    # 2.1.1 §4.2 (mod_commands) has no such command.
    if call.version == OcpiVersion.V2_1_1 and kind == RemoteCommandKind.CANCEL_RESERVATION:
        raise not_found("2.1.1 has no such command.")
    return kind


def _response(version: str, command: RemoteCommand) -> bytes:
    content: dict[str, Any] = {"result": command.response, "timeout": command.timeout_s or 0}
    if command.ended_at is not None and not command.result and command.message:
        content["message"] = [{"language": "en", "text": command.message}]
    return wire.encode(wire.from_inside(version, wire.inside_of("CommandResponse", content)))
