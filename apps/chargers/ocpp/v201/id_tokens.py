"""What a token may, as stations of 2.x hear it (IdTokenInfoType)."""

from typing import Any

from apps.chargers.choices import AuthorizationStatus, TokenType
from apps.chargers.ports import TokenDecision
from cariflex.common.time import format_rfc3339

_LANGUAGE_LENGTH, _MESSAGE_LENGTH = 8, 512


def id_token_info(decision: TokenDecision) -> dict[str, Any]:
    """IdTokenInfoType; what is not known or as usual is left out."""
    information: dict[str, Any] = {"status": AuthorizationStatus(decision.status).value}
    if decision.expires_at is not None:
        information["cacheExpiryDateTime"] = format_rfc3339(decision.expires_at)
    if decision.charging_priority:
        information["chargingPriority"] = decision.charging_priority
    if decision.language:
        information["language1"] = decision.language[:_LANGUAGE_LENGTH]
    if decision.group_id:
        information["groupIdToken"] = {
            "idToken": decision.group_id,
            "type": TokenType.CENTRAL.value,
        }
    if decision.personal_message:
        information["personalMessage"] = _message(decision)
    return information


def _message(decision: TokenDecision) -> dict[str, str]:
    message = {"format": "UTF8", "content": decision.personal_message[:_MESSAGE_LENGTH]}
    if decision.language:
        message["language"] = decision.language[:_LANGUAGE_LENGTH]
    return message
