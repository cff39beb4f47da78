"""Commands of ours for partners' stations (2.2.1 §13, sender).

A command is written down before it is sent: its result may come back before the answer. The
`response_url` carries a key that cannot be guessed. No result by the deadline is TIMEOUT; what
comes later is logged and changes nothing.
"""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.chargers.models import IdToken
from apps.ocpi import wire
from apps.ocpi.choices import (
    Direction,
    InterfaceRole,
    ObjectKind,
    OcpiVersion,
    PartnerState,
    RemoteCommandKind,
)
from apps.ocpi.clients.ocpi import call_partner, endpoint
from apps.ocpi.models import Partner, PartnerLocation, PartnerSession, Party, RemoteCommand
from apps.ocpi.selectors.audience import owner_of
from apps.ocpi.selectors.tokens_out import ROAMING_TYPES, token_content
from apps.ocpi.server import routes
from apps.ocpi.server.calls import PartyRef
from apps.ocpi.services.command_words import ACCEPTED, CANCELED, FAILED, PARTY, TIMEOUT
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.exact_json import exact_dumps, exact_loads
from cariflex.common.time import format_rfc3339, utc_now

logger = logging.getLogger(__name__)

# Until the partner says how long a result may take.
WAIT = timedelta(seconds=60)
LONGEST_WAIT = timedelta(minutes=10)
# A result travels too: the partner's time and our own are not the same.
MARGIN = timedelta(seconds=5)
BODIES = {
    RemoteCommandKind.START_SESSION: "StartSession",
    RemoteCommandKind.STOP_SESSION: "StopSession",
    RemoteCommandKind.RESERVE_NOW: "ReserveNow",
    RemoteCommandKind.CANCEL_RESERVATION: "CancelReservation",
    RemoteCommandKind.UNLOCK_CONNECTOR: "UnlockConnector",
}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who commands, and at which address of ours (`https://host/ocpi`) partners reach us."""

    root_url: str
    now: datetime
    asked_by_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A command to be sent: the object of 2.3.0 without its response_url."""

    partner: Partner
    kind: RemoteCommandKind
    receiver: PartyRef
    content: Mapping[str, Any]
    columns: Mapping[str, Any] = field(default_factory=dict)


# --- one service for each command ---


def session_start(
    *,
    sender: Sender,
    location: PartnerLocation,
    id_token: IdToken,
    evse_uid: str = "",
    connector_id: str = "",
) -> RemoteCommand:
    """START_SESSION for one of our tokens at a partner's location; the command as answered.

    DomainError: `roaming.partner_away`, `roaming.place_unknown`, `roaming.no_party`,
    `roaming.token_invalid`, `roaming.not_in_version`. A partner that does not answer is a command
    that FAILED.
    """
    _place_check(location, evse_uid, connector_id)
    reference = str(uuid.uuid4())
    content = {
        "token": token_told(id_token, sender.now),
        "location_id": location.object_id,
        "evse_uid": evse_uid or None,
        "connector_id": connector_id or None,
        "authorization_reference": reference,
    }
    columns = _columns(location, evse_uid) | {
        "token_uid": id_token.id_token,
        "authorization_reference": reference,
    }
    kind = RemoteCommandKind.START_SESSION
    return _send(sender, _Wanted(location.partner, kind, _party(location), content, columns))


def session_stop(*, sender: Sender, session: PartnerSession) -> RemoteCommand:
    """STOP_SESSION for a session of one of our customers; see `session_start`."""
    content = {"session_id": session.object_id}
    kind = RemoteCommandKind.STOP_SESSION
    return _send(sender, _Wanted(session.partner, kind, _party(session), content))


def place_reserve(
    *,
    sender: Sender,
    location: PartnerLocation,
    id_token: IdToken,
    expires_at: datetime,
    evse_uid: str = "",
    changes: RemoteCommand | None = None,
) -> RemoteCommand:
    """RESERVE_NOW; with `changes` the same reservation otherwise. See `session_start`."""
    _place_check(location, evse_uid, "")
    if expires_at <= sender.now:
        raise DomainError("roaming.expiry_invalid", "It ends in the future.", field="expires_at")
    reference = str(uuid.uuid4())
    content = {
        "token": token_told(id_token, sender.now),
        "expiry_date": format_rfc3339(expires_at),
        "location_id": location.object_id,
        "evse_uid": evse_uid or None,
        "authorization_reference": reference,
    }
    columns = _columns(location, evse_uid) | {
        "token_uid": id_token.id_token,
        "authorization_reference": reference,
        "reservation_key": "" if changes is None else changes.reservation_key,
    }
    kind = RemoteCommandKind.RESERVE_NOW
    return _send(sender, _Wanted(location.partner, kind, _party(location), content, columns))


