"""Sessions of partners' customers, to be fetched, and what those prefer (2.2.1 §9.2.1)."""

from apps.ocpi import wire
from apps.ocpi.choices import InterfaceRole, ObjectKind, OcpiVersion
from apps.ocpi.selectors.audience import may_see
from apps.ocpi.selectors.published import published_one
from apps.ocpi.server.calls import PARAMETERS, Answer, Call, OcpiError, not_found
from apps.ocpi.server.published_lists import list_answer
from apps.ocpi.server.routes import serve

PREFERENCES = "charging_preferences"


@serve("sessions", InterfaceRole.SENDER, "GET")
def sessions_get(call: Call) -> Answer:
    """A page of the partner's sessions."""
    return list_answer(call, ObjectKind.SESSIONS)


@serve(
    "sessions",
    InterfaceRole.SENDER,
    "PUT",
    versions=(OcpiVersion.V2_2_1, OcpiVersion.V2_3_0),
)
def charging_preferences_put(call: Call) -> Answer:
    """`/{session_id}/charging_preferences`: checked, and refused as the standard has it.

    No EVSE here says CHARGING_PREFERENCES_CAPABLE: a driver who was told ACCEPTED would rely on
    it. The answer for such an EVSE is HTTP 404 with 2001 (2.2.1 §9.4.2).
    """
    if len(call.segments) != 2 or call.segments[1] != PREFERENCES:
        raise not_found()
    wire.decode(call.version, "ChargingPreferences", call.body)
    row = published_one(partner=call.partner, kind=ObjectKind.SESSIONS, object_id=call.segments[0])
    if row is None or not may_see(call.partner, ObjectKind.SESSIONS):
        raise not_found("There is no such session.")
    raise OcpiError(PARAMETERS, "charging_preferences: this EVSE does not follow them", 404)
