"""The calendar of reservations: weeks by EVSE in local days, making and giving back."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.roles import Role
from apps.chargers.choices import CommandStatus, ReservationStatus
from apps.chargers.models import ChargingStation, Command, Evse, Reservation
from apps.chargers.services import command_claim, command_finish, station_register
from apps.chargers.services.reservations import reservation_make
from apps.console.viewmodels.reservations import day_slots
from apps.tenants.context import operator_context

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


@pytest.fixture
def station(operator_a: object, now: datetime, monkeypatch: pytest.MonkeyPatch) -> ChargingStation:
    """CS-1 with two EVSEs, connected; it is Monday 23 November, 11:07 local."""
    monkeypatch.setattr("apps.console.views.reservations.utc_now", lambda: now)
    with operator_context("guadeloupe"):
        made = station_register(station_id="CS-1", rated_power_kw=22, name="Quay")
        Evse.objects.get_or_create(station=made, evse_id=2)
        ChargingStation.objects.update(connection_state="online", ocpp_version="2.0.1")
        return made


def reserved(now: datetime, *, hours: float = 2, **changes: Any) -> Reservation:
    values: dict[str, Any] = {"station_id": "CS-1", "id_token": "ANNE-0001", "evse_id": 1}
    until = now + timedelta(hours=hours)
    return reservation_make(now=now, expires_at=until, **{**values, **changes})


def answered(command: Command | None, status: str, now: datetime) -> None:
    assert command is not None
    command_claim(command_id=command.pk, station_pk=command.station_id, now=now)
    ends = CommandStatus.ACCEPTED if status == "Accepted" else CommandStatus.REJECTED
    command_finish(command_id=command.pk, status=ends, answer={"status": status}, now=now)


def places(text: str) -> dict[str, list[list[str]]]:
    """The reservations of each place and day, out of the page."""
    found = {}
    for place, row in re.findall(r'<tr data-place="([^"]+)">(.*?)</tr>', text, re.DOTALL):
        cells = re.findall(r"<td(.*?)</td>", row, re.DOTALL)
        found[place] = [re.findall(r'data-reservation="(\d+)"', cell) for cell in cells]
    return found


def test_a_week_shows_each_place_on_its_days(
    station: ChargingStation, signed_in: SignIn, now: datetime
) -> None:
    # Until Wednesday 01:07 local: on three days.
    long = reserved(now, hours=38)
    anywhere = reserved(now, evse_id=None, id_token="BEN-0002")  # noqa: S106 - a card

    text = signed_in("guadeloupe").get("/charging/reservations/").content.decode()

    names = [str(long.pk)]
    assert places(text) == {
        "CS-1/1": [names, names, names, [], [], [], []],
        "CS-1/2": [[]] * 7,
        "CS-1/": [[str(anywhere.pk)], [], [], [], [], [], []],
    }
    assert "11:07–…" in text
    assert "…–01:07" in text
    assert "11:07–13:07" in text
    assert "ANNE" not in text
    assert re.findall(r'data-open="(\d+)"', text) == [str(anywhere.pk), str(long.pk)]
    elsewhere = signed_in("martinique").get("/charging/reservations/").content.decode()
    assert places(elsewhere) == {}
    assert "data-open" not in elsewhere


def test_weeks_and_stations_are_chosen(
    station: ChargingStation, signed_in: SignIn, now: datetime
) -> None:
    reserved(now)
    client = signed_in("guadeloupe")
    counts = {
        "": 1, "week=2026-11-29": 1, "week=2026-11-30": 0, "week=2026-11-16": 0,
        "week=nonsense": 1, "week=9999-12-31": 1, "q=quay": 1, "q=nobody": 0, "only=1": 1,
        "only=1&week=2026-11-30": 0, "page=99": 1,
    }  # fmt: skip

    def found(query: str) -> int:
        week = client.get(
            f"/charging/reservations/?{query}", headers={"x-fragment": "live-part"}
        ).content.decode()
        return week.count("data-reservation=")

    assert {query: found(query) for query in counts} == counts


def test_a_day_holds_what_lies_on_it() -> None:
    def one(start: datetime, end: datetime, ended: datetime | None = None) -> Reservation:
        return Reservation(starts_at=start, expires_at=end, ended_at=ended, id_token="X")  # noqa: S106

    with timezone.override("America/Guadeloupe"):
        # 4 hours behind UTC: the day begins at 04:00 UTC.
        day = date(2026, 11, 23)
        begins = datetime(2026, 11, 23, 4, tzinfo=UTC)
        whole, late = timedelta(days=1), timedelta(hours=18)
        slots = day_slots(
            [
                one(begins - whole, begins),
                one(begins - whole, begins + whole / 4),
                one(begins + late, begins + whole + late),
                one(begins + late, begins + whole, begins + late),
                one(begins + whole, begins + 2 * whole),
            ],
            day,
        )

    assert [(s.first_percent, s.length_percent, s.is_begun_before, s.goes_on) for s in slots] == [
        (0.0, 25.0, True, False),
        (75.0, 25.0, False, True),
        # Given back at once: a mark where it was.
        (75.0, 1.5, False, False),
    ]


def test_a_place_is_reserved_until_a_local_time(
    station: ChargingStation, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe")
    filled = {"station": "CS-1", "evse": "2", "token": "ANNE-0001", "token_type": "ISO14443",
              "until": "2026-11-23T13:00"}  # fmt: skip

    reply = client.post("/charging/reservations/make", filled, follow=True)
    again = client.post("/charging/reservations/make", filled, follow=True)

    made = Reservation.objects.get()
    assert (made.evse_number, made.id_token_type) == (2, "ISO14443")
    assert made.expires_at == datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert made.requested_by is not None
    assert "The station is asked to keep the place." in reply.content.decode()
    assert "This place is reserved already." in again.content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"station": "CS-9"}, "There is no such station."),
        ({"evse": "9"}, "The station has no such EVSE."),
        ({"token": " "}, "A token has 1 to 36 characters."),
        ({"token": "x" * 37}, "A token has 1 to 36 characters."),
        ({"until": "tomorrow"}, "A day and a time."),
        ({"until": "9999-12-31T23:59"}, "A day and a time."),
        ({"until": "2026-11-23T11:00"}, "A reservation ends in the future."),
    ],
)
def test_what_cannot_be_reserved_is_refused(
    changes: dict[str, str], words: str, station: ChargingStation, signed_in: SignIn
) -> None:
    filled = {"station": "CS-1", "token": "ANNE", "until": "2026-11-23T13:00"} | changes

    reply = signed_in("guadeloupe").post("/charging/reservations/make", filled, follow=True)

    assert words in reply.content.decode()
    assert not Reservation.objects.exists()


def test_a_station_that_is_away_keeps_no_place(station: ChargingStation, signed_in: SignIn) -> None:
    ChargingStation.objects.update(connection_state="offline")

    reply = signed_in("guadeloupe").post(
        "/charging/reservations/make",
        {"station": "CS-1", "token": "ANNE", "until": "2026-11-23T13:00"},
        follow=True,
    )

    text = reply.content.decode()
    assert "The place is not kept: The station is not connected." in text
    assert "data-reservation=" not in text


def test_a_place_is_given_back(station: ChargingStation, signed_in: SignIn, now: datetime) -> None:
    made = reserved(now)
    answered(made.command, "Accepted", now)
    address = f"/charging/reservations/{made.pk}/cancel"

    signed_in("martinique").post(address)
    assert not Command.objects.filter(action="CancelReservation").exists()
    client = signed_in("guadeloupe")
    reply = client.post(address, follow=True)
    answered(Command.objects.get(action="CancelReservation"), "Accepted", now)
    again = client.post(address, follow=True)

    made.refresh_from_db()
    assert made.status == ReservationStatus.CANCELLED
    assert "asked to give the place back" in reply.content.decode()
    assert "The reservation has ended already." in again.content.decode()


def test_who_may_not_reserve_only_looks(
    station: ChargingStation, signed_in: SignIn, now: datetime
) -> None:
    made = reserved(now)
    analyst = signed_in("guadeloupe", Role.ANALYST)

    text = analyst.get("/charging/reservations/").content.decode()

    assert text.count("data-reservation=") == 1
    assert "Reserve a place" not in text
    assert "/cancel" not in text
    assert analyst.post("/charging/reservations/make").status_code == 403
    assert analyst.post(f"/charging/reservations/{made.pk}/cancel").status_code == 403
    assert Command.objects.count() == 1


def test_many_stations_have_pages_and_few_queries(
    station: ChargingStation, signed_in: SignIn, now: datetime,
    queries_at_most: Callable[[int], AbstractContextManager[None]],
) -> None:  # fmt: skip
    for number in range(2, 40):
        station_register(station_id=f"CS-{number}", rated_power_kw=22)
        Reservation.objects.create(
            station=ChargingStation.objects.get(station_id=f"CS-{number}"), evse_number=1,
            id_token="X", id_token_type="Central", starts_at=now, requested_at=now,  # noqa: S106
            expires_at=now + timedelta(hours=1), status="accepted",
        )  # fmt: skip
    client = signed_in("guadeloupe")

    with queries_at_most(12):
        first = places(client.get("/charging/reservations/").content.decode())
    third = places(client.get("/charging/reservations/?page=3").content.decode())

    assert (len(first), len(third)) == (16, 9)
    assert not set(first) & set(third)