def reservation_cancel(*, sender: Sender, reserved: RemoteCommand) -> RemoteCommand:
    """CANCEL_RESERVATION of what a RESERVE_NOW of ours reserved; see `session_start`."""
    if reserved.kind != RemoteCommandKind.RESERVE_NOW or reserved.direction != Direction.OUT:
        raise DomainError("roaming.not_a_reservation", "That command reserved nothing.")
    told = reserved.request.get(PARTY) or {}
    receiver = PartyRef(told.get("country_code", ""), told.get("party_id", ""))
    columns = {
        "reservation_key": reserved.reservation_key,
        "location_id": reserved.location_id,
        "evse_uid": reserved.evse_uid,
    }
    kind = RemoteCommandKind.CANCEL_RESERVATION
    return _send(sender, _Wanted(reserved.partner, kind, receiver, {}, columns))


def connector_unlock(
    *, sender: Sender, location: PartnerLocation, evse_uid: str, connector_id: str
) -> RemoteCommand:
    """UNLOCK_CONNECTOR, for the help desk only (§13.5.3); see `session_start`."""
    if not evse_uid or not connector_id:
        raise DomainError("roaming.place_unknown", "Name the EVSE and its connector.")
    _place_check(location, evse_uid, connector_id)
    content = {
        "location_id": location.object_id,
        "evse_uid": evse_uid,
        "connector_id": connector_id,
    }
    kind = RemoteCommandKind.UNLOCK_CONNECTOR
    columns = _columns(location, evse_uid)
    return _send(sender, _Wanted(location.partner, kind, _party(location), content, columns))


def _columns(location: PartnerLocation, evse_uid: str) -> dict[str, Any]:
    return {"location_id": location.object_id[:36], "evse_uid": evse_uid}


def _party(owned: PartnerLocation | PartnerSession) -> PartyRef:
    return PartyRef(owned.country_code, owned.party_id)


def _place_check(location: PartnerLocation, evse_uid: str, connector_id: str) -> None:
    """DomainError for an EVSE or connector that the partner's location does not have."""
    unknown = DomainError("roaming.place_unknown", "The location has no such place.", field="evse")
    if location.is_withdrawn or (connector_id and not evse_uid):
        raise unknown
    if not evse_uid:
        return
    evses = location.content.get("evses") or []
    evse = next((one for one in evses if wire.same_id(one["uid"], evse_uid)), None)
    if evse is None or evse.get("status") == "REMOVED":
        raise unknown
    plugs = [one["id"] for one in evse.get("connectors") or []]
    if connector_id and not any(wire.same_id(one, connector_id) for one in plugs):
        raise unknown


# --- our own token, as the partner gets it ---


def own_party() -> Party:
    """The provider that we are; DomainError `roaming.no_party` when we are none."""
    party = owner_of(ObjectKind.TOKENS)
    if party is None:
        raise DomainError("roaming.no_party", "This operator plays no mobility provider.")
    return party


def token_told(id_token: IdToken, now: datetime) -> dict[str, Any]:
    """The Token object of one of our tokens; DomainError `roaming.token_invalid`.

    A provider authorises a token before it commands with it (§13.3.4).
    """
    content = token_content(id_token, own_party(), now=now)
    if not content["valid"] or id_token.type not in ROAMING_TYPES:
        raise DomainError("roaming.token_invalid", "This token may not charge.", field="id_token")
    return {**content, "last_updated": format_rfc3339(now)}


# --- sending ---


def _send(sender: Sender, wanted: _Wanted) -> RemoteCommand:
    row = _write(sender, wanted)
    partner = wanted.partner
    own = own_party()
    try:
        body = wire.encode(
            wire.from_inside(partner.version, wire.inside_of(BODIES[wanted.kind], _content(row)))
        )
        answer = call_partner(
            partner,
            "POST",
            f"{endpoint(partner, 'commands', InterfaceRole.RECEIVER)}/{row.kind}",
            module="commands",
            body=body,
            sender=PartyRef(own.country_code, own.party_id),
            receiver=wanted.receiver,
            correlation_id=row.correlation_id,
        )
        if not answer.raw:
            raise ExternalError("ocpi", answer.message or "answered nothing", retryable=False)
        response = wire.to_inside(
            partner.version, wire.decode(partner.version, "CommandResponse", answer.raw)
        )
    except (ExternalError, wire.WireError) as err:
        return _answered(row, "", None, f"{err}")
    except DomainError:
        RemoteCommand.objects.filter(pk=row.pk).delete()
        raise
    message = " ".join(one.text for one in response.message or ()) or answer.message
    return _answered(row, response.result, response.timeout, message)


