"""The engine asks feeds: quotas, pauses, claims, states, and nothing is lost when it is cut off."""

import logging
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connections

from apps.markets.choices import (
    CallOutcome,
    DeliveryStatus,
    DocumentStatus,
    Feed,
    FeedState,
    SeriesKind,
)
from apps.markets.models import FeedAccess, FeedCall, FeedRequest, ImportedDocument, Series
from apps.markets.services.feeds.engine import (
    CLAIM,
    calls_today,
    feed_request_retry,
    feeds_fetch,
)
from apps.markets.services.feeds.upkeep import KEPT, feeds_tidy
from apps.markets.services.sources import feed_access_configure, market_source_configure
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.contracts.entsoe_fake import TOKEN, EntsoeFake
from tests.contracts.fake_server import Answer
from tests.markets.conftest import FR

MORNING = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TODAY = date(2026, 3, 11)


def fetch(now: datetime) -> list[FeedRequest]:
    return feeds_fetch(now=now, allow_loopback=True)


def state() -> tuple[str, str]:
    access = FeedAccess.objects.get()
    return access.state, access.last_error


def test_a_working_feed_says_so(source: FeedAccess, entsoe: EntsoeFake) -> None:
    fetch(MORNING)

    access = FeedAccess.objects.get()
    assert (access.state, access.last_success_at, access.state_since) == (
        FeedState.WORKING, MORNING, MORNING,
    )  # fmt: skip
    assert list(FeedCall.objects.values_list("outcome", "values_new")) == [
        (CallOutcome.ANSWERED, 96), (CallOutcome.ANSWERED, 96),
    ]  # fmt: skip


def test_429_pauses_the_whole_access_for_as_long_as_it_was_told(
    source: FeedAccess, entsoe: EntsoeFake
) -> None:
    entsoe.forced = Answer(429, headers={"Retry-After": "90"})
    fetch(MORNING)
    asked = entsoe.server.count("GET", "/api")

    fetch(MORNING + timedelta(seconds=89))
    paused = entsoe.server.count("GET", "/api")
    entsoe.forced = None
    after = fetch(MORNING + timedelta(seconds=90))

    assert (asked, paused) == (1, 1)
    assert [request.status for request in after] == [DeliveryStatus.COMPLETE] * 2
    assert state() == (FeedState.WORKING, "")
    assert FeedCall.objects.get(outcome=CallOutcome.QUOTA).http_status == 429


def test_our_own_quota_is_never_passed(source: FeedAccess, entsoe: EntsoeFake) -> None:
    FeedAccess.objects.update(quota_per_day=1)

    fetch(MORNING)
    fetch(MORNING + timedelta(hours=3))

    assert entsoe.server.count("GET", "/api") == 1
    assert calls_today(source, now=MORNING) == 1
    assert state() == (FeedState.QUOTA, "all 1 calls of the day are made")
    # Midnight UTC begins a new day of calls; it is 12 March in Paris too.
    fetch(datetime(2026, 3, 12, 0, 0, tzinfo=UTC))
    assert entsoe.server.count("GET", "/api") == 2


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (401, FeedState.UNAUTHORISED), (403, FeedState.UNAUTHORISED),
        (500, FeedState.UNREACHABLE), (503, FeedState.UNREACHABLE), (404, FeedState.UNREACHABLE),
    ],
)  # fmt: skip
def test_what_fails_is_a_state_in_words(
    source: FeedAccess, entsoe: EntsoeFake, status: int, wanted: FeedState
) -> None:
    entsoe.forced = Answer(status)

    fetch(MORNING)

    assert state() == (wanted, f"answered HTTP {status}")
    # A refused token is not tried for every day of the list.
    assert entsoe.server.count("GET", "/api") == (1 if wanted == FeedState.UNAUTHORISED else 2)


def test_a_storm_of_503_is_met_with_longer_and_longer_pauses(
    source: FeedAccess, entsoe: EntsoeFake
) -> None:
    entsoe.forced = Answer(503)

    for minute in range(60):
        fetch(MORNING + minute * MINUTE)

    # After 0, 1, 3, 6, 10, 15, 21, 28, 36, 45, 55 minutes: two days each.
    assert entsoe.server.count("GET", "/api") == 22
    entsoe.forced = None
    fetch(MORNING + 75 * MINUTE)
    assert state() == (FeedState.WORKING, "")
    assert set(FeedRequest.objects.values_list("failures", flat=True)) == {0}


