from decimal import Decimal

import pytest

from cariflex.common.money import CurrencyMismatch, Money, round_half_up


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.005", "0.01"), ("-0.005", "-0.01"), ("2.345", "2.35"), ("2.3449", "2.34"), ("7", "7.00")],
)
def test_a_five_rounds_away_from_zero(value: str, expected: str) -> None:
    assert round_half_up(Decimal(value)) == Decimal(expected)


def test_sums_stay_exact_until_rounded_once() -> None:
    third = Money(Decimal("0.3333"), "EUR")

    total = third + third + third

    assert total == Money(Decimal("0.9999"), "EUR")
    assert total.rounded() == Money(Decimal("1.00"), "EUR")


def test_two_currencies_never_mix() -> None:
    with pytest.raises(CurrencyMismatch, match="EUR and XCD"):
        Money(Decimal(1), "EUR") + Money(Decimal(1), "XCD")


def test_a_float_never_touches_money() -> None:
    with pytest.raises(ValueError, match="Decimal"):
        Money(1.5, "EUR")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="float"):
        Money(Decimal(1), "EUR") * 1.5  # type: ignore[operator]


def test_a_currency_is_an_iso_code() -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(Decimal(1), "euro")
