from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.markets.pv.grouping import Call, Cell, cell_of, cells_of, cells_to_ask
from apps.markets.pv.plant import PvArray, PvPlant
from cariflex.common.errors import DomainError

DAY_START = datetime(2026, 3, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
HORIZON = timedelta(hours=48)
TEN = [Cell(320 + n, -1235) for n in range(10)]


def plant(latitude: float, longitude: float) -> PvPlant:
    return PvPlant(latitude, longitude, 10, (PvArray(15, 180, 5),), 5)


def ask(cells: list[Cell], calls: list[Call], now: datetime, quota: int = 10) -> tuple[Cell, ...]:
    return cells_to_ask(cells, calls=calls, now=now, quota_per_day=quota, horizon=HORIZON)


@pytest.mark.parametrize(
    ("latitude", "longitude", "cell"),
    [
        (16.25, -61.55, Cell(325, -1231)),  # 16.25 x 20 = 325 and -61.55 x 20 = -1231
        (16.2999, -61.5001, Cell(325, -1231)),
        (16.30, -61.50, Cell(326, -1230)),
        (-0.01, 0.01, Cell(-1, 0)),
        (90, 180, Cell(1799, -3600)),
        (-90, -180, Cell(-1800, -3600)),
    ],
)
def test_a_cell_is_a_twentieth_of_a_degree(latitude: float, longitude: float, cell: Cell) -> None:
    assert cell_of(latitude, longitude) == cell


def test_the_centre_of_a_cell_is_in_it() -> None:
    assert (Cell(325, -1231).latitude, Cell(325, -1231).longitude) == (16.275, -61.525)


@given(
    latitude=st.floats(-90, 90, allow_nan=False), longitude=st.floats(-180, 180, allow_nan=False)
)
def test_a_place_is_at_most_half_a_cell_from_its_centre(latitude: float, longitude: float) -> None:
    cell = cell_of(latitude, longitude)

    assert abs(cell.latitude - latitude) <= 0.025 + 1e-6
    assert abs((cell.longitude - longitude + 180) % 360 - 180) <= 0.025 + 1e-6
    assert cell_of(cell.latitude, cell.longitude) == cell


def test_plants_of_a_cell_are_named_together() -> None:
    plants = {
        "port": plant(16.26, -61.54),
        "airport": plant(16.2649, -61.5251),
        "basse-terre": plant(15.99, -61.72),
    }

    assert cells_of(plants) == {
        Cell(319, -1235): ("basse-terre",),  # 15.99 x 20 = 319.8; -61.72 x 20 = -1234.4
        Cell(325, -1231): ("airport", "port"),
    }


def test_ten_cells_are_asked_once_a_day_each() -> None:
    calls: list[Call] = []
    for minute in range(0, 24 * 60, 5):
        now = DAY_START + timedelta(minutes=minute)
        calls += [Call(cell, now, succeeded=True) for cell in ask(TEN, calls, now)]

    assert len(calls) == 10
    assert {call.cell for call in calls} == set(TEN)
    assert ask(TEN, calls, DAY_START + 24 * HOUR) == tuple(TEN)


def test_one_cell_is_renewed_as_often_as_the_quota_lets_it() -> None:
    calls = [Call(TEN[0], DAY_START, succeeded=True)]

    # A day x 1 cell / 10 calls = 2.4 h.
    assert ask(TEN[:1], calls, DAY_START + timedelta(minutes=143)) == ()
    assert ask(TEN[:1], calls, DAY_START + timedelta(minutes=144)) == (TEN[0],)


def test_a_large_quota_renews_no_sooner_than_an_hour() -> None:
    calls = [Call(TEN[0], DAY_START, succeeded=True)]

    assert ask(TEN[:1], calls, DAY_START + timedelta(minutes=59), quota=5_000) == ()
    assert ask(TEN[:1], calls, DAY_START + HOUR, quota=5_000) == (TEN[0],)


def test_a_failed_call_counts_and_lets_the_others_go_first() -> None:
    calls = [Call(TEN[0], DAY_START, succeeded=False)]

    assert ask(TEN, calls, DAY_START + timedelta(minutes=14)) == tuple(TEN[1:])
    later = ask(TEN, calls, DAY_START + timedelta(minutes=15))
    assert later == tuple(TEN[1:])  # nine calls are left, and the one that failed is the tenth


def test_the_quota_starts_anew_at_midnight_utc() -> None:
    calls = [Call(TEN[0], DAY_START + n * HOUR, succeeded=False) for n in range(10)]

    assert ask(TEN, calls, DAY_START + timedelta(hours=23, minutes=59)) == ()
    assert len(ask(TEN, calls, DAY_START + 24 * HOUR)) == 10


def test_the_oldest_forecast_is_renewed_first_when_cells_outnumber_the_quota() -> None:
    cells = [Cell(n, 0) for n in range(20)]
    calls = [Call(cell, DAY_START, succeeded=True) for cell in cells[:10]]

    assert ask(cells, calls, DAY_START + 24 * HOUR) == tuple(cells[10:])


def test_a_forecast_that_ran_out_is_renewed_whatever_the_quota_would_space() -> None:
    calls = [Call(TEN[0], DAY_START - HORIZON, succeeded=True)]
    cells = [Cell(n, 0) for n in range(40)]

    due = cells_to_ask(
        [*cells, TEN[0]], calls=calls, now=DAY_START, quota_per_day=100, horizon=HORIZON
    )

    assert len(due) == 41
    assert due[-1] == TEN[0]


@given(
    minutes=st.lists(st.integers(0, 3 * 1440), max_size=60),
    fails=st.lists(st.booleans(), min_size=1, max_size=20),
    count=st.integers(1, 25),
    quota=st.integers(0, 12),
)
def test_no_day_has_more_calls_than_the_quota(
    minutes: list[int], fails: list[bool], count: int, quota: int
) -> None:
    cells = [Cell(n, 0) for n in range(count)]
    calls: list[Call] = []
    for minute in sorted(minutes):
        now = DAY_START + timedelta(minutes=minute)
        for cell in ask(cells, calls, now, quota):
            calls.append(Call(cell, now, succeeded=not fails[len(calls) % len(fails)]))

    days = [call.at.date() for call in calls]
    assert all(days.count(day) <= quota for day in days)


def test_nothing_is_asked_without_cells_or_quota() -> None:
    assert ask([], [], DAY_START) == ()
    assert ask(TEN, [], DAY_START, quota=0) == ()


def test_inputs_that_cannot_be_are_named() -> None:
    with pytest.raises(DomainError, match="quota_per_day: -1 is below 0"):
        ask(TEN, [], DAY_START, quota=-1)
    with pytest.raises(DomainError, match="calls: .* is in the future"):
        ask(TEN, [Call(TEN[0], DAY_START + HOUR, succeeded=True)], DAY_START)
    with pytest.raises(DomainError, match="horizon"):
        cells_to_ask(TEN, calls=[], now=DAY_START, quota_per_day=10, horizon=timedelta(0))
