"""The day of an island: what it looks like, over days and over a year."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from apps.markets.co2 import BUILT_IN_FACTORS, FuelPower, MixSlot, co2_slots
from apps.markets.feeds.edf_sei import TYPE_FIELDS
from apps.simulation.island import operators
from apps.simulation.market.grid import (
    EVENING,
    PLANTS,
    GridSlot,
    grid_between,
    grid_day,
    is_alert_day,
)

DAY = date(2026, 3, 10)
ALERT_DAY = date(2026, 4, 1)
QUARTER = timedelta(minutes=15)
FUELS = {
    "charbon": "coal",
    "diesel": "oil",
    "moteurs_diesels": "oil",
    "turbines_combustion": "oil",
    "bioenergies": "biomass",
    "geothermie": "geothermal",
    "hydraulique": "hydro",
    "eolien": "wind",
    "photovoltaique": "solar",
}


def day_of(operator: str, day: date) -> tuple[GridSlot, ...]:
    return grid_day(operator, day, is_alert=is_alert_day(day))


def intensities(slots: tuple[GridSlot, ...]) -> list[Decimal]:
    """Life cycle g/kWh by the product's own rule and factors."""
    mixes = [
        MixSlot(
            slot.start,
            QUARTER,
            tuple(FuelPower(FUELS[name], Decimal(str(mw))) for name, mw in slot.power_mw.items()),
        )
        for slot in slots
    ]
    found = [slot.intensity for slot in co2_slots(mixes, BUILT_IN_FACTORS)]
    return [one.lifecycle_g_per_kwh for one in found if one is not None]


def every(days: int, *, of: int = 365) -> list[date]:
    return [date(2026, 1, 1) + timedelta(days=number) for number in range(0, of, days)]


def test_a_day_has_96_quarter_hours_of_island_time() -> None:
    slots = day_of("guadeloupe", DAY)

    assert [slot.start for slot in slots] == [
        datetime(2026, 3, 10, 4, tzinfo=UTC) + number * QUARTER for number in range(96)
    ]


@pytest.mark.parametrize("operator", operators())
def test_co2_is_450_to_650_in_every_quarter_hour_and_lowest_by_day(operator: str) -> None:
    for day in every(9):
        grams = intensities(day_of(operator, day))

        assert len(grams) == 96
        assert min(grams) >= 450
        assert max(grams) <= 650
        assert 9 * 4 <= grams.index(min(grams)) < 15 * 4
        assert sum(grams[44:56]) / 12 < min(grams[:24] + grams[76:])


@pytest.mark.parametrize("operator", operators())
def test_the_peak_is_from_19_to_22_h_and_above_midday(operator: str) -> None:
    for day in every(9):
        slots = day_of(operator, day)

        midday = max(slot.load_mw for slot in slots[40:56])
        assert min(slots[number].load_mw for number in EVENING) > midday
        cost = [sum(s.cost_eur_per_mwh for s in slots[n : n + 4]) for n in range(0, 96, 4)]
        assert cost.index(max(cost)) in (19, 20, 21)


def test_a_year_of_guadeloupe_has_the_shares_of_2024() -> None:
    energy: Counter[str] = Counter()
    for day in every(7):
        for slot in day_of("guadeloupe", day):
            for name, megawatts in slot.power_mw.items():
                energy[FUELS[name]] += megawatts

    shares = {fuel: 100 * part / energy.total() for fuel, part in energy.items()}
    assert shares == pytest.approx(
        {
            "oil": 56.7,
            "coal": 16.7,
            "biomass": 8.6,
            "solar": 6.9,
            "geothermal": 5.5,
            "wind": 4.3,
            "hydro": 1.0,
        },
        abs=0.3,
    )


@pytest.mark.parametrize("operator", operators())
def test_what_is_made_and_given_by_storage_is_the_load(operator: str) -> None:
    for slot in day_of(operator, DAY):
        assert min(slot.power_mw.values()) >= 0
        assert slot.load_mw == pytest.approx(sum(slot.power_mw.values()) + slot.storage_mw)
        # Sun and wind are throttled at 26 % of the load.
        wind_and_sun = slot.power_mw["eolien"] + slot.power_mw["photovoltaique"]
        assert wind_and_sun <= 0.26 * slot.load_mw + 0.01


def test_the_same_day_is_the_same_again_and_days_differ() -> None:
    first = day_of("guadeloupe", DAY)
    grid_day.cache_clear()

    assert day_of("guadeloupe", DAY) == first
    tomorrow = day_of("guadeloupe", DAY + timedelta(days=1))
    assert [slot.load_mw for slot in tomorrow] != [slot.load_mw for slot in first]


def test_the_forecast_of_the_day_before_is_near_and_not_exact() -> None:
    slots = day_of("guadeloupe", DAY)

    errors = [slot.load_forecast_mw / slot.load_mw - 1 for slot in slots]
    assert max(errors) < 0.02
    assert min(errors) > -0.02
    assert max(errors) - min(errors) > 0.005
    made = sum(slot.power_mw["photovoltaique"] for slot in slots)
    assert sum(slot.solar_forecast_mw for slot in slots) == pytest.approx(made, rel=0.15)


def test_one_day_in_ten_is_an_alert_day_and_any_can_be_declared() -> None:
    alerts = [day for day in every(1) if is_alert_day(day)]

    assert 20 <= len(alerts) <= 55
    assert ALERT_DAY in alerts
    assert not is_alert_day(DAY)
    assert is_alert_day(DAY, declared=frozenset({DAY}))


def test_an_alert_evening_needs_turbines_that_nobody_foretold() -> None:
    quiet = grid_day("guadeloupe", ALERT_DAY, is_alert=False)
    alert = grid_day("guadeloupe", ALERT_DAY, is_alert=True)

    for number in EVENING:
        assert alert[number].power_mw["diesel"] == PLANTS["guadeloupe"].alert_engines_mw
        assert alert[number].cost_eur_per_mwh > quiet[number].cost_eur_per_mwh + 20
        assert alert[number].load_mw == pytest.approx(quiet[number].load_mw * 1.06, abs=0.01)
        assert alert[number].load_forecast_mw == quiet[number].load_forecast_mw


def test_a_period_takes_whole_slots_of_several_days() -> None:
    start = datetime(2026, 3, 10, 3, 50, tzinfo=UTC)

    slots = list(grid_between("guadeloupe", start, datetime(2026, 3, 11, 4, 15, tzinfo=UTC)))

    assert slots[0].start == datetime(2026, 3, 10, 4, tzinfo=UTC)
    assert slots[-1].start == datetime(2026, 3, 11, 4, tzinfo=UTC)
    assert len(slots) == 97


def test_every_field_is_one_that_the_product_reads() -> None:
    spellings = {spelling for names in TYPE_FIELDS.values() for spelling in names}

    for operator in operators():
        assert set(day_of(operator, DAY)[0].power_mw) <= spellings
