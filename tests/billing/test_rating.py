"""The flat tariff: exact amounts worked out by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.billing.rating.flat import FlatTariff, rate_energy
from cariflex.common.money import Money


@pytest.mark.parametrize(
    ("energy", "price", "vat_percent", "net", "vat", "gross"),
    [
        # 9.00055 x 0.3012 = 2.7109...; 2.71 x 1.085 = 2.94035
        ("9.00055", "0.3012", "8.5", "2.71", "0.23", "2.94"),
        # 10 x 0.1005 = 1.005: half up, not to even
        ("10", "0.1005", "0", "1.01", "0.00", "1.01"),
        # 1 x 0.10; 0.10 x 1.05 = 0.105: half up
        ("1", "0.10", "5", "0.10", "0.01", "0.11"),
        # rounded once: 0.3333 x 0.03 = 0.009999
        ("0.3333", "0.03", "20", "0.01", "0.00", "0.01"),
        ("0", "0.3012", "8.5", "0.00", "0.00", "0.00"),
        ("9", "0", "8.5", "0.00", "0.00", "0.00"),
        # 0.004 rounds to nothing, and so does its VAT
        ("0.01", "0.4", "20", "0.00", "0.00", "0.00"),
        # 123456.789 x 0.45 = 55555.55505; x 1.2 = 66666.672
        ("123456.789", "0.45", "20", "55555.56", "11111.11", "66666.67"),
    ],
)
def test_amounts(energy: str, price: str, vat_percent: str, net: str, vat: str, gross: str) -> None:
    tariff = FlatTariff(Decimal(price), Decimal(vat_percent), "EUR")

    line = rate_energy(energy_kwh=Decimal(energy), tariff=tariff)

    assert line.excl_vat == Money(Decimal(net), "EUR")
    assert line.vat == Money(Decimal(vat), "EUR")
    assert line.incl_vat == Money(Decimal(gross), "EUR")
    assert str(line.incl_vat.amount) == gross


def test_the_line_explains_itself() -> None:
    tariff = FlatTariff(Decimal("0.301200"), Decimal("8.50"), "EUR")

    line = rate_energy(energy_kwh=Decimal("10.000000000"), tariff=tariff)

    assert line.explanation == "10 kWh x 0.3012 EUR/kWh = 3.01 EUR; VAT 8.5 % = 0.26 EUR"


@pytest.mark.parametrize("energy", [Decimal(-1), Decimal("NaN"), 1.5, 1])
def test_only_a_decimal_of_nought_or_more_is_rated(energy: object) -> None:
    with pytest.raises(ValueError, match="energy_kwh"):
        rate_energy(
            energy_kwh=energy,  # type: ignore[arg-type]
            tariff=FlatTariff(Decimal(1), Decimal(0), "EUR"),
        )


@pytest.mark.parametrize("price", [Decimal(-1), 0.3, Decimal("Infinity")])
def test_only_a_decimal_of_nought_or_more_is_a_price(price: object) -> None:
    with pytest.raises(ValueError, match="Decimals of 0 or more"):
        FlatTariff(price, Decimal(0), "EUR")  # type: ignore[arg-type]


amounts = st.decimals(0, 10**6, places=6)


@given(amounts, amounts, st.decimals(0, 100, places=2))
def test_net_and_vat_make_the_gross_and_net_is_within_half_a_cent(
    energy: Decimal, price: Decimal, vat_percent: Decimal
) -> None:
    line = rate_energy(energy_kwh=energy, tariff=FlatTariff(price, vat_percent, "EUR"))

    assert line.excl_vat + line.vat == line.incl_vat
    assert abs(line.excl_vat.amount - energy * price) <= Decimal("0.005")
    assert line.vat.amount >= 0
