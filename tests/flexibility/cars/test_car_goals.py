"""Goals of cars in the store: from their words, from persons, and what calls for a plan."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.assets.models import Site
from apps.chargers.choices import SessionState
from apps.chargers.models import (
    ChargingNeeds,
    ChargingStation,
    Command,
    DeviceVariable,
    Session,
    SessionTerms,
)
from apps.flexibility.car_state import CarState
from apps.flexibility.choices import CarGoalOrigin, ReplanReason
from apps.flexibility.models import CarGoal, ReplanCall, SitePolicy
from apps.flexibility.selectors.cars import (
    car_goal_view,
    cars_to_plan,
    cars_unplanned_kw,
)
from apps.flexibility.services.cars import (
    car_goal_set,
    car_goal_update,
    car_goals_refresh,
    car_left,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.flexibility.cars.conftest import (
    EVENING,
    NOW,
    charged,
    meter,
    needs_2_0_1,
    needs_both_ways,
    session_make,
    station_make,
    tell_needs,
)


def call() -> str | None:
    return ReplanCall.objects.values_list("reason", flat=True).first()


def calls_forget() -> None:
    ReplanCall.objects.all().delete()


def test_a_new_car_gets_the_policys_goal_and_calls_for_a_plan(session: Session, site: Site) -> None:
    SitePolicy.objects.create(
        site=site, car_min_soc_percent=30, car_target_soc_percent=70, car_max_soc_percent=80
    )

    goal = car_goal_update(session_id=session.pk, now=NOW)

    assert goal is not None
    assert (goal.origin, goal.departure_at, goal.capacity_kwh) == ("default", None, None)
    assert (goal.min_soc_percent, goal.target_soc_percent, goal.max_soc_percent) == (30, 70, 80)
    assert (goal.most_charge_kw, goal.most_discharge_kw) == (22.0, 0.0)
    assert call() == ReplanReason.CAR_ARRIVED
    assert cars_to_plan(site_id=site.pk, now=NOW) == []


def test_what_the_car_tells_becomes_its_goal(session: Session, site: Site) -> None:
    car_goal_update(session_id=session.pk, now=NOW)
    calls_forget()
    tell_needs(session, needs_2_0_1())

    car_goal_update(session_id=session.pk, now=NOW)

    assert call() == ReplanReason.CAR_GOAL
    assert cars_to_plan(site_id=site.pk, now=NOW) == [
        CarState(
            session_id=session.pk,
            station_id="CS-001",
            evse_pk=session.evse_id or 0,
            capacity_kwh=50.0,
            soc_percent=40.0,
            target_soc_percent=80.0,
            min_soc_percent=40.0,
            max_soc_percent=90.0,
            most_charge_kw=22.0,
            most_discharge_kw=0.0,
            departure_at=EVENING,
            charging_efficiency=0.92,
            discharging_efficiency=0.92,
        )
    ]
    assert cars_to_plan(site_id=site.pk + 1, now=NOW) == []


def test_a_second_update_changes_nothing(session: Session) -> None:
    tell_needs(session, needs_2_0_1())
    car_goal_update(session_id=session.pk, now=NOW)
    calls_forget()
    before = CarGoal.objects.values().get()

    car_goal_update(session_id=session.pk, now=NOW)

    assert CarGoal.objects.values().get() == before
    assert call() is None


def test_between_two_words_the_state_of_charge_is_counted_on(session: Session, site: Site) -> None:
    tell_needs(session, needs_2_0_1())
    car_goal_update(session_id=session.pk, now=NOW)

    charged(session, 10.0)

    # 40 % + 10 kWh x 0.92 of 50 kWh = 58.4 %
    (car,) = cars_to_plan(site_id=site.pk, now=NOW)
    assert car.soc_percent == pytest.approx(58.4)


def test_a_newer_word_among_the_meter_values_counts(session: Session, site: Site) -> None:
    tell_needs(session, needs_2_0_1())
    charged(session, 4.0, at=NOW - timedelta(minutes=4))
    meter(session, "SoC", 50.0, NOW - timedelta(minutes=4))
    charged(session, 6.0, at=NOW)
    calls_forget()

    car_goal_update(session_id=session.pk, now=NOW)

    goal = CarGoal.objects.get()
    assert (goal.soc_percent, goal.soc_energy_kwh) == (50.0, 4.0)
    assert goal.soc_at == NOW - timedelta(minutes=4)
    # 50 % + (6 - 4) kWh x 0.92 of 50 kWh = 53.68 %
    (car,) = cars_to_plan(site_id=site.pk, now=NOW)
    assert car.soc_percent == pytest.approx(53.68)


def test_a_car_far_from_where_it_was_counted_calls_for_a_plan(session: Session) -> None:
    tell_needs(session, needs_2_0_1())
    car_goal_update(session_id=session.pk, now=NOW)
    calls_forget()

    meter(session, "SoC", 44.0, NOW)
    car_goal_update(session_id=session.pk, now=NOW)
    assert call() is None, "4 points apart"
    meter(session, "SoC", 50.0, NOW + timedelta(seconds=1))
    car_goal_update(session_id=session.pk, now=NOW)

    assert call() == ReplanReason.CAR_GOAL


def test_what_a_car_gives_back_is_counted_off(site: Site) -> None:
    session = session_make(both_ways_station())
    tell_needs(session, needs_both_ways())
    session.refresh_from_db()
    allow(session)
    car_goal_update(session_id=session.pk, now=NOW)
    meter(session, "Energy.Active.Export.Register", 500.0, NOW - timedelta(minutes=9))
    meter(session, "Energy.Active.Export.Register", 505.52, NOW)

    # 5.52 kWh / 0.92 = 6 kWh of 60 kWh: 10 points less than 40 %
    (car,) = cars_to_plan(site_id=site.pk, now=NOW)
    assert car.soc_percent == pytest.approx(30.0)
    assert car.most_discharge_kw == 11.0


def both_ways_station() -> ChargingStation:
    station = station_make(version="2.1")
    DeviceVariable.objects.create(
        station=station, component="V2XChargingCtrlr", variable="Enabled", value="true",
        reported_at=NOW,
    )  # fmt: skip
    return station


def allow(session: Session) -> None:
    SessionTerms.objects.create(session=session, allowed_transfers=["DC", "DC_BPT"])


def test_a_car_that_asks_for_both_ways_is_told_once_that_it_may(site: Site) -> None:
    session = session_make(both_ways_station())
    tell_needs(session, needs_both_ways())

    for _turn in range(2):
        car_goal_update(session_id=session.pk, now=NOW)

    command = Command.objects.get()
    assert command.action == "NotifyAllowedEnergyTransfer"
    assert command.payload == {
        "transactionId": "TX-CS-001",
        "allowedEnergyTransfer": ["DC", "DC_BPT"],
    }
    assert CarGoal.objects.get().most_discharge_kw == 0.0, "the station has not agreed yet"


def test_a_person_stands_above_the_car(session: Session, site: Site) -> None:
    tell_needs(session, needs_2_0_1())
    car_goal_update(session_id=session.pk, now=NOW)
    calls_forget()

    goal = car_goal_set(
        session_id=session.pk, departure_at=NOW + timedelta(hours=1), target_soc_percent=95.0,
        by=None, now=NOW,
    )  # fmt: skip

    assert call() == ReplanReason.CAR_GOAL
    assert (goal.origin, goal.max_soc_percent) == (CarGoalOrigin.OPERATOR, 95.0)
    tell_needs(session, needs_2_0_1(soc=45), at=NOW)
    car_goal_update(session_id=session.pk, now=NOW)
    (car,) = cars_to_plan(site_id=site.pk, now=NOW)
    assert (car.departure_at, car.target_soc_percent) == (NOW + timedelta(hours=1), 95.0)
    assert car.soc_percent == 45.0, "its state of charge is the car's to tell"


def test_a_wish_that_cannot_be_is_refused_and_changes_nothing(session: Session) -> None:
    tell_needs(session, needs_2_0_1())
    car_goal_update(session_id=session.pk, now=NOW)
    before = CarGoal.objects.values().get()

    for departure_at, target, code, field in (
        (NOW - timedelta(minutes=1), 80.0, "car_goal.departure_past", "departure_at"),
        (EVENING, 101.0, "car_goal.soc_out_of_range", "target_soc_percent"),
        (EVENING, float("nan"), "car_goal.soc_out_of_range", "target_soc_percent"),
    ):
        with pytest.raises(DomainError) as refused:
            car_goal_set(
                session_id=session.pk, departure_at=departure_at, target_soc_percent=target,
                by=None, now=NOW,
            )  # fmt: skip
        assert (refused.value.code, refused.value.field) == (code, field)

    assert CarGoal.objects.values().get() == before


def test_a_session_that_has_ended_has_no_more_goal(session: Session, site: Site) -> None:
    tell_needs(session, needs_2_0_1())
    car_goal_update(session_id=session.pk, now=NOW)
    calls_forget()
    Session.objects.update(state=SessionState.ENDED, ended_at=timezone.now())

    car_left(session_id=session.pk, now=NOW)

    assert call() == ReplanReason.CAR_LEFT
    assert car_goal_update(session_id=session.pk, now=NOW) is None
    assert cars_to_plan(site_id=site.pk, now=NOW) == []
    with pytest.raises(DomainError) as refused:
        car_goal_set(
            session_id=session.pk, departure_at=EVENING, target_soc_percent=80, by=None, now=NOW
        )
    assert refused.value.code == "car_goal.session_ended"


def test_a_car_that_stays_longer_is_one_without_departure(session: Session, site: Site) -> None:
    tell_needs(session, needs_2_0_1(departure_at=NOW + timedelta(minutes=1)))
    car_goal_update(session_id=session.pk, now=NOW)

    (car,) = cars_to_plan(site_id=site.pk, now=NOW + timedelta(minutes=2))

    assert car.departure_at is None
    view = car_goal_view(session_id=session.pk, now=NOW + timedelta(minutes=2))
    assert view is not None
    assert (view.departure_note, view.is_planned) == ("departure_past", False)
    assert view.departure_at == NOW + timedelta(minutes=1)


def test_cars_that_are_not_planned_count_as_load(session: Session, site: Site) -> None:
    other = session_make(station_make("CS-002"))
    # Neither has told enough; the second has not been measured yet: 11 kW and its station's 22 kW.
    charged(session, 1.0)
    car_goals_refresh(now=NOW)
    assert cars_unplanned_kw(site_id=site.pk, now=NOW) == 33.0

    tell_needs(other, needs_2_0_1())
    assert car_goals_refresh(now=NOW) == 2

    assert cars_unplanned_kw(site_id=site.pk, now=NOW) == 11.0
    assert cars_unplanned_kw(site_id=site.pk + 1, now=NOW) == 0.0


def test_two_operators_know_nothing_of_each_others_cars(
    session: Session, site: Site, operator_b: Operator
) -> None:
    tell_needs(session, needs_2_0_1())
    car_goal_update(session_id=session.pk, now=NOW)

    with operator_context(operator_b.schema_name):
        assert car_goals_refresh(now=NOW) == 0
        assert cars_to_plan(site_id=site.pk, now=NOW) == []
        assert cars_unplanned_kw(site_id=site.pk, now=NOW) == 0.0
        assert car_goal_view(session_id=session.pk, now=NOW) is None
        assert CarGoal.objects.count() == ReplanCall.objects.count() == 0
        with pytest.raises(DomainError):
            car_goal_set(
                session_id=session.pk, departure_at=EVENING, target_soc_percent=80, by=None, now=NOW
            )


@pytest.mark.parametrize(
    ("needs", "answer"),
    [
        (needs_2_0_1(departure_at=timezone.now() + timedelta(hours=3)), "Processing"),
        (needs_2_0_1(departure_at=None), "Rejected"),
        (needs_2_0_1(departure_at=timezone.now() + timedelta(hours=3), soc=None), "Rejected"),
        (
            needs_2_0_1(departure_at=timezone.now() + timedelta(hours=3), capacity_wh=None),
            "Rejected",
        ),
        (needs_2_0_1(departure_at=NOW), "Rejected"),
    ],
)
def test_only_a_car_that_says_enough_is_promised_a_profile(
    session: Session, needs: dict[str, object], answer: str
) -> None:
    tell_needs(session, needs)

    assert ChargingNeeds.objects.get().answer == answer
    assert Decimal(0) == session.energy_kwh
