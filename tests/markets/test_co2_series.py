"""CO2 series: from the stored mix, with the operator's own factors, idempotent, consumption out."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.co2 import BUILT_IN_FACTORS
from apps.markets.models import EmissionFactor, Series, SeriesValue
from apps.markets.selectors import best_known
from apps.markets.services.co2 import (
    Co2Update,
    co2_series_again,
    co2_series_update,
    factor_add,
    factor_end,
    factors_seed,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.markets.island.world import AREA, DAY, HOUR, MORNING, QUARTER, START, mix_store, store

pytestmark = pytest.mark.usefixtures("operator_a")


def update(*, start: datetime = START, end: datetime = START + DAY, **fields: Any) -> Co2Update:
    return co2_series_update(
        area=AREA, source=Feed.EDF_SEI, start=start, end=end, now=fields.get("now", MORNING)
    )


def known(kind: SeriesKind, at: datetime) -> tuple[Decimal, Quality]:
    series = Series.objects.get(kind=kind, area=AREA)
    value = best_known(series=series, start=at, end=at + QUARTER)[0]
    return value.value, value.quality


def test_the_mix_of_a_day_gives_both_intensities() -> None:
    mix_store()

    found = update()

    assert found == Co2Update(192, ())
    # Night: (120*650 + 20*820 + 15*230 + 13*38 + 12*11 + 5*24) / 185 MW
    # = (78000 + 16400 + 3450 + 494 + 132 + 120) / 185 = 98596 / 185 = 532.951.
    assert known(SeriesKind.CO2_LIFECYCLE, START) == (Decimal("532.95"), Quality.ACTUAL)
    # (120*406 + 20*760) / 185 = 63920 / 185 = 345.514
    assert known(SeriesKind.CO2_DIRECT, START) == (Decimal("345.51"), Quality.ACTUAL)
    # Noon has 60 MW of sun at 45 g more: (98596 + 2700) / 245 = 413.453.
    assert known(SeriesKind.CO2_LIFECYCLE, START + 12 * HOUR)[0] == Decimal("413.45")
    series = Series.objects.get(kind=SeriesKind.CO2_LIFECYCLE)
    assert (series.source, series.variant, series.unit) == (Feed.ISLAND, "edf_sei", "g/kWh")


def test_the_same_again_changes_nothing_and_a_revision_is_followed() -> None:
    mix_store()
    update()

    again = update(now=MORNING + HOUR)
    mix_store(published_at=MORNING + HOUR, oil=140)
    revised = update(now=MORNING + 2 * HOUR)

    assert again.values_new == 0
    assert revised.values_new == 192
    # (98596 + 20*650) / 205 = 544.371
    assert known(SeriesKind.CO2_LIFECYCLE, START)[0] == Decimal("544.37")


def test_consumption_is_never_counted() -> None:
    mix_store()
    store(SeriesKind.CONSUMPTION, lambda _at: Decimal(500), variant="storage")
    store(SeriesKind.CONSUMPTION, lambda _at: Decimal(500), variant="oil")

    update()

    assert known(SeriesKind.CO2_LIFECYCLE, START)[0] == Decimal("532.95")


def test_the_quality_is_the_worst_of_the_fuels() -> None:
    mix_store(days=1)
    store(
        SeriesKind.GENERATION,
        lambda _at: Decimal(12),
        variant="wind",
        start=START + DAY,
        quality=Quality.FORECAST,
    )
    mix_store(start=START + DAY, wind=lambda _at: Decimal(12))
    SeriesValue.objects.filter(
        series__variant="wind", start__gte=START + DAY, quality=Quality.ACTUAL
    ).delete()

    update(end=START + 2 * DAY)

    assert known(SeriesKind.CO2_LIFECYCLE, START)[1] == Quality.ACTUAL
    assert known(SeriesKind.CO2_LIFECYCLE, START + DAY)[1] == Quality.FORECAST


def test_a_slot_without_one_of_the_fuels_is_an_estimate() -> None:
    mix_store()
    SeriesValue.objects.filter(series__variant="coal", start=START).delete()

    update()

    # (98596 - 16400) / 165 = 498.158
    assert known(SeriesKind.CO2_LIFECYCLE, START) == (Decimal("498.16"), Quality.ESTIMATED)
    assert known(SeriesKind.CO2_LIFECYCLE, START + QUARTER)[1] == Quality.ACTUAL


def test_hours_become_quarter_hours() -> None:
    store(SeriesKind.GENERATION, lambda _at: Decimal(10), variant="oil", resolution=HOUR)

    assert update(start=START + QUARTER, end=START + HOUR).values_new == 6
    assert known(SeriesKind.CO2_LIFECYCLE, START + 3 * QUARTER)[0] == Decimal(650)


def test_a_fuel_without_factor_is_named_and_the_other_slots_are_computed() -> None:
    mix_store()
    store(SeriesKind.GENERATION, lambda _at: Decimal(5), variant="peat", days=1)
    SeriesValue.objects.filter(series__variant="peat").exclude(start=START).delete()

    found = update()

    assert found == Co2Update(190, ("no single emission factor for peat",))
    factor_add(
        fuel="peat",
        lifecycle_g_per_kwh=Decimal(1100),
        direct_g_per_kwh=Decimal(1000),
        valid_from=START,
        source="own",
    )
    assert update().faults == ()
    # (98596 + 5*1100) / 190 = 547.874
    assert known(SeriesKind.CO2_LIFECYCLE, START) == (Decimal("547.87"), Quality.ACTUAL)


def test_no_mix_is_no_series() -> None:
    assert update() == Co2Update(0, ())
    assert Series.objects.count() == 0


def test_factors_are_seeded_once_and_belong_to_the_operator(operator_b: Operator) -> None:
    assert (factors_seed(), factors_seed()) == (len(BUILT_IN_FACTORS), 0)

    with operator_context("martinique"):
        assert EmissionFactor.objects.count() == 0
    oil = EmissionFactor.objects.get(fuel="oil")
    assert (oil.lifecycle_g_per_kwh, oil.direct_g_per_kwh) == (Decimal(650), Decimal(406))
    assert "UK POST" in oil.source


def test_a_new_factor_ends_the_one_before_and_changes_what_follows() -> None:
    mix_store()
    update()
    noon = START + 12 * HOUR

    new = factor_add(
        fuel="oil",
        lifecycle_g_per_kwh=Decimal(700),
        direct_g_per_kwh=Decimal(420),
        valid_from=noon,
        source="Stack measurements",
        by="ops",
    )
    done = co2_series_again(start=noon, now=MORNING + DAY)

    before = EmissionFactor.objects.exclude(pk=new.pk).get(fuel="oil")
    assert (before.valid_to, before.changed_by) == (noon, "ops")
    # 12 h of quarter hours in two series.
    assert done == [Co2Update(96, ())]
    assert known(SeriesKind.CO2_LIFECYCLE, noon - QUARTER)[0] == Decimal("413.45")
    # (98596 + 2700 + 120*50) / 245 = 437.943
    assert known(SeriesKind.CO2_LIFECYCLE, noon)[0] == Decimal("437.94")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"fuel": " "}, "fuel"),
        ({"source": ""}, "source"),
        ({"lifecycle_g_per_kwh": Decimal(-1)}, "lifecycle_g_per_kwh"),
        ({"direct_g_per_kwh": Decimal("NaN")}, "direct_g_per_kwh"),
        ({"valid_from": datetime(2026, 3, 10)}, "valid_from"),  # noqa: DTZ001
        ({"valid_to": START}, "valid_to"),
        # Before the built-in ones that hold from 2014 on without end.
        ({"valid_from": datetime(2013, 1, 1, tzinfo=UTC)}, "valid_from"),
    ],
)
def test_a_factor_that_cannot_be_is_refused(fields: dict[str, Any], field: str) -> None:
    whole: dict[str, Any] = {
        "fuel": "oil",
        "lifecycle_g_per_kwh": Decimal(700),
        "direct_g_per_kwh": Decimal(420),
        "valid_from": START,
        "source": "own",
    }
    with pytest.raises(DomainError) as refused:
        factor_add(**{**whole, **fields})

    assert refused.value.field == field
    assert EmissionFactor.objects.filter(fuel="oil", lifecycle_g_per_kwh=700).count() == 0


def test_a_factor_is_ended_and_never_for_longer() -> None:
    factors_seed()
    oil = EmissionFactor.objects.get(fuel="oil")

    factor_end(factor_id=oil.pk, valid_to=START, by="ops")

    with pytest.raises(DomainError, match="valid_to: ends before that already"):
        factor_end(factor_id=oil.pk, valid_to=START + timedelta(days=1))
    with pytest.raises(DomainError, match="factor_id: is no factor"):
        factor_end(factor_id=0, valid_to=START)
    oil.refresh_from_db()
    assert (oil.valid_to, oil.changed_by) == (START, "ops")
