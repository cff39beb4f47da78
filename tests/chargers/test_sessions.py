"""Sessions in the database: any order, any number of times, one result."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.chargers.choices import SessionState
from apps.chargers.events import SessionEnded, SessionRevised, SessionStarted, SessionUpdated
from apps.chargers.models import ChargingStation, MeterValue, Session, SessionEvent
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services import (
    Arrival,
    meter_report_store,
    session_event_apply,
    session_events_apply,
)
from cariflex.common.events import Event, subscribe, unsubscribe
from tests.chargers.events import charging_of_five_events, dumps, event, meter

NOW = datetime(2026, 3, 10, 13, 0, 1, tzinfo=UTC)


def apply(station: ChargingStation, payload: dict[str, Any]) -> Session:
    text = dumps(payload)
    return session_event_apply(
        station_pk=station.pk,
        event=mapping.transaction_event(mapping.loads(text)),
        payload_text=text,
        now=NOW,
    )


def picture() -> tuple[Any, ...]:
    """All that is known of the sessions, without keys and clocks."""
    session = Session.objects.values().get()
    for name in ("id", "updated_at", "evse_id"):
        session.pop(name)
    events = list(SessionEvent.objects.order_by("seq_no").values_list("seq_no", "payload"))
    values = list(
        MeterValue.objects.order_by("seq_no", "ordinal").values_list(
            "seq_no", "ordinal", "at", "measurand", "value", "unit"
        )
    )
    return session, events, values


@pytest.fixture
def heard() -> Any:
    """The events that subscribers were told, by name."""
    names: list[str] = []

    def hear(told: Event) -> None:
        names.append(type(told).__name__)

    kinds = (SessionStarted, SessionUpdated, SessionEnded, SessionRevised)
    for kind in kinds:
        subscribe(kind, hear)
    yield names
    for kind in kinds:
        unsubscribe(kind, hear)


def test_the_events_of_an_hour_make_one_session(station: ChargingStation) -> None:
    for payload in charging_of_five_events():
        session = apply(station, payload)

    session.refresh_from_db()
    assert session.state == SessionState.ENDED
    assert session.energy_kwh == Decimal("9.00055")
    assert (session.start_meter_kwh, session.meter_kwh) == (Decimal(1), Decimal("10.00055"))
    assert session.id_token == "04A2B3C4"
    assert session.evse is not None
    assert session.evse.evse_id == 1
    assert session.stopped_reason == "Local"
    assert session.has_all_events
    assert session.events.count() == 5
    assert session.meter_values.count() == 2 + 2 + 2 + 3 + 2


def test_a_late_event_does_not_reopen_and_completes_the_energy(station: ChargingStation) -> None:
    payloads = charging_of_five_events()
    del payloads[4]["meterValue"]
    for number in (0, 1, 2, 4):
        session = apply(station, payloads[number])
    assert session.energy_kwh == Decimal("3.0005")
    assert not session.has_all_events

    session = apply(station, {**payloads[3], "offline": True})

    assert session.state == SessionState.ENDED
    assert session.energy_kwh == Decimal("7.00025")
    assert session.power_kw == 0.0
    assert session.has_all_events


def test_each_session_starts_and_ends_once(
    station: ChargingStation, heard: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for payload in charging_of_five_events():
            apply(station, payload)
            apply(station, payload)

    assert heard.count("SessionStarted") == 1
    assert heard.count("SessionUpdated") == 5
    assert heard.count("SessionEnded") == 1
    assert heard.count("SessionRevised") == 0


def test_a_late_event_that_changes_the_energy_is_told(
    station: ChargingStation, heard: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    payloads = charging_of_five_events()
    del payloads[4]["meterValue"]
    with django_capture_on_commit_callbacks(execute=True):
        for number in (0, 1, 2, 4, 3, 3):
            apply(station, payloads[number])

    assert heard.count("SessionEnded") == 1
    assert heard.count("SessionRevised") == 1


def test_two_transactions_of_a_station_are_two_sessions(station: ChargingStation) -> None:
    apply(station, event(0, "Started", "2026-03-10T12:00:00Z", transaction_id="a"))
    apply(station, event(0, "Started", "2026-03-10T12:00:00Z", transaction_id="b"))

    assert Session.objects.count() == 2


def statements(captured: CaptureQueriesContext) -> list[str]:
    verbs = [query["sql"].split()[0] for query in captured.captured_queries]
    return [verb for verb in verbs if verb in {"SELECT", "INSERT", "UPDATE", "DELETE"}]


FOUR = [
    "SELECT",  # the sessions, locked
    "INSERT",  # the events
    "INSERT",  # their values
    "UPDATE",  # the sessions
]


def test_an_event_in_order_costs_four_statements(station: ChargingStation) -> None:
    payloads = charging_of_five_events()
    for payload in payloads[:2]:
        apply(station, payload)

    with CaptureQueriesContext(connection) as captured:
        apply(station, payloads[2])

    assert statements(captured) == FOUR


def arrival(station: ChargingStation, payload: dict[str, Any]) -> Arrival:
    text = dumps(payload)
    return Arrival(station.pk, mapping.transaction_event(mapping.loads(text)), text, NOW)


def of_session(number: int) -> list[dict[str, Any]]:
    """The five events of one hour under a transaction id of their own."""
    events = charging_of_five_events()
    for payload in events:
        payload["transactionInfo"]["transactionId"] = f"tx-{number}"
    return events


def test_fifty_events_together_cost_as_many_statements_as_one(station: ChargingStation) -> None:
    hours = [of_session(number) for number in range(50)]
    for number in range(2):
        session_events_apply([arrival(station, hour[number]) for hour in hours])

    with CaptureQueriesContext(connection) as captured:
        session_events_apply([arrival(station, hour[2]) for hour in hours])

    assert statements(captured) == FOUR
    assert Session.objects.filter(meter_kwh=Decimal("4.0005"), events_count=3).count() == 50


def test_fifty_starts_together_cost_as_many_statements_as_one(station: ChargingStation) -> None:
    counts = []
    for numbers in (range(1), range(1, 51)):
        starts = [arrival(station, of_session(number)[0]) for number in numbers]
        with CaptureQueriesContext(connection) as captured:
            sessions = session_events_apply(starts)
        counts.append(len(statements(captured)))
        assert {session.evse.evse_id for session in sessions if session.evse} == {1}

    assert counts[1] <= counts[0]


@pytest.mark.parametrize("cuts", [(), (1,), (3,), (2, 7), (1, 2, 3, 4, 5, 6, 7, 8, 9)])
def test_events_and_their_repeats_in_any_batches_are_one_session(
    station: ChargingStation, cuts: tuple[int, ...]
) -> None:
    payloads = charging_of_five_events()
    for payload in payloads:
        apply(station, payload)
    wanted = picture()
    Session.objects.all().delete()

    shuffled = [payloads[n] for n in (4, 1, 1, 3, 0, 2, 4, 0, 3, 2)]
    for start, end in zip((0, *cuts), (*cuts, len(shuffled)), strict=True):
        session_events_apply([arrival(station, payload) for payload in shuffled[start:end]])

    assert picture() == wanted


def test_a_batch_gives_the_session_of_each_event_in_its_order(station: ChargingStation) -> None:
    events = [of_session(number)[0] for number in (3, 1, 2, 1)]

    sessions = session_events_apply([arrival(station, payload) for payload in events])

    assert [session.transaction_id for session in sessions] == ["tx-3", "tx-1", "tx-2", "tx-1"]


def test_meter_values_beside_the_events_move_power_and_never_energy(
    station: ChargingStation,
) -> None:
    for payload in charging_of_five_events()[:3]:
        apply(station, payload)
    at = "2026-03-10T12:30:00Z"
    report = mapping.meter_report(
        mapping.loads(
            dumps(
                {
                    "evseId": 1,
                    "meterValue": [meter(at, register_wh="9999", power_w="5500", soc="50")],
                }
            )
        )
    )

    meter_report_store(station_pk=station.pk, report=report)
    meter_report_store(station_pk=station.pk, report=report)

    session = Session.objects.get()
    assert (session.power_kw, session.soc_percent) == (5.5, 50.0)
    assert session.energy_kwh == Decimal("3.0005")
    assert MeterValue.objects.filter(session__isnull=True).count() == 3
