"""Figures as the operator reads them, in each language."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from apps.console import formats

SPACE = "\u00a0"


@pytest.mark.parametrize(
    ("power_kw", "english", "french"),
    [
        (None, "–", "–"),
        (0.0, "0.0 kW", "0,0 kW"),
        (-0.0, "0.0 kW", "0,0 kW"),
        (0.25, "250 W", "250 W"),
        (0.999, "999 W", "999 W"),
        (1.0, "1.0 kW", "1,0 kW"),
        (-21.26, "−21.3 kW", "−21,3 kW"),
        (999.94, "999.9 kW", "999,9 kW"),
        (1500.0, "1.50 MW", "1,50 MW"),
        (-2000.0, "−2.00 MW", "−2,00 MW"),
    ],
)
def test_power_takes_its_unit_from_its_size(
    power_kw: float | None, english: str, french: str
) -> None:
    with translation.override("en"):
        assert formats.power_text(power_kw).replace(SPACE, " ") == english
    with translation.override("fr"):
        assert formats.power_text(power_kw).replace(SPACE, " ") == french


def test_a_fixed_unit_is_kept() -> None:
    with translation.override("en"):
        assert formats.power_text(1500.0, "kW") == f"1,500{SPACE}kW"
        assert formats.power_text(1500.0, "W") == f"1,500,000{SPACE}W"
        assert formats.power_text(0.5, "MW") == f"0.00{SPACE}MW"


def test_energy_money_price() -> None:
    with translation.override("es"):
        assert formats.energy_text(Decimal("3.456")) == f"3,46{SPACE}kWh"
        assert formats.energy_text(1500) == f"1,50{SPACE}MWh"
        assert formats.money_text(Decimal("7.4500"), "EUR") == f"7,45{SPACE}€"
        assert formats.unit_price_text(Decimal("0.320000"), "EUR") == f"0,32{SPACE}€/kWh"
        assert formats.unit_price_text(Decimal("0.312500"), "EUR") == f"0,3125{SPACE}€/kWh"
        assert formats.rate_text(Decimal("8.50")) == f"8,5{SPACE}%"
        assert formats.rate_text(Decimal("20.00")) == f"20{SPACE}%"


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=12, seconds=5), "12 min 05 s"),
        (timedelta(hours=1, minutes=5, seconds=59), "1 h 05 min"),
        (timedelta(seconds=-3), "0 s"),
        (None, "–"),
    ],
)
def test_durations(duration: timedelta | None, words: str) -> None:
    assert formats.duration_text(duration).replace(SPACE, " ") == words


@pytest.mark.parametrize(
    ("age_s", "words"),
    [
        (None, "never"),
        (3.9, "3 s ago"),
        (130, "2 min ago"),
        (7300, "2 h ago"),
        (180_000, "2 days ago"),
    ],
)
def test_ages(age_s: float | None, words: str) -> None:
    with translation.override("en"):
        assert formats.age_text(age_s) == words
