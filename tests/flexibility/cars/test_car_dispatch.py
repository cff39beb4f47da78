"""Which profile each car is sent, when, and when it is left alone."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from apps.assets.models import Site
from apps.chargers.choices import (
    ConnectionState,
    ProfilePurpose,
    ProfileSource,
    ProfileStatus,
    SessionState,
)
from apps.chargers.models import (
    ChargingProfile,
    ChargingStation,
    Command,
    DeviceVariable,
    DisplayMessage,
    Evse,
    Session,
)
from apps.chargers.services.charging_profiles import profile_set
from apps.chargers.services.load_groups import load_group_member_set, load_group_save
from apps.flexibility.choices import ControlMode, PlanStatus
from apps.flexibility.models import CarGoal, ControlState, Plan, PlanSlot
from apps.flexibility.services.car_dispatch import cars_dispatch
from apps.flexibility.services.car_shortfall import shortfall_text
from apps.flexibility.services.cars import car_goal_set, car_goal_update
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from cariflex.common.units import QUARTER_HOUR
from tests.chargers.v21.conftest import answered
from tests.flexibility.cars.conftest import (
    NOW,
    SLOT,
    charged,
    needs_2_0_1,
    needs_both_ways,
    session_make,
    station_make,
    tell_needs,
)

DEPARTURE = SLOT + timedelta(hours=6)


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    """Profiles are checked against the clock: it stands in the middle of a slot."""
    with time_machine.travel(NOW, tick=False):
        yield


def wire(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def plan_make(
    site: Site, sessions: dict[Session, Sequence[float]], *, start: datetime = SLOT,
    soc_percent: float | None = 80.0, requested_at: datetime = SLOT,
) -> Plan:  # fmt: skip
    """An accepted plan with these powers per quarter hour, which the site follows."""
    plan = Plan.objects.create(
        site=site, status=PlanStatus.ACCEPTED, start=start, end=start + timedelta(hours=24),
        requested_at=requested_at, lease_until=requested_at,
    )  # fmt: skip
    PlanSlot.objects.bulk_create(
        PlanSlot(
            plan=plan, session=session, start=start + number * QUARTER_HOUR, power_kw=power_kw,
            soc_percent=soc_percent,
        )
        for session, powers in sessions.items()
        for number, power_kw in enumerate(powers)
    )  # fmt: skip
    follow(site, plan)
    return plan


def follow(site: Site, plan: Plan | None, mode: ControlMode = ControlMode.PLAN) -> None:
    ControlState.objects.update_or_create(
        site=site,
        defaults={"mode": mode if plan else ControlMode.FALLBACK, "plan": plan, "since": NOW},
    )


def told(session: Session, **needs: Any) -> CarGoal:
    tell_needs(session, needs_2_0_1(departure_at=needs.pop("departure_at", DEPARTURE), **needs))
    goal = car_goal_update(session_id=session.pk, now=NOW)
    assert goal is not None
    return goal


def orders(action: str = "SetChargingProfile") -> list[dict[str, Any]]:
    return list(
        Command.objects.filter(action=action).order_by("pk").values_list("payload", flat=True)
    )


def periods(payload: dict[str, Any]) -> list[dict[str, Any]]:
    return payload["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"]  # type: ignore[no-any-return]


def accept(status: str = "Accepted") -> None:
    """The station answers the last order."""
    answered(Command.objects.order_by("-pk").first(), status=status)


def test_a_car_gets_the_plans_powers_exactly(session: Session, site: Site) -> None:
    told(session)
    plan_make(site, {session: [22.0, 22.0, 7.4, 0.0]})

    assert cars_dispatch(now=NOW) == 1

    (payload,) = orders()
    # From now; 12:05 + 25 min is the third slot; the plan knows four slots: 55 min from now.
    assert payload == {
        "evseId": 1,
        "chargingProfile": {
            "id": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "transactionId": "TX-CS-001",
            "validTo": wire(SLOT + timedelta(hours=1)),
            "chargingSchedule": [
                {
                    "id": 1,
                    "chargingRateUnit": "W",
                    "startSchedule": wire(NOW),
                    "duration": 3300,
                    "chargingSchedulePeriod": [
                        {"startPeriod": 0, "limit": 22000},
                        {"startPeriod": 1500, "limit": 7400},
                        {"startPeriod": 2400, "limit": 0},
                    ],
                }
            ],
        },
    }
    row = ChargingProfile.objects.get()
    assert (row.source, row.status) == (ProfileSource.PLAN, ProfileStatus.REQUESTED)
    goal = CarGoal.objects.get()
    assert goal.profile == [
        [NOW.isoformat(), 22.0],
        [(SLOT + 2 * QUARTER_HOUR).isoformat(), 7.4],
        [(SLOT + 3 * QUARTER_HOUR).isoformat(), 0.0],
    ]


def test_a_car_that_gives_back_gets_setpoints(site: Site) -> None:
    station = station_make(version="2.1")
    DeviceVariable.objects.create(
        station=station, component="V2XChargingCtrlr", variable="Enabled", value="true",
        reported_at=NOW,
    )  # fmt: skip
    session = session_make(station)
    tell_needs(session, needs_both_ways(DEPARTURE))
    car_goal_update(session_id=session.pk, now=NOW)
    accept()  # NotifyAllowedEnergyTransfer
    car_goal_update(session_id=session.pk, now=NOW)
    plan_make(site, {session: [11.0, 0.0, -11.0]})

    assert cars_dispatch(now=NOW) == 1

    assert [(one["startPeriod"], one["setpoint"]) for one in periods(orders()[0])] == [
        (0, 11000),
        (600, 0),
        (1500, -11000),
    ]
    assert {one["operationMode"] for one in periods(orders()[0])} == {"CentralSetpoint"}


def test_the_same_plan_is_sent_once_and_a_small_change_not_at_all(
    session: Session, site: Site
) -> None:
    told(session)
    plan = plan_make(site, {session: [22.0] * 20})
    cars_dispatch(now=NOW)

    assert cars_dispatch(now=NOW) == 0, "the order is on its way"
    accept()
    assert cars_dispatch(now=NOW + timedelta(seconds=10)) == 0
    PlanSlot.objects.filter(plan=plan).update(power_kw=21.7)
    assert cars_dispatch(now=NOW + timedelta(seconds=20)) == 0, "0.3 kW is the same"
    PlanSlot.objects.filter(plan=plan).update(power_kw=21.6)
    assert cars_dispatch(now=NOW + timedelta(seconds=30)) == 1

    assert [one["chargingProfile"]["id"] for one in orders()] == [1, 1]


def test_a_change_beyond_the_next_hour_waits(session: Session, site: Site) -> None:
    told(session)
    plan = plan_make(site, {session: [22.0] * 20})
    cars_dispatch(now=NOW)
    accept()

    PlanSlot.objects.filter(plan=plan, start__gte=SLOT + timedelta(minutes=75)).update(power_kw=0)

    assert cars_dispatch(now=NOW + timedelta(minutes=5)) == 0, "it begins 65 min later"
    assert cars_dispatch(now=NOW + timedelta(minutes=15)) == 1


def test_a_profile_is_renewed_before_it_ends(session: Session, site: Site) -> None:
    told(session)
    first = plan_make(site, {session: [22.0] * 4})
    cars_dispatch(now=NOW)
    accept()
    # It ends 55 min from now; the same plan has nothing to renew it with.
    assert cars_dispatch(now=NOW + timedelta(minutes=45)) == 0

    follow(site, first)
    second = plan_make(site, {session: [22.0] * 8}, start=SLOT + 3 * QUARTER_HOUR)
    follow(site, second)

    assert cars_dispatch(now=NOW + timedelta(minutes=45)) == 1


def test_a_late_plan_does_not_overwrite_a_newer_one(session: Session, site: Site) -> None:
    told(session)
    newer = plan_make(site, {session: [7.0] * 20})
    plan_make(
        site, {session: [22.0] * 20}, start=SLOT - QUARTER_HOUR, requested_at=SLOT - QUARTER_HOUR
    )
    # The older one was accepted last; the site follows the newer one.
    follow(site, newer)

    cars_dispatch(now=NOW)
    accept()
    assert cars_dispatch(now=NOW + timedelta(seconds=10)) == 0

    assert [[one["limit"] for one in periods(payload)] for payload in orders()] == [[7000]]


def test_a_plan_that_gave_way_is_not_taken_for_none(session: Session, site: Site) -> None:
    told(session)
    first = plan_make(site, {session: [22.0] * 20})
    follow(site, first)
    # As a new plan of the same quarter hour leaves it, before the site's dispatch has seen it.
    PlanSlot.objects.filter(plan=first).delete()
    Plan.objects.filter(pk=first.pk).update(status=PlanStatus.SUPERSEDED)
    plan_make(site, {session: [7.0] * 20}, requested_at=NOW)

    cars_dispatch(now=NOW)

    assert [[one["limit"] for one in periods(payload)] for payload in orders()] == [[7000]]


def test_an_order_whose_row_was_not_kept_is_repeated_under_the_same_id(
    session: Session, site: Site
) -> None:
    told(session)
    plan_make(site, {session: [7.0] * 20})
    cars_dispatch(now=NOW)
    accept()
    CarGoal.objects.update(profile=None, profile_sent_at=None)

    assert cars_dispatch(now=NOW) == 1
    accept()

    assert orders()[0] == orders()[1]
    in_force = ChargingProfile.objects.filter(status=ProfileStatus.ACCEPTED)
    assert in_force.count() == 1
    assert cars_dispatch(now=NOW + timedelta(seconds=10)) == 0


def test_without_a_plan_the_own_rule_brings_the_car_to_its_target(
    session: Session, site: Site
) -> None:
    # 40 points of 50 kWh = 20 kWh, 21.74 kWh drawn: 59 min at 22 kW. 55 min are left and the rule
    # wants to be ready a quarter hour before: at once at full power.
    told(session, departure_at=NOW + timedelta(minutes=55))
    follow(site, None)

    assert cars_dispatch(now=NOW) == 1

    (payload,) = orders()
    assert periods(payload) == [{"startPeriod": 0, "limit": 22000}]
    assert payload["chargingProfile"]["validTo"] == wire(NOW + timedelta(minutes=10))
    accept()
    assert cars_dispatch(now=NOW + timedelta(minutes=5)) == 0
    assert cars_dispatch(now=NOW + timedelta(minutes=7)) == 1, "renewed before it ends"


def test_under_the_own_rule_a_car_with_time_waits(session: Session, site: Site) -> None:
    told(session)
    follow(site, None)

    cars_dispatch(now=NOW)

    # 59 min of charging in 6 h: nothing must be drawn now, and there is no sun.
    assert periods(orders()[0]) == [{"startPeriod": 0, "limit": 0}]


def test_a_car_that_the_plan_does_not_know_yet_follows_the_own_rule(
    session: Session, site: Site
) -> None:
    other = session_make(station_make("CS-002"))
    told(session, departure_at=NOW + timedelta(minutes=55))
    plan_make(site, {other: [7.0] * 20})

    cars_dispatch(now=NOW)

    assert periods(orders()[0]) == [{"startPeriod": 0, "limit": 22000}]


def test_a_car_without_departure_charges_at_once(session: Session, site: Site) -> None:
    told(session, departure_at=None)
    plan_make(site, {session: [0.0] * 20})

    assert cars_dispatch(now=NOW) == 0

    assert orders() == []


def test_a_profile_of_ours_is_cleared_when_the_departure_has_passed(
    session: Session, site: Site
) -> None:
    told(session, departure_at=NOW + timedelta(minutes=10))
    plan_make(site, {session: [0.0] * 20})
    cars_dispatch(now=NOW)
    accept()

    late = NOW + timedelta(minutes=11)
    assert cars_dispatch(now=late) == 1
    assert cars_dispatch(now=late) == 0, "the order is on its way"
    assert orders("ClearChargingProfile") == [{"chargingProfileId": 1}]
    accept()

    assert cars_dispatch(now=late + timedelta(seconds=10)) == 0
    assert CarGoal.objects.get().profile is None


def test_the_connection_holds_a_car_back_even_without_departure(
    session: Session, site: Site
) -> None:
    Site.objects.update(grid_import_limit_kw=9.0)
    told(session, departure_at=None)
    follow(site, None)

    assert cars_dispatch(now=NOW) == 1

    assert periods(orders()[0]) == [{"startPeriod": 0, "limit": 9000}]


def test_a_car_that_is_not_known_enough_is_left_alone(session: Session, site: Site) -> None:
    car_goal_update(session_id=session.pk, now=NOW)
    follow(site, None)

    assert cars_dispatch(now=NOW) == 0
    assert orders() == []


def test_a_wish_reaches_the_station_with_the_next_dispatch(session: Session, site: Site) -> None:
    told(session)
    follow(site, None)
    cars_dispatch(now=NOW)
    accept()

    car_goal_set(
        session_id=session.pk, departure_at=NOW + timedelta(minutes=40), target_soc_percent=90,
        by=None, now=NOW,
    )  # fmt: skip

    assert cars_dispatch(now=NOW + timedelta(minutes=1)) == 1
    assert [periods(one)[0]["limit"] for one in orders()] == [0, 22000]


def test_a_station_that_is_offline_is_asked_when_it_is_back(session: Session, site: Site) -> None:
    told(session)
    plan_make(site, {session: [7.0] * 20})
    ChargingStation.objects.update(connection_state=ConnectionState.OFFLINE)

    assert cars_dispatch(now=NOW) == 0
    assert orders() == []
    ChargingStation.objects.update(connection_state=ConnectionState.ONLINE)

    assert cars_dispatch(now=NOW) == 1


def test_a_station_that_has_booted_since_is_told_again(session: Session, site: Site) -> None:
    told(session)
    plan_make(site, {session: [7.0] * 20})
    cars_dispatch(now=NOW)
    accept()

    ChargingStation.objects.update(booted_at=utc_now() + timedelta(seconds=1))

    assert cars_dispatch(now=NOW + timedelta(seconds=20)) == 1


def test_a_station_that_refuses_is_asked_again_after_a_minute(session: Session, site: Site) -> None:
    told(session)
    plan_make(site, {session: [7.0] * 20})
    cars_dispatch(now=NOW)
    accept("Rejected")
    refused_at = ChargingProfile.objects.get().requested_at

    assert cars_dispatch(now=refused_at + timedelta(seconds=59)) == 0
    assert cars_dispatch(now=refused_at + timedelta(seconds=61)) == 1
    accept()

    assert list(ChargingProfile.objects.order_by("pk").values_list("status", flat=True)) == [
        ProfileStatus.REJECTED,
        ProfileStatus.ACCEPTED,
    ]


def test_a_profile_set_by_hand_leads(session: Session, site: Site) -> None:
    told(session)
    plan_make(site, {session: [7.0] * 20})
    by_hand = {
        "stackLevel": 3,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "transactionId": "TX-CS-001",
        "chargingSchedule": [
            {
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 5000}],
            }
        ],
    }
    profile_set(station_id="CS-001", evse_id=1, profile=by_hand)
    accept()

    assert cars_dispatch(now=NOW) == 0
    assert len(orders()) == 1


def test_a_load_group_that_a_profile_would_overrule_keeps_the_car(
    session: Session, site: Site
) -> None:
    Evse.objects.create(station=session.station, evse_id=2)
    group = load_group_save(name="Car park", cap_a=16)
    load_group_member_set(group_id=group.pk, evse_pk=session.evse_id or 0)
    told(session)
    plan_make(site, {session: [22.0] * 20})

    for seconds in (0, 10, 70):
        assert cars_dispatch(now=NOW + timedelta(seconds=seconds)) == 0

    assert orders() == []
    row = ChargingProfile.objects.get(purpose=ProfilePurpose.TX)
    assert (row.status, row.source) == (ProfileStatus.REJECTED, ProfileSource.PLAN)


def test_what_cannot_be_reached_is_stated_once(session: Session, site: Site) -> None:
    DeviceVariable.objects.create(
        station=session.station, component="DisplayMessageCtrlr", variable="Available",
        value="true", reported_at=NOW,
    )  # fmt: skip
    told(session, departure_at=NOW + timedelta(minutes=30))
    follow(site, None)

    cars_dispatch(now=NOW)

    # 22 kW x 0.5 h x 0.92 = 10.12 kWh = 20.24 % of 50 kWh: 60.2 %, 9.88 kWh missing.
    goal = CarGoal.objects.get()
    assert (goal.expected_soc_percent, goal.shortfall_kwh) == (60.2, 9.88)
    assert goal.shortfall_told_at == NOW
    message = DisplayMessage.objects.get()
    assert message.transaction_id == "TX-CS-001"
    assert message.content == shortfall_text(goal, message.language)
    accept()

    cars_dispatch(now=NOW + timedelta(minutes=1))
    assert DisplayMessage.objects.count() == 1, "0.4 kWh more is no news"
    # The driver gives it more time: nothing is missing any more, and that is told too.
    car_goal_set(
        session_id=session.pk, departure_at=DEPARTURE, target_soc_percent=80, by=None, now=NOW
    )
    cars_dispatch(now=NOW + timedelta(minutes=1))
    goal.refresh_from_db()
    assert (goal.expected_soc_percent, goal.shortfall_kwh) == (80.0, 0.0)
    assert DisplayMessage.objects.count() == 2
    assert len(set(DisplayMessage.objects.values_list("message_id", flat=True))) == 1


def test_the_words_to_the_driver(session: Session, site: Site) -> None:
    told(session, departure_at=NOW + timedelta(minutes=30))
    follow(site, None)
    cars_dispatch(now=NOW)
    goal = CarGoal.objects.get()

    assert shortfall_text(goal, "en") == (
        "Your car will leave with 60 % instead of 80 %: 9.9 kWh missing."
    )
    assert DisplayMessage.objects.count() == 0, "the station has no display"


def test_a_plan_that_gives_less_than_the_target_is_a_shortfall(
    session: Session, site: Site
) -> None:
    told(session, departure_at=SLOT + timedelta(hours=2))
    plan_make(site, {session: [5.0] * 8}, soc_percent=70.0)

    cars_dispatch(now=NOW)

    goal = CarGoal.objects.get()
    assert (goal.expected_soc_percent, goal.shortfall_kwh) == (70.0, 5.0)


def test_a_car_that_left_gets_nothing_more(session: Session, site: Site) -> None:
    told(session)
    plan_make(site, {session: [7.0] * 20})
    Session.objects.update(state=SessionState.ENDED, ended_at=NOW)

    assert cars_dispatch(now=NOW) == 0
    assert orders() == []


def test_a_fault_of_one_car_does_not_stop_the_others(
    session: Session, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = session_make(station_make("CS-002"))
    told(session)
    told(other)
    plan_make(site, {session: [7.0] * 20, other: [7.0] * 20})
    # A band that no storage has, as only a fault of ours could leave it.
    CarGoal.objects.filter(session=session).update(profile=[["no date", 1.0]])
    ChargingProfile.objects.create(
        station=session.station, session=session, profile_id=5, purpose=ProfilePurpose.TX,
        kind="Absolute", schedules=[], source=ProfileSource.PLAN, status=ProfileStatus.ACCEPTED,
        requested_at=utc_now(),
    )  # fmt: skip

    assert cars_dispatch(now=NOW) == 1

    assert orders()[0]["chargingProfile"]["transactionId"] == "TX-CS-002"


def test_the_dispatch_of_one_operator_touches_no_other(
    session: Session, site: Site, operator_b: Operator
) -> None:
    told(session)
    charged(session, 1.0)
    plan_make(site, {session: [7.0] * 20})

    with operator_context(operator_b.schema_name):
        assert cars_dispatch(now=NOW) == 0
        assert Command.objects.count() == 0

    assert Command.objects.count() == 0
