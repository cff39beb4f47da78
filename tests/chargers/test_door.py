"""Who may connect: answers before the upgrade, and one socket for each identity."""

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from apps.chargers.choices import ConnectionState, RefusalReason
from apps.chargers.models import (
    ChargingStation,
    RefusedConnection,
)
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID
from tests.chargers.server import BOOT, A, B, Csms, Station, at, eventually


@pytest.fixture
def station(csms: Csms) -> Station:
    """CS-001 of Guadeloupe, connected and booted."""
    station = csms.connect(A, STATION_ID, PASSWORD_A)
    assert station.tell("BootNotification", BOOT)["status"] == "Accepted"
    return station


def the_station(schema_name: str) -> ChargingStation:
    return at(schema_name, lambda: ChargingStation.objects.get(station_id=STATION_ID))


def refusals(schema_name: str) -> list[tuple[Any, ...]]:
    return at(
        schema_name,
        lambda: list(
            RefusedConnection.objects.order_by("pk").values_list(
                "station_id", "status", "reason", "count"
            )
        ),
    )


def test_an_unknown_station_is_answered_404_and_counted(csms: Csms) -> None:
    for _ in range(3):
        with pytest.raises(InvalidStatus) as refused:
            csms.connect(A, "CS-999", PASSWORD_A)
        assert refused.value.response.status_code == 404

    assert refusals(A) == [("CS-999", 404, RefusalReason.UNKNOWN_STATION, 3)]
    assert refusals(B) == []


def test_an_unknown_operator_is_answered_404(csms: Csms) -> None:
    for operator in ("dominica", "public", "pg_catalog", "guadeloupe;x"):
        with pytest.raises(InvalidStatus) as refused:
            csms.connect(operator, STATION_ID, PASSWORD_A)
        assert refused.value.response.status_code == 404

    assert refusals(A) == refusals(B) == []


@pytest.mark.parametrize(
    ("password", "user", "reason"),
    [
        ("wrong-wrong-wrong-wrong", None, RefusalReason.BAD_PASSWORD),
        (PASSWORD_B, None, RefusalReason.BAD_PASSWORD),
        (PASSWORD_A, "CS-002", RefusalReason.MISSING_PASSWORD),
        (None, None, RefusalReason.MISSING_PASSWORD),
    ],
)
def test_a_wrong_password_is_answered_401(
    csms: Csms, password: str | None, user: str | None, reason: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        csms.connect(A, STATION_ID, password, user=user)

    response = refused.value.response
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Basic realm="ocpp", charset="UTF-8"'
    assert refusals(A) == [(STATION_ID, 401, reason, 1)]
    assert the_station(A).connection_state == ConnectionState.OFFLINE


@pytest.mark.parametrize("subprotocols", [["ocpp1.5"], ["ocpp9", "mqtt"], None])
def test_a_station_of_another_version_is_closed_after_the_handshake(
    csms: Csms, subprotocols: list[str] | None
) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A, subprotocols=subprotocols)

    assert station.socket.subprotocol is None
    with pytest.raises(ConnectionClosed) as closed:
        station.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1002
    assert refusals(A) == [(STATION_ID, 101, RefusalReason.SUBPROTOCOL, 1)]


@pytest.mark.parametrize(
    ("subprotocols", "chosen"),
    [(["ocpp2.0.1"], "ocpp2.0.1"), (["ocpp2.0.1", "ocpp2.1", "ocpp9"], "ocpp2.1")],
)
def test_the_newest_version_that_both_speak_is_chosen(
    csms: Csms, subprotocols: list[str], chosen: str
) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A, subprotocols=subprotocols)

    assert station.socket.subprotocol == chosen
    assert station.tell("BootNotification", BOOT)["status"] == "Accepted"


def test_a_newer_connection_replaces_and_closes_the_older(csms: Csms) -> None:
    older = csms.connect(A, STATION_ID, PASSWORD_A)
    newer = csms.connect(A, STATION_ID, PASSWORD_A)

    with pytest.raises(ConnectionClosed) as closed:
        older.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    assert newer.tell("BootNotification", BOOT)["status"] == "Accepted"
    assert the_station(A).connection_state == ConnectionState.ONLINE


def test_an_identity_that_reconnects_twenty_times_ends_with_one_socket(csms: Csms) -> None:
    sockets = [csms.connect(A, STATION_ID, PASSWORD_A) for _ in range(20)]

    for older in sockets[:-1]:
        with pytest.raises(ConnectionClosed):
            older.receive()
    assert sockets[-1].tell("Heartbeat", {})["currentTime"].endswith("Z")
    assert the_station(A).connection_state == ConnectionState.ONLINE


def test_a_station_that_leaves_is_offline(csms: Csms, station: Station) -> None:
    assert the_station(A).connection_state == ConnectionState.ONLINE

    station.close()

    eventually(lambda: the_station(A).connection_state == ConnectionState.OFFLINE)
    assert the_station(A).disconnected_at is not None