def _write(sender: Sender, wanted: _Wanted) -> RemoteCommand:
    partner = wanted.partner
    if partner.state != PartnerState.REGISTERED or not partner.version:
        raise DomainError("roaming.partner_away", f"{partner} is not connected.")
    is_old = partner.version == OcpiVersion.V2_1_1
    if is_old and wanted.kind == RemoteCommandKind.CANCEL_RESERVATION:
        raise DomainError("roaming.not_in_version", "OCPI 2.1.1 has no such command.")
    receiver = {
        "country_code": wanted.receiver.country_code,
        "party_id": wanted.receiver.party_id,
    }
    with transaction.atomic():
        row = RemoteCommand.objects.create(
            direction=Direction.OUT,
            partner=partner,
            kind=wanted.kind,
            request={},
            correlation_id=str(uuid.uuid4()),
            asked_at=sender.now,
            deadline_at=sender.now + WAIT,
            asked_by_id=sender.asked_by_id,
            **wanted.columns,
        )
        address = routes.address(sender.root_url, partner.version, "commands", InterfaceRole.SENDER)
        row.response_url = f"{address}/{row.kind}/{row.key}"
        if row.kind == RemoteCommandKind.RESERVE_NOW and not row.reservation_key:
            # A number: 2.1.1 takes nothing else (its §3.2).
            row.reservation_key = str(row.pk)
        told = {name: value for name, value in wanted.content.items() if value is not None}
        row.request = exact_loads(exact_dumps({**told, PARTY: receiver}))
        row.save()
    return row


def _content(row: RemoteCommand) -> dict[str, Any]:
    """The body of the command."""
    told = {name: value for name, value in row.request.items() if name != PARTY}
    told["response_url"] = row.response_url
    if row.reservation_key:
        told["reservation_id"] = row.reservation_key
    return told


@transaction.atomic
def _answered(
    row: RemoteCommand, response: str, timeout_s: int | None, message: str
) -> RemoteCommand:
    """Write the partner's first answer; the result may have come before it."""
    row = RemoteCommand.objects.select_for_update(of=("self",)).get(pk=row.pk)
    now = utc_now()
    row.response, row.timeout_s, row.answered_at = response, timeout_s, now
    if row.ended_at is None:
        row.message = message[:512]
        if response == ACCEPTED:
            wait = min(timedelta(seconds=max(timeout_s or 0, 1)), LONGEST_WAIT)
            row.deadline_at = row.asked_at + wait + MARGIN if timeout_s else row.deadline_at
        else:
            row.ended_at, row.deadline_at = now, None
            # No answer at all is a failure of ours to reach them; else `response` says it.
            row.result = "" if response else FAILED
    row.save()
    return row


# --- results ---


@transaction.atomic
def result_receive(
    *, partner: Partner, key: uuid.UUID, result: str, message: str, now: datetime
) -> bool:
    """Write the result of a command of ours; False when this partner was given none by that key.

    Only the first one counts, but for CANCELED_RESERVATION, which follows an ACCEPTED one.
    """
    row = (
        RemoteCommand.objects.select_for_update(of=("self",))
        .filter(direction=Direction.OUT, partner=partner, key=key)
        .first()
    )
    if row is None:
        return False
    is_taken_back = (
        row.kind == RemoteCommandKind.RESERVE_NOW and row.result == ACCEPTED and result == CANCELED
    )
    if row.ended_at is not None and not is_taken_back:
        logger.info("late result ignored command=%s result=%s had=%s", row.pk, result, row.result)
        return True
    row.result, row.message, row.ended_at = result, message[:512], now
    row.save(update_fields=["result", "message", "ended_at"])
    return True


def commands_out_sweep(*, now: datetime) -> int:
    """End commands whose result did not come in time; how many."""
    return RemoteCommand.objects.filter(
        direction=Direction.OUT, ended_at__isnull=True, deadline_at__lte=now
    ).update(result=TIMEOUT, ended_at=now, message="No result came in time.")
