"""Stations on real sockets, speaking raw frames with a library that is not ours."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from ocpp.v201 import ChargePoint, call
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as open_socket
from websockets.typing import Subprotocol

from apps.chargers.choices import CommandStatus, ConnectionState, RefusalReason, RegistrationStatus
from apps.chargers.csms.native import charge_point
from apps.chargers.models import (
    ChargingStation,
    Command,
    Connector,
    IdToken,
    RefusedConnection,
    Session,
    StationMessage,
)
from apps.chargers.services import (
    remote_start,
    remote_stop,
    session_event_apply,
    station_register,
)
from apps.tenants.models import Operator
from cariflex.routing import websocket
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID, TOKEN
from tests.chargers.events import charging_of_five_events, event, meter
from tests.chargers.server import Csms, Station, at, basic, eventually, serving

A, B = "guadeloupe", "martinique"
BOOT = {"reason": "PowerUp", "chargingStation": {"model": "Wall 22", "vendorName": "ACME"}}


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


# --- the door ---


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


@pytest.mark.parametrize("subprotocols", [["ocpp1.6"], ["ocpp2.1", "ocpp1.6"], None])
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


def test_our_version_is_picked_from_several(csms: Csms) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A, subprotocols=["ocpp2.1", "ocpp2.0.1"])

    assert station.socket.subprotocol == "ocpp2.0.1"


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


# --- what stations tell ---


def test_a_boot_describes_the_station(station: Station) -> None:
    row = the_station(A)

    assert (row.vendor, row.model, row.connection_state) == ("ACME", "Wall 22", "online")
    assert row.booted_at is not None


@pytest.mark.parametrize("status", [RegistrationStatus.PENDING, RegistrationStatus.REJECTED])
def test_a_station_that_is_not_accepted_may_only_boot(csms: Csms, status: str) -> None:
    at(A, lambda: ChargingStation.objects.update(registration_status=status))
    station = csms.connect(A, STATION_ID, PASSWORD_A)

    assert station.tell("BootNotification", BOOT)["status"] == status
    assert station.call("Heartbeat", {})[2] == "SecurityError"
    payload = event(0, "Started", "2026-03-10T12:00:00Z")
    assert station.call("TransactionEvent", payload)[2] == "SecurityError"
    assert at(A, Session.objects.count) == 0


def test_connectors_follow_their_reports_and_ignore_older_ones(station: Station) -> None:
    def report(status: str, minute: int) -> None:
        station.tell(
            "StatusNotification",
            {
                "timestamp": f"2026-03-10T12:{minute:02}:00Z",
                "connectorStatus": status,
                "evseId": 1,
                "connectorId": 1,
            },
        )

    report("Occupied", 5)
    report("Available", 4)

    assert at(A, lambda: Connector.objects.get().status) == "Occupied"


def test_a_token_is_known_at_its_own_operator(station: Station) -> None:
    at(A, lambda: IdToken.objects.create(id_token="BLOCKED1", status="Blocked"))
    at(B, lambda: IdToken.objects.create(id_token="ONLYTHERE"))

    def ask(id_token: str, token_type: str = "ISO14443") -> str:
        answer = station.tell("Authorize", {"idToken": {"idToken": id_token, "type": token_type}})
        return str(answer["idTokenInfo"]["status"])

    assert ask(TOKEN) == "Accepted"
    assert ask(TOKEN.lower()) == "Accepted"
    assert ask("BLOCKED1") == "Blocked"
    assert ask("ONLYTHERE") == "Unknown"
    assert ask("", "NoAuthorization") == "Accepted"


def test_a_charging_hour_over_the_socket(station: Station) -> None:
    answers = [station.tell("TransactionEvent", payload) for payload in charging_of_five_events()]

    assert answers[0] == {}
    assert answers[1] == {"idTokenInfo": {"status": "Accepted"}}
    assert answers[4] == {"idTokenInfo": {"status": "Unknown"}}
    session = at(A, lambda: Session.objects.get())
    assert (session.state, session.energy_kwh) == ("ended", Decimal("9.00055"))
    assert at(B, Session.objects.count) == 0


def test_the_same_station_card_and_transaction_live_apart_at_two_operators(csms: Csms) -> None:
    ours, theirs = (
        csms.connect(A, STATION_ID, PASSWORD_A), csms.connect(B, STATION_ID, PASSWORD_B),
    )  # fmt: skip
    when = "2026-03-10T12:00:00Z"
    for station, register in ((ours, "1000"), (theirs, "5000")):
        station.tell("BootNotification", BOOT)
        station.tell(
            "TransactionEvent",
            event(0, "Started", when, id_token=TOKEN, evse_id=1,
                  meter_values=[meter(when, register_wh=register)]),
        )  # fmt: skip
    ours.tell("TransactionEvent", event(1, "Ended", when))

    assert at(A, lambda: Session.objects.get().state) == "ended"
    assert at(B, lambda: Session.objects.get().state) == "active"
    assert at(A, lambda: Session.objects.get().start_meter_kwh) == 1
    assert at(B, lambda: Session.objects.get().start_meter_kwh) == 5
    assert at(B, lambda: Session.objects.get().station.connection_state) == "online"


def test_a_burst_without_waiting_is_answered_in_order(station: Station) -> None:
    for number in range(30):
        station.send(f'[2,"b{number}","Heartbeat",{{}}]')

    assert [station.receive()[1] for _ in range(30)] == [f"b{number}" for number in range(30)]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("SecurityEventNotification", {"type": "Reboot", "timestamp": "2026-03-10T12:00:00Z"}),
        ("LogStatusNotification", {"status": "Idle"}),
        ("FirmwareStatusNotification", {"status": "Idle"}),
        ("NotifyReport", {"requestId": 1, "generatedAt": "2026-03-10T12:00:00Z", "seqNo": 0}),
        (
            "NotifyEvent",
            {
                "generatedAt": "2026-03-10T12:00:00Z",
                "seqNo": 0,
                "eventData": [
                    {
                        "eventId": 1,
                        "timestamp": "2026-03-10T12:00:00Z",
                        "trigger": "Alerting",
                        "actualValue": "1",
                        "eventNotificationType": "HardWiredNotification",
                        "component": {"name": "EVSE"},
                        "variable": {"name": "Problem"},
                    }
                ],
            },
        ),
    ],
)
def test_notices_are_acknowledged_and_kept(
    station: Station, action: str, payload: dict[str, Any]
) -> None:
    assert station.tell(action, payload) == {}

    eventually(lambda: at(A, lambda: StationMessage.objects.filter(action=action).count()) == 2)


# --- bad input ---


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("hello", ["-1", "RpcFrameworkError"]),
        ('{"a":1}', ["-1", "RpcFrameworkError"]),
        (b"\x00\xff", ["-1", "RpcFrameworkError"]),
        ('[2,"7","MeterValues",{"v":NaN}]', ["-1", "RpcFrameworkError"]),
        ('[9,"7","Heartbeat",{}]', ["7", "MessageTypeNotSupported"]),
        ('[2,"7","Heartbeat",[]]', ["7", "FormatViolation"]),
        ('[2,"7","Heartbeat",{"x":1}]', ["7", "FormatViolation"]),
        ('[2,"7","BootNotification",{"reason":"PowerUp"}]', ["7", "ProtocolError"]),
        ('[2,"7","Authorize",{"idToken":{"idToken":5,"type":"Local"}}]',
         ["7", "TypeConstraintViolation"]),
        ('[2,"7","Dance",{}]', ["7", "NotImplemented"]),
        ('[2,"7","Reset",{"type":"Immediate"}]', ["7", "NotSupported"]),
        ('[2,"7","StatusNotification",{"timestamp":"soon","connectorStatus":"Available",'
         '"evseId":1,"connectorId":1}]', ["7", "FormatViolation"]),
    ],
)  # fmt: skip
def test_a_bad_frame_is_answered_kept_and_the_socket_goes_on(
    station: Station, sent: str | bytes, answer: list[str]
) -> None:
    station.send(sent)

    refused = station.receive()
    assert refused[0] == 4
    assert refused[1:3] == answer
    assert station.tell("Heartbeat", {})["currentTime"]
    kept = eventually(
        lambda: at(
            A, lambda: StationMessage.objects.filter(direction="in").exclude(error="").first()
        )
    )
    assert kept.error.startswith(answer[1])
    assert kept.message_id == answer[0]


def test_answers_that_nobody_waits_for_are_ignored(station: Station) -> None:
    for text in ('[3,"x",{}]', '[4,"x","GenericError","",{}]', '[3,"x"]', "[4]"):
        station.send(text)

    assert station.tell("Heartbeat", {})["currentTime"]


def test_every_frame_is_kept_with_its_text(station: Station) -> None:
    station.tell("TransactionEvent", charging_of_five_events()[2])

    def kept() -> list[tuple[Any, ...]]:
        messages = StationMessage.objects.filter(action="TransactionEvent")
        return list(
            messages.order_by("received_at").values_list("direction", "message_type", "payload")
        )

    eventually(lambda: len(at(A, kept)) == 2)
    (way_in, call, sent), (way_out, result, answered) = at(A, kept)
    assert (way_in, call, way_out, result) == ("in", 2, "out", 3)
    assert '"value":4000.5' in sent
    assert answered == '[3,"m2",{}]'
    assert at(B, StationMessage.objects.count) == 0


# --- what we ask ---


def test_a_remote_start_and_stop_end_to_end(station: Station) -> None:
    started = at(A, lambda: remote_start(station_id=STATION_ID, id_token="APP-1", evse_id=1))

    _call, message_id, action, asked = station.receive()
    assert action == "RequestStartTransaction"
    assert asked == {
        "idToken": {"idToken": "APP-1", "type": "Central"},
        "remoteStartId": started.pk,
        "evseId": 1,
    }
    assert message_id == str(started.correlation_id)
    assert at(A, lambda: Command.objects.get().status) == CommandStatus.SENT
    station.send(f'[3,"{message_id}",{{"status":"Accepted"}}]')
    command = eventually(
        lambda: at(A, lambda: Command.objects.exclude(status=CommandStatus.SENT).first())
    )
    assert (command.status, command.answer) == (CommandStatus.ACCEPTED, {"status": "Accepted"})

    station.tell(
        "TransactionEvent",
        event(0, "Started", "2026-03-10T12:00:00Z", trigger="RemoteStart",
              remoteStartId=started.pk),
    )  # fmt: skip
    session = at(A, lambda: Session.objects.get())
    assert session.remote_start_id == started.pk

    stopped = at(A, lambda: remote_stop(session_id=session.pk))
    _call, message_id, action, asked = station.receive()
    assert (action, asked) == ("RequestStopTransaction", {"transactionId": "tx-1"})
    station.send(f'[3,"{message_id}",{{"status":"Rejected"}}]')
    eventually(
        lambda: at(A, lambda: Command.objects.get(pk=stopped.pk).status) == CommandStatus.REJECTED
    )
    assert at(B, Command.objects.count) == 0


def test_a_command_reaches_its_own_operators_station_only(csms: Csms, station: Station) -> None:
    other = csms.connect(B, STATION_ID, PASSWORD_B)
    other.tell("BootNotification", BOOT)

    at(B, lambda: remote_start(station_id=STATION_ID, id_token="APP-1"))

    assert other.receive()[2] == "RequestStartTransaction"
    with pytest.raises(TimeoutError):
        station.socket.recv(timeout=0.3)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ('[4,"{}","GenericError","not now",{{}}]', "failed", "GenericError: not now"),
        ('[4,"{}","Nonsense","?",{{}}]', "failed", "Error code 'Nonsense' is not defined"),
        ('[3,"{}",{{"status":"Perhaps"}}]', "failed", "FormatViolation"),
    ],
)
def test_a_bad_answer_fails_the_command(
    station: Station, answer: str, status: str, error: str
) -> None:
    at(A, lambda: remote_start(station_id=STATION_ID, id_token="APP-1"))
    message_id = station.receive()[1]

    station.send(answer.format(message_id))

    command = eventually(
        lambda: at(A, lambda: Command.objects.exclude(status__in=["queued", "sent"]).first())
    )
    assert command.status == status
    assert command.error.startswith(error)


def test_a_connection_lost_before_the_answer_fails_the_command(station: Station) -> None:
    at(A, lambda: remote_start(station_id=STATION_ID, id_token="APP-1"))
    station.receive()

    station.close()

    eventually(lambda: at(A, lambda: Command.objects.get().status) == CommandStatus.FAILED)
    assert at(A, lambda: Command.objects.get().error) == "The connection was lost."


def test_an_order_to_an_absent_station_fails_at_once(csms: Csms) -> None:
    command = at(A, lambda: remote_start(station_id=STATION_ID, id_token="APP-1"))

    assert (command.status, command.error) == ("failed", "The station is not connected.")


# --- the database goes away, another client, the address of a station ---


def test_an_event_waits_for_a_database_that_restarts(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OperationalError("the server is shutting down"), InterfaceError("closed")])

    def fails_twice(**event: Any) -> Session:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        return session_event_apply(**event)

    monkeypatch.setattr(charge_point, "session_event_apply", fails_twice)
    monkeypatch.setattr(charge_point, "_RETRY_DELAYS_S", (0.01, 0.01))

    assert station.tell("TransactionEvent", charging_of_five_events()[0]) == {}

    assert at(A, lambda: Session.objects.count()) == 1


def test_an_event_that_cannot_be_stored_is_told_so_and_comes_again(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_event: Any) -> Session:
        raise OperationalError("the server is gone: password=secret")

    monkeypatch.setattr(charge_point, "_RETRY_DELAYS_S", ())
    with monkeypatch.context() as patched:
        patched.setattr(charge_point, "session_event_apply", fails)
        answer = station.call("TransactionEvent", charging_of_five_events()[0])
    assert answer[0] == 4
    assert answer[2:4] == ["InternalError", "The message could not be processed."]

    assert station.tell("TransactionEvent", charging_of_five_events()[0]) == {}
    assert at(A, lambda: Session.objects.get().events_count) == 1


def test_the_ocpp_library_is_a_station_too(csms: Csms) -> None:
    class LibraryStation(ChargePoint):  # type: ignore[misc]
        pass

    async def visit() -> tuple[Any, Any]:
        async with connect(
            csms.address(A, STATION_ID),
            subprotocols=[Subprotocol("ocpp2.0.1")],
            additional_headers=basic(STATION_ID, PASSWORD_A),
            proxy=None,
        ) as socket:
            library = LibraryStation(STATION_ID, socket)
            reading = asyncio.create_task(library.start())
            boot = await library.call(
                call.BootNotification(
                    reason="PowerUp", charging_station={"model": "M", "vendor_name": "V"}
                ),
                suppress=False,
            )
            started = await library.call(
                call.TransactionEvent(
                    event_type="Started",
                    timestamp="2026-03-10T12:00:00Z",
                    trigger_reason="Authorized",
                    seq_no=0,
                    transaction_info={"transaction_id": "lib-1"},
                    id_token={"id_token": TOKEN, "type": "ISO14443"},
                ),
                suppress=False,
            )
            reading.cancel()
            return boot, started

    boot, started = asyncio.run(visit())

    assert (boot.status, boot.interval) == ("Accepted", 30)
    assert started.id_token_info == {"status": "Accepted"}
    assert at(A, lambda: Session.objects.get().transaction_id) == "lib-1"


def test_the_products_own_routes_serve_stations(live_operators: tuple[Operator, Operator]) -> None:
    at(A, lambda: station_register(station_id="X", password=PASSWORD_A, rated_power_kw=22.0))
    with serving(websocket) as csms:
        station = csms.connect(A, "X", PASSWORD_A)
        assert station.tell("BootNotification", BOOT)["status"] == "Accepted"
        for path in ("ocpp/guadeloupe", "ocpp/guadeloupe/X/more", "ocpp/"):
            with pytest.raises(InvalidStatus) as refused:
                csms.sockets.enter_context(open_socket(f"ws://127.0.0.1:{csms.port}/{path}"))
            assert refused.value.response.status_code == 404
