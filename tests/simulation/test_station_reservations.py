"""Reservations at a simulated station: kept, used up, cancelled, expired."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.simulation.clock import ManualClock
from apps.simulation.island import IslandCar
from apps.simulation.stations.ledger import Reservation
from apps.simulation.stations.messages import wire_time
from apps.simulation.stations.station import Station
from tests.simulation.conftest import NOON, free_port
from tests.simulation.csms import BareCsms, Payload, eventually
from tests.simulation.test_link import running
from tests.simulation.test_station import CAR, run, station_at

STRANGER = IslandCar("GP-CAR-99", 75.0, 22.0)


def reservation(reservation_id: int = 5, minutes: float = 10) -> Reservation:
    expires_at = wire_time(NOON + timedelta(minutes=minutes))
    return Reservation(reservation_id, CAR.id_token.lower(), expires_at)


@pytest.fixture
def station(tmp_path: Path, clock: ManualClock) -> Station:
    return station_at(tmp_path / "s.json", clock)


def test_a_start_with_its_card_uses_the_reservation_up(
    station: Station, clock: ManualClock
) -> None:
    assert station.reserve(reservation()) == "Accepted"
    assert station.status == "Reserved"
    assert not station.free
    assert station.free_for(CAR.id_token)
    assert not station.free_for(STRANGER.id_token)
    assert station.reserve(reservation(6)) == "Occupied"

    station.plug(CAR, stay_s=60, soc_percent=40)
    run(station, clock, 70)

    assert station.ledger.queue[0]["reservation_id"] == 5
    assert station.status == "Available"
    assert station.reservation_updates == []


def test_another_card_starts_nothing_at_a_reserved_connector(
    station: Station, clock: ManualClock
) -> None:
    station.reserve(reservation())
    assert station.remote_start(STRANGER.id_token, 1) is None

    station.plug(STRANGER, stay_s=600, soc_percent=40)
    run(station, clock, 1)
    assert station.transaction is None
    assert station.reserve(reservation()) == "Occupied"
    run(station, clock, 30)

    # The stranger has left; the place is still kept.
    assert station.status == "Reserved"
    assert station.remote_start(CAR.id_token, 2) == ""


def test_a_reservation_expires_or_goes_with_the_connector(
    station: Station, tmp_path: Path, clock: ManualClock
) -> None:
    assert station.reserve(reservation(minutes=0)) == "Rejected"
    station.reserve(reservation(minutes=1))
    station = station_at(tmp_path / "s.json", clock)
    run(station, clock, 59)
    assert station.status == "Reserved"
    run(station, clock, 1)
    assert station.status == "Available"
    assert station.reservation_updates == [(5, "Expired")]

    station.reserve(reservation(6))
    station.availability_set(operative=False)
    assert station.reservation_updates[1:] == [(6, "Removed")]
    assert station.reserve(reservation(7)) == "Unavailable"


@pytest.mark.asyncio
async def test_reservations_over_the_line(tmp_path: Path) -> None:
    csms = BareCsms()
    csms.answers["ReservationStatusUpdate"] = lambda _: {}

    def asked(number: int, seconds: float, **more: object) -> Payload:
        return {
            "id": number,
            "expiryDateTime": wire_time(datetime.now(UTC) + timedelta(seconds=seconds)),
            "idToken": {"idToken": CAR.id_token, "type": "ISO14443"},
            **more,
        }

    def told() -> list[str]:
        return [one["connectorStatus"] for one in csms.said("StatusNotification")]

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        unknown = await csms.ask("ReserveNow", asked(1, 60, evseId=9))
        taken = await csms.ask("ReserveNow", asked(1, 60, evseId=1))
        await eventually(lambda: told()[-1] == "Reserved")
        wrong = await csms.ask("CancelReservation", {"reservationId": 2})
        cancelled = await csms.ask("CancelReservation", {"reservationId": 1})
        await eventually(lambda: told()[-1] == "Available")
        short = await csms.ask("ReserveNow", asked(3, 0.3))
        await eventually(lambda: len(csms.said("ReservationStatusUpdate")) == 1)

    assert unknown["status"] == wrong["status"] == "Rejected"
    assert taken["status"] == cancelled["status"] == short["status"] == "Accepted"
    assert csms.said("ReservationStatusUpdate") == [
        {"reservationId": 3, "reservationUpdateStatus": "Expired"}
    ]
    assert told() == ["Available", "Reserved", "Available", "Reserved", "Available"]
