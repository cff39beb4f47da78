"""The model against hand calculations: a 5 kWp plant at Pointe-a-Pitre on 24 November."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pvlib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.markets.feeds.open_meteo import open_meteo_read
from apps.markets.feeds.solcast import RooftopSlot
from apps.markets.feeds.weather import Irradiance, WeatherForecast, WeatherSlot
from apps.markets.pv.grouping import Cell, cells_of
from apps.markets.pv.model import (
    clear_sky_irradiance,
    clear_sky_production,
    production,
    productions,
    sky_over,
    weather_starts,
)
from apps.markets.pv.plant import PvArray, PvPlant
from apps.markets.pv.production import (
    ProductionError,
    ProductionSlot,
    energy_kwh,
    quarter_starts,
    rooftop_quarters,
)
from tests.contracts.open_meteo_fake import UNITS

LATITUDE, LONGITUDE = 16.25, -61.55
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
# The local day of 24 November 2026 (UTC-4).
DAY = quarter_starts(
    datetime(2026, 11, 24, 4, tzinfo=UTC), datetime(2026, 11, 25, 4, tzinfo=UTC)
)  # fmt: skip
SKY = sky_over(LATITUDE, LONGITUDE, DAY)
CLEAR = clear_sky_irradiance(SKY, altitude_m=10)
# Day 328: equation of time +13.3 min (almanac); 12:00 + 4 min x 61.55 - 13.3 min = 15:52.9 UTC.
SOLAR_NOON_UTC_MINUTES = 15 * 60 + 52.9


def plant(*arrays: PvArray, limit_kw: float = 5.0) -> PvPlant:
    south = PvArray(tilt_degrees=15, azimuth_degrees=180, peak_kwp=5)
    return PvPlant(LATITUDE, LONGITUDE, 10, arrays or (south,), limit_kw)


EAST_WEST = plant(PvArray(15, 90, 2.5), PvArray(15, 270, 2.5))


def quarter_weather(sky: Sequence[Irradiance] = CLEAR) -> WeatherForecast:
    slots = (
        WeatherSlot(start, start + QUARTER, values, temperature_c=27.0, wind_m_per_s=4.0)
        for start, values in zip(DAY, sky, strict=True)
    )
    return WeatherForecast(QUARTER, tuple(slots), ())


def centre_utc_minutes(slots: Sequence[ProductionSlot]) -> float:
    """The time of the centre of gravity of the production, minutes after 00:00 UTC."""
    day = datetime(2026, 11, 24, tzinfo=UTC)
    moment = sum(s.p50_kw * ((s.start - day) / timedelta(minutes=1) + 7.5) for s in slots)
    return moment / sum(s.p50_kw for s in slots)


def test_a_clear_day_of_five_kwp_is_within_the_hand_bound() -> None:
    slots = clear_sky_production(plant(), DAY)

    # Declination 23.45 sin(360 (284 + 328) / 365) = -21.0; sunset angle acos(-tan 16.25 tan -21.0)
    # = 83.6 = 1.459 rad; outside the air 1.361 x 1.0265 x 24 / pi x (cos 16.25 cos 21.0 sin 83.6
    # - 1.459 sin 16.25 sin 21.0) = 7.94 kWh/m2. A clear sky passes 62 to 78 %: 4.9 to 6.2 kWh/m2.
    # 15 degrees to the south gain 0 (diffuse) to 23 % (beam). Losses 0.86, inverter 0.96, heat
    # (up to 27 + 1000 / (25 + 6.84 x 4) = 46 C) 0.93 to 1: 0.768 to 0.826.
    # 5 x 4.9 x 1 x 0.768 = 18.8 kWh; 5 x 6.2 x 1.23 x 0.826 = 31.5 kWh.
    assert 18.8 < energy_kwh(slots) < 31.5
    # At noon the sun stands 37 from the zenith: 750 to 950 W/m2, up to 16 % more on the plane.
    assert 5 * 0.75 * 0.768 < max(s.p50_kw for s in slots) < 5 * 0.95 * 1.16 * 0.826


def test_the_sky_of_that_day_is_within_the_hand_bound() -> None:
    assert 4.9 < sum(values.ghi_w_per_m2 for values in CLEAR) / 4_000 < 6.2


def test_east_and_west_are_even_about_solar_noon() -> None:
    slots = clear_sky_production(EAST_WEST, DAY)

    assert abs(centre_utc_minutes(slots) - SOLAR_NOON_UTC_MINUTES) < 2


def test_an_east_array_leads_and_a_west_array_follows() -> None:
    east = centre_utc_minutes(clear_sky_production(plant(PvArray(30, 90, 5)), DAY))
    west = centre_utc_minutes(clear_sky_production(plant(PvArray(30, 270, 5)), DAY))

    assert east < SOLAR_NOON_UTC_MINUTES - 30
    assert west > SOLAR_NOON_UTC_MINUTES + 30


@pytest.mark.parametrize(("block", "step"), [("minutely_15", QUARTER), ("hourly", HOUR)])
def test_stamps_at_the_slots_end_keep_noon_in_place(block: str, step: timedelta) -> None:
    # A reader that took the stamp for the start would move noon by 15 or 60 minutes.
    parts = step // QUARTER
    groups = [CLEAR[n : n + parts] for n in range(0, len(CLEAR), parts)]
    means = [
        [sum(getattr(v, name) for v in group) / parts for group in groups]
        for name in ("ghi_w_per_m2", "dni_w_per_m2", "dhi_w_per_m2")
    ]
    content = {
        "latitude": 16.25, "longitude": -61.5, "elevation": 10, "utc_offset_seconds": 0,
        f"{block}_units": UNITS,
        block: {
            "time": [f"{DAY[0] + (n + 1) * step:%Y-%m-%dT%H:%M}" for n in range(len(groups))],
            "shortwave_radiation": means[0],
            "direct_normal_irradiance": means[1],
            "diffuse_radiation": means[2],
            "temperature_2m": [27.0] * len(groups),
            "wind_speed_10m": [4.0] * len(groups),
        },
    }  # fmt: skip

    weather = open_meteo_read(json.dumps(content).encode(), block=block).weather
    slots = production(EAST_WEST, weather, sky=SKY)

    assert [slot.start for slot in slots] == list(DAY)
    assert abs(centre_utc_minutes(slots) - SOLAR_NOON_UTC_MINUTES) < 4
    clear = energy_kwh(clear_sky_production(EAST_WEST, DAY, sky=SKY))
    assert energy_kwh(slots) == pytest.approx(clear, rel=0.02)


def test_half_hours_of_power_keep_noon_in_place() -> None:
    quarters = clear_sky_production(EAST_WEST, DAY)
    halves = [
        RooftopSlot(a.start, b.end, (a.p50_kw + b.p50_kw) / 2, None, None)
        for a, b in zip(quarters[::2], quarters[1::2], strict=True)
    ]

    slots = rooftop_quarters(halves)

    assert abs(centre_utc_minutes(slots) - SOLAR_NOON_UTC_MINUTES) < 4
    assert energy_kwh(slots) == pytest.approx(energy_kwh(quarters))


def test_nights_are_zero_whatever_the_feed_says() -> None:
    slots = production(plant(), quarter_weather([Irradiance(30.0, 20.0, 30.0)] * len(DAY)))

    night = [slot for slot, zenith in zip(slots, SKY.zenith, strict=True) if zenith > 91]
    # 24 h less 2 x 83.6 / 15 h of day and a little twilight: about 50 quarters.
    assert 45 < len(night) < 53
    assert {slot.p50_kw for slot in night} == {0.0}
    assert all(slot.p50_kw > 0 for slot in slots if 12 <= slot.start.hour < 20)


@given(factor=st.floats(0.01, 1_000))
def test_energy_scales_with_the_modules_and_the_inverter(factor: float) -> None:
    large = plant(PvArray(15, 180, 5 * factor), limit_kw=5 * factor)

    one = energy_kwh(clear_sky_production(plant(), DAY, sky=SKY))

    scaled = energy_kwh(clear_sky_production(large, DAY, sky=SKY))
    assert scaled == pytest.approx(factor * one, rel=1e-9)


def test_losses_take_their_part_of_the_direct_current() -> None:
    # The inverter's curve bends little: half the direct current is half the energy within 2 %.
    half = PvPlant(LATITUDE, LONGITUDE, 10, plant().arrays, 5.0, loss_percent=57)  # 0.43 = 0.86 / 2

    energy = energy_kwh(clear_sky_production(half, DAY, sky=SKY))

    whole = energy_kwh(clear_sky_production(plant(), DAY, sky=SKY))
    assert energy == pytest.approx(whole / 2, rel=0.02)


def test_the_inverter_cuts_at_its_limit() -> None:
    slots = clear_sky_production(plant(limit_kw=2.0), DAY)

    assert max(slot.p50_kw for slot in slots) == pytest.approx(2.0)
    assert sum(slot.p50_kw == pytest.approx(2.0) for slot in slots) > 16


def test_heat_costs_and_wind_helps() -> None:
    def energy(temperature_c: float, wind_m_per_s: float) -> float:
        slots = clear_sky_production(
            plant(), DAY, sky=SKY, temperature_c=temperature_c, wind_m_per_s=wind_m_per_s
        )
        return energy_kwh(slots)

    # 10 C x 0.35 % = 3.5 % of some 96 % left at 15 C above the air.
    assert energy(37, 4) / energy(27, 4) == pytest.approx(1 - 0.035 / 0.93, abs=0.004)
    assert energy(27, 8) > energy(27, 1)


def test_global_radiation_alone_is_divided() -> None:
    alone = production(plant(), quarter_weather([Irradiance(v.ghi_w_per_m2) for v in CLEAR]))

    # Erbs knows mean skies, so the beam of a clear one comes out a little different.
    known = energy_kwh(production(plant(), quarter_weather()))
    assert energy_kwh(alone) == pytest.approx(known, rel=0.05)


IRRADIANCE = st.builds(
    Irradiance, st.floats(0, 1_500), st.floats(0, 1_500), st.floats(0, 1_500)
) | st.builds(Irradiance, st.floats(0, 1_500))


@given(rows=st.lists(st.tuples(IRRADIANCE, IRRADIANCE, IRRADIANCE), min_size=8, max_size=8))
def test_percentiles_are_in_order_and_no_power_is_below_zero_or_beyond_the_limit(
    rows: list[tuple[Irradiance, Irradiance, Irradiance]],
) -> None:
    # From 09:30 UTC over sunrise (about 10:18 UTC).
    slots = tuple(
        WeatherSlot(DAY[22 + n], DAY[23 + n], p50, 27.0, 4.0, p10, p90)
        for n, (p10, p50, p90) in enumerate(rows)
    )
    found = production(EAST_WEST, WeatherForecast(QUARTER, slots, ()))

    for slot in found:
        assert slot.p10_kw is not None
        assert slot.p90_kw is not None
        assert 0 <= slot.p10_kw <= slot.p50_kw <= slot.p90_kw <= 5.0


def test_percentiles_are_given_where_the_radiation_has_them() -> None:
    noon = DAY[46:48]
    dull, mean, bright = (
        Irradiance(200, 0, 200),
        Irradiance(500, 400, 150),
        Irradiance(800, 800, 90),
    )
    slots = (
        WeatherSlot(noon[0], noon[1], mean, 27.0, 4.0, dull, bright),
        WeatherSlot(noon[1], noon[1] + QUARTER, mean, 27.0, 4.0),
    )

    first, second = production(plant(), WeatherForecast(QUARTER, slots, ()))

    assert first.p10_kw is not None
    assert first.p90_kw is not None
    assert first.p10_kw < first.p50_kw < first.p90_kw
    assert (second.p10_kw, second.p90_kw) == (None, None)


def fleet() -> dict[str, PvPlant]:
    """Ten plants with two arrays each, in four towns."""
    towns = [(16.24, -61.54), (15.99, -61.72), (16.33, -61.45), (16.26, -61.27)]
    arrays = (PvArray(15, 90, 30), PvArray(15, 270, 30))
    return {
        f"plant-{n}": PvPlant(*towns[n % 4], 20 * n, arrays, 50.0) for n in range(10)
    }  # fmt: skip


def two_days(cells: Sequence[Cell]) -> dict[Cell, WeatherForecast]:
    starts = [DAY[0] + n * QUARTER for n in range(192)]
    found = {}
    for cell in cells:
        sky = sky_over(cell.latitude, cell.longitude, starts)
        slots = tuple(
            WeatherSlot(start, start + QUARTER, p50, 27.0, 4.0, Irradiance(0, 0, 0), p50)
            for start, p50 in zip(starts, clear_sky_irradiance(sky, altitude_m=0), strict=True)
        )
        found[cell] = WeatherForecast(QUARTER, slots, ())
    return found


def test_ten_plants_over_two_days_cost_less_than_a_second() -> None:
    plants = fleet()
    weather = two_days(list(cells_of(plants)))

    began_s = time.process_time()
    found = productions(plants, weather)
    spent_s = time.process_time() - began_s

    assert {name: len(slots) for name, slots in found.items()} == dict.fromkeys(plants, 192)
    assert spent_s < 1.0


def test_the_sun_is_reckoned_once_per_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    plants = fleet()
    weather = two_days(list(cells_of(plants)))
    reckoned: list[float] = []
    inner = pvlib.solarposition.get_solarposition

    def counted(times: object, latitude: float, longitude: float) -> object:
        reckoned.append(latitude)
        return inner(times, latitude, longitude)

    monkeypatch.setattr(pvlib.solarposition, "get_solarposition", counted)
    productions(plants, weather)

    assert len(reckoned) == 4


def test_a_plant_whose_cell_has_no_forecast_is_left_out() -> None:
    plants = fleet()
    first, *_ = cells_of(plants)

    found = productions(plants, two_days([first]))

    assert set(found) == set(cells_of(plants)[first])


def test_a_sky_of_other_hours_is_refused() -> None:
    other = sky_over(LATITUDE, LONGITUDE, DAY[:-1])

    with pytest.raises(ProductionError, match="sky: is not of"):
        production(plant(), quarter_weather(), sky=other)
    with pytest.raises(ProductionError, match="sky: is not of"):
        clear_sky_production(plant(), DAY, sky=other)
    with pytest.raises(ProductionError, match="starts: is empty"):
        sky_over(LATITUDE, LONGITUDE, [])
    with pytest.raises(ProductionError, match="starts: .* not the start of a quarter hour"):
        sky_over(LATITUDE, LONGITUDE, [DAY[0] + timedelta(minutes=5)])


def test_the_quarters_of_an_hourly_forecast_are_its_own() -> None:
    slot = WeatherSlot(DAY[0], DAY[4], Irradiance(0, 0, 0), 27.0, 4.0)

    assert weather_starts(WeatherForecast(HOUR, (slot,), ())) == DAY[:4]


def test_an_hour_of_the_morning_rises_with_the_sun() -> None:
    # The sun rises at about 10:18 UTC and climbs some 14 degrees an hour: 11 degrees high at 11:07,
    # 21 at 11:52. sin 21 / sin 11 = 1.9; flat modules under a dull sky follow that.
    eleven = DAY.index(datetime(2026, 11, 24, 11, tzinfo=UTC))
    dull = WeatherSlot(DAY[eleven], DAY[eleven + 4], Irradiance(200, 0, 200), 27.0, 4.0)

    slots = production(plant(PvArray(0, 180, 5)), WeatherForecast(HOUR, (dull,), ()))

    powers_kw = [slot.p50_kw for slot in slots]
    assert powers_kw == sorted(powers_kw)
    assert 1.6 < powers_kw[3] / powers_kw[0] < 2.2
    # 5 kWp x 0.2 kW/m2 x 1 h x 0.86 x (0.90 to 0.96: an inverter far below its limit) = 0.8 kWh
    assert energy_kwh(slots) == pytest.approx(0.80, abs=0.04)
