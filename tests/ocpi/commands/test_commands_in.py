"""Partners command our stations: the first answer, the station's order, the one result."""

from datetime import timedelta
from typing import Any

import pytest

from apps.chargers.models import ChargingStation, Command, Reservation, Session
from apps.chargers.services.reservations import reservation_cancel
from apps.ocpi.models import RemoteCommand, RoamingSession
from apps.ocpi.selectors.remote_commands import recent, short_tag
from apps.ocpi.services.remote_results import commands_in_sweep
from apps.outbox.models import OutboxMessage
from cariflex.common.time import format_rfc3339, utc_now
from tests.chargers.conftest import STATION_ID
from tests.chargers.events import event
from tests.chargers.server import A, Station, at, eventually
from tests.chargers.v16.messages import start as start_16
from tests.ocpi.commands.conftest import OLD_STATION, UID, Provider, answer, ended

ACCEPTED = {"result": "ACCEPTED", "timeout": 120}


def sweep(**later: float) -> int:
    return at(A, lambda: commands_in_sweep(now=utc_now() + timedelta(**later)))


def begin(station: Station, provider: Provider, uid: str = UID, **fields: Any) -> Session:
    """A session that the provider's START_SESSION brings about."""
    reply = provider.start(uid, **fields)
    assert reply.data == ACCEPTED
    request = answer(station, "RequestStartTransaction", {"status": "Accepted"})
    now = format_rfc3339(utc_now())
    station.tell(
        "TransactionEvent",
        event(
            0, "Started", now, trigger="RemoteStart", id_token=uid, evse_id=1,
            remoteStartId=request["remoteStartId"], chargingState="Charging",
        ),
    )  # fmt: skip
    sweep()
    session = at(A, lambda: Session.objects.order_by("-pk").first())
    assert session is not None
    return session


# --- START_SESSION ---


def test_a_start_is_ordered_of_the_station_and_its_answer_sent_once(
    station: Station, provider: Provider
) -> None:
    url = provider.response_url("START_SESSION", "only-one")

    reply = provider.start(response_url=url, authorization_reference="REF-1")
    request = answer(station, "RequestStartTransaction", {"status": "Accepted"})
    row = ended("START_SESSION")

    assert (reply.http, reply.status_code, reply.data) == (200, 1000, ACCEPTED)
    assert request["idToken"] == {"idToken": UID, "type": "Central"}
    assert request["evseId"] == 1
    assert provider.results() == [("START_SESSION", "ACCEPTED")]
    assert provider.deliver() == 0
    sent = provider.platform.requests[-1]
    assert sent.path.endswith("/sender/commands/START_SESSION/only-one")
    assert sent.headers["x-correlation-id"] == row.correlation_id
    assert sent.headers["ocpi-from-party-id"] == "CFX"
    assert sent.headers["ocpi-to-party-id"] == "ABC"
    assert sweep(hours=1) == 0
    assert len(provider.results()) == 1


def test_its_session_is_the_providers_by_command_and_reference(
    station: Station, provider: Provider
) -> None:
    session = begin(station, provider, authorization_reference="REF-1")

    roaming = at(A, lambda: RoamingSession.objects.get(session=session))
    assert (roaming.partner_id, roaming.auth_method) == (provider.partner.pk, "COMMAND")
    assert roaming.authorization_reference == "REF-1"
    assert roaming.token == {
        "country_code": "FR", "party_id": "ABC", "uid": UID, "type": "APP_USER",
        "contract_id": "FR-ABC-C12345678-V",
    }  # fmt: skip
    row = at(A, lambda: RemoteCommand.objects.get())
    assert row.session_id == session.pk


