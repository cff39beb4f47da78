"""Our readers beside entsoe-py, the usual reader of the same platform, where it is right.

It is wrong, or says nothing, in three places that ours must not follow: of two sequences it gives
every slot twice, a refusal (acknowledgement) is an empty answer to it, and a document of another
zone is read like the right one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from entsoe.parsers import parse_generation, parse_loads, parse_prices

from apps.markets.feeds.entsoe import (
    Direction,
    DocumentError,
    NotYetPublishedError,
    generation_document_read,
    load_document_read,
    price_document_read,
)
from tests.contracts.entsoe_fake import EntsoeFake
from tests.contracts.fake_server import Answer, FakeServer
from tests.markets.test_entsoe_power import FR

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = {
    "B01": "Biomass", "B04": "Fossil Gas", "B05": "Fossil Hard coal", "B06": "Fossil Oil",
    "B09": "Geothermal", "B10": "Hydro Pumped Storage", "B11": "Hydro Run-of-river and poundage",
    "B12": "Hydro Water Reservoir", "B14": "Nuclear", "B16": "Solar", "B17": "Waste",
    "B18": "Wind Offshore", "B19": "Wind Onshore", "B20": "Other",
}  # fmt: skip


def theirs(parse: Callable[[str], Any], content: bytes) -> Any:
    """What entsoe-py reads; it is warned of HTML parsers for XML and of ways that pandas leaves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parse(content.decode())


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def theirs_by_start(series: Any) -> list[tuple[datetime, float]]:
    return [(at.to_pydatetime(), value) for at, value in series.dropna().items()]


@pytest.mark.parametrize(
    ("name", "slots"),
    [
        ("a44_pt15m_a03_gaps.xml", 96),
        ("a44_dst_spring_92.xml", 92),
        ("a44_dst_autumn_100.xml", 100),
    ],
)
def test_prices_with_gaps_and_of_short_and_long_days_are_the_same(name: str, slots: int) -> None:
    read = theirs(parse_prices, fixture(name))

    ours = price_document_read(fixture(name), area=FR)

    assert len(ours.prices) == slots
    assert [
        (price.start, float(price.price_eur_per_mwh)) for price in ours.prices
    ] == theirs_by_start(read["15min"])


def test_the_mix_is_the_same_series_by_series_and_in_sum() -> None:
    mix = theirs(parse_generation, fixture("a75_mix.xml"))

    ours = generation_document_read(fixture("a75_mix.xml"), area=FR)

    metric = {
        Direction.GENERATION: "Actual Aggregated",
        Direction.CONSUMPTION: "Actual Consumption",
    }
    assert len(ours.series) == len(mix.columns)
    for series in ours.series:
        column = mix[NAMES[series.psr_type or ""], metric[series.direction]]
        starts = [series.start + n * series.resolution for n in range(len(series.power_mw))]
        assert list(zip(starts, series.power_mw, strict=True)) == theirs_by_start(column)
    theirs_mw = mix.xs("Actual Aggregated", axis=1, level=1).to_numpy().sum()
    assert sum(sum(series.power_mw) for series in ours.generation) == pytest.approx(theirs_mw)


def test_a_load_of_the_platform_s_stand_in_is_the_same() -> None:
    fake = EntsoeFake(FakeServer(lambda _request: Answer()))
    start, end = (
        datetime.fromisoformat("2026-03-10T23:00Z"),
        datetime.fromisoformat("2026-03-11T23:00Z"),
    )
    content = fake.power_document("A65", "A16", FR, start, end)

    loads = theirs(lambda text: parse_loads(text, process_type="A16"), content)

    (ours,) = load_document_read(content, area=FR).series
    starts = [ours.start + n * ours.resolution for n in range(24)]
    assert list(zip(starts, ours.power_mw, strict=True)) == theirs_by_start(loads["Actual Load"])


def test_of_two_sequences_it_gives_every_slot_twice_and_ours_the_first() -> None:
    content = fixture("a44_two_sequences.xml")
    found = theirs_by_start(theirs(parse_prices, content)["60min"])

    ours = price_document_read(content, area=FR)

    starts = [price.start for price in ours.prices]
    assert len(starts) == len(set(starts))
    assert len(found) == 2 * len(starts)
    assert sorted(at for at, _ in found) == sorted(starts * 2)
    assert {(p.start, float(p.price_eur_per_mwh)) for p in ours.prices} < set(found)


def test_not_published_is_an_empty_answer_to_it_and_a_state_to_us() -> None:
    content = fixture("ack_999_no_data.xml")

    assert all(series.empty for series in theirs(parse_prices, content).values())
    with pytest.raises(NotYetPublishedError):
        price_document_read(content, area=FR)


def test_it_reads_the_document_of_another_zone_and_ours_refuses_it() -> None:
    content = fixture("a44_pt15m_a03_gaps.xml")

    assert len(theirs(parse_prices, content)["15min"]) == 96
    with pytest.raises(DocumentError):
        price_document_read(content, area="10YES-REE------0")
