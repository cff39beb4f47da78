"""Orders through CitrineOS's message API, and answers at the address that we gave."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client

from apps.chargers.choices import BackEnd, CommandStatus, ConnectionState, MessageDirection
from apps.chargers.csms.citrineos import carrier, tasks
from apps.chargers.csms.citrineos.endpoints import message_path
from apps.chargers.csms.citrineos.orders import order_run
from apps.chargers.csms.port import csms
from apps.chargers.models import (
    ChargingStation,
    CitrineAccount,
    Command,
    IdToken,
    Session,
    StationMessage,
)
from apps.chargers.ocpp import actions
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import command_send, station_register
from apps.chargers.services.citrineos import (
    back_end_choose,
    number_asked,
    number_given,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.citrineos.conftest import STATION_ID, station_add
from tests.contracts.citrineos_fake import CitrineFake
from tests.contracts.fake_server import Answer

pytestmark = pytest.mark.usefixtures("online")


@pytest.fixture
def online(station: ChargingStation, fake: CitrineFake) -> None:
    ChargingStation.objects.filter(pk=station.pk).update(
        connection_state=ConnectionState.ONLINE, ocpp_version="2.0.1"
    )
    fake.connect(STATION_ID)


def ordered(action: str = "Reset", payload: dict[str, Any] | None = None) -> Command:
    """An order that a worker has passed on."""
    command = command_send(
        station_id=STATION_ID,
        action=action,
        payload={"type": "OnIdle"} if payload is None else payload,
    )
    order_run(station_pk=command.station_id, command_id=command.pk)
    command.refresh_from_db()
    return command


def answered(
    fake: CitrineFake, answer: Any, *, host: str = "guadeloupe.localhost", change: str = ""
) -> int:
    """CitrineOS posts the station's answer."""
    path = urlsplit(fake.orders[-1]["callback"]).path
    client = Client(headers={"host": host})
    reply = client.post(path[: -len(change) - 1] + change + "/" if change else path, answer,
                        content_type="application/json")  # fmt: skip
    connection.set_schema("guadeloupe")
    return reply.status_code


def test_an_order_is_posted_and_ends_by_the_answer(fake: CitrineFake) -> None:
    command = ordered()

    assert command.status == CommandStatus.SENT
    (order,) = fake.orders
    assert order["path"] == "/ocpp/2.0.1/configuration/reset"
    assert order["payload"] == {"type": "OnIdle"}
    assert order["callback"].startswith("https://guadeloupe.localhost/citrineos/answers/")

    assert answered(fake, {"status": "Scheduled"}) == 204

    command.refresh_from_db()
    assert (command.status, command.answer) == (CommandStatus.ACCEPTED, {"status": "Scheduled"})
    assert list(StationMessage.objects.order_by("pk").values_list("direction", flat=True)) == [
        MessageDirection.OUT, MessageDirection.IN,
    ]  # fmt: skip
    # It is good once.
    assert answered(fake, {"status": "Rejected"}) == 410
    command.refresh_from_db()
    assert command.status == CommandStatus.ACCEPTED


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ({"status": "Rejected"}, CommandStatus.REJECTED, ""),
        (
            {"_messageId": "m", "_errorCode": "NotSupported", "_errorDetails": {}},
            CommandStatus.FAILED,
            "NotSupported",
        ),
        ({"status": "Perhaps"}, CommandStatus.FAILED, "PropertyConstraintViolation"),
    ],
)
def test_what_the_answer_says_is_how_the_order_ends(
    fake: CitrineFake, answer: dict[str, Any], status: str, error: str
) -> None:
    command = ordered()

    assert answered(fake, answer) == 204

    command.refresh_from_db()
    assert command.status == status
    assert command.error.startswith(error)


@pytest.mark.parametrize(
    ("words", "body", "status"),
    [
        ({"change": "0000"}, {"status": "Accepted"}, 404),
        ({"host": "martinique.localhost"}, {"status": "Accepted"}, 404),
        ({}, "no JSON", 400),
        ({}, ["Accepted"], 400),
        ({}, {"status": "A" * 600_000}, 413),
    ],
)
def test_an_answer_that_is_not_citrineos_s_ends_nothing(
    fake: CitrineFake, operator_b: Operator, words: dict[str, str], body: Any, status: int
) -> None:
    command = ordered()

    assert answered(fake, body, **words) == status

    command.refresh_from_db()
    assert command.status == CommandStatus.SENT


def test_a_station_that_citrineos_does_not_hold_fails_the_order(fake: CitrineFake) -> None:
    fake.stations.clear()

    command = ordered()

    assert command.status == CommandStatus.FAILED
    assert "No connection found" in command.error


@pytest.mark.parametrize(
    ("forced", "status", "error"),
    [
        (Answer.of({"message": "body/type must be ..."}, status=400), "failed", "must be"),
        (Answer(status=500), "failed", "HTTP 500"),
        # It may have reached the station, whose answer would still come.
        (Answer.of({"success": True}), "sent", ""),
        (Answer(body=b"[{", close=True), "sent", ""),
    ],
)
def test_what_citrineos_answers_badly(
    fake: CitrineFake, forced: Answer, status: str, error: str
) -> None:
    fake.forced = forced

    command = ordered()

    assert command.status == status
    assert error in command.error