def test_the_station_may_ask_about_the_token_within_15_minutes(
    station: Station, provider: Provider
) -> None:
    provider.start()
    answer(station, "RequestStartTransaction", {"status": "Accepted"})
    now = utc_now()

    def found(**changes: Any) -> RemoteCommand | None:
        asked = {
            "token_uid": UID.lower(), "location_id": STATION_ID, "evse_uid": "cs-001-1", "now": now,
        }  # fmt: skip
        return at(A, lambda: recent(**{**asked, **changes}))

    assert found() is not None
    assert found(evse_uid="") is not None
    assert found(now=now + timedelta(minutes=14)) is not None
    assert found(now=now + timedelta(minutes=16)) is None
    assert found(token_uid="OTHER") is None
    assert found(location_id="CS-002") is None
    assert found(evse_uid="CS-001-2") is None


@pytest.mark.parametrize(
    ("connector", "result"), [("Available", "REJECTED"), ("Faulted", "EVSE_INOPERATIVE")]
)
def test_a_start_that_the_station_refuses_says_why_as_far_as_that_is_known(
    station: Station, provider: Provider, connector: str, result: str
) -> None:
    station.tell(
        "StatusNotification",
        {
            "timestamp": format_rfc3339(utc_now()), "connectorStatus": connector, "evseId": 1,
            "connectorId": 1,
        },
    )  # fmt: skip

    provider.start()
    answer(station, "RequestStartTransaction", {"status": "Rejected"})

    assert ended("START_SESSION").result == result
    assert provider.results() == [("START_SESSION", result)]


def test_a_start_where_somebody_charges_ends_as_occupied(
    station: Station, provider: Provider
) -> None:
    begin(station, provider)
    provider.start("04FFFFFFFF")
    answer(station, "RequestStartTransaction", {"status": "Rejected"})

    assert ended("START_SESSION").result == "EVSE_OCCUPIED"
    assert provider.results() == [
        ("START_SESSION", "ACCEPTED"), ("START_SESSION", "EVSE_OCCUPIED"),
    ]  # fmt: skip


def test_a_start_without_evse_leaves_the_choice_to_the_station(
    station: Station, provider: Provider
) -> None:
    assert provider.start(evse_uid=None).data == ACCEPTED

    assert "evseId" not in answer(station, "RequestStartTransaction", {"status": "Accepted"})


@pytest.mark.parametrize(
    "place",
    [
        {"location_id": "NOWHERE", "evse_uid": None},
        {"evse_uid": "CS-001-9"},
        {"evse_uid": "CS-001-1", "connector_id": "7"},
        {"evse_uid": None, "connector_id": "1"},
    ],
)
def test_an_unknown_place_is_2003_with_rejected(
    station: Station, provider: Provider, place: dict[str, Any]
) -> None:
    reply = provider.start(**place)

    assert (reply.http, reply.status_code) == (200, 2003)
    assert (reply.data["result"], reply.data["timeout"]) == ("REJECTED", 0)
    assert at(A, Command.objects.count) == 0
    assert provider.results() == []


def test_a_token_of_another_party_is_rejected(station: Station, provider: Provider) -> None:
    token = {**provider.token(), "country_code": "DE", "party_id": "XYZ"}

    assert provider.start(token=token).data["result"] == "REJECTED"

    assert at(A, Command.objects.count) == 0


def test_a_token_that_nobody_knows_or_that_is_not_valid_is_the_providers_affair(
    station: Station, provider: Provider
) -> None:
    reply = provider.start(token={**provider.token("NEVERSEEN"), "valid": False})

    assert reply.data == ACCEPTED
    request = answer(station, "RequestStartTransaction", {"status": "Accepted"})
    assert request["idToken"]["idToken"] == "NEVERSEEN"


def test_a_station_that_is_away_is_rejected_at_once_and_gets_no_result(
    provider: Provider, station: Station
) -> None:
    station.close()
    eventually(lambda: not at(A, lambda: ChargingStation.objects.get(pk=1).is_online))

    reply = provider.start()

    assert reply.data["result"] == "REJECTED"
    assert reply.data["message"] == [{"language": "en", "text": "The station is not connected."}]
    assert sweep(hours=1) == 0
    assert provider.results() == []


