"""Day chart, session curve, plan, devices and coastline: exact values."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apps.assets.selectors import DeviceLatest, devices_latest
from apps.chargers.models import Session
from apps.chargers.selectors import MeterPoint
from apps.console.viewmodels.assets import device_activity
from apps.console.viewmodels.day import day_chart, hour_rows
from apps.console.viewmodels.devices import device_alarms, devices_page, follows_setpoint
from apps.console.viewmodels.island import coastline_of, island_map
from apps.console.viewmodels.sessions import curve_rows, session_detail
from apps.tenants.models import Operator
from tests.console.scene import island_build, meter_build

pytestmark = pytest.mark.django_db


@pytest.fixture
def guadeloupe(operator_a: Operator, now: datetime) -> None:
    island_build(now=now)


def test_the_day_is_the_operators_own(guadeloupe: None, now: datetime) -> None:
    with timezone.override("America/Guadeloupe"):
        chart = day_chart(now=now)

    assert chart.start == datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert chart.end == datetime(2026, 11, 24, 4, tzinfo=UTC)
    assert len(chart.times_s) == 288
    # 11:05 local is the 133rd slot of five minutes after midnight.
    assert chart.pv_production_kw[133] == 5.0
    assert chart.battery_kw[133] == 3.0
    assert chart.pv_production_kw[132] is None
    # The plan starts at 11:00, its quarter hours are spread over three slots each.
    assert chart.planned_battery_kw[131] is None
    assert chart.planned_battery_kw[132:135] == (3.0, 3.0, 3.0)
    assert set(chart.price_eur_per_mwh) == {81.25}
    assert chart.price_estimated_from is None


def test_charging_is_drawn_until_now_only(guadeloupe: None, now: datetime) -> None:
    with timezone.override("America/Guadeloupe"):
        chart = day_chart(now=now)

    # 1.75 kWh in 5 minutes are 21 kW: 10:57:30 to 11:07:30 covers the slot 11:00 to 11:05.
    assert chart.charging_kw[132] == pytest.approx(21.0)
    assert all(value is None for value in chart.charging_kw[133:])


def test_the_table_has_the_means_of_each_hour(guadeloupe: None, now: datetime) -> None:
    with timezone.override("America/Guadeloupe"):
        rows = hour_rows(day_chart(now=now))

    eleven = next(row for row in rows if row.start == datetime(2026, 11, 23, 15, tzinfo=UTC))
    assert eleven.pv_production_kw == 5.0
    assert eleven.planned_battery_kw == 3.0
    assert len(rows) == 24


def test_the_curve_counts_energy_from_its_first_register(guadeloupe: None, now: datetime) -> None:
    detail = session_detail(session_id=Session.objects.get().pk, now=now)

    assert detail is not None
    assert detail.curve.energy_kwh == (0.0, 1.75, 3.5)
    assert detail.curve.power_kw == (20.0, 20.0, 20.0)
    assert detail.curve.soc_percent == (40.0, 41.0, 42.0)
    assert detail.duration == timedelta(minutes=10)
    assert detail.is_live
    assert [event.event_type for event in detail.events] == ["Started"]
    assert detail.regular_count == 1


def test_a_session_that_is_not_there(guadeloupe: None, now: datetime) -> None:
    assert session_detail(session_id=999_999, now=now) is None


def test_samples_of_one_second_are_one_row() -> None:
    at = datetime(2026, 11, 23, 12, 0, 0, 200_000, tzinfo=UTC)
    points = [
        MeterPoint(at, "Power.Active.Import", 11.0, "kW"),
        MeterPoint(at + timedelta(milliseconds=300), "SoC", 55.0, "%"),
        MeterPoint(at + timedelta(seconds=60), "Power.Active.Import", 12.0, "kW"),
    ]

    rows = curve_rows(points)

    assert [(row.power_kw, row.energy_kwh, row.soc_percent) for row in rows] == [
        (11.0, None, 55.0), (12.0, None, None)
    ]  # fmt: skip


def device(**changes: object) -> DeviceLatest:
    values: dict[str, object] = {
        "device_id": 1, "code": "bat-01", "name": "B", "commune": "", "kind": "battery",
        "site_id": 1, "latitude": None, "longitude": None, "rated_power_kw": 100.0,
        "capacity_kwh": 200.0, "power_kw": 50.0, "soc_percent": 50.0,
        "energy_import_kwh": 100.0, "energy_export_kwh": 250.0,
        "at": datetime(2026, 11, 23, tzinfo=UTC), "age_s": 1.0, "quality": "good",
        "connection_state": "ok", "setpoint_kw": None, "setpoint_source": None,
        "control_enabled": True,
    }  # fmt: skip
    return DeviceLatest(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setpoint_kw", "power_kw", "follows"),
    [(50.0, 52.5, True), (50.0, 52.6, False), (0.0, 1.0, True), (0.0, 1.1, False),
     (-50.0, -47.5, True), (None, 99.0, True), (10.0, None, True)],
)  # fmt: skip
def test_five_percent_of_the_set_point_is_following(
    setpoint_kw: float | None, power_kw: float | None, follows: bool
) -> None:
    assert follows_setpoint(device(setpoint_kw=setpoint_kw, power_kw=power_kw)) is follows


@pytest.mark.parametrize(
    ("changes", "words"),
    [({}, ""), ({"connection_state": "silent"}, "does not answer"),
     ({"connection_state": "error"}, "answers with errors"), ({"age_s": 20.0}, "late"),
     ({"at": None, "age_s": None, "power_kw": None}, "not been read"),
     ({"setpoint_kw": 10.0}, "differs from the set-point")],
)  # fmt: skip
def test_alarms_are_in_words(changes: dict[str, object], words: str) -> None:
    from django.utils import translation

    with translation.override("en"):
        alarms = device_alarms(device(**changes))

    assert len(alarms) == bool(words)
    assert all(words in alarm for alarm in alarms)


def test_devices_are_listed_by_kind(guadeloupe: None, now: datetime) -> None:
    page = devices_page(now=now)

    assert [line.asset.asset_id for line in page.batteries] == ["bat-01", "bat-02"]
    assert [line.asset.asset_id for line in page.pv] == ["pv-01", "pv-02"]
    assert [line.asset.activity for line in page.batteries] == ["charging", "discharging"]
    assert len(devices_latest(now=now)) == page.counts.total_count == 4


def test_a_meter_is_listed_apart_with_its_counters(operator_a: Operator, now: datetime) -> None:
    meter_build(island_build(now=now), now=now, power_kw=18.0)

    page = devices_page(now=now)

    (line,) = page.meters
    assert (line.asset.asset_id, line.asset.activity, line.asset.power_kw) == (
        "grid-01", "importing", 18.0
    )  # fmt: skip
    assert (line.energy_import_kwh, line.energy_export_kwh) == (40.0, 7.0)
    assert [line.asset.asset_id for line in page.pv] == ["pv-01", "pv-02"]
    assert page.counts.fresh_count == 5


def test_a_meter_adds_nothing_to_the_day(operator_a: Operator, now: datetime) -> None:
    meter_build(island_build(now=now), now=now, power_kw=18.0)

    with timezone.override("America/Guadeloupe"):
        chart = day_chart(now=now)

    assert (chart.pv_production_kw[133], chart.battery_kw[133]) == (5.0, 3.0)


@pytest.mark.parametrize(
    ("power_kw", "activity"), [(2.0, "importing"), (-2.0, "exporting"), (0.1, "idle")]
)
def test_a_meter_imports_or_exports(power_kw: float, activity: str) -> None:
    assert device_activity(device(kind="meter", power_kw=power_kw)) == activity


def test_the_coastline_follows_the_assets(guadeloupe: None, now: datetime) -> None:
    island = island_map(now=now)

    assert island.coastline == "guadeloupe"
    assert len(island.assets) == 6
    assert coastline_of(()) == ""
