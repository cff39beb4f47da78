"""The reader of day-ahead price documents, against hand-made documents of the real shape."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.markets.feeds.entsoe import (
    DocumentError,
    NotYetPublishedError,
    price_document_read,
    quarter_hours,
)

FIXTURES = Path(__file__).parent / "fixtures"
FR = "10YFR-RTE------C"
QUARTER = timedelta(minutes=15)


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def document(
    points: str,
    *,
    resolution: str = "PT60M",
    curve: str = "A03",
    start: str = "2026-03-10T23:00Z",
    end: str = "2026-03-11T03:00Z",
    extra: str = "",
    currency: str = "EUR",
    area: str = FR,
) -> bytes:
    return f"""<Publication_MarketDocument xmlns="urn:x:publicationdocument:7:9">
<mRID>m</mRID><revisionNumber>1</revisionNumber>
<createdDateTime>2026-03-10T12:55:00Z</createdDateTime>
<TimeSeries><in_Domain.mRID>{area}</in_Domain.mRID><out_Domain.mRID>{area}</out_Domain.mRID>
<currency_Unit.name>{currency}</currency_Unit.name>
<price_Measure_Unit.name>MWH</price_Measure_Unit.name>{extra}
<curveType>{curve}</curveType>
<Period><timeInterval><start>{start}</start><end>{end}</end></timeInterval>
<resolution>{resolution}</resolution>{points}</Period></TimeSeries>
</Publication_MarketDocument>""".encode()


def point(position: int | str, amount: str) -> str:
    return f"<Point><position>{position}</position><price.amount>{amount}</price.amount></Point>"


def test_a03_gaps_in_the_middle_and_at_the_end_are_filled() -> None:
    with (FIXTURES / "a44_pt15m_a03_gaps.expected.csv").open() as file:
        expected = [
            (datetime.fromisoformat(row["start_utc"]), Decimal(row["price_eur_mwh"]))
            for row in csv.DictReader(file)
        ]

    read = price_document_read(fixture("a44_pt15m_a03_gaps.xml"), area=FR)

    assert len(expected) == 96
    assert [(p.start, p.price_eur_per_mwh) for p in read.prices] == expected
    assert min(p.price_eur_per_mwh for p in read.prices) < 0
    assert read.created_at == datetime(2026, 3, 10, 12, 55, tzinfo=UTC)
    assert (read.document_id, read.revision) == ("cariflex-synthetic-0001", 1)


@pytest.mark.parametrize(
    ("name", "slots", "start", "end"),
    [
        ("a44_dst_spring_92.xml", 92, "2026-03-28T23:00", "2026-03-29T22:00"),
        ("a44_dst_autumn_100.xml", 100, "2026-10-24T22:00", "2026-10-25T23:00"),
    ],
)
def test_days_of_23_and_25_hours_have_92_and_100_slots(
    name: str, slots: int, start: str, end: str
) -> None:
    read = price_document_read(fixture(name), area=FR)

    assert len(read.prices) == slots
    assert read.start == datetime.fromisoformat(start + "Z")
    assert read.end == datetime.fromisoformat(end + "Z")
    starts = [p.start for p in read.prices]
    assert starts == [read.start + n * QUARTER for n in range(slots)]


def test_lowest_classification_sequence_wins() -> None:
    read = price_document_read(fixture("a44_two_sequences.xml"), area=FR)

    assert [p.price_eur_per_mwh for p in read.prices] == [Decimal(n) for n in range(100, 124)]


def test_hourly_prices_become_four_quarter_hours() -> None:
    read = price_document_read(fixture("a44_two_sequences.xml"), area=FR)

    quarters = list(quarter_hours(read.prices))

    assert len(quarters) == 96
    assert [price for _, price in quarters[:8]] == [Decimal(100)] * 4 + [Decimal(101)] * 4
    assert quarters[5][0] == read.start + 5 * QUARTER


def test_half_hourly_prices_become_two_quarter_hours() -> None:
    content = document(
        point(1, "10") + point(2, "-3.5"), resolution="PT30M", end="2026-03-11T00:00Z"
    )

    quarters = list(quarter_hours(price_document_read(content, area=FR).prices))

    assert [price for _, price in quarters] == [
        Decimal(10), Decimal(10), Decimal("-3.5"), Decimal("-3.5"),
    ]  # fmt: skip


def test_nothing_published_yet_is_no_document_error() -> None:
    with pytest.raises(NotYetPublishedError) as caught:
        price_document_read(fixture("ack_999_no_data.xml"), area=FR)

    assert caught.value.reason.startswith("No matching data found")
    assert caught.value.code == "entsoe.not_published"


def test_another_acknowledgement_names_its_reason() -> None:
    content = fixture("ack_999_no_data.xml").replace(b"999", b"401")

    with pytest.raises(DocumentError, match="request refused: 401 No matching data"):
        price_document_read(content, area=FR)


def test_namespaces_do_not_matter_but_local_names_do() -> None:
    content = fixture("a44_pt15m_a03_gaps.xml").replace(b"publicationdocument:7:3", b"other:1:0")

    assert len(price_document_read(content, area=FR).prices) == 96


def test_intraday_series_are_left_out() -> None:
    intraday = "<contract_MarketAgreement.type>A07</contract_MarketAgreement.type>"

    with pytest.raises(DocumentError, match="no day-ahead price series"):
        price_document_read(document(point(1, "1"), extra=intraday), area=FR)


def test_later_sequence_fills_what_the_first_does_not_cover() -> None:
    first = document(
        point(1, "1"), end="2026-03-11T01:00Z",
        extra="<classificationSequence_AttributeInstanceComponent.position>1"
        "</classificationSequence_AttributeInstanceComponent.position>",
    )  # fmt: skip
    second = document(
        point(1, "2"),
        extra="<classificationSequence_AttributeInstanceComponent.position>2"
        "</classificationSequence_AttributeInstanceComponent.position>",
    )
    series = second[second.index(b"<TimeSeries>") : second.index(b"</Publication")]
    both = first.replace(
        b"</Publication_MarketDocument>", series + b"</Publication_MarketDocument>"
    )

    read = price_document_read(both, area=FR)

    assert [p.price_eur_per_mwh for p in read.prices] == [Decimal(n) for n in (1, 1, 2, 2)]


BROKEN = {
    "not xml": (b"<a", "document", "not well-formed"),
    "empty": (b"", "document", "not well-formed"),
    "zip": (b"PK\x03\x04rest", "document", "ZIP archive"),
    "other root": (b"<GL_MarketDocument/>", "GL_MarketDocument", "neither a price publication"),
    "no series": (
        b"<Publication_MarketDocument><createdDateTime>2026-03-10T12:55:00Z</createdDateTime>"
        b"</Publication_MarketDocument>", "Publication_MarketDocument/TimeSeries",
        "no day-ahead price series",
    ),
    "doctype": (
        b'<!DOCTYPE a [<!ENTITY x "1">]>' + document(point(1, "&x;")), "DOCTYPE", "not accepted",
    ),
    "a01 with a gap": (
        document(point(1, "1") + point(3, "1") + point(4, "1"), curve="A01"), "Period/Point",
        "position 2 is missing",
    ),
    "a03 without the first": (document(point(2, "1")), "Period/Point", "position 1 is missing"),
    "position twice": (
        document(point(1, "1") + point(1, "2")), "Point/position", "1 is given twice",
    ),
    "position beyond": (
        document(point(1, "1") + point(5, "2")), "Point/position", "between 1 and 4",
    ),
    "position no number": (document(point("x", "1")), "Point/position", "between 1 and 4"),
    "price no number": (document(point(1, "1,5")), "Point/price.amount", "not a decimal number"),
    "price in exponent": (document(point(1, "1e400")), "Point/price.amount", "not a decimal"),
    "price NaN": (document(point(1, "NaN")), "Point/price.amount", "not a decimal number"),
    "price absurd": (document(point(1, "100000")), "Point/price.amount", "beyond 99999"),
    "price missing": (
        document("<Point><position>1</position></Point>"), "Point/price.amount", "missing or empty",
    ),
    "resolution": (
        document(point(1, "1"), resolution="P1D"), "Period/resolution", "'P1D' is not one of",
    ),
    "period backwards": (
        document(point(1, "1"), end="2026-03-10T20:00Z"), "Period/timeInterval", "is not a period",
    ),
    "period of ten years": (
        document(point(1, "1"), end="2036-03-10T23:00Z"), "Period/timeInterval", "is not a period",
    ),
    "period of a part": (
        document(point(1, "1"), end="2026-03-11T00:30Z"), "Period/timeInterval", "whole number",
    ),
    "local time": (
        document(point(1, "1"), start="2026-03-10T23:00+01:00"), "timeInterval/start",
        "not a UTC instant",
    ),
    "no such day": (
        document(point(1, "1"), start="2026-02-30T23:00Z"), "timeInterval/start",
        "not an existing instant",
    ),
    "currency": (
        document(point(1, "1"), currency="GBP"), "TimeSeries/currency_Unit.name", "expected 'EUR'",
    ),
    "curve type": (document(point(1, "1"), curve="A05"), "TimeSeries/curveType", "A01, A03"),
    "other area": (
        document(point(1, "1"), area="10YES-REE------0"), "TimeSeries/in_Domain.mRID",
        "is '10YES-REE------0'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_document_names_element_and_rule(case: str) -> None:
    content, element, rule = BROKEN[case]

    with pytest.raises(DocumentError) as caught:
        price_document_read(content, area=FR)

    assert caught.value.element == element
    assert rule in caught.value.rule


def test_two_prices_for_one_slot_in_one_sequence_are_refused() -> None:
    one = document(point(1, "1"))
    series = one[one.index(b"<TimeSeries>") : one.index(b"</Publication")]
    other = series.replace(b"<price.amount>1<", b"<price.amount>2<")
    both = one.replace(b"</Publication_MarketDocument>", other + b"</Publication_MarketDocument>")

    with pytest.raises(DocumentError, match="two prices in sequence 1"):
        price_document_read(both, area=FR)


def test_entities_of_the_network_are_never_asked_for(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("42")
    content = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'.encode() + document(
        point(1, "&x;")
    )

    with pytest.raises(DocumentError) as caught:
        price_document_read(content, area=FR)

    assert caught.value.element == "DOCTYPE"


@given(st.dictionaries(st.integers(2, 96), st.integers(-50_000, 400_000), max_size=95))
def test_a03_repeats_the_last_stated_price(stated: dict[int, int]) -> None:
    stated = {1: 0, **stated}
    content = document(
        "".join(point(n, str(Decimal(stated[n]).scaleb(-2))) for n in sorted(stated)),
        resolution="PT15M",
        end="2026-03-11T23:00Z",
    )

    read = price_document_read(content, area=FR)

    assert len(read.prices) == 96
    for position, price in enumerate(read.prices, start=1):
        last = max(n for n in stated if n <= position)
        assert price.price_eur_per_mwh == Decimal(stated[last]).scaleb(-2)
