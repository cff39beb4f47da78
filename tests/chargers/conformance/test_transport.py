"""The WebSocket under OCPP-J: Part 4 §3 (addresses, subprotocols, compression) and RFC 6455."""

import socket
from collections.abc import Callable

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.sync.client import connect

from apps.chargers.models import ChargingStation, RefusedConnection, Session, StationMessage
from tests.chargers.conformance.client import V201, Checking
from tests.chargers.conftest import PASSWORD_A, STATION_ID
from tests.chargers.events import charging_of_five_events, dumps
from tests.chargers.server import LIMIT_S, A, Csms, at, basic, eventually

Kept = Callable[..., StationMessage]


def raw_handshake(csms: Csms, path: str, *, password: str | None = PASSWORD_A) -> str:
    """The status line of the answer to a handshake written by hand; no client tidies the path."""
    lines = [
        f"GET {path} HTTP/1.1", "Host: csms", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp2.0.1",
    ]  # fmt: skip
    if password is not None:
        lines += [f"{name}: {value}" for name, value in basic(STATION_ID, password).items()]
    with socket.create_connection(("127.0.0.1", csms.port), LIMIT_S) as stranger:
        stranger.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        return stranger.recv(1000).decode("latin-1").partition("\r\n")[0]


def test_the_right_path_and_password_are_upgraded(csms: Csms) -> None:
    assert raw_handshake(csms, f"/ocpp/{A}/{STATION_ID}") == "HTTP/1.1 101 Switching Protocols"


@pytest.mark.parametrize(
    "path",
    [
        f"/ocpp/{A}/CS-999",
        f"/ocpp/{A}%2F{STATION_ID}",
        f"/ocpp/{A}/{STATION_ID}%2F",
        f"/ocpp/{A}/x%2F..%2F{STATION_ID}",
        f"/ocpp/{A}/..%2F{A}%2F{STATION_ID}",
        f"/ocpp/{A}/../{A}/{STATION_ID}",
        f"/ocpp/{A}/./{STATION_ID}",
        f"/ocpp//{A}/{STATION_ID}",
        f"/ocpp/{A}//{STATION_ID}",
        f"/ocpp/{A}/{STATION_ID}/",
        f"/ocpp/{A}/..",
        f"/ocpp/{A}/%2e%2e",
        f"/ocpp/{A}/{STATION_ID}%00",
        f"/ocpp/{A}/{STATION_ID}%0a",
        f"/ocpp/{A}/{STATION_ID}%20",
        f"/ocpp/{A}/%EF%BC%A3S-001",
        f"/ocpp/{A}/%ff%fe",
        f"/ocpp/{A}/{STATION_ID};x",
        f"/ocpp/{A}/{'C' * 5_000}",
        f"/ocpp/{A}/{STATION_ID}'--",
        f"/ocpp/{A.upper()}/{STATION_ID}",
        f"/ocpp/public/{STATION_ID}",
        f"/ocpp/{A}%00/{STATION_ID}",
        f"/ocpp/{STATION_ID}",
        "/ocpp/",
        f"/OCPP/{A}/{STATION_ID}",
    ],
)
def test_a_path_that_names_no_station_is_answered_404(csms: Csms, path: str) -> None:
    assert raw_handshake(csms, path) == "HTTP/1.1 404 Not Found"

    assert at(A, lambda: ChargingStation.objects.get().connection_state) == "offline"
    shown = at(A, lambda: list(RefusedConnection.objects.values_list("path", "station_id")))
    assert all(len(seen) <= 200 and len(identity) <= 48 for seen, identity in shown)


@pytest.mark.parametrize(
    ("identity", "written"), [("CS|01", "CS%7C01"), ("a*-_=+|@.:Z9", "a*-_=+%7C@.:Z9")]
)
def test_every_character_of_an_identity_can_be_written(
    csms: Csms, identity: str, written: str
) -> None:
    at(A, lambda: ChargingStation.objects.update(station_id=identity))

    station = csms.connect(A, written, PASSWORD_A, user=identity)

    assert station.tell("Heartbeat", {})


def test_a_wrong_password_is_answered_401_before_the_upgrade(csms: Csms) -> None:
    path = f"/ocpp/{A}/{STATION_ID}"

    wrong = raw_handshake(csms, path, password="wrong-wrong-wrong-wrong")
    none = raw_handshake(csms, path, password=None)

    assert wrong == none == "HTTP/1.1 401 Unauthorized"


