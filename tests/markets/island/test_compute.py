"""The stored price of an island: by hand, computed again, at once, and cut off in the middle."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.markets.choices import BaseSource, Feed, Quality, SeriesKind
from apps.markets.events import PricesChanged
from apps.markets.island.base import Reason, ReasonCode
from apps.markets.models import IslandPriceSlot, IslandPricing, Series, SeriesValue
from apps.markets.selectors import prices
from apps.markets.selectors.island import IslandPriceDay, IslandSlot, island_price_day
from apps.markets.services import series as series_service
from apps.markets.services.co2 import co2_series_update
from apps.markets.services.island.alerts import alert_cancel, alert_declare
from apps.markets.services.island.compute import Computed, island_price_compute
from apps.markets.services.island.pricing import pricing_save, unit_save
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common import events
from cariflex.common.errors import DomainError
from tests.markets.island.world import (
    AREA,
    DAY,
    HOUR,
    MORNING,
    QUARTER,
    START,
    calendar_stored,
    cost,
    mix_store,
    pricing_stored,
    store,
    sun_mw,
)

TODAY = date(2026, 3, 10)
CENT = Decimal("0.01")


def island() -> IslandPricing:
    """The demo's island: mix and costs of today and the day before, CO2 from them."""
    mix_store(start=START - DAY, days=2)
    store(SeriesKind.PRODUCTION_COST, cost, start=START - DAY, days=2, resolution=HOUR)
    store(
        SeriesKind.WIND_SOLAR,
        sun_mw,
        start=START,
        days=2,
        variant="solar",
        quality=Quality.FORECAST,
    )
    co2_series_update(
        area=AREA, source=Feed.EDF_SEI, start=START - DAY, end=START + DAY, now=MORNING
    )
    return pricing_stored()


def day_of(day: date = TODAY) -> IslandPriceDay:
    found = island_price_day(day=day)
    assert found is not None
    return found


def at(found: IslandPriceDay, hour: int, quarter: int = 0) -> IslandSlot:
    return found.slots[hour * 4 + quarter]


def compute(now: datetime = MORNING, **fields: Any) -> list[Computed]:
    return island_price_compute(now=now, **fields)


def test_the_day_has_96_slots_whose_four_parts_are_the_total(operator_a: Operator) -> None:
    island()

    done = compute()

    assert done == [Computed(AREA, 192, 0, 960)]
    found = day_of()
    assert (len(found.slots), found.missing) == (96, ())
    for slot in found.slots:
        assert slot.base + slot.carbon + slot.scarcity + slot.curtailment == slot.total
        assert slot.total.as_tuple().exponent == -2
    # Evening: 300 + 80 * 0.53295 = 42.636 + 45 = 387.64.
    evening = at(found, 19)
    assert (evening.base, evening.carbon, evening.scarcity, evening.curtailment) == (
        Decimal("300.00"), Decimal("42.64"), Decimal("45.00"), Decimal("0.00"),
    )  # fmt: skip
    assert evening.total == Decimal("387.64")
    # Noon: 180 + 80 * 0.41345 = 33.076 - 40 = 173.08; 60 MW of sun are more than 50.
    noon = at(found, 12)
    assert (noon.base, noon.carbon, noon.curtailment) == (
        Decimal("180.00"), Decimal("33.08"), Decimal("-40.00"),
    )  # fmt: skip
    assert noon.total == Decimal("173.08")
    midday = [slot.total for slot in found.slots[40:56]]
    peak = [slot.total for slot in found.slots[76:88]]
    assert min(peak) > max(midday)
    assert all(450 <= (slot.intensity_g_per_kwh or 0) <= 650 for slot in found.slots[76:88])


def test_a_slot_explains_itself(operator_a: Operator) -> None:
    island()
    compute()

    noon, evening = at(day_of(), 12), at(day_of(), 19)

    assert (noon.base_source, noon.quality) == (BaseSource.PRODUCTION_COST, Quality.FORECAST)
    assert noon.tried == (BaseSource.MERIT_ORDER, BaseSource.PRODUCTION_COST)
    assert noon.reasons == (
        Reason(ReasonCode.PRODUCTION_COST),
        Reason(ReasonCode.CARBON, "413.45 g/kWh"),
        Reason(ReasonCode.PV, "60 MW"),
    )
    assert evening.reasons[-1] == Reason(ReasonCode.PEAK, "Evening")
    assert (noon.intensity_g_per_kwh, noon.intensity_quality) == (
        Decimal("413.45"), Quality.ACTUAL,
    )  # fmt: skip
    assert (noon.pv_mw, noon.pv_quality) == (Decimal(60), Quality.FORECAST)
    # Tomorrow's cost is the usual one: two days of four quarter hours; its CO2 is that of today.
    tomorrow = at(day_of(TODAY + timedelta(days=1)), 19)
    assert tomorrow.base_source == BaseSource.COST_PROFILE
    assert (tomorrow.base, tomorrow.carbon) == (Decimal("300.00"), Decimal("42.64"))
    assert tomorrow.intensity_quality == Quality.ESTIMATED


