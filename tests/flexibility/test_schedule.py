"""The schedule of a local day: plans in force, measurements, limits; and why, from what is kept."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from apps.assets.models import Device, Sensor, Site
from apps.assets.services import ReadingRow, device_register, readings_store
from apps.flexibility.explaining import Code, SubjectKind
from apps.flexibility.models import ControlState, Plan
from apps.flexibility.selectors.explanations import explanation, reason_in
from apps.flexibility.selectors.schedule import ScheduleDay, schedule_day
from apps.flexibility.selectors.schedule_courses import soc_at_edges
from apps.flexibility.services.grid_requests import grid_request_add
from apps.flexibility.services.policies import policy_set
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility import day_scene
from tests.flexibility.conftest import NOW, SLOT, Island, report
from tests.flexibility.day_scene import DAY_START, NOW_SLOT


@pytest.fixture
def planned(island: Island) -> tuple[Plan, Plan, Plan]:
    return day_scene.plans(island)


def day_of(island: Island, now: datetime = NOW, day: date | None = None) -> ScheduleDay:
    return schedule_day(site_id=island.site.pk, now=now, day=day)


def at(found: ScheduleDay, key: str, column: str, *slots: int) -> list[float | None]:
    course = found.course(key)
    assert course is not None
    return [getattr(course, column)[slot] for slot in slots]


def test_a_day_has_the_quarter_hours_of_the_sites_clock(island: Island) -> None:
    found = day_of(island)

    assert (found.start, found.end, len(found.starts)) == (
        DAY_START, DAY_START + timedelta(hours=24), 96,
    )  # fmt: skip
    assert (found.day, found.today) == (date(2026, 3, 11), date(2026, 3, 11))


def test_each_slot_is_planned_by_the_newest_plan_that_covers_it(
    island: Island, planned: tuple[Plan, Plan, Plan]
) -> None:
    first, second, _failed = planned
    before, a, b = NOW_SLOT - 2, NOW_SLOT - 1, NOW_SLOT

    found = day_of(island)

    assert [found.plan_ids[n] for n in (before, a, b, 95)] == [
        None, first.pk, second.pk, second.pk,
    ]  # fmt: skip
    key = f"device-{island.bat_1.pk}"
    assert at(found, key, "planned_kw", before, a, b, 95) == [None, 10.0, 20.0, 20.0]
    assert at(found, "batteries", "planned_kw", before, a, b) == [None, 20.0, 40.0]
    # Of the end of a slot: plan A says 51 % for 12:00, plan B 51 % for 12:15.
    assert at(found, key, "planned_soc_percent", a, b, b + 1, b + 2) == [None, 51.0, 51.0, 52.0]


def test_the_site_is_what_its_parts_are(island: Island, planned: tuple[Plan, Plan, Plan]) -> None:
    found = day_of(island)

    # PV -40, load 10, cars 5, batteries 40: 15 kW drawn.
    assert at(found, "pv", "planned_kw", NOW_SLOT) == [-40.0]
    assert at(found, "load", "planned_kw", NOW_SLOT) == [10.0]
    assert at(found, "cars", "planned_kw", NOW_SLOT) == [5.0]
    assert at(found, "site", "planned_kw", NOW_SLOT - 2, NOW_SLOT - 1, NOW_SLOT) == [
        None, -5.0, 15.0,
    ]  # fmt: skip
    assert found.price_eur_per_mwh[NOW_SLOT - 1 : NOW_SLOT + 5] == (40, 40, 40, 40, 40, 80)
    assert (found.steering_eur_per_mwh[95], found.co2_g_per_kwh[95]) == (80.0, 500.0)


def test_what_was_measured_stands_beside_it(
    island: Island, planned: tuple[Plan, Plan, Plan]
) -> None:
    report(island, SLOT + timedelta(seconds=30), soc=60.0, power=18.0)

    found = day_of(island)

    key = f"device-{island.bat_2.pk}"
    # The island's own report at 12:05 comes with that instant, which is not over.
    assert at(found, key, "actual_kw", NOW_SLOT) == [18.0]
    assert at(found, "batteries", "actual_kw", NOW_SLOT) == [36.0]
    assert at(found, "pv", "actual_kw", NOW_SLOT) == [-60.0]
    assert at(found, "site", "actual_kw", NOW_SLOT) == [-24.0]
    assert at(found, key, "actual_soc_percent", NOW_SLOT) == [60.0]
    assert at(found, key, "actual_kw", NOW_SLOT + 1) == [None]


def test_a_meter_at_the_connection_tells_the_load(
    island: Island, planned: tuple[Plan, Plan, Plan]
) -> None:
    meter = device_register(
        site=island.site, code="meter", name="Meter", kind="meter", host="127.0.0.1", port=15009,
        rated_power_kw=100.0,
    )  # fmt: skip
    Device.objects.filter(pk=meter.pk).update(is_grid_meter=True)
    power = Sensor.objects.get(device=meter, quantity="power_kw")
    readings_store([ReadingRow(power.pk, NOW, -52.0)])

    found = day_of(island, now=NOW + timedelta(minutes=1))

    # -52 at the meter and -60 of sun: 8 kW of load.
    assert at(found, "site", "actual_kw", NOW_SLOT) == [-52.0]
    assert at(found, "load", "actual_kw", NOW_SLOT) == [8.0]


def test_a_car_has_its_own_line(island: Island, planned: tuple[Plan, Plan, Plan]) -> None:
    session = day_scene.car(island.site.pk, planned[1])

    found = day_of(island)

    key = f"session-{session.pk}"
    assert at(found, key, "planned_kw", NOW_SLOT - 1, NOW_SLOT, NOW_SLOT + 12) == [None, 8.0, None]
    assert at(found, key, "actual_kw", NOW_SLOT - 1, NOW_SLOT) == [8.0, None]
    assert at(found, key, "actual_soc_percent", NOW_SLOT - 1, NOW_SLOT) == [40.0, 43.0]
    assert at(found, key, "planned_soc_percent", NOW_SLOT + 1) == [48.0]
    assert at(found, "cars", "planned_kw", NOW_SLOT) == [13.0]
    assert at(found, "cars", "actual_kw", NOW_SLOT - 1) == [8.0]
    course = found.course(key)
    assert course is not None
    assert (course.name, course.charge_kw, course.soc_max_percent) == ("Marina", 11.0, 90.0)


def test_requests_of_the_grid_lower_the_limits(island: Island) -> None:
    grid_request_add(
        site_id=island.site.pk, kind="import_limit", limit_kw=60.0, now=NOW,
        start=SLOT + QUARTER_HOUR, end=SLOT + 2 * QUARTER_HOUR,
    )  # fmt: skip

    found = day_of(island)

    assert found.import_limit_kw[NOW_SLOT : NOW_SLOT + 3] == (500.0, 60.0, 500.0)
    assert set(found.export_limit_kw) == {500.0}
    assert [(r.limit_kw, r.start) for r in found.requests] == [(60.0, SLOT + QUARTER_HOUR)]


def test_the_days_attempts_are_listed(island: Island, planned: tuple[Plan, Plan, Plan]) -> None:
    found = day_of(island)

    assert [
        (p.plan_id, p.status, p.trigger, p.reason_code, p.duration_s, p.unresolved)
        for p in found.plans
    ] == [
        (planned[2].pk, "failed", "scheduled", "unavailable", None, 1),
        (planned[1].pk, "accepted", "prices", "", 12.5, 0),
        (planned[0].pk, "accepted", "scheduled", "", 12.5, 0),
    ]
    assert (found.control.mode, found.control.since) == ("plan", SLOT)


def test_set_points_in_force_are_those_that_have_not_ended(island: Island) -> None:
    day_scene.setpoint(island)
    day_scene.setpoint(island, device=island.bat_2, status="superseded")

    found = day_of(island)

    assert [(s.device_id, s.power_kw, s.source) for s in found.setpoints] == [
        (island.bat_1.pk, 20.0, "plan")
    ]
    assert day_of(island, now=SLOT + timedelta(minutes=17)).setpoints == ()


def test_tomorrow_and_yesterday_can_be_looked_at(
    island: Island, planned: tuple[Plan, Plan, Plan]
) -> None:
    tomorrow = day_of(island, day=date(2026, 3, 12))
    yesterday = day_of(island, day=date(2026, 3, 10))

    # Plan B ends at 12:00 UTC of the next day.
    assert at(tomorrow, "batteries", "planned_kw", 0, NOW_SLOT - 1, NOW_SLOT) == [40, 40, None]
    # 04:00 UTC begins where the slot before ended: 51 + 63 = at most 90 %.
    assert at(tomorrow, "batteries", "planned_soc_percent", 0) == [90.0]
    assert set(at(tomorrow, "pv", "actual_kw", *range(96))) == {None}
    assert set(at(yesterday, "batteries", "planned_kw", *range(96))) == {None}
    assert (yesterday.plans, tomorrow.plans) == ((), ())


def test_an_empty_site_has_an_empty_day(operator_a: Operator) -> None:
    site = Site.objects.create(code="new", name="New")

    found = schedule_day(site_id=site.pk, now=NOW)

    assert [c.key for c in found.courses] == ["site", "batteries", "pv", "load", "cars"]
    assert {v for c in found.courses for v in (*c.planned_kw, *c.actual_kw)} == {None}
    assert (found.control.mode, found.plans, found.setpoints) == ("fallback", (), ())


def test_a_day_keeps_its_budget(
    island: Island, planned: tuple[Plan, Plan, Plan], django_assert_max_num_queries: Any
) -> None:
    day_scene.car(island.site.pk, planned[1])
    day_scene.setpoint(island)

    with django_assert_max_num_queries(44):  # 22, each with its SET search_path
        day_of(island)


def test_the_other_operator_has_no_such_site(island: Island, operator_b: Operator) -> None:
    with operator_context(operator_b.schema_name), pytest.raises(Site.DoesNotExist):
        day_of(island)


def test_soc_at_an_edge_is_between_the_steps_around_it() -> None:
    step = timedelta(minutes=5)
    means = {SLOT - step: 50.0, SLOT: 52.0, SLOT + 2 * step: 55.0}
    edges = [SLOT, SLOT + QUARTER_HOUR, SLOT + 2 * QUARTER_HOUR]

    assert soc_at_edges(means, edges) == {SLOT: 51.0, SLOT + QUARTER_HOUR: 55.0}


# --- why ----------------------------------------------------------------------------------------


def why_codes(island: Island, key: str, slot: datetime, now: datetime = NOW) -> dict[Code, Any]:
    found = explanation(site_id=island.site.pk, key=key, at=slot, now=now)
    assert found is not None
    return {fact.code: dict(fact.numbers) for fact in found.facts}


def test_a_battery_is_explained_from_its_plan(
    island: Island, planned: tuple[Plan, Plan, Plan]
) -> None:
    policy_set(site_id=island.site.pk, now=NOW, reserve_kw=30.0)
    later = SLOT + timedelta(hours=2)

    found = explanation(
        site_id=island.site.pk, key=f"device-{island.bat_1.pk}", at=later + timedelta(minutes=3),
        now=NOW,
    )  # fmt: skip

    assert found is not None
    assert (found.kind, found.name, found.start, found.plan_id, found.planned_kw) == (
        SubjectKind.BATTERY, "bat_1", later, planned[1].pk, 20.0,
    )  # fmt: skip
    # Sun 40, load 10, cars 5: 25 kW left, 40 kW charged by two: 12.5 kW each.
    assert {fact.code: dict(fact.numbers) for fact in found.facts} == {
        Code.CHARGES: {"power_kw": 20.0},
        Code.PRICE_RANK: {"price": 80.0, "cheaper": 4, "dearer": 4, "count": 96},
        Code.SUN_STORED: {"stored_kw": 12.5, "surplus_kw": 25.0},
        Code.BOUGHT: {"bought_kw": 7.5},
        Code.RESERVE: {"reserve_kw": 30.0},
    }
    assert (found.setpoint_kw, found.measured_kw) == (None, None)


def test_all_batteries_are_explained_as_one(
    island: Island, planned: tuple[Plan, Plan, Plan]
) -> None:
    day_scene.setpoint(island)
    day_scene.setpoint(island, device=island.bat_2, power_kw=12.0)

    found = explanation(site_id=island.site.pk, key="batteries", at=SLOT, now=NOW)

    assert found is not None
    # 20 + 20 planned, 20 + 12 asked; both end at 51 %.
    assert (found.planned_kw, found.setpoint_kw, found.planned_soc_percent) == (40.0, 32.0, 51.0)
    codes = {fact.code: dict(fact.numbers) for fact in found.facts}
    assert codes[Code.SUN_STORED] == {"stored_kw": 25.0, "surplus_kw": 25.0}
    assert codes[Code.CORRECTED] == {"planned_kw": 40.0, "setpoint_kw": 32.0}


def test_the_running_slot_tells_what_is_followed(
    island: Island, planned: tuple[Plan, Plan, Plan]
) -> None:
    day_scene.setpoint(island, power_kw=5.0, source="fallback", reason="own rule: unavailable")
    ControlState.objects.update(mode="fallback", reason_code="unavailable")

    codes = why_codes(island, f"device-{island.bat_1.pk}", SLOT)

    assert codes[Code.OWN_RULE] == {"reason": "unavailable"}
    # The island's batteries report 0 kW: more than 5 % of 50 kW away from 5 kW.
    assert codes[Code.DIFFERS] == {"setpoint_kw": 5.0, "measured_kw": 0.0}


@pytest.mark.parametrize(
    ("source", "reason", "code", "numbers"),
    [
        ("plan", "plan 1 held: rate_limited", Code.HELD, {"reason": "rate_limited"}),
        ("fallback", "own rule: soc_missing", Code.OWN_RULE, {"reason": "soc_missing"}),
        ("operator", "test run", Code.OPERATOR, {}),
        ("grid", "limit", Code.GRID, {}),
        ("plan", "plan 1", Code.CORRECTED, {"planned_kw": 20.0, "setpoint_kw": 3.0}),
    ],
)
def test_a_slot_that_is_over_tells_what_its_set_point_kept(
    island: Island, planned: tuple[Plan, Plan, Plan], source: str, reason: str, code: Code,
    numbers: dict[str, Any],
) -> None:  # fmt: skip
    day_scene.setpoint(island, source=source, reason=reason, power_kw=3.0, status="expired")
    candidates = {Code.HELD, Code.OWN_RULE, Code.OPERATOR, Code.GRID, Code.CORRECTED}

    codes = why_codes(island, f"device-{island.bat_1.pk}", SLOT, now=SLOT + timedelta(hours=1))

    assert {c: codes[c] for c in candidates & codes.keys()} == {code: numbers}


def test_a_car_is_explained_by_its_departure(
    island: Island, planned: tuple[Plan, Plan, Plan]
) -> None:
    session = day_scene.car(island.site.pk, planned[1])

    codes = why_codes(island, f"session-{session.pk}", SLOT + QUARTER_HOUR)

    # 48 % then, 80 % wanted of 60 kWh: 19.2 kWh.
    assert codes[Code.CAR_LEAVES] == {
        "at": SLOT + timedelta(hours=6), "needs_kwh": pytest.approx(19.2), "target": 80.0,
    }  # fmt: skip


def test_the_sun_is_explained_as_a_whole(island: Island, planned: tuple[Plan, Plan, Plan]) -> None:
    assert why_codes(island, "pv", SLOT)[Code.PV_FREE] == {"expected_kw": 40.0}


def test_without_a_plan_that_is_said(island: Island) -> None:
    later = SLOT + timedelta(hours=3)

    assert why_codes(island, f"device-{island.bat_1.pk}", later) == {Code.NO_PLAN: {}}


@pytest.mark.parametrize(
    "key", ["", "device-", "device-0", "device-x", "session-1", "load", "device-" + "9" * 30]
)
def test_what_is_not_there_is_not_explained(island: Island, key: str) -> None:
    assert explanation(site_id=island.site.pk, key=key, at=SLOT, now=NOW) is None


def test_a_device_of_another_site_is_not_explained_here(island: Island) -> None:
    other = Site.objects.create(code="other", name="Other")

    assert explanation(site_id=other.pk, key=f"device-{island.bat_1.pk}", at=SLOT, now=NOW) is None


def test_an_explanation_keeps_its_budget(
    island: Island, planned: tuple[Plan, Plan, Plan], django_assert_max_num_queries: Any
) -> None:
    day_scene.setpoint(island)
    session = day_scene.car(island.site.pk, planned[1])

    for key in (f"device-{island.bat_1.pk}", "batteries", f"session-{session.pk}", "pv"):
        with django_assert_max_num_queries(30):  # 15, each with its SET search_path
            why_codes(island, key, SLOT)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("own rule: unavailable", "unavailable"),
        ("plan 7 held: plan_pending, state of charge 90.0 %", "plan_pending"),
        ("plan 7", ""),
        ("", ""),
    ],
)
def test_the_reason_is_found_in_the_words_of_a_set_point(text: str, code: str) -> None:
    assert reason_in(text) == code
