"""Commands module, sender: results of the commands that we gave (2.2.1 §13.2.2)."""

import uuid

from apps.ocpi import wire
from apps.ocpi.choices import InterfaceRole, RemoteCommandKind
from apps.ocpi.server import routes
from apps.ocpi.server.calls import Answer, Call, not_found
from apps.ocpi.services.remote_commands_out import result_receive


@routes.serve("commands", InterfaceRole.SENDER, "POST")
def result_post(call: Call) -> Answer:
    """POST {command}/{key}: the CommandResult, at the response_url that we gave.

    The key is known to us and to the partner that we commanded; anybody else's is HTTP 404. A
    second result, or one that comes too late, is taken and changes nothing.
    """
    if len(call.segments) != 2 or call.segments[0] not in RemoteCommandKind.values:  # noqa: PLR2004
        raise not_found()
    body = wire.to_inside(call.version, wire.decode(call.version, "CommandResult", call.body))
    known = result_receive(
        partner=call.partner,
        key=key_of(call.segments[1]),
        result=body.result,
        message=" ".join(one.text for one in body.message or ()),
        now=call.now,
    )
    if not known:
        raise not_found("No command waits for a result here.")
    return Answer()


def key_of(text: str) -> uuid.UUID:
    """The key in an address; HTTP 404 when it is none."""
    try:
        return uuid.UUID(text)
    except ValueError as err:
        raise not_found() from err