def test_each_part_is_a_series_and_plans_follow_the_total(operator_a: Operator) -> None:
    island()
    compute()

    kinds = Series.objects.filter(source=Feed.ISLAND, area=AREA, variant="")
    assert sorted(kinds.values_list("kind", flat=True)) == [
        "price", "price_base", "price_carbon", "price_curtailment", "price_scarcity",
    ]  # fmt: skip
    points = prices(start=START, end=START + DAY)
    assert [p.price_eur_per_mwh for p in points] == [slot.total for slot in day_of().slots]
    assert points[0].source == "island"


def test_the_same_again_stores_nothing(operator_a: Operator) -> None:
    island()
    compute()
    rows = SeriesValue.objects.count()
    explained = list(IslandPriceSlot.objects.values_list("pk", "computed_at"))

    again = compute(MORNING + HOUR)

    assert again[0].values_new == 0
    assert SeriesValue.objects.count() == rows
    assert list(IslandPriceSlot.objects.values_list("pk", "computed_at")) == explained
    assert IslandPricing.objects.get().computed_at == MORNING + HOUR


def test_slots_that_have_begun_keep_their_price(operator_a: Operator) -> None:
    pricing = island()
    compute()
    told = day_of()

    pricing_save(area=pricing.area, carbon_price_eur_per_tonne=Decimal(160))
    compute(MORNING + 7 * QUARTER)

    found = day_of()
    # 06:00 + 7 quarters = 07:45 local has begun: slots 0 to 31 keep, 32 is the first of the new.
    assert found.slots[:32] == told.slots[:32]
    assert all(
        after.carbon > before.carbon
        for after, before in zip(found.slots[32:], told.slots[32:], strict=True)
    )


def test_a_slot_priced_late_without_its_inputs_is_priced_again_when_they_come(
    operator_a: Operator,
) -> None:
    """A cold start: the costs are in before the mix, so the first look knows no CO2."""
    mix_store(start=START - DAY, days=2)
    store(SeriesKind.PRODUCTION_COST, cost, start=START - DAY, days=2, resolution=HOUR)
    pricing_stored(pv_threshold_mw=None)
    compute()
    assert at(day_of(), 2).carbon == 0
    assert at(day_of(), 2).quality == Quality.FALLBACK

    co2_series_update(
        area=AREA, source=Feed.EDF_SEI, start=START - DAY, end=START + DAY, now=MORNING
    )
    compute(MORNING + QUARTER)
    told = day_of()
    pricing_save(area=AREA, carbon_price_eur_per_tonne=Decimal(160))
    compute(MORNING + 2 * QUARTER)

    # 80 EUR/t x 0.53295; what was told then stays, also under another carbon price.
    assert at(told, 2).carbon == Decimal("42.64")
    assert at(day_of(), 2).carbon == Decimal("42.64")


def test_a_worse_quality_that_is_newer_counts_and_the_parts_still_add_up(
    operator_a: Operator,
) -> None:
    mix_store()
    pricing = pricing_stored(
        carbon_price_eur_per_tonne=Decimal(0),
        pv_threshold_mw=None,
        calendar_id=calendar_stored().pk,
    )
    compute()
    assert at(day_of(), 20).quality == Quality.ACTUAL

    # No intensity is known: the slot is a fallback now, and it is what counts.
    pricing_save(
        area=pricing.area,
        carbon_price_eur_per_tonne=Decimal(50),
        pv_threshold_mw=Decimal(1),
        pv_source="plants",
    )
    alert_declare(
        start=START + 20 * HOUR,
        end=START + 21 * HOUR,
        adder_eur_per_mwh=Decimal(100),
        reason="Unit tripped",
        now=MORNING,
    )
    compute(MORNING + QUARTER)

    slot = at(day_of(), 20)
    assert (slot.quality, slot.base, slot.scarcity, slot.total) == (
        Quality.FALLBACK, Decimal("290.00"), Decimal("100.00"), Decimal("390.00"),
    )  # fmt: skip
    assert prices(start=slot.start, end=slot.start + QUARTER)[0].price_eur_per_mwh == slot.total


