"""What chargers asks of billing: prices before and during a session."""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from apps.billing.models import TariffVersion
from apps.billing.ports import account_of_token
from apps.billing.rating import RatingProblem
from apps.billing.selectors.session_costs import (
    content_told,
    price_told_of,
    session_cost,
    version_content,
)
from apps.billing.selectors.tariffs import (
    PriceQuestion,
    holders_of,
    tariff_choice,
    tariffs_for,
)
from apps.chargers.models import ChargingStation, Connector, Session
from apps.chargers.ports import PriceAsked, PriceTold
from apps.tenants.context import current_operator
from cariflex.common.errors import DomainError
from cariflex.common.money import Money
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)


class TariffPricing:
    """Fills `chargers.ports.Pricing` from the operator's tariffs, by the rules of the CDR."""

    def price_at(self, now: datetime, asked: PriceAsked | None = None) -> PriceTold | None:
        """The price of a session that starts now, there and for that token."""
        station = _station(asked)
        version = tariff_choice(_question(asked, station), at=now).version
        if version is None:
            return None
        site = station.site if station is not None else None
        zone = site.time_zone if site is not None else str(current_operator().time_zone)
        power = Decimal(str(station.rated_power_kw)) if station is not None else None
        try:
            return price_told_of(version, now=now, time_zone=zone, power_kw=power)
        except RatingProblem as problem:
            _unpriced(version, problem)
            return None

    def costs_of(self, session_ids: Collection[int]) -> Mapping[int, Money]:
        """What each session costs so far by the tariff of its start."""
        sessions = list(_sessions(session_ids))
        versions, now = tariffs_for(sessions), utc_now()
        costs: dict[int, Money] = {}
        for session in sessions:
            version = versions.get(session.pk)
            if version is None:
                continue
            try:
                content = version_content(version, session, now=now)
                costs[session.pk] = session_cost(session, content, now=now)
            except (RatingProblem, DomainError) as problem:
                _unpriced(version, problem)
        return costs

    def cost_at(self, price: PriceTold, session_id: int) -> Money:
        """What a session costs so far at a price that was told."""
        session = _sessions([session_id]).get()
        return session_cost(session, content_told(price), now=utc_now())


def _sessions(session_ids: Collection[int]) -> QuerySet[Session]:
    return Session.objects.filter(pk__in=session_ids).select_related("station__site", "evse")


def _station(asked: PriceAsked | None) -> ChargingStation | None:
    if asked is None:
        return None
    return ChargingStation.objects.select_related("site").filter(pk=asked.station_pk).first()


def _question(asked: PriceAsked | None, station: ChargingStation | None) -> PriceQuestion:
    if asked is None or station is None:
        return PriceQuestion(is_ad_hoc=True)
    connectors = Connector.objects.filter(evse=asked.evse_pk).values_list("pk", flat=True)[:2]
    connector = list(connectors) if asked.evse_pk is not None else []
    group, account = _holder(asked.id_token)
    return PriceQuestion(
        connector=connector[0] if len(connector) == 1 else None,
        evse=asked.evse_pk,
        station=station.pk,
        site=station.site_id,
        token_group=group,
        account=account,
        is_ad_hoc=not asked.id_token,
    )


def _holder(id_token: str) -> tuple[int | None, int | None]:
    """(token group, account) of who charges with a token, a partner's customer among them."""
    ours = holders_of([id_token] if id_token else []).get(id_token.upper())
    if ours is not None:
        return ours
    return None, account_of_token(id_token)


def _unpriced(version: TariffVersion, problem: Exception) -> None:
    """The CDR will be refused for the same reason and wait in the inbox."""
    logger.warning("no price tariff=%s version=%s why=%s", version.tariff_id, version.pk, problem)
