from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.simulation.devices.solar import (
    available_power_kw,
    clear_sky_w_per_m2,
    cloud_factor,
    solar_elevation_deg,
)

LES_ABYMES = {"latitude": 16.273, "longitude": -61.504}
MOMENTS = st.integers(1_735_689_600, 1_893_456_000).map(lambda s: datetime.fromtimestamp(s, UTC))
"""2025 to 2030."""


def test_elevation_matches_the_published_example() -> None:
    # Reda and Andreas, NREL/TP-560-34302, table A5.1: 39.872046 degrees before refraction
    at = datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC)

    elevation = solar_elevation_deg(at, latitude=39.742476, longitude=-105.1786)

    assert elevation == pytest.approx(39.872, abs=0.02)


def test_sun_culminates_where_the_declination_says() -> None:
    # 21 June: declination 23.44, so 90 - (23.44 - 16.273) = 82.83 degrees at its highest
    start = datetime(2026, 6, 21, 14, 0, tzinfo=UTC)

    highest = max(
        solar_elevation_deg(start + timedelta(minutes=minute), **LES_ABYMES)
        for minute in range(300)
    )

    assert highest == pytest.approx(82.83, abs=0.03)


def test_clear_sky_is_about_1000_w_per_m2_under_a_high_sun() -> None:
    assert clear_sky_w_per_m2(80) == pytest.approx(1020, abs=15)
    assert clear_sky_w_per_m2(0) == 0
    assert clear_sky_w_per_m2(-10) == 0


@given(MOMENTS, st.integers(0, 2**32 - 1))
def test_power_is_between_zero_and_the_rating_and_zero_at_night(at: datetime, seed: int) -> None:
    power = available_power_kw(at, **LES_ABYMES, rated_power_kw=5.0, seed=seed)

    assert 0 <= power <= 5
    if solar_elevation_deg(at, **LES_ABYMES) <= 0:
        assert power == 0


@given(MOMENTS, st.integers(0, 2**32 - 1))
def test_clouds_are_repeatable_and_pass_without_jumps(at: datetime, seed: int) -> None:
    factor = cloud_factor(at, seed=seed)

    assert 0.25 <= factor <= 1
    assert cloud_factor(at, seed=seed) == factor
    assert abs(cloud_factor(at + timedelta(seconds=1), seed=seed) - factor) < 0.02


def test_neighbouring_roofs_have_their_own_clouds() -> None:
    start = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
    moments = [start + timedelta(minutes=5 * number) for number in range(96)]

    first = [cloud_factor(at, seed=1) for at in moments]
    second = [cloud_factor(at, seed=2) for at in moments]

    assert first != second
    assert min(first) < 0.6
    assert max(first) > 0.95
