from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from aiohttp import ClientSession
from lxml import etree

from apps.simulation.clock import ManualClock
from apps.simulation.market.documents import curve_points
from apps.simulation.market.prices import (
    day_prices,
    day_slots,
    is_published,
    island_day_shape,
)
from apps.simulation.market.server import Platform
from apps.simulation.process import HttpServer
from tests.simulation.conftest import free_port

FRANCE = "10YFR-RTE------C"
AFTER_PUBLICATION = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)  # 13:00 in Paris


class Asked:
    """One answer of the platform."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body

    @property
    def root(self) -> etree._Element:
        return etree.fromstring(self.body)

    @property
    def reason(self) -> tuple[str | None, str | None]:
        return self.root.findtext(".//{*}Reason/{*}code"), self.root.findtext(".//{*}text")


async def ask(at: datetime, mode: str | None = None, **changes: str) -> Asked:
    query = {
        "securityToken": "t",
        "documentType": "A44",
        "in_Domain": FRANCE,
        "out_Domain": FRANCE,
        "periodStart": "202603102300",
        "periodEnd": "202603112300",
    } | changes
    server = HttpServer(Platform(ManualClock(at)).app(), port := free_port())
    await server.start()
    try:
        async with ClientSession(f"http://127.0.0.1:{port}") as http:
            async with http.post("/control", json={"mode": mode}) as answer:
                assert answer.status == 200
            asked = {name: value for name, value in query.items() if value}
            async with http.get("/api", params=asked) as answer:
                return Asked(answer.status, await answer.read())
    finally:
        await server.stop()


def filled(series: etree._Element) -> list[tuple[datetime, Decimal]]:
    """The series as any client of curve type A03 must read it."""
    assert series.findtext("{*}curveType") == "A03"
    period = series.find("{*}Period")
    assert period is not None
    assert period.findtext("{*}resolution") == "PT15M"
    start, end = (
        datetime.strptime(period.findtext(f".//{{*}}{name}") or "", "%Y-%m-%dT%H:%MZ").replace(
            tzinfo=UTC
        )
        for name in ("start", "end")
    )
    points = {
        int(point.findtext("{*}position") or 0): Decimal(point.findtext("{*}price.amount") or "")
        for point in period.findall("{*}Point")
    }
    slots, price = [], points[1]
    for number in range((end - start) // timedelta(minutes=15)):
        price = points.get(number + 1, price)
        slots.append((start + timedelta(minutes=15) * number, price))
    return slots


@pytest.mark.asyncio
async def test_a_day_comes_as_a_publication_document_with_gaps() -> None:
    answer = await ask(AFTER_PUBLICATION)

    root = answer.root
    assert answer.status == 200
    assert root.tag == (
        "{urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3}Publication_MarketDocument"
    )
    assert root.findtext("{*}type") == "A44"
    series = root.findall("{*}TimeSeries")
    assert [one.findtext("{*}in_Domain.mRID") for one in series] == [FRANCE]
    assert len(series[0].findall(".//{*}Point")) < 96
    slots = filled(series[0])
    assert len(slots) == 96
    assert slots[0][0] == datetime(2026, 3, 10, 23, 0, tzinfo=UTC)
    assert [price for _, price in slots] == day_prices(date(2026, 3, 11))


@pytest.mark.asyncio
async def test_each_delivery_day_is_its_own_series() -> None:
    answer = await ask(AFTER_PUBLICATION, periodStart="202603082300", periodEnd="202603112300")

    starts = [filled(series)[0][0] for series in answer.root.findall("{*}TimeSeries")]
    assert starts == [datetime(2026, 3, day, 23, 0, tzinfo=UTC) for day in (8, 9, 10)]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("start", "end", "slots"),
    [
        ("202603282300", "202603292200", 92),
        ("202610242200", "202610252300", 100),
        ("202606302200", "202607012200", 96),
    ],
)
async def test_days_of_23_and_25_hours_have_their_slots(start: str, end: str, slots: int) -> None:
    answer = await ask(datetime(2026, 12, 1, tzinfo=UTC), periodStart=start, periodEnd=end)

    (series,) = answer.root.findall("{*}TimeSeries")
    assert len(filled(series)) == slots


@pytest.mark.asyncio
async def test_tomorrow_is_unknown_until_12_55_in_paris() -> None:
    before = await ask(datetime(2026, 3, 10, 11, 54, 59, tzinfo=UTC))
    after = await ask(datetime(2026, 3, 10, 11, 55, tzinfo=UTC))

    assert before.status == 200
    assert before.root.tag.endswith("}Acknowledgement_MarketDocument")
    code, text = before.reason
    assert code == "999"
    assert text is not None
    assert text.startswith("No matching data found")
    assert after.root.tag.endswith("}Publication_MarketDocument")


@pytest.mark.asyncio
async def test_known_days_come_without_the_unknown_ones() -> None:
    answer = await ask(
        datetime(2026, 3, 10, 9, 0, tzinfo=UTC),
        periodStart="202603092300",
        periodEnd="202603122300",
    )

    starts = [filled(series)[0][0] for series in answer.root.findall("{*}TimeSeries")]
    assert starts == [datetime(2026, 3, 9, 23, 0, tzinfo=UTC)]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "changes",
    [
        {"documentType": "A75"},
        {"in_Domain": "France"},
        {"out_Domain": "10YES-REE------0"},
        {"periodStart": "2026-03-10"},
        {"periodStart": "202603122300"},
        {"periodEnd": ""},
        {"periodEnd": "202803122300"},
    ],
)
async def test_bad_parameters_get_400_and_an_acknowledgement(changes: dict[str, str]) -> None:
    answer = await ask(AFTER_PUBLICATION, **changes)

    assert answer.status == 400
    assert answer.root.tag.endswith("}Acknowledgement_MarketDocument")
    assert answer.reason[0] == "999"


@pytest.mark.asyncio
async def test_failures_can_be_ordered() -> None:
    assert (await ask(AFTER_PUBLICATION, securityToken="")).status == 401
    assert (await ask(AFTER_PUBLICATION, mode="429")).status == 429
    assert (await ask(AFTER_PUBLICATION, mode="503")).status == 503
    assert (await ask(AFTER_PUBLICATION, mode="no_data")).reason[0] == "999"


def test_the_evening_is_dear_and_noon_and_night_are_cheap() -> None:
    shape = island_day_shape()

    evening, noon, night = shape[19 * 4 : 22 * 4], shape[11 * 4 : 14 * 4], shape[8:16]
    assert min(evening) > max(shape[: 18 * 4])
    assert max(noon) < sum(shape) / 96
    assert max(night) < sum(shape) / 96
    assert min(shape) == Decimal("-12.5")


def test_days_vary_by_a_tenth_at_most_and_are_repeatable() -> None:
    days = [date(2026, 1, 10) + timedelta(days=number) for number in range(30)]

    dearest = [max(day_prices(day)) for day in days]

    assert dearest == [max(day_prices(day)) for day in days]
    assert len(set(dearest)) > 20
    # the sample's dearest value is 142.80
    assert all(Decimal("128.52") <= price <= Decimal("157.08") for price in dearest)


def test_peak_stands_at_the_island_evening_in_summer_and_winter() -> None:
    for day in (date(2026, 1, 15), date(2026, 7, 15)):
        prices = dict(zip(day_slots(day), day_prices(day), strict=True))

        dearest_at = max(prices, key=lambda at: prices[at]) - timedelta(hours=4)

        assert 19 <= dearest_at.hour < 22


def test_curve_leaves_out_repeated_values() -> None:
    prices = [Decimal(text) for text in ("5", "5", "6", "5", "5")]

    assert curve_points(prices) == [(1, Decimal(5)), (3, Decimal(6)), (4, Decimal(5))]


def test_past_days_stay_published() -> None:
    assert is_published(date(2020, 1, 1), now=AFTER_PUBLICATION)
    assert not is_published(date(2026, 3, 12), now=AFTER_PUBLICATION)
