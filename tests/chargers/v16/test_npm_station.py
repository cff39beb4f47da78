"""A station on a client that is not ours, on real sockets."""

import pytest

from apps.chargers.models import Session
from tests.chargers.conftest import PASSWORD_A, STATION_ID, TOKEN
from tests.chargers.events import charging_of_five_events
from tests.chargers.server import BOOT, A, Csms, at
from tests.contracts.npm_station import CallFailed, ConnectionRefused, npm_station


def endpoint(csms: Csms, operator: str) -> str:
    return csms.address(operator, "").rstrip("/")


def test_the_client_speaks_201_too(csms: Csms) -> None:
    with npm_station(endpoint(csms, A), STATION_ID, PASSWORD_A, protocols=["ocpp2.0.1"]) as station:
        assert station.protocol == "ocpp2.0.1"
        assert station.call("BootNotification", BOOT)["status"] == "Accepted"
        for payload in charging_of_five_events():
            station.call("TransactionEvent", payload)
        token = {"idToken": TOKEN, "type": "ISO14443"}
        assert station.call("Authorize", {"idToken": token})["idTokenInfo"]["status"] == "Accepted"

    assert station.faults == []
    assert at(A, lambda: Session.objects.get().state) == "ended"


def test_the_client_is_refused_like_any_other(csms: Csms) -> None:
    with (
        pytest.raises(ConnectionRefused) as refused,
        npm_station(endpoint(csms, A), STATION_ID, "wrong-wrong-wrong-wrong"),
    ):
        pass
    assert refused.value.status == 401
    with (
        npm_station(
            endpoint(csms, A), STATION_ID, PASSWORD_A, protocols=["ocpp2.0.1"], strict=False
        ) as station,
        pytest.raises(CallFailed) as failed,
    ):
        station.call("Dance", {})
    assert failed.value.code == "NotImplemented"
