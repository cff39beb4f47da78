"""Faults of 1.6 stations: an event when they come, one when they go, in any order of arrival."""

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.chargers.models import ChargingStation, Connector, StationEvent
from apps.chargers.services.notices_16 import status_16_set
from apps.tenants.context import operator_context
from apps.tenants.models import Operator

NOW = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)


def tell(
    station: ChargingStation,
    minute: int,
    status: str = "Faulted",
    error: str = "NoError",
    *,
    connector: int = 1,
    **fields: str,
) -> None:
    payload = {
        "connectorId": connector, "status": status, "errorCode": error,
        "timestamp": f"2026-03-10T12:{minute:02}:00Z", **fields,
    }  # fmt: skip
    status_16_set(station_pk=station.pk, payload=payload, now=NOW)


def events() -> list[tuple[Any, ...]]:
    return list(
        StationEvent.objects.order_by("pk").values_list(
            "component", "variable", "evse_number", "value", "tech_code", "is_cleared"
        )
    )


def test_a_fault_is_told_once_and_ends_once(station: ChargingStation) -> None:
    tell(station, 1, "Available")
    tell(station, 2, error="GroundFailure", info="leak", vendorId="ACME")
    tell(station, 3, error="GroundFailure")
    tell(station, 4, "Available")
    tell(station, 5, "Available")

    assert events() == [
        ("Connector", "Problem", 1, "true", "GroundFailure", False),
        ("Connector", "Problem", 1, "false", "GroundFailure", True),
    ]
    assert StationEvent.objects.order_by("pk")[0].tech_text == "leak (ACME)"
    assert Connector.objects.get().error_code == ""


def test_a_fault_that_becomes_another_ends_first(station: ChargingStation) -> None:
    tell(station, 1, error="OverVoltage")
    tell(station, 2, error="OtherError", vendorErrorCode="E17")

    assert [(code, over) for *_rest, code, over in events()] == [
        ("OverVoltage", False), ("OverVoltage", True), ("OtherError/E17", False),
    ]  # fmt: skip
    assert Connector.objects.get().error_code == "OtherError/E17"
    assert Connector.objects.get().status == "Faulted"


def test_an_older_report_changes_nothing(station: ChargingStation) -> None:
    tell(station, 5, error="OverVoltage")
    tell(station, 4, "Available")

    assert len(events()) == 1
    assert Connector.objects.get().error_code == "OverVoltage"


def test_connector_0_is_the_station(station: ChargingStation) -> None:
    tell(station, 1, "Available", connector=0)
    tell(station, 2, "Available", connector=0)
    tell(station, 3, "Unavailable", connector=0)
    tell(station, 4, "Faulted", "PowerMeterFailure", connector=0)

    assert events() == [
        ("ChargingStation", "AvailabilityState", 0, "Available", "", False),
        ("ChargingStation", "AvailabilityState", 0, "Unavailable", "", False),
        ("ChargingStation", "AvailabilityState", 0, "Faulted", "", False),
        ("ChargingStation", "Problem", 0, "true", "PowerMeterFailure", False),
    ]
    assert list(Connector.objects.values_list("evse__evse_id", "status")) == [(1, "Unknown")]


def test_each_connector_and_operator_has_its_own_faults(
    station: ChargingStation, operator_b: Operator
) -> None:
    tell(station, 1, error="OverVoltage")
    tell(station, 1, error="OverVoltage", connector=2)

    assert [evse for _component, _variable, evse, *_rest in events()] == [1, 2]
    with operator_context(operator_b.schema_name):
        assert StationEvent.objects.count() == 0


def test_a_status_without_a_time_is_of_now(station: ChargingStation) -> None:
    payload = {"connectorId": 1, "status": "Reserved", "errorCode": "NoError"}

    status_16_set(station_pk=station.pk, payload=payload, now=NOW)

    connector = Connector.objects.get()
    assert (connector.status, connector.status_at) == ("Reserved", NOW)


@pytest.mark.parametrize("code", ["NoError", "0", "000"])
def test_nothing_is_no_fault(station: ChargingStation, code: str) -> None:
    tell(station, 1, "Available", vendorErrorCode=code)

    assert events() == []
