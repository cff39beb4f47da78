"""Places kept: asked for, refused, used, given back, over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.chargers.choices import CommandStatus, ReservationStatus
from apps.chargers.models import ChargingStation, Command, Evse, Reservation, Session, TokenGroup
from apps.chargers.services import (
    command_claim,
    command_finish,
    connection_open,
    station_register,
    token_register,
)
from apps.chargers.services.reservations import (
    reservation_cancel,
    reservation_change,
    reservation_make,
    reservation_told,
    reservations_expire,
)
from apps.chargers.tasks import reservations_expire as task
from apps.tenants.context import operator_context
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID, TOKEN
from tests.chargers.events import event
from tests.chargers.server import BOOT, A, B, Csms, at, eventually
from tests.chargers.test_sessions import apply

NOW = datetime(2026, 3, 10, 11, 50, tzinfo=UTC)
UNTIL = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
START = "2026-03-10T12:00:00Z"


@pytest.fixture
def online(station: ChargingStation) -> ChargingStation:
    """CS-001 with two EVSEs, connected."""
    for number in (1, 2):
        Evse.objects.get_or_create(station=station, evse_id=number)
    connection_open(station_pk=station.pk, channel="a", now=NOW)
    ChargingStation.objects.update(ocpp_version="2.0.1")
    return station


def reserve(**changes: Any) -> Reservation:
    values: dict[str, Any] = {
        "station_id": STATION_ID, "id_token": "ANNE", "evse_id": 1, "expires_at": UNTIL,
        "now": NOW,
    }  # fmt: skip
    return reservation_make(**{**values, **changes})


def answer(command: Command | None, status: str) -> None:
    assert command is not None
    command_claim(command_id=command.pk, station_pk=command.station_id, now=NOW)
    ends = CommandStatus.ACCEPTED if status == "Accepted" else CommandStatus.REJECTED
    assert command_finish(command_id=command.pk, status=ends, answer={"status": status}, now=NOW)


def accepted(**changes: Any) -> Reservation:
    reservation = reserve(**changes)
    answer(reservation.command, "Accepted")
    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.ACCEPTED
    return reservation


def status_of(reservation: Reservation) -> str:
    reservation.refresh_from_db()
    return reservation.status


def began(station: ChargingStation, id_token: str | None = "anne", **changes: Any) -> Session:
    values: dict[str, Any] = {"id_token": id_token, "evse_id": 1}
    outside = {name: changes.pop(name) for name in ("reservationId",) if name in changes}
    payload = event(0, "Started", START, **{**values, **changes})
    return apply(station, {**payload, **outside})


def test_a_station_is_asked_with_all_that_was_wished(online: ChargingStation) -> None:
    group = TokenGroup.objects.create(group_id="FAMILY")
    token_register(id_token="ANNE", group=group)

    reservation = reserve(connector_type="cType2")

    assert reservation.status == ReservationStatus.REQUESTED
    assert reservation.command is not None
    assert reservation.command.payload == {
        "id": reservation.pk,
        "expiryDateTime": "2026-03-10T12:30:00Z",
        "idToken": {"idToken": "ANNE", "type": "Central"},
        "evseId": 1,
        "connectorType": "cType2",
        "groupIdToken": {"idToken": "FAMILY", "type": "Central"},
    }


@pytest.mark.parametrize("status", ["Faulted", "Occupied", "Rejected", "Unavailable"])
def test_what_a_station_refuses_with_is_kept(online: ChargingStation, status: str) -> None:
    reservation = reserve()

    answer(reservation.command, status)

    assert status_of(reservation) == ReservationStatus.REFUSED
    assert reservation.command is not None
    assert reservation.command.answer == {"status": status}
    assert reserve().status == ReservationStatus.REQUESTED


def test_an_absent_station_keeps_no_place(station: ChargingStation) -> None:
    reservation = reserve(evse_id=None)

    assert reservation.status == ReservationStatus.REFUSED
    assert reservation.command is not None
    assert reservation.command.error == "The station is not connected."


def test_an_order_without_answer_is_no_reservation(online: ChargingStation) -> None:
    reservation = reserve()
    assert reservation.command is not None
    command_claim(command_id=reservation.command.pk, station_pk=online.pk, now=NOW)

    command_finish(command_id=reservation.command.pk, status=CommandStatus.TIMEOUT, now=NOW)

    assert status_of(reservation) == ReservationStatus.REFUSED


def test_a_place_is_kept_once_at_a_time(online: ChargingStation) -> None:
    first = accepted()

    with pytest.raises(DomainError) as same:
        reserve(id_token="BEN")
    reserve(id_token="BEN", evse_id=None)
    with pytest.raises(DomainError) as full:
        reserve(id_token="CLARA", evse_id=2)

    assert same.value.code == full.value.code == "reservation.overlaps"
    assert Reservation.objects.count() == 2
    Reservation.objects.exclude(pk=first.pk).delete()
    assert reserve(id_token="BEN", now=UNTIL, expires_at=UNTIL + timedelta(hours=1)).pk


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"evse_id": 3}, "reservation.evse_unknown"),
        ({"expires_at": NOW}, "reservation.expiry_invalid"),
        ({"station_id": "NOWHERE"}, "chargers.station_unknown"),
        ({"connector_type": "square"}, "command.payload_invalid"),
    ],
)
def test_what_cannot_be_reserved_is_said(
    online: ChargingStation, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        reserve(**changes)

    assert refused.value.code == code
    assert Reservation.objects.count() == Command.objects.count() == 0


@pytest.mark.parametrize(
    ("status", "ends"),
    [("Accepted", ReservationStatus.CANCELLED), ("Rejected", ReservationStatus.REMOVED)],
)
def test_a_place_is_given_back(online: ChargingStation, status: str, ends: str) -> None:
    reservation = accepted()

    command = reservation_cancel(reservation_id=reservation.pk)

    assert command.payload == {"reservationId": reservation.pk}
    assert status_of(reservation) == ReservationStatus.ACCEPTED
    answer(command, status)
    assert status_of(reservation) == ends
    with pytest.raises(DomainError) as ended:
        reservation_cancel(reservation_id=reservation.pk)
    assert ended.value.code == "reservation.not_open"


@pytest.mark.parametrize(
    ("told", "ends"),
    [
        ("Expired", ReservationStatus.EXPIRED),
        ("Removed", ReservationStatus.REMOVED),
        ("NoTransaction", ReservationStatus.EXPIRED),
    ],
)
def test_a_station_says_that_a_reservation_ended(
    online: ChargingStation, told: str, ends: str
) -> None:
    other = station_register(station_id="CS-002", rated_power_kw=22.0)
    reservation = accepted()
    change = {"reservation_id": reservation.pk, "status": told, "now": NOW}

    assert not reservation_told(station_pk=other.pk, **change)
    assert reservation_told(station_pk=online.pk, **change)
    assert not reservation_told(station_pk=online.pk, **change)
    assert status_of(reservation) == ends


def test_a_reservation_is_over_a_minute_after_its_end(online: ChargingStation) -> None:
    reservation = accepted()

    assert reservations_expire(now=UNTIL + timedelta(seconds=59)) == 0
    assert reservations_expire(now=UNTIL + timedelta(seconds=60)) == 1
    assert status_of(reservation) == ReservationStatus.EXPIRED


def test_the_token_on_its_place_uses_the_reservation(online: ChargingStation) -> None:
    reservation = accepted()

    session = began(online)

    assert status_of(reservation) == ReservationStatus.USED
    assert reservation.session == session
    assert reservation.ended_at is not None


def test_a_token_that_comes_after_the_cable_uses_the_reservation(online: ChargingStation) -> None:
    reservation = accepted()

    session = began(online, id_token=None)
    assert status_of(reservation) == ReservationStatus.ACCEPTED
    apply(online, event(1, "Updated", "2026-03-10T12:01:00Z", id_token="ANNE", evse_id=1))

    assert status_of(reservation) == ReservationStatus.USED
    assert reservation.session == session


def test_the_number_that_a_station_says_decides(online: ChargingStation) -> None:
    reservation = accepted()
    reservations_expire(now=UNTIL + timedelta(hours=1))

    began(online, id_token="SOMEBODY", evse_id=2, reservationId=reservation.pk)

    assert status_of(reservation) == ReservationStatus.USED


def test_a_token_of_the_same_group_uses_the_reservation(online: ChargingStation) -> None:
    group = TokenGroup.objects.create(group_id="FAMILY")
    for id_token in ("ANNE", "PAUL"):
        token_register(id_token=id_token, group=group)
    reservation = accepted(evse_id=None)

    began(online, id_token="PAUL", evse_id=2)

    assert status_of(reservation) == ReservationStatus.USED


@pytest.mark.parametrize(
    "changes", [{"id_token": "BEN"}, {"evse_id": 2}, {"reservationId": 999_999}]
)
def test_another_session_leaves_the_reservation(
    online: ChargingStation, changes: dict[str, Any]
) -> None:
    reservation = accepted()

    began(online, **changes)

    assert status_of(reservation) == ReservationStatus.ACCEPTED


def test_a_reservation_from_end_to_end_at_one_operator(csms: Csms) -> None:
    stations = {}
    for operator, password in ((A, PASSWORD_A), (B, PASSWORD_B)):
        stations[operator] = csms.connect(operator, STATION_ID, password)
        stations[operator].tell("BootNotification", BOOT)
    station, now = stations[A], utc_now()
    until = now + timedelta(hours=1)

    made = at(A, lambda: reserve(evse_id=None, now=now, expires_at=until, id_token=TOKEN))
    _call, message_id, action, payload = station.receive()
    assert (action, payload["id"]) == ("ReserveNow", made.pk)
    station.send(f'[3,"{message_id}",{{"status":"Accepted"}}]')
    eventually(lambda: at(A, lambda: Reservation.objects.get().status) == "accepted")

    told = {"reservationId": made.pk, "reservationUpdateStatus": "Removed"}
    assert stations[B].tell("ReservationStatusUpdate", told) == {}
    assert at(A, lambda: Reservation.objects.get().status) == "accepted"
    assert station.tell("ReservationStatusUpdate", told) == {}
    assert at(A, lambda: Reservation.objects.get().status) == "removed"
    assert at(B, Reservation.objects.count) == 0


def test_the_task_ends_its_own_operators_reservations(csms: Csms) -> None:
    for operator in (A, B):
        at(operator, lambda: reserve(evse_id=None))
        at(operator, lambda: Reservation.objects.update(status=ReservationStatus.ACCEPTED))

    with operator_context(A):
        task()

    assert at(A, lambda: Reservation.objects.get().status) == ReservationStatus.EXPIRED
    assert at(B, lambda: Reservation.objects.get().status) == ReservationStatus.ACCEPTED


# --- kept otherwise ---


def change(reservation: Reservation, **changes: Any) -> Command:
    values: dict[str, Any] = {
        "id_token": "ANNE", "evse_id": 2, "expires_at": UNTIL + timedelta(hours=1), "now": NOW,
    }  # fmt: skip
    return reservation_change(reservation_id=reservation.pk, **{**values, **changes})


def test_a_change_goes_under_the_same_number_and_holds_once_accepted(
    online: ChargingStation,
) -> None:
    reservation = accepted()

    command = change(reservation)

    assert command.payload == {
        "id": reservation.pk,
        "expiryDateTime": "2026-03-10T13:30:00Z",
        "idToken": {"idToken": "ANNE", "type": "Central"},
        "evseId": 2,
    }
    reservation.refresh_from_db()
    assert (reservation.evse_number, reservation.expires_at) == (1, UNTIL)
    answer(command, "Accepted")
    reservation.refresh_from_db()
    assert (reservation.evse_number, reservation.expires_at) == (2, UNTIL + timedelta(hours=1))
    assert reservation.command == command
    assert Reservation.objects.count() == 1


def test_a_change_that_the_station_refuses_leaves_what_was_kept(online: ChargingStation) -> None:
    reservation = accepted()

    answer(change(reservation), "Occupied")

    reservation.refresh_from_db()
    assert (reservation.status, reservation.evse_number) == (ReservationStatus.ACCEPTED, 1)
    assert reservation.expires_at == UNTIL


def test_a_change_is_told_to_a_1_6_station_in_its_words(online: ChargingStation) -> None:
    ChargingStation.objects.update(ocpp_version="1.6")
    reservation = accepted()

    command = change(reservation, id_token="BEN")
    answer(command, "Accepted")

    assert command.payload == {
        "reservationId": reservation.pk,
        "expiryDate": "2026-03-10T13:30:00Z",
        "idTag": "BEN",
        "connectorId": 2,
    }
    reservation.refresh_from_db()
    assert (reservation.id_token, reservation.evse_number) == ("BEN", 2)


def test_a_change_may_not_take_anothers_place_nor_come_too_late(online: ChargingStation) -> None:
    first, second = accepted(), accepted(id_token="BEN", evse_id=2)

    with pytest.raises(DomainError) as taken:
        change(first)
    answer(reservation_cancel(reservation_id=second.pk), "Accepted")
    with pytest.raises(DomainError) as late:
        change(second)

    assert taken.value.code == "reservation.overlaps"
    assert late.value.code == "reservation.not_open"
