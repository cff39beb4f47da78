"""Sessions of partners' customers at our stations as OCPI sessions (2.2.1 §9.3)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, Q, Value

from apps.billing import ocpi_words
from apps.billing.models import Cdr, TariffVersion
from apps.billing.rating import RatingProblem
from apps.billing.selectors.session_costs import session_total, version_content
from apps.billing.selectors.tariffs import tariffs_for
from apps.chargers.choices import ChargingState, SessionState
from apps.chargers.models import Session
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import Party, RoamingSession
from apps.tenants.context import current_operator
from cariflex.common.errors import DomainError
from cariflex.common.money import round_half_up
from cariflex.common.time import format_rfc3339, parse_rfc3339

# A period is told when it is so long, or when the session ends: updates come more often.
PERIOD = timedelta(minutes=15)
_PLACES = 4
_SECONDS_PER_HOUR = Decimal(3600)
_CLOCK = timedelta(seconds=1)
# A session that ended before that is told of by its events alone.
LOOK_BACK = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a session costs so far; `tariff_id` is that of the place at its start."""

    currency: str
    tariff_id: str = ""
    excl_vat: Decimal | None = None
    incl_vat: Decimal | None = None


def roamings_of(session_ids: Collection[int]) -> list[RoamingSession]:
    """What partners' customers brought to sessions, with all that is told of them; one query."""
    return list(
        RoamingSession.objects.select_related("partner", "session__station__site", "session__evse")
        .filter(session_id__in=session_ids)
        .order_by("pk")
    )


def sessions_due(*, now: datetime) -> list[int]:
    """Keys of the sessions whose partner waits for news: never told, or changed since.

    While a session goes on its partner's pace holds. Two queries, of sessions that go on and of
    those that ended lately.
    """
    pace = ExpressionWrapper(
        F("roaming__partner__session_update_s") * Value(timedelta(seconds=1)),
        output_field=DurationField(),
    )
    told = F("roaming__last_pushed_at")
    partners = (PartnerState.REGISTERED, PartnerState.SUSPENDED)
    of_partners = Session.objects.filter(roaming__partner__state__in=partners).order_by("pk")
    active = of_partners.filter(
        Q(roaming__last_pushed_at__isnull=True)
        | Q(updated_at__gt=told, roaming__last_pushed_at__lte=Value(now) - pace),
        state=SessionState.ACTIVE,
    )
    ended = of_partners.filter(
        Q(roaming__last_pushed_at__isnull=True) | Q(updated_at__gt=told),
        state=SessionState.ENDED,
        ended_at__gt=now - LOOK_BACK,
    )
    return [*active.values_list("pk", flat=True), *ended.values_list("pk", flat=True)]


def session_content(
    roaming: RoamingSession,
    party: Party,
    before: dict[str, Any] | None,
    cost: Cost,
    *,
    now: datetime,
) -> dict[str, Any]:
    """The session as it now is, in the shape of 2.3.0; `before`: what was told of it last.

    Periods that were told stay as they are: PATCH can only add some (§9.2.2.3).
    """
    session = roaming.session
    content: dict[str, Any] = {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "id": str(session.pk),
        "start_date_time": format_rfc3339(session.started_at),
        "kwh": _number(session.energy_kwh),
        "cdr_token": roaming.token,
        "auth_method": roaming.auth_method,
        "location_id": ocpi_words.location_id(session.station.station_id),
        "evse_uid": ocpi_words.evse_uid(
            session.station.station_id, session.evse.evse_id if session.evse else None
        ),
        "connector_id": str(session.connector_id or 1),
        "currency": cost.currency,
        "charging_periods": _periods(session, before, cost.tariff_id, now),
        "status": session_status(session),
    }
    if roaming.authorization_reference:
        content["authorization_reference"] = roaming.authorization_reference
    if session.ended_at is not None:
        content["end_date_time"] = format_rfc3339(session.ended_at)
    if session.station.serial_number:
        content["meter_id"] = session.station.serial_number
    if cost.excl_vat is not None and cost.incl_vat is not None:
        content["total_cost"] = price(cost.excl_vat, cost.incl_vat)
    return content


