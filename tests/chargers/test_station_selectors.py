"""Stations by state, and what connectors were over time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.chargers.models import (
    ChargingStation,
    ConnectionChange,
    Connector,
    ConnectorStatusChange,
    DeviceVariable,
    Evse,
    Session,
)
from apps.chargers.selectors import stations_latest
from apps.chargers.selectors.station_history import (
    Stretch,
    connector_histories,
    variables_found,
)
from apps.chargers.selectors.stations import (
    StationSearch,
    station_states,
    station_versions,
    stations_listed,
)
from apps.chargers.services import station_register
from apps.console.viewmodels.assets import station_state
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import Interval

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
H = timedelta(hours=1)


def station_of(
    name: str, *statuses: str, online: bool = True, power_kw: float | None = None
) -> ChargingStation:
    """A station of 20 kW with a connector of each status, and a car when it has a power."""
    station_register(station_id=name, rated_power_kw=20.0)
    ChargingStation.objects.filter(station_id=name).update(
        connection_state="online" if online else "offline", ocpp_version="2.0.1"
    )
    station = ChargingStation.objects.get(station_id=name)
    Evse.objects.filter(station=station).delete()
    for number, status in enumerate(statuses, 1):
        evse = Evse.objects.create(station=station, evse_id=number)
        Connector.objects.create(evse=evse, connector_id=1, status=status)
    if power_kw is not None:
        Session.objects.create(
            station=station, transaction_id="TX", started_at=NOW - H, power_kw=power_kw,
            energy_kwh=Decimal(1),
        )  # fmt: skip
    return station


@pytest.fixture
def fleet(operator_a: Operator) -> None:
    station_of("A-OFF", "Faulted", online=False, power_kw=11.0)
    station_of("B-FAULT", "Faulted", "Available", power_kw=11.0)
    station_of("C-CHARGING", "Occupied", "Available", power_kw=11.0)
    # 0.099 kW is less than 0.5 % of 20 kW; 0.1 kW is that share.
    station_of("D-PLUGGED", "Occupied", "Available", power_kw=0.099)
    station_of("E-DRAWS", "Occupied", power_kw=0.1)
    station_of("F-RESERVED", "Reserved", "Available")
    station_of("G-FREE", "Available", "Unavailable")
    station_of("H-CLOSED", "Unavailable", "Unknown")
    station_of("I-NEW", "Unknown")
    station_of("J-BARE")


def test_the_state_found_in_the_database_is_the_state_shown_live(fleet: None) -> None:
    listed = {row.station_id: row.state for row in stations_listed(
        search=StationSearch(), limit=50
    ).rows}  # fmt: skip

    assert listed == {
        "A-OFF": "offline", "B-FAULT": "faulted", "C-CHARGING": "charging",
        "D-PLUGGED": "occupied", "E-DRAWS": "charging", "F-RESERVED": "reserved",
        "G-FREE": "available", "H-CLOSED": "unavailable", "I-NEW": "unknown", "J-BARE": "unknown",
    }  # fmt: skip
    assert listed == {one.station_id: station_state(one) for one in stations_latest(now=NOW)}


def test_stations_are_counted_found_and_paged(fleet: None, operator_b: Operator) -> None:
    with operator_context("martinique"):
        station_of("C-CHARGING", "Faulted")
        assert station_states(search=StationSearch())["faulted"] == 1

    counts = station_states(search=StationSearch())
    charging = stations_listed(search=StationSearch(state="charging"), limit=1)
    rest = stations_listed(
        search=StationSearch(state="charging"), limit=1, after=charging.next_after
    )

    assert (counts["charging"], counts["unknown"], sum(counts.values())) == (2, 2, 10)
    assert [row.station_id for row in charging.rows] == ["C-CHARGING"]
    assert [row.station_id for row in rest.rows] == ["E-DRAWS"]
    assert rest.next_after is None
    assert station_states(search=StationSearch(text="plug"))["occupied"] == 1
    assert sum(station_states(search=StationSearch(text="plug")).values()) == 1
    assert station_versions() == ["2.0.1"]


def test_a_connectors_history_has_no_gap_and_says_when_its_station_was_away(
    operator_a: Operator,
) -> None:
    station = station_of("CS-1", "Available")
    connector = Connector.objects.get(evse__station=station)
    for hours, status in ((30, "Available"), (20, "Occupied"), (10, "Faulted"), (2, "Available")):
        ConnectorStatusChange.objects.create(
            connector=connector, status=status, at=NOW - hours * H,
            error_code="GroundFailure" if status == "Faulted" else "",
        )  # fmt: skip
    for hours, is_online in ((40, True), (8, False), (6, True)):
        ConnectionChange.objects.create(station=station, is_online=is_online, at=NOW - hours * H)

    (history,) = connector_histories(station_pk=station.pk, period=Interval(NOW - 24 * H, NOW))

    assert history.stretches == (
        Stretch(NOW - 24 * H, NOW - 20 * H, "available"),
        Stretch(NOW - 20 * H, NOW - 10 * H, "occupied"),
        Stretch(NOW - 10 * H, NOW - 8 * H, "faulted", "GroundFailure"),
        Stretch(NOW - 8 * H, NOW - 6 * H, "offline"),
        Stretch(NOW - 6 * H, NOW - 2 * H, "faulted", "GroundFailure"),
        Stretch(NOW - 2 * H, NOW, "available"),
    )


def test_what_was_never_told_is_not_known(operator_a: Operator) -> None:
    station = station_of("CS-1", "Available")
    ConnectorStatusChange.objects.create(
        connector=Connector.objects.get(), status="Available", at=NOW - H
    )

    (history,) = connector_histories(station_pk=station.pk, period=Interval(NOW - 3 * H, NOW))

    assert [(one.state, one.end - one.start) for one in history.stretches] == [
        ("unknown", 2 * H),
        ("available", H),
    ]


def test_variables_are_found_by_all_words(operator_a: Operator) -> None:
    station = station_of("CS-1")
    for component, variable, value in (
        ("OCPPCommCtrlr", "HeartbeatInterval", "300"),
        ("OCPPCommCtrlr", "RetryBackOffWaitMinimum", "30"),
        ("SampledDataCtrlr", "TxUpdatedInterval", "60"),
    ):
        DeviceVariable.objects.create(
            station=station, component=component, variable=variable, value=value, reported_at=NOW
        )

    found = variables_found(station_pk=station.pk, text="ocppcomm 30", limit=1)
    rest = variables_found(
        station_pk=station.pk, text="ocppcomm 30", limit=1, after=found.next_after
    )

    assert [row.variable for row in found.rows] == ["HeartbeatInterval"]
    assert [row.variable for row in rest.rows] == ["RetryBackOffWaitMinimum"]
    assert rest.next_after is None
    assert len(variables_found(station_pk=station.pk, text="interval", limit=9).rows) == 2
