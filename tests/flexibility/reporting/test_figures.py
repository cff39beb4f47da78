"""The figures of a month, by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.flexibility.reporting.figures import (
    BatteryCycles,
    DayFigures,
    Flows,
    Peak,
    PlanMatch,
    cost_eur,
    flows_of,
    month_figures,
)
from apps.flexibility.reporting.month import (
    DeviceGap,
    ReportMonth,
    ReportSlot,
    local_month,
    month_interval,
)
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.reporting.months import MARGIN, battery, month, slot, small_day

D = Decimal


def test_small_day_has_the_energies_of_its_measured_quarter_hours() -> None:
    figures = month_figures(small_day())

    # Each kW over a quarter hour is 0.25 kWh; slot 3 was not measured and is nowhere in it.
    assert figures.flows == Flows(
        import_kwh=6.0,  # (8 + 12 + 4) / 4
        export_kwh=3.0,  # 12 / 4
        pv_kwh=15.0,  # (40 + 20) / 4
        charging_kwh=8.0,  # (12 + 20) / 4
        load_kwh=9.0,  # (8 + 8 + 8 + 8 + 4) / 4
        charged_kwh=5.0,  # 20 / 4
        discharged_kwh=4.0,  # 16 / 4
    )
    assert (figures.slot_count, figures.measured_count) == (6, 5)
    assert (figures.priced_count, figures.co2_count) == (4, 4)
    assert figures.measured_percent == pytest.approx(83.333, abs=1e-3)


def test_small_day_costs_what_its_priced_quarter_hours_cost() -> None:
    figures = month_figures(small_day())

    # 2 kWh x 0.10 - 3 kWh x (0.06 - 0.01) + 0 + 3 kWh x 0.20; the last slot has no price.
    assert figures.cost_eur == D("0.2") - D("0.15") + D("0.6") == D("0.65")
    # (2 - 3 + 0 + 3) kWh x 0.5 kg
    assert figures.co2_kg == pytest.approx(1.0)


def test_small_day_shares_peak_and_cycles() -> None:
    figures = month_figures(small_day())

    # 15 kWh of sun, 3 kWh of it fed in.
    assert figures.self_consumption_percent == pytest.approx(80.0)
    # 17 kWh consumed, 6 drawn.
    assert figures.self_sufficiency_percent == pytest.approx(100 * 11 / 17)
    assert figures.peak == Peak(12.0, datetime(2026, 3, 11, 4, 0, tzinfo=UTC))
    # 5 kWh x 0.8 in, 4 kWh / 1 out: 8 kWh through 100 kWh, both ways.
    assert figures.cycles == (BatteryCycles("bat-1", "Battery 1", 0.04),)


def test_small_day_plan_against_actual_and_modes() -> None:
    figures = month_figures(small_day())

    # Slots 0, 1, 2 and 4: |0 - 0| + |20 - 16| + |0 - 4| + |-16 + 20| = 12 over 4.
    assert figures.plan == PlanMatch(4, mae_kw=3.0, planned_kwh=0.0, actual_kwh=1.0)
    assert figures.plan.deviation_kwh == 1.0
    assert figures.mode_percent == {
        "plan": pytest.approx(400 / 6), "hold": pytest.approx(100 / 6),
        "fallback": pytest.approx(100 / 6),
    }  # fmt: skip


def test_small_day_ends_at_midnight_of_the_site() -> None:
    figures = month_figures(small_day())

    assert figures.days == (
        DayFigures(date(2026, 3, 10), 4, 3, 2.0, 3.0, 15.0, D("0.05")),
        DayFigures(date(2026, 3, 11), 2, 2, 4.0, 0.0, 0.0, D("0.60")),
    )


def test_nothing_known_is_nothing_told() -> None:
    gap = DeviceGap("pv-1", "PV 1", 2)
    unknown = month(slot(0, pv_kw=None), slot(1, battery_kw=None), gaps=(gap,))

    figures = month_figures(unknown)

    assert (figures.slot_count, figures.measured_count) == (2, 0)
    assert figures.cost_eur is None
    assert figures.co2_kg is None
    assert figures.self_consumption_percent is None
    assert figures.self_sufficiency_percent is None
    assert figures.peak is None
    assert figures.plan is None
    assert figures.mode_percent == {}
    assert figures.gaps == (gap,)
    assert [day.cost_eur for day in figures.days] == [None]


def test_a_month_that_has_not_begun_has_figures_too() -> None:
    figures = month_figures(month())

    assert (figures.slot_count, figures.measured_percent, figures.days) == (0, 0.0, ())


def test_feeding_in_at_a_negative_price_costs() -> None:
    fed = [slot(0, pv_kw=-40.0, price_eur_per_mwh=D(-50))]

    # -10 kWh x (-50 - 10) EUR/MWh
    assert cost_eur(fed, MARGIN) == D("0.6")


def test_each_battery_has_its_own_cycles() -> None:
    two = month(
        slot(0, battery_kw=(50.0, -20.0)),
        batteries=(battery(), battery(code="bat-2", name="Battery 2", capacity_kwh=50.0)),
    )

    # 12.5 kWh x 0.8 / 2 / 100 and 5 kWh / 2 / 50
    assert [one.cycles for one in month_figures(two).cycles] == pytest.approx([0.05, 0.05])


@pytest.mark.parametrize(
    ("zone", "first", "slots"),
    [
        ("America/Guadeloupe", date(2026, 3, 1), 31 * 96),
        ("Europe/Paris", date(2026, 3, 1), 31 * 96 - 4),
        ("Europe/Paris", date(2026, 10, 1), 31 * 96 + 4),
        ("Europe/Paris", date(2026, 12, 1), 31 * 96),
        ("Europe/Paris", date(2028, 2, 1), 29 * 96),
    ],
)
def test_a_local_month_has_the_quarter_hours_of_its_clocks(
    zone: str, first: date, slots: int
) -> None:
    interval = month_interval(first, zone)

    assert interval.duration == slots * QUARTER_HOUR
    assert local_month(interval.start, zone) == first
    assert local_month(interval.end - timedelta(seconds=1), zone) == first
    assert local_month(interval.end, zone) != first


def test_the_day_on_which_clocks_go_back_has_25_hours() -> None:
    interval = month_interval(date(2026, 10, 1), "Europe/Paris")
    count = interval.duration // QUARTER_HOUR
    slots = tuple(
        ReportSlot(interval.start + n * QUARTER_HOUR, 0.0, (0.0,), 0.0, 4.0) for n in range(count)
    )
    october = ReportMonth("Europe/Paris", interval.start, interval.end, slots, (battery(),), MARGIN)

    days = {day.day: day for day in month_figures(october).days}

    assert len(days) == 31
    assert (days[date(2026, 10, 24)].slot_count, days[date(2026, 10, 24)].import_kwh) == (96, 96.0)
    assert (days[date(2026, 10, 25)].slot_count, days[date(2026, 10, 25)].import_kwh) == (
        100,
        100.0,
    )


powers = st.floats(-500, 500, allow_nan=False)
prices = st.decimals(-500, 4000, places=2)


@st.composite
def slots_of_any_kind(draw: st.DrawFn) -> list[ReportSlot]:
    count = draw(st.integers(1, 12))
    return [
        slot(
            number,
            pv_kw=-abs(draw(powers)),
            battery_kw=(draw(powers),),
            charging_kw=abs(draw(powers)),
            price_eur_per_mwh=draw(prices),
        )
        for number in range(count)
    ]


@given(slots_of_any_kind(), st.integers(0, 12))
def test_cost_and_energy_add_up_over_any_cut(slots: list[ReportSlot], cut: int) -> None:
    before, after = slots[:cut], slots[cut:]

    assert cost_eur(slots, MARGIN) == cost_eur(before, MARGIN) + cost_eur(after, MARGIN)
    whole, parts = flows_of(slots), (flows_of(before), flows_of(after))
    assert whole.import_kwh == pytest.approx(sum(part.import_kwh for part in parts))
    assert whole.export_kwh == pytest.approx(sum(part.export_kwh for part in parts))


@given(slots_of_any_kind())
def test_energy_in_is_energy_out(slots: list[ReportSlot]) -> None:
    flows = flows_of(slots)

    assert flows.import_kwh + flows.pv_kwh + flows.discharged_kwh == pytest.approx(
        flows.export_kwh + flows.charging_kwh + flows.load_kwh + flows.charged_kwh
    )
    figures = month_figures(month(*slots))
    for percent in (figures.self_consumption_percent, figures.self_sufficiency_percent):
        assert percent is None or 0 <= percent <= 100
