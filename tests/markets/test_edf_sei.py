"""The reader of EDF SEI records, against a made-up day with the real field names."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apps.markets.co2 import BUILT_IN_FACTORS, Fuel, FuelPower, co2_slots
from apps.markets.feeds.edf_sei import (
    DocumentError,
    Island,
    QuotaExceededError,
    TypePower,
    island_costs_read,
    island_mix_read,
)

FIXTURES = Path(__file__).parent / "fixtures"
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)


def records(*rows: dict[str, Any]) -> bytes:
    return json.dumps([{"date": "2026-03-10T00:00:00+00:00", **row} for row in rows]).encode()


def test_the_mix_of_a_day_by_type() -> None:
    content = (FIXTURES / "edf_sei_mix_guadeloupe.json").read_bytes()

    mix = island_mix_read(content, island=Island.GUADELOUPE)

    assert len(mix.slots) == 96
    assert (mix.incomplete, mix.unknown_fields) == ((), ())
    first = mix.slots[0]
    assert (first.start, first.resolution) == (MIDNIGHT, timedelta(minutes=15))
    assert first.is_estimated
    assert first.production == (
        TypePower("bioenergies", Fuel.BIOMASS, Decimal("25.0")),
        TypePower("charbon", Fuel.COAL, Decimal(0)),
        TypePower("diesel", Fuel.OIL, Decimal(120)),
        TypePower("eolien", Fuel.WIND, Decimal("12.0")),
        TypePower("geothermie", Fuel.GEOTHERMAL, Decimal("13.0")),
        TypePower("hydraulique", Fuel.HYDRO, Decimal("5.0")),
        TypePower("photovoltaique", Fuel.SOLAR, Decimal(0)),
        TypePower("turbines_combustion", Fuel.OIL, Decimal(20)),
    )


def test_storage_is_positive_when_it_charges() -> None:
    content = (FIXTURES / "edf_sei_mix_guadeloupe.json").read_bytes()

    slots = island_mix_read(content, island=Island.GUADELOUPE).slots

    # solde_stockage 8 at 00:00Z gives to the grid, -5 at 16:00Z takes from it.
    assert (slots[0].storage_power_mw, slots[64].storage_power_mw) == (-8, 5)
    assert slots[0].mix().powers[-1] == FuelPower("storage", Decimal(8), is_consumption=False)
    assert slots[64].mix().powers[-1] == FuelPower("storage", Decimal(5), is_consumption=True)


def test_the_mix_gives_the_intensity_of_each_slot() -> None:
    content = (FIXTURES / "edf_sei_mix_guadeloupe.json").read_bytes()
    slots = island_mix_read(content, island=Island.GUADELOUPE).slots

    intensities = co2_slots([slot.mix() for slot in slots], BUILT_IN_FACTORS)

    # 00:00Z: (140*650 + 25*230 + 12*11 + 13*38 + 5*24) / 195 = 97496 / 195 = 499.979
    first = intensities[0].intensity
    assert first is not None
    assert first.lifecycle_g_per_kwh == Decimal("499.98")


@pytest.mark.parametrize(
    ("field", "production_type"),
    [
        ("turbines_combustion", "turbines_combustion"),
        ("turbines_a_combustion", "turbines_combustion"),
        ("tac", "turbines_combustion"),
        ("moteurs_diesels", "diesel"),
        ("micro_hydro", "micro_hydraulique"),
        ("eolien_mw", "eolien"),
    ],
)
def test_every_spelling_of_a_type_is_read(field: str, production_type: str) -> None:
    mix = island_mix_read(records({field: 7.5}), island=Island.MARTINIQUE)

    (power,) = mix.slots[0].production
    assert (power.production_type, power.power_mw) == (production_type, Decimal("7.5"))


def test_two_spellings_must_agree() -> None:
    same = records({"turbines_combustion": 5, "turbines_a_combustion": 5})
    other = records({"turbines_combustion": 5, "turbines_a_combustion": 6})

    assert len(island_mix_read(same, island=Island.GUADELOUPE).slots[0].production) == 1
    with pytest.raises(DocumentError, match="another spelling says 5"):
        island_mix_read(other, island=Island.GUADELOUPE)


def test_an_empty_type_makes_its_record_incomplete() -> None:
    later = "2026-03-10T00:15:00+00:00"
    content = records({"diesel": 80, "eolien": 1}, {"date": later, "diesel": None, "eolien": 1})

    mix = island_mix_read(content, island=Island.GUADELOUPE)

    assert [slot.start for slot in mix.slots] == [MIDNIGHT]
    assert mix.incomplete == ((MIDNIGHT + timedelta(minutes=15), "diesel"),)


def test_subtotals_are_passed_over_and_unknown_numbers_are_named() -> None:
    content = records({"diesel": 80, "part_diesel": 1.0, "filiere_thermique": 80, "houlomoteur": 2})

    mix = island_mix_read(content, island=Island.GUADELOUPE)

    assert len(mix.slots[0].production) == 1
    assert mix.unknown_fields == ("houlomoteur",)


def test_reunion_burns_biomass_in_its_coal_and_diesel_plants() -> None:
    mix = island_mix_read(records({"charbon": 60, "diesel": 40}), island=Island.REUNION)

    assert {power.fuel for power in mix.slots[0].production} == {Fuel.BIOMASS}


def test_the_cost_of_a_day() -> None:
    content = (FIXTURES / "edf_sei_cost_guadeloupe.json").read_bytes()

    costs = island_costs_read(content, island=Island.GUADELOUPE)

    assert len(costs.costs) == 24
    assert costs.missing == ()
    assert costs.costs[0].cost_eur_per_mwh == 300
    assert costs.costs[15].cost_eur_per_mwh == 220
    assert not costs.costs[0].is_estimated


def test_costs_of_other_islands_are_passed_over_and_empty_ones_named() -> None:
    name = "cout_moyen_de_production_eur_mwh"
    content = records(
        {"territoire": "Corse", name: 1},
        {"territoire": "Guadeloupe", name: None},
        {"territoire": "Guadeloupe", name: 0, "date": "2026-03-10T01:00:00+00:00"},
        {"territoire": "Guadeloupe", name: 250.5, "date": "2026-03-10T02:00:00+00:00"},
    )

    costs = island_costs_read(content, island=Island.GUADELOUPE)

    assert [cost.cost_eur_per_mwh for cost in costs.costs] == [Decimal("250.5")]
    assert costs.missing == (MIDNIGHT, MIDNIGHT + timedelta(hours=1))


def test_a_live_record_counts_for_the_slot_that_holds_its_stamp() -> None:
    # As the live portal stamps: 09:21, 09:36; of 09:46 and 09:58 in one slot the later counts.
    content = records(
        *(
            {"date": f"2026-03-10T{at}:00+00:00", "diesel": power}
            for at, power in (("09:21", 1), ("09:36", 2), ("09:58", 4), ("09:46", 3))
        )
    )

    slots = island_mix_read(content, island=Island.GUADELOUPE).slots

    assert [(slot.start.strftime("%H:%M"), slot.production[0].power_mw) for slot in slots] == [
        ("09:15", 1), ("09:30", 2), ("09:45", 4),
    ]  # fmt: skip


def test_a_cost_off_the_grid_of_hours_is_refused() -> None:
    content = records({"date": "2026-03-10T00:05:00Z", "cout_moyen_de_production_eur_mwh": 200})

    with pytest.raises(DocumentError, match="not on the grid of 1:00:00"):
        island_costs_read(content, island=Island.GUADELOUPE)


@pytest.mark.parametrize("code", [10002, "10002"])
def test_a_used_up_quota_says_until_when(code: object) -> None:
    reply = {"errorcode": code, "reset_time": "2026-03-11T00:00:00Z", "call_limit": 10000}

    with pytest.raises(QuotaExceededError) as refused:
        island_mix_read(json.dumps(reply).encode(), island=Island.GUADELOUPE)

    assert refused.value.reset_at == datetime(2026, 3, 11, tzinfo=UTC)


@pytest.mark.parametrize("said", [None, "soon", 5])
def test_a_quota_reply_without_a_readable_time_is_still_one(said: object) -> None:
    reply = json.dumps({"errorcode": 10002, "reset_time": said}).encode()

    with pytest.raises(QuotaExceededError) as refused:
        island_costs_read(reply, island=Island.GUADELOUPE)

    assert refused.value.reset_at is None


@pytest.mark.parametrize(
    ("content", "element", "rule"),
    [
        (b"<html>", "document", "is not JSON"),
        (b"5", "document", "is not a list"),
        (b"[]", "document", "holds no record"),
        (b'{"error_code": "ODSQLError", "message": "bad"}', "reply", "ODSQLError bad"),
        (b"[3]", "[0]", "is not an object"),
        (b"[{}]", "[0].date", "is missing"),
        (records({"date": "2026-03-10T00:00:00"}), "[0].date", "with its offset"),
        (records({"diesel": "80"}), "[0].diesel", "is not a number"),
        (records({"diesel": True}), "[0].diesel", "is not a number"),
        (records({"diesel": 80_000}), "[0].diesel", "is not between"),
        (records({"total": 80}), "[0]", "no record has a value"),
        (records({"diesel": 1}, {"diesel": 2}), "[1]", "differs from"),
    ],
)
def test_a_broken_rule_is_named(content: bytes, element: str, rule: str) -> None:
    with pytest.raises(DocumentError, match=rule) as refused:
        island_mix_read(content, island=Island.GUADELOUPE)

    assert refused.value.element == element
