"""Uptime, plug-in success and time to recover: by hand, and from rows."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.chargers.models import (
    ChargingStation,
    ConnectionChange,
    Connector,
    ConnectorStatusChange,
    Evse,
    Session,
)
from apps.chargers.ocpp.availability import (
    OnlineSince,
    Outages,
    PlugIns,
    StatusSince,
    Stay,
    Uptime,
    outages,
    plug_ins,
    uptime,
)
from apps.chargers.selectors.availability import (
    connectors_performance,
    month_of,
    stations_performance,
)
from apps.chargers.services import station_register
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import Interval

MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)


def hour(count: float) -> datetime:
    return MIDNIGHT + timedelta(hours=count)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


DAY = Interval(hour(0), hour(24))


# --- the rules ---


def test_uptime_is_the_time_online_and_neither_faulted_nor_unavailable() -> None:
    statuses = [
        StatusSince(hour(-5), "Available"),
        StatusSince(hour(2), "Occupied"),
        StatusSince(hour(6), "Faulted"),
        StatusSince(hour(9), "Available"),
        StatusSince(hour(20), "Unavailable"),
        StatusSince(hour(22), "Reserved"),
    ]
    connections = [
        OnlineSince(hour(-6), True),
        OnlineSince(hour(8), False),
        OnlineSince(hour(12), True),
    ]

    told = uptime(DAY, statuses, connections)

    # up 0-6, 12-20, 22-24; faulted 6-8 (then offline, which hides it); offline 8-12
    assert told == Uptime(up=hours(16), faulted=hours(2), offline=hours(4), unavailable=hours(2))
    assert told.percent == pytest.approx(100 * 16 / 24)


def test_time_before_the_first_report_is_not_counted() -> None:
    told = uptime(DAY, [StatusSince(hour(18), "Available"), StatusSince(hour(23), "Faulted")], [])

    assert told == Uptime(up=hours(5), faulted=hours(1), unknown=hours(18))
    assert told.percent == pytest.approx(100 * 5 / 6)


def test_nothing_known_is_no_percentage() -> None:
    assert uptime(DAY, [], []) == Uptime(unknown=hours(24))
    assert uptime(DAY, [], []).percent is None


def test_an_offline_station_that_never_told_a_status_is_down() -> None:
    told = uptime(DAY, [], [OnlineSince(hour(0), True), OnlineSince(hour(4), False)])

    assert told == Uptime(unknown=hours(4), offline=hours(20))


def test_an_outage_lasts_until_the_connector_is_up_whatever_the_reason() -> None:
    statuses = [
        StatusSince(hour(-1), "Available"),
        StatusSince(hour(2), "Faulted"),
        StatusSince(hour(5), "Unavailable"),
        StatusSince(hour(6), "Available"),
    ]
    connections = [
        OnlineSince(hour(-2), True),
        OnlineSince(hour(10), False),
        OnlineSince(hour(12), True),
    ]

    told = outages(DAY, statuses, connections, until=hour(48))

    # 2-6 (4 h) and 10-12 (2 h)
    assert told == Outages(count=2, recovered=2, recovery_time=hours(6))
    assert told.mean_time_to_recover == hours(3)


def test_an_outage_belongs_to_the_period_in_which_it_began() -> None:
    statuses = [
        StatusSince(hour(-1), "Faulted"),
        StatusSince(hour(1), "Available"),
        StatusSince(hour(23), "Faulted"),
        StatusSince(hour(26), "Available"),
        StatusSince(hour(30), "Faulted"),
    ]

    assert outages(DAY, statuses, [], until=hour(48)) == Outages(1, 1, hours(3))
    # Seen at the end of the day it has not recovered yet.
    assert outages(DAY, statuses[:3], [], until=hour(24)) == Outages(1, 0, hours(0))
    assert outages(DAY, statuses[:3], [], until=hour(24)).mean_time_to_recover is None


def test_plug_ins_that_charged_are_told_from_those_that_did_not() -> None:
    statuses = [
        StatusSince(hour(-1), "Available"),
        StatusSince(hour(1), "Occupied"),  # charges
        StatusSince(hour(2), "Faulted"),  # no second plug-in
        StatusSince(hour(2.5), "Occupied"),
        StatusSince(hour(3), "Available"),
        StatusSince(hour(5), "Occupied"),  # a session without energy
        StatusSince(hour(5.5), "Available"),
        StatusSince(hour(7), "Occupied"),  # no session at all
        StatusSince(hour(8), "Reserved"),
        StatusSince(hour(9), "Occupied"),  # authorized before the plug
        StatusSince(hour(10), "Available"),
    ]
    stays = [
        Stay(hour(1.1), hour(2.9), has_charged=True),
        Stay(hour(5.1), hour(5.4), has_charged=False),
        Stay(hour(8.9), hour(9.9), has_charged=True),
    ]

    told = plug_ins(DAY, statuses, stays, until=hour(48))

    assert told == PlugIns(count=4, charged=2)
    assert told.success_percent == 50


def test_a_car_that_is_still_there_counts_once_it_charges() -> None:
    statuses = [StatusSince(hour(-1), "Available"), StatusSince(hour(23), "Occupied")]

    assert plug_ins(DAY, statuses, [], until=hour(24)) == PlugIns(0, 0)
    charging = [Stay(hour(23.5), None, has_charged=True)]
    assert plug_ins(DAY, statuses, charging, until=hour(24)) == PlugIns(1, 1)


def test_a_car_of_the_day_before_and_a_first_report_are_no_plug_ins() -> None:
    statuses = [
        StatusSince(hour(-1), "Occupied"),
        StatusSince(hour(3), "Available"),
        StatusSince(hour(25), "Occupied"),
        StatusSince(hour(26), "Available"),
    ]

    assert plug_ins(DAY, statuses, [], until=hour(48)) == PlugIns(0, 0)


# --- from rows ---


def change(connector: Connector, count: float, status: str) -> None:
    ConnectorStatusChange.objects.create(connector=connector, at=hour(count), status=status)


@pytest.fixture
def two_connectors(station: ChargingStation) -> list[Connector]:
    """EVSEs 1 and 2 of CS-001, known since long before the day; the station was away 4-6."""
    evse = Evse.objects.create(station=station, evse_id=2)
    Connector.objects.create(evse=evse, connector_id=1)
    connectors = list(Connector.objects.order_by("evse__evse_id"))
    for connector in connectors:
        change(connector, -100, "Faulted")
        change(connector, -50, "Available")
    for count, is_online in ((-200, True), (4, False), (6, True)):
        ConnectionChange.objects.create(station=station, at=hour(count), is_online=is_online)
    return connectors


def test_connectors_and_stations_from_rows(
    station: ChargingStation, two_connectors: list[Connector]
) -> None:
    first, second = two_connectors
    change(second, 12, "Faulted")
    change(second, 22, "Available")
    change(first, 8, "Occupied")
    change(first, 10, "Available")
    Session.objects.create(
        station=station, evse=first.evse, connector_id=1, transaction_id="t", state="ended",
        started_at=hour(8.1), ended_at=hour(9.9), energy_kwh="7.5",
    )  # fmt: skip

    rows = connectors_performance(period=DAY, now=hour(1000))

    assert [(row.evse_id, row.uptime) for row in rows] == [
        (1, Uptime(up=hours(22), offline=hours(2))),
        (2, Uptime(up=hours(12), offline=hours(2), faulted=hours(10))),
    ]
    assert [row.outages for row in rows] == [
        Outages(1, 1, hours(2)),
        Outages(2, 2, hours(12)),
    ]
    assert [row.plug_ins for row in rows] == [PlugIns(1, 1), PlugIns(0, 0)]
    (whole,) = stations_performance(rows)
    # 34 of 48 connector hours
    assert whole.uptime.percent == pytest.approx(100 * 34 / 48)
    assert whole.outages.mean_time_to_recover == hours(14) / 3
    assert (whole.station_id, whole.evse_id) == ("CS-001", 0)


def test_time_to_come_is_not_counted(two_connectors: list[Connector]) -> None:
    (row, _other) = connectors_performance(period=DAY, now=hour(5))

    assert row.uptime == Uptime(up=hours(4), offline=hours(1))
    assert connectors_performance(period=DAY, now=hour(-3))[0].uptime == Uptime()


def test_four_queries_for_any_number_of_stations(two_connectors: list[Connector]) -> None:
    for number in range(5):
        station_register(station_id=f"MORE-{number}", rated_power_kw=22, evses=2)

    with CaptureQueriesContext(connection) as queries:
        assert len(connectors_performance(period=DAY, now=hour(24))) == 12

    assert len([q for q in queries if "search_path" not in q["sql"]]) == 4


def test_one_operator_never_sees_the_stations_of_another(
    two_connectors: list[Connector], operator_b: Operator
) -> None:
    with operator_context(operator_b.schema_name):
        assert connectors_performance(period=DAY, now=hour(24)) == []


def test_a_month_is_one_of_the_place() -> None:
    assert month_of(date(2026, 12, 31), "America/Guadeloupe") == Interval(
        datetime(2026, 12, 1, 4, tzinfo=UTC), datetime(2027, 1, 1, 4, tzinfo=UTC)
    )


def test_the_month_at_a_shell(two_connectors: list[Connector]) -> None:
    out = StringIO()

    call_command(
        "stations_performance", operator="guadeloupe", month=date(2026, 3, 1), json=True, stdout=out
    )

    (line,) = out.getvalue().splitlines()
    told = json.loads(line)
    # Two connectors over 31 days from 4:00 UTC on 1 March; known since -100 h: the 5th at 20:00.
    assert (told["station_id"], told["offline_h"], told["faulted_h"]) == ("CS-001", 4.0, 100.0)
    assert told["outages"] == 2
    assert told["mean_time_to_recover_h"] == 2.0
