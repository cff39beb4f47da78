"""What stations tell of their device model: reports in parts, and values asked for or set."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from apps.chargers.models import Command, ReportRun
from apps.chargers.ocpp.device_model import ReportPart, VariableValue, values_got, values_set
from apps.chargers.ocpp.values import storable_json
from apps.chargers.services import command_answers

BASE_REPORT, REPORT, MONITORING_REPORT = "GetBaseReport", "GetReport", "GetMonitoringReport"
# A station that counts its parts wrong cannot fill a row without end.
_MOST_PARTS = 10_000


def variables_store(*, station_pk: int, values: Iterable[VariableValue], told_at: datetime) -> int:
    """Keep values; one told before what is known changes nothing. How many rows were written.

    Passwords are never kept, and nothing of a variable that can only be written.
    """
    latest = {_identity(value): value for value in values}
    rows = [
        (
            station_pk, *identity,
            "" if value.is_secret else value.value,
            value.mutability, value.unit, value.data_type, told_at,
        )
        for identity, value in sorted(latest.items())
    ]  # fmt: skip
    if not rows:
        return 0
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, columns)
        return int(cursor.rowcount)


def _identity(value: VariableValue) -> tuple[Any, ...]:
    return (
        value.component, value.component_instance, value.evse_number, value.connector_number,
        value.variable, value.variable_instance, value.attribute,
    )  # fmt: skip


_STORE = """
INSERT INTO chargers_devicevariable AS known (
    station_id, component, component_instance, evse_number, connector_number, variable,
    variable_instance, attribute, value, mutability, unit, data_type, reported_at
)
SELECT station_id, component, component_instance, evse_number, connector_number, variable,
    variable_instance, attribute, coalesce(value, ''), coalesce(mutability, ''),
    coalesce(unit, ''), coalesce(data_type, ''), at
FROM unnest(
    %s::bigint[], %s::text[], %s::text[], %s::int[], %s::int[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[]
) AS told (
    station_id, component, component_instance, evse_number, connector_number, variable,
    variable_instance, attribute, value, mutability, unit, data_type, at
)
ON CONFLICT ON CONSTRAINT device_variable_once DO UPDATE SET
    value = CASE WHEN known.mutability = 'WriteOnly' THEN '' ELSE excluded.value END,
    mutability = coalesce(nullif(excluded.mutability, ''), known.mutability),
    unit = coalesce(nullif(excluded.unit, ''), known.unit),
    data_type = coalesce(nullif(excluded.data_type, ''), known.data_type),
    reported_at = excluded.reported_at
WHERE known.reported_at <= excluded.reported_at
"""


@transaction.atomic
def report_part_store(*, station_pk: int, part: ReportPart, now: datetime) -> ReportRun:
    """Keep a part of a report (B07, B08) and how much of the report has come.

    Parts come in any order and more than once; the report is whole when the last one and all
    before it are there. A station whose clock is ahead does not shut out what it tells later.
    """
    run = _part_note(station_pk, part, now, kind="")
    variables_store(station_pk=station_pk, values=part.values, told_at=min(part.generated_at, now))
    return run


@transaction.atomic
def monitoring_part_store(*, station_pk: int, part: ReportPart, now: datetime) -> ReportRun:
    """Keep a part of a monitoring report (N02) with the order that asked for it."""
    run = _part_note(station_pk, part, now, kind=MONITORING_REPORT)
    command = (
        Command.objects.select_for_update()
        .filter(
            station_id=station_pk,
            action=MONITORING_REPORT,
            payload__requestId=part.request_id,
        )
        .order_by("-pk")
        .first()
    )
    if command is not None:
        answer = command.answer or {}
        parts = {**answer.get("parts", {}), str(part.number): storable_json(list(part.monitors))}
        command.answer = {**answer, "parts": parts}
        command.save(update_fields=["answer"])
    return run


def _part_note(station_pk: int, part: ReportPart, now: datetime, *, kind: str) -> ReportRun:
    """The report's row with this part ticked off, locked."""
    ReportRun.objects.bulk_create(
        [ReportRun(station_id=station_pk, request_id=part.request_id, kind=kind, requested_at=now)],
        ignore_conflicts=True,
    )
    run = ReportRun.objects.select_for_update().get(
        station_id=station_pk, request_id=part.request_id
    )
    if part.number not in run.parts and len(run.parts) < _MOST_PARTS:
        run.parts = sorted([*run.parts, part.number])
        run.parts_count = len(run.parts)
    if part.is_last:
        run.last_part = part.number
    # NotifyReportRequest.seqNo: the first part has the number 0.
    if run.completed_at is None and run.parts_count - 1 == run.last_part == run.parts[-1]:
        run.completed_at = now
    run.save()
    return run


def report_asked(command: Command, answer: dict[str, Any]) -> None:
    """A report is on its way; one that is empty is whole at once."""
    status = answer.get("status")
    if status not in ("Accepted", "EmptyResultSet"):
        return
    kind = command.action
    if command.action == BASE_REPORT:
        kind = command.payload.get("reportBase", BASE_REPORT)
    ReportRun.objects.update_or_create(
        station_id=command.station_id,
        request_id=command.payload["requestId"],
        defaults={"kind": kind, "requested_at": command.requested_at},
    )
    if status == "EmptyResultSet":
        ReportRun.objects.filter(
            station_id=command.station_id,
            request_id=command.payload["requestId"],
            completed_at=None,
        ).update(completed_at=command.answered_at)


def _got(command: Command, answer: dict[str, Any]) -> None:
    variables_store(
        station_pk=command.station_id, values=values_got(answer), told_at=_answered_at(command)
    )


def _set(command: Command, answer: dict[str, Any]) -> None:
    variables_store(
        station_pk=command.station_id,
        values=values_set(command.payload, answer),
        told_at=_answered_at(command),
    )


def _answered_at(command: Command) -> datetime:
    assert command.answered_at is not None  # noqa: S101 - the order has just ended
    return command.answered_at


command_answers.register("GetVariables", _got)
command_answers.register("SetVariables", _set)
for _action in (BASE_REPORT, REPORT, MONITORING_REPORT):
    command_answers.register(_action, report_asked)
