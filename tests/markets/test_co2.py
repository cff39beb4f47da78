"""CO2 intensity of a mix, with the built-in and with dated factors."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.markets.co2 import (
    BUILT_IN_FACTORS,
    Co2Intensity,
    EmissionFactor,
    FactorError,
    Fuel,
    FuelPower,
    MixSlot,
    co2_intensity,
    co2_slots,
)

START = datetime(2026, 3, 10, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
GUADELOUPE_2024_PERCENT = {
    Fuel.OIL: "56.7",
    Fuel.COAL: "16.7",
    Fuel.BIOMASS: "8.6",
    Fuel.SOLAR: "6.9",
    Fuel.GEOTHERMAL: "5.5",
    Fuel.WIND: "4.3",
    Fuel.HYDRO: "1.0",
}


def mix(*powers: FuelPower, start: datetime = START) -> MixSlot:
    return MixSlot(start, QUARTER, powers)


def power(fuel: str, mw: str, *, consumption: bool = False) -> FuelPower:
    return FuelPower(fuel, Decimal(mw), is_consumption=consumption)


def factor(
    fuel: str, grams: str, *, since: datetime = START, until: datetime | None = None
) -> EmissionFactor:
    return EmissionFactor(fuel, Decimal(grams), Decimal(0), since, until, "test")


def test_the_guadeloupe_mix_of_2024_gives_532_g_per_kwh() -> None:
    slot = mix(*(power(fuel, share) for fuel, share in GUADELOUPE_2024_PERCENT.items()))

    intensity = co2_intensity(slot, factors=BUILT_IN_FACTORS)

    # 56.7*650 + 16.7*820 + 8.6*230 + 6.9*45 + 5.5*38 + 4.3*11 + 1.0*24
    # = 36855 + 13694 + 1978 + 310.5 + 209 + 47.3 + 24 = 53117.8; the shares add to 99.7.
    # 53117.8 / 99.7 = 532.776: 532 whole grams. Direct: (56.7*406 + 16.7*760) / 99.7 = 358.197.
    assert intensity == Co2Intensity(Decimal("532.78"), Decimal("358.20"))
    assert int(intensity.lifecycle_g_per_kwh) == 532


def test_consumption_and_own_use_are_no_generation() -> None:
    slot = mix(
        power(Fuel.OIL, "30"),
        power(Fuel.SOLAR, "10"),
        power(Fuel.WIND, "-2"),
        power(Fuel.STORAGE, "15", consumption=True),
    )

    # (30*650 + 10*45) / 40 = 498.75; (30*406) / 40 = 304.5
    assert co2_intensity(slot, factors=BUILT_IN_FACTORS) == Co2Intensity(
        Decimal("498.75"), Decimal("304.50")
    )


def test_storage_counts_only_with_a_factor() -> None:
    slot = mix(power(Fuel.OIL, "30"), power(Fuel.STORAGE, "10"))

    without = co2_intensity(slot, factors=[factor(Fuel.OIL, "650")])
    with_one = co2_intensity(slot, factors=[factor(Fuel.OIL, "650"), factor("storage", "300")])

    assert without is not None
    assert without.lifecycle_g_per_kwh == Decimal("650.00")
    # (30*650 + 10*300) / 40 = 562.5
    assert with_one is not None
    assert with_one.lifecycle_g_per_kwh == Decimal("562.50")


def test_a_mix_without_generation_has_no_intensity() -> None:
    empty = mix(power(Fuel.OIL, "0"), power(Fuel.STORAGE, "3", consumption=True))

    assert co2_intensity(empty, factors=BUILT_IN_FACTORS) is None
    assert co2_slots([empty], BUILT_IN_FACTORS)[0].intensity is None


def test_a_fuel_without_factor_is_named() -> None:
    with pytest.raises(FactorError, match="no emission factor holds at") as refused:
        co2_intensity(mix(power("bagasse", "5")), factors=BUILT_IN_FACTORS)

    assert refused.value.fuel == "bagasse"
    assert refused.value.code == "co2.factor"


def test_factors_hold_from_their_first_instant_until_before_their_last() -> None:
    change = START + QUARTER
    factors = [factor("oil", "650", until=change), factor("oil", "700", since=change)]
    slots = co2_slots([mix(power("oil", "1")), mix(power("oil", "1"), start=change)], factors)

    assert [s.intensity.lifecycle_g_per_kwh for s in slots if s.intensity] == [650, 700]
    with pytest.raises(FactorError, match="no emission factor"):
        co2_intensity(mix(power("oil", "1"), start=START - QUARTER), factors=factors)
    with pytest.raises(FactorError, match="2 emission factors hold"):
        co2_intensity(mix(power("oil", "1")), factors=[*factors, factor("oil", "1")])


@pytest.mark.parametrize("grams", ["-1", "NaN", "Infinity"])
def test_a_factor_is_a_number_of_zero_or_more(grams: str) -> None:
    with pytest.raises(FactorError, match="is not a number of 0 or more"):
        factor("oil", grams)


def test_a_validity_has_a_time_zone_and_a_length() -> None:
    with pytest.raises(FactorError, match="no time zone"):
        factor("oil", "1", since=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(FactorError, match="is not after valid_from"):
        factor("oil", "1", until=START)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([f.fuel for f in BUILT_IN_FACTORS]),
            st.decimals("0.1", "500", places=1),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_intensity_lies_between_the_factors_of_what_runs(
    running: list[tuple[str, Decimal]],
) -> None:
    slot = mix(*(FuelPower(fuel, mw) for fuel, mw in running))
    grams = {f.fuel: f.lifecycle_g_per_kwh for f in BUILT_IN_FACTORS}

    intensity = co2_intensity(slot, factors=BUILT_IN_FACTORS)

    assert intensity is not None
    used = [grams[fuel] for fuel, _ in running]
    assert min(used) <= intensity.lifecycle_g_per_kwh <= max(used)
