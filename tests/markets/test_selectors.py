"""Prices over any window: published, else estimated from an earlier day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.markets.choices import Quality
from apps.markets.models import FeedAccess
from apps.markets.selectors import price_status, prices
from apps.markets.services.feeds.engine import feeds_fetch
from cariflex.common.errors import DomainError
from tests.contracts.entsoe_fake import EntsoeFake

MORNING = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 11, 23, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACTUAL, ESTIMATED = Quality.ACTUAL, Quality.ESTIMATED


@pytest.fixture
def published(source: FeedAccess, entsoe: EntsoeFake) -> None:
    """10 and 11 March are published."""
    feeds_fetch(now=MORNING, allow_loopback=True)


@pytest.mark.usefixtures("published")
def test_the_next_24_hours_are_whole_and_say_what_is_estimated() -> None:
    points = prices(start=MORNING, end=MORNING + 24 * HOUR)

    assert [p.start for p in points] == [MORNING + n * HOUR / 4 for n in range(96)]
    assert [p.quality for p in points] == [ACTUAL] * 60 + [ESTIMATED] * 36
    assert points[0].price_eur_per_mwh == Decimal("1108")
    # 23:00 UTC on the 11th is estimated by 23:00 UTC on the 10th: day 10, hour 23.
    assert points[60].start == MIDNIGHT
    assert points[60].price_eur_per_mwh == Decimal("1023")
    # 01:00 UTC on the 12th by 01:00 UTC on the 11th.
    assert points[68].price_eur_per_mwh == Decimal("1101")


@pytest.mark.usefixtures("published")
def test_start_within_a_slot_begins_with_that_slot() -> None:
    points = prices(start=MORNING + timedelta(minutes=7), end=MORNING + timedelta(minutes=20))

    assert [p.start for p in points] == [MORNING, MORNING + HOUR / 4]


@pytest.mark.usefixtures("published")
def test_hour_carries_the_mean_and_the_worst_quality() -> None:
    points = prices(start=MIDNIGHT - HOUR, end=MIDNIGHT + HOUR, resolution=HOUR)

    # 22:00, 22:15, 22:30, 22:45 cost 1122, 1122.25, 1122.50 and 1122.75.
    assert points[0].price_eur_per_mwh == Decimal("1122.375")
    assert [p.quality for p in points] == [ACTUAL, ESTIMATED]


@pytest.mark.usefixtures("published")
def test_a_slot_that_nothing_can_estimate_is_left_out() -> None:
    assert prices(start=MORNING + timedelta(days=40), end=MORNING + timedelta(days=41)) == []


@pytest.mark.usefixtures("published")
def test_last_weeks_price_estimates_what_yesterday_cannot() -> None:
    points = prices(start=MIDNIGHT + timedelta(days=6), end=MIDNIGHT + timedelta(days=6) + HOUR)

    assert {p.quality for p in points} == {ESTIMATED}
    assert points[0].price_eur_per_mwh == Decimal("1023")


def test_without_a_source_there_are_no_prices(operator_a: object) -> None:
    assert prices(start=MORNING, end=MORNING + HOUR) == []


@pytest.mark.usefixtures("published")
def test_resolution_must_be_a_multiple_of_a_quarter_hour() -> None:
    with pytest.raises(DomainError, match="multiple of 15 minutes"):
        prices(start=MORNING, end=MORNING + HOUR, resolution=timedelta(minutes=10))


@pytest.mark.usefixtures("published")
def test_a_day_of_prices_takes_three_selects(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(6):  # each SELECT with its SET search_path
        prices(start=MORNING, end=MORNING + 24 * HOUR)


@pytest.mark.usefixtures("published")
def test_status_turns_stale_two_hours_before_the_prices_end() -> None:
    fresh = price_status(now=MIDNIGHT - 3 * HOUR)
    stale = price_status(now=MIDNIGHT - HOUR)

    assert fresh is not None
    assert stale is not None
    assert (fresh.published_until, fresh.is_stale) == (MIDNIGHT, False)
    assert (stale.is_stale, stale.last_error) == (True, "")
