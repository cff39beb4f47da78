"""When a session is doubtful: what a healthy station cannot have told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.chargers.ocpp.plausibility import Charged, doubts

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
# One hour at a station of 22 kW.
HOUR = Charged(
    started_at=START,
    ended_at=START + timedelta(hours=1),
    energy_kwh=Decimal("21.9"),
    meter_went_backwards=False,
    rated_power_kw=22.0,
    told_at=START + timedelta(hours=1, seconds=1),
)


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, ()),
        # 22 kW x 1.25 x 1 h = 27.5 kWh
        ({"energy_kwh": Decimal("27.5")}, ()),
        ({"energy_kwh": Decimal("27.501")}, ("energy_jump",)),
        ({"meter_went_backwards": True}, ("meter_backwards",)),
        # 22 kW x 1.25 x 15 min = 6.875 kWh, however short it was
        ({"ended_at": START, "energy_kwh": Decimal("6.875")}, ()),
        ({"ended_at": START, "energy_kwh": Decimal("6.876")}, ("energy_jump",)),
        ({"started_at": datetime(1970, 1, 1, tzinfo=UTC)}, ("clock",)),
        ({"started_at": datetime(2000, 1, 1, tzinfo=UTC)}, ("clock",)),
        ({"started_at": datetime(2020, 1, 1, tzinfo=UTC)}, ("clock",)),
        ({"ended_at": START - timedelta(seconds=1)}, ("clock",)),
        ({"ended_at": START + timedelta(hours=2, seconds=1)}, ()),
        ({"ended_at": START + timedelta(hours=2, seconds=2)}, ("clock",)),
        ({"ended_at": None, "energy_kwh": Decimal("27.5")}, ()),
        ({"ended_at": None, "energy_kwh": Decimal("28")}, ("energy_jump",)),
        ({"ended_at": None, "started_at": START + timedelta(days=3)}, ("clock",)),
    ],
)  # fmt: skip
def test_what_is_doubted(changed: dict[str, object], wanted: tuple[str, ...]) -> None:
    assert doubts(replace(HOUR, **changed)) == wanted  # type: ignore[arg-type]


def test_a_session_told_months_later_is_not_doubted() -> None:
    assert doubts(replace(HOUR, told_at=START + timedelta(days=200))) == ()
