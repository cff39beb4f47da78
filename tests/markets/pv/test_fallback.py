from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.markets.feeds.solcast import RooftopSlot
from apps.markets.pv.fallback import (
    DEFAULT_PERSISTENCE,
    Quality,
    Source,
    forecast_chain,
    persistence_factor,
)
from apps.markets.pv.production import (
    ProductionError,
    ProductionSlot,
    energy_kwh,
    quarter_starts,
    rooftop_quarters,
)

START = datetime(2026, 3, 20, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)


def slots(*powers_kw: float, start: datetime = START) -> tuple[ProductionSlot, ...]:
    return tuple(ProductionSlot(start + n * QUARTER, kw) for n, kw in enumerate(powers_kw))


CLEAR = slots(4.0, 5.0, 5.0, 4.0)


def chain(*sources: Source, persistence: float = 0.5) -> list[tuple[float, str]]:
    found = forecast_chain(
        start=START, end=START + HOUR, now=START, sources=sources, clear_sky=CLEAR,
        persistence=persistence,
    )  # fmt: skip
    assert [slot.production.start for slot in found] == [START + n * QUARTER for n in range(4)]
    return [(slot.production.p50_kw, slot.quality.value) for slot in found]


def test_each_slot_takes_the_best_source_that_has_it() -> None:
    open_meteo = Source(Quality.OPEN_METEO, START, slots(2.0, 2.0, 2.0))
    solcast = Source(Quality.SOLCAST, START, slots(3.0))

    assert chain(open_meteo, solcast) == [
        (3.0, "solcast"), (2.0, "open_meteo"), (2.0, "open_meteo"), (2.0, "clear_sky"),
    ]  # fmt: skip
    assert chain(solcast, open_meteo) == chain(open_meteo, solcast)


def test_without_any_source_the_clear_sky_is_scaled() -> None:
    assert chain() == [(2.0, "clear_sky"), (2.5, "clear_sky")] * 1 + [
        (2.5, "clear_sky"), (2.0, "clear_sky"),
    ]  # fmt: skip


def test_an_old_source_is_not_used_and_the_later_of_two_is() -> None:
    old = Source(Quality.SOLCAST, START - 31 * HOUR, slots(1.0, 1.0, 1.0, 1.0))
    early = Source(Quality.OPEN_METEO, START - HOUR, slots(2.0, 2.0))
    late = Source(Quality.OPEN_METEO, START, slots(3.0))

    assert chain(late, old, early)[:2] == [(3.0, "open_meteo"), (2.0, "open_meteo")]


def test_percentiles_pass_and_a_scaled_curve_has_none() -> None:
    given_slot = ProductionSlot(START, 3.0, 1.0, 4.0)

    found = forecast_chain(
        start=START, end=START + 2 * QUARTER, now=START, clear_sky=CLEAR, persistence=1.0,
        sources=[Source(Quality.SOLCAST, START, (given_slot,))],
    )  # fmt: skip

    assert found[0].production == given_slot
    assert (found[1].production.p10_kw, found[1].production.p90_kw) == (None, None)


def test_a_chain_that_cannot_be_is_named() -> None:
    with pytest.raises(ProductionError, match="clear_sky: has no slot at 2026-03-20T13:00"):
        forecast_chain(
            start=START, end=START + 5 * QUARTER, now=START, sources=(), clear_sky=CLEAR,
            persistence=1.0,
        )  # fmt: skip
    with pytest.raises(ProductionError, match="solcast: .* is given twice"):
        chain(Source(Quality.SOLCAST, START, slots(1.0) * 2))
    with pytest.raises(ProductionError, match="fetched_at: solcast is from the future"):
        chain(Source(Quality.SOLCAST, START + HOUR, slots(1.0)))
    with pytest.raises(ProductionError, match="persistence"):
        chain(persistence=1.2)


