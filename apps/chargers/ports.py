"""What chargers asks of the apps above: may this token charge here, and what does it cost?

The upper app fills a port in its AppConfig.ready(). Until then the operator's own tokens answer, no
price is told, and nobody can pay at a station.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from apps.chargers.choices import AuthorizationStatus, PaymentState
from cariflex.common.money import Money


@dataclass(frozen=True, slots=True)
class TokenQuestion:
    """A token held before one station of the current operator."""

    id_token: str
    token_type: str
    station_id: str
    now: datetime
    since: datetime | None = None
    """When the session began that the token is shown for; None when it is yet to begin."""


@dataclass(frozen=True, slots=True)
class TokenDecision:
    """The answer, with the instant until which the station may remember it.

    `group_id`: a token of the same group may end the session (C09). `charging_priority`: -9 to 9.
    `language` is of RFC 5646 and is that in which `personal_message` is shown (C01).
    """

    status: AuthorizationStatus
    expires_at: datetime | None = None
    group_id: str = ""
    charging_priority: int = 0
    language: str = ""
    personal_message: str = ""


class TokenAuthorizer(Protocol):
    """Decides on tokens; called inside the operator's schema, in a thread of its own.

    None means "not mine": the next authorizer is asked, and the answer of last resort is Unknown.
    One that raises, or is slower than `settings.AUTHORIZATION_BUDGET_S`, is skipped; then a token
    that no other one knows falls under `settings.AUTHORIZATION_OFFLINE_POLICY`. It may be asked of
    several tokens at once.
    """

    def authorize(self, question: TokenQuestion) -> TokenDecision | None: ...


_authorizers: list[TokenAuthorizer] = []


def register_token_authorizer(authorizer: TokenAuthorizer) -> None:
    """Ask this authorizer after those registered before it; twice counts once."""
    if authorizer not in _authorizers:
        _authorizers.append(authorizer)


def unregister_token_authorizer(authorizer: TokenAuthorizer) -> None:
    """Ask this authorizer no more."""
    if authorizer in _authorizers:
        _authorizers.remove(authorizer)


def token_authorizers() -> tuple[TokenAuthorizer, ...]:
    """The authorizers in the order they are asked."""
    return tuple(_authorizers)


# --- what charging costs ---


@dataclass(frozen=True, slots=True)
class PriceAsked:
    """Where somebody is about to charge; `id_token` empty: without a contract."""

    station_pk: int
    evse_pk: int | None = None
    id_token: str = ""


@dataclass(frozen=True, slots=True)
class PriceTold:
    """What charging costs from now on, as a person must see it before (AFIR art. 5).

    Prices are per kWh, per minute and per session, in `currency`; 0 when nothing is charged so.
    `is_variable`: they hold for the start and change later, by the clock or by what was charged.
    `terms` is the pricing's own note of all it told; it is given back to it as it was.
    """

    currency: str
    per_kwh_excl_vat: Decimal
    per_kwh_incl_vat: Decimal
    vat_percent: Decimal
    per_minute_incl_vat: Decimal = Decimal(0)
    per_session_incl_vat: Decimal = Decimal(0)
    parking_per_minute_incl_vat: Decimal = Decimal(0)
    is_variable: bool = False
    terms: Mapping[str, Any] = field(default_factory=dict, compare=False)


class Pricing(Protocol):
    """Knows prices; called inside the operator's schema."""

    def price_at(self, now: datetime, asked: PriceAsked | None = None) -> PriceTold | None:
        """The price of a session that starts now; None when there is no tariff.

        `asked` None: of somebody without a contract, wherever the operator has no special price.
        """

    def costs_of(self, session_ids: Collection[int]) -> Mapping[int, Money]:
        """What each session costs so far, incl. VAT; those that no tariff covers are left out."""

    def cost_at(self, price: PriceTold, session_id: int) -> Money:
        """What a session costs so far at a price that was told, incl. VAT."""


_pricings: list[Pricing] = []


def register_pricing(pricing: Pricing) -> None:
    """Ask this one for prices; the last registration counts."""
    _pricings[:] = [pricing]


def pricing() -> Pricing | None:
    """Who knows prices; None while nobody does."""
    return _pricings[0] if _pricings else None


# --- who takes the money of people without a contract ---


@dataclass(frozen=True, slots=True)
class PaymentAsked:
    """A payment to authorise: `reference` is ours and unique, `return_url` brings the person back.

    Asking again with the same reference gives the same payment.
    """

    reference: str
    amount: Money
    return_url: str
    language: str
    description: str


@dataclass(frozen=True, slots=True)
class PaymentOpened:
    """The payment at its provider, and the page where the person pays."""

    provider_reference: str
    page_url: str


class PaymentProvider(Protocol):
    """Authorises an amount, takes at most that much later, or releases it.

    Every call may come twice: `key` names it, and the second one changes nothing. Raises
    ExternalError; what is not retryable waits for a person (the outbox). `is_test`: no money moves,
    and pages say so.
    """

    is_test: bool

    def open(self, asked: PaymentAsked) -> PaymentOpened: ...

    def state(self, provider_reference: str) -> PaymentState: ...

    def capture(self, provider_reference: str, amount: Money, *, key: str) -> None: ...

    def void(self, provider_reference: str, *, key: str) -> None: ...

    def refund(self, provider_reference: str, amount: Money, *, key: str) -> None: ...


_providers: dict[str, PaymentProvider] = {}


def register_payment_provider(name: str, provider: PaymentProvider) -> None:
    """Make a provider known under a name that operators choose; the last registration counts."""
    _providers[name] = provider


def payment_provider(name: str) -> PaymentProvider | None:
    """The provider of that name; None when it is not installed."""
    return _providers.get(name)


def payment_provider_names() -> tuple[str, ...]:
    """The names that an operator may choose."""
    return tuple(sorted(_providers))


class NeedsPlanner(Protocol):
    """Makes a charging schedule of what a car wants (K15, 2.1 Q02).

    Called inside the operator's schema, in the transaction that keeps the needs: it may enqueue
    work on commit and does nothing else. True: a profile for the session follows by
    `services.charging_profiles.profile_set`. The wishes: `selectors.charging_needs.session_needs`.
    """

    def plan(self, needs_id: int) -> bool: ...


_needs_planners: list[NeedsPlanner] = []


def register_needs_planner(planner: NeedsPlanner) -> None:
    """Ask this planner from now on, in place of the one before."""
    _needs_planners[:] = [planner]


def unregister_needs_planner(planner: NeedsPlanner) -> None:
    """Ask this planner no more."""
    if planner in _needs_planners:
        _needs_planners.remove(planner)


def needs_planner() -> NeedsPlanner | None:
    """Who makes schedules for cars; None when nobody does."""
    return _needs_planners[0] if _needs_planners else None
