"""Readings of one sensor: pages, resolutions, and the same as CSV."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.assets.api.series_csv import series_csv
from apps.assets.models import HourRollup, QuarterRollup, Sensor
from apps.assets.selectors import api as selectors
from apps.assets.services import ReadingRow, readings_store
from apps.tenants.context import operator_context
from tests.assets.api.conftest import API, caller, sensor_of
from tests.assets.conftest import battery_make

pytestmark = pytest.mark.usefixtures("operators")
AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DAY = "start=2026-03-10T00:00:00Z&end=2026-03-11T00:00:00Z"


@pytest.fixture
def sensor() -> Sensor:
    return sensor_of(battery_make())


def store(sensor: Sensor, *values: float, start: datetime = AT, step_s: float = 2) -> None:
    readings_store(
        [
            ReadingRow(sensor.pk, start + timedelta(seconds=n * step_s), value)
            for n, value in enumerate(values)
        ]
    )


def pages(client: Client, address: str) -> Iterator[dict[str, Any]]:
    url = f"{API}/{address}"
    while url:
        reply = client.get(url)
        assert reply.status_code == 200, reply.content
        yield reply.json()
        url = reply.json()["next"]


def text_of(reply: Any) -> str:
    return b"".join(reply.streaming_content).decode()


def test_raw_readings_of_a_half_open_range(sensor: Sensor) -> None:
    store(sensor, 1.5, float("nan"), 200.0, 3.0)

    body = (
        caller(Role.ANALYST)
        .get(
            f"{API}/readings?sensor={sensor.pk}&start=2026-03-10T12:00:00Z&end=2026-03-10T12:00:06Z"
        )
        .json()
    )

    assert body["results"] == [
        {"at": "2026-03-10T12:00:00Z", "value": 1.5, "quality": "good"},
        {"at": "2026-03-10T12:00:02Z", "value": None, "quality": "bad"},
        {"at": "2026-03-10T12:00:04Z", "value": 200.0, "quality": "good"},
    ]
    assert body["next"] is None
    assert (body["sensor"]["device"], body["sensor"]["unit"]) == ("bat-01", "kW")


def test_a_sensor_is_named_by_device_quantity_and_channel_too(sensor: Sensor) -> None:
    store(sensor, 1.5)
    client = caller(Role.ANALYST)

    by_name = client.get(f"{API}/readings?device=bat-01&quantity=power_kw&{DAY}").json()
    with_channel = client.get(f"{API}/readings?device=bat-01&quantity=power_kw&channel=l1&{DAY}")

    assert by_name == client.get(f"{API}/readings?sensor={sensor.pk}&{DAY}").json()
    assert with_channel.status_code == 404


def test_a_range_in_local_time_is_the_same_range(sensor: Sensor) -> None:
    store(sensor, 1.5)

    body = (
        caller(Role.ANALYST)
        .get(
            f"{API}/readings?sensor={sensor.pk}"
            "&start=2026-03-10T08:00:00-04:00&end=2026-03-10T08:00:01-04:00"
        )
        .json()
    )

    assert [row["at"] for row in body["results"]] == ["2026-03-10T12:00:00Z"]


def test_pages_stay_put_while_readings_are_inserted_before_and_behind(sensor: Sensor) -> None:
    store(sensor, *range(10), step_s=0.000_7)
    client = caller(Role.ANALYST)

    seen: list[float] = []
    for n, page in enumerate(pages(client, f"readings?sensor={sensor.pk}&{DAY}&limit=3")):
        seen += [row["value"] for row in page["results"]]
        # One in front of everything, one at the very end.
        store(sensor, 100.0 + n, start=AT - timedelta(hours=1, seconds=n))
        if n == 0:
            store(sensor, 10.0, start=AT + timedelta(seconds=1))

    assert seen == [float(n) for n in range(11)]


def test_a_page_of_ten_thousand_costs_as_many_queries_as_a_page_of_ten(sensor: Sensor) -> None:
    store(sensor, *([1.0] * 12_000), step_s=1)
    client = caller(Role.ANALYST)
    address = f"{API}/readings?sensor={sensor.pk}&{DAY}"
    client.get(address)

    def selects(limit: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(f"{address}&limit={limit}").json()["results"]) == limit
        return sum(q["sql"].lstrip().upper().startswith("SELECT") for q in queries)

    assert selects(10_000) == selects(10) <= 5


def rollup_make(model: Any, sensor: Sensor, start: datetime, mean: float | None) -> None:
    model(
        sensor_id=sensor.pk,
        start=start,
        mean=mean,
        minimum=mean,
        maximum=mean,
        energy_kwh=None if mean is None else mean / 4,
        count=0 if mean is None else 450,
        bad_count=0,
        coverage=0.0 if mean is None else 1.0,
    ).save(force_insert=True)


def test_roll_ups_leave_a_gap_where_nothing_was_measured(sensor: Sensor) -> None:
    rollup_make(QuarterRollup, sensor, AT, 10.0)
    rollup_make(QuarterRollup, sensor, AT + timedelta(minutes=30), None)
    rollup_make(QuarterRollup, sensor, AT + timedelta(days=1), 5.0)

    body = (
        caller(Role.ANALYST).get(f"{API}/readings?sensor={sensor.pk}&{DAY}&resolution=15m").json()
    )

    assert body["resolution"] == "15m"
    assert body["results"] == [
        {
            "start": "2026-03-10T12:00:00Z",
            "mean": 10.0,
            "minimum": 10.0,
            "maximum": 10.0,
            "energy_kwh": 2.5,
            "count": 450,
            "bad_count": 0,
            "coverage": 1.0,
        },
        {
            "start": "2026-03-10T12:30:00Z",
            "mean": None,
            "minimum": None,
            "maximum": None,
            "energy_kwh": None,
            "count": 0,
            "bad_count": 0,
            "coverage": 0.0,
        },
    ]


def test_roll_ups_are_paged_by_their_start(sensor: Sensor) -> None:
    for hour in range(5):
        rollup_make(HourRollup, sensor, AT + timedelta(hours=hour), float(hour))

    seen = [
        row["mean"]
        for page in pages(
            caller(Role.ANALYST), f"readings?sensor={sensor.pk}&{DAY}&resolution=1h&limit=2"
        )
        for row in page["results"]
    ]

    assert seen == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("resolution", ["raw", "1h"])
def test_csv_and_json_say_the_same(sensor: Sensor, resolution: str) -> None:
    store(sensor, 0.1, 1 / 3, float("inf"), -2.0, step_s=0.25)
    for hour in range(3):
        rollup_make(HourRollup, sensor, AT + timedelta(hours=hour), hour / 3)
    client = caller(Role.ANALYST)
    address = f"{API}/readings?sensor={sensor.pk}&{DAY}&resolution={resolution}"

    rows = client.get(address).json()["results"]
    reply = client.get(address, headers={"accept": "text/csv"})

    lines = list(csv.reader(io.StringIO(text_of(reply))))
    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="bat-01-power_kw-20260310.csv"' in reply["Content-Disposition"]
    if resolution == "raw":
        assert lines[0] == ["at", "power_kw", "quality"]
    else:
        assert lines[0][:4] == ["start", "power_kw_mean", "power_kw_minimum", "power_kw_maximum"]
    assert len(lines) - 1 == len(rows) > 2
    for line, row in zip(lines[1:], rows, strict=True):
        assert line == ["" if value is None else str(value) for value in row.values()]


def test_csv_has_the_whole_range_whatever_the_limit(sensor: Sensor) -> None:
    store(sensor, *range(50))

    reply = caller(Role.ANALYST).get(f"{API}/readings?sensor={sensor.pk}&{DAY}&format=csv&limit=10")

    assert len(text_of(reply).splitlines()) == 51


def test_csv_is_made_piece_by_piece_as_it_is_sent(
    sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "_EXPORT_ROWS", 10)
    store(sensor, *range(35))
    query = {"start": AT, "end": AT + timedelta(days=1), "resolution": "raw"}
    pieces = series_csv(sensor, query)

    with CaptureQueriesContext(connection) as queries:
        head, first = next(pieces), next(pieces)

    assert head == b"at,power_kw,quality\n"
    assert len(first.splitlines()) == 10
    assert sum("assets_reading" in q["sql"] for q in queries) == 1
    assert [len(piece.splitlines()) for piece in pieces] == [10, 10, 5]


def test_csv_that_is_sent_late_is_still_its_operators(sensor: Sensor) -> None:
    """The pieces are made when the thread may be at another operator's."""
    store(sensor, 1.0, 2.0)
    query = {"start": AT, "end": AT + timedelta(days=1), "resolution": "raw"}
    pieces = series_csv(sensor, query)

    with operator_context("martinique"):
        text = b"".join(pieces).decode()

    assert text.splitlines()[1:] == [
        "2026-03-10T12:00:00Z,1.0,good",
        "2026-03-10T12:00:02Z,2.0,good",
    ]


def test_the_same_sensor_id_is_another_sensor_at_another_operator(sensor: Sensor) -> None:
    store(sensor, 1.0)

    reply = caller(Role.ANALYST, "martinique").get(f"{API}/readings?sensor={sensor.pk}&{DAY}")

    assert reply.status_code == 404
