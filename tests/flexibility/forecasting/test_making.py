"""Hourly forecasts of a site: what is in them, that they are made once, whose they are."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.assets.models import Site
from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.models import Forecast, ForecastRun
from apps.flexibility.services.forecasts import forecasts_make
from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.models import PvPlant, Series, SeriesValue
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.units import QUARTER_HOUR, slots
from tests.flexibility.conftest import Island, island_make
from tests.flexibility.forecasting.scene import DAY, NOW, SLOT, grid_meter, measure, publish

PERSISTENCE, WEEKDAY = ForecastMethod.PERSISTENCE, ForecastMethod.WEEKDAY
PVLIB = ForecastMethod.PVLIB
HOUR = timedelta(hours=1)


def forecast_of(quantity: ForecastQuantity, method: ForecastMethod) -> Forecast:
    return Forecast.objects.get(quantity=quantity, method=method)


def run_of(quantity: ForecastQuantity, method: ForecastMethod) -> tuple[str, str]:
    run = ForecastRun.objects.get(quantity=quantity, method=method)
    return run.reason_code, run.detail


def test_sun_of_tomorrow_is_that_of_yesterday(island: Island) -> None:
    # Yesterday 12:00 to 13:00 both plants gave 10, 11, 12 and 13 kW.
    start = SLOT - DAY
    measure(
        [island.pv_1, island.pv_2],
        lambda slot: -10.0 - (slot - start) / QUARTER_HOUR,
        start=start,
        end=start + HOUR,
    )

    forecasts_make(now=NOW)

    forecast = forecast_of(ForecastQuantity.PV, PERSISTENCE)
    assert (forecast.made_at, forecast.start, forecast.end) == (SLOT, SLOT, SLOT + 2 * DAY)
    assert len(forecast.points) == 192
    assert forecast.points[:5] == [[-20.0, None, None], [-22.0, None, None], [-24.0, None, None],
                                   [-26.0, None, None], [None, None, None]]  # fmt: skip
    # The day after tomorrow looks two days back.
    assert forecast.points[96] == [-20.0, None, None]
    assert run_of(ForecastQuantity.PV, PERSISTENCE) == ("", "")
    assert run_of(ForecastQuantity.PV, WEEKDAY) == ("too_little_history", "1/7")


def test_same_weekday_is_the_mean_with_its_spread_and_no_sun_is_negative(island: Island) -> None:
    for weeks, power_kw in ((1, -1.0), (2, -5.0)):
        measure(
            [island.pv_1],
            lambda _slot, power_kw=power_kw: power_kw,  # type: ignore[misc]
            start=SLOT - weeks * 7 * DAY,
            end=SLOT - weeks * 7 * DAY + QUARTER_HOUR,
        )

    forecasts_make(now=NOW)

    # Mean -3, deviation sqrt(8) = 2.8284, times 1.2816 = 3.6249; above zero is no sun at all.
    assert forecast_of(ForecastQuantity.PV, WEEKDAY).points[0] == [-3.0, -6.6249, 0.0]


def test_slot_that_runs_is_not_known_yet(island: Island) -> None:
    measure([island.pv_1], lambda _slot: -9.0, start=SLOT, end=SLOT + QUARTER_HOUR)

    forecasts_make(now=NOW)

    assert not Forecast.objects.filter(quantity=ForecastQuantity.PV).exists()
    assert run_of(ForecastQuantity.PV, PERSISTENCE) == ("nothing_known", "")


def test_load_is_what_the_grid_meter_shows_beyond_the_rest(island: Island) -> None:
    start, end = SLOT - DAY, SLOT - DAY + QUARTER_HOUR
    measure([grid_meter(island.site)], lambda _slot: 12.0, start=start, end=end)
    measure([island.pv_1], lambda _slot: -30.0, start=start, end=end)
    measure([island.bat_1], lambda _slot: 8.0, start=start, end=end)

    forecasts_make(now=NOW)

    # 12 drawn + 30 from the sun - 8 into the battery.
    assert forecast_of(ForecastQuantity.LOAD, PERSISTENCE).points[0] == [34.0, None, None]


def test_site_without_a_grid_meter_says_that_it_has_no_load(island: Island) -> None:
    forecasts_make(now=NOW)

    assert run_of(ForecastQuantity.LOAD, PERSISTENCE) == ("no_meter", "")
    assert not Forecast.objects.filter(quantity=ForecastQuantity.LOAD).exists()


def test_prices_known_then_are_used_and_no_later_revision(island: Island) -> None:
    start = SLOT - DAY
    publish(SeriesKind.PRICE, lambda _slot: 80.0, start=start, end=start + QUARTER_HOUR)
    publish(
        SeriesKind.PRICE,
        lambda _slot: 999.0,
        start=start,
        end=start + QUARTER_HOUR,
        published_at=SLOT + timedelta(seconds=1),
    )

    forecasts_make(now=NOW)

    assert forecast_of(ForecastQuantity.PRICE, PERSISTENCE).points[0] == [80.0, None, None]


def test_published_price_of_tomorrow_is_that_of_the_day_after(island: Island) -> None:
    publish(SeriesKind.PRICE, lambda _slot: 50.0, start=SLOT - DAY, end=SLOT)
    publish(SeriesKind.PRICE, lambda _slot: 70.0, start=SLOT, end=SLOT + DAY, published_at=SLOT)
    publish(
        SeriesKind.CO2_LIFECYCLE,
        lambda _slot: 600.0,
        start=SLOT,
        end=SLOT + DAY,
        published_at=SLOT,
        quality=Quality.FORECAST,
    )

    forecasts_make(now=NOW)

    points = forecast_of(ForecastQuantity.PRICE, PERSISTENCE).points
    assert (points[0][0], points[96][0]) == (50.0, 70.0)
    # What others only forecast is not known.
    assert run_of(ForecastQuantity.CO2, PERSISTENCE) == ("nothing_known", "")


def test_hourly_intensity_stands_for_its_four_quarter_hours(island: Island) -> None:
    series = Series.objects.create(
        kind=SeriesKind.CO2_LIFECYCLE, area="971", source=Feed.EDF_SEI, resolution_s=3600,
        unit="g/kWh", is_leading=True,
    )  # fmt: skip
    SeriesValue.objects.create(
        series=series, start=SLOT - DAY, value=Decimal(640), published_at=SLOT - HOUR
    )

    forecasts_make(now=NOW)

    points = forecast_of(ForecastQuantity.CO2, PERSISTENCE).points
    assert [point[0] for point in points[:5]] == [640.0, 640.0, 640.0, 640.0, None]


def plant_forecast(code: str, values: dict[str, Decimal], *, published_at: datetime) -> None:
    """The model's forecast of one plant for [SLOT, SLOT + 48 h), kW."""
    for variant, value in values.items():
        series = Series.objects.create(
            kind=SeriesKind.PV_PRODUCTION, area=code, source=Feed.ISLAND, variant=variant, unit="kW"
        )
        SeriesValue.objects.bulk_create(
            SeriesValue(
                series=series, start=slot, value=value, quality=Quality.FORECAST,
                origin="open_meteo", published_at=published_at,
            )
            for slot in slots(SLOT, SLOT + 2 * DAY)
        )  # fmt: skip


