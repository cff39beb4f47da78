"""EDF SEI open data: what runs on an island, by fuel, and what a MWh costs to make."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.clients.edf_sei import COST_DATASET, COST_PORTAL, LIVE_PORTALS, EdfSeiClient
from apps.markets.feeds.edf_sei import (
    Island,
    IslandMix,
    IslandSlot,
    QuotaExceededError,
    island_costs_read,
    island_mix_read,
)
from apps.markets.models import FeedAccess
from apps.markets.services.feeds.adapter import (
    Batch,
    Fetched,
    NothingPublished,
    QuotaUsedUp,
    Reading,
    Wanted,
)
from apps.markets.services.feeds.days import DAY, access_zone, covers, days_past, market_day
from apps.markets.services.series import GivenValue, SeriesKey
from cariflex.common.errors import DomainError
from cariflex.common.time import Interval
from cariflex.common.units import QUARTER_HOUR, slots

MIX: Final = "mix"
COST: Final = "cost"
REQUESTS: Final = (MIX, COST)
MIX_AGAIN: Final = timedelta(minutes=15)
COST_AGAIN: Final = timedelta(hours=6)
# How far behind the costs are is not said: as many days as may be are asked for in one call.
COST_DAYS: Final = 14
STORAGE: Final = "storage"
_STAMP_OF_COSTS: Final = "date_heure"
_STEP: Final = Decimal("0.001")
_ZONES: Final = {
    Island.CORSE: "Europe/Paris",
    Island.GUADELOUPE: "America/Guadeloupe",
    Island.GUYANE: "America/Cayenne",
    Island.MARTINIQUE: "America/Martinique",
    Island.REUNION: "Indian/Reunion",
}


def island_of(access: FeedAccess) -> Island:
    """The island of an access: the setting `island`, else its area. Raises DomainError."""
    name = str(access.settings.get("island") or access.area)
    for island in Island:
        if name.casefold() in {island.value.casefold(), island.name.casefold()}:
            return island
    known = ", ".join(island.value for island in Island)
    raise DomainError("market.island", f"{name[:40]!r} is not one of {known}", field="island")


class EdfSeiAdapter:
    """Settings: `island` (if the area is not its name), `requests`, `dataset` of the live mix,
    `cost_dataset`, `time_zone`.

    Without an address the known portals are asked; an address of one's own stands for all. The
    token is a portal's API key, where there is one.
    """

    feed = Feed.EDF_SEI

    def check(self, access: FeedAccess) -> None:
        """The island is known, the requests are, and so are the data sets asked for."""
        unknown = sorted(set(_requests(access)) - set(REQUESTS))
        if unknown:
            raise DomainError(
                "market.requests", f"{unknown[0]} is not one of {', '.join(REQUESTS)}",
                field="requests",
            )  # fmt: skip
        for request in _requests(access):
            _portal(access, request)
        _zone(access)

    def wanted(self, access: FeedAccess, *, now: datetime) -> list[Wanted]:
        """The mix of today and yesterday, and the costs of the last days in one."""
        days = days_past(_zone(access), now=now)
        wanted = {MIX: [Wanted(MIX, day) for day in days], COST: [Wanted(COST, days[0])]}
        return [one for request in _requests(access) for one in wanted[request]]

    def fetch(
        self, access: FeedAccess, wanted: Wanted, *, now: datetime, allow_loopback: bool
    ) -> tuple[Fetched, ...]:
        """The records of the day, or of the days up to it."""
        base_url, dataset = _portal(access, wanted.request)
        client = EdfSeiClient(base_url=base_url, token=access.token, allow_loopback=allow_loopback)
        span = _span(access, wanted)
        if wanted.request == MIX:
            content = client.records(dataset=dataset, start=span.start, end=span.end)
        else:
            content = client.records(
                dataset=dataset,
                start=span.start,
                end=span.end,
                stamp_field=_STAMP_OF_COSTS,
                territory=island_of(access),
            )
        return (Fetched(content),)

    def read(
        self, access: FeedAccess, wanted: Wanted, fetched: Fetched, *, now: datetime
    ) -> Reading:
        """The mix by fuel with storage apart, or the costs, on the grid of quarter hours."""
        try:
            if wanted.request == COST:
                return _costs(access, fetched.content, now)
            if fetched.content.strip() == b"[]":
                raise NothingPublished("no record of this day yet")
            mix = island_mix_read(fetched.content, island=island_of(access))
        except QuotaExceededError as err:
            raise QuotaUsedUp(err.reset_at) from err
        batches = tuple(_fuels(access, mix))
        is_complete = covers(batches, _span(access, wanted))
        return Reading(
            batches=batches,
            published_at=now,
            is_complete=is_complete,
            again_after=None if is_complete else MIX_AGAIN,
            faults=(
                *(f"{at:%Y-%m-%dT%H:%MZ}: {name} is empty" for at, name in mix.incomplete),
                *(f"field {name} is not known and left out" for name in mix.unknown_fields),
            ),
        )


def _requests(access: FeedAccess) -> list[str]:
    return list(access.settings.get("requests") or REQUESTS)


def _zone(access: FeedAccess) -> ZoneInfo:
    return access_zone(access, default=_ZONES[island_of(access)])


def _span(access: FeedAccess, wanted: Wanted) -> Interval:
    zone = _zone(access)
    day = market_day(zone=zone, day=wanted.day)
    if wanted.request == MIX:
        return day
    return Interval(market_day(zone=zone, day=wanted.day - COST_DAYS * DAY).start, day.end)


def _portal(access: FeedAccess, request: str) -> tuple[str, str]:
    """The address and the data set of a request. Raises DomainError for an island without one."""
    island = island_of(access)
    if request == COST:
        dataset = str(access.settings.get("cost_dataset") or COST_DATASET)
        return access.base_url or COST_PORTAL, dataset
    base_url, dataset = LIVE_PORTALS.get(island, ("", ""))
    base_url, dataset = (
        access.base_url or base_url,
        str(access.settings.get("dataset") or dataset),
    )
    if not base_url or not dataset:
        raise DomainError(
            "market.dataset", f"is not known for {island.value}: give it and the address",
            field="dataset",
        )  # fmt: skip
    return base_url, dataset


def _fuels(access: FeedAccess, mix: IslandMix) -> list[Batch]:
    """One series a fuel; storage that discharges generates, storage that charges consumes.

    A plant's own use counts as 0, as with ENTSO-E.
    """
    generated: dict[str, list[GivenValue]] = defaultdict(list)
    charged: list[GivenValue] = []
    for slot in mix.slots:
        quality = Quality.ESTIMATED if slot.is_estimated else Quality.ACTUAL
        for fuel, power_mw in _powers(slot).items():
            generated[fuel].append(GivenValue(slot.start, power_mw.quantize(_STEP), quality))
        if slot.storage_power_mw is not None:
            charging = max(slot.storage_power_mw, Decimal(0)).quantize(_STEP)
            charged.append(GivenValue(slot.start, charging, quality))
    batches = [
        Batch(_key(access, SeriesKind.GENERATION, fuel), tuple(values))
        for fuel, values in generated.items()
    ]
    if charged:
        batches.append(Batch(_key(access, SeriesKind.CONSUMPTION, STORAGE), tuple(charged)))
    return batches


def _powers(slot: IslandSlot) -> dict[str, Decimal]:
    powers: dict[str, Decimal] = defaultdict(Decimal)
    for power in slot.production:
        powers[power.fuel.value] += max(power.power_mw, Decimal(0))
    if slot.storage_power_mw is not None:
        powers[STORAGE] = max(-slot.storage_power_mw, Decimal(0))
    return powers


def _costs(access: FeedAccess, content: bytes, now: datetime) -> Reading:
    said = island_costs_read(content, island=island_of(access))
    values = tuple(
        GivenValue(
            start,
            cost.cost_eur_per_mwh,
            Quality.ESTIMATED if cost.is_estimated else Quality.ACTUAL,
        )
        for cost in said.costs
        for start in slots(cost.start, cost.start + cost.resolution, QUARTER_HOUR)
    )
    return Reading(
        batches=(Batch(_key(access, SeriesKind.PRODUCTION_COST), values),) if values else (),
        published_at=now,
        is_complete=bool(values),
        again_after=COST_AGAIN,
        faults=tuple(f"{at:%Y-%m-%dT%H:%MZ}: has no cost" for at in said.missing),
        note="" if values else f"no cost of the last {COST_DAYS} days yet",
    )


def _key(access: FeedAccess, kind: SeriesKind, variant: str = "") -> SeriesKey:
    return SeriesKey(
        kind=kind,
        area=access.area,
        source=Feed.EDF_SEI,
        variant=variant,
        market_time_zone=_zone(access).key,
    )
