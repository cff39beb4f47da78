"""Time zones by their names."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apps.markets.island.errors import IslandError


def zone_named(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises IslandError for a name that no zone has."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        raise IslandError("zone", "time_zone", f"{name[:40]!r} is no time zone") from err
