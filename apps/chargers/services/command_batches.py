"""One order for many stations: written down at once, given in slices, a result for each station."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from celery import current_app
from django.db import transaction

from apps.chargers.choices import CommandStatus
from apps.chargers.models import ChargingStation, Command, CommandBatch
from apps.chargers.ocpp import actions
from apps.chargers.ocpp.secrets import without_secrets
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.commands import payload_check
from apps.chargers.services.intents import order_send
from apps.tenants.tasking import OperatorTask
from cariflex.common.errors import DomainError
from cariflex.common.ids import new_id
from cariflex.common.time import utc_now

BATCH_TASK = "chargers.command_batch_run"
# One transaction: its stations are woken together when it commits.
SLICE = 50
REASON_MAX_LENGTH = 200


def batch_start(
    *,
    action: str,
    payload: Mapping[str, Any],
    station_ids: Sequence[str] | None,
    requested_by_id: int | None = None,
    reason: str = "",
) -> CommandBatch:
    """Order an action at these stations, or at all of them (None), in the background.

    The payload is that of 2.x or of 1.6; each station gets what its version has for it. DomainError
    for an order that no version has, for no stations, and for one that does not exist.
    """
    _fits_a_version(action, payload)
    stations = ChargingStation.objects.order_by("pk")
    if station_ids is not None:
        stations = stations.filter(station_id__in=set(station_ids))
    with transaction.atomic():
        found = list(stations.values_list("pk", "station_id"))
        unknown = sorted(set(station_ids or ()) - {station_id for _pk, station_id in found})
        if unknown:
            raise DomainError(
                "chargers.station_unknown",
                f"There is no station {unknown[0]}.",
                field="station_ids",
            )
        if not found:
            raise DomainError("command.no_stations", "No station is selected.", field="station_ids")
        batch = CommandBatch.objects.create(
            action=action,
            payload=dict(payload),
            reason=reason[:REASON_MAX_LENGTH],
            requested_by_id=requested_by_id,
            requested_at=utc_now(),
            stations_count=len(found),
            waiting=[pk for pk, _station_id in found],
        )
        cast(OperatorTask, current_app.tasks[BATCH_TASK]).enqueue(batch.pk)
    return batch


def _fits_a_version(action: str, payload: Mapping[str, Any]) -> None:
    """DomainError, as the newest version that knows the action says it, when none takes it."""
    refusal: DomainError | None = None
    for version in OcppVersion:
        try:
            payload_check(version=version, action=action, payload=payload)
        except DomainError as err:
            if refusal is None or (
                refusal.code != "command.payload_invalid" and action in actions.to_stations(version)
            ):
                refusal = err
        else:
            return
    if refusal is not None:
        raise refusal


@transaction.atomic
def batch_slice_send(*, batch_id: int, now: datetime) -> int:
    """Give the order to the next stations that wait for it; how many wait after that.

    Safe to run twice and at once: each station is taken once, with its command, in one transaction.
    """
    batch = CommandBatch.objects.select_for_update().filter(pk=batch_id).first()
    if batch is None or not batch.waiting:
        return 0
    slice_pks, batch.waiting = batch.waiting[:SLICE], batch.waiting[SLICE:]
    for station in ChargingStation.objects.filter(pk__in=slice_pks).order_by("pk"):
        _order(batch, station, now)
    if not batch.waiting:
        batch_payload = without_secrets(batch.action, batch.payload)
        CommandBatch.objects.filter(pk=batch.pk).update(payload=batch_payload)
    batch.save(update_fields=["waiting"])
    return len(batch.waiting)


def _order(batch: CommandBatch, station: ChargingStation, now: datetime) -> None:
    """The station's command; one that the station's version does not have is kept as failed."""
    try:
        order_send(
            station_id=station.station_id,
            action=batch.action,
            payload=batch.payload,
            requested_by_id=batch.requested_by_id,
            reason=batch.reason,
            batch=batch,
        )
    except DomainError as err:
        Command.objects.create(
            station=station,
            batch=batch,
            action=batch.action,
            reason=batch.reason,
            payload=without_secrets(batch.action, batch.payload),
            status=CommandStatus.FAILED,
            error=str(err)[:300],
            correlation_id=new_id(),
            requested_by_id=batch.requested_by_id,
            requested_at=now,
        )


def batches_sweep() -> int:
    """Go on with bulk orders whose worker died; how many."""
    stuck = CommandBatch.objects.exclude(waiting=[]).values_list("pk", flat=True)
    task = cast(OperatorTask, current_app.tasks[BATCH_TASK])
    for batch_id in stuck:
        task.enqueue(batch_id)
    return len(stuck)
