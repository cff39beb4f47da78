"""Partners' tokens, found by what a station shows: one step in an index among millions."""

import re
from typing import Any

from django.db.models import Q, Value
from django.db.models.functions import Upper

from apps.chargers.choices import TokenType
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import PartnerToken

RFID = "RFID"
_CARDS = frozenset({TokenType.ISO14443, TokenType.ISO15693})
_MOST = 20
# An eMAID with and without its optional separators (ISO 15118-2 annex H): FR-ABC-123456789-X.
_EMAID = re.compile(r"([A-Z]{2})-?([A-Z0-9]{3})-?([A-Z0-9]{9})(?:-?([A-Z0-9]))?")


def tokens_shown(id_token: str, token_type: str) -> list[PartnerToken]:
    """The tokens of registered partners that this could be, the likeliest first; one query.

    Valid ones go before others, and cards before what is no card when a card is shown.
    """
    if not id_token:
        return []
    wanted = Q(uid=Upper(Value(id_token)))
    if token_type == TokenType.EMAID:
        wanted |= Q(contract__in=[Upper(Value(form)) for form in contract_forms(id_token)])
    found: list[PartnerToken] = list(
        PartnerToken.objects.select_related("partner")
        .annotate(uid=Upper("object_id"), contract=Upper("contract_id"))
        .filter(wanted, partner__state=PartnerState.REGISTERED)[:_MOST]
    )
    is_card = token_type in _CARDS
    found.sort(
        key=lambda one: (
            not one.is_valid, is_card and one.type != RFID, -one.last_updated.timestamp(), one.pk,
        )
    )  # fmt: skip
    return found


def contract_forms(contract_id: str) -> tuple[str, ...]:
    """The ways to write a contract id: as it is, bare, and with separators."""
    bare = contract_id.upper().replace("-", "")
    match = _EMAID.fullmatch(bare)
    parts = [part for part in match.groups() if part] if match else []
    return tuple(dict.fromkeys((contract_id.upper(), bare, "-".join(parts) or bare)))


def cdr_token(token: PartnerToken) -> dict[str, Any]:
    """What a session and its CDR tell of a token (CdrToken, 2.2.1 §10.4.2)."""
    return {
        "country_code": token.country_code,
        "party_id": token.party_id,
        "uid": token.object_id,
        "type": token.type,
        "contract_id": token.contract_id,
    }