def test_compression_is_negotiated_when_the_station_offers_it(csms: Csms) -> None:
    """Part 4 §3.3: a CSMS shall support RFC 7692."""
    with connect(
        csms.address(A, STATION_ID), subprotocols=["ocpp2.0.1"],  # type: ignore[list-item]
        additional_headers=basic(STATION_ID, PASSWORD_A), compression="deflate", proxy=None,
    ) as station:  # fmt: skip
        (extension,) = station.protocol.extensions
        assert isinstance(extension, PerMessageDeflate)
        for number, payload in enumerate(charging_of_five_events()):
            station.send(f'[2,"{number}","TransactionEvent",{dumps(payload)}]')
            assert f'[3,"{number}",' in str(station.recv(timeout=LIMIT_S))

    assert at(A, lambda: Session.objects.get().state) == "ended"


def test_a_station_without_compression_is_served(csms: Csms) -> None:
    with connect(
        csms.address(A, STATION_ID), subprotocols=["ocpp2.0.1"],  # type: ignore[list-item]
        additional_headers=basic(STATION_ID, PASSWORD_A), compression=None, proxy=None,
    ) as station:  # fmt: skip
        assert list(station.protocol.extensions) == []
        station.send('[2,"1","Heartbeat",{}]')
        assert '[3,"1"' in str(station.recv(timeout=LIMIT_S))


def test_a_ping_is_answered_with_its_own_content(station: Checking) -> None:
    assert station.station.socket.ping(b"still there?").wait(LIMIT_S)
    station.heartbeat()


def test_a_message_in_pieces_is_one_message(station: Checking) -> None:
    station.station.socket.send(iter(['[2,"1","Heart', 'beat",', "{}]"]))

    assert station.frame()[:2] == [3, "1"]


def test_a_binary_frame_is_refused_and_the_socket_goes_on(station: Checking, kept: Kept) -> None:
    station.send(b'[2,"1","Heartbeat",{}]')

    assert station.frame()[:3] == [4, "-1", "RpcFrameworkError"]
    station.heartbeat()
    assert kept(message_id="-1", direction="in").payload == '[2,"1","Heartbeat",{}]'


def test_a_frame_of_more_than_512_000_characters_is_refused(station: Checking, kept: Kept) -> None:
    long = '[2,"1","DataTransfer",{"vendorId":"x","data":"' + "y" * 512_000 + '"}]'

    station.send(long)

    assert station.frame()[:4] == [4, "-1", "RpcFrameworkError", "The frame is too long."]
    station.heartbeat()
    assert len(kept(message_id="-1", direction="in").payload) == 16_000


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_frame_beyond_a_mebibyte_closes_its_own_socket_only(
    csms: Csms, compression: str | None
) -> None:
    # The second one is small on the wire and large once it is unpacked.
    with connect(
        csms.address(A, STATION_ID), subprotocols=["ocpp2.0.1"],  # type: ignore[list-item]
        additional_headers=basic(STATION_ID, PASSWORD_A), compression=compression, proxy=None,
    ) as station:  # fmt: skip
        station.send("y" * (2**20 + 1))
        with pytest.raises(ConnectionClosed) as closed:
            station.recv(timeout=LIMIT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009

    Checking(csms, V201).boot().heartbeat()


def test_text_that_is_no_utf_8_closes_its_own_socket_only(csms: Csms) -> None:
    station = Checking(csms, V201).boot()

    station.station.socket.send(b'[2,"1","Heartbeat",{"\xff":1}]', text=True)

    with pytest.raises(ConnectionClosed) as closed:
        station.station.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1007
    Checking(csms, V201).boot().heartbeat()


@pytest.mark.parametrize("offered", [["ocpp1.5"], ["ocpp2.0"], ["OCPP2.0.1"], ["mqtt"], None])
def test_without_a_common_version_the_handshake_is_completed_then_closed(
    csms: Csms, offered: list[str] | None
) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A, subprotocols=offered)

    assert station.socket.subprotocol is None
    with pytest.raises(ConnectionClosed):
        station.receive()
    assert at(A, lambda: ChargingStation.objects.get().connection_state) == "offline"


def test_a_stranger_without_password_learns_no_version(csms: Csms) -> None:
    with pytest.raises(InvalidStatus) as refused:
        csms.connect(A, STATION_ID, None, subprotocols=["ocpp1.5"])

    assert refused.value.response.status_code == 401


def test_a_socket_that_breaks_off_is_offline(csms: Csms) -> None:
    station = Checking(csms, V201).boot()

    station.station.socket.socket.shutdown(socket.SHUT_RDWR)

    eventually(lambda: at(A, lambda: ChargingStation.objects.get().connection_state == "offline"))