def test_an_alert_raises_its_slots_and_cancelled_gives_them_back(operator_a: Operator) -> None:
    island()
    compute()
    before = [slot.total for slot in day_of().slots]

    alert = alert_declare(
        start=START + 18 * HOUR,
        end=START + 20 * HOUR,
        adder_eur_per_mwh=Decimal(120),
        reason="Unit tripped",
        now=MORNING,
        by="ops",
    )
    compute(MORNING + QUARTER)
    raised = [slot.total for slot in day_of().slots]
    assert at(day_of(), 18).reasons[-1] == Reason(ReasonCode.ALERT, "Unit tripped")

    # Cancelled at 18:30 local: 18:00 to 18:30 have been told, 18:45 and later are given back.
    moment = START + 18 * HOUR + 2 * QUARTER
    alert_cancel(alert_id=alert.pk, now=moment, by="ops")
    compute(moment)
    after = [slot.total for slot in day_of().slots]

    rises = {n: new - old for n, (old, new) in enumerate(zip(before, raised, strict=True))}
    # 18 to 19 h: 120 where there was nothing; 19 to 20 h: 120 in place of the peak's 45.
    assert {n: rise for n, rise in rises.items() if rise} == (
        dict.fromkeys(range(72, 76), Decimal("120.00"))
        | dict.fromkeys(range(76, 80), Decimal("75.00"))
    )
    assert after[:75] == raised[:75]
    assert after[75:] == before[75:]


def test_units_and_load_make_a_merit_order(operator_a: Operator) -> None:
    pricing = island()
    for name, capacity, price in (("Coal", 40, 95), ("Diesel", 160, 162), ("Turbine", 40, 318)):
        unit_save(
            pricing_id=pricing.pk,
            name=name,
            capacity_mw=Decimal(capacity),
            marginal_cost_eur_per_mwh=Decimal(price),
        )
    # Without a load series it is all that generates: 185 MW by night, 30 MW of them must run, so
    # 155 MW: diesel. With a load of 260 in the evening, 230 are left: 200 + 30 of the turbine.
    compute()
    assert (at(day_of(), 20).base, at(day_of(), 20).reasons[0]) == (
        Decimal("162.00"), Reason(ReasonCode.MERIT_ORDER, "Diesel"),
    )  # fmt: skip

    store(
        SeriesKind.LOAD,
        lambda moment: Decimal(280 if moment >= START + 21 * HOUR else 260),
        variant="day_ahead",
        quality=Quality.FORECAST,
    )
    compute(MORNING + QUARTER)

    assert at(day_of(), 20).reasons[0] == Reason(ReasonCode.MERIT_ORDER, "Turbine")
    # 280 - 30 - 240 = 10 MW that nothing carries.
    assert at(day_of(), 21).reasons[0] == Reason(ReasonCode.SHORTAGE, "Turbine: 10.00000 MW")
    assert at(day_of(), 21).base == Decimal("318.00")
    assert at(day_of(), 21).quality == Quality.FORECAST


def test_a_calendar_is_the_last_resort(operator_a: Operator) -> None:
    pricing_stored(calendar_id=calendar_stored().pk, carbon_price_eur_per_tonne=Decimal(0))

    compute()

    found = day_of()
    assert [at(found, hour).base for hour in (0, 6, 19, 22)] == [
        Decimal("150.00"), Decimal("200.00"), Decimal("290.00"), Decimal("150.00"),
    ]  # fmt: skip
    assert at(found, 0).tried == tuple(BaseSource)
    assert at(found, 0).reasons[0] == Reason(ReasonCode.TOU, "off")


def test_without_any_base_the_area_says_so(operator_a: Operator) -> None:
    pricing = pricing_stored()

    done = compute()

    assert done == [Computed(AREA, 0, 192, 0)]
    pricing.refresh_from_db()
    assert pricing.last_error == (
        "nothing knows the base of 192 slots, the first at 2026-03-10T04:00Z"
    )
    assert len(day_of().missing) == 96
    assert day_of().slots == ()


def test_a_faulty_area_does_not_stop_the_others(operator_a: Operator) -> None:
    island()
    broken = pricing_stored(area="broken", input_area=AREA)
    IslandPricing.objects.filter(pk=broken.pk).update(base_order=[])

    done = compute()

    assert [one.area for one in done] == [AREA]
    broken.refresh_from_db()
    assert broken.last_error == "chain: names no source"


def test_two_operators_have_prices_of_their_own(operator_a: Operator, operator_b: Operator) -> None:
    island()
    compute()

    with operator_context("martinique"):
        assert island_price_day(day=TODAY) is None
        assert compute() == []
        assert Series.objects.count() == 0
        mix_store()
        store(SeriesKind.PRODUCTION_COST, lambda _at: Decimal(100), resolution=HOUR)
        pricing_stored(carbon_price_eur_per_tonne=Decimal(0), pv_threshold_mw=None)
        compute()
        assert at(day_of(), 20).total == Decimal("145.00")

    assert at(day_of(), 20).total == Decimal("387.64")


