"""Groups, lists and reservations in the admin."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.roles import Role
from apps.chargers.choices import ReservationStatus
from apps.chargers.models import ChargingStation, Command, LocalList, Reservation, TokenGroup
from apps.chargers.services import connection_open
from apps.chargers.services.reservations import reservation_make
from cariflex.common.time import utc_now
from tests.chargers.test_admin import logged_in


@pytest.fixture
def online(station: ChargingStation) -> ChargingStation:
    connection_open(station_pk=station.pk, channel="a", now=utc_now())
    ChargingStation.objects.update(ocpp_version="2.0.1")
    return station


def add(client: Client, station: ChargingStation, **changes: Any) -> Any:
    until = utc_now() + timedelta(hours=12)
    given = {
        "station": station.pk, "evse_number": 1, "connector_type": "", "id_token": "CARD-1234",
        "id_token_type": "ISO14443", "expires_at_0": f"{until:%Y-%m-%d}",
        "expires_at_1": f"{until:%H:%M:%S}", **changes,
    }  # fmt: skip
    return client.post(reverse("admin:chargers_reservation_add"), given)


@pytest.mark.parametrize("page", ["tokengroup", "locallist", "reservation"])
def test_the_list_and_the_row_open_and_show_no_token(online: ChargingStation, page: str) -> None:
    TokenGroup.objects.create(group_id="FAMILY")
    LocalList.objects.create(station=online, entries={"CARD-1234": {}})
    reservation_make(
        station_id=online.station_id, id_token="CARD-1234", now=utc_now(),
        expires_at=utc_now() + timedelta(hours=1),
    )  # fmt: skip
    model = {"tokengroup": TokenGroup, "locallist": LocalList, "reservation": Reservation}[page]
    client = logged_in(Role.OPERATOR_ADMIN)

    for address in (
        reverse(f"admin:chargers_{page}_changelist"),
        reverse(f"admin:chargers_{page}_change", args=[model.objects.get().pk]),
    ):
        shown = client.get(address)
        assert shown.status_code == 200
        assert b"CARD-1234" not in shown.content


def test_adding_a_reservation_asks_the_station(online: ChargingStation) -> None:
    client = logged_in(Role.OPERATOR_ADMIN)

    assert client.get(reverse("admin:chargers_reservation_add")).status_code == 200
    assert add(client, online).status_code == 302

    reservation = Reservation.objects.get()
    assert reservation.status == ReservationStatus.REQUESTED
    assert reservation.requested_by is not None
    assert Command.objects.get().action == "ReserveNow"


def test_a_place_that_is_taken_is_an_error_of_the_form(online: ChargingStation) -> None:
    client = logged_in(Role.OPERATOR_ADMIN)
    add(client, online)

    refused = add(client, online)

    assert refused.status_code == 200
    assert b"reserved already" in refused.content
    assert Reservation.objects.count() == 1


def test_a_reservation_is_cancelled_by_asking_the_station(online: ChargingStation) -> None:
    client = logged_in(Role.OPERATOR_ADMIN)
    add(client, online)
    asked = {"action": "cancel", "_selected_action": [Reservation.objects.get().pk]}

    client.post(reverse("admin:chargers_reservation_changelist"), asked)

    assert Command.objects.filter(action="CancelReservation").count() == 1


def test_an_analyst_may_look_only(online: ChargingStation) -> None:
    client = logged_in(Role.ANALYST)

    assert add(client, online).status_code == 403
    assert Reservation.objects.count() == 0
