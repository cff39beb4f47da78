"""What a person does about a partner in the console."""

from datetime import datetime
from urllib.parse import urlsplit

from apps.ocpi.choices import PartnerState, PartyRole
from apps.ocpi.models import Partner, Pull
from apps.ocpi.selectors.partners import own_root_url
from apps.ocpi.services.partners import Invitation, partner_create, partner_invite
from apps.ocpi.services.pulls_schedule import pulls_begin
from apps.ocpi.services.registration import partner_register
from apps.ocpi.tasks.incoming import pull_run
from cariflex.common.errors import DomainError

NAME_MAX_LENGTH = 100
URL_MAX_LENGTH = 255


def roaming_invite(*, name: str, role: str) -> Invitation:
    """A new partner and the token to hand to it. DomainError when name or role are missing."""
    _check(name, role)
    return partner_invite(name=name, role=role)


def roaming_register(
    *, name: str, role: str, versions_url: str, token: str, is_unencoded: bool, now: datetime
) -> Partner:
    """Register us with a partner, with the token that it gave us.

    DomainError and ExternalError say why not; the same form can be sent again.
    """
    _check(name, role)
    parts = urlsplit(versions_url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise DomainError("ocpi.versions_url", "this is no address", field="versions_url")
    root_url = own_root_url()
    partner = partner_create(
        name=name, role=role, versions_url=versions_url, unencoded=is_unencoded
    )
    return partner_register(partner=partner, token=token, root_url=root_url, now=now)


def roaming_pull(*, partner: Partner, mode: str, now: datetime) -> list[Pull]:
    """Begin to read all lists of a partner, in the background."""
    if partner.state != PartnerState.REGISTERED:
        raise DomainError("ocpi.not_registered", "the partner is not registered", field="partner")
    pulls = pulls_begin(partner=partner, mode=mode, now=now)
    if not pulls:
        raise DomainError("ocpi.nothing_to_pull", "the partner serves no list", field="partner")
    for pull in pulls:
        pull_run.enqueue(pull.pk)
    return pulls


def _check(name: str, role: str) -> None:
    if not name:
        raise DomainError("ocpi.name_missing", "the partner has no name", field="name")
    if role not in PartyRole.values:
        raise DomainError("ocpi.role_unknown", "there is no such role", field="role")