def test_the_same_command_again_orders_nothing(station: Station, provider: Provider) -> None:
    url = provider.response_url("START_SESSION", "twice")
    same = {"response_url": url, "headers": {"X-Correlation-ID": "one-and-the-same"}}
    first = provider.start(**same)
    again = provider.start(**same)
    answer(station, "RequestStartTransaction", {"status": "Accepted"})
    ended("START_SESSION")
    late = provider.start(**same)

    assert first.data == again.data == late.data == ACCEPTED
    assert at(A, Command.objects.count) == at(A, RemoteCommand.objects.count) == 1
    assert provider.results() == [("START_SESSION", "ACCEPTED")]
    other = {**same, "headers": {"X-Correlation-ID": "another"}}
    assert provider.start(**other).data == ACCEPTED
    assert at(A, Command.objects.count) == 2


def test_no_answer_of_the_station_in_time_is_a_timeout_and_a_late_one_is_nothing(
    station: Station, provider: Provider
) -> None:
    provider.start()
    frame = station.receive()

    assert sweep(seconds=90) == 0
    assert sweep(seconds=101) == 1
    assert sweep(seconds=102) == 0
    station.send(f'[3,"{frame[1]}",{{"status":"Accepted"}}]')
    eventually(lambda: at(A, lambda: Command.objects.get().status) == "accepted")

    assert provider.results() == [("START_SESSION", "TIMEOUT")]


def test_a_result_that_nobody_took_waits_in_the_outbox(
    station: Station, provider: Provider
) -> None:
    provider.start()
    answer(station, "RequestStartTransaction", {"status": "Accepted"})
    ended("START_SESSION")
    provider.platform.fault.status, provider.platform.fault.times = 503, 1

    assert provider.deliver() == 0
    at(A, lambda: OutboxMessage.objects.update(next_attempt_at=utc_now()))

    assert provider.deliver() == 1
    assert provider.results() == [("START_SESSION", "ACCEPTED")]


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/results",
        "http://169.254.169.254/latest",
        "http://192.168.1.4:8000/x",
        "https://user:secret@8.8.8.8/x",
        "http://8.8.8.8/plain",
    ],
)
def test_an_address_that_we_do_not_call_is_refused_when_it_comes(
    station: Station, provider: Provider, url: str
) -> None:
    reply = provider.start(response_url=url)

    assert (reply.http, reply.status_code) == (200, 2001)
    assert "response_url" in reply.envelope["status_message"]
    assert at(A, RemoteCommand.objects.count) == 0


@pytest.mark.parametrize("missing", ["response_url", "token", "location_id"])
def test_a_command_without_what_it_needs_names_it(
    station: Station, provider: Provider, missing: str
) -> None:
    body = {
        "response_url": provider.response_url("START_SESSION"), "token": provider.token(),
        "location_id": STATION_ID,
    }  # fmt: skip
    del body[missing]
    url = f"{provider.platform.ours('commands', 'RECEIVER')}/START_SESSION"

    reply = provider.platform.call("POST", url, body)

    assert (reply.http, reply.status_code) == (200, 2002)
    assert missing in reply.envelope["status_message"]


def test_a_command_that_there_is_not_is_nowhere(station: Station, provider: Provider) -> None:
    assert provider.command("SELF_DESTRUCT").http == 404


# --- STOP_SESSION ---


def test_a_provider_stops_the_session_of_its_customer(station: Station, provider: Provider) -> None:
    session = begin(station, provider)

    reply = provider.command("STOP_SESSION", session_id=str(session.pk))
    request = answer(station, "RequestStopTransaction", {"status": "Accepted"})
    ended("STOP_SESSION")

    assert reply.data == ACCEPTED
    assert request == {"transactionId": session.transaction_id}
    assert provider.results()[-1] == ("STOP_SESSION", "ACCEPTED")


