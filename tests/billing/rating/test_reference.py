"""The reference itself prices what the specification prints."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.billing.rating import reference
from tests.billing.rating.examples import example
from tests.billing.rating.test_spec_examples import PRINTED


@pytest.mark.parametrize(("name", "charged", "excl", "incl"), PRINTED)
def test_the_printed_totals(name: str, charged: dict[str, Any], excl: str, incl: str) -> None:
    priced = reference.price(example(f"2.2.1/{name}.json"), charged)

    assert rounded(priced.excl_vat) == Decimal(excl)
    assert rounded(priced.incl_vat) == Decimal(incl)


def rounded(amount: Fraction) -> Decimal:
    """To the cent, half up."""
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
