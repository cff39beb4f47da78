"""What stations show of prices and costs (2.0.1 Part 2 block I).

Only stations that say so get texts and running costs: TariffCostCtrlr.Enabled, else .Available,
instance Tariff or Cost. The final cost (I03) is answered to every 2.x station.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils import translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.chargers.choices import AuthorizationStatus, ConnectionState, SessionState
from apps.chargers.models import CostTold, DeviceVariable, Session
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.ports import PriceAsked, PriceTold, TokenDecision, pricing
from apps.chargers.selectors.ad_hoc import charges_by_session, price_told
from apps.chargers.services.commands import command_send
from cariflex.common.money import Money, round_half_up

CONTROLLER = "TariffCostCtrlr"
TARIFF, COST = "Tariff", "Cost"
COST_UPDATED = "CostUpdated"
TELL_EVERY = timedelta(seconds=60)
MOST_AT_ONCE = 500
_VERSIONS = (OcppVersion.V201, OcppVersion.V21)


@dataclass(frozen=True, slots=True)
class FinalCost:
    """What a session cost, incl. VAT, and the words for the station's display."""

    amount: Decimal
    language: str
    text: str


def displays(station_pks: Collection[int], instance: str) -> set[int]:
    """Those of the stations that show tariffs, or costs, as they told last; one query."""
    told = DeviceVariable.objects.filter(
        station_id__in=station_pks,
        component=CONTROLLER,
        variable__in=("Enabled", "Available"),
        variable_instance=instance,
        attribute="Actual",
    ).values_list("station_id", "variable", "value")
    values = {
        (station_pk, variable): value.lower() == "true" for station_pk, variable, value in told
    }
    return {
        station_pk
        for station_pk in station_pks
        if values.get((station_pk, "Enabled"), values.get((station_pk, "Available"), False))
    }


def decision_with_price(
    decision: TokenDecision, *, station_pk: int, now: datetime, id_token: str = ""
) -> TokenDecision:
    """The decision with the price as its message, for a station that shows tariffs (I01)."""
    prices = pricing()
    if (
        prices is None
        or decision.personal_message
        or decision.status != AuthorizationStatus.ACCEPTED
        or not displays([station_pk], TARIFF)
    ):
        return decision
    price = prices.price_at(now, PriceAsked(station_pk=station_pk, id_token=id_token))
    if price is None:
        return decision
    language = decision.language or settings.LANGUAGE_CODE
    return replace(decision, language=language, personal_message=price_text(price, language))


def final_costs(ended: Sequence[tuple[int, str]]) -> list[FinalCost | None]:
    """What sessions that ended cost (I03), each asked for by (station row, transaction id).

    None where that is not sure, or without a tariff. The sessions, their stays without a contract
    and their tariffs are read once for all of them.
    """
    sessions = {
        (session.station_id, session.transaction_id): session
        for session in Session.objects.select_related("station").filter(
            station_id__in={station_pk for station_pk, _transaction_id in ended},
            transaction_id__in={transaction_id for _station_pk, transaction_id in ended},
        )
        # As the CDR: it waits for missing events, and for a look at what is doubtful.
        if session.ended_at is not None and session.has_all_events and session.may_be_billed
    }
    asked = [sessions[key] for key in dict.fromkeys(ended) if key in sessions]
    costs = _costs(asked)
    language = settings.LANGUAGE_CODE
    told: list[FinalCost | None] = []
    for key in ended:
        session = sessions.get(key)
        cost = None if session is None else costs.get(session.pk)
        if session is None or cost is None:
            told.append(None)
            continue
        text = cost_text(cost, session.energy_kwh, language)
        told.append(FinalCost(cost.amount, language, text))
    return told


def costs_tell(*, now: datetime) -> int:
    """Send CostUpdated for running sessions whose cost moved (I02); how many were sent.

    At most one a minute for each session, and none while the station owes an answer to the last.
    """
    prices = pricing()
    if prices is None:
        return 0
    sessions = {
        session.pk: session
        for session in Session.objects.filter(
            state=SessionState.ACTIVE,
            station__connection_state=ConnectionState.ONLINE,
            station__ocpp_version__in=_VERSIONS,
            station__variables__component=CONTROLLER,
        )
        .exclude(cost_told__told_at__gt=now - TELL_EVERY)
        .select_related("station", "cost_told")
        .distinct()
        .order_by("pk")[:MOST_AT_ONCE]
    }
    shown = displays({session.station_id for session in sessions.values()}, COST)
    costs = prices.costs_of(sessions.keys())
    sent = 0
    for pk, session in sessions.items():
        cost = costs.get(pk)
        if cost is None or session.station_id not in shown:
            continue
        told = getattr(session, "cost_told", None)
        if told is not None and told.amount == cost.amount:
            continue
        CostTold.objects.update_or_create(
            session=session, defaults={"amount": cost.amount, "told_at": now}
        )
        command_send(
            station_id=session.station.station_id,
            action=COST_UPDATED,
            payload={"totalCost": float(cost.amount), "transactionId": session.transaction_id},
            reason="Running cost",
        )
        sent += 1
    return sent


def price_text(price: PriceTold, language: str) -> str:
    """The price in words for a display: `0,38 EUR/kWh` with VAT, in the language."""
    with translation.override(language):
        parts = [f"{_plain(price.per_kwh_incl_vat)} {price.currency}/kWh"]
        if price.per_minute_incl_vat:
            parts.append(f"{_plain(price.per_minute_incl_vat)} {price.currency}/min")
        if price.per_session_incl_vat:
            amount = f"{_plain(price.per_session_incl_vat)} {price.currency}"
            parts.append(_("{amount} per session").format(amount=amount))
        if price.parking_per_minute_incl_vat:
            amount = f"{_plain(price.parking_per_minute_incl_vat)} {price.currency}"
            parts.append(_("{amount}/min parked").format(amount=amount))
        return _("{prices} incl. VAT").format(prices=" + ".join(parts))


def cost_text(cost: Money, energy_kwh: Decimal, language: str) -> str:
    """What a session cost in words: `3,42 EUR for 9,00 kWh`."""
    with translation.override(language):
        return _("{amount} for {energy}").format(
            amount=f"{number_format(cost.amount, decimal_pos=2)} {cost.currency}",
            energy=f"{number_format(round_half_up(energy_kwh), decimal_pos=2)} kWh",
        )


def _costs(sessions: Sequence[Session]) -> dict[int, Money]:
    """As they will be billed; a stay without a contract at the price that it was told."""
    prices = pricing()
    if prices is None or not sessions:
        return {}
    costs = dict(prices.costs_of([session.pk for session in sessions]))
    if costs:
        stays = charges_by_session([session for session in sessions if session.pk in costs])
        for pk, charge in stays.items():
            as_told = prices.cost_at(price_told(charge), pk)
            costs[pk] = min(costs[pk], as_told, key=lambda money: money.amount)
    return costs


def _plain(amount: Decimal) -> str:
    """At least two decimals, at most four."""
    places = 2 if amount == round(amount, 2) else 4
    return number_format(round_half_up(amount, places), decimal_pos=places)
