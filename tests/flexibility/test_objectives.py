"""Pure: what a MWh counts for the optimiser under each objective."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from apps.flexibility.choices import Objective
from apps.flexibility.objectives import Aim, Steering, in_window, steering

START = datetime(2026, 3, 11, 21, 0, tzinfo=UTC)  # 17:00 in Guadeloupe
STARTS = [START + timedelta(hours=n) for n in range(3)]
BUY, SELL = [200.0, -5.0, 300.0], [190.0, -15.0, 290.0]
AIM = Aim(
    objective=Objective.COST, feed_in_margin_eur_per_mwh=10.0, co2_price_eur_per_t=1000.0,
    evening_from=time(18), evening_until=time(22), evening_bonus_eur_per_mwh=200.0,
    time_zone="America/Guadeloupe",
)  # fmt: skip


def steer(objective: Objective, co2: list[float | None] | None = None) -> Steering:
    return steering(
        aim=replace(AIM, objective=objective), starts=STARTS, consumption=BUY, production=SELL,
        co2_g_per_kwh=co2 or [None] * 3,
    )  # fmt: skip


@pytest.mark.parametrize("objective", [Objective.COST, Objective.RESERVE])
def test_cost_and_reserve_steer_by_the_price(objective: Objective) -> None:
    assert steer(objective) == Steering((200.0, -5.0, 300.0), (190.0, -15.0, 290.0))


def test_co2_counts_beside_the_price_and_a_gap_as_the_mean() -> None:
    # 500 g/kWh at 1000 EUR/t are 500 EUR/MWh; the gap counts (500 + 600) / 2.
    found = steer(Objective.CO2, [500.0, None, 600.0])

    assert found.consumption == (700.0, 545.0, 900.0)
    assert found.production == (690.0, 535.0, 890.0)
    assert steer(Objective.CO2).consumption == (200.0, -5.0, 300.0)


def test_what_is_fed_in_earns_nothing_when_own_sun_shall_be_used() -> None:
    found = steer(Objective.SELF_CONSUMPTION)

    assert found.consumption == (200.0, -5.0, 300.0)
    # A negative price stays below what drawing earns.
    assert found.production == (0.0, -15.0, 0.0)


def test_evening_window_is_local_and_counts_more_both_ways() -> None:
    found = steer(Objective.EVENING_PEAK)

    assert found.consumption == (200.0, 195.0, 500.0)
    assert found.production == (190.0, 185.0, 490.0)


def test_window_over_midnight() -> None:
    night = replace(AIM, evening_from=time(22), evening_until=time(2))

    assert [in_window(night, time(hour)) for hour in (21, 22, 0, 1, 2)] == [
        False, True, True, True, False,
    ]  # fmt: skip
