"""Short ways to write a tariff, meter samples and what was cut of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from apps.billing.rating import CutSession, MeterSample, Tariff, periods_cut, tariff_parse
from tests.billing.rating.examples import component

# A Tuesday, 16:00 in Guadeloupe (UTC-4).
START = datetime(2026, 3, 10, 20, 0, tzinfo=UTC)
ISLAND = "America/Guadeloupe"
DEFAULT = component("ENERGY", "0.30")


def tariff(*elements: tuple[list[dict[str, object]], dict[str, object]]) -> Tariff:
    """A tariff of elements, each its components and its restrictions."""
    content = {
        "country_code": "FR",
        "party_id": "CFX",
        "id": "T1",
        "currency": "EUR",
        "elements": [
            {"price_components": components, **({"restrictions": rules} if rules else {})}
            for components, rules in elements
        ],
        "last_updated": "2026-01-01T00:00:00Z",
    }
    parsed, notes = tariff_parse(content)
    assert notes == ()
    return parsed


def when(**rules: object) -> Tariff:
    """Energy at 0.50 where restrictions apply, else at 0.30; parking at 2 an hour."""
    parking = component("PARKING_TIME", "2")
    return tariff(([component("ENERGY", "0.50")], rules), ([DEFAULT, parking], {}))


def sample(minute: float, kwh: str | None = None, **more: object) -> MeterSample:
    """A sample so many minutes after the start."""
    for name in ("power_kw", "current_a"):
        if name in more:
            more[name] = Decimal(str(more[name]))
    at = START + timedelta(minutes=minute)
    return MeterSample(at, None if kwh is None else Decimal(kwh), **more)  # type: ignore[arg-type]


def cut(
    tariff: Tariff, *samples: MeterSample, minutes: float = 60, zone: str = ISLAND
) -> CutSession:
    """The session of so many minutes."""
    return periods_cut(samples, tariff, START, START + timedelta(minutes=minutes), zone)


def rows(session: CutSession) -> list[tuple[str, str]]:
    """(seconds since the start, energy) of each period."""
    return [
        (str((one.start_date_time - START) // timedelta(seconds=1)), str(one.energy_kwh))
        for one in session.charging_periods
    ]


def codes(session: CutSession) -> list[str]:
    """The codes of the notes."""
    return [note.code for note in session.notes]
