from datetime import UTC, datetime, timedelta

import pytest

from cariflex.common.time import Interval, format_rfc3339, parse_rfc3339

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-10T12:00:00Z",
        "2026-03-10T08:00:00-04:00",
        "2026-03-10T12:00:00.000Z",
        "2026-03-10T12:00:00",
    ],
)
def test_all_forms_of_one_instant_are_equal(text: str) -> None:
    assert parse_rfc3339(text) == NOON


@pytest.mark.parametrize("text", ["2026-03-10", "noon", "", "2026-13-10T12:00:00Z"])
def test_what_is_no_date_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_rfc3339(text)


def test_milliseconds_are_written_only_when_there_are_any() -> None:
    assert format_rfc3339(NOON) == "2026-03-10T12:00:00Z"
    assert format_rfc3339(NOON + timedelta(milliseconds=5)) == "2026-03-10T12:00:00.005Z"


def test_intervals_that_touch_do_not_overlap() -> None:
    hour = timedelta(hours=1)
    first = Interval(NOON, NOON + hour)
    second = Interval(NOON + hour, NOON + 2 * hour)

    assert first.overlap(second) == timedelta(0)
    assert first.contains(NOON)
    assert not first.contains(NOON + hour)


def test_an_interval_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="end must not be before start"):
        Interval(NOON, NOON - timedelta(seconds=1))
