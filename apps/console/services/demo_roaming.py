"""The demo's roaming partners: invited, and registered once their simulation runs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from apps.billing.models import BillingAccount
from apps.billing.services.accounts import account_add
from apps.ocpi.access import token_hash
from apps.ocpi.choices import ObjectKind, PartyRole
from apps.ocpi.models import Partner
from apps.ocpi.services.partners import partner_invite

_PUSHED = {
    PartyRole.EMSP: [
        ObjectKind.LOCATIONS, ObjectKind.TARIFFS, ObjectKind.SESSIONS, ObjectKind.CDRS,
    ],
    PartyRole.CPO: [ObjectKind.TOKENS],
}  # fmt: skip
_ADDRESSES: dict[str, dict[str, Any]] = {
    "emsp": {"street": "12 rue des Flibustiers", "postal_code": "97110"},
    "cpo": {"street": "3 boulevard du Port", "postal_code": "97200"},
}


@dataclass(frozen=True)
class DemoPartner:
    """A partner of the demo; `kind` is that of its account, `token` its invitation."""

    kind: str
    role: str
    country_code: str
    party_id: str
    name: str
    token: str = field(repr=False)


def demo_roaming_seed(partners: Iterable[DemoPartner]) -> None:
    """Invite each partner once; what a person changed since stays."""
    for told in partners:
        if Partner.objects.filter(name=told.name).exists():
            continue
        account = _account(told)
        partner = partner_invite(name=told.name, role=told.role).partner
        # Its simulation knows the token without being handed it.
        partner.token_in_hash = token_hash(told.token)
        partner.account = account
        partner.pushed_kinds = [pushed.value for pushed in _PUSHED[PartyRole(told.role)]]
        partner.session_update_s = 15
        partner.save(update_fields=["token_in_hash", "account", "pushed_kinds", "session_update_s"])


def _account(told: DemoPartner) -> BillingAccount:
    code = f"{told.country_code}-{told.party_id}".lower()
    known = BillingAccount.objects.filter(code=code).first()
    if known is not None:
        return known
    return account_add(
        code=code,
        kind=told.kind,
        name=told.name,
        country_code=told.country_code,
        city="Le Port",
        party_country_code=told.country_code,
        party_id=told.party_id,
        tax_treatment="outside",
        language="fr",
        **_ADDRESSES[told.kind],
    )
