"""Bulk orders: a result for each station, in slices, safe to run twice."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.chargers.choices import CommandStatus
from apps.chargers.models import ChargingStation, Command, CommandBatch
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors import batch_progress
from apps.chargers.services import (
    command_batches,
    command_claim,
    command_finish,
    connection_open,
    intents,
    station_register,
)
from apps.chargers.services.command_batches import (
    SLICE,
    batch_run,
    batch_slice_send,
    batch_start,
    batches_sweep,
)
from apps.chargers.tasks import command_batch_run
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.chargers.conftest import STATION_ID

NOW = datetime(2026, 3, 10, 13, tzinfo=UTC)
V16, V201 = OcppVersion.V16, OcppVersion.V201


@pytest.fixture
def online(station: ChargingStation) -> ChargingStation:
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=V201)
    return station


def connect_all(count: int, version: OcppVersion = V201) -> list[str]:
    names = [f"BULK-{n:03d}" for n in range(count)]
    for name in names:
        row = station_register(station_id=name, rated_power_kw=22.0)
        connection_open(station_pk=row.pk, channel=f"c-{name}", now=NOW, version=version)
    return names


def answered(command: Command, answer: dict[str, Any], status: str = "accepted") -> bool:
    command_claim(command_id=command.pk, station_pk=command.station_id, now=NOW)
    return command_finish(
        command_id=command.pk, status=CommandStatus(status), answer=answer, now=NOW
    )


def test_a_bulk_order_gives_each_station_its_own_result(
    operator_a: Operator,
) -> None:
    names = connect_all(4)
    old = ChargingStation.objects.get(station_id=names[1])
    connection_open(station_pk=old.pk, channel="old", now=NOW, version=V16)
    ChargingStation.objects.filter(station_id=names[2]).update(connection_state="offline")
    batch = batch_start(
        action="SetMonitoringLevel", payload={"severity": 4}, station_ids=names, reason="quiet"
    )
    before = batch_progress(batch_id=batch.pk)
    assert before is not None
    assert (before.stations, before.waiting, before.is_ended) == (4, 4, False)

    command_batch_run(batch.pk)
    command_batch_run(batch.pk)

    by_station = {command.station.station_id: command for command in batch.commands.all()}
    assert {name: command.status for name, command in by_station.items()} == {
        names[0]: "queued",
        names[1]: "failed",
        names[2]: "failed",
        names[3]: "queued",
    }
    assert "nothing like SetMonitoringLevel" in by_station[names[1]].error
    assert by_station[names[2]].error == "The station is not connected."
    assert {command.reason for command in by_station.values()} == {"quiet"}
    answered(by_station[names[0]], {"status": "Accepted"})
    answered(by_station[names[3]], {"status": "Rejected"}, "rejected")
    after = batch_progress(batch_id=batch.pk)
    assert after is not None
    assert (after.accepted, after.rejected, after.failed, after.ended) == (1, 1, 2, 4)
    assert after.is_ended


def test_a_bulk_order_of_many_is_given_in_slices(operator_a: Operator) -> None:
    connect_all(SLICE + 3)
    batch = batch_start(action="ClearCache", payload={}, station_ids=None)

    assert batch_slice_send(batch_id=batch.pk, now=NOW) == 3
    assert Command.objects.count() == SLICE
    progress = batch_progress(batch_id=batch.pk)
    assert progress is not None
    assert (progress.stations, progress.waiting, progress.queued) == (SLICE + 3, 3, SLICE)
    # A worker died here: the sweep goes on with what waits.
    assert batches_sweep(now=NOW) == 0
    assert batches_sweep(now=NOW + timedelta(minutes=1)) == 1
    assert batch_slice_send(batch_id=batch.pk, now=NOW) == 0
    assert batch_slice_send(batch_id=batch.pk, now=NOW) == 0
    assert Command.objects.count() == SLICE + 3
    assert Command.objects.values("station").distinct().count() == SLICE + 3
    assert batches_sweep(now=NOW + timedelta(minutes=1)) == 0


def test_a_long_bulk_order_waits_for_answers(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_batches, "SLICE", 2)
    monkeypatch.setattr(command_batches, "IN_FLIGHT", 4)
    connect_all(7)
    batch = batch_start(action="ClearCache", payload={}, station_ids=None)

    assert batch_run(batch_id=batch.pk, clock=lambda: NOW) == timedelta(seconds=1)
    assert batch.commands.count() == 4

    # Nothing before its time, and nothing while nobody answers: whoever asks.
    assert batch_run(batch_id=batch.pk, clock=lambda: NOW) == timedelta(seconds=1)
    later = NOW + timedelta(seconds=1)
    assert batch_run(batch_id=batch.pk, clock=lambda: later) == timedelta(seconds=1)
    assert batch.commands.count() == 4

    for command in batch.commands.order_by("pk")[:3]:
        answered(command, {"status": "Accepted"})
    later += timedelta(seconds=1)
    assert batch_run(batch_id=batch.pk, clock=lambda: later) == timedelta(seconds=1)
    assert batch.commands.count() == 6
    for command in batch.commands.filter(status="queued"):
        answered(command, {"status": "Accepted"})
    assert batch_run(batch_id=batch.pk, clock=lambda: later + timedelta(seconds=1)) is None
    assert batch.commands.values("station").distinct().count() == 7


def test_stations_that_restart_do_so_slice_by_slice(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_batches, "SLICE", 2)
    connect_all(3)
    batch = batch_start(action="Reset", payload={"type": "Immediate"}, station_ids=None)

    assert batch_run(batch_id=batch.pk, clock=lambda: NOW) == timedelta(seconds=1)
    assert batch_slice_send(batch_id=batch.pk, now=NOW + timedelta(seconds=0.9)) == 1
    assert batch.commands.count() == 2
    assert batch_run(batch_id=batch.pk, clock=lambda: NOW + timedelta(seconds=1)) is None
    assert batch.commands.count() == 3


def test_a_worker_is_not_held_for_a_long_order(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_batches, "SLICE", 1)
    monkeypatch.setattr(command_batches, "SLICES_A_RUN", 2)
    connect_all(3)
    batch = batch_start(action="ClearCache", payload={}, station_ids=None)

    assert batch_run(batch_id=batch.pk, clock=lambda: NOW) == timedelta(0)
    assert batch.commands.count() == 2
    assert batch_run(batch_id=batch.pk, clock=lambda: NOW) is None


def test_several_commands_of_a_station_are_one_result(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=V16)
    values = [intents.variable("Configuration", key, value="1") for key in ("A", "B")]
    batch = batch_start(
        action="SetVariables", payload={"setVariableData": values}, station_ids=[STATION_ID]
    )
    command_batch_run(batch.pk)
    first, second = batch.commands.order_by("pk")

    answered(first, {"status": "Accepted"})
    half = batch_progress(batch_id=batch.pk)
    answered(second, {"status": "NotSupported"}, "rejected")
    whole = batch_progress(batch_id=batch.pk)

    assert half is not None
    assert whole is not None
    assert (half.queued, half.ended) == (1, 0)
    assert (whole.rejected, whole.accepted, whole.ended) == (1, 0, 1)


@pytest.mark.parametrize(
    ("action", "payload", "station_ids", "code"),
    [
        ("Reset", {"type": "Now"}, [STATION_ID], "command.payload_invalid"),
        ("Nonsense", {}, [STATION_ID], "command.action_unknown"),
        ("ClearCache", {}, [STATION_ID, "NOPE"], "chargers.station_unknown"),
        ("ClearCache", {}, [], "command.no_stations"),
    ],
)
def test_a_bulk_order_that_makes_no_sense_is_refused_whole(
    station: ChargingStation,
    action: str,
    payload: dict[str, Any],
    station_ids: list[str],
    code: str,
) -> None:
    with pytest.raises(DomainError) as refused:
        batch_start(action=action, payload=payload, station_ids=station_ids)

    assert refused.value.code == code
    assert CommandBatch.objects.count() == 0


def test_a_password_is_gone_from_a_bulk_order_that_was_given(online: ChargingStation) -> None:
    secret = intents.variable("SecurityCtrlr", "BasicAuthPassword", value="bulk-secret-0000001")
    batch = batch_start(
        action="SetVariables", payload={"setVariableData": [secret]}, station_ids=[STATION_ID]
    )
    command_batch_run(batch.pk)
    answered(batch.commands.get(), {"setVariableResult": []})

    batch.refresh_from_db()
    kept = json.dumps([batch.payload, batch.commands.get().payload])
    assert "bulk-secret-0000001" not in kept


def test_all_stations_are_those_of_ones_own_operator(
    station: ChargingStation, operator_b: Operator
) -> None:
    with operator_context(operator_b.schema_name):
        connect_all(2)
    batch = batch_start(action="ClearCache", payload={}, station_ids=None)
    command_batch_run(batch.pk)

    assert [command.station.station_id for command in batch.commands.all()] == [STATION_ID]
    with operator_context(operator_b.schema_name):
        assert Command.objects.count() == 0
