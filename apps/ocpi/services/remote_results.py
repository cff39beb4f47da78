"""Results of commands and of charging profiles, sent once to the partner that asked.

The result is written and put into the outbox in the transaction that ends the station's order. OCPI
asks for no retries, and the partner waits no longer than the time it was told: after a quarter of
an hour a result is given up.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from django.db import transaction

from apps.chargers.choices import CommandStatus
from apps.chargers.models import Command, Session
from apps.chargers.ocpp.v16.profiles import composite_schedule as composite_of_16
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import command_answers
from apps.ocpi import wire
from apps.ocpi.choices import Direction, PartnerState, PartyRole, RemoteCommandKind
from apps.ocpi.clients.ocpi import call_partner
from apps.ocpi.models import Partner, RemoteCommand, RemoteProfile
from apps.ocpi.selectors.partners import own_party
from apps.ocpi.selectors.places import is_inoperative, place_find, session_at
from apps.ocpi.selectors.remote_commands import reservations_taken_back, starts_to_link
from apps.ocpi.server.calls import PartyRef
from apps.ocpi.services.command_words import (
    ACCEPTED,
    CANCELED,
    PARTY,
    REJECTED,
    TIMEOUT,
    UNKNOWN,
    StationWord,
    command_result,
    profile_result,
)
from apps.ocpi.services.roaming_sessions import roaming_session_begin
from apps.outbox.models import OutboxMessage
from apps.outbox.registry import DeliveryPolicy
from apps.outbox.services import outbox_add
from cariflex.common.errors import DomainError
from cariflex.common.time import format_rfc3339, parse_rfc3339, utc_now

logger = logging.getLogger(__name__)

DESTINATION = "ocpi-result"
POLICY = DeliveryPolicy(
    backoff_start=timedelta(seconds=2),
    backoff_max=timedelta(seconds=60),
    give_up_after=timedelta(minutes=15),
    lease=timedelta(seconds=90),
)
COMMAND, PROFILE = "command", "profile"
OPEN_STATUSES = (CommandStatus.QUEUED, CommandStatus.SENT)
# How far back the sweep looks for what it may have missed.
LOOK_BACK = timedelta(days=2)
ACTIONS = (
    "RequestStartTransaction", "RequestStopTransaction", "RemoteStartTransaction",
    "RemoteStopTransaction", "ReserveNow", "CancelReservation", "UnlockConnector",
)  # fmt: skip
PROFILE_ACTIONS = ("SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule")


# --- what ends a command ---


def station_answered(command: Command, _answer: dict[str, Any] | None = None) -> None:
    """Write the result of the partner's command that this order is for, if it is for one."""
    row = (
        RemoteCommand.objects.select_for_update(of=("self",))
        .select_related("partner")
        .filter(command=command, direction=Direction.IN, ended_at__isnull=True)
        .first()
    )
    if row is not None:
        kind = RemoteCommandKind(row.kind)
        result_write(row, command_result(kind, _word(row, command)), command.error, utc_now())


def _word(row: RemoteCommand, command: Command) -> StationWord:
    is_occupied = is_out_of_use = False
    place = place_find(row.location_id, row.evse_uid, None) if row.location_id else None
    if place is not None and place.evse is not None:
        is_occupied = session_at(place.evse) is not None
        is_out_of_use = is_inoperative(place.evse)
    return StationWord(
        CommandStatus(command.status),
        command.answer or {},
        command.error,
        is_occupied,
        is_out_of_use,
    )


def result_write(row: RemoteCommand, result: str, message: str, now: datetime) -> None:
    """End a command whose row is locked; its result leaves with this transaction."""
    row.result, row.message, row.ended_at = result, message[:512], now
    row.save(update_fields=["result", "message", "ended_at"])
    result_send(row.partner_id, COMMAND, row.pk, result)


