"""What we ask of stations, end to end, and what happens when the database is away."""

import asyncio
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from ocpp.v201 import ChargePoint, call
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as open_socket
from websockets.typing import Subprotocol

from apps.chargers.choices import CommandStatus
from apps.chargers.csms.native import event_writer, link
from apps.chargers.csms.native.carrier import ChannelCarrier
from apps.chargers.models import (
    Command,
    CommandBatch,
    Session,
)
from apps.chargers.selectors import BatchProgress, batch_progress
from apps.chargers.services import (
    events_apply,
    remote_start,
    remote_stop,
    station_register,
)
from apps.chargers.services.command_batches import batch_start
from apps.chargers.tasks import command_batch_run
from apps.tenants.models import Operator
from apps.tenants.tasking import OperatorTask
from cariflex.routing import websocket
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID, TOKEN
from tests.chargers.events import charging_of_five_events, event
from tests.chargers.server import BOOT, A, B, Csms, Station, at, basic, eventually, serving


@pytest.fixture
def station(csms: Csms) -> Station:
    """CS-001 of Guadeloupe, connected and booted."""
    station = csms.connect(A, STATION_ID, PASSWORD_A)
    assert station.tell("BootNotification", BOOT)["status"] == "Accepted"
    return station


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
        ('[4,"{}","Nonsense","?",{{}}]', "failed", "Nonsense: ?"),
        ('[3,"{}",{{"status":"Perhaps"}}]', "failed", "PropertyConstraintViolation"),
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


def test_a_bulk_order_reaches_every_socket_and_gathers_the_answers(csms: Csms) -> None:
    statuses = {"BULK-1": "Accepted", "BULK-2": "Rejected", "BULK-3": "Accepted"}
    sockets = {}
    for name in statuses:
        for schema in (A, B):
            at(
                schema,
                partial(
                    station_register, station_id=name, password=PASSWORD_A, rated_power_kw=22.0
                ),
            )
        sockets[name] = csms.connect(A, name, PASSWORD_A)
        sockets[name].tell("BootNotification", BOOT)
    stranger = csms.connect(B, "BULK-1", PASSWORD_A)
    stranger.tell("BootNotification", BOOT)

    batch = at(
        A,
        lambda: batch_start(
            action="ClearCache", payload={}, station_ids=[*statuses, STATION_ID], reason="new list"
        ),
    )
    at(A, lambda: command_batch_run(batch.pk))
    for name, status in statuses.items():
        _call, message_id, action, asked = sockets[name].receive()
        assert (action, asked) == ("ClearCache", {})
        sockets[name].send(f'[3,"{message_id}",{{"status":"{status}"}}]')

    def progress() -> BatchProgress | None:
        found = at(A, lambda: batch_progress(batch_id=batch.pk))
        return found if found is not None and found.is_ended else None

    ended = eventually(progress)
    assert ended is not None
    assert (ended.stations, ended.accepted, ended.rejected, ended.failed) == (4, 2, 1, 1)
    with pytest.raises(TimeoutError):
        stranger.socket.recv(timeout=0.2)
    assert at(B, Command.objects.count) == 0


def test_an_order_survives_a_broker_that_is_down(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object, **_kwargs: object) -> None:
        raise ConnectionError("the broker is down")

    monkeypatch.setattr(ChannelCarrier, "command_deliver", fails)
    monkeypatch.setattr(OperatorTask, "apply_async", fails)

    command = at(A, lambda: remote_start(station_id=STATION_ID, id_token="APP-1"))
    batch = at(A, lambda: batch_start(action="ClearCache", payload={}, station_ids=None))

    assert at(A, lambda: Command.objects.get(pk=command.pk).status) == CommandStatus.QUEUED
    assert at(A, lambda: CommandBatch.objects.get(pk=batch.pk).waiting) == [command.station_id]


# --- the database goes away, another client, the address of a station ---


def test_an_event_waits_for_a_database_that_restarts(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OperationalError("the server is shutting down"), InterfaceError("closed")])

    def fails_twice(arrivals: Any) -> Any:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        return events_apply(arrivals)

    monkeypatch.setattr(event_writer, "events_apply", fails_twice)
    monkeypatch.setattr(link, "_RETRY_DELAYS_S", (0.01, 0.01))

    assert station.tell("TransactionEvent", charging_of_five_events()[0]) == {}

    assert at(A, lambda: Session.objects.count()) == 1


def test_an_event_that_cannot_be_stored_is_told_so_and_comes_again(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_arrivals: Any) -> Any:
        raise OperationalError("the server is gone: password=secret")

    monkeypatch.setattr(link, "_RETRY_DELAYS_S", ())
    with monkeypatch.context() as patched:
        patched.setattr(event_writer, "events_apply", fails)
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
    with serving(websocket) as server, closing(Csms(server)) as csms:
        station = csms.connect(A, "X", PASSWORD_A)
        assert station.tell("BootNotification", BOOT)["status"] == "Accepted"
        for path in ("ocpp/guadeloupe", "ocpp/guadeloupe/X/more", "ocpp/"):
            with pytest.raises(InvalidStatus) as refused:
                csms.sockets.enter_context(open_socket(f"ws://127.0.0.1:{csms.port}/{path}"))
            assert refused.value.response.status_code == 404
