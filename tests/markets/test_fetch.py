"""Fetching delivery days over a real socket from a stand-in for the platform."""

import logging
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from apps.markets.choices import DeliveryStatus, DocumentStatus
from apps.markets.clients.entsoe import EntsoeClient
from apps.markets.models import FeedAccess, FeedRequest, ImportedDocument, SeriesValue
from apps.markets.selectors import price_status
from apps.markets.services.feeds.days import access_zone, days_ahead, market_day
from apps.markets.services.feeds.engine import feed_request_retry, feeds_fetch
from apps.markets.services.sources import market_source_configure
from apps.tenants.context import operator_context
from cariflex.common.errors import DomainError, ExternalError
from tests.contracts.entsoe_fake import TOKEN, EntsoeFake
from tests.contracts.fake_server import Answer
from tests.markets.conftest import FR

# 09:00 in Paris (winter): tomorrow is not published yet. 14:00: it is.
MORNING = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
AFTERNOON = datetime(2026, 3, 11, 13, 0, tzinfo=UTC)
TODAY = date(2026, 3, 11)
DAY = timedelta(days=1)


def fetch(now: datetime) -> dict[date, str]:
    return {d.day: d.status for d in feeds_fetch(now=now, allow_loopback=True)}


def test_morning_wants_today_and_yesterday_afternoon_also_tomorrow(
    source: FeedAccess,
) -> None:
    assert days_ahead(access_zone(source), now=MORNING) == [TODAY, TODAY - DAY]
    assert days_ahead(access_zone(source), now=AFTERNOON) == [
        TODAY, TODAY - DAY, TODAY + DAY,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)]
)
def test_market_day_follows_the_clock_change(source: FeedAccess, day: str, hours: int) -> None:
    interval = market_day(zone=access_zone(source), day=date.fromisoformat(day))

    assert interval.duration == timedelta(hours=hours)


def test_fetch_stores_each_quarter_hour_once_and_is_idempotent(
    source: FeedAccess, entsoe: EntsoeFake
) -> None:
    first = fetch(MORNING)
    again = fetch(MORNING + timedelta(hours=1))

    assert first == {TODAY: DeliveryStatus.COMPLETE, TODAY - DAY: DeliveryStatus.COMPLETE}
    assert again == {}
    assert len(entsoe.asked) == 2
    assert SeriesValue.objects.count() == 192
    noon = SeriesValue.objects.get(start=datetime(2026, 3, 11, 12, 15, tzinfo=UTC))
    assert noon.value == Decimal("1112.25000")
    assert bytes(noon.document.raw).startswith(b"<Publication_MarketDocument")


def test_not_published_is_asked_again_later_and_kept_as_one_row(
    source: FeedAccess, entsoe: EntsoeFake
) -> None:
    entsoe.published_until = datetime(2026, 3, 11, 23, 0, tzinfo=UTC)
    fetch(AFTERNOON)

    at_once = fetch(AFTERNOON + timedelta(minutes=1))
    later = fetch(AFTERNOON + timedelta(minutes=6))
    entsoe.published_until = None
    published = fetch(AFTERNOON + timedelta(minutes=12))

    assert at_once == {}
    assert later == {TODAY + DAY: DeliveryStatus.NOT_PUBLISHED}
    assert published == {TODAY + DAY: DeliveryStatus.COMPLETE}
    waiting = ImportedDocument.objects.get(status=DocumentStatus.NOT_PUBLISHED)
    assert waiting.times_received == 2


def test_revision_counts_and_the_earlier_price_stays(
    source: FeedAccess, entsoe: EntsoeFake
) -> None:
    fetch(MORNING)
    entsoe.created_at += timedelta(hours=1)
    corrected = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
    usual = entsoe.price
    entsoe.price = lambda start: Decimal("-7.5") if start == corrected else usual(start)
    today = FeedRequest.objects.get(day=TODAY)

    feed_request_retry(request_id=today.pk, now=MORNING)
    fetch(MORNING)

    values = SeriesValue.objects.filter(start=corrected).order_by("published_at")
    assert [v.value for v in values] == [Decimal("1112"), Decimal("-7.5")]
    assert SeriesValue.objects.count() == 193
    assert ImportedDocument.objects.get(values_new=1).day == TODAY