def result_send(partner_pk: int, kind: str, pk: int, result: str) -> None:
    """Put a result into the outbox; the same one once."""
    outbox_add(
        destination=f"{DESTINATION}:{partner_pk}",
        kind=kind,
        payload={"id": pk, "result": result},
        order_key=f"{kind}:{pk}",
        dedupe_key=f"{kind}:{pk}:{result}",
    )


# --- what ends an order for a charging profile ---


def profile_answered(command: Command, _answer: dict[str, Any] | None = None) -> None:
    """Write the result of the partner's profile order that this one is for, if it is for one."""
    rows = (
        RemoteProfile.objects.select_for_update(of=("self",))
        .select_related("partner")
        .filter(command=command, direction=Direction.IN, ended_at__isnull=True)
    )
    for row in rows:
        _profile_end(row, command, utc_now())


def _profile_end(row: RemoteProfile, command: Command, now: datetime) -> None:
    word = StationWord(CommandStatus(command.status), command.answer or {}, command.error)
    result = profile_result(word)
    if row.method == "GET" and result == ACCEPTED:
        row.profile = active_profile(command)
        result = UNKNOWN if row.profile is None else result
    profile_result_write(row, result, now)


def profile_result_write(row: RemoteProfile, result: str, now: datetime) -> None:
    """End a profile order whose row is locked; its result leaves with this transaction."""
    row.result, row.ended_at = result, now
    row.save(update_fields=["result", "profile", "ended_at"])
    result_send(row.partner_id, PROFILE, row.pk, result)


def active_profile(command: Command) -> dict[str, Any] | None:
    """The ActiveChargingProfile (2.2.1 §14.4.1) of a station's composite schedule."""
    answer = command.answer or {}
    is_16 = command.station.ocpp_version == OcppVersion.V16
    told = composite_of_16(answer) if is_16 else answer.get("schedule")
    if not told:
        return None
    start = told.get("scheduleStart") or format_rfc3339(command.sent_at or command.requested_at)
    # Stations write times as they like.
    start = format_rfc3339(parse_rfc3339(start))
    profile = {
        "start_date_time": start,
        "duration": told.get("duration") or command.payload.get("duration"),
        "charging_rate_unit": told["chargingRateUnit"],
        "charging_profile_period": [
            # One digit (§14.4.4), cut: no more than the station gives.
            {
                "start_period": one["startPeriod"],
                "limit": Decimal(str(one["limit"])).quantize(Decimal("0.1"), ROUND_FLOOR),
            }
            for one in told["chargingSchedulePeriod"]
            if one.get("limit") is not None
        ],
    }
    return {"start_date_time": start, "charging_profile": profile}


# --- sending ---


def result_deliver(message: OutboxMessage) -> None:
    """POST a result to the partner's response_url. ExternalError, DomainError when gone."""
    pk, result = message.payload["id"], message.payload["result"]
    if message.kind == COMMAND:
        command = RemoteCommand.objects.select_related("partner").get(pk=pk)
        texts = [{"language": "en", "text": command.message}] if command.message else None
        content: dict[str, Any] = {"result": result}
        if texts and result != ACCEPTED:
            content["message"] = texts
        _post(
            _Posted(
                command.partner, "commands", "CommandResult", content, command.response_url,
                command.request, command.correlation_id,
            )
        )  # fmt: skip
        return
    order = RemoteProfile.objects.select_related("partner").get(pk=pk)
    kind = PROFILE_RESULTS[order.method]
    content = {"result": result}
    if order.method == "GET" and order.profile is not None:
        content["profile"] = order.profile
    _post(
        _Posted(order.partner, "chargingprofiles", kind, content, order.response_url, order.request)
    )


PROFILE_RESULTS = {
    "GET": "ActiveChargingProfileResult",
    "PUT": "ChargingProfileResult",
    "DELETE": "ClearProfileResult",
}


@dataclass(frozen=True, slots=True)
class _Posted:
    """A result on its way: the object of 2.3.0, and the request that it belongs to."""

    partner: Partner
    module: str
    kind: str
    content: Mapping[str, Any]
    url: str
    request: Mapping[str, Any]
    correlation_id: str = ""


