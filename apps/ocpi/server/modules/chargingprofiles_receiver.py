"""Charging profiles module, receiver: partners charge their customers smartly (2.2.1 §14.2.1)."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from apps.ocpi import wire
from apps.ocpi.choices import InterfaceRole, OcpiVersion
from apps.ocpi.server import routes
from apps.ocpi.server.calls import Answer, Call, not_found
from apps.ocpi.services.remote_profiles_in import ProfileAsked, profile_take
from apps.ocpi.services.response_urls import FIELD, response_url_check

# 2.1.1 has no such module.
VERSIONS = (OcpiVersion.V2_2_1, OcpiVersion.V2_3_0)
RECEIVER = InterfaceRole.RECEIVER
_MOST_URL = 255
_MOST_DIGITS = 9


@routes.serve("chargingprofiles", RECEIVER, "PUT", VERSIONS)
def profile_put(call: Call) -> Answer:
    """PUT {session_id}: ChargingProfileResponse at once, a ChargingProfileResult later."""
    body = wire.to_inside(call.version, wire.decode(call.version, "SetChargingProfile", call.body))
    request = wire.inside_dict(body)
    return _taken(call, request.pop(FIELD), request)


@routes.serve("chargingprofiles", RECEIVER, "GET", VERSIONS)
def active_profile_get(call: Call) -> Answer:
    """GET {session_id}?duration=&response_url=: an ActiveChargingProfileResult follows."""
    duration = _parameter(call, "duration")
    if not (duration.isascii() and duration.isdecimal() and len(duration) <= _MOST_DIGITS):
        raise wire.WireError("duration", "must be a whole number of seconds")
    if int(duration) == 0:
        raise wire.WireError("duration", "must be more than 0 s")
    return _taken(call, _response_url(call), {"duration": int(duration)})


@routes.serve("chargingprofiles", RECEIVER, "DELETE", VERSIONS)
def profile_delete(call: Call) -> Answer:
    """DELETE {session_id}?response_url=: a ClearProfileResult follows."""
    return _taken(call, _response_url(call), {})


def _parameter(call: Call, name: str) -> str:
    value = call.query.get(name, "")
    if not value:
        raise wire.WireError(name, "required", is_missing=True)
    return value


def _response_url(call: Call) -> str:
    url = _parameter(call, FIELD)
    if len(url) > _MOST_URL:
        raise wire.WireError(FIELD, f"at most {_MOST_URL} characters")
    return url


def _taken(call: Call, response_url: str, request: Mapping[str, Any]) -> Answer:
    if len(call.segments) != 1:
        raise not_found()
    response_url_check(call.partner, response_url, allow_loopback=settings.OCPI_LOOPBACK_ALLOWED)
    sender = call.sender
    order = profile_take(
        ProfileAsked(
            partner=call.partner,
            method=call.method,
            session_id=call.segments[0],
            response_url=response_url,
            request=request,
            now=call.now,
            sender=(
                None if sender is None else (sender.country_code.upper(), sender.party_id.upper())
            ),
        )
    )
    content = {"result": order.response, "timeout": order.timeout_s or 0}
    told = wire.from_inside(call.version, wire.inside_of("ChargingProfileResponse", content))
    return Answer(data=wire.encode(told))
