"""Power, energy and slots. Power in kW and energy in kWh, consumption and charging positive."""

from datetime import UTC, datetime, timedelta

SECONDS_PER_HOUR = 3600.0
QUARTER_HOUR = timedelta(minutes=15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def energy_kwh(*, power_kw: float, duration_s: float) -> float:
    """The energy in kWh of a constant power over a duration; the sign is the power's."""
    if duration_s < 0:
        raise ValueError(f"duration_s must not be negative, got {duration_s}")
    return power_kw * duration_s / SECONDS_PER_HOUR


def power_kw(*, energy_kwh: float, duration_s: float) -> float:
    """The mean power in kW that gives an energy over a duration; the sign is the energy's."""
    if duration_s <= 0:
        raise ValueError(f"duration_s must be positive, got {duration_s}")
    return energy_kwh * SECONDS_PER_HOUR / duration_s


def floor_slot(at: datetime, resolution: timedelta = QUARTER_HOUR) -> datetime:
    """The start (UTC) of the slot [start, start + resolution) that holds an instant.

    Slots are counted from midnight UTC, which quarter hours, hours and days all divide.
    """
    if at.tzinfo is None:
        raise ValueError("at must be an aware datetime")
    if resolution <= timedelta(0):
        raise ValueError("resolution must be positive")
    return _EPOCH + (at - _EPOCH) // resolution * resolution


def ceil_slot(at: datetime, resolution: timedelta = QUARTER_HOUR) -> datetime:
    """The first slot edge (UTC) that is not before an instant."""
    floor = floor_slot(at, resolution)
    return floor if floor == at else floor + resolution


def slots(start: datetime, end: datetime, resolution: timedelta = QUARTER_HOUR) -> list[datetime]:
    """The starts of the slots of [start, end); both ends must lie on a slot edge."""
    if floor_slot(start, resolution) != start or floor_slot(end, resolution) != end:
        raise ValueError("start and end must lie on the edge of a slot")
    count = (end - start) // resolution
    return [start + n * resolution for n in range(max(0, count))]