@pytest.fixture
def plants(island: Island) -> None:
    for device in (island.pv_1, island.pv_2):
        PvPlant.objects.create(device=device, inverter_limit_kw=50.0)


@pytest.mark.usefixtures("plants")
def test_plants_are_summed_and_production_is_negative(island: Island) -> None:
    values = {"p10": Decimal(10), "p50": Decimal(20), "p90": Decimal(25)}
    plant_forecast("pv-1", values, published_at=SLOT)
    plant_forecast("pv-2", values, published_at=SLOT)

    forecasts_make(now=NOW)

    # The sunnier end comes first: it is the lower figure.
    assert forecast_of(ForecastQuantity.PV, PVLIB).points[0] == [-40.0, -50.0, -20.0]
    assert run_of(ForecastQuantity.PV, PVLIB) == ("", "")


@pytest.mark.usefixtures("plants")
def test_weather_counts_from_the_minute_after_it_was_published(island: Island) -> None:
    published_at = NOW + timedelta(minutes=2, seconds=10)
    for code in ("pv-1", "pv-2"):
        plant_forecast(code, {"p50": Decimal(20)}, published_at=published_at)

    forecasts_make(now=NOW)
    assert run_of(ForecastQuantity.PV, PVLIB) == ("no_plant", "")
    forecasts_make(now=NOW + timedelta(minutes=3))

    made = forecast_of(ForecastQuantity.PV, PVLIB)
    assert made.points[0] == [-20.0 * 2, None, None]
    # It says when it knew that, so that it is judged by later slots only.
    assert (made.start, made.made_at) == (SLOT, NOW + timedelta(minutes=3))