def test_a_server_that_is_down_fails_the_order_at_once(account: CitrineAccount) -> None:
    CitrineAccount.objects.update(rest_url="http://127.0.0.1:9")

    command = ordered()

    assert (command.status, "cannot be reached" in command.error) == (CommandStatus.FAILED, True)


def test_an_action_that_it_does_not_pass_on_fails_with_the_reason(fake: CitrineFake) -> None:
    ChargingStation.objects.update(ocpp_version="1.6")

    command = ordered("GetLocalListVersion", {})

    assert command.status == CommandStatus.FAILED
    assert "GetLocalListVersion" in command.error
    assert not fake.orders


def test_an_order_of_1_6_names_the_transaction_by_its_number_there(
    fake: CitrineFake, station: ChargingStation
) -> None:
    ChargingStation.objects.update(ocpp_version="1.6")
    now = utc_now()
    session = Session.objects.create(
        station=station, transaction_id="16-x", started_at=now, is_numbered=False
    )

    early = ordered("RemoteStopTransaction", {"transactionId": session.pk})
    number_asked(station_pk=station.pk, correlation_id="m", session_pk=session.pk, at=now)
    number_given(station_pk=station.pk, correlation_id="m", number=4711)
    late = ordered("RemoteStopTransaction", {"transactionId": session.pk})

    assert (early.status, late.status) == (CommandStatus.FAILED, CommandStatus.SENT)
    assert [order["payload"] for order in fake.orders] == [{"transactionId": 4711}]


def test_an_order_is_handed_to_a_worker_once_it_is_committed(
    station: ChargingStation,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        tasks.citrineos_order, "apply_async", lambda args, **words: sent.append((args, words))
    )

    with django_capture_on_commit_callbacks(execute=True):
        command = command_send(station_id=STATION_ID, action="Reset", payload={"type": "OnIdle"})

    assert sent == [
        ((station.pk, command.pk), {"headers": {"operator": "guadeloupe"}, "expires": 30.0})
    ]
    assert isinstance(csms(BackEnd.CITRINEOS), carrier.CitrineCarrier)


def test_stations_are_given_to_one_back_end_or_the_other(
    account: CitrineAccount, station: ChargingStation, fake: CitrineFake
) -> None:
    ChargingStation.objects.update(connection_channel="citrineos")
    other = station_register(station_id="NAT-001", rated_power_kw=7.0)
    assert other.csms == BackEnd.NATIVE

    assert back_end_choose(back_end=BackEnd.NATIVE) == 1
    assert back_end_choose(back_end=BackEnd.CITRINEOS, station_pks=[other.pk]) == 1

    assert dict(ChargingStation.objects.values_list("station_id", "csms")) == {
        STATION_ID: "native", "NAT-001": "citrineos",
    }  # fmt: skip
    station.refresh_from_db()
    assert not station.is_online
    CitrineAccount.objects.update(serves_new_stations=True)
    assert station_register(station_id="NEW-1", rated_power_kw=7.0).csms == BackEnd.CITRINEOS
    tasks.citrineos_end(station.pk)
    assert fake.ended == [STATION_ID]


def test_without_a_server_no_station_is_given_away(
    operator_a: Operator, operator_b: Operator
) -> None:
    with operator_context("martinique"), pytest.raises(DomainError, match="active"):
        back_end_choose(back_end=BackEnd.CITRINEOS)


def test_each_address_is_one_of_an_order_to_stations() -> None:
    for version in (OcppVersion.V16, OcppVersion.V201):
        known = {a for a in actions.to_stations(version) if message_path(version, a)}
        assert len(known) == {OcppVersion.V16: 15, OcppVersion.V201: 40}[version]
    assert message_path(OcppVersion.V21, "Reset") is None


def test_stations_and_tokens_are_made_known_once(
    account: CitrineAccount, fake: CitrineFake, operator_b: Operator
) -> None:
    fake.stations.clear()
    station_add("CIT-002")
    fake.connect("CIT-002", tenant_id=9)
    taken = {"idToken": "0badcafe", "idTokenType": "ISO14443", "status": "Accepted"}
    fake.authorizations.append({"id": 1, "tenantId": 9, "cacheExpiryDateTime": None, **taken})
    for name, status in (
        ("04A2B3C4", "Accepted"),
        ("0BADCAFE", "Accepted"),
        ("11223344", "Blocked"),
    ):
        IdToken.objects.create(id_token=name, status=status)

    tasks.citrineos_provision()
    tasks.citrineos_provision()

    assert {name: row["tenantId"] for name, row in fake.stations.items()} == {
        STATION_ID: 1, "CIT-002": 9,
    }  # fmt: skip
    ours = [row for row in fake.authorizations if row["tenantId"] == 1]
    assert [(row["idToken"], row["status"]) for row in ours] == [
        ("04A2B3C4", "Accepted"),
        ("11223344", "Blocked"),
    ]
    account.cursor.refresh_from_db()
    assert account.cursor.trouble.startswith("2 belong to another tenant: CIT-002")
    assert "0BADCAFE" not in account.cursor.trouble

    IdToken.objects.filter(id_token="04A2B3C4").update(status="Blocked")
    tasks.citrineos_provision()
    assert fake.authorizations[1]["status"] == "Blocked"
