"""DER controls at stations (2.1 block R): set, cleared, asked for, reported, started, alarms.

A control's row follows what the station answers and reports, whoever ordered it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.chargers.choices import CommandStatus, DerControlStatus
from apps.chargers.models import ChargingStation, Command, DerAlarm, DerControl
from apps.chargers.ocpp.v21.der import Control, control_of, der_rules_broken, field_of
from apps.chargers.ocpp.validation import request_violation
from apps.chargers.ocpp.values import storable_json
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors.der_controls import der_modes
from apps.chargers.services import command_answers
from apps.chargers.services.commands import command_send
from cariflex.common.errors import DomainError
from cariflex.common.ids import new_id
from cariflex.common.time import utc_now

SET, CLEAR, ASK = "SetDERControl", "ClearDERControl", "GetDERControl"
_HELD = DerControlStatus.ACCEPTED


# --- what we ask for ---


@transaction.atomic
def der_control_set(
    *,
    station_id: str,
    control_type: str,
    settings: Mapping[str, Any],
    is_default: bool = False,
    control_id: str | None = None,
    requested_by_id: int | None = None,
    reason: str = "",
) -> DerControl:
    """Ask a station to hold a DER control (R04), such as FreqDroop with a FreqDroopType.

    The row tells what came of it. DomainError `chargers.station_unknown`, `command.needs_21`,
    `command.payload_invalid`, `der.rule_broken` (its message begins with the requirement).
    """
    station = ChargingStation.objects.filter(station_id=station_id).first()
    if station is None:
        raise DomainError("chargers.station_unknown", f"There is no station {station_id}.")
    if station.ocpp_version not in ("", OcppVersion.V21):
        raise DomainError("command.needs_21", "The station does not speak OCPP 2.1.")
    payload = {
        "isDefault": is_default,
        "controlId": control_id or str(new_id()),
        "controlType": control_type,
        field_of(control_type): dict(settings),
    }
    _check(station, payload)
    command = command_send(
        station_id=station_id,
        action=SET,
        payload=payload,
        requested_by_id=requested_by_id,
        reason=reason,
    )
    return _row(command, control_of(payload), is_lost=command.status == CommandStatus.FAILED)


def _check(station: ChargingStation, payload: Mapping[str, Any]) -> None:
    violation = request_violation(OcppVersion.V21, SET, payload)
    if violation is not None:
        raise DomainError("command.payload_invalid", violation.rule, field=violation.path)
    broken = der_rules_broken(payload, modes=der_modes(station), now=utc_now())
    if broken:
        first = broken[0]
        raise DomainError("der.rule_broken", f"{first.rule}: {first.message}", field=first.field)


def _row(command: Command, control: Control, *, is_lost: bool = False) -> DerControl:
    return DerControl.objects.create(
        station_id=command.station_id,
        control_id=control.control_id,
        status=DerControlStatus.REJECTED if is_lost else DerControlStatus.REQUESTED,
        ended_at=command.requested_at if is_lost else None,
        command=command,
        requested_by_id=command.requested_by_id,
        requested_at=command.requested_at,
        **_columns(control),
    )


def _columns(control: Control) -> dict[str, Any]:
    return {
        "type": control.type,
        "is_default": control.is_default,
        "priority": min(control.priority, 2**31 - 1),
        "starts_at": control.starts_at,
        "duration_s": control.duration_s,
        "settings": storable_json(control.settings),
        "is_superseded": control.is_superseded,
    }


def der_controls_clear(
    *,
    station_id: str,
    is_default: bool,
    control_type: str | None = None,
    control_id: str | None = None,
    requested_by_id: int | None = None,
    reason: str = "",
) -> Command:
    """Ask a station to forget controls (R04): one by its id, or the defaults or others of a type.

    Their rows end when the station answers.
    """
    chosen = {"controlType": control_type, "controlId": control_id}
    return command_send(
        station_id=station_id,
        action=CLEAR,
        payload={"isDefault": is_default} | _given(chosen),
        requested_by_id=requested_by_id,
        reason=reason,
    )


def der_controls_ask(
    *,
    station_id: str,
    is_default: bool | None = None,
    control_type: str | None = None,
    control_id: str | None = None,
    requested_by_id: int | None = None,
) -> Command:
    """Ask which controls a station holds (R04); they come in ReportDERControl."""
    chosen = {"isDefault": is_default, "controlType": control_type, "controlId": control_id}
    return command_send(
        station_id=station_id,
        action=ASK,
        payload=_given(chosen),
        requested_by_id=requested_by_id,
    )


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# --- what stations tell ---


@transaction.atomic
def der_report_store(
    *,
    station_pk: int,
    request_id: int,
    controls: Sequence[Control],
    is_last: bool,
    now: datetime,
) -> None:
    """Keep a part of a report of controls (R04.FR.31); after the last one, what it left out ended.

    Only what was asked for can be left out, and only what was held when it was asked for.
    """
    station = ChargingStation.objects.select_for_update(no_key=True).get(pk=station_pk)
    for control in controls:
        columns = _columns(control) | {"reported_at": now}
        if not _held(station.pk, control.control_id).update(**columns):
            DerControl.objects.create(
                station=station,
                control_id=control.control_id,
                status=_HELD,
                requested_at=now,
                **columns,
            )
    if is_last:
        _left_out_end(station, request_id, now)


def _left_out_end(station: ChargingStation, request_id: int, now: datetime) -> None:
    asked = Command.objects.filter(
        station=station, action=ASK, payload__requestId=request_id
    ).first()
    if asked is None:
        return
    left_out = _chosen(station.pk, asked.payload).filter(
        Q(reported_at=None) | Q(reported_at__lt=asked.requested_at),
        requested_at__lt=asked.requested_at,
    )
    left_out.update(status=DerControlStatus.ENDED, ended_at=now)


@transaction.atomic
def der_start_stop_note(
    *,
    station_pk: int,
    control_id: str,
    is_started: bool,
    at: datetime,
    superseded_ids: Sequence[str] = (),
) -> bool:
    """A scheduled control began or ended at a station (R04); False for one that we do not know.

    One that ended is held no more. Notices may come late: the first start and the end stay.
    """
    held = _held(station_pk, control_id)
    if is_started:
        known = bool(held.update(started_at=at))
        _superseded(station_pk, superseded_ids)
        return known
    return bool(held.update(status=DerControlStatus.ENDED, stopped_at=at, ended_at=at))


@transaction.atomic
def der_alarm_note(
    *,
    station_pk: int,
    control_type: str,
    fault: str,
    has_ended: bool,
    at: datetime,
    details: str = "",
) -> None:
    """The grid left the bounds of a control, or came back (R05); a repeat changes nothing.

    A control has one alarm at a time. An end without its beginning is kept as an alarm that ended
    when it began: the station was offline.
    """
    # Two notices at once never both find nothing.
    ChargingStation.objects.select_for_update(no_key=True).only("pk").get(pk=station_pk)
    alarms = DerAlarm.objects.filter(station_id=station_pk, control_type=control_type)
    if not has_ended:
        alarms.get_or_create(
            station_id=station_pk,
            control_type=control_type,
            fault=fault,
            raised_at=at,
            defaults={"details": details},
        )
        return
    if alarms.filter(ended_at=at).exists():
        return
    open_ones = alarms.filter(ended_at=None, raised_at__lte=at)
    if fault:
        open_ones = open_ones.filter(fault=fault)
    if not open_ones.update(ended_at=at):
        alarms.create(
            station_id=station_pk,
            control_type=control_type,
            fault=fault,
            raised_at=at,
            ended_at=at,
            details=details,
        )


# --- what stations answered ---


def _set_answered(command: Command, answer: dict[str, Any]) -> None:
    row = DerControl.objects.select_for_update().filter(command=command).first()
    if row is None:
        # An order written by hand.
        row = _row(command, control_of(command.payload))
    if answer["status"] != "Accepted":
        _refused(row)
        return
    # The same id again stands in for the one before.
    _held(command.station_id, row.control_id).exclude(pk=row.pk).update(
        status=DerControlStatus.ENDED, ended_at=utc_now()
    )
    row.status = _HELD
    row.save(update_fields=["status"])
    _superseded(command.station_id, answer.get("supersededIds") or ())


def _set_failed(command: Command) -> None:
    row = DerControl.objects.select_for_update().filter(command=command).first()
    if row is not None and row.status == DerControlStatus.REQUESTED:
        _refused(row)


def _refused(row: DerControl) -> None:
    row.status, row.ended_at = DerControlStatus.REJECTED, utc_now()
    row.save(update_fields=["status", "ended_at"])


def _clear_answered(command: Command, answer: dict[str, Any]) -> None:
    """Accepted: they are gone. NotFound: there was none. Either way none is held."""
    if answer["status"] in ("Accepted", "NotFound"):
        _chosen(command.station_id, command.payload).filter(
            requested_at__lte=command.requested_at
        ).update(status=DerControlStatus.CLEARED, ended_at=utc_now())


def _held(station_pk: int, control_id: str) -> QuerySet[DerControl]:
    return DerControl.objects.filter(station_id=station_pk, control_id=control_id, status=_HELD)


def _chosen(station_pk: int, asked: Mapping[str, Any]) -> QuerySet[DerControl]:
    """The controls held that a ClearDERControl or GetDERControl means: an id means that one."""
    rows = DerControl.objects.filter(station_id=station_pk, status=_HELD)
    if "controlId" in asked:
        return rows.filter(control_id=asked["controlId"])
    if "isDefault" in asked:
        rows = rows.filter(is_default=asked["isDefault"])
    if "controlType" in asked:
        rows = rows.filter(type=asked["controlType"])
    return rows


def _superseded(station_pk: int, control_ids: Sequence[str]) -> None:
    DerControl.objects.filter(
        station_id=station_pk, control_id__in=list(control_ids), status=_HELD
    ).update(is_superseded=True)


command_answers.register(SET, _set_answered, failed=_set_failed)
command_answers.register(CLEAR, _clear_answered)
