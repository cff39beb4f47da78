"""Registration, asked by a partner or by us: credentials are exchanged (2.2.1 §7).

A partner that registers is read (versions, details) while its request is open, before anything is
stored. Whatever is cut in the middle can be done again: our own row says `invited` until the end.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.ocpi.access import is_token, token_hash, token_make
from apps.ocpi.choices import HubStatus, PartnerState, PartyRole
from apps.ocpi.clients.ocpi import PartnerRefused, call_partner
from apps.ocpi.models import Partner, PartnerEndpoint, PartnerRole
from apps.ocpi.services.credentials import (
    ToldCredentials,
    ToldParty,
    credentials_read,
    credentials_write,
)
from apps.ocpi.services.handshake import (
    Reach,
    ToldEndpoint,
    credentials_url,
    endpoints_read,
    version_agree,
    versions_read,
)
from apps.ocpi.services.next_tokens import next_token_forget, next_token_keep
from apps.ocpi.wire import WireError
from cariflex.common.errors import DomainError, ExternalError

RAW_TOKENS = "2.1.1"
"""This version presents tokens as they are."""
_MOST_PARTIES = 2_000


def registration_accept(
    *,
    partner: Partner,
    version: str,
    told: ToldCredentials,
    presented_hash: str,
    is_unencoded: bool,
    now: datetime,
) -> str:
    """Register a partner that posted (or put) its credentials, give the token it presents from now.

    Its versions and endpoints are read with the token that it told. HandshakeFailed 3001, 3002 or
    3003 when they are no good; DomainError `ocpi.token_used` when another request with the same
    token was faster.
    """
    unencoded = is_unencoded if version == RAW_TOKENS else partner.sends_unencoded_token
    _check_role(partner, told)
    reach = Reach(partner, told.token, unencoded)
    version_agree(known := versions_read(reach, told.versions_url), version)
    endpoints = endpoints_read(reach, known[version], version)
    token = token_make()
    with transaction.atomic():
        locked = Partner.objects.select_for_update().get(pk=partner.pk)
        if locked.token_in_hash != presented_hash:
            raise DomainError("ocpi.token_used", "This token is not good any more.")
        locked.sends_unencoded_token = unencoded
        _store(locked, version, told, endpoints, token, now)
    return token


def registration_end(*, partner: Partner) -> None:
    """Forget a partner's tokens and addresses: it unregistered (DELETE)."""
    with transaction.atomic():
        locked = Partner.objects.select_for_update().get(pk=partner.pk)
        locked.state = PartnerState.GONE
        locked.token_in_hash = locked.token_out = ""
        locked.save(update_fields=["state", "token_in_hash", "token_out"])
        locked.endpoints.all().delete()


def partner_register(
    *, partner: Partner, token: str, root_url: str, version: str = "", now: datetime
) -> Partner:
    """Register us with a partner at its `versions_url`, with the token that it gave out of band.

    `root_url` is our own, `version` the only one wanted; else the highest common one is taken.
    Raises HandshakeFailed, ExternalError, or DomainError when what it answers is unusable.
    """
    if not is_token(token):
        raise DomainError("ocpi.token_form", "this is not a token of OCPI", field="token")
    reach = Reach(partner, token, partner.sends_unencoded_token)
    known = versions_read(reach, partner.versions_url)
    version = version_agree(known, version)
    endpoints = endpoints_read(reach, known[version], version)
    if version == RAW_TOKENS and not partner.accepts_unencoded_token:
        partner.accepts_unencoded_token = True
        partner.save(update_fields=["accepts_unencoded_token"])
    ours = token_make()
    # With it the partner reads our versions before it answers.
    next_token_keep(partner=partner, hashed=token_hash(ours))
    told = _exchange(reach, "POST", endpoints, version, ours, root_url)
    with transaction.atomic():
        locked = Partner.objects.select_for_update().get(pk=partner.pk)
        if partner.role not in {one.role for one in told.parties}:
            locked.role = _role_of(told.parties)
        _store(locked, version, told, endpoints, ours, now)
    next_token_forget(hashed=token_hash(ours))
    return locked