def test_pv_device_without_a_plant_is_said(island: Island) -> None:
    PvPlant.objects.create(device=island.pv_1, inverter_limit_kw=50.0)
    plant_forecast("pv-1", {"p50": Decimal(20)}, published_at=SLOT)

    forecasts_make(now=NOW)

    assert forecast_of(ForecastQuantity.PV, PVLIB).points[0][0] == -20.0
    assert run_of(ForecastQuantity.PV, PVLIB) == ("plants_missing", "1/2")


def test_made_twice_in_an_hour_changes_nothing(island: Island) -> None:
    measure([island.pv_1], lambda _slot: -9.0, start=SLOT - DAY, end=SLOT)

    first = forecasts_make(now=NOW)
    before = list(Forecast.objects.order_by("pk").values())
    again = forecasts_make(now=NOW + timedelta(minutes=20))
    next_hour = forecasts_make(now=NOW + HOUR)

    assert (first, again, next_hour) == (1, 0, 1)
    assert list(Forecast.objects.filter(made_at=SLOT).values()) == before


def test_two_at_once_keep_one_forecast(island: Island, monkeypatch: pytest.MonkeyPatch) -> None:
    measure([island.pv_1], lambda _slot: -9.0, start=SLOT - DAY, end=SLOT)
    store = Forecast.objects.bulk_create

    def other_first(rows: list[Forecast], **options: Any) -> list[Forecast]:
        monkeypatch.setattr(Forecast.objects, "bulk_create", store)
        forecasts_make(now=NOW)
        return store(rows, **options)

    monkeypatch.setattr(Forecast.objects, "bulk_create", other_first)

    forecasts_make(now=NOW)

    assert Forecast.objects.filter(method=PERSISTENCE, quantity=ForecastQuantity.PV).count() == 1


def test_operators_do_not_see_each_others_history(island: Island, operator_b: Operator) -> None:
    measure([island.pv_1], lambda _slot: -9.0, start=SLOT - DAY, end=SLOT)
    with operator_context("martinique"):
        island_make()

        made = forecasts_make(now=NOW)

        assert made == 0
        assert not Forecast.objects.exists()
        assert Site.objects.count() == 1
    assert forecasts_make(now=NOW) == 1


def test_forecast_of_a_site_costs_no_query_per_slot(
    island: Island, django_assert_max_num_queries: object
) -> None:
    measure([island.pv_1], lambda _slot: -9.0, start=SLOT - DAY, end=SLOT)

    # Half of them are SET search_path.
    with django_assert_max_num_queries(72):  # type: ignore[operator]
        forecasts_make(now=NOW)
    # Nothing is read again for what was tried in vain.
    with django_assert_max_num_queries(22):  # type: ignore[operator]
        forecasts_make(now=NOW + QUARTER_HOUR)
