"""The roller with real commits: killed midway, twice at once, while readings are stored."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from apps.assets.models import HourRollup, MinuteRollup, RollupDue, Sensor
from apps.assets.services import ReadingRow, readings_store, rollups, rollups_update
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.assets.conftest import battery_make
from tests.assets.rollups import assert_rollups_are_right

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def sensors_make() -> list[int]:
    battery_make()
    return list(Sensor.objects.order_by("pk").values_list("pk", flat=True))


def store(sensors: list[int], minute: int) -> None:
    """A minute's readings of all sensors, ten seconds apart."""
    start = AT + timedelta(minutes=minute)
    readings_store(
        [
            ReadingRow(sensor, start + timedelta(seconds=10 * n), 10.0 + minute + 0.1 * n)
            for sensor in sensors
            for n in range(6)
        ]
    )


def test_a_roller_that_is_killed_midway_has_done_nothing(
    guadeloupe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its minutes were written, then it died: neither they nor the deletion of what is due stay."""
    sensors = sensors_make()
    store(sensors, 0)

    class Killed(Exception):
        pass

    def die(*_arguments: object) -> None:
        assert MinuteRollup.objects.count() == len(sensors)
        raise Killed

    monkeypatch.setattr(rollups, "widened", die)
    with pytest.raises(Killed):
        rollups_update(now=AT)
    monkeypatch.undo()

    assert MinuteRollup.objects.count() == 0
    assert RollupDue.objects.count() == 1
    rollups_update(now=AT)
    assert RollupDue.objects.count() == 0
    assert_rollups_are_right()


def test_a_second_roller_leaves_at_once(guadeloupe: str) -> None:
    store(sensors_make(), 0)
    rolling, done = threading.Event(), threading.Event()
    counts: list[int] = []

    def hold() -> None:
        try:
            with operator_context("guadeloupe"), connection.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute(
                    "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))",
                    [rollups._ROLLUPS_LOCK],
                )
                rolling.set()
                done.wait(20)
                cursor.execute("COMMIT")
        finally:
            connection.close()

    first = threading.Thread(target=hold)
    first.start()
    try:
        assert rolling.wait(10)
        counts.append(rollups_update(now=AT))
        with operator_context("martinique"):
            store(sensors_make(), 0)
            counts.append(rollups_update(now=AT))
    finally:
        done.set()
        first.join(10)
    counts.append(rollups_update(now=AT))

    assert counts == [0, 1, 1], "not ours while it is held; another operator's; ours after"


def test_nothing_is_missed_while_rollers_and_stores_race(
    live_operators: tuple[Operator, Operator],
) -> None:
    """Two rollers beside two writers of the same sensors, one of them repeating the other."""
    failures: list[BaseException] = []
    stop = threading.Event()
    with operator_context("guadeloupe"):
        sensors = sensors_make()

    def write() -> None:
        for minute in [*range(8), *range(3)]:
            store(sensors, minute)

    def roll() -> None:
        while not stop.is_set():
            rollups_update(now=AT)
            stop.wait(0.01)

    def guarded(work: object) -> None:
        try:
            with operator_context("guadeloupe"):
                work()  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - shown by the test
            failures.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=guarded, args=(write,)) for _ in range(2)]
    rollers = [threading.Thread(target=guarded, args=(roll,)) for _ in range(2)]
    for thread in (*writers, *rollers):
        thread.start()
    for thread in writers:
        thread.join(60)
    stop.set()
    for thread in rollers:
        thread.join(30)

    assert failures == []
    with operator_context("guadeloupe"):
        rollups_update(now=AT)
        assert RollupDue.objects.count() == 0
        assert HourRollup.objects.count() == len(sensors)
        assert_rollups_are_right()
