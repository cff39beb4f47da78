"""The merit order of an island, by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.markets.island.errors import IslandError
from apps.markets.island.merit_order import (
    Available,
    GeneratingUnit,
    LoadSlot,
    MarginalSlot,
    merit_order,
)

START = datetime(2026, 3, 10, 4, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
COAL = GeneratingUnit("Caraïbes Énergie", Decimal(32), Decimal("95.20"))
DIESEL = GeneratingUnit("Jarry Nord", Decimal(200), Decimal("162.40"))
TURBINE = GeneratingUnit("TAC Jarry Sud", Decimal(80), Decimal("318.00"))
UNITS = (TURBINE, COAL, DIESEL)


def cost(load_mw: str, must_run_mw: str = "0", units: Any = UNITS) -> MarginalSlot:
    return merit_order(units, [LoadSlot(START, Decimal(load_mw), Decimal(must_run_mw))])[0]


@pytest.mark.parametrize(
    ("load_mw", "must_run_mw", "unit", "price"),
    [
        # 60 - 30 = 30 MW: coal alone, up to its 32 MW; one MW more starts the diesel engines.
        ("60", "30", "Caraïbes Énergie", "95.20"),
        ("62", "30", "Caraïbes Énergie", "95.20"),
        ("63", "30", "Jarry Nord", "162.40"),
        # 32 + 200 = 232 MW is the most without the turbine.
        ("232", "0", "Jarry Nord", "162.40"),
        ("232.001", "0", "TAC Jarry Sud", "318.00"),
        # 32 + 200 + 80 = 312 MW is all there is.
        ("312", "0", "TAC Jarry Sud", "318.00"),
    ],
)
def test_the_dearest_unit_that_runs_sets_the_cost(
    load_mw: str, must_run_mw: str, unit: str, price: str
) -> None:
    slot = cost(load_mw, must_run_mw)

    assert (slot.unit, slot.marginal_cost_eur_per_mwh) == (unit, Decimal(price))
    assert not slot.is_short


def test_a_shortage_names_the_slot_and_takes_the_dearest_unit() -> None:
    slot = cost("330", "5")

    # 330 - 5 - 312 = 13 MW that nothing carries.
    assert slot == MarginalSlot(START, Decimal("318.00"), "TAC Jarry Sud", Decimal(13))
    assert slot.is_short


def test_must_run_that_carries_all_costs_nothing() -> None:
    assert cost("40", "41") == MarginalSlot(START, Decimal(0), None, Decimal(0))


def test_a_unit_runs_only_where_it_is_available_for_the_whole_slot() -> None:
    until = GeneratingUnit(
        "Diesel", Decimal(50), Decimal(100), (Available(None, START + QUARTER / 3 * 4),)
    )
    slots = merit_order(
        (until, TURBINE),
        [LoadSlot(START, Decimal(10)), LoadSlot(START + QUARTER, Decimal(10))],
    )

    assert [slot.unit for slot in slots] == ["Diesel", "TAC Jarry Sud"]


def test_without_any_unit_able_the_dearest_of_all_is_short() -> None:
    past = GeneratingUnit("Past", Decimal(50), Decimal(100), (Available(None, START),))

    assert cost("10", units=(past,)) == MarginalSlot(START, Decimal(100), "Past", Decimal(10))


@pytest.mark.parametrize(
    ("units", "load_mw", "said"),
    [
        ((), "1", "units: has no unit"),
        ((COAL, COAL), "1", "units: 'Caraïbes Énergie' is given twice"),
        (UNITS, "-1", "load_mw: -1 at 2026-03-10T04:00:00+00:00 is not a number of 0 or more"),
        (UNITS, "NaN", "load_mw: NaN at 2026-03-10T04:00:00+00:00 is not a number of 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(units: Any, load_mw: str, said: str) -> None:
    with pytest.raises(IslandError) as refused:
        cost(load_mw, units=units)

    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": " "}, "name: must not be empty"),
        ({"capacity_mw": Decimal(0)}, "U.capacity_mw: must be more than 0"),
        ({"capacity_mw": Decimal("NaN")}, "U.capacity_mw: must be more than 0"),
        (
            {"marginal_cost_eur_per_mwh": Decimal("Infinity")},
            "U.marginal_cost_eur_per_mwh: Infinity is no cost of a MWh",
        ),
        (
            {"available": (Available(START, START),)},
            "U.available: does not end after its start",
        ),
        (
            {"available": (Available(START.replace(tzinfo=None), None),)},
            "U.available: has no time zone",
        ),
    ],
)
def test_a_unit_that_cannot_be_is_refused(fields: dict[str, Any], said: str) -> None:
    whole: dict[str, Any] = {
        "name": "U",
        "capacity_mw": Decimal(1),
        "marginal_cost_eur_per_mwh": Decimal(1),
    }
    with pytest.raises(IslandError) as refused:
        GeneratingUnit(**{**whole, **fields})

    assert str(refused.value) == said
