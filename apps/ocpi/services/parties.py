"""The operator's own parties."""

from django.db import transaction

from apps.ocpi.choices import PartyRole
from apps.ocpi.models import Party
from apps.ocpi.selectors.partners import ocpi_settings, own_parties
from apps.tenants.context import current_operator
from cariflex.common.errors import DomainError


def parties_ensure() -> list[Party]:
    """The active parties of the operator; when it has none yet, a CPO and an EMSP of its own ids.

    A hub has a party as HUB besides. DomainError when the operator has no party id.
    """
    known = own_parties()
    roles = {party.role for party in known}
    wanted = [] if known else [PartyRole.CPO, PartyRole.EMSP]
    if ocpi_settings().is_hub and PartyRole.HUB not in roles:
        wanted.append(PartyRole.HUB)
    if not wanted:
        return known
    operator = current_operator()
    if not operator.party_id:
        raise DomainError(
            "ocpi.party_missing",
            f"{operator.name} has neither a party nor a party id of its own",
            field="party_id",
        )
    with transaction.atomic():
        for role in wanted:
            Party.objects.get_or_create(
                role=role,
                country_code=operator.country_code.upper(),
                party_id=operator.party_id.upper(),
                defaults={"name": operator.name},
            )
    return own_parties()
