"""The list of charging stations with the figures of all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.core.cache import cache

from apps.chargers.selectors.availability import (
    Performance,
    connectors_performance,
    stations_performance,
)
from apps.chargers.selectors.stations import (
    STATES,
    StationRow,
    StationSearch,
    station_states,
    station_versions,
    stations_listed,
)
from cariflex.common.time import Interval
from cariflex.common.units import floor_slot

PAGE_SIZE = 50
SEARCH_MAX_LENGTH = 60
# Four weeks: every day of the week counts the same.
PERFORMANCE_PERIOD = timedelta(days=28)
PERFORMANCE_CACHE_S = 600


@dataclass(frozen=True, slots=True)
class Figures:
    """How well stations did their work over the last four weeks; None where nothing is known."""

    uptime_percent: float | None
    outages: int
    mean_time_to_recover: timedelta | None
    plug_ins: int
    plug_in_percent: float | None


@dataclass(frozen=True, slots=True)
class StationLine:
    """One line of the list."""

    station: StationRow
    figures: Figures | None
    age_s: float | None

    @property
    def error_codes(self) -> tuple[str, ...]:
        """What its connectors complain of, each once."""
        codes = (one.error_code for one in self.station.connectors)
        return tuple(dict.fromkeys(code for code in codes if code and code != "NoError"))

    @property
    def maker(self) -> str:
        """Vendor and model as the station told them."""
        return f"{self.station.vendor} {self.station.model}".strip()


@dataclass(frozen=True, slots=True)
class StationsPage:
    """Everything the page shows."""

    lines: tuple[StationLine, ...]
    counts: dict[str, int]
    """Of all stations of the operator, by state."""
    found_count: int
    figures: Figures
    filter: StationSearch
    versions: tuple[str, ...]
    is_first_page: bool
    after: str | None

    @property
    def states(self) -> tuple[str, ...]:
        """The states to choose from."""
        return STATES

    @property
    def total_count(self) -> int:
        """All stations."""
        return sum(self.counts.values())

    @property
    def connected_count(self) -> int:
        """Those whose socket is open."""
        return self.total_count - self.counts["offline"]

    @property
    def in_use_count(self) -> int:
        """Those with a car."""
        return self.counts["charging"] + self.counts["occupied"]

    @property
    def is_filtered(self) -> bool:
        """True when anything is filtered."""
        return self.filter != StationSearch()

    @property
    def first_query(self) -> str:
        """The query of the first page with the same filter."""
        return self._query()

    @property
    def next_query(self) -> str:
        """The query of the next page with the same filter."""
        return self._query(after=self.after)

    def _query(self, *, after: str | None = None) -> str:
        chosen = {
            "q": self.filter.text,
            "state": self.filter.state,
            "version": self.filter.version,
            "after": after,
        }
        return urlencode({name: value for name, value in chosen.items() if value})


def stations_page(*, chosen: StationSearch, after: str | None, now: datetime) -> StationsPage:
    """A page of stations; at most seven queries, and four more every ten minutes."""
    page = stations_listed(search=chosen, after=after, limit=PAGE_SIZE)
    counts = station_states(search=StationSearch())
    is_filtered = chosen != StationSearch()
    found = sum(station_states(search=chosen).values()) if is_filtered else sum(counts.values())
    everyone, of_each = _performance(now)
    return StationsPage(
        lines=tuple(
            StationLine(
                station=row,
                figures=of_each.get(row.station_id),
                age_s=(now - row.last_seen_at).total_seconds() if row.last_seen_at else None,
            )
            for row in page.rows
        ),
        counts=counts,
        found_count=found,
        figures=everyone,
        filter=chosen,
        versions=tuple(station_versions()),
        is_first_page=after is None,
        after=page.next_after,
    )


def performance_period(now: datetime) -> Interval:
    """The last four weeks, up to now."""
    return Interval(now - PERFORMANCE_PERIOD, now)


def figures(lines: Sequence[Performance]) -> Figures:
    """The figures of some connectors or stations together."""
    if not lines:
        return Figures(None, 0, None, 0, None)
    uptime, outages, plug_ins = lines[0].uptime, lines[0].outages, lines[0].plug_ins
    for line in lines[1:]:
        uptime += line.uptime
        outages += line.outages
        plug_ins += line.plug_ins
    return Figures(
        uptime_percent=uptime.percent,
        outages=outages.count,
        mean_time_to_recover=outages.mean_time_to_recover,
        plug_ins=plug_ins.count,
        plug_in_percent=plug_ins.success_percent,
    )


def _performance(now: datetime) -> tuple[Figures, dict[str, Figures]]:
    """The figures of all stations and of each, at most ten minutes old."""
    slot = floor_slot(now, timedelta(seconds=PERFORMANCE_CACHE_S))
    key = f"console.stations_performance:{slot.isoformat()}"
    found: tuple[Figures, dict[str, Figures]] | None = cache.get(key)
    if found is None:
        connectors = connectors_performance(period=performance_period(now), now=now)
        stations = stations_performance(connectors)
        found = figures(stations), {one.station_id: figures([one]) for one in stations}
        cache.set(key, found, PERFORMANCE_CACHE_S)
    return found
