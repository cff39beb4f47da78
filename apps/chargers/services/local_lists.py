"""The lists of tokens that stations keep for when they are alone (block D).

A list is sent in steps, one order at a time: what the station confirmed, then the difference to
what it should hold, as much as fits one message. A station whose version is not the one that we
sent last gets the whole list anew.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from apps.chargers.choices import (
    AuthorizationStatus,
    CommandStatus,
    ConnectionState,
    LocalListStatus,
    RegistrationStatus,
    TokenStatus,
    TokenType,
)
from apps.chargers.models import ChargingStation, Command, DeviceVariable, IdToken, LocalList
from apps.chargers.ocpp.v16.tags import ID_TAG_MAX_LENGTH
from apps.chargers.ocpp.v201.id_tokens import id_token_info
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import command_answers
from apps.chargers.services.intents import order_send
from apps.chargers.services.tokens import decision_of
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

SEND, GET_VERSION = "SendLocalList", "GetLocalListVersion"
REASON = "local list"
# How long a station that could not take its list is left alone.
RETRY_AFTER = timedelta(minutes=15)
# An order is ended within two minutes whatever happens: after this its answer was lost.
STUCK_AFTER = timedelta(minutes=10)
# What one message holds when the station does not say.
ITEMS_PER_MESSAGE = 100
_MOST_VERSION = 2**31 - 2
_UNSUPPORTED_ERRORS = ("NotSupported", "NotImplemented")

Entries = dict[str, dict[str, Any]]
"""Token (upper case) -> AuthorizationData."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a station says that it can take; None for no limit that we know."""

    items: int = ITEMS_PER_MESSAGE
    bytes: int | None = None
    entries: int | None = None
    is_available: bool = True


def local_lists_send(*, now: datetime) -> int:
    """Bring the lists of connected stations nearer to what they should be; orders given.

    A station is asked for its version when it has booted since. Safe to run twice at once.
    """
    online = ChargingStation.objects.filter(
        connection_state=ConnectionState.ONLINE, registration_status=RegistrationStatus.ACCEPTED
    )
    LocalList.objects.bulk_create(
        [
            LocalList(station_id=pk)
            for pk in online.filter(local_list=None).values_list("pk", flat=True)
        ],
        ignore_conflicts=True,
    )
    wanted = entries_wanted(now=now)
    return sum(
        _list_step(pk, entries, now)
        for versions, entries in (
            (Q(station__ocpp_version=OcppVersion.V16), _of_16(wanted)),
            (~Q(station__ocpp_version=OcppVersion.V16), wanted),
        )
        for pk in _due(LocalList.objects.filter(versions, station__in=online), entries, now)
    )


@transaction.atomic
def local_list_order(
    *, station_id: str, is_whole: bool, now: datetime, requested_by_id: int | None = None
) -> LocalList:
    """Ask a station for the version of its list (D02), or send it the whole list anew (D01).

    What is missing follows by itself. DomainError for no such station, and while an answer is
    awaited.
    """
    station = ChargingStation.objects.filter(station_id=station_id).first()
    if station is None:
        raise DomainError("chargers.station_unknown", f"There is no station {station_id}.")
    LocalList.objects.bulk_create([LocalList(station=station)], ignore_conflicts=True)
    row = (
        LocalList.objects.select_for_update(of=("self",))
        .select_related("station")
        .get(station=station)
    )
    is_stuck = row.updated_at is None or row.updated_at < now - STUCK_AFTER
    if row.status == LocalListStatus.SENDING and not is_stuck:
        raise DomainError("chargers.local_list_busy", "The station is answering about its list.")
    if is_whole:
        # As if it held something else: then nothing that it holds is counted on.
        row.confirmed_version = -1
        _difference_send(row, _wanted_by(row, now), now, requested_by_id)
    else:
        _version_ask(row, now, requested_by_id)
    return row


def entries_wanted(*, now: datetime) -> Entries:
    """What every 2.x station should hold: the tokens of the own list that may charge now."""
    tokens = (
        IdToken.objects.select_related("group")
        .filter(
            Q(valid_from=None) | Q(valid_from__lte=now),
            Q(expires_at=None) | Q(expires_at__gt=now),
            is_in_local_lists=True,
            status=TokenStatus.ACCEPTED,
        )
        .exclude(type=TokenType.NO_AUTHORIZATION)
        .order_by("pk")
    )
    return {
        token.id_token.upper(): {
            "idToken": {"idToken": token.id_token, "type": token.type},
            "idTokenInfo": id_token_info(decision_of(token, AuthorizationStatus.ACCEPTED)),
        }
        for token in tokens
    }


