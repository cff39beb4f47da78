"""Who calls: the partner by the token of the Authorization header."""

from dataclasses import dataclass, field

from apps.ocpi.access import presented, token_hash
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import Partner
from apps.ocpi.server.calls import CLIENT_ERROR, OcpiError
from apps.ocpi.services.next_tokens import partner_of_next_token

OPEN_TO_INVITED = frozenset({"versions", "credentials"})
"""All that an invitation token opens (2.2.1 credentials, "registration")."""


@dataclass(frozen=True)
class Caller:
    """A partner that presented a good token."""

    partner: Partner
    token: str = field(repr=False)
    is_unencoded: bool
    is_invitation: bool


def authenticate(header: str) -> Caller:
    """The caller of an Authorization header; OcpiError with HTTP 401 when it is nobody.

    A token sent as it stands counts for a partner that is set so, and for no other.
    """
    encoded, plain = presented(header)
    by_hash = {token_hash(token): token for token in (plain, encoded) if token is not None}
    if not by_hash:
        raise _refused("The Authorization header must be: Token <token in base64>.")
    found = {
        partner.token_in_hash: partner
        for partner in Partner.objects.filter(token_in_hash__in=list(by_hash))
    }
    for token, is_unencoded in ((encoded, False), (plain, True)):
        if token is None:
            continue
        partner = found.get(token_hash(token)) or partner_of_next_token(token_hash(token))
        if partner is None or (is_unencoded and not partner.accepts_unencoded_token):
            continue
        if partner.state == PartnerState.SUSPENDED:
            raise _refused("This connection is suspended.", partner)
        is_invitation = partner.is_token_in_invitation or partner.state != PartnerState.REGISTERED
        return Caller(partner, token, is_unencoded, is_invitation)
    raise _refused("The token is not known.")


class Refused(OcpiError):
    """HTTP 401; the partner is named when it is known."""

    partner: Partner | None = None


def _refused(message: str, partner: Partner | None = None) -> Refused:
    error = Refused(CLIENT_ERROR, message, 401, headers={"WWW-Authenticate": "Token"})
    error.partner = partner
    return error
