"""Commands of partners for our stations (2.2.1 §13, receiver).

A command is answered at once: whether its order went out to the station. What the station says, or
that it said nothing, follows once, as a CommandResult at the partner's `response_url`, by the
outbox: what a killed process did not send is sent by the next. A command that was refused at once
gets no result. The same command a second time gets the same answer and orders nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.chargers.choices import CommandStatus, TokenType
from apps.chargers.models import Command
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import intents
from apps.chargers.services.reservations import OPEN as RESERVATION_OPEN
from apps.chargers.services.reservations import (
    reservation_cancel,
    reservation_change,
    reservation_make,
)
from apps.ocpi.choices import Direction, PartyRole, RemoteCommandKind
from apps.ocpi.models import Partner, RemoteCommand, RoamingSession
from apps.ocpi.selectors.places import Place, place_find, session_at
from apps.ocpi.selectors.remote_commands import reservation_commands, short_tag
from apps.ocpi.services.command_words import (
    ACCEPTED,
    NOT_SUPPORTED,
    PARTY,
    REJECTED,
)
from apps.ocpi.services.remote_sessions import Refused, roaming_session_of, token_party
from cariflex.common.errors import DomainError
from cariflex.common.time import parse_rfc3339

# A station answers within 30 s, or its order is given up within a minute and a half.
RESULT_WITHIN = timedelta(seconds=100)
# What the partner is told: our own limit and the way of the result to it.
TIMEOUT_S = 120
SAME_WITHIN = timedelta(hours=1)
NOT_SUPPORTED_CODES = frozenset({"command.not_in_16", "command.action_unknown"})
# TokenType of OCPI 2.3.0 as IdTokenType of OCPP; the others are names of ours.
TOKEN_TYPES = {"RFID": TokenType.ISO14443, "EMAID": TokenType.EMAID}


@dataclass(frozen=True, slots=True)
class CommandAsked:
    """A command as it came: `request` is the object of 2.3.0 as JSON values.

    `sender` is the party that sent it (country code, party id), where the message said so.
    """

    partner: Partner
    kind: RemoteCommandKind
    request: Mapping[str, Any]
    now: datetime
    sender: tuple[str, str] | None = None
    correlation_id: str = ""

    @property
    def token(self) -> Mapping[str, Any]:
        token: Mapping[str, Any] = self.request["token"]
        return token


@dataclass(frozen=True, slots=True)
class Taken:
    """A command with its first answer; `is_place_unknown`: status 2003 goes with it."""

    command: RemoteCommand
    is_place_unknown: bool = False


def command_take(asked: CommandAsked) -> Taken:
    """Order of the station what a partner commands; the command with its first answer.

    The address for the result was checked (`response_urls.response_url_check`).
    """
    with transaction.atomic():
        # The same command twice at once is taken once.
        Partner.objects.select_for_update(no_key=True).get(pk=asked.partner.pk)
        known = _same(asked)
        if known is not None:
            return Taken(known)
        row = _row(asked)
        row.save()
        try:
            with transaction.atomic():
                row.command = _ORDERS[asked.kind](row, asked)
        except Refused as refused:
            return Taken(_refuse(row, refused.response, refused.message), refused.is_place_unknown)
        except DomainError as err:
            response = NOT_SUPPORTED if err.code in NOT_SUPPORTED_CODES else REJECTED
            return Taken(_refuse(row, response, err.message))
        if row.command.status == CommandStatus.FAILED:
            return Taken(_end(row, REJECTED, row.command.error))
        row.response, row.timeout_s = ACCEPTED, TIMEOUT_S
        row.deadline_at = asked.now + RESULT_WITHIN
        row.save()
        return Taken(row)


def _row(asked: CommandAsked) -> RemoteCommand:
    request = asked.request
    return RemoteCommand(
        direction=Direction.IN,
        partner=asked.partner,
        kind=asked.kind,
        request=_noted(asked),
        token_uid=request.get("token", {}).get("uid", ""),
        location_id=request.get("location_id", ""),
        evse_uid=request.get("evse_uid") or "",
        authorization_reference=request.get("authorization_reference") or "",
        reservation_key=request.get("reservation_id", ""),
        response_url=request["response_url"],
        correlation_id=asked.correlation_id,
        asked_at=asked.now,
        answered_at=asked.now,
    )


def _noted(asked: CommandAsked) -> dict[str, Any]:
    """The request with a note of the party that sent it: its result goes back there."""
    if asked.sender is None:
        return dict(asked.request)
    country, party = asked.sender
    return {**asked.request, PARTY: {"country_code": country, "party_id": party}}


def _refuse(row: RemoteCommand, response: str, message: str) -> RemoteCommand:
    # What the attempt wrote on the row is undone with it.
    row.command = row.reservation = row.session = None
    return _end(row, response, message)


def _end(row: RemoteCommand, response: str, message: str) -> RemoteCommand:
    """The first answer is the last one."""
    row.response, row.message = response, message[:512]
    row.ended_at = row.answered_at
    row.save()
    return row


def _same(asked: CommandAsked) -> RemoteCommand | None:
    """The command that this one repeats: same words, still open or of the same correlation id."""
    request = _noted(asked)
    rows = RemoteCommand.objects.filter(
        direction=Direction.IN,
        partner=asked.partner,
        kind=asked.kind,
        response_url=asked.request["response_url"],
        asked_at__gt=asked.now - SAME_WITHIN,
    ).order_by("-pk")[:20]
    for row in rows:
        is_again = row.ended_at is None or (
            asked.correlation_id and row.correlation_id == asked.correlation_id
        )
        if is_again and row.request == request:
            return row
    return None


# --- what each command orders ---


def _start(row: RemoteCommand, asked: CommandAsked) -> Command:
    """START_SESSION (§13.3.4): the token is the provider's word and is not checked."""
    place = _place(asked)
    _own_token_check(asked)
    return intents.start(
        station_id=place.station.station_id,
        id_token=_id_token(asked, place),
        token_type=_token_type(asked),
        evse_id=None if place.evse is None else place.evse.evse_id,
        reason=_reason(asked),
    )


