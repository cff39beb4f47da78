"""The portals of EDF SEI as simulated, asked by our client and read by our readers."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from apps.markets.clients.edf_sei import COST_DATASET, LIVE_PORTALS, EdfSeiClient
from apps.markets.co2 import BUILT_IN_FACTORS, co2_slots
from apps.markets.feeds.edf_sei import Island, island_costs_read, island_mix_read
from apps.simulation.market.grid import grid_day
from tests.simulation.market.conftest import Feeds, OpenFeeds

pytestmark = pytest.mark.asyncio

ISLAND_DAY = (datetime(2026, 3, 9, 4, tzinfo=UTC), datetime(2026, 3, 10, 4, tzinfo=UTC))


def edf(feeds: Feeds) -> EdfSeiClient:
    return EdfSeiClient(base_url=feeds.url, allow_loopback=True)


@pytest.mark.parametrize("island", [Island.GUADELOUPE, Island.MARTINIQUE])
async def test_edf_has_the_mix_of_an_island_day(feeds: OpenFeeds, island: Island) -> None:
    async with feeds() as running:
        content = await running.ask(
            edf(running).records,
            dataset=LIVE_PORTALS[island][1],
            start=ISLAND_DAY[0],
            end=ISLAND_DAY[1],
        )

    mix = island_mix_read(content, island=island)
    co2 = co2_slots([slot.mix() for slot in mix.slots], BUILT_IN_FACTORS)

    assert (len(mix.slots), mix.incomplete, mix.unknown_fields) == (96, (), ())
    assert mix.slots[0].start == ISLAND_DAY[0]
    assert all(slot.is_estimated for slot in mix.slots)
    grams = [one.intensity.lifecycle_g_per_kwh for one in co2 if one.intensity]
    assert len(grams) == 96
    assert 450 <= min(grams) <= max(grams) <= 650
    assert 9 * 4 <= grams.index(min(grams)) < 15 * 4
    # Storage gives in the peak (negative here) and is charged at noon.
    assert mix.slots[80].storage_power_mw == -Decimal(str(5.0 if island == "Guadeloupe" else 4.0))
    noon = mix.slots[48].storage_power_mw
    assert noon is not None
    assert noon > 0


async def test_edf_has_today_until_a_quarter_hour_ago(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        content = await running.ask(
            edf(running).records,
            dataset="mix-temps-reel-guadeloupe",
            start=ISLAND_DAY[1],
            end=ISLAND_DAY[1] + timedelta(days=1),
        )

    # 22:07 - 15 min = 21:52: the slot from 21:30 to 21:45 is the last.
    slots = island_mix_read(content, island=Island.GUADELOUPE).slots
    assert slots[-1].start == datetime(2026, 3, 10, 21, 30, tzinfo=UTC)
    assert len(slots) == 71


async def test_edf_has_the_costs_until_yesterday(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        content = await running.ask(
            edf(running).records,
            dataset=COST_DATASET,
            start=ISLAND_DAY[0],
            end=ISLAND_DAY[1] + timedelta(days=1),
            stamp_field="date_heure",
            territory=Island.GUADELOUPE,
        )

    costs = island_costs_read(content, island=Island.GUADELOUPE)

    assert len(costs.costs) == 24
    assert costs.missing == ()
    assert costs.costs[0].start == ISLAND_DAY[0]
    dearest = max(costs.costs, key=lambda one: one.cost_eur_per_mwh)
    assert (dearest.start - timedelta(hours=4)).hour in (19, 20, 21)
    assert min(one.cost_eur_per_mwh for one in costs.costs) > 200
    slots = grid_day("guadeloupe", date(2026, 3, 9), is_alert=False)[:4]
    energy = sum(slot.total_mw for slot in slots)
    spent = sum(slot.total_mw * slot.cost_eur_per_mwh for slot in slots)
    assert float(costs.costs[0].cost_eur_per_mwh) == pytest.approx(spent / energy, abs=0.006)


async def test_edf_old_costs_are_consolidated(feeds: OpenFeeds) -> None:
    async with feeds() as running:
        content = await running.ask(
            edf(running).records,
            dataset=COST_DATASET,
            start=datetime(2026, 1, 1, 4, tzinfo=UTC),
            end=datetime(2026, 1, 1, 6, tzinfo=UTC),
            stamp_field="date_heure",
        )

    for island in (Island.GUADELOUPE, Island.MARTINIQUE):
        costs = island_costs_read(content, island=island).costs
        assert [one.is_estimated for one in costs] == [False, False]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"where": "date>='2026-03-10"}, "ODSQLError"),
        ({"where": "nothing='x'"}, "ODSQLError"),
        ({"where": "date>='x'"}, "ODSQLError"),
        ({"where": "date>='2026-03-10' and "}, "ODSQLError"),
        ({"where": "date>='2026-03-10' or date<'2026-03-11'"}, "ODSQLError"),
        ({"order_by": "statut"}, "ODSQLError"),
        ({"timezone": "Mars"}, "ODSQLError"),
        ({"refine": "date:2026"}, "ODSQLError"),
        ({"limit": "all"}, "ODSQLError"),
    ],
)
async def test_edf_refuses_a_malformed_query(
    feeds: OpenFeeds, query: dict[str, str], code: str
) -> None:
    path = "/api/explore/v2.1/catalog/datasets/mix-temps-reel-guadeloupe/exports/json"
    async with feeds() as running:
        status, content, _ = await running.get(path, **query)
        unknown, _, _ = await running.get(path.replace("mix", "mex"))

    assert (status, code in content.decode(), unknown) == (400, True, 404)


async def test_edf_orders_limits_and_writes_by_the_clock_asked_for(feeds: OpenFeeds) -> None:
    path = "/api/explore/v2.1/catalog/datasets/mix-temps-reel-guadeloupe/exports/json"
    async with feeds() as running:
        _, content, _ = await running.get(
            path,
            where="date>='2026-03-10' and date<\"2026-03-10T01:00:00\"",
            timezone="America/Guadeloupe",
            order_by="date desc",
            limit="2",
        )

    slots = island_mix_read(content, island=Island.GUADELOUPE).slots
    assert b"2026-03-10T00:45:00-04:00" in content
    assert [slot.start.isoformat() for slot in slots] == [
        "2026-03-10T04:30:00+00:00",
        "2026-03-10T04:45:00+00:00",
    ]


async def test_edf_portals_need_no_query(feeds: OpenFeeds) -> None:
    base = "/api/explore/v2.1/catalog/datasets"
    async with feeds() as running:
        _, content, _ = await running.get(
            f"{base}/{COST_DATASET}/exports/json",
            refine="territoire:Martinique",
            where="date_heure>='2026-03-09T04:00:00Z'",
        )

    assert len(island_costs_read(content, island=Island.MARTINIQUE).costs) == 24
    assert island_costs_read(content, island=Island.GUADELOUPE).costs == ()
