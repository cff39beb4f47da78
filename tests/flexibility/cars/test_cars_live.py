"""A car's plan over a real socket: what the station receives, to the byte, and what comes of it."""

from datetime import timedelta
from typing import Any

import pytest

from apps.assets.models import Site
from apps.assets.services import site_register
from apps.chargers.choices import ProfileStatus
from apps.chargers.models import ChargingProfile, DeviceVariable, Session
from apps.chargers.models import ChargingStation as StationRow
from apps.flexibility.models import CarGoal, ReplanCall
from apps.flexibility.services.car_dispatch import cars_dispatch
from apps.flexibility.services.cars import car_goal_set, car_goal_update, car_left
from cariflex.common.time import format_rfc3339, utc_now
from cariflex.common.units import QUARTER_HOUR, floor_slot
from tests.chargers import conftest as chargers
from tests.chargers.events import event, meter
from tests.chargers.server import A, B, Station, at, eventually
from tests.chargers.smart_charging import conftest as smart
from tests.chargers.smart_charging.conftest import Connect, answer
from tests.flexibility.cars.conftest import needs_2_0_1, needs_both_ways
from tests.flexibility.cars.test_car_dispatch import follow, plan_make

csms = chargers.csms
csms_server = chargers.csms_server
connect = smart.connect


class Clock:
    """The middle of the slot in which a test begins: stations check profiles against the clock."""

    def __init__(self) -> None:
        self.slot = floor_slot(utc_now())
        self.now = self.slot + timedelta(minutes=5)
        self.departure = self.slot + timedelta(hours=6)


clock = Clock()


@pytest.fixture(autouse=True)
def _clock() -> None:
    # A module is read long before its tests run.
    clock.__init__()  # type: ignore[misc]


def started(station: Station, *, minutes_ago: int = 10) -> int:
    """A car is plugged in at EVSE 1; the row of its session."""
    begun = clock.now - timedelta(minutes=minutes_ago)
    told = station.tell(
        "TransactionEvent",
        event(
            0, "Started", format_rfc3339(begun), trigger="CablePluggedIn", evse_id=1,
            chargingState="Charging",
            meter_values=[meter(format_rfc3339(begun), register_wh="1000", power_w="0")],
        ),
    )  # fmt: skip
    assert told == {}
    return at(A, lambda: Session.objects.get().pk)


