"""Stations of both operators that speak smart charging."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.chargers.conftest import PASSWORD_A, STATION_ID
from tests.chargers.server import BOOT, A, Csms, Station

Connect = Callable[..., Station]


@pytest.fixture
def connect(csms: Csms) -> Connect:
    """`connect("ocpp2.1")`: CS-001 of Guadeloupe, booted."""

    def connected(
        subprotocol: str = "ocpp2.0.1",
        *,
        operator: str = A,
        station_id: str = STATION_ID,
        password: str = PASSWORD_A,
    ) -> Station:
        station = csms.connect(operator, station_id, password, subprotocols=[subprotocol])
        boot = BOOT
        if subprotocol == "ocpp1.6":
            boot = {"chargePointVendor": "ACME", "chargePointModel": "Wall 22"}
        assert station.tell("BootNotification", boot)["status"] == "Accepted"
        return station

    return connected


def answer(station: Station, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What the station is asked next, which must be `action`; it answers with the payload."""
    _call, message_id, asked, request = station.receive()
    assert asked == action
    station.send(json.dumps([3, message_id, payload]))
    return request  # type: ignore[no-any-return]
