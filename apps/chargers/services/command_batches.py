"""One order for many stations: written down at once, given in slices, a result for each station."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from celery import current_app
from django.db import transaction
from django.db.models import Q

from apps.chargers.choices import CommandStatus
from apps.chargers.models import ChargingStation, Command, CommandBatch
from apps.chargers.ocpp import actions
from apps.chargers.ocpp.secrets import without_secrets
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.commands import OPEN_STATUSES, payload_check
from apps.chargers.services.intents import order_send
from apps.tenants.tasking import OperatorTask
from cariflex.common.errors import DomainError
from cariflex.common.ids import new_id
from cariflex.common.time import utc_now

BATCH_TASK = "chargers.command_batch_run"
# One transaction: its stations are woken together when it commits.
SLICE = 50
# Commands of one bulk order that wait for their answers; the next ones follow as these come. Ten
# thousand stations are asked as fast as they answer, and no faster than the rest can bear.
IN_FLIGHT = 500
PAUSE = timedelta(seconds=1)
# Stations that obey these connect again: so many a slice and a pause, not all in one storm.
RESTARTING = frozenset({"Reset", "UpdateFirmware", "SignedUpdateFirmware"})
# A bulk order that nobody went on with for so long has lost its worker.
LOST_AFTER = timedelta(seconds=30)
# Then the worker takes other work in between.
SLICES_A_RUN = 20
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

    None is taken before its time, nor while too many commands of the order wait for their answers.
    Safe to run twice and at once: each station is taken once, with its command, in one transaction.
    """
    batch = CommandBatch.objects.select_for_update().filter(pk=batch_id).first()
    if batch is None or not batch.waiting:
        return 0
    if batch.next_slice_at is not None and now < batch.next_slice_at:
        return len(batch.waiting)
    if batch.commands.filter(status__in=OPEN_STATUSES).count() > IN_FLIGHT - SLICE:
        batch.next_slice_at = now + PAUSE
        batch.save(update_fields=["next_slice_at"])
        return len(batch.waiting)
    slice_pks, batch.waiting = batch.waiting[:SLICE], batch.waiting[SLICE:]
    for station in ChargingStation.objects.filter(pk__in=slice_pks).order_by("pk"):
        _order(batch, station, now)
    if not batch.waiting:
        batch_payload = without_secrets(batch.action, batch.payload)
        CommandBatch.objects.filter(pk=batch.pk).update(payload=batch_payload)
    batch.next_slice_at = now + PAUSE if batch.action in RESTARTING else now
    batch.save(update_fields=["waiting", "next_slice_at"])
    return len(batch.waiting)


def batch_run(*, batch_id: int, clock: Callable[[], datetime]) -> timedelta | None:
    """Give slices as long as they are due; when to go on, None when every station has its command.

    A worker is not held for a long order: it is asked to go on after some slices.
    """
    for _ in range(SLICES_A_RUN):
        now = clock()
        if not batch_slice_send(batch_id=batch_id, now=now):
            return None
        due = CommandBatch.objects.values_list("next_slice_at", flat=True).get(pk=batch_id)
        if due is not None and due > now:
            return due - now
    return timedelta(0)


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


def batches_sweep(*, now: datetime) -> int:
    """Go on with bulk orders whose worker died; how many."""
    alive = Q(next_slice_at__gt=now - LOST_AFTER)
    stuck = CommandBatch.objects.exclude(waiting=[]).exclude(alive).values_list("pk", flat=True)
    task = cast(OperatorTask, current_app.tasks[BATCH_TASK])
    for batch_id in stuck:
        task.enqueue(batch_id)
    return len(stuck)
