"""The reader of day-ahead files: hand-made rows, every fault with its line, column and rule."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.markets.feeds.day_ahead import PublishedPrice, local_day_slots
from apps.markets.feeds.epex import ColumnMap, epex_csv_read, epex_xml_read
from apps.markets.feeds.epex_slots import Fault, FileError

PARIS = ZoneInfo("Europe/Paris")
QUARTER = timedelta(minutes=15)
ORDINARY, SPRING, AUTUMN = date(2026, 3, 10), date(2026, 3, 29), date(2026, 10, 25)
BY_TIME = ColumnMap(date="Date", time="Heure", price="Prix")
BY_NUMBER = ColumnMap(date="Date", slot_number="Q", price="Prix")


def price_text(number: int) -> str:
    """Slot 1 costs -4,5 EUR/MWh, each slot one more."""
    return f"{number - 6},5" if number >= 6 else f"-{5 - number},5"


def price_of(number: int) -> Decimal:
    return Decimal(price_text(number).replace(",", "."))


def lines_by_time(day: date) -> list[str]:
    slots = local_day_slots(day, PARIS, QUARTER)
    return [
        f"{start.astimezone(PARIS):%d/%m/%Y;%H:%M};{price_text(number)}"
        for number, start in enumerate(slots, start=1)
    ]


def lines_by_number(day: date) -> list[str]:
    count = len(local_day_slots(day, PARIS, QUARTER))
    return [f"{day:%d/%m/%Y};{number};{price_text(number)}" for number in range(1, count + 1)]


def by_time(lines: list[str]) -> bytes:
    return "\n".join(["Date;Heure;Prix", *lines]).encode()


def by_number(lines: list[str]) -> bytes:
    return "\r\n".join(["Date;Q;Prix", *lines, ""]).encode()


def expected(day: date) -> tuple[PublishedPrice, ...]:
    slots = local_day_slots(day, PARIS, QUARTER)
    return tuple(PublishedPrice(s, QUARTER, price_of(n)) for n, s in enumerate(slots, start=1))


def gapless(faults: tuple[Fault, ...]) -> list[Fault]:
    return [fault for fault in faults if "has no row" not in fault.rule]


@pytest.mark.parametrize(("day", "count"), [(ORDINARY, 96), (SPRING, 92), (AUTUMN, 100)])
@pytest.mark.parametrize(
    ("lines", "file", "columns"),
    [(lines_by_time, by_time, BY_TIME), (lines_by_number, by_number, BY_NUMBER)],
)
def test_a_local_day_has_92_96_or_100_slots(
    day: date,
    count: int,
    lines: Callable[[date], list[str]],
    file: Callable[[list[str]], bytes],
    columns: ColumnMap,
) -> None:
    read = epex_csv_read(file(lines(day)), columns=columns)

    assert read.faults == ()
    assert len(read.prices) == count
    assert read.prices == expected(day)
    assert read.prices[0].price_eur_per_mwh == Decimal("-4.5")


def test_the_repeated_autumn_hour_goes_by_order() -> None:
    # 02:00 is slot 9 (00:00Z, summer time) and slot 13 (01:00Z).
    forwards = lines_by_time(AUTUMN)
    pairs = sorted(forwards, key=lambda line: line[:16])

    for lines in (forwards, forwards[::-1], pairs):
        read = epex_csv_read(by_time(lines), columns=BY_TIME)
        assert (read.faults, read.prices) == ((), expected(AUTUMN))


def test_half_of_a_repeated_hour_is_reported_and_not_guessed() -> None:
    lines = lines_by_time(AUTUMN)
    del lines[12]

    read = epex_csv_read(by_time(lines), columns=BY_TIME)

    # Slot 9 stays on line 10; its twin is gone.
    rule = "2026-10-25 02:00 occurs twice that day, the file has it 1 times"
    assert read.faults == (Fault(10, "Heure", rule),)
    assert len(read.prices) == 98


def test_the_spring_hour_does_not_exist() -> None:
    lines = [*lines_by_time(SPRING), "29/03/2026;02:15;7"]

    read = epex_csv_read(by_time(lines), columns=BY_TIME)

    rule = "2026-03-29 02:15 does not exist in Europe/Paris"
    assert read.faults == (Fault(94, "Heure", rule),)
    assert read.prices == expected(SPRING)


def test_a_missing_slot_is_named_beside_the_95_good_ones() -> None:
    lines = lines_by_time(ORDINARY)
    del lines[36]

    read = epex_csv_read(by_time(lines), columns=BY_TIME)

    # Slot 36 (08:45) is on line 37; slot 37 starts 36 quarters after midnight, at 09:00.
    rule = "slot 37 of 2026-03-10 (09:00 +0100) has no row: 95 of 96 slots"
    assert read.faults == (Fault(37, "Heure", rule),)
    assert read.prices == expected(ORDINARY)[:36] + expected(ORDINARY)[37:]


def test_a_slot_with_two_prices_has_none() -> None:
    lines = [*lines_by_number(ORDINARY), "10/03/2026;5;99,0", "10/03/2026;6;0,5"]

    read = epex_csv_read(by_number(lines), columns=BY_NUMBER)

    # Slot 6 costs 0,5 both times and stays; slot 5 is dropped.
    assert read.faults == (
        Fault(98, "Q", "slot 2026-03-10 01:00 +0100 is given twice, first on line 6"),
        Fault(99, "Q", "slot 2026-03-10 01:15 +0100 is given twice, first on line 7"),
    )
    assert read.prices == expected(ORDINARY)[:4] + expected(ORDINARY)[5:]


def test_bad_rows_come_by_line_with_all_their_faults() -> None:
    lines = lines_by_time(ORDINARY)
    lines[0] = "10/03/2026;00:00;n/a"
    lines[1] = "10/13/2026;00:15;x"
    lines[2] = "10/03/2026;00:31;1"
    lines[3] = "10/03/2026;00:45"
    lines[4] = "10/03/2026;;1"

    read = epex_csv_read(by_time(lines), columns=BY_TIME)

    number = "is not a number with decimal mark ','"
    assert gapless(read.faults) == [
        Fault(2, "Prix", f"'n/a' {number}"),
        Fault(3, "Date", "'10/13/2026' does not read as %d/%m/%Y"),
        Fault(3, "Prix", f"'x' {number}"),
        Fault(4, "Heure", "00:31:00 is not the start of a slot"),
        Fault(5, "Prix", "is missing or empty"),
        Fault(6, "Heure", "is missing or empty"),
    ]
    assert read.prices == expected(ORDINARY)[5:]


@pytest.mark.parametrize("day", ["31/12/9999", "01/01/0001", "01/01/1900"])
def test_a_day_of_another_age_is_refused(day: str) -> None:
    read = epex_csv_read(by_time([f"{day};00:00;1"]), columns=BY_TIME)

    rule = f"'{day}' is not between 1990 and 2100"
    assert (read.prices, read.faults) == ((), (Fault(2, "Date", rule),))


def test_gaps_come_in_the_order_of_the_day() -> None:
    read = epex_csv_read(by_number(["10/03/2026;1;1"]), columns=BY_NUMBER)

    assert [fault.rule.split()[1] for fault in read.faults] == [str(n) for n in range(2, 97)]


@pytest.mark.parametrize("number", ["0", "97", "1.5", "-1", "x"])
def test_a_slot_number_is_one_of_the_day(number: str) -> None:
    read = epex_csv_read(by_number([f"10/03/2026;{number};1"]), columns=BY_NUMBER)

    rule = f"'{number}' is not a slot number between 1 and 96"
    assert (read.prices, read.faults) == ((), (Fault(2, "Q", rule),))


def one_price(said: str, columns: ColumnMap) -> tuple[Decimal | None, list[Fault]]:
    content = f"Date|Q|{columns.price}\n10/03/2026|1|{said}".encode()
    read = epex_csv_read(content, columns=columns)
    price = read.prices[0].price_eur_per_mwh if read.prices else None
    return price, gapless(read.faults)


@pytest.mark.parametrize(
    ("said", "decimal", "thousands", "unit", "price"),
    [
        ("-12,34", ",", "", "EUR/MWh", "-12.34"),
        ("1.234,5", ",", ".", "€/MWh", "1234.5"),
        ("1234,5", ",", ".", "EUR/MWh", "1234.5"),
        ("1,234.5", ".", ",", "EUR / MWh", "1234.5"),
        ("1\u202f234,5", ",", " ", "EUR/MWh", "1234.5"),
        ("\u22125", ",", "", "EUR/MWh", "-5"),
        ("0.08", ".", "", "EUR/kWh", "80.00"),
        ("8,5", ",", "", "ct/kWh", "85.0"),
    ],
)
def test_numbers_are_read_by_the_marks_and_unit_of_the_map(
    said: str, decimal: str, thousands: str, unit: str, price: str
) -> None:
    columns = ColumnMap(
        date="Date", slot_number="Q", price="Prix", delimiter="|",
        decimal_mark=decimal, thousands_mark=thousands, unit=unit,
    )  # fmt: skip

    assert one_price(said, columns) == (Decimal(price), [])


@pytest.mark.parametrize(
    ("said", "thousands"),
    [("1.5", ""), ("1.5", "."), ("1.2345,0", "."), ("1,5,0", ""), ("NaN", ""), ("1e3", "")],
)
def test_a_number_of_another_notation_is_refused(said: str, thousands: str) -> None:
    columns = ColumnMap(
        date="Date", slot_number="Q", price="Prix", delimiter="|", thousands_mark=thousands
    )

    price, faults = one_price(said, columns)

    assert price is None
    assert faults == [Fault(2, "Prix", f"'{said}' is not a number with decimal mark ','")]


def test_a_price_beyond_every_limit_is_refused() -> None:
    columns = ColumnMap(date="Date", slot_number="Q", price="Prix", delimiter="|", unit="EUR/kWh")

    _, faults = one_price("100", columns)

    assert faults == [Fault(2, "Prix", "100000 EUR/MWh is beyond 99999")]


def test_a_row_in_another_unit_is_refused() -> None:
    columns = ColumnMap(date="Date", slot_number="Q", price="Prix", unit_column="Unit")
    content = b"Date;Q;Prix;Unit\n10/03/2026;1;1;EUR/MWh\n10/03/2026;2;1;GBP/MWh\n"

    read = epex_csv_read(content, columns=columns)

    assert len(read.prices) == 1
    assert gapless(read.faults) == [Fault(3, "Unit", "is 'GBP/MWh', the map says eur/mwh")]


def test_a_header_in_another_unit_refuses_the_file() -> None:
    columns = ColumnMap(date="Date", slot_number="Q", price="Prix (€/kWh)", delimiter="|")

    with pytest.raises(FileError, match="states €/kWh, the map says EUR/MWh"):
        one_price("1", columns)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_utf_8_with_or_without_mark_and_latin_1(encoding: str) -> None:
    columns = ColumnMap(date="Journée", slot_number="Q", price="Prix (€/MWh)", header_line=3)
    text = "Marché spot\n\nJournée;Q;Prix (€/MWh)\n10/03/2026;1;42,0\n"

    read = epex_csv_read(text.encode(encoding), columns=columns)

    assert [slot.price_eur_per_mwh for slot in read.prices] == [Decimal("42.0")]


def test_ranges_and_stamps_with_an_offset() -> None:
    ranges = by_time(["10/03/2026;00:00 - 00:15;1"])
    stamped = ColumnMap(date_time="at", price="p", date_time_format="%Y-%m-%dT%H:%M%z")

    by_range = epex_csv_read(ranges, columns=BY_TIME)
    by_offset = epex_csv_read(b"at;p\n2026-10-25T02:00+01:00;1\n", columns=stamped)

    assert by_range.prices[0].start == datetime(2026, 3, 9, 23, tzinfo=UTC)
    assert by_offset.prices[0].start == datetime(2026, 10, 25, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "column", "rule"),
    [
        (b"", "header", "no header line"),
        (b"Date;Prix\n", "Heure", "is not among"),
        (b"Date;Heure;Prix;Prix\n", "Prix", "is named twice"),
        ("Date;Heure;Prix".encode("utf-16"), "file", "UTF-16 or binary"),
    ],
)
def test_a_file_that_the_map_does_not_fit_is_refused(
    content: bytes, column: str, rule: str
) -> None:
    with pytest.raises(FileError, match=rule) as refused:
        epex_csv_read(content, columns=BY_TIME)

    assert refused.value.column == column


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"time": None}, "date"),
        ({"slot_number": "Q"}, "date"),
        ({"date_time": "at"}, "date"),
        ({"unit": "GBP/MWh"}, "unit"),
        ({"resolution": timedelta(minutes=20)}, "resolution"),
        ({"decimal_mark": ";"}, "decimal_mark"),
        ({"thousands_mark": ","}, "thousands_mark"),
        ({"thousands_mark": "_"}, "thousands_mark"),
        ({"delimiter": ";;"}, "delimiter"),
        ({"time_zone": "Europe/Paname"}, "time_zone"),
    ],
)
def test_a_map_that_contradicts_itself_is_refused(changes: dict, column: str) -> None:
    with pytest.raises(FileError) as refused:
        ColumnMap(**{"date": "Date", "time": "Heure", "price": "Prix", **changes})

    assert refused.value.column == column


def test_xml_rows_take_the_day_of_the_element_around_them() -> None:
    columns = ColumnMap(
        date="day", slot_number="n", price="price", date_format="%Y-%m-%d", decimal_mark="."
    )
    content = b"""<f xmlns="urn:x"><Day day="2026-10-25">
