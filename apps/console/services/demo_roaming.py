"""The demo's roaming partners: invited, and registered once their simulation runs."""

from typing import Any

from django.conf import settings

from apps.billing.models import BillingAccount
from apps.billing.services.accounts import account_add
from apps.ocpi.access import token_hash
from apps.ocpi.choices import ObjectKind, PartyRole
from apps.ocpi.models import Partner
from apps.ocpi.services.partners import partner_invite
from apps.simulation.island import ROAMING_COUNTRY, ROAMING_PARTIES, roaming_invitation

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


def demo_roaming_seed(*, operator: str) -> None:
    """A provider and a charge point operator are invited; what a person changed since stays."""
    for kind, (role, party_id, name) in ROAMING_PARTIES.items():
        if Partner.objects.filter(name=name).exists():
            continue
        account = _account(kind, party_id, name)
        partner = partner_invite(name=name, role=role).partner
        # Its simulation derives the same token.
        token = roaming_invitation(settings.DEMO_SECRET, operator, kind)
        partner.token_in_hash = token_hash(token)
        partner.account = account
        partner.pushed_kinds = [pushed.value for pushed in _PUSHED[PartyRole(role)]]
        partner.session_update_s = 15
        partner.save(update_fields=["token_in_hash", "account", "pushed_kinds", "session_update_s"])


def _account(kind: str, party_id: str, name: str) -> BillingAccount:
    code = f"{ROAMING_COUNTRY}-{party_id}".lower()
    known = BillingAccount.objects.filter(code=code).first()
    if known is not None:
        return known
    return account_add(
        code=code,
        kind=kind,
        name=name,
        country_code=ROAMING_COUNTRY,
        city="Le Port",
        party_country_code=ROAMING_COUNTRY,
        party_id=party_id,
        tax_treatment="outside",
        language="fr",
        **_ADDRESSES[kind],
    )
