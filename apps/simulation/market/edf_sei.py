"""EDF SEI open data on Opendatasoft Explore v2.1.

GET /api/explore/v2.1/catalog/datasets/<dataset>/exports/json
    ?timezone=UTC&order_by=date&where=date>='2026-03-10T04:00:00Z' and date<'2026-03-11T04:00:00Z'

mix-temps-reel-guadeloupe                            MW per type and quarter hour, field `date`
production-delectricite-par-filiere-en-temps-reel    the same of Martinique
courbe-de-charge-de-la-production-delectricite-par-filiere
    `cout_moyen_de_production_eur_mwh` per hour and `territoire`, field `date_heure`:
    where=territoire='Guadeloupe' and date_heure>='...' and date_heure<'...'
    (`refine=territoire:Guadeloupe` does the same)

The live sets hold the last 60 days, a quarter hour after each slot; the costs are there from
2025 until the end of yesterday (island time). A malformed query is 400 with `error_code`
ODSQLError, an unknown set 404; a used up quota is 429 with `errorcode` 10002 and `reset_time`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from aiohttp import web

from apps.simulation.market.feed import Asked, BadQueryError, SimulatedFeed, json_reply
from apps.simulation.market.grid import (
    GridSlot,
    grid_between,
    island_day,
    island_day_start,
)
from apps.simulation.market.odsql import Comparison, where_read
from apps.simulation.market.power_documents import known_until

COSTS = "courbe-de-charge-de-la-production-delectricite-par-filiere"
LIVE = {
    "mix-temps-reel-guadeloupe": "guadeloupe",
    "production-delectricite-par-filiere-en-temps-reel": "martinique",
}
TERRITORIES = {"Guadeloupe": "guadeloupe", "Martinique": "martinique"}
COSTS_SINCE = datetime(2025, 1, 1, 4, tzinfo=UTC)
LIVE_FOR = timedelta(days=60)
LIVE_DELAY = timedelta(minutes=15)
CONSOLIDATED_AFTER = timedelta(days=30)
CALLS_PER_DAY = 50_000
OFF_GRID = timedelta(minutes=6)
_ESTIMATED, _CONSOLIDATED = "Estimé", "Consolidé"
_UNUSED = {"martinique": ("charbon", "geothermie")}
_LIVE_FIELDS = frozenset(
    ("date", "total", "statut", "solde_stockage", "turbines_combustion", "bioenergies")
    + ("charbon", "diesel", "eolien", "geothermie", "hydraulique", "moteurs_diesels")
    + ("photovoltaique",)
)
_COST_FIELDS = frozenset(
    (
        "date_heure",
        "territoire",
        "statut",
        "production_totale_mw",
        "cout_moyen_de_production_eur_mwh",
    )
)


@dataclass(frozen=True)
class _Export:
    """A valid query: what to compare, how to order, and whose clock to write."""

    stamp: str
    comparisons: list[Comparison]
    is_descending: bool
    zone: ZoneInfo
    limit: int | None

    @classmethod
    def read(cls, asked: Asked, *, stamp: str, fields: frozenset[str]) -> "_Export":
        query = asked.query
        try:
            zone = ZoneInfo(query.get("timezone") or "UTC")
        except (KeyError, ValueError) as err:
            raise BadQueryError("timezone is unknown") from err
        comparisons = where_read(query.get("where", ""), stamp=stamp, fields=fields, zone=zone)
        refine = query.get("refine")
        if refine:
            name, _, value = refine.partition(":")
            if name not in fields or name == stamp:
                raise BadQueryError(f"Unknown facet: {name[:40]}")
            comparisons.append(Comparison(name, "=", value.strip("\"'")))
        order, _, direction = (query.get("order_by") or stamp).partition(" ")
        if order != stamp or direction.lower() not in ("", "asc", "desc"):
            raise BadQueryError(f"order_by must be {stamp}, asc or desc")
        limit = query.get("limit", "-1")
        if not limit.lstrip("-").isdigit():
            raise BadQueryError("limit is no number")
        return cls(
            stamp,
            comparisons,
            direction.lower() == "desc",
            zone,
            int(limit) if int(limit) >= 0 else None,
        )

    def bounds(self, first: datetime, last: datetime) -> tuple[datetime, datetime]:
        """[first, last) without what the comparisons leave out anyway."""
        for one in self.comparisons:
            if isinstance(one.literal, datetime):
                if one.symbol in (">", ">=", "=", ":"):
                    first = max(first, one.literal - timedelta(hours=1))
                if one.symbol in ("<", "<=", "=", ":"):
                    last = min(last, one.literal + timedelta(hours=1))
        return first.astimezone(UTC), last.astimezone(UTC)

    def asks_for(self, field: str, value: str) -> bool:
        """False when a row with that value would not pass: then none need be made."""
        return all(one.holds({field: value}) for one in self.comparisons if one.field == field)

    def records(self, rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows that pass, in order, their stamps by the zone's clock."""
        kept = [row for row in rows if all(one.holds(row) for one in self.comparisons)]
        kept.sort(key=lambda row: str(row[self.stamp]), reverse=self.is_descending)
        for row in kept:
            row[self.stamp] = datetime.fromisoformat(row[self.stamp]).astimezone(self.zone)
            row[self.stamp] = row[self.stamp].isoformat()
        return kept[: self.limit]