def test_persistence_is_measured_energy_over_clear_sky_energy() -> None:
    # Bar = 10 % of 5 kW: the first slot (0.4 kW clear) is left out. (2 + 4) / (5 + 5) = 0.6
    clear = slots(0.4, 5.0, 5.0)
    measured = [(START, 9.0), (START + QUARTER, 2.0), (START + 2 * QUARTER, 4.0)]

    assert persistence_factor(measured_kw=measured, clear_sky=clear) == 0.6


def test_persistence_is_bounded_and_has_a_default() -> None:
    assert persistence_factor(measured_kw=[(START, 50.0)], clear_sky=CLEAR) == 1.1
    assert persistence_factor(measured_kw=[], clear_sky=CLEAR) == DEFAULT_PERSISTENCE
    night = slots(0.0, 0.0)
    assert persistence_factor(measured_kw=[(START, 0.0)], clear_sky=night) == DEFAULT_PERSISTENCE


@pytest.mark.parametrize(
    ("measured", "rule"),
    [
        ([(START, -1.0)], "not a power"),
        ([(START, float("nan"))], "not a power"),
        ([(START, 1.0), (START, 1.0)], "given twice"),
        ([(START + timedelta(minutes=5), 1.0)], "not the start of a quarter hour"),
        ([(START.replace(tzinfo=None), 1.0)], "no time zone"),
    ],
)
def test_measurements_that_cannot_be_are_named(
    measured: list[tuple[datetime, float]], rule: str
) -> None:
    with pytest.raises(ProductionError, match=rule) as caught:
        persistence_factor(measured_kw=measured, clear_sky=CLEAR)

    assert caught.value.field == "measured_kw"


def test_half_hours_become_quarters_with_the_same_energy() -> None:
    rooftop = [RooftopSlot(START, START + 2 * QUARTER, 3.0, 1.0, 4.0)]

    quarters = rooftop_quarters(rooftop)

    assert quarters == (
        ProductionSlot(START, 3.0, 1.0, 4.0), ProductionSlot(START + QUARTER, 3.0, 1.0, 4.0),
    )  # fmt: skip
    assert energy_kwh(quarters) == 1.5  # 3 kW x 0.5 h


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("p50_kw", (-0.1, None, None)), ("p50_kw", (float("inf"), None, None)),
        ("p10_kw", (1.0, 1.1, None)), ("p90_kw", (1.0, None, 0.9)),
    ],
)  # fmt: skip
def test_a_slot_that_cannot_be_names_the_field(
    field: str, values: tuple[float, float | None, float | None]
) -> None:
    with pytest.raises(ProductionError) as caught:
        ProductionSlot(START, *values)

    assert caught.value.field == field


def test_a_range_is_whole_quarter_hours() -> None:
    assert len(quarter_starts(START, START + 48 * HOUR)) == 192
    with pytest.raises(ProductionError, match="end: is not after start"):
        quarter_starts(START, START)
    with pytest.raises(ProductionError, match="end: .* is not the start of a quarter hour"):
        quarter_starts(START, START + timedelta(minutes=20))


@given(
    have=st.dictionaries(st.integers(0, 95), st.sampled_from(list(Quality)[:2])),
    persistence=st.floats(0, 1.1),
)
def test_every_slot_is_filled_and_says_where_it_comes_from(
    have: dict[int, Quality], persistence: float
) -> None:
    clear = slots(*[1.0] * 96)
    sources = [
        Source(quality, START, tuple(
            ProductionSlot(START + n * QUARTER, 2.0) for n, q in have.items() if q is quality
        ))
        for quality in list(Quality)[:2]
    ]  # fmt: skip

    found = forecast_chain(
        start=START, end=START + 24 * HOUR, now=START, sources=sources, clear_sky=clear,
        persistence=persistence,
    )  # fmt: skip

    assert len(found) == 96
    assert [slot.quality for slot in found] == [have.get(n, Quality.CLEAR_SKY) for n in range(96)]
