"""The moments at which a tariff may price differently, whatever the meter says.

Moments are whole seconds since the start. More of them than needed do no harm: whoever cuts
leaves out those at which no other price begins.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from apps.billing.rating.prepared import Prepared

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def moments(prepared: Prepared, start: datetime, duration_s: int, zone: ZoneInfo) -> set[int]:
    """The seconds within a session at which a time of day, a day, a date or a duration begins."""
    found = {int(second) for second in prepared.duration_edges}
    if prepared.local:
        end = start + timedelta(seconds=duration_s)
        for at in _local_moments(prepared.second_edges, start, end, zone):
            found.add((at - start) // _SECOND)
    return {second for second in found if 0 < second < duration_s}


def _local_moments(
    seconds: tuple[int, ...], start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    clocks = [time(second // 3600, second // 60 % 60, second % 60) for second in seconds]
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        for clock in clocks:
            # An hour that comes twice has each of its times twice. A time that does not come at
            # all gives some moment near the change, which is a moment of its own (below).
            for fold in (0, 1):
                local = datetime.combine(day, clock).replace(tzinfo=zone, fold=fold)
                yield local.astimezone(UTC)
        day += _DAY
    yield from _clock_changes(start, end, zone)


def _clock_changes(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants at which local clocks are put forward or back."""
    one = start
    while one < end:
        two = min(one + _DAY, end)
        if _offset(one, zone) != _offset(two, zone):
            yield _change_between(one, two, zone)
        one = two


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    offset = _offset(before, zone)
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
