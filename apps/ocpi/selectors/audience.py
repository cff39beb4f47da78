"""Which partners may see what of ours, and which of them want it pushed."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from apps.ocpi.choices import DeliveryPolicy, InterfaceRole, ObjectKind, PartnerState, PartyRole
from apps.ocpi.models import Partner, PartnerRole, Party

_EMSP_SIDE = frozenset({PartyRole.EMSP, PartyRole.HUB})
ROLES = {
    # Maps, national access points and planners show places and prices too (2.2.1 §8.1, §11.1).
    ObjectKind.LOCATIONS: _EMSP_SIDE
    | {PartyRole.NSP, PartyRole.NAP, PartyRole.SCSP, PartyRole.OTHER},
    ObjectKind.TARIFFS: _EMSP_SIDE | {PartyRole.NSP, PartyRole.NAP, PartyRole.OTHER},
    ObjectKind.SESSIONS: _EMSP_SIDE | {PartyRole.SCSP},
    ObjectKind.CDRS: _EMSP_SIDE,
    ObjectKind.TOKENS: frozenset({PartyRole.CPO, PartyRole.HUB}),
}
"""What a partner must be to see objects of a kind."""
OWNERS = {
    ObjectKind.LOCATIONS: PartyRole.CPO,
    ObjectKind.TARIFFS: PartyRole.CPO,
    ObjectKind.SESSIONS: PartyRole.CPO,
    ObjectKind.CDRS: PartyRole.CPO,
    ObjectKind.TOKENS: PartyRole.EMSP,
}
"""What we are when we own objects of a kind."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """A partner that is told, and the party there that messages are for; None: open routing."""

    partner: Partner
    party: tuple[str, str] | None


def owner_of(kind: ObjectKind) -> Party | None:
    """Our party whose objects they are: the oldest active one of the role; None: we play none."""
    return Party.objects.filter(is_active=True, role=OWNERS[kind]).order_by("pk").first()


def may_see(partner: Partner, kind: ObjectKind) -> bool:
    """Whether a partner, by what it is, gets objects of a kind at all."""
    wanted = ROLES[kind]
    if partner.role in wanted:
        return True
    return PartnerRole.objects.filter(partner=partner, role__in=wanted).exists()


def receivers_of(kind: ObjectKind, audience: Partner | None) -> list[Receiver]:
    """The partners to whom objects of a kind are pushed; two queries."""
    partners = _pushed(kind).prefetch_related("roles")
    if audience is not None:
        partners = partners.filter(pk=audience.pk)
    return [Receiver(partner, _party(partner, kind)) for partner in partners]


def _pushed(kind: ObjectKind) -> QuerySet[Partner]:
    wanted = ROLES[kind]
    return (
        Partner.objects.filter(
            Q(role__in=wanted) | Q(roles__role__in=wanted),
            # Who gets every push gets those of its suspension when that ends.
            Q(state=PartnerState.REGISTERED)
            | Q(state=PartnerState.SUSPENDED, delivery=DeliveryPolicy.FIFO),
            pushed_kinds__contains=[kind.value],
            endpoints__identifier=kind.value,
            endpoints__role=InterfaceRole.RECEIVER,
        )
        .order_by("pk")
        .distinct()
    )


def _party(partner: Partner, kind: ObjectKind) -> tuple[str, str] | None:
    """A hub passes on what is for the hub itself (2.2.1 §4.2.2.5, broadcast push).

    Where several parties share a platform, none of them is meant more than the others.
    """
    roles = list(partner.roles.all())
    if partner.is_hub:
        meant = [role for role in roles if role.role == PartyRole.HUB]
    else:
        meant = [role for role in roles if role.role in ROLES[kind] and not role.hub_status]
    parties = {(role.country_code, role.party_id) for role in meant}
    return parties.pop() if len(parties) == 1 else None
