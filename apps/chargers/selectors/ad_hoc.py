"""What a person without a contract is shown of an EVSE, and of the own stay."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Upper

from apps.chargers.choices import (
    AdHocState,
    ConnectorStatus,
    ReservationStatus,
    SessionState,
)
from apps.chargers.models import (
    AdHocCharge,
    AdHocSettings,
    Connector,
    Evse,
    Reservation,
    Session,
)
from apps.chargers.ports import PriceAsked, PriceTold, payment_provider, pricing
from cariflex.common.money import Money

STICKERS_PER_PAGE = 24
CLOCK_TOLERANCE = timedelta(hours=1)
_OUT = (ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED)
_HOLDING = (ReservationStatus.REQUESTED, ReservationStatus.ACCEPTED)


@dataclass(frozen=True, slots=True)
class EvseOffer:
    """An EVSE as it stands now, and what charging there costs without a contract.

    `state`: offline, faulted, unavailable, busy, reserved or free. `can_pay` is False where the
    operator takes no payments, or no price is known.
    """

    evse_pk: int
    station_id: str
    station_name: str
    commune: str
    evse_id: int
    connectors: tuple[str, ...]
    rated_power_kw: float
    state: str
    is_plugged: bool
    price: PriceTold | None
    authorised_amount: Decimal | None
    help_contact: str
    is_test: bool
    can_pay: bool


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay without a contract, with its session and what it costs so far, incl. VAT."""

    charge: AdHocCharge
    session: Session | None
    cost: Money | None
    price: PriceTold | None
    is_test: bool
    help_contact: str


@dataclass(frozen=True, slots=True)
class Sticker:
    """An EVSE that gets a sticker."""

    station_id: str
    station_name: str
    commune: str
    evse_id: int


@dataclass(frozen=True, slots=True)
class StickersPage:
    """One page of stickers."""

    rows: tuple[Sticker, ...]
    page: int
    pages: int


def evse_offer(*, station_id: str, evse_id: int, now: datetime) -> EvseOffer | None:
    """What an EVSE offers to a person without a contract; None when there is none such."""
    evse = (
        Evse.objects.select_related("station")
        .filter(station__station_id=station_id, evse_id=evse_id)
        .first()
    )
    if evse is None:
        return None
    connectors = list(Connector.objects.filter(evse=evse).order_by("connector_id"))
    settings = AdHocSettings.objects.first()
    provider = payment_provider(settings.provider) if settings and settings.provider else None
    prices = pricing()
    asked = PriceAsked(station_pk=evse.station_id, evse_pk=evse.pk)
    price = prices.price_at(now, asked) if prices else None
    return EvseOffer(
        evse_pk=evse.pk,
        station_id=evse.station.station_id,
        station_name=evse.station.name,
        commune=evse.station.commune,
        evse_id=evse.evse_id,
        connectors=tuple(sorted({one.type for one in connectors if one.type})),
        rated_power_kw=evse.station.rated_power_kw,
        state=_state(evse, connectors, now),
        is_plugged=any(one.status == ConnectorStatus.OCCUPIED for one in connectors),
        price=price,
        authorised_amount=settings.authorised_amount if settings else None,
        help_contact=settings.help_contact if settings else "",
        is_test=provider is not None and provider.is_test,
        can_pay=provider is not None and price is not None,
    )


def _state(evse: Evse, connectors: list[Connector], now: datetime) -> str:
    if not evse.station.is_online:
        return "offline"
    statuses = {one.status for one in connectors}
    if statuses and statuses <= set(_OUT):
        return "faulted" if ConnectorStatus.FAULTED in statuses else "unavailable"
    # A session without a token is a car that was plugged in and waits for somebody to pay.
    is_busy = (
        Session.objects.filter(evse=evse, state=SessionState.ACTIVE).exclude(id_token="").exists()
        or AdHocCharge.objects.filter(evse=evse, state=AdHocState.STARTING).exists()
    )
    if is_busy:
        return "busy"
    is_alone = Evse.objects.filter(station=evse.station).count() == 1
    of_this = Q(evse_number=evse.evse_id) | (Q(evse_number__isnull=True) if is_alone else Q())
    is_reserved = (
        ConnectorStatus.RESERVED in statuses
        or Reservation.objects.filter(
            of_this,
            station=evse.station,
            status__in=_HOLDING,
            starts_at__lte=now,
            expires_at__gt=now,
        ).exists()
    )
    return "reserved" if is_reserved else "free"


def key_hash(key: str) -> str:
    """What is kept of the key in the address of a person's page."""
    return hashlib.sha256(key.encode()).hexdigest()


def ad_hoc_find(*, key: str) -> AdHocCharge | None:
    """The stay of that key, None when there is none."""
    return (
        AdHocCharge.objects.select_related("evse__station", "session", "command")
        .filter(key_hash=key_hash(key))
        .first()
    )


