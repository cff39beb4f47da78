"""Files uploaded by hand: what is shown is what is taken, once, and nothing before it is told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.markets.choices import Feed, FeedState, Quality, SeriesKind
from apps.markets.feeds.epex_slots import FileError
from apps.markets.models import FeedAccess, ImportedDocument, Series, SeriesValue
from apps.markets.services.uploads import (
    HELD,
    UploadChoice,
    UploadDraft,
    scales_of,
    upload_drop,
    upload_held,
    upload_hold,
    upload_read,
    upload_take,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.units import QUARTER_HOUR

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
BY = 7
COLUMNS = {"date": "Date", "time": "Time", "price": "Price"}
CHOICE = UploadChoice(
    kind=SeriesKind.PRICE, area="GP", unit="EUR/MWh", columns=COLUMNS,
    time_zone="America/Guadeloupe",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _here(operator_a: Operator, operator_b: Operator) -> Iterator[None]:
    with operator_context("guadeloupe"):
        yield


def day_file(*, day: str = "10/03/2026", hours: int = 24, first: int = 50) -> bytes:
    """Quarter hours from midnight on with prices first, first + 1, ... and a comma."""
    rows = [f"{day};{n // 4:02}:{n % 4 * 15:02};{first + n},5" for n in range(hours * 4)]
    return "\n".join(["Date;Time;Price", *rows]).encode()


def held(content: bytes, choice: UploadChoice = CHOICE) -> UploadDraft:
    key = upload_hold(name="day.csv", content=content, choice=choice, by_id=BY)
    found = upload_held(key=key, by_id=BY)
    assert found is not None
    return found


def taken(content: bytes, choice: UploadChoice = CHOICE, now: datetime = NOW) -> ImportedDocument:
    return upload_take(key=held(content, choice).key, by_id=BY, by_name="anne", now=now)


def test_a_preview_takes_nothing() -> None:
    preview = upload_read(held(day_file()))

    assert (len(preview.values), preview.faults) == (96, ())
    # Midnight in Guadeloupe is 04:00 UTC.
    assert preview.values[0].start == datetime(2026, 3, 10, 4, tzinfo=UTC)
    assert preview.values[95].value == Decimal("145.5")
    assert (preview.new, preview.changed, preview.same) == (96, 0, 0)
    assert [(day.given, day.slots, day.is_whole) for day in preview.days] == [(96, 96, True)]
    assert not Series.objects.exists()
    assert not FeedAccess.objects.exists()
    assert not ImportedDocument.objects.exists()


def test_what_was_shown_is_taken_with_its_evidence() -> None:
    content = day_file()
    preview = upload_read(held(content))

    document = taken(content)

    series = Series.objects.get()
    assert (series.kind, series.area, series.source) == ("price", "GP", Feed.UPLOAD)
    assert (series.unit, series.market_time_zone) == ("EUR/MWh", "America/Guadeloupe")
    stored = SeriesValue.objects.order_by("start").values_list("start", "value", "quality")
    assert list(stored) == [(v.start, v.value, v.quality) for v in preview.values]
    assert (bytes(document.raw), document.name, document.received_by) == (
        content, "day.csv", "anne",
    )  # fmt: skip
    assert (document.status, document.values_new, str(document.day)) == (
        "imported", 96, "2026-03-10",
    )  # fmt: skip
    access = FeedAccess.objects.get()
    assert (access.feed, access.area, access.state) == (Feed.UPLOAD, "GP", FeedState.WORKING)
    assert access.last_success_at == NOW


def test_pressed_twice_is_taken_once() -> None:
    key = held(day_file()).key

    first = upload_take(key=key, by_id=BY, by_name="anne", now=NOW)
    second = upload_take(key=key, by_id=BY, by_name="anne", now=NOW + timedelta(seconds=1))

    assert first == second
    assert second.times_received == 1
    assert SeriesValue.objects.count() == 96


def test_the_same_file_uploaded_anew_changes_nothing() -> None:
    first = taken(day_file())

    preview = upload_read(held(day_file()))
    second = taken(day_file(), now=NOW + timedelta(hours=1))

    assert (preview.new, preview.changed, preview.same) == (0, 0, 96)
    assert first == second
    assert second.times_received == 2
    assert SeriesValue.objects.count() == 96


def test_overlap_is_counted_and_the_earlier_value_stays() -> None:
    taken(day_file(hours=12))
    lines = day_file().decode().split("\n")
    lines[1] = "10/03/2026;00:00;-3,25"

    content = "\n".join(lines).encode()
    preview = upload_read(held(content))
    document = taken(content, now=NOW + timedelta(hours=1))

    # 12 h known: 48, one of them changed; 48 more are new.
    assert (preview.new, preview.changed, preview.same) == (48, 1, 47)
    assert document.values_new == 49
    first = SeriesValue.objects.filter(start=datetime(2026, 3, 10, 4, tzinfo=UTC))
    values = list(first.order_by("published_at").values_list("value", flat=True))
    assert values == [Decimal("50.5"), Decimal("-3.25")]


def test_bad_rows_are_told_by_line_and_the_others_taken() -> None:
    lines = day_file().decode().split("\n")
    lines[3] = "10/03/2026;00:30;much"
    lines[5] = "10/03/2026;01:07;5,0"

    content = "\n".join(lines).encode()
    preview = upload_read(held(content))
    document = taken(content)

    assert [(fault.line, fault.column) for fault in preview.faults] == [
        (4, "Price"), (5, "Time"), (6, "Time"),
    ]  # fmt: skip
    assert preview.new == 94
    assert (document.status, document.values_new, len(document.faults)) == ("partly", 94, 3)
    assert document.faults[0].startswith("line 4, Price: 'much' is not a number")


@pytest.mark.parametrize(
    ("day", "hours", "slots"),
    [("29/03/2026", 23, 92), ("28/03/2026", 24, 96), ("25/10/2026", 25, 100)],
)
def test_days_of_92_96_and_100_slots_are_whole(day: str, hours: int, slots: int) -> None:
    rows = [f"{day};{n + 1};1,0" for n in range(hours * 4)]
    columns = {"date": "Date", "slot_number": "Slot", "price": "Price"}
    choice = replace(CHOICE, time_zone="Europe/Paris", columns=columns)

    preview = upload_read(held("\n".join(["Date;Slot;Price", *rows]).encode(), choice))

    assert [(one.given, one.slots) for one in preview.days] == [(slots, slots)]
    assert preview.faults == ()


def test_an_hour_is_four_quarter_hours() -> None:
    rows = [f"10/03/2026;{n:02}:00;{n}" for n in range(24)]

    preview = upload_read(
        held(
            "\n".join(["Date;Time;Price", *rows]).encode(),
            replace(CHOICE, resolution=timedelta(hours=1)),
        )
    )

    assert [value.value for value in preview.values[4:8]] == [Decimal(1)] * 4
    assert preview.new == 96


@pytest.mark.parametrize(
    ("kind", "currency", "unit", "wanted", "value"),
    [
        (SeriesKind.PRICE, "EUR", "ct/kWh", "EUR/MWh", "500"),
        (SeriesKind.PRODUCTION_COST, "XCD", "XCD/kWh", "XCD/MWh", "50000"),
        (SeriesKind.LOAD, "EUR", "kW", "MW", "0.05"),
        (SeriesKind.CO2_LIFECYCLE, "EUR", "kg/MWh", "g/kWh", "50"),
        (SeriesKind.CO2_DIRECT, "EUR", "g/kWh", "g/kWh", "50"),
    ],
)
def test_a_unit_becomes_that_of_the_series(
    kind: SeriesKind, currency: str, unit: str, wanted: str, value: str
) -> None:
    choice = replace(CHOICE, kind=kind, currency=currency, unit=unit, quality=Quality.ESTIMATED)
    content = b"Date;Time;Price\n10/03/2026;00:00;50"

    taken(content, choice)

    series = Series.objects.get()
    assert (series.kind, series.unit) == (kind, wanted)
    row = SeriesValue.objects.get()
    assert (row.value, row.quality) == (Decimal(value), Quality.ESTIMATED)


def test_units_of_another_kind_are_refused() -> None:
    assert list(scales_of(SeriesKind.PRICE, "USD")) == ["USD/MWh", "USD/kWh"]
    with pytest.raises(DomainError, match="is not one of MW, kW") as err:
        upload_read(held(day_file(), replace(CHOICE, kind=SeriesKind.LOAD)))
    assert err.value.field == "unit"


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        (replace(CHOICE, area=""), "area"),
        (replace(CHOICE, area="x" * 41), "area"),
        (replace(CHOICE, area="a\nb"), "area"),
        (replace(CHOICE, kind=SeriesKind.GHI), "kind"),
        (replace(CHOICE, quality=Quality.FALLBACK), "kind"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(choice: UploadChoice, field: str) -> None:
    with pytest.raises(DomainError) as err:
        held(day_file(), choice)

    assert err.value.field == field


@pytest.mark.parametrize("content", [b"", b"  \n", b"x" * 5_000_001])
def test_a_file_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(DomainError) as err:
        held(content)

    assert err.value.field == "file"


def test_a_file_of_another_form_is_refused_with_line_and_column() -> None:
    draft = held(b"<html>\n<body>no</body></html>")

    with pytest.raises(FileError) as err:
        upload_read(draft)

    assert (err.value.line, err.value.column) == (1, "Date")
    with pytest.raises(FileError):
        upload_take(key=draft.key, by_id=BY, by_name="anne", now=NOW)
    assert not ImportedDocument.objects.exists()


def test_a_file_without_a_value_is_not_taken() -> None:
    draft = held(b"Date;Time;Price\n10/03/2026;00:00;much")

    assert upload_read(draft).values == ()
    with pytest.raises(DomainError, match="holds no value"):
        upload_take(key=draft.key, by_id=BY, by_name="anne", now=NOW)
    assert not FeedAccess.objects.exists()


def test_a_series_of_another_unit_is_told_before_it_is_taken() -> None:
    taken(day_file())

    with pytest.raises(DomainError, match="known in EUR/MWh") as err:
        upload_read(held(day_file(), replace(CHOICE, currency="USD", unit="USD/MWh")))

    assert err.value.field == "unit"


def test_a_dropped_file_cannot_be_taken() -> None:
    key = held(day_file()).key
    upload_drop(key=key, by_id=BY)

    with pytest.raises(DomainError, match="choose the file again"):
        upload_take(key=key, by_id=BY, by_name="anne", now=NOW)

    assert timedelta(hours=1) == HELD
    assert not SeriesValue.objects.exists()


def test_a_file_waits_for_its_own_person_and_operator_only() -> None:
    key = held(day_file()).key

    assert upload_held(key=key, by_id=BY + 1) is None
    with operator_context("martinique"):
        assert upload_held(key=key, by_id=BY) is None
        with pytest.raises(DomainError):
            upload_take(key=key, by_id=BY, by_name="anne", now=NOW)
        assert not Series.objects.exists()
    assert upload_held(key=key, by_id=BY) is not None


def test_the_slots_of_an_upload_are_quarter_hours() -> None:
    taken(day_file(hours=1))

    assert Series.objects.get().resolution == QUARTER_HOUR
