from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import transaction

from cariflex.common.events import Event, publish, subscribe, unsubscribe


@dataclass(frozen=True)
class LampLit(Event):
    lamp: int


@pytest.fixture
def seen() -> Iterator[list[LampLit]]:
    events: list[LampLit] = []
    subscribe(LampLit, events.append)
    yield events
    unsubscribe(LampLit, events.append)


@pytest.mark.django_db
def test_an_event_waits_for_the_commit(
    seen: list[LampLit], django_capture_on_commit_callbacks: object
) -> None:
    with (
        django_capture_on_commit_callbacks(execute=True),  # type: ignore[operator]
        transaction.atomic(),
    ):
        publish(LampLit("guadeloupe", 1))
        assert seen == []

    assert seen == [LampLit("guadeloupe", 1)]


@pytest.mark.django_db
def test_a_rolled_back_event_is_never_seen(
    seen: list[LampLit], django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        with transaction.atomic():
            publish(LampLit("guadeloupe", 1))
            transaction.set_rollback(True)
        assert seen == []

    assert seen == []


@pytest.mark.django_db
def test_one_subscribers_fault_does_not_hide_the_event_from_others(
    seen: list[LampLit],
    django_capture_on_commit_callbacks: object,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(event: LampLit) -> None:
        raise RuntimeError("broken")

    subscribe(LampLit, broken)
    try:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            publish(LampLit("martinique", 2))
    finally:
        unsubscribe(LampLit, broken)

    assert seen == [LampLit("martinique", 2)]
    assert "event subscriber failed event=LampLit" in caplog.text