class EdfSeiFeed(SimulatedFeed):
    """The portals of both islands and of the group, on one address."""

    name: ClassVar[str] = "edf_sei"
    paths: ClassVar[tuple[str, ...]] = (
        "/api/explore/v2.1/catalog/datasets/{dataset}/exports/json",
    )
    own_modes: ClassVar[tuple[str, ...]] = ("off_grid",)

    def answer(self, asked: Asked) -> web.Response:
        dataset = asked.place["dataset"]
        if dataset not in LIVE and dataset != COSTS:
            message = f"The requested dataset {dataset[:80]} does not exist."
            return json_reply({"message": message, "error_code": "DatasetNotFound"}, 404)
        try:
            if dataset == COSTS:
                records = self._costs(asked)
            else:
                records = self._live(asked, LIVE[dataset])
        except BadQueryError as err:
            message = f"ODSQL query is malformed: {err}"
            return json_reply({"message": message, "error_code": "ODSQLError"}, 400)
        return json_reply([] if asked.mode == "no_data" else records)

    def busy(self, asked: Asked) -> web.Response:
        return json_reply({"message": "Too many requests"}, 429, retry_after="30")

    def quota_used_up(self, asked: Asked) -> web.Response:
        reset = datetime.combine(asked.now.date() + timedelta(days=1), time(0), UTC)
        return json_reply(
            {
                "errorcode": 10002,
                "reset_time": reset.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "limit_time_unit": "day",
                "call_limit": CALLS_PER_DAY,
                "error": "Too many requests on the domain.",
            },
            429,
            x_ratelimit_limit=str(CALLS_PER_DAY),
            x_ratelimit_remaining="0",
            x_ratelimit_reset=str(int(reset.timestamp())),
        )

    def _live(self, asked: Asked, operator: str) -> list[dict[str, Any]]:
        export = _Export.read(asked, stamp="date", fields=_LIVE_FIELDS)
        last = known_until(asked.now, delay=LIVE_DELAY)
        start, end = export.bounds(last - LIVE_FOR, last)
        shift = OFF_GRID if asked.mode == "off_grid" else timedelta(0)
        slots = grid_between(operator, start, end, declared=asked.declared)
        return export.records(_live_record(operator, slot, shift) for slot in slots)

    def _costs(self, asked: Asked) -> list[dict[str, Any]]:
        export = _Export.read(asked, stamp="date_heure", fields=_COST_FIELDS)

        def rows() -> Iterator[dict[str, Any]]:
            for territory, operator in TERRITORIES.items():
                if not export.asks_for("territoire", territory):
                    continue
                today = island_day(operator, asked.now)
                last = island_day_start(operator, today)
                start, end = export.bounds(COSTS_SINCE, last)
                start = start.replace(minute=0, second=0, microsecond=0)
                slots = list(grid_between(operator, start, end, declared=asked.declared))
                for number in range(0, len(slots) // 4 * 4, 4):
                    yield _cost_record(territory, slots[number : number + 4], today)

        return export.records(rows())


def _live_record(operator: str, slot: GridSlot, shift: timedelta) -> dict[str, Any]:
    powers = {
        name: power
        for name, power in slot.power_mw.items()
        if name not in _UNUSED.get(operator, ())
    }
    return {
        "date": (slot.start + shift).isoformat(),
        **powers,
        "total": slot.total_mw,
        "statut": _ESTIMATED,
        "solde_stockage": slot.storage_mw,
    }


def _cost_record(territory: str, quarters: list[GridSlot], today: date) -> dict[str, Any]:
    """An hour: the cost of its energy, weighted by what was made in each quarter."""
    total = sum(slot.total_mw for slot in quarters)
    cost = sum(slot.cost_eur_per_mwh * slot.total_mw for slot in quarters) / total
    is_old = quarters[0].start.date() < today - CONSOLIDATED_AFTER
    return {
        "date_heure": quarters[0].start.isoformat(),
        "territoire": territory,
        "statut": _CONSOLIDATED if is_old else _ESTIMATED,
        "production_totale_mw": round(total / 4, 2),
        "cout_moyen_de_production_eur_mwh": round(cost, 2),
    }
