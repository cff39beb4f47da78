"""What makes a session doubtful: it is kept as the station told it, and its bill waits.

Judged from the session as it stands, never from single messages: the order in which events came
changes nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

METER_WENT_BACKWARDS = "meter_backwards"
ENERGY_JUMPED = "energy_jump"
CLOCK_WAS_OFF = "clock"

# A clock that lost its battery says 1970 or 2000; no session of this platform is that old.
EARLIEST_START = datetime(2020, 1, 1, tzinfo=UTC)
# A station that sets its clock by our answers is within seconds of ours.
CLOCK_AHEAD_LIMIT = timedelta(hours=1)
LONGEST = timedelta(days=31)
# Rated powers are nominal, and the last register reading may be later than the end.
_POWER_MARGIN = Decimal("1.25")
_SHORTEST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Charged:
    """What is judged: energies in kWh, the station's rated power in kW, `told_at` on our clock."""

    started_at: datetime
    ended_at: datetime | None
    energy_kwh: Decimal
    meter_went_backwards: bool
    rated_power_kw: float
    told_at: datetime


def doubts(charged: Charged) -> tuple[str, ...]:
    """The reasons why somebody should look at the session before it is billed; mostly none."""
    found = []
    if charged.meter_went_backwards:
        found.append(METER_WENT_BACKWARDS)
    if _is_clock_off(charged):
        found.append(CLOCK_WAS_OFF)
    elif charged.energy_kwh > _most_energy_kwh(charged):
        # Only with a clock that can be trusted is a power known.
        found.append(ENERGY_JUMPED)
    return tuple(found)


def _is_clock_off(charged: Charged) -> bool:
    latest = charged.told_at + CLOCK_AHEAD_LIMIT
    if charged.started_at < EARLIEST_START or charged.started_at > latest:
        return True
    if charged.ended_at is None:
        return False
    if charged.ended_at < charged.started_at or charged.ended_at > latest:
        return True
    return charged.ended_at - charged.started_at > LONGEST


def _most_energy_kwh(charged: Charged) -> Decimal:
    end = charged.ended_at or charged.told_at
    duration = max(_SHORTEST, end - charged.started_at)
    hours = Decimal(duration // timedelta(seconds=1)) / 3600
    return Decimal(str(charged.rated_power_kw)) * _POWER_MARGIN * hours