def _stop(row: RemoteCommand, asked: CommandAsked) -> Command:
    """STOP_SESSION (§13.3.6)."""
    roaming = roaming_session_of(asked.partner, asked.request["session_id"], asked.sender)
    row.session = roaming.session
    return intents.stop(session_id=roaming.session_id, reason=_reason(asked))


def _reserve(row: RemoteCommand, asked: CommandAsked) -> Command:
    """RESERVE_NOW (§13.3.3): a new place, or another one under the partner's same number.

    The station knows the reservation by our own number, never by the partner's.
    """
    place = _place(asked)
    _own_token_check(asked)
    wanted: dict[str, Any] = {
        "id_token": _id_token(asked, place),
        "token_type": _token_type(asked),
        "evse_id": None if place.evse is None else place.evse.evse_id,
        "expires_at": parse_rfc3339(asked.request["expiry_date"]),
        "now": asked.now,
    }
    known = next(
        (
            one.reservation
            for one in _reservations(asked)
            if one.reservation is not None
            and one.reservation.station_id == place.station.pk
            and one.reservation.status in RESERVATION_OPEN
        ),
        None,
    )
    if known is not None:
        row.reservation = known
        return reservation_change(reservation_id=known.pk, **wanted)
    made = reservation_make(station_id=place.station.station_id, **wanted)
    row.reservation = made
    if made.command is None:
        raise Refused(REJECTED, "The station was not asked.")
    return made.command


def _cancel(row: RemoteCommand, asked: CommandAsked) -> Command:
    """CANCEL_RESERVATION (§13.3.1)."""
    known = next(
        (
            one.reservation
            for one in _reservations(asked)
            if one.reservation is not None and one.reservation.status in RESERVATION_OPEN
        ),
        None,
    )
    if known is None:
        raise Refused(REJECTED, "There is no open reservation with this id.")
    row.reservation = known
    row.location_id = known.station.station_id[:36]
    return reservation_cancel(reservation_id=known.pk)


def _unlock(row: RemoteCommand, asked: CommandAsked) -> Command:
    """UNLOCK_CONNECTOR (§13.3.7): not while somebody else's car charges there."""
    place = _place(asked)
    if place.evse is None or place.connector is None:
        raise _place_unknown()
    session = session_at(place.evse)
    if session is not None:
        mine = RoamingSession.objects.filter(session=session, partner=asked.partner)
        if not mine.exists():
            raise Refused(REJECTED, "Somebody else's session goes on at this EVSE.")
    return intents.unlock(
        station_id=place.station.station_id,
        evse_id=place.evse.evse_id,
        connector_id=place.connector.connector_id,
        reason=_reason(asked),
    )


_ORDERS: dict[str, Callable[[RemoteCommand, CommandAsked], Command]] = {
    RemoteCommandKind.START_SESSION: _start,
    RemoteCommandKind.STOP_SESSION: _stop,
    RemoteCommandKind.RESERVE_NOW: _reserve,
    RemoteCommandKind.CANCEL_RESERVATION: _cancel,
    RemoteCommandKind.UNLOCK_CONNECTOR: _unlock,
}


def _place(asked: CommandAsked) -> Place:
    request = asked.request
    place = place_find(request["location_id"], request.get("evse_uid"), request.get("connector_id"))
    if place is None:
        raise _place_unknown()
    return place


def _place_unknown() -> Refused:
    return Refused(REJECTED, "Unknown location, EVSE or connector.", is_place_unknown=True)


def _own_token_check(asked: CommandAsked) -> None:
    """A provider uses its own tokens only (§13.3.3, §13.3.4); 2.1.1 does not say whose they are."""
    country, party = asked.token.get("country_code"), asked.token.get("party_id")
    if not country or not party:
        return
    parties = {
        (one.country_code.upper(), one.party_id.upper())
        for one in asked.partner.roles.exclude(role=PartyRole.CPO)
    }
    whose = (country.upper(), party.upper())
    is_sender = asked.sender is None or not asked.partner.is_hub or asked.sender == whose
    if whose not in parties or not is_sender:
        raise Refused(REJECTED, "The token is of another party.")


def _id_token(asked: CommandAsked, place: Place) -> str:
    uid: str = asked.token["uid"]
    return short_tag(uid) if place.station.ocpp_version == OcppVersion.V16 else uid


def _token_type(asked: CommandAsked) -> str:
    return TOKEN_TYPES.get(asked.token["type"], TokenType.CENTRAL)


def _reason(asked: CommandAsked) -> str:
    return f"OCPI {asked.kind} {asked.partner.name}"


def _reservations(asked: CommandAsked) -> list[RemoteCommand]:
    """Behind a hub, those of the party that asks: ids of two of them may be the same."""
    rows = reservation_commands(asked.partner, asked.request["reservation_id"])
    if not asked.partner.is_hub or asked.sender is None:
        return list(rows)
    return [one for one in rows if token_party(one.request["token"]) == asked.sender]
