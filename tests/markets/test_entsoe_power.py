"""The readers of generation and load documents, against hand-made documents of the real shape."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.markets.feeds.entsoe import (
    Direction,
    DocumentError,
    NotYetPublishedError,
    PowerDocument,
    Process,
    Quality,
    generation_document_read,
    load_document_read,
    wind_solar_document_read,
)

FIXTURES = Path(__file__).parent / "fixtures"
FR = "10YFR-RTE------C"
ES = "10YES-REE------0"
START = datetime(2026, 3, 10, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
READERS: dict[str, Callable[..., PowerDocument]] = {
    "A75": generation_document_read,
    "A65": load_document_read,
    "A69": wind_solar_document_read,
}


def point(position: int | str, quantity: float | str) -> str:
    return f"<Point><position>{position}</position><quantity>{quantity}</quantity></Point>"


def points(*quantities: float | str) -> str:
    return "".join(point(n, quantity) for n, quantity in enumerate(quantities, start=1))


def period(
    inside: str,
    *,
    start: datetime = START,
    end: datetime = START + 3 * HOUR,
    resolution: str = "PT60M",
) -> str:
    return f"""<Period><timeInterval><start>{start:%Y-%m-%dT%H:%MZ}</start>
<end>{end:%Y-%m-%dT%H:%MZ}</end></timeInterval>
<resolution>{resolution}</resolution>{inside}</Period>"""


def series(
    inside: str,
    *,
    psr_type: str | None = "B16",
    domain: str = "in",
    area: str = FR,
    unit: str = "MAW",
    curve: str = "A03",
) -> str:
    name = f"{domain}BiddingZone_Domain.mRID"
    psr = f"<MktPSRType><psrType>{psr_type}</psrType></MktPSRType>" if psr_type else ""
    return f"""<TimeSeries><{name}>{area}</{name}>
<quantity_Measure_Unit.name>{unit}</quantity_Measure_Unit.name>
<curveType>{curve}</curveType>{psr}{inside}</TimeSeries>"""


def document(*inside: str, kind: str = "A75", process: str = "A16", revision: int = 1) -> bytes:
    return f"""<GL_MarketDocument xmlns="urn:x:generationloaddocument:3:9">
