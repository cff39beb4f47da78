"""What holds for every feed: quotas, storms, garbage, tokens, two at once, two operators."""

import logging
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connections
from django.test import Client

from apps.accounts.models import User
from apps.accounts.services import user_ensure
from apps.markets.choices import CallOutcome, DocumentStatus, Feed, FeedState
from apps.markets.models import (
    FeedAccess,
    FeedCall,
    FeedRequest,
    ImportedDocument,
    Series,
    SeriesValue,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.contracts.fake_server import Answer
from tests.markets.feeds.scene import NOW, Scene, fetch

MINUTE = timedelta(minutes=1)


def state() -> FeedState:
    return FeedState(FeedAccess.objects.get().state)


def test_what_is_told_becomes_series(operator_a: Operator, scene: Scene) -> None:
    scene.configure()

    assert fetch()

    access = FeedAccess.objects.get()
    assert (access.state, access.last_error, access.last_success_at) == (
        FeedState.WORKING, "", NOW,
    )  # fmt: skip
    assert set(Series.objects.values_list("source", flat=True)) == {scene.feed}
    assert SeriesValue.objects.count() > 0
    assert set(ImportedDocument.objects.values_list("status", flat=True)) == {
        DocumentStatus.IMPORTED
    }


def test_the_same_again_changes_nothing(operator_a: Operator, scene: Scene) -> None:
    scene.configure()
    fetch()
    values = SeriesValue.objects.count()
    documents = ImportedDocument.objects.count()

    FeedRequest.objects.update(next_attempt_at=NOW)
    FeedCall.objects.update(at=NOW - timedelta(days=1, hours=1))
    again = fetch()

    assert again
    assert (SeriesValue.objects.count(), ImportedDocument.objects.count()) == (values, documents)


def test_a_quota_is_obeyed_as_long_as_it_was_told(operator_a: Operator, scene: Scene) -> None:
    scene.configure()
    scene.fake.forced = Answer(429, headers={"Retry-After": "3600"})
    fetch()
    calls = scene.calls

    for minute in (1, 30, 59):
        fetch(NOW + minute * MINUTE)

    assert (calls, scene.calls) == (1, 1)
    assert state() == FeedState.QUOTA
    assert FeedCall.objects.get().outcome == CallOutcome.QUOTA
    scene.fake.forced = None
    fetch(NOW + 60 * MINUTE)
    assert state() == FeedState.WORKING


def test_a_storm_of_503_is_a_state_and_not_a_storm_of_ours(
    operator_a: Operator, scene: Scene
) -> None:
    scene.configure()
    scene.fake.forced = Answer(503)

    for minute in range(60):
        fetch(NOW + minute * MINUTE)

    assert state() == FeedState.UNREACHABLE
    assert FeedAccess.objects.get().last_error == "answered HTTP 503"
    # At most the engine's 11 tries an hour of each thing that is asked.
    assert scene.calls <= 11 * FeedRequest.objects.count()
    scene.fake.forced = None
    fetch(NOW + 90 * MINUTE)
    assert state() == FeedState.WORKING


def test_garbage_is_refused_and_no_value_comes_of_it(operator_a: Operator, scene: Scene) -> None:
    scene.configure()
    scene.fake.forced = Answer(200, b"<!doctype html><html>Maintenance</html>")

    fetch()

    assert state() == FeedState.REFUSED
    assert FeedAccess.objects.get().last_error
    assert SeriesValue.objects.count() == 0
    assert set(FeedRequest.objects.values_list("status", flat=True)) == {"refused"}


def test_an_answer_cut_off_is_an_outage(operator_a: Operator, scene: Scene) -> None:
    scene.configure()
    scene.fake.forced = Answer(200, b"{", close=True)

    fetch()

    assert state() == FeedState.UNREACHABLE
    assert "no whole answer" in FeedAccess.objects.get().last_error


def test_a_refused_token_stops_the_feed_until_it_is_changed(
    operator_a: Operator, scene: Scene
) -> None:
    scene.configure()
    scene.fake.forced = Answer(401)
    fetch()
    calls = scene.calls

    fetch(NOW + MINUTE)

    assert state() == FeedState.UNAUTHORISED
    assert scene.calls == calls
    scene.fake.forced = None
    access = FeedAccess.objects.get()
    assert access.paused_until is not None
    fetch(access.paused_until + 15 * MINUTE)
    assert state() == FeedState.WORKING


def test_two_tasks_at_once_ask_once(
    live_operators: tuple[Operator, Operator], scene: Scene
) -> None:
    with operator_context("guadeloupe"):
        scene.configure()
    barrier = Barrier(3)

    def work() -> None:
        try:
            with operator_context("guadeloupe"):
                barrier.wait(20)
                fetch()
        finally:
            connections.close_all()

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    with operator_context("guadeloupe"):
        requests = FeedRequest.objects.count()
        assert FeedCall.objects.count() == requests
        # One call a request, but for the 49 files of a run.
        expected = 49 if scene.feed == Feed.METEO_FRANCE else requests
        assert scene.calls == expected
        for series in Series.objects.all():
            starts = series.values.values_list("start", flat=True)
            assert len(starts) == len(set(starts))


def test_two_operators_have_their_own_access_and_values(
    operator_a: Operator, operator_b: Operator, scene: Scene
) -> None:
    scene.configure()
    with operator_context("martinique"):
        if scene.token:
            scene.configure(token="wrong-token-99887766")

        fetch()

        assert SeriesValue.objects.count() == 0
        if scene.token:
            assert state() == FeedState.UNAUTHORISED

    fetch()
    assert state() == FeedState.WORKING
    assert SeriesValue.objects.count() > 0
    with operator_context("martinique"):
        assert SeriesValue.objects.count() == 0
        assert ImportedDocument.objects.count() == 0


def test_a_token_is_in_no_log_row_page_or_document(
    operator_a: Operator, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    if not scene.token:
        pytest.skip("the feed has no token")
    caplog.set_level(logging.DEBUG)
    scene.configure()
    answers = (Answer(401), Answer(429), Answer(500), Answer(200, b"x"), Answer(200, close=True))
    for number, answer in enumerate((*answers, None)):
        scene.fake.forced = answer
        FeedAccess.objects.update(paused_until=None)
        FeedRequest.objects.update(next_attempt_at=NOW)
        FeedCall.objects.update(at=NOW - timedelta(days=2))
        fetch(NOW + number * MINUTE)
    assert state() == FeedState.WORKING

    told = [caplog.text]
    for model in (FeedCall, FeedRequest, ImportedDocument, Series):
        told.append(str(list(model._default_manager.values())))
    told.append(str(list(FeedAccess.objects.values("base_url", "settings", "last_error"))))
    told += [bytes(raw).decode() for raw in ImportedDocument.objects.values_list("raw", flat=True)]
    told += _admin_pages()
    assert [words for words in told if scene.token in words] == []


def _admin_pages() -> list[str]:
    user: User = user_ensure(username="root", password="secret", is_superuser=True)  # noqa: S106
    client = Client(headers={"host": "guadeloupe.localhost"})
    client.force_login(user)
    paths = ["feedaccess", "feedrequest", "feedcall", "importeddocument", "series"]
    paths.append(f"feedaccess/{FeedAccess.objects.get().pk}/change")
    paths.append(f"importeddocument/{ImportedDocument.objects.latest('pk').pk}/change")
    answers = [client.get(f"/admin/markets/{path}/") for path in paths]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.content.decode() for answer in answers]