def _post(posted: _Posted) -> None:
    partner = posted.partner
    if partner.state != PartnerState.REGISTERED:
        raise DomainError("ocpi.partner_gone", f"{partner} is not connected any more.")
    body = wire.from_inside(partner.version, wire.inside_of(posted.kind, posted.content))
    call_partner(
        partner,
        "POST",
        posted.url,
        module=posted.module,
        body=wire.encode(body),
        sender=own_ref(PartyRole.CPO),
        receiver=party_noted(posted.request),
        correlation_id=posted.correlation_id or None,
    ).expect_success(partner)


def own_ref(role: PartyRole) -> PartyRef | None:
    """Our party with a role, as routing headers name it."""
    party = own_party(role)
    return None if party is None else PartyRef(party.country_code, party.party_id)


def party_noted(request: Mapping[str, Any]) -> PartyRef | None:
    """The party on the other side of a stored request, where it was said."""
    told = request.get(PARTY)
    return PartyRef(told["country_code"], told["party_id"]) if told else None


# --- what nobody ended ---


@transaction.atomic
def profiles_in_sweep(*, now: datetime) -> int:
    """Answer profile orders that wait too long; how many results were written."""
    written = 0
    rows = (
        RemoteProfile.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("partner", "command__station")
        .filter(direction=Direction.IN, ended_at__isnull=True, deadline_at__isnull=False)
        .order_by("pk")
    )
    for row in rows:
        if row.command is not None and row.command.status not in OPEN_STATUSES:
            _profile_end(row, row.command, now)
        elif row.deadline_at is not None and row.deadline_at <= now:
            profile_result_write(row, REJECTED, now)
        else:
            continue
        written += 1
    return written


def commands_in_sweep(*, now: datetime) -> int:
    """Answer what waits too long, tie sessions to their commands; how many results were written.

    Safe to run twice at once.
    """
    written = 0
    with transaction.atomic():
        open_rows = (
            RemoteCommand.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("partner", "command")
            .filter(direction=Direction.IN, ended_at__isnull=True, deadline_at__isnull=False)
            .order_by("pk")
        )
        for row in open_rows:
            command = row.command
            if command is not None and command.status not in OPEN_STATUSES:
                kind = RemoteCommandKind(row.kind)
                result = command_result(kind, _word(row, command))
                result_write(row, result, command.error, now)
            elif row.deadline_at is not None and row.deadline_at <= now:
                result_write(row, TIMEOUT, "The station did not answer.", now)
            else:
                continue
            written += 1
    for row in starts_to_link(now=now, within=LOOK_BACK):
        _link(row)
    return written + _taken_back(now)


@transaction.atomic
def _link(row: RemoteCommand) -> None:
    """The session that a command brought about is the partner's customer's (auth COMMAND)."""
    session = (
        row.reservation.session
        if row.kind == RemoteCommandKind.RESERVE_NOW and row.reservation is not None
        else Session.objects.filter(
            remote_start_id=row.command_id, station__commands=row.command_id
        ).first()
    )
    if session is None:
        return
    roaming_session_begin(
        session.pk, row.partner, row.request["token"], "COMMAND", row.authorization_reference
    )
    RemoteCommand.objects.filter(pk=row.pk).update(session=session)


@transaction.atomic
def _taken_back(now: datetime) -> int:
    """Tell of reservations that we, or the station, took back (2.2.1 §13.1)."""
    rows = reservations_taken_back(since=now - LOOK_BACK).select_for_update(
        of=("self",), skip_locked=True
    )
    count = 0
    for row in rows:
        row.result = CANCELED
        row.save(update_fields=["result"])
        result_send(row.partner_id, COMMAND, row.pk, CANCELED)
        count += 1
    return count


for action in ACTIONS:
    command_answers.register(action, station_answered, failed=station_answered)
for action in PROFILE_ACTIONS:
    command_answers.register(action, profile_answered, failed=profile_answered)
