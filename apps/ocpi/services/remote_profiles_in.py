"""Charging profiles of partners for sessions of their customers (2.2.1 §14, receiver).

As with commands: an answer at once, and one result later when that answer was ACCEPTED, by the
outbox. A profile becomes a TxProfile of the session; what load groups keep below their cap refuses
it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from apps.chargers.choices import (
    CommandStatus,
    ProfileKind,
    ProfilePurpose,
    ProfileSource,
    SessionState,
)
from apps.chargers.models import ChargingProfile, Command, Session
from apps.chargers.selectors.charging_profiles import IN_FORCE
from apps.chargers.services.charging_profiles import (
    composite_schedule,
    profile_clear,
    profile_set,
)
from apps.ocpi.choices import Direction
from apps.ocpi.models import Partner, RemoteProfile
from apps.ocpi.services.command_words import (
    ACCEPTED,
    NOT_SUPPORTED,
    PARTY,
    REJECTED,
    TOO_OFTEN,
    UNKNOWN,
)
from apps.ocpi.services.remote_commands_in import (
    NOT_SUPPORTED_CODES,
    RESULT_WITHIN,
    SAME_WITHIN,
    TIMEOUT_S,
)
from apps.ocpi.services.remote_results import profile_result_write
from apps.ocpi.services.remote_sessions import Refused, roaming_session_of
from cariflex.common.errors import DomainError

# Stations are slow: more orders for one session than this in a minute are refused.
MOST_IN_A_MINUTE = 10
LONGEST_ACTIVE_S = 86_400
_STACK_LEVEL = 1


@dataclass(frozen=True, slots=True)
class ProfileAsked:
    """A charging profile order as it came.

    `request` has `charging_profile` (2.3.0, JSON values) for PUT and `duration` for GET.
    """

    partner: Partner
    method: str
    session_id: str
    response_url: str
    request: Mapping[str, Any]
    now: datetime
    sender: tuple[str, str] | None = None


def profile_take(asked: ProfileAsked) -> RemoteProfile:
    """Order of the station what a partner wants for a session; with the first answer.

    The address for the result was checked (`response_urls.response_url_check`).
    """
    with transaction.atomic():
        Partner.objects.select_for_update(no_key=True).get(pk=asked.partner.pk)
        known = _same(asked)
        if known is not None:
            return known
        row = RemoteProfile(
            direction=Direction.IN,
            partner=asked.partner,
            method=asked.method,
            session_id=asked.session_id[:36],
            request=_noted(asked),
            response_url=asked.response_url,
            asked_at=asked.now,
        )
        row.save()
        try:
            with transaction.atomic():
                command = _ordered(asked)
        except Refused as refused:
            return _refuse(row, refused.response)
        except DomainError as err:
            return _refuse(row, NOT_SUPPORTED if err.code in NOT_SUPPORTED_CODES else REJECTED)
        row.command = command
        if command is not None and command.status == CommandStatus.FAILED:
            return _refuse(row, REJECTED)
        row.response, row.timeout_s = ACCEPTED, TIMEOUT_S
        row.deadline_at = asked.now + RESULT_WITHIN
        row.save()
        if command is None:
            # Nothing of theirs is in force: there is nothing to order of the station.
            profile_result_write(row, UNKNOWN, asked.now)
        return row


def _noted(asked: ProfileAsked) -> dict[str, Any]:
    if asked.sender is None:
        return dict(asked.request)
    country, party = asked.sender
    return {**asked.request, PARTY: {"country_code": country, "party_id": party}}


def _refuse(row: RemoteProfile, response: str) -> RemoteProfile:
    row.response, row.ended_at = response, row.asked_at
    row.save()
    return row


def _same(asked: ProfileAsked) -> RemoteProfile | None:
    """The order that this one repeats while its result is on its way."""
    rows = RemoteProfile.objects.filter(
        direction=Direction.IN,
        partner=asked.partner,
        method=asked.method,
        session_id=asked.session_id[:36],
        response_url=asked.response_url,
        ended_at__isnull=True,
        asked_at__gt=asked.now - SAME_WITHIN,
    ).order_by("-pk")[:20]
    request = _noted(asked)
    return next((row for row in rows if row.request == request), None)


def _ordered(asked: ProfileAsked) -> Command | None:
    session = roaming_session_of(asked.partner, asked.session_id, asked.sender).session
    if session.state != SessionState.ACTIVE or session.evse is None:
        raise Refused(REJECTED, "The session does not go on.")
    lately = RemoteProfile.objects.filter(
        direction=Direction.IN,
        session_id=asked.session_id[:36],
        response=ACCEPTED,
        asked_at__gt=asked.now - timedelta(minutes=1),
    )
    if lately.count() >= MOST_IN_A_MINUTE:
        raise Refused(TOO_OFTEN, "Too many orders for this session.")
    return _ORDERS[asked.method](session, asked)


def _put(session: Session, asked: ProfileAsked) -> Command | None:
    profile = tx_profile(session, asked.request["charging_profile"])
    before = profile_in_force(session)
    if before is not None:
        # Under its own id it stands in for the one before (OCPP 2.0.1 K01.FR.05).
        profile["id"] = before.profile_id
    row = profile_set(
        station_id=session.station.station_id,
        evse_id=_evse_id(session),
        profile=profile,
        source=ProfileSource.PARTNER,
        reason=f"OCPI charging profile {asked.partner.name}",
    )
    return row.command


def _get(session: Session, asked: ProfileAsked) -> Command | None:
    return composite_schedule(
        station_id=session.station.station_id,
        evse_id=_evse_id(session),
        duration_s=min(int(asked.request["duration"]), LONGEST_ACTIVE_S),
    )


def _delete(session: Session, asked: ProfileAsked) -> Command | None:
    profile = profile_in_force(session)
    return None if profile is None else profile_clear(profile_pk=profile.pk)


_ORDERS: dict[str, Callable[[Session, ProfileAsked], Command | None]] = {
    "PUT": _put,
    "GET": _get,
    "DELETE": _delete,
}


def _evse_id(session: Session) -> int:
    return session.evse.evse_id if session.evse is not None else 0


def profile_in_force(session: Session) -> ChargingProfile | None:
    """What partners set for a session, as far as it holds."""
    return (
        ChargingProfile.objects.filter(
            session=session, source=ProfileSource.PARTNER, status__in=IN_FORCE
        )
        .order_by("-pk")
        .first()
    )


def tx_profile(session: Session, profile: Mapping[str, Any]) -> dict[str, Any]:
    """A ChargingProfile of OCPI as the ChargingProfileType of one session (OCPP 2.0.1 §2.8).

    Refused (REJECTED) for one without periods, or whose first one begins late.
    """
    periods = profile.get("charging_profile_period") or []
    if not periods or periods[0]["start_period"] != 0:
        raise Refused(REJECTED, "A profile begins with a period at 0 s.")
    start = profile.get("start_date_time")
    schedule: dict[str, Any] = {
        "chargingRateUnit": profile["charging_rate_unit"],
        "chargingSchedulePeriod": [
            {"startPeriod": one["start_period"], "limit": _number(one["limit"])} for one in periods
        ],
    }
    if start is not None:
        schedule["startSchedule"] = start
    if profile.get("duration") is not None:
        schedule["duration"] = profile["duration"]
    if profile.get("min_charging_rate") is not None:
        schedule["minChargingRate"] = _number(profile["min_charging_rate"])
    return {
        "stackLevel": _STACK_LEVEL,
        "chargingProfilePurpose": ProfilePurpose.TX.value,
        "chargingProfileKind": (
            ProfileKind.RELATIVE.value if start is None else ProfileKind.ABSOLUTE.value
        ),
        "transactionId": session.transaction_id,
        "chargingSchedule": [schedule],
    }


def _number(value: Decimal | int) -> int | float:
    """OCPP's JSON has no Decimals; a limit has one digit after the point (§14.4.4)."""
    return int(value) if value == int(value) else float(value)
