"""Series: values with revisions and quality, the best known as of any moment, gaps filled."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connections, transaction

from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.events import PricesChanged, SeriesChanged
from apps.markets.models import Series, SeriesValue
from apps.markets.selectors import best_known, known_or_filled, leading_series
from apps.markets.services.series import (
    GivenValue,
    SeriesKey,
    fallback_declare,
    series_ensure,
    series_lead,
    values_store,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common import events
from cariflex.common.errors import DomainError

NOON = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
PRICE = SeriesKey(SeriesKind.PRICE, "10YFR-RTE------C", Feed.ENTSOE)


def given(
    *amounts: str, start: datetime = NOON, quality: Quality = Quality.ACTUAL
) -> list[GivenValue]:
    return [GivenValue(start + n * QUARTER, Decimal(a), quality) for n, a in enumerate(amounts)]


def known(series: Series, *, slots: int = 4, as_of: datetime | None = None) -> list[str]:
    found = best_known(series=series, start=NOON, end=NOON + slots * QUARTER, as_of=as_of)
    return [f"{value.value:f}".rstrip("0").rstrip(".") for value in found]


@pytest.fixture
def series(operator_a: Operator) -> Series:
    return series_ensure(PRICE)


def test_the_same_publication_twice_changes_nothing(series: Series) -> None:
    first = values_store(series=series, values=given("10", "20"), published_at=NOON)
    again = values_store(series=series, values=given("10", "20"), published_at=NOON)
    later = values_store(series=series, values=given("10", "20"), published_at=NOON + DAY)

    assert (first, again, later) == (2, 0, 0)
    assert SeriesValue.objects.count() == 2


def test_a_revision_counts_and_what_was_known_before_can_be_asked(series: Series) -> None:
    values_store(series=series, values=given("10", "20"), published_at=NOON - DAY)

    new = values_store(series=series, values=given("10", "25"), published_at=NOON)

    assert new == 1
    assert known(series) == ["10", "25"]
    assert known(series, as_of=NOON - QUARTER) == ["10", "20"]
    assert known(series, as_of=NOON - 2 * DAY) == []
    assert SeriesValue.objects.count() == 3


def test_an_older_publication_that_comes_late_is_history(series: Series) -> None:
    values_store(series=series, values=given("25"), published_at=NOON)

    values_store(series=series, values=given("20"), published_at=NOON - DAY)

    assert known(series) == ["25"]
    assert known(series, as_of=NOON - QUARTER) == ["20"]


def test_two_words_of_one_moment_are_both_kept_and_the_one_that_came_later_counts(
    series: Series,
) -> None:
    values_store(series=series, values=given("10"), published_at=NOON)

    counts = [
        values_store(series=series, values=given(amount), published_at=NOON)
        for amount in ("11", "12", "12")
    ]

    assert counts == [1, 1, 0]
    assert known(series) == ["12"]
    assert SeriesValue.objects.count() == 3


def test_a_measurement_beats_any_forecast_and_a_forecast_any_fallback(series: Series) -> None:
    values_store(series=series, values=given("1", quality=Quality.ACTUAL), published_at=NOON - DAY)
    values_store(series=series, values=given("2", "2", quality=Quality.FORECAST), published_at=NOON)
    values_store(
        series=series,
        values=given("3", "3", "3", quality=Quality.FALLBACK),
        published_at=NOON + DAY,
    )

    assert known(series) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ([GivenValue(NOON + timedelta(minutes=5), Decimal(1))], "not the start of a slot"),
        ([GivenValue(NOON.replace(tzinfo=None), Decimal(1))], "not the start of a slot"),
        (given("1") + given("2"), "given twice"),
        (given("NaN"), "not a value"),
        (given("Infinity"), "not a value"),
        (given("1e10"), "not a value"),
    ],
)
def test_bad_values_are_refused_whole(series: Series, values: list[GivenValue], rule: str) -> None:
    with pytest.raises(DomainError, match=rule):
        values_store(
            series=series, values=[*given("5", start=NOON + DAY), *values], published_at=NOON
        )

    assert SeriesValue.objects.count() == 0


def test_a_series_keeps_its_unit_and_resolution(series: Series) -> None:
    hourly = SeriesKey(SeriesKind.PRICE, PRICE.area, Feed.ENTSOE, resolution=timedelta(hours=1))

    with pytest.raises(DomainError, match="every 900 s, not in EUR/MWh every 3600 s"):
        series_ensure(hourly)
    with pytest.raises(DomainError, match="is no time zone"):
        series_ensure(SeriesKey(SeriesKind.LOAD, "GP", Feed.EDF_SEI, market_time_zone="Mars/Base"))
    assert series_ensure(PRICE) == series
    assert series_ensure(SeriesKey(SeriesKind.CO2_DIRECT, "GP", Feed.ISLAND)).unit == "g/kWh"


def test_news_is_told_with_what_changed(
    series: Series, django_capture_on_commit_callbacks: object
) -> None:
    told: list[object] = []
    events.subscribe(SeriesChanged, told.append)
    events.subscribe(PricesChanged, told.append)
    try:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            values_store(series=series, values=given("1", "2", "3"), published_at=NOON)
            values_store(series=series, values=given("1", "2", "3"), published_at=NOON)
    finally:
        events.unsubscribe(SeriesChanged, told.append)
        events.unsubscribe(PricesChanged, told.append)

    assert told == [
        SeriesChanged(
            "guadeloupe", series.pk, "price", PRICE.area, "entsoe", NOON, NOON + 2 * QUARTER
        ),
        PricesChanged("guadeloupe", NOON.date()),
    ]  # fmt: skip


# --- gaps ---


def test_a_gap_is_filled_from_earlier_days_when_nothing_is_declared(series: Series) -> None:
    values_store(
        series=series, values=given("7", start=NOON - 7 * DAY + QUARTER), published_at=NOON
    )
    values_store(series=series, values=given("1", "2", start=NOON - DAY), published_at=NOON)
    values_store(series=series, values=given("9"), published_at=NOON)

    found = known_or_filled(series=series, start=NOON, end=NOON + 3 * QUARTER)

    # 12:00 is published, 12:15 is yesterday's 12:15 (not last week's), 12:30 nothing can fill.
    assert [(v.start, v.value, v.quality) for v in found] == [
        (NOON, Decimal(9), Quality.ACTUAL),
        (NOON + QUARTER, Decimal(2), Quality.ESTIMATED),
    ]


def test_the_declared_chain_is_followed_in_its_order(series: Series) -> None:
    charts = series_ensure(SeriesKey(SeriesKind.PRICE, "FR", Feed.ENERGY_CHARTS))
    hourly = series_ensure(
        SeriesKey(SeriesKind.PRODUCTION_COST, "GP", Feed.EDF_SEI, resolution=timedelta(hours=1))
    )
    fallback_declare(series=series, others=[charts, hourly, None])
    values_store(series=series, values=given("1"), published_at=NOON)
    values_store(series=charts, values=given("2", start=NOON + QUARTER), published_at=NOON)
    values_store(series=hourly, values=[GivenValue(NOON, Decimal(3))], published_at=NOON)
    values_store(
        series=series, values=given("4", start=NOON - DAY + 4 * QUARTER), published_at=NOON
    )

    found = known_or_filled(series=series, start=NOON, end=NOON + 6 * QUARTER)

    assert [(v.value, v.quality, v.origin) for v in found] == [
        (Decimal(1), Quality.ACTUAL, ""),
        (Decimal(2), Quality.FALLBACK, "energy_charts"),
        (Decimal(3), Quality.FALLBACK, "edf_sei"),
        (Decimal(3), Quality.FALLBACK, "edf_sei"),
        (Decimal(4), Quality.ESTIMATED, ""),
    ]


def test_a_chain_must_make_sense(series: Series) -> None:
    other_unit = series_ensure(SeriesKey(SeriesKind.LOAD, "GP", Feed.EDF_SEI))
    charts = series_ensure(SeriesKey(SeriesKind.PRICE, "FR", Feed.ENERGY_CHARTS))

    for chain in ([series], [other_unit], [charts, charts], [None, None]):
        with pytest.raises(DomainError):
            fallback_declare(series=series, others=chain)

    assert series.fallback_steps.count() == 0
    with pytest.raises(IntegrityError), transaction.atomic():
        series.fallback_steps.create(position=1, method="series", other=series)


# --- which one leads ---


def test_one_series_of_a_kind_leads(series: Series) -> None:
    charts = series_ensure(SeriesKey(SeriesKind.PRICE, "FR", Feed.ENERGY_CHARTS))
    assert leading_series(SeriesKind.PRICE) == series

    series_lead(series_id=charts.pk)

    assert leading_series(SeriesKind.PRICE) == charts
    assert Series.objects.filter(is_leading=True).count() == 1
    assert leading_series(SeriesKind.LOAD) is None


def test_series_of_one_operator_are_not_seen_by_another(
    series: Series, operator_b: Operator
) -> None:
    values_store(series=series, values=given("1"), published_at=NOON)

    with operator_context("martinique"):
        assert leading_series(SeriesKind.PRICE) is None
        assert SeriesValue.objects.count() == 0


def test_a_day_of_best_values_takes_one_select(
    series: Series, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(2):  # type: ignore[operator]  # with its SET search_path
        best_known(series=series, start=NOON, end=NOON + DAY)


def test_writers_at_once_store_a_publication_once(
    live_operators: tuple[Operator, Operator],
) -> None:
    with operator_context("guadeloupe"):
        series = series_ensure(PRICE)
    barrier, stored = Barrier(4), []

    def write() -> None:
        try:
            with operator_context("guadeloupe"):
                barrier.wait(20)
                stored.append(
                    values_store(series=series, values=given("1", "2"), published_at=NOON)
                )
        finally:
            connections.close_all()

    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(stored) == [0, 0, 0, 2]
    with operator_context("guadeloupe"):
        assert SeriesValue.objects.count() == 2
