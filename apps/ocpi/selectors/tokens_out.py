"""Tokens of our own customers as charge point operators see them (2.2.1 §12.3.2)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from apps.billing import ocpi_words
from apps.chargers.choices import AuthorizationStatus, TokenType
from apps.chargers.models import IdToken
from apps.chargers.services.tokens import status_now
from apps.ocpi.choices import WhitelistType
from apps.ocpi.models import Party

EMAID = "EMAID"
# Keys that mean something at one station or network only are nobody's to roam with.
ROAMING_TYPES = frozenset(
    {TokenType.CENTRAL, TokenType.EMAID, TokenType.ISO14443, TokenType.ISO15693}
)


def token_content(token: IdToken, party: Party, *, now: datetime) -> dict[str, Any]:
    """The token in the shape of 2.3.0, without `last_updated`; it comes with its group.

    The contract is the token itself where it is one (eMAID), else made of the row's own key.
    """
    is_contract = token.type == TokenType.EMAID
    content: dict[str, Any] = {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "uid": token.id_token,
        "type": EMAID if is_contract else ocpi_words.TOKEN_TYPES.get(token.type, "OTHER"),
        "contract_id": token.id_token
        if is_contract
        else f"{party.country_code}-{party.party_id}-C{token.pk:08d}",
        "issuer": party.name[:64],
        "valid": status_now(token, now) == AuthorizationStatus.ACCEPTED,
        "whitelist": WhitelistType.ALLOWED.value,
    }
    if token.group is not None:
        content["group_id"] = token.group.group_id
    return content


def tokens_after(pk: int, *, most: int) -> Sequence[IdToken]:
    """The tokens to roam with after a key, in order; one query."""
    return list(
        IdToken.objects.select_related("group")
        .filter(type__in=ROAMING_TYPES, pk__gt=pk)
        .order_by("pk")[:most]
    )


def token_of(pk: int) -> IdToken | None:
    """A token to roam with; None when there is none, or no partner may know it."""
    return IdToken.objects.select_related("group").filter(pk=pk, type__in=ROAMING_TYPES).first()
