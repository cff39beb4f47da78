from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cariflex.common.units import energy_kwh, floor_slot, power_kw, slots


@pytest.mark.parametrize(
    ("power", "duration_s", "expected_kwh"),
    [(22.0, 3600, 22.0), (-50.0, 900, -12.5), (0.0, 60, 0.0)],
)
def test_energy_keeps_the_sign_of_power(
    power: float, duration_s: float, expected_kwh: float
) -> None:
    assert energy_kwh(power_kw=power, duration_s=duration_s) == expected_kwh


@given(st.floats(-1e4, 1e4), st.floats(1, 86_400))
def test_power_and_energy_are_inverse(power: float, duration_s: float) -> None:
    energy = energy_kwh(power_kw=power, duration_s=duration_s)

    assert power_kw(energy_kwh=energy, duration_s=duration_s) == pytest.approx(power)


def test_durations_have_a_rule() -> None:
    with pytest.raises(ValueError, match="duration_s must be positive"):
        power_kw(energy_kwh=1, duration_s=0)
    with pytest.raises(ValueError, match="duration_s must not be negative"):
        energy_kwh(power_kw=1, duration_s=-1)


def test_a_slot_is_half_open() -> None:
    edge = datetime(2026, 3, 10, 12, 15, tzinfo=UTC)

    assert floor_slot(edge) == edge
    assert floor_slot(edge - timedelta(microseconds=1)) == edge - timedelta(minutes=15)


def test_a_slot_of_local_time_is_the_slot_of_its_instant() -> None:
    guadeloupe = timezone(timedelta(hours=-4))

    local = datetime(2026, 3, 10, 8, 20, tzinfo=guadeloupe)

    assert floor_slot(local) == datetime(2026, 3, 10, 12, 15, tzinfo=UTC)


def test_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        floor_slot(datetime(2026, 3, 10))  # noqa: DTZ001


def test_a_day_has_96_quarter_hours() -> None:
    start = datetime(2026, 3, 10, 4, tzinfo=UTC)

    starts = slots(start, start + timedelta(days=1))

    assert len(starts) == 96
    assert starts[0] == start
    assert starts[-1] == start + timedelta(hours=23, minutes=45)
