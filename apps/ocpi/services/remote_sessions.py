"""Which session a partner means, and the first answer when it is none of its own."""

from collections.abc import Mapping
from typing import Any

from apps.ocpi.models import Partner, RoamingSession
from apps.ocpi.services.command_words import REJECTED, UNKNOWN_SESSION

_MOST_DIGITS = 18


class Refused(Exception):
    """The first answer is no: a word of CommandResponseType or ChargingProfileResponseType."""

    def __init__(self, response: str, message: str, *, is_place_unknown: bool = False) -> None:
        super().__init__(message)
        self.response = response
        self.message = message
        self.is_place_unknown = is_place_unknown


def token_party(token: Mapping[str, Any]) -> tuple[str, str]:
    """Country code and party id of a token, in capitals."""
    return (token.get("country_code") or "").upper(), (token.get("party_id") or "").upper()


def roaming_session_of(
    partner: Partner, session_id: str, sender: tuple[str, str] | None
) -> RoamingSession:
    """The session of a partner's customer under its OCPI id.

    Refused: UNKNOWN_SESSION for none, REJECTED for a session that is not of a customer of this
    partner (2.2.1 §13.5.1), or behind a hub of this party.
    """
    is_number = session_id.isascii() and session_id.isdecimal() and len(session_id) <= _MOST_DIGITS
    roaming = (
        RoamingSession.objects.select_related("session__station", "session__evse")
        .filter(session_id=int(session_id) if is_number else 0)
        .first()
    )
    if roaming is None:
        raise Refused(UNKNOWN_SESSION, "There is no such session.")
    is_theirs = roaming.partner_id == partner.pk and (
        not partner.is_hub or sender is None or token_party(roaming.token) == sender
    )
    if not is_theirs:
        raise Refused(REJECTED, "The session is not of your customer.")
    return roaming
