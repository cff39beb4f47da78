"""What a session costs so far, and what charging costs at its start, by the engine of the CDR."""

from collections.abc import Mapping
from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from apps.billing.minor_units import to_minor_units
from apps.billing.models import TariffVersion
from apps.billing.rating import (
    ChargingPeriod,
    Price,
    SessionCharged,
    Tariff,
    rate,
    tariff_parse,
)
from apps.billing.rating.cutting import periods_cut
from apps.billing.rating.prepared import (
    ENERGY,
    PARKING_TIME,
    TIME,
    Choice,
    Moment,
    choose,
    prepared,
)
from apps.billing.selectors.metering import metering_of, prices_parking
from apps.billing.selectors.tariff_contents import content_make, tariff_content
from apps.chargers.models import Session
from apps.chargers.ports import PriceTold
from apps.tenants.context import current_operator
from cariflex.common.money import Money
from cariflex.common.time import utc_now

# A price is told for a stay of so long: what a market publishes until then goes into it.
TOLD_AHEAD = timedelta(hours=24)
_ZERO = Decimal(0)
_MINUTES_PER_HOUR = 60
_BANDS = ("min_kwh", "max_kwh", "min_duration", "max_duration", "min_power", "max_power",
          "min_current", "max_current")  # fmt: skip


def time_zone_of(session: Session) -> str:
    """The zone of the place of charging, else the operator's; `station__site` must be loaded."""
    site = session.station.site
    return site.time_zone if site is not None else str(current_operator().time_zone)


def session_cost(session: Session, content: Mapping[str, Any], *, now: datetime) -> Money:
    """What a session costs until now, incl. VAT, in what exists in the currency.

    RatingProblem when it cannot be told, DomainError when nothing is billed in the currency.
    """
    tariff, charged = _charged_until(session, content, now)
    return cost_rounded(tariff, charged)


def session_total(session: Session, content: Mapping[str, Any], *, now: datetime) -> Price:
    """What a session costs until now, excl. and incl. VAT, with all digits; raises as above."""
    tariff, charged = _charged_until(session, content, now)
    return rate(tariff, charged).total_cost


def cost_rounded(tariff: Tariff, charged: SessionCharged) -> Money:
    """The rated total incl. VAT, rounded to what exists in the currency."""
    total = rate(tariff, charged).total_cost.incl_vat
    return Money(to_minor_units(total, tariff.currency), tariff.currency)


def version_content(version: TariffVersion, session: Session, *, now: datetime) -> dict[str, Any]:
    """The tariff that prices a session until now, its market prices written out."""
    end = session.ended_at or max(now, session.started_at)
    return tariff_content(
        version, start=session.started_at, end=end, time_zone=time_zone_of(session)
    )


def price_told_of(
    version: TariffVersion, *, now: datetime, time_zone: str, power_kw: Decimal | None
) -> PriceTold:
    """What charging costs for who starts now, at the power that the place can give."""
    content = tariff_content(version, start=now, end=now + TOLD_AHEAD, time_zone=time_zone)
    tariff, _notes = tariff_parse(content, "2.2.1")
    rules, moment = prepared(tariff), moment_of(now, time_zone, power_kw=power_kw)
    energy = choose(rules.timed[ENERGY], moment)
    hour, parked, flat = (
        _incl_vat(choose(choices, moment))
        for choices in (rules.timed[TIME], rules.timed[PARKING_TIME], rules.flat)
    )
    first = next((one for one in (energy, *_others(tariff)) if one is not None), None)
    return PriceTold(
        currency=tariff.currency,
        per_kwh_excl_vat=_excl_vat(energy),
        per_kwh_incl_vat=_incl_vat(energy),
        vat_percent=first.vat or _ZERO if first is not None else _ZERO,
        per_minute_incl_vat=hour / _MINUTES_PER_HOUR,
        per_session_incl_vat=flat,
        parking_per_minute_incl_vat=parked / _MINUTES_PER_HOUR,
        is_variable=not rules.plain,
        terms={"version": version.pk, "tariff": content},
    )


def content_told(price: PriceTold) -> Mapping[str, Any]:
    """The tariff that a person was told; the bare price of a kWh when nothing else was kept."""
    told = price.terms.get("tariff")
    if isinstance(told, Mapping):
        return told
    component = {
        "type": "ENERGY",
        "price": price.per_kwh_excl_vat,
        "vat": price.vat_percent,
        "step_size": 1,
    }
    elements = [{"price_components": [component]}]
    return content_make(code="TOLD", currency=price.currency, elements=elements, at=utc_now())


def moment_of(
    at: datetime,
    time_zone: str,
    *,
    energy_kwh: Decimal = _ZERO,
    elapsed_s: int = 0,
    power_kw: Decimal | None = None,
    current_a: Decimal | None = None,
) -> Moment:
    """What restrictions are tested against at an instant, with constant power and current."""
    local = at.astimezone(ZoneInfo(time_zone))
    return Moment(
        local.hour * 3600 + local.minute * 60 + local.second,
        local.weekday(),
        local.toordinal(),
        energy_kwh,
        elapsed_s,
        current_a,
        current_a,
        power_kw,
        power_kw,
    )


def _charged_until(
    session: Session, content: Mapping[str, Any], now: datetime
) -> tuple[Tariff, SessionCharged]:
    tariff, _notes = tariff_parse(content)
    # The price of a running session is that of one that ends now.
    ended = copy(session)
    ended.ended_at = session.ended_at or max(now, session.started_at)
    return tariff, _charged(ended, tariff, ended.ended_at)


def _charged(session: Session, tariff: Tariff, end: datetime) -> SessionCharged:
    zone = time_zone_of(session)
    if prepared(tariff).plain and not prices_parking(tariff):
        # One price for all energy: no meter value need be read.
        period = ChargingPeriod(session.started_at, energy_kwh=session.energy_kwh)
        return SessionCharged(session.started_at, end, (period,), time_zone=zone)
    samples = metering_of(session, tariff).samples
    return periods_cut(samples, tariff, session.started_at, end, zone).session


def _others(tariff: Tariff) -> tuple[Choice, ...]:
    rules = prepared(tariff)
    return (*rules.timed[TIME], *rules.flat, *rules.timed[PARKING_TIME])


def _incl_vat(choice: Choice | None) -> Decimal:
    if choice is None:
        return _ZERO
    return choice.price if choice.inclusive else choice.price * choice.factor


def _excl_vat(choice: Choice | None) -> Decimal:
    if choice is None:
        return _ZERO
    return choice.price / choice.factor if choice.inclusive else choice.price