def _of_16(wanted: Entries) -> Entries:
    return {name: entry for name, entry in wanted.items() if len(name) <= ID_TAG_MAX_LENGTH}


def _due(lists: Any, wanted: Entries, now: datetime) -> list[int]:
    """The lists with something to do."""
    due = (
        Q(status=LocalListStatus.UNKNOWN)
        | (~Q(status=LocalListStatus.SENDING) & Q(updated_at__lt=F("station__booted_at")))
        | (Q(status=LocalListStatus.CURRENT) & ~Q(entries=wanted))
        | Q(status=LocalListStatus.FAILED, updated_at__lt=now - RETRY_AFTER)
        | Q(status=LocalListStatus.SENDING, updated_at__lt=now - STUCK_AFTER)
    )
    return list(lists.filter(due).order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _list_step(list_pk: int, wanted: Entries, now: datetime) -> int:
    """The next order for one list; 0 when another process gave it, or there is none to give."""
    row = (
        LocalList.objects.select_for_update(of=("self",))
        .select_related("station")
        .filter(pk=list_pk)
        .first()
    )
    if row is None or not _due(LocalList.objects.filter(pk=list_pk), wanted, now):
        return 0
    booted_at = row.station.booted_at
    has_booted = booted_at is not None and (row.updated_at is None or row.updated_at < booted_at)
    if row.status == LocalListStatus.UNKNOWN or has_booted:
        return _version_ask(row, now)
    return _difference_send(row, wanted, now)


def _version_ask(row: LocalList, now: datetime, asked_by: int | None = None) -> int:
    """GetLocalListVersion (D02), unless the station says that it keeps no list."""
    if not _limits(row.station_id).is_available:
        _state_set(row, LocalListStatus.UNSUPPORTED, now)
        return 0
    return _order(row, GET_VERSION, {}, now, asked_by)


def _difference_send(
    row: LocalList, wanted: Entries, now: datetime, asked_by: int | None = None
) -> int:
    """SendLocalList (D01) with what fits one message; the rest follows its answer."""
    limits = _limits(row.station_id)
    wanted = dict(list(wanted.items())[: limits.entries])
    is_full = row.version == 0 or row.confirmed_version != row.version
    held: Entries = {} if is_full else row.entries
    part = _fitting([*_removals(held, wanted), *_additions(held, wanted)], limits)
    if not part and (not is_full or (row.confirmed_version == 0 and not wanted)):
        # A station that never had a list needs none to hold no tokens.
        _state_set(row, LocalListStatus.CURRENT, now)
        return 0
    row.version = max(row.version, row.confirmed_version) + 1
    row.entries = _applied(held, part)
    payload: dict[str, Any] = {
        "versionNumber": row.version,
        "updateType": "Full" if is_full else "Differential",
    }
    if part:
        payload["localAuthorizationList"] = part
    return _order(row, SEND, payload, now, asked_by)


def _removals(held: Entries, wanted: Entries) -> Iterable[dict[str, Any]]:
    """Entries to be taken off: a token without its information (D01.FR.16)."""
    return ({"idToken": held[name]["idToken"]} for name in held if name not in wanted)


def _additions(held: Entries, wanted: Entries) -> Iterable[dict[str, Any]]:
    return (entry for name, entry in wanted.items() if held.get(name) != entry)


def _fitting(changes: list[dict[str, Any]], limits: Limits) -> list[dict[str, Any]]:
    """As many changes as one message may hold; one at least."""
    part = changes[: limits.items]
    while limits.bytes is not None and len(part) > 1 and len(json.dumps(part)) > limits.bytes:
        part = part[: len(part) // 2]
    return part


def _applied(held: Entries, part: Iterable[Mapping[str, Any]]) -> Entries:
    """What a station holds that took these changes."""
    after = dict(held)
    for entry in part:
        name = str(entry["idToken"]["idToken"]).upper()
        after.pop(name, None)
        if "idTokenInfo" in entry:
            after[name] = dict(entry)
    return after


def _limits(station_pk: int) -> Limits:
    told = {
        (component, variable): value
        for component, variable, value in DeviceVariable.objects.filter(
            station_id=station_pk,
            component__in=("LocalAuthListCtrlr", "Configuration"),
            attribute="Actual",
        ).values_list("component", "variable", "value")
    }

    def number(component: str, *variables: str) -> int | None:
        for variable in variables:
            value = told.get((component, variable), "")
            if value.isascii() and value.isdigit() and int(value) > 0:
                return int(value)
        return None

    items = number(
        "LocalAuthListCtrlr", "ItemsPerMessageSendLocalList", "ItemsPerMessage"
    ) or number("Configuration", "SendLocalListMaxLength")
    return Limits(
        items=items or ITEMS_PER_MESSAGE,
        bytes=number("LocalAuthListCtrlr", "BytesPerMessageSendLocalList", "BytesPerMessage"),
        entries=number("Configuration", "LocalAuthListMaxLength"),
        is_available=told.get(("LocalAuthListCtrlr", "Available"), "true").lower() != "false",
    )


def _order(
    row: LocalList, action: str, payload: dict[str, Any], now: datetime, asked_by: int | None
) -> int:
    try:
        (command,) = order_send(
            station_id=row.station.station_id,
            action=action,
            payload=payload,
            requested_by_id=asked_by,
            reason=REASON,
        )
    except DomainError:
        _state_set(row, LocalListStatus.FAILED, now)
        return 0
    is_sent = command.status != CommandStatus.FAILED
    _state_set(row, LocalListStatus.SENDING if is_sent else LocalListStatus.FAILED, now)
    return int(is_sent)


def _state_set(row: LocalList, status: LocalListStatus, now: datetime) -> None:
    row.status, row.updated_at = status, now
    row.save()


# --- what stations answer ---


def _version_told(command: Command, answer: dict[str, Any]) -> None:
    row = _locked(command)
    if row is None or row.status != LocalListStatus.SENDING:
        return
    now = utc_now()
    told = int(answer.get("versionNumber", answer.get("listVersion", 0)))
    if told < 0:
        # 1.6 §6.30.
        _state_set(row, LocalListStatus.UNSUPPORTED, now)
        return
    row.confirmed_version = told if told <= _MOST_VERSION else 0
    _difference_send(row, _wanted_by(row, now), now)


def _list_taken(command: Command, answer: dict[str, Any]) -> None:
    row = _locked(command)
    if row is None:
        return
    now, status = utc_now(), answer.get("status")
    if not _is_ours(row, command):
        # Somebody sent another list by hand: ours follows, whole.
        if status == "Accepted":
            row.confirmed_version = -1
            _state_set(row, LocalListStatus.FAILED, now)
    elif status == "Accepted":
        row.confirmed_version = row.version
        _difference_send(row, _wanted_by(row, now), now)
    elif status == "VersionMismatch" and command.payload["updateType"] == "Differential":
        _difference_send(row, _wanted_by(row, now), now)
    else:
        is_supported = status != "NotSupported"
        _state_set(
            row, LocalListStatus.FAILED if is_supported else LocalListStatus.UNSUPPORTED, now
        )


def _not_answered(command: Command) -> None:
    row = _locked(command)
    if row is None or (command.action == SEND and not _is_ours(row, command)):
        return
    if row.status == LocalListStatus.SENDING:
        is_supported = not command.error.startswith(_UNSUPPORTED_ERRORS)
        status = LocalListStatus.FAILED if is_supported else LocalListStatus.UNSUPPORTED
        _state_set(row, status, utc_now())


def _locked(command: Command) -> LocalList | None:
    return (
        LocalList.objects.select_for_update(of=("self",))
        .select_related("station")
        .filter(station_id=command.station_id)
        .first()
    )


def _is_ours(row: LocalList, command: Command) -> bool:
    """True for the answer that the row waits for."""
    sent = command.payload.get("versionNumber", command.payload.get("listVersion"))
    return (
        row.status == LocalListStatus.SENDING and sent == row.version and command.reason == REASON
    )


def _wanted_by(row: LocalList, now: datetime) -> Entries:
    wanted = entries_wanted(now=now)
    return _of_16(wanted) if row.station.ocpp_version == OcppVersion.V16 else wanted


command_answers.register(GET_VERSION, _version_told, failed=_not_answered)
command_answers.register(SEND, _list_taken, failed=_not_answered)