<Slot n="9"><price>1.5</price></Slot>
<Slot n="13"><price>-2</price></Slot>
<Slot n="101"><price>x</price></Slot>
</Day></f>"""

    read = epex_xml_read(content, columns=columns, row_element="Slot")

    # Slot 9 is 02:00 summer time, slot 13 the 02:00 an hour later.
    assert read.prices == (
        PublishedPrice(datetime(2026, 10, 25, 0, tzinfo=UTC), QUARTER, Decimal("1.5")),
        PublishedPrice(datetime(2026, 10, 25, 1, tzinfo=UTC), QUARTER, Decimal(-2)),
    )
    assert gapless(read.faults) == [
        Fault(4, "n", "'101' is not a slot number between 1 and 100"),
        Fault(4, "price", "'x' is not a number with decimal mark '.'"),
    ]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "is not well-formed XML"),
        (b"<a><b></a>", "is not well-formed XML"),
        (b'<!DOCTYPE a [<!ENTITY e "1">]><a/>', "document type declaration"),
        (b"<a/>", "no element has this name"),
    ],
)
def test_xml_without_rows_is_refused(content: bytes, rule: str) -> None:
    with pytest.raises(FileError, match=rule):
        epex_xml_read(content, columns=BY_TIME, row_element="Slot")


@given(st.sampled_from([ORDINARY, SPRING, AUTUMN]), st.sets(st.integers(0, 91), max_size=91))
def test_good_slots_and_named_gaps_make_up_the_day(day: date, left_out: set[int]) -> None:
    lines = [line for n, line in enumerate(lines_by_number(day)) if n not in left_out]

    read = epex_csv_read(by_number(lines), columns=BY_NUMBER)

    everything = expected(day)
    assert read.prices == tuple(p for n, p in enumerate(everything) if n not in left_out)
    assert len(read.faults) == len(left_out) if lines else not read.faults
