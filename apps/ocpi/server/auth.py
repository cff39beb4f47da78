"""Who calls: the partner by the token of the Authorization header."""

from dataclasses import dataclass, field

from apps.ocpi.access import presented, token_hash
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import Partner
from apps.ocpi.selectors.callers import Known, known_by_hashes, known_by_pk
from apps.ocpi.server.calls import CLIENT_ERROR, OcpiError
from apps.ocpi.services.next_tokens import partner_pk_of_next_token

OPEN_TO_INVITED = frozenset({"versions", "credentials"})
"""All that an invitation token opens (2.2.1 credentials, "registration")."""


@dataclass(frozen=True)
class Caller:
    """A partner that presented a good token."""

    known: Known
    token: str = field(repr=False)
    is_unencoded: bool
    is_invitation: bool

    @property
    def partner(self) -> Partner:
        return self.known.partner


def authenticate(header: str, sender: tuple[str, str] = ("", "")) -> Caller:
    """The caller of an Authorization header; OcpiError with HTTP 401 when it is nobody.

    `sender`: country code and party id that it names as its own, to be looked up on the way.

    A token sent as it stands counts for a partner that is set so, and for no other.
    """
    encoded, plain = presented(header)
    by_hash = {token_hash(token): token for token in (plain, encoded) if token is not None}
    if not by_hash:
        raise _refused("The Authorization header must be: Token <token in base64>.")
    found = {
        known.partner.token_in_hash: known for known in known_by_hashes(list(by_hash), *sender)
    }
    for token, is_unencoded in ((encoded, False), (plain, True)):
        if token is None:
            continue
        known = found.get(token_hash(token)) or _next(token_hash(token), sender)
        if known is None or (is_unencoded and not known.partner.accepts_unencoded_token):
            continue
        partner = known.partner
        if partner.state == PartnerState.SUSPENDED:
            raise _refused("This connection is suspended.", partner)
        is_invitation = partner.is_token_in_invitation or partner.state != PartnerState.REGISTERED
        return Caller(known, token, is_unencoded, is_invitation)
    raise _refused("The token is not known.")


def _next(hashed: str, sender: tuple[str, str]) -> Known | None:
    pk = partner_pk_of_next_token(hashed)
    return None if pk is None else known_by_pk(pk, *sender)


class Refused(OcpiError):
    """HTTP 401; the partner is named when it is known."""

    partner: Partner | None = None


def _refused(message: str, partner: Partner | None = None) -> Refused:
    error = Refused(CLIENT_ERROR, message, 401, headers={"WWW-Authenticate": "Token"})
    error.partner = partner
    return error
