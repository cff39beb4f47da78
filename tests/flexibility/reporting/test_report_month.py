"""From what the services stored to the quarter hours of a report."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.assets.choices import DeviceStage
from apps.assets.models import Device, Site
from apps.flexibility.choices import ControlMode
from apps.flexibility.models import SitePolicy
from apps.flexibility.reporting.figures import Flows, flows_of, month_figures
from apps.flexibility.reporting.month import DeviceGap, ReportMonth
from apps.flexibility.selectors.report_month import report_month
from apps.markets.choices import SeriesKind
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.reporting.measured import (
    car_make,
    device_make,
    measure,
    plan_make,
    quarter_hours,
    series_make,
    site_make,
)

D = Decimal
MARCH = date(2026, 3, 1)
# Midnight of 1 March in Guadeloupe.
START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
LATER = datetime(2026, 6, 1, tzinfo=UTC)
# Four quarter hours are over, and their roll-ups are made.
HOUR_LATER = START + timedelta(hours=1, minutes=2)


def read(site: Site, now: datetime = HOUR_LATER) -> ReportMonth:
    return report_month(site_id=site.pk, month=MARCH, now=now)


@pytest.fixture
def site(operator_a: Operator) -> Site:
    return site_make()


@pytest.fixture
def pv(site: Site) -> Device:
    device = device_make(site, "pv-1", "pv")
    measure(device, quarter_hours(START, [0.0, -10.0, -20.0, -30.0]))
    return device


@pytest.fixture
def bat(site: Site) -> Device:
    device = device_make(site, "bat-1", "battery")
    measure(device, quarter_hours(START, [-8.0, 0.0, 10.0, 20.0]))
    measure(device, quarter_hours(START, [60.0, 58.0, 60.0, 64.0]), "soc_percent")
    return device


def test_the_quarter_hours_are_as_they_were_measured(pv: Device, bat: Device, site: Site) -> None:
    known = read(site)

    assert (known.start, known.end, known.slot_count) == (START, START + timedelta(hours=1), 4)
    assert [slot.start for slot in known.slots] == [START + n * QUARTER_HOUR for n in range(4)]
    assert [slot.pv_kw for slot in known.slots] == [0.0, -10.0, -20.0, -30.0]
    assert [slot.battery_kw for slot in known.slots] == [(-8.0,), (0.0,), (10.0,), (20.0,)]
    assert [slot.load_kw for slot in known.slots] == [0.0] * 4
    assert [slot.price_eur_per_mwh for slot in known.slots] == [None] * 4
    assert known.gaps == ()
    (battery,) = known.batteries
    assert (battery.code, battery.capacity_kwh, battery.soc_start_percent) == ("bat-1", 100.0, 60.0)
    assert (known.import_limit_kw, known.feed_in_margin_eur_per_mwh) == (500.0, D(10))


def test_the_grids_meter_shows_the_load(pv: Device, bat: Device, site: Site) -> None:
    meter = device_make(site, "meter-1", "meter", is_grid_meter=True)
    measure(meter, quarter_hours(START, [2.0, 5.0, -5.0, -6.0]))
    # Another meter is behind it and counts nothing.
    measure(device_make(site, "meter-2", "meter"), quarter_hours(START, [99.0] * 4))

    known = read(site)

    # 2 - 0 + 8, 5 + 10 - 0, -5 + 20 - 10, -6 + 30 - 20
    assert [slot.load_kw for slot in known.slots] == [10.0, 15.0, 5.0, 4.0]
    assert [slot.grid_kw for slot in known.slots] == [2.0, 5.0, -5.0, -6.0]


def test_cars_are_what_their_registers_say(pv: Device, site: Site) -> None:
    car_make({START + timedelta(minutes=5): "10.0", START + timedelta(minutes=35): "16.0"})
    car_make(
        {START + timedelta(minutes=45): "3.0", START + timedelta(minutes=60): "5.0"},
        measurand="Export",
    )

    known = read(site)

    # 6 kWh over 30 minutes are 12 kW: of 10, 15 and 5 minutes; then 2 kWh back over 15 minutes.
    assert [slot.charging_kw for slot in known.slots] == pytest.approx([8.0, 12.0, 4.0, -8.0])


def test_a_device_that_misses_a_quarter_hour_makes_it_unknown(
    pv: Device, bat: Device, site: Site
) -> None:
    other = device_make(site, "pv-2", "pv")
    measure(other, {START: -1.0, START + 2 * QUARTER_HOUR: -3.0, START + 3 * QUARTER_HOUR: -4.0})

    known = read(site)

    assert [slot.pv_kw for slot in known.slots] == [-1.0, None, -23.0, -34.0]
    assert [slot.is_measured for slot in known.slots] == [True, False, True, True]
    assert known.gaps == (DeviceGap("pv-2", "PV-2", 1),)


def test_a_device_counts_from_its_first_measurement_on(pv: Device, site: Site) -> None:
    late = device_make(site, "bat-2", "battery")
    measure(late, {START + 2 * QUARTER_HOUR: 5.0, START + 3 * QUARTER_HOUR: 6.0})

    known = read(site)

    assert [slot.battery_kw for slot in known.slots] == [(0.0,), (0.0,), (5.0,), (6.0,)]
    assert [slot.has_all_batteries for slot in known.slots] == [False, False, True, True]
    assert known.gaps == ()


def test_a_device_out_of_service_counts_to_its_last_measurement(
    pv: Device, bat: Device, site: Site
) -> None:
    Device.objects.filter(pk=bat.pk).update(stage=DeviceStage.IN_SERVICE)
    known = read(site, START + timedelta(hours=1, minutes=32))
    assert [slot.battery_kw for slot in known.slots][4:] == [None, None]

    Device.objects.filter(pk=bat.pk).update(stage=DeviceStage.NEW)
    known = read(site, START + timedelta(hours=1, minutes=32))
    assert [slot.battery_kw for slot in known.slots][4:] == [(0.0,), (0.0,)]


def test_a_device_that_is_silent_all_month_is_left_out_and_named(pv: Device, site: Site) -> None:
    silent = device_make(site, "bat-9", "battery")
    Device.objects.filter(pk=silent.pk).update(stage=DeviceStage.IN_SERVICE)

    known = read(site)

    assert known.batteries == ()
    assert all(slot.is_measured for slot in known.slots)
    assert known.gaps == (DeviceGap("bat-9", "BAT-9", 4, is_silent=True),)


def test_a_quarter_hour_of_which_little_was_measured_is_not_known(site: Site) -> None:
    pv = device_make(site, "pv-1", "pv", poll_period_s=300)
    readings = {START + n * timedelta(minutes=4): -9.0 for n in range(3)}
    # Of the second quarter hour only a third was measured.
    readings[START + QUARTER_HOUR] = -12.0
    measure(pv, readings)

    known = read(site, START + timedelta(minutes=32))

    assert [slot.pv_kw for slot in known.slots] == [-9.0, None]


def test_prices_and_co2_are_the_best_known_and_gaps_stay(pv: Device, site: Site) -> None:
    series_make(SeriesKind.PRICE, {START: D("80"), START + 3 * QUARTER_HOUR: D("95.5")})
    series_make(SeriesKind.CO2_LIFECYCLE, {START: D(640)}, resolution_s=3600, unit="g/kWh")

    known = read(site)

    assert [slot.price_eur_per_mwh for slot in known.slots] == [D(80), None, None, D("95.5")]
    assert [slot.co2_g_per_kwh for slot in known.slots] == [640.0] * 4


def test_the_newest_plan_of_each_quarter_hour_tells_power_and_mode(
    pv: Device, bat: Device, site: Site
) -> None:
    plan_make(site, START, {bat: [1.0, 2.0, 3.0, 4.0]})
    plan_make(site, START + QUARTER_HOUR, {bat: [20.0]})

    known = read(site, START + timedelta(hours=1, minutes=17))

    assert [slot.planned_kw for slot in known.slots] == [1.0, 20.0, 3.0, 4.0, None]
    assert [slot.mode for slot in known.slots] == [
        ControlMode.PLAN, ControlMode.PLAN, ControlMode.HOLD, ControlMode.HOLD,
        ControlMode.FALLBACK,
    ]  # fmt: skip


def test_a_site_without_batteries_follows_nothing(pv: Device, site: Site) -> None:
    assert [slot.mode for slot in read(site).slots] == [None] * 4


def test_the_policy_tells_what_feeding_in_earns_less(pv: Device, site: Site) -> None:
    SitePolicy.objects.create(site=site, feed_in_margin_eur_per_mwh=D("35.50"))

    assert read(site).feed_in_margin_eur_per_mwh == D("35.50")


def test_two_sites_are_apart(pv: Device, site: Site) -> None:
    second = site_make("second")
    measure(device_make(second, "pv-s", "pv"), quarter_hours(START, [-1.0] * 4))
    car_make({START: "0", START + QUARTER_HOUR: "3"})

    first_slots, second_slots = read(site).slots, read(second).slots

    assert [slot.pv_kw for slot in second_slots] == [-1.0] * 4
    # The stations belong to the operator's first site.
    assert [slot.charging_kw for slot in first_slots] == [12.0, 0.0, 0.0, 0.0]
    assert [slot.charging_kw for slot in second_slots] == [0.0] * 4
    assert flows_of(first_slots).pv_kwh == 15.0


def test_two_operators_are_apart(pv: Device, site: Site, operator_b: Operator) -> None:
    with operator_context(operator_b.schema_name):
        other = site_make()
        measure(device_make(other, "pv-1", "pv"), quarter_hours(START, [-2.0] * 4))
        assert flows_of(read(other).slots).pv_kwh == 2.0

    assert flows_of(read(site).slots).pv_kwh == 15.0


def test_a_whole_month_ends_with_its_clocks_and_counts_what_is_missing(site: Site) -> None:
    paris = site_make("paris", time_zone="Europe/Paris")
    start = datetime(2026, 9, 30, 22, 0, tzinfo=UTC)
    pv = device_make(paris, "pv-p", "pv")
    # The last quarter hour of September, the first two of October, and one after 3 o'clock of
    # the day on which clocks go back.
    back = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    measure(pv, {start - QUARTER_HOUR: -8.0, start: -4.0, start + QUARTER_HOUR: -4.0, back: -4.0})
    Device.objects.filter(pk=pv.pk).update(stage=DeviceStage.IN_SERVICE)

    known = report_month(site_id=paris.pk, month=date(2026, 10, 1), now=LATER.replace(year=2027))
    figures = month_figures(known)

    assert figures.slot_count == 31 * 96 + 4
    assert figures.measured_count == 3
    assert figures.flows == Flows(0.0, 3.0, 3.0, 0.0, 0.0, 0.0, 0.0)
    assert [day.slot_count for day in figures.days if day.slot_count != 96] == [100]
    assert figures.gaps == (DeviceGap("pv-p", "PV-P", 31 * 96 + 1),)


def test_a_month_that_has_just_begun_is_empty(pv: Device, site: Site) -> None:
    known = read(site, START + timedelta(minutes=1))

    assert (known.slots, known.start, known.end) == ((), START, START)


def test_one_statement_a_source(pv: Device, bat: Device, site: Site) -> None:
    series_make(SeriesKind.PRICE, {START: D("80")})
    series_make(SeriesKind.CO2_LIFECYCLE, {START: D(640)}, unit="g/kWh")

    def statements(now: datetime) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            read(site, now)
        return [query["sql"] for query in queries if not query["sql"].startswith("SET ")]

    few = statements(HOUR_LATER)
    device_make(site, "pv-7", "pv")
    many = statements(LATER)

    # Site, policy, series of price and CO2, devices, powers, first site, cars, plans, two values.
    assert len(few) == len(many) == 11