def test_a_computation_cut_off_leaves_nothing_and_the_next_one_is_whole(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    island()
    real, calls = series_service.values_store, []

    class Killed(BaseException):
        pass

    def dies(**fields: Any) -> int:
        calls.append(fields["series"].kind)
        if len(calls) == 4:
            raise Killed
        return real(**fields)

    monkeypatch.setattr("apps.markets.services.island.compute.values_store", dies)
    with pytest.raises(Killed):
        compute()
    assert not SeriesValue.objects.filter(series__kind__startswith="price").exists()
    assert not IslandPriceSlot.objects.exists()

    monkeypatch.undo()
    assert compute() == [Computed(AREA, 192, 0, 960)]


def test_prices_changed_is_told_when_a_total_changed_only(operator_a: Operator) -> None:
    told: list[PricesChanged] = []
    events.record(PricesChanged, told.append)
    try:
        pricing = island()
        compute()
        first = len(told)
        compute(MORNING + QUARTER)
        again = len(told)
        pricing_save(area=pricing.area, carbon_price_eur_per_tonne=Decimal(81))
        compute(MORNING + QUARTER)
    finally:
        events._recorders[PricesChanged].remove(told.append)

    assert (first, again, len(told)) == (1, 1, 2)
    assert told[0].day == TODAY


def test_past_days_are_priced_when_asked(operator_a: Operator) -> None:
    island()

    compute(past_days=1)

    assert len(day_of(TODAY - timedelta(days=1)).slots) == 96


def test_haiti_has_92_slots_where_the_clock_goes_forward(operator_a: Operator) -> None:
    pricing_stored(
        area="haiti",
        territory="HT",
        time_zone="America/Port-au-Prince",
        calendar_id=calendar_stored().pk,
    )
    moment = datetime.fromisoformat("2026-03-08T05:00:00Z")

    done = compute(moment)

    assert done[0].priced == 92 + 96
    assert len(day_of(date(2026, 3, 8)).slots) == 92


def queries(context: CaptureQueriesContext) -> list[str]:
    """What was asked, without the steps to the operator's schema before each."""
    return [q["sql"] for q in context.captured_queries if "search_path" not in q["sql"]]


def test_the_day_is_read_in_two_queries(operator_a: Operator) -> None:
    pricing = island()
    compute()

    with CaptureQueriesContext(connection) as context:
        island_price_day(day=TODAY, pricing=pricing)

    assert len(queries(context)) == 2


def test_a_computation_has_a_budget_of_queries(operator_a: Operator) -> None:
    island()
    compute()

    with CaptureQueriesContext(connection) as context:
        compute(MORNING + QUARTER)

    assert len(queries(context)) <= 50


def test_twice_at_once_is_once(live_operators: object) -> None:
    with operator_context("guadeloupe"):
        island()
    barrier = Barrier(2)
    done: list[Computed] = []

    def run(now: datetime) -> None:
        try:
            with operator_context("guadeloupe"):
                barrier.wait()
                done.extend(compute(now))
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(MORNING + n * QUARTER / 15,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.values_new for one in done) == [0, 960]
    with operator_context("guadeloupe"):
        assert SeriesValue.objects.filter(series__kind=SeriesKind.PRICE).count() == 192
        assert len(day_of().slots) == 96


def test_alerts_that_cannot_be_are_refused(operator_a: Operator) -> None:
    def declare(**fields: Any) -> None:
        whole: dict[str, Any] = {
            "start": START + 15 * HOUR,
            "end": START + 16 * HOUR,
            "adder_eur_per_mwh": Decimal(10),
            "reason": "Peak",
            "now": MORNING,
        }
        alert_declare(**{**whole, **fields})

    with pytest.raises(DomainError, match="pricing_id: no island price is declared"):
        declare()
    pricing = pricing_stored()
    for fields, said in (
        ({"reason": " "}, "reason: must have 1 to 200 signs"),
        ({"end": START + 15 * HOUR}, "end: is not after start"),
        ({"start": START, "end": MORNING}, "end: is past"),
        ({"end": START + 8 * DAY}, "end: is more than 7 days after start"),
        ({"adder_eur_per_mwh": Decimal(-1)}, "adder_eur_per_mwh: -1 is not between"),
        ({"pricing_id": pricing.pk + 1}, "pricing_id: no island price"),
    ):
        with pytest.raises(DomainError) as refused:
            declare(**fields)
        assert str(refused.value).startswith(said)
    declare()
    declare()
    alert = pricing.alerts.get()
    with pytest.raises(DomainError, match="end: is over"):
        alert_cancel(alert_id=alert.pk, now=alert.end)
    with pytest.raises(DomainError, match="alert_id: is no alert"):
        alert_cancel(alert_id=0, now=MORNING)
    first = alert_cancel(alert_id=alert.pk, now=MORNING, by="a")
    assert alert_cancel(alert_id=alert.pk, now=MORNING + HOUR, by="b").cancelled_by == "a"
    assert first.cancelled_at == MORNING
