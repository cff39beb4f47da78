"""Tokens and what they may, as 1.6 has them (§7.2, §7.28, §7.29)."""

import string
from collections.abc import Mapping
from typing import Any

from apps.chargers.choices import TokenType
from apps.chargers.ocpp.v16.refusals import NotIn16

Payload = Mapping[str, Any]

ID_TAG_MAX_LENGTH = 20
# Lengths in hexadecimal digits of the numbers that cards have: 4, 7 or 10 bytes (ISO 14443-3).
_ISO14443_LENGTHS = (8, 14, 20)


def id_tag_type(tag: str) -> TokenType:
    """What a tag most likely is, for 1.6 does not say: a card's number, or a name of ours."""
    if len(tag) in _ISO14443_LENGTHS and set(tag) <= set(string.hexdigits):
        return TokenType.ISO14443
    return TokenType.CENTRAL


def id_tag(token: Payload) -> str:
    """An IdTokenType as idTag (§7.28: at most 20 characters)."""
    text = str(token["idToken"])
    if not 0 < len(text) <= ID_TAG_MAX_LENGTH:
        raise NotIn16(f"a 1.6 token has 1 to {ID_TAG_MAX_LENGTH} characters")
    return text


def id_tag_info(information: Payload) -> dict[str, Any]:
    """An IdTokenInfoType as IdTagInfo (§7.29)."""
    return tag_info(
        str(information["status"]),
        expiry=information.get("cacheExpiryDateTime"),
        parent=(information.get("groupIdToken") or {}).get("idToken"),
    )


# §7.2. A known token that may not charge here and now is blocked; one of no list is invalid.
STATUSES = {
    "Accepted": "Accepted", "Blocked": "Blocked", "Expired": "Expired", "Invalid": "Invalid",
    "ConcurrentTx": "ConcurrentTx", "Unknown": "Invalid", "NoCredit": "Blocked",
    "NotAllowedTypeEVSE": "Blocked", "NotAtThisLocation": "Blocked", "NotAtThisTime": "Blocked",
}  # fmt: skip


def tag_info(status: str, *, expiry: str | None, parent: str | None) -> dict[str, Any]:
    """IdTagInfo of a 2.x status; a group id that is too long for 1.6 is left out."""
    information: dict[str, Any] = {"status": STATUSES[status]}
    if expiry is not None:
        information["expiryDate"] = expiry
    if parent is not None and 0 < len(parent) <= ID_TAG_MAX_LENGTH:
        information["parentIdTag"] = parent
    return information
