"""Prices that follow a market: fixed before they begin, capped, and written out for the CDR."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, transaction

from apps.billing.models import DynamicFormula, DynamicPrice, TariffVersion
from apps.billing.rating import ChargingPeriod, SessionCharged, rate, tariff_parse
from apps.billing.selectors.tariff_contents import SlotPrice, tariff_content, with_slots
from apps.billing.services.tariffs import (
    FormulaGiven,
    dynamic_prices_fix,
    tariff_create,
    tariff_draft_open,
    tariff_version_issue,
)
from apps.billing.services.tariffs.dynamic import price_of
from apps.markets.models import Series
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.tariffs.conftest import NOW, content, element

QUARTER = timedelta(minutes=15)
Publish = Callable[..., None]


def formula(series: Series, **more: str) -> FormulaGiven:
    """Market x 1.1 + 0.05, from 0.10 to 0.40 per kWh."""
    given = {"factor": "1.1", "adder_per_kwh": "0.05", "floor_per_kwh": "0.10",
             "cap_per_kwh": "0.40"} | more  # fmt: skip
    return FormulaGiven(series_id=series.pk, **{k: Decimal(v) for k, v in given.items()})


def issued(series: Series, *, now: datetime = NOW, **more: Any) -> TariffVersion:
    """A dynamic tariff with 0.35 where no market price is known."""
    draft = tariff_create(
        code="MARKET", name="Market", now=now, formula=formula(series),
        content=content(element("0.35"), element("2", kind="FLAT")), **more,
    )  # fmt: skip
    return tariff_version_issue(version_id=draft.pk, now=now)


def energy_price(version: TariffVersion, at: datetime, *, hours: int = 3) -> Decimal:
    """What a kWh costs in a session that starts at an instant, by the sealed tariff."""
    sealed = tariff_content(
        version, start=at, end=at + timedelta(hours=hours), time_zone="America/Guadeloupe"
    )
    tariff, _notes = tariff_parse(sealed, "2.2.1")
    charged = SessionCharged(
        at, at + QUARTER, (ChargingPeriod(at, energy_kwh=Decimal(1)),), "America/Guadeloupe"
    )
    (line,) = [one for one in rate(tariff, charged).lines if one.dimension == "ENERGY"]
    return line.price


@pytest.mark.parametrize(
    ("market", "price"),
    [
        ("100", "0.1600"),  # 0.1 x 1.1 + 0.05
        ("-50", "0.1000"),  # -0.005: the floor
        ("1000", "0.4000"),  # 1.15: the cap
        ("81.23456", "0.1394"),  # 0.139358016, half-up
        ("45.5", "0.1001"),  # 0.10005, half-up
    ],
)
def test_the_formula(market: str, price: str) -> None:
    given: Any = SimpleNamespace(
        factor=Decimal("1.1"), adder_per_kwh=Decimal("0.05"),
        floor_per_kwh=Decimal("0.1"), cap_per_kwh=Decimal("0.4"),
    )  # fmt: skip

    assert price_of(given, Decimal(market)) == Decimal(price)


def test_each_quarter_hour_has_its_price(series: Series, publish: Publish) -> None:
    publish(NOW, "100", "100", "200", "1000")

    version = issued(series)

    found = [energy_price(version, NOW + nth * QUARTER) for nth in range(-1, 5)]
    assert [str(price) for price in found] == [
        "0.35", "0.1600", "0.1600", "0.2700", "0.4000", "0.35",
    ]  # fmt: skip
    sealed = tariff_content(
        version, start=NOW, end=NOW + 2 * QUARTER, time_zone="America/Guadeloupe"
    )
    first, own, flat = sealed["elements"]
    assert first["price_components"] == [
        {"type": "ENERGY", "price": Decimal("0.1600"), "vat": Decimal("8.5"), "step_size": 1}
    ]
    assert first["restrictions"] == {
        "start_time": "08:00", "end_time": "08:30",
        "start_date": "2026-03-10", "end_date": "2026-03-11",
    }  # fmt: skip
    assert [own, flat] == version.content["elements"]


def test_a_price_that_was_told_never_moves(series: Series, publish: Publish) -> None:
    publish(NOW, "100", "100")
    version = issued(series)

    publish(NOW, "300", "300", "300", at=NOW + timedelta(minutes=1))
    fixed = dynamic_prices_fix(now=NOW + timedelta(minutes=2))

    assert fixed == 1
    assert dynamic_prices_fix(now=NOW + timedelta(minutes=2)) == 0
    assert [energy_price(version, NOW + n * QUARTER) for n in range(3)] == [
        Decimal("0.1600"), Decimal("0.1600"), Decimal("0.3800"),
    ]  # fmt: skip
    for statement in ("UPDATE billing_dynamicprice SET price_per_kwh = 0",
                      "DELETE FROM billing_dynamicprice",
                      "UPDATE billing_dynamicformula SET factor = 9",
                      "DELETE FROM billing_dynamicformula"):  # fmt: skip
        with (
            pytest.raises(DatabaseError, match="never changed"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_market_price_that_comes_too_late_does_not_count(
    series: Series, publish: Publish
) -> None:
    version = issued(series)
    publish(NOW, "100", "100", "100", at=NOW + timedelta(minutes=20))

    assert dynamic_prices_fix(now=NOW + timedelta(minutes=20)) == 1

    assert [energy_price(version, NOW + n * QUARTER) for n in range(3)] == [
        Decimal("0.35"), Decimal("0.35"), Decimal("0.1600"),
    ]  # fmt: skip


def test_over_midnight_and_where_clocks_go_back() -> None:
    own = content(element("0.35"))
    late = datetime(2026, 3, 11, 3, 45, tzinfo=UTC)  # 23:45 in Guadeloupe
    slots = [SlotPrice(late + n * QUARTER, Decimal("0.2")) for n in range(2)]
    first, second, _own = with_slots(own, slots, ZoneInfo("America/Guadeloupe"))["elements"]
    assert first["restrictions"]["end_time"] == "00:00"
    assert [one["restrictions"]["start_date"] for one in (first, second)] == [
        "2026-03-10", "2026-03-11",
    ]  # fmt: skip

    # Bermuda, 1 November 2026: 01:00 comes at 04:00 UTC and once more at 05:00 UTC.
    twice = [datetime(2026, 11, 1, hour, tzinfo=UTC) for hour in (4, 5)]
    slots = [SlotPrice(twice[0], Decimal("0.3")), SlotPrice(twice[1], Decimal("0.2"))]
    repeated, _own = with_slots(own, slots, ZoneInfo("Atlantic/Bermuda"))["elements"]
    assert repeated["restrictions"]["start_time"] == "01:00"
    assert repeated["price_components"][0]["price"] == Decimal("0.2"), "the lower one holds"


@pytest.mark.parametrize(
    ("elements", "more", "code"),
    [
        ([element("0.3", start_time="08:00")], {}, "billing.dynamic_no_energy"),
        ([element("0.3")], {"cap_per_kwh": "0.05"}, "billing.dynamic_cap_below_floor"),
        ([element("0.3")], {"factor": "-1"}, "billing.dynamic_invalid"),
        ([element("0.3")], {"adder_per_kwh": "99999"}, "billing.dynamic_invalid"),
    ],
)
def test_formulas_that_are_refused(
    series: Series, elements: list[dict[str, Any]], more: dict[str, str], code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        tariff_create(
            code="M", name="M", now=NOW, content=content(*elements), formula=formula(series, **more)
        )

    assert refused.value.code == code


def test_a_market_of_another_currency_is_refused(series: Series) -> None:
    with pytest.raises(DomainError) as refused:
        tariff_create(
            code="M", name="M", now=NOW, formula=formula(series),
            content=content(element("1")) | {"currency": "XCD"},
        )  # fmt: skip

    assert refused.value.code == "billing.dynamic_currency"


def test_a_new_version_takes_the_formula_along(series: Series, publish: Publish) -> None:
    version = issued(series)

    draft = tariff_draft_open(tariff_id=version.tariff_id, now=NOW)

    assert draft.formula.cap_per_kwh == Decimal("0.4")
    assert DynamicFormula.objects.count() == 2


def test_prices_are_fixed_for_the_own_operator(
    series: Series, publish: Publish, operator_b: Operator
) -> None:
    issued(series)
    publish(NOW + QUARTER, "100")

    with operator_context("martinique"):
        assert dynamic_prices_fix(now=NOW) == 0
    assert not DynamicPrice.objects.exists()
    assert dynamic_prices_fix(now=NOW) == 1