def test_refused_document_is_kept_with_element_and_rule(
    source: FeedAccess, entsoe: EntsoeFake
) -> None:
    broken = entsoe.document(FR, *_today()).replace(b"PT15M", b"PT5M")
    entsoe.forced = Answer(200, broken)

    outcome = fetch(MORNING)

    assert outcome[TODAY] == DeliveryStatus.REFUSED
    kept = ImportedDocument.objects.get(day=TODAY)
    assert kept.status == DocumentStatus.REFUSED
    assert "Period/resolution" in kept.error
    assert "'PT5M' is not one of" in kept.error
    assert bytes(kept.raw) == broken
    assert SeriesValue.objects.count() == 0


def test_document_of_half_a_day_does_not_complete_the_day(
    source: FeedAccess, entsoe: EntsoeFake
) -> None:
    start, end = _today()
    entsoe.forced = Answer(200, entsoe.document(FR, start, start + timedelta(hours=12)))

    outcome = fetch(MORNING)

    assert outcome[TODAY] == DeliveryStatus.NOT_PUBLISHED
    assert "does not cover" in FeedRequest.objects.get(day=TODAY).last_error


@pytest.mark.parametrize(
    ("answer", "pause_s"),
    [
        (Answer(429, headers={"Retry-After": "77"}), 77),
        (Answer(429), 600),
        (Answer(503, headers={"Retry-After": "33"}), 33),
        (Answer(500), 60),
        (Answer(401), 900),
    ],
)
def test_failed_request_waits_as_long_as_it_was_told(
    source: FeedAccess, entsoe: EntsoeFake, answer: Answer, pause_s: int
) -> None:
    entsoe.forced = answer

    outcome = fetch(MORNING)

    assert outcome[TODAY] == DeliveryStatus.UNREACHABLE
    today = FeedRequest.objects.get(day=TODAY)
    assert today.next_attempt_at == MORNING + timedelta(seconds=pause_s)
    assert today.last_error == f"answered HTTP {answer.status}"
    status = price_status(now=MORNING)
    assert status is not None
    assert status.is_stale
    assert status.last_error == f"answered HTTP {answer.status}"


def test_source_that_is_down_is_tried_again(operator_a: object) -> None:
    market_source_configure(area=FR, token=TOKEN, base_url="http://127.0.0.1:9/api")

    outcome = fetch(MORNING)

    assert outcome[TODAY] == DeliveryStatus.UNREACHABLE
    assert FeedRequest.objects.get(day=TODAY).last_error == "cannot be reached"


def test_token_is_encrypted_at_rest_and_in_no_error_or_log(
    source: FeedAccess, entsoe: EntsoeFake, caplog: pytest.LogCaptureFixture
) -> None:
    entsoe.forced = Answer(403)
    caplog.set_level(logging.DEBUG)

    fetch(MORNING)

    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM markets_feedaccess")
        (stored,) = cursor.fetchone()
    assert TOKEN not in stored
    assert TOKEN not in caplog.text
    assert TOKEN not in FeedRequest.objects.get(day=TODAY).last_error


def test_client_answers_an_acknowledgement_that_comes_with_400(entsoe: EntsoeFake) -> None:
    entsoe.forced = Answer(400, b"<Acknowledgement_MarketDocument/>")
    client = EntsoeClient(base_url=entsoe.url, token=TOKEN, allow_loopback=True)

    content = client.day_ahead_prices(area=FR, start=MORNING, end=AFTERNOON)

    assert content == b"<Acknowledgement_MarketDocument/>"
    entsoe.forced = Answer(400, b"bad request")
    with pytest.raises(ExternalError) as caught:
        client.day_ahead_prices(area=FR, start=MORNING, end=AFTERNOON)
    assert not caught.value.retryable


@pytest.mark.parametrize("area", ["", "FR", "10yfr-rte------c", "10YFR-RTE------CC"])
def test_area_must_be_an_eic_code(operator_a: object, area: str) -> None:
    with pytest.raises(DomainError, match="EIC"):
        market_source_configure(area=area, token=TOKEN, base_url="http://127.0.0.1:9")

    assert FeedAccess.objects.count() == 0


def test_prices_of_one_operator_are_not_seen_by_another(
    source: FeedAccess, entsoe: EntsoeFake, operator_b: object
) -> None:
    fetch(MORNING)

    with operator_context("martinique"):
        assert SeriesValue.objects.count() == 0
        assert feeds_fetch(now=MORNING, allow_loopback=True) == []
        assert price_status(now=MORNING) is None


def _today() -> tuple[datetime, datetime]:
    return datetime(2026, 3, 10, 23, 0, tzinfo=UTC), datetime(2026, 3, 11, 23, 0, tzinfo=UTC)