def test_sessions_of_others_are_not_stopped(
    station: Station, provider: Provider, stranger: Provider
) -> None:
    session = begin(station, provider)

    theirs = stranger.command("STOP_SESSION", session_id=str(session.pk))
    nobodys = stranger.command("STOP_SESSION", session_id="4711")
    nonsense = stranger.command("STOP_SESSION", session_id="abc")

    assert theirs.data["result"] == "REJECTED"
    assert nobodys.data["result"] == nonsense.data["result"] == "UNKNOWN_SESSION"
    assert at(A, lambda: Command.objects.filter(action="RequestStopTransaction").count()) == 0


# --- reservations ---


def test_a_place_is_reserved_changed_and_given_back_under_our_own_number(
    station: Station, provider: Provider
) -> None:
    assert provider.reserve("RES-77").data == ACCEPTED
    first = answer(station, "ReserveNow", {"status": "Accepted"})
    ended("RESERVE_NOW")
    reservation = at(A, Reservation.objects.get)
    assert provider.reserve("res-77", evse_uid="CS-001-2").data == ACCEPTED
    second = answer(station, "ReserveNow", {"status": "Accepted"})
    eventually(lambda: at(A, lambda: Reservation.objects.get().evse_number) == 2)
    assert provider.command("CANCEL_RESERVATION", reservation_id="RES-77").data == ACCEPTED
    third = answer(station, "CancelReservation", {"status": "Accepted"})
    ended("CANCEL_RESERVATION")

    assert (first["id"], first["evseId"]) == (reservation.pk, 1)
    assert (second["id"], second["evseId"]) == (reservation.pk, 2)
    assert third == {"reservationId": reservation.pk}
    assert at(A, lambda: Reservation.objects.get().status) == "cancelled"
    sweep()
    assert provider.results() == [
        ("RESERVE_NOW", "ACCEPTED"), ("RESERVE_NOW", "ACCEPTED"),
        ("CANCEL_RESERVATION", "ACCEPTED"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("Occupied", "EVSE_OCCUPIED"), ("Faulted", "EVSE_INOPERATIVE"),
        ("Unavailable", "EVSE_INOPERATIVE"), ("Rejected", "REJECTED"),
    ],
)  # fmt: skip
def test_a_station_says_why_it_keeps_no_place(
    station: Station, provider: Provider, status: str, result: str
) -> None:
    provider.reserve("R1")
    answer(station, "ReserveNow", {"status": status})

    assert ended("RESERVE_NOW").result == result


def test_nobody_changes_or_cancels_the_reservation_of_another(
    station: Station, provider: Provider, stranger: Provider
) -> None:
    provider.reserve("R1")
    answer(station, "ReserveNow", {"status": "Accepted"})
    ended("RESERVE_NOW")

    cancelled = stranger.command("CANCEL_RESERVATION", reservation_id="R1")
    taken = stranger.reserve("R1")

    assert cancelled.data["result"] == taken.data["result"] == "REJECTED"
    assert at(A, lambda: Reservation.objects.get().status) == "accepted"
    # Their own R1, elsewhere, is another reservation.
    assert stranger.reserve("R1", evse_uid="CS-001-2").data == ACCEPTED
    assert answer(station, "ReserveNow", {"status": "Accepted"})["id"] == 2


def test_a_reservation_that_the_station_has_forgotten_is_unknown(
    station: Station, provider: Provider
) -> None:
    provider.reserve("R1")
    answer(station, "ReserveNow", {"status": "Accepted"})
    ended("RESERVE_NOW")
    provider.command("CANCEL_RESERVATION", reservation_id="R1")
    answer(station, "CancelReservation", {"status": "Rejected"})

    assert ended("CANCEL_RESERVATION").result == "UNKNOWN_RESERVATION"


