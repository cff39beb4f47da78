"""The lists that stations keep: whole, by difference, in parts, and after every kind of answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.chargers.choices import CommandStatus, LocalListStatus
from apps.chargers.models import ChargingStation, Command, DeviceVariable, IdToken, LocalList
from apps.chargers.services import (
    command_claim,
    command_finish,
    command_send,
    connection_open,
    token_register,
)
from apps.chargers.services.local_lists import RETRY_AFTER, local_lists_send
from apps.chargers.tasks import local_lists_send as task
from apps.tenants.context import operator_context
from cariflex.common.time import utc_now
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID, TOKEN
from tests.chargers.server import BOOT, A, B, Csms, at, eventually

MINUTE = timedelta(minutes=1)
Say = Callable[..., Command]


@pytest.fixture
def online(station: ChargingStation) -> ChargingStation:
    """CS-001 is connected and speaks 2.0.1."""
    connection_open(station_pk=station.pk, channel="a", now=utc_now())
    ChargingStation.objects.update(ocpp_version="2.0.1")
    station.refresh_from_db()
    return station


def sweep(after: timedelta = timedelta()) -> int:
    return local_lists_send(now=utc_now() + after)


def answer(**content: Any) -> Command:
    """The station answers the open order; the order that was answered."""
    command = Command.objects.get(status=CommandStatus.QUEUED)
    assert command_claim(command_id=command.pk, station_pk=command.station_id, now=utc_now())
    status = (
        CommandStatus.ACCEPTED if content.get("status", "Accepted") == "Accepted" else "rejected"
    )
    assert command_finish(
        command_id=command.pk, status=CommandStatus(status), answer=content, now=utc_now()
    )
    return command


def fail(error: str) -> None:
    command = Command.objects.get(status=CommandStatus.QUEUED)
    command_claim(command_id=command.pk, station_pk=command.station_id, now=utc_now())
    command_finish(command_id=command.pk, status=CommandStatus.FAILED, error=error, now=utc_now())


def the_list() -> LocalList:
    return LocalList.objects.get()


def state() -> tuple[str, int, int]:
    row = the_list()
    return row.status, row.version, row.confirmed_version


def entry(id_token: str, **changes: Any) -> dict[str, Any]:
    information = {"status": "Accepted", **changes}
    return {"idToken": {"idToken": id_token, "type": "ISO14443"}, "idTokenInfo": information}


def brought_up(*id_tokens: str) -> None:
    """The station holds version 1 with these tokens."""
    for id_token in id_tokens:
        token_register(id_token=id_token)
    sweep()
    answer(versionNumber=0)
    answer(status="Accepted")
    assert state() == (LocalListStatus.CURRENT, 1, 1)


def test_a_new_station_is_asked_for_its_version_and_gets_the_whole_list(
    online: ChargingStation,
) -> None:
    token_register(id_token="ONE", charging_priority=2)
    token_register(id_token="NOT-LISTED", is_in_local_lists=False)
    token_register(id_token="BLOCKED", status="Blocked")
    token_register(id_token="OVER", expires_at=utc_now() - MINUTE)
    token_register(id_token="EARLY", valid_from=utc_now() + timedelta(hours=1))

    assert sweep() == 1
    assert sweep() == 0
    assert answer(versionNumber=0).action == "GetLocalListVersion"
    sent = answer(status="Accepted")

    assert (sent.action, sent.payload) == (
        "SendLocalList",
        {
            "versionNumber": 1,
            "updateType": "Full",
            "localAuthorizationList": [entry("ONE", chargingPriority=2)],
        },
    )
    assert state() == (LocalListStatus.CURRENT, 1, 1)
    assert sweep() == 0


def test_a_station_without_tokens_is_sent_none(online: ChargingStation) -> None:
    sweep()
    answer(versionNumber=0)

    assert state() == (LocalListStatus.CURRENT, 0, 0)
    assert Command.objects.count() == 1


def test_a_change_is_sent_by_difference(online: ChargingStation) -> None:
    brought_up("ONE", "TWO", "THREE")
    IdToken.objects.filter(id_token="ONE").update(status="Blocked")
    token_register(id_token="TWO", charging_priority=1)
    token_register(id_token="FOUR")

    assert sweep() == 1
    sent = answer(status="Accepted")

    assert sent.payload == {
        "versionNumber": 2,
        "updateType": "Differential",
        "localAuthorizationList": [
            {"idToken": {"idToken": "ONE", "type": "ISO14443"}},
            entry("TWO", chargingPriority=1),
            entry("FOUR"),
        ],
    }
    assert state() == (LocalListStatus.CURRENT, 2, 2)
    assert set(the_list().entries) == {"TWO", "THREE", "FOUR"}


@pytest.mark.parametrize("variable", ["ItemsPerMessageSendLocalList", "ItemsPerMessage"])
def test_a_long_list_goes_in_parts(online: ChargingStation, variable: str) -> None:
    DeviceVariable.objects.create(
        station=online, component="LocalAuthListCtrlr", variable=variable, value="2",
        reported_at=utc_now(),
    )  # fmt: skip
    for number in range(5):
        token_register(id_token=f"T{number}")
    sweep()
    answer(versionNumber=0)

    parts = [answer(status="Accepted").payload for _ in range(3)]

    assert [(part["versionNumber"], part["updateType"]) for part in parts] == [
        (1, "Full"), (2, "Differential"), (3, "Differential"),
    ]  # fmt: skip
    assert [
        [one["idToken"]["idToken"] for one in part["localAuthorizationList"]] for part in parts
    ] == [["T0", "T1"], ["T2", "T3"], ["T4"]]
    assert state() == (LocalListStatus.CURRENT, 3, 3)


def test_a_version_mismatch_brings_the_whole_list(online: ChargingStation) -> None:
    brought_up("ONE")
    token_register(id_token="TWO")
    sweep()

    answer(status="VersionMismatch")
    sent = answer(status="Accepted")

    assert sent.payload == {
        "versionNumber": 3, "updateType": "Full",
        "localAuthorizationList": [entry("ONE"), entry("TWO")],
    }  # fmt: skip
    assert state() == (LocalListStatus.CURRENT, 3, 3)


def test_a_station_that_boots_with_another_version_gets_the_whole_list(
    online: ChargingStation,
) -> None:
    brought_up("ONE")
    ChargingStation.objects.update(booted_at=utc_now() + MINUTE)

    assert sweep(2 * MINUTE) == 1
    answer(versionNumber=7)
    sent = answer(status="Accepted")

    assert (sent.payload["versionNumber"], sent.payload["updateType"]) == (8, "Full")


def test_a_station_that_boots_with_its_list_is_left_alone(online: ChargingStation) -> None:
    brought_up("ONE")
    ChargingStation.objects.update(booted_at=utc_now() + MINUTE)

    sweep(2 * MINUTE)
    answer(versionNumber=1)

    assert state() == (LocalListStatus.CURRENT, 1, 1)
    assert Command.objects.count() == 3


def test_a_failed_list_is_sent_again_later_and_whole(online: ChargingStation) -> None:
    brought_up("ONE")
    token_register(id_token="TWO")
    sweep()

    answer(status="Failed")

    assert state() == (LocalListStatus.FAILED, 2, 1)
    assert sweep(RETRY_AFTER - MINUTE) == 0
    assert sweep(RETRY_AFTER + MINUTE) == 1
    assert answer(status="Accepted").payload["updateType"] == "Full"


@pytest.mark.parametrize("error", ["NotSupported: no", "NotImplemented: no"])
def test_a_station_that_keeps_no_list_is_not_asked_again(
    online: ChargingStation, error: str
) -> None:
    sweep()

    fail(error)

    assert the_list().status == LocalListStatus.UNSUPPORTED
    assert sweep(timedelta(days=1)) == 0


def test_a_lost_answer_is_a_failure(online: ChargingStation) -> None:
    sweep()

    fail("The connection was lost.")

    assert the_list().status == LocalListStatus.FAILED


def test_a_station_that_says_it_has_no_list_is_not_asked(online: ChargingStation) -> None:
    DeviceVariable.objects.create(
        station=online, component="LocalAuthListCtrlr", variable="Available", value="false",
        reported_at=utc_now(),
    )  # fmt: skip

    assert sweep() == 0
    assert the_list().status == LocalListStatus.UNSUPPORTED
    assert Command.objects.count() == 0


def test_a_list_sent_by_hand_is_replaced_by_ours(online: ChargingStation) -> None:
    brought_up("ONE")
    command_send(
        station_id=STATION_ID,
        action="SendLocalList",
        payload={"versionNumber": 1, "updateType": "Full"},
    )

    answer(status="Accepted")

    assert state() == (LocalListStatus.FAILED, 1, -1)
    assert sweep(RETRY_AFTER + MINUTE) == 1
    assert answer(status="Accepted").payload["updateType"] == "Full"


def test_a_1_6_station_gets_what_it_can_name(online: ChargingStation) -> None:
    ChargingStation.objects.update(ocpp_version="1.6")
    token_register(id_token="ONE")
    token_register(id_token="X" * 21)
    sweep()

    answer(listVersion=0)
    sent = answer(status="Accepted")

    assert sent.payload == {
        "listVersion": 1, "updateType": "Full",
        "localAuthorizationList": [{"idTag": "ONE", "idTagInfo": {"status": "Accepted"}}],
    }  # fmt: skip
    assert state() == (LocalListStatus.CURRENT, 1, 1)
    assert sweep() == 0


@pytest.mark.parametrize("content", [{"listVersion": -1}, {"status": "NotSupported"}])
def test_a_1_6_station_without_lists_says_so(
    online: ChargingStation, content: dict[str, Any]
) -> None:
    ChargingStation.objects.update(ocpp_version="1.6")
    token_register(id_token="ONE")
    sweep()
    if "status" in content:
        answer(listVersion=0)

    answer(**content)

    assert the_list().status == LocalListStatus.UNSUPPORTED


def test_an_absent_station_waits(station: ChargingStation) -> None:
    token_register(id_token="ONE")

    assert sweep() == 0
    assert LocalList.objects.count() == 0


def test_the_task_sends_each_operators_tokens_to_its_own_station(csms: Csms) -> None:
    stations = {}
    for operator, password in ((A, PASSWORD_A), (B, PASSWORD_B)):
        stations[operator] = csms.connect(operator, STATION_ID, password)
        stations[operator].tell("BootNotification", BOOT)
    at(A, lambda: token_register(id_token="ONLY-A"))

    with operator_context(A):
        task()

    station = stations[A]
    _call, message_id, action, _payload = station.receive()
    assert action == "GetLocalListVersion"
    station.send(f'[3,"{message_id}",{{"versionNumber":0}}]')
    _call, message_id, action, payload = station.receive()
    assert action == "SendLocalList"
    assert payload["localAuthorizationList"] == [entry(TOKEN), entry("ONLY-A")]
    station.send(f'[3,"{message_id}",{{"status":"Accepted"}}]')
    eventually(lambda: at(A, lambda: the_list().status) == LocalListStatus.CURRENT)
    assert at(B, LocalList.objects.count) == at(B, Command.objects.count) == 0

    with operator_context(B):
        task()

    assert stations[B].receive()[2] == "GetLocalListVersion"
    assert at(A, lambda: Command.objects.count()) == 2
