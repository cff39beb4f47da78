"""Partners invited, suspended and let in again."""

from dataclasses import dataclass, field

from django.db import transaction
from django.utils.text import slugify

from apps.ocpi.access import token_hash, token_make
from apps.ocpi.choices import ObjectKind, PartnerState
from apps.ocpi.models import Partner
from apps.ocpi.services.parties import parties_ensure
from apps.ocpi.services.registration import partner_unregister
from cariflex.common.errors import DomainError

MOST_CODE = 40
NO_CODES = frozenset({"invite", "log", "register", "sessions"})
"""Words that addresses have in the place of a code."""
UNREGISTERED_FROM = (PartnerState.REGISTERED, PartnerState.SUSPENDED)
"""Who knows us, and can be told that we leave."""


@dataclass(frozen=True)
class Invitation:
    """What is handed to a partner, once; the token is not kept."""

    partner: Partner
    token: str = field(repr=False)


def partner_invite(
    *,
    name: str,
    role: str,
    accepts_unencoded_token: bool = False,
    sends_unencoded_token: bool = False,
) -> Invitation:
    """A new partner, with a token (TOKEN_A) that opens versions and credentials until it is used.

    Everything that is for its role is pushed to it, where it has an interface for that.

    DomainError when the operator has no party to show.
    """
    parties_ensure()
    with transaction.atomic():
        partner = Partner.objects.create(
            code=_free_code(name),
            name=name,
            role=role,
            accepts_unencoded_token=accepts_unencoded_token,
            sends_unencoded_token=sends_unencoded_token,
            pushed_kinds=list(ObjectKind.values),
        )
        return partner_invite_again(partner=partner)


def partner_invite_again(*, partner: Partner) -> Invitation:
    """A new TOKEN_A for a partner; whatever it presented before is dead, its settings stay."""
    token = token_make()
    with transaction.atomic():
        locked = Partner.objects.select_for_update().get(pk=partner.pk)
        locked.state = PartnerState.INVITED
        locked.token_in_hash, locked.is_token_in_invitation = token_hash(token), True
        locked.token_out = ""
        locked.save(update_fields=["state", "token_in_hash", "is_token_in_invitation", "token_out"])
    return Invitation(locked, token)


def partner_create(*, name: str, role: str, versions_url: str, unencoded: bool = False) -> Partner:
    """A partner that we are about to register with; the same again for the same address.

    What a registered one has stays until the new registration is through.
    """
    parties_ensure()
    with transaction.atomic():
        known = (
            Partner.objects.select_for_update()
            .filter(versions_url=versions_url)
            .order_by("pk")
            .first()
        )
        if known is not None and known.state == PartnerState.SUSPENDED:
            raise DomainError("ocpi.partner_state", f"{known.name} is suspended", field="state")
        if known is not None and known.state == PartnerState.REGISTERED:
            return known
        partner = known or Partner(
            code=_free_code(name),
            versions_url=versions_url,
            pushed_kinds=list(ObjectKind.values),
        )
        partner.name, partner.role = name, role
        partner.sends_unencoded_token = unencoded
        partner.save()
    return partner


def partner_suspend(*, partner: Partner) -> Partner:
    """Shut the door: its requests get 401, nothing is sent to it. Its tokens stay."""
    return _change_state(partner, PartnerState.REGISTERED, PartnerState.SUSPENDED)


def partner_resume(*, partner: Partner) -> Partner:
    """Open the door of a suspended partner again."""
    return _change_state(partner, PartnerState.SUSPENDED, PartnerState.REGISTERED)


def partner_leave(*, partner: Partner) -> None:
    """Unregister from a partner that is registered or suspended; both sides forget their tokens.

    ExternalError when the partner did not take it: everything is as before.
    """
    if partner.state not in UNREGISTERED_FROM:
        raise DomainError("ocpi.not_registered", "the partner is not registered", field="partner")
    partner_unregister(partner=partner)


def _change_state(partner: Partner, old: PartnerState, new: PartnerState) -> Partner:
    with transaction.atomic():
        locked = Partner.objects.select_for_update().get(pk=partner.pk)
        if locked.state == new:
            return locked
        if locked.state != old:
            raise DomainError(
                "ocpi.partner_state", f"{locked.name} is {locked.state}, not {old}", field="state"
            )
        locked.state = new
        locked.save(update_fields=["state"])
    return locked


def _free_code(name: str) -> str:
    """A code of the name that no partner has."""
    stem = slugify(name)[: MOST_CODE - 4] or "partner"
    taken = set(Partner.objects.filter(code__startswith=stem).values_list("code", flat=True))
    taken |= NO_CODES
    if stem not in taken:
        return stem
    return next(code for nth in range(2, 1000) if (code := f"{stem}-{nth}") not in taken)
