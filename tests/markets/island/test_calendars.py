"""Writing calendars and rules: what counts for customers is not rewritten, faults name a field."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.markets.events import IslandRulesChanged
from apps.markets.models import GeneratingUnit, IslandPricing, PeakWindow, TouCalendar
from apps.markets.selectors.island import calendar_is_used, calendar_of, calendars_listed
from apps.markets.services.island.calendars import (
    calendar_change,
    calendar_copy,
    calendar_delete,
)
from apps.markets.services.island.pricing import (
    peak_remove,
    peak_save,
    pricing_save,
    unit_remove,
    unit_save,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common import events
from cariflex.common.errors import DomainError
from tests.markets.island.world import (
    DAY,
    MORNING,
    START,
    calendar_definition,
    calendar_stored,
    pricing_stored,
)

pytestmark = pytest.mark.usefixtures("operator_a")


def period(valid_from: str, *, price: str = "99") -> dict[str, Any]:
    whole = calendar_definition(full=price)["periods"][0]
    return {**whole, "valid_from": valid_from}


def spans(calendar: TouCalendar) -> list[tuple[date, date | None]]:
    return [(one.valid_from, one.valid_to) for one in calendar_of(calendar).periods]


def test_the_period_in_force_ends_where_the_new_one_begins() -> None:
    calendar = calendar_stored()
    pricing_stored(calendar_id=calendar.pk)

    changed = calendar_change(
        calendar_id=calendar.pk, period=period("2026-03-11"), replaces=0, now=MORNING, by="ops"
    )

    tomorrow = date(2026, 3, 11)
    assert spans(changed) == [(date(2026, 1, 1), tomorrow), (tomorrow, None)]
    assert changed.changed_by == "ops"
    # The one to come may be replaced as a whole, and moved.
    again = calendar_change(
        calendar_id=calendar.pk, period=period("2026-03-11", price="77"), replaces=1, now=MORNING
    )
    assert spans(again) == spans(changed)
    assert calendar_of(again).periods[1].levels[1].price_eur_per_mwh == Decimal(77)
    assert calendar_of(again).periods[0].levels[1].price_eur_per_mwh == Decimal(200)


def test_what_has_counted_is_not_rewritten() -> None:
    calendar = calendar_stored()
    pricing_stored(calendar_id=calendar.pk)

    # 10 March has begun in Guadeloupe at 04:00 UTC.
    with pytest.raises(DomainError, match="valid_from: must be 2026-03-11 or later"):
        calendar_change(calendar_id=calendar.pk, period=period("2026-03-10"), replaces=0, now=START)
    calendar_change(calendar_id=calendar.pk, period=period("2026-03-11"), replaces=0, now=START)
    with pytest.raises(DomainError, match="valid_from: the period is past"):
        calendar_change(
            calendar_id=calendar.pk, period=period("2026-04-01"), replaces=0, now=START + DAY
        )
    with pytest.raises(DomainError, match=r"periods\[2\]\.valid_from: 2026-03-20 lies in"):
        calendar_change(calendar_id=calendar.pk, period=period("2026-03-20"), now=START)
    with pytest.raises(DomainError, match="replaces: is no period of the calendar"):
        calendar_change(calendar_id=calendar.pk, period=period("2026-03-20"), replaces=5, now=START)


def test_a_calendar_that_prices_nothing_is_changed_freely() -> None:
    calendar = calendar_stored()

    changed = calendar_change(
        calendar_id=calendar.pk,
        name="Other",
        period=period("2025-01-01"),
        replaces=0,
        added=[date(2026, 6, 1)],
        now=MORNING,
    )

    assert (changed.name, changed.added) == ("Other", ["2026-06-01"])
    assert spans(changed) == [(date(2025, 1, 1), None)]


def test_a_change_that_breaks_a_rule_changes_nothing() -> None:
    calendar = calendar_stored()
    calendar_stored("Second")

    for fields, said in (
        ({"name": "Second"}, "name: 'Second' is taken"),
        ({"name": " "}, "name: must not be empty"),
        ({"name": "x" * 81}, "name: has more than 80 signs"),
        ({"time_zone": "Mars/Base"}, "time_zone: 'Mars/Base' is no time zone"),
        ({"territory": "XX"}, "territory: 'XX' is none of"),
        ({"period": {"valid_from": "x"}, "replaces": 0}, "periods[0].valid_from: 'x' is not"),
        ({"period": 3, "replaces": 0}, "periods[0]: is not an object"),
        ({"removed": [date(2026, 6, 1)], "added": [date(2026, 6, 1)]}, "removed: 2026-06-01"),
    ):
        with pytest.raises(DomainError) as refused:
            calendar_change(calendar_id=calendar.pk, now=MORNING, **fields)
        assert str(refused.value).startswith(said)
    with pytest.raises(DomainError, match="calendar: is no calendar"):
        calendar_change(calendar_id=0, now=MORNING)
    calendar.refresh_from_db()
    assert (calendar.name, calendar.time_zone) == ("Tarif", "America/Guadeloupe")


def test_copies_are_their_own_and_one_in_use_is_not_deleted() -> None:
    calendar = calendar_stored()
    copy = calendar_copy(calendar_id=calendar.pk, name="Draft")
    pricing_stored(calendar_id=calendar.pk)

    calendar_change(calendar_id=copy.pk, name="Draft 2", now=MORNING)

    with pytest.raises(DomainError, match="calendar: prices an area"):
        calendar_delete(calendar_id=calendar.pk)
    assert [(one.name, one.pricings_count) for one in calendars_listed()] == [
        ("Draft 2", 0), ("Tarif", 1),
    ]  # fmt: skip
    calendar_delete(calendar_id=copy.pk)
    assert calendar_is_used(TouCalendar.objects.get())


def test_calendars_belong_to_one_operator(operator_b: Operator) -> None:
    calendar_stored()

    with operator_context("martinique"):
        assert not calendars_listed().exists()


def test_each_write_tells_that_the_rules_changed() -> None:
    told: list[IslandRulesChanged] = []
    events.record(IslandRulesChanged, told.append)
    try:
        pricing = pricing_stored()
        unit = unit_save(
            pricing_id=pricing.pk,
            name="TAC",
            capacity_mw=Decimal(20),
            marginal_cost_eur_per_mwh=Decimal(318),
        )
        unit_remove(unit_id=unit.pk)
        peak_remove(peak_id=PeakWindow.objects.get().pk)
        calendar_stored()
    finally:
        events._recorders[IslandRulesChanged].remove(told.append)

    # Settings, peak, unit, its end, the peak's end, calendar.
    assert [one.schema for one in told] == ["guadeloupe"] * 6
    assert not GeneratingUnit.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"area": " "}, "area: must have 1 to 40 signs"),
        ({"territory": "XX"}, "territory: 'XX' is none of"),
        ({"time_zone": "Mars/Base"}, "time_zone: 'Mars/Base' is no time zone"),
        ({"base_order": ["tou", "tou"]}, "base_order: names no source or one twice"),
        ({"base_order": []}, "base_order: names no source or one twice"),
        ({"base_order": ["guess"]}, "base_order: 'guess' is none of merit_order"),
        ({"intensity_kind": "x"}, "intensity_kind: 'x' is none of lifecycle, direct"),
        ({"pv_source": "x"}, "pv_source: 'x' is none of area, plants"),
        ({"calendar_id": 0}, "calendar: is no calendar"),
        ({"must_run_fuels": ["sun", "sun"]}, "must_run_fuels: names a fuel twice"),
        ({"carbon_price_eur_per_tonne": Decimal(-1)}, "carbon_price_eur_per_tonne: is less"),
        ({"floor_eur_per_mwh": Decimal("NaN")}, "floor_eur_per_mwh: is not between"),
        ({"pv_threshold_mw": Decimal(10**6)}, "pv_threshold_mw: is not between"),
    ],
)
def test_settings_that_cannot_be_are_refused(fields: dict[str, Any], said: str) -> None:
    whole: dict[str, Any] = {
        "area": "guadeloupe", "territory": "GP", "time_zone": "America/Guadeloupe",
    }  # fmt: skip
    with pytest.raises(DomainError) as refused:
        pricing_save(**{**whole, **fields})

    assert str(refused.value).startswith(said)
    assert not IslandPricing.objects.exists()


def test_peaks_and_units_that_cannot_be_are_refused() -> None:
    pricing = pricing_stored()

    with pytest.raises(DomainError, match=r"window\.end: is not on a quarter hour"):
        peak_save(
            pricing_id=pricing.pk,
            name="P",
            start_minute=0,
            end_minute=61,
            adder_eur_per_mwh=Decimal(1),
        )
    with pytest.raises(DomainError, match="pricing_id: no island price is declared"):
        peak_save(
            pricing_id=0, name="P", start_minute=0, end_minute=60, adder_eur_per_mwh=Decimal(1)
        )
    for fields, said in (
        ({"name": " "}, "name: must have 1 to 80 signs"),
        ({"capacity_mw": Decimal(0)}, "U.capacity_mw: must be more than 0"),
        ({"capacity_mw": Decimal(10**6)}, "capacity_mw: is more than 99999"),
        ({"available_from": START, "available_to": START}, "U.available: does not end"),
    ):
        whole: dict[str, Any] = {
            "pricing_id": pricing.pk,
            "name": "U",
            "capacity_mw": Decimal(1),
            "marginal_cost_eur_per_mwh": Decimal(1),
        }
        with pytest.raises(DomainError) as refused:
            unit_save(**{**whole, **fields})
        assert str(refused.value).startswith(said)
    assert (PeakWindow.objects.count(), GeneratingUnit.objects.count()) == (1, 0)