def tells(station: Station, needs: dict[str, Any]) -> str:
    answered = station.tell("NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs})
    return str(answered["status"])


def island(powers: list[float]) -> None:
    """The site of the stations, and a plan for the car that it follows."""
    site = Site.objects.first() or site_register(
        code="island", name="Island", latitude=16.2, longitude=-61.5
    )
    plan_make(site, {Session.objects.get(): powers}, start=clock.slot, requested_at=clock.slot)


def dispatch(seconds: int = 0) -> int:
    return at(A, lambda: cars_dispatch(now=clock.now + timedelta(seconds=seconds)))


def statuses() -> list[str]:
    return at(A, lambda: [row.status for row in ChargingProfile.objects.order_by("pk")])


def test_a_car_that_charges_gets_the_plan_to_the_byte(connect: Connect) -> None:
    station = connect()
    session_id = started(station)
    assert tells(station, needs_2_0_1(departure_at=clock.departure)) == "Processing"
    at(A, lambda: car_goal_update(session_id=session_id, now=clock.now))
    at(A, lambda: island([22.0, 7.4, 0.0]))

    assert dispatch() == 1

    asked = answer(station, "SetChargingProfile", {"status": "Accepted"})
    assert asked == {
        "evseId": 1,
        "chargingProfile": {
            "id": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "transactionId": "tx-1",
            "validTo": format_rfc3339(clock.slot + 3 * QUARTER_HOUR),
            "chargingSchedule": [
                {
                    "id": 1,
                    "chargingRateUnit": "W",
                    "startSchedule": format_rfc3339(clock.now),
                    "duration": 2400,
                    "chargingSchedulePeriod": [
                        {"startPeriod": 0, "limit": 22000},
                        {"startPeriod": 600, "limit": 7400},
                        {"startPeriod": 1500, "limit": 0},
                    ],
                }
            ],
        },
    }
    eventually(lambda: statuses() == [ProfileStatus.ACCEPTED])
    assert dispatch(seconds=10) == 0
    assert at(B, ChargingProfile.objects.count) == at(B, CarGoal.objects.count) == 0


@pytest.mark.parametrize(
    ("power_kw", "setpoint"), [(11.0, 11000), (0.0, 0), (-11.0, -11000)], ids=["+", "0", "-"]
)
def test_a_car_that_gives_back_gets_the_sign_of_the_plan(
    connect: Connect, power_kw: float, setpoint: int
) -> None:
    station = connect("ocpp2.1")
    at(A, enable_v2x)
    session_id = started(station)
    assert tells(station, needs_both_ways(clock.departure)) == "Processing"
    at(A, lambda: car_goal_update(session_id=session_id, now=clock.now))
    allowed = answer(station, "NotifyAllowedEnergyTransfer", {"status": "Accepted"})
    assert allowed == {"transactionId": "tx-1", "allowedEnergyTransfer": ["DC", "DC_BPT"]}
    eventually(
        lambda: (
            at(A, lambda: car_goal_update(session_id=session_id, now=clock.now)).most_discharge_kw  # type: ignore[union-attr]
            == 11.0
        )
    )
    at(A, lambda: island([power_kw, power_kw]))

    assert dispatch() == 1

    asked = answer(station, "SetChargingProfile", {"status": "Accepted"})
    (schedule,) = asked["chargingProfile"]["chargingSchedule"]
    assert schedule["chargingRateUnit"] == "W"
    assert schedule["chargingSchedulePeriod"] == [
        {
            "startPeriod": 0,
            "operationMode": "CentralSetpoint",
            "setpoint": setpoint,
            "limit": 11000,
            "dischargeLimit": -11000,
        }
    ]
    eventually(lambda: statuses() == [ProfileStatus.ACCEPTED])


def enable_v2x() -> None:
    station = StationRow.objects.get(station_id=chargers.STATION_ID)
    for variable, value in (("Enabled", "true"), ("SupportedEnergyTransferModes", "DC,DC_BPT")):
        DeviceVariable.objects.update_or_create(
            station=station, component="V2XChargingCtrlr", variable=variable,
            defaults={"value": value, "reported_at": utc_now()},
        )  # fmt: skip


def test_a_newer_wish_replaces_the_profile_under_its_id(connect: Connect) -> None:
    station = connect()
    session_id = started(station)
    tells(station, needs_2_0_1(departure_at=clock.departure))
    at(A, lambda: car_goal_update(session_id=session_id, now=clock.now))
    at(A, lambda: island([0.0] * 20))
    dispatch()
    first = answer(station, "SetChargingProfile", {"status": "Accepted"})
    eventually(lambda: statuses() == [ProfileStatus.ACCEPTED])

    def hurry() -> None:
        car_goal_set(
            session_id=session_id, departure_at=clock.now + timedelta(minutes=40),
            target_soc_percent=95, by=None, now=clock.now,
        )  # fmt: skip
        # Until the next plan is there, the own rule takes it to its target.
        follow(Site.objects.get(), None)

    at(A, hurry)
    assert dispatch(seconds=30) == 1
    second = answer(station, "SetChargingProfile", {"status": "Accepted"})

    limits = [
        one["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"]
        for one in (first, second)
    ]
    assert limits == [0, 22000]
    assert first["chargingProfile"]["id"] == second["chargingProfile"]["id"]
    eventually(lambda: statuses() == [ProfileStatus.ENDED, ProfileStatus.ACCEPTED])


def test_a_car_that_leaves_early_calls_for_a_plan_and_gets_nothing_more(connect: Connect) -> None:
    station = connect()
    session_id = started(station)
    tells(station, needs_2_0_1(departure_at=clock.departure))
    at(A, lambda: car_goal_update(session_id=session_id, now=clock.now))
    at(A, lambda: island([7.0] * 20))
    dispatch()
    answer(station, "SetChargingProfile", {"status": "Accepted"})
    eventually(lambda: statuses() == [ProfileStatus.ACCEPTED])

    station.tell(
        "TransactionEvent",
        event(
            1,
            "Ended",
            format_rfc3339(clock.now),
            trigger="EVDeparted",
            stoppedReason="EVDisconnected",
        ),
    )
    at(A, lambda: car_left(session_id=session_id, now=clock.now))

    assert at(A, lambda: ReplanCall.objects.get().reason) == "car_left"
    assert dispatch(seconds=60) == 0
    with pytest.raises(TimeoutError):
        station.socket.recv(timeout=0.2)


def test_a_car_that_says_too_little_is_refused_a_schedule(connect: Connect) -> None:
    station = connect()
    session_id = started(station)

    assert tells(station, needs_2_0_1(departure_at=None)) == "Rejected"

    at(A, lambda: car_goal_update(session_id=session_id, now=clock.now))
    assert dispatch() == 0
    with pytest.raises(TimeoutError):
        station.socket.recv(timeout=0.2)