def partner_rotate(*, partner: Partner, root_url: str, now: datetime) -> Partner:
    """New tokens on both sides, endpoints and version read anew (PUT, 2.2.1 §7.2.3).

    Should the answer be lost, the old token and the new one are good for an hour.
    """
    if partner.state != PartnerState.REGISTERED:
        raise DomainError("ocpi.not_registered", "the partner is not registered", field="partner")
    reach = Reach(partner, partner.token_out, partner.sends_unencoded_token)
    known = versions_read(reach, partner.versions_url)
    version = partner.version if partner.version in known else version_agree(known)
    endpoints = endpoints_read(reach, known[version], version)
    ours = token_make()
    next_token_keep(partner=partner, hashed=token_hash(ours))
    try:
        told = _exchange(reach, "PUT", endpoints, version, ours, root_url)
    except PartnerRefused:
        next_token_forget(hashed=token_hash(ours))
        raise
    with transaction.atomic():
        locked = Partner.objects.select_for_update().get(pk=partner.pk)
        _store(locked, version, told, endpoints, ours, now)
    next_token_forget(hashed=token_hash(ours))
    return locked


def partner_unregister(*, partner: Partner) -> None:
    """Tell a partner that we leave (DELETE), and forget it; it may have forgotten us before."""
    url = partner.endpoints.filter(identifier="credentials").values_list("url", flat=True).first()
    if url and partner.token_out:
        try:
            call_partner(partner, "DELETE", url, module="credentials")
        except PartnerRefused as err:
            if err.status not in (401, 404, 405):
                raise
    registration_end(partner=partner)


def _exchange(
    reach: Reach,
    method: str,
    endpoints: Sequence[ToldEndpoint],
    version: str,
    ours: str,
    root_url: str,
) -> ToldCredentials:
    partner = reach.partner
    body = credentials_write(
        version=version, token=ours, root_url=root_url, partner_role=partner.role
    )
    answer = call_partner(
        partner,
        method,
        credentials_url(endpoints),
        module="credentials",
        body=body,
        token=reach.token,
        unencoded=reach.unencoded,
        version=version,
        # It reads our pages meanwhile.
        timeout_s=max(partner.timeout_s, 20.0),
    ).expect_success(partner)
    try:
        return credentials_read(version=version, raw=answer.raw, role=partner.role)
    except WireError as err:
        raise ExternalError(
            f"OCPI partner {partner.name}", f"answered with unusable credentials: {err}",
            retryable=False,
        ) from err  # fmt: skip


def _store(
    partner: Partner,
    version: str,
    told: ToldCredentials,
    endpoints: Sequence[ToldEndpoint],
    token_in: str,
    now: datetime,
) -> None:
    """All that a finished exchange changes; inside a transaction that holds the partner."""
    partner.state = PartnerState.REGISTERED
    partner.version = version
    partner.versions_url = told.versions_url
    partner.token_out = told.token
    partner.token_in_hash = token_hash(token_in)
    partner.is_token_in_invitation = False
    partner.accepts_unencoded_token |= version == RAW_TOKENS
    partner.registered_at = now
    partner.save()
    partner.endpoints.all().delete()
    PartnerEndpoint.objects.bulk_create(
        PartnerEndpoint(partner=partner, identifier=one.identifier, role=one.role, url=one.url)
        for one in endpoints
    )
    _store_parties(partner, told.parties[:_MOST_PARTIES], now)


def _store_parties(partner: Partner, parties: Sequence[ToldParty], now: datetime) -> None:
    told = {(one.role, one.country_code, one.party_id): one for one in parties}
    own = {key for key, one in told.items() if not one.is_hub_client}
    known = {
        (row.role, row.country_code.upper(), row.party_id.upper()): row
        for row in partner.roles.all()
    }
    for key, row in known.items():
        if not row.hub_status and key not in own:
            row.delete()
    for key, one in told.items():
        status = HubStatus.CONNECTED if one.is_hub_client else ""
        row = known.get(key) or PartnerRole(
            partner=partner, role=one.role, country_code=one.country_code, party_id=one.party_id
        )
        row.business_details = dict(one.business_details)
        row.hub_status, row.last_updated = status, now
        row.save()


def _check_role(partner: Partner, told: ToldCredentials) -> None:
    """A partner is what it was invited as; a hub may tell of its clients alone."""
    roles = {one.role for one in told.parties}
    if partner.role != PartyRole.HUB and partner.role not in roles:
        raise WireError("roles", f"you were invited as {partner.role}")


def _role_of(parties: Sequence[ToldParty]) -> str:
    roles = [one.role for one in parties]
    for role in (PartyRole.HUB, PartyRole.CPO, PartyRole.EMSP):
        if role in roles:
            return role
    return roles[0]
