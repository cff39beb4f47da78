"""Roaming partners at a glance, and one of them with all that can be told of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count
from django.db.models.functions import Coalesce
from django.utils.functional import Promise

from apps.accounts.models import User
from apps.billing.choices import DisputeState
from apps.billing.models import Dispute
from apps.console.viewmodels.roaming_log import may_see_cards
from apps.ocpi.choices import InterfaceRole, ObjectKind, PartnerState, PartyRole
from apps.ocpi.models import Partner, PartnerEndpoint, PartnerRole, Pull
from apps.ocpi.selectors.card_masks import error_masked, order_key_masked
from apps.ocpi.selectors.exchanges import (
    Health,
    ModuleHealth,
    modules_health,
    partners_health,
)
from apps.ocpi.selectors.queues import Queue, given_up_count, queue_head, queues_of
from apps.ocpi.selectors.required_fields import Lacking, lacking_of
from apps.ocpi.server.modules.versions import interfaces_told
from apps.ocpi.services.partners import UNREGISTERED_FROM
from apps.outbox.models import OutboxMessage

MAY_SEE = "ocpi.view_partner"
MAY_REGISTER = "ocpi.register_partner"
MAY_PULL = "ocpi.command_partner"
MAY_READ_LOG = "ocpi.view_exchange"
HEALTH_SPAN = timedelta(hours=24)
PULLS_SHOWN = 12
PARTIES_SHOWN = 100
_UNDECIDED = (DisputeState.OPEN, DisputeState.ANSWERED)
_NOT_TABLED = frozenset({"versions", "credentials"})


@dataclass(frozen=True, slots=True)
class PartnerForm:
    """What somebody typed to invite a partner or to register with one; never its token."""

    name: str = ""
    role: str = PartyRole.EMSP
    versions_url: str = ""
    is_unencoded: bool = False


@dataclass(frozen=True, slots=True)
class PartnerLine:
    """One partner of the list."""

    partner: Partner
    queue: Queue
    health: Health
    dispute_count: int


@dataclass(frozen=True, slots=True)
class PartnersPage:
    """All partners, by name."""

    lines: tuple[PartnerLine, ...]
    roles: tuple[tuple[str, str | Promise], ...]
    may_register: bool
    invite: PartnerForm
    register: PartnerForm
    is_inviting: bool
    is_registering: bool

    @property
    def registered_count(self) -> int:
        """How many are connected now."""
        return sum(line.partner.state == PartnerState.REGISTERED for line in self.lines)

    @property
    def waiting_count(self) -> int:
        """The pushes that wait, of all partners."""
        return sum(line.queue.waiting for line in self.lines)


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """Who serves which side of a module."""

    module: str
    their_sender: str
    """The address; empty where they serve none."""
    their_receiver: str
    our_sender: bool
    our_receiver: bool


@dataclass(frozen=True, slots=True)
class PullLine:
    """One reading of a partner's list."""

    pull: Pull

    @property
    def percent(self) -> int | None:
        """The share that was read, 0-100; None when the partner did not say how many there are."""
        if not self.pull.announced:
            return None
        return min(100, 100 * self.pull.seen // self.pull.announced)


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """One push that waits; without `shows_cards` the ids of cards are cut short."""

    message: OutboxMessage
    shows_cards: bool

    @property
    def name(self) -> str:
        """What it is about, such as `sessions:77`."""
        key = self.message.order_key or self.message.kind
        return key if self.shows_cards else order_key_masked(key)

    @property
    def error(self) -> str:
        """Why the last try failed; empty before the first."""
        error = self.message.last_error
        return error if self.shows_cards else error_masked(error, "", self.message.kind)


@dataclass(frozen=True, slots=True)
class PartnerLive:
    """What of a partner changes while somebody looks: its queue and the reading of its lists."""

    partner: Partner
    queue: Queue
    waiting: tuple[WaitingLine, ...]
    given_up: int
    pulls: tuple[PullLine, ...]


@dataclass(frozen=True, slots=True)
class PartnerPage:
    """Everything the page of one partner shows."""

    partner: Partner
    parties: tuple[PartnerRole, ...]
    party_count: int
    modules: tuple[ModuleRow, ...]
    pushed: tuple[str, ...]
    required: tuple[tuple[str, str], ...]
    lacking: Lacking
    live: PartnerLive
    health: Health
    module_health: tuple[ModuleHealth, ...]
    dispute_count: int
    may_register: bool
    may_pull: bool
    may_read_log: bool

    @property
    def is_registered(self) -> bool:
        """True while messages go both ways."""
        return self.partner.state == PartnerState.REGISTERED

    @property
    def may_unregister(self) -> bool:
        """True for a partner that knows us."""
        return self.may_register and self.partner.state in UNREGISTERED_FROM

    @property
    def may_invite_again(self) -> bool:
        """True for a partner whose connection a new invitation does not cut."""
        return self.may_register and self.partner.state in (
            PartnerState.INVITED,
            PartnerState.GONE,
        )


def partners_page(
    *,
    user: User,
    now: datetime,
    invite: PartnerForm | None = None,
    register: PartnerForm | None = None,
) -> PartnersPage:
    """All partners; four queries. A form that was refused comes back as it was typed."""
    partners = list(Partner.objects.select_related("account").order_by("name", "pk"))
    queues = queues_of(partners)
    health = partners_health(since=now - HEALTH_SPAN)
    disputes = _disputes(partners)
    return PartnersPage(
        lines=tuple(
            PartnerLine(
                partner=partner,
                queue=queues.get(partner.pk, Queue()),
                health=health.get(partner.pk, Health()),
                dispute_count=disputes.get(partner.account_id or 0, 0),
            )
            for partner in partners
        ),
        roles=tuple(PartyRole.choices),
        may_register=user.has_perm(MAY_REGISTER),
        invite=invite or PartnerForm(),
        register=register or PartnerForm(role=PartyRole.CPO),
        is_inviting=invite is not None,
        is_registering=register is not None,
    )


def partner_page(*, partner: Partner, user: User, now: datetime) -> PartnerPage:
    """One partner; nine queries, and one for each kind of which it insists on fields."""
    since = now - HEALTH_SPAN
    parties = list(partner.roles.order_by("hub_status", "role", "country_code", "party_id"))
    return PartnerPage(
        partner=partner,
        parties=tuple(parties[:PARTIES_SHOWN]),
        party_count=len(parties),
        modules=_modules(partner, partner.endpoints.all()),
        pushed=tuple(str(kind.label) for kind in ObjectKind if kind in partner.pushed_kinds),
        required=tuple(
            (kind, ", ".join(names)) for kind, names in sorted(partner.required_fields.items())
        ),
        lacking=lacking_of(partner),
        live=partner_live(partner, user=user),
        health=partners_health(since=since).get(partner.pk, Health()),
        module_health=modules_health(partner=partner.pk, since=since),
        dispute_count=_disputes([partner]).get(partner.account_id or 0, 0),
        may_register=user.has_perm(MAY_REGISTER),
        may_pull=user.has_perm(MAY_PULL),
        may_read_log=user.has_perm(MAY_READ_LOG),
    )


def partner_live(partner: Partner, *, user: User) -> PartnerLive:
    """The moving part of one partner's page; four queries."""
    pulls = partner.pulls.order_by("-started_at", "-pk")[:PULLS_SHOWN]
    shows_cards = may_see_cards(user)
    return PartnerLive(
        partner=partner,
        queue=queues_of([partner]).get(partner.pk, Queue()),
        waiting=tuple(WaitingLine(one, shows_cards) for one in queue_head(partner)),
        given_up=given_up_count(partner),
        pulls=tuple(PullLine(pull) for pull in pulls),
    )


def partner_get(code: str) -> Partner | None:
    """The partner with a code."""
    return Partner.objects.select_related("account").filter(code=code).first()


def _modules(partner: Partner, endpoints: Iterable[PartnerEndpoint]) -> tuple[ModuleRow, ...]:
    theirs = {(one.identifier, one.role): one.url for one in endpoints}
    ours = set(interfaces_told(partner)) if partner.version else set()
    names = {name for name, _role in theirs} | {name for name, _role in ours}
    return tuple(
        ModuleRow(
            module=name,
            their_sender=theirs.get((name, InterfaceRole.SENDER), ""),
            their_receiver=theirs.get((name, InterfaceRole.RECEIVER), ""),
            our_sender=(name, InterfaceRole.SENDER) in ours,
            our_receiver=(name, InterfaceRole.RECEIVER) in ours,
        )
        for name in sorted(names - _NOT_TABLED)
    )


def _disputes(partners: Iterable[Partner]) -> dict[int, int]:
    """How many disputes wait for a decision, by billing account."""
    accounts = {partner.account_id for partner in partners if partner.account_id}
    rows = (
        Dispute.objects.filter(state__in=_UNDECIDED)
        .annotate(whose=Coalesce("account_id", "partner_cdr__account_id"))
        .filter(whose__in=accounts)
        .order_by()
        .values_list("whose")
        .annotate(n=Count("pk"))
    )
    return dict(rows)
