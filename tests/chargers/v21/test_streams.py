"""Periodic event streams: opened, filled, adjusted, closed, pruned."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.chargers.models import ChargingStation, EventStream, StreamValue
from apps.chargers.ocpp.events import PayloadRefused
from apps.chargers.ocpp.v21.streams import StreamTerms, bundle_of
from apps.chargers.services import event_streams
from apps.chargers.services.event_streams import (
    stream_adjust,
    stream_close,
    stream_open,
    stream_values_prune,
    stream_values_store,
    streams_ask,
)
from apps.chargers.services.intents import monitors_set
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.chargers.conftest import STATION_ID
from tests.chargers.v21.conftest import answered

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def opened(station: ChargingStation, stream_id: int = 1, **more: Any) -> bool:
    terms = StreamTerms(stream_id, **{"monitor_id": 9, "interval_s": 5, "most_values": 10} | more)
    return stream_open(station_pk=station.pk, terms=terms, now=NOON)


def bundle(*values: tuple[float, str], stream_id: int = 1, pending: int = 0) -> dict[str, Any]:
    return {
        "id": stream_id,
        "pending": pending,
        "basetime": "2026-03-10T12:00:00Z",
        "data": [{"t": offset, "v": text} for offset, text in values],
    }


def store(station: ChargingStation, payload: dict[str, Any]) -> int:
    return stream_values_store(station_pk=station.pk, bundle=bundle_of(payload))


def test_a_stream_is_named_by_the_monitor_that_we_set(station_21: ChargingStation) -> None:
    watched = {"component": {"name": "EVSE"}, "variable": {"name": "Power"}}
    wanted = {"value": 1, "type": "Periodic", "severity": 8} | watched
    answered(
        monitors_set(station_id=STATION_ID, monitors=[wanted]),
        setMonitoringResult=[
            {"id": 9, "status": "Accepted", "type": "Periodic", "severity": 8} | watched
        ],
    )

    assert opened(station_21)
    assert opened(station_21, 2, monitor_id=10)

    rows = EventStream.objects.order_by("stream_id")
    assert [(row.component, row.variable) for row in rows] == [("EVSE", "Power"), ("", "")]


def test_values_are_kept_once_with_their_instants(
    station_21: ChargingStation, operator_b: Operator
) -> None:
    opened(station_21)

    assert store(station_21, bundle((0, "1.5"), (0.5, "1.6"), pending=3)) == 2
    assert store(station_21, bundle((0.5, "1.6"), (1, "1.7"))) == 1
    assert store(station_21, bundle((0, "9"), stream_id=2)) == 0
    with operator_context(operator_b.schema_name):
        assert store(station_21, bundle((0, "9"))) == 0

    values = StreamValue.objects.order_by("at").values_list("at", "value")
    half = timedelta(seconds=0.5)
    assert list(values) == [(NOON, "1.5"), (NOON + half, "1.6"), (NOON + 2 * half, "1.7")]
    assert EventStream.objects.get().pending_count == 0


def test_an_instant_out_of_reach_is_refused() -> None:
    with pytest.raises(PayloadRefused):
        bundle_of(bundle((1e9, "1")))


def test_a_station_has_so_many_streams_at_most(
    station_21: ChargingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "MOST_OPEN", 2)

    assert [opened(station_21, number) for number in (1, 2, 3)] == [True, True, False]
    # One that is open may open anew, with another monitor too.
    assert opened(station_21, 2, monitor_id=11)
    assert stream_close(station_pk=station_21.pk, stream_id=1, now=NOON)
    assert not stream_close(station_pk=station_21.pk, stream_id=1, now=NOON)
    assert opened(station_21, 3)
    open_ones = EventStream.objects.filter(closed_at=None).order_by("stream_id")
    assert list(open_ones.values_list("stream_id", "monitor_id")) == [(2, 11), (3, 9)]


def test_what_the_station_answers_is_what_is_open(station_21: ChargingStation) -> None:
    opened(station_21, 1)
    opened(station_21, 2)
    told = {"id": 2, "variableMonitoringId": 9, "params": {"interval": 60}}
    other = {"id": 3, "variableMonitoringId": 12, "params": {}}

    answered(streams_ask(station_id=STATION_ID), constantStreamData=[told, other])

    rows = EventStream.objects.filter(closed_at=None).order_by("stream_id")
    assert [(row.stream_id, row.interval_s) for row in rows] == [(2, 60), (3, None)]
    answered(streams_ask(station_id=STATION_ID))
    assert not EventStream.objects.filter(closed_at=None, stream_id=2).exists()


@pytest.mark.parametrize(("status", "interval_s"), [("Accepted", 30), ("Rejected", 5)])
def test_an_adjusted_stream(station_21: ChargingStation, status: str, interval_s: int) -> None:
    opened(station_21)

    command = stream_adjust(station_id=STATION_ID, stream_id=1, interval_s=30)
    assert command.payload == {"id": 1, "params": {"interval": 30}}
    answered(command, status=status)

    row = EventStream.objects.get()
    assert (row.interval_s, row.most_values) == (interval_s, 10)


def test_old_values_go(station_21: ChargingStation) -> None:
    opened(station_21)
    store(station_21, bundle((0, "old"), (60, "new")))

    assert stream_values_prune(now=NOON + event_streams.KEPT + timedelta(seconds=30)) == 1

    assert StreamValue.objects.get().value == "new"
    assert utc_now() > NOON