def test_html_instead_of_xml_is_a_refused_document_that_is_kept(
    source: FeedAccess, entsoe: EntsoeFake
) -> None:
    entsoe.forced = Answer(200, b"<!doctype html><html><body>Maintenance</body></html>")

    fetch(MORNING)

    kept = ImportedDocument.objects.get(day=TODAY)
    assert kept.status == DocumentStatus.REFUSED
    assert "HTML" in kept.error
    assert bytes(kept.raw).startswith(b"<!doctype html>")
    assert state()[0] == FeedState.REFUSED
    assert Series.objects.get().values.count() == 0


def test_a_feed_that_is_switched_off_is_not_called(source: FeedAccess, entsoe: EntsoeFake) -> None:
    FeedAccess.objects.update(enabled=False)

    assert fetch(MORNING) == []
    assert entsoe.server.requests == []


def test_a_task_that_was_killed_leaves_its_request_to_the_next(
    source: FeedAccess, entsoe: EntsoeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(
            "apps.markets.services.feeds.entsoe.EntsoeAdapter.fetch",
            lambda *_args, **_more: (_ for _ in ()).throw(SystemExit),
        )
        with pytest.raises(SystemExit):
            fetch(MORNING)

    at_once = fetch(MORNING + MINUTE)
    later = fetch(MORNING + CLAIM)
    tidied = feeds_tidy(now=MORNING + CLAIM + MINUTE)

    assert [request.day for request in at_once] == [TODAY - timedelta(days=1)]
    assert [(request.day, request.status) for request in later] == [
        (TODAY, DeliveryStatus.COMPLETE)
    ]
    assert tidied.calls_ended == 1
    assert FeedCall.objects.get(outcome=CallOutcome.FAILED).error == "was cut off before it ended"


def test_one_feed_that_breaks_does_not_stop_the_others(
    source: FeedAccess,
    entsoe: EntsoeFake,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    FeedAccess.objects.create(feed=Feed.ENTSOE, area="10YES-REE------0", token="t",
                              settings={"time_zone": "Mars/Base"})  # fmt: skip
    FeedAccess.objects.filter(area=FR).update(feed=Feed.ENTSOE)

    tried = fetch(MORNING)

    assert [request.access.area for request in tried] == [FR, FR]
    assert "feed broke feed=entsoe area=10YES-REE------0" in caplog.text


def test_mix_load_and_forecasts_are_asked_for_when_they_are_wanted(
    operator_a: Operator, entsoe: EntsoeFake
) -> None:
    market_source_configure(
        area=FR, token=TOKEN, base_url=entsoe.url,
        requests=("generation", "load", "load_forecast", "wind_solar"),
    )  # fmt: skip

    fetch(MORNING)

    found = set(Series.objects.exclude(kind="price").values_list("kind", "variant", "unit"))
    # B06, B10 in and out, B14, B16 in A75; one load; B16 and B19 in A69.
    assert found == {
        *(("generation", fuel, "MW") for fuel in ("oil", "storage", "nuclear", "solar")),
        ("consumption", "storage", "MW"),
        ("load", "", "MW"), ("load", "day_ahead", "MW"),
        ("wind_solar", "solar", "MW"), ("wind_solar", "wind", "MW"),
    }  # fmt: skip
    oil = Series.objects.get(kind=SeriesKind.GENERATION, variant="oil")
    # The fake gives 600 MW plus the hour for B06; 08:00 UTC.
    assert oil.values.get(start=MORNING).value == 608
    forecast = Series.objects.get(kind=SeriesKind.LOAD, variant="day_ahead")
    assert set(forecast.values.values_list("quality", flat=True)) == {"forecast"}


def test_an_access_that_cannot_work_is_refused(operator_a: Operator) -> None:
    for field, more in {
        "area": {"area": "GP"},
        "token": {"token": ""},
        "requests": {"settings": {"requests": ["weather"]}},
        "time_zone": {"settings": {"time_zone": "Mars/Base"}},
    }.items():
        given = {"feed": Feed.ENTSOE, "area": FR, "token": "t"} | more
        with pytest.raises(DomainError) as caught:
            feed_access_configure(**given)  # type: ignore[arg-type]
        assert caught.value.field == field
    with pytest.raises(DomainError, match="cannot be asked"):
        feed_access_configure(feed=Feed.UPLOAD, area="GP")
    assert FeedAccess.objects.count() == 0


def test_an_access_with_faults_can_be_switched_off(operator_a: Operator) -> None:
    broken = FeedAccess.objects.create(feed=Feed.ENTSOE, area="GP", token="t")  # noqa: S106

    off = feed_access_configure(feed=Feed.ENTSOE, area="GP", enabled=False)

    assert (off.pk, off.enabled) == (broken.pk, False)


def test_a_new_token_lifts_the_pause_and_no_token_keeps_the_old_one(
    source: FeedAccess, entsoe: EntsoeFake
) -> None:
    entsoe.forced = Answer(401)
    fetch(MORNING)
    entsoe.forced = None

    kept = feed_access_configure(feed=Feed.ENTSOE, area=FR, base_url=entsoe.url,
                                 settings=source.settings)  # fmt: skip
    assert (kept.token, kept.paused_until is None) == (TOKEN, False)
    changed = feed_access_configure(feed=Feed.ENTSOE, area=FR, base_url=entsoe.url, token="new",
                                    settings=source.settings)  # fmt: skip

    assert (changed.token, changed.paused_until, changed.state) == ("new", None, FeedState.NEW)


def test_old_calls_and_raw_mixes_go_prices_stay(source: FeedAccess, entsoe: EntsoeFake) -> None:
    fetch(MORNING)
    raw = ImportedDocument.objects.get(day=TODAY)
    ImportedDocument.objects.create(
        access=source, request="generation", day=TODAY, status="imported", received_at=MORNING,
        sha256="f" * 64, raw=b"mix",
    )  # fmt: skip

    tidied = feeds_tidy(now=MORNING + KEPT + timedelta(days=1))

    assert (tidied.calls_deleted, tidied.requests_deleted, tidied.documents_emptied) == (2, 2, 1)
    raw.refresh_from_db()
    assert bytes(raw.raw).startswith(b"<Publication_MarketDocument")
    assert feeds_tidy(now=MORNING + KEPT + timedelta(days=1)).documents_emptied == 0


def test_tokens_are_in_no_log_row_or_document(
    source: FeedAccess, entsoe: EntsoeFake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for answer in (Answer(401), Answer(429), Answer(500), Answer(200, b"x"), None):
        entsoe.forced = answer
        FeedAccess.objects.update(paused_until=None)
        FeedRequest.objects.update(next_attempt_at=MORNING)
        fetch(MORNING)

    rows = [
        str(list(model.objects.values())) for model in (FeedCall, FeedRequest, ImportedDocument)
    ]
    rows.append(str(list(FeedAccess.objects.defer("token").values("base_url", "last_error"))))
    assert TOKEN not in caplog.text
    assert not [row for row in rows if TOKEN in row]


def test_two_tasks_at_once_ask_once(
    live_operators: tuple[Operator, Operator], entsoe: EntsoeFake
) -> None:
    with operator_context("guadeloupe"):
        market_source_configure(area=FR, token=TOKEN, base_url=entsoe.url)
        FeedAccess.objects.update(quota_per_day=3)
    barrier = Barrier(4)

    def work() -> None:
        try:
            with operator_context("guadeloupe"):
                barrier.wait(20)
                fetch(MORNING)
        finally:
            connections.close_all()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    with operator_context("guadeloupe"):
        assert entsoe.server.count("GET", "/api") == 2
        assert FeedCall.objects.count() == 2
        assert Series.objects.get().values.count() == 192


def test_retry_asks_again_for_what_is_complete(source: FeedAccess, entsoe: EntsoeFake) -> None:
    fetch(MORNING)
    today = FeedRequest.objects.get(day=TODAY)

    feed_request_retry(request_id=today.pk, now=MORNING)

    assert [request.day for request in fetch(MORNING)] == [TODAY]