def test_a_place_that_we_take_back_is_told_at_the_address_of_its_reservation(
    station: Station, provider: Provider
) -> None:
    url = provider.response_url("RESERVE_NOW", "mine")
    provider.reserve("R1", response_url=url)
    answer(station, "ReserveNow", {"status": "Accepted"})
    ended("RESERVE_NOW")
    at(A, lambda: reservation_cancel(reservation_id=1))
    answer(station, "CancelReservation", {"status": "Accepted"})
    eventually(lambda: at(A, lambda: Reservation.objects.get().status) == "cancelled")

    assert sweep() == 1
    assert sweep() == 0
    assert provider.results() == [
        ("RESERVE_NOW", "ACCEPTED"), ("RESERVE_NOW", "CANCELED_RESERVATION"),
    ]  # fmt: skip
    assert provider.platform.requests[-1].path.endswith("/RESERVE_NOW/mine")


# --- UNLOCK_CONNECTOR ---


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("Unlocked", "ACCEPTED"), ("UnlockFailed", "FAILED"),
        ("OngoingAuthorizedTransaction", "REJECTED"),
    ],
)  # fmt: skip
def test_a_connector_is_unlocked(
    station: Station, provider: Provider, status: str, result: str
) -> None:
    place = {"location_id": STATION_ID, "evse_uid": "CS-001-1", "connector_id": "1"}

    assert provider.command("UNLOCK_CONNECTOR", **place).data == ACCEPTED
    assert answer(station, "UnlockConnector", {"status": status}) == {
        "evseId": 1, "connectorId": 1,
    }  # fmt: skip

    assert ended("UNLOCK_CONNECTOR").result == result


def test_a_connector_is_not_unlocked_while_another_providers_car_charges(
    station: Station, provider: Provider, stranger: Provider
) -> None:
    begin(station, provider)
    place = {"location_id": STATION_ID, "evse_uid": "CS-001-1", "connector_id": "1"}

    assert stranger.command("UNLOCK_CONNECTOR", **place).data["result"] == "REJECTED"
    assert provider.command("UNLOCK_CONNECTOR", **place).data == ACCEPTED


# --- 1.6 ---


def test_a_1_6_station_starts_for_the_long_name_of_an_app(
    old_station: Station, provider: Provider
) -> None:
    uid = "4f3c2a10-8e1d-4d3b-9a54-7c6b5a493827"
    place = {"location_id": OLD_STATION, "evse_uid": "CS-016-1"}

    assert provider.start(uid, **place).data == ACCEPTED
    request = answer(old_station, "RemoteStartTransaction", {"status": "Accepted"})
    ended("START_SESSION")
    tag = request["idTag"]
    asked = old_station.tell("Authorize", {"idTag": tag})
    begun = old_station.tell("StartTransaction", start_16(tag=tag, at=format_rfc3339(utc_now())))
    sweep()

    assert tag == short_tag(uid)
    assert len(tag) == 20
    assert asked["idTagInfo"]["status"] == begun["idTagInfo"]["status"] == "Accepted"
    roaming = at(A, RoamingSession.objects.get)
    assert (roaming.session_id, roaming.token["uid"]) == (begun["transactionId"], uid)
    stop = provider.command("STOP_SESSION", session_id=str(roaming.session_id))
    assert stop.data == ACCEPTED
    assert answer(old_station, "RemoteStopTransaction", {"status": "Rejected"}) == {
        "transactionId": roaming.session_id
    }
    assert ended("STOP_SESSION").result == "REJECTED"


def test_a_1_6_station_that_cannot_unlock_says_so(old_station: Station, provider: Provider) -> None:
    place = {"location_id": OLD_STATION, "evse_uid": "CS-016-1", "connector_id": "1"}
    provider.command("UNLOCK_CONNECTOR", **place)
    answer(old_station, "UnlockConnector", {"status": "NotSupported"})

    assert ended("UNLOCK_CONNECTOR").result == "NOT_SUPPORTED"


def test_a_station_that_does_not_know_the_order_does_not_support_it(
    station: Station, provider: Provider
) -> None:
    provider.reserve("R1")
    frame = station.receive()
    station.send(f'[4,"{frame[1]}","NotImplemented","","{{}}"]'.replace('"{}"', "{}"))

    assert ended("RESERVE_NOW").result == "NOT_SUPPORTED"
