"""What is wanted of a car, from whom, and what cannot be meant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.chargers.ocpp.v21.needs import CarNeeds
from apps.flexibility.cars.goals import (
    Band,
    Goal,
    GoalNote,
    Point,
    Wish,
    departure_note,
    goal_of,
    soc_counted_on,
    wish_check,
)
from apps.flexibility.choices import CarGoalOrigin
from cariflex.common.errors import DomainError

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
EVENING = NOW + timedelta(hours=6)
POLICY = Band(40.0, 80.0, 90.0)
POINT = Point(22.0)
NEEDS = CarNeeds(
    "AC_three_phase",
    departure_at=EVENING,
    most_charge_kw=11.0,
    capacity_kwh=50.0,
    soc_percent=30.0,
)


def goal(
    needs: CarNeeds | None = NEEDS,
    wish: Wish | None = None,
    point: Point = POINT,
    soc_percent: float | None = 35.0,
) -> Goal:
    return goal_of(
        needs=needs, wish=wish, policy=POLICY, point=point, soc_percent=soc_percent, now=NOW
    )


def test_a_car_tells_its_departure_and_the_policy_the_rest() -> None:
    found = goal()

    assert found == Goal(CarGoalOrigin.CAR, EVENING, 50.0, 35.0, POLICY, 11.0, 0.0)
    assert found.is_plannable


def test_without_a_word_the_policy_counts_and_the_car_is_not_planned() -> None:
    found = goal(needs=None, soc_percent=None)

    assert found.origin == CarGoalOrigin.DEFAULT
    assert (found.departure_at, found.band, found.most_charge_kw) == (None, POLICY, 22.0)
    assert set(found.notes) == {
        GoalNote.CAPACITY_MISSING, GoalNote.DEPARTURE_MISSING, GoalNote.SOC_MISSING,
    }  # fmt: skip
    assert not found.is_plannable


def test_the_energy_that_a_car_asks_for_is_its_target() -> None:
    # 30 % + 20 kWh of 50 kWh = 70 %, counted from when the car spoke.
    assert goal(replace(NEEDS, target_energy_kwh=20.0)).band.target_soc_percent == 70.0
    # More than fits is a full battery, and the highest SoC is raised to it.
    full = goal(replace(NEEDS, target_energy_kwh=60.0))
    assert full.band == Band(40.0, 100.0, 100.0)
    assert full.notes == (GoalNote.TARGET_ABOVE_MAX,)


def test_a_car_tells_the_band_in_which_it_gives_back() -> None:
    needs = replace(
        NEEDS, transfer="AC_BPT", most_discharge_kw=-7.4, target_soc_percent=75.0,
        least_v2x_energy_kwh=-5.0, most_v2x_energy_kwh=25.0,
    )  # fmt: skip

    found = goal(needs, point=Point(22.0, may_discharge=True))

    # 30 % - 5 kWh of 50 = 20 %; 30 % + 25 kWh of 50 = 80 %
    assert found.band == Band(20.0, 75.0, 80.0)
    assert found.most_discharge_kw == 7.4
    assert goal(needs).most_discharge_kw == 0.0, "the station has not said that it can"


def test_a_person_stands_above_the_car() -> None:
    wish = Wish(CarGoalOrigin.DRIVER, NOW + timedelta(hours=2), Band(30.0, 95.0, 100.0))

    found = goal(wish=wish)

    assert (found.origin, found.departure_at) == (CarGoalOrigin.DRIVER, NOW + timedelta(hours=2))
    assert found.band == Band(30.0, 95.0, 100.0)
    assert (found.capacity_kwh, found.most_charge_kw) == (50.0, 11.0)
    # Without a departure it shall be charged at once, whatever the car says.
    assert goal(wish=replace(wish, departure_at=None)).departure_at is None


@pytest.mark.parametrize(
    ("needs", "notes", "band"),
    [
        (
            replace(NEEDS, target_soc_percent=95.0),
            (GoalNote.TARGET_ABOVE_MAX,),
            Band(40.0, 95.0, 95.0),
        ),
        (
            replace(NEEDS, target_soc_percent=30.0),
            (GoalNote.MIN_ABOVE_TARGET,),
            Band(30.0, 30.0, 90.0),
        ),
        (replace(NEEDS, target_soc_percent=130.0), (GoalNote.TARGET_OUT_OF_RANGE,), POLICY),
        (replace(NEEDS, target_soc_percent=-1.0), (GoalNote.TARGET_OUT_OF_RANGE,), POLICY),
    ],
)
def test_a_band_that_cannot_be_meant_is_put_in_order(
    needs: CarNeeds, notes: tuple[GoalNote, ...], band: Band
) -> None:
    found = goal(needs)

    assert (found.notes, found.band) == (notes, band)


@pytest.mark.parametrize(
    ("needs", "soc_percent", "note"),
    [
        (replace(NEEDS, capacity_kwh=None), 35.0, GoalNote.CAPACITY_MISSING),
        (replace(NEEDS, capacity_kwh=0.0), 35.0, GoalNote.CAPACITY_OUT_OF_RANGE),
        (replace(NEEDS, capacity_kwh=50_000.0), 35.0, GoalNote.CAPACITY_OUT_OF_RANGE),
        (NEEDS, None, GoalNote.SOC_MISSING),
        (NEEDS, -1.0, GoalNote.SOC_OUT_OF_RANGE),
        (NEEDS, 101.0, GoalNote.SOC_OUT_OF_RANGE),
    ],
)
def test_a_car_that_is_not_known_enough_is_not_planned(
    needs: CarNeeds, soc_percent: float | None, note: GoalNote
) -> None:
    found = goal(needs, soc_percent=soc_percent)

    assert found.notes == (note,)
    assert not found.is_plannable


@pytest.mark.parametrize(
    ("departure_at", "note", "kept"),
    [
        (None, GoalNote.DEPARTURE_MISSING, None),
        (NOW, GoalNote.DEPARTURE_PAST, NOW),
        (NOW + timedelta(days=8), GoalNote.DEPARTURE_FAR, None),
        (NOW + timedelta(days=7), None, NOW + timedelta(days=7)),
    ],
)
def test_a_departure_that_cannot_be_planned_for_is_named(
    departure_at: datetime | None, note: GoalNote | None, kept: datetime | None
) -> None:
    found = goal(replace(NEEDS, departure_at=departure_at))

    assert departure_note(departure_at, NOW) is note
    assert found.notes == (() if note is None else (note,))
    assert found.departure_at == kept


@pytest.mark.parametrize(
    ("departure_at", "band", "code", "field"),
    [
        (NOW, POLICY, "car_goal.departure_past", "departure_at"),
        (NOW + timedelta(days=8), POLICY, "car_goal.departure_far", "departure_at"),
        (EVENING, Band(40, 101, 101), "car_goal.soc_out_of_range", "target_soc_percent"),
        (EVENING, Band(-1, 80, 90), "car_goal.soc_out_of_range", "min_soc_percent"),
        (EVENING, Band(40, 80, 120), "car_goal.soc_out_of_range", "max_soc_percent"),
        (EVENING, Band(85, 80, 90), "car_goal.min_above_target", "min_soc_percent"),
        (EVENING, Band(40, 95, 90), "car_goal.target_above_max", "target_soc_percent"),
    ],
)
def test_a_person_is_told_what_is_wrong(
    departure_at: datetime, band: Band, code: str, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        wish_check(departure_at=departure_at, band=band, now=NOW)

    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_sound_wish_passes() -> None:
    wish_check(departure_at=None, band=POLICY, now=NOW)
    wish_check(departure_at=EVENING, band=Band(0, 100, 100), now=NOW)


def test_the_state_of_charge_is_counted_on_from_the_energy() -> None:
    # 10 kWh x 0.92 = 9.2 kWh of 50 kWh = 18.4 %
    assert soc_counted_on(soc_percent=30, capacity_kwh=50, charged_kwh=10) == pytest.approx(48.4)
    # 9.2 kWh given back cost the battery 10 kWh = 20 %
    assert soc_counted_on(
        soc_percent=60, capacity_kwh=50, charged_kwh=0, discharged_kwh=9.2
    ) == pytest.approx(40.0)
    assert soc_counted_on(soc_percent=90, capacity_kwh=50, charged_kwh=100) == 100.0
    assert soc_counted_on(soc_percent=5, capacity_kwh=50, charged_kwh=0, discharged_kwh=50) == 0.0


maybe = st.none() | st.floats(-200, 200)


@given(
    target=maybe, energy=maybe, lowest=maybe, highest=maybe, soc=maybe, capacity=maybe,
    charge=st.none() | st.floats(0, 400), discharge=st.none() | st.floats(-400, 0),
)  # fmt: skip
def test_whatever_a_car_tells_the_goal_is_sound(
    target: float | None, energy: float | None, lowest: float | None, highest: float | None,
    soc: float | None, capacity: float | None, charge: float | None, discharge: float | None,
) -> None:  # fmt: skip
    needs = CarNeeds(
        "DC_BPT", departure_at=EVENING, capacity_kwh=capacity, soc_percent=soc,
        target_soc_percent=target, target_energy_kwh=energy, least_v2x_energy_kwh=lowest,
        most_v2x_energy_kwh=highest, most_charge_kw=charge, most_discharge_kw=discharge,
    )  # fmt: skip

    found = goal(needs, point=Point(50.0, may_discharge=True), soc_percent=soc)

    band = found.band
    assert 0 <= band.min_soc_percent <= band.target_soc_percent <= band.max_soc_percent <= 100
    assert 0 <= found.most_charge_kw <= 50
    assert 0 <= found.most_discharge_kw <= 50
    assert found.soc_percent is None or 0 <= found.soc_percent <= 100
    assert found.capacity_kwh is None or 1 <= found.capacity_kwh <= 1000