<mRID>m</mRID><revisionNumber>{revision}</revisionNumber><type>{kind}</type>
<process.processType>{process}</process.processType>
<createdDateTime>2026-03-11T04:00:00Z</createdDateTime>{"".join(inside)}
</GL_MarketDocument>""".encode()


def test_mix_fills_a03_gaps_and_keeps_storage_consumption_apart() -> None:
    read = generation_document_read((FIXTURES / "a75_mix.xml").read_bytes(), area=FR)

    assert {s.psr_type: s.power_mw for s in read.generation} == {
        "B06": (100.0, 100.0, 60.0),
        "B10": (50.0, 0.0, 0.0),
        "B14": (200.0, 220.0, 240.0),
        "B16": (0.0, 0.0, 0.0),
    }
    assert [(s.psr_type, s.power_mw) for s in read.consumption] == [("B10", (0.0, 40.0, 40.0))]
    assert {(s.area, s.start, s.end, s.resolution, s.quality) for s in read.series} == {
        (FR, START, START + 3 * HOUR, HOUR, Quality.ACTUAL)
    }
    assert (read.document_id, read.revision) == ("cariflex-synthetic-0001", 1)
    assert (read.document_type, read.process) == ("A75", Process.REALISED)
    assert read.created_at == datetime(2026, 3, 11, 4, tzinfo=UTC)


def test_negative_generation_stays_negative() -> None:
    read = generation_document_read(document(series(period(points("-0.4", 0, 3)))), area=FR)

    assert read.generation[0].power_mw == (-0.4, 0.0, 3.0)


@pytest.mark.parametrize(
    ("process", "quality"), [("A16", Quality.ACTUAL), ("A01", Quality.FORECAST)]
)
def test_load_is_consumption_without_a_type(process: str, quality: Quality) -> None:
    content = document(
        series(period(points(3031, 3152, "3069.5")), psr_type=None, domain="out", curve="A01"),
        kind="A65",
        process=process,
    )

    read = load_document_read(content, area=FR)

    assert read.generation == ()
    (load,) = read.consumption
    assert load.power_mw == (3031.0, 3152.0, 3069.5)
    assert (load.psr_type, load.direction) == (None, Direction.CONSUMPTION)
    assert load.quality == read.quality == quality


@pytest.mark.parametrize("process", ["A01", "A18", "A40"])
def test_wind_and_solar_are_forecast(process: str) -> None:
    content = document(
        series(period(points(1, 2, 3)), psr_type="B19"),
        series(period(points(0, 5, 9)), psr_type="B16"),
        kind="A69",
        process=process,
    )

    read = wind_solar_document_read(content, area=FR)

    assert [(s.psr_type, s.power_mw) for s in read.generation] == [
        ("B16", (0.0, 5.0, 9.0)),
        ("B19", (1.0, 2.0, 3.0)),
    ]
    assert read.quality is Quality.FORECAST
    assert read.process == Process(process)


def test_hourly_power_becomes_four_quarter_hours() -> None:
    read = generation_document_read(document(series(period(points(1, 2, 3)))), area=FR)

    quarters = list(read.generation[0].quarter_hours())

    assert len(quarters) == 12
    assert quarters[3:5] == [(START + 3 * QUARTER, 1.0), (START + 4 * QUARTER, 2.0)]


def test_days_of_one_type_are_joined_and_a_gap_parts_them() -> None:
    """Three periods of an hour each: two touch, the third starts an hour after them."""
    first = period(points(1), end=START + HOUR)
    second = period(points(2), start=START + HOUR, end=START + 2 * HOUR)
    third = period(points(4), start=START + 3 * HOUR, end=START + 4 * HOUR)

    read = generation_document_read(document(series(third), series(second + first)), area=FR)

    assert [(s.start, s.power_mw) for s in read.generation] == [
        (START, (1.0, 2.0)),
        (START + 3 * HOUR, (4.0,)),
    ]


def test_change_of_resolution_starts_a_new_series() -> None:
    hourly = period(points(8), end=START + HOUR)
    quarterly = period(
        points(1, 2, 3, 4), start=START + HOUR, end=START + 2 * HOUR, resolution="PT15M"
    )

    read = generation_document_read(document(series(hourly + quarterly)), area=FR)

    assert [(s.resolution, s.power_mw) for s in read.generation] == [
        (HOUR, (8.0,)),
        (QUARTER, (1.0, 2.0, 3.0, 4.0)),
    ]


def test_overlapping_periods_that_agree_are_joined() -> None:
    """Slots 1 2 3 and slots 2 3 4 agree about 2 and 3: together 1 2 3 4."""
    later = period(points(2, 3, 4), start=START + HOUR, end=START + 4 * HOUR)

    read = generation_document_read(document(series(period(points(1, 2, 3)) + later)), area=FR)

    assert [s.power_mw for s in read.generation] == [(1.0, 2.0, 3.0, 4.0)]


def test_nothing_published_yet_is_no_document_error() -> None:
    with pytest.raises(NotYetPublishedError):
        load_document_read((FIXTURES / "ack_999_no_data.xml").read_bytes(), area=FR)


GOOD = period(points(1, 2, 3))
LATER = period(points(9, 9, 9), start=START + HOUR, end=START + 4 * HOUR)
BROKEN = {
    "price document": (b"<Publication_MarketDocument/>", "Publication_MarketDocument",
        "neither a generation per type document nor"),
    "other type": (document(series(GOOD), kind="A65"), "GL_MarketDocument/type",
        "is 'A65', expected 'A75'"),
    "other process": (document(series(GOOD), process="A01"),
        "GL_MarketDocument/process.processType", "'A01' is not one of A16"),
    "no series": (document(), "GL_MarketDocument/TimeSeries", "no generation per type series"),
    "unit": (document(series(GOOD, unit="KWT")), "TimeSeries/quantity_Measure_Unit.name",
        "is 'KWT', expected 'MAW'"),
    "curve type": (document(series(GOOD, curve="A02")), "TimeSeries/curveType", "A01, A03"),
    "other area": (document(series(GOOD, area=ES)), "TimeSeries/inBiddingZone_Domain.mRID",
        "is '10YES-REE------0'"),
    "no domain": (document(series(GOOD, domain="x")), "TimeSeries/Domain.mRID", "no domain"),
    "no production type": (document(series(GOOD, psr_type=None)), "TimeSeries/MktPSRType",
        "is missing"),
    "production type": (document(series(GOOD, psr_type="A04")), "MktPSRType/psrType",
        "'A04' is not a production type"),
    "a01 with a gap": (
        document(series(period(point(1, 1) + point(3, 1)), curve="A01")), "Period/Point",
        "position 2 is missing (curve type A01)"),
    "a03 without the first": (document(series(period(point(2, 1)))), "Period/Point",
        "position 1 is missing"),
    "no point": (document(series(period(""))), "Period/Point", "position 1 is missing"),
    "position twice": (document(series(period(point(1, 1) + point(1, 1)))), "Point/position",
        "1 is given twice"),
    "position beyond": (document(series(period(points(1, 2, 3, 4)))), "Point/position",
        "'4' is not a position between 1 and 3"),
    "position zero": (document(series(period(point(0, 1)))), "Point/position", "between 1 and 3"),
    "position in Arabic digits": (document(series(period(point("\u0661", 1)))), "Point/position",
        "between 1 and 3"),
    "position missing": (document(series(period("<Point><quantity>1</quantity></Point>"))),
        "Point/position", "missing or empty"),
    "quantity missing": (document(series(period("<Point><position>1</position></Point>"))),
        "Point/quantity", "missing or empty"),
    "quantity empty": (document(series(period(point(1, "")))), "Point/quantity", "missing or"),
    "quantity no number": (document(series(period(point(1, "1,5")))), "Point/quantity",
        "'1,5' is not a decimal number"),
    "quantity NaN": (document(series(period(point(1, "NaN")))), "Point/quantity", "not a decimal"),
    "quantity in exponent": (document(series(period(point(1, "1e3")))), "Point/quantity",
        "not a decimal"),
    "two numbers in one": (document(series(period(point(1, "1 2")))), "Point/quantity",
        "'1 2' is not a decimal number"),
    "quantity absurd": (document(series(period(point(1, "1000001")))), "Point/quantity",
        "1000001 MW is beyond 1000000"),
    "resolution": (document(series(period(points(1), resolution="P1D"))), "Period/resolution",
        "'P1D' is not one of"),
    "two values": (document(series(GOOD), series(LATER)), "Period/Point",
        "2026-03-11T00:00Z has two values (2 and 9 MW)"),
    "two resolutions": (
        document(series(GOOD), series(period(points(1), start=START + HOUR, end=START + 2 * HOUR,
            resolution="PT15M"))),
        "Period/resolution", "2026-03-11T00:00Z is stated in two resolutions"),
    "slots that straddle": (
        document(series(GOOD), series(period(points(1), start=START + 2 * QUARTER,
            end=START + HOUR + 2 * QUARTER))),
        "Period/timeInterval", "2026-03-10T23:30Z covers a slot of another period only in part"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_document_names_element_and_rule(case: str) -> None:
    content, element, rule = BROKEN[case]

    with pytest.raises(DocumentError) as caught:
        generation_document_read(content, area=FR)

    assert caught.value.element == element
    assert rule in caught.value.rule


def test_element_comes_with_its_line() -> None:
    content = document(series(period(points(1, "x"))))
    line = content[: content.index(b"<position>2<")].count(b"\n") + 1

    with pytest.raises(DocumentError, match=rf"Point/quantity \(line {line}\): 'x' is not"):
        generation_document_read(content, area=FR)


@pytest.mark.parametrize(
    ("kind", "process", "inside", "element"),
    [
        ("A65", "A01", series(GOOD, psr_type=None), "TimeSeries/Domain.mRID"),
        ("A65", "A40", series(GOOD, psr_type=None, domain="out"), "process.processType"),
        ("A69", "A01", series(GOOD, domain="out"), "TimeSeries/Domain.mRID"),
        ("A69", "A01", series(GOOD, psr_type="B14"), "MktPSRType/psrType"),
        ("A69", "A16", series(GOOD), "process.processType"),
    ],
)
def test_what_a_document_type_does_not_hold_is_refused(
    kind: str, process: str, inside: str, element: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        READERS[kind](document(inside, kind=kind, process=process), area=FR)

    assert caught.value.element.endswith(element)


@given(
    st.dictionaries(st.integers(2, 96), st.integers(-50_000, 9_000_000), max_size=95),
    st.booleans(),
)
def test_a03_repeats_the_last_stated_power_in_any_order_and_spelling(
    stated: dict[int, int], spaced: bool
) -> None:
    """With spaces around the numbers each point is read by itself, without them all at once."""
    stated = {**stated, 1: 0}
    gap = " " if spaced else ""
    inside = "".join(point(f"{gap}{n}", f"{mw / 100:.2f}{gap}") for n, mw in stated.items())
    whole_day = period(inside, end=START + 96 * QUARTER, resolution="PT15M")

    read = generation_document_read(document(series(whole_day)), area=FR)

    expected = [stated[max(n for n in stated if n <= slot)] / 100 for slot in range(1, 97)]
    assert list(read.generation[0].power_mw) == expected