def ad_hoc_stay(*, key: str) -> Stay | None:
    """The stay of that key as it stands now; None when there is none."""
    charge = ad_hoc_find(key=key)
    if charge is None:
        return None
    session = ad_hoc_session(charge)
    prices = pricing()
    cost = price = None
    if prices is not None:
        price = price_told(charge)
        if session is not None:
            cost = prices.cost_at(price, session.pk)
    settings = AdHocSettings.objects.first()
    provider = payment_provider(charge.provider)
    return Stay(
        charge=charge,
        session=session,
        cost=cost,
        price=price,
        is_test=provider is not None and provider.is_test,
        help_contact=settings.help_contact if settings else "",
    )


# What of a price is kept beside its columns: by the minute, by the session, while parked.
_MORE_PRICES = ("per_minute_incl_vat", "per_session_incl_vat", "parking_per_minute_incl_vat")


def price_note(price: PriceTold) -> dict[str, Any]:
    """What is kept of a price that was told, beside what a kWh costs."""
    more = {name: getattr(price, name) for name in _MORE_PRICES}
    return {"more": more, "is_variable": price.is_variable, "terms": dict(price.terms)}


def price_told(charge: AdHocCharge) -> PriceTold:
    """The price that the person was shown before the start."""
    note = charge.price_terms
    return PriceTold(
        **{name: Decimal(value) for name, value in note.get("more", {}).items()},
        is_variable=note.get("is_variable", False),
        terms=note.get("terms", {}),
        currency=charge.currency,
        per_kwh_excl_vat=charge.price_per_kwh_excl_vat,
        per_kwh_incl_vat=charge.price_per_kwh_excl_vat * (1 + charge.vat_percent / 100),
        vat_percent=charge.vat_percent,
    )


def ad_hoc_session(charge: AdHocCharge) -> Session | None:
    """The session that a stay brought about, by its token or by the number of its start."""
    if charge.session_id is not None:
        return charge.session
    if charge.command_id is None:
        return None
    # The token is of this stay alone, whatever the station's clock says. A number of a start could
    # be another CSMS's, from before the station was ours.
    is_answer = Q(
        remote_start_id=charge.command_id, started_at__gte=charge.created_at - CLOCK_TOLERANCE
    )
    return (
        Session.objects.filter(
            Q(id_token__iexact=charge.id_token) | is_answer, station_id=charge.evse.station_id
        )
        .order_by("pk")
        .first()
    )


def charges_of_session(session: Session) -> QuerySet[AdHocCharge]:
    """The stay that brought a session about, as a selection of at most one."""
    wanted = Q(session=session)
    if session.id_token:
        wanted |= Q(id_token__iexact=session.id_token)
    if session.remote_start_id is not None:
        wanted |= Q(command_id=session.remote_start_id)
    return AdHocCharge.objects.filter(wanted, evse__station_id=session.station_id)


def charges_by_session(sessions: Collection[Session]) -> dict[int, AdHocCharge]:
    """The stay that brought each session about, by the session's key; one query for all."""
    wanted = Q(session__in=[session.pk for session in sessions])
    tokens = {session.id_token.upper() for session in sessions if session.id_token}
    if tokens:
        wanted |= Q(token_in_capitals__in=tokens)
    orders = {one.remote_start_id for one in sessions if one.remote_start_id is not None}
    if orders:
        wanted |= Q(command__in=orders)
    charges = list(
        AdHocCharge.objects.alias(token_in_capitals=Upper("id_token"))
        .filter(wanted, evse__station__in={session.station_id for session in sessions})
        .select_related("evse")
    )
    found: dict[int, AdHocCharge] = {}
    for session in sessions:
        charge = next((one for one in charges if _brought_about(one, session)), None)
        if charge is not None:
            found[session.pk] = charge
    return found


def _brought_about(charge: AdHocCharge, session: Session) -> bool:
    return charge.evse.station_id == session.station_id and (
        charge.session_id == session.pk
        or bool(session.id_token and charge.id_token.upper() == session.id_token.upper())
        or (session.remote_start_id is not None and charge.command_id == session.remote_start_id)
    )


def stickers_page(*, page: int = 1, search: str = "") -> StickersPage:
    """EVSEs by station, a page of them; `search` looks in station, name and commune."""
    evses = Evse.objects.select_related("station").order_by("station__station_id", "evse_id")
    if search:
        evses = evses.filter(
            Q(station__station_id__icontains=search)
            | Q(station__name__icontains=search)
            | Q(station__commune__icontains=search)
        )
    total = evses.aggregate(total=Count("pk"))["total"]
    pages = max(1, -(-total // STICKERS_PER_PAGE))
    page = min(max(1, page), pages)
    rows = evses[(page - 1) * STICKERS_PER_PAGE : page * STICKERS_PER_PAGE]
    return StickersPage(
        tuple(
            Sticker(evse.station.station_id, evse.station.name, evse.station.commune, evse.evse_id)
            for evse in rows
        ),
        page,
        pages,
    )
