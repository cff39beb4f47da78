"""The sky of the forecasts is that of the roofs."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.simulation.clock import ManualClock
from apps.simulation.devices.fleet import device_build
from apps.simulation.devices.solar import available_power_kw
from apps.simulation.island import load_island
from apps.simulation.market.sky import (
    divided,
    place_seed,
    pv_share,
    sky_between,
    sky_day,
    temperature_c,
    wind_m_per_s,
)

ROOFS = [one for one in load_island("guadeloupe").devices if one.kind == "pv"]
SLOT = timedelta(minutes=15)
DAYS = [date(2026, 2, 1) + timedelta(days=number) for number in range(0, 28, 3)]


def test_the_clouds_of_a_place_are_those_of_its_roof() -> None:
    clock = ManualClock(datetime(2026, 3, 10, tzinfo=UTC))

    for roof in ROOFS:
        device = device_build("guadeloupe", roof, clock, speed=1.0)
        assert place_seed(roof.latitude, roof.longitude) == device.seed
    # The middle of a forecast cell of 0.05 degrees, 2.7 km from the roof of Les Abymes.
    assert place_seed(16.275, -61.525) == place_seed(ROOFS[0].latitude, ROOFS[0].longitude)
    assert place_seed(48.85, 2.35) == place_seed(48.85, 2.35) != place_seed(45.0, 2.35)


def test_the_quarter_hours_are_the_means_of_what_a_roof_can_feed_in() -> None:
    roof = ROOFS[0]
    slots = sky_day(roof.latitude, roof.longitude, date(2026, 3, 10))

    for slot in slots[::7]:
        moments = [slot.start + timedelta(minutes=minutes) for minutes in (2.5, 7.5, 12.5)]
        power_kw = [
            available_power_kw(
                at,
                latitude=roof.latitude,
                longitude=roof.longitude,
                rated_power_kw=roof.rated_power_kw,
                seed=place_seed(roof.latitude, roof.longitude),
            )
            for at in moments
        ]
        share = pv_share(slot.actual_ghi)
        assert share * roof.rated_power_kw == pytest.approx(sum(power_kw) / 3, abs=1e-6)


def test_forecast_and_reality_agree_by_day_and_differ_by_quarter_hour() -> None:
    inside = lit = 0
    for number, day in enumerate(DAYS):
        roof = ROOFS[number % len(ROOFS)]
        slots = sky_day(roof.latitude, roof.longitude, day)
        came = sum(slot.actual_ghi for slot in slots)
        foretold = sum(slot.foretold[1] for slot in slots)
        assert foretold == pytest.approx(came, rel=0.12)
        for slot in slots:
            if slot.actual_ghi > 50:
                lit += 1
                inside += slot.foretold[0] <= slot.actual_ghi <= slot.foretold[2]

    assert 0.7 <= inside / lit <= 0.95


def test_percentiles_are_in_order_and_radiation_adds_up() -> None:
    roof = ROOFS[3]

    for slot in sky_day(roof.latitude, roof.longitude, date(2026, 6, 21)):
        low, likely, high = slot.foretold
        assert 0 <= low <= likely <= high <= 1_100
        for part in (slot.p10, slot.p50, slot.p90):
            assert part.dni <= 1_000
            assert 0 <= part.dhi <= part.ghi
            assert part.dni * slot.sine + part.dhi == pytest.approx(part.ghi)


def test_a_low_sun_and_a_thick_sky_have_no_beam() -> None:
    assert divided(20.0, 0.04) == (20.0, 0.0, 20.0)
    assert divided(0.0, -0.5) == (0.0, 0.0, 0.0)
    # k = 68.05 / (1361 x 0.5) = 0.1: diffuse 1 - 0.09 x 0.1 = 0.991
    assert divided(68.05, 0.5).dhi == pytest.approx(0.991 * 68.05)


def test_showers_pass_on_most_days() -> None:
    roof = ROOFS[0]
    dimmed = 0
    for number in range(14):
        day = date(2026, 2, 1) + timedelta(days=number)
        slots = sky_day(roof.latitude, roof.longitude, day)[48:84]
        high = [slot.foretold[2] for slot in slots]
        came = [slot.actual_ghi for slot in slots]
        dimmed += any(c < 0.6 * h for c, h in zip(came, high, strict=True))

    assert dimmed >= 10


def test_a_period_crosses_midnight_without_a_gap() -> None:
    start = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)

    slots = sky_between(start, start + 4 * SLOT, latitude=16.2, longitude=-61.5)

    assert [slot.start for slot in slots] == [start + number * SLOT for number in range(4)]


def test_air_and_wind_are_those_of_the_trades() -> None:
    moments = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(24 * 28)]

    assert all(22 <= temperature_c(at) <= 32 for at in moments)
    assert all(2 <= wind_m_per_s(at) <= 9 for at in moments)
