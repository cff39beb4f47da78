"""Parties behind a hub, as the hub tells them (hubclientinfo, 2.2.1 §15)."""

from datetime import datetime

from django.db import IntegrityError, transaction

from apps.ocpi.choices import PartyRole
from apps.ocpi.models import Partner, PartnerRole
from cariflex.common.errors import DomainError

MOST_CLIENTS = 20_000


def hub_client_store(
    *,
    partner: Partner,
    role: str,
    country_code: str,
    party_id: str,
    status: str,
    last_updated: datetime,
) -> bool:
    """Keep what a hub tells of a party; True when it is new. What is older than known is dropped.

    DomainError when the partner is no hub, or tells of itself.
    """
    if not partner.is_hub or role == PartyRole.HUB:
        raise DomainError("ocpi.not_a_hub", "only a hub tells of its clients")
    try:
        with transaction.atomic():
            row = (
                PartnerRole.objects.select_for_update()
                .filter(
                    partner=partner,
                    role=role,
                    country_code__iexact=country_code,
                    party_id__iexact=party_id,
                )
                .first()
            )
            if row is None:
                if partner.roles.count() >= MOST_CLIENTS:
                    raise DomainError("ocpi.too_many_clients", "too many clients of one hub")
                PartnerRole.objects.create(
                    partner=partner,
                    role=role,
                    country_code=country_code.upper(),
                    party_id=party_id.upper(),
                    hub_status=status,
                    last_updated=last_updated,
                )
                return True
            if row.last_updated is None or row.last_updated <= last_updated:
                row.hub_status, row.last_updated = status, last_updated
                row.save(update_fields=["hub_status", "last_updated"])
            return False
    except IntegrityError:
        # Told twice at once: the other one made the row, this one updates it.
        return hub_client_store(
            partner=partner,
            role=role,
            country_code=country_code,
            party_id=party_id,
            status=status,
            last_updated=last_updated,
        )
