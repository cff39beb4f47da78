"""What assets asks of the apps above: which loads does a site have, which limits hold just now?

The upper app fills a port in its AppConfig.ready().
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class SiteLoad(Protocol):
    """A load behind a site's grid connection that is no device; asked in the operator's schema."""

    def load_kw(self, *, site_id: int) -> float:
        """What it draws now, in kW; consumption is positive."""


_loads: list[SiteLoad] = []


def register_site_load(load: SiteLoad) -> None:
    """Count this load too; twice counts once."""
    if load not in _loads:
        _loads.append(load)


def site_loads() -> tuple[SiteLoad, ...]:
    """The loads in the order they were registered."""
    return tuple(_loads)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The most that a site may draw and feed in, kW, both >= 0; None: no limit."""

    import_kw: float | None = None
    export_kw: float | None = None

    def lowest(self, other: "ConnectionLimits") -> "ConnectionLimits":
        """What holds when both hold."""
        return ConnectionLimits(
            import_kw=_lowest(self.import_kw, other.import_kw),
            export_kw=_lowest(self.export_kw, other.export_kw),
        )


class ConnectionLimiter(Protocol):
    """Limits that hold for a while beside those of the connection; asked in the schema."""

    def limits(self, *, now: datetime) -> Mapping[int, ConnectionLimits]:
        """The limits in force by site; sites without one are left out."""


_limiters: list[ConnectionLimiter] = []


def register_connection_limiter(limiter: ConnectionLimiter) -> None:
    """Heed this one too; twice counts once."""
    if limiter not in _limiters:
        _limiters.append(limiter)


def connection_limits(*, now: datetime) -> dict[int, ConnectionLimits]:
    """The limits that hold for a while, by site."""
    found: dict[int, ConnectionLimits] = {}
    for limiter in _limiters:
        for site_id, limits in limiter.limits(now=now).items():
            found[site_id] = found.get(site_id, ConnectionLimits()).lowest(limits)
    return found


def _lowest(one: float | None, other: float | None) -> float | None:
    return min((kw for kw in (one, other) if kw is not None), default=None)
