"""Charging profiles module, sender: results of what we set, and news of it (2.2.1 §14.2.2)."""

from apps.ocpi import wire
from apps.ocpi.choices import InterfaceRole, OcpiVersion
from apps.ocpi.server import routes
from apps.ocpi.server.calls import Answer, Call, not_found
from apps.ocpi.server.modules.commands_sender import key_of
from apps.ocpi.services.remote_profiles_out import (
    RESULT_KINDS,
    active_profile_told,
    profile_result_receive,
)

VERSIONS = (OcpiVersion.V2_2_1, OcpiVersion.V2_3_0)
SENDER = InterfaceRole.SENDER


@routes.serve("chargingprofiles", SENDER, "POST", VERSIONS)
def profile_result_post(call: Call) -> Answer:
    """POST {what}/{key}: a result, at the response_url that we gave.

    ChargingProfileResult and ClearProfileResult are the same bytes: the address tells which.
    """
    if len(call.segments) != 2 or call.segments[0] not in RESULT_KINDS:  # noqa: PLR2004
        raise not_found()
    kind = RESULT_KINDS[call.segments[0]]
    body = wire.to_inside(call.version, wire.decode(call.version, kind, call.body))
    profile = getattr(body, "profile", None)
    known = profile_result_receive(
        partner=call.partner,
        key=key_of(call.segments[1]),
        result=body.result,
        profile=None if profile is None else wire.inside_dict(profile),
        now=call.now,
    )
    if not known:
        raise not_found("No charging profile waits for a result here.")
    return Answer()


@routes.serve("chargingprofiles", SENDER, "PUT", VERSIONS)
def active_profile_put(call: Call) -> Answer:
    """PUT {session_id}: the ActiveChargingProfile of a session that we set one for has changed."""
    if len(call.segments) != 1:
        raise not_found()
    body = wire.decode(call.version, "ActiveChargingProfile", call.body)
    profile = wire.inside_dict(wire.to_inside(call.version, body))
    known = active_profile_told(
        partner=call.partner, session_id=call.segments[0], profile=profile, now=call.now
    )
    if not known:
        raise not_found("We set no charging profile for this session.")
    return Answer()
