"""Plans through the whole way to a stand-in for FlexMeasures."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.chargers.services.ad_hoc import payments
from apps.flexibility.choices import PlanReason, PlanStatus, SensorRole
from apps.flexibility.clients.flexmeasures_shapes import unmet_wishes
from apps.flexibility.events import PlanChanged
from apps.flexibility.models import FlexmeasuresSensor, Plan, PlanSlot
from apps.flexibility.selectors import (
    plan_device_slots,
    plan_in_force,
    plan_slots_total,
    plan_summary,
    plan_today,
)
from apps.flexibility.services import plans
from apps.flexibility.services.plans import plan_refresh
from apps.flexibility.services.provisioning import FlexmeasuresServer
from apps.markets.events import PricesChanged
from apps.outbox.models import OutboxMessage
from apps.outbox.services import outbox_add
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common import events
from cariflex.common.time import utc_now
from cariflex.common.units import QUARTER_HOUR
from tests.contracts.flexmeasures_fake import FlexmeasuresFake
from tests.flexibility.conftest import NOW, SLOT, Island, island_make, price_of, prices_make

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def changed() -> Iterator[list[PlanChanged]]:
    """The PlanChanged events of the test."""
    seen: list[PlanChanged] = []
    events.subscribe(PlanChanged, seen.append)
    yield seen
    events.unsubscribe(PlanChanged, seen.append)


def sensor(role: SensorRole) -> FlexmeasuresSensor:
    return FlexmeasuresSensor.objects.get(role=role, asset__device__isnull=True)


@pytest.mark.usefixtures("priced")
def test_plan_covers_24_hours_from_the_current_quarter_hour(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    (plan,) = plan_refresh(server=server, now=NOW)

    assert (plan.status, plan.reason_code) == (PlanStatus.ACCEPTED, "")
    assert (plan.start, plan.end) == (SLOT, SLOT + DAY)
    assert PlanSlot.objects.filter(plan=plan).count() == 2 * 96
    first = plan_device_slots(plan.pk)[:3]
    assert [s.device_id for s in first] == [island.bat_1.pk] * 3
    assert [s.power_kw for s in first] == [8.0, -4.0, 0.0]
    # 50 % of 100 kWh, 2 kWh in at 96 %, then 1 kWh out at 96 %.
    assert [round(s.soc_percent, 3) for s in first] == [51.92, 50.878, 50.878]


@pytest.mark.usefixtures("priced")
def test_plan_says_what_it_was_made_of(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    (plan,) = plan_refresh(server=server, now=NOW)

    summary = plan_summary(island.site.pk, NOW)
    assert summary is not None
    assert summary.job_id in fake.jobs
    assert summary.server_version == "1.0.1"
    assert summary.price_sensor_id == sensor(SensorRole.CONSUMPTION_PRICE).sensor_id
    assert (summary.price_count, summary.price_actual_count) == (96, 96)
    assert summary.price_area == "10YFR-RTE------C"
    assert (plan.price_min_eur_per_mwh, plan.price_max_eur_per_mwh) == (20, 200)
    # Two batteries: 2 kWh bought at 80 and 1 kWh sold at 70 EUR/MWh each.
    assert summary.battery_cost_eur == Decimal("0.1800")
    assert plan.duration_s is not None


@pytest.mark.usefixtures("priced")
def test_prices_and_expected_loads_are_posted_before_the_trigger(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)

    (buy,) = fake.posted(sensor(SensorRole.CONSUMPTION_PRICE).sensor_id)
    (sell,) = fake.posted(sensor(SensorRole.PRODUCTION_PRICE).sensor_id)
    expected = [float(price_of(SLOT + n * QUARTER_HOUR)) for n in range(96)]
    assert buy["values"] == expected
    assert sell["values"] == [price - 10 for price in expected]
    assert buy["unit"] == "EUR/MWh"
    assert buy["start"] == "2026-03-11T12:00:00+00:00"
    told = [f"{r.method} {r.path.rsplit('/', 1)[-1]}" for r in fake.server.requests]
    assert max(n for n, one in enumerate(told) if one == "POST data") < told.index("POST trigger")


@pytest.mark.usefixtures("priced")
def test_request_names_outputs_limits_and_state_of_charge(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)

    (trigger,) = fake.triggers()
    planned = FlexmeasuresSensor.objects.get(
        role=SensorRole.PLANNED_POWER, asset__device=island.bat_1
    )
    assert trigger["flex-model"][0] == {
        "sensor": planned.sensor_id,
        "consumption": {"sensor": planned.sensor_id},
        "soc-at-start": "50.0000 kWh",
        "soc-min": "10.0000 kWh",
        "soc-max": "90.0000 kWh",
        "power-capacity": "50.000 kW",
        "charging-efficiency": "96.00%",
        "discharging-efficiency": "96.00%",
    }
    context = trigger["flex-context"]
    assert context["site-power-capacity"] == "500.000 kW"
    assert context["site-consumption-capacity"] == "500.000 kW"
    assert context["aggregate-power"] == {
        "sensor": FlexmeasuresSensor.objects.get(
            role=SensorRole.PLANNED_POWER, asset__kind="site"
        ).sensor_id
    }
    assert context["inflexible-consumption"] == [
        {"sensor": sensor(SensorRole.PV_FORECAST).sensor_id},
        {"sensor": sensor(SensorRole.LOAD_FORECAST).sensor_id},
        {"sensor": sensor(SensorRole.CHARGING_FORECAST).sensor_id},
    ]
    assert trigger["start"] == "2026-03-11T12:00:00+00:00"


@pytest.mark.usefixtures("priced")
def test_one_trigger_per_quarter_hour_and_only_changed_prices_again(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)
    same_slot = plan_refresh(server=server, now=NOW + timedelta(minutes=9))
    (second,) = plan_refresh(server=server, now=NOW + timedelta(minutes=10))

    assert same_slot == []
    assert (second.status, second.start) == (PlanStatus.ACCEPTED, SLOT + QUARTER_HOUR)
    assert len(fake.triggers()) == 2
    posts = fake.posted(sensor(SensorRole.CONSUMPTION_PRICE).sensor_id)
    assert [len(post["values"]) for post in posts] == [96, 1]
    assert posts[1]["start"] == "2026-03-12T12:00:00+00:00"


@pytest.mark.usefixtures("priced")
def test_superseded_plans_are_deleted_there_before_the_trigger(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)

    planned = FlexmeasuresSensor.objects.filter(
        role=SensorRole.PLANNED_POWER, asset__kind__in=("battery", "site")
    )
    assert {sensor_id for sensor_id, _ in fake.deletions} == {s.sensor_id for s in planned}
    assert {(body["start"], body["until"]) for _, body in fake.deletions} == {
        ("2026-03-11T12:00:00+00:00", "2026-03-12T12:00:00+00:00")
    }
    assert fake.triggers()[0]["force-new-job-creation"] is True


@pytest.mark.usefixtures("priced")
def test_forced_plan_replaces_the_one_of_the_same_quarter_hour(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    (first,) = plan_refresh(server=server, now=NOW)
    fake.schedule = lambda entry, slots: [0.0] * slots
    (second,) = plan_refresh(server=server, now=NOW + 60 * SECOND, force=True)

    first.refresh_from_db()
    assert (first.status, second.status) == (PlanStatus.SUPERSEDED, PlanStatus.ACCEPTED)
    assert plan_in_force(island.site.pk, NOW) == second


@pytest.mark.usefixtures("priced")
def test_totals_follow_the_plan_that_was_in_force(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)
    fake.schedule = lambda entry, slots: [1.0] * slots
    plan_refresh(server=server, now=NOW + QUARTER_HOUR)

    totals = plan_slots_total(island.site.pk, start=SLOT, end=SLOT + timedelta(minutes=45))

    assert [(t.start, t.power_kw) for t in totals] == [
        (SLOT, 16.0), (SLOT + QUARTER_HOUR, 2.0), (SLOT + 2 * QUARTER_HOUR, 2.0),
    ]  # fmt: skip
    # The island's day runs from 04:00 UTC to 04:00 UTC: 16 hours of it are planned.
    assert len(plan_today(island.site.pk, NOW)) == 64


@pytest.mark.usefixtures("priced")
def test_plan_changed_is_told_after_success_and_failure(
    island: Island,
    server: FlexmeasuresServer,
    fake: FlexmeasuresFake,
    changed: list[PlanChanged],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        plan_refresh(server=server, now=NOW)
        fake.job_status = "FAILED"
        plan_refresh(server=server, now=NOW + QUARTER_HOUR)

    assert changed == [PlanChanged("guadeloupe", island.site.pk)] * 2


def test_plan_that_lacked_prices_is_made_when_they_arrive(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)
    prices_make()

    plans.prices_arrived()
    (plan,) = plan_refresh(server=server, now=NOW + SECOND)

    assert (plan.status, plan.attempts) == (PlanStatus.ACCEPTED, 2)


def test_new_prices_enqueue_a_plan_and_tariffs_and_nothing_more(
    operator_a: Operator,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(
        "apps.tenants.tasking.OperatorTask.apply_async",
        lambda task, *_args, **_options: sent.append(task.name),
    )

    with django_capture_on_commit_callbacks(execute=True):
        events.publish(PricesChanged(schema="guadeloupe", day=NOW.date()))

    assert sorted(sent) == ["billing.dynamic_prices_fix", "flexibility.prices_arrived"]


@pytest.mark.usefixtures("priced")
def test_plans_of_one_operator_are_not_seen_by_another(
    island: Island, operator_b: Operator, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    plan_refresh(server=server, now=NOW)

    with operator_context("martinique"):
        other = island_make()
        assert Plan.objects.count() == 0
        assert plan_in_force(other.site.pk, NOW) is None
        assert plan_slots_total(other.site.pk, start=SLOT, end=SLOT + DAY) == []
        # No prices there: Guadeloupe's are not borrowed.
        (plan,) = plan_refresh(server=server, now=NOW)
        assert plan.reason_code == PlanReason.PRICES_MISSING


@pytest.mark.usefixtures("priced")
def test_accepted_plan_hastens_what_waits_for_flexmeasures(
    island: Island, server: FlexmeasuresServer
) -> None:
    later = utc_now() + timedelta(minutes=5)
    for destination in ("flexmeasures", payments.DESTINATION):
        outbox_add(destination=destination, kind="slot_means", payload={"series": []})
    OutboxMessage.objects.update(next_attempt_at=later)

    plan_refresh(server=server, now=NOW)

    due = dict(OutboxMessage.objects.values_list("destination", "next_attempt_at"))
    assert due["flexmeasures"] <= utc_now()
    assert due[payments.DESTINATION] == later


def test_wishes_missed_by_a_rounding_are_met() -> None:
    result = {
        "num-beliefs": 480,
        "resolved": [],
        "unresolved": [
            {
                "asset": 42,
                "soc-minima": [
                    {"datetime": "2026-03-11T18:00:00+00:00", "violation": "0.0003 kWh"},
                    {"datetime": "2026-03-11T19:00:00+00:00", "violation": "2.5 kWh"},
                ],
            },
            {"asset": 43, "soc-maxima": [{"datetime": "2026-03-11T20:00:00+00:00"}]},
        ],
    }

    assert unmet_wishes(result) == [
        "asset 42 soc-minima 2026-03-11T19:00:00+00:00: 2.5 kWh",
        "asset 43 soc-maxima 2026-03-11T20:00:00+00:00: None",
    ]
    assert unmet_wishes({"unresolved": None}) == []