def session_status(session: Session) -> str:
    """SessionStatus (§9.4.1): pending until a car is there or energy flows."""
    if session.state == SessionState.ENDED:
        return "COMPLETED"
    if session.charging_state == ChargingState.IDLE and not session.energy_kwh:
        return "PENDING"
    return "ACTIVE"


def price(excl_vat: Decimal, incl_vat: Decimal) -> dict[str, Any]:
    """Price of 2.3.0 (§17.6): all tax on it is VAT here."""
    tax = _number(incl_vat) - _number(excl_vat)
    return {"before_taxes": _number(excl_vat), "taxes": [{"name": "VAT", "amount": tax}]}


def session_costs(sessions: Collection[Session], *, now: datetime) -> dict[int, Cost]:
    """What sessions cost, by their key: by the CDR once there is one, by the tariff until then.

    Nine queries at most for sessions whose tariff has one price; `station__site` must be loaded.
    """
    cdrs = (
        Cdr.objects.live()
        .filter(session__in=sessions)
        .values_list("session_id", "currency", "tariff_content", "total_excl_vat", "total_incl_vat")
    )
    costs = {
        session_id: Cost(currency, str(tariff.get("id", "")), excl_vat, incl_vat)
        for session_id, currency, tariff, excl_vat, incl_vat in cdrs
    }
    others = [session for session in sessions if session.pk not in costs]
    versions = tariffs_for(others)
    for session in others:
        costs[session.pk] = _cost(session, versions.get(session.pk), now)
    return costs


def _cost(session: Session, version: TariffVersion | None, now: datetime) -> Cost:
    if version is None:
        return Cost(str(current_operator().currency))
    try:
        total = session_total(session, version_content(version, session, now=now), now=now)
    except (RatingProblem, DomainError):
        # What cannot be told yet is told by the CDR.
        return Cost(version.currency, version.tariff.code)
    return Cost(version.currency, version.tariff.code, total.excl_vat, total.incl_vat)


def _periods(
    session: Session, before: dict[str, Any] | None, tariff_id: str, now: datetime
) -> list[dict[str, Any]]:
    """Those told already and one for what came since; together they have the session's energy."""
    told: list[dict[str, Any]] = list((before or {}).get("charging_periods", ()))
    until = session.ended_at or max(now, session.started_at)
    energy = _number(session.energy_kwh)
    told_kwh, told_until = _sums(told, session.started_at)
    if told and (told_kwh > energy or told_until > until + _CLOCK):
        # A late event took something back: what was told is wrong and is told anew.
        told, told_kwh, told_until = [], Decimal(0), session.started_at
    until = max(until, told_until)
    is_due = session.ended_at is not None or until - told_until >= PERIOD
    if not is_due or (until - told_until < _CLOCK and energy == told_kwh):
        return told
    period: dict[str, Any] = {
        "start_date_time": format_rfc3339(told_until),
        "dimensions": [
            {"type": "ENERGY", "volume": energy - told_kwh},
            {"type": "TIME", "volume": _hours(until - told_until)},
        ],
    }
    if tariff_id:
        period["tariff_id"] = tariff_id
    return [*told, period]


def _sums(periods: list[dict[str, Any]], start: datetime) -> tuple[Decimal, datetime]:
    """(kWh, end) of periods told, which follow each other from the start on."""
    energy, until = Decimal(0), start
    for period in periods:
        until = parse_rfc3339(period["start_date_time"])
        for dimension in period["dimensions"]:
            if dimension["type"] == "ENERGY":
                energy += Decimal(dimension["volume"])
            elif dimension["type"] == "TIME":
                # Four decimals of an hour tell the second.
                until += timedelta(seconds=round(Decimal(dimension["volume"]) * 3600))
    return energy, until


def _hours(length: timedelta) -> Decimal:
    return _number(Decimal(round(length.total_seconds())) / _SECONDS_PER_HOUR)


def _number(value: Decimal) -> Decimal:
    return round_half_up(value, _PLACES)
